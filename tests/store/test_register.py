"""The city's word about people: the later one counts, whichever arrives first, and a revocation outranks a grant."""

import random
from itertools import permutations
from pathlib import Path

import pytest

from edge_agent.model.grants import CredentialGrant, CredentialName, PersonGrant, Subject
from edge_agent.model.reads import Card
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.register import ALREADY, STALE, TAKEN, Register, subject_of

CARD = Card(26, 0xFF)
NAME = CredentialName("card", 26, "ff")


@pytest.fixture
def register(tmp_path: Path):  # type: ignore[no-untyped-def]
    store = Register(tmp_path / "people.db")
    yield store
    store.close()


def somebody(person: str = "p-1", *cards: int) -> PersonGrant:
    return PersonGrant(
        person, "resident", credentials=tuple(CredentialGrant("card", 26, f"{card:x}") for card in cards or (0xFF,))
    )


def opens(register: Register, card: int = 0xFF) -> bool:
    """As the decision sees it."""
    book = register.book("UTC")
    held = book.credentials.get(Card(26, card))
    return held is not None and held.state == "enabled" and book.persons[held.person].enabled


def test_a_grant_opens_and_says_so_once(register: Register) -> None:
    assert register.grant(somebody(), 5) == ""
    assert opens(register)
    assert register.grant(somebody(), 5) == ALREADY
    assert register.grant(somebody(), 4) == STALE
    assert [change.event.what for change in register.pending()] == ["granted"]  # type: ignore[union-attr]


@pytest.mark.parametrize("subject", [Subject("p-1"), Subject(credential=CARD)], ids=["person", "card"])
def test_the_revocation_of_somebody_unknown_is_remembered(register: Register, subject: Subject) -> None:
    """An older grant that arrives later gives nothing back; a newer one does."""
    assert register.bar(subject, 10) == ""
    register.grant(somebody(), 9)
    assert not opens(register)
    register.grant(somebody(), 10)
    assert not opens(register)  # at the same version the revocation counts
    assert register.grant(somebody(), 11) == ""
    assert opens(register)


def test_a_revocation_of_the_same_version_takes_the_cards_of_the_grant_with_it(register: Register) -> None:
    """A later grant brings back what it names: the card it does not name stays out, and may be somebody else's."""
    assert register.grant(somebody(), 5) == ""
    assert register.bar(Subject("p-1"), 5) == ""
    assert register.grant(somebody("p-1", 0xAA), 6) == ""
    assert opens(register, 0xAA)
    assert not opens(register)
    assert register.grant(somebody("p-2"), 7) == ""
    assert opens(register)


def test_a_card_that_was_revoked_here_is_handed_on_by_the_city(register: Register) -> None:
    """Its holder loses nothing by that; one that was not revoked stays theirs."""
    register.put(PersonEntry(id="p-1", name="x", category="resident", credentials=(CredentialEntry(CARD),)))
    assert register.grant(somebody("p-2"), 5) == TAKEN
    register.revoke("p-1", CARD)
    assert register.grant(somebody("p-2"), 6) == ""
    assert opens(register)
    assert register.owner(CARD) == "p-2"


def test_a_card_that_was_handed_on_here_is_no_longer_what_the_city_granted(register: Register) -> None:
    """The next list took it from the new holder, as if the city had granted it to them."""
    register.grant(somebody(), 5)
    register.grant(somebody("p-2", 0xBB), 5)
    register.revoke("p-1", CARD)
    register.put(PersonEntry(id="p-2", credentials=(CredentialEntry(CARD),)))
    assert opens(register)
    assert register.admit_all([somebody("p-1", 0xAA), somebody("p-2", 0xBB)], 6) == (2, 0)
    assert opens(register)
    assert register.owner(CARD) == "p-2"
    assert register.bar(Subject(credential=CARD), 7) == ""
    assert not opens(register), "what the city revokes stays barred"


@pytest.mark.parametrize("last", [6, 8])
def test_the_order_of_arrival_does_not_matter(tmp_path: Path, last: int) -> None:
    """Every order of the same statements ends in the same place."""
    said = [("grant", 3), ("bar card", 5), ("grant", 4), ("bar person", 2), ("grant", 7), ("bar card", last)]
    seen = set()
    for n, order in enumerate(random.Random(5).sample(list(permutations(said)), 40)):
        register = Register(tmp_path / f"{n}.db")
        for what, version in order:
            match what:
                case "grant":
                    register.grant(somebody(), version)
                case "bar card":
                    register.bar(Subject(credential=CARD), version)
                case _:
                    register.bar(Subject("p-1"), version)
        seen.add(opens(register))
        register.close()
    assert seen == {last == 6}


def test_an_older_word_about_a_person_does_not_weaken_a_newer_one_about_their_card(register: Register) -> None:
    register.grant(somebody(), 3)
    register.bar(Subject(credential=CARD), 8)
    register.bar(Subject("p-1"), 5)
    register.grant(somebody(), 6)
    assert not opens(register)


