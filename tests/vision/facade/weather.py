"""What disturbs: each a class with `paint(picture, frame)`, seeded, none of it a falling object. `came` counts it."""

from collections import Counter

import cv2
import numpy as np

from tests.vision.facade import BLIND, FPS
from tests.vision.facade.camera import Camera
from tests.vision.facade.objects import smear

DIVE_FRAMES = 7  # as many as the watch needs


class Noise:
    """Shot and read noise from a pool, as a sensor with automatic gain has it."""

    def __init__(self, rng, picture: np.ndarray, night: bool) -> None:
        read, shot = (rng.uniform(3, 6), 0.25) if night else (rng.uniform(0.8, 2.0), 0.04)
        sigma = np.sqrt(read**2 + shot * picture.astype(np.float32))
        normal = [rng.standard_normal(picture.shape, np.float32) for _ in range(6)]
        self.pool = [np.clip(one * sigma, -127, 127).astype(np.int8) for one in normal]
        self.order = rng.integers(0, 6, 4096)

    def paint(self, picture: np.ndarray, frame: int) -> None:
        noise = self.pool[self.order[frame % 4096]]
        turn = int(self.order[(frame * 7 + 3) % 4096])
        if turn & 1:
            noise = noise[:, ::-1]
        if turn & 2:
            noise = noise[::-1]
        cv2.add(picture, noise, dst=picture, dtype=cv2.CV_8U)


