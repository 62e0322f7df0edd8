"""How much of a camera a board can afford: full, half the resolution, half and ten frames a second. Never in silence.

`Pace` steps down after ten seconds of too much, and up again after ten minutes with room to spare: a board that is busy
for a moment stays. `PacedFalls` is a FallingWatch that keeps to it and says so, as the camera's trouble `reduced`; and
as `too_slow`, when the camera sends fewer frames than what falls can be told by.
"""

import time
from collections.abc import Callable

from edge_agent import log
from edge_agent.errors import EdgeAgentError
from edge_agent.model.sightings import Measure, Sighting
from edge_agent.model.site import FALLS_FPS
from edge_agent.vision.falling import FallingWatch, Gray, Mode
from edge_agent.vision.frames import Colours
from edge_agent.vision.pace import Rate, Trouble

MODES: tuple[Mode, ...] = ("full", "half", "half-10fps")
COSTS = {"full": 1.0, "half": 0.3, "half-10fps": 0.2}  # of the full mode, measured
TOO_MUCH, ROOM = 0.85, 0.6  # of the time there is
DOWN_S, UP_S = 10.0, 600.0
WELL_FPS = 7.5  # of the usual 15: nothing more was missed

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


class PacedFalls:
    """Gives the wall up, and says so once, when the picture has another shape than the one it was calibrated in."""

    def __init__(
        self, watch: FallingWatch, camera: str, fps: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._watch, self._clock = watch, clock
        self._pace, self._rate = Pace(fps), Rate(fps, FALLS_FPS, WELL_FPS)
        self._reduced, self._too_slow = Trouble(camera, "reduced"), Trouble(camera, "too_slow")
        self._given_up = False

    def see(self, gray: Gray, up_ms: int, bgr: Colours | None = None) -> list[Sighting]:
        if self._given_up:
            return []
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
        said += self._reduced.tell(self._pace.mode != "full", load, up_ms, size)
        slow = self._rate.took(up_ms)
        said += self._too_slow.tell(slow, self._rate.why, up_ms, size)
        return said

    def stop(self, up_ms: int) -> list[Sighting]:
        return self._watch.stop(up_ms)
