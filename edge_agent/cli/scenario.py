"""The scripted scenario of `demo --once`: eight steps on real processes, each with its measured latency and verdict.

A step says what it saw or raises Failed (waiting.py). Times are CLOCK_MONOTONIC, which all
processes of one machine share.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import click

from edge_agent.city.reading import CityReader, Stored
from edge_agent.cli.speech import words
from edge_agent.cli.waiting import Failed, until, when_open
from edge_agent.errors import StoreError
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.sim.estate import DOOR, EXPIRED_CARD, GATEWAY, RESIDENT_CARD, RESIDENTS, UNKNOWN_CARD, Estate
from edge_agent.sim.process import Line
from edge_agent.store.accepted import follow_accepted

BUSY_EVERY_S = 0.1
WAITS_S = 10.0  # so long somebody stands before the camera; who was decided on goes
AGAIN_S = 2.0  # from a kill or a cable until the next card works
QUIET_S = 0.4  # longer than the window in which a reader's late deliveries count as stale
SOURCE = f"urn:sc:gw:{GATEWAY}"


class Stage:
    """The estate as the scenario sees it: present cards, watch the relay, ask the city."""

    def __init__(self, estate: Estate, city: CityReader) -> None:
        self.estate, self.city = estate, city
        self.accepted: list[tuple[int, int]] = []  # (seq, t_ns) in the order they were announced
        self._following: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Until the reader's line is secure and past its stale window, and the city has the start."""
        await self.follow()
        await self.estate.reader.line(lambda line: line.get("sc") is True, timeout=20)
        await self.stored(lambda event: event.tag == "agent.started", "agent.started", timeout=20)
        if self.estate.photos:
            await self.camera_ready()
        await asyncio.sleep(QUIET_S)

    async def camera_ready(self) -> None:
        """The vision child has loaded its engine."""
        log = self.estate.logs / "agent.log"
        await until(lambda: "camera north-face ready" in log.read_text("utf-8"), "the face engine", 60)

    async def follow(self) -> None:
        """Read the accepted stream; the ledger of what the agent has promised."""

        listening = asyncio.Event()
        stream = self.estate.state / "run/accepted.sock"

        async def reading() -> None:
            while True:
                try:
                    async for line in follow_accepted(stream, lambda _: listening.set()):
                        self.accepted.append((line.seq, time.monotonic_ns()))
                    return
                except StoreError:  # not there yet, or left behind by the one that was killed
                    await asyncio.sleep(0.01)

        self._following = asyncio.create_task(reading())
        try:
            async with asyncio.timeout(10):
                await listening.wait()
        except TimeoutError:
            raise Failed(f"the agent did not start; see {self.estate.logs / 'agent.log'}") from None

    def card(self, entry: str) -> None:
        card = parse_entry(entry, "H10301")
        self.estate.reader.tell(do="card", bits=card.bits, raw=card.raw)

    def delivered(self) -> bool:
        """The reader holds no card back any more."""
        lines = self.estate.reader.lines
        return sum("card" in line for line in lines) == sum("sent" in line for line in lines)

    def mark(self) -> int:
        """How much the gate has said so far."""
        return len(self.estate.gate.lines)

    async def relay(self, after: int, timeout: float = 5.0) -> Line:
        return await self.estate.gate.line(lambda line: line.get("relay") == "on", after, timeout)

    def opened(self, after: int) -> bool:
        return any(line.get("relay") == "on" for line in self.estate.gate.lines[after:])

    def last(self) -> int:
        """The highest seq the city has."""
        return max((event.seq for event in self.city.events(SOURCE)), default=0)

    async def stored(
        self, wanted: Callable[[Stored], bool], what: str, after: int = 0, timeout: float = 10.0
    ) -> Stored:
        """Wait until the city has a wanted event."""
        found: list[Stored] = []

        def arrived() -> bool:
            found.extend(event for event in self.city.events(SOURCE, after) if wanted(event))
            return bool(found)

        await until(arrived, f"{what} in the city's database", timeout)
        return found[0]

    async def settled(self) -> None:
        """The gate is shut again and the city has everything."""

        def quiet() -> bool:
            events = self.city.events(SOURCE)
            doors = [event.tag for event in events if event.tag in {"door.opened", "door.closed"}]
            accepted = max((seq for seq, _ in self.accepted), default=0)
            return (not doors or doors[-1] == "door.closed") and bool(events) and events[-1].seq >= accepted

        await until(quiet, "the gate to shut", 20)

    def close(self) -> None:
        if self._following:
            self._following.cancel()
        self.city.close()


def access(event: Stored, tag: str, **data: Any) -> bool:
    return event.tag == tag and all(event.data.get(key) == value for key, value in data.items())


async def resident_card(stage: Stage) -> str:
    mark, last = stage.mark(), stage.last()
    shown = time.monotonic_ns()
    stage.card(RESIDENT_CARD)
    relay = await stage.relay(mark)
    await stage.stored(lambda event: access(event, "access.granted", person="p-0001", how=["card"]), "the grant", last)
    city_ms = (time.monotonic_ns() - shown) / 1e6
    return words("demo.card_opens", relay=(relay["t_ns"] - shown) / 1e6, city=city_ms)


