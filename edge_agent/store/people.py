"""People, their credentials and consents: people.db, written by the command line while the daemon runs.

Blocking; a decision never comes here, it reads the Book. Names, phone numbers and PIN hashes stay in this file: what
is noted for the journal carries the pseudonymous id alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET

from edge_agent.errors import StoreError
from edge_agent.model.encoding import canonical
from edge_agent.model.events import BY_TAG, ConsentGiven, Event, PersonChanged, encode_event
from edge_agent.model.people import Book, CardCredential, Person, Rule, Schedule
from edge_agent.model.reads import Card
from edge_agent.store import database
from edge_agent.store.entries import PersonEntry
from edge_agent.store.schema import PEOPLE

ENTERED = ("name", "category", "house", "valid_from_ms", "valid_until_ms", "phone")  # columns an entry may set


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person agreed to. `guardian`: who agreed for a child under 14; `until_ms` exclusive, None = no end."""

    person: str
    purpose: str  # match | keep_image | provide_to_city
    text_version: str
    given_ms: int
    channel: str = ""
    guardian: str = ""
    until_ms: int | None = None


class Stored(msgspec.Struct, frozen=True):
    """What came of a bulk write: ids `added` and `updated`; `refused`: the entry's index and why."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    refused: tuple[tuple[int, StoreError], ...]


class Change(msgspec.Struct, frozen=True):
    """An event that the journal has still to get."""

    id: int
    event: Event


class KnownCard(msgspec.Struct, frozen=True):
    """`format`: the name under which it was entered. `state`: enabled | disabled | revoked."""

    card: Card
    format: str
    state: str


class KnownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person as stored, without the PIN. `enabled`: not blocked."""

    id: str
    name: str
    category: str
    house: str
    valid_from_ms: int | None
    valid_until_ms: int | None
    phone: str
    enabled: bool
    cards: tuple[KnownCard, ...]


class Listed(msgspec.Struct, frozen=True):
    """One person in a list. `cards` that are enabled."""

    id: str
    name: str
    category: str
    house: str
    valid_from_ms: int | None
    valid_until_ms: int | None
    enabled: bool
    cards: int


class Removed(msgspec.Struct, frozen=True):
    """How many of each went with a person."""

    cards: int
    pins: int
    consents: int


