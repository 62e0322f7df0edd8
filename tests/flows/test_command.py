"""Commands: every doubt is a refusal, every refusal an event, and nothing acts twice."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from edge_agent.core.area import Standing
from edge_agent.errors import DeviceUnavailable, JournalUnavailable, StoreError, VisitError
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.command import COMMANDS_A_MINUTE, LIFETIME_MS, Commands
from edge_agent.flows.errands import Errands
from edge_agent.flows.premises import Premises
from edge_agent.flows.refusals import REFUSALS_A_MINUTE
from edge_agent.model.commands import ROLES, VERBS, Command, Cosignature, Delivery, Signer
from edge_agent.model.events import AlarmAcknowledged, AlarmDispatched, CommandCompleted, CommandRefused, PanicRaised
from edge_agent.model.grants import PersonGrant, Subject
from edge_agent.model.site import Policy
from edge_agent.model.standing import Latch, Order
from edge_agent.ports import Change, IntentDone, IntentOpened
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal, MemoryUplink, no_beat
from tests.waiting import auntil

CITY = Signer("city", frozenset(ROLES))
SECOND = Cosignature("second-officer", "k2", "s2")


class RemoteGate:
    def __init__(self, trace: list[str], name: str = "open") -> None:
        self.trace, self.name, self.away = trace, name, False

    async def open_remotely(self) -> None:
        if self.away:
            raise DeviceUnavailable("devices.gate_away", door="gate")
        self.trace.append(self.name)

    async def approve(self, by: str) -> bool:
        return False


class MemoryRegister:
    def __init__(self, trace: list[str]) -> None:
        self.trace, self.hold = trace, asyncio.Event()
        self.hold.set()

    async def grant(self, person: PersonGrant, version: int) -> str:
        await self.hold.wait()
        self.trace.append(f"grant {person.id}")
        return ""

    async def bar(self, subject: Subject, version: int) -> str:
        await self.hold.wait()
        self.trace.append(f"bar {subject.text}")
        return ""

    async def blacklist(self, subject: Subject, version: int, reason: str, until_ms: int | None, listed: bool) -> str:
        self.trace.append(f"blacklist {subject.text}")
        return ""

    async def list_version(self) -> int:
        return 7

    async def take_list(self, version: int, whole: bool, pieces: list[bytes]) -> tuple[int, int, int]:
        return 0, 0, 0


class MemorySetup:
    def __init__(self, trace: list[str]) -> None:
        self.trace = trace

    async def configure(self, content: bytes, version: int) -> tuple[str, str]:
        self.trace.append(f"configure {version}")
        return "", ""

    async def certify(self, pem: bytes, version: int) -> tuple[str, str]:
        return "bad_certificate", "not ours"

    def restart(self) -> None:
        self.trace.append("restart")


class Gateway:
    def __init__(self) -> None:
        self.trace: list[str] = []
        self.clock, self.uplink, self.journal = MemoryClock(), MemoryUplink(), MemoryJournal(self.trace)
        self.gate = RemoteGate(self.trace)
        self.doors = {"gate": self.gate, "garage": RemoteGate(self.trace, "open garage")}
        self.premises = Premises(self.journal, MemoryBooks(), self.clock, Alarms(self.journal, self.clock), Policy())
        self.register = MemoryRegister(self.trace)
        errands = Errands(
            self.register, MemorySetup(self.trace), self.uplink, lambda: {"doors": 2}, host_says=self.host_says
        )  # fmt: skip
        self.flow = Commands("G1", self.uplink, self.premises, self.doors, errands)
        self.token = 0

    async def host_says(self, visit: str, answer: str, who: str) -> None:
        self.trace.append(f"{visit} {answer} by {who}")
        if visit == "v-2":
            raise VisitError("visit.not_asked", visit=visit)

    def give(
        self, retained: bool = False, problem: str = "", signers: tuple[Signer, ...] = (CITY,), **changes: Any
    ) -> None:
        state = changes.get("verb", "open") in VERBS and VERBS[changes.get("verb", "open")].state
        self.token += 1
        fields: dict[str, Any] = {
            "id": f"c-{self.token}", "gateway": "G1", "verb": "open", "issuer": "duty-officer",
            "boot_id": "" if state else "b" * 32, "not_after_up_ms": 0 if state else self.clock.up_ms + 20_000,
            "counter": self.token, "kid": "k", "sig": "s",
            "door": "gate" if changes.get("verb", "open") == "open" else None,
        }  # fmt: skip
        command = None if problem else Command(**(fields | changes))
        self.uplink.commands.put_nowait(Delivery(self.token, 300, retained, command, problem, signers))

    def refusals(self) -> list[str]:
        events = [row.event for row in self.journal.all]
        return [event.reason for event in events if isinstance(event, CommandRefused)]

    def completed(self) -> list[CommandCompleted]:
        return [event for row in self.journal.all if isinstance(event := row.event, CommandCompleted)]

    def orders(self) -> list[tuple[str, str | None]]:
        return [(o.door, o.mode) for o in self.premises.standing.orders.values() if isinstance(o, Order)]


def play(story: Callable[[Gateway], Awaitable[None]], prepare: Callable[[Gateway], None] = lambda _: None) -> None:
    async def run() -> None:
        world = Gateway()
        prepare(world)
        job = asyncio.create_task(world.flow.run(no_beat))
        try:
            await story(world)
            assert not job.done()
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

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
        ({"boot_id": ""}, "wrong_boot"),
        ({"not_after_up_ms": 99_999}, "expired"),
        ({"not_after_up_ms": 100_001 + LIFETIME_MS}, "lives_too_long"),
        ({"counter": 0}, "counter_reused"),
        ({"verb": "detonate"}, "unknown_verb"),
        ({"door": "elsewhere"}, "unknown_door"),
        ({"door": None}, "unknown_door"),
        ({"retained": True}, "retained"),
        ({"problem": "bad_signature"}, "bad_signature"),
        ({"signers": (Signer("clerk", frozenset({"registrar"})),)}, "role_missing"),
        ({"signers": ()}, "role_missing"),
        ({"issuer": "local/li"}, "bad_issuer"),
        ({"issuer": " City/desk-1"}, "bad_issuer"),
        ({"verb": "evacuate", "signers": (CITY, CITY), "cosign": Cosignature("door/x", "k2", "s2")}, "bad_issuer"),
        ({"args": {"force": True}}, "bad_arguments"),
        ({"verb": "hold", "door": "gate", "args": {"for_s": -1}}, "bad_arguments"),
        ({"verb": "hold", "door": "gate", "args": {"for_s": 1e300}}, "bad_arguments"),
        ({"verb": "hold", "door": "gate"}, "bad_arguments"),
        ({"verb": "hold", "args": {"for_s": 5}}, "second_signature_missing"),
        ({"verb": "unlock"}, "second_signature_missing"),
        ({"verb": "evacuate"}, "second_signature_missing"),
        ({"verb": "evacuate", "signers": (CITY, CITY)}, "second_signature_missing"),
        (
            {"verb": "evacuate", "signers": (CITY, Signer("clerk", frozenset({"guard"})))},
            "second_signature_missing",
        ),
        ({"verb": "grant", "counter": 0}, "no_version"),
        ({"verb": "grant", "args": {"person": {"id": "p", "category": "king"}}}, "bad_arguments"),
        ({"verb": "revoke", "args": {}}, "bad_arguments"),
        ({"verb": "revoke", "door": "gate", "args": {"person": "p-1"}}, "unknown_door"),
        ({"verb": "grant", "boot_id": "a" * 32}, "wrong_boot"),
        ({"verb": "acknowledge", "args": {"latch": "panic/gate"}}, "no_latch"),
        ({"verb": "clear", "args": {"latch": "fire"}}, "by_hand_only"),
        ({"verb": "evidence", "args": {"from_ms": 1, "to_ms": 2}}, "not_here"),
        ({"verb": "certify", "args": {"pem": "x"}}, "bad_certificate"),
        ({"verb": "configure", "args": {"sha256": "0" * 64, "size": 3}}, "content_missing"),
    ],
)
def test_every_doubt_is_a_refusal(changes: dict[str, Any], reason: str) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(**changes)
        await auntil(lambda: gateway.journal.all)
        assert gateway.refusals() == [reason]
        assert "open" not in gateway.trace
        assert not gateway.orders()
        await auntil(lambda: gateway.uplink.accepted in ([1, 1], [1]))

    play(story)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"args": {"force": True}}, "unknown: force"),
        ({"args": {"Zhang San, 13900000001": True}}, "unknown: ?"),
        ({"args": {"f" * 33: True}}, "unknown: ?"),
        ({"args": {"why": "w" * 201}}, "wrong: why"),
        ({"verb": "hold", "door": "gate"}, "missing: for_s"),
        ({"verb": "hold", "door": "gate", "args": {"for_s": "soon"}}, "wrong: for_s"),
        ({"verb": "revoke", "args": {}}, "wrong: person, credential"),
        ({"verb": "grant", "args": {"person": {"id": "p"}}}, "missing: person.category"),
        ({"verb": "grant", "args": {"person": {"id": "p", "category": "king"}}}, "wrong: person"),
        ({"verb": "grant", "args": {"person": {"id": "Zhang San", "category": "resident"}}}, "wrong: person.id"),
        ({"verb": "answer_visit", "args": {"visit": "v", "answer": "Zhang San"}}, "wrong: answer"),
    ],
)
def test_a_refused_argument_is_named_and_not_repeated(changes: dict[str, Any], detail: str) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(**changes)
        await auntil(lambda: gateway.journal.all)
        event = gateway.journal.all[0].event
        assert isinstance(event, CommandRefused)
        assert (event.reason, event.detail) == ("bad_arguments", detail)

    play(story)


@pytest.mark.parametrize(
    "changes",
    [{}, *({"verb": verb, "door": "gate"} for verb in ("lock", "normal", "lockdown", "release")), {"verb": "sync"}],
)
def test_the_reason_somebody_gave_stands_in_the_result(changes: dict[str, Any]) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(**changes, args={"why": "the doctor"})
        await auntil(gateway.completed)
        assert [event.why for event in gateway.completed()] == ["the doctor"]

    play(story)


def test_the_same_command_again_opens_nothing() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give()
        gateway.give(id="c-1", counter=1)
        await auntil(lambda: len(gateway.journal.all) == 2)
        assert gateway.trace.count("open") == 1
        assert gateway.journal.tags() == ["command.completed", "command.refused"]

    play(story)


def test_a_crash_between_intent_and_result_is_told_and_not_repeated() -> None:
    def prepare(gateway: Gateway) -> None:
        gateway.journal.changes.append(IntentOpened("c-0", "open", "gate", "duty-officer", 5))

    async def story(world: Gateway) -> None:
        await auntil(lambda: world.journal.tags() == ["command.unknown"])
        assert IntentDone("c-0", "unknown") in world.journal.changes
        world.give(counter=5)
        await auntil(lambda: len(world.journal.all) == 2)
        assert "open" not in world.trace

    play(story, prepare)


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


def test_a_flood_of_forgeries_does_not_fill_the_journal_and_is_counted() -> None:
    async def story(gateway: Gateway) -> None:
        for _ in range(500):
            gateway.give(problem="bad_signature")
        await auntil(lambda: len(gateway.uplink.accepted) == 500)
        assert len(gateway.journal.all) == REFUSALS_A_MINUTE
        gateway.clock.up_ms += 61_000
        gateway.flow.refusals.tell()
        last = gateway.journal.all[-1].event
        assert isinstance(last, CommandRefused)
        assert last.unsaid == 500 - REFUSALS_A_MINUTE

    play(story)


def test_genuine_commands_have_a_rate_too_and_revocations_none() -> None:
    async def story(gateway: Gateway) -> None:
        for n in range(COMMANDS_A_MINUTE + 5):
            gateway.give(verb="lock", door="gate", counter=n + 1)
        await auntil(lambda: gateway.refusals() == ["too_many"] * 5)
        gateway.give(verb="revoke", args={"person": "p-1"})
        await auntil(lambda: "bar person/p-1" in gateway.trace)

    play(story)


def test_a_command_that_expired_while_it_was_recorded_opens_nothing() -> None:
    class SlowJournal(MemoryJournal):
        async def apply(self, *changes: Change) -> None:
            clock.up_ms += 21_000
            await super().apply(*changes)

    clock = MemoryClock()

    def prepare(gateway: Gateway) -> None:
        gateway.clock = gateway.flow.clock = gateway.premises.clock = clock
        gateway.journal = SlowJournal(gateway.trace)
        gateway.flow.journal = gateway.premises.journal = gateway.journal

    async def story(world: Gateway) -> None:
        world.give()
        await auntil(lambda: world.journal.tags() == ["command.refused"])
        assert "open" not in world.trace
        assert IntentDone("c-1", "refused") in world.journal.changes

    play(story, prepare)


def test_a_lockdown_whose_result_the_disk_did_not_take_is_there_after_a_restart() -> None:
    """It was recorded as begun, then the disk was full: in force, and forgotten by the next start."""

    class FillsUp(MemoryJournal):
        async def apply(self, *changes: Change) -> None:
            await super().apply(*changes)
            self.full = True

    def prepare(gateway: Gateway) -> None:
        gateway.journal = FillsUp(gateway.trace)
        gateway.flow.journal = gateway.flow.refusals.journal = gateway.premises.journal = gateway.journal

    async def story(gateway: Gateway) -> None:
        gateway.give(verb="lockdown", door="gate")
        await auntil(lambda: gateway.orders() == [("gate", "locked_down")])
        await asyncio.sleep(0)
        gateway.journal.full = False
        following = asyncio.create_task(gateway.premises.run(no_beat))
        await auntil(lambda: any(isinstance(change, Order) for change in gateway.journal.changes), timeout=3)
        following.cancel()
        kept = Standing(changes=await gateway.journal.standing())
        assert [(order.door, order.mode) for order in kept.orders.values()] == [("gate", "locked_down")]

    play(story, prepare)


def test_an_order_that_was_lifted_while_the_disk_hung_is_not_in_force_again_when_it_fails() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.journal.slow = True
        gateway.give(verb="unlock", door="gate")
        await auntil(lambda: gateway.orders() == [("gate", "unlocked")] and gateway.journal.waiting)
        gateway.journal.slow = False
        (order,) = gateway.premises.standing.orders.values()
        lifted = Order(order.door, order.source, None, "local/guard")
        gateway.premises.remember(lifted)
        _, recording = gateway.journal.waiting.pop()
        gateway.journal.full = True
        recording.set_exception(JournalUnavailable("store.disk_full", file="journal.db"))
        gateway.give(verb="diagnose")  # is looked at when the one before is done with
        await auntil(lambda: len(gateway.uplink.accepted) >= 2)
        assert gateway.orders() == []
        gateway.journal.full = False
        following = asyncio.create_task(gateway.premises.run(no_beat))
        await auntil(lambda: sum(isinstance(change, Order) for change in gateway.journal.changes) > 1, timeout=3)
        following.cancel()
        assert not Standing(changes=await gateway.journal.standing()).orders

    play(story)


# ---- what the verbs do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "args", "mode"),
    [
        ("hold", {"for_s": 30}, "unlocked"), ("unlock", {}, "unlocked"), ("lock", {"why": "night"}, "locked"),
        ("block", {}, "blocked"), ("double_lock", {}, "double_locked"), ("normal", {}, None),
        ("lockdown", {}, "locked_down"), ("release", {}, None), ("end_evacuation", {}, None),
        ("evacuate", {}, "locked_open"),
    ],
)  # fmt: skip
def test_an_order_for_one_door(verb: str, args: dict[str, Any], mode: str | None) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(verb=verb, door="gate", args=args)
        await auntil(gateway.completed)
        changes = [change for change in gateway.journal.changes if isinstance(change, Order)]
        assert [(order.door, order.mode, order.by) for order in changes] == [("gate", mode, "city/duty-officer")]
        if verb in ("hold", "lockdown", "evacuate"):
            assert changes[0].until_ms == gateway.clock.up_ms + (30_000 if verb == "hold" else 3_600_000)

    play(story)


def test_all_doors_are_opened_by_two_people_only() -> None:
    """Two signatures of two different people; both stand in the journal."""

    async def story(gateway: Gateway) -> None:
        other = Signer("chief", frozenset(ROLES))
        gateway.give(verb="evacuate", signers=(CITY, other), cosign=SECOND)
        await auntil(gateway.completed)
        assert sorted(gateway.orders()) == [("garage", "locked_open"), ("gate", "locked_open")]
        assert gateway.completed()[0].second == "second-officer"

    play(story)


def test_all_doors_one_by_one_take_two_people_as_well() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(verb="unlock", door="gate")
        gateway.give(verb="unlock", door="garage")
        await auntil(lambda: len(gateway.journal.all) == 2)
        assert gateway.refusals() == ["second_signature_missing"]
        gateway.give(verb="normal", door="gate")
        gateway.give(verb="unlock", door="garage")
        await auntil(lambda: len(gateway.completed()) == 3)

    play(story)


def test_a_panic_that_is_acknowledged_is_not_repeated_and_stays_raised() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.premises.panic("gate", True)
        gateway.give(verb="acknowledge", args={"latch": "panic/gate"})
        await auntil(gateway.completed)
        latch = gateway.premises.standing.latches["panic/gate"]
        assert (latch.raised, latch.acknowledged) == (True, "city/duty-officer")
        assert any(isinstance(change, Latch) and change.acknowledged for change in gateway.journal.changes)
        gateway.clock.up_ms += 60_000
        job = asyncio.create_task(gateway.premises.run(no_beat))
        gateway.give(verb="diagnose")
        await auntil(lambda: len(gateway.completed()) == 2)
        job.cancel()
        assert gateway.journal.tags().count("panic.raised") == 1
        gateway.premises.panic("gate", True)  # somebody presses again: a new call
        last = [row.event for row in gateway.journal.all if row.tag == "panic.raised"][-1]
        assert isinstance(last, PanicRaised)
        assert last.count == 2

    play(story)


def test_a_panic_after_the_one_before_was_cleared_is_answered_anew() -> None:
    """The one before was acknowledged and cleared, and nobody has said how it ended."""

    def pressed(gateway: Gateway) -> None:
        gateway.premises.panic("gate", True)
        gateway.premises.panic("gate", False)

    async def story(gateway: Gateway) -> None:
        pressed(gateway)
        gateway.give(verb="acknowledge", args={"latch": "panic/gate"})
        gateway.give(verb="clear", args={"latch": "panic/gate"})
        await auntil(lambda: len(gateway.completed()) == 2)
        gateway.clock.up_ms += 20_000
        pressed(gateway)
        assert gateway.premises.standing.cases["panic/gate"].step == ""
        again = Premises(gateway.journal, MemoryBooks(), gateway.clock, gateway.premises.alarms, Policy())
        await again.restore()
        assert again.standing.cases == gateway.premises.standing.cases, "also after a restart"
        gateway.clock.up_ms += 7_000
        gateway.give(verb="acknowledge", args={"latch": "panic/gate"})
        await auntil(lambda: len(gateway.completed()) == 3)
        heard = [row.event for row in gateway.journal.all if isinstance(row.event, AlarmAcknowledged)]
        assert [event.after_ms for event in heard] == [0, 7_000]
        gateway.premises.answer("dispatched", "panic/gate", "li", who="chen")
        sent = gateway.journal.all[-1].event
        assert isinstance(sent, AlarmDispatched)
        assert sent.after_ms == 7_000

    play(story)


def test_a_panic_pressed_again_after_it_was_answered_rings_again() -> None:
    """Nobody has cleared it: whoever presses does not know that, and is not less in need."""

    async def story(gateway: Gateway) -> None:
        cases = gateway.premises.standing.cases
        gateway.premises.panic("gate", True)
        gateway.premises.panic("gate", False)
        for step in ("acknowledged", "closed"):
            gateway.premises.answer(step, "panic/gate", "li", outcome="real" if step == "closed" else "")
        assert "panic/gate" not in cases
        gateway.clock.up_ms += 20_000
        gateway.premises.panic("gate", True)
        assert (cases["panic/gate"].step, cases["panic/gate"].raised.up_ms) == ("", gateway.clock.up_ms)
        gateway.premises.panic("gate", True)
        gateway.clock.up_ms += 7_000
        assert gateway.premises.answer("acknowledged", "panic/gate", "li") == ""
        heard = [row.event for row in gateway.journal.all if isinstance(row.event, AlarmAcknowledged)]
        assert [event.after_ms for event in heard] == [0, 7_000]
        raised = [row.event for row in gateway.journal.all if isinstance(row.event, PanicRaised)]
        assert [event.count for event in raised] == [1, 2]

    play(story)


def test_a_panic_is_cleared_by_the_city_once_its_button_is_free() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.premises.panic("gate", True)
        gateway.give(verb="clear", args={"latch": "panic/gate"})
        await auntil(lambda: gateway.refusals() == ["latch_active"])
        gateway.premises.panic("gate", False)
        gateway.give(verb="clear", args={"latch": "panic/gate"})
        await auntil(lambda: "panic.cleared" in gateway.journal.tags())

    play(story)


def test_revocations_overtake_grants_and_doors_wait_for_neither() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.register.hold.clear()
        gateway.give(verb="grant", args={"person": {"id": "p-9", "category": "resident"}})
        for n in (1, 2):
            gateway.give(verb="grant", args={"person": {"id": f"p-{n}", "category": "resident"}})
        gateway.give(verb="revoke", args={"credential": {"kind": "card", "bits": 26, "raw": "ff"}})
        gateway.give()
        await auntil(lambda: "open" in gateway.trace)
        gateway.register.hold.set()
        await auntil(lambda: len(gateway.completed()) == 5)
        done = [line for line in gateway.trace if line.startswith(("grant", "bar"))]
        assert done.index("bar card/26/ff") < done.index("grant p-1") < done.index("grant p-2")

    play(story)


def test_a_statement_may_come_late_and_does_not_stand_in_the_way_of_a_door() -> None:
    """Its counter is its version, not one of those a door's commands must exceed; and it counts across boots."""

    async def story(gateway: Gateway) -> None:
        gateway.give(verb="grant", counter=900, args={"person": {"id": "p-1", "category": "resident"}})
        await auntil(lambda: len(gateway.completed()) == 1)
        gateway.give(counter=5)
        await auntil(lambda: "open" in gateway.trace)
        gateway.give(verb="grant", counter=3, args={"person": {"id": "p-2", "category": "resident"}})
        await auntil(lambda: "grant p-2" in gateway.trace)

    play(story)


