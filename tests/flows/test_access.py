"""Who may pass, shown on the real flow: what the person at the door sees, what the gate does, what is recorded."""

import asyncio
from types import MappingProxyType

import msgspec
import pytest

from edge_agent.core import area
from edge_agent.flows.doorway import HOLD_S
from edge_agent.model.commands import Operation
from edge_agent.model.doors import Report
from edge_agent.model.events import AccessGranted, AlertOpened, DoorModeChanged, DoorTamper, PanicRaised
from edge_agent.model.people import EVERY_DAY, Book, Credential, Person, Rule, Schedule, Span
from edge_agent.model.reads import Card, Code, Direction, Face, Keys, Liveness, Pass, Token
from edge_agent.model.site import (
    Area,
    Door,
    Escort,
    FirstPerson,
    GateBinding,
    Interlock,
    Policy,
    TwoPersons,
    WaysAt,
)
from edge_agent.model.standing import Latch, Presence, Uses
from tests.flows.house import House, play
from tests.flows.world import MemoryClock, MemoryJournal, MemorySecrets
from tests.waiting import auntil

PEOPLE = (
    Person("p-1", "resident", "3-1-502"),
    Person("p-2", "resident", "3-1-503"),
    Person("p-old", "resident", "1-1-101", needs_longer=True),
    Person("p-guard", "guard"),
    Person("p-boss", "staff"),
    Person("p-visitor", "visitor", host="p-1"),
)
CARDS = {person.id: Card(26, 0x1000 + index) for index, person in enumerate(PEOPLE)}
ONE, TWO, OLD, GUARD, BOSS, VISITOR = (CARDS[person.id] for person in PEOPLE)
UNDER_DURESS, TWICE, UNKNOWN = Card(26, 0x2000), Card(26, 0x2001), Card(26, 0x2002)
ALWAYS = Schedule("always", (Span(EVERY_DAY, 0, 1440),))
NEVER = Schedule("never")
BOOK = Book(
    version="1",
    persons=MappingProxyType({person.id: person for person in PEOPLE}),
    credentials=MappingProxyType(
        {card: Credential(card, person) for person, card in CARDS.items()}
        | {
            UNDER_DURESS: Credential(UNDER_DURESS, "p-1", duress=True),
            TWICE: Credential(TWICE, "p-1", max_uses=2),
        }
    ),
    rules=(
        Rule("residents-always", ("*",), categories=("resident", "guard", "staff", "visitor")),
        Rule("guards-in-lockdown", ("*",), categories=("guard",), in_lockdown=True),
    ),
    schedules=MappingProxyType({"always": ALWAYS, "never": NEVER}),
    zone="Asia/Shanghai",
)
PINS = {"p-1": "482913", "p-2": "777001"}
ESTATE = Area("estate", anti_passback="hard")


def a_door(name: str = "gate", **more: object) -> Door:
    gate = GateBinding(link="l", profile="gates/sim", exit=0, fire=0, panic=0, contact=0)
    return msgspec.structs.replace(Door(name=name, gate=gate, release_s=3.0, open_s=15.0), **more)


def house(*doors: Door, **more: object) -> House:
    return House(*(doors or (a_door(),)), **{"book": BOOK, "secrets": MemorySecrets(PINS), **more})  # type: ignore[arg-type]


# ---- combinations ----------------------------------------------------------------------------------------------------


CARD_AND_PIN = a_door(ways=(("card", "pin"),))


def test_card_and_pin_open_together_and_neither_alone() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE) == "pin_wanted"
        assert site.gate.pulses == []
        assert await site.show(Keys("482913")) == "granted"
        event = site.events("access.granted")[0]
        assert isinstance(event, AccessGranted)
        assert event.how == ("card", "pin")
        assert site.tags() == ["access.granted"]

    play(story, lambda: house(CARD_AND_PIN))


def test_a_wrong_pin_after_a_card_is_a_wrong_try_and_may_be_typed_again() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        assert await site.show(Keys("000000")) == "denied"
        assert site.reason() == "invalid_pin"
        assert await site.show(Keys("482913")) == "granted"

    play(story, lambda: house(CARD_AND_PIN))


def test_another_persons_pin_does_not_help() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        assert await site.show(Keys("777001")) == "denied"
        assert site.gate.pulses == []

    play(story, lambda: house(CARD_AND_PIN))


