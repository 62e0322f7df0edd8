"""Rows 20 and 21: a stolen broker credential opens nothing; a crash around the relay opens at most once."""

import asyncio
import json
import secrets
from typing import Any

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.command import CommandDesk, make_command, wire
from edge_agent.city.store import CityStore, KnownGateway
from edge_agent.contract import topics
from edge_agent.contract.envelope import source_of
from edge_agent.contract.signatures import PrivateKey, load_private, new_key
from tests.faults import oracle
from tests.faults.child import PULSE_POINTS
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.faults.thief import Thief
from tests.waiting import auntil

DOOR = "north-gate"
HOSTILE = (
    "replay", "retained", "stale", "wrong_gateway", "bad_signature", "old_boot", "counter_reuse", "lives_too_long",
    "wrong_key", "truncated", "late_order",
)  # fmt: skip
REFUSALS_A_MINUTE = 30


class Desk:
    """The city's command desk: the only one with the key."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.store = CityStore(lab.city_db)
        self.key: PrivateKey = load_private(lab.folder / "city/keys/city-command.key")
        self._desk = CommandDesk(self.store, BrokerAddress(lab.broker.url), self.key, "duty-officer")

    async def knows(self, gateway: Gateway) -> KnownGateway:
        """What the last birth said; waited for after a start."""
        started_ms = oracle.wall_ms(gateway.agent.started_ns)

        def known() -> KnownGateway | None:
            found = self.store.gateway(source_of(gateway.id))
            return found if found is not None and found.heard_ms >= started_ms else None

        found = await auntil(known, 30, f"the birth of {gateway.id}")
        assert found is not None
        return found

    async def open(self, gateway: Gateway) -> str:
        """Send a valid command; its id."""
        await self.knows(gateway)
        command = self._desk.make(gateway.id, "open", DOOR)
        gateway.ledger.command(command.id)
        await self._desk.send(command)
        return command.id

    def make(self, known: KnownGateway, key: PrivateKey | None = None, **more: Any) -> bytes:
        """A command nobody of the city has sent."""
        counter = more.pop("counter", None) or self.store.next_counter()
        return wire(make_command(known, "open", DOOR, {}, "thief", key or self.key, counter, **more))

    def close(self) -> None:
        self.store.close()


def outcomes(lab: Lab, gateway: Gateway, *tags: str) -> list[dict[str, Any]]:
    return [event.data for event in oracle.stored(lab.city_db, gateway.id) if event.tag in tags]


async def finished(lab: Lab, gateway: Gateway, id: str, *tags: str) -> None:
    await auntil(
        lambda: any(data.get("command") == id for data in outcomes(lab, gateway, *tags)), 30, f"{tags} of {id}"
    )


@row(20, "commands replayed, stale, forged, reordered", part="a", quick=11, sample=44, full=1000, batch=22)
async def hostile_commands(lab: Lab, count: int) -> None:
    await lab.open(gateways=2)
    gateway, other = lab.gateways
    desk = Desk(lab)
    lab.last_thing(desk.close)
    thief = await Thief.connected(lab.broker, topics.down("+", "cmd"))
    done = await desk.open(gateway)
    await finished(lab, gateway, done, "command.completed")
    recorded = thief.heard[-1].payload  # a real one, signed by the city and carried out
    await auntil(gateway.openings, 10, "the gate to say that the city opened it")
    await gateway.shut()
    known, elsewhere = await desk.knows(gateway), await desk.knows(other)
    mark, refused = len(gateway.gate.lines), 0
    for number in range(count):
        kind = HOSTILE[(lab.seed + number) % len(HOSTILE)]
        payload, retain = _hostile(kind, desk, known, elsewhere, recorded, lab)
        await thief.publish(topics.down(gateway.id, "cmd"), payload, retain)
        refused += 1
        target = min(refused, REFUSALS_A_MINUTE)
        await auntil(
            lambda target=target: len(outcomes(lab, gateway, "command.refused")) >= target, 20,  # type: ignore[misc]
            f"the refusal of {kind}",
        )  # fmt: skip
        if retain:
            await thief.publish(topics.down(gateway.id, "cmd"), b"", True)
            refused += 1
        lab.count()
    await thief.close()
    await asyncio.sleep(0.5)  # the gate has been heard
    lab.check(not gateway.openings(mark), f"{len(gateway.openings(mark))} openings by a thief")


def _hostile(
    kind: str, desk: Desk, known: KnownGateway, elsewhere: KnownGateway, recorded: bytes, lab: Lab
) -> tuple[bytes, bool]:
    """(payload, retained). Whatever needs the city's key was recorded from it earlier, or made for something else."""
    match kind:
        case "replay":
            return recorded, False
        case "retained":
            return recorded, True
        case "stale":
            return desk.make(known, now_ms=known.heard_ms - 120_000, ttl_s=-120), False
        case "late_order":  # two were recorded, the later one was carried out: the earlier comes after it
            return desk.make(known, counter=1), False
        case "wrong_gateway":
            return desk.make(elsewhere), False
        case "bad_signature":
            return _changed(desk.make(known), door="south-gate"), False
        case "old_boot":
            return _resigned(desk, desk.make(known), boot_id="ab" * 16), False
        case "counter_reuse":
            return desk.make(known, counter=json.loads(recorded)["counter"]), False
        case "lives_too_long":
            return _resigned(desk, desk.make(known), not_after_up_ms=2**50), False
        case "wrong_key":
            return desk.make(known, new_key()), False
        case _:
            return recorded[: lab.rng.randrange(1, len(recorded))], False


