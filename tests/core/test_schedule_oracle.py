# ruff: noqa: DTZ001, E501  (local wall times, one case together)
"""Schedules over the two years 2026 and 2027, against an oracle that paints every minute they are on.

The oracle knows nothing of core/schedule: it walks the days of the local calendar, takes recurrences from dateutil's
rrule objects (made by keyword, not from the text of the rule) or from plain arithmetic, and fills an array of minutes
of local wall time. Compared: every quarter of an hour of both years, every minute around each change of the clock, and the
minutes around every edge that was painted, in a zone with summer time and in one without.
"""

import calendar
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, FR, MO, MONTHLY, TH, TU, WE, WEEKLY, YEARLY, rrule, rruleset

from edge_agent.core.schedule import permits
from edge_agent.model.people import Recurrence, Schedule, Span

BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"
CHANGES = [
    datetime(2026, 3, 29),
    datetime(2026, 10, 25),
    datetime(2027, 3, 28),
    datetime(2027, 10, 31),
]  # Berlin, 01:00Z
BEGIN, END = datetime(2026, 1, 1), datetime(2028, 1, 1)
CANVAS = datetime(2025, 12, 1)  # whatever reaches into the first day began after this
DAYS = 800
HOLIDAYS = {
    datetime(2026, 1, 1): "holiday", datetime(2026, 5, 1): "holiday", datetime(2026, 10, 1): "holiday",
    datetime(2026, 10, 25): "half", datetime(2027, 2, 5): "half", datetime(2027, 3, 28): "holiday",
    datetime(2027, 12, 31): "half", datetime(2026, 12, 24): "half", datetime(2026, 12, 25): "unknown",
}  # fmt: skip
SPECIAL = {day.toordinal(): group for day, group in HOLIDAYS.items()}
EVERY = (1, 2, 3, 4, 5, 6, 7)

Pieces = Iterator[tuple[datetime, int]]  # from, minutes


def days() -> Iterator[datetime]:
    return (CANVAS + timedelta(days=n) for n in range(DAYS))


def weekly(spans: tuple[Span, ...], special: dict[str, tuple[Span, ...]] | None = None) -> Pieces:
    for day in days():
        group = HOLIDAYS.get(day)
        if special is not None and group in special:
            todays = special[group]
        else:
            todays = tuple(span for span in spans if day.isoweekday() in span.days)
        for span in todays:
            yield day + timedelta(minutes=span.start_min), span.end_min - span.start_min


def each(rule: rrule | rruleset, minutes: int) -> Pieces:
    for start in rule:
        if start > CANVAS + timedelta(days=DAYS):
            return
        yield start, minutes


def last_working_days(hour: int, minutes: int) -> Pieces:
    """By plain arithmetic, as a second opinion on BYSETPOS."""
    for year in (2025, 2026, 2027):
        for month in range(1, 13):
            day = datetime(year, month, calendar.monthrange(year, month)[1], hour)
            while day.weekday() > 4:
                day -= timedelta(days=1)
            yield day, minutes


OFFICE = (Span((1, 2, 3, 4, 5), 8 * 60 + 7, 12 * 60), Span((1, 2, 3, 4, 5), 13 * 60, 17 * 60 + 30), Span((6,), 0, 1))
NIGHTS = (Span((5, 6), 22 * 60, 30 * 60), Span((7,), 1439, 1440 + 1439), Span((1,), 2 * 60, 3 * 60))
CLOSED: dict[str, tuple[Span, ...]] = {"holiday": (), "half": (Span(EVERY, 9 * 60, 12 * 60),)}
LATE: dict[str, tuple[Span, ...]] = {"half": (Span((1,), 20 * 60, 28 * 60),), "holiday": (Span((7,), 0, 1440),)}
AT_EIGHT = datetime(2026, 1, 6, 8)
FORTNIGHT = rrule(WEEKLY, dtstart=AT_EIGHT, interval=2, byweekday=(TU, TH), until=datetime(2027, 3, 31, 8))
BOTH_RULES = rruleset()
BOTH_RULES.rrule(rrule(MONTHLY, dtstart=datetime(2025, 1, 1, 6), byweekday=(MO(1), FR(-1))))
BOTH_RULES.rrule(rrule(YEARLY, dtstart=datetime(2024, 10, 1, 6), bymonth=10, bymonthday=(1, 2, 3)))

