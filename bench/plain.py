"""What most installations of OpenCV do: MOG2 or KNN subtraction, opening, contours, boxes followed by overlap.

With the same rules on its tracks where such a pipeline can have them: intrusion, loitering, crossing, wrong way.
Shadows are left out as OpenCV's own documentation shows; the smallest height is the one the product uses.
"""

import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import cv2
import numpy as np

from bench.gate_scene import FPS, LOITER_S, NEED_S
from edge_agent.vision.track import overlap

WARM_S, MISSES, IOU, REST_S = 3.0, 8, 0.2, 4.0
SMALLEST = 0.05  # of the picture's height


@dataclass
class Path:
    box: tuple[int, int, int, int]
    missed: int = 0
    looks: int = 1
    in_since: float = -1.0
    side: float = 0.0


@dataclass
class Plain:
    method: str
    zones: list
    lines: list
    size: tuple[int, int]
    said: list[tuple[str, float, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        make = cv2.createBackgroundSubtractorMOG2 if self.method == "mog2" else cv2.createBackgroundSubtractorKNN
        self._model = make(detectShadows=True)
        self._paths: list[Path] = []
        self._open: dict[tuple[str, str], float] = {}

    def see(self, gray: np.ndarray, s: float) -> None:
        mask = cv2.threshold(self._model.apply(gray), 200, 255, cv2.THRESH_BINARY)[1]
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.dilate(mask, np.ones((5, 5), np.uint8))
        found = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        boxes = [box for box in map(cv2.boundingRect, found) if box[3] >= SMALLEST * self.size[1]]
        if s < WARM_S:
            return
        self._follow(boxes[:60])
        for zone in self.zones:
            self._zone(zone, s)
        for line in self.lines:
            self._line(line, s)

    def _follow(self, boxes: list) -> None:
        left = list(boxes)
        for path in self._paths:
            best = max(left, key=lambda box: overlap(path.box, box), default=None)
            if best is not None and overlap(path.box, best) >= IOU:
                left.remove(best)
                path.box, path.missed, path.looks = best, 0, path.looks + 1
            else:
                path.missed += 1
        self._paths = [path for path in self._paths if path.missed <= MISSES] + [Path(box) for box in left]

    def _zone(self, zone, s: float) -> None:
        corners = np.array([(x * self.size[0], y * self.size[1]) for x, y in zone.points], np.float32)
        for path in self._paths:
            inside = not path.missed and cv2.pointPolygonTest(corners, _feet(path.box), False) >= 0
            if not path.missed:
                path.in_since = (path.in_since if path.in_since >= 0 else s) if inside else -1.0
            stayed = s - path.in_since if path.in_since >= 0 else -1
            for kind, need in (("intrusion", NEED_S), ("loitering", getattr(zone, "loiter_s", LOITER_S))):
                if kind in zone.watch and stayed >= need:
                    self._tell(zone.name, kind, s)

    def _tell(self, name: str, kind: str, s: float, direction: str = "") -> None:
        last = self._open.get((name, kind), -1e9)
        self._open[name, kind] = s
        if s - last > REST_S:
            self.said.append((kind, s, direction, 1))

    def _line(self, line, s: float) -> None:
        (ax, ay), (bx, by) = ((x * self.size[0], y * self.size[1]) for x, y in line.points)
        for path in self._paths:
            x, y = _feet(path.box)
            part = ((bx - ax) * (x - ax) + (by - ay) * (y - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
            side = float(np.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax)))
            if path.side and side and side != path.side and 0 <= part <= 1 and path.looks > 3:
                direction = "in" if side > 0 else "out"
                if "crossing" in line.watch:
                    self.said.append(("crossing", s, direction, 1))
                elif direction != line.allowed:
                    self._tell(line.name, "wrong_way", s, direction)
            path.side = side or path.side


def _feet(box: tuple[int, int, int, int]) -> tuple[float, float]:
    return box[0] + box[2] / 2, float(box[1] + box[3])


def plainly(scene, frames: list[np.ndarray], method: str) -> SimpleNamespace:
    """The same answer as the product's: what it said of a scene, and its CPU time per frame."""
    plain = Plain(method, scene.zones, scene.lines, frames[0].shape[1::-1])
    ms = []
    for n, gray in enumerate(frames):
        began = time.thread_time()
        plain.see(gray, n / FPS)
        ms.append((time.thread_time() - began) * 1000)
    return SimpleNamespace(said=plain.said, ms=ms)
