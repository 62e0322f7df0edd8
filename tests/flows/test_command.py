"""Commands: every doubt is a refusal, every refusal an event, and nothing acts twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from edge_agent.errors import DeviceUnavailable
from edge_agent.flows.command import LIFETIME_MS, REFUSALS_A_MINUTE, Commands
from edge_agent.model.commands import Command, Delivery
from edge_agent.model.events import CommandRefused
from edge_agent.ports import Change, IntentDone, IntentOpened
from tests.flows.world import MemoryClock, MemoryJournal, MemoryUplink, no_beat
from tests.waiting import auntil


class RemoteGate:
    def __init__(self, trace: list[str]) -> None:
        self.trace, self.away = trace, False

    async def open_remotely(self) -> None:
        if self.away:
            raise DeviceUnavailable("devices.gate_away", door="gate")
        self.trace.append("open")


class Gateway:
    def __init__(self) -> None:
        self.trace: list[str] = []
        self.clock, self.uplink, self.journal = MemoryClock(), MemoryUplink(), MemoryJournal(self.trace)
        self.gate = RemoteGate(self.trace)
        self.flow = Commands("G1", self.uplink, self.journal, self.clock, {"gate": self.gate})
        self.token = 0

    def give(self, retained: bool = False, problem: str = "", **changes: Any) -> None:
        fields: dict[str, Any] = {
            "id": "c-1", "gateway": "G1", "verb": "open", "issuer": "duty-officer", "boot_id": "b" * 32,
            "not_after_up_ms": self.clock.up_ms + 20_000, "counter": 1, "kid": "k", "sig": "s", "door": "gate",
        }  # fmt: skip
        self.token += 1
        command = None if problem else Command(**(fields | changes))
        self.uplink.commands.put_nowait(Delivery(self.token, 300, retained, command, problem))


def play(story: Callable[[Gateway], Awaitable[None]], gateway: Gateway | None = None) -> None:
    async def run() -> None:
        world = gateway or Gateway()
        job = asyncio.create_task(world.flow.run(no_beat))
        try:
            await story(world)
        finally:
            job.cancel()

    asyncio.run(run())


def test_intent_before_act_and_result_after() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give()
        await auntil(lambda: "commit command.completed" in gateway.trace)
        assert gateway.trace == ["apply IntentOpened", "open", "commit command.completed"]
        assert gateway.uplink.accepted[0] == 1

    play(story)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"gateway": "G2"}, "wrong_gateway"),
        ({"boot_id": "a" * 32}, "wrong_boot"),
        ({"not_after_up_ms": 99_999}, "expired"),
        ({"not_after_up_ms": 100_001 + LIFETIME_MS}, "lives_too_long"),
        ({"counter": 0}, "counter_reused"),
        ({"verb": "detonate"}, "unknown_verb"),
        ({"door": "elsewhere"}, "unknown_door"),
        ({"door": None}, "unknown_door"),
        ({"retained": True}, "retained"),
        ({"problem": "bad_signature"}, "bad_signature"),
    ],
)
def test_every_doubt_is_a_refusal(changes: dict[str, Any], reason: str) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(**changes)
        await auntil(lambda: gateway.journal.all)
        event = gateway.journal.all[0].event
        assert isinstance(event, CommandRefused)
        assert event.reason == reason
        assert "open" not in gateway.trace
        assert gateway.uplink.accepted == [1]

    play(story)


def test_the_same_command_again_opens_nothing() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give()
        gateway.give()
        await auntil(lambda: len(gateway.journal.all) == 2)
        assert gateway.trace.count("open") == 1
        assert gateway.journal.tags() == ["command.completed", "command.refused"]

    play(story)


def test_a_crash_between_intent_and_result_is_told_and_not_repeated() -> None:
    gateway = Gateway()
    gateway.journal.changes.append(IntentOpened("c-0", "open", "gate", "duty-officer", 5))

    async def story(world: Gateway) -> None:
        await auntil(lambda: world.journal.tags() == ["command.unknown"])
        assert IntentDone("c-0", "unknown") in world.journal.changes
        world.give(counter=5)
        await auntil(lambda: len(world.journal.all) == 2)
        assert "open" not in world.trace

    play(story, gateway)


def test_what_cannot_be_recorded_is_not_done() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.journal.full = True
        gateway.give()
        await auntil(lambda: gateway.uplink.accepted)
        assert gateway.trace == []

    play(story)


def test_a_gate_that_is_away_refuses() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.gate.away = True
        gateway.give()
        await auntil(lambda: gateway.journal.tags() == ["command.refused"])

    play(story)


def test_a_flood_of_forgeries_does_not_fill_the_journal() -> None:
    async def story(gateway: Gateway) -> None:
        for _ in range(500):
            gateway.give(problem="bad_signature")
        await auntil(lambda: len(gateway.uplink.accepted) == 500)
        assert len(gateway.journal.all) == REFUSALS_A_MINUTE

    play(story)


def test_a_command_that_expired_while_it_was_recorded_opens_nothing() -> None:
    class SlowJournal(MemoryJournal):
        async def apply(self, *changes: Change) -> None:
            gateway.clock.up_ms += 21_000
            await super().apply(*changes)

    gateway = Gateway()
    gateway.journal = gateway.flow.journal = SlowJournal(gateway.trace)  # type: ignore[assignment]

    async def story(world: Gateway) -> None:
        world.give()
        await auntil(lambda: world.journal.tags() == ["command.refused"])
        assert "open" not in world.trace
        assert IntentDone("c-1", "refused") in world.journal.changes

    play(story, gateway)
