"""What is forgotten of people, cards and doors that are gone, and what a file that missed something is given."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.area import Standing
from edge_agent.core.presentation import IN_ORDER, under_duress
from edge_agent.core.remember import as_it_is, dismantled, outdated
from edge_agent.model.clock import ClockState
from edge_agent.model.decisions import Attempt, Reason, Shown
from edge_agent.model.people import Book, Credential, Person
from edge_agent.model.reads import Card, Direction, Face, Liveness, Pin, Presented, Read, Token
from edge_agent.model.standing import Armed, At, Change, Emptied, Gone, Latch, Order, Presence, Swept, Tries, Uses
from tests.core.scene import NOON, moment

NOW = At(1, 2, "b")
CARD, PLATE, FORCED, LOST = Card(26, 0x2A), Token("plate", "京A/1"), Card(26, 7), Card(26, 8)
BOOK = Book(
    "1",
    MappingProxyType({"p-1": Person("p-1", "resident")}),
    MappingProxyType(
        {
            CARD: Credential(CARD, "p-1"),
            PLATE: Credential(PLATE, "p-1"),
            FORCED: Credential(FORCED, "p-1", duress=True),
            LOST: Credential(LOST, "p-1", duress=True, state="revoked"),
        }
    ),
)
USES = [Uses("card/26/2a", 1), Uses("plate/京A/1", 2), Uses("pass/x/y", 3), Uses("card/26/2b", 4), Uses("qr/ab", 5)]


def test_of_the_gone_nothing_is_remembered_and_the_others_stay() -> None:
    there = Presence("yard", "p-1", True, NOW), Presence("yard", "p-2", True, NOW), Presence("door/x", "p-2", False)
    standing = Standing(changes=[*there, *USES, Uses("card/noise", 6), Uses("card/26/zz", 7)])
    found = outdated(standing, BOOK, moment())
    assert found == [Gone("p-2"), Uses("card/26/2b", 0), Uses("qr/ab", 0)]
    standing.apply(*found)
    assert standing.inside == {"yard": {"p-1": there[0]}, "door/x": {}}
    assert standing.counts == {"yard": 1, "door/x": 0}
    assert standing.uses == {"card/26/2a": 1, "plate/京A/1": 2, "pass/x/y": 3, "card/noise": 6, "card/26/zz": 7}
    assert outdated(standing, BOOK, moment()) == []


def test_who_gets_a_card_of_somebody_else_begins_with_all_its_uses() -> None:
    """They were the last holder's, and the new one was refused."""
    standing = Standing(changes=USES[:2])
    before = Book("0", BOOK.persons, MappingProxyType({**BOOK.credentials, CARD: Credential(CARD, "p-0")}))
    assert outdated(standing, BOOK, moment(), before) == [Uses("card/26/2a", 0)]
    assert outdated(standing, BOOK, moment(), BOOK) == []


def test_the_uses_of_a_pass_are_forgotten_a_month_after_it_ran_out() -> None:
    """By a clock that is trusted: one that is ahead by a week gives no used pass back."""
    month_ms = 30 * 86_400_000
    old, new = f"pass/{NOON - month_ms - 1}/j-1", f"pass/{NOON - month_ms}/j-2"
    standing = Standing(changes=[Uses(old, 1), Uses(new, 1), Uses("pass/x/y", 1), Uses("pass/j-3", 1)])
    assert outdated(standing, BOOK, moment(state=ClockState.UNSET)) == []
    assert outdated(standing, BOOK, moment()) == [Uses(old, 0)]


def test_nobody_is_forgotten_for_a_book_without_people() -> None:
    assert outdated(Standing(changes=[Presence("yard", "p-1", True), *USES]), Book("2"), moment()) == []


def test_orders_go_with_their_door() -> None:
    here, gone = Order("gate", "operator", "locked"), Order("shed", "lockdown", "locked_down", "wang")
    assert dismantled(Standing(changes=[here, gone]), {"gate"}) == [Order("shed", "lockdown", None)]


