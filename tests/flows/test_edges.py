"""What happens at the same time, or at the wrong one, shown on the real flow."""

import asyncio
from types import MappingProxyType

import msgspec
import pytest

from edge_agent.core.area import Standing
from edge_agent.core.door import Locked
from edge_agent.flows.doorway import HOLD_S
from edge_agent.flows.timekeeping import Timekeeper
from edge_agent.model.clock import ClockState
from edge_agent.model.doors import Report
from edge_agent.model.events import AlertOpened, ClockStepped, CommandCompleted, PanicCleared
from edge_agent.model.people import EVERY_DAY, Book, Credential, Schedule, Span
from edge_agent.model.reads import Card, Direction, Face, Keys, Pass, Token
from edge_agent.model.site import Area, FirstPerson, Interlock, Policy, TwoPersons
from edge_agent.ports import Change, DoorState
from tests.flows.house import House, play
from tests.flows.test_access import (
    BOOK,
    BOSS,
    CARD_AND_PIN,
    ESTATE,
    GUARD,
    OLD,
    ONE,
    PINS,
    TWICE,
    TWO,
    UNDER_DURESS,
    UNKNOWN,
    a_door,
    house,
    modes,
)
from tests.flows.world import MemoryClock, MemoryJournal, MemorySecrets
from tests.waiting import auntil

USES = "card/26/2001"  # TWICE
THRICE = Card(26, 0x3000)

# ---- fire and panic --------------------------------------------------------------------------------------------------


def test_a_fire_is_cleared_only_when_every_input_of_the_panel_is_at_rest() -> None:
    """Two boards hear the fire panel; one of them falling silent is not the end of the fire."""

    async def story(site: House) -> None:
        site.report(Report.FIRE_ON, "north")
        site.report(Report.FIRE_ON, "south")
        site.report(Report.FIRE_OFF, "north")
        assert not (await site.operate("clear", latch="fire")).good
        assert site.premises.standing.fire
        site.report(Report.FIRE_OFF, "south")
        assert (await site.operate("clear", latch="fire")).good

    play(story, lambda: house(a_door("north"), a_door("south")))


def test_a_fire_input_that_flaps_is_one_fire_and_begins_again_after_it_was_cleared() -> None:
    async def story(site: House) -> None:
        for _ in range(5):
            site.report(Report.FIRE_ON)
            site.report(Report.FIRE_OFF)
        assert site.tags().count("fire.released") == 1
        assert (await site.operate("clear", latch="fire")).good
        site.report(Report.FIRE_ON)
        assert site.premises.standing.fire
        assert site.tags().count("fire.released") == 2

    play(story)


# ---- held open -------------------------------------------------------------------------------------------------------


def test_a_card_or_the_exit_button_does_not_shorten_what_is_held_open() -> None:
    """A board times the newest release: a shorter one would lock a door that fire, evacuation or a guard holds open."""

    async def story(site: House) -> None:
        site.report(Report.FIRE_ON)
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        site.report(Report.EXIT_PRESSED)
        await auntil(lambda: len(site.gate.pulses) == 2)
        assert await site.show(ONE) == "granted"
        assert site.gate.pulses == [HOLD_S] * 3

    play(story, house)


def test_the_next_person_does_not_shorten_the_time_of_one_who_needs_longer() -> None:
    async def story(site: House) -> None:
        await site.show(OLD)
        await site.later(2)
        await site.show(ONE)
        assert site.gate.pulses == [15.0, 13.0]

    play(story, house)


def test_a_gate_that_is_lost_while_it_is_held_open_is_held_again_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(site: House) -> None:
        await site.operate("unlock", door="gate")
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        site.gate.away = True
        for _ in range(5):
            await site.later(8)
        site.gate.away = False
        await site.later(8)
        await auntil(lambda: site.gate.pulses == [HOLD_S, HOLD_S])
        assert modes(site) == [("unlocked", "operator")]

    caplog.set_level("INFO")
    play(story, house)
    assert len([record for record in caplog.records if "not held open" in record.getMessage()]) == 1
    assert len([record for record in caplog.records if "held open again" in record.getMessage()]) == 1


