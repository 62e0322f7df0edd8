"""A door over any sequence of events, against the notes of a watchman.

The watchman has no states, only notes: is it open, who may go and until when, when does somebody mind. After every step
the product must say what he would, and in the end the door can always be shut.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.core import door as machine
from edge_agent.core.door import DoorNow, Going, Locked, Outcome, Timing
from edge_agent.model.events import AccessNotTaken, AccessTaken, DoorClosed, DoorForced, DoorHeld, DoorOpened, Event

GATE = "gate"
QUICK, SLOW = Timing(5000, 15_000, 4000), Timing(15_000, 60_000, 4000)
TIMINGS = st.sampled_from([QUICK, SLOW])
NEVER = 10**12


class Watchman(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state: DoorNow = Locked()
        self.now_ms = 0
        self.count = 0
        self.openings = self.closings = 0
        # his notes
        self.is_open = self.forced = self.held = self.free = False
        self.opened_ms = self.minded_ms = NEVER
        self.going: list[str] = []
        self.let_ms = self.until_ms = NEVER  # from when and until when somebody may open it
        self.may_stay_ms = 0

    def hears(self, told: list[Outcome], *expected: Event) -> None:
        assert [outcome.event for outcome in told] == list(expected)

    @rule(granted=st.booleans(), timing=TIMINGS)
    def released(self, granted: bool, timing: Timing) -> None:
        self.count += 1
        name = f"p-{self.count}"
        self.state = machine.release(self.state, self.now_ms, timing, Going(name) if granted else None)
        if self.is_open:
            if not self.forced and self.minded_ms < NEVER:
                self.minded_ms, self.held = max(self.minded_ms, self.now_ms + timing.open_ms), False
            return
        if self.until_ms == NEVER:
            self.let_ms, self.until_ms, self.may_stay_ms = self.now_ms, 0, 0
        self.until_ms = max(self.until_ms, self.now_ms + timing.release_ms + 500)
        self.may_stay_ms = max(self.may_stay_ms, timing.open_ms)
        self.going += [name] * granted

    @rule(first=st.booleans(), timing=TIMINGS)
    def opens(self, first: bool, timing: Timing) -> None:
        self.state, told = machine.opened(self.state, GATE, self.now_ms, timing, first=first, free=self.free)
        if self.is_open:
            self.hears(told)
            return
        let = self.until_ms < NEVER
        self.forced = not (let or first or self.free)
        taken: list[Event] = []
        if self.going:
            who = self.going[0] if len(self.going) == 1 else None
            taken = [AccessTaken(door=GATE, person=who, after_ms=self.now_ms - self.let_ms)]
        self.hears(told, *taken, DoorForced(door=GATE) if self.forced else DoorOpened(door=GATE))
        self.openings += 1
        self.minded_ms = NEVER if self.free else self.now_ms + (self.may_stay_ms if let else timing.open_ms)
        self.is_open, self.held, self.opened_ms = True, False, self.now_ms
        self.going, self.until_ms = [], NEVER

    @rule()
    def closes(self) -> None:
        self.state, told = machine.closed(self.state, GATE, self.now_ms)
        if not self.is_open:
            self.hears(told)
            return
        self.hears(told, DoorClosed(door=GATE, open_ms=self.now_ms - self.opened_ms))
        self.closings += 1
        self.is_open = self.forced = self.held = False
        self.minded_ms = NEVER

    @rule(wait_ms=st.integers(0, 8000) | st.sampled_from([5500, 15_000, 15_500, 60_000]), timing=TIMINGS)
    def time_passes(self, wait_ms: int, timing: Timing) -> None:
        self.now_ms += wait_ms
        self.state, told = machine.tick(self.state, GATE, self.now_ms, timing)
        if not self.is_open and self.now_ms >= self.until_ms:
            self.hears(told, *(AccessNotTaken(door=GATE, person=name) for name in self.going))
            self.going, self.until_ms = [], NEVER
        elif self.is_open and not self.held and self.now_ms >= self.minded_ms:
            self.hears(told, DoorHeld(door=GATE, open_ms=self.now_ms - self.opened_ms))
            self.held = True
        else:
            self.hears(told)

    @rule()
    def anybody_may_pass(self) -> None:
        self.state = machine.freed(self.state)
        self.free, self.minded_ms = True, NEVER
        self.forced = self.held = False

    @rule(timing=TIMINGS)
    def nobody_may_pass(self, timing: Timing) -> None:
        self.state = machine.secured(self.state, self.now_ms, timing)
        self.free = False
        if self.is_open and self.minded_ms == NEVER:
            self.minded_ms = self.now_ms + timing.open_ms

    @invariant()
    def it_is_called_what_he_calls_it(self) -> None:
        if self.is_open:
            expected = "forced" if self.forced else "held" if self.held else "open"
        else:
            expected = "locked" if self.until_ms == NEVER else "released"
        assert machine.name_of(self.state) == expected
        assert machine.shut(self.state) == (expected == "locked")
        assert self.openings - self.closings == self.is_open

    @invariant()
    def it_asks_to_be_looked_at_when_something_is_due(self) -> None:
        due_ms = min(self.until_ms, NEVER if self.held else self.minded_ms)
        asked_ms = machine.deadline_ms(self.state, Timing(0, 0))
        assert asked_ms == (None if due_ms == NEVER else due_ms)
        warned_ms = machine.deadline_ms(self.state, QUICK)
        assert warned_ms in ({due_ms, due_ms - 4000} if self.is_open and asked_ms else {asked_ms})

    @invariant()
    def it_can_be_shut(self) -> None:
        shut, told = machine.closed(self.state, GATE, self.now_ms)
        assert bool(told) == self.is_open
        assert machine.tick(shut, GATE, NEVER, QUICK)[0] == Locked()


TestWatchman = Watchman.TestCase
