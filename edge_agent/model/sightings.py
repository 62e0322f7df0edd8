"""What the analysis of a camera says to the daemon: something began, goes on, is over. `flows/` makes alerts of it."""

from enum import StrEnum

import msgspec

Point = tuple[float, float]  # x, y in px of the analysed frame, from its upper left corner


class Phase(StrEnum):
    BEGUN = "begun"
    GOING = "going"
    OVER = "over"


class Measure(msgspec.Struct, frozen=True):
    """One reason why a rule fired: what was measured, and the limit it passed; `unit`: s, m, px, …"""

    name: str
    value: float
    limit: float
    unit: str = ""


class Fall(msgspec.Struct, frozen=True, kw_only=True):
    """An object that fell. Floors count from 1 at street level; each with its probability, the likeliest first.

    `columns`: window columns in the same way, from the left; empty without columns in the calibration. `path`: uptime
    in ms, x and y in px, height in m of each fix. `speed_mps` at the last fix; `impact_ms` as computed from the fall.
    """

    floors: tuple[tuple[int, float], ...]
    columns: tuple[tuple[int, float], ...] = ()
    released_ms: int
    impact_ms: int
    speed_mps: float
    path: tuple[tuple[int, float, float, float], ...]
    residual_px: float
    calibration: str  # id of the calibration it was computed with


def likely(ranked: tuple[tuple[int, float], ...]) -> str:
    """The three likeliest floors or columns with their probability: `12 (90%), 13 (8%)`."""
    return ", ".join(f"{number} ({share:.0%})" for number, share in ranked[:3])


class Sighting(msgspec.Struct, frozen=True, tag="sighting", kw_only=True):
    """One incident as one rule of one camera sees it now. The same `incident` from `begun` to `over`.

    `rule`: its name in agent.toml; `kind`: falling_object, light_object, intrusion, loitering, gathering, wrong_way,
    left_object, removed_object, crossing, blocked, ebike, smoke, person_down, and what the camera itself suffers:
    frozen, black, overexposed, occluded, moved, defocused, reduced, too_slow. `up_ms`: gateway uptime of its frame;
    `since_ms`: of the frame in which it began, before there was enough of it to be told; 0: in this one.
    `box`: x, y, width, height in px of the analysed frame, `size` its width and height. `why`: what the rule compared.
    """

    rule: str
    kind: str
    incident: str
    phase: Phase
    up_ms: int
    since_ms: int = 0
    size: tuple[int, int]
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    confidence: float = 1.0
    tracks: tuple[int, ...] = ()
    count: int = 0
    direction: str = ""  # of a crossing: in or out
    why: tuple[Measure, ...] = ()
    fall: Fall | None = None
