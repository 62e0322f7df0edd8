"""Schedules at their edges, one case a line; two whole years of them are in test_schedule_oracle.py."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.schedule import (
    LOOK_AHEAD_DAYS,
    begins,
    endless,
    in_force,
    local_time,
    occurrences,
    opens_after,
    parse,
    permits,
    permits_local,
)
from edge_agent.model.people import Book, Recurrence, Schedule, Span

WEEKDAYS = (1, 2, 3, 4, 5)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def day(text: str) -> int:
    return local(text).toordinal()


DAY = Schedule("day", (Span(WEEKDAYS, 6 * 60, 22 * 60),))
NIGHT = Schedule("night", (Span((5,), 22 * 60, 30 * 60),))  # Friday 22:00 to Saturday 06:00
LUNCH = Schedule("lunch", (Span(WEEKDAYS, 0, 12 * 60), Span(WEEKDAYS, 13 * 60, 24 * 60)))
WHOLE = Schedule("whole", (Span((1,), 12 * 60, 36 * 60),))  # Monday noon to Tuesday noon, the longest there is
TEA = Schedule("tea", recurrences=(Recurrence(local("2026-05-04T23:30"), 60, "FREQ=WEEKLY;BYDAY=MO,WE"),))
WEEK = Schedule("week", recurrences=(Recurrence(local("2026-05-04T12:00"), 7 * 1440),))
DAYLONG = Schedule("daylong", recurrences=(Recurrence(local("2026-05-04T00:00"), 1440),))
CASES = [
    (DAY, "2026-05-04T06:00", True),
    (DAY, "2026-05-04T05:59:59", False),
    (DAY, "2026-05-04T21:59:59", True),
    (DAY, "2026-05-04T22:00", False),
    (DAY, "2026-05-08T12:00", True),  # Friday
    (DAY, "2026-05-09T12:00", False),  # Saturday
    (NIGHT, "2026-05-08T21:59", False),
    (NIGHT, "2026-05-08T22:00", True),
    (NIGHT, "2026-05-08T23:59:59", True),
    (NIGHT, "2026-05-09T00:00", True),
    (NIGHT, "2026-05-09T05:59", True),
    (NIGHT, "2026-05-09T06:00", False),
    (NIGHT, "2026-05-09T22:30", False),
    (NIGHT, "2026-05-08T05:00", False),  # the morning before
    (LUNCH, "2026-05-04T00:00", True),
    (LUNCH, "2026-05-04T12:00", False),
    (LUNCH, "2026-05-04T13:00", True),
    (LUNCH, "2026-05-04T23:59", True),
    (LUNCH, "2026-05-09T00:00", False),  # a span to midnight ends there
    (WHOLE, "2026-05-05T11:59", True),
    (WHOLE, "2026-05-05T12:00", False),
    (WHOLE, "2026-05-04T11:59", False),
    (TEA, "2026-05-04T23:29:59", False),
    (TEA, "2026-05-04T23:30", True),
    (TEA, "2026-05-05T00:29:59", True),
    (TEA, "2026-05-05T00:30", False),
    (TEA, "2026-05-06T23:45", True),
    (TEA, "2026-04-27T23:45", False),  # before the first
    (WEEK, "2026-05-04T12:00", True),
    (WEEK, "2026-05-11T11:59:59", True),
    (WEEK, "2026-05-11T12:00", False),
    (WEEK, "2026-05-04T11:59:59", False),
    (DAYLONG, "2026-05-04T00:00", True),
    (DAYLONG, "2026-05-04T23:59:59", True),
    (DAYLONG, "2026-05-05T00:00", False),
    (Schedule("empty"), "2026-05-04T12:00", False),
]


@pytest.mark.parametrize(("schedule", "when", "inside"), CASES)
def test_the_edges_of_a_span(schedule: Schedule, when: str, inside: bool) -> None:
    assert permits(schedule, at(when), "Asia/Shanghai") is inside
    assert permits_local(schedule, local(when)) is inside


def test_sunday_night_runs_into_monday() -> None:
    sunday = Schedule("s", (Span((7,), 23 * 60, 25 * 60),))
    assert permits(sunday, at("2026-05-11T00:30"), "Asia/Shanghai")
    assert not permits(sunday, at("2026-05-10T00:30"), "Asia/Shanghai")


def test_the_clock_on_the_wall_of_the_site() -> None:
    assert local_time(at("2026-05-04T12:00:00.250"), "Asia/Shanghai") == local("2026-05-04T12:00:00.250")
    assert local_time(at("2026-05-04T12:00"), "Europe/Berlin") == local("2026-05-04T06:00")
    assert local_time(0, "UTC") == local("1970-01-01T00:00")


# ---- special days ----------------------------------------------------------------------------------------------------

HALF = (Span((1,), 9 * 60, 12 * 60),)
SHOP = Schedule("shop", (Span(EVERY_DAY, 8 * 60, 26 * 60),), {"holiday": (), "half": HALF})
CALENDAR = {day("2026-05-05"): "holiday", day("2026-05-07"): "half", day("2026-05-09"): "other"}


@pytest.mark.parametrize(
    ("when", "inside"),
    [
        ("2026-05-04T09:00", True),
        ("2026-05-05T01:59", True),  # what began the day before a holiday goes on
        ("2026-05-05T02:00", False),
        ("2026-05-05T09:00", False),  # a holiday
        ("2026-05-06T01:00", False),  # the night of the holiday
        ("2026-05-06T09:00", True),
        ("2026-05-07T08:59", False),
        ("2026-05-07T09:00", True),  # a half day, on a Thursday though its span says Monday
        ("2026-05-07T12:00", False),
        ("2026-05-08T01:00", False),
        ("2026-05-09T23:00", True),  # a special day of a group that is nothing to this schedule
    ],
)
def test_a_special_day_replaces_the_week(when: str, inside: bool) -> None:
    assert permits(SHOP, at(when), "Asia/Shanghai", CALENDAR) is inside


def test_a_special_day_takes_no_recurrence_away() -> None:
    both = Schedule("both", special={"holiday": ()}, recurrences=(Recurrence(local("2026-05-05T10:00"), 60),))
    assert permits_local(both, local("2026-05-05T10:30"), CALENDAR)


def test_a_book_asks_by_name_in_its_zone_and_calendar() -> None:
    book = Book("1", schedules={"shop": SHOP}, calendar=CALENDAR, zone="Asia/Shanghai")
    assert in_force(book, "shop", at("2026-05-04T09:00"))
    assert not in_force(book, "shop", at("2026-05-05T09:00"))
    assert in_force(book, "shop", at("2026-05-04T00:00", "UTC"))  # 08:00 in Shanghai
    assert not in_force(book, "shop", at("2026-05-05T12:00", "UTC"))
    assert in_force(Book("1", schedules={"shop": SHOP}), "shop", at("2026-05-05T12:00", "UTC"))


def test_a_schedule_that_is_not_there_is_never_on() -> None:
    assert not in_force(Book("1"), "shop", at("2026-05-04T09:00"))


# ---- recurrences -----------------------------------------------------------------------------------------------------


def test_once_is_once() -> None:
    once = Recurrence(local("2026-05-04T10:00"), 60)
    assert occurrences(once, day("2026-05-04")) == (local("2026-05-04T10:00"),)
    assert occurrences(once, day("2026-05-05")) == occurrences(once, day("2026-05-03")) == ()


def test_an_occurrence_that_is_left_out_does_not_come() -> None:
    daily = Recurrence(local("2026-05-04T10:00"), 60, "FREQ=DAILY;INTERVAL=1", (local("2026-05-05T10:00"),))
    assert [len(occurrences(daily, day("2026-05-04") + n)) for n in range(4)] == [1, 0, 1, 1]
    assert opens_after(Schedule("s", recurrences=(daily,)), local("2026-05-04T11:00")) == local("2026-05-06T10:00")


def test_several_times_on_one_day_from_its_first_to_its_last_instant() -> None:
    often = Recurrence(local("2026-05-04T00:00"), 1, "FREQ=DAILY;BYHOUR=0,23;BYMINUTE=0,59;BYSECOND=0,59")
    times = occurrences(often, day("2026-05-05"))
    assert len(times) == 8
    assert (times[0], times[-1]) == (local("2026-05-05T00:00"), local("2026-05-05T23:59:59"))


@pytest.mark.parametrize("start", range(64))
def test_every_day_has_its_own_occurrence(start: int) -> None:
    """Whatever the first day is, and over the ends of what is expanded at a time."""
    first = local("2026-05-04T07:15") + timedelta(days=start)
    daily = Recurrence(first, 60, "FREQ=DAILY")
    for n in range(-2, 130):
        expected = (first + timedelta(days=n),) if n >= 0 else ()
        assert occurrences(daily, first.toordinal() + n) == expected


@pytest.mark.parametrize("ordinal", [-5, 0, 1, 3_652_059, 3_652_060, 9_999_999])
def test_before_the_first_and_after_the_last_of_all_days_there_is_nothing(ordinal: int) -> None:
    assert occurrences(Recurrence(local("2026-05-04T10:00"), 60), ordinal) == ()


def test_the_first_of_all_days_is_a_day() -> None:
    first = local("0001-01-01T00:00")
    assert occurrences(Recurrence(first, 60, "FREQ=DAILY"), 1) == (first,)
    assert not permits_local(DAY, first)
    assert permits_local(DAY, local("0001-01-01T12:00"))


WRONG_RULES = [
    "nonsense",
    "FREQ",
    "FREQ=NEVER",
    "BYDAY=MO",
    "FREQ=DAILY;COUNT=x",
    "FREQ=DAILY;INTERVAL=0",  # dateutil would count for ever
    "FREQ=DAILY;INTERVAL=00",
    "FREQ=DAILY;INTERVAL=",
    "FREQ=DAILY;INTERVAL=-1",
    "FREQ=MONTHLY;BYDAY=9MO",
    "FREQ=DAILY;BYHOUR=25",
    "FREQ=DAILY;UNTIL=20260101T000000Z",  # an instant, where local time is wanted
    "RRULE:FREQ=DAILY",
    "RRULE:COUNT=3;FREQ=DAILY",
    "DTSTART:20260101T000000Z RRULE:FREQ=DAILY",
    "FREQ=DAILY EXDATE:20260504T100000Z",
    " ",
]


@pytest.mark.parametrize("rule", WRONG_RULES)
def test_what_is_no_rule_never_begins(rule: str) -> None:
    wrong = Recurrence(local("2026-05-04T10:00"), 60, rule)
    assert occurrences(wrong, day("2026-05-04")) == ()
    with pytest.raises(ValueError, match=r".+"):
        begins(wrong)


@pytest.mark.parametrize("often", ["HOURLY", "MINUTELY", "SECONDLY", "minutely"])
def test_a_rule_that_repeats_within_a_day_is_refused(often: str) -> None:
    """Counting the minutes since DTSTART took seconds, in which no door opened."""
    often_rule = Recurrence(local("2020-01-01T00:00"), 1, f"freq={often};byday=mo")
    with pytest.raises(
        ValueError, match=r"^a recurrence repeats daily or less often; several times a day are BYHOUR and BYMINUTE$"
    ):
        parse(often_rule)
    assert occurrences(often_rule, day("2026-05-04")) == ()


def test_what_is_wrong_with_a_rule_is_said() -> None:
    with pytest.raises(ValueError, match=r"^not one rule, as FREQ=WEEKLY;BYDAY=MO: nonsense$"):
        parse(Recurrence(local("2026-05-04T10:00"), 60, "nonsense"))
    with pytest.raises(ValueError, match=r"^an INTERVAL is 1 or more$"):
        parse(Recurrence(local("2026-05-04T10:00"), 60, "FREQ=DAILY;INTERVAL=0"))


def test_a_rule_that_never_comes_true_is_tried_once() -> None:
    """dateutil looks for the 30th of February until the year 9999; a door would wait for it each day anew."""
    never = Recurrence(local("2026-01-01T00:00"), 60, "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30")
    assert begins(never) is None
    started = time.process_time()
    assert opens_after(Schedule("never", recurrences=(never,)), local("2026-01-01T00:00")) is None
    assert time.process_time() - started < 0.1  # it was 400 times a quarter of a second


def test_the_first_occurrence_need_not_be_the_start() -> None:
    assert begins(Recurrence(local("2026-05-05T10:00"), 60, "FREQ=WEEKLY;BYDAY=MO")) == local("2026-05-11T10:00")


@pytest.mark.parametrize(
    ("rule", "without_end"),
    [
        ("", False),
        ("FREQ=DAILY", True),
        ("freq=daily;count=3", False),
        ("FREQ=DAILY;UNTIL=20260101", False),
        ("FREQ=DAILY;BYDAY=MO;INTERVAL=2", True),
    ],
)
def test_a_rule_without_an_end_is_known_as_such(rule: str, without_end: bool) -> None:
    assert endless(Recurrence(local("2026-05-04T10:00"), 60, rule)) is without_end


# ---- when it opens next ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "when", "opens"),
    [
        (DAY, "2026-05-04T12:00:30", "2026-05-04T12:00:30"),  # it is open
        (DAY, "2026-05-04T05:00", "2026-05-04T06:00"),
        (DAY, "2026-05-04T22:00", "2026-05-05T06:00"),
        (DAY, "2026-05-08T23:00", "2026-05-11T06:00"),
        (LUNCH, "2026-05-04T12:30", "2026-05-04T13:00"),
        (LUNCH, "2026-05-09T12:30", "2026-05-11T00:00"),
        (SHOP, "2026-05-05T03:00", "2026-05-06T08:00"),
        (SHOP, "2026-05-05T12:00", "2026-05-06T08:00"),  # a holiday
        (SHOP, "2026-05-07T03:00", "2026-05-07T09:00"),
        (TEA, "2026-05-05T01:00", "2026-05-06T23:30"),
        (WEEK, "2026-05-01T00:00", "2026-05-04T12:00"),
        (WEEK, "2026-05-12T00:00", None),
        (Schedule("empty"), "2026-05-04T12:00", None),
    ],
)
def test_when_a_schedule_opens_next(schedule: Schedule, when: str, opens: str | None) -> None:
    assert opens_after(schedule, local(when), CALENDAR) == (None if opens is None else local(opens))


def test_how_far_ahead_is_looked() -> None:
    start = local("2026-05-04T10:00")
    last = start + timedelta(days=LOOK_AHEAD_DAYS - 1, hours=1)
    assert LOOK_AHEAD_DAYS == 400
    assert opens_after(Schedule("s", recurrences=(Recurrence(last, 60),)), start) == last
    beyond = Recurrence(last + timedelta(days=1), 60)
    assert opens_after(Schedule("s", recurrences=(beyond,)), start) is None


@pytest.mark.parametrize("wrong", [((), 0, 60), ((8,), 0, 60), ((1,), 60, 60), ((1,), 0, 1441), ((1,), 1440, 1500)])
def test_a_span_that_means_nothing_cannot_be_made(wrong: tuple[tuple[int, ...], int, int]) -> None:
    with pytest.raises(ValueError, match=r"span|days"):
        Span(*wrong)


@pytest.mark.parametrize("minutes", [0, -1, 7 * 1440 + 1])
def test_a_recurrence_lasts_from_a_minute_to_a_week(minutes: int) -> None:
    with pytest.raises(ValueError, match="minute to a week"):
        Recurrence(local("2026-05-04T10:00"), minutes)


def test_a_recurrence_is_told_in_local_time() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        Recurrence(datetime(2026, 5, 4, 10, tzinfo=UTC), 60)


PARTS = st.sampled_from(
    [
        *("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "COUNT=3", "UNTIL=20270101T000000", "WKST=SU"),
        *("INTERVAL=2", "INTERVAL=0", "BYDAY=MO", "BYDAY=-1FR", "BYDAY=6TU", "BYMONTH=2,5", "BYMONTHDAY=4,31"),
        *("BYSETPOS=-1", "BYHOUR=8,10", "BYMINUTE=70", "BYWEEKNO=19", "BYYEARDAY=124", "RRULE:", " ", "=", "", "\n"),
    ]
)


@given(st.lists(PARTS, max_size=4).map(";".join) | st.text(max_size=20), st.integers(1, 7 * 1440), st.integers(0, 60))
def test_whatever_a_rule_says_a_schedule_answers(rule: str, minutes: int, days: int) -> None:
    recurrence = Recurrence(local("2026-05-04T10:00"), minutes, rule)
    when = local("2026-05-04T10:00") + timedelta(days=days)
    on = permits_local(Schedule("s", recurrences=(recurrence,)), when)
    begun = [start for back in range(days + 1) for start in occurrences(recurrence, when.toordinal() - back)]
    assert on is any(start <= when < start + timedelta(minutes=minutes) for start in begun)
