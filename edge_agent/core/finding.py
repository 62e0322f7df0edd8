"""What a finding is, and what the finders look at."""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from edge_agent.core.schedule import parse
from edge_agent.model.people import Book, Recurrence, Schedule
from edge_agent.model.site import Config

CALM = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")  # a recurrence that comes oftener is a span, and slow to expand
YEARS = range(1970, 2200)


class Finding(msgspec.Struct, frozen=True):
    """`code`: an entry of `words`; `at`: a path into agent.toml (`source` config), or a rule, schedule or person of
    people.db (`source` people).
    """

    code: str
    at: str
    fields: dict[str, Any] = {}
    severity: Literal["problem", "advice"] = "problem"
    source: Literal["config", "people"] = "people"


class Subject(msgspec.Struct, frozen=True):
    """`today`: naive local wall time; `faces`: who has a face enrolled."""

    book: Book
    config: Config
    today: datetime
    faces: Collection[str] = ()


def problem(code: str, at: str, **fields: Any) -> Finding:
    return Finding(code, at, fields)


def advice(code: str, at: str, **fields: Any) -> Finding:
    return Finding(code, at, fields, "advice")


def few(names: Collection[object], most: int = 5) -> str:
    """The first of them, and how many more."""
    shown = [str(name) for name in names][:most]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f", … (+{rest})" if rest else "")


@lru_cache(maxsize=512)
def fault_of(recurrence: Recurrence) -> str | None:
    """Why it cannot be used: what is expanded elsewhere must end, and soon."""
    parts = dict(part.partition("=")[::2] for part in recurrence.rule.upper().split(";") if part)
    if any(not char.isprintable() for char in recurrence.rule) or ":" in recurrence.rule:
        return "RRULE"
    if recurrence.start.year not in YEARS:
        return f"DTSTART {recurrence.start.year}"
    if recurrence.rule:
        if parts.get("FREQ") not in CALM:
            return f"FREQ={parts.get('FREQ', '')}"
        interval = parts.get("INTERVAL", "1")
        if not (interval.isascii() and interval.isdigit() and 0 < int(interval[:6]) < 10_000 and len(interval) < 6):
            return f"INTERVAL={interval}"
    try:
        next(iter(parse(recurrence)), None)  # some faults show only then: the ninth Monday of a month
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError) as error:
        return str(error) or "RRULE"
    return None


def usable(schedule: Schedule) -> Schedule:
    """The schedule without recurrences that cannot be expanded."""
    kept = tuple(recurrence for recurrence in schedule.recurrences if fault_of(recurrence) is None)
    return msgspec.structs.replace(schedule, recurrences=kept)
