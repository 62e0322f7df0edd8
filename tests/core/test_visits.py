"""What may become of a visit, step by step."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from edge_agent.core import visits as core
from edge_agent.errors import VisitError
from edge_agent.model.events import VisitArrived, VisitCancelled, VisitExpected, VisitLeft, VisitOverstaying
from edge_agent.model.people import Recurrence
from edge_agent.model.site import VisitPolicy
from edge_agent.model.visits import Bar, Visit

ZONE = "Asia/Shanghai"
MONDAY_8 = 1_777_852_800_000  # 2026-05-04T08:00+08:00, a Monday
HOUR, MINUTE, DAY = 3_600_000, 60_000, 86_400_000
POLICY = VisitPolicy()
VISIT = Visit(
    id="v-1", kind="visitor", state="expected", from_ms=MONDAY_8, until_ms=MONDAY_8 + 4 * HOUR, opens_ms=MONDAY_8,
    by="local/a", doors=("gate",), host="p-1", house="3-1-502",
)  # fmt: skip
WEEKLY = replace(
    VISIT, kind="contractor", until_ms=MONDAY_8 + 30 * DAY,
    times=Recurrence(datetime(2026, 5, 4, 8), 9 * 60, "FREQ=WEEKLY;BYDAY=MO,WE"),  # noqa: DTZ001
)  # fmt: skip


def code_of(caught: pytest.ExceptionInfo[VisitError]) -> str:
    return caught.value.code


def test_a_visit_goes_its_way_and_each_step_says_so() -> None:
    expected = core.expect(VISIT)
    assert isinstance(expected.event, VisitExpected)
    arrived = core.arrive(expected.visit, MONDAY_8 + MINUTE, ZONE, "local/a", POLICY, confirmed_by="phone")
    assert isinstance(arrived.event, VisitArrived)
    assert (arrived.visit.state, arrived.event.due_ms, arrived.event.confirmed_by) == (
        "arrived",
        VISIT.until_ms,
        "phone",
    )
    left = core.leave(arrived.visit, MONDAY_8 + HOUR, "door/gate")
    assert isinstance(left.event, VisitLeft)
    assert (left.visit.state, left.visit.ended_ms, left.event.stayed_ms) == ("left", MONDAY_8 + HOUR, 59 * MINUTE)


STEPS = {
    "arrive": lambda visit: core.arrive(visit, MONDAY_8, ZONE, "a", POLICY),
    "leave": lambda visit: core.leave(visit, MONDAY_8, "a"),
    "cancel": lambda visit: core.cancel(visit, MONDAY_8, "a"),
    "refuse": lambda visit: core.refuse(visit, MONDAY_8, "a"),
    "answer": lambda visit: core.answer(visit, "confirmed", MONDAY_8, "a"),
    "extend": lambda visit: core.extend(visit, MONDAY_8 + DAY, MONDAY_8),
    "renew": core.renew,
}
NOT_POSSIBLE = {
    "expected": {"leave": "visit.not_in"},
    "arrived": {
        "arrive": "visit.is_in", "cancel": "visit.check_out_instead", "refuse": "visit.check_out_instead",
        "answer": "visit.is_in",
    },
}  # fmt: skip
NOT_POSSIBLE["overstaying"] = NOT_POSSIBLE["arrived"]


@pytest.mark.parametrize(
    "state", ["expected", "arrived", "overstaying", "left", "cancelled", "expired", "no_show", "refused"]
)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_in_every_state_is_possible_or_says_why_not(state: str, step: str) -> None:
    visit = replace(VISIT, state=state, arrived_ms=MONDAY_8)
    wrong = NOT_POSSIBLE[state].get(step) if state in NOT_POSSIBLE else "visit.over"
    if wrong is None:
        STEPS[step](visit)
        return
    with pytest.raises(VisitError) as caught:
        STEPS[step](visit)
    assert code_of(caught) == wrong


@pytest.mark.parametrize("policy", ["guard", "host"])
@pytest.mark.parametrize("answer", ["", "asked", "confirmed", "declined", "timeout"])
def test_nobody_comes_in_against_the_host_or_before_an_answer_that_was_asked_for(policy: str, answer: str) -> None:
    visit = replace(VISIT, confirm=answer)
    rule = VisitPolicy(confirm=policy)
    free = answer == "confirmed" or (answer == "" and policy == "guard")
    if free:
        assert core.arrive(visit, MONDAY_8, ZONE, "a", rule).visit.inside
    else:
        with pytest.raises(VisitError) as caught:
            core.arrive(visit, MONDAY_8, ZONE, "a", rule)
        assert code_of(caught) == ("visit.declined" if answer == "declined" else "visit.not_confirmed")
    assert core.arrive(visit, MONDAY_8, ZONE, "a", rule, "intercom").visit.confirmed_by == "intercom"
    assert visit.person.enabled is (answer in ("", "confirmed"))


def test_an_answer_that_does_not_come_is_told_once() -> None:
    asked = core.answer(VISIT, "asked", MONDAY_8, "local/a").visit
    within_ms = round(POLICY.confirm_within_s * 1000)
    assert core.elapse(asked, MONDAY_8 + within_ms - 1, POLICY) is None
    step = core.elapse(asked, MONDAY_8 + within_ms, POLICY)
    assert step is not None
    assert isinstance(step.event, VisitExpected)
    assert step.event.confirm == "timeout"
    assert core.elapse(step.visit, MONDAY_8 + within_ms + 1, POLICY) is None
    late = core.answer(step.visit, "confirmed", MONDAY_8 + HOUR, "p-1").visit
    assert (late.confirm, late.confirmed_by) == ("confirmed", "p-1")


def test_an_overstay_is_told_once_and_not_before_its_time() -> None:
    inside = core.arrive(VISIT, MONDAY_8, ZONE, "a", POLICY).visit
    due_ms = VISIT.until_ms + POLICY.overstay_min * MINUTE
    assert core.elapse(inside, due_ms - 1, POLICY) is None
    step = core.elapse(inside, due_ms, POLICY)
    assert step is not None
    assert isinstance(step.event, VisitOverstaying)
    assert core.elapse(step.visit, due_ms + DAY, POLICY) is None
    longer = core.extend(step.visit, due_ms + HOUR, due_ms)
    assert (longer.visit.state, longer.visit.due_ms, longer.visit.revision) == ("arrived", due_ms + HOUR, 2)
    left = core.leave(step.visit, due_ms + 1, "a").event
    assert isinstance(left, VisitLeft)
    assert left.overstayed


def test_who_does_not_come_is_no_show_and_a_series_expires() -> None:
    for visit, why in ((VISIT, "no_show"), (WEEKLY, "expired"), (replace(VISIT, uses=3), "expired")):
        assert core.elapse(visit, visit.until_ms - 1, POLICY) is None
        step = core.elapse(visit, visit.until_ms, POLICY)
        assert step is not None
        assert isinstance(step.event, VisitCancelled)
        assert (step.event.why, step.visit.state) == (why, why)


def test_a_contractor_comes_again_and_is_due_at_the_end_of_the_day() -> None:
    arrived = core.arrive(WEEKLY, MONDAY_8 + HOUR, ZONE, "a", POLICY).visit
    assert arrived.due_ms == MONDAY_8 + 9 * HOUR
    left = core.leave(arrived, MONDAY_8 + 2 * HOUR, "a")
    assert left.visit.state == "expected"
    assert left.visit.arrived_ms is None
    assert isinstance(left.event, VisitLeft)
    assert left.event.again
    wednesday = MONDAY_8 + 2 * DAY
    assert core.arrive(left.visit, wednesday, ZONE, "a", POLICY).visit.due_ms == wednesday + 9 * HOUR
    tuesday = core.arrive(left.visit, MONDAY_8 + DAY, ZONE, "a", POLICY).visit  # a guard lets in on another day
    assert tuesday.due_ms == MONDAY_8 + DAY + 9 * HOUR


def test_too_late_is_said_with_the_remedy() -> None:
    with pytest.raises(VisitError) as caught:
        core.arrive(VISIT, VISIT.until_ms, ZONE, "a", POLICY)
    assert code_of(caught) == "visit.time_over"
    assert "extend" in caught.value.text("en")
    with pytest.raises(VisitError) as caught:
        core.extend(VISIT, MONDAY_8, MONDAY_8 + HOUR)
    assert code_of(caught) == "visit.until_past"


def test_a_bar_matches_its_own_kind_until_it_runs_out() -> None:
    bar = Bar(id="b-1", kind="phone", digest="d1", label="", reason="r", by="a", at_ms=0, until_ms=MONDAY_8)
    empty = replace(bar, digest="")
    assert core.barred([bar], {"phone": "d1"}, MONDAY_8 - 1) == bar
    assert core.barred([bar], {"phone": "d1"}, MONDAY_8) is None
    assert core.barred([replace(bar, until_ms=None)], {"phone": "d1"}, MONDAY_8 + DAY) is not None
    assert core.barred([bar], {"plate": "d1", "document": "", "phone": "d2"}, 0) is None
    assert core.barred([empty], {"phone": ""}, 0) is None