NAMES = st.sampled_from(["a", "b"])
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(Presence, NAMES, NAMES, st.booleans()),
    st.builds(Emptied, NAMES),
    st.builds(Gone, NAMES),
    st.builds(Uses, NAMES, st.integers(0, 3)),
    st.builds(Tries, NAMES, st.integers(0, 4)),
    st.builds(Armed, NAMES, st.integers(1, 9)),
    st.builds(Order, NAMES, st.sampled_from(["operator", "lockdown"]), st.sampled_from([None, "locked"])),
    st.builds(Latch, NAMES, st.booleans()),
    st.builds(Swept, NAMES, st.integers(1, 9)),
)


@given(before=st.lists(CHANGES, max_size=8), missed=st.lists(CHANGES, max_size=8))
def test_a_file_that_missed_anything_is_as_the_memory_afterwards(before: list[Change], missed: list[Change]) -> None:
    memory, file = Standing(changes=[*before, *missed]), Standing(changes=before)
    file.apply(*as_it_is(missed, memory))
    assert remembered(file) == remembered(memory)


def remembered(standing: Standing) -> dict[str, object]:
    """Without what counts nobody."""
    found = vars(standing).copy()
    found["inside"] = {scope: seen for scope, seen in standing.inside.items() if seen}
    found["counts"] = {scope: count for scope, count in standing.counts.items() if count}
    return found


# ---- refused under duress --------------------------------------------------------------------------------------------


def attempt(credential: Presented, *shown: Shown) -> Attempt:
    return Attempt(Read("r", "t", "gate", Direction.IN, 0, credential), shown)


@pytest.mark.parametrize(
    ("shown", "calls"),
    [
        (attempt(CARD), False),
        (attempt(FORCED), True),
        (attempt(LOST), False),  # whoever found it
        (attempt(Card(26, 9)), False),
        (attempt(Pin("p-1")), False),
        (attempt(Pin("p-1", duress=True)), True),
        (attempt(Pin(None, duress=True)), False),
        (attempt(CARD, Shown("pin", "p-1")), False),
        (attempt(CARD, Shown("pin", "p-1"), Shown("card", "p-1", duress=True)), True),
        (attempt(Face("match", "p-1", 0.1, Liveness.LIVE)), False),
    ],
)
def test_who_calls_for_help_though_refused(shown: Attempt, calls: bool) -> None:
    assert under_duress(shown, Reason.LOCKDOWN, BOOK) is calls


@pytest.mark.parametrize("reason", list(Reason))
def test_only_what_was_in_order_calls(reason: Reason) -> None:
    wrong = {
        "credential_not_active", "credential_expired", "invalid_pin", "invalid_identifier", "unknown_credential",
        "revoked", "stale_read", "face_ambiguous", "locked_out", "other",
    }  # fmt: skip
    assert under_duress(attempt(FORCED), reason, BOOK) is (reason.value not in wrong)
    assert (reason in IN_ORDER) is (reason.value not in wrong)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_duress_pin_calls_whatever_it_is_refused_for(reason: Reason) -> None:
    """Only typed where none is asked for it may be any number; and what was good when it was shown has called."""
    asked = reason is not Reason.INVALID_IDENTIFIER
    assert under_duress(attempt(Pin("p-1", duress=True)), reason, BOOK) is asked
    assert under_duress(attempt(Pin("p-1", duress=True, claimed="p-2")), reason, BOOK) is asked
    assert under_duress(attempt(Pin("p-1", duress=True, claimed="p-1")), reason, BOOK)
    assert under_duress(attempt(LOST, Shown("pin", "p-1", duress=True)), reason, BOOK)
    assert not under_duress(attempt(Pin("p-1", claimed="p-1")), reason, BOOK)
    assert not under_duress(attempt(LOST, Shown("pin", "p-1")), reason, BOOK)