class PeopleStore:
    """One connection to people.db. `set_aside`: let a damaged file be renamed and a new one begun (the daemon's
    right at its start, nobody else's); `moved` then says where it went. Raises StoreError throughout.
    """

    def __init__(self, path: Path, *, set_aside: bool = False, busy_s: float = database.BUSY_S) -> None:
        self.path = path
        with database.alone(path):
            opened = database.open_file(path, PEOPLE, set_aside=set_aside)
        self.moved = opened.set_aside
        self._connection = opened.connection
        with self._translated():
            self._connection.execute(f"PRAGMA busy_timeout = {round(busy_s * 1000)}")

    def close(self) -> None:
        self._connection.close()

    # ---- writing -----------------------------------------------------------------------------------------------------

    def put(self, entry: PersonEntry, source: str = "") -> str:
        """Add or update one person; returns `added` or `updated`.

        Raises StoreError when a card is somebody else's, somebody new has no name or category, or the validity, with
        what is stored, would end before it begins.
        """
        with self._transaction():
            what = self._upsert(entry)
            self._note(PersonChanged(what=what, person=entry.id, source=source))
        return what

    def put_all(self, entries: Iterable[PersonEntry], source: str = "") -> Stored:
        """Add or update many in one transaction; an entry that cannot go in is reported and the others go in."""
        added, updated, refused, seen = list[str](), list[str](), list[tuple[int, StoreError]](), set[str]()
        with self._transaction():
            for index, entry in enumerate(entries):
                if entry.id in seen:
                    refused.append((index, StoreError("store.person_twice", person=entry.id)))
                    continue
                seen.add(entry.id)
                try:
                    what = self._upsert(entry)
                except StoreError as error:
                    refused.append((index, error))
                else:
                    (added if what == "added" else updated).append(entry.id)
            if added or updated:
                self._note(PersonChanged(what="imported", count=len(added) + len(updated), source=source))
        return Stored(tuple(added), tuple(updated), tuple(refused))

    def block(self, person: str, source: str = "") -> None:
        """Nothing of this person opens a door until `unblock`; cards, consents and faces are kept."""
        self._enable(person, False, PersonChanged(what="blocked", person=person, source=source))

    def unblock(self, person: str, source: str = "") -> None:
        self._enable(person, True, PersonChanged(what="unblocked", person=person, source=source))

    def revoke_card(self, person: str, card: Card, source: str = "") -> None:
        """The card stays known as revoked, so that it is refused by name of the reason. Raises StoreError."""
        with self._transaction():
            self._known(person)
            changed = self._connection.execute(
                "UPDATE credentials SET state = 'revoked' WHERE kind = 'card' AND person = ? AND bits = ? AND raw = ?",
                (person, card.bits, f"{card.raw:x}"),
            )
            if not changed.rowcount:
                raise StoreError("store.no_card", person=person)
            self._note(PersonChanged(what="card_revoked", person=person, source=source))

    def remove(self, person: str, source: str = "") -> Removed:
        """Remove a person with credentials and consents. Their face templates are FaceStore's to erase."""
        with self._transaction():
            self._known(person)
            row = self._one(
                "SELECT count(*) FILTER (WHERE kind = 'card'), count(*) FILTER (WHERE kind = 'pin'),"
                " (SELECT count(*) FROM consents WHERE person = ?1) FROM credentials WHERE person = ?1",
                person,
            )
            self._connection.execute("DELETE FROM persons WHERE id = ?", (person,))
            self._note(PersonChanged(what="removed", person=person, source=source))
        return Removed(*row)

    def give_consent(self, consent: Consent) -> None:
        """Record a consent; a later one of the same purpose replaces it in effect, the earlier one is kept."""
        with self._transaction():
            self._known(consent.person)
            self._connection.execute(
                "INSERT INTO consents (person, purpose, text_version, channel, guardian, given_ms, until_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    consent.person, consent.purpose, consent.text_version, consent.channel, consent.guardian,
                    consent.given_ms, consent.until_ms,
                ),
            )  # fmt: skip
            self._note(
                ConsentGiven(
                    person=consent.person,
                    purpose=consent.purpose,
                    text_version=consent.text_version,
                    channel=consent.channel,
                )
            )

    def note(self, event: Event) -> None:
        """Let the daemon journal `event`, and its watch see a change (a face was enrolled, for instance)."""
        with self._transaction():
            self._note(event)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def person(self, person: str) -> KnownPerson | None:
        """One person with the cards, without the PIN."""
        row = self._one(
            "SELECT id, name, category, house, valid_from_ms, valid_until_ms, phone, enabled FROM persons WHERE id = ?",
            person,
        )
        if row is None:
            return None
        id_, name, category, house, from_ms, until_ms, phone, enabled = row
        cards = tuple(
            KnownCard(Card(bits, int(raw, 16)), format_, state)
            for bits, raw, format_, state in self._rows(
                "SELECT bits, raw, format, state FROM credentials WHERE kind = 'card' AND person = ? ORDER BY id",
                person,
            )
        )
        return KnownPerson(
            id=id_, name=name, category=category, house=house, valid_from_ms=from_ms, valid_until_ms=until_ms,
            phone=phone, enabled=bool(enabled), cards=cards,
        )  # fmt: skip

    def people(self) -> list[Listed]:
        """Everybody, by id."""
        return [
            Listed(id_, name, category, house, from_ms, until_ms, bool(enabled), cards)
            for id_, name, category, house, from_ms, until_ms, enabled, cards in self._rows(
                "SELECT id, name, category, house, valid_from_ms, valid_until_ms, enabled, (SELECT count(*) FROM"
                " credentials WHERE person = persons.id AND kind = 'card' AND state = 'enabled')"
                " FROM persons ORDER BY id"
            )
        ]

    def consent(self, person: str, purpose: str, now_ms: int) -> Consent | None:
        """The consent in force now for this purpose, or None: then nothing may be done for it."""
        row = self._one(
            "SELECT person, purpose, text_version, given_ms, channel, guardian, until_ms FROM consents"
            " WHERE person = ? AND purpose = ? ORDER BY id DESC LIMIT 1",
            person,
            purpose,
        )
        if row is None or (row[6] is not None and now_ms >= row[6]):
            return None
        return Consent(
            person=row[0], purpose=row[1], text_version=row[2], given_ms=row[3], channel=row[4], guardian=row[5],
            until_ms=row[6],
        )  # fmt: skip

    def version(self) -> int:
        """Counts every change ever made."""
        row = self._one("SELECT value FROM meta WHERE key = 'version'")
        return int(row[0]) if row else 0

    def data_version(self) -> int:
        """Changes when another connection has committed something: the cheap look."""
        row = self._one("PRAGMA data_version")
        return int(row[0]) if row else 0

    def book(self, zone: str, rules: tuple[Rule, ...], schedules: Mapping[str, Schedule]) -> Book:
        """The snapshot that decisions read. Its version differs whenever its content may differ."""
        with self._transaction("BEGIN"):
            store = self._one("SELECT value FROM meta WHERE key = 'store'")
            counter = self.version()
            persons = {
                id_: Person(id_, category, house, start, end, bool(enabled))
                for id_, category, house, start, end, enabled in self._rows(
                    "SELECT id, category, house, valid_from_ms, valid_until_ms, enabled FROM persons"
                )
            }
            cards = dict[Card, CardCredential]()
            for bits, raw, person, start, end, state in self._rows(
                "SELECT bits, raw, person, valid_from_ms, valid_until_ms, state FROM credentials WHERE kind = 'card'"
            ):
                card = Card(bits, int(raw, 16))
                cards[card] = CardCredential(card, person, start, end, state)
        identity = canonical([store[0] if store else "", counter, zone, rules, dict(schedules)])
        return Book(
            version=sha256(identity).hexdigest()[:16],
            persons=MappingProxyType(persons),
            cards=MappingProxyType(cards),
            rules=rules,
            schedules=MappingProxyType(dict(schedules)),
            zone=zone,
        )

    # ---- what the journal has still to get ---------------------------------------------------------------------------

    def pending(self, limit: int = 100) -> list[Change]:
        """Changes that were not journalled yet, oldest first."""
        rows = self._rows("SELECT id, tag, body FROM changes WHERE done = 0 ORDER BY id LIMIT ?", limit)
        return [Change(id_, msgspec.json.decode(body, type=BY_TAG[tag])) for id_, tag, body in rows if tag in BY_TAG]

    def done(self, changes: Iterable[Change]) -> None:
        """They are committed in the journal. Journalled before this is noted, they may come a second time."""
        with self._transaction():
            self._connection.executemany("UPDATE changes SET done = 1 WHERE id = ?", [(c.id,) for c in changes])

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _upsert(self, entry: PersonEntry) -> str:
        for given in entry.cards:
            owner = self._one(
                "SELECT person FROM credentials WHERE kind = 'card' AND bits = ? AND raw = ?",
                given.card.bits,
                f"{given.card.raw:x}",
            )
            if owner is not None and owner[0] != entry.id:
                raise StoreError("store.card_taken", person=entry.id, owner=owner[0])
        what = self._merge(entry)
        for given in entry.cards:
            self._connection.execute(
                """INSERT INTO credentials (person, kind, bits, raw, format, state)
                VALUES (?, 'card', ?, ?, ?, 'enabled')
                ON CONFLICT (bits, raw) WHERE kind = 'card' DO UPDATE SET format = excluded.format""",
                (entry.id, given.card.bits, f"{given.card.raw:x}", given.format),
            )
        if entry.pin_hash is None:
            self._connection.execute("DELETE FROM credentials WHERE person = ? AND kind = 'pin'", (entry.id,))
        elif entry.pin_hash is not UNSET:
            self._connection.execute(
                """INSERT INTO credentials (person, kind, pin_hash, state) VALUES (?, 'pin', ?, 'enabled')
                ON CONFLICT (person) WHERE kind = 'pin' DO UPDATE SET pin_hash = excluded.pin_hash""",
                (entry.id, entry.pin_hash),
            )
        return what

    def _merge(self, entry: PersonEntry) -> str:
        """Write the person's own fields: what was given over what is stored."""
        given = {column: value for column in ENTERED if (value := getattr(entry, column)) is not UNSET}
        stored = self._one(f"SELECT {', '.join(ENTERED)} FROM persons WHERE id = ?", entry.id)
        if stored is None and not {"name", "category"} <= given.keys():
            raise StoreError("store.entry_incomplete", person=entry.id)
        merged = dict(zip(ENTERED, stored or ("", "", "", None, None, ""), strict=True)) | given
        start, end = merged["valid_from_ms"], merged["valid_until_ms"]
        if start is not None and end is not None and end <= start:
            raise StoreError("store.entry_validity_stored", person=entry.id)
        values = (*merged.values(), entry.id)
        if stored is None:
            columns = ", ".join((*ENTERED, "id", "enabled"))
            self._connection.execute(f"INSERT INTO persons ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, 1)", values)
            return "added"
        self._connection.execute(f"UPDATE persons SET {' = ?, '.join(ENTERED)} = ? WHERE id = ?", values)
        return "updated"

    def _enable(self, person: str, enabled: bool, event: PersonChanged) -> None:
        with self._transaction():
            self._known(person)
            self._connection.execute("UPDATE persons SET enabled = ? WHERE id = ?", (enabled, person))
            self._note(event)

    def _note(self, event: Event) -> None:
        self._connection.execute("INSERT INTO changes (tag, body) VALUES (?, ?)", (event.tag, encode_event(event)))
        self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")

    def _known(self, person: str) -> None:
        if self._one("SELECT 1 FROM persons WHERE id = ?", person) is None:
            raise StoreError("store.no_person", person=person)

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        with self._translated():
            self._connection.execute(begin)
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> Any:
        rows = self._rows(query, *values)
        return rows[0] if rows else None
