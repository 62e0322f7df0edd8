"""Scenes before a gate, drawn with exact truth: who walks where, what is left, which line is crossed. Seeded.

The camera is a pinhole some metres up. People are textured figures that walk, stand, fall and cast shadows; the ground
is textured; clouds, rain, headlamps, swaying leaves, birds, cats and sensor noise are the conditions. `through_codec`
takes the pictures through H.264 as a camera would. Seeds 0–999 are for tuning, 10000 and up for testing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np

from edge_agent.model.site import Line, Zone

GENERATOR = 1  # of the drawings; results of different ones are not comparable
FPS, WIDTH, HEIGHT = 10, 640, 360
CONDITIONS = ("day", "sun", "rain", "wind", "night")
KINDS = (
    "walk", "pair", "loiter", "left", "removed", "blocked", "down", "gather", "wrong_way", "empty",
)  # fmt: skip
NEED_S = 0.5  # in the zone for so long: an intrusion
JOIN_S = 4.0  # a shorter pause is the same incident
LOITER_S, LEFT_S, BLOCKED_S, DOWN_S, CROWD, CROWD_S = 12.0, 12.0, 12.0, 5.0, 4, 4.0
LEAST_CONTRAST = 20  # grey levels between mean tones by day; at night all light is multiplied by 0.42

Place = tuple[float, float]  # metres: to the right of the camera's axis, and away from it


@dataclass
class Truth:
    """`due_s`: when the rule's condition was met; from begin to over the incident lasts."""

    kind: str
    begun_s: float
    due_s: float
    over_s: float
    direction: str = ""


@dataclass
class Actor:
    """Somebody. `path`: (second, place) corners; before the first and after the last it is not there."""

    path: list[tuple[float, Place]]
    tall_m: float
    look: np.ndarray  # 60 × 24 px of cloth
    gait_hz: float
    falls_s: float = 1e9
    sway: float = 0.0

    def at(self, s: float) -> tuple[Place, float] | None:
        """Where, and how fast (m/s)."""
        if not self.path[0][0] <= s < self.path[-1][0]:
            return None
        for (s0, (x0, z0)), (s1, (x1, z1)) in zip(self.path, self.path[1:], strict=False):
            if s0 <= s < s1:
                part, span = (s - s0) / (s1 - s0), s1 - s0
                return (x0 + (x1 - x0) * part, z0 + (z1 - z0) * part), float(np.hypot(x1 - x0, z1 - z0)) / span
        return None


@dataclass
class Thing:
    """A bag, a box or a car: there from `from_s` to `to_s`, at the end of `path`."""

    path: list[tuple[float, Place]]
    to_s: float
    wide_m: float
    tall_m: float
    look: np.ndarray

    def at(self, s: float) -> Place | None:
        if s < self.path[0][0] or s >= self.to_s:
            return None
        for (s0, (x0, z0)), (s1, (x1, z1)) in zip(self.path, self.path[1:], strict=False):
            if s0 <= s < s1:
                part = (s - s0) / (s1 - s0)
                return x0 + (x1 - x0) * part, z0 + (z1 - z0) * part
        return self.path[-1][1]


