"""store.people: what people.db knows beyond cards — duress, uses, plates, phones, passes, rules, and an older file."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import pytest
from journal_rig import query

from edge_agent.errors import StoreError
from edge_agent.model.people import CATEGORIES, Credential, PinOwner, Recurrence, Rule, Schedule, Span
from edge_agent.model.reads import Card, Pass, Token
from edge_agent.store import schema
from edge_agent.store.booking import Site
from edge_agent.store.entries import CredentialEntry, PersonEntry, hash_pin, keyed
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex, duress_of, load_index, make_index_key, pin_under_duress
from edge_agent.store.records import Clash
from edge_agent.store.schema import PEOPLE

INDEX = PinIndex(bytes(32))
KIND = (Rule("residents-always", ("*",), ("resident",)), Rule("staff-daytime", ("*",), ("staff",), schedule="daytime"))
DAYTIME = {"daytime": Schedule("daytime", (Span((1, 2, 3), 480, 1080),))}
FAIR = Schedule(
    "fair",
    (Span((6, 7), 1320, 1560),),
    {"holiday": (), "fair": (Span((1,), 0, 1440),)},
    (Recurrence(datetime(2026, 10, 1, 8), 90, "FREQ=WEEKLY"),),  # noqa: DTZ001 — local wall time
)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleStore]:
    with closing(PeopleStore(tmp_path / "people.db")) as store:
        yield store


def entry(number: int = 1, *credentials: CredentialEntry, **fields: object) -> PersonEntry:
    return PersonEntry(id=f"p-{number}", name="x", category="visitor", credentials=credentials, **fields)  # type: ignore[arg-type]


def test_the_book_has_all_that_is_entered(people: PeopleStore) -> None:
    """Host, flags, duress card, uses, validity of one card, plate, phone number."""
    plate, phone = Token("plate", "皖A12345"), INDEX.phone("+86 138-0000 1111")
    assert phone is not None
    people.put(
        entry(
            1,
            CredentialEntry(Card(26, 7), "H10301", max_uses=3, valid_from_ms=5, valid_until_ms=9),
            CredentialEntry(Card(26, 8), "H10301", duress=True),
            CredentialEntry(plate),
            host="p-9",
            needs_longer=True,
            escort_exempt=True,
            phone="13800001111",
            phone_token=INDEX.phone("13800001111"),
        )
    )
    book = people.book("UTC")
    person = book.persons["p-1"]
    assert (person.host, person.needs_longer, person.escort_exempt) == ("p-9", True, True)
    assert dict(book.credentials) == {
        Card(26, 7): Credential(Card(26, 7), "p-1", 5, 9, max_uses=3),
        Card(26, 8): Credential(Card(26, 8), "p-1", duress=True),
        plate: Credential(plate, "p-1"),
        phone: Credential(phone, "p-1"),
    }
    people.put(
        PersonEntry(id="p-1", credentials=(CredentialEntry(Card(26, 7), "H10301"), CredentialEntry(Card(26, 8))))
    )
    again = people.book("UTC")
    assert again.credentials == book.credentials, "what is not given stays"
    people.put(PersonEntry(id="p-1", host=None, phone="", credentials=(CredentialEntry(Card(26, 7), max_uses=None),)))
    cleared = people.book("UTC")
    assert cleared.persons["p-1"].host is None
    assert phone not in cleared.credentials
    assert cleared.credentials[Card(26, 7)].max_uses is None


def test_a_shared_phone_number_is_the_first_ones(people: PeopleStore) -> None:
    """A household gives one number: both are kept as contact, one of them is known by it."""
    for number in (1, 2):
        people.put(keyed(entry(number, phone="0551 62345678"), "", INDEX))
    token = INDEX.phone("055162345678")
    assert token is not None
    assert people.book("UTC").credentials[token].person == "p-1"
    second = people.person("p-2")
    assert second is not None
    assert second.phone == "0551 62345678"


def test_a_plate_and_a_card_have_one_owner(people: PeopleStore) -> None:
    plate = CredentialEntry(Token("plate", "皖A12345"))
    people.put(entry(1, plate))
    with pytest.raises(StoreError) as refused:
        people.put(entry(2, CredentialEntry(Card(26, 1)), plate))
    assert (refused.value.code, refused.value.fields["owner"]) == ("store.card_taken", "p-1")
    assert people.person("p-2") is None
    assert Card(26, 1) not in people.book("UTC").credentials


def test_what_was_revoked_may_be_handed_on(people: PeopleStore) -> None:
    """By a Book that is patched as by one that is read anew; it does not come back to the one before, nor with their
    terms.
    """
    site, card = Site("UTC"), Card(26, 7)
    mine = CredentialEntry(card, max_uses=3, valid_from_ms=2000, valid_until_ms=3000)
    people.put(entry(1, mine))
    people.revoke("p-1", card)
    last = people.snapshot_of(site)
    assert last.book.credentials[card].state == "revoked"
    people.put(entry(1, mine))
    assert people.book("UTC").credentials[card].state == "revoked"
    people.put(entry(2, CredentialEntry(card, valid_until_ms=1000)))
    for book in (people.snapshot_of(site, last).book, people.book("UTC")):
        assert book.credentials == {card: Credential(card, "p-2", valid_until_ms=1000)}
    with pytest.raises(StoreError) as refused:
        people.put(entry(1, mine))
    assert (refused.value.code, refused.value.fields["owner"]) == ("store.card_taken", "p-2")


def test_a_card_that_is_only_disabled_is_not_handed_on(people: PeopleStore) -> None:
    card = Card(26, 7)
    people.put(entry(1, CredentialEntry(card)))
    with people._transaction():
        people._connection.execute("UPDATE credentials SET state = 'disabled'")
    with pytest.raises(StoreError) as refused:
        people.put(entry(2, CredentialEntry(card)))
    assert refused.value.code == "store.card_taken"


def test_pins_are_found_by_their_keyed_index(people: PeopleStore) -> None:
    """As PIN and as duress PIN; without a key the hash alone is there."""
    pin_hash = hash_pin("1239")
    people.put(keyed(entry(1, pin_hash=pin_hash), "1239", INDEX))
    people.put(keyed(entry(2, pin_hash=hash_pin("1230")), "1230", INDEX))
    people.put(keyed(entry(3, pin_hash=pin_hash), "1239", None))
    book = people.book("UTC")
    assert set(book.pins) == {"p-1", "p-2", "p-3"}
    assert book.pins["p-1"] == pin_hash
    assert book.pin_index == {
        INDEX.pin("1239"): (PinOwner("p-1"),),
        INDEX.pin("1230"): (PinOwner("p-1", duress=True), PinOwner("p-2")),
        INDEX.pin("1231"): (PinOwner("p-2", duress=True),),
    }
    assert people.clashes() == [Clash("p-2", "p-1", duress=True)]
    people.put(keyed(entry(4, pin_hash=hash_pin("1239")), "1239", INDEX))
    assert Clash("p-1", "p-4", duress=False) in people.clashes()
    people.put(entry(1, pin_hash=None))
    assert "p-1" not in people.book("UTC").pins
    assert INDEX.pin("1239") in people.book("UTC").pin_index


@pytest.mark.parametrize(("pin", "duress"), [("1234", "1235"), ("0009", "0000"), ("999999", "999990")])
def test_the_duress_pin_is_the_last_digit_plus_one(pin: str, duress: str) -> None:
    assert duress_of(pin) == duress
    assert pin_under_duress(duress) == pin


def test_the_index_key_is_made_once_and_kept_close(tmp_path: Path) -> None:
    path = tmp_path / "keys/pin-index.key"
    assert load_index(path) is None
    key = make_index_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == key.hex() + "\n"
    index = load_index(path)
    assert index is not None
    assert index.pin("1234") == PinIndex(key).pin("1234")
    with pytest.raises(StoreError) as exists:
        make_index_key(path)
    assert exists.value.code == "store.index_key_exists"
    path.write_text("12")
    with pytest.raises(StoreError, match="64 hexadecimal"):
        load_index(path)
    path.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        load_index(path)


def test_nothing_that_was_blocked_or_revoked_comes_back(people: PeopleStore) -> None:
    """Neither by adding it again, nor with the person's id: card, plate, pass, block."""
    plate = Token("plate", "皖A12345")
    held = (CredentialEntry(Card(26, 7)), CredentialEntry(plate))
    people.put(entry(1, *held))
    people.issue_pass(Pass("jti-1", "p-1", 0, 10**13), now_ms=0)
    assert people.revoke_pass("jti-1") == "p-1"
    for key in (Card(26, 7), plate):
        people.revoke("p-1", key)
    people.block("p-1")
    people.put(entry(1, *held))
    people.put_all([entry(1, *held)])
    book = people.book("UTC")
    assert not book.persons["p-1"].enabled
    assert {held.state for held in book.credentials.values()} == {"revoked"}
    assert set(book.credentials) == {Card(26, 7), plate, Token("qr", "pass/jti-1")}
    people.issue_pass(Pass("jti-2", "p-1", 0, 10**13), now_ms=0)
    people.remove("p-1")
    people.put(entry(1, *held))
    passes = [key for key in people.book("UTC").credentials if isinstance(key, Token) and key.kind == "qr"]
    assert passes == [Token("qr", "pass/jti-1"), Token("qr", "pass/jti-2")], "a pass dies with its person"


