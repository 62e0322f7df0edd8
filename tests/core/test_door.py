"""The door follows its contact: what was commanded is not what happened."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core import door as machine
from edge_agent.core.door import GRACE_MS, Locked, Open, Released, Timing
from edge_agent.model.events import (
    AccessNotTaken,
    AccessTaken,
    DoorClosed,
    DoorForced,
    DoorHeld,
    DoorOpened,
    Event,
)

TIMING = Timing(release_ms=5000, open_ms=15000)
GATE = "gate"


def released(now_ms: int = 0, person: str | None = "p-1", granted: bool = True) -> machine.DoorNow:
    return machine.release(Locked(), now_ms, TIMING, person, granted)


def test_a_grant_that_is_taken() -> None:
    state, events = machine.opened(released(), GATE, 800, TIMING)
    assert events == [AccessTaken(door=GATE, person="p-1", after_ms=800), DoorOpened(door=GATE)]
    state, events = machine.closed(state, GATE, 3000)
    assert (state, events) == (Locked(), [DoorClosed(door=GATE, open_ms=2200)])


def test_a_grant_nobody_takes() -> None:
    state, events = machine.tick(released(), GATE, TIMING.release_ms + GRACE_MS)
    assert (state, events) == (Locked(), [AccessNotTaken(door=GATE, person="p-1")])


def test_just_before_the_end_it_is_still_released() -> None:
    assert machine.tick(released(), GATE, TIMING.release_ms + GRACE_MS - 1) == (released(), [])


def test_a_door_that_opens_by_itself_was_forced() -> None:
    state, events = machine.opened(Locked(), GATE, 100, TIMING)
    assert events == [DoorForced(door=GATE)]
    assert machine.name_of(state) == "forced"


def test_a_forced_door_is_not_excused_by_a_later_grant() -> None:
    state, _ = machine.opened(Locked(), GATE, 100, TIMING)
    assert machine.release(state, 200, TIMING, "p-1", granted=True) == state


def test_a_door_found_open_at_start_is_open_not_forced() -> None:
    state, events = machine.opened(Locked(), GATE, 100, TIMING, first=True)
    assert events == [DoorOpened(door=GATE)]
    assert machine.name_of(state) == "open"


def test_held_once_then_closed() -> None:
    state, _ = machine.opened(released(), GATE, 1000, TIMING)
    state, events = machine.tick(state, GATE, 16_000)
    assert events == [DoorHeld(door=GATE, open_ms=15_000)]
    assert machine.tick(state, GATE, 60_000) == (state, [])
    assert machine.deadline_ms(state) is None
    assert machine.closed(state, GATE, 61_000)[1] == [DoorClosed(door=GATE, open_ms=60_000)]


def test_the_next_grant_at_an_open_door_gives_its_person_time() -> None:
    state, _ = machine.opened(released(), GATE, 1000, TIMING)
    state = machine.release(state, 10_000, TIMING, "p-2", granted=True)
    assert machine.deadline_ms(state) == 25_000


def test_of_two_grants_before_one_opening_nobody_knows_who_went() -> None:
    state = machine.release(released(), 500, TIMING, "p-2", granted=True)
    _, events = machine.opened(state, GATE, 900, TIMING)
    assert events[0] == AccessTaken(door=GATE, person=None, after_ms=900)


def test_an_exit_button_asks_no_question_about_being_taken() -> None:
    assert machine.tick(released(person=None, granted=False), GATE, 99_999) == (Locked(), [])
    _, events = machine.opened(released(person=None, granted=False), GATE, 900, TIMING)
    assert events == [DoorOpened(door=GATE)]


def test_a_bouncing_contact_is_one_opening() -> None:
    state, _ = machine.opened(released(), GATE, 800, TIMING)
    assert machine.opened(state, GATE, 803, TIMING) == (state, [])


STEPS = st.lists(st.tuples(st.sampled_from(["release", "exit", "open", "close", "tick"]), st.integers(0, 30_000)))


@given(STEPS)
def test_whatever_happens_the_door_can_be_shut_and_openings_pair_with_closings(steps: list[tuple[str, int]]) -> None:
    state: machine.DoorNow = Locked()
    now, openings, closings = 0, 0, 0
    for what, wait_ms in steps:
        now += wait_ms
        events: list[Event] = []
        match what:
            case "release":
                state = machine.release(state, now, TIMING, "p", granted=True)
            case "exit":
                state = machine.release(state, now, TIMING, None, granted=False)
            case "open":
                state, events = machine.opened(state, GATE, now, TIMING)
            case "close":
                state, events = machine.closed(state, GATE, now)
            case _:
                state, events = machine.tick(state, GATE, now)
        openings += sum(isinstance(event, DoorOpened | DoorForced) for event in events)
        closings += sum(isinstance(event, DoorClosed) for event in events)
        assert openings - closings == isinstance(state, Open)
    state, _ = machine.closed(state, GATE, now)
    assert isinstance(state, Locked | Released)
    assert machine.tick(state, GATE, now + 10_000_000)[0] == Locked()