def _changed(payload: bytes, **more: Any) -> bytes:
    return json.dumps({**json.loads(payload), **more}, sort_keys=True, separators=(",", ":")).encode()


def _resigned(desk: Desk, payload: bytes, **more: Any) -> bytes:
    from edge_agent.contract.messages import seal

    return seal({**json.loads(payload), **more}, desk.key)


@row(20, "command flood", part="b", sample=10_000, full=100_000, batch=100_000)
async def flood(lab: Lab, count: int) -> None:
    """As fast as the broker takes them, all forged: the door goes on, the journal does not fill."""
    await lab.open()
    gateway = lab.gateways[0]
    desk = Desk(lab)
    lab.last_thing(desk.close)
    known = await desk.knows(gateway)
    thief = await Thief.connected(lab.broker)
    payload, before = desk.make(known, new_key()), len(gateway.ledger.accepted)
    for number in range(count):
        thief.throw(topics.down(gateway.id, "cmd"), payload)
        if number % 500 == 0:
            await asyncio.sleep(0.05)  # the wire's share of the two cores
    lab.done = count
    since = len(gateway.ledger.reads)
    gateway.show_card()
    await gateway.served(since=since)
    await thief.close()
    real = await desk.open(gateway)
    await finished(lab, gateway, real, "command.completed")
    grown = len(gateway.ledger.accepted) - before
    lab.note(rows_in_the_journal=grown)
    lab.check(grown < 60 + REFUSALS_A_MINUTE, f"{grown} rows of a flood")


@row(21, "SIGKILL around the relay of a command", quick=2, sample=8, full=100)
async def killed_around_the_pulse(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    desk = Desk(lab)
    lab.last_thing(desk.close)
    for number in range(count):
        await gateway.kill()
        point = PULSE_POINTS[(lab.seed + number) % len(PULSE_POINTS)]
        await gateway.start(f"{point}:1:kill")
        await gateway.shut()
        await asyncio.sleep(0.5)  # the gate has been heard
        mark = len(gateway.gate.lines)
        id = await desk.open(gateway)
        await auntil(lambda: not gateway.agent.running, 20, f"to be killed at {point}")
        await gateway.agent.ended()
        await gateway.start()
        await finished(lab, gateway, id, "command.unknown", "command.completed")
        await gateway.ready()
        pulses = len(gateway.openings(mark))
        lab.check(pulses <= 1, f"{pulses} pulses for one command")
        lab.check(secrets.compare_digest(point, "pulse.before") or pulses == 1, "no pulse although it was sent")
        told = outcomes(lab, gateway, "command.unknown")
        lab.check(any(data["command"] == id for data in told), "the outcome was not called unknown")
        lab.count()
