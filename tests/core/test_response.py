"""core/response.py: what begins a case, which steps it takes, and whether each was in time."""

import pytest

from edge_agent.core.response import anew, begun_by, better_known, due, refusal, take
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import (
    AlarmAcknowledged,
    AlarmArrived,
    AlarmClosed,
    AlertOpened,
    AlertUpdated,
    DoorForced,
    DoorHeld,
    Event,
    EvidenceErased,
    FireReleased,
    PanicRaised,
)
from edge_agent.model.site import ResponseTargets
from edge_agent.model.standing import Case

TARGETS = ResponseTargets()
FALL = AlertOpened(door="", alert="a-1", kind="falling_object", camera="north")


def at(s: float, boot: str = "b1", state: ClockState = ClockState.SYNCED) -> Moment:
    return Moment(1_777_878_000_000 + round(s * 1000), 1000 + round(s * 1000), boot, state, 20)


def begun(event: Event = FALL) -> Case:
    case = begun_by(event, at(0))
    assert case is not None
    return case


@pytest.mark.parametrize(
    ("event", "alarm"),
    [
        (FALL, "a-1"),
        (PanicRaised(door="gate"), "panic/gate"),
        (FireReleased(door="gate"), "fire"),
        (DoorForced(door="gate"), "forced/gate"),
    ],
)
def test_what_begins_a_case(event: Event, alarm: str) -> None:
    assert begun(event).alarm == alarm


@pytest.mark.parametrize(
    "event",
    [
        PanicRaised(door="gate", count=2),
        DoorHeld(door="gate"),
        AlertOpened(door="", alert="a-2", kind="intrusion", camera="north", quiet=True),
        AlertOpened(door="", alert="a-3", kind="loitering", camera="north", level="warning"),
    ],
)
def test_what_begins_none(event: Event) -> None:
    """Said again, recorded only, or only a warning: nobody has to answer."""
    assert begun_by(event, at(0)) is None


def test_what_is_raised_anew_is_another_case() -> None:
    """A panic and a fire are raised again only after they were cleared; a door that is forced again and again before
    anybody answers stays one alarm, whose clock runs on.
    """
    for event in (PanicRaised(door="gate"), FireReleased(door="gate")):
        assert anew(begun(event), event)
    forced = begun(DoorForced(door="gate"))
    assert not anew(forced, DoorForced(door="gate"))
    _, answered = take(forced, "acknowledged", at(5), TARGETS, "li")
    assert anew(answered, DoorForced(door="gate"))
    assert not anew(begun(), FALL)


def test_a_case_names_no_evidence_that_there_will_not_be_or_that_is_gone() -> None:
    case = begun(AlertOpened(door="", alert="a-1", kind="falling_object", camera="north", evidence="ev-1"))
    other = AlertUpdated(door="", alert="a-2", kind="falling_object", what="no_evidence")
    assert better_known({"a-1": case}, other) is None
    assert better_known({"a-1": case}, EvidenceErased(evidence="ev-2", why="age", manifest="m")) is None
    for event in (
        AlertUpdated(door="", alert="a-1", kind="falling_object", what="no_evidence"),
        EvidenceErased(evidence="ev-1", why="age", manifest="m"),
    ):
        after = better_known({"a-1": case}, event)
        assert after is not None
        assert after.evidence == ""
        assert better_known({"a-1": after}, event) is None


def test_the_clock_runs_one_three_five_minutes() -> None:
    case = begun()
    waits = due(case, at(20), TARGETS)
    assert waits is not None
    assert (waits.step, waits.left_ms) == ("acknowledged", 40_000)
    event, case = take(case, "acknowledged", at(61), TARGETS, "王芳")
    assert isinstance(event, AlarmAcknowledged)
    assert event.late
    assert event.after_ms == 61_000
    waits = due(case, at(100), TARGETS)
    assert waits is not None
    assert (waits.step, waits.left_ms) == ("dispatched", 80_000)
    _, case = take(case, "dispatched", at(120), TARGETS, "王芳", who="巡逻 2")
    event, case = take(case, "arrived", at(290), TARGETS, "王芳")
    assert isinstance(event, AlarmArrived)
    assert not event.late
    assert due(case, at(300), TARGETS) is None
    event, case = take(case, "closed", at(900), TARGETS, "王芳", outcome="real", why="flower pot")
    assert isinstance(event, AlarmClosed)
    assert (event.outcome, event.after_ms) == ("real", 900_000)


def test_steps_may_be_left_out_and_are_not_taken_back_or_twice() -> None:
    _, arrived = take(begun(), "arrived", at(10), TARGETS, "王芳")
    assert refusal(arrived, "acknowledged") == refusal(arrived, "arrived") == "operate.step_taken"
    assert refusal(arrived, "closed", "real") == ""
    assert refusal(arrived, "closed") == refusal(begun(), "closed", "whatever") == "operate.no_outcome"
    assert refusal(begun(), "acknowledged", "real") == "operate.too_early"
    assert refusal(begun(), "acknowledged", "drill") == ""
    told, drill = take(begun(), "acknowledged", at(5), TARGETS, "王芳", outcome="drill")
    assert getattr(told, "drill", False)
    assert take(drill, "arrived", at(9), TARGETS, "李雷")[1].drill, "until it is closed"
    assert refusal(None, "acknowledged") == "operate.no_alarm"


def test_across_a_boot_only_a_trusted_clock_tells() -> None:
    """Nobody is called late by a clock that may be wrong, and nobody in time either."""
    event, _ = take(begun(), "acknowledged", at(3600, "b2", ClockState.UNSET), TARGETS, "王芳")
    assert isinstance(event, AlarmAcknowledged)
    assert event.after_ms == -1
    assert not event.late
    event, _ = take(begun(), "acknowledged", at(3600, "b2"), TARGETS, "王芳")
    assert isinstance(event, AlarmAcknowledged)
    assert event.late
    waits = due(begun(), at(3600, "b2", ClockState.UNSET), TARGETS)
    assert waits is not None
    assert waits.left_ms is None
