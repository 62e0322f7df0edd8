"""Rules about what lies, stands or burns in a zone: left, removed, in the way, fallen, an e-bike, flames.

What is new and still differs from the background and no longer changes. Whether it was brought or taken is told by
where the edges are: around a thing that was brought they are in the picture, of one that was taken in the background.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.model.site import Zone
from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box
from edge_agent.vision.walkers import Walker
from edge_agent.vision.zone_rules import LOOK_EVERY_MS, OBJECT_SIZE, PERSON_SIZE, Finding, Lasting, Region, Rule, Scene

EDGES_BY = 1.25  # so many times the edges of the other side
THING_PX = 10
THINGS_AT_MOST = 20
GONE_PART = 0.35  # less of it left: it is gone
STOOD_MS = 1_000
FLAT_BY, LOW_BY = 1.3, 0.65  # times wider than tall; and so much lower than it stood
WHOLE = 0.4  # of its area while it stood: else it is half hidden, and not fallen
FALLS_MS, FORGETS_MS = 500, 6_000  # after it was last seen upright


@dataclass
class Thing:
    box: Box
    where: Image  # bool, of the box
    since_ms: int
    edges: float


@dataclass
class Things(Rule):
    """A thing that was left (`brought`), or taken away. Each thing is an incident of its own."""

    zone: Zone
    region: Region
    brought: bool
    _things: dict[int, Thing] = field(default_factory=dict)
    _count: int = 0
    _looked_ms: int = -1_000_000

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        mask = scene.background.mask > 0
        self._things = {key: thing for key, thing in self._things.items() if _left_of(thing, mask, scene) >= GONE_PART}
        if scene.up_ms - self._looked_ms >= LOOK_EVERY_MS:
            self._looked_ms = scene.up_ms
            for thing in self._new(scene):
                self._count += 1
                self._things[self._count] = thing
        return {key: self._found(thing, scene) for key, thing in self._things.items()}

    def _found(self, thing: Thing, scene: Scene) -> Finding:
        lain_s = (scene.up_ms - thing.since_ms) / 1000
        why = (
            Measure("still_s", round(lain_s, 1), self.zone.left_s, "s"),
            Measure("edges", round(thing.edges, 2), round(self._edges_by, 2)),
            Measure("height", round(thing.box[3] / scene.height, 3), self.zone.min_size or OBJECT_SIZE),
        )
        return Finding(thing.box, why, count=1, since_ms=thing.since_ms)

    def _new(self, scene: Scene) -> list[Thing]:
        ground = scene.background
        rest = ground.at_rest(self.zone.left_s) & self.region.mask
        for thing in self._things.values():
            x, y, width, height = thing.box
            near = max(4, round(0.5 * max(width, height)))  # what comes loose of one thing is not another
            rest[max(0, y - near) : y + height + near, max(0, x - near) : x + width + near] = False
        if np.count_nonzero(rest) < THING_PX:
            return []
        marked = cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(marked)
        found = []
        for n in range(1, min(count, THINGS_AT_MOST + 1)):
            x, y, width, height, area = (int(value) for value in stats[n])
            if area < THING_PX or height < (self.zone.min_size or OBJECT_SIZE) * scene.height:
                continue
            part = labels[y : y + height, x : x + width] == n
            if self._is_somebody((x, y, width, height), area, scene):
                continue
            edges = _edges(ground.picture, ground.base * ground.gain, (x, y, width, height), part)
            edges = edges if self.brought else 1 / edges
            if edges >= self._edges_by:
                found.append(Thing((x, y, width, height), part, scene.up_ms - round(self.zone.left_s * 1000), edges))
        return found

    @property
    def _edges_by(self) -> float:
        return EDGES_BY * (1.2 - 0.4 * self.zone.sensitivity)

    def _is_somebody(self, box: Box, area: int, scene: Scene) -> bool:
        """The part of a standing person that keeps still; or whom a detector knows."""
        x, y, width, height = box
        for walker in scene.walkers:
            left, top, wide, tall = walker.box
            over = left <= x + width / 2 <= left + wide and top <= y + height / 2 <= top + tall
            if over and (area < 0.5 * walker.blob.area or (walker.person >= 0 and scene.believes(walker))):
                return True
        return False


def _left_of(thing: Thing, mask: Image, scene: Scene) -> float:
    x, y, width, height = thing.box
    part = (mask | scene.background.at_rest(1.0))[y : y + height, x : x + width]
    return float(np.count_nonzero(part & thing.where)) / max(1, int(np.count_nonzero(thing.where)))


def _edges(picture: Image, base: Image, box: Box, where: Image) -> float:
    """Edges along the outline of `where`: the picture's against the background's."""
    x, y, width, height = box
    top, left = max(0, y - 2), max(0, x - 2)
    rows, columns = slice(top, y + height + 2), slice(left, x + width + 2)
    inner = np.zeros(
        (min(picture.shape[0], y + height + 2) - top, min(picture.shape[1], x + width + 2) - left), np.uint8
    )
    inner[y - top : y - top + height, x - left : x - left + width] = where
    kernel = np.ones((3, 3), np.uint8)
    ring = cv2.dilate(inner, kernel, iterations=2) - cv2.erode(inner, kernel)
    now, was = (_gradient(part[rows, columns])[ring > 0].mean() for part in (picture, base))
    return float((now + 1.0) / (was + 1.0))


def _gradient(part: Image) -> Image:
    part = np.ascontiguousarray(part, np.float32)
    both: Image = cv2.magnitude(cv2.Sobel(part, -1, 1, 0), cv2.Sobel(part, -1, 0, 1))
    return both


@dataclass
class Blocked(Rule):
    """Something stands in the way and stays: a car in the fire lane, boxes before a gate."""

    zone: Zone
    region: Region
    _open: bool = False
    _since_ms: int = 0

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        rest = scene.background.at_rest(1.0 if self._open else self.zone.blocked_s) & self.region.mask
        if self._open:
            rest |= (scene.background.mask > 0) & self.region.mask
        part = float(np.count_nonzero(rest) / self.region.area)
        limit = self.zone.blocked_part * (1.4 - 0.8 * self.zone.sensitivity) * (0.5 if self._open else 1.0)
        if part >= limit and not self._open:
            self._since_ms = scene.up_ms - round(self.zone.blocked_s * 1000)
        self._open = part >= limit
        if not self._open:
            return {}
        why = (
            Measure("covered", round(part, 3), round(limit, 3)),
            Measure("still_s", self.zone.blocked_s, self.zone.blocked_s, "s"),
        )
        return {0: Finding(_bounds(rest), why, count=1, since_ms=self._since_ms)}


def _bounds(where: Image) -> Box:
    columns, rows = np.flatnonzero(where.any(axis=0)), np.flatnonzero(where.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top


@dataclass
class Stood:
    """Somebody as last seen upright."""

    feet: tuple[float, float]
    height: float
    area: float
    up_ms: int
    lies: Lasting


@dataclass
class PersonDown(Rule):
    """Where somebody stood there lies something as large, flat and still, and nobody stands there any more.

    It does not lean on one track: a falling body falls into pieces for a while.
    """

    zone: Zone
    region: Region
    _stood: dict[int, Stood] = field(default_factory=dict)

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        upright = [walker for walker in scene.walkers if self._stands(walker, scene)]
        for walker in upright:
            before = self._stood.get(walker.id)
            area = before.area + (walker.blob.area - before.area) * 0.1 if before else float(walker.blob.area)
            tall = before.height + (walker.box[3] - before.height) * 0.1 if before else float(walker.box[3])
            lies = before.lies if before else Lasting(2000)  # rain makes who lies there tall for a moment
            self._stood[walker.id] = Stood(walker.feet, tall, area, scene.up_ms, lies)
        need_s = self.zone.down_s * (1.3 - 0.6 * self.zone.sensitivity)
        for id_, stood in list(self._stood.items()):
            gone_ms = scene.up_ms - stood.up_ms
            if gone_ms < FALLS_MS or not self.region.has(stood.feet, True):
                stood.lies.mark(False, scene.up_ms)
                if gone_ms > FORGETS_MS:
                    del self._stood[id_]
                continue
            found = None if _stands_there(upright, stood) else _lying(stood, scene)
            lain_s = stood.lies.mark(found is not None, scene.up_ms)
            if found is not None and lain_s >= need_s:
                box, shape = found
                why = (
                    Measure("still_s", round(lain_s, 1), round(need_s, 1), "s"),
                    Measure("shape", round(shape, 2), FLAT_BY),
                )
                return {0: Finding(box, why, (id_,), 1, since_ms=stood.up_ms)}
            if lain_s < 0 and gone_ms > FORGETS_MS:
                del self._stood[id_]
        return {}

    def _stands(self, walker: Walker, scene: Scene) -> bool:
        """As tall as before: of a body in pieces one may be taller than wide."""
        stood = self._stood.get(walker.id)
        tall = max(walker.height, stood.height if stood else 0.0)
        return (
            walker.seen_ms == scene.up_ms
            and not walker.grouped
            and walker.upright_ms >= STOOD_MS
            and walker.box[3] > 1.4 * walker.box[2]
            and walker.box[3] >= max(LOW_BY * tall, (self.zone.min_size or PERSON_SIZE) * scene.height)
        )


def _stands_there(upright: list[Walker], stood: Stood) -> bool:
    return any(
        np.hypot(walker.feet[0] - stood.feet[0], walker.feet[1] - stood.feet[1]) < 0.5 * stood.height
        and walker.box[3] > 0.7 * stood.height
        for walker in upright
    )


def _lying(stood: Stood, scene: Scene) -> tuple[Box, float] | None:
    """Box and shape of what lies within reach of where the feet were."""
    (x, y), tall = stood.feet, stood.height
    left, top = max(0, round(x - 1.3 * tall)), max(0, round(y - 0.8 * tall))
    part = slice(top, max(top, round(y + 0.45 * tall))), slice(left, max(left, round(x + 1.3 * tall)))
    rows, columns = np.nonzero(scene.background.at_rest(1.0)[part])
    if len(rows) < WHOLE * stood.area:
        return None
    (first, last), (low, high) = np.percentile(columns, [4, 96]), np.percentile(rows, [4, 96])
    wide, deep = last - first + 1, high - low + 1
    if wide < FLAT_BY * deep or deep > LOW_BY * tall or wide < 0.5 * tall:
        return None
    return (left + int(first), top + int(low), int(wide), int(deep)), float(wide / deep)


@dataclass
class Ebike(Rule):
    """Experimental: what a detector calls an e-bike, a bicycle or a motorcycle, in two of three looks.

    It is shown what may stand in the zone and no more: a network of 320 px does not see the end of a lobby.
    """

    zone: Zone
    region: Region
    find: Callable[[Image, Box], list[tuple[Box, float]]]  # in a part; boxes in px of the reduced picture
    _looked_ms: int = -1_000_000
    _looks: deque[Finding | None] = field(default_factory=lambda: deque(maxlen=3))

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        if scene.bgr is not None and scene.up_ms - self._looked_ms >= LOOK_EVERY_MS:
            self._looked_ms = scene.up_ms
            moving = bool(scene.background.mask[self.region.mask].any())
            self._looks.append(self._seen(scene.bgr()) if moving else None)
        seen = [finding for finding in self._looks if finding]
        return {0: seen[-1]} if len(seen) >= 2 else {}

    def forget(self) -> None:
        self._looks.clear()

    def _seen(self, bgr: Image) -> Finding | None:
        limit = 0.7 - 0.4 * self.zone.sensitivity
        for box, score in sorted(self.find(bgr, self._part()), key=lambda pair: -pair[1]):
            if score >= limit and self.region.has((box[0] + box[2] / 2, box[1] + box[3] - 1), True):
                return Finding(box, (Measure("detector", round(score, 2), round(limit, 2)),), count=1, confidence=score)
        return None

    def _part(self) -> Box:
        """The zone, as much again over it and a quarter of its width on both sides, where the picture has them."""
        x, y, width, height = self.region.bounds
        left, top = max(0, x - width // 4), max(0, y - height)
        right = min(self.region.mask.shape[1], x + width + width // 4)
        return left, top, right - left, y + height - top


@dataclass
class Smoke(Rule):
    """Advisory: flame-coloured pixels that flicker, or edges that fade under haze, most of ten seconds long.

    Measured: fires on all windows of a real fire, and on 67 % of those of a street with orange tape. Never an alarm.
    """

    zone: Zone
    region: Region
    _looked_ms: int = -1_000_000
    _tones: deque[Image] = field(default_factory=lambda: deque(maxlen=6))
    _looks: deque[bool] = field(default_factory=lambda: deque(maxlen=20))
    _last: tuple[Box, tuple[Measure, ...]] = ((0, 0, 0, 0), ())

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        if scene.up_ms - self._looked_ms >= LOOK_EVERY_MS:
            self._looked_ms = scene.up_ms
            self._looks.append(self._burns(scene) or self._hazy(scene))
        if len(self._looks) < 12 or sum(self._looks) < 0.6 * len(self._looks):
            return {}
        box, why = self._last
        return {0: Finding(box, why, confidence=0.3)}

    def forget(self) -> None:
        self._looks.clear()
        self._tones.clear()

    def _burns(self, scene: Scene) -> bool:
        if scene.bgr is None:
            return False
        shape = self.region.mask.shape
        blue, green, red = cv2.split(
            cv2.resize(scene.bgr(), shape[::-1], interpolation=cv2.INTER_AREA).astype(np.int16)
        )
        self._tones.append(red)
        if len(self._tones) < 4:
            return False
        flicker = np.stack(self._tones).astype(np.float32).std(axis=0)
        hot = (red > 180) & (red > green + 15) & (green > blue + 10) & self.region.mask & (flicker > 10)
        part = float(np.count_nonzero(hot) / self.region.area)
        limit = 0.02 * (1.5 - self.zone.sensitivity)
        if part < limit:
            return False
        self._last = (_bounds(hot), (Measure("flicker", round(part, 3), round(limit, 3)),))
        return True

    def _hazy(self, scene: Scene) -> bool:
        hazy = scene.background.hazy() & self.region.mask
        part = float(np.count_nonzero(hazy) / self.region.area)
        limit = 0.15 * (1.5 - self.zone.sensitivity)
        if part < limit:
            return False
        self._last = (_bounds(hazy), (Measure("haze", round(part, 3), round(limit, 3)),))
        return True
