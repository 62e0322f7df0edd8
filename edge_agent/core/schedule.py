"""Is this instant inside a schedule? In local wall time, so that 08:00 stays 08:00 when summer time begins.

A wall time that a clock change skips never comes, one that it repeats comes twice: a span means both. Recurrences are
RFC 5545's, expanded by dateutil one local day at a time and kept for the next question.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from edge_agent.model.people import Book, Recurrence, Schedule, Span

if TYPE_CHECKING:
    from dateutil.rrule import rrule, rruleset

DAY_MIN = 1440
LOOK_AHEAD_DAYS = 400  # a schedule that does not open within a year and a holiday never opens
NO_DAYS: Mapping[int, str] = {}

zone_of = lru_cache(maxsize=64)(ZoneInfo)


def local_time(wall_ms: int, zone: str) -> datetime:
    """Naive local wall time of `wall_ms` (Unix ms) in `zone` (an IANA name)."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(zone_of(zone)).replace(tzinfo=None)


def permits(schedule: Schedule, wall_ms: int, zone: str, calendar: Mapping[int, str] = NO_DAYS) -> bool:
    """True when `wall_ms` falls into the schedule. `calendar`: local day (proleptic ordinal) → special group."""
    return permits_local(schedule, local_time(wall_ms, zone), calendar)


def in_force(book: Book, schedule: str, wall_ms: int) -> bool:
    """The same by name; a schedule that is not there is never on."""
    found = book.schedules.get(schedule)
    return found is not None and permits(found, wall_ms, book.zone, book.calendar)


def permits_local(schedule: Schedule, local: datetime, calendar: Mapping[int, str] = NO_DAYS) -> bool:
    """The same for a naive local wall time."""
    today, minute = local.toordinal(), local.hour * 60 + local.minute
    return (
        any(span.start_min <= minute < span.end_min for span in _spans(schedule, today, calendar))
        or any(minute + DAY_MIN < span.end_min for span in _spans(schedule, today - 1, calendar))
        or any(_recurs(recurrence, local) for recurrence in schedule.recurrences)
    )


def _spans(schedule: Schedule, day: int, calendar: Mapping[int, str]) -> list[Span] | tuple[Span, ...]:
    """What begins on that day: the special group's spans where the schedule names the group, else the week's."""
    special = schedule.special.get(calendar.get(day, ""))
    if special is not None:
        return special
    weekday = (day - 1) % 7 + 1  # ordinal 1 was a Monday
    return [span for span in schedule.spans if weekday in span.days]


def _recurs(recurrence: Recurrence, local: datetime) -> bool:
    length = timedelta(minutes=recurrence.minutes)
    return any(
        start <= local < start + length
        for back in range(length.days + 2)
        for start in occurrences(recurrence, local.toordinal() - back)
    )


@lru_cache(maxsize=4096)
def occurrences(recurrence: Recurrence, day: int) -> tuple[datetime, ...]:
    """The instants (local wall time) at which it begins on that day."""
    try:
        midnight = datetime.combine(date.fromordinal(day), datetime.min.time())
        return tuple(parse(recurrence).between(midnight, midnight + timedelta(days=1, microseconds=-1), inc=True))
    except (ValueError, OverflowError):  # a day before the first or after the last of all days
        return ()


@lru_cache(maxsize=512)
def parse(recurrence: Recurrence) -> "rrule | rruleset":
    """Raises ValueError when the rule is none of RFC 5545's."""
    from dateutil.rrule import rrulestr  # only where a site has recurrences

    rule = recurrence.rule or "FREQ=DAILY;COUNT=1"
    return rrulestr(rule, dtstart=recurrence.start, cache=False)


def endless(recurrence: Recurrence) -> bool:
    """Neither COUNT nor UNTIL ends it."""
    words = {part.partition("=")[0] for part in recurrence.rule.upper().split(";")}
    return bool(recurrence.rule) and not words & {"COUNT", "UNTIL"}


def opens_after(schedule: Schedule, local: datetime, calendar: Mapping[int, str] = NO_DAYS) -> datetime | None:
    """The next local wall time from `local` on at which the schedule is on; None within LOOK_AHEAD_DAYS: never."""
    if permits_local(schedule, local, calendar):
        return local
    for day in range(local.toordinal(), local.toordinal() + LOOK_AHEAD_DAYS):
        midnight = datetime.combine(date.fromordinal(day), datetime.min.time())
        starts = [midnight + timedelta(minutes=span.start_min) for span in _spans(schedule, day, calendar)]
        starts += [start for recurrence in schedule.recurrences for start in occurrences(recurrence, day)]
        if later := [start for start in starts if start > local]:
            return min(later)
    return None
