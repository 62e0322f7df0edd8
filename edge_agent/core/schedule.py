"""Is this instant inside a schedule? In local wall time, so that 08:00 stays 08:00 when summer time begins.

A wall time that a clock change skips never comes, one that it repeats comes twice: a span means both. Recurrences are
RFC 5545's, expanded by dateutil some weeks at a time and kept for the next question.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from edge_agent.model.people import Book, Recurrence, Schedule, Span

if TYPE_CHECKING:
    from dateutil.rrule import rrule, rruleset

DAY_MIN = 1440
WINDOW_DAYS = 64
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


def occurrences(recurrence: Recurrence, day: int) -> tuple[datetime, ...]:
    """The instants (local wall time) at which it begins on that day."""
    return _window(recurrence, day // WINDOW_DAYS).get(day, ())


@lru_cache(maxsize=4096)
def _window(recurrence: Recurrence, number: int) -> Mapping[int, tuple[datetime, ...]]:
    return _expanded(recurrence, number * WINDOW_DAYS)


def _expanded(recurrence: Recurrence, day: int) -> Mapping[int, tuple[datetime, ...]]:
    """Day → what begins then, of WINDOW_DAYS from `day` on. dateutil counts from the first occurrence on whenever it is
    asked, so it is not asked every day.
    """
    days: dict[int, tuple[datetime, ...]] = {}
    try:
        start = datetime.fromordinal(max(day, 1))
        end = datetime.fromordinal(day + WINDOW_DAYS)
        if begins(recurrence) is None:
            return days
        for at in parse(recurrence).between(start, end, inc=True):
            if at in recurrence.left_out:
                continue
            days[at.toordinal()] = (*days.get(at.toordinal(), ()), at)
    except (ValueError, OverflowError, IndexError):  # no rule, or days after the last of all days
        return {}
    return days


@lru_cache(maxsize=512)
def begins(recurrence: Recurrence) -> datetime | None:
    """The first occurrence, None when there never is one. Asked once: of a rule that never comes true dateutil tries
    every day until the year 9999, which takes seconds. Raises ValueError as `parse` does.
    """
    try:
        return next(iter(parse(recurrence)), None)
    except IndexError as error:  # the ninth Monday of a month
        raise ValueError(f"no such day: {recurrence.rule}") from error


@lru_cache(maxsize=512)
def parse(recurrence: Recurrence) -> "rrule | rruleset":
    """Raises ValueError when the rule is none of RFC 5545's; also for one that repeats within a day, whose repetitions
    would be counted from DTSTART on for every question: BYHOUR and BYMINUTE say several times a day.
    """
    return _parsed(recurrence.start, recurrence.rule or "FREQ=DAILY;COUNT=1")


def _parsed(start: datetime, rule: str) -> "rrule | rruleset":
    from dateutil.rrule import rrulestr  # only where a site has recurrences

    words = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    if len(rule.split()) != 1 or ":" in rule or "FREQ" not in words:
        raise ValueError(f"not one rule, as FREQ=WEEKLY;BYDAY=MO: {rule}")
    if words["FREQ"] in {"HOURLY", "MINUTELY", "SECONDLY"}:
        raise ValueError("a recurrence repeats daily or less often; several times a day are BYHOUR and BYMINUTE")
    if "INTERVAL" in words and not int(words["INTERVAL"]) > 0:  # of 0 dateutil would never come to the next one
        raise ValueError("an INTERVAL is 1 or more")
    return rrulestr(rule, dtstart=start)


def endless(recurrence: Recurrence) -> bool:
    """Neither COUNT nor UNTIL ends it."""
    words = {part.partition("=")[0] for part in recurrence.rule.upper().split(";")}
    return bool(recurrence.rule) and not words & {"COUNT", "UNTIL"}


def opens_after(schedule: Schedule, local: datetime, calendar: Mapping[int, str] = NO_DAYS) -> datetime | None:
    """The next local wall time from `local` on at which the schedule is on; None within LOOK_AHEAD_DAYS: never."""
    if permits_local(schedule, local, calendar):
        return local
    for day in range(local.toordinal(), local.toordinal() + LOOK_AHEAD_DAYS):
        midnight = datetime.fromordinal(day)
        starts = [midnight + timedelta(minutes=span.start_min) for span in _spans(schedule, day, calendar)]
        starts += [start for recurrence in schedule.recurrences for start in occurrences(recurrence, day)]
        if later := [start for start in starts if start > local]:
            return min(later)
    return None
