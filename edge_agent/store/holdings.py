"""The rows of one person and of what they hold, written inside a transaction that store/people.py has opened."""

from typing import Any

from msgspec import UNSET

from edge_agent.errors import StoreError
from edge_agent.model.grants import Subject
from edge_agent.model.reads import Card, Token
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.rules import RuleStore

# Columns an entry may set.
ENTERED = (
    "name", "category", "house", "valid_from_ms", "valid_until_ms", "phone", "host", "needs_longer", "escort_exempt",
)  # fmt: skip
EMPTY: tuple[Any, ...] = ("", "", "", None, None, "", None, False, False)
TERMS = ("duress", "max_uses", "valid_from_ms", "valid_until_ms")
NOTHING_SET: tuple[Any, ...] = (0, None, None, None)


def place(key: Card | Token) -> tuple[str, tuple[Any, ...], tuple[str, int | None, str | None, str | None]]:
    """WHERE a credential is found, with its values; and its kind, bits, raw and value."""
    match key:
        case Card(bits=bits, raw=raw):
            return "kind = 'card' AND bits = ? AND raw = ?", (bits, f"{raw:x}"), ("card", bits, f"{raw:x}", None)
        case Token(kind=kind, digest=digest):
            return "kind = ? AND value = ?", (kind, digest), (kind, None, None, digest)


class Holdings(RuleStore):
    """Writes what an entry says over what is stored. Raises StoreError before anything of the entry is written."""

    def upsert(self, entry: PersonEntry) -> str:
        """`added` or `updated`. Inside a `batch`; whoever calls it notes the change."""
        for given in entry.credentials:
            if (owner := self.taken(given.key, entry.id)) is not None:
                raise StoreError("store.card_taken", person=entry.id, owner=owner)
            self._check_terms(entry.id, given)
        what = self._merge(entry)
        for given in entry.credentials:
            if self.owner(given.key) not in (None, entry.id):
                self.give_up(given.key)  # revoked there, handed on: what the city granted was the last holder's
                subject = Subject(credential=given.key).text
                self._connection.execute("DELETE FROM city_words WHERE subject = ? AND word = 'granted'", (subject,))
            self._give(entry.id, given)
        self._set_pin(entry)
        if entry.phone is not UNSET:
            self._set_phone(entry.id, entry.phone_token)
        return what

    def owner(self, key: Card | Token) -> str | None:
        """Whose it is, also when it is revoked."""
        where, values, _ = place(key)
        row = self._one(f"SELECT person FROM credentials WHERE {where}", *values)
        return None if row is None else str(row[0])

    def taken(self, key: Card | Token, person: str) -> str | None:
        """Who keeps `person` from having it: what was revoked may be handed on."""
        where, values, _ = place(key)
        row = self._one(
            f"SELECT person FROM credentials WHERE {where} AND person <> ? AND state <> 'revoked'", *values, person
        )
        return None if row is None else str(row[0])

    def give_up(self, key: Card | Token) -> None:
        """It is nobody's any more."""
        where, values, _ = place(key)
        self._connection.execute(f"DELETE FROM credentials WHERE {where}", values)

    def _merge(self, entry: PersonEntry) -> str:
        """Write the person's own fields: what was given over what is stored."""
        given = {column: value for column in ENTERED if (value := getattr(entry, column)) is not UNSET}
        stored = self._one(f"SELECT {', '.join(ENTERED)} FROM persons WHERE id = ?", entry.id)
        if stored is None and not {"name", "category"} <= given.keys():
            raise StoreError("store.entry_incomplete", person=entry.id)
        merged = dict(zip(ENTERED, stored or EMPTY, strict=True)) | given
        _check_validity(entry.id, merged["valid_from_ms"], merged["valid_until_ms"])
        values = (*merged.values(), entry.id)
        if stored is None:
            columns = ", ".join((*ENTERED, "id", "enabled"))
            self._connection.execute(f"INSERT INTO persons ({columns}) VALUES ({'?, ' * len(values)}1)", values)
            return "added"
        if given:
            self._connection.execute(f"UPDATE persons SET {' = ?, '.join(ENTERED)} = ? WHERE id = ?", values)
        return "updated"

    def _give(self, person: str, given: CredentialEntry) -> None:
        """Add it, or set what was given of it; its state is not touched."""
        where, values, columns = place(given.key)
        stored = self._one(f"SELECT id, {', '.join(TERMS)} FROM credentials WHERE {where}", *values)
        terms = _merged(stored[1:] if stored else NOTHING_SET, given)
        if stored is None:
            self._connection.execute(
                "INSERT INTO credentials (person, kind, bits, raw, value, format, duress, max_uses, valid_from_ms,"
                " valid_until_ms, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'enabled')",
                (person, *columns, given.format, *terms),
            )
        else:
            self._connection.execute(
                f"UPDATE credentials SET format = ?, {' = ?, '.join(TERMS)} = ? WHERE id = ?",
                (given.format, *terms, stored[0]),
            )

    def _check_terms(self, person: str, given: CredentialEntry) -> None:
        if given.valid_from_ms is UNSET and given.valid_until_ms is UNSET:
            return
        where, values, _ = place(given.key)
        stored = self._one(f"SELECT {', '.join(TERMS)} FROM credentials WHERE {where} AND person = ?", *values, person)
        _check_validity(person, *_merged(stored or NOTHING_SET, given)[2:])

    def _set_pin(self, entry: PersonEntry) -> None:
        if entry.pin_hash is None:
            self._connection.execute("DELETE FROM credentials WHERE person = ? AND kind = 'pin'", (entry.id,))
        elif entry.pin_hash is not UNSET:
            self._connection.execute(
                """INSERT INTO credentials (person, kind, pin_hash, pin_index, duress_index, state)
                VALUES (?, 'pin', ?, ?, ?, 'enabled')
                ON CONFLICT (person) WHERE kind = 'pin' DO UPDATE SET pin_hash = excluded.pin_hash,
                    pin_index = excluded.pin_index, duress_index = excluded.duress_index""",
                (entry.id, entry.pin_hash, entry.pin_index, entry.duress_index),
            )

    def _set_phone(self, person: str, token: Token | None) -> None:
        """A number that several people gave (a household's) is the first one's credential."""
        digest = token.digest if token is not None else ""
        self._connection.execute(
            "DELETE FROM credentials WHERE person = ? AND kind = 'phone' AND value <> ? AND state = 'enabled'",
            (person, digest),
        )
        if token is not None:
            self._connection.execute(
                "INSERT INTO credentials (person, kind, value, state) VALUES (?, 'phone', ?, 'enabled')"
                " ON CONFLICT (kind, value) WHERE value IS NOT NULL DO NOTHING",
                (person, digest),
            )


def _merged(stored: tuple[Any, ...], given: CredentialEntry) -> list[Any]:
    """Values of TERMS."""
    entered = (getattr(given, term) for term in TERMS)
    return [old if new is UNSET else new for old, new in zip(stored, entered, strict=True)]


def _check_validity(person: str, start: int | None, end: int | None) -> None:
    if start is not None and end is not None and end <= start:
        raise StoreError("store.entry_validity_stored", person=person)