@pytest.mark.parametrize("last", ["card", "button"])
def test_a_door_that_was_held_open_is_locked_though_somebody_was_let_through_a_moment_before(last: str) -> None:
    """Whoever was let through has their time; then it is locked, and not when HOLD_S is over."""

    async def story(site: House) -> None:
        await site.operate("unlock")
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        if last == "card":
            await site.show(ONE)
        else:
            site.report(Report.EXIT_PRESSED)
        await auntil(lambda: site.gate.pulses == [HOLD_S, HOLD_S])
        await site.later(1)
        await site.operate("lockdown")
        await site.later(1.9)
        assert site.gate.secured == 0
        await site.later(0.1)
        await auntil(lambda: site.gate.secured == 1, what="the door to be locked")
        assert site.gate.pulses == [HOLD_S, HOLD_S]

    play(story, house)


def test_a_gate_that_cannot_be_told_to_lock_is_told_again_until_its_release_is_over() -> None:
    """A line that is busy for a second left a door open for twenty, in a lockdown."""

    async def story(site: House) -> None:
        await site.operate("unlock")
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        site.gate.away = True
        await site.operate("lockdown")
        for _ in range(3):
            await site.later(1)
        site.gate.away = False
        await site.later(1)
        await auntil(lambda: site.gate.secured == 1)
        for _ in range(3):
            await site.later(1)
        assert site.gate.secured == 1

    async def dead(site: House) -> None:
        await site.operate("unlock")
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        site.gate.away = True
        await site.operate("lockdown")
        for _ in range(23):
            await site.later(1)
        assert site.actor.doorway.deadline_ms() == site.premises.standing.orders["gate", "lockdown"].until_ms

    play(story, house)
    play(dead, house)


FIRST_IN = a_door(first_person=FirstPerson(mode="hold", categories=("staff",), minutes=30))


def test_who_leaves_is_not_the_first_person_in() -> None:
    """The last one to go home would have left the door unlocked behind them."""

    async def story(site: House) -> None:
        await site.show(BOSS, direction=Direction.OUT)
        await site.walk_through()
        await site.later(1)
        assert site.premises.standing.orders == {}
        assert modes(site) == []

    play(story, lambda: house(FIRST_IN))


def test_the_first_person_in_holds_the_door_though_somebody_comes_with_them() -> None:
    async def story(site: House) -> None:
        await site.show(BOSS)
        await site.show(ONE)
        await site.walk_through()
        await auntil(lambda: modes(site) == [("unlocked", "first_person")])

    play(story, lambda: house(FIRST_IN))


def test_the_first_person_in_holds_the_door_though_it_stands_open_for_somebody_else() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        site.report(Report.CONTACT_OPEN)
        await auntil(lambda: "door.opened" in site.tags())
        await site.show(BOSS, direction=Direction.OUT)
        await site.later(1)
        assert modes(site) == []
        await site.show(BOSS)
        await site.later(1)
        assert modes(site) == [("unlocked", "first_person")]

    play(story, lambda: house(FIRST_IN))


# ---- interlocks ------------------------------------------------------------------------------------------------------

INNER, OUTER = a_door("inner"), a_door("outer")
TRAP = (Interlock("trap", ("inner", "outer")),)


def test_of_two_doors_that_waited_for_the_disk_only_one_opens() -> None:
    """Both decided while the other was still shut; what is recorded first opens later, and looks again."""

    async def story(site: House) -> None:
        site.journal.slow = True
        answers = [asyncio.create_task(site.show(ONE, "inner")), asyncio.create_task(site.show(TWO, "outer"))]
        await auntil(lambda: len(site.journal.waiting) == 2, what="both to wait for the disk")
        site.journal.release()
        await asyncio.gather(*answers)
        await auntil(lambda: len(site.terminals.shown) == 2)
        assert sorted(shown for _, shown in site.terminals.shown) == ["denied", "granted"]
        assert sorted(len(gate.pulses) for gate in site.gates.values()) == [0, 1]
        assert site.reason() == "interlock"
        refused = "p-1" if site.gates["outer"].pulses else "p-2"
        assert not site.premises.standing.presence("estate", refused).inside

    policy = Policy(record_before_open="always")
    inner, outer = a_door("inner", area="estate"), a_door("outer", area="estate")
    play(story, lambda: house(inner, outer, policy=policy, interlocks=TRAP, areas=(ESTATE,)), heard=True)