def test_a_pass_that_nobody_noted_can_be_revoked(people: PeopleStore) -> None:
    assert people.revoke_pass("from-an-older-file") is None
    assert people.book("UTC").credentials[Token("qr", "pass/from-an-older-file")].state == "revoked"
    with pytest.raises(StoreError, match="no person"):
        people.issue_pass(Pass("j", "p-404", 0, 1), now_ms=0)


def test_rules_schedules_and_days_come_back_and_win_over_the_site_kind(people: PeopleStore) -> None:
    """The same id replaces in place, others follow; a group's days are replaced as a whole."""
    night = Rule("night", ("north",), ("guard",), ("p-1",), "fair", "deny", in_lockdown=True)
    mine = Rule("residents-always", ("south",), ("resident",))
    people.put_rule(night)
    people.put_rule(mine)
    people.put_schedule(FAIR)
    people.put_special_days("holiday", [date(2026, 10, 1), date(2026, 10, 2)])
    people.put_special_days("holiday", [date(2026, 10, 2), date(2026, 10, 3)])
    assert people.rules() == (night, mine)
    assert people.schedules() == {"fair": FAIR}
    book = people.book("UTC", KIND, DAYTIME)
    assert book.rules == (mine, KIND[1], night)
    assert dict(book.schedules) == {**DAYTIME, "fair": FAIR}
    assert dict(book.calendar) == {date(2026, 10, day).toordinal(): "holiday" for day in (2, 3)}
    with pytest.raises(StoreError) as taken:
        people.put_special_days("fair", [date(2026, 9, 30), date(2026, 10, 3)])
    assert taken.value.fields == {"day": "2026-10-03", "group": "fair", "owner": "holiday"}
    assert people.special_days() == dict(book.calendar), "nothing of it went in"
    people.remove_rule("residents-always")
    people.remove_schedule("fair")
    people.put_special_days("holiday", [])
    book = people.book("UTC", KIND, DAYTIME)
    assert (book.rules, dict(book.schedules), dict(book.calendar)) == ((*KIND, night), DAYTIME, {})
    for gone in (lambda: people.remove_rule("x"), lambda: people.remove_schedule("x")):
        with pytest.raises(StoreError, match="There is no"):
            gone()


