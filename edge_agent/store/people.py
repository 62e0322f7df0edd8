"""People, their credentials and consents: people.db, written by the command line while the daemon runs.

Blocking; a decision never comes here, it reads the Book. Names, phone numbers and PIN hashes stay in this file: what
is noted for the journal carries the pseudonymous id alone.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from edge_agent.errors import StoreError
from edge_agent.model.events import PersonChanged
from edge_agent.model.people import Book, Rule, Schedule
from edge_agent.model.reads import Card, Pass, Token
from edge_agent.store import booking
from edge_agent.store.booking import Site, Snapshot
from edge_agent.store.consents import Consents
from edge_agent.store.entries import PersonEntry
from edge_agent.store.holdings import Holdings, place
from edge_agent.store.records import Clash, KnownCredential, KnownPerson, Listed, Removed, Stored

PASS_KEPT_MS = 30 * 86_400_000  # a pass that ran out longer ago than this is forgotten

PERSON = (
    "SELECT id, name, category, house, valid_from_ms, valid_until_ms, phone, enabled, host, needs_longer,"
    " escort_exempt, EXISTS (SELECT 1 FROM credentials WHERE person = persons.id AND kind = 'pin') FROM persons"
)
HELD = (
    "SELECT person, kind, bits, raw, value, format, state, duress, max_uses, valid_from_ms, valid_until_ms"
    " FROM credentials WHERE kind <> 'pin'"
)
# A number is a credential of one person only; who shares a PIN cannot be told by it alone.
CLASHES = """SELECT a.person, b.person, 0 FROM credentials a JOIN credentials b
        ON a.pin_index = b.pin_index AND a.person < b.person
    UNION ALL SELECT a.person, b.person, 1 FROM credentials a JOIN credentials b
        ON a.pin_index = b.duress_index AND a.person <> b.person ORDER BY 1, 2, 3"""


class PeopleStore(Holdings, Consents):
    """One connection to people.db (see PeopleFile for how it is opened). Raises StoreError throughout."""

    # ---- writing -----------------------------------------------------------------------------------------------------

    def put(self, entry: PersonEntry, source: str = "") -> str:
        """Add or update one person; returns `added` or `updated`.

        Raises StoreError when a credential is somebody else's, somebody new has no name or category, or a validity,
        with what is stored, would end before it begins.
        """
        with self._transaction():
            what = self.upsert(entry)
            self._note(PersonChanged(what=what, person=entry.id, source=source), "person", [entry.id])
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
                    what = self.upsert(entry)
                except StoreError as error:
                    refused.append((index, error))
                else:
                    (added if what == "added" else updated).append(entry.id)
            self.note_imported([*added, *updated], source)
        return Stored(tuple(added), tuple(updated), tuple(refused))

    def note_imported(self, people: list[str], source: str = "") -> None:
        """One change for all that were written by `upsert`."""
        if people:
            with self._transaction():
                event = PersonChanged(what="imported", count=len(people), source=source)
                self._note(event, "person", people)

    def block(self, person: str, source: str = "") -> None:
        """Nothing of this person opens a door until `unblock`; credentials, consents and faces are kept."""
        self._enable(person, False, PersonChanged(what="blocked", person=person, source=source))

    def unblock(self, person: str, source: str = "") -> None:
        self._enable(person, True, PersonChanged(what="unblocked", person=person, source=source))

    def revoke(self, person: str, key: Card | Token, source: str = "") -> None:
        """It stays known as revoked, so that it is refused by name of the reason, until it is given to somebody else.
        Raises StoreError.
        """
        where, values, _ = place(key)
        with self._transaction():
            self._known(person)
            query = f"UPDATE credentials SET state = 'revoked' WHERE person = ? AND {where}"
            if not self._connection.execute(query, (person, *values)).rowcount:
                raise StoreError("store.no_card", person=person)
            self._note(PersonChanged(what="card_revoked", person=person, source=source), "person", [person])

    def issue_pass(self, ticket: Pass, now_ms: int, source: str = "") -> None:
        """Note that `ticket` was signed for its person. Raises StoreError when there is no such person."""
        with self._transaction():
            self._known(ticket.person)
            self._connection.execute("DELETE FROM passes WHERE expires_ms < ?", (now_ms - PASS_KEPT_MS,))
            self._connection.execute(
                "INSERT INTO passes VALUES (?, ?, ?, 'enabled')", (ticket.id, ticket.person, ticket.expires_ms)
            )
            self._note(PersonChanged(what="pass_issued", person=ticket.person, source=source))

    def revoke_pass(self, jti: str, source: str = "") -> str | None:
        """Whose it was; None when no such pass was noted here: it is revoked all the same."""
        with self._transaction():
            row = self._one("SELECT person FROM passes WHERE jti = ?", jti)
            person = str(row[0]) if row else ""
            self._connection.execute(
                "INSERT INTO passes VALUES (?, ?, NULL, 'revoked') ON CONFLICT (jti) DO UPDATE SET state = 'revoked'",
                (jti, person),
            )
            event = PersonChanged(what="pass_revoked", person=person or None, source=source)
            self._note(event, "person", [person])
        return person or None

    def remove(self, person: str, source: str = "") -> Removed:
        """Remove a person with credentials and passes. Their consents end and are kept as proof; their face templates
        are FaceStore's to erase, and the terminals' own are ordered to be.
        """
        now_ms = time.time_ns() // 1_000_000
        with self._transaction():
            self._known(person)
            row = self._one(
                "SELECT count(*) FILTER (WHERE kind = 'card'), count(*) FILTER (WHERE kind = 'pin')"
                " FROM credentials WHERE person = ?",
                person,
            )
            row = (*row, self.end_consents(person, now_ms))
            self.order_erasure(person, "removed", now_ms)
            self._connection.execute("DELETE FROM persons WHERE id = ?", (person,))
            self._connection.execute("UPDATE passes SET state = 'revoked' WHERE person = ?", (person,))
            self._note(PersonChanged(what="removed", person=person, source=source), "person", [person])
        return Removed(*row)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def person(self, person: str) -> KnownPerson | None:
        """One person with their credentials, without the PIN."""
        row = self._one(f"{PERSON} WHERE id = ?", person)
        if row is None:
            return None
        held = self._rows(f"{HELD} AND person = ? ORDER BY id", person)
        return _known_person(row, tuple(_known_credential(*columns[1:]) for columns in held))

    def everybody(self) -> dict[str, KnownPerson]:
        """All of them as `person` gives one, by id: for comparing a list with what is stored."""
        held = dict[str, list[KnownCredential]]()
        for columns in self.each(f"{HELD} ORDER BY id"):
            held.setdefault(columns[0], []).append(_known_credential(*columns[1:]))
        return {row[0]: _known_person(row, tuple(held.get(row[0], ()))) for row in self.each(PERSON)}

    def pin_indexes(self) -> dict[str, str]:
        """Person → the keyed digest of the PIN (empty: entered without a key)."""
        return dict(self._rows("SELECT person, coalesce(pin_index, '') FROM credentials WHERE kind = 'pin'"))

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

    def find(self, text: str, limit: int, after: str = "", category: str = "") -> list[Listed]:
        """Whose id, name, house or phone contains `text`, by id, from the one after `after` on."""
        like = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return [
            Listed(id_, name, known_as, house, from_ms, until_ms, bool(enabled), cards)
            for id_, name, known_as, house, from_ms, until_ms, enabled, cards in self._rows(
                "SELECT id, name, category, house, valid_from_ms, valid_until_ms, enabled, (SELECT count(*) FROM"
                " credentials WHERE person = persons.id AND kind = 'card' AND state = 'enabled') FROM persons"
                " WHERE id > ?2 AND (?3 = '' OR category = ?3) AND (id LIKE ?1 ESCAPE '\\' OR name LIKE ?1 ESCAPE '\\'"
                " OR house LIKE ?1 ESCAPE '\\' OR phone LIKE ?1 ESCAPE '\\') ORDER BY id LIMIT ?4",
                like, after, category, limit,
            )
        ]  # fmt: skip

    def clashes(self) -> list[Clash]:
        """Whose PIN is also another's, or another's duress PIN: with such a PIN alone nobody is recognised."""
        return [Clash(person, other, bool(duress)) for person, other, duress in self._rows(CLASHES)]

    def book(self, zone: str, rules: tuple[Rule, ...] = (), schedules: Mapping[str, Schedule] | None = None) -> Book:
        """The snapshot that decisions read. Its version differs whenever its content may differ.

        `rules` and `schedules` are the site kind's; those of people.db with the same id replace them.
        """
        return self.snapshot_of(Site(zone, rules, schedules or {})).book

    def snapshot_of(self, site: Site, last: Snapshot | None = None) -> Snapshot:
        """The Book, made from `last` (of the same file and site) where there is one: then only what changed is read."""
        return booking.whole(self, site) if last is None else booking.newer(self, site, last)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _enable(self, person: str, enabled: bool, event: PersonChanged) -> None:
        with self._transaction():
            self._known(person)
            self._connection.execute("UPDATE persons SET enabled = ? WHERE id = ?", (enabled, person))
            self._note(event, "person", [person])


def _known_person(row: tuple[Any, ...], held: tuple[KnownCredential, ...]) -> KnownPerson:
    id_, name, category, house, from_ms, until_ms, phone, enabled, host, longer, exempt, pin = row
    return KnownPerson(
        id=id_, name=name, category=category, house=house, valid_from_ms=from_ms, valid_until_ms=until_ms,
        phone=phone, enabled=bool(enabled), host=host, needs_longer=bool(longer), escort_exempt=bool(exempt),
        pin=bool(pin), credentials=held,
    )  # fmt: skip


def _known_credential(
    kind: Any, bits: int, raw: str, value: str, format_: str | None, state: str, duress: int, most: int | None,
    start: int | None, end: int | None,
) -> KnownCredential:  # fmt: skip
    return KnownCredential(
        key=Card(bits, int(raw, 16)) if kind == "card" else Token(kind, value), format=format_ or "", state=state,
        duress=bool(duress), max_uses=most, valid_from_ms=start, valid_until_ms=end,
    )  # fmt: skip
