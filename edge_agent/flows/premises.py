"""What all doors share: people, memory, clock and journal; and what concerns more than one door — interlocks, the
nightly reset, fire, panic.

Every event goes through `record`, with the changes it makes to the memory: they are in force at once, and on the disk
in the event's own transaction.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Protocol

from edge_agent import log
from edge_agent.core import area, latch, mode, remember, response
from edge_agent.errors import JournalUnavailable
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.missed import Missed
from edge_agent.model.clock import Moment
from edge_agent.model.events import CommandCompleted, Event, FireCleared, FireReleased, PanicCleared, PanicRaised
from edge_agent.model.people import Book
from edge_agent.model.site import Area, Interlock, Policy, ResponseTargets
from edge_agent.model.standing import Change, Latch, Order
from edge_agent.ports import Beat, Books, Clock, DoorState, Journal, Recording
from edge_agent.words import told

LOOK_S = 1.0
COMMIT_WITHIN_S = 0.15
STEP_MS = 5000  # in a second: no oscillator is off by that

logger = log.get("flows.premises")


class Neighbour(Protocol):
    """A door as the others see it."""

    @property
    def shut(self) -> bool: ...

    @property
    def heard(self) -> bool:
        """Its gate says how the contact stands; before, and while it is away, nobody knows."""
        ...

    def wake(self) -> None:
        """Something changed that may concern this door."""
        ...


class Premises:
    def __init__(
        self,
        journal: Journal,
        books: Books,
        clock: Clock,
        alarms: Alarms,
        policy: Policy,
        areas: Iterable[Area] = (),
        interlocks: Iterable[Interlock] = (),
        targets: ResponseTargets = ResponseTargets(),
    ) -> None:
        self.journal, self.books, self.clock, self.alarms, self.policy = journal, books, clock, alarms, policy
        self.standing = area.Standing(areas)
        self.targets = targets
        self.doors: dict[str, Neighbour] = {}
        self.ears: list[Callable[[Event], None]] = []  # who else wants to know what was recorded; none of them waits
        self._others: dict[str, set[str]] = {}
        for group in interlocks:
            for door in group.doors:
                self._others.setdefault(door, set()).update(set(group.doors) - {door})
        self._active: dict[str, set[str]] = {}  # latch → the doors whose input is on now
        self._watched: set[asyncio.Task[None]] = set()
        self._tidied: Book | None = None  # the book whose people are all that is remembered
        self._missed = Missed(self.standing)
        self._offset_ms: int | None = None  # of the wall clock to the uptime

    async def restore(self) -> None:
        """What was remembered before the restart; to be called before the first decision."""
        self.standing.apply(*await self.journal.standing())
        now = self.now()
        self._watch_clock(now)
        if over := remember.dismantled(self.standing, self.doors):
            doors = sorted({change.door for change in over if isinstance(change, Order)})
            logger.warning("orders for doors that are not there any more are dropped: %s", ", ".join(doors))
            self.remember(*over)
        changes = [*area.unseen(self.standing), *mode.carried_over(self.standing, now)]
        changes += [
            again
            for tries in self.standing.tries.values()
            if (again := area.still_locked(tries, now, self.policy)) is not None
        ]
        self.remember(*changes)  # times are counted in this boot's uptime from now on
        inside = sum(self.standing.counts.values())
        raised = [name for name, seen in self.standing.latches.items() if seen.raised]
        if inside or raised or self.standing.orders:
            orders = len(self.standing.orders)
            logger.info("remembered: %d inside, %d orders, latched: %s", inside, orders, ", ".join(raised) or "nothing")

    @property
    def book(self) -> Book:
        return self.books.current

    def now(self) -> Moment:
        return self.clock.now()

    def interlocks(self, door: str) -> bool:
        """It is in an interlock with others."""
        return bool(self._others.get(door))

    def interlocked(self, door: str, coming: bool) -> bool:
        """Another door of one of its groups is not shut; for who is `coming` in it has to be known to be."""
        others = [self.doors[other] for other in self._others.get(door, ()) if other in self.doors]
        return any(not other.shut or (coming and not other.heard) for other in others)

    def record(self, event: Event, *changes: Change | DoorState, read_id: str | None = None) -> Recording:
        """Remember and record; a commit that is late or fails is an alarm, not a reason to stop at the door.

        What somebody has to answer begins a case in the same transaction, unless it belongs to one that stands already.
        """
        case = response.begun_by(event, self.now())
        before = None if case is None else self.standing.cases.get(case.alarm)
        if case is not None and (before is None or response.anew(before, event)):
            changes = (*changes, case)
        elif (known := response.better_known(self.standing.cases, event)) is not None:
            changes = (*changes, known)
        self.standing.apply(*(change for change in changes if not isinstance(change, DoorState)))
        recording = self.journal.record(event, *changes, read_id=read_id)
        self._start(self._expect(recording, event, changes))
        for ear in self.ears:
            ear(event)
        return recording

    def remember(self, *changes: Change) -> None:
        """Changes that are no event of their own."""
        self.standing.apply(*changes)
        if changes:
            self._start(self._kept(self.journal.keep(*changes), changes))

    def missed(self, *changes: Change) -> None:
        """In force for a while, and refused by the journal: it gets what has become of them as soon as it takes it."""
        self._missed.note(changes)

    def note(self, state: DoorState) -> None:
        """How a door is found."""
        self._start(self._kept(self.journal.keep(state), (state,)))

    # ---- fire and panic ----------------------------------------------------------------------------------------------

    def fire(self, door: str, on: bool) -> None:
        """The fire panel's input at `door`."""
        self._input(latch.FIRE, door, on)
        if on and (raised := latch.raise_(self.standing.latches.get(latch.FIRE), latch.FIRE, self.now())):
            logger.critical("FIRE: escape doors are unlocked (input at %s)", door)
            self.record(FireReleased(door=door), raised)
            self.wake()

    def panic(self, door: str, on: bool) -> None:
        """The panic input at `door`. Pressed again after somebody had heard it, it is a new call to answer, though
        nobody has cleared the first.
        """
        name = latch.panic_of(door)
        self._input(name, door, on)
        if on and (raised := latch.raise_(self.standing.latches.get(name), name, self.now())):
            logger.critical("PANIC at %s", door)
            again = (
                [response.called_from(door, self.now())] if raised.count > 1 else []
            )  # the first call begins its own
            self.record(PanicRaised(door=door, count=raised.count), raised, *again)

    def acknowledge(self, name: str, by: str) -> Latch | None:
        """Somebody far away has heard the panic: the change that ends its repetition, or None when there is none."""
        return latch.acknowledge(self.standing.latches.get(name), by) if name != latch.FIRE else None

    def answer(
        self, step: response.Step, alarm: str, by: str, *, who: str = "", outcome: str = "", why: str = ""
    ) -> str:
        """A step of answering `alarm`; a code of `words` when it cannot be taken, else empty. Whoever hears a panic
        ends its repetition, too.
        """
        case = self.standing.cases.get(alarm)
        if case is None or response.refusal(case, step, outcome):
            return response.refusal(case, step, outcome)
        event, after = response.take(
            case, step, self.now(), self.targets, by, who=who, outcome=outcome, why=why
        )  # fmt: skip
        heard = self.acknowledge(alarm, by)
        self.record(event, after, *(() if heard is None else (heard,)))
        return ""

    def clear(self, name: str, by: str, why: str = "") -> str:
        """By hand; a code of `words` when it cannot be cleared, else empty."""
        before = None if name.startswith(latch.SENSOR) else self.standing.latches.get(name)
        cleared = latch.clear(before, bool(self._active.get(name)), by)
        if cleared is None:
            return "operate.latch_active" if before is not None and before.raised else "operate.no_latch"
        event: Event
        if name == latch.FIRE:
            event = FireCleared(by=by, why=why)
        elif name.startswith(latch.MOVED):
            event = CommandCompleted(
                command=f"clear-{self.now().up_ms}", verb="clear", why=why,
                issuer=by.removeprefix("city/") if by.startswith("city/") else f"local/{by}",
                answer={"target": name},
            )  # fmt: skip
        else:
            event = PanicCleared(door=name.removeprefix("panic/"), by=by, why=why)
        self.record(event, cleared)
        self.wake()
        return ""

    def _input(self, name: str, door: str, on: bool) -> None:
        """Several doors may have an input of the fire panel: it says fire as long as one of them does."""
        doors = self._active.setdefault(name, set())
        if on:
            doors.add(door)
        else:
            doors.discard(door)

    # ---- time --------------------------------------------------------------------------------------------------------

    async def run(self, beat: Beat) -> None:
        """Repeat panics, empty areas at their hour."""
        while True:
            beat()
            now = self.now()
            self._watch_clock(now)
            for seen in [*self.standing.latches.values()]:
                if again := latch.again(seen, now, self.policy.panic_repeat_s):
                    self._repeat(again)
            for changes in area.resets(self.standing, now, self.book.zone):
                logger.info("%s: everybody inside is forgotten (nightly reset)", changes[0].scope)
                self.remember(*changes)
            self._tidy()
            self._catch_up()
            await asyncio.sleep(LOOK_S)

    def _watch_clock(self, now: Moment) -> None:
        """Wall clock against uptime, which never jumps. The doors look again; timekeeping puts it on record."""
        offset_ms = now.wall_ms - now.up_ms
        by_ms = 0 if self._offset_ms is None else offset_ms - self._offset_ms
        self._offset_ms = offset_ms
        if abs(by_ms) > STEP_MS:
            self.wake()

    def _tidy(self) -> None:
        """People and cards that were removed are no longer remembered: nobody would ever count them out again."""
        if self._tidied is not self.book:
            before, self._tidied = self._tidied, self.book
            self.remember(*remember.outdated(self.standing, self._tidied, self.now(), before))

    def _catch_up(self) -> None:
        """The journal may record again."""
        if self.journal.accepting:
            changes, alarms = self._missed.take()
            if changes:
                self._start(self._kept(self.journal.keep(*changes), tuple(changes)))
            for alarm in alarms:  # as news only: what came of it is among the changes, and has been heard
                self._start(self._expect(self.journal.record(alarm), alarm, ()))

    def _repeat(self, again: Latch) -> None:
        self.record(PanicRaised(door=again.name.removeprefix("panic/"), count=again.count), again)

    def wake(self) -> None:
        for door in self.doors.values():
            door.wake()

    async def _expect(self, recording: Recording, event: Event, changes: tuple[Change | DoorState, ...]) -> None:
        try:
            if await recording.committed(COMMIT_WITHIN_S) is None:
                self.alarms.degraded("slow_commit", told("degraded_why.slow_commit", ms=COMMIT_WITHIN_S * 1000))
                await recording.committed()
        except JournalUnavailable:
            self._missed.note(changes, event)  # the journal has said so, once and loudly

    async def _kept(self, recording: Recording, changes: tuple[Change | DoorState, ...]) -> None:
        try:
            await recording.committed()
        except JournalUnavailable:
            self._missed.note(changes)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._watched.add(task)
        task.add_done_callback(self._watched.discard)