def test_of_two_who_type_at_two_readers_of_a_door_each_gives_their_own_pin() -> None:
    """The first one's digits were held against the second one's PIN: two wrong tries, and nobody was let in."""

    async def story(site: House) -> None:
        assert await site.show(ONE, terminal="left") == "pin_wanted"
        assert await site.show(TWO, terminal="right") == "pin_wanted"
        assert await site.show(Keys("482913"), terminal="left") == "granted"
        assert await site.show(Keys("777001"), terminal="right") == "granted"

    play(story, lambda: house(CARD_AND_PIN))


def test_a_card_without_its_pin_is_refused_when_the_time_is_over() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        await site.later(16)
        await auntil(lambda: site.events("access.denied"))
        assert site.reason() == "second_factor_missing"

    play(story, lambda: house(CARD_AND_PIN))


def test_card_and_face_in_any_order_and_a_face_walking_past_is_no_event() -> None:
    async def story(site: House) -> None:
        face = Face("match", "p-1", 0.7)  # nobody checked it for life: beside a card that will do
        assert await site.show(face, terminal="camera") == "waiting"
        assert await site.show(ONE) == "granted"
        await site.walk_through()
        await site.show(Face("match", "p-2", 0.7), terminal="camera")
        await site.later(16)
        assert site.tags()[0] == "access.granted"
        assert not site.events("access.denied")

    play(story, lambda: house(a_door(ways=(("card", "face"),))))


def test_a_pass_and_a_face() -> None:
    ticket = Pass("jti-1", "p-1", 0, 4_000_000_000_000)

    async def story(site: House) -> None:
        assert await site.show(Code(b"SCP1.x.y")) == "waiting"
        assert await site.show(Face("match", "p-1", 0.7, Liveness.LIVE)) == "granted"

    secrets = MemorySecrets(codes={b"SCP1.x.y": ticket})
    play(story, lambda: house(a_door(ways=(("qr", "face"),)), secrets=secrets))


def test_a_phone_number_says_whose_face_it_should_be() -> None:
    async def story(site: House) -> None:
        number = Token("phone", "13900000001")
        known = MappingProxyType({**BOOK.credentials, number: Credential(number, "p-1")})
        site.books.current = msgspec.structs.replace(BOOK, credentials=known)
        assert await site.show(Keys("13900000001")) == "waiting"
        assert await site.show(Face("match", "p-2", 0.9, Liveness.LIVE), terminal="camera") == "waiting"
        assert await site.show(Face("match", "p-1", 0.9, Liveness.LIVE), terminal="camera") == "granted"

    play(story, lambda: house(a_door(ways=(("phone", "face"),))))


def test_where_phone_numbers_are_typed_a_code_and_a_pin_can_be_typed_too() -> None:
    """Eight digits may be a phone number, which was nobody's: a visitor's code opened no door that takes phones."""

    class Codes(MemorySecrets):
        def short_code(self, digits: str) -> Pass | None:
            return Pass("j-1", "p-1", 0, 4_000_000_000_000) if digits == "80041234" else None

        def phone(self, digits: str) -> Token | None:
            return Token("phone", digits)

    number = Token("phone", "13900000001")
    book = msgspec.structs.replace(
        BOOK, credentials=MappingProxyType({**BOOK.credentials, number: Credential(number, "p-1")})
    )

    async def story(site: House) -> None:
        assert await site.show(Keys("80041234")) == "granted"
        assert await site.show(Keys("777001")) == "granted"
        assert await site.show(Keys("13900000001")) == "waiting"
        assert await site.show(Keys("13900000002")) == "denied"
        assert site.reason() == "invalid_pin"

    async def without_pins(site: House) -> None:
        assert await site.show(Keys("80041234")) == "granted"
        assert await site.show(Keys("13900000002")) == "denied"
        assert site.reason() == "unknown_credential"

    codes, ways = Codes(PINS), (("phone", "face"), ("qr",))
    play(story, lambda: house(a_door(ways=(*ways, ("pin",))), book=book, secrets=codes))
    play(without_pins, lambda: house(a_door(ways=ways), book=book, secrets=codes))


def test_at_other_times_other_combinations() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE) == "pin_wanted"
        site.books.current = msgspec.structs.replace(
            BOOK, schedules=MappingProxyType({"always": NEVER, "never": NEVER})
        )
        assert await site.show(TWO) == "granted"

    play(story, lambda: house(a_door(ways_at=(WaysAt(schedule="always", ways=(("card", "pin"),)),))))


