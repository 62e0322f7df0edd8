"""Who of this picture is who of the last, by where the feet should be by now; through groups and short occlusion.

Nothing here knows persons: what moves is a walker until a rule or a detector asks for more. A walker that is not seen
is expected on along its way, ever less sure, for three seconds; two that become one blob go on as two inside it.
Lengths are px of the reduced picture and heights of the walker itself, so that far and near count alike.
"""

from dataclasses import dataclass

import numpy as np

from edge_agent.vision.background import share
from edge_agent.vision.blobs import Blob
from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box

HIDDEN_AT_MOST_MS = 3_000
NEAR, NEARER_S, NEAR_AT_MOST = 0.5, 0.6, 1.6  # own heights; grows with every second unseen
LIKE = 0.55  # log of the ratio of heights that costs as much as a way of one height
MEMBER = 0.4  # of a group's height: what is smaller is a head or a bag that came loose
LARGER, ENOUGH = 1.3, 0.6  # area of a group against its largest member, and against all that should be in it
LIGHT = 0.3  # of its box
SMOOTH_S, SPEED_S, SIZE_S, SURE_S = 0.12, 0.5, 1.0, 0.8


@dataclass
class Walker:
    id: int
    blob: Blob
    born_ms: int
    seen_ms: int
    feet: tuple[float, float]
    height: float
    area: float
    born_at: tuple[float, float]
    speed: tuple[float, float] = (0.0, 0.0)  # px/s
    looks: int = 1
    sure: float = 0.5  # part of the last second's frames in which it was found
    way: float = 0.0  # farthest it has been from where it began, in own heights
    contrast: float = 0.0
    grouped: bool = False
    person: float = -1.0  # best score of a detector; -1: not asked
    asked: int = 0
    asked_ms: int = -1_000_000
    upright_ms: int = 0  # how long it has stood taller than wide, in all

    @property
    def box(self) -> Box:
        return self.blob.box

    def age_s(self, up_ms: int) -> float:
        return (up_ms - self.born_ms) / 1000

    def expected(self, up_ms: int) -> tuple[float, float]:
        gone_s = min((up_ms - self.seen_ms) / 1000, 1.5)  # whoever is hidden longer has stopped
        return self.feet[0] + self.speed[0] * gone_s, self.feet[1] + self.speed[1] * gone_s

    def settle(self, blob: Blob, up_ms: int, contrast: float) -> None:
        dt_s = max(0.001, (up_ms - self.seen_ms) / 1000)
        smooth, old = share(dt_s, SMOOTH_S), self.feet
        ahead = self.expected(up_ms)
        self.feet = tuple(a + (b - a) * smooth for a, b in zip(ahead, blob.feet, strict=True))  # type: ignore[assignment]
        turn = share(dt_s, SPEED_S)
        self.speed = tuple(
            v + ((new - was) / dt_s - v) * turn for v, new, was in zip(self.speed, self.feet, old, strict=True)
        )  # type: ignore[assignment]
        size = share(dt_s, SIZE_S)
        self.height += (blob.height - self.height) * size
        self.area += (blob.area - self.area) * size
        self.contrast += (contrast - self.contrast) * size
        if blob.height > 1.4 * blob.box[2]:
            self.upright_ms += min(1000, up_ms - self.seen_ms)
        self.blob, self.grouped = blob, False
        self._seen(up_ms)

    def join(self, blob: Blob, up_ms: int, truly: bool) -> None:
        """It is somewhere inside this larger blob. `truly`: the blob is large enough for all that are said to be."""
        x, y, width, height = blob.box
        ahead = self.expected(up_ms)
        self.feet = (min(max(ahead[0], x), x + width), min(max(ahead[1], y + 0.6 * height), y + height))
        self.grouped = True
        if truly:
            self._seen(up_ms)

    def _seen(self, up_ms: int) -> None:
        self.seen_ms = up_ms
        self.looks += 1
        gone = np.hypot(self.feet[0] - self.born_at[0], self.feet[1] - self.born_at[1])
        self.way = max(self.way, float(gone) / max(self.height, 1.0))