def test_a_door_that_is_being_released_is_not_shut() -> None:
    """A board on a line answers some 100 ms later: who presents at the other door meanwhile has to wait."""

    async def story(site: House) -> None:
        site.gates["inner"].reads_back.clear()
        answer = asyncio.create_task(site.show(ONE, "inner"))
        await auntil(lambda: site.gates["inner"].pulses)
        assert await site.show(TWO, "outer") == "denied"
        assert site.reason() == "interlock"
        assert site.gates["outer"].pulses == []
        site.gates["inner"].reads_back.set()
        await answer
        await auntil(lambda: ("inner-in", "granted") in site.terminals.shown)

    play(story, lambda: house(INNER, OUTER, interlocks=TRAP), heard=True)


def test_a_door_of_an_interlock_locks_as_soon_as_it_is_shut() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "inner")
        await site.walk_through("inner")
        await auntil(lambda: site.gates["inner"].secured == 1)
        assert await site.show(TWO, "outer") == "granted"

    play(story, lambda: house(INNER, OUTER, interlocks=TRAP), heard=True)


def test_a_door_that_cannot_be_shut_keeps_the_other_locked_and_a_guard_or_the_button_opens_it() -> None:
    """A contact that is stuck is no trap: who is between the doors gets out by the button, or a guard opens."""

    async def story(site: House) -> None:
        site.report(Report.CONTACT_OPEN, "inner", first=True)
        await auntil(lambda: not site.actors["inner"].shut)
        assert await site.show(ONE, "outer") == "denied"
        assert await site.show(ONE, "outer", Direction.OUT) == "denied"
        assert site.reason() == "interlock"
        site.report(Report.EXIT_PRESSED, "outer")
        await auntil(lambda: len(site.gates["outer"].pulses) == 1)
        assert (await site.operate("open", door="outer")).good
        assert len(site.gates["outer"].pulses) == 2

    play(story, lambda: house(INNER, OUTER, interlocks=TRAP), heard=True)


def test_a_door_whose_contact_is_cut_does_not_count_as_shut() -> None:
    """Nobody knows whether it is, so the other door of the interlock stays locked until the wire is mended."""

    async def story(site: House) -> None:
        for fault in (Report.INPUT_CUT, Report.INPUT_SHORTED):
            site.report(fault, "inner", detail="contact")
            await auntil(lambda: not site.actors["inner"].shut)
            assert await site.show(ONE, "outer") == "denied"
            assert site.reason() == "interlock"
        site.report(Report.INPUT_NORMAL, "inner", detail="contact")
        await auntil(lambda: site.actors["inner"].shut)
        assert await site.show(ONE, "outer") == "granted"

    play(story, lambda: house(INNER, OUTER, interlocks=TRAP), heard=True)


def test_a_door_whose_gate_was_not_heard_does_not_count_as_shut_for_who_comes_in() -> None:
    """At a start nobody knows how it stands, nor once its board's line is cut. Who is between the doors gets out."""

    async def story(site: House) -> None:
        assert await site.show(ONE, "outer") == "denied"
        assert site.reason() == "interlock"
        assert await site.show(ONE, "outer", Direction.OUT) == "granted"
        await site.walk_through("outer")
        site.report(Report.CONTACT_CLOSED, "inner", first=True)
        await auntil(lambda: site.actors["inner"].heard)
        assert await site.show(ONE, "outer") == "granted"
        await site.walk_through("outer")
        site.actors["inner"].lost(site.clock.up_ms)
        assert await site.show(ONE, "outer") == "denied"

    play(story, lambda: house(INNER, OUTER, interlocks=TRAP))