def test_a_guard_at_the_console_stands_in_for_the_second_factor() -> None:
    async def story(site: House) -> None:
        assert not (await site.operate("approve", door="gate")).good
        await site.show(ONE)
        assert (await site.operate("approve", door="gate")).good
        event = site.events("access.granted")[0]
        assert isinstance(event, AccessGranted)
        assert event.how == ("card", "guard")
        assert "command.completed" in site.tags()

    play(story, lambda: house(CARD_AND_PIN))


# ---- company ---------------------------------------------------------------------------------------------------------


def test_a_guard_vouches_for_who_came_last_not_for_who_may_wait_longest() -> None:
    """Who waits for company has 20 s, for a PIN 15: the guard looked at one, and the other was approved."""

    async def story(site: House) -> None:
        assert await site.show(ONE) == "pin_wanted"
        assert await site.show(Keys("482913")) == "waiting"
        site.clock.up_ms += 2000
        assert await site.show(TWO) == "pin_wanted"
        assert (await site.operate("approve", door="gate")).good
        granted = [event for event in site.events("access.granted") if isinstance(event, AccessGranted)]
        assert [(event.person, event.how) for event in granted] == [
            ("p-2", ("card", "guard")), ("p-1", ("card", "pin")),
        ]  # fmt: skip

    play(story, lambda: house(a_door(ways=(("card", "pin"),), two_persons=TwoPersons(2))))


def test_a_host_a_guard_has_vouched_for_brings_the_visitor_in() -> None:
    """Who waited for them was refused when their time was over: let in by a guard the host had not come."""

    async def story(site: House) -> None:
        assert await site.show(VISITOR) == "pin_wanted"
        assert await site.show(Keys("313131")) == "waiting"
        site.clock.up_ms += 1000
        assert await site.show(ONE) == "pin_wanted"
        assert (await site.operate("approve", door="gate")).good
        await auntil(lambda: len(site.gate.pulses) == 2)
        assert not site.events("access.denied")

    secrets = MemorySecrets({**PINS, "p-visitor": "313131"})
    play(story, lambda: house(a_door(ways=(("card", "pin"),), escort=Escort()), secrets=secrets))


def test_two_persons_open_together_and_each_is_recorded() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE) == "waiting"
        assert await site.show(ONE) == "waiting"  # the same one twice is not two
        assert await site.show(TWO) == "granted"
        await auntil(lambda: len(site.events("access.granted")) == 2)
        assert {event.person for event in site.events("access.granted")} == {"p-1", "p-2"}  # type: ignore[union-attr]

    play(story, lambda: house(a_door(two_persons=TwoPersons())))


def test_one_of_two_who_stays_alone_is_refused() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        await site.later(21)
        await auntil(lambda: site.events("access.denied"))
        assert site.reason() == "second_person_missing"
        assert await site.show(TWO) == "waiting"  # and does not help the next one

    play(story, lambda: house(a_door(two_persons=TwoPersons())))


ESCORTED = a_door(escort=Escort())


def test_a_visitor_passes_after_the_host_or_the_guard() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE) == "granted"
        assert await site.show(VISITOR) == "granted"
        await site.later(60)
        assert await site.show(TWO) == "granted"  # a resident, but not the host
        assert await site.show(VISITOR) == "waiting"
        assert await site.show(GUARD) == "granted"
        await auntil(lambda: len(site.events("access.granted")) == 5)

    play(story, lambda: house(ESCORTED))


def test_a_visitor_nobody_fetches_is_refused() -> None:
    async def story(site: House) -> None:
        await site.show(VISITOR)
        await site.later(21)
        await auntil(lambda: site.events("access.denied"))
        assert site.reason() == "escort_missing"

    play(story, lambda: house(ESCORTED))


def test_the_first_person_in_holds_the_door_for_the_others() -> None:
    first = a_door(first_person=FirstPerson(mode="hold", categories=("staff",), minutes=30))

    async def story(site: House) -> None:
        await site.show(ONE)
        await site.walk_through()
        assert site.actor.doorway.mode.name == "locked"
        await site.show(BOSS)
        await site.walk_through()
        await auntil(lambda: site.actor.doorway.mode.name == "unlocked")
        site.report(Report.CONTACT_OPEN)
        await auntil(lambda: site.tags()[-1] == "door.opened")  # nobody forced it
        site.report(Report.CONTACT_CLOSED)
        await site.later(31 * 60)
        await auntil(lambda: site.actor.doorway.mode.name == "locked")
        await auntil(lambda: site.gate.secured == 1)

    play(story, lambda: house(first))


