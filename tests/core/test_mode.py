# ruff: noqa: E501  (one case a line)
"""How a door stands: which of the orders, the schedule and the fire counts, and what is left of them after a reboot."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.area import Standing
from edge_agent.core.mode import (
    LOCKED,
    SOURCES,
    Mode,
    carried_over,
    deadline_ms,
    mode_of,
    over,
    refusal,
    running,
)
from edge_agent.model.clock import ClockState
from edge_agent.model.decisions import Reason
from edge_agent.model.site import Door, Policy
from edge_agent.model.standing import At, Change, Latch, ModeName, Order
from tests.core.scene import BOOK, BOOT, BOOT_BEFORE, FIRE, GATE, HOUR, MINUTE, NOON, UP, door, moment

NOW = moment()
HOLD = door(hold_open="daytime")
INNER = door(escape=False)
ALLOW = Policy(untrusted_clock="allow_timed")


def order(source: str, mode: str | None, until_ms: int | None = None, name: str = "gate", **more: Any) -> Order:
    return msgspec.convert({"door": name, "source": source, "mode": mode, "until_ms": until_ms, **more}, Order)


EVACUATION, LOCKDOWN = order("evacuation", "locked_open"), order("lockdown", "locked_down")
BLOCKED, UNLOCKED = order("operator", "blocked"), order("operator", "unlocked")
FIRST = order("first_person", "unlocked")
NIGHT = NOON + 11 * HOUR

CASES: list[tuple[str, Door, list[Change], dict[str, Any], str]] = [
    ("nothing ordered", GATE, [], {}, "locked by "),
    ("the schedule holds it open", HOLD, [], {}, "unlocked by schedule"),
    ("outside the schedule", HOLD, [], {"wall_ms": NIGHT}, "locked by "),
    ("a schedule on a clock nobody trusts", HOLD, [], {"state": ClockState.UNSET}, "locked by "),
    ("the first person came", GATE, [FIRST], {}, "unlocked by first_person"),
    ("the operator outranks the schedule", HOLD, [BLOCKED], {}, "blocked by operator"),
    ("the operator outranks the first person", GATE, [FIRST, BLOCKED], {}, "blocked by operator"),
    ("a lockdown outranks the operator", GATE, [UNLOCKED, LOCKDOWN], {}, "locked_down by lockdown"),
    ("a lockdown outranks the schedule", HOLD, [LOCKDOWN], {}, "locked_down by lockdown"),
    ("an evacuation outranks a lockdown", GATE, [LOCKDOWN, EVACUATION], {}, "locked_open by evacuation"),
    ("whichever came first", GATE, [EVACUATION, LOCKDOWN], {}, "locked_open by evacuation"),
    ("a fire outranks everything", GATE, [LOCKDOWN, BLOCKED, FIRE], {}, "locked_open by fire"),
    ("but not at a door that is no way to escape", INNER, [LOCKDOWN, FIRE], {}, "locked_down by lockdown"),
    ("a fire that was cleared", GATE, [FIRE, Latch("fire", False)], {}, "locked by "),
    ("a panic is no fire", GATE, [Latch("panic/gate", True)], {}, "locked by "),
    ("another door's order", GATE, [order("operator", "blocked", name="lobby")], {}, "locked by "),
    ("an order taken back", GATE, [BLOCKED, order("operator", None)], {}, "locked by "),
    ("a lockdown taken back leaves the operator's order", GATE, [BLOCKED, LOCKDOWN, order("lockdown", None)], {}, "blocked by operator"),
    ("an order that runs", GATE, [order("operator", "unlocked", UP + 1)], {}, "unlocked by operator"),
    ("an order that has run out", GATE, [order("operator", "unlocked", UP)], {}, "locked by "),
    ("below one that has run out", HOLD, [order("lockdown", "locked_down", UP - 1)], {}, "unlocked by schedule"),
    ("a clock that jumps keeps nothing open", GATE, [order("operator", "unlocked", UP)], {"wall_ms": NOON - 9 * HOUR}, "locked by "),
    ("double locked", GATE, [order("operator", "double_locked")], {}, "double_locked by operator"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("door", "changes", "now", "stands"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_how_a_door_stands(door: Door, changes: list[Change], now: dict[str, Any], stands: str) -> None:
    mode = mode_of(door, Standing((), changes), BOOK, moment(**now), Policy())
    assert f"{mode.name} by {mode.source}" == stands


def test_a_mode_says_who_why_and_until_when() -> None:
    blocked = order("operator", "blocked", UP + 5, by="guard-1", why="a leak")
    standing = Standing((), [blocked])
    assert mode_of(GATE, standing, BOOK, NOW, Policy()) == Mode("blocked", "operator", "guard-1", "a leak", UP + 5)
    assert mode_of(HOLD, Standing(), BOOK, NOW, Policy()) == Mode("unlocked", "schedule", "", "daytime")
    assert mode_of(GATE, Standing((), [FIRE]), BOOK, NOW, Policy()) == Mode("locked_open", "fire")
    assert mode_of(GATE, Standing(), BOOK, NOW, Policy()) == LOCKED == Mode("locked", "", "", "", None)


def test_a_site_may_hold_its_doors_open_on_a_clock_nobody_trusts() -> None:
    mode = mode_of(HOLD, Standing(), BOOK, moment(state=ClockState.UNSET), ALLOW)
    assert mode.name == "unlocked"


@pytest.mark.parametrize(
    ("name", "resident", "guard", "free"),
    [
        ("locked", None, None, False),
        ("unlocked", None, None, True),
        ("locked_open", None, None, True),
        ("locked_down", Reason.LOCKDOWN, None, False),
        ("blocked", Reason.DOOR_BLOCKED, Reason.DOOR_BLOCKED, False),
        ("double_locked", Reason.DOOR_BLOCKED, Reason.DOOR_BLOCKED, False),
    ],
)
def test_whom_a_mode_keeps_out(name: ModeName, resident: Reason | None, guard: Reason | None, free: bool) -> None:
    assert refusal(Mode(name), in_lockdown=False) == resident
    assert refusal(Mode(name), in_lockdown=True) == guard
    assert Mode(name).open is free


# ---- the end of an order ---------------------------------------------------------------------------------------------


def test_what_runs() -> None:
    assert running(order("operator", "blocked"), NOW)
    assert running(order("operator", "blocked", UP + 1), NOW)
    assert not running(order("operator", "blocked", UP), NOW)
    assert not running(order("operator", None), NOW)
    assert not running(order("operator", None, UP + 1), NOW)


def test_what_has_run_out_is_taken_back_with_its_reason() -> None:
    ended = order("lockdown", "locked_down", UP, by="city", why="a drill")
    standing = Standing((), [ended, order("operator", "blocked", UP + 1), order("first_person", "unlocked")])
    assert over(standing, NOW) == [order("lockdown", None, by="city", why="a drill")]
    standing.apply(*over(standing, NOW))
    assert over(standing, NOW) == []
    assert len(standing.orders) == 2


def test_when_to_look_again() -> None:
    standing = Standing(
        (),
        [
            order("operator", "blocked", UP + 9),
            order("lockdown", "locked_down", UP + 5),
            order("evacuation", "locked_open"),
            order("operator", "blocked", UP + 1, name="lobby"),
        ],
    )
    assert deadline_ms(GATE, standing) == UP + 5
    assert deadline_ms(door(name="lobby"), standing) == UP + 1
    assert deadline_ms(door(name="yard"), standing) is None


# ---- over a reboot ---------------------------------------------------------------------------------------------------

AN_HOUR_THEN = 1_000_000 + HOUR


def ordered(source: str, mode: str, ago_min: float | None, trusted: bool = True, timed: bool = True) -> Order:
    """For an hour, in the boot before, so long ago by the wall clock."""
    since = At(NOON - round((ago_min or 0) * MINUTE), 1_000_000, BOOT_BEFORE, trusted)
    return order(source, mode, AN_HOUR_THEN if timed else None, since=msgspec.to_builtins(since), by="guard-1", why="x")


REBOOTS: list[tuple[str, Order, ClockState, float | None]] = [
    ("twenty minutes of sixty are gone", ordered("operator", "unlocked", 20), ClockState.SYNCED, 40),
    ("all of them but one moment", ordered("operator", "unlocked", 60 - 1 / MINUTE), ClockState.SYNCED, 1 / MINUTE),
    ("all of them", ordered("operator", "unlocked", 60), ClockState.SYNCED, None),
    ("far more", ordered("lockdown", "locked_down", 600), ClockState.SYNCED, None),
    ("none", ordered("lockdown", "locked_down", 0), ClockState.SYNCED, 60),
    ("open, and not a moment passed", ordered("operator", "unlocked", 0), ClockState.SYNCED, 60),
    ("a clock that was set lately", ordered("lockdown", "locked_down", 20), ClockState.HOLDOVER, 40),
    ("open, and nobody can tell", ordered("operator", "unlocked", 20), ClockState.UNSET, None),
    ("open, and nobody could tell", ordered("operator", "locked_open", 20, trusted=False), ClockState.SYNCED, None),
    ("the first person, and nobody can tell", ordered("first_person", "unlocked", 20), ClockState.UNSET, None),
    ("shut, and nobody can tell", ordered("lockdown", "locked_down", 20), ClockState.UNSET, 60),
    ("blocked, and nobody can tell", ordered("operator", "blocked", 20), ClockState.UNSET, 60),
    ("an evacuation, and nobody can tell", ordered("evacuation", "locked_open", 20), ClockState.UNSET, 60),
    ("an evacuation by the clock", ordered("evacuation", "locked_open", 20), ClockState.SYNCED, 40),
    ("open, and the wall clock was set back", ordered("operator", "unlocked", -5), ClockState.SYNCED, None),
    ("shut, and the wall clock was set back", ordered("operator", "blocked", -5), ClockState.SYNCED, 60),
]


@pytest.mark.parametrize(
    ("given", "clock", "left_min"), [case[1:] for case in REBOOTS], ids=[case[0] for case in REBOOTS]
)
def test_what_is_left_of_an_order_after_a_reboot(given: Order, clock: ClockState, left_min: float | None) -> None:
    now = moment(state=clock)
    [carried] = carried_over(Standing((), [given]), now)
    if left_min is None:
        assert carried == order(given.source, None, by="guard-1", why="x")
    else:
        until_ms = UP + round(left_min * MINUTE)
        assert carried == msgspec.structs.replace(given, since=At.of(now), until_ms=until_ms)


def test_an_order_without_an_end_stays() -> None:
    given = ordered("operator", "blocked", 600, timed=False)
    assert carried_over(Standing((), [given]), NOW) == [msgspec.structs.replace(given, since=At.of(NOW))]


def test_what_needs_no_carrying() -> None:
    of_this_boot = order("operator", "blocked", UP + 1, since=msgspec.to_builtins(At(NOON, UP - 1, BOOT)))
    assert carried_over(Standing((), [of_this_boot, order("lockdown", "locked_down")]), NOW) == []


def test_carrying_over_goes_on_after_an_order_without_a_time() -> None:
    orders = [
        order("lockdown", "locked_down"),
        ordered("operator", "blocked", 600, timed=False),
        ordered("evacuation", "locked_open", 0),
    ]
    assert [carried.source for carried in carried_over(Standing((), orders), NOW)] == ["operator", "evacuation"]


MODES = st.sampled_from(get_args(ModeName))


@given(
    st.sampled_from(SOURCES), MODES, st.integers(1, 10 * HOUR), st.integers(0, 20 * HOUR), st.integers(0, 20 * HOUR),
    st.sampled_from(ClockState), st.booleans(),
)  # fmt: skip
def test_a_reboot_keeps_nothing_open_longer_nor_shut_shorter(
    source: str, mode: ModeName, length_ms: int, ran_ms: int, away_ms: int, clock: ClockState, trusted: bool
) -> None:
    """Whatever the clock says; an evacuation is the exception: it lets people out."""
    since = At(NOON - ran_ms - away_ms, 1_000_000, BOOT_BEFORE, trusted)
    given = order(source, mode, 1_000_000 + length_ms, since=msgspec.to_builtins(since))
    now = moment(state=clock, up_ms=5000)
    standing = Standing((), [given])
    standing.apply(*carried_over(standing, now))
    assert carried_over(standing, now) == []
    left_ms = standing.orders["gate", source].until_ms - 5000 if ("gate", source) in standing.orders else 0  # type: ignore[operator]
    truly_left_ms = max(0, length_ms - ran_ms - away_ms)
    if Mode(mode).open and source != "evacuation":
        assert left_ms in {0, truly_left_ms}
    else:
        assert left_ms in {truly_left_ms, length_ms}
