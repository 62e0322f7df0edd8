"""Makes the Book out of people.db: as a whole, or by patching the one before with the few people who changed.

Reading a hundred thousand rows takes a second and competes with the doors for the interpreter; copying the dicts of
the previous Book takes milliseconds. Strings that many people share are kept once.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from sys import intern
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from edge_agent import log
from edge_agent.model.encoding import canonical
from edge_agent.model.grants import Subject
from edge_agent.model.people import Book, Credential, Person, PinOwner, Rule, Schedule
from edge_agent.model.reads import Card, Pass, Token
from edge_agent.model.visits import Visit
from edge_agent.store.rules import RuleStore

VISIT = "visit/"  # what a visit's own rule and schedule are called
PATCH_AT_MOST = 1000  # people; more are read with everybody else
AT_ONCE = 500  # SQLite's default bound on `?` in one statement was 999

PERSONS = (
    "SELECT id, category, house, valid_from_ms, valid_until_ms, enabled, host, needs_longer, escort_exempt FROM persons"
)
CREDENTIALS = (
    "SELECT kind, bits, raw, value, person, valid_from_ms, valid_until_ms, state, duress, max_uses FROM credentials"
    " WHERE kind <> 'pin'"
)
PINS = "SELECT person, pin_hash, pin_index, duress_index FROM credentials WHERE kind = 'pin' AND state = 'enabled'"
REVOKED = "SELECT subject FROM city_words WHERE word = 'revoked'"
BLACKLISTED = "SELECT subject FROM blacklist WHERE listed = 1"
VISITS = "SELECT id, plate, body FROM visits WHERE in_book = 1"
BY_PLATE = "SELECT id FROM visits WHERE in_book = 1 AND plate <> ''"
KEPT_OUT = "SELECT kind, digest FROM visit_bars"
# The newest consent of each person, where it has no end or one to come.
AGREED = (
    "SELECT person, until_ms FROM consents WHERE purpose = 'match' AND id IN"
    " (SELECT max(id) FROM consents WHERE purpose = 'match' GROUP BY person)"
)
PASSES = "SELECT jti, person FROM passes WHERE state = 'revoked'"

K = TypeVar("K")
V = TypeVar("V")
logger = log.get("store.people")


class Site(msgspec.Struct, frozen=True):
    """What the Book has beside people.db: the zone (IANA name), the site kind's rules and schedules."""

    zone: str
    rules: tuple[Rule, ...] = ()
    schedules: Mapping[str, Schedule] = MappingProxyType({})


class Snapshot(msgspec.Struct, frozen=True):
    """A Book and the version of people.db it was made from."""

    book: Book
    version: int