def test_nobody_is_let_in_before_the_first_person_of_the_day() -> None:
    armed = a_door(first_person=FirstPerson(mode="arm", categories=("staff",)))

    async def story(site: House) -> None:
        assert await site.show(ONE) == "denied"
        assert site.reason() == "not_permitted_at_this_time"
        assert await site.show(BOSS) == "granted"
        assert await site.show(ONE) == "granted"
        await site.later(24 * 3600)
        assert await site.show(ONE) == "denied"

    play(story, lambda: house(armed))


# ---- duress ----------------------------------------------------------------------------------------------------------


def test_a_duress_pin_and_a_duress_card_open_as_always_and_call_for_help_without_a_sign() -> None:
    async def at_the_door(site: House, *credentials: Card | Keys) -> list[object]:
        seen: list[object] = [await site.show(credential) for credential in credentials]
        seen += [list(site.gate.pulses), site.trace[-1], list(site.terminals.shown)]
        granted = site.events("access.granted")
        return [*seen, msgspec.structs.replace(granted[-1], how=())]  # type: ignore[type-var]

    seen: list[list[object]] = []
    alerts: list[AlertOpened] = []
    for digits, card in (("482913", ONE), ("482914", ONE), ("482913", UNDER_DURESS)):

        async def story(site: House, digits: str = digits, card: Card = card) -> None:
            seen.append(await at_the_door(site, card, Keys(digits)))
            alerts.extend(event for event in site.events("alert.opened") if isinstance(event, AlertOpened))

        play(story, lambda: house(CARD_AND_PIN))
    assert [*map(str, seen[0])] == [*map(str, seen[1])] == [*map(str, seen[2])]
    assert [(alert.kind, alert.silent, alert.person) for alert in alerts] == [("duress", True, "p-1")] * 2


# ---- areas -----------------------------------------------------------------------------------------------------------


NORTH, SOUTH = a_door("north", area="estate"), a_door("south", area="estate")


def test_a_card_handed_back_over_the_fence_opens_no_other_gate() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE, "north") == "granted"
        assert await site.show(ONE, "south") == "denied"
        assert site.reason() == "anti_passback"
        await site.walk_through("north")
        assert await site.show(ONE, "south", Direction.OUT) == "granted"
        await site.walk_through("south")
        assert await site.show(ONE, "north") == "granted"

    play(story, lambda: house(NORTH, SOUTH, areas=(ESTATE,)))


def test_who_was_let_in_and_did_not_go_in_is_not_inside() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "north")
        await site.later(4)
        await auntil(lambda: "access.not_taken" in site.tags())
        assert site.premises.standing.counts.get("estate", 0) == 0
        assert await site.show(ONE, "north") == "granted"

    play(story, lambda: house(NORTH, areas=(ESTATE,)))


async def after_a_crash(site: House) -> list[str]:
    """Whom the next run remembers inside."""
    again = House(NORTH, SOUTH, book=BOOK, areas=(ESTATE,), journal=site.journal, clock=site.clock)
    await again.premises.restore()
    assert again.premises.standing.passing == {}
    return again.premises.standing.people_in("estate")


def test_a_stop_before_anybody_saw_whether_they_went_in_shuts_nobody_out() -> None:
    """The next run counted them inside until somebody forgave them by hand. Whom the contact has seen stays inside."""

    async def story(site: House) -> None:
        assert await site.show(ONE, "north") == "granted"
        assert await site.show(TWO, "south") == "granted"
        await site.walk_through("south")
        assert await site.show(OLD, "south") == "granted"
        assert await site.show(BOSS, "south") == "granted"
        assert site.premises.standing.people_in("estate") == ["p-1", "p-2", "p-boss", "p-old"]
        assert await after_a_crash(site) == ["p-2"]

    play(story, lambda: house(NORTH, SOUTH, areas=(ESTATE,)))


def test_who_went_in_behind_another_or_by_a_blind_contact_is_inside_after_a_stop() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE, "north") == "granted"
        site.report(Report.CONTACT_OPEN, "north")
        await auntil(lambda: "access.taken" in site.tags())
        assert await site.show(TWO, "north") == "granted"
        assert await site.show(OLD, "south") == "granted"
        site.report(Report.INPUT_CUT, "south", detail="contact")
        await auntil(lambda: "door.fault" in site.tags())
        assert await site.show(BOSS, "south") == "granted"
        assert await after_a_crash(site) == ["p-1", "p-2", "p-boss", "p-old"]

    play(story, lambda: house(NORTH, SOUTH, areas=(ESTATE,)))


