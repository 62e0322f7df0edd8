"""How an alarm is answered: raised, acknowledged, dispatched, arrived, closed — who, when, and whether in time.

A case begins with what was raised and ends when somebody closes it with an outcome, or when the same is raised anew:
then another one begins, with its own clock, which nobody has answered. A step may be left out (whoever arrives has
acknowledged by that), none is taken twice or back. Who hears it may say at once that it is a drill: everybody sees that
before it is closed. The 1-3-5-minute clock runs from the moment of raising; times are measured by uptime within a boot,
and by a trusted wall clock across one.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import structs

from edge_agent.model.clock import Moment
from edge_agent.model.events import (
    AlarmAcknowledged,
    AlarmArrived,
    AlarmClosed,
    AlarmDispatched,
    AlertOpened,
    AlertUpdated,
    DoorForced,
    Event,
    EvidenceErased,
    FireReleased,
    PanicRaised,
)
from edge_agent.model.sightings import Fall
from edge_agent.model.site import ResponseTargets
from edge_agent.model.standing import At, Case

Step = Literal["acknowledged", "dispatched", "arrived", "closed"]
STEPS: tuple[Step, ...] = ("acknowledged", "dispatched", "arrived", "closed")
OUTCOMES = ("real", "false", "drill", "test")


class Due(msgspec.Struct, frozen=True):
    """The step a case waits for. `left_ms` until its target, negative when that has passed; None: nobody can tell."""

    step: Step
    left_ms: int | None


def begun_by(event: Event, now: Moment) -> Case | None:
    """The case this event begins, or None. What is said again (a panic that repeats) begins none."""
    match event:
        case AlertOpened(level="alarm", quiet=False, alert=alert, kind=kind, door=door, camera=camera):
            return Case(
                alert, kind, door, camera, At.of(now), silent=event.silent, rule=event.rule,
                place=event.place or event.sensor, why=event.why, fall=event.fall, evidence=event.evidence,
                review=event.review,
            )  # fmt: skip
        case PanicRaised(count=1, door=door):
            return called_from(door, now)
        case FireReleased(door=door):
            return Case("fire", "fire", door, "", At.of(now))
        case DoorForced(door=door):
            return Case(f"forced/{door}", "forced", door, "", At.of(now))
        case _:
            return None


def called_from(door: str, now: Moment) -> Case:
    """Somebody presses for help there."""
    return Case(f"panic/{door}", "panic", door, "", At.of(now))


def anew(before: Case, event: Event) -> bool:
    """`event`, which begins a case, begins another one although `before` was never closed: a panic and a fire are said
    for the first time only after they were cleared, and a door that is forced after somebody has answered is a new
    alarm. Until somebody has, it is the same one, and its clock runs on.
    """
    match event:
        case PanicRaised() | FireReleased():
            return True
        case DoorForced():
            return bool(before.step)
        case _:
            return False


def better_known(cases: Mapping[str, Case], event: Event) -> Case | None:
    """The case whose alert is better known with this event (where it fell from, whether there is evidence of it), as it
    is now; None: as before.
    """
    match event:
        case AlertUpdated(what="grew", alert=alert, fall=Fall() as fall):
            case = cases.get(alert)
            return None if case is None or case.fall == fall else structs.replace(case, fall=fall)
        case AlertUpdated(what="no_evidence", alert=alert):
            case = cases.get(alert)
            return None if case is None or not case.evidence else structs.replace(case, evidence="")
        case AlertUpdated(what="evidence", alert=alert, evidence=evidence):  # after none could be had at first
            case = cases.get(alert)
            return None if case is None or case.evidence else structs.replace(case, evidence=evidence)
        case EvidenceErased(evidence=evidence):
            case = next((one for one in cases.values() if one.evidence == evidence), None)
            return None if case is None else structs.replace(case, evidence="")
        case _:
            return None


def due(case: Case, now: Moment, targets: ResponseTargets) -> Due | None:
    """What the clock of this case runs for; None once somebody has arrived."""
    within_s: dict[Step, float] = {
        "acknowledged": targets.acknowledge_s, "dispatched": targets.dispatch_s, "arrived": targets.arrive_s,
    }  # fmt: skip
    reached = -1 if not case.step else STEPS.index(case.step)
    step = next((step for step in STEPS[:3] if STEPS.index(step) > reached), None)
    if step is None:
        return None
    since_ms = case.raised.since_ms(now)
    return Due(step, None if since_ms is None else round(within_s[step] * 1000) - since_ms)


def refusal(case: Case | None, step: Step, outcome: str = "") -> str:
    """Why `step` cannot be taken, as a code of `words`; empty when it can."""
    if case is None:
        return "operate.no_alarm"
    if case.step and STEPS.index(step) <= STEPS.index(case.step):
        return "operate.step_taken"
    if step == "closed" and outcome not in OUTCOMES:
        return "operate.no_outcome"
    if step == "acknowledged" and outcome not in ("", "drill"):
        return "operate.too_early"
    return ""


def take(
    case: Case,
    step: Step,
    now: Moment,
    targets: ResponseTargets,
    by: str,
    *,
    who: str = "",
    outcome: str = "",
    why: str = "",
) -> tuple[Event, Case]:
    """The event of this step and the case after it. Only after `refusal` had nothing against it."""
    since_ms = case.raised.since_ms(now)
    after_ms = -1 if since_ms is None else max(0, since_ms)
    target_s = {
        "acknowledged": targets.acknowledge_s, "dispatched": targets.dispatch_s, "arrived": targets.arrive_s,
    }.get(step)  # fmt: skip
    late = target_s is not None and since_ms is not None and since_ms > target_s * 1000
    after = structs.replace(case, step=step, drill=case.drill or (step == "acknowledged" and outcome == "drill"))
    about = {"alarm": case.alarm, "kind": case.kind, "door": case.door, "camera": case.camera, "by": by}
    match step:
        case "acknowledged":
            return AlarmAcknowledged(**about, after_ms=after_ms, late=late, drill=after.drill), after
        case "dispatched":
            return AlarmDispatched(**about, after_ms=after_ms, late=late, who=who), after
        case "arrived":
            return AlarmArrived(**about, after_ms=after_ms, late=late, who=who), after
        case "closed":
            return AlarmClosed(**about, after_ms=after_ms, outcome=outcome, why=why), after