@dataclass
class GateScene:
    seed: int
    kind: str
    condition: str
    seconds: float = 40.0
    actors: list[Actor] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        draw = self._random.uniform
        self._focal, self._up_m = draw(480, 620), draw(2.6, 4.2)
        self._horizon = draw(10, 60)
        self._middle = WIDTH / 2 + draw(-60, 60)
        self.near_m, self.far_m = draw(6.5, 7.5), draw(11.5, 14.0)
        self._shadow = (draw(-0.9, 0.9), draw(-0.35, 0.1)) if self.condition == "sun" else (0.0, 0.0)
        self._ground()
        self.line_m = (self.near_m + self.far_m) / 2
        left, right = self.px(-2.6, self.line_m), self.px(2.6, self.line_m)
        if self.kind == "across":  # the camera stands beside the door and not before it
            left, right = self.px(0, self.far_m + 2.0), self.px(0, self.near_m - 1.5)
        corners = [
            self.px(-2.2, self.far_m), self.px(2.2, self.far_m), self.px(2.2, self.near_m), self.px(-2.2, self.near_m)
        ]  # fmt: skip
        self.zone_px = np.array([(np.clip(x, 0, WIDTH - 1), np.clip(y, 0, HEIGHT - 1)) for x, y in corners], np.float32)
        points = tuple((float(x) / WIDTH, float(y) / HEIGHT) for x, y in self.zone_px)
        watch = {
            "loiter": ("loitering",), "left": ("left_object", "removed_object"),
            "removed": ("left_object", "removed_object"), "blocked": ("blocked",), "down": ("person_down",),
            "gather": ("gathering",), "walk": ("intrusion",), "pair": ("intrusion",), "wrong_way": (),
        }.get(self.kind, ("intrusion", "loitering", "left_object", "removed_object", "blocked", "person_down",
                          "gathering"))  # fmt: skip
        self.zones = [
            Zone(name="zone", camera="gate", watch=watch, points=points, loiter_s=LOITER_S, left_s=LEFT_S,
                 blocked_s=BLOCKED_S, down_s=DOWN_S, crowd=CROWD, crowd_s=CROWD_S)
        ]  # fmt: skip
        lined = {
            "walk": ("crossing",),
            "pair": ("crossing",),
            "across": ("crossing",),
            "wrong_way": ("wrong_way",),
            "empty": ("crossing",),
        }
        # From right to left: whoever comes towards the camera comes from the left of who looks that way … out.
        self.lines = [
            Line(name="line", camera="gate", watch=lined[self.kind],
                 points=((left[0] / WIDTH, left[1] / HEIGHT), (right[0] / WIDTH, right[1] / HEIGHT)))
        ] if self.kind in lined else []  # fmt: skip
        self._line_px = (left, right)
        getattr(self, f"_{self.kind}")()
        self._tell()

    # ---- the camera

    def px(self, x_m: float, z_m: float, up_m: float = 0.0) -> tuple[float, float]:
        return (
            self._middle + self._focal * x_m / z_m,
            self._horizon + self._focal * (self._up_m - up_m) / z_m,
        )

    # ---- what happens

    def _walk(self) -> None:
        for n in range(int(self._random.integers(1, 3))):
            self._passer(6.0 + 14.0 * n + self._random.uniform(0, 3))

    def _pair(self) -> None:
        """Two close together: side by side, or one behind the other."""
        start, lane = 7.0 + self._random.uniform(0, 3), self._random.uniform(-0.9, 0.3)
        towards = bool(self._random.random() < 0.5)
        speed = self._random.uniform(0.9, 1.4)
        beside = bool(self._random.random() < 0.5)
        self._passer(start, lane, towards, speed)
        if beside:
            self._passer(
                start + self._random.uniform(-0.15, 0.15), lane + self._random.uniform(0.55, 0.9), towards, speed
            )
        else:
            self._passer(start + self._random.uniform(0.8, 1.6), lane + self._random.uniform(-0.2, 0.2), towards, speed)

    def _across(self) -> None:
        """Two, one behind the other, past a camera that sees them from the side."""
        start, lane = 7.0 + self._random.uniform(0, 3), self._random.uniform(self.near_m + 1.0, self.far_m - 1.5)
        speed, side = self._random.uniform(0.9, 1.4), self._side(7.0)
        for late, aside in ((0.0, 0.0), (self._random.uniform(0.8, 1.6), self._random.uniform(-0.2, 0.2))):
            came, took = start + late, 14.0 / speed
            self.actors.append(self._somebody([(came, (side, lane + aside)), (came + took, (-side, lane + aside))]))
            self.seconds = max(self.seconds, came + took + 4)

    def _wrong_way(self) -> None:
        for n in range(2):
            self._passer(6.0 + 14.0 * n + self._random.uniform(0, 3))

    def _loiter(self) -> None:
        stays = bool(self._random.random() < 0.7)
        arrive, place = 6.0 + self._random.uniform(0, 2), (self._random.uniform(-1, 1), self._random.uniform(8.5, 10.5))
        path = [(arrive, (self._side(7.0), place[1])), (arrive + 5.0, place)]
        if stays:
            s = arrive + 5.0
            until = s + LOITER_S + self._random.uniform(4, 12)
            while s < until:
                pause = self._random.uniform(2.0, 6.0)
                path.append((s + pause, path[-1][1]))
                near = (place[0] + self._random.uniform(-0.8, 0.8), place[1] + self._random.uniform(-0.8, 0.8))
                s += pause + self._random.uniform(1.0, 2.0)
                path.append((s, near))
        else:
            path.append((arrive + 5.0 + self._random.uniform(0, 3), place))
        end = path[-1][0]
        path.append((end + 5.0, (self._side(7.0), path[-1][1][1])))
        self.actors.append(self._somebody(path))
        self.seconds = max(self.seconds, end + 8.0)

    def _left(self) -> None:
        place, drop = (
            (self._random.uniform(-1.2, 1.2), self._random.uniform(8.0, 10.5)),
            10.0 + self._random.uniform(0, 2),
        )
        side = self._side(6.0)
        self.actors.append(
            self._somebody(
                [
                    (drop - 4.5, (side, place[1])),
                    (drop - 0.5, place),
                    (drop + 1.0, place),
                    (drop + 5.5, (-side, place[1])),
                ]
            )
        )
        taken = bool(self._random.random() < 0.3)  # somebody fetches it in time
        to_s = drop + 7.0 if taken else 1e9
        if taken:
            back = drop + 7.0
            self.actors.append(
                self._somebody(
                    [(back - 4.5, (side, place[1])), (back, place), (back + 1, place), (back + 5, (side, place[1]))]
                )
            )
        self.things.append(self._bag([(drop, (place[0] + 0.35, place[1]))], to_s))
        if not taken:
            self.truths.append(Truth("left_object", drop, drop + LEFT_S, self.seconds))

    def _removed(self) -> None:
        place, take = (
            (self._random.uniform(-1.2, 1.2), self._random.uniform(8.0, 10.5)),
            12.0 + self._random.uniform(0, 2),
        )
        side = self._side(6.0)
        self.things.append(self._bag([(-10.0, (place[0] + 0.35, place[1]))], take))
        self.actors.append(
            self._somebody(
                [(take - 4.5, (side, place[1])), (take - 0.5, place), (take + 1, place), (take + 5, (-side, place[1]))]
            )
        )
        self.truths.append(Truth("removed_object", take, take + LEFT_S, self.seconds))

    def _blocked(self) -> None:
        arrive, place = (
            8.0 + self._random.uniform(0, 2),
            (self._random.uniform(-0.8, 0.8), self._random.uniform(9.0, 11.0)),
        )
        stays = bool(self._random.random() < 0.75)
        leave = arrive + (30.0 if stays else 4.0 + self._random.uniform(0, 4))
        path = [
            (arrive - 4.0, (self._side(14.0), place[1])),
            (arrive, place),
            (leave, place),
            (leave + 4, (self._side(14.0), place[1])),
        ]
        self.things.append(Thing(path, leave + 4, 3.6, 1.45, self._cloth((40, 80), 0.5)))
        self.seconds = max(40.0, leave + 6.0)
        if stays:
            self.truths.append(Truth("blocked", arrive, arrive + BLOCKED_S, leave + 1))

    def _down(self) -> None:
        arrive, place = 7.0 + self._random.uniform(0, 2), (self._random.uniform(-1, 1), self._random.uniform(8.0, 10.5))
        side = self._side(6.0)
        falls = bool(self._random.random() < 0.7)
        actor = self._somebody(
            [
                (arrive, (side, place[1])),
                (arrive + 4.5, place),
                (arrive + 20.0, place),
                (arrive + 24.0, (-side, place[1])),
            ]
        )
        if falls:
            actor.falls_s = arrive + 6.0
            actor.path = [*actor.path[:2], (self.seconds + 1, place)]
            self.truths.append(Truth("person_down", actor.falls_s, actor.falls_s + 0.8 + DOWN_S, self.seconds))
        self.actors.append(actor)

    def _gather(self) -> None:
        count = (
            int(self._random.integers(CROWD, CROWD + 3))
            if self._random.random() < 0.7
            else int(self._random.integers(1, CROWD - 1))
        )
        arrive = 6.0
        for n in range(count):
            place = (-1.6 + 3.2 * (n + 0.5) / count, self._random.uniform(8.3, 11.0))
            at = arrive + n * self._random.uniform(0.8, 1.5)
            side = self._side(6.5)
            self.actors.append(
                self._somebody(
                    [(at, (side, place[1])), (at + 4.5, place), (at + 20.0, place), (at + 24.5, (side, place[1]))],
                    sway=0.02,
                )
            )

    def _empty(self) -> None:
        return

    def _passer(
        self, start: float, lane: float | None = None, towards: bool | None = None, speed: float | None = None
    ) -> None:
        lane = self._random.uniform(-1.5, 1.5) if lane is None else lane
        towards = bool(self._random.random() < 0.5) if towards is None else towards
        speed = self._random.uniform(0.9, 1.6) if speed is None else speed
        ends = (self.far_m + 4.0, self.near_m - 2.0) if towards else (self.near_m - 2.0, self.far_m + 4.0)
        drift = self._random.uniform(-0.5, 0.5) if self.kind != "pair" else 0.0
        took = abs(ends[1] - ends[0]) / speed
        self.actors.append(self._somebody([(start, (lane, ends[0])), (start + took, (lane + drift, ends[1]))]))
        self.seconds = max(self.seconds, start + took + 4)

    def _side(self, far: float) -> float:
        return far if self._random.random() < 0.5 else -far

    def _somebody(self, path: list[tuple[float, Place]], sway: float = 0.015) -> Actor:
        look = self._cloth((60, 24), 0.35)
        for first, last in ((0, 9), (9, 30), (30, 60)):  # head, coat, trousers
            part = look[first:last]
            part += self._other_tone() - part.mean()
        return Actor(
            path, self._random.uniform(1.55, 1.85), np.clip(look, 12, 240), self._random.uniform(0.8, 1.1), sway=sway
        )

    def _bag(self, path: list[tuple[float, Place]], to_s: float) -> Thing:
        return Thing(
            path, to_s, self._random.uniform(0.35, 0.6), self._random.uniform(0.4, 0.65), self._cloth((16, 16), 0.4)
        )

    def _cloth(self, shape: tuple[int, int], rough: float) -> np.ndarray:
        """A tone that differs from the ground's, and texture."""
        tone = self._other_tone()
        fine = self._random.normal(0, 1, shape).astype(np.float32)
        coarse = cv2.resize(
            self._random.normal(0, 1, (5, 4)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC
        )
        return np.clip(tone + 25 * rough * fine + 50 * rough * coarse, 10, 245).astype(np.float32)

    def _other_tone(self) -> float:
        tone = self._tone
        while abs(tone - self._tone) < LEAST_CONTRAST:
            tone = self._random.uniform(15, 235)
        return tone

    # ---- the truth

    def feet(self, actor: Actor, s: float) -> tuple[float, float] | None:
        placed = actor.at(s)
        return None if placed is None else self.px(*placed[0])

    def _tell(self) -> None:
        times = np.arange(0, self.seconds, 1 / FPS)
        inside = np.array([[self._inside(self.feet(actor, s)) for s in times] for actor in self.actors], bool)
        watch = self.zones[0].watch
        if "intrusion" in watch and len(self.actors):
            for begun, over in _spans(inside.any(axis=0), times, JOIN_S):
                if over - begun >= NEED_S:
                    self.truths.append(Truth("intrusion", begun, begun + NEED_S, over))
        if "loitering" in watch and len(self.actors):
            for row in inside:
                for begun, over in _spans(row, times, 3.0):
                    if over - begun >= LOITER_S:
                        self.truths.append(Truth("loitering", begun, begun + LOITER_S, over))
        if "gathering" in watch and len(self.actors):
            for begun, over in _spans(inside.sum(axis=0) >= CROWD, times, 1.5):
                if over - begun >= CROWD_S:
                    self.truths.append(Truth("gathering", begun, begun + CROWD_S, over))
        for line in self.lines:
            for actor in self.actors:
                self._cross(line, actor, times)

    def _cross(self, line: Line, actor: Actor, times: np.ndarray) -> None:
        (ax, ay), (bx, by) = self._line_px
        before = 0.0
        for s in times:
            feet = self.feet(actor, s)
            if feet is None:
                continue
            side = np.sign((bx - ax) * (feet[1] - ay) - (by - ay) * (feet[0] - ax))
            if before and side and side != before:
                direction = "in" if side > 0 else "out"
                if "crossing" in line.watch:
                    self.truths.append(Truth("crossing", s, s, s, direction))
                elif direction != line.allowed:
                    self.truths.append(Truth("wrong_way", s, s, s, direction))
            before = side or before

    def _inside(self, feet: tuple[float, float] | None) -> bool:
        return feet is not None and cv2.pointPolygonTest(self.zone_px, feet, False) >= 0

    # ---- the pictures

    def _ground(self) -> None:
        self._tone = self._random.uniform(70, 160)
        canvas = np.full((HEIGHT, WIDTH), self._tone, np.float32)
        for size, depth in ((4, 12.0), (12, 10.0), (40, 8.0), (160, 6.0)):
            noise = self._random.normal(0, depth, (max(2, HEIGHT * size // 320), max(2, WIDTH * size // 320)))
            canvas += cv2.resize(noise.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        canvas += self._random.normal(0, 3, canvas.shape)
        for _ in range(6):  # joints and painted lines of the paving
            near, far = self.px(self._random.uniform(-5, 5), 5.5), self.px(self._random.uniform(-5, 5), 25)
            cv2.line(canvas, _whole(near), _whole(far), self._tone + self._random.uniform(-40, 60), 2, cv2.LINE_AA)
        wall = int(self._horizon + self._focal * self._up_m / 24)
        canvas[:wall] = cv2.GaussianBlur(self._random.normal(150, 22, (wall, WIDTH)).astype(np.float32), (5, 5), 0)
        for x in range(20, WIDTH - 40, 70):
            cv2.rectangle(canvas, (x, 4), (x + 36, max(8, wall - 14)), self._random.uniform(30, 90), -1)
        self._base = np.clip(canvas, 8, 235)
        self._leaves = cv2.GaussianBlur(self._random.normal(80, 60, (110, 170)).astype(np.float32), (5, 5), 0)
        self._leaf_at = (int(self._random.choice([0, WIDTH - 170])), 0)

    def frames(self, fps: int = FPS) -> Iterator[np.ndarray]:
        """height × width, 8 bits, `fps` a second."""
        rng = np.random.default_rng(self.seed + 1)
        nuisance = self._nuisance(rng)
        grain = rng.standard_normal((HEIGHT + 64, WIDTH + 64), np.float32)
        level = {"night": 5.0, "rain": 3.0}.get(self.condition, 2.0)
        for n in range(int(self.seconds * fps)):
            s = n / fps
            canvas = self._base.copy()
            self._sway(canvas, s)
            moving = [(z, draw) for z, draw in self._drawn(s)]
            for _, draw in sorted(moving, key=lambda pair: -pair[0]):
                draw(canvas)
            canvas = nuisance(canvas, s)
            y, x = rng.integers(0, 64, 2)
            canvas += level * grain[y : y + HEIGHT, x : x + WIDTH]
            yield np.clip(canvas, 0, 255).astype(np.uint8)

    def _sway(self, canvas: np.ndarray, s: float) -> None:
        gust = 7.0 if self.condition == "wind" else 1.0
        x, y = self._leaf_at
        shift = gust * (np.sin(2 * np.pi * 0.45 * s) + 0.5 * np.sin(2 * np.pi * 1.1 * s + 1))
        move = np.array([[1, 0.02 * shift, shift], [0, 1, 0.3 * shift]], np.float32)
        leaves = cv2.warpAffine(self._leaves, move, (170, 110), borderMode=cv2.BORDER_REFLECT)
        canvas[y : y + 110, x : x + 170] = np.clip(leaves, 10, 220)

    def _drawn(self, s: float) -> Iterator[tuple[float, Callable[[np.ndarray], None]]]:
        for thing in self.things:
            place = thing.at(s)
            if place is not None:
                yield place[1], lambda canvas, thing=thing, place=place: self._draw_thing(canvas, thing, place)
        for actor in self.actors:
            placed = actor.at(s)
            if placed is not None:
                yield (
                    placed[0][1],
                    lambda canvas, actor=actor, placed=placed: self._draw_actor(canvas, actor, placed, s),
                )

    def _draw_thing(self, canvas: np.ndarray, thing: Thing, place: Place) -> None:
        x, y = self.px(*place)
        scale = self._focal / place[1]
        width, height = max(2, round(thing.wide_m * scale)), max(2, round(thing.tall_m * scale))
        look = cv2.resize(thing.look, (width, height), interpolation=cv2.INTER_LINEAR)
        look[-max(1, height // 8) :] *= 0.6
        alpha = np.zeros((height, width), np.float32)
        cv2.rectangle(alpha, (1, 1), (width - 2, height - 1), 1.0, -1)
        _blend(canvas, look, cv2.GaussianBlur(alpha, (3, 3), 0), round(x - width / 2), round(y - height))

    def _draw_actor(self, canvas: np.ndarray, actor: Actor, placed: tuple[Place, float], s: float) -> None:
        place, speed = placed
        x, y = self.px(*place)
        height = actor.tall_m * self._focal / place[1]
        lying = min(1.0, max(0.0, (s - actor.falls_s) / 0.8))
        sway = actor.sway * height * np.sin(2 * np.pi * 0.35 * s + actor.gait_hz * 40) if speed < 0.2 else 0.0
        alpha = _figure(height, actor.gait_hz * s if speed >= 0.2 else 0.0, lying, speed >= 0.2)
        look = cv2.resize(actor.look, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        if lying > 0.5:
            look = cv2.resize(np.ascontiguousarray(actor.look.T), alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        left, top = x + sway - alpha.shape[1] / 2, y - alpha.shape[0]
        if self.condition == "sun":
            self._cast(canvas, alpha, x, y)
        canvas_x = round(left)
        part = np.array([[1, 0, left - canvas_x], [0, 1, top - round(top)]], np.float32)
        alpha = cv2.warpAffine(alpha, part, alpha.shape[::-1])
        _blend(canvas, look, alpha, canvas_x, round(top))

    def _cast(self, canvas: np.ndarray, alpha: np.ndarray, x: float, y: float) -> None:
        height, width = alpha.shape
        lean, rise = self._shadow
        move = np.array([[1, -lean, x - width / 2 + lean * height], [0, rise, y - rise * height]], np.float32)
        shadow = cv2.warpAffine(alpha, move, (WIDTH, HEIGHT))
        canvas *= 1 - 0.42 * cv2.GaussianBlur(shadow, (3, 3), 0)

    def _nuisance(self, rng: np.random.Generator) -> Callable[[np.ndarray, float], np.ndarray]:
        if self.condition in {"day", "wind"}:
            return self._animals(rng)
        if self.condition == "sun":
            start, deep, span = rng.uniform(4, 20), rng.uniform(0.2, 0.4), rng.uniform(2, 6)

            def cloud(canvas: np.ndarray, s: float) -> np.ndarray:
                edge = WIDTH * (s - start) / span
                field_ = 1 / (1 + np.exp(np.clip((np.arange(WIDTH, dtype=np.float32) - edge) / 60, -30, 30)))
                return canvas * (1 - deep * field_)[None]

            return cloud
        if self.condition == "rain":

            def rain(canvas: np.ndarray, s: float) -> np.ndarray:
                drops = rng.integers(60, 180)
                for x, y, length in zip(
                    rng.uniform(0, WIDTH, drops), rng.uniform(0, HEIGHT, drops), rng.uniform(6, 26, drops), strict=True
                ):
                    cv2.line(
                        canvas,
                        (int(x), int(y)),
                        (int(x + length * 0.15), int(y + length)),
                        float(rng.uniform(150, 235)),
                        1,
                        cv2.LINE_AA,
                    )
                return canvas * 0.85 + 20

            return rain
        starts = [(rng.uniform(4, 30), 1 if rng.random() < 0.5 else -1) for _ in range(2)]
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

        def night(canvas: np.ndarray, s: float) -> np.ndarray:
            light = np.full(canvas.shape, 0.42, np.float32)
            for start, way in starts:
                if start <= s <= start + 5:
                    x = WIDTH / 2 + way * WIDTH * ((s - start) / 5 - 0.5) * 1.6
                    light += 0.9 * np.exp(-(((columns - x) / 120) ** 2 + ((rows - 230) / 60) ** 2))
            return canvas * light

        return night

    def _animals(self, rng: np.random.Generator) -> Callable[[np.ndarray, float], np.ndarray]:
        """A bird across the picture and a cat across the ground, in some scenes."""
        bird, cat = rng.uniform(5, 35), rng.uniform(5, 35) if rng.random() < 0.4 else 1e9
        height, row = rng.uniform(60, 250), rng.uniform(200, 320)

        def pass_(canvas: np.ndarray, s: float) -> np.ndarray:
            if bird <= s <= bird + 1.6:
                x = WIDTH * (s - bird) / 1.6
                cv2.ellipse(
                    canvas, (int(x), int(height + 12 * np.sin(9 * s))), (7, 3), 20, 0, 360, 30.0, -1, cv2.LINE_AA
                )
            if cat <= s <= cat + 7:
                x = WIDTH * (s - cat) / 7
                cv2.ellipse(canvas, (int(x), int(row)), (9, 4), 0, 0, 360, 35.0, -1, cv2.LINE_AA)
                cv2.circle(canvas, (int(x + 9), int(row - 4)), 3, 35.0, -1, cv2.LINE_AA)
            return canvas

        return pass_


def _figure(height: float, phase: float, lying: float, walking: bool) -> np.ndarray:
    """A person's outline, 0..1, height × about 0.55 height; lying: on its side. Drawn twice as large, then reduced."""
    tall = max(8, round(2 * height))
    wide = max(6, round(0.62 * tall))
    canvas = np.zeros((tall, wide), np.uint8)
    middle = wide // 2
    swing = np.sin(2 * np.pi * phase) * 0.16 * tall if walking else 0.03 * tall
    thick = max(1, round(0.085 * tall))
    hip, neck, foot = int(0.52 * tall), int(0.17 * tall), tall - 1 - thick // 2
    for way in (1, -1):
        cv2.line(canvas, (middle, hip), (int(middle + way * swing), foot), 255, thick, cv2.LINE_AA)
        cv2.line(
            canvas,
            (middle, neck + thick),
            (int(middle - way * 0.8 * swing - way * 0.05 * tall), int(0.48 * tall)),
            255,
            max(1, thick * 2 // 3),
            cv2.LINE_AA,
        )
    cv2.ellipse(
        canvas,
        (middle, (neck + hip) // 2),
        (round(0.12 * tall), (hip - neck) // 2 + thick // 2),
        0,
        0,
        360,
        255,
        -1,
        cv2.LINE_AA,
    )
    cv2.circle(canvas, (middle, int(0.085 * tall)), round(0.075 * tall), 255, -1, cv2.LINE_AA)
    figure = canvas.astype(np.float32) / 255
    if lying > 0:
        angle = np.deg2rad(90 * lying)
        size = (
            round(wide + (tall - wide) * lying * 1.1),
            max(round(tall * (1 - lying) + 0.3 * tall * lying), round(0.3 * tall)),
        )
        turn = cv2.getRotationMatrix2D((middle, tall - 1), float(np.rad2deg(angle)), 1.0)
        turn[0, 2] += size[0] * (0.5 + 0.45 * lying) - middle
        turn[1, 2] += size[1] - 1 - (tall - 1) - 0.13 * tall * lying
        figure = cv2.warpAffine(figure, turn, size)
    return cv2.resize(
        figure, (max(3, figure.shape[1] // 2), max(4, figure.shape[0] // 2)), interpolation=cv2.INTER_AREA
    )


def _blend(canvas: np.ndarray, look: np.ndarray, alpha: np.ndarray, left: int, top: int) -> None:
    height, width = alpha.shape
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + width), min(HEIGHT, top + height)
    if x0 >= x1 or y0 >= y1:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    under = canvas[y0:y1, x0:x1]
    under += (look[part] - under) * alpha[part]


def _spans(yes: np.ndarray, times: np.ndarray, join_s: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for s in times[yes]:
        if found and s - found[-1][1] <= join_s:
            found[-1] = (found[-1][0], float(s))
        else:
            found.append((float(s), float(s)))
    return found


def _whole(at: tuple[float, float]) -> tuple[int, int]:
    return int(at[0]), int(at[1])


def through_codec(frames: Iterator[np.ndarray], crf: int = 26) -> Iterator[np.ndarray]:
    """The luma planes after H.264, as a camera of a few Mb/s would have sent them."""
    return decoded(encoded(frames, crf))


def encoded(frames: Iterator[np.ndarray], crf: int = 26) -> Iterator[bytes]:
    """Packets of H.264, a key frame every two seconds."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate, encoder.time_base = FPS, Fraction(1, FPS)
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "crf": str(crf), "g": str(2 * FPS)}
    encoder.thread_count = 1
    for gray in frames:
        frame = av.VideoFrame.from_ndarray(gray, format="gray").reformat(format="yuv420p")
        yield from (bytes(packet) for packet in encoder.encode(frame))
    yield from (bytes(packet) for packet in encoder.encode(None))


def decoded(packets: Iterator[bytes]) -> Iterator[np.ndarray]:
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    for packet in packets:
        yield from (luma(picture) for picture in decoder.decode(av.Packet(packet)))
    yield from (luma(picture) for picture in decoder.decode(None))


def luma(picture) -> np.ndarray:
    plane = picture.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