def test_who_left_or_came_in_elsewhere_since_stays_there_after_a_stop() -> None:
    async def story(site: House) -> None:
        assert await site.show(ONE, "south", Direction.OUT) == "granted"
        assert await site.show(ONE, "north") == "granted"
        site.gates["south"].away = True
        assert await site.show(TWO, "south") == "fault"
        site.premises.remember(Presence("estate", "p-1", True, None))
        assert await after_a_crash(site) == ["p-1"]

    play(story, lambda: house(NORTH, SOUTH, areas=(ESTATE,)))


def test_who_went_in_at_a_door_that_was_forced_is_inside_after_a_stop() -> None:
    """Nobody sees it open again for them, and nobody takes it back."""

    async def story(site: House) -> None:
        site.report(Report.CONTACT_OPEN, "north")
        await auntil(lambda: "door.forced" in site.tags())
        assert await site.show(ONE, "north") == "granted"
        assert await after_a_crash(site) == ["p-1"]

    play(story, lambda: house(NORTH, SOUTH, areas=(ESTATE,)))


def test_who_goes_in_before_another_is_released_says_nothing_of_that_one() -> None:
    """The other's grant waits for the disk meanwhile."""

    async def story(site: House) -> None:
        assert await site.show(ONE, "north") == "granted"
        second = Presence("estate", "p-2", True, None)
        standing = site.premises.standing
        site.premises.remember(second, *area.on_the_way("north", (second,), standing))
        await site.walk_through("north")
        assert standing.people_in("estate") == ["p-1", "p-2"]
        assert await after_a_crash(site) == ["p-1"]

    play(story, lambda: house(NORTH, SOUTH, areas=(ESTATE,)))


def test_a_door_without_a_contact_takes_people_at_their_word() -> None:
    blind = a_door("north", area="estate", gate=GateBinding(link="l", profile="gates/sim", contact=None))

    async def story(site: House) -> None:
        await site.show(ONE)
        await site.later(10)
        assert "access.not_taken" not in site.tags()
        assert await site.show(ONE) == "denied"

    play(story, lambda: house(blind, areas=(ESTATE,)))


def test_anti_passback_soft_lets_in_and_says_so_and_nobody_is_kept_inside() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "north")
        assert await site.show(ONE, "north") == "granted"
        event = site.events("access.granted")[-1]
        assert isinstance(event, AccessGranted)
        assert event.notes == ("anti_passback",)
        for _ in range(2):
            assert await site.show(TWO, "north", Direction.OUT) == "granted"

    play(story, lambda: house(NORTH, areas=(Area("estate", anti_passback="soft"),)))


def test_forgiven_people_pass_once_more() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "north")
        assert await site.show(ONE, "north") == "denied"
        assert (await site.operate("forgive", person="p-1")).good
        assert await site.show(ONE, "north") == "granted"

    play(story, lambda: house(NORTH, areas=(ESTATE,)))


def test_a_pair_of_readers_and_a_waiting_time() -> None:
    paired, timed = a_door("north", anti_passback="hard"), a_door("south", timed_min=10)

    async def story(site: House) -> None:
        await site.show(ONE, "north")
        assert await site.show(ONE, "north") == "denied"
        assert await site.show(TWO, "south") == "granted"
        await site.later(9 * 60)
        assert await site.show(TWO, "south") == "granted"  # the first one was not taken
        await site.walk_through("south")
        await site.later(9 * 60)
        assert await site.show(TWO, "south") == "denied"
        await site.later(61)
        assert await site.show(TWO, "south") == "granted"

    play(story, lambda: house(paired, timed))


def test_a_full_area_takes_nobody_more() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "north")
        assert await site.show(TWO, "north") == "denied"
        assert site.reason() == "occupancy"
        assert await site.show(ONE, "north", Direction.OUT) == "granted"
        assert await site.show(TWO, "north") == "granted"

    play(story, lambda: house(NORTH, areas=(Area("estate", max_people=1),)))


def test_an_area_forgets_at_its_hour() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "north")
        await site.walk_through("north")
        await site.later(24 * 3600)
        await auntil(lambda: site.premises.standing.counts.get("estate", 0) == 0, timeout=3)
        assert await site.show(ONE, "north") == "granted"

    play(story, lambda: house(NORTH, areas=(Area("estate", anti_passback="hard", reset="04:00"),)))


