"""Who may pass: one case a line, as a guard captain would put it."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.decide import STALE_AFTER_MS, decide
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.decisions import Decision, Deny, Grant, Reason
from edge_agent.model.people import Book, CardCredential, Person, Rule, Schedule, Span
from edge_agent.model.reads import Card, Credential, Direction, Face, Liveness, Read, Unreadable
from edge_agent.model.site import Door, GateBinding, Policy

NOON = 1_777_867_200_000  # Monday 2026-05-04, 12:00 in Shanghai
HOUR = 3_600_000

RESIDENT = Card(26, 0x1000001)
EXPIRED = Card(26, 0x1000002)
EARLY = Card(26, 0x1000003)
LOST = Card(26, 0x1000004)
STAFF = Card(26, 0x1000005)
VISITOR = Card(26, 0x1000006)
OFF = Card(26, 0x1000007)
MOVED_OUT = Card(26, 0x1000008)

PERSONS = (
    Person("p-resident", "resident", "3-1-502"),
    Person("p-staff", "staff"),
    Person("p-visitor", "visitor"),
    Person("p-off", "resident", enabled=False),
    Person("p-gone", "resident", valid_until_ms=NOON - HOUR),
)
CARDS = (
    CardCredential(RESIDENT, "p-resident"),
    CardCredential(EXPIRED, "p-resident", valid_until_ms=NOON - HOUR),
    CardCredential(EARLY, "p-resident", valid_from_ms=NOON + HOUR),
    CardCredential(LOST, "p-resident", state="revoked"),
    CardCredential(STAFF, "p-staff"),
    CardCredential(VISITOR, "p-visitor"),
    CardCredential(OFF, "p-off"),
    CardCredential(MOVED_OUT, "p-gone"),
)
BOOK = Book(
    version="1",
    persons=MappingProxyType({person.id: person for person in PERSONS}),
    cards=MappingProxyType({credential.card: credential for credential in CARDS}),
    rules=(
        Rule("residents-always", ("*",), categories=("resident",)),
        Rule("staff-mornings", ("gate",), categories=("staff",), schedule="mornings"),
    ),
    schedules=MappingProxyType({"mornings": Schedule("mornings", (Span((1, 2, 3, 4, 5), 6 * 60, 11 * 60),))}),
    zone="Asia/Shanghai",
)
DOOR = Door(name="gate", gate=GateBinding(link="l", profile="gates/sim"), ways=(("card",), ("face",)))
OPEN_FACE = Door(
    name="gate", gate=GateBinding(link="l", profile="gates/sim"), ways=(("card",), ("face",)), liveness="optional"
)


def moment(wall_ms: int = NOON, state: ClockState = ClockState.SYNCED) -> Moment:
    return Moment(wall_ms, 1_000_000, "b" * 32, state, 20)


def read(credential: Credential, direction: Direction = Direction.IN, stale: bool = False) -> Read:
    return Read("r-1", "north-in", "gate", direction, 999_000, credential, stale)


def ask(credential: Credential, *, wall_ms: int = NOON, state: ClockState = ClockState.SYNCED, door: Door = DOOR,
        direction: Direction = Direction.IN, stale: bool = False, recording: bool = True,
        policy: Policy = Policy()) -> Decision:  # fmt: skip
    return decide(read(credential, direction, stale), BOOK, door, moment(wall_ms, state), policy, recording)


def reason(decision: Decision) -> str:
    return decision.reason if isinstance(decision, Deny) else f"granted by {decision.rule}"


FACE = Face("match", "p-resident", 0.7, Liveness.LIVE)

CASES = [
    ("a resident's card", RESIDENT, "granted by residents-always"),
    ("a card nobody has", Card(26, 5), "unknown_credential"),
    ("the same number in another length", Card(34, 0x1000001), "unknown_credential"),
    ("a card that ran out an hour ago", EXPIRED, "credential_expired"),
    ("a card that begins in an hour", EARLY, "credential_not_active"),
    ("a card reported lost", LOST, "revoked"),
    ("a person who was switched off", OFF, "credential_not_enabled"),
    ("a resident who moved out", MOVED_OUT, "credential_expired"),
    ("staff at noon, allowed in the morning", STAFF, "not_permitted_at_this_time"),
    ("a visitor, for whom there is no rule", VISITOR, "unauthorized"),
    ("bits no format knows", Unreadable("27 bits"), "invalid_identifier"),
    ("a resident's live face", FACE, "granted by residents-always"),
    ("a photograph of a resident", Face("match", "p-resident", 0.7, Liveness.SPOOF), "liveness_failed"),
    ("a face nobody checked for life", Face("match", "p-resident", 0.7), "liveness_failed"),
    ("a stranger's face", Face("unknown"), "unknown_credential"),
    ("a stranger's photograph", Face("unknown", liveness=Liveness.SPOOF), "liveness_failed"),
    ("one of two twins", Face("ambiguous"), "face_ambiguous"),
    ("a face whose person was deleted meanwhile", Face("match", "p-deleted", 0.7, Liveness.LIVE), "unknown_credential"),
]


@pytest.mark.parametrize(("who", "credential", "expected"), CASES, ids=[case[0] for case in CASES])
def test_at_the_gate_at_noon(who: str, credential: Credential, expected: str) -> None:
    assert reason(ask(credential)) == expected


def test_staff_pass_in_the_morning_and_the_grant_hangs_on_the_clock() -> None:
    decision = ask(STAFF, wall_ms=NOON - 2 * HOUR)
    assert isinstance(decision, Grant)
    assert (decision.rule, decision.timed) == ("staff-mornings", True)


def test_a_face_without_a_life_check_opens_only_where_the_door_says_so() -> None:
    assert isinstance(ask(Face("match", "p-resident", 0.7), door=OPEN_FACE), Grant)


def test_a_door_takes_only_its_ways() -> None:
    cards_only = Door(name="gate", gate=DOOR.gate, ways=(("card",),))
    assert reason(ask(FACE, door=cards_only)) == "invalid_identifier"


def test_a_stale_read_opens_nothing_not_even_the_way_out() -> None:
    assert reason(ask(RESIDENT, stale=True)) == "stale_read"
    assert reason(ask(RESIDENT, stale=True, direction=Direction.OUT)) == "stale_read"


def test_a_read_that_waited_too_long_opens_nothing() -> None:
    """Behind a stalled gateway: the person has gone, somebody else stands there."""
    old = Read("r-1", "north-in", "gate", Direction.IN, 1_000_000 - STALE_AFTER_MS - 1, RESIDENT)
    assert reason(decide(old, BOOK, DOOR, moment(), Policy())) == "stale_read"
    just = Read("r-1", "north-in", "gate", Direction.IN, 1_000_000 - STALE_AFTER_MS, RESIDENT)
    assert isinstance(decide(just, BOOK, DOOR, moment(), Policy()), Grant)


class TestUntrustedClock:
    def test_what_needs_no_clock_passes(self) -> None:
        assert isinstance(ask(RESIDENT, state=ClockState.UNSET), Grant)

    @pytest.mark.parametrize("card", [EARLY, STAFF])
    def test_what_hangs_on_the_clock_does_not(self, card: Card) -> None:
        assert reason(ask(card, state=ClockState.UNSET, wall_ms=NOON - 2 * HOUR)) == "untrusted_clock"

    def test_the_past_is_past_on_any_clock(self) -> None:
        """A clock without a battery is behind, not ahead: what it already calls expired is expired."""
        assert reason(ask(EXPIRED, state=ClockState.UNSET)) == "credential_expired"

    def test_the_site_may_choose_otherwise(self) -> None:
        policy = Policy(untrusted_clock="allow_timed")
        assert isinstance(ask(STAFF, state=ClockState.UNSET, wall_ms=NOON - 2 * HOUR, policy=policy), Grant)

    def test_holdover_is_trusted(self) -> None:
        assert isinstance(ask(STAFF, state=ClockState.HOLDOVER, wall_ms=NOON - 2 * HOUR), Grant)


class TestFullDisk:
    def test_entry_is_refused_by_default(self) -> None:
        assert reason(ask(RESIDENT, recording=False)) == "journal_unavailable"

    def test_a_site_may_keep_its_gate_open_to_residents(self) -> None:
        assert isinstance(ask(RESIDENT, recording=False, policy=Policy(when_full="open")), Grant)


class TestWayOut:
    @pytest.mark.parametrize("card", [RESIDENT, EXPIRED, STAFF, VISITOR, MOVED_OUT, LOST, OFF])
    def test_a_known_person_always_gets_out(self, card: Card) -> None:
        """Neither validity, schedule, clock nor disk keeps somebody inside."""
        decision = ask(card, direction=Direction.OUT, state=ClockState.UNSET, recording=False)
        assert isinstance(decision, Grant)


CREDENTIALS = st.sampled_from([case[1] for case in CASES])


@given(
    CREDENTIALS,
    st.integers(0, 4_000_000_000_000),
    st.sampled_from(ClockState),
    st.sampled_from(Direction),
    st.booleans(),
    st.booleans(),
)
def test_every_read_gets_one_answer_and_the_same_one_again(
    credential: Credential, wall_ms: int, state: ClockState, direction: Direction, stale: bool, recording: bool
) -> None:
    """Total and deterministic; and no grant without a rule that covers the person, on the way in."""
    first, second = (
        ask(credential, wall_ms=wall_ms, state=state, direction=direction, stale=stale, recording=recording)
        for _ in range(2)
    )
    assert first == second
    if isinstance(first, Grant) and direction is Direction.IN:
        rule = next(rule for rule in BOOK.rules if rule.id == first.rule)
        assert first.category in rule.categories
    if isinstance(first, Deny):
        assert first.reason in Reason