def test_what_a_gate_said_before_it_was_lost_says_nothing_of_it_after() -> None:
    """A contact that waits for a release to be read back is followed when that has failed: the gate is away by then."""

    async def story(site: House) -> None:
        site.gates["inner"].reads_back.clear()
        site.report(Report.EXIT_PRESSED, "inner")
        await auntil(lambda: site.gates["inner"].pulses)
        site.report(Report.CONTACT_CLOSED, "inner")
        await site.later(1)
        site.actors["inner"].lost(site.clock.up_ms)
        site.gates["inner"].reads_back.set()
        await auntil(lambda: not site.actors["inner"].doorway.opening)
        await site.later(4)
        await auntil(lambda: site.actors["inner"].shut)
        assert not site.actors["inner"].heard
        site.report(Report.CONTACT_CLOSED, "inner", first=True)
        await auntil(lambda: site.actors["inner"].heard)

    play(story, lambda: house(INNER, OUTER, interlocks=TRAP), heard=True)


def test_a_door_that_opens_before_its_release_is_read_back_is_not_forced() -> None:
    """Who presses the exit button leans on the door already; the board is asked some 100 ms later."""

    async def story(site: House) -> None:
        site.gate.reads_back.clear()
        site.report(Report.EXIT_PRESSED)
        await auntil(lambda: site.gate.pulses)
        site.report(Report.CONTACT_OPEN)
        await site.later(0.1)
        assert site.tags() == []
        site.gate.reads_back.set()
        await auntil(lambda: site.tags() == ["exit.requested", "door.opened"])

    play(story, house)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_contact_makes_no_pass_a_new_one_and_nobody_an_outsider(cut: str) -> None:
    """Who cuts the wire would have gone in as often as they like: nobody ever saw them go, and it was taken back."""

    async def story(site: House) -> None:
        if cut == "before":
            site.report(Report.INPUT_CUT, detail="contact")
        assert await site.show(TWICE) == "granted"
        if cut == "after":
            site.report(Report.INPUT_CUT, detail="contact")
        await site.later(4)
        assert "access.not_taken" not in site.tags()
        assert site.premises.standing.people_in("estate") == ["p-1"]
        assert site.premises.standing.uses[USES] == 1
        assert await site.show(ONE) == "denied"
        assert site.reason() == "anti_passback"

    play(story, lambda: house(a_door(area="estate"), areas=(ESTATE,)))


def test_who_goes_while_the_next_release_is_on_its_way_has_gone() -> None:
    """A board that is slow to answer kept the contact waiting beyond the first one's time: they counted as outside."""

    async def story(site: House) -> None:
        await site.show(ONE)
        await site.later(3)
        site.gate.reads_back.clear()
        site.report(Report.EXIT_PRESSED)
        await auntil(lambda: len(site.gate.pulses) == 2)
        site.report(Report.CONTACT_OPEN)
        await site.later(1)
        site.gate.reads_back.set()
        await auntil(lambda: "door.opened" in site.tags())
        assert site.tags() == ["access.granted", "exit.requested", "access.taken", "door.opened"]

    play(story, house)


# ---- gates and people that go away in the middle ---------------------------------------------------------------------


def test_whom_a_dead_gate_did_not_let_in_is_not_inside_and_has_used_nothing_up() -> None:
    async def story(site: House) -> None:
        site.gate.away = True
        for _ in range(3):
            assert await site.show(TWICE) == "fault"
            await auntil(lambda: "access.not_taken" in site.tags())
        assert not site.premises.standing.presence("estate", "p-1").inside
        site.gate.away = False
        assert await site.show(TWICE) == "granted"
        assert site.premises.standing.uses[USES] == 1

    play(story, lambda: house(a_door(area="estate"), areas=(ESTATE,)))


def test_who_showed_their_card_twice_and_did_not_go_in_is_not_inside() -> None:
    """The second grant was taken back to what the first one had made of it: inside, with a use gone."""

    async def story(site: House) -> None:
        for _ in range(3):
            assert await site.show(THRICE) == "granted"
            site.clock.up_ms += 100
        await site.later(4)
        assert site.tags().count("access.not_taken") == 3
        assert site.premises.standing.people_in("yard") == []
        assert site.premises.standing.uses.get("card/26/3000", 0) == 0
        kept = Standing(changes=await site.journal.standing())
        assert (kept.people_in("yard"), kept.uses.get("card/26/3000", 0)) == ([], 0)
        assert await site.show(TWO) == "granted"

    card = Credential(THRICE, "p-1", max_uses=3)
    book = msgspec.structs.replace(BOOK, credentials=MappingProxyType({**BOOK.credentials, THRICE: card}))
    play(story, lambda: house(a_door(area="yard"), areas=(Area("yard", max_people=1),), book=book))


