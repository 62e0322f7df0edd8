"""How often a camera's frames come, and what that is too seldom for: the camera's trouble `too_slow`.

Falls are told by 7 frames a second and more, people who walk by 4; a camera is too slow when it was so for ten seconds,
and until it was fast enough for ten.
"""

from collections.abc import Iterator

from edge_agent.model.sightings import Measure, Sighting
from edge_agent.model.site import WALK_FPS
from edge_agent.vision.frames import Colours, Image
from edge_agent.vision.incidents import Incidents
from edge_agent.vision.zone_rules import Finding
from edge_agent.vision.zones import ZoneWatch

SETTLED_S = 10.0
GAP_S = 3.0  # and three times what is usual: it was away; twice in a row that is its rate
ENOUGH = 0.95  # of the rate that people take: a camera of just that rate has it
SHORT = 0.05  # share of a new interval in their mean


class Rate:
    """Whether the frames come often enough, for ten seconds one way or the other: `least` a second, `well` again.
    `fps`: in the mean, `nominal` at first.
    """

    def __init__(self, nominal: float, least: float, well: float) -> None:
        self.slow, self.least = False, least
        self._well, self._apart_s, self._last_ms, self._other_ms = well, 1 / nominal, -1, -1
        self._was_long = False

    @property
    def fps(self) -> float:
        return 1 / self._apart_s

    def took(self, up_ms: int) -> bool:
        apart_s = (up_ms - self._last_ms) / 1000 if self._last_ms >= 0 else 0.0
        long, self._last_ms = apart_s > max(GAP_S, 3 * self._apart_s), up_ms
        away, self._was_long = long and not self._was_long, long
        if apart_s > 0 and not away:
            self._apart_s += (apart_s - self._apart_s) * SHORT
        as_before = self.fps < self._well if self.slow else self.fps > self.least
        if as_before or away or self._other_ms < 0:
            self._other_ms = up_ms
        elif up_ms - self._other_ms >= 1000 * SETTLED_S:
            self.slow = not self.slow
            self._other_ms = up_ms
        return self.slow

    @property
    def why(self) -> Measure:
        return Measure("rate", self.fps, self.least, "1/s")


class Trouble:
    """One of a camera, said when it begins and when it is over."""

    def __init__(self, camera: str, kind: str) -> None:
        self._camera, self._kind, self._incidents, self._begun_ms = camera, kind, Incidents(0), -1

    def tell(self, is_so: bool, why: Measure, up_ms: int, size: tuple[int, int]) -> Iterator[Sighting]:
        self._begun_ms = up_ms if self._begun_ms < 0 else self._begun_ms
        found = {0: Finding((0, 0, *size), (why,))} if is_so else {}
        for phase, incident in self._incidents.tell(found, up_ms):
            yield Sighting(
                rule=self._camera, kind=self._kind, incident=f"{self._kind}-{self._begun_ms}-{incident.number}",
                phase=phase, up_ms=up_ms, size=size, box=incident.finding.box, why=incident.finding.why,
            )  # fmt: skip


class PacedZones:
    """A ZoneWatch that says when people cannot be followed, and tells nothing of them until they can."""

    def __init__(self, watch: ZoneWatch, camera: str, fps: float) -> None:
        self.watch = watch
        self._rate, self._trouble = Rate(fps, ENOUGH * WALK_FPS, WALK_FPS), Trouble(camera, "too_slow")

    def see(self, gray: Image, up_ms: int, bgr: Colours | None = None) -> list[Sighting]:
        self.watch.follows = not self._rate.took(up_ms)
        said = self.watch.see(gray, up_ms, bgr)
        if self.watch.walked:
            size = gray.shape[1], gray.shape[0]
            said += self._trouble.tell(self._rate.slow, self._rate.why, up_ms, size)
        return said

    def stop(self, up_ms: int) -> list[Sighting]:
        return self.watch.stop(up_ms)
