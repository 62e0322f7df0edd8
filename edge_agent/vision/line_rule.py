"""Who crosses a line, which way, and how many. Somebody on the line is on neither side: the feet must have been clearly
on one and then clearly on the other.
"""

from dataclasses import dataclass

import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.model.site import Line
from edge_agent.vision.track import Box
from edge_agent.vision.walkers import Walker
from edge_agent.vision.zone_rules import Scene, counts, seen_of

DEPTH = 0.12  # own heights past the line
BEYOND = 0.06  # of its length past its ends it still counts
PENDING_MS = 2_000  # so long a crossing waits for its walker to prove to be somebody


@dataclass
class Passed:
    direction: str
    track: int
    box: Box
    why: tuple[Measure, ...]


@dataclass
class Crossing:
    direction: str
    up_ms: int
    depth: float


class LineRule:
    """`passed`: how many crossings there were, for their numbers; `total`: each way since the stream began."""

    def __init__(self, line: Line, shape: tuple[int, int]) -> None:
        height, width = shape
        self.line = line
        ends = np.array([(x * width, y * height) for x, y in line.points])
        self._from, self._along = ends[0], ends[1] - ends[0]
        self._length = max(1.0, float(np.hypot(*self._along)))
        self.passed = 0
        self.total = {"in": 0, "out": 0}
        self._side: dict[int, int] = {}
        self._pending: dict[int, Crossing] = {}

    def look(self, scene: Scene) -> list[Passed]:
        alive = {walker.id for walker in scene.walkers}
        self._side = {id_: side for id_, side in self._side.items() if id_ in alive}
        self._pending = {
            id_: crossing
            for id_, crossing in self._pending.items()
            if id_ in alive and scene.up_ms - crossing.up_ms <= PENDING_MS
        }
        for walker in scene.walkers:
            if walker.seen_ms == scene.up_ms:
                self._follow(walker, scene.up_ms)
        found = []
        for walker in scene.walkers:
            if walker.id in self._pending and counts(walker, self.line.min_size, self.line.sensitivity, scene):
                found.append(self._passed(walker, self._pending.pop(walker.id), scene))
        return found

    def _follow(self, walker: Walker, up_ms: int) -> None:
        before = self._side.get(walker.id)
        if before is None:
            first = self._distance(walker.born_at)
            before = self._side[walker.id] = int(np.sign(first)) if abs(first) >= 0.03 * walker.height else 0
        distance = self._distance(walker.feet)
        if abs(distance) < DEPTH * walker.height:
            return
        side = int(np.sign(distance))
        if before == -side and self._beside(walker.feet):
            if self._pending.pop(walker.id, None) is None:  # back before it was told: it has not crossed
                direction = "in" if side > 0 else "out"
                self._pending[walker.id] = Crossing(direction, up_ms, abs(distance) / walker.height)
        self._side[walker.id] = side

    def _passed(self, walker: Walker, crossing: Crossing, scene: Scene) -> Passed:
        self.passed += 1
        self.total[crossing.direction] += 1
        why = (
            Measure("depth", round(crossing.depth, 2), DEPTH),
            Measure("in", self.total["in"], 0),
            Measure("out", self.total["out"], 0),
            *seen_of(walker, scene, self.line.min_size),
        )
        return Passed(crossing.direction, walker.id, walker.box, why)

    def _distance(self, at: tuple[float, float]) -> float:
        """px; positive: to the right of who looks from the first point to the second."""
        x, y = at[0] - self._from[0], at[1] - self._from[1]
        return float(self._along[0] * y - self._along[1] * x) / self._length

    def _beside(self, at: tuple[float, float]) -> bool:
        x, y = at[0] - self._from[0], at[1] - self._from[1]
        part = float(self._along[0] * x + self._along[1] * y) / self._length**2
        return -BEYOND <= part <= 1 + BEYOND