def test_a_dead_gate_opens_for_no_second_person_either() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        site.gate.away = True
        assert await site.show(TWO) == "fault"
        await asyncio.sleep(0.02)
        assert site.tags() == ["access.granted", "access.not_taken"]
        site.gate.away = False
        assert await site.show(TWO) == "granted"
        await auntil(lambda: site.tags().count("access.granted") == 3)

    play(story, lambda: house(a_door(two_persons=TwoPersons(2))))


def test_somebody_removed_while_their_grant_is_written_costs_the_door_nothing() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        site.journal.slow = True
        answer = asyncio.create_task(site.show(TWO))
        await auntil(lambda: site.journal.waiting, what="the disk to be waited for")
        persons = {name: person for name, person in BOOK.persons.items() if name != "p-2"}
        site.books.current = msgspec.structs.replace(BOOK, persons=MappingProxyType(persons))
        site.journal.release()
        assert await answer == "granted"
        assert await site.show(UNKNOWN) == "denied"  # the door goes on

    play(story, lambda: house(a_door(two_persons=TwoPersons(2)), policy=Policy(record_before_open="always")))


@pytest.mark.parametrize(("verb", "card", "answer"), [
    ("lockdown", ONE, "lockdown"), ("lockdown", GUARD, ""), ("block", GUARD, "door_blocked"),
])  # fmt: skip
def test_a_door_that_was_locked_down_while_a_grant_waited_for_the_disk_stays_shut(
    verb: str, card: Card, answer: str
) -> None:
    """The guard was told that the door is locked down; it opened after that."""

    async def story(site: House) -> None:
        site.journal.slow = True
        shown = asyncio.create_task(site.show(card))
        await auntil(lambda: site.journal.waiting, what="the disk to be waited for")
        await site.operate(verb, door="gate")
        site.journal.release()
        assert await shown == ("denied" if answer else "granted")
        assert len(site.gate.pulses) == (0 if answer else 1)
        if answer:
            assert site.reason() == answer
            assert site.premises.standing.people_in("estate") == []

    area, policy = a_door(area="estate"), Policy(record_before_open="always")
    play(story, lambda: house(area, areas=(ESTATE,), policy=policy))


def test_a_guards_order_that_took_too_long_to_record_opens_nothing() -> None:
    """The command line has given up by then, and nobody looks at the door any more."""

    class SlowJournal(MemoryJournal):
        async def apply(self, *changes: Change) -> None:
            clock.up_ms += 5001
            await super().apply(*changes)

    clock = MemoryClock()

    async def story(site: House) -> None:
        done = await site.operate("open", door="gate")
        assert (done.good, done.code) == (False, "operate.expired")
        assert site.gate.pulses == []
        assert [getattr(event, "reason", "") for event in site.events()] == ["expired"]
        assert await site.journal.open_intents() == []

    play(story, lambda: house(clock=clock, journal=SlowJournal()))


@pytest.mark.parametrize(("held", "reason"), [
    (Credential(ONE, "p-1", state="revoked"), "revoked"),
    (Credential(ONE, "p-1", state="disabled"), "credential_not_enabled"),
    (Credential(ONE, "p-2"), "unknown_credential"), (None, "unknown_credential"),
])  # fmt: skip
def test_a_card_that_is_taken_away_before_the_pin_is_typed_opens_nothing(held: Credential | None, reason: str) -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE) == "pin_wanted"
        rest = {key: other for key, other in BOOK.credentials.items() if key != ONE}
        cards = rest if held is None else {**rest, ONE: held}
        site.books.current = msgspec.structs.replace(BOOK, credentials=MappingProxyType(cards))
        assert await site.show(Keys("482913")) == "denied"
        assert site.reason() == reason

    play(story, lambda: house(CARD_AND_PIN))


