"""Entry: somebody at a door presents a credential. Decide, open, record — and follow the door until it is shut again.

One door, one actor: what happens at a door is taken one thing at a time, doors do not wait for each other. Record and
open start together for a locally valid credential; remote openings and those that hang on the clock are committed
first (`policy.record_before_open`). The exit button waits for nothing.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress

from edge_agent import log
from edge_agent.core import door as machine
from edge_agent.core.decide import STALE_AFTER_MS, decide
from edge_agent.errors import DeviceUnavailable, JournalUnavailable
from edge_agent.flows.alarm import Alarms
from edge_agent.model.decisions import Deny, Grant, Reason
from edge_agent.model.detections import CameraState, Detection
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.events import AccessDenied, AccessGranted, Event, ExitRequested
from edge_agent.model.reads import Direction, Read
from edge_agent.model.site import Camera, Door, Policy
from edge_agent.ports import Beat, Books, Clock, DoorState, FaceJudge, Gate, Journal, Recording, Terminals

READS_WAITING = 32  # per terminal; one that floods loses its own oldest reads
COMMIT_WITHIN_S = 0.15
BEAT_EVERY_S = 2.0

logger = log.get("flows.entry")


class DoorActor:
    """Everything that happens at one door, in order."""

    def __init__(
        self,
        door: Door,
        gate: Gate,
        terminals: Terminals,
        journal: Journal,
        books: Books,
        clock: Clock,
        policy: Policy,
        alarms: Alarms,
    ) -> None:
        self.door, self.gate, self.terminals = door, gate, terminals
        self.journal, self.books, self.clock, self.policy, self.alarms = journal, books, clock, policy, alarms
        self.state: machine.DoorNow = machine.Locked()
        self._timing = machine.Timing(round(door.release_s * 1000), round(door.open_s * 1000))
        self._reports: deque[GateReport] = deque()
        self._reads: dict[str, deque[Read]] = {}
        self._wake = asyncio.Event()
        self._watched: set[asyncio.Task[None]] = set()

    def read(self, read: Read) -> None:
        """A terminal of this door delivered a read (called from the loop, never waits)."""
        waiting = self._reads.setdefault(read.terminal, deque(maxlen=READS_WAITING))
        if len(waiting) == READS_WAITING:
            self.alarms.degraded_device(read.terminal, "reader", "reads arrive faster than the door takes them")
        waiting.append(read)
        self._wake.set()

    def report(self, report: GateReport) -> None:
        """The gate reported an input. The exit button is served here and now, whatever the actor is waiting for."""
        if report.report is Report.EXIT_PRESSED:
            self._start(self._let_out())
        else:
            self._reports.append(report)
            self._wake.set()

    async def run(self, beat: Beat) -> None:
        while True:
            beat()
            self._wake.clear()
            while self._reports:
                self._follow(self._reports.popleft())
            self._tick()
            if read := self._next_read():
                await self._enter(read)
                await asyncio.sleep(0)  # a busy door leaves the loop to the others
                continue
            with suppress(TimeoutError):  # asyncio.wait_for can swallow a cancellation on Python 3.11
                async with asyncio.timeout(self._rest_s()):
                    await self._wake.wait()

    async def _enter(self, read: Read) -> None:
        """The story of one read."""
        decision = decide(read, self.books.current, self.door, self.clock.now(), self.policy, self.journal.accepting)
        match decision:
            case Grant():
                await self._grant(read, decision)
            case Deny():
                self._deny(read, decision)

    async def _grant(self, read: Read, grant: Grant) -> None:
        event = AccessGranted(
            door=self.door.name, direction=read.direction, person=grant.person, category=grant.category,
            house=grant.house, how=grant.how, rule=grant.rule, terminal=read.terminal,
        )  # fmt: skip
        recording = self.journal.record(event, read_id=read.read_id)
        leaving = read.direction is Direction.OUT
        if self._record_first(grant) and not leaving and (reason := await self._unrecorded(recording, read)):
            self._deny(read, Deny(reason, grant.how, grant.person))
            return
        if await self._release(grant.person, granted=True):
            self.terminals.show(read.terminal, "granted")
        else:
            self.terminals.show(read.terminal, "fault")
        self._watch(recording)

    async def _unrecorded(self, recording: Recording, read: Read) -> Reason | None:
        """Wait for the commit, as long as the person may be expected to stand there; why it must not open, or None."""
        try:
            if await recording.committed(STALE_AFTER_MS / 1000) is None:
                return Reason.JOURNAL_UNAVAILABLE
        except JournalUnavailable:
            return Reason.JOURNAL_UNAVAILABLE
        return Reason.STALE_READ if self._now() - read.up_ms > STALE_AFTER_MS else None

    def _deny(self, read: Read, deny: Deny) -> None:
        self.terminals.show(read.terminal, "denied")
        logger.debug("denied at %s: %s", self.door.name, deny.reason)
        event = AccessDenied(
            door=self.door.name, direction=read.direction, reason=deny.reason, how=deny.how,
            person=deny.person, terminal=read.terminal,
        )  # fmt: skip
        self._watch(self.journal.record(event, read_id=read.read_id))

    async def open_remotely(self) -> None:
        """Release for a command that is already committed. Raises DeviceUnavailable."""
        await self.gate.release(self.door.release_s)
        self._move(machine.release(self.state, self._now(), self._timing, None, granted=False), [])
        self._wake.set()  # the actor has a new deadline

    async def _let_out(self) -> None:
        """Somebody pressed the exit button: open, then say so."""
        await self._release(None, granted=False)
        self._note(ExitRequested(door=self.door.name))
        self._wake.set()

    async def _release(self, person: str | None, granted: bool) -> bool:
        try:
            await self.gate.release(self.door.release_s)
        except DeviceUnavailable as error:
            logger.error("%s did not open: %s", self.door.name, error)
            return False
        self._move(machine.release(self.state, self._now(), self._timing, person, granted), [])
        return True

    def _follow(self, report: GateReport) -> None:
        match report.report:
            case Report.CONTACT_OPEN:
                self._move(*machine.tick(self.state, self.door.name, report.up_ms))  # what ran out before it opened
                self._move(*machine.opened(self.state, self.door.name, report.up_ms, self._timing, report.first))
            case Report.CONTACT_CLOSED:
                self._move(*machine.closed(self.state, self.door.name, report.up_ms))
            case Report.RELAY_ON | Report.RELAY_OFF | Report.EXIT_PRESSED:
                logger.debug("%s: %s", self.door.name, report.report)

    def _tick(self) -> None:
        self._move(*machine.tick(self.state, self.door.name, self._now()))

    def _move(self, state: machine.DoorNow, events: list[Event]) -> None:
        self.state = state
        for event in events:
            self._note(event, DoorState(self.door.name, machine.name_of(state)))

    def _note(self, event: Event, *changes: DoorState) -> None:
        self._watch(self.journal.record(event, *changes))

    def _record_first(self, grant: Grant) -> bool:
        match self.policy.record_before_open:
            case "always":
                return True
            case "remote":
                return grant.timed
            case "never":
                return False

    def _watch(self, recording: Recording) -> None:
        """A commit that is late or fails is an alarm, not a reason to stop at the door."""
        self._start(self._expect(recording))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._watched.add(task)
        task.add_done_callback(self._watched.discard)

    async def _expect(self, recording: Recording) -> None:
        try:
            if await recording.committed(COMMIT_WITHIN_S) is None:
                self.alarms.degraded("slow_commit", f"an event took longer than {COMMIT_WITHIN_S * 1000:.0f} ms")
                await recording.committed()
        except JournalUnavailable:
            logger.debug("not recorded")  # the journal has said so, once and loudly

    def _next_read(self) -> Read | None:
        """The oldest waiting read of any terminal: they take turns in the order of arrival."""
        waiting = [queue for queue in self._reads.values() if queue]
        return min(waiting, key=lambda queue: queue[0].up_ms).popleft() if waiting else None

    def _rest_s(self) -> float:
        deadline = machine.deadline_ms(self.state)
        if deadline is None:
            return BEAT_EVERY_S
        return min(BEAT_EVERY_S, max(0.001, (deadline - self._now()) / 1000))

    def _now(self) -> int:
        return self.clock.now().up_ms


class FaceEntry:
    """A face before a gate camera is a read like any other, once its track has come to an identity."""

    def __init__(self, camera: Camera, judge: FaceJudge, actor: DoorActor, clock: Clock) -> None:
        self.camera, self.judge, self.actor, self.clock = camera, judge, actor, clock
        self._count = 0

    def see(self, detection: Detection) -> None:
        if isinstance(detection, CameraState):
            logger.info("camera %s %s", self.camera.name, detection.state)
        answer = self.judge.see(self.camera.name, detection)
        if answer is None:
            return
        face, up_ms = answer
        self._count += 1
        read_id = f"{self.clock.now().boot_id[:8]}-{self.camera.name}-{up_ms}-{self._count}"
        direction = Direction(self.camera.direction)
        self.actor.read(Read(read_id, self.camera.name, self.actor.door.name, direction, up_ms, face))
