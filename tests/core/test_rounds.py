"""When a route is to be walked, what a pass belongs to, what was missed; hazards and duty."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from edge_agent.core import rounds as core
from edge_agent.errors import RoundError
from edge_agent.model.events import DutyEnded, HazardClosed, HazardOverdue
from edge_agent.model.rounds import Duty, Hazard, Passed, Run
from edge_agent.model.site import PatrolPoint, PatrolRoute

ZONE = "Asia/Shanghai"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVENING = round(datetime(2026, 5, 4, 14, 0, tzinfo=UTC).timestamp() * 1000)  # Monday 22:00 in Shanghai
ROUTE = PatrolRoute(name="night", points=("a", "b"), times=("22:00", "23:30"), within_min=60)


def done(run: Run, point: str) -> Passed:
    return Passed(run.route, run.start_ms, point, "done", run.start_ms)


def test_a_run_lasts_from_its_time_on_and_over_midnight() -> None:
    late = replace(ROUTE, times=("23:30",))
    assert core.runs(late, EVENING + 90 * MINUTE - 1, ZONE) == [
        Run("night", EVENING - DAY + 90 * MINUTE, EVENING - DAY + 150 * MINUTE)
    ]
    assert Run("night", EVENING + 90 * MINUTE, EVENING + 150 * MINUTE) in core.runs(late, EVENING + 149 * MINUTE, ZONE)


def test_only_on_its_days() -> None:
    assert core.runs(replace(ROUTE, days=(2,)), EVENING + MINUTE, ZONE) == []
    assert len(core.runs(replace(ROUTE, days=(1,)), EVENING + MINUTE, ZONE)) == 1


def test_summer_time_moves_a_route_with_the_wall_clock() -> None:
    route = replace(ROUTE, times=("02:30",))
    before = round(datetime(2026, 3, 28, 1, 30, tzinfo=UTC).timestamp() * 1000)  # 02:30 in Berlin, winter
    after = round(datetime(2026, 3, 30, 0, 30, tzinfo=UTC).timestamp() * 1000)  # 02:30 in Berlin, summer
    assert [run.start_ms for run in core.runs(route, before, "Europe/Berlin")][-1] == before
    assert [run.start_ms for run in core.runs(route, after, "Europe/Berlin")][-1] == after


def test_a_pass_belongs_to_the_oldest_run_that_waits_for_it() -> None:
    route = replace(ROUTE, times=("22:00", "22:30"))
    now = EVENING + 40 * MINUTE
    first = core.due([route], [], "a", now, ZONE)
    assert first == Run("night", EVENING, EVENING + HOUR)
    second = core.due([route], [done(first, "a")], "a", now, ZONE)
    assert second == Run("night", EVENING + 30 * MINUTE, EVENING + 90 * MINUTE)
    assert core.due([route], [done(first, "a"), done(second, "a")], "a", now, ZONE) is None
    assert core.due([route], [], "elsewhere", now, ZONE) is None
    assert core.due([route], [], "a", EVENING - 1, ZONE) is None
    assert core.due([route], [], "a", EVENING + 90 * MINUTE, ZONE) is None


def test_an_ordered_route_takes_a_point_after_those_before_it_only() -> None:
    route = replace(ROUTE, ordered=True)
    assert core.due([route], [], "b", EVENING, ZONE) is None
    first = core.due([route], [], "a", EVENING, ZONE)
    assert first is not None
    assert core.due([route], [done(first, "a")], "b", EVENING, ZONE) == first


def test_what_was_not_passed_is_missed_once_its_time_is_over_and_only_if_it_was_known() -> None:
    run = Run("night", EVENING, EVENING + HOUR)
    route = replace(ROUTE, times=("22:00",))
    assert core.missed(route, [], EVENING - HOUR, EVENING + HOUR - 1, ZONE) == []
    assert core.missed(route, [done(run, "a")], EVENING - HOUR, EVENING + HOUR, ZONE) == [(run, "b")]
    assert core.missed(route, [], EVENING + 1, EVENING + HOUR, ZONE) == []
    later = core.missed(route, [], EVENING - HOUR, EVENING + HOUR + DAY, ZONE)  # a day later it is too late to say so
    assert {run.start_ms for run, _ in later} == {EVENING + DAY}


def test_a_tag_is_a_points_or_is_told_to_be_none() -> None:
    points = [PatrolPoint(name="a", tag="P-1"), PatrolPoint(name="b", terminal="t"), PatrolPoint(name="c", button="d")]
    assert core.point_of_tag(points, " P-1 ").name == "a"
    for wrong in ("", "p-2"):
        with pytest.raises(RoundError) as caught:
            core.point_of_tag(points, wrong)
        assert caught.value.code == "patrol.no_tag"
    assert core.points_at(points, terminal="t") == ["b"]
    assert core.points_at(points, button="d") == ["c"]
    assert core.points_at(points) == []


HAZARD = Hazard(id="h-1", category="fire", place="3-1", text="", by="local/a", at_ms=EVENING, due_ms=EVENING + DAY)


def test_a_hazard_is_overdue_once_and_closed_once() -> None:
    assert core.due_ms("fire", 0) < core.due_ms("lighting", 0)
    assert core.overdue(HAZARD, HAZARD.due_ms - 1) is None
    step = core.overdue(HAZARD, HAZARD.due_ms)
    assert step is not None
    assert isinstance(step.event, HazardOverdue)
    assert core.overdue(step.hazard, HAZARD.due_ms + DAY) is None
    closed = core.closed(step.hazard, "fixed", HAZARD.due_ms, "local/b")
    assert isinstance(closed.event, HazardClosed)
    assert closed.event.overdue
    with pytest.raises(RoundError) as caught:
        core.closed(closed.hazard, "fixed", 0, "local/b")
    assert caught.value.code == "hazard.closed_already"


def test_nobody_is_on_duty_twice_or_leaves_what_was_not_begun() -> None:
    duty = Duty(id="d-1", who="王芳", post="north", begun_ms=EVENING)
    assert core.begun(duty, []).by == "local/王芳"
    with pytest.raises(RoundError) as caught:
        core.begun(duty, [duty])
    assert caught.value.code == "duty.begun_already"
    ended, event = core.ended("王芳", [duty], EVENING + HOUR)
    assert (ended.ended_ms, event.lasted_ms) == (EVENING + HOUR, HOUR)
    assert isinstance(event, DutyEnded)
    with pytest.raises(RoundError) as caught:
        core.ended("李雷", [duty], EVENING)
    assert caught.value.code == "duty.not_begun"
