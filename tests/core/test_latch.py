"""Alarms that stay: raised once, announced again and again, cleared by hand alone."""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.core.area import Standing
from edge_agent.core.latch import FIRE, again, clear, panic_of, raise_
from edge_agent.model.clock import Moment
from edge_agent.model.standing import At, Latch
from tests.core.scene import BOOT_BEFORE, NOON, UP, long_ago, moment

NOW = moment()
AT = At.of(NOW)
PANIC = panic_of("gate")


def test_each_place_has_a_latch_of_its_own() -> None:
    assert (FIRE, panic_of("gate"), panic_of("lobby")) == ("fire", "panic/gate", "panic/lobby")


def test_an_input_raises_the_alarm_once() -> None:
    raised = raise_(None, PANIC, NOW)
    assert raised == Latch(PANIC, raised=True, count=1, since=AT, last=AT)
    assert raise_(raised, PANIC, moment(up_ms=UP + 1)) is None


def test_a_cleared_alarm_can_be_raised_anew() -> None:
    cleared = Latch(PANIC, raised=False, count=7, by="guard-1")
    assert raise_(cleared, PANIC, NOW) == Latch(PANIC, raised=True, count=1, since=AT, last=AT)


@pytest.mark.parametrize(
    ("text", "last", "due"),
    [
        ("just now", AT, False),
        ("a moment before it is due", At(NOON, UP - 29_999, NOW.boot_id), False),
        ("due", At(NOON, UP - 30_000, NOW.boot_id), True),
        ("long ago", At(NOON, UP - 99_000, NOW.boot_id), True),
        ("before a power cut, by the wall clock not yet", long_ago(0.25, BOOT_BEFORE), False),
        ("before a power cut, long ago", long_ago(5, BOOT_BEFORE), True),
        ("before a power cut, nobody can tell when", long_ago(0, BOOT_BEFORE, trusted=False), True),
        ("in the future: the wall clock was set back", long_ago(-1, BOOT_BEFORE), True),
    ],
)
def test_a_panic_is_announced_every_thirty_seconds(text: str, last: At, due: bool) -> None:
    latch = Latch(PANIC, raised=True, count=3, since=long_ago(9), last=last)
    expected = Latch(PANIC, raised=True, count=4, since=long_ago(9), last=AT) if due else None
    assert again(latch, NOW, 30) == expected


def test_what_is_not_announced_again() -> None:
    assert again(Latch(PANIC, raised=False, count=1, since=long_ago(9), last=long_ago(9)), NOW, 30) is None
    assert again(Latch(FIRE, raised=True, count=1, since=long_ago(9), last=long_ago(9)), NOW, 30) is None
    assert again(Latch(PANIC, raised=True, count=1), NOW, 30) is None


def test_only_a_hand_clears_it_and_only_when_the_input_is_at_rest() -> None:
    raised = Latch(PANIC, raised=True, count=5, since=AT, last=AT)
    assert clear(raised, True, "guard-1") is None
    assert clear(raised, False, "guard-1") == Latch(PANIC, raised=False, count=5, by="guard-1")
    assert clear(None, False, "guard-1") is None
    assert clear(Latch(PANIC, raised=False, count=5), False, "guard-1") is None


NAMES = st.sampled_from([FIRE, panic_of("gate"), panic_of("lobby"), panic_of("yard")])


@dataclass
class Button:
    """The model: what a guard would write on paper about one place. No struct of the product is kept."""

    pressed: bool = False
    alarm_since: int | None = None  # seconds
    told: list[int] = field(default_factory=list)  # when it was announced since then, seconds


class Latches(RuleBasedStateMachine):
    """Three places and the fire panel, each by itself, over hours with power cuts and clearings."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = Standing()
        self.paper = {name: Button() for name in (FIRE, panic_of("gate"), panic_of("lobby"), panic_of("yard"))}
        self.second = 0
        self.boot, self.booted = 0, 0

    def now(self) -> Moment:
        return moment(NOON + self.second * 1000, up_ms=(self.second - self.booted) * 1000, boot=f"{self.boot:032}")

    @rule(name=NAMES)
    def press(self, name: str) -> None:
        button = self.paper[name]
        button.pressed = True
        new = raise_(self.standing.latches.get(name), name, self.now())
        assert (new is not None) == (button.alarm_since is None)
        if new is not None:
            self.standing.apply(new)
            button.alarm_since, button.told = self.second, [self.second]

    @rule(name=NAMES)
    def let_go(self, name: str) -> None:
        self.paper[name].pressed = False

    @rule(name=NAMES)
    def clear_by_hand(self, name: str) -> None:
        button = self.paper[name]
        new = clear(self.standing.latches.get(name), button.pressed, "guard-1")
        assert (new is not None) == (button.alarm_since is not None and not button.pressed)
        if new is not None:
            self.standing.apply(new)
            button.alarm_since = None

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.second += 1
            for name, latch in list(self.standing.latches.items()):
                button = self.paper[name]
                due = name != FIRE and button.alarm_since is not None and self.second - button.told[-1] >= 30
                new = again(latch, self.now(), 30)
                assert (new is not None) == due
                if new is not None:
                    self.standing.apply(new)
                    button.told.append(self.second)

    @rule(seconds=st.integers(1, 50))
    def power_cut(self, seconds: int) -> None:
        """What was stored comes back; the uptime begins again."""
        self.second += seconds
        self.boot, self.booted = self.boot + 1, self.second
        self.standing = Standing((), list(self.standing.latches.values()))

    @invariant()
    def the_latches_stand_as_on_paper(self) -> None:
        for name, button in self.paper.items():
            latch = self.standing.latches.get(name)
            assert (latch is not None and latch.raised) == (button.alarm_since is not None)
            if latch is not None and latch.raised:
                assert latch.count == len(button.told)
        assert self.standing.fire == (self.paper[FIRE].alarm_since is not None)


TestLatches = Latches.TestCase
