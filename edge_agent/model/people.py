"""People, their credentials, and the rules that let them pass; `Book` is the snapshot every decision reads.

A person's name and phone number are not here: they stay in people.db. The pseudonymous `id` is the only thing about a
person that ever leaves the gateway, beside category and house code.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from edge_agent.model.reads import Card

CATEGORIES = (
    "resident", "family", "tenant", "staff", "guard", "visitor", "service", "contractor", "volunteer", "child",
)  # fmt: skip


class Person(msgspec.Struct, frozen=True):
    id: str
    category: str
    house: str = ""
    valid_from_ms: int | None = None  # inclusive, Unix ms
    valid_until_ms: int | None = None  # exclusive, Unix ms
    enabled: bool = True


class CardCredential(msgspec.Struct, frozen=True):
    card: Card
    person: str
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    state: str = "enabled"  # enabled | disabled | revoked


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


class Schedule(msgspec.Struct, frozen=True):
    id: str
    spans: tuple[Span, ...]


class Rule(msgspec.Struct, frozen=True):
    """Who (`categories` or `persons`) may pass where (`doors`, `*` = all) and when (`schedule`, none = always)."""

    id: str
    doors: tuple[str, ...]
    categories: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    schedule: str | None = None


class Book(msgspec.Struct, frozen=True):
    """An immutable snapshot of who may pass; replaced as a whole, never changed."""

    version: str
    persons: Mapping[str, Person] = MappingProxyType({})
    cards: Mapping[Card, CardCredential] = MappingProxyType({})
    rules: tuple[Rule, ...] = ()
    schedules: Mapping[str, Schedule] = MappingProxyType({})
    zone: str = "UTC"  # IANA name; schedules are local wall time here