class Clouds:
    def __init__(self, rng) -> None:
        self.phase, self.speed, self.depth = rng.uniform(0, 6, 4), rng.uniform(0.1, 0.6, 4), rng.uniform(0.04, 0.16)

    def paint(self, picture: np.ndarray, frame: int) -> None:
        y, x = np.mgrid[0:30, 0:17] / 17.0
        t = frame / FPS
        waves = sum(
            np.sin(a + s * t + (n + 1) * (x * 0.9 + y * 0.5))
            for n, (a, s) in enumerate(zip(self.phase, self.speed, strict=True))
        )
        gain = np.clip(128 * (1 + self.depth * waves / 2), 60, 200).astype(np.uint8)
        field = cv2.resize(gain, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(picture, field, dst=picture, scale=1 / 128)


class Rain:
    """Drops as particles near the lens: speed and length by depth, wind; a drop lasts as long as it is in view."""

    def __init__(self, rng, camera: Camera, level: float) -> None:
        self.rng, self.camera, self.count = rng, camera, int(350 * level)
        self.depth = rng.uniform(2.0, 14.0, self.count)
        self.u, self.v = rng.uniform(0, camera.width, self.count), rng.uniform(0, camera.height, self.count)
        self.speed, self.wind = rng.uniform(6, 9, self.count), rng.uniform(-2, 2)
        self.exposed_s = rng.uniform(1 / 250, 1 / 60)

    def paint(self, picture: np.ndarray, frame: int) -> None:
        px = self.camera.focal_px / self.depth
        self.v += px * self.speed / FPS
        self.u += px * self.wind / FPS
        gone = (self.v > self.camera.height) | (self.u < 0) | (self.u > self.camera.width)
        n = int(gone.sum())
        self.v[gone] = self.rng.uniform(-0.3, 1.0, n) * self.camera.height * (self.rng.random(n) < 0.5)
        self.u[gone], self.depth[gone] = self.rng.uniform(0, self.camera.width, n), self.rng.uniform(2.0, 14.0, n)
        layer = np.zeros_like(picture)
        dv, du = px * self.speed * self.exposed_s, px * self.wind * self.exposed_s
        for level, near in ((45, 4.0), (25, 8.0), (14, 14.0)):
            some = (self.depth <= near) & (self.depth > near - (2.0 if near == 4 else 4.0 if near == 8 else 6.0))
            lines = np.stack([self.u[some], self.v[some], self.u[some] + du[some], self.v[some] + dv[some]], 1)
            cv2.polylines(layer, list(lines.reshape(-1, 2, 2).round().astype(np.int32)), False, level, 1)
        cv2.add(picture, layer, dst=picture)


class Flyers:
    """Birds that cross, glide and dive off ledges (a dive is a fall of 0.3 to 1.1 s), and insects near the lens. One or
    a flock every `rate_s`; `dive`: share of the birds that do. Those that dive in the picture for DIVE_FRAMES and more
    are counted apart, too."""

    def __init__(
        self, rng, camera: Camera, insects: bool, rate_s: float, came: Counter[str], dive: float = 0.0
    ) -> None:  # fmt: skip
        self.rng, self.camera, self.insects, self.rate, self.dive = rng, camera, insects, rate_s, dive
        self.flying: list[dict[str, float]] = []
        self.came = came

    def _new(self) -> dict[str, float]:
        rng, w, h = self.rng, self.camera.width, self.camera.height
        if self.insects:
            near = rng.uniform(0.4, 2.5)
            px = self.camera.focal_px * rng.uniform(0.004, 0.012) / near
            speed = self.camera.focal_px * rng.uniform(0.3, 1.5) / near
            a = rng.uniform(0, 6.28)
            return {
                "u": rng.uniform(0, w), "v": rng.uniform(0, h), "du": speed * np.cos(a), "dv": speed * np.sin(a),
                "size": px,
                "grey": rng.uniform(120, 250), "flap": 0, "left": rng.uniform(0.3, 3), "turn": 6.0, "dive": 0, "g": 0,
            }  # fmt: skip
        far = rng.uniform(min(12.0, 0.6 * self.camera.distance_m), self.camera.distance_m)
        m = self.camera.focal_px / far
        dive = rng.random() < self.dive
        side = rng.choice([-1.0, 1.0])
        speed = rng.uniform(5, 14)
        start = rng.uniform(0.05, 0.6) * h if dive else rng.uniform(0.05, 0.9) * h
        return {
            "u": rng.uniform(0.1, 0.9) * w if dive else (-5 if side > 0 else w + 5), "v": start,
            "du": side * m * (rng.uniform(0, 2) if dive else speed), "dv": m * (0 if dive else rng.uniform(-3, 3)),
            "size": m * rng.uniform(0.15, 0.45),
            "grey": rng.uniform(15, 90) if rng.random() < 0.7 else rng.uniform(180, 240),
            "flap": rng.uniform(4, 9), "left": 8.0, "turn": rng.uniform(0.2, 1.5), "dive": rng.uniform(0.3, 1.1) * dive,
            "g": m * rng.uniform(5, 9), "m": m, "seen": 0,
        }  # fmt: skip

    def paint(self, picture: np.ndarray, frame: int) -> None:
        if self.rng.random() < 1 / FPS / self.rate:
            flock = 1 if self.insects or self.rng.random() < 0.7 else int(self.rng.integers(2, 7))
            new = [self._new() for _ in range(flock)]
            self.flying += new
            self.came["insects" if self.insects else "birds"] += flock
        for one in self.flying:
            one["left"] -= 1 / FPS
            if one["dive"] > 0:
                one["dive"] -= 1 / FPS
                inside = 0 <= one["u"] < self.camera.width and 0 <= one["v"] < self.camera.height and frame >= BLIND
                one["seen"] += inside
                self.came["dives"] += int(inside and one["seen"] == DIVE_FRAMES)
                one["dv"] += one["g"] / FPS
            elif one["g"]:
                one["dv"] *= 0.9  # it spreads its wings
                one["du"] += np.sign(one["du"] or 1) * one["m"] * 0.4
            turn = self.rng.normal(0, one["turn"]) / FPS * (4 if self.insects else 1)
            c, s = np.cos(turn), np.sin(turn)
            one["du"], one["dv"] = c * one["du"] - s * one["dv"], s * one["du"] + c * one["dv"]
            one["u"] += one["du"] / FPS
            one["v"] += one["dv"] / FPS
            open_ = 0.35 + 0.65 * abs(np.sin(one["flap"] * 3.14 * frame / FPS)) if one["flap"] else 1.0
            blur = np.linspace(-0.5, 0.5, 3) * 0.006
            soft = 0.35 if self.insects else 0.95
            smear(
                picture, one["u"] + one["du"] * blur, one["v"] + one["dv"] * blur, one["size"], max(0.2, 0.5 * open_),
                [20.0 * open_] * 3, one["grey"], soft,
            )  # fmt: skip
        margin = 60
        self.flying = [
            one for one in self.flying
            if one["left"] > 0
            and -margin < one["u"] < picture.shape[1] + margin
            and -margin < one["v"] < picture.shape[0] + margin
        ]  # fmt: skip


class Leaves:
    """Leaves, paper and plastic bags: terminal speed at once, swaying, drifting with the wind; `count` at a time."""

    def __init__(self, rng, camera: Camera, high_m: float, count: int, came: Counter[str]) -> None:
        self.rng, self.camera, self.high, self.came = rng, camera, high_m, came
        self.all = [self._new(rng.uniform(0, high_m)) for _ in range(count)]
        self.wind = rng.uniform(-1.5, 1.5)

    def _new(self, z: float) -> dict[str, float]:
        rng = self.rng
        return {
            "x": rng.uniform(-9, 9), "z": z, "out": rng.uniform(0.3, 0.7 * self.camera.distance_m),
            "fall": rng.uniform(0.6, 2.2),
            "sway": rng.uniform(0.1, 0.6), "at": rng.uniform(0, 6), "rate": rng.uniform(2, 6),
            "size": rng.uniform(0.04, 0.3), "grey": rng.uniform(30, 220), "seen": 0,
        }  # fmt: skip

    def paint(self, picture: np.ndarray, frame: int) -> None:
        t = frame / FPS
        for n, one in enumerate(self.all):
            swing = np.sin(one["rate"] * t + one["at"])
            one["z"] -= one["fall"] * (1 + 0.4 * swing) / FPS
            one["x"] += self.wind * (1 + 0.6 * np.sin(0.4 * t)) / FPS
            if one["z"] < 0:
                self.all[n] = self._new(self.high)
                continue
            u, v, depth = self.camera.pixels(one["x"] + one["sway"] * swing, one["z"], one["out"])
            size = one["size"] * self.camera.focal_px / float(depth)
            if 0 <= u < picture.shape[1] and 0 <= v < picture.shape[0] and size < 80:
                self.came["leaves"] += not one["seen"]
                one["seen"] = 1
                smear(picture, [float(u)], [float(v)], size, 0.3 + 0.6 * abs(swing), [40.0 * swing], one["grey"])


class Cloth:
    """Laundry and flags: patches of the picture with stripes, sheared by gusts."""

    def __init__(self, rng, picture: np.ndarray, count: int) -> None:
        self.parts = []
        height, width = picture.shape
        for _ in range(count):
            w, h = int(rng.uniform(0.02, 0.05) * width), int(rng.uniform(0.02, 0.05) * height)
            x, y = int(rng.uniform(0.15, 0.8) * width), int(rng.uniform(0.1, 0.9) * (height - h - 10))
            stripes = 128 + 90 * np.sin(np.linspace(0, rng.uniform(3, 25), w))[None] * np.ones((h, 1))
            self.parts.append(
                (x, y, stripes.astype(np.uint8), rng.uniform(0, 6), rng.uniform(2, 7), rng.uniform(1, 0.35 * w + 1.5))
            )

    def paint(self, picture: np.ndarray, frame: int) -> None:
        t = frame / FPS
        for x, y, cloth, phase, rate, reach in self.parts:
            gust = max(0.0, np.sin(0.3 * t + phase)) * reach
            h, w = cloth.shape
            rows = np.linspace(0, 1, h)
            shift = gust * rows * np.sin(rate * t + phase + 2 * rows)
            columns = np.clip(np.arange(w)[None] + np.round(shift)[:, None], 0, w - 1).astype(int)
            part = picture[y : y + h, x : x + w]
            part[:] = np.take_along_axis(cloth, columns, 1)[: part.shape[0], : part.shape[1]]


class Lamps:
    """Headlamps that sweep over the lower floors, and windows that light up and go dark, `often` times as often as
    usual."""

    def __init__(self, rng, windows: list[np.ndarray], often: int, came: Counter[str]) -> None:
        self.rng, self.windows, self.often, self.came = rng, windows, often, came
        self.lit: dict[int, float] = {}
        self.sweeps = [(rng.uniform(0, 20), rng.uniform(2, 6), rng.choice([-1.0, 1.0])) for _ in range(3 * often)]
        y, x = np.mgrid[-1:1:64j, -1:1:64j]
        self.glow = np.clip(70 * np.exp(-3 * (x * x + y * y)), 0, 255).astype(np.uint8)

    def paint(self, picture: np.ndarray, frame: int) -> None:
        t, (height, width) = frame / FPS, picture.shape
        for since, lasts, side in self.sweeps:
            part = ((t - since) % 20) / lasts
            if 0 <= part < 1:
                at = part if side > 0 else 1 - part
                w, h = width // 2, height // 5
                glow = cv2.resize(self.glow, (w, h))
                x, y = int(at * width * 1.5 - w), int(0.75 * height)
                x1, x2 = max(0, x), min(width, x + w)
                if x2 > x1:
                    where = picture[y : y + h, x1:x2]
                    where[:] = cv2.add(where, glow[: where.shape[0], x1 - x : x2 - x])
        if self.windows and self.rng.random() < 0.3 * self.often / FPS:
            self.came["windows"] += 1
            n = int(self.rng.integers(len(self.windows)))
            if n in self.lit:
                del self.lit[n]
            else:
                self.lit[n] = float(self.rng.uniform(60, 230))
        for n, grey in self.lit.items():
            cv2.fillPoly(picture, [self.windows[n]], grey)


class Shake:
    """A pole in the wind: the whole picture moves."""

    def __init__(self, rng, most_px: float) -> None:
        self.rng, self.sigma, self.at = rng, most_px, np.zeros(2)

    def moved(self, picture: np.ndarray) -> np.ndarray:
        self.at = 0.9 * self.at + self.rng.normal(0, self.sigma * 0.3, 2)
        return cv2.warpAffine(
            picture, np.array([[1, 0, self.at[0]], [0, 1, self.at[1]]], np.float32), picture.shape[::-1],
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