def test_what_the_city_revoked_nobody_here_gives_back(register: Register) -> None:
    register.bar(Subject(credential=CARD), 3)
    register.put(PersonEntry(id="p-2", name="x", category="guard", credentials=(CredentialEntry(CARD),)))
    assert not opens(register)


@pytest.mark.parametrize("version", [3, 4])
def test_somebody_revoked_comes_back_with_what_is_named_and_nothing_else(register: Register, version: int) -> None:
    register.grant(somebody("p-1", 0xFF, 0xEE), 3)
    register.bar(Subject("p-1"), version)
    assert not opens(register)
    register.grant(somebody("p-1", 0xFF), 5)
    assert opens(register)
    assert not opens(register, 0xEE)


def test_a_credential_of_somebody_else_is_not_taken_from_them(register: Register) -> None:
    register.grant(somebody("p-1"), 3)
    assert register.grant(somebody("p-2"), 4) == TAKEN
    assert "p-2" not in register.book("UTC").persons
    assert opens(register)


@pytest.mark.parametrize("subject", [Subject("p-1"), Subject(credential=CARD)], ids=["person", "card"])
def test_a_card_that_was_taken_from_one_is_handed_on_to_the_next(register: Register, subject: Subject) -> None:
    """A tenant moves out and hands the card in: it was theirs for ever, and nobody could be given it."""
    register.grant(somebody("p-1"), 3)
    register.bar(subject, 4)
    assert register.grant(somebody("p-2"), 5) == ""
    assert opens(register)
    assert register.book("UTC").credentials[CARD].person == "p-2"
    assert register.bar(subject, 4) in (STALE, ALREADY)
    assert opens(register)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("before", [somebody("p-1", 0xEE), None], ids=["another card", "moved out"])
def test_one_list_takes_a_card_from_one_and_gives_it_to_another_in_any_order(
    register: Register, order: int, before: PersonGrant | None
) -> None:
    assert register.admit_all([somebody("p-1", 0xFF), somebody("p-2", 0xDD)], 1) == (2, 0)
    people = [somebody("p-2", 0xFF), *((before,) if before else ())][::order]
    for _ in range(2):  # cut short and taken again
        register.end_others({person.id for person in people}, 2)
        assert register.admit_all(people, 2) == (len(people), 0)
        assert opens(register, 0xFF)
        assert register.book("UTC").credentials[CARD].person == "p-2"
        assert opens(register, 0xEE) is (before is not None)
        assert not opens(register, 0xDD)


def test_the_blacklist_has_an_end_and_a_version(register: Register) -> None:
    register.grant(somebody(), 1)
    assert register.blacklist(Subject(credential=CARD), 2, "stolen", 5_000, True) == ""
    assert not opens(register)
    register.grant(somebody(), 3)
    assert not opens(register)  # the blacklist outranks a newer grant
    assert register.blacklist(Subject(credential=CARD), 2, "x", None, True) == ALREADY
    assert register.blacklist(Subject(credential=CARD), 1, "x", None, False) == STALE
    assert register.unlist(4_999) == 0
    assert register.unlist(5_000) == 1
    assert opens(register)
    register.blacklist(Subject("p-1"), 4, "moved", None, True)
    assert not opens(register)
    register.blacklist(Subject("p-1"), 5, "back", None, False)
    assert opens(register)


def test_a_whole_list_ends_whom_it_does_not_name_and_leaves_the_others(register: Register) -> None:
    register.put(PersonEntry(id="here", name="x", category="guard", credentials=(CredentialEntry(Card(26, 1)),)))
    register.grant(somebody("p-1", 0xFF), 3)
    register.grant(somebody("p-2", 0xEE), 4)
    register.grant(somebody("p-3", 0xDD), 9)  # later than the list
    assert register.end_others({"p-1"}, 5) == 1
    assert register.admit_all([somebody("p-1", 0xAA)], 5) == (1, 0)
    register.list_done(5)
    assert register.list_version() == 5
    assert [opens(register, card) for card in (0xAA, 0xFF, 0xEE, 0xDD, 1)] == [True, False, False, True, True]
    assert register.admit_all([somebody("p-1", 0xAA)], 5) == (1, 0)  # cut short and taken again


def test_a_list_does_not_bring_back_what_was_revoked_after_it(register: Register) -> None:
    register.bar(Subject(credential=CARD), 8)
    register.admit_all([somebody()], 5)
    assert not opens(register)
    assert register.take_away((), (NAME,), 9) == 1
    assert register.take_away((), (NAME,), 9) == 0


def test_a_name_in_the_file_is_the_one_it_was_made_of() -> None:
    for subject in (
        Subject("p-1"),
        Subject(credential=CARD),
        Subject(credential=CredentialName("plate", value="A/1").key),
    ):
        assert subject_of(subject.text) == subject