def test_a_pass_that_is_revoked_before_the_face_is_seen_opens_nothing() -> None:
    ticket = Pass("j-1", "p-1", 0, 4_000_000_000_000)
    mark = Token("qr", "pass/j-1")

    async def story(site: House) -> None:
        assert await site.show(ticket) == "waiting"
        cards = {**BOOK.credentials, mark: Credential(mark, "p-1", state="revoked")}
        site.books.current = msgspec.structs.replace(BOOK, credentials=MappingProxyType(cards))
        assert await site.show(Face("match", "p-1", 0.7), terminal="camera") == "denied"
        assert site.reason() == "revoked"

    play(story, lambda: house(a_door(ways=(("qr", "face"),))))


@pytest.mark.parametrize("what", ["blocked", "removed", "card revoked"])
def test_somebody_who_is_blocked_while_they_wait_is_no_second_person(what: str) -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE) == "waiting"
        persons, cards = dict(BOOK.persons), dict(BOOK.credentials)
        if what == "blocked":
            persons["p-1"] = msgspec.structs.replace(persons["p-1"], enabled=False)
        elif what == "removed":
            del persons["p-1"]
        else:
            cards[ONE] = Credential(ONE, "p-1", state="revoked")
        site.books.current = msgspec.structs.replace(
            BOOK, persons=MappingProxyType(persons), credentials=MappingProxyType(cards)
        )
        assert await site.show(TWO) == "waiting"
        assert site.gate.pulses == []

    play(story, lambda: house(a_door(two_persons=TwoPersons(2))))


# ---- duress at a door that stays shut --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "card", "alerts"), [("482913", ONE, 0), ("482914", ONE, 1), ("482913", UNDER_DURESS, 1)]
)
def test_who_is_refused_under_duress_is_heard_all_the_same(digits: str, card: Card, alerts: int) -> None:
    """By a lockdown, by the second person who does not come: at the door nothing differs."""

    async def locked_down(site: House) -> None:
        await site.show(card)
        await site.operate("lockdown")
        assert await site.show(Keys(digits)) == "denied"
        assert [shown for _, shown in site.terminals.shown] == ["pin_wanted", "denied"]
        assert site.tags().count("alert.opened") == alerts

    async def alone(site: House) -> None:
        await site.show(card)
        assert await site.show(Keys(digits)) == "waiting"
        await site.later(21)
        await auntil(lambda: site.events("access.denied"))
        assert site.tags().count("alert.opened") == alerts

    play(locked_down, lambda: house(CARD_AND_PIN))
    play(alone, lambda: house(a_door(ways=(("card", "pin"),), two_persons=TwoPersons(2))))


@pytest.mark.parametrize("pin_first", [False, True])
@pytest.mark.parametrize("what", ["revoked", "taken away", "blocked"])
def test_a_duress_pin_beside_a_card_that_was_withdrawn_in_these_seconds_calls(what: str, pin_first: bool) -> None:
    """It is refused, and nobody heard of it."""

    async def story(site: House) -> None:
        ways = [ONE, Keys("482914")]
        if pin_first:
            ways.reverse()
        await site.show(ways[0])
        cards = dict(BOOK.credentials)
        if what == "taken away":
            del cards[ONE]
        else:
            cards[ONE] = Credential(ONE, "p-1", state="revoked" if what == "revoked" else "blocked")
        site.books.current = msgspec.structs.replace(BOOK, credentials=MappingProxyType(cards))
        assert await site.show(ways[1]) == "denied"
        await site.later(21)
        called = [alert for alert in site.events("alert.opened") if isinstance(alert, AlertOpened)]
        assert [(alert.kind, alert.silent, alert.person) for alert in called] == [("duress", True, "p-1")], "once"
        assert site.gate.pulses == []

    play(story, lambda: house(CARD_AND_PIN))


def test_a_duress_pin_at_a_terminal_that_is_locked_calls() -> None:
    """Who forces somebody to come may have guessed before."""

    async def story(site: House) -> None:
        for _ in range(5):
            await site.show(Keys("000000"))
        assert await site.show(Keys("482914")) == "denied"
        assert site.reason() == "locked_out"
        called = [alert for alert in site.events("alert.opened") if isinstance(alert, AlertOpened)]
        assert [(alert.kind, alert.person) for alert in called] == [("locked_out", None), ("duress", "p-1")]

    play(story, lambda: house(a_door(ways=(("pin",),))))


