"""What is remembered from one passage to the next: who is inside, what is used up or latched, how a door was set.

Each struct is one row of the journal's file and is written in the transaction of the event that changed it, so that
neither a killed process nor a power cut separates the two.
"""

from typing import Literal

import msgspec

from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.evidence import Exhibit
from edge_agent.model.sightings import Fall, Measure


class At(msgspec.Struct, frozen=True):
    """An instant to measure from later: by uptime within one boot, across boots by a wall clock that was trusted."""

    wall_ms: int
    up_ms: int
    boot_id: str
    trusted: bool = True

    @classmethod
    def of(cls, now: Moment) -> "At":
        return cls(now.wall_ms, now.up_ms, now.boot_id, now.state is not ClockState.UNSET)

    def since_ms(self, now: Moment) -> int | None:
        """How long ago; None when nobody can tell (another boot, and a clock that was or is not trusted)."""
        if now.boot_id == self.boot_id:
            return now.up_ms - self.up_ms
        return now.wall_ms - self.wall_ms if self.trusted and now.trusted else None


class Presence(msgspec.Struct, frozen=True, tag="presence"):
    """Where `person` was seen last in `scope` (an area, or one door's pair of readers). `entered`: the last way in."""

    scope: str
    person: str
    inside: bool
    entered: At | None = None


class Passing(msgspec.Struct, frozen=True, tag="passing"):
    """Who was let in through `door` and not seen to go or not to go yet: where that has put them. Nobody: nothing is
    remembered.
    """

    door: str
    placed: tuple[Presence, ...] = ()


class Emptied(msgspec.Struct, frozen=True, tag="emptied"):
    """Everybody in `scope` is forgotten: the nightly reset, or by hand."""

    scope: str


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """`person` is no longer known here: nothing is remembered of where they were."""

    person: str


class Uses(msgspec.Struct, frozen=True, tag="uses"):
    """How often a credential with limited uses has opened; 0: nothing is remembered of it."""

    name: str
    count: int


class Tries(msgspec.Struct, frozen=True, tag="tries"):
    """Wrong tries at one terminal that no right one has made up for. `locked`: how often it was locked, likewise;
    `until_ms` in uptime of boot `boot_id`: until then it takes nothing. After a new boot the time starts again.
    """

    terminal: str
    wrong: int = 0
    locked: int = 0
    until_ms: int = 0
    boot_id: str = ""


class Armed(msgspec.Struct, frozen=True, tag="armed"):
    """The first person came: on local day `day` (proleptic ordinal) others may follow."""

    door: str
    day: int


ModeName = Literal["locked", "unlocked", "blocked", "locked_down", "locked_open", "double_locked"]
Source = Literal["operator", "lockdown", "evacuation", "first_person"]


class Order(msgspec.Struct, frozen=True, tag="order"):
    """Somebody set a door to a mode. `source`: operator | lockdown | evacuation | first_person; a door has at most one
    of each. `until_ms` in uptime of `since.boot_id`, None = until taken back; `mode` None takes it back.
    """

    door: str
    source: Source
    mode: ModeName | None
    by: str = ""
    why: str = ""
    since: At | None = None
    until_ms: int | None = None


class Latch(msgspec.Struct, frozen=True, tag="latch"):
    """An alarm that stays until somebody clears it by hand. `name`: fire, panic/<door>, or a sensor's alert
    (sensor/<name>/<level>/<kind>, which ends with what it is about); `count`: times announced; `acknowledged`: who has
    heard it, so that it need not be said again.
    """

    name: str
    raised: bool
    count: int = 0
    since: At | None = None
    last: At | None = None  # when it was announced last
    by: str = ""  # who cleared it
    acknowledged: str = ""


class Swept(msgspec.Struct, frozen=True, tag="swept"):
    """The nightly reset of `scope` was done for local day `day` (proleptic ordinal)."""

    scope: str
    day: int


class Case(msgspec.Struct, frozen=True, tag="case"):
    """An alarm that is being answered (core/response.py). `step`: the last one taken, empty when only raised; a case
    that was closed is not remembered. `drill`: whoever heard it says so. `rule` to `review` as in alert.opened;
    `fall` as it is known now; `place` may be the sensor's name.
    """

    alarm: str
    kind: str
    door: str
    camera: str
    raised: At
    step: Literal["", "acknowledged", "dispatched", "arrived", "closed"] = ""
    silent: bool = False
    drill: bool = False
    rule: str = ""
    place: str = ""
    why: tuple[Measure, ...] = ()
    fall: Fall | None = None
    evidence: str = ""
    review: bool = False

    @property
    def released_ms(self) -> int | None:
        """Unix ms at which it began to fall, by the clock of when it was raised."""
        return None if self.fall is None else self.raised.wall_ms - self.raised.up_ms + self.fall.released_ms


class OpenAlert(msgspec.Struct, frozen=True, tag="alert"):
    """An alert of a camera that is not over (`open` false: it is, and not remembered). `quiet` as in alert.opened;
    `evidence`: what is being kept of it, until it is here or was told not to come; `seen`: about when it was last.
    """

    alert: str
    camera: str
    rule: str
    kind: str
    door: str
    level: str
    since: At
    count: int = 1
    quiet: bool = False
    open: bool = True
    evidence: str = ""
    seen: At | None = None

    def closed(self) -> "OpenAlert":
        return msgspec.structs.replace(self, open=False)


class Mute(msgspec.Struct, frozen=True, tag="mute"):
    """Alerts of `target` (all, camera/<name>, rule/<name>, area/<name>) are only recorded. `for_ms` 0 ends it. When
    nobody can tell how much of the time has passed, it has ended.
    """

    target: str
    since: At
    for_ms: int
    by: str = ""
    why: str = ""

    def active(self, now: Moment) -> bool:
        since_ms = self.since.since_ms(now)
        return since_ms is not None and 0 <= since_ms < self.for_ms

    def ends_ms(self, now: Moment) -> int:
        """Unix ms, while it is active."""
        return now.wall_ms + self.for_ms - (self.since.since_ms(now) or 0)


class Tally(msgspec.Struct, frozen=True, tag="tally"):
    """People counted at `line` of `camera` so far in the period of these two Unix ms, as the clock stood `since`;
    nobody: nothing is remembered.
    """

    line: str
    camera: str
    since: At
    from_ms: int
    to_ms: int
    entered: int = 0
    left: int = 0


Change = (
    Presence | Passing | Emptied | Gone | Uses | Tries | Armed | Order | Latch | Swept | Case | OpenAlert | Mute
    | Exhibit | Tally
)  # fmt: skip