def test_of_interlocked_doors_one_waits_for_the_other() -> None:
    async def story(site: House) -> None:
        await site.show(ONE, "north")
        assert await site.show(TWO, "south") == "denied"
        assert site.reason() == "interlock"
        site.report(Report.CONTACT_OPEN, "north")
        await site.later(1)
        assert await site.show(TWO, "south") == "denied"
        site.report(Report.CONTACT_CLOSED, "north")
        await auntil(lambda: "door.closed" in site.tags())
        assert await site.show(TWO, "south") == "granted"

    trap = (Interlock("trap", ("north", "south")),)
    play(story, lambda: house(a_door("north"), a_door("south"), interlocks=trap), heard=True)


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_a_card_with_two_uses_opens_twice() -> None:
    async def story(site: House) -> None:
        for answer in ("granted", "granted", "denied"):
            assert await site.show(TWICE) == answer
            if answer == "granted":
                await site.walk_through()
        assert site.reason() == "uses_exhausted"
        assert await site.show(ONE) == "granted"  # the same person's other card

    play(story, house)


def test_five_wrong_tries_lock_the_terminal_longer_each_time() -> None:
    async def story(site: House) -> None:
        for seconds in (30, 60, 120):
            for _ in range(5):
                assert await site.show(UNKNOWN) == "denied"
            assert site.reason() == "unknown_credential"
            assert await site.show(ONE) == "denied"
            assert site.reason() == "locked_out"
            assert await site.show(ONE, direction=Direction.OUT) == "granted"  # nobody is locked in
            await site.later(seconds - 1)
            assert await site.show(ONE) == "denied"
            await site.later(2)
        assert [event.kind for event in site.events("alert.opened")] == ["locked_out"] * 3  # type: ignore[union-attr]
        for _ in range(3):
            assert await site.show(ONE) == "granted"
        for _ in range(5):
            await site.show(UNKNOWN)
        await site.later(31)  # each right one took a lock back
        assert await site.show(ONE) == "granted"

    play(story, house)


def test_who_needs_longer_gets_longer() -> None:
    async def story(site: House) -> None:
        await site.show(OLD)
        assert site.gate.pulses == [15.0]
        site.report(Report.CONTACT_OPEN)
        await site.later(59)
        assert "door.held" not in site.tags()
        await site.later(2)
        await auntil(lambda: "door.held" in site.tags())

    play(story, house)


# ---- the door --------------------------------------------------------------------------------------------------------


def test_an_open_door_is_warned_about_before_it_is_held() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        site.report(Report.CONTACT_OPEN)
        await site.later(11)
        await auntil(lambda: ("gate-in", "close_door") in site.terminals.shown)
        assert "door.held" not in site.tags()
        await site.later(5)
        await auntil(lambda: "door.held" in site.tags())

    play(story, lambda: house(a_door(prealarm_s=5.0)))


def test_a_door_locks_again_behind_the_first_one() -> None:
    async def story(site: House) -> None:
        await site.show(ONE)
        await site.walk_through()
        await site.later(0.6)
        await auntil(lambda: site.gate.secured == 1)

    play(story, lambda: house(a_door(relock_s=0.5)))


def test_a_cut_wire_and_an_open_housing_are_said() -> None:
    async def story(site: House) -> None:
        site.report(Report.INPUT_CUT, detail="contact")
        site.report(Report.INPUT_NORMAL, detail="contact")
        site.report(Report.TAMPER_ON)
        await auntil(lambda: site.tags() == ["door.fault", "door.fault", "door.tamper"])

    play(story, house)


def test_a_housing_that_is_shut_says_nothing_of_another_one() -> None:
    async def story(site: House) -> None:
        site.report(Report.TAMPER_ON, detail="gate-in")
        site.report(Report.TAMPER_ON)
        site.report(Report.TAMPER_ON, detail="gate-in")
        site.report(Report.TAMPER_OFF, detail="gate-in")
        site.report(Report.TAMPER_OFF)
        await auntil(lambda: len(site.tags()) == 4)
        told = [(event.on, event.open) for event in site.events("door.tamper") if isinstance(event, DoorTamper)]
        assert told == [(True, ("gate-in",)), (True, ("gate", "gate-in")), (True, ("gate",)), (False, ())]

    play(story, house)


def modes(site: House) -> list[tuple[str, str]]:
    return [
        (event.mode, event.source) for event in site.events("door.mode_changed") if isinstance(event, DoorModeChanged)
    ]


