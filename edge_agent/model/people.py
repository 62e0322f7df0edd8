"""People, their credentials, and the rules that let them pass; `Book` is the snapshot every decision reads.

A person's name and phone number are not here: they stay in people.db. The pseudonymous `id` is the only thing about a
person that ever leaves the gateway, beside category and house code.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import msgspec

from edge_agent.model.reads import Card, Pass, Token

CATEGORIES = (
    "resident", "family", "tenant", "staff", "guard", "visitor", "service", "contractor", "volunteer", "child",
)  # fmt: skip
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class Person(msgspec.Struct, frozen=True, gc=False):
    """`host`: who a visitor came to see; `needs_longer`: gets the door's extended times."""

    id: str
    category: str
    house: str = ""
    valid_from_ms: int | None = None  # inclusive, Unix ms
    valid_until_ms: int | None = None  # exclusive, Unix ms
    enabled: bool = True
    host: str | None = None
    needs_longer: bool = False
    escort_exempt: bool = False
    own: "Rule | None" = None  # a visitor's: this alone lets them pass, whatever their category may


class Credential(msgspec.Struct, frozen=True, gc=False):
    """What somebody carries or is known by. `duress`: opens as any other and calls for help without a sign."""

    key: Card | Token
    person: str
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    state: str = "enabled"  # enabled | disabled | revoked
    duress: bool = False
    max_uses: int | None = None


class Span(msgspec.Struct, frozen=True):
    """Part of a day: from `start_min` (inclusive) to `end_min` (exclusive), minutes of local wall time since midnight.

    `end_min` up to 2880 runs over midnight into the next day; `days` are ISO weekdays (1 = Monday) on which it starts.
    """

    days: tuple[int, ...]
    start_min: int
    end_min: int

    def __post_init__(self) -> None:
        if not self.days or not all(1 <= day <= 7 for day in self.days):
            raise ValueError("days are 1 (Monday) to 7 (Sunday), at least one")
        if not 0 <= self.start_min < 1440 or not self.start_min < self.end_min <= self.start_min + 1440:
            raise ValueError("a span starts within a day and is longer than nothing and not longer than a day")


class Recurrence(msgspec.Struct, frozen=True):
    """An iCalendar recurrence (RFC 5545, RRULE) in local wall time: from each occurrence for `minutes`, at most a week.

    `start`: DTSTART, the first occurrence; `rule` without the word RRULE, empty for once; `left_out`: EXDATE.
    """

    start: datetime  # naive: local wall time
    minutes: int
    rule: str = ""
    left_out: tuple[datetime, ...] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None:
            raise ValueError("a recurrence starts at a local wall time, without a zone")
        if not 0 < self.minutes <= 7 * 1440:
            raise ValueError("a recurrence lasts from one minute to a week")


class Schedule(msgspec.Struct, frozen=True):
    """When. On a day of a special group named here `special` replaces the weekly `spans`; recurrences add to it."""

    id: str
    spans: tuple[Span, ...] = ()
    special: Mapping[str, tuple[Span, ...]] = {}  # group → its spans (their `days` do not count); none: closed
    recurrences: tuple[Recurrence, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """Who (`categories` or `persons`) may pass where (`doors`, `*` = all) and when (`schedule`, none = always).

    `effect = "deny"` outranks every rule that permits. `in_lockdown`: lets pass during a lockdown too.
    """

    id: str
    doors: tuple[str, ...]
    categories: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    schedule: str | None = None
    effect: Literal["permit", "deny"] = "permit"
    in_lockdown: bool = False


class PinOwner(msgspec.Struct, frozen=True, gc=False):
    """Whose PIN an entry may be; `duress`: it is that person's duress PIN (the last digit plus one)."""

    person: str
    duress: bool = False


class Book(msgspec.Struct, frozen=True):
    """An immutable snapshot of who may pass; replaced as a whole, never changed."""

    version: str
    persons: Mapping[str, Person] = MappingProxyType({})
    credentials: Mapping[Card | Token, Credential] = MappingProxyType({})
    rules: tuple[Rule, ...] = ()
    schedules: Mapping[str, Schedule] = MappingProxyType({})
    calendar: Mapping[int, str] = MappingProxyType({})  # special days: proleptic ordinal of the local date → group
    zone: str = "UTC"  # IANA name; schedules are local wall time here
    pins: Mapping[str, str] = MappingProxyType({})  # person → Argon2id hash
    consents: Mapping[str, int | None] = MappingProxyType({})  # who agreed to be matched by face → until (Unix ms)
    pin_index: Mapping[str, tuple[PinOwner, ...]] = MappingProxyType({})  # keyed digest of a PIN → whose it may be
    codes: Mapping[str, Pass] = MappingProxyType({})  # keyed digest of typed digits → the pass they stand for
    rules_by: Mapping[tuple[str, str], tuple[Rule, ...]] = MappingProxyType({})  # made from `rules`

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "rules_by", _indexed(self.rules))

    def rules_for(self, person: Person, door: str) -> list[Rule]:
        """The rules that speak of this person at this door, each once; of a visitor's category only those that deny."""
        found: dict[str, Rule] = {}
        for place in (door, "*"):
            for whom in (person.category, "=" + person.id):
                for rule in self.rules_by.get((place, whom), ()):
                    if person.own is None or rule.effect == "deny":
                        found[rule.id] = rule
        if person.own is not None and door in person.own.doors:
            found[person.own.id] = person.own
        return list(found.values())


def _indexed(rules: tuple[Rule, ...]) -> Mapping[tuple[str, str], tuple[Rule, ...]]:
    """(door or `*`, category or `=` person) → the rules that name both."""
    index: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        for door in rule.doors:
            for whom in (*rule.categories, *("=" + person for person in rule.persons)):
                index.setdefault((door, whom), []).append(rule)
    return MappingProxyType({key: tuple(found) for key, found in index.items()})
