"""How much of a camera a board can afford: full, half the resolution, half and ten frames a second. Never in silence.

`Pace` steps down after ten seconds of too much, and up again after ten minutes with room to spare: a board that is busy
for a moment stays. `PacedFalls` is a FallingWatch that keeps to it and says so, as the camera's trouble `reduced`; and
as `too_slow`, when the camera sends fewer frames than what falls can be told by.
"""

import time
from collections.abc import Callable, Iterator

from edge_agent import log
from edge_agent.errors import EdgeAgentError
from edge_agent.model.sightings import Measure, Sighting
from edge_agent.vision.falling import FallingWatch, Gray, Mode
from edge_agent.vision.incidents import Incidents
from edge_agent.vision.zone_rules import Finding

MODES: tuple[Mode, ...] = ("full", "half", "half-10fps")
COSTS = {"full": 1.0, "half": 0.3, "half-10fps": 0.2}  # of the full mode, measured
TOO_MUCH, ROOM = 0.85, 0.6  # of the time there is
DOWN_S, UP_S = 10.0, 600.0
SLOW_FPS, WELL_FPS = 6.5, 7.5  # at 7.5 of the usual 15 nothing more was missed, at 5 one in four
SHORT = 0.05  # share of a new interval in their mean

logger = log.get("vision.falling")


class Pace:
    """`took`: after each frame; gives the mode to change to, or None. `mode`: the one in force; `load`: of the time
    there is between two frames, 1.0 is all of it.
    """

    def __init__(self, fps: float) -> None:
        self.mode: Mode = "full"
        self.load = 0.0
        self._spare_s = 1 / fps
        self._since_ms: int | None = None

    def took(self, seconds: float, up_ms: int) -> Mode | None:
        self.load += (seconds / self._spare_s - self.load) * 0.02
        at = MODES.index(self.mode)
        up = self.load * COSTS[MODES[at - 1]] / COSTS[self.mode] < ROOM if at else False
        down = self.load > TOO_MUCH and at + 1 < len(MODES)
        if not (up or down):
            self._since_ms = None
            return None
        if self._since_ms is None:
            self._since_ms = up_ms
        if up_ms - self._since_ms < 1000 * (DOWN_S if down else UP_S):
            return None
        self.mode, self._since_ms = MODES[at + 1 if down else at - 1], None
        self.load *= COSTS[self.mode] / COSTS[MODES[at]]
        return self.mode


class Rate:
    """Whether the frames come often enough, for ten seconds one way or the other. `fps`: in the mean."""

    def __init__(self, fps: float) -> None:
        self.slow = False
        self._apart_s, self._last_ms, self._other_ms = 1 / fps, -1, -1

    @property
    def fps(self) -> float:
        return 1 / self._apart_s

    def took(self, up_ms: int) -> bool:
        if self._last_ms >= 0 and up_ms > self._last_ms:
            self._apart_s += ((up_ms - self._last_ms) / 1000 - self._apart_s) * SHORT
        self._last_ms = up_ms
        as_before = self.fps < WELL_FPS if self.slow else self.fps > SLOW_FPS
        if as_before:
            self._other_ms = up_ms
        elif up_ms - self._other_ms >= 1000 * DOWN_S:
            self.slow = not self.slow
            self._other_ms = up_ms
        return self.slow


class PacedFalls:
    """Gives the wall up, and says so once, when the picture has another shape than the one it was calibrated in."""

    def __init__(
        self, watch: FallingWatch, camera: str, fps: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._watch, self._clock = watch, clock
        self._pace, self._rate = Pace(fps), Rate(fps)
        self._camera, self._troubles = camera, {"reduced": Incidents(0), "too_slow": Incidents(0)}
        self._begun_ms, self._given_up = -1, False

    def see(self, gray: Gray, up_ms: int) -> list[Sighting]:
        if self._given_up:
            return []
        self._begun_ms = up_ms if self._begun_ms < 0 else self._begun_ms
        began = self._clock()
        try:
            said = self._watch.see(gray, up_ms)
        except EdgeAgentError as error:
            logger.error("%s is not watched: %s", self._watch.facade.name, error)
            self._given_up = True
            return []
        mode = self._pace.took(self._clock() - began, up_ms)
        if mode is not None:
            logger.warning("%s: mode %s, which is what this board can keep up", self._watch.facade.name, mode)
            self._watch.change(mode)
        size = gray.shape[1], gray.shape[0]
        load = Measure("load", self._pace.load, TOO_MUCH)
        said += self._trouble("reduced", self._pace.mode != "full", load, up_ms, size)
        slow = self._rate.took(up_ms)
        said += self._trouble("too_slow", slow, Measure("rate", self._rate.fps, SLOW_FPS, "1/s"), up_ms, size)
        return said

    def stop(self, up_ms: int) -> list[Sighting]:
        return self._watch.stop(up_ms)

    def _trouble(self, kind: str, is_so: bool, why: Measure, up_ms: int, size: tuple[int, int]) -> Iterator[Sighting]:
        found = {0: Finding((0, 0, *size), (why,))} if is_so else {}
        for phase, incident in self._troubles[kind].tell(found, up_ms):
            yield Sighting(
                rule=self._camera, kind=kind, incident=f"{kind}-{self._begun_ms}-{incident.number}", phase=phase,
                up_ms=up_ms, size=size, box=incident.finding.box, why=incident.finding.why,
            )  # fmt: skip
