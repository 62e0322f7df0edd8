"""Events of the guards' desk in words: visitors, patrols, hazards, duty."""

from edge_agent.model.events import (
    DutyBegun,
    DutyEnded,
    Event,
    HazardClosed,
    HazardOverdue,
    HazardReported,
    PatrolDone,
    PatrolMissed,
    UnknownEvent,
    VisitArrived,
    VisitCancelled,
    VisitExpected,
    VisitLeft,
    VisitOverstaying,
    VisitRefused,
)
from edge_agent.words import WORDS, say


def desk_detail(event: Event | UnknownEvent, lang: str) -> str | None:
    """None for an event that is another's to tell."""

    def word(prefix: str, code: str) -> str:
        return say(f"{prefix}.{code}", lang) if f"{prefix}.{code}" in WORDS else code

    def by(who: str) -> str:
        return say("detail.by", lang, by=who.removeprefix("local/").removeprefix("door/")) if who else ""

    match event:
        case VisitExpected(kind=kind, house=house, confirm=confirm, by=who):
            parts = [word("visit.kind", kind), house, word("visit.confirm", confirm), by(who)]
        case VisitArrived(kind=kind, house=house, by=who) | VisitLeft(kind=kind, house=house, by=who):
            parts = [word("visit.kind", kind), house, by(who)]
        case VisitOverstaying(kind=kind, house=house):
            parts = [word("visit.kind", kind), house]
        case VisitCancelled(kind=kind, why=why, by=who):
            parts = [word("visit.kind", kind), word("visit.state", why), by(who)]
        case VisitRefused(kind=kind, house=house, reason=reason, by=who):
            parts = [word("visit.kind", kind), house, word("visit.reason", reason), by(who)]
        case PatrolDone(route=route, point=point, by=who):
            parts = [route, point, by(who)]
        case PatrolMissed(route=route, point=point):
            parts = [route, point]
        case HazardReported(category=category, place=place, by=who):
            parts = [word("hazard.category", category), place, by(who)]
        case HazardOverdue(category=category, place=place):
            parts = [word("hazard.category", category), place]
        case HazardClosed(category=category, place=place, outcome=outcome, by=who):
            parts = [word("hazard.category", category), place, word("hazard.outcome", outcome), by(who)]
        case DutyBegun(post=post, by=who) | DutyEnded(post=post, by=who):
            parts = [post, by(who)]
        case _:
            return None
    return " · ".join(part for part in parts if part)