def test_a_door_held_open_by_hand_ends_by_itself_and_has_a_name() -> None:
    async def story(site: House) -> None:
        assert not (await site.operate("unlock", by=" ")).good
        assert (await site.operate("unlock", door="gate", for_s=600.0, why="delivery")).good
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        event = site.events("door.mode_changed")[0]
        assert isinstance(event, DoorModeChanged)
        assert (event.by, event.why, event.for_ms) == ("wang", "delivery", 600_000)
        await site.later(8.5)
        await auntil(lambda: site.gate.pulses == [HOLD_S, HOLD_S])  # a dead gateway leaves it open for 20 s at most
        site.report(Report.CONTACT_OPEN)
        await site.later(120)
        assert "door.held" not in site.tags()
        await site.later(500)
        await auntil(lambda: modes(site) == [("unlocked", "operator"), ("locked", "")])
        await auntil(lambda: site.gate.secured == 1)
        await site.later(16)
        await auntil(lambda: "door.held" in site.tags())  # nobody has shut it since

    play(story, house)


def test_a_blocked_door_lets_out_and_a_lockdown_lets_in_whom_a_rule_says() -> None:
    async def story(site: House) -> None:
        await site.operate("block", door="gate")
        assert await site.show(GUARD) == "denied"
        assert site.reason() == "door_blocked"
        assert await site.show(ONE, direction=Direction.OUT) == "granted"
        await site.operate("normal", door="gate")
        await site.operate("lockdown", why="drill")
        assert await site.show(ONE) == "denied"
        assert site.reason() == "lockdown"
        assert await site.show(GUARD) == "granted"
        site.report(Report.EXIT_PRESSED)
        await auntil(lambda: "exit.requested" in site.tags())
        await site.later(3601)  # ends by itself, should nobody think of it
        assert await site.show(ONE) == "granted"

    play(story, house)


def test_evacuation_opens_what_a_lockdown_closed() -> None:
    async def story(site: House) -> None:
        await site.operate("lockdown")
        await site.operate("evacuate")
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        await site.operate("end_evacuation")
        await auntil(lambda: modes(site)[-1] == ("locked_down", "lockdown"))

    play(story, house)


def test_a_door_stands_open_by_schedule_and_a_clock_that_jumps_costs_nobody_the_door() -> None:
    office = a_door(hold_open="office")
    hours = Schedule("office", (Span(EVERY_DAY, 8 * 60, 18 * 60),))

    async def story(site: House) -> None:
        site.books.current = msgspec.structs.replace(BOOK, schedules=MappingProxyType({"office": hours}))
        await site.later(0)
        await auntil(lambda: modes(site) == [("unlocked", "schedule")])  # it is noon
        site.clock.jump_ms = -6 * 3_600_000
        await site.later(9)
        await auntil(lambda: modes(site)[-1] == ("locked", ""))
        await auntil(lambda: site.gate.secured == 1)
        site.clock.jump_ms = 0
        await site.later(9)
        await auntil(lambda: modes(site)[-1] == ("unlocked", "schedule"))
        await site.operate("lock", door="gate")
        await auntil(lambda: modes(site)[-1] == ("locked", "operator"))

    play(story, lambda: house(office))


# ---- fire and panic --------------------------------------------------------------------------------------------------


def test_fire_opens_every_escape_door_until_somebody_clears_it_by_hand() -> None:
    north, south, store = a_door("north"), a_door("south"), a_door("store", escape=False)

    async def story(site: House) -> None:
        await site.operate("lockdown")
        site.report(Report.FIRE_ON, "north")
        await auntil(lambda: site.gates["south"].pulses == [HOLD_S] == site.gates["north"].pulses)
        assert site.gates["store"].pulses == []
        assert await site.show(UNKNOWN, "store", Direction.OUT) == "granted"  # whoever it is
        assert not (await site.operate("clear", latch="fire")).good  # the panel still says fire
        site.report(Report.FIRE_OFF, "north")
        await site.later(5)
        assert site.premises.standing.fire
        assert (await site.operate("clear", latch="fire")).good
        assert [tag for tag in site.tags() if tag.startswith("fire")] == ["fire.released", "fire.cleared"]
        await auntil(lambda: site.actors["north"].doorway.mode.name == "locked_down")

    play(story, lambda: house(north, south, store))


def test_a_panic_stays_is_said_again_and_two_at_once_are_both_kept() -> None:
    async def story(site: House) -> None:
        site.report(Report.PANIC_ON, "north")
        site.report(Report.PANIC_ON, "south")
        site.report(Report.PANIC_OFF, "north")
        await site.later(31)
        await auntil(lambda: len(site.events("panic.raised")) == 4, timeout=3)
        said = [(event.door, event.count) for event in site.events("panic.raised") if isinstance(event, PanicRaised)]
        assert said == [("north", 1), ("south", 1), ("north", 2), ("south", 2)]
        assert (await site.operate("clear", latch="panic/north")).good
        assert not (await site.operate("clear", latch="panic/south")).good  # the button is still pressed
        await site.later(31)
        await auntil(lambda: len(site.events("panic.raised")) == 5, timeout=3)

    play(story, lambda: house(a_door("north"), a_door("south")))


