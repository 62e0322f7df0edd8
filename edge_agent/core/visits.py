"""What may become of a visit: each function takes one as it is and gives it as it will be, with the event that says so.

Pure. A step that is not possible raises VisitError, which tells the guard why and what to do. Time is Unix ms; a clock
that nobody trusts is behind, never ahead, so that an overstay may be told late, but never wrongly.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from edge_agent.core.schedule import local_time, occurrences
from edge_agent.errors import VisitError
from edge_agent.model.events import (
    VisitArrived,
    VisitCancelled,
    VisitExpected,
    VisitLeft,
    VisitOverstaying,
    VisitRefused,
)
from edge_agent.model.site import VisitPolicy
from edge_agent.model.visits import Answer, Bar, State, Step, Visit

MINUTE_MS = 60_000


def expect(visit: Visit) -> Step:
    """It was entered, or its confirmation or times have changed."""
    event = VisitExpected(
        visit=visit.id, kind=visit.kind, from_ms=visit.from_ms, until_ms=visit.until_ms, doors=visit.doors,
        host=visit.host, house=visit.house, group=visit.group, people=visit.people, again=visit.returns,
        confirm=visit.confirm, by=visit.by,
    )  # fmt: skip
    return Step(visit, event)


def arrive(visit: Visit, now_ms: int, zone: str, by: str, policy: VisitPolicy, confirmed_by: str = "") -> Step:
    """The visitor comes in. At the desk the guard answers for coming early, at a door the pass does."""
    if visit.inside:
        raise VisitError("visit.is_in", visit=visit.id)
    _still_open(visit)
    if now_ms >= visit.until_ms:
        raise VisitError("visit.time_over", visit=visit.id)
    if not confirmed_by and visit.confirm != "confirmed" and (visit.confirm or policy.confirm == "host"):
        raise VisitError("visit.declined" if visit.confirm == "declined" else "visit.not_confirmed", visit=visit.id)
    inside = replace(
        visit, state="arrived", arrived_ms=now_ms, due_ms=_due_ms(visit, now_ms, zone),
        confirm="confirmed" if confirmed_by else visit.confirm, confirmed_by=confirmed_by or visit.confirmed_by,
    )  # fmt: skip
    event = VisitArrived(
        visit=visit.id, kind=visit.kind, host=visit.host, house=visit.house, people=visit.people, by=by,
        confirmed_by=inside.confirmed_by, due_ms=inside.due_ms,
    )  # fmt: skip
    return Step(inside, event)


def answer(visit: Visit, said: Answer, now_ms: int, who: str) -> Step:
    """The host was asked, or has answered: `who` says how that is known."""
    if visit.inside:
        raise VisitError("visit.is_in", visit=visit.id)
    _still_open(visit)
    asked_ms = now_ms if said == "asked" else visit.asked_ms
    return expect(replace(visit, confirm=said, asked_ms=asked_ms, confirmed_by="" if said == "asked" else who))


def leave(visit: Visit, now_ms: int, by: str) -> Step:
    """Out; a visit that recurs or has several uses is expected again as long as its time lasts."""
    if visit.state == "expected":
        raise VisitError("visit.not_in", visit=visit.id)
    _still_open(visit)
    again = visit.returns and now_ms < visit.until_ms
    if again:
        outside = replace(visit, state="expected", arrived_ms=None, due_ms=None)
    else:
        outside = replace(visit, state="left", ended_ms=now_ms)
    event = VisitLeft(
        visit=visit.id, kind=visit.kind, stayed_ms=max(0, now_ms - (visit.arrived_ms or now_ms)), house=visit.house,
        people=visit.people, by=by, again=again, overstayed=visit.state == "overstaying",
    )  # fmt: skip
    return Step(outside, event)


def cancel(visit: Visit, now_ms: int, by: str) -> Step:
    if visit.inside:
        raise VisitError("visit.check_out_instead", visit=visit.id)
    _still_open(visit)
    return _cancelled(visit, now_ms, "cancelled", by)


def refuse(visit: Visit, now_ms: int, by: str, reason: str = "guard") -> Step:
    """Turned away at the gate."""
    if visit.inside:
        raise VisitError("visit.check_out_instead", visit=visit.id)
    _still_open(visit)
    declined = visit.confirm == "declined" and reason == "guard"
    event = VisitRefused(
        visit=visit.id, kind=visit.kind, reason="declined" if declined else reason, host=visit.host,
        house=visit.house, by=by,
    )  # fmt: skip
    return Step(replace(visit, state="refused", ended_ms=now_ms), event)


def extend(visit: Visit, until_ms: int, now_ms: int) -> Step:
    """Until another time; who overstayed is a guest again. The pass changes with it."""
    _still_open(visit)
    if until_ms <= max(now_ms, visit.from_ms):
        raise VisitError("visit.until_past", visit=visit.id)
    longer = replace(visit, until_ms=until_ms, revision=visit.revision + 1)
    if visit.inside:
        longer = replace(longer, state="arrived", due_ms=until_ms)
    return expect(longer)


def renew(visit: Visit) -> Step:
    """Another pass; the one before opens nothing any more."""
    _still_open(visit)
    return expect(replace(visit, revision=visit.revision + 1))


def elapse(visit: Visit, now_ms: int, policy: VisitPolicy) -> Step | None:
    """What time alone does to it."""
    match visit.state:
        case "arrived" if visit.due_ms is not None and now_ms >= visit.due_ms + policy.overstay_min * MINUTE_MS:
            event = VisitOverstaying(
                visit=visit.id, kind=visit.kind, due_ms=visit.due_ms, host=visit.host, house=visit.house,
                people=visit.people,
            )  # fmt: skip
            return Step(replace(visit, state="overstaying"), event)
        case "expected" if now_ms >= visit.until_ms:
            return _cancelled(visit, now_ms, "expired" if visit.returns else "no_show", "")
        case "expected" if visit.confirm == "asked":
            asked_ms = now_ms if visit.asked_ms is None else visit.asked_ms
            if now_ms >= asked_ms + policy.confirm_within_s * 1000:
                return expect(replace(visit, confirm="timeout"))
    return None


def barred(bars: Iterable[Bar], digests: Mapping[str, str], now_ms: int) -> Bar | None:
    """The entry that keeps this visitor out: `digests` by kind (document, phone, plate); empty ones match nobody."""
    for bar in bars:
        if bar.digest and digests.get(bar.kind) == bar.digest and (bar.until_ms is None or now_ms < bar.until_ms):
            return bar
    return None


def digests_of(visit: Visit) -> dict[str, str]:
    return {"document": visit.document, "phone": visit.phone, "plate": visit.plate}


def _cancelled(visit: Visit, now_ms: int, why: State, by: str) -> Step:
    event = VisitCancelled(visit=visit.id, kind=visit.kind, why=why, by=by)
    return Step(replace(visit, state=why, ended_ms=now_ms), event)


def _still_open(visit: Visit) -> None:
    if not visit.open:
        raise VisitError("visit.over", visit=visit.id)


def _due_ms(visit: Visit, now_ms: int, zone: str) -> int:
    """The end of the visit, or of the occurrence that runs now."""
    if visit.times is None:
        return visit.until_ms
    local, length = local_time(now_ms, zone), timedelta(minutes=visit.times.minutes)
    ends = [
        start + length
        for back in range(length.days + 2)
        for start in occurrences(visit.times, local.toordinal() - back)
        if start <= local < start + length
    ]
    left = max(ends) - local if ends else length  # outside of its times a guard lets in for as long as one lasts
    return min(visit.until_ms, now_ms + round(left.total_seconds() * 1000))
