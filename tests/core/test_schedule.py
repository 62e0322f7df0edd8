"""Schedules in local wall time, against a minute-by-minute walk with zoneinfo."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge_agent.core.schedule import permits
from edge_agent.model.people import Schedule, Span

WEEKDAYS = (1, 2, 3, 4, 5)


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


DAY = Schedule("day", (Span(WEEKDAYS, 6 * 60, 22 * 60),))
NIGHT = Schedule("night", (Span((5,), 22 * 60, 30 * 60),))  # Friday 22:00 to Saturday 06:00


@pytest.mark.parametrize(
    ("schedule", "when", "inside"),
    [
        (DAY, "2026-05-04T06:00", True),
        (DAY, "2026-05-04T05:59:59", False),
        (DAY, "2026-05-04T21:59:59", True),
        (DAY, "2026-05-04T22:00", False),
        (DAY, "2026-05-09T12:00", False),  # Saturday
        (NIGHT, "2026-05-08T22:00", True),
        (NIGHT, "2026-05-09T05:59", True),
        (NIGHT, "2026-05-09T06:00", False),
        (NIGHT, "2026-05-09T22:30", False),
        (NIGHT, "2026-05-08T05:00", False),  # the morning before
    ],
)
def test_the_edges_of_a_span(schedule: Schedule, when: str, inside: bool) -> None:
    assert permits(schedule, at(when), "Asia/Shanghai") is inside


def test_sunday_night_runs_into_monday() -> None:
    sunday = Schedule("s", (Span((7,), 23 * 60, 25 * 60),))
    assert permits(sunday, at("2026-05-11T00:30"), "Asia/Shanghai")
    assert not permits(sunday, at("2026-05-10T00:30"), "Asia/Shanghai")


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/New_York"])
def test_like_a_wall_clock_over_a_year_with_its_changes(zone: str) -> None:
    """Every 13 minutes of a year, also across the hours that summer time skips and repeats."""
    schedule = Schedule("mixed", (Span(WEEKDAYS, 90, 200), Span((6,), 22 * 60, 28 * 60), Span((7,), 0, 1440)))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    end = moment + timedelta(days=365)
    while moment < end:
        local = moment.astimezone(ZoneInfo(zone))
        minute, day, before = (
            local.hour * 60 + local.minute,
            local.isoweekday(),
            (local - timedelta(days=1)).isoweekday(),
        )
        expected = (
            (day <= 5 and 90 <= minute < 200)
            or (day == 6 and minute >= 22 * 60)
            or (before == 6 and minute < 4 * 60)
            or day == 7
        )
        assert permits(schedule, round(moment.timestamp() * 1000), zone) is expected, (zone, local)
        moment += timedelta(minutes=13)


@pytest.mark.parametrize("wrong", [((), 0, 60), ((8,), 0, 60), ((1,), 60, 60), ((1,), 0, 1441), ((1,), 1440, 1500)])
def test_a_span_that_means_nothing_cannot_be_made(wrong: tuple[tuple[int, ...], int, int]) -> None:
    with pytest.raises(ValueError, match=r"span|days"):
        Span(*wrong)
