"""OSDP: card → decision for 1, 8 and 16 readers on one bus, against libosdp's own panel in the same run.

The devices are simulated by hand in another process on a pty (edge_agent/sim/osdp_board.py, which answers within a
millisecond), secure channel on; a pty carries bytes at once, where 9600 baud adds some 20 ms to each poll, to either
side alike. Values are ms from the card shown to the callback (the library refreshed each 5 ms) and to the decision
(core.decide, over 500 people), so the wait for the poll is in them. Then: 200 cards queued in one reader, and a reader
that never pauses, each with what its neighbours feel of it.
"""

import asyncio
import json
import os
import platform
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from osdp import Event, LibFlag, LogLevel, PDInfo

from bench.card import BarePanel, SerialChannel, percentile
from bench.decide import NOW, book_of, people, places
from edge_agent.core.decide import decide
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.osdp import OsdpBus
from edge_agent.drivers.profiles import load_profile
from edge_agent.model.decisions import Attempt
from edge_agent.model.reads import Card, Read
from edge_agent.model.site import Policy, Terminal

ROUNDS = 3
CARDS = int(os.environ.get("CARDS", "100"))
PROFILE = load_profile("readers/osdp-generic")


class Bus:
    """The simulated devices; `show` says when (monotonic ns) the card was shown."""

    def __init__(self, path: Path, key: bytes, count: int) -> None:
        self.path, self.key, self.count = path, key, count
        self._child = subprocess.Popen(
            [sys.executable, "-m", "edge_agent.sim.osdp_board", "--pty", str(path), "--key", key.hex(),
             "--count", str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.shown: dict[int, int] = {}  # card number: when
        self.secure: set[int] = set()
        self._ready = threading.Event()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self._ready.wait(10)

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            fact: dict[str, Any] = json.loads(line)
            if "card" in fact:
                self.shown[fact["card"]["raw"]] = fact["t_ns"]
            elif fact.get("sc"):
                self.secure.add(fact["address"])
            elif "ready" in fact:
                self._ready.set()

    def tell(self, **order: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()

    def show(self, address: int, raw: int) -> None:
        self.tell(do="card", address=address, bits=26, raw=raw)

    def end(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait(5)
        self._listener.join(5)


@contextmanager
def devices(count: int) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        bus = Bus(Path(folder) / "bus", secrets.token_bytes(16), count)
        try:
            yield bus
        finally:
            bus.end()


Arrived = dict[int, int]  # card number: when (monotonic ns) it was known
Story = Callable[[Bus, Arrived], Awaitable[list[float]]]


class Standstill(Exception):
    """A reader was given up, or a card was lost with its reply: an answer came later than 200 ms on a busy machine."""


async def until(condition: Callable[[], object], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Standstill
        await asyncio.sleep(0.0005)


def bare(count: int, story: Story) -> list[float]:
    """libosdp's panel, refreshed each 5 ms in a thread of its own, with a callback that takes the time."""
    arrived: Arrived = {}

    def callback(index: int, event: dict[str, Any]) -> int:
        if event["event"] == Event.CardRead:
            arrived[int.from_bytes(event["data"], "big") >> 6] = time.monotonic_ns()
        return 0

    with devices(count) as bus:
        wire = SerialChannel(str(bus.path))
        wire.id = 1
        flags = [LibFlag.EnforceSecure]
        panel = BarePanel(
            [PDInfo(address, wire, scbk=bus.key, flags=flags) for address in range(1, count + 1)],
            log_level=LogLevel.Critical, event_handler=callback,
        )  # fmt: skip
        panel.start()
        try:
            return asyncio.run(_told(bus, arrived, story, lambda: len(bus.secure) == count))
        finally:
            panel.stop()


def ours(count: int, story: Story) -> list[float]:
    """The driver, and behind it the decision."""
    arrived: Arrived = {}
    persons, known = people(500, 5000)
    book, place, policy = book_of(persons, known), places()[0], Policy()

    def deliver(read: Read) -> None:
        if isinstance(read.credential, Card):
            decide(Attempt(read), book, place, NOW, policy)
            arrived[read.credential.raw] = time.monotonic_ns()

    async def both(bus: Bus) -> list[float]:
        readers = [
            (Terminal(name=f"r{n}", profile=PROFILE.id, link="l", door="d", address=n), PROFILE, bus.key)
            for n in range(1, count + 1)
        ]
        driver = OsdpBus(
            "sim://bus", readers, SystemClock(), deliver, print, bus.path.parent,
        )  # fmt: skip
        job = asyncio.ensure_future(driver.run(lambda: None))
        try:
            return await _told(bus, arrived, story, lambda: all(driver.usable(f"r{n + 1}") for n in range(count)))
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    with devices(count) as bus:
        return asyncio.run(both(bus))


async def _told(bus: Bus, arrived: Arrived, story: Story, ready: Callable[[], bool]) -> list[float]:
    await until(ready)
    await asyncio.sleep(0.5)
    return await story(bus, arrived)


async def one_by_one(bus: Bus, arrived: Arrived, first: int = 1, cards: int = CARDS) -> list[float]:
    """One card after the other, at the readers in turn; ms from shown to known."""
    took, chance = [], random.Random(417)
    for raw in range(10_000, 10_000 + cards):
        bus.show(first + raw % (bus.count - first + 1), raw)
        await until(lambda raw=raw: raw in arrived and raw in bus.shown, 5)  # type: ignore[misc]
        took.append((arrived[raw] - bus.shown[raw]) / 1e6)
        await asyncio.sleep(chance.uniform(0, 0.06))  # a poll is due each 50 ms: cards must not fall in step with it
    return took


async def queue_of_200(bus: Bus, arrived: Arrived) -> list[float]:
    """200 cards wait in the first reader; meanwhile its neighbours' cards, and at the end the whole time in ms."""
    for raw in range(200):
        bus.show(1, raw)
    began = time.monotonic()
    took = await one_by_one(bus, arrived, first=2, cards=40)
    await until(lambda: all(raw in arrived for raw in range(200)))
    assert list(arrived).index(199) > list(arrived).index(0)
    return [*took, (time.monotonic() - began) * 1000]


async def beside_a_flood(bus: Bus, arrived: Arrived) -> list[float]:
    """The first reader has a card at each poll; what its neighbours' cards take."""
    bus.tell(do="flood", address=1, every_ms=10)
    await asyncio.sleep(0.5)
    return await one_by_one(bus, arrived, first=2, cards=100)


async def beside_nobody(bus: Bus, arrived: Arrived) -> list[float]:
    return await one_by_one(bus, arrived, first=2, cards=100)


def measured(how: Callable[[int, Story], list[float]], count: int, story: Story) -> list[float]:
    """Begun anew when the bus stood still: libosdp alone would wait for 300 s."""
    for _ in range(5):
        try:
            return how(count, story)
        except Standstill:
            print(f"  (once more: {how.__name__}, {count} readers, stood still)")
    raise Standstill


def row(what: str, values: list[float], against: list[float] | None = None) -> str:
    median, p99 = statistics.median(values), percentile(values, 99)
    ratio = "" if against is None else f"{median / statistics.median(against):>8.2f}×"
    return f"{what:<44}{median:>9.1f}{p99:>9.1f}{ratio}"


def main() -> None:
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"\n{'card shown → known, ms':<44}{'median':>9}{'p99':>9}{'ratio':>9}")
    for count in (1, 8, 16):
        library = measured(bare, count, one_by_one)
        print(row(f"{count:>2} readers, libosdp alone, 5 ms loop", library))
        print(row(f"{count:>2} readers, driver and decision", measured(ours, count, one_by_one), library))
    *library, library_ms = measured(bare, 4, queue_of_200)
    *mine, mine_ms = measured(ours, 4, queue_of_200)
    print(row("neighbours of 200 queued cards, libosdp alone", library))
    print(row("neighbours of 200 queued cards, driver", mine, library))
    print(f"{'200 queued cards, s: libosdp alone, driver':<44}{library_ms / 1000:>9.1f}{mine_ms / 1000:>9.1f}")
    quiet: list[float] = []
    flooded: list[float] = []
    for _ in range(ROUNDS):  # in turns: a machine that is busy with something else is so for both
        quiet += measured(ours, 4, beside_nobody)
        flooded += measured(ours, 4, beside_a_flood)
    print(row("beside a reader that is quiet, driver", quiet))
    print(row("beside a reader with a card at each poll", flooded, quiet))


if __name__ == "__main__":
    main()