def test_a_number_typed_where_no_pin_is_taken_calls_nobody() -> None:
    async def story(site: House) -> None:
        assert await site.show(Keys("482914")) == "denied"
        assert site.reason() == "invalid_identifier"
        assert await site.show(Keys("000000")) == "denied"
        assert "alert.opened" not in site.tags()

    play(story, lambda: house(secrets=MemorySecrets(PINS)))


# ---- clocks ----------------------------------------------------------------------------------------------------------


def test_the_first_person_arms_the_door_on_a_clock_the_site_takes_as_it_is() -> None:
    """Armed by nobody, a door with `allow_timed` and an unset clock would have let nobody else in, for ever."""
    first = a_door(first_person=FirstPerson(mode="arm", categories=("staff",)))

    for policy, answer in (("allow_timed", "granted"), ("deny_timed", "denied")):

        async def story(site: House, answer: str = answer) -> None:
            site.clock.state = ClockState.UNSET
            assert await site.show(ONE) == "denied"
            assert await site.show(BOSS) == "granted"
            assert await site.show(ONE) == answer

        play(story, lambda policy=policy: house(first, policy=Policy(untrusted_clock=policy)))  # type: ignore[misc, arg-type]


# ---- what is remembered ----------------------------------------------------------------------------------------------


def without(*people: str) -> Book:
    persons = {name: person for name, person in BOOK.persons.items() if name not in people}
    credentials = {key: held for key, held in BOOK.credentials.items() if held.person not in people}
    return msgspec.structs.replace(
        BOOK, version="2", persons=MappingProxyType(persons), credentials=MappingProxyType(credentials)
    )


def test_who_was_removed_is_not_inside_for_ever() -> None:
    """They would fill an area with a limit until nobody else gets in; and their id may be somebody's again."""
    yard = Area("yard", max_people=1)

    async def story(site: House) -> None:
        await site.show(TWICE)
        await site.walk_through()
        assert await site.show(TWO) == "denied"
        assert site.reason() == "occupancy"
        site.books.current = without("p-1")
        await auntil(lambda: site.premises.standing.uses == {}, what="the memory to be tidied", timeout=3)
        assert site.premises.standing.people_in("yard") == []
        assert await site.show(TWO) == "granted"
        kept = Standing(changes=await site.journal.standing())
        assert (kept.people_in("yard"), kept.uses) == (["p-2"], {})

    play(story, lambda: house(a_door(area="yard"), areas=(yard,)))


def test_a_book_that_was_lost_makes_nobody_forgotten() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        site.books.current = without(*BOOK.persons)
        site.premises._tidy()
        assert site.premises.standing.people_in("estate") == ["p-1"]

    play(story, lambda: house(a_door(area="estate"), areas=(ESTATE,)))


def test_an_order_for_a_door_that_was_taken_down_is_dropped() -> None:
    """Else a door that is given its name next year stands open."""
    journal, clock = MemoryJournal(), MemoryClock()
    more = {"journal": journal, "clock": clock}

    async def before(site: House) -> None:
        await site.operate("unlock")

    async def after(site: House) -> None:
        assert list(site.premises.standing.orders) == [("north", "operator")]
        await asyncio.sleep(0.01)
        assert list(Standing(changes=await journal.standing()).orders) == [("north", "operator")]

    play(before, lambda: house(a_door("north"), a_door("shed"), **more))
    play(after, lambda: house(a_door("north"), **more))


def test_a_panic_at_a_door_that_was_taken_down_can_be_cleared() -> None:
    journal, clock = MemoryJournal(), MemoryClock()
    more = {"journal": journal, "clock": clock}

    async def before(site: House) -> None:
        site.report(Report.PANIC_ON, "shed")
        await asyncio.sleep(0)

    async def after(site: House) -> None:
        assert (await site.operate("clear", latch="panic/shed")).good
        assert not site.premises.standing.latches["panic/shed"].raised

    play(before, lambda: house(a_door("north"), a_door("shed"), **more))
    play(after, lambda: house(a_door("north"), **more))


