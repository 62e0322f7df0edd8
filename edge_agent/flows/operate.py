"""Operate: a guard or installer at the gateway wants something done. Every order has a name and is an event."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from edge_agent import log
from edge_agent.core import area
from edge_agent.errors import DeviceUnavailable, JournalUnavailable
from edge_agent.flows.alerting import CameraAlerts
from edge_agent.flows.evidence import EvidenceDesk
from edge_agent.flows.orders import ORDERS, orders
from edge_agent.flows.premises import Premises
from edge_agent.model.commands import ANSWERS, MUTE_AT_MOST_S, Done, Operation, borrowed
from edge_agent.model.events import CommandCompleted, CommandRefused
from edge_agent.model.standing import Change
from edge_agent.ports import IntentDone, IntentOpened

MUTE_S = 3600.0  # where nobody says how long
OPEN_WITHIN_MS = 5000  # later, whoever pressed does not look at the door any more
SHELF = ("hold_evidence", "release_evidence", "export_evidence")
NO_EVIDENCE = "operate.no_evidence"
NO_CLERKS: Mapping[str, "Clerk"] = {}
logger = log.get("flows.operate")


class RemoteDoor(Protocol):
    async def open_remotely(self) -> None: ...

    async def approve(self, by: str) -> bool: ...


class Clerk(Protocol):
    """Does the orders that are not about doors: visits, for one."""

    async def carry_out(self, operation: Operation) -> Done: ...


class Operations:
    """What a guard or installer at the gateway may order; fulfils what console.control serves. `clerks`: who does the
    verbs that begin with their name and a dot.
    """

    def __init__(
        self,
        premises: Premises,
        doors: Mapping[str, RemoteDoor],
        clerks: Mapping[str, Clerk] = NO_CLERKS,
        alerts: CameraAlerts | None = None,
        desk: EvidenceDesk | None = None,
    ) -> None:
        self.premises, self.doors, self.clerks, self.alerts, self.desk = premises, doors, clerks, alerts, desk
        self._count = 0

    async def carry_out(self, operation: Operation) -> Done:
        if not operation.by.strip():
            return Done(False, "operate.no_name")
        if borrowed(operation.by):
            return Done(False, "operate.borrowed_name")
        if clerk := self.clerks.get(operation.verb.partition(".")[0]):
            return await clerk.carry_out(operation)
        if operation.door is not None and operation.door not in self.doors:
            return Done(False, "operate.no_door")
        doors = tuple(self.doors) if operation.door is None else (operation.door,)
        what = operation.door or operation.latch or operation.alarm or operation.person or operation.target or "all"
        logger.info("%s by %s: %s", operation.verb, operation.by, what)
        match operation.verb:
            case "open":
                return await self._open(operation)
            case "approve":
                return await self._approve(operation)
            case "clear":
                code = self.premises.clear(operation.latch or "", operation.by, operation.why)
                return Done(not code, code)
            case verb if verb in ANSWERS:
                code = self.premises.answer(
                    ANSWERS[verb], operation.alarm, operation.by,
                    who=operation.who, outcome=operation.outcome, why=operation.why,
                )  # fmt: skip
                return Done(not code, code)
            case "review" | "mute" | "unmute" | "hold_evidence" | "release_evidence" | "export_evidence":
                return await self._watch(operation)
            case "forgive":
                self._done(operation, area.forgive(self.premises.standing, operation.person))
                return Done(True)
            case verb if verb in ORDERS:
                now = self.premises.now()
                self._done(operation, orders(verb, doors, now, operation.by, operation.why, operation.for_s))
            case _:
                return Done(False, "operate.unknown_verb")
        self.premises.wake()
        return Done(True, doors=doors)

    async def _watch(self, operation: Operation) -> Done:
        """About alerts of cameras and their evidence."""
        by, verb = operation.by, operation.verb
        if verb in SHELF:
            return self._shelf(operation)
        if self.alerts is None:
            return Done(False, "operate.unknown_verb")
        if verb == "review":
            code = await self.alerts.review(operation.alarm, operation.outcome, by, operation.why)
            return Done(not code, code)
        for_s = 0.0 if verb == "unmute" else operation.for_s or MUTE_S
        if for_s > MUTE_AT_MOST_S:
            return Done(False, "control.mute_too_long")
        mute = self.alerts.mute(operation.target, for_s, by, operation.why)
        if isinstance(mute, Done):
            return mute
        self._done(operation, (mute,))
        return Done(True)

    def _shelf(self, operation: Operation) -> Done:
        """About evidence that is kept; who releases another's hold names whose."""
        if self.desk is None:
            return Done(False, NO_EVIDENCE)
        target, by = operation.target, operation.by
        if operation.verb == "export_evidence":
            code = self.desk.exported(target, by, operation.outcome, operation.why)
            return Done(not code, code)
        if operation.verb == "hold_evidence":
            code = self.desk.hold(target, by)
            done = Done(not code, code)
        else:
            done = self.desk.release(target, operation.who or by)
        if done.good:
            self._done(operation, ())
        return done

    def _id(self) -> str:
        now = self.premises.now()
        self._count += 1
        return f"local-{now.boot_id[:8]}-{now.up_ms}-{self._count}"

    def _done(self, operation: Operation, changes: Sequence[Change]) -> None:
        event = CommandCompleted(
            command=self._id(), verb=operation.verb, issuer=f"local/{operation.by}",
            door=operation.door, why=operation.why, person=operation.person,
            answer={"target": operation.target} if operation.target else {},
        )  # fmt: skip
        self.premises.record(event, *changes)

    async def _open(self, operation: Operation) -> Done:
        """Recorded before the gate moves, like a command of the city."""
        if operation.door is None:
            return Done(False, "operate.which_door")
        journal = self.premises.journal
        command, issuer, began_ms = self._id(), f"local/{operation.by}", self.premises.now().up_ms
        try:
            await journal.apply(IntentOpened(command, "open", operation.door, issuer, 0))
        except JournalUnavailable:
            return Done(False, "operate.not_recorded")
        reason = "expired" if self.premises.now().up_ms - began_ms > OPEN_WITHIN_MS else ""
        try:
            if not reason:
                await self.doors[operation.door].open_remotely()
        except DeviceUnavailable:
            reason = "gate_unavailable"
        if reason:
            refused = CommandRefused(reason=reason, command=command, verb="open", issuer=issuer)
            journal.record(refused, IntentDone(command, "refused"))
            return Done(False, f"operate.{reason}")
        completed = CommandCompleted(
            command=command, verb="open", issuer=issuer, door=operation.door, why=operation.why
        )  # fmt: skip
        journal.record(completed, IntentDone(command, "completed"))
        return Done(True, doors=(operation.door,))

    async def _approve(self, operation: Operation) -> Done:
        if operation.door is None:
            return Done(False, "operate.which_door")
        if not await self.doors[operation.door].approve(operation.by):
            return Done(False, "operate.nobody_waits")
        self._done(operation, ())
        return Done(True, doors=(operation.door,))
