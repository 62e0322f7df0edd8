"""An OSDP bus with simulated devices written by hand behind it, and doors whose gates are on it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from edge_agent.drivers.osdp import OsdpBus
from edge_agent.drivers.osdp_gate import OsdpGate
from edge_agent.drivers.osdp_orders import status_order
from edge_agent.drivers.profiles import load_profile
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import Profile
from edge_agent.model.reads import Card, Read
from edge_agent.model.site import Door, GateBinding, Terminal
from tests.drivers.rig import Device, UpClock, simulated, with_job
from tests.waiting import auntil

KEY = "0102030405060708090a0b0c0d0e0f10"
CARD = Card(26, 0x0025A69)  # H10301, facility 1, number 11572
READER, BOARD = load_profile("readers/osdp-display"), load_profile("gates/osdp-io")


def terminal(address: int) -> Terminal:
    return Terminal(name=f"r{address}", profile=READER.id, link="l", door=f"d{address}", address=address)


class OsdpBench:
    """`readers`: their addresses. `doors`: name, with the board's address and numbers in its gate."""

    def __init__(
        self, folder: Path, device: Device, readers: tuple[int, ...], doors: tuple[Door, ...], profile: Profile = READER
    ) -> None:
        self.device = device
        self.reads: list[Read] = []
        self.reports: list[DeviceReport] = []
        self.moves: list[GateReport] = []
        clock, key = UpClock(), bytes.fromhex(KEY)
        self.gates = {
            door.name: OsdpGate(door, BOARD, key, clock, self.moves.append, self.reports.append) for door in doors
        }
        self.bus = OsdpBus(
            "sim://bus", [(terminal(address), profile, key) for address in readers], clock,
            self.reads.append, self.reports.append, folder, list(self.gates.values()), self.moves.append,
        )  # fmt: skip
        self.names = [f"r{address}" for address in readers]

    async def usable(self, *names: str, within: float = 10.0) -> None:
        await auntil(lambda: all(self.bus.usable(name) for name in names or self.names), timeout=within)

    async def known(self, *doors: str) -> None:
        """The gate's outputs and inputs were read."""

        def read(door: str) -> bool:
            return {Report.RELAY_OFF, Report.CONTACT_CLOSED} <= set(self.moved(door))

        await auntil(lambda: all(read(door) for door in doors), what=lambda: self.moves)

    def moved(self, door: str) -> list[Report]:
        return [move.report for move in self.moves if move.door == door]

    def states(self, device: str) -> list[str]:
        return [report.state for report in self.reports if report.device == device]

    def ask(self, what: str) -> None:
        """One more question to the first device's outputs or inputs."""
        station = self.bus._stations[0]
        self.bus._give(lambda: station.orders.put(status_order(what, time.monotonic() + 5)))

    def show(self, address: int, raw: int = CARD.raw) -> None:
        self.device.tell("card", address=address, bits=26, raw=raw)

    async def fresh(self, address: int, within: float = 3.0) -> None:
        """A card shown now counts."""
        before = len(self.reads)
        self.show(address)
        await auntil(lambda: any(read.terminal == f"r{address}" for read in self.reads[before:]), timeout=within)
        assert not self.reads[-1].stale

    async def run(self, beat: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as jobs:
            jobs.create_task(self.bus.run(beat))
            for gate in self.gates.values():
                jobs.create_task(gate.run(lambda: None))


def door(name: str, address: int, relay: int = 0, contact: int | None = 0, exit: int | None = None) -> Door:
    binding = GateBinding(link="l", profile=BOARD.id, address=address, relay=relay, contact=contact, exit=exit)
    return Door(name=name, gate=binding)


def on_osdp_bench(
    folder: Path,
    story: Callable[[OsdpBench], Awaitable[None]],
    *options: str,
    readers: tuple[int, ...] = (1,),
    doors: tuple[Door, ...] = (),
    key: str = KEY,
    profile: Profile = READER,
    first: Callable[[Device], None] = lambda device: None,
) -> None:
    """`first`: what the devices are told before anybody asks them."""
    with simulated("osdp_board", folder / "bus", "--key", key, *options) as device:
        first(device)
        bench = OsdpBench(folder, device, readers, doors, profile)
        with_job(bench.run, lambda: story(bench))


def talkative() -> Profile:
    return msgspec.structs.replace(load_profile("readers/osdp-talkative"), id=READER.id)
