"""iCalendar files (RFC 5545): events as recurrences of a schedule, or as special days.

Times become local wall time of the site: 08:00 stays 08:00 when summer time begins. In a schedule an all-day event is
on from midnight for its days; for special days only all-day events count. Cancelled events are left out; EXDATE is
kept, RDATE becomes an occurrence of its own. An occurrence that was moved (RECURRENCE-ID) is refused, as what it
replaces cannot be known from one event alone.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.people import Recurrence
from edge_agent.store.access_list import Form, checked

AT_MOST_BYTES = 8 << 20
DAY_MIN = 1440
WEEK = 7  # days: the longest a recurrence lasts
BY = ("BYDAY", "BYMONTHDAY", "BYHOUR", "BYMINUTE", "BYMONTH", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")
LAST = 10 * 366  # days that a yearly holiday is written out for


def recurrences(path: Path, form: Form) -> tuple[list[Recurrence], list[StoreError]]:
    """The events of the file as recurrences, and what is wrong with the others. Raises StoreError: no such calendar."""
    found, wrong = list[Recurrence](), list[StoreError]()
    for event in _events(path):
        try:
            found += _recurrences(event, form)
        except StoreError as error:
            wrong.append(error)
    return found, wrong


def all_days(path: Path, form: Form) -> tuple[list[date], list[StoreError]]:
    """The days of the all-day events, a repeated one for ten years at most; and what is wrong with the others."""
    found, wrong = set[date](), list[StoreError]()
    for event in _events(path):
        try:
            if isinstance(_start(event), datetime):
                raise _refused(event, "store.ics_timed")
            for recurrence in _recurrences(event, form):
                first, length = recurrence.start, recurrence.minutes // DAY_MIN
                last = first + timedelta(days=LAST)
                for start in form.parse_recurrence(recurrence).between(first, last, inc=True):
                    found.update(start.date() + timedelta(days=n) for n in range(length))
        except StoreError as error:
            wrong.append(error)
    return sorted(found), wrong


def _events(path: Path) -> Iterator[Any]:
    from icalendar import Calendar

    try:
        if path.stat().st_size > AT_MOST_BYTES:
            raise StoreError("store.ics_broken", calendar=path.name, why=f"more than {AT_MOST_BYTES >> 20} MB")
        calendar = Calendar.from_ical(path.read_bytes())
    except OSError as error:
        raise StoreError("store.ics_broken", calendar=path.name, why=error.strerror) from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise StoreError("store.ics_broken", calendar=path.name, why=str(error) or type(error).__name__) from error
    for event in calendar.walk("VEVENT"):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield event


def _recurrences(event: Any, form: Form) -> list[Recurrence]:
    if "RECURRENCE-ID" in event:
        raise _refused(event, "store.ics_moved")
    start = _start(event)
    try:
        length = _length(event, start)
        local = _local(start, form.zone)
        rule = _rule(event, start, form.zone)
        left_out = tuple(_local(when, form.zone) for when in _instants(event, "EXDATE"))
        parts = [
            checked(Recurrence(local + timedelta(days=past), min(minutes, WEEK * DAY_MIN), rule, left_out), form)
            for past, minutes in _parts(event, start, length, rule)
        ]
        extra = [
            Recurrence(_local(when, form.zone), part.minutes)
            for part in parts[:1]
            for when in _instants(event, "RDATE")
        ]
    except EdgeAgentError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _refused(event, "store.ics_event", why=str(error) or type(error).__name__) from error
    return parts + extra


def _start(event: Any) -> date | datetime:
    try:
        start = event.decoded("DTSTART")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _refused(event, "store.ics_event", why="DTSTART") from error
    if not isinstance(start, date):
        raise _refused(event, "store.ics_event", why="DTSTART")
    return start


def _length(event: Any, start: date | datetime) -> timedelta:
    if "DTEND" in event:
        end = event.decoded("DTEND")
        length = end - start
    elif "DURATION" in event:
        length = event.decoded("DURATION")
    else:
        length = timedelta(0) if isinstance(start, datetime) else timedelta(days=1)
    if not isinstance(length, timedelta) or length < timedelta(minutes=1):
        raise _refused(event, "store.ics_event", why="DTEND / DURATION")
    return length


def _parts(event: Any, start: date | datetime, length: timedelta, rule: str) -> list[tuple[int, int]]:
    """(days after the start, minutes): a long all-day event is several recurrences of a week each."""
    minutes = int(length.total_seconds()) // 60
    if minutes <= WEEK * DAY_MIN:
        return [(0, minutes)]
    if isinstance(start, datetime) or rule or length.days > 366:
        raise _refused(event, "store.ics_long")
    return [(past, min(WEEK, length.days - past) * DAY_MIN) for past in range(0, length.days, WEEK)]


def _local(when: date | datetime, zone: ZoneInfo) -> datetime:
    """Naive local wall time; a time without a zone is local already."""
    if not isinstance(when, datetime):
        return datetime.combine(when, time())
    return when.astimezone(zone).replace(tzinfo=None) if when.tzinfo else when


def _rule(event: Any, start: date | datetime, zone: ZoneInfo) -> str:
    """Without the word RRULE. UNTIL becomes local wall time as the start does."""
    rules = event.get("RRULE", [])
    rules = rules if isinstance(rules, list) else [rules]
    if len(rules) > 1 or "EXRULE" in event:
        raise _refused(event, "store.ics_rules")
    if not rules:
        return ""
    words = dict(part.split("=", 1) for part in rules[0].to_ical().decode("ascii").split(";"))
    if isinstance(start, datetime) and start.tzinfo and _local(start, zone) != start.replace(tzinfo=None):
        if any(word in BY for word in words):
            raise _refused(event, "store.ics_zone", zone=zone.key)
    for until in rules[0].get("UNTIL", []):
        words["UNTIL"] = f"{_until(until, zone):%Y%m%dT%H%M%S}"
    return ";".join(f"{word}={value}" for word, value in words.items())


def _until(until: date | datetime, zone: ZoneInfo) -> datetime:
    """Inclusive: a day counts to its end."""
    return _local(until, zone) if isinstance(until, datetime) else datetime.combine(until, time(23, 59, 59))


def _instants(event: Any, name: str) -> list[date | datetime]:
    given = event.get(name, [])
    return [when.dt for part in (given if isinstance(given, list) else [given]) for when in part.dts]


def _refused(event: Any, code: str, **fields: Any) -> StoreError:
    return StoreError(code, event=str(event.get("SUMMARY") or event.get("UID") or "VEVENT"), **fields)
