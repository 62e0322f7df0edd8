"""The door follows its contact: what was commanded is not what happened."""

import pytest

from edge_agent.core import door as machine
from edge_agent.core.door import GRACE_MS, DoorNow, Going, Locked, Open, Outcome, Released, Timing
from edge_agent.model.events import (
    AccessNotTaken,
    AccessTaken,
    DoorClosed,
    DoorForced,
    DoorHeld,
    DoorOpened,
    Event,
)
from edge_agent.model.standing import Uses

TIMING = Timing(release_ms=5000, open_ms=15_000)
WARNING = Timing(release_ms=5000, open_ms=15_000, prealarm_ms=4000)
LONGER = Timing(release_ms=15_000, open_ms=60_000)
GATE = "gate"
ANN, BOB = Going("p-ann", (Uses("card/1", 1),), (Uses("card/1", 0),)), Going("p-bob")


def released(now_ms: int = 0, going: Going | None = ANN) -> DoorNow:
    return machine.release(Locked(), now_ms, TIMING, going)


def events(outcomes: list[Outcome]) -> list[Event]:
    return [outcome.event for outcome in outcomes]


def opened(state: DoorNow, now_ms: int, *, first: bool = False, free: bool = False) -> tuple[DoorNow, list[Event]]:
    after, outcomes = machine.opened(state, GATE, now_ms, TIMING, first=first, free=free)
    return after, events(outcomes)


def closed(state: DoorNow, now_ms: int) -> tuple[DoorNow, list[Event]]:
    after, outcomes = machine.closed(state, GATE, now_ms)
    return after, events(outcomes)


def tick(state: DoorNow, now_ms: int, timing: Timing = TIMING) -> tuple[DoorNow, list[Event]]:
    after, outcomes = machine.tick(state, GATE, now_ms, timing)
    return after, events(outcomes)


# ---- going through ---------------------------------------------------------------------------------------------------


def test_a_grant_that_is_taken() -> None:
    state, told = opened(released(100), 900)
    assert told == [AccessTaken(door=GATE, person="p-ann", after_ms=800), DoorOpened(door=GATE)]
    assert state == Open(900, 15_900)
    assert closed(state, 3000) == (Locked(), [DoorClosed(door=GATE, open_ms=2100)])


def test_whoever_opens_before_the_release_was_read_back_took_it_at_once() -> None:
    state, told = opened(released(1000), 940)
    assert told == [AccessTaken(door=GATE, person="p-ann", after_ms=0), DoorOpened(door=GATE)]
    assert closed(state, 930) == (Locked(), [DoorClosed(door=GATE, open_ms=0)])


def test_a_grant_nobody_takes() -> None:
    assert GRACE_MS == 500
    assert tick(released(100), 100 + 5499) == (released(100), [])
    assert tick(released(100), 100 + 5500) == (Locked(), [AccessNotTaken(door=GATE, person="p-ann")])


def test_what_nobody_took_is_taken_back_for_each() -> None:
    state = machine.release(released(), 1000, TIMING, BOB)
    _, outcomes = machine.tick(state, GATE, 6500, TIMING)
    assert events(outcomes) == [AccessNotTaken(door=GATE, person="p-ann"), AccessNotTaken(door=GATE, person="p-bob")]
    assert [outcome.going for outcome in outcomes] == [ANN, BOB]


def test_of_two_grants_before_one_opening_nobody_knows_who_went() -> None:
    state = machine.release(released(), 500, TIMING, BOB)
    assert state == Released(0, 6000, 15_000, (ANN, BOB))
    _, told = opened(state, 900)
    assert told == [AccessTaken(door=GATE, person=None, after_ms=900), DoorOpened(door=GATE)]


def test_a_second_grant_shortens_nothing() -> None:
    """One who needs longer, then one who does not: the longer times stay."""
    slow = machine.release(Locked(), 0, LONGER, ANN)
    assert slow == Released(0, 15_500, 60_000, (ANN,))
    assert machine.release(slow, 1000, TIMING, BOB) == Released(0, 15_500, 60_000, (ANN, BOB))
    assert machine.release(released(), 1000, LONGER, BOB) == Released(0, 16_500, 60_000, (ANN, BOB))


def test_who_needs_longer_has_longer_once_the_door_is_open() -> None:
    state, _ = machine.opened(machine.release(Locked(), 0, LONGER, ANN), GATE, 1000, TIMING)
    assert state == Open(1000, 61_000)


def test_an_exit_button_asks_no_question_about_being_taken() -> None:
    assert released(going=None) == Released(0, 5500, 15_000)
    assert tick(released(going=None), 99_999) == (Locked(), [])
    assert opened(released(going=None), 900) == (Open(900, 15_900), [DoorOpened(door=GATE)])


def test_a_button_while_somebody_is_going_takes_nothing_from_them() -> None:
    state = machine.release(released(), 100, TIMING)
    assert opened(state, 900)[1] == [AccessTaken(door=GATE, person="p-ann", after_ms=900), DoorOpened(door=GATE)]


def test_the_next_grant_at_an_open_door_gives_its_person_time() -> None:
    state, _ = opened(released(), 1000)
    assert machine.release(state, 10_000, TIMING, BOB) == Open(1000, 25_000)
    assert machine.release(Open(1000, 99_000), 10_000, TIMING, BOB) == Open(1000, 99_000)
    assert machine.release(Open(1000, 16_000, held=True, warned=True), 20_000, TIMING, BOB) == Open(1000, 35_000)
    assert machine.release(Open(1000, None), 20_000, TIMING, BOB) == Open(1000, None)