async def refused(stage: Stage, card: str, reason: str) -> str:
    mark, last = stage.mark(), stage.last()
    shown = time.monotonic()
    stage.card(card)
    await stage.stored(lambda event: access(event, "access.denied", reason=reason), f"the refusal ({reason})", last)
    took_ms = (time.monotonic() - shown) * 1000
    if stage.opened(mark):
        raise Failed("the relay moved")
    return words("demo.refused", reason=words(f"reason.{reason}"), city=took_ms)


async def unknown_card(stage: Stage) -> str:
    return await refused(stage, UNKNOWN_CARD, "unknown_credential")


async def expired_card(stage: Stage) -> str:
    return await refused(stage, EXPIRED_CARD, "credential_expired")


async def resident_face(stage: Stage) -> str:
    mark, last, seen = stage.mark(), stage.last(), len(stage.estate.camera.lines)
    stage.estate.camera.tell(do="show", photo=str(stage.estate.photos["obama2.jpg"]), seconds=WAITS_S)
    shown = await stage.estate.camera.line(lambda line: "shown" in line, seen)
    relay = await stage.relay(mark, timeout=WAITS_S)
    stage.estate.camera.tell(do="leave")
    await stage.stored(lambda event: access(event, "access.granted", person="p-0001", how=["face"]), "the grant", last)
    return words("demo.face_opens", relay=(relay["t_ns"] - shown["t_ns"]) / 1e6)


async def strangers_face(stage: Stage) -> str:
    from edge_agent.cli.traces import biometric_traces, embedding_of

    photo = stage.estate.photos["biden.jpg"]
    mark, last, seen = stage.mark(), stage.last(), len(stage.estate.camera.lines)
    stage.estate.camera.tell(do="show", photo=str(photo), seconds=WAITS_S)
    shown = await stage.estate.camera.line(lambda line: "shown" in line, seen)
    await stage.stored(
        lambda event: access(event, "access.denied", reason="unknown_credential", how=["face"]), "the refusal", last
    )
    took_ms = (time.monotonic_ns() - shown["t_ns"]) / 1e6
    stage.estate.camera.tell(do="leave")
    if stage.opened(mark):
        raise Failed("the relay moved")
    reference = await asyncio.to_thread(embedding_of, photo)
    report = await asyncio.to_thread(biometric_traces, stage.estate.folder, reference)
    if report.found:
        raise Failed(f"traces: {', '.join(report.found)}")
    return words("demo.no_trace", ms=took_ms, files=report.files, kib=report.kib)


def persons(events: list[Stored]) -> list[str]:
    return [event.data["person"] for event in events if event.tag == "access.granted"]


def busy_persons() -> list[str]:
    return [f"p-1{n:03d}" for n in range(RESIDENTS)]


async def broker_killed(stage: Stage) -> str:
    assert stage.estate.broker is not None
    last, before = stage.last(), len(stage.accepted)
    stage.estate.broker.kill()
    for n in range(RESIDENTS):
        stage.card(f"100:{2000 + n}")
        await asyncio.sleep(BUSY_EVERY_S)
    await until(lambda: len(stage.accepted) - before >= RESIDENTS, "the agent to accept 50 reads")
    if stage.last() != last:
        raise Failed("the city got events without a broker")
    await stage.estate.start_broker()
    back = time.monotonic()
    await stage.stored(lambda event: access(event, "access.granted", person=busy_persons()[-1]), "all 50", last, 30)
    took_s = time.monotonic() - back
    got = persons(stage.city.events(SOURCE, last))
    if got != busy_persons():
        raise Failed(f"the city has {len(got)} of {RESIDENTS}, in order: {got == sorted(got)}")
    return words("demo.all_there", count=RESIDENTS, s=took_s)


async def daemon_killed(stage: Stage) -> str:
    agent, last, before = stage.estate.agent, stage.last(), len(stage.accepted)
    offered = 0
    while len(stage.accepted) - before < RESIDENTS // 2 and offered < RESIDENTS:
        stage.card(f"100:{2000 + offered}")
        offered += 1
        await asyncio.sleep(BUSY_EVERY_S)
    agent.kill()
    await agent.ended()
    await asyncio.sleep(0)
    promised = {seq for seq, _ in stage.accepted[before:]}
    killed_at = len(stage.accepted)
    heard = len(stage.estate.reader.lines)
    await agent.start()
    restart_ns = agent.started_ns
    await stage.follow()
    await stage.estate.reader.line(lambda line: line.get("sc") is True, heard)
    await until(stage.delivered, "the reader to deliver what it had buffered")
    await asyncio.sleep(QUIET_S)
    for n in range(offered, RESIDENTS):
        stage.card(f"100:{2000 + n}")
        await asyncio.sleep(BUSY_EVERY_S)
    final = busy_persons()[-1]
    await stage.stored(lambda event: access(event, "access.granted", person=final), "the last of the 50", last, 20)
    events = stage.city.events(SOURCE, last)
    if persons(events)[-(RESIDENTS - offered) :] != busy_persons()[offered:]:
        raise Failed("not every read after the restart was granted")
    if missing := promised - {event.seq for event in events}:
        raise Failed(f"accepted and not stored: {sorted(missing)}")
    if any(event.chain != "ok" for event in events):
        raise Failed("the hash chain is broken")
    again_s = (_first_grant(stage, killed_at) - restart_ns) / 1e9
    if again_s > AGAIN_S:
        raise Failed(f"not within {AGAIN_S:g} s: deciding again after {again_s:.2f} s")
    return words("demo.survived", count=len(promised), s=again_s)


