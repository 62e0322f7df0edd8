"""Entry: somebody at a door presents a credential. Decide, open, record — and follow the door until it is shut again.

One door, one actor: what happens at a door is taken one thing at a time, doors do not wait for each other. Record and
open start together for a locally valid credential; remote openings and those that hang on the clock are committed
first (`policy.record_before_open`). Whoever is in order but for a second factor, a second person or an escort waits
for it at the door. The exit button waits for nothing.
"""

import asyncio
from collections import deque
from contextlib import suppress

from edge_agent import log
from edge_agent.core import area, presentation
from edge_agent.core.decide import STALE_AFTER_MS, Place, decide, shut_out
from edge_agent.core.door import Going
from edge_agent.core.presentation import Waiting
from edge_agent.errors import DeviceUnavailable, JournalUnavailable
from edge_agent.flows.doorway import Doorway
from edge_agent.flows.premises import Premises
from edge_agent.model.decisions import Attempt, Company, Decision, Deny, Grant, Reason, Wait
from edge_agent.model.detections import CameraState, Detection, FaceRefused
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.events import AccessDenied, AccessGranted, AccessNotTaken, AlertOpened, FaceMatch
from edge_agent.model.reads import Code, Direction, Face, Keys, Pass, Read, Token
from edge_agent.model.site import Camera
from edge_agent.model.standing import Change, Tries
from edge_agent.ports import Beat, Clock, FaceJudge, Recording, Secrets, Terminals
from edge_agent.words import told

READS_WAITING = 32  # per terminal; one that floods loses its own oldest reads
BEAT_EVERY_S = 2.0
# Why no frame of a face is good enough → what the terminal tells the person.
ADVICE = {
    "too_small": "face_nearer", "edge_clipped": "face_centre", "not_frontal": "face_front", "dark": "face_light",
    "bright": "face_light", "blurred": "face_still", "crowded": "face_alone",
}  # fmt: skip

logger = log.get("flows.entry")


