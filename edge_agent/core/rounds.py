"""When a route is to be walked, which point a credential or a tag belongs to, and what time does to runs and hazards.

Pure; times are Unix ms, routes are in local wall time. A run that began before the gateway knew of its route counts
neither way.
"""

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta

from msgspec.structs import replace

from edge_agent.core.schedule import local_time, zone_of
from edge_agent.errors import RoundError
from edge_agent.model.encoding import canonical
from edge_agent.model.events import DutyBegun, DutyEnded, HazardClosed, HazardOverdue, HazardReported
from edge_agent.model.rounds import Duty, Hazard, HazardStep, Passed, Run
from edge_agent.model.site import PatrolPoint, PatrolRoute

DAY_MS = 86_400_000
DUE_DAYS = {"fire": 1, "electricity": 1, "gas": 1, "blocked_exit": 1, "lift": 1, "structure": 3}
DUE_OTHERS = 7


def named(route: PatrolRoute) -> str:
    """A route as it is now: changed in anything, it is another one."""
    return f"{route.name} {hashlib.sha256(canonical(route)).hexdigest()[:16]}"


def runs(route: PatrolRoute, now_ms: int, zone: str, back_days: int = 1) -> list[Run]:
    """Those that run now or ended within the last days, the oldest first."""
    today, found = local_time(now_ms, zone).date(), list[Run]()
    for back in range(back_days + 1, -1, -1):
        day = today - timedelta(days=back)
        if day.isoweekday() not in route.days:
            continue
        for text in route.times:
            start = datetime.combine(day, time.fromisoformat(text), zone_of(zone))
            start_ms = round(start.timestamp() * 1000)
            run = Run(route.name, start_ms, start_ms + route.within_min * 60_000)
            if run.start_ms <= now_ms < run.end_ms + back_days * DAY_MS:
                found.append(run)
    return found


def missed(
    route: PatrolRoute, passed: Iterable[Passed], since_ms: int, now_ms: int, zone: str, back_days: int = 1
) -> list[tuple[Run, str]]:
    """Points of runs that are over and were not passed; `since_ms`: when the gateway began to watch this route."""
    known = {(one.run_ms, one.point) for one in passed if one.route == route.name}
    return [
        (run, point)
        for run in runs(route, now_ms, zone, back_days)
        if run.end_ms <= now_ms and run.start_ms >= since_ms
        for point in route.points
        if (run.start_ms, point) not in known
    ]


def due(routes: Iterable[PatrolRoute], passed: Iterable[Passed], point: str, now_ms: int, zone: str) -> Run | None:
    """The run to which passing this point now belongs: the oldest in which it is still to be done. A route that is
    `ordered` takes a point only after those before it.
    """
    known: dict[tuple[str, int], set[str]] = {}
    for one in passed:
        known.setdefault((one.route, one.run_ms), set()).add(one.point)
    open_runs = []
    for route in routes:
        for run in runs(route, now_ms, zone):
            done = known.get((run.route, run.start_ms), set())
            if now_ms >= run.end_ms or point not in route.points or point in done:
                continue
            before = route.points[: route.points.index(point)] if route.ordered else ()
            if done.issuperset(before):
                open_runs.append(run)
    return min(open_runs, key=lambda run: run.start_ms, default=None)


def point_of_tag(points: Iterable[PatrolPoint], code: str) -> PatrolPoint:
    """Raises RoundError when no tag says that."""
    for point in points:
        if point.tag and point.tag == code.strip():
            return point
    raise RoundError("patrol.no_tag")


def points_at(points: Iterable[PatrolPoint], *, terminal: str = "", button: str = "") -> list[str]:
    return [
        point.name
        for point in points
        if (terminal and point.terminal == terminal) or (button and point.button == button)
    ]


# ---- hazards and duty ------------------------------------------------------------------------------------------------


def due_ms(category: str, now_ms: int) -> int:
    return now_ms + DUE_DAYS.get(category, DUE_OTHERS) * DAY_MS


def reported(hazard: Hazard) -> HazardStep:
    event = HazardReported(
        hazard=hazard.id, category=hazard.category, place=hazard.place, due_ms=hazard.due_ms, photo=hazard.photo,
        by=hazard.by,
    )  # fmt: skip
    return HazardStep(hazard, event)


def closed(hazard: Hazard, outcome: str, now_ms: int, by: str) -> HazardStep:
    if hazard.state == "closed":
        raise RoundError("hazard.closed_already", hazard=hazard.id)
    event = HazardClosed(
        hazard=hazard.id, category=hazard.category, place=hazard.place, outcome=outcome,
        overdue=now_ms >= hazard.due_ms, by=by,
    )  # fmt: skip
    return HazardStep(replace(hazard, state="closed", closed_ms=now_ms, closed_by=by, outcome=outcome), event)


def overdue(hazard: Hazard, now_ms: int) -> HazardStep | None:
    """Told once."""
    if hazard.state != "open" or now_ms < hazard.due_ms:
        return None
    event = HazardOverdue(hazard=hazard.id, category=hazard.category, place=hazard.place, due_ms=hazard.due_ms)
    return HazardStep(replace(hazard, state="overdue"), event)


def begun(duty: Duty, on_duty: Collection[Duty]) -> DutyBegun:
    if any(other.who == duty.who for other in on_duty):
        raise RoundError("duty.begun_already", who=duty.who)
    return DutyBegun(duty=duty.id, by=f"local/{duty.who}", post=duty.post)


def ended(who: str, on_duty: Iterable[Duty], now_ms: int) -> tuple[Duty, DutyEnded]:
    for duty in on_duty:
        if duty.who == who:
            event = DutyEnded(duty=duty.id, by=f"local/{who}", post=duty.post, lasted_ms=max(0, now_ms - duty.begun_ms))
            return replace(duty, ended_ms=now_ms), event
    raise RoundError("duty.not_begun", who=who)