class _Draft:
    """The dicts of a Book in the making."""

    def __init__(self, old: Book | None = None) -> None:
        self.persons: dict[str, Person] = _copy(old.persons) if old else {}
        self.credentials: dict[Card | Token, Credential] = _copy(old.credentials) if old else {}
        self.pins: dict[str, str] = _copy(old.pins) if old else {}
        self.consents: dict[str, int | None] = _copy(old.consents) if old else {}
        self.pin_index: dict[str, tuple[PinOwner, ...]] = _copy(old.pin_index) if old else {}
        self.codes: dict[str, Pass] = _copy(old.codes) if old else {}
        self.times: dict[str, Schedule] = _visit_times(old.schedules) if old else {}

    def add(self, store: RuleStore, only: list[str] | None) -> None:
        """Read everybody, or `only` these. Whom the city revoked or blacklisted is barred, whoever entered them."""
        blacklisted = {subject for (subject,) in store.each(BLACKLISTED)}
        barred = blacklisted | {subject for (subject,) in store.each(REVOKED)}
        houses: dict[str, str] = {}
        for id_, category, house, start, end, enabled, host, longer, exempt in _select(store, PERSONS, "id", only):
            self.persons[id_] = Person(
                id_, intern(category), houses.setdefault(house, house), start, end,
                bool(enabled) and f"person/{id_}" not in barred, host, bool(longer), bool(exempt),
            )  # fmt: skip
        for kind, bits, raw, value, person, start, end, state, duress, most in _select(
            store, CREDENTIALS, "person", only
        ):
            try:
                key = Card(bits, int(raw, 16)) if kind == "card" else Token(kind, value)
            except (ValueError, TypeError):
                logger.error("people.db: a %s of %s cannot be read: enter it again", kind, person)
                continue
            said = "revoked" if barred and Subject(credential=key).text in barred else intern(state)
            self._hold(Credential(key, self._name(person), start, end, said, bool(duress), most))
        kept_out = {*store.each(KEPT_OUT), *(("plate/", subject) for subject in blacklisted)}
        for visit, plate in sorted(_visits(store, only), key=lambda each: (each[0].until_ms, each[0].id)):
            keep_out = f"person/{visit.id}" in barred or not kept_out.isdisjoint(_known_by(visit, plate))
            self._visit(visit, plate, keep_out, f"plate/{plate}" in barred)
        for jti, person in _select(store, PASSES, "person", only):
            self._hold(Credential(Token("qr", f"pass/{jti}"), self._name(person), state="revoked"))
        for person, until_ms in _select(store, AGREED, "person", only):
            self.consents[self._name(person)] = until_ms
        for person, pin_hash, pin, duress in _select(store, PINS, "person", only):
            name = self._name(person)
            self.pins[name] = pin_hash
            for digest, owner in ((pin, PinOwner(name)), (duress, PinOwner(name, duress=True))):
                if digest:
                    self.pin_index[digest] = (*self.pin_index.get(digest, ()), owner)

    def drop(self, people: set[str]) -> set[str]:
        """Take out what these people have; the plates that others may have by that."""
        keys = [key for key, held in self.credentials.items() if held.person in people]
        for key in keys:
            del self.credentials[key]
        if not people.isdisjoint(self.pins):
            indexed = {digest for digest, own in self.pin_index.items() for one in own if one.person in people}
            for digest in indexed:
                left = tuple(one for one in self.pin_index.pop(digest) if one.person not in people)
                if left:
                    self.pin_index[digest] = left
        for code in [code for code, ticket in self.codes.items() if ticket.person in people]:
            del self.codes[code]
        for person in people:
            self.persons.pop(person, None)
            self.pins.pop(person, None)
            self.consents.pop(person, None)
            self.times.pop(f"{VISIT}{person}", None)
        return {key.digest for key in keys if isinstance(key, Token) and key.kind == "plate"}

    def _visit(self, visit: Visit, plate: str, keep_out: bool, plate_barred: bool) -> None:
        """Of several that come with one plate the first to end has it, until it has ended."""
        self.persons[visit.id] = msgspec.structs.replace(visit.person, enabled=False) if keep_out else visit.person
        if plate:
            held = Credential(Token("plate", plate), visit.id, state="revoked" if plate_barred else "enabled")
            self.credentials.setdefault(held.key, held)  # a resident's stays the resident's
        if visit.code:
            self.codes[visit.code] = visit.ticket
        if visit.schedule is not None:
            self.times[visit.schedule.id] = visit.schedule

    def _hold(self, credential: Credential) -> None:
        self.credentials[credential.key] = credential

    def _name(self, person: str) -> str:
        """The same string as the person's own id, not one more copy of it."""
        known = self.persons.get(person)
        return person if known is None else known.id


def whole(store: RuleStore, site: Site) -> Snapshot:
    """Everything anew. Raises StoreError."""
    with store.snapshot():
        draft = _Draft()
        draft.add(store, None)
        return _made(store, site, draft, None)