def test_a_fire_and_a_forced_door_that_come_again_ring_again() -> None:
    """Both were answered and never closed: what comes then is not what was answered."""

    async def story(site: House) -> None:
        cases = site.premises.standing.cases

        async def forced() -> None:
            before = len(site.events("door.forced"))
            site.report(Report.CONTACT_OPEN)
            site.report(Report.CONTACT_CLOSED)
            await auntil(lambda: len(site.events("door.forced")) > before)

        await forced()
        first = cases["forced/gate"]
        await site.later(5)
        await forced()
        assert cases["forced/gate"] == first, "nobody has answered: the clock runs on"
        site.report(Report.FIRE_ON)
        site.report(Report.FIRE_OFF)
        for alarm in ("forced/gate", "fire"):
            assert (await site.operate("acknowledge", alarm=alarm)).good
        assert (await site.operate("clear", latch="fire")).good
        await auntil(lambda: site.actor.doorway.mode.name == "locked")
        await site.later(20)
        await forced()
        site.report(Report.FIRE_ON)
        for alarm in ("forced/gate", "fire"):
            assert cases[alarm].step == ""
            assert cases[alarm].raised.since_ms(site.clock.now()) == 0

    play(story, house)


# ---- after a restart -------------------------------------------------------------------------------------------------


def test_everything_remembered_is_there_again_after_the_process_was_killed() -> None:
    """The changes stand in the journal with their events; a new process makes the same memory of them."""
    journal, clock = MemoryJournal(), MemoryClock()
    limits = {"areas": (ESTATE,), "journal": journal, "clock": clock}

    async def before(site: House) -> None:
        await site.show(ONE, "north")
        await site.walk_through("north")
        await site.show(TWICE, "south", Direction.OUT)
        await site.show(TWICE, "south")
        await site.walk_through("south")
        for _ in range(5):
            await site.show(UNKNOWN, "south")
        site.report(Report.PANIC_ON, "north")
        await site.operate("unlock", door="north", for_s=3600.0)
        await asyncio.sleep(0)

    async def after(site: House) -> None:
        standing = site.premises.standing
        assert standing.presence("estate", "p-1").inside
        assert await site.show(ONE, "north") == "denied"
        assert site.reason() == "anti_passback"
        assert await site.show(TWO, "south") == "denied"
        assert site.reason() == "locked_out"
        assert standing.latches["panic/north"].raised
        await auntil(lambda: site.actors["north"].doorway.mode.name == "unlocked")

    play(before, lambda: house(NORTH, SOUTH, **limits))
    assert {Presence, Uses, Latch} <= {type(change) for change in journal.changes}
    play(after, lambda: house(NORTH, SOUTH, **limits))


def test_who_guesses_between_two_passages_gains_one_guess_by_each() -> None:
    """A card of one's own, or the neighbour's in front, does not begin the count again."""

    async def story(site: House) -> None:
        guesses = 0
        while True:
            for _ in range(2):
                assert await site.show(UNKNOWN) == "denied"
                guesses += 1
            if await site.show(ONE) == "denied":
                break
        assert site.reason() == "locked_out"
        assert guesses == 8  # the fifth that nobody made up for

    play(story, house)


def test_strangers_cards_at_a_busy_gate_lock_nothing() -> None:
    async def story(site: House) -> None:
        for _ in range(20):
            assert await site.show(UNKNOWN) == "denied"
            assert await site.show(ONE) == "granted"

    play(story, house)


def test_a_policy_without_patience_is_still_fair() -> None:
    async def story(site: House) -> None:
        assert await site.show(UNKNOWN) == "denied"
        assert await site.show(ONE) == "denied"
        assert site.reason() == "locked_out"

    play(story, lambda: house(policy=Policy(wrong_tries=1)))


@pytest.mark.parametrize("name", ["city/desk-1", " City/desk-1", "local/li", "door/north"])
def test_nobody_at_the_gateway_takes_the_name_of_another_place(name: str) -> None:
    """Events would show an order of the city, and count it as one."""

    async def story(site: House) -> None:
        done = await site.operations.carry_out(Operation("hold", name, door="gate", for_s=60.0))
        assert (done.good, done.code) == (False, "operate.borrowed_name")
        assert not site.premises.standing.orders
        assert site.tags() == []

    play(story, house)
