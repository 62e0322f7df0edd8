"""Command: the city wants something done.

Every doubt about a command is a refusal, and every refusal is an event. Checked in this order: form and signatures,
gateway, retained flag, boot, expiry, counter, verb, role, issuer, second signature, arguments, door, rate. What may act
is first committed as an intent (with its counter), then done once: after a crash in between the outcome is `unknown`
and it is not tried again. What takes its time (people, configuration) is done beside: no door waits for a list.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from edge_agent import log
from edge_agent.core import mode
from edge_agent.errors import DeviceUnavailable, EdgeAgentError, JournalUnavailable, StoreError
from edge_agent.failpoint import failpoint
from edge_agent.flows.errands import Errands
from edge_agent.flows.operate import RemoteDoor
from edge_agent.flows.orders import ORDERS, orders
from edge_agent.flows.premises import Premises
from edge_agent.flows.refusals import Refusals
from edge_agent.model.commands import FIRST, VERBS, Args, Command, Delivery, Outcome, Signer, Verb, arguments, borrowed
from edge_agent.model.events import CommandCompleted, CommandRefused, CommandUnknown
from edge_agent.ports import Beat, IntentDone, IntentOpened, Uplink

LIFETIME_MS = 35_000  # 30 s as agreed, and what the city's guess of our uptime may be off
COMMANDS_A_MINUTE = 300  # genuine ones that move something
ASIDE_AT_MOST = 64
DONE_KEPT = 1000
PASSING = {"store_failing", "failed", "content_missing", "cannot_write", "busy"}  # what may go better the next time
LOOK_S = 5.0

logger = log.get("flows.command")


class Commands:
    def __init__(
        self, gateway: str, uplink: Uplink, premises: Premises, doors: Mapping[str, RemoteDoor], errands: Errands
    ) -> None:
        self.gateway, self.uplink, self.premises, self.doors, self.errands = gateway, uplink, premises, doors, errands
        self.journal, self.clock = premises.journal, premises.clock
        self.refusals = Refusals(self.journal, self.clock)
        self._counter = 0
        self._acted_at: list[int] = []
        self._done: deque[str] = deque(maxlen=DONE_KEPT)  # ids: what is versioned may be repeated, and costs nothing
        self._failed: deque[str] = deque(maxlen=DONE_KEPT)  # the same, of which nothing came
        self._aside: asyncio.PriorityQueue[tuple[int, int, Command, Any]] = asyncio.PriorityQueue(ASIDE_AT_MOST)

    async def run(self, beat: Beat) -> None:
        self._aside = asyncio.PriorityQueue(ASIDE_AT_MOST)  # what waited there before is `unknown` from here on
        await self._settle()
        self._counter = await self.journal.command_counter()
        async with asyncio.TaskGroup() as jobs:
            jobs.create_task(self._clerk())
            while True:
                beat()
                self.refusals.tell()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        delivery = await self.uplink.command()
                    await self._take(delivery)

    async def _take(self, delivery: Delivery) -> None:
        args = self._doubt(delivery)
        if isinstance(args, Outcome):
            self.refusals.refuse(args.reason, delivery.command, delivery.dropped, args.detail)
        else:
            assert delivery.command is not None
            await self._obey(delivery.command, args, delivery.token)
        self.uplink.accept(delivery.token)

    # ---- doubts ------------------------------------------------------------------------------------------------------

    def _doubt(self, delivery: Delivery) -> Args | Outcome:
        """Its arguments, or why this must not be done."""
        command = delivery.command
        if command is None:
            return Outcome(delivery.problem or "malformed")
        verb = VERBS.get(command.verb)
        if command.gateway != self.gateway:
            return Outcome("wrong_gateway")
        if delivery.retained:
            return Outcome("retained")
        if reason := self._late(command, verb):
            return Outcome(reason)
        if verb is None:
            return Outcome("unknown_verb")
        if reason := self._may_not(command, verb, delivery.signers):
            return Outcome(reason)
        try:
            args = arguments(command, verb)
        except ValueError as error:
            return Outcome("bad_arguments", str(error))
        if reason := self._no_such(command, verb):
            return Outcome(reason)
        if command.id in self._done:
            return Outcome("already_done")
        if (command.verb not in FIRST or command.id in self._failed) and self._too_many():
            return Outcome("too_many")
        return args

    def _no_such(self, command: Command, verb: Verb) -> str:
        if command.door is None:
            return "unknown_door" if verb.doors == "one" else ""
        return "" if verb.doors != "none" and command.door in self.doors else "unknown_door"

    def _late(self, command: Command, verb: Verb | None) -> str:
        """What says how things are to be has its counter for a version and need not be bound to this boot."""
        now = self.clock.now()
        if verb is not None and verb.state:
            if command.counter < 1:
                return "no_version"
            if not command.boot_id:
                return ""
        if command.boot_id != now.boot_id:
            return "wrong_boot"
        if now.up_ms > command.not_after_up_ms:
            return "expired"
        if command.not_after_up_ms - now.up_ms > LIFETIME_MS:
            return "lives_too_long"
        if (verb is None or not verb.state) and command.counter <= self._counter:
            return "counter_reused"
        return ""

    def _may_not(self, command: Command, verb: Verb, signers: tuple[Signer, ...]) -> str:
        if not signers or verb.role not in signers[0].roles:
            return "role_missing"
        if borrowed(command.issuer) or (command.cosign is not None and borrowed(command.cosign.issuer)):
            return "bad_issuer"
        if verb.opens and self._opens_all(command.door):
            if len({signer.name for signer in signers if verb.role in signer.roles}) < 2:
                return "second_signature_missing"
        return ""

    def _opens_all(self, door: str | None) -> bool:
        """It would leave no door of several locked: also as the last of a row of orders for one door each."""
        if door is None:
            return True
        now = self.clock.now()
        held = {
            order.door
            for order in self.premises.standing.orders.values()
            if order.mode in mode.OPEN and order.by.startswith("city/") and mode.running(order, now)
        }
        return len(self.doors) > 1 and held | {door} >= self.doors.keys()

    def _too_many(self) -> bool:
        now_ms = self.clock.now().up_ms
        self._acted_at = [at for at in self._acted_at if now_ms - at < 60_000]
        if len(self._acted_at) >= COMMANDS_A_MINUTE:
            return True
        self._acted_at.append(now_ms)
        return False

    # ---- deeds -------------------------------------------------------------------------------------------------------

    async def _obey(self, command: Command, args: Any, token: int) -> None:
        verb = VERBS[command.verb]
        if self.errands.does(command.verb) and self._aside.full():
            self.refusals.refuse("busy", command)
            return
        counter = 0 if verb.state else command.counter
        failpoint("intent.before")
        try:
            await self.journal.apply(IntentOpened(command.id, command.verb, command.door, command.issuer, counter))
        except JournalUnavailable:
            logger.error("command %s refused: it cannot be recorded", command.id)
            return
        failpoint("intent.after")
        self._counter = max(self._counter, counter)
        self._done.append(command.id)
        self.uplink.accept(token)
        if command.boot_id and self.clock.now().up_ms > command.not_after_up_ms:
            await self._finish(command, args, Outcome("expired"))  # the disk took longer than the command lives
        elif self.errands.does(command.verb):
            self._aside.put_nowait((self.errands.rank(command.verb), token, command, args))
        else:
            await self._finish(command, args, await self._act(command, args))

    async def _act(self, command: Command, args: Any) -> Outcome:
        by, now = f"city/{command.issuer}", self.premises.now()
        doors = tuple(self.doors) if command.door is None else (command.door,)
        match command.verb:
            case "open":
                return await self._open(command.door or "")
            case "acknowledge":
                heard = self.premises.acknowledge(args.latch, by)
                answered = not self.premises.answer("acknowledged", args.latch, by)  # with it its repetition ends
                return Outcome(
                    "" if answered or heard else "no_latch", changes=() if answered or not heard else (heard,)
                )
            case "clear":
                if args.latch == "fire":
                    return Outcome("by_hand_only", "fire is cleared at the place")
                code = self.premises.clear(args.latch, by)
                return Outcome(code.removeprefix("operate."))
            case verb if verb in ORDERS:
                return Outcome(changes=tuple(orders(verb, doors, now, by, args.why, getattr(args, "for_s", None))))
            case _:
                return Outcome("unknown_verb")

    async def _open(self, door: str) -> Outcome:
        failpoint("pulse.before")
        try:
            await self.doors[door].open_remotely()
        except DeviceUnavailable as error:
            logger.warning("%s did not open: %s", door, error)
            return Outcome("gate_unavailable")
        failpoint("pulse.after")
        return Outcome()

    async def _clerk(self) -> None:
        """What takes its time, one after another, revocations first."""
        while True:
            _, _, command, args = await self._aside.get()
            try:
                outcome = await self.errands.do(command, args)
            except StoreError as error:
                outcome = Outcome("store_failing", str(error))
            except EdgeAgentError as error:
                outcome = Outcome("failed", str(error))
            await self._finish(command, args, outcome)
            if outcome.restart:
                self.errands.restart()

    async def _finish(self, command: Command, args: Any, outcome: Outcome) -> None:
        """The result, and with it the end of the intent and what the command changed, in one transaction."""
        failpoint("result.before")
        if outcome.reason in PASSING and command.id in self._done:
            self._done.remove(command.id)
            self._failed.append(command.id)
        if outcome.reason:
            detail = outcome.detail[:200]
            logger.warning("command %s (%s) refused: %s %s", command.id, command.verb, outcome.reason, detail)
            self.refusals.count(outcome.reason)
            event: CommandRefused | CommandCompleted = CommandRefused(
                reason=outcome.reason, command=command.id, verb=command.verb, issuer=command.issuer, detail=detail
            )
        else:
            logger.info("%s by %s at %s", command.verb, command.issuer, command.door or "-")
            event = CommandCompleted(
                command=command.id, verb=command.verb, issuer=command.issuer, door=command.door,
                second=command.cosign.issuer if command.cosign else "", why=getattr(args, "why", ""),
                answer=dict(outcome.answer),
            )  # fmt: skip
        done = IntentDone(command.id, "refused" if outcome.reason else "completed")
        self.premises.standing.apply(*outcome.changes)
        recording = self.journal.record(event, done, *outcome.changes)
        if outcome.changes:
            self.premises.wake()
        try:
            await recording.committed()
        except JournalUnavailable:
            logger.error("what came of command %s is not recorded", command.id)
            self.premises.missed(*outcome.changes)
        failpoint("result.after")

    async def _settle(self) -> None:
        """Intents without a result: the agent stopped in between, and nobody knows whether the gate moved."""
        for intent in await self.journal.open_intents():
            event = CommandUnknown(command=intent.command, verb=intent.verb, door=intent.door)
            await self.journal.record(event, IntentDone(intent.command, "unknown")).committed()