def test_a_statement_repeated_costs_no_second_entry_in_the_register() -> None:
    async def story(gateway: Gateway) -> None:
        for _ in range(50):
            gateway.give(verb="revoke", id="same", counter=4, args={"person": "p-1"})
        await auntil(lambda: len(gateway.uplink.accepted) >= 50)
        assert gateway.trace.count("bar person/p-1") == 1
        assert set(gateway.refusals()) == {"already_done"}
        assert len(gateway.refusals()) == REFUSALS_A_MINUTE

    play(story)


def test_a_revocation_that_failed_is_not_done_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """people.db was held by an import: who sends the same command again is not told `already_done`. However often it
    comes while it fails, it does not fill the journal.
    """

    async def story(gateway: Gateway) -> None:
        bar, failing = gateway.register.bar, True

        async def sometimes(subject: Subject, version: int) -> str:
            if failing:
                raise StoreError("store.busy", file="people.db")
            return await bar(subject, version)

        def revoke() -> None:
            gateway.give(verb="revoke", id="same", counter=4, args={"person": "p-1"})

        monkeypatch.setattr(gateway.register, "bar", sometimes)
        for count in (1, 2):
            revoke()
            await auntil(lambda: gateway.refusals() == ["store_failing"] * count)  # noqa: B023
        for _ in range(COMMANDS_A_MINUTE + 100):
            revoke()
            await asyncio.sleep(0)
        await auntil(lambda: len(gateway.uplink.accepted) >= COMMANDS_A_MINUTE + 102)
        assert len(gateway.refusals()) < COMMANDS_A_MINUTE + 102
        failing = False
        gateway.clock.up_ms += 61_000
        revoke()
        await auntil(lambda: "bar person/p-1" in gateway.trace)
        revoke()
        await auntil(lambda: "already_done" in gateway.refusals()[-1:])

    play(story)


