"""What an access list says, whatever form it has: schedules, special days, rules, people, credentials, with places.

access_toml.py and access_csv.py fill it; access_import.py puts it into people.db. The pieces that both forms share are
read here: ids, times of day, spans, days.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.errors import EdgeAgentError, Problem, StoreError
from edge_agent.model.people import CATEGORIES, EVERY_DAY, Recurrence, Rule, Schedule, Span
from edge_agent.store.entries import PERSON_ID, CredentialEntry, ParseCard, PersonEntry, as_iso

DAY_MIN = 1440
SPAN_OF_DAYS_AT_MOST = 366
TOO_OFTEN = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)  # a door would count them while it decides


class Occurrences(Protocol):
    """What core.schedule.parse makes of a recurrence."""

    def between(self, after: datetime, before: datetime, inc: bool = False) -> list[datetime]: ...


class Form(msgspec.Struct, frozen=True):
    """How text is read. `parse_card(text, format)` and `parse_recurrence` raise EdgeAgentError or ValueError."""

    zone: ZoneInfo
    parse_card: ParseCard
    parse_recurrence: Callable[[Recurrence], Occurrences]


class Place(msgspec.Struct, frozen=True):
    """Where something stands: `at` is a line or a path into the file (`rule[3]`)."""

    file: str
    at: str

    def problem(self, error: EdgeAgentError) -> Problem:
        return Problem(self.file, self.at, error.code, **error.fields)

    def __str__(self) -> str:
        return f"{self.file}: {self.at}"


class AccessList(msgspec.Struct):
    """Everything in the order of its files; what could not be read is in `problems`."""

    schedules: list[tuple[Place, Schedule]] = []
    days: list[tuple[Place, str, tuple[date, ...]]] = []
    rules: list[tuple[Place, Rule]] = []
    people: list[tuple[Place, PersonEntry, str]] = []  # the PIN is still to be hashed
    credentials: list[tuple[Place, str, CredentialEntry]] = []  # the person's id
    problems: list[Problem] = []
    encodings: list[tuple[str, str]] = []  # file, encoding

    def wrong(self, place: Place, error: EdgeAgentError) -> None:
        self.problems.append(place.problem(error))


def read_id(text: Any) -> str:
    """Of a rule, a schedule or a group of days: it stands in events. Raises StoreError."""
    if not isinstance(text, str) or not PERSON_ID.fullmatch(text):
        raise StoreError("store.list_id", found=text)
    return text


def read_rule(id_: Any, doors: Iterable[str], categories: Iterable[str], **fields: Any) -> Rule:
    """Raises StoreError: no door, nobody, or a category there is none of. What it refers to is judged later."""
    rule = Rule(read_id(id_), tuple(doors), tuple(categories), **fields)
    if not rule.doors or not (rule.categories or rule.persons):
        raise StoreError("store.list_rule_empty", rule=rule.id)
    if strange := [name for name in rule.categories if name not in CATEGORIES]:
        raise StoreError("store.entry_category", found=", ".join(strange), known=", ".join(CATEGORIES))
    if rule.effect not in ("permit", "deny"):
        raise StoreError("store.list_effect", rule=rule.id, found=rule.effect)
    return rule


def read_span(days: tuple[int, ...], start: str, end: str) -> Span:
    """From `start` to `end` (HH:MM); an end not after the start is on the next day, 24:00 is midnight. StoreError."""
    from_min, to_min = _minute(start), _minute(end)
    try:
        if from_min == DAY_MIN:
            raise ValueError
        return Span(days, from_min, to_min if to_min > from_min else to_min + DAY_MIN)
    except ValueError as error:
        raise StoreError("store.list_span", found=f"{start}-{end}", days=", ".join(map(str, days)) or "-") from error


def read_days(text: str) -> tuple[int, ...]:
    """`1-5 7`, `1;2`: ISO weekdays; empty: every day. Raises StoreError."""
    found: set[int] = set()
    for word in re.split(r"[\s;,、]+", text.strip()) if text.strip() else ():
        match = re.fullmatch(r"([1-7])(?:[-–]([1-7]))?", word)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise StoreError("store.list_weekday", found=text)
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(found)) or EVERY_DAY


def read_dates(words: Iterable[str]) -> tuple[date, ...]:
    """`2026-10-01` or `2026-10-01..2026-10-07` each. Raises StoreError."""
    found: set[date] = set()
    for word in words:
        first, dots, last = word.partition("..")
        try:
            start = date.fromisoformat(as_iso(first.strip()))
            end = date.fromisoformat(as_iso(last.strip())) if dots else start
        except ValueError as error:
            raise StoreError("store.list_date", found=word) from error
        if not 0 <= (end - start).days < SPAN_OF_DAYS_AT_MOST:
            raise StoreError("store.list_date", found=word)
        found.update(start + timedelta(days=n) for n in range((end - start).days + 1))
    return tuple(sorted(found))


def checked(recurrence: Recurrence, form: Form) -> Recurrence:
    """Raises StoreError when its rule is none, or comes more often than daily."""
    if TOO_OFTEN.search(recurrence.rule):
        raise StoreError("store.list_recurs_often", rule=recurrence.rule)
    try:
        form.parse_recurrence(recurrence)
    except (ValueError, EdgeAgentError) as error:
        raise StoreError("store.list_recurrence", rule=recurrence.rule, why=error) from error
    return recurrence


def beside_file(file: Path, name: str) -> Path:
    """A file that is named in another one, from there."""
    return Path(name) if Path(name).is_absolute() else file.parent / name


def _minute(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2})[:：](\d\d)", text.strip()) if isinstance(text, str) else None
    if match is None or int(match[2]) > 59 or int(match[1]) * 60 + int(match[2]) > DAY_MIN:
        raise StoreError("store.list_time", found=text)
    return int(match[1]) * 60 + int(match[2])