def test_a_rule_that_cannot_be_read_lets_nobody_in(people: PeopleStore, caplog: pytest.LogCaptureFixture) -> None:
    """Closed rather than open by accident: also a denying rule whose schedule is lost."""
    people.put_rule(Rule("a", ("*",), ("resident",)))
    people.put_rule(Rule("b", ("*",), ("staff",), schedule="fair", effect="deny"))
    people.put_schedule(FAIR)
    query(people.path, "UPDATE rules SET body = x'00' WHERE id = 'a'")
    query(people.path, 'UPDATE schedules SET body = \'{"id":"fair","spans":[{}]}\' WHERE id = \'fair\'')
    with caplog.at_level(logging.ERROR):
        book = people.book("UTC")
    assert book.rules == (Rule("a", ("*",), CATEGORIES, effect="deny"), Rule("b", ("*",), ("staff",), effect="deny"))
    assert len(caplog.records) == 2


def test_a_credential_that_cannot_be_read_costs_itself(people: PeopleStore) -> None:
    people.put(entry(1, CredentialEntry(Card(26, 7)), CredentialEntry(Card(26, 8))))
    query(people.path, "UPDATE credentials SET raw = 'noise' WHERE raw = '7'")
    assert list(people.book("UTC").credentials) == [Card(26, 8)]


def test_a_file_of_an_older_version_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People, cards of every state, PINs, consents and the version; the new fields are empty."""
    path = tmp_path / "people.db"
    older = schema.Kind(PEOPLE.name, PEOPLE.application_id, PEOPLE.tables[:5], PEOPLE.steps[:1], secure_delete=True)
    with monkeypatch.context() as patch:
        patch.setattr("edge_agent.store.people_file.PEOPLE", older)
        PeopleStore(path).close()
    with closing(sqlite3.connect(path)) as old:
        old.execute("INSERT INTO persons VALUES ('p-1', '张三', 'resident', '3-1-502', 1, 2, '138', 0)")
        old.execute(
            "INSERT INTO credentials (id, person, kind, bits, raw, format, valid_until_ms, state)"
            " VALUES (5, 'p-1', 'card', 26, '4d', 'H10301', 9, 'revoked')"
        )
        old.execute(
            "INSERT INTO credentials (person, kind, pin_hash, state) VALUES ('p-1', 'pin', '$argon2id$x', 'enabled')"
        )
        old.execute("INSERT INTO consents VALUES (1, 'p-1', 'match', '1', '', '', 5, NULL)")
        old.execute("UPDATE meta SET value = 41 WHERE key = 'version'")
        old.commit()
    with closing(PeopleStore(path)) as people:
        known, book = people.person("p-1"), people.book("UTC")
        assert people.version() == 41
        assert known is not None
        assert (known.name, known.phone, known.enabled, known.host, known.pin) == ("张三", "138", False, None, True)
        assert book.credentials[Card(26, 0x4D)] == Credential(Card(26, 0x4D), "p-1", None, 9, "revoked")
        assert dict(book.pins) == {"p-1": "$argon2id$x"}
        assert people.consent("p-1", "match", 6) is not None
        people.put(entry(1, CredentialEntry(Token("plate", "皖A1"))))
        people.remove("p-1")
    assert query(path, "SELECT count(*) FROM credentials") == [(0,)], "the foreign key still holds"
    assert query(path, "PRAGMA foreign_key_check") == []