def test_a_bouncing_contact_is_one_opening_and_one_closing() -> None:
    state, _ = opened(released(), 800)
    assert opened(state, 803) == (state, [])
    assert closed(Locked(), 900) == (Locked(), [])
    assert closed(released(), 900) == (released(), [])


# ---- forced and held -------------------------------------------------------------------------------------------------


def test_a_door_that_opens_by_itself_was_forced() -> None:
    assert opened(Locked(), 100) == (Open(100, 15_100, forced=True), [DoorForced(door=GATE)])


def test_a_forced_door_is_not_excused_by_a_later_grant() -> None:
    state, _ = opened(Locked(), 100)
    assert machine.release(state, 200, TIMING, ANN) == state


def test_an_opening_is_a_change_that_was_seen_unless_said_otherwise() -> None:
    assert machine.opened(Locked(), GATE, 100, TIMING)[1] == [Outcome(DoorForced(door=GATE))]


def test_a_door_found_open_at_start_is_open_not_forced() -> None:
    assert opened(Locked(), 100, first=True) == (Open(100, 15_100), [DoorOpened(door=GATE)])


def test_a_door_that_lets_anybody_pass_is_neither_forced_nor_held() -> None:
    assert opened(Locked(), 100, free=True) == (Open(100, None), [DoorOpened(door=GATE)])
    state, told = opened(released(), 100, free=True)
    assert (state, told[0]) == (Open(100, None), AccessTaken(door=GATE, person="p-ann", after_ms=100))
    assert tick(state, 10**9) == (state, [])
    assert machine.deadline_ms(state, WARNING) is None


def test_held_once_then_closed() -> None:
    state, _ = opened(released(), 1000)
    assert tick(state, 15_999) == (state, [])
    state, told = tick(state, 16_000)
    assert (state, told) == (Open(1000, 16_000, held=True, warned=True), [DoorHeld(door=GATE, open_ms=15_000)])
    assert tick(state, 60_000) == (state, [])
    assert machine.deadline_ms(state, TIMING) is None
    assert closed(state, 61_000) == (Locked(), [DoorClosed(door=GATE, open_ms=60_000)])


def test_a_forced_door_that_stays_open_is_held_as_well() -> None:
    state, told = tick(Open(100, 15_100, forced=True), 15_100)
    assert told == [DoorHeld(door=GATE, open_ms=15_000)]
    assert state == Open(100, 15_100, forced=True, held=True, warned=True)


def test_the_warning_comes_before_the_alarm_and_once() -> None:
    state = Open(1000, 16_000)
    assert machine.deadline_ms(state, WARNING) == 12_000
    assert tick(state, 11_999, WARNING) == (state, [])
    warned, told = tick(state, 12_000, WARNING)
    assert (warned, told) == (Open(1000, 16_000, warned=True), [])
    assert machine.deadline_ms(warned, WARNING) == 16_000
    assert tick(warned, 12_001, WARNING) == (warned, [])
    assert tick(warned, 16_000, WARNING)[1] == [DoorHeld(door=GATE, open_ms=15_000)]


def test_without_a_warning_there_is_only_the_alarm() -> None:
    state = Open(1000, 16_000)
    assert machine.deadline_ms(state, TIMING) == 16_000
    assert tick(state, 15_999, TIMING) == (state, [])
    assert machine.deadline_ms(state, Timing(5000, 15_000, 1)) == 15_999


def test_a_gateway_that_slept_through_the_warning_still_alarms() -> None:
    assert tick(Open(1000, 16_000), 90_000, WARNING)[1] == [DoorHeld(door=GATE, open_ms=89_000)]


# ---- modes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [Locked(), released()])
def test_a_shut_door_stays_what_it_is_when_its_mode_changes(state: DoorNow) -> None:
    assert machine.freed(state) == state
    assert machine.secured(state, 5000, TIMING) == state


def test_an_open_door_may_stay_open_once_anybody_may_pass() -> None:
    assert machine.freed(Open(100, 15_100, forced=True, held=True, warned=True)) == Open(100, None)


def test_an_open_door_has_its_time_to_be_shut_once_nobody_may_pass() -> None:
    assert machine.secured(Open(100, None), 50_000, TIMING) == Open(100, 65_000)
    assert machine.secured(Open(100, 15_100), 5000, TIMING) == Open(100, 15_100)
    assert machine.secured(Open(100, 15_100, forced=True), 5000, TIMING) == Open(100, 15_100, forced=True)


# ---- what others ask -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "name", "shut", "deadline"),
    [
        (Locked(), "locked", True, None),
        (released(), "released", False, 5500),
        (Open(100, 15_100), "open", False, 15_100),
        (Open(100, None), "open", False, None),
        (Open(100, 15_100, held=True, warned=True), "held", False, None),
        (Open(100, 15_100, forced=True), "forced", False, 15_100),
        (Open(100, 15_100, forced=True, held=True, warned=True), "forced", False, None),
    ],
)
def test_what_a_door_says_of_itself(state: DoorNow, name: str, shut: bool, deadline: int | None) -> None:
    assert machine.name_of(state) == name
    assert machine.shut(state) is shut
    assert machine.deadline_ms(state, TIMING) == deadline
