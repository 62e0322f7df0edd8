"""Command: somebody wants something done — the city over the wire, or a guard at the gateway itself.

Every doubt about a command of the city is a refusal, and every refusal is an event. Checked in this order: signature
and form, retained flag, gateway, boot, expiry, counter, verb, door. What may act is first committed as an intent with
its counter, then done once: after a crash in between the outcome is `unknown` and it is not tried again. What a guard
orders has a name and is an event too.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from edge_agent import log
from edge_agent.core import area
from edge_agent.errors import DeviceUnavailable, JournalUnavailable
from edge_agent.flows.premises import Premises
from edge_agent.model.commands import MODES, VERBS, Command, Delivery, Done, Operation
from edge_agent.model.events import CommandCompleted, CommandRefused, CommandUnknown
from edge_agent.model.standing import At, Change, ModeName, Order, Source
from edge_agent.ports import Beat, Clock, IntentDone, IntentOpened, Journal, Uplink

LIFETIME_MS = 35_000  # 30 s as agreed, and what the city's guess of our uptime may be off
REFUSALS_A_MINUTE = 30
EXCEPTIONAL_S = 3600.0  # lockdown and evacuation end by themselves, should nobody think of it

logger = log.get("flows.command")


class RemoteDoor(Protocol):
    async def open_remotely(self) -> None: ...

    async def approve(self, by: str) -> bool: ...


class Commands:
    def __init__(
        self, gateway: str, uplink: Uplink, journal: Journal, clock: Clock, doors: Mapping[str, RemoteDoor]
    ) -> None:
        self.gateway, self.uplink, self.journal, self.clock, self.doors = gateway, uplink, journal, clock, doors
        self._counter = 0
        self._refused_at: list[int] = []

    async def run(self, beat: Beat) -> None:
        await self._settle()
        self._counter = await self.journal.command_counter()
        while True:
            beat()
            delivery = await self.uplink.command()
            if reason := self._doubt(delivery):
                self._refuse(delivery, reason)
            else:
                assert delivery.command is not None
                await self._obey(delivery.command, delivery.token)
            self.uplink.accept(delivery.token)

    def _doubt(self, delivery: Delivery) -> str | None:
        """Why this must not be done, or None."""
        command, now = delivery.command, self.clock.now()
        if command is None:
            return delivery.problem
        if delivery.retained:
            return "retained"
        if command.gateway != self.gateway:
            return "wrong_gateway"
        if command.boot_id != now.boot_id:
            return "wrong_boot"
        if now.up_ms > command.not_after_up_ms:
            return "expired"
        if command.not_after_up_ms - now.up_ms > LIFETIME_MS:
            return "lives_too_long"
        if command.counter <= self._counter:
            return "counter_reused"
        if command.verb not in VERBS:
            return "unknown_verb"
        if command.door not in self.doors:
            return "unknown_door"
        return None

    async def _obey(self, command: Command, token: int) -> None:
        intent = IntentOpened(command.id, command.verb, command.door, command.issuer, command.counter)
        try:
            await self.journal.apply(intent)
        except JournalUnavailable:
            logger.error("command %s refused: it cannot be recorded", command.id)
            return
        self._counter = command.counter
        self.uplink.accept(token)
        if self.clock.now().up_ms > command.not_after_up_ms:  # the disk took longer than the command lives
            self._finish(command, "expired")
            return
        try:
            await self.doors[command.door or ""].open_remotely()
        except DeviceUnavailable as error:
            logger.warning("command %s: %s", command.id, error)
            self._finish(command, "gate_unavailable")
            return
        completed = CommandCompleted(command=command.id, verb=command.verb, issuer=command.issuer, door=command.door)
        self.journal.record(completed, IntentDone(command.id, "completed"))

    def _finish(self, command: Command, reason: str) -> None:
        """An intent that did not become an act."""
        refused = CommandRefused(reason=reason, command=command.id, verb=command.verb, issuer=command.issuer)
        self.journal.record(refused, IntentDone(command.id, "refused"))

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        """Audited, at a bounded rate: a flood of forgeries must not fill the journal."""
        now = self.clock.now().up_ms
        self._refused_at = [at for at in self._refused_at if now - at < 60_000]
        if len(self._refused_at) >= REFUSALS_A_MINUTE:
            return
        self._refused_at.append(now)
        logger.warning("command refused: %s", reason)
        command = delivery.command
        if command is None:
            self.journal.record(CommandRefused(reason=reason))
            return
        event = CommandRefused(reason=reason, command=command.id, verb=command.verb, issuer=command.issuer)
        self.journal.record(event)

    async def _settle(self) -> None:
        """Intents without a result: the agent stopped in between, and nobody knows whether the gate moved."""
        for intent in await self.journal.open_intents():
            event = CommandUnknown(command=intent.command, verb=intent.verb, door=intent.door)
            await self.journal.record(event, IntentDone(intent.command, "unknown")).committed()


class Operations:
    """What a guard or installer at the gateway may order; fulfils what console.control serves."""

    def __init__(self, premises: Premises, doors: Mapping[str, RemoteDoor]) -> None:
        self.premises, self.doors = premises, doors
        self._count = 0

    async def carry_out(self, operation: Operation) -> Done:
        if not operation.by.strip():
            return Done(False, "operate.no_name")
        if operation.door is not None and operation.door not in self.doors:
            return Done(False, "operate.no_door")
        doors = tuple(self.doors) if operation.door is None else (operation.door,)
        what = operation.door or operation.latch or operation.person or "all"
        logger.info("%s by %s: %s", operation.verb, operation.by, what)
        match operation.verb:
            case "open":
                return await self._open(operation)
            case "approve":
                return await self._approve(operation)
            case "clear":
                code = self.premises.clear(operation.latch or "", operation.by, operation.why)
                return Done(not code, code)
            case "forgive":
                self._done(operation, area.forgive(self.premises.standing, operation.person))
                return Done(True)
            case "lockdown" | "evacuate" | "end_lockdown" | "end_evacuation" | "normal":
                self._done(operation, self._exceptional(operation, doors))
            case verb if verb in MODES:
                self._done(operation, [self._order(operation, door, "operator", MODES[verb]) for door in doors])
            case _:
                return Done(False, "operate.unknown_verb")
        self.premises.wake()
        return Done(True, doors=doors)

    def _exceptional(self, operation: Operation, doors: tuple[str, ...]) -> list[Order]:
        match operation.verb:
            case "lockdown":
                return [self._order(operation, door, "lockdown", "locked_down") for door in doors]
            case "evacuate":
                return [self._order(operation, door, "evacuation", "locked_open") for door in doors]
            case "end_lockdown":
                return [self._order(operation, door, "lockdown", None) for door in doors]
            case "end_evacuation":
                return [self._order(operation, door, "evacuation", None) for door in doors]
            case _:
                return [self._order(operation, door, "operator", None) for door in doors]

    def _order(self, operation: Operation, door: str, source: Source, mode: ModeName | None) -> Order:
        now = self.premises.now()
        for_s = operation.for_s if source == "operator" or operation.for_s is not None else EXCEPTIONAL_S
        until_ms = None if for_s is None else now.up_ms + round(for_s * 1000)
        return Order(door, source, mode, operation.by, operation.why, At.of(now), until_ms)

    def _id(self) -> str:
        now = self.premises.now()
        self._count += 1
        return f"local-{now.boot_id[:8]}-{now.up_ms}-{self._count}"

    def _done(self, operation: Operation, changes: Sequence[Change]) -> None:
        event = CommandCompleted(
            command=self._id(), verb=operation.verb, issuer=f"local/{operation.by}",
            door=operation.door, why=operation.why, person=operation.person,
        )  # fmt: skip
        self.premises.record(event, *changes)

    async def _open(self, operation: Operation) -> Done:
        """Recorded before the gate moves, like a command of the city."""
        if operation.door is None:
            return Done(False, "operate.which_door")
        journal = self.premises.journal
        command, issuer = self._id(), f"local/{operation.by}"
        try:
            await journal.apply(IntentOpened(command, "open", operation.door, issuer, 0))
        except JournalUnavailable:
            return Done(False, "operate.not_recorded")
        try:
            await self.doors[operation.door].open_remotely()
        except DeviceUnavailable:
            refused = CommandRefused(reason="gate_unavailable", command=command, verb="open", issuer=issuer)
            journal.record(refused, IntentDone(command, "refused"))
            return Done(False, "operate.gate_unavailable")
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