def _first_grant(stage: Stage, killed_at: int) -> int:
    """When the restarted agent accepted its first grant (CLOCK_MONOTONIC ns)."""
    grants = {event.seq for event in stage.city.events(SOURCE) if event.tag == "access.granted"}
    return next((t_ns for seq, t_ns in stage.accepted[killed_at:] if seq in grants), time.monotonic_ns())


async def reader_unplugged(stage: Stage) -> str:
    reader, last = stage.estate.reader, stage.last()
    reader.tell(do="unplug")
    cut = time.monotonic()
    await asyncio.sleep(2)
    mark = stage.mark()
    stage.card(RESIDENT_CARD)
    await stage.stored(lambda event: event.tag == "device.lost", "device.lost", last, 11)
    await asyncio.sleep(max(0.0, cut + 12 - time.monotonic()))
    reader.tell(do="plug")
    plugged = time.monotonic()
    await stage.stored(lambda event: event.tag == "device.back", "device.back", last, 5)
    await asyncio.sleep(max(0.0, plugged + 1.2 - time.monotonic()))
    if stage.opened(mark):
        raise Failed("the card read during the cut opened the gate")
    shown = time.monotonic()
    stage.card(RESIDENT_CARD)
    await stage.relay(mark, timeout=2)
    works_s = time.monotonic() - plugged
    stale = await stage.stored(
        lambda event: access(event, "access.denied", reason="stale_read"), "the stale read", last
    )
    if works_s > AGAIN_S:
        raise Failed(f"not within {AGAIN_S:g} s: the next card works {works_s:.2f} s after the cable is back")
    ms = (time.monotonic() - shown) * 1000
    return words("demo.came_back", seq=stale.seq, s=works_s, ms=ms)


Step = Callable[[Stage], Awaitable[str]]
STEPS: tuple[Step, ...] = (
    resident_card, unknown_card, resident_face, strangers_face, expired_card,
    broker_killed, daemon_killed, reader_unplugged,
)  # fmt: skip
NEED_PHOTOS = (resident_face, strangers_face)


async def play(estate: Estate) -> bool:
    """Play all steps; one line each. True when all hold."""
    assert estate.broker is not None
    click.echo(f"{words('demo.broker')}: {estate.broker.kind}, MQTT {estate.broker.mqtt}; {DOOR}")
    stage: Stage | None = None
    bad = 0
    try:
        stage = Stage(estate, await when_open(lambda: CityReader(estate.city_db), "the city's database"))
        await stage.ready()
        for number, step in enumerate(STEPS, 1):
            bad += not await _one(stage, number, step)
    except Failed as failed:
        click.echo(f"{words('demo.bad')}: {failed}")
        return False
    finally:
        if stage is not None:
            stage.close()
    verdict = "demo.verdict_bad" if bad else "demo.verdict_good"
    click.echo(words(verdict, count=len(STEPS), bad=bad))
    if bad:
        keep_logs(estate)
    return bad == 0


async def _one(stage: Stage, number: int, step: Step) -> bool:
    title = words(f"demo.step{number}")
    started = time.monotonic()
    if step in NEED_PHOTOS and not stage.estate.photos:
        click.echo(f"{number}. {title}: {words('demo.skipped')}")
        return False
    try:
        seen, good = await step(stage), True
    except (Failed, TimeoutError) as failed:
        seen, good = str(failed) or "nothing happened in time", False
    verdict = words("demo.good" if good else "demo.bad")
    click.echo(f"{number}. {title}: {verdict} [{time.monotonic() - started:.1f} s] {seen}")
    try:
        await stage.settled()
    except Failed as failed:
        click.echo(f"   {failed}")
    return good


def keep_logs(estate: Estate) -> None:
    """What the processes said last, for whoever has to find out why."""
    for path in sorted(estate.logs.glob("*.log")):
        tail = path.read_text("utf-8", "replace").splitlines()[-15:]
        click.echo(f"--- {path.name}\n" + "\n".join(tail), err=True)
    lines = {process.name: process.lines[-5:] for process in (estate.reader, estate.gate, estate.camera)}
    click.echo(json.dumps(lines), err=True)