Oracle = Callable[[], Pieces]
CASES: dict[str, tuple[Schedule, Oracle]] = {
    "office hours": (Schedule("s", OFFICE), lambda: weekly(OFFICE)),
    "over midnight, through the hour that is skipped or repeated": (Schedule("s", NIGHTS), lambda: weekly(NIGHTS)),
    "holidays close": (Schedule("s", OFFICE, CLOSED), lambda: weekly(OFFICE, CLOSED)),
    "special nights run over midnight": (Schedule("s", NIGHTS, LATE), lambda: weekly(NIGHTS, LATE)),
    "every other week until a day": (
        Schedule("s", recurrences=(Recurrence(AT_EIGHT, 45, "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;UNTIL=20270331T080000"),)),
        lambda: each(FORTNIGHT, 45),
    ),
    "days of the month, and days of the year": (
        Schedule(
            "s",
            recurrences=(
                Recurrence(datetime(2025, 1, 1, 6), 300, "FREQ=MONTHLY;BYDAY=1MO,-1FR"),
                Recurrence(datetime(2024, 10, 1, 6), 300, "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=1,2,3"),
            ),
        ),
        lambda: each(BOTH_RULES, 300),
    ),
    "the last working day of the month": (
        Schedule("s", recurrences=(Recurrence(datetime(2025, 1, 31, 16), 90, "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),)),
        lambda: last_working_days(16, 90),
    ),
    "the same by dateutil": (
        Schedule("s", recurrences=(Recurrence(datetime(2025, 1, 31, 16), 90, "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),)),
        lambda: each(rrule(MONTHLY, dtstart=datetime(2025, 1, 31, 16), byweekday=(MO, TU, WE, TH, FR), bysetpos=-1), 90),
    ),
    "a hundred times every third day": (
        Schedule("s", recurrences=(Recurrence(datetime(2026, 9, 1, 23, 30), 61, "FREQ=DAILY;INTERVAL=3;COUNT=100"),)),
        lambda: each(rrule(DAILY, dtstart=datetime(2026, 9, 1, 23, 30), interval=3, count=100), 61),
    ),
    "daily across the change of the clock": (
        Schedule("s", recurrences=(Recurrence(datetime(2026, 1, 1, 1, 30), 90, "FREQ=DAILY"),)),
        lambda: ((CANVAS + timedelta(days=n, hours=1.5), 90) for n in range(31, DAYS)),
    ),
    "a week on end, once": (
        Schedule("s", recurrences=(Recurrence(datetime(2026, 10, 20, 12), 7 * 1440),)),
        lambda: iter([(datetime(2026, 10, 20, 12), 7 * 1440)]),
    ),
    "recurrences beside spans": (
        Schedule("s", OFFICE, CLOSED, (Recurrence(datetime(2026, 2, 27, 20), 600, "FREQ=MONTHLY;BYDAY=-1FR"),)),
        lambda: iter([*weekly(OFFICE, CLOSED), *each(rrule(MONTHLY, dtstart=datetime(2026, 2, 27, 20), byweekday=FR(-1)), 600)]),
    ),
}  # fmt: skip


def minute_of(local: datetime) -> int:
    return (local - CANVAS) // timedelta(minutes=1)


def paint(pieces: Pieces) -> bytearray:
    canvas = bytearray(DAYS * 1440)
    for start, minutes in pieces:
        first, last = max(0, minute_of(start)), max(0, minute_of(start) + minutes)
        canvas[first:last] = b"\1" * (min(last, len(canvas)) - first)
    return canvas


@cache
def grid(zone: str) -> dict[int, int]:
    """Unix minute → minute of the canvas, of every quarter of an hour and every minute around a change."""
    tz = ZoneInfo(zone)
    instants = set(
        range(round(BEGIN.replace(tzinfo=UTC).timestamp()) // 60, round(END.replace(tzinfo=UTC).timestamp()) // 60, 15)
    )
    for change in CHANGES:
        at = round(change.replace(tzinfo=UTC).timestamp()) // 60 + 60
        instants |= set(range(at - 180, at + 240))
    return {at: minute_of(datetime.fromtimestamp(at * 60, tz).replace(tzinfo=None)) for at in instants}  # fmt: skip


def edges(canvas: bytearray, zone: str) -> dict[int, int]:
    """The minutes before and after each edge, both of the two where the clock repeats them; not those it skips."""
    tz, found = ZoneInfo(zone), {}
    last = minute_of(END)
    for minute in range(minute_of(BEGIN), last):
        if canvas[minute] == canvas[minute - 1]:
            continue
        for near in (minute - 1, minute):
            local = CANVAS + timedelta(minutes=near)
            for fold in (0, 1):
                at = round(local.replace(tzinfo=tz, fold=fold).timestamp()) // 60
                if datetime.fromtimestamp(at * 60, tz).replace(tzinfo=None) == local:
                    found[at] = near
    return found


@pytest.mark.parametrize("zone", [BERLIN, SHANGHAI])
@pytest.mark.parametrize("name", CASES)
def test_on_when_the_calendar_says_so(name: str, zone: str) -> None:
    schedule, oracle = CASES[name]
    canvas = paint(oracle())
    wrong = [
        f"{CANVAS + timedelta(minutes=minute)} should be {'on' if canvas[minute] else 'off'}"
        for at, minute in (grid(zone) | edges(canvas, zone)).items()
        if permits(schedule, at * 60_000, zone, SPECIAL) != canvas[minute]
    ]
    assert wrong == []
    assert 0 < sum(canvas) < len(canvas)


def test_berlin_changes_its_clock_where_the_oracle_looks() -> None:
    for change in CHANGES:
        before, after = (
            (change.replace(tzinfo=UTC) + timedelta(minutes=minutes)).astimezone(ZoneInfo(BERLIN)).utcoffset()
            for minutes in (59, 60)
        )
        assert before != after
