"""Command: the city wants a gate opened. Every doubt is a refusal, and every refusal is an event.

Checked in this order: signature and form, retained flag, gateway, boot, expiry, counter, verb, door. What may act is
first committed as an intent with its counter, then done once: after a crash in between the outcome is `unknown` and
it is not tried again.
"""

from collections.abc import Mapping
from typing import Protocol

from edge_agent import log
from edge_agent.errors import DeviceUnavailable, JournalUnavailable
from edge_agent.model.commands import VERBS, Command, Delivery
from edge_agent.model.events import CommandCompleted, CommandRefused, CommandUnknown
from edge_agent.ports import Beat, Clock, IntentDone, IntentOpened, Journal, Uplink

LIFETIME_MS = 35_000  # 30 s as agreed, and what the city's guess of our uptime may be off
REFUSALS_A_MINUTE = 30

logger = log.get("flows.command")


class RemoteDoor(Protocol):
    async def open_remotely(self) -> None: ...


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
