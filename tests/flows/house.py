"""A house with doors whose flows are real and whose gates, disk and clock are in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from edge_agent.flows.alarm import Alarms
from edge_agent.flows.doorway import Doorway
from edge_agent.flows.entry import DoorActor
from edge_agent.flows.operate import Operations
from edge_agent.flows.premises import Premises
from edge_agent.model.commands import Done, Operation
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.events import Event, UnknownEvent
from edge_agent.model.people import Book
from edge_agent.model.reads import Direction, Presented, Read
from edge_agent.model.site import Area, Door, Interlock, Policy
from tests.flows.world import (
    BOOK,
    DOOR,
    MemoryBooks,
    MemoryClock,
    MemoryGate,
    MemoryJournal,
    MemorySecrets,
    MemoryTerminals,
    no_beat,
)
from tests.waiting import auntil


class House:
    def __init__(
        self,
        *doors: Door,
        book: Book = BOOK,
        policy: Policy = Policy(),
        areas: Iterable[Area] = (),
        interlocks: Iterable[Interlock] = (),
        secrets: MemorySecrets | None = None,
        journal: MemoryJournal | None = None,
        clock: MemoryClock | None = None,
    ) -> None:
        self.trace: list[str] = []
        self.clock, self.terminals = clock or MemoryClock(), MemoryTerminals()
        self.journal = journal or MemoryJournal(self.trace)
        self.alarms = Alarms(self.journal, self.clock)
        self.books = MemoryBooks(book)
        self.premises = Premises(self.journal, self.books, self.clock, self.alarms, policy, areas, interlocks)
        self.gates: dict[str, MemoryGate] = {}
        self.actors: dict[str, DoorActor] = {}
        for door in doors or (DOOR,):
            gate = self.gates[door.name] = MemoryGate(self.trace)
            doorway = Doorway(door, gate, self.terminals, (f"{door.name}-in", f"{door.name}-out"), self.premises)
            self.actors[door.name] = DoorActor(doorway, self.terminals, secrets or MemorySecrets(), self.premises)
        self.operations = Operations(self.premises, self.actors)
        self._reads = 0

    @property
    def actor(self) -> DoorActor:
        return next(iter(self.actors.values()))

    @property
    def gate(self) -> MemoryGate:
        return next(iter(self.gates.values()))

    def events(self, tag: str = "") -> list[Event | UnknownEvent]:
        return [row.event for row in self.journal.all if not tag or row.tag == tag]

    def tags(self) -> list[str]:
        return self.journal.tags()

    async def show(
        self, credential: Presented, door: str = "", direction: Direction = Direction.IN, terminal: str = ""
    ) -> str:
        """Present a credential; what the terminal showed in answer."""
        actor = self.actors[door] if door else self.actor
        before = len(self.terminals.shown)
        self._reads += 1
        terminal = terminal or f"{actor.door.name}-{direction}"
        actor.read(Read(f"r-{self._reads}", terminal, actor.door.name, direction, self.clock.up_ms, credential))
        await auntil(lambda: len(self.terminals.shown) > before, what="an answer at the terminal")
        return self.terminals.shown[before][1]

    def report(self, report: Report, door: str = "", first: bool = False, detail: str = "") -> None:
        actor = self.actors[door] if door else self.actor
        actor.report(GateReport(actor.door.name, report, self.clock.up_ms, first, detail))

    async def walk_through(self, door: str = "") -> None:
        """Open and shut the door."""
        done = self.tags().count("door.closed")
        self.report(Report.CONTACT_OPEN, door)
        self.report(Report.CONTACT_CLOSED, door)
        await auntil(lambda: self.tags().count("door.closed") > done, what="the door to be shut")

    async def operate(self, verb: str, by: str = "wang", **more: object) -> Done:
        return await self.operations.carry_out(msgspec.convert({"verb": verb, "by": by, **more}, Operation))

    async def later(self, seconds: float) -> None:
        """Time passes, and every door notices."""
        self.clock.up_ms += round(seconds * 1000)
        self.premises.wake()
        await asyncio.sleep(0.02)

    def reason(self) -> str:
        """Why the last refusal."""
        return str(getattr(self.events("access.denied")[-1], "reason", ""))


def play(story: Callable[[House], Awaitable[None]], house: Callable[[], House] = House, heard: bool = False) -> None:
    """Run `story` in a house whose doors are at work; `heard`: their gates have said that they are shut."""

    async def run() -> None:
        built = house()
        await built.premises.restore()
        jobs = [asyncio.create_task(actor.run(no_beat)) for actor in built.actors.values()]
        jobs.append(asyncio.create_task(built.premises.run(no_beat)))
        for door in built.actors if heard else ():
            built.report(Report.CONTACT_CLOSED, door, first=True)
        if heard:
            await auntil(lambda: all(actor.heard for actor in built.actors.values()))
        try:
            await story(built)
        finally:
            for job in jobs:
                job.cancel()
            for ended in await asyncio.gather(*jobs, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    asyncio.run(run())
