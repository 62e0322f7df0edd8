"""The door itself: release it, hold it open, lock it again, and follow its contact until it is shut.

What a door may do is its mode, what it does is its contact. A door that is held open is released again and again for a
short time: a gateway that dies leaves it locked within HOLD_S. The exit button and fire release wait for nothing.
"""

import asyncio
from collections.abc import Coroutine

from edge_agent import log
from edge_agent.core import area
from edge_agent.core import door as machine
from edge_agent.core import mode as modes
from edge_agent.errors import DeviceUnavailable
from edge_agent.flows.premises import Premises
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.events import (
    DoorFault,
    DoorModeChanged,
    DoorTamper,
    ExitRequested,
)
from edge_agent.model.site import Door
from edge_agent.model.standing import At, Change, Order
from edge_agent.ports import DoorState, Gate, Terminals

HOLD_S = 20.0  # one release of a door that is held open …
HOLD_AGAIN_S = 8.0  # … and when the next one follows
RETRY_S = 1.0

FAULTS = {Report.INPUT_CUT: "cut", Report.INPUT_SHORTED: "shorted", Report.INPUT_NORMAL: "normal"}
logger = log.get("flows.doorway")


class Doorway:
    def __init__(self, door: Door, gate: Gate, terminals: Terminals, here: tuple[str, ...], premises: Premises) -> None:
        """`here`: the names of this door's terminals."""
        self.door, self.gate, self.terminals, self.here, self.premises = door, gate, terminals, here, premises
        self.state: machine.DoorNow = machine.Locked()
        self.mode = modes.LOCKED
        self._timing = machine.Timing(_ms(door.release_s), _ms(door.open_s), _ms(door.prealarm_s))
        self._longer = machine.Timing(
            _ms(max(door.release_s, door.extended_release_s)),
            _ms(max(door.open_s, door.extended_open_s)),
            _ms(door.prealarm_s),
        )
        self._hold_at_ms: int | None = None  # when the lock is to be released again
        self._secure_at_ms: int | None = None  # when it is to be locked before its time …
        self._secure_by_ms: int | None = None  # … and when its time is over, whatever the gate took until then
        self._slipping = False  # it should be held open, and its gate does not answer
        self._blind = False  # the contact's wire is cut or shorted
        self.heard = door.gate.contact is None  # how the contact stands is known, since the gate was heard last
        self._lost_ms = 0  # when it was lost last
        self._tampered: set[str] = set()  # whose housing is open
        self.opening = 0  # releases the gate has not confirmed yet: whoever opens the door meanwhile forces nothing
        self._working: set[asyncio.Task[None]] = set()

    @property
    def shut(self) -> bool:
        """As far as anybody can know: a door whose contact is cut may stand open, one that is being released will."""
        return machine.shut(self.state) and not self.opening and not self.mode.open and not self._blind

    @property
    def follows(self) -> bool:
        """Its contact says who goes through."""
        return self.door.gate.contact is not None and not self._blind

    # ---- opening -----------------------------------------------------------------------------------------------------

    async def release(self, going: machine.Going | None, longer: bool = False) -> None:
        """Unlock for this door's time. Raises DeviceUnavailable."""
        timing = self._longer if longer else self._timing
        self.opening += 1
        try:
            await self.gate.release(max(timing.release_ms, self._promised_ms()) / 1000)
        finally:
            self.opening -= 1
        self._secure_at_ms = self._secure_by_ms = None
        if going is not None and isinstance(self.state, machine.Open):  # nobody sees it open again
            if not self.state.forced:
                self._gone(going)  # behind somebody else
            self.premises.remember(*area.arrived(self.door.name, self.premises.standing, going.done))
        self.state = machine.release(self.state, self._now_ms(), timing, going)
        if not self.follows:
            self._unseen()

    def _unseen(self) -> None:
        """Nobody will ever know whether they went through. Taken back, a cut wire would make every pass a new one."""
        self.state, going = machine.unseen(self.state)
        self.premises.remember(*area.arrived(self.door.name, self.premises.standing))
        for gone in going:
            self._gone(gone)

    def _promised_ms(self) -> int:
        """For how long it is released already. A board times the newest release: a shorter one would end the others."""
        if self.mode.open:
            return _ms(HOLD_S)
        return max(0, self._release_ends_ms() - self._now_ms())

    def _release_ends_ms(self) -> int:
        return self.state.until_ms - machine.GRACE_MS if isinstance(self.state, machine.Released) else 0

    async def let_out(self) -> None:
        """Somebody pressed the exit button: open, then say so."""
        try:
            await self.release(None)
        except DeviceUnavailable as error:
            logger.error("%s did not open: %s", self.door.name, error)
        self.premises.record(ExitRequested(door=self.door.name))

    # ---- following ---------------------------------------------------------------------------------------------------

    def follow(self, report: GateReport) -> None:
        name, at_ms = self.door.name, report.up_ms
        if report.report in (Report.CONTACT_OPEN, Report.CONTACT_CLOSED) and at_ms >= self._lost_ms:
            self.heard = True
        match report.report:
            case Report.CONTACT_OPEN:
                self._move(machine.tick(self.state, name, at_ms, self._timing))  # what ran out before it opened
                step = machine.opened(self.state, name, at_ms, self._timing, first=report.first, free=self.mode.open)
                self._move(step)
            case Report.CONTACT_CLOSED:
                was_open = isinstance(self.state, machine.Open)
                self._move(machine.closed(self.state, name, at_ms))
                if report.first:  # it may have been shut while nobody was there to record it
                    self.premises.note(DoorState(name, machine.name_of(self.state)))
                if was_open and (relock_s := self._relock_s()) is not None:
                    self._secure_at_ms = self._now_ms() + _ms(relock_s)
            case Report.TAMPER_ON | Report.TAMPER_OFF:
                self._tamper(report.detail or "gate", report.report is Report.TAMPER_ON)
            case Report.RELAY_ON if report.first and not self.mode.open and machine.shut(self.state):
                self._secure_at_ms = self._now_ms()  # a board that was away kept a release nobody wants any more
            case Report.INPUT_CUT | Report.INPUT_SHORTED | Report.INPUT_NORMAL:
                what = FAULTS[report.report]
                if report.detail == "contact":
                    self._blind = report.report is not Report.INPUT_NORMAL
                    if self._blind:
                        self._unseen()
                logger.warning("%s: input %s is %s", name, report.detail, what)
                self.premises.record(DoorFault(door=name, input=report.detail, what=what))
            case _:
                logger.debug("%s: %s", name, report.report)

    def lost(self, at_ms: int) -> None:
        """The gate is away: it may be opened by hand meanwhile, and nobody would know. What it said before that may
        still wait for a release, and tells nothing of it now.
        """
        self.heard, self._lost_ms = self.door.gate.contact is None, at_ms

    def _tamper(self, housing: str, on: bool) -> None:
        """A reader that is shut says nothing of the board beside it."""
        before = set(self._tampered)
        (self._tampered.add if on else self._tampered.discard)(housing)
        if self._tampered != before:
            housings = tuple(sorted(self._tampered))
            self.premises.record(DoorTamper(door=self.door.name, on=bool(housings), open=housings))

    def _relock_s(self) -> float | None:
        """A door of an interlock locks as soon as it is shut: shut and still released it would count as shut."""
        if self.door.relock_s is None and self.premises.interlocks(self.door.name):
            return 0.0
        return self.door.relock_s

    def tick(self) -> None:
        """Time passed, or something about this door's mode did."""
        before = self.state
        if not self.opening:  # whoever opened the door meanwhile waits to be followed, and was in time
            self._move(machine.tick(self.state, self.door.name, self._now_ms(), self._timing))
        if isinstance(self.state, machine.Open) and self.state.warned and not self.state.held and before != self.state:
            for terminal in self.here:
                self.terminals.show(terminal, "close_door")
        self._stand()
        self._hold()
        self._relock()

    def deadline_ms(self) -> int | None:
        """When `tick` matters next (uptime)."""
        times = (
            None if self.opening else machine.deadline_ms(self.state, self._timing),
            modes.deadline_ms(self.door, self.premises.standing),
            self._hold_at_ms,
            self._secure_at_ms,
        )
        return min((time for time in times if time is not None), default=None)

    def _move(self, step: machine.Step) -> None:
        self.state, outcomes = step
        undo = self._taken_back([outcome.going for outcome in outcomes if outcome.going is not None])
        for outcome in outcomes:
            state = DoorState(self.door.name, machine.name_of(self.state))
            back, undo = ([], undo) if outcome.going is None else (undo, [])
            known = outcome.gone if outcome.going is None else (outcome.going,)
            done = [change for each in known for change in each.done]
            arrived = area.arrived(self.door.name, self.premises.standing, done)
            self.premises.record(outcome.event, state, *back, *arrived)
            for gone in outcome.gone:
                self._gone(gone)

    def _taken_back(self, going: list[machine.Going]) -> list[Change]:
        """The newest first: each takes back what it made of the one before."""
        standing, undo = self.premises.standing, list[Change]()
        for each in reversed(going):
            changes = area.taken_back(each.done, each.undo, standing)
            standing.apply(*changes)
            undo += changes
        return undo

    # ---- modes -------------------------------------------------------------------------------------------------------

    def _gone(self, gone: machine.Going) -> None:
        """Somebody went through; the first person in may hold the door for the others."""
        first, known = self.door.first_person, self.premises.book.persons.get(gone.person)
        if first is None or first.mode != "hold" or not gone.inward:
            return
        if known is None or known.category not in first.categories:
            return
        now = self.premises.now()
        until_ms = now.up_ms + first.minutes * 60_000
        order = Order(self.door.name, "first_person", "unlocked", known.id, "", At.of(now), until_ms)
        self.premises.remember(order)

    def _stand(self) -> None:
        """Take back what has run out, and say it when the door stands differently by that."""
        premises, now = self.premises, self.premises.now()
        over = [order for order in modes.over(premises.standing, now) if order.door == self.door.name]
        premises.standing.apply(*over)
        mode = modes.mode_of(self.door, premises.standing, premises.book, now, premises.policy)
        if mode == self.mode:
            if over:
                premises.remember(*over)
            return
        self._change(mode, tuple(over))

    def _change(self, mode: modes.Mode, changes: tuple[Change, ...]) -> None:
        was, self.mode = self.mode, mode
        now_ms = self._now_ms()
        for_ms = None if mode.until_ms is None else mode.until_ms - now_ms
        logger.info("%s is %s (%s%s)", self.door.name, mode.name, mode.source or "plain", mode.by and f", {mode.by}")
        event = DoorModeChanged(
            door=self.door.name, mode=mode.name, source=mode.source, by=mode.by, why=mode.why, for_ms=for_ms
        )
        self.premises.record(event, *changes)
        if mode.open and not was.open:
            self._hold_at_ms = now_ms
            self.state = machine.freed(self.state)
        elif was.open and not mode.open:
            self._hold_at_ms = None
            self._secure_at_ms = now_ms
            self.state = machine.secured(self.state, now_ms, self._timing)

    def _hold(self) -> None:
        now_ms = self._now_ms()
        if self._hold_at_ms is not None and now_ms >= self._hold_at_ms:
            self._hold_at_ms = now_ms + _ms(HOLD_AGAIN_S)
            self._start(self._release_again())

    async def _release_again(self) -> None:
        try:
            await self.gate.release(HOLD_S)
        except DeviceUnavailable as error:
            if not self._slipping:  # once, however long it takes
                logger.error("%s is not held open: %s", self.door.name, error)
            self._slipping = True
            if self._hold_at_ms is not None:
                self._hold_at_ms = self._now_ms() + _ms(RETRY_S)
        else:
            if self._slipping:
                logger.info("%s is held open again", self.door.name)
            self._slipping = False

    def _relock(self) -> None:
        now_ms = self._now_ms()
        if self._secure_at_ms is None or now_ms < self._secure_at_ms:
            return
        if not self.mode.open and now_ms < (ends_ms := self._release_ends_ms()):
            self._secure_at_ms = ends_ms  # somebody may still come through; what held the door open lasts longer
            return
        self._secure_at_ms = None
        if self.mode.open:
            self._secure_by_ms = None
        else:
            self._start(self._secure(now_ms))

    async def _secure(self, now_ms: int) -> None:
        try:
            await self.gate.secure()
        except DeviceUnavailable as error:
            if self._secure_by_ms is None:  # once, however often it is tried
                self._secure_by_ms = now_ms + _ms(HOLD_S)
                logger.warning("%s locks when its release runs out: %s", self.door.name, error)
            if self._secure_at_ms is None and now_ms < self._secure_by_ms:
                self._secure_at_ms = now_ms + _ms(RETRY_S)
                return
        self._secure_by_ms = None

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    def _now_ms(self) -> int:
        return self.premises.now().up_ms


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
