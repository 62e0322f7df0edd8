"""What each kind of rule wants to have seen before it says so. One class a kind; none of them knows the others.

A rule is asked at every frame and answers with what it finds now, each with the reasons; incidents.py makes one
incident of it, from begun to over. Lengths are px of the reduced picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.model.site import Zone
from edge_agent.vision.background import Background
from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box
from edge_agent.vision.walkers import Walker

PERSON_SIZE, OBJECT_SIZE = 0.05, 0.025  # default `min_size`, parts of the picture's height
HIDDEN_MS = 3_000
SURE = 0.55  # found in so many of the last frames: not a thing of drops and leaves
EDGE_PX = 2  # somebody inside is still inside so far beyond the edge
LOOK_EVERY_MS = 500  # of what lies or burns


@dataclass
class Finding:
    box: Box
    why: tuple[Measure, ...]
    tracks: tuple[int, ...] = ()
    count: int = 0
    confidence: float = 1.0
    since_ms: int = 0  # of the frame in which it began; 0: in this one


@dataclass
class Scene:
    """One frame as the rules see it. `walkers`: all that are followed; `bgr`: the frame in colour, if it can be had."""

    up_ms: int
    dt_s: float
    background: Background
    walkers: list[Walker]
    believes: Callable[[Walker], bool]  # a detector did not say that it is nobody
    bgr: Callable[[], Image] | None = None

    @property
    def height(self) -> int:
        return int(self.background.mask.shape[0])


class Region:
    """A polygon of the reduced picture."""

    def __init__(self, points: tuple[tuple[float, float], ...], shape: tuple[int, int]) -> None:
        height, width = shape
        corners = np.array([(x * width, y * height) for x, y in points], np.float32).round().astype(np.int32)
        drawn = np.zeros(shape, np.uint8)
        cv2.fillPoly(drawn, [corners], 1)
        self.mask: Image = drawn > 0
        self.wider: Image = cv2.dilate(drawn, np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8)) > 0
        self.area = max(1, int(drawn.sum()))
        self.bounds: Box = cv2.boundingRect(drawn)

    def has(self, feet: tuple[float, float], was_in: bool = False) -> bool:
        mask = self.wider if was_in else self.mask
        x, y = min(int(feet[0]), mask.shape[1] - 1), min(int(feet[1]), mask.shape[0] - 1)
        return x >= 0 and y >= 0 and bool(mask[y, x])


class Rule(Protocol):
    def look(self, scene: Scene) -> Mapping[int, Finding]:
        """What is found now, by a number that stays the same while it lasts."""
        ...

    def forget(self) -> None:
        """The pictures stopped: what was seen before proves nothing of what comes after."""
        return


@dataclass
class People(Rule):
    """Who of the walkers counts as a person for a rule, and why. Base of the rules about people."""

    zone: Zone
    region: Region

    def persons(self, scene: Scene) -> list[Walker]:
        return [walker for walker in scene.walkers if counts(walker, self.zone.min_size, self.zone.sensitivity, scene)]


def counts(walker: Walker, min_size: float | None, sensitivity: float, scene: Scene) -> bool:
    """Large, clear and mobile enough, by the sensitivity; a light that moves, a leaf or a door leaf is not."""
    return (
        walker.looks > 2
        and walker.sure >= SURE
        and walker.age_s(scene.up_ms) >= 0.3
        and walker.height >= (min_size or PERSON_SIZE) * scene.height
        and walker.way >= 0.8 * (1.1 - sensitivity)
        and walker.contrast >= 36.0 * (1.0 - sensitivity)
        and walker.blob.filled >= 0.2
        and scene.believes(walker)
    )


def seen_of(walker: Walker, scene: Scene, min_size: float | None) -> tuple[Measure, ...]:
    size = Measure("height", round(walker.height / scene.height, 3), min_size or PERSON_SIZE)
    score = (Measure("detector", round(walker.person, 2), 0.0),) if walker.person >= 0 else ()
    return (size, *score)


@dataclass
class Intrusion(People):
    _since: dict[int, int] = field(default_factory=dict)

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        need_ms = round(1000 * (0.1 + 0.8 * (1 - self.zone.sensitivity)))
        inside = {
            walker.id: walker
            for walker in self.persons(scene)
            if scene.up_ms - walker.seen_ms <= 1000 and self.region.has(walker.feet, walker.id in self._since)
        }
        self._since = {id_: self._since.get(id_, scene.up_ms) for id_ in inside}
        found = [walker for id_, walker in inside.items() if scene.up_ms - self._since[id_] >= need_ms]
        if not found:
            return {}
        first = min(found, key=lambda walker: self._since[walker.id])
        stayed_s = (scene.up_ms - self._since[first.id]) / 1000
        why = (
            Measure("in_zone_s", round(stayed_s, 1), need_ms / 1000, "s"),
            Measure("moved", round(first.way, 1), round(0.8 * (1.1 - self.zone.sensitivity), 2)),
            *seen_of(first, scene, self.zone.min_size),
        )
        since_ms = self._since[first.id]
        return {0: Finding(first.box, why, tuple(sorted(w.id for w in found)), len(found), since_ms=since_ms)}


@dataclass
class Loitering(People):
    """Somebody stays. Who steps out or is hidden for less than three seconds has stayed; who is found again where
    somebody was lost goes on as that one.
    """

    _stays: dict[int, tuple[int, int, tuple[float, float]]] = field(default_factory=dict)  # entered, last in, feet

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        now = scene.up_ms
        alive = {walker.id: walker for walker in self.persons(scene)}
        for id_, walker in alive.items():
            if now - walker.seen_ms > HIDDEN_MS or not self.region.has(walker.feet, id_ in self._stays):
                continue
            entered = self._stays[id_][0] if id_ in self._stays else self._taken_over(walker, alive, now)
            self._stays[id_] = (entered, now, walker.feet)
        self._stays = {id_: stay for id_, stay in self._stays.items() if now - stay[1] <= HIDDEN_MS}
        limit_ms = self.zone.loiter_s * 1000
        found = [alive[id_] for id_, stay in self._stays.items() if id_ in alive and stay[1] - stay[0] >= limit_ms]
        if not found:
            return {}
        first = min(found, key=lambda walker: self._stays[walker.id][0])
        entered_ms = self._stays[first.id][0]
        why = (
            Measure("dwell_s", round((now - entered_ms) / 1000, 1), self.zone.loiter_s, "s"),
            *seen_of(first, scene, self.zone.min_size),
        )
        return {0: Finding(first.box, why, tuple(sorted(w.id for w in found)), len(found), since_ms=entered_ms)}

    def _taken_over(self, walker: Walker, alive: Mapping[int, Walker], now: int) -> int:
        for id_, (entered, _, feet) in self._stays.items():
            gone = id_ not in alive or alive[id_].seen_ms < now
            if gone and np.hypot(feet[0] - walker.born_at[0], feet[1] - walker.born_at[1]) <= 1.2 * walker.height:
                del self._stays[id_]
                return entered
        return now


class Lasting:
    """How long something has been so, moments in which it was not, or nobody looked, forgiven."""

    def __init__(self, forgive_ms: int = 1500) -> None:
        self.forgive_ms = forgive_ms
        self._since = self._last = -1

    def mark(self, is_so: bool, up_ms: int) -> float:
        """Seconds; -1: it is not so."""
        if self._since >= 0 and up_ms - self._last > self.forgive_ms:
            self._since = -1
        if is_so:
            self._since = up_ms if self._since < 0 else self._since
            self._last = up_ms
        return -1.0 if self._since < 0 else (up_ms - self._since) / 1000


@dataclass
class Gathering(People):
    """Told is the most there was since it began: of the last frame somebody may be hidden."""

    _crowded: Lasting = field(default_factory=Lasting)
    _most: list[Walker] = field(default_factory=list)
    _box: Box = (0, 0, 0, 0)
    _covered: float = 0.0

    def look(self, scene: Scene) -> Mapping[int, Finding]:
        inside = [w for w in self.persons(scene) if scene.up_ms - w.seen_ms <= 1000 and self.region.has(w.feet)]
        covered = float(np.count_nonzero(scene.background.mask[self.region.mask]) / self.region.area)
        part = self.zone.crowd_part * (1.3 - 0.6 * self.zone.sensitivity)
        crowded_s = self._crowded.mark(len(inside) >= self.zone.crowd or covered >= part, scene.up_ms)
        if crowded_s <= 0:
            self._most, self._covered = [], 0.0
        if len(inside) >= len(self._most):
            self._most, self._box = inside, around(inside)
        self._covered = max(self._covered, covered)
        if crowded_s < self.zone.crowd_s:
            return {}
        people = len(self._most)
        why = (
            Measure("people", people, self.zone.crowd),
            Measure("covered", round(self._covered, 2), round(part, 2)),
            Measure("crowded_s", round(crowded_s, 1), self.zone.crowd_s, "s"),
        )
        since_ms = scene.up_ms - round(crowded_s * 1000)
        return {0: Finding(self._box, why, tuple(sorted(w.id for w in self._most)), people, since_ms=since_ms)}


def around(walkers: list[Walker]) -> Box:
    if not walkers:
        return (0, 0, 0, 0)
    boxes = np.array([walker.box for walker in walkers])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    return int(left), int(top), int(right - left), int(bottom - top)