def newer(store: RuleStore, site: Site, last: Snapshot) -> Snapshot:
    """`last` with what changed since: a few people are patched in, rules and schedules are read again only when they
    changed, and only after a great change is everything read anew. Raises StoreError.
    """
    with store.snapshot():
        touched = store.touched_since(last.version, PATCH_AT_MOST)
        if touched is None:
            draft = _Draft()
            draft.add(store, None)
            return _made(store, site, draft, None)
        people = [id_ for kind, id_ in touched if kind == "person"]
        rules_stay = all(kind != "rules" for kind, _ in touched)
        if not people:
            return _made(store, site, None, last.book, rules_stay)
        draft = _Draft(last.book)
        plates = draft.drop(set(people))
        plates.update(plate for _, plate in _visits(store, people) if plate)
        if others := {id_ for (id_,) in _select(store, BY_PLATE, "plate", sorted(plates))} - set(people):
            draft.drop(others)
        draft.add(store, [*people, *sorted(others)])
        return _made(store, site, draft, last.book, rules_stay)


def _made(store: RuleStore, site: Site, draft: _Draft | None, old: Book | None, rules_stay: bool = False) -> Snapshot:
    counter = store.version()
    if old is not None and rules_stay:
        rules, schedules, calendar = old.rules, old.schedules, old.calendar
        if draft is not None and draft.times != _visit_times(schedules):
            own_times = {id_: one for id_, one in schedules.items() if not id_.startswith(VISIT)}
            schedules = MappingProxyType({**own_times, **draft.times})
    else:
        own = store.times()
        rules = merged_rules(site.rules, own.rules)
        visits = draft.times if draft is not None else _visit_times(old.schedules if old is not None else {})
        schedules = MappingProxyType({**site.schedules, **own.schedules, **visits})
        calendar = MappingProxyType(own.calendar)
    identity = canonical([store.identity(), counter, site.zone, rules, dict(schedules)])
    version = sha256(identity).hexdigest()[:16]
    if draft is None:
        assert old is not None
        return Snapshot(
            msgspec.structs.replace(old, version=version, rules=rules, schedules=schedules, calendar=calendar), counter
        )
    book = Book(
        version=version,
        persons=MappingProxyType(draft.persons),
        credentials=MappingProxyType(draft.credentials),
        rules=rules,
        schedules=schedules,
        calendar=calendar,
        zone=site.zone,
        pins=MappingProxyType(draft.pins),
        consents=MappingProxyType(draft.consents),
        pin_index=MappingProxyType(draft.pin_index),
        codes=MappingProxyType(draft.codes),
    )
    return Snapshot(book, counter)


def _visit_times(schedules: Mapping[str, Schedule]) -> dict[str, Schedule]:
    return {id_: schedule for id_, schedule in schedules.items() if id_.startswith(VISIT)}


def merged_rules(kind: tuple[Rule, ...], own: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The site kind's, each replaced by the one of the same id of people.db, then the others of people.db."""
    return tuple(({rule.id: rule for rule in kind} | {rule.id: rule for rule in own}).values())


def _select(store: RuleStore, query: str, column: str, only: list[str] | None) -> Iterator[Any]:
    if only is None:
        yield from store.each(query)
        return
    word = "AND" if "WHERE" in query else "WHERE"
    for chunk in _chunks(only):
        yield from store.each(f"{query} {word} {column} IN ({', '.join('?' * len(chunk))})", chunk)


def _visits(store: RuleStore, only: list[str] | None) -> Iterator[tuple[Visit, str]]:
    """Visits with the plate they come with."""
    for id_, plate, body in _select(store, VISITS, "id", only):
        try:
            yield msgspec.json.decode(body, type=Visit), plate
        except msgspec.DecodeError as error:
            logger.error("people.db: visit %s cannot be read (%s): enter it again", id_, error)


def _known_by(visit: Visit, plate: str) -> tuple[tuple[str, str], ...]:
    """What a visitor is kept out by, here and by the city."""
    return ("document", visit.document), ("phone", visit.phone), ("plate", visit.plate), ("plate/", f"plate/{plate}")


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


def _copy(mapping: Mapping[K, V]) -> dict[K, V]:
    """dict() of a proxy asks for every key; its own copy is one memcpy."""
    return mapping.copy() if isinstance(mapping, MappingProxyType) else dict(mapping)