def test_questions_are_answered_in_the_result() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.give(verb="diagnose")
        gateway.give(verb="sync")
        await auntil(lambda: len(gateway.completed()) == 2)
        assert [event.answer for event in gateway.completed()] == [{"doors": 2}, {"people_version": 7}]

    play(story)


def test_a_hosts_answer_reaches_the_desk_or_is_refused_with_its_reason() -> None:
    async def story(gateway: Gateway) -> None:
        for visit, answer in (("v-1", "declined"), ("v-2", "confirmed"), ("v-3", "perhaps")):
            gateway.give(verb="answer_visit", args={"visit": visit, "answer": answer})
        await auntil(lambda: gateway.completed() and len(gateway.refusals()) == 2)
        assert "v-1 declined by city/duty-officer" in gateway.trace
        assert set(gateway.refusals()) == {"not_asked", "bad_arguments"}

    play(story)


def test_a_configuration_is_recorded_before_the_daemon_starts_anew() -> None:
    import hashlib

    async def story(gateway: Gateway) -> None:
        text = b"[gateway]\n"
        digest = hashlib.sha256(text).hexdigest()
        gateway.uplink.contents[digest] = b"something else"
        gateway.give(verb="configure", args={"sha256": digest, "size": len(text)})
        await auntil(lambda: gateway.refusals() == ["content_missing"])
        gateway.uplink.contents[digest] = text
        gateway.give(verb="configure", args={"sha256": digest, "size": len(text)})
        await auntil(lambda: "restart" in gateway.trace)
        assert gateway.trace[-3:] == ["configure 2", "commit command.completed", "restart"]

    play(story)