class Walkers:
    def __init__(self) -> None:
        self.all: list[Walker] = []
        self._count = 0
        self._last_ms = 0

    def follow(self, blobs: list[Blob], contrasts: list[float], up_ms: int) -> None:
        self.all = [walker for walker in self.all if up_ms - walker.seen_ms <= HIDDEN_AT_MOST_MS]
        taken = self._groups(blobs, up_ms)
        for w, b in self._pairs(blobs, up_ms, taken):
            self.all[w].settle(blobs[b], up_ms, contrasts[b])
            taken.add(b)
        for b, blob in enumerate(blobs):
            if b not in taken and not self._part_of_one(blob):
                self._begin(blob, contrasts[b], up_ms)
        gained = share((up_ms - self._last_ms) / 1000, SURE_S)
        self._last_ms = up_ms
        for walker in self.all:
            walker.sure += (float(walker.seen_ms == up_ms) - walker.sure) * gained

    def clear(self) -> None:
        self.all = []

    def leave(self, light: Image) -> None:
        """What was found there was a light."""
        self.all = [walker for walker in self.all if not _mostly(walker.box, light)]

    def _groups(self, blobs: list[Blob], up_ms: int) -> set[int]:
        """Blobs in which several walkers are: each goes on its own way inside."""
        taken: set[int] = set()
        for b, blob in enumerate(blobs):
            inside = [
                walker for walker in self.all if walker.height >= MEMBER * blob.height and _within(walker, blob, up_ms)
            ]
            areas = [walker.area for walker in inside]
            if len(inside) < 2 or blob.area < LARGER * max(areas):
                continue  # one of them; whoever is behind it is hidden
            enough = blob.area >= ENOUGH * sum(areas)
            for walker in inside:
                walker.join(blob, up_ms, truly=enough)
            taken.add(b)
        return taken

    def _pairs(self, blobs: list[Blob], up_ms: int, taken: set[int]) -> list[tuple[int, int]]:
        """(walker, blob), each once, the nearest first."""
        if not self.all or not blobs:
            return []
        ahead = np.array([walker.expected(up_ms) for walker in self.all])
        heights = np.array([max(4.0, walker.height) for walker in self.all])
        unseen_s = np.array([(up_ms - walker.seen_ms) / 1000 for walker in self.all])
        feet = np.array([blob.feet for blob in blobs])
        tall = np.array([float(blob.height) for blob in blobs])
        apart = np.hypot(*(ahead[:, None] - feet[None]).transpose(2, 0, 1)) / heights[:, None]
        unlike = np.abs(np.log(tall[None] / heights[:, None])) / LIKE
        reach = np.minimum(NEAR + NEARER_S * unseen_s, NEAR_AT_MOST)[:, None]
        cost = apart + 0.3 * unlike
        cost[apart > reach] = np.inf
        cost[:, sorted(taken)] = np.inf
        for w, walker in enumerate(self.all):
            if walker.grouped and walker.seen_ms == up_ms:
                cost[w] = np.inf
        found: list[tuple[int, int]] = []
        order = np.argsort(cost, axis=None)
        rows: set[int] = set()
        columns: set[int] = set()
        for flat in order:
            w, b = divmod(int(flat), len(blobs))
            if not np.isfinite(cost[w, b]):
                break
            if w not in rows and b not in columns:
                rows.add(w)
                columns.add(b)
                found.append((w, b))
        return found

    def _part_of_one(self, blob: Blob) -> bool:
        """A leg, a bag or a head that came loose: inside the box of a walker that is seen."""
        x, y, width, height = blob.box
        middle = (x + width / 2, y + height / 2)
        for walker in self.all:
            left, top, wide, tall = walker.box
            if left <= middle[0] <= left + wide and top <= middle[1] <= top + tall and height < 0.6 * tall:
                return True
        return False

    def _begin(self, blob: Blob, contrast: float, up_ms: int) -> None:
        self._count += 1
        came = [walker.way for walker in self.all if walker.looks > 5 and _near(walker, blob)]
        self.all.append(
            Walker(
                self._count, blob, up_ms, up_ms, blob.feet, float(blob.height), float(blob.area), blob.feet,
                contrast=contrast, way=max(came, default=0.0),  # who steps out of a group came with it
            )
        )  # fmt: skip


def _within(walker: Walker, blob: Blob, up_ms: int) -> bool:
    """Are its feet to be expected under this blob?"""
    x, y, width, height = blob.box
    ahead_x, ahead_y = walker.expected(up_ms)
    margin = 0.15 * walker.height
    return x - margin <= ahead_x <= x + width + margin and y + 0.4 * height <= ahead_y <= y + height + margin


def _mostly(box: Box, where: Image) -> bool:
    x, y, width, height = box
    return bool(where[y : y + height, x : x + width].mean() > LIGHT)


def _near(walker: Walker, blob: Blob) -> bool:
    apart = np.hypot(walker.feet[0] - blob.feet[0], walker.feet[1] - blob.feet[1])
    return bool(apart < walker.height and 0.6 < blob.height / max(1.0, walker.height) < 1.6)