def test_what_happened_while_the_disk_was_full_is_on_it_afterwards() -> None:
    """With `when_full = "open"` people go on coming in; a fire, a panic and a call for help are told later."""

    async def story(site: House) -> None:
        journal = site.journal
        await site.show(TWO, "south")
        journal.full = True
        assert await site.show(UNDER_DURESS, "north") == "granted"
        site.report(Report.FIRE_ON, "north")
        site.report(Report.PANIC_ON, "south")
        for _ in range(5):
            await site.show(UNKNOWN, "south")
        await site.operate("forgive", person="p-2")
        assert site.tags() == ["access.granted"]
        journal.full = False
        await auntil(lambda: "fire.released" in site.tags(), what="the disk to be caught up with", timeout=3)
        assert sorted(site.tags()[1:]) == ["alert.opened", "alert.opened", "fire.released", "panic.raised"]
        await asyncio.sleep(0.05)
        kept = Standing(changes=await journal.standing())
        now = site.premises.standing
        assert (kept.inside, kept.tries, kept.latches) == (now.inside, now.tries, now.latches)
        assert kept.people_in("estate") == ["p-1"]

    doors = a_door("north", area="estate"), a_door("south", area="estate")
    play(story, lambda: house(*doors, areas=(ESTATE,), policy=Policy(when_full="open")))


def test_a_clock_that_jumps_in_the_middle_of_a_hold_open_is_told_and_what_was_ordered_goes_on() -> None:
    office = Schedule("office", (Span(EVERY_DAY, 8 * 60, 18 * 60),))
    book = msgspec.structs.replace(BOOK, schedules=MappingProxyType({"office": office}))

    async def story(site: House) -> None:
        keeper = Timekeeper(site.journal, site.clock)
        keeper.look()
        await site.operate("unlock", door="south", for_s=3600.0)
        await auntil(lambda: modes(site) == [("unlocked", "schedule"), ("unlocked", "operator")])  # it is noon
        site.clock.jump_ms = 8 * 3_600_000
        await auntil(lambda: modes(site)[-1] == ("locked", ""), timeout=3)
        keeper.look()
        assert site.events("clock.stepped") == [ClockStepped(by_ms=28_800_000)]
        await auntil(lambda: site.gates["north"].secured == 1)
        assert site.actors["south"].doorway.mode.name == "unlocked"
        site.clock.jump_ms = 0
        await auntil(lambda: modes(site)[-1] == ("unlocked", "schedule"), timeout=3)
        await site.later(3599)
        assert site.actors["south"].doorway.mode.name == "unlocked"
        await site.later(2)
        assert site.actors["south"].doorway.mode.name == "locked"

    play(story, lambda: house(a_door("north", hold_open="office"), a_door("south"), book=book))


def test_who_ordered_something_and_why_is_on_record() -> None:
    async def story(site: House) -> None:
        site.report(Report.PANIC_ON)
        site.report(Report.PANIC_OFF)
        await site.operate("clear", latch="panic/gate", why="child at play")
        await site.operate("open", door="gate", why="delivery")
        await site.operate("forgive", person="p-1", why="tailgated")
        cleared, opened, forgiven = site.events()[-3:]
        assert cleared == PanicCleared(door="gate", by="wang", why="child at play")
        assert isinstance(opened, CommandCompleted)
        assert (opened.issuer, opened.why) == ("local/wang", "delivery")
        assert isinstance(forgiven, CommandCompleted)
        assert (forgiven.person, forgiven.why) == ("p-1", "tailgated")

    play(story, house)


def test_how_a_door_is_found_is_known_before_anything_happens_at_it() -> None:
    """It was open when the agent was killed, and somebody has shut it since."""

    async def story(site: House) -> None:
        site.report(Report.CONTACT_OPEN, first=True)
        await auntil(lambda: DoorState("gate", "open") in site.journal.changes)
        site.actor.doorway.state = Locked()  # a new process
        site.report(Report.CONTACT_CLOSED, first=True)
        await auntil(lambda: site.journal.changes[-1] == DoorState("gate", "locked"))
        assert site.tags() == ["door.opened"]

    play(story, house)