class DoorActor:
    """Everything that happens at one door, in order."""

    def __init__(self, doorway: Doorway, terminals: Terminals, secrets: Secrets, premises: Premises) -> None:
        self.doorway, self.terminals, self.secrets, self.premises = doorway, terminals, secrets, premises
        self.door = doorway.door
        self.sides: dict[str, Direction] = {}  # terminal → which way it leads, where that is known
        self._gathered = {direction: presentation.NOBODY for direction in Direction}
        self._reports: deque[GateReport] = deque()
        self._reads: dict[str, deque[Read]] = {}
        self._called: set[str] = set()  # reads that wait, and whose person was heard to be under duress since
        self._wake = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()
        self._approvals: deque[tuple[str, asyncio.Future[bool]]] = deque()
        ways = (*self.door.ways, *(way for at in self.door.ways_at for way in at.ways))
        self._takes_phones = any("phone" in way for way in ways)
        self._takes_pins = any("pin" in way for way in ways)
        self._takes_codes = any("qr" in way for way in ways)
        premises.doors[self.door.name] = self

    @property
    def shut(self) -> bool:
        return self.doorway.shut

    @property
    def heard(self) -> bool:
        return self.doorway.heard

    def lost(self, at_ms: int) -> None:
        """The gate does not answer any more (uptime)."""
        self.doorway.lost(at_ms)

    def wake(self) -> None:
        """What concerns all doors (fire, an order) is acted on here and now, whatever the actor is waiting for."""
        self._follow()
        self._wake.set()

    def read(self, read: Read) -> None:
        """A terminal of this door delivered a read (called from the loop, never waits)."""
        waiting = self._reads.setdefault(read.terminal, deque(maxlen=READS_WAITING))
        if len(waiting) == READS_WAITING:
            self.premises.alarms.degraded_device(read.terminal, "reader", told("devices.reads_too_fast"))
        waiting.append(read)
        self._wake.set()

    def report(self, report: GateReport) -> None:
        """The gate reported an input. Exit, fire and panic are served here and now."""
        match report.report:
            case Report.EXIT_PRESSED:
                task = asyncio.create_task(self.doorway.let_out())
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
                task.add_done_callback(lambda _: self._wake.set())
            case Report.FIRE_ON | Report.FIRE_OFF:
                self.premises.fire(self.door.name, report.report is Report.FIRE_ON)
            case Report.PANIC_ON | Report.PANIC_OFF:
                self.premises.panic(self.door.name, report.report is Report.PANIC_ON)
            case _:
                self._reports.append(report)
                self._wake.set()

    async def run(self, beat: Beat) -> None:
        while True:
            beat()
            self._wake.clear()
            self._follow()
            self._give_up()
            while self._approvals:
                by, answer = self._approvals.popleft()
                found = await self._approve(by)
                if not answer.done():
                    answer.set_result(found)
            if read := self._next_read():
                await self._enter(read)
                await asyncio.sleep(0)  # a busy door leaves the loop to the others
                continue
            with suppress(TimeoutError):  # asyncio.wait_for can swallow a cancellation on Python 3.11
                async with asyncio.timeout(self._rest_s()):
                    await self._wake.wait()

    def _follow(self) -> None:
        """What the gate has said so far, and what time has done since. A release is read back within some 100 ms, and
        who leans on the door opens it sooner than that: what it says meanwhile waits for the release.
        """
        while self._reports and not self.doorway.opening:
            self.doorway.follow(self._reports.popleft())
        self.doorway.tick()

    # ---- the story of one read ---------------------------------------------------------------------------------------

    async def _enter(self, read: Read) -> None:
        read = await self._identified(read)
        attempt = presentation.attempt_of(self._gathered[read.direction], read, self.premises.book)
        await self._carry_out(attempt, self._decide(attempt))

    async def _identified(self, read: Read) -> Read:
        """With what typed digits or a code came to: comparing them takes time, and is not the decision's."""
        match read.credential:
            case Keys(digits=digits):
                claimed = presentation.pin_wanted(self._gathered[read.direction], read.terminal)
                if claimed is None and (known := self._number(digits)) is not None:
                    return read.with_credential(known)
                return read.with_credential(await self.secrets.pin(digits, claimed))
            case Code(text=text):
                return read.with_credential(self.secrets.code(text))
            case _:
                return read

    def _number(self, digits: str) -> Token | Pass | None:
        """Typed digits that are no PIN: somebody's phone number, or a visitor's code. Any number may be a phone's, so
        that one nobody has is called that only where no PIN is taken.
        """
        phone = self.secrets.phone(digits) if self._takes_phones else None
        if phone is not None and phone in self.premises.book.credentials:
            return phone
        if self._takes_codes and (ticket := self.secrets.short_code(digits)) is not None:
            return ticket
        return None if self._takes_pins else phone

    def _decide(self, attempt: Attempt) -> Decision:
        premises = self.premises
        place = Place(
            self.door, premises.standing, self.doorway.mode,
            premises.interlocked(self.door.name, attempt.read.direction is Direction.IN), premises.journal.accepting,
        )  # fmt: skip
        return decide(attempt, premises.book, place, premises.now(), premises.policy)

    async def _carry_out(self, attempt: Attempt, decision: Decision) -> bool:
        """True when somebody was let in."""
        match decision:
            case Grant():
                if not await self._grant(attempt, decision):
                    return False
                await self._together(attempt.read.direction, decision)
                return True
            case Wait():
                self._wait(attempt, decision)
            case Deny():
                self._refuse(attempt, decision)
        return False

    def _refuse(self, attempt: Attempt, deny: Deny) -> None:
        """Shut all the same: who was forced to come is in no less danger."""
        self._deny(attempt.read, deny)
        book = self.premises.book
        if attempt.read.read_id not in self._called and presentation.under_duress(attempt, deny.reason, book):
            person = deny.person or presentation.whose(attempt.read.credential, book)
            self._call_for_help(attempt.read, person)
            waiting = [entry for gathered in self._gathered.values() for entry in gathered.waiting]
            now = {entry.read.read_id for entry in waiting if entry.wait.person.id == person}
            self._called = now | {entry.read.read_id for entry in waiting if entry.read.read_id in self._called}

    async def _grant(self, attempt: Attempt, grant: Grant) -> bool:
        """Open and record; False when it did not open: not recorded first where it must be, or the gate is away."""
        read = attempt.read
        event = AccessGranted(
            door=self.door.name, direction=read.direction, person=grant.person, category=grant.category,
            house=grant.house, how=grant.how, rule=grant.rule, terminal=read.terminal,
            notes=tuple(str(note) for note in grant.notes), face=_face_of(read),
        )  # fmt: skip
        standing, follows = self.premises.standing, self.doorway.follows
        passing = area.on_the_way(self.door.name, grant.changes, standing) if follows else ()
        recording = self.premises.record(event, *grant.changes, *passing, read_id=read.read_id)
        if grant.duress:
            self._call_for_help(read, grant.person)
        leaving = read.direction is Direction.OUT
        if self._record_first(grant) and not leaving and (reason := await self._unrecorded(recording, read, grant)):
            self._deny(read, Deny(reason, grant.how, grant.person, changes=self._taken_back(grant)))
            return False
        try:
            going = Going(grant.person, grant.changes, grant.undo, inward=not leaving)
            await self.doorway.release(going, grant.longer)
            self._show(read, "granted")
        except DeviceUnavailable as error:
            logger.error("%s did not open: %s", self.door.name, error)
            self._show(read, "fault")
            not_taken = AccessNotTaken(door=self.door.name, person=grant.person)
            self.premises.record(not_taken, *self._taken_back(grant))
            return False
        return True

    def _taken_back(self, grant: Grant) -> tuple[Change, ...]:
        """What is remembered of a passage that did not happen: nobody is inside, no use is gone."""
        standing = self.premises.standing
        arrived = area.arrived(self.door.name, standing, grant.changes)
        return (*area.taken_back(grant.changes, grant.undo, standing), *arrived)

    def _call_for_help(self, read: Read, person: str | None) -> None:
        """Under duress: everything at the door is as always, and somebody far away hears of it."""
        self.premises.record(
            AlertOpened(
                door=self.door.name, alert=f"duress-{read.read_id}", kind="duress", silent=True,
                person=person, terminal=read.terminal,
            )
        )  # fmt: skip

    async def _unrecorded(self, recording: Recording, read: Read, grant: Grant) -> Reason | None:
        """Wait for the commit, as long as the person may be expected to stand there; why it must not open after all, or
        None. Doors and guards do not wait: meanwhile another door of an interlock may have been released, or this one
        locked down.
        """
        try:
            if await recording.committed(STALE_AFTER_MS / 1000) is None:
                return Reason.JOURNAL_UNAVAILABLE
        except JournalUnavailable:
            return Reason.JOURNAL_UNAVAILABLE
        if self._now_ms() - read.up_ms > STALE_AFTER_MS:
            return Reason.STALE_READ
        if self.premises.interlocked(self.door.name, coming=True):
            return Reason.INTERLOCK
        premises, mode = self.premises, self.doorway.mode
        return shut_out(grant.person, self.door, mode, premises.book, premises.now(), premises.policy)

    def _record_first(self, grant: Grant) -> bool:
        match self.premises.policy.record_before_open:
            case "always":
                return True
            case "remote":
                return grant.timed
            case "never":
                return False

    def _deny(self, read: Read, deny: Deny) -> None:
        self._show(read, "denied", str(deny.reason))
        logger.debug("denied at %s: %s", self.door.name, deny.reason)
        event = AccessDenied(
            door=self.door.name, direction=read.direction, reason=deny.reason, how=deny.how,
            person=deny.person, terminal=read.terminal, face=_face_of(read),
        )  # fmt: skip
        self.premises.record(event, *deny.changes, read_id=read.read_id)
        if any(isinstance(change, Tries) and change.until_ms > self._now_ms() for change in deny.changes):
            logger.warning("%s: too many wrong tries, locked for a while", read.terminal)
            self.premises.record(
                AlertOpened(
                    door=self.door.name, alert=f"locked_out-{read.read_id}", kind="locked_out", terminal=read.terminal
                )
            )

    # ---- those who wait ----------------------------------------------------------------------------------------------

    def _wait(self, attempt: Attempt, wait: Wait) -> None:
        read = attempt.read
        pin = wait.reason is Reason.SECOND_FACTOR_MISSING and "pin" in wait.wants
        self._show(read, "pin_wanted" if pin else "waiting")
        gathered = self._gathered[read.direction]
        self._gathered[read.direction], gone = presentation.waits(gathered, read, wait, self._now_ms())
        self._in_vain(gone)

    async def _together(self, direction: Direction, grant: Grant) -> None:
        """Somebody was let in: who waited for company may now have it."""
        premises, now_ms = self.premises, self._now_ms()
        gathered = self._gathered[direction]
        self._gathered[direction], helped = presentation.lets_in(gathered, grant, premises.book, self.door, now_ms)
        person = premises.book.persons.get(grant.person)  # the book may have changed since the decision
        beside = [Company(person, now_ms, passed=False)] if helped and person is not None else []
        for entry in helped:
            if await self._look_again(entry, "", tuple(beside)):
                beside.append(Company(entry.wait.person, now_ms, passed=False))

    async def approve(self, by: str) -> bool:
        """A guard vouches for whoever waited last; False when nobody waits. Taken in its turn."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._approvals.append((by, answer))
        self._wake.set()
        return await answer

    async def _approve(self, by: str) -> bool:
        waiting = [entry for gathered in self._gathered.values() for entry in gathered.waiting]
        if not waiting:
            return False
        last = max(waiting, key=lambda entry: entry.read.up_ms)  # who may wait longest need not have come last
        if grant := await self._look_again(last, by, ()):
            logger.info("%s approved by %s", self.door.name, by)
            await self._together(last.read.direction, grant)
        return True

    async def _look_again(self, entry: Waiting, approved_by: str, beside: tuple[Company, ...]) -> Grant | None:
        """Decide about somebody who waits; they still stand there, so the read is as new as this moment. The grant by
        which they were let in.
        """
        read = entry.read.seen_at(self._now_ms())
        gathered = self._gathered[read.direction]
        attempt = presentation.attempt_of(gathered, read, self.premises.book, approved_by, beside)
        decision = self._decide(attempt)
        match decision:
            case Grant():
                self._gathered[read.direction] = presentation.without(gathered, entry)
                return decision if await self._grant(attempt, decision) else None
            case Deny():
                self._gathered[read.direction] = presentation.without(gathered, entry)
                self._refuse(attempt, decision)
            case Wait():
                if approved_by:
                    self._wait(attempt, decision)
        return None

    def _give_up(self) -> None:
        for direction, gathered in self._gathered.items():
            self._gathered[direction], over = presentation.expire(gathered, self._now_ms())
            self._in_vain(over)

    def _in_vain(self, over: list[Waiting]) -> None:
        """They waited too long. A face alone that would have needed a card was only somebody walking past."""
        for entry in over:
            kinds = tuple(dict.fromkeys(factor.kind for factor in entry.wait.shown))
            if set(kinds) != {"face"}:
                attempt = Attempt(entry.read, entry.wait.shown)
                self._refuse(attempt, Deny(entry.wait.reason, kinds, entry.wait.person.id))

    def claimed(self, direction: Direction) -> str | None:
        """Who has shown a card or a number and whose face would complete it."""
        return presentation.face_wanted(self._gathered[direction])

    def _show(self, read: Read, outcome: str, reason: str = "") -> None:
        """Where the credential was shown; a camera has no screen, the terminals on its side have."""
        if read.terminal in self.sides or not self.sides:
            self.terminals.show(read.terminal, outcome, reason)
            return
        for terminal in self.doorway.here:
            if self.sides.get(terminal) is read.direction:
                self.terminals.show(terminal, outcome, reason)

    def advise(self, direction: Direction, outcome: str) -> None:
        """Tell whoever stands before the camera what to do, on the screens of that side."""
        for terminal in self.doorway.here:
            if self.sides.get(terminal, direction) is direction:
                self.terminals.show(terminal, outcome)

    def warn(self, outcome: str) -> None:
        """Tell whoever is near this door, on either side."""
        for terminal in self.doorway.here:
            self.terminals.show(terminal, outcome)

    # ---- the door by other hands -------------------------------------------------------------------------------------

    async def open_remotely(self) -> None:
        """Release for a command that is already committed. Raises DeviceUnavailable."""
        try:
            await self.doorway.release(None)
        finally:
            self._wake.set()  # the actor has a new deadline, and may follow again

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _next_read(self) -> Read | None:
        """The oldest waiting read of any terminal: they take turns in the order of arrival."""
        waiting = [queue for queue in self._reads.values() if queue]
        return min(waiting, key=lambda queue: queue[0].up_ms).popleft() if waiting else None

    def _rest_s(self) -> float:
        deadlines = [presentation.deadline_ms(gathered) for gathered in self._gathered.values()]
        deadlines.append(self.doorway.deadline_ms())
        deadline = min((time for time in deadlines if time is not None), default=None)
        if deadline is None:
            return BEAT_EVERY_S
        return min(BEAT_EVERY_S, max(0.001, (deadline - self._now_ms()) / 1000))

    def _now_ms(self) -> int:
        return self.premises.now().up_ms


def _face_of(read: Read) -> FaceMatch | None:
    """How sure the face was: its score stays the terminal's own where the terminal matched."""
    face = read.credential
    if not isinstance(face, Face):
        return None
    return FaceMatch(round(face.score, 3), str(face.liveness), "terminal" if face.by_terminal else "gateway")


class FaceEntry:
    """A face before a gate camera is a read like any other, once its track has come to an identity."""

    def __init__(self, camera: Camera, judge: FaceJudge, actor: DoorActor, clock: Clock) -> None:
        self.camera, self.judge, self.actor, self.clock = camera, judge, actor, clock
        self._count = 0

    def see(self, detection: Detection) -> None:
        direction = Direction(self.camera.direction)
        if isinstance(detection, CameraState):
            logger.info("camera %s %s", self.camera.name, detection.state)
        if isinstance(detection, FaceRefused):
            self.actor.advise(direction, ADVICE.get(detection.reason, "face_again"))
        answer = self.judge.see(self.camera.name, detection, self.actor.claimed(direction))
        if answer is None:
            return
        face, up_ms = answer
        self._count += 1
        read_id = f"{self.clock.now().boot_id[:8]}-{self.camera.name}-{up_ms}-{self._count}"
        self.actor.read(Read(read_id, self.camera.name, self.actor.door.name, direction, up_ms, face))
