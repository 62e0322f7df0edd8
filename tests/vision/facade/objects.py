"""What falls, and its truth: size, drag, release by hand or thrown, where it is seen in each frame."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from tests.vision.facade import FPS
from tests.vision.facade.camera import Camera
from tests.vision.facade.wall import BALCONY_M, PARAPET_M, SLAB_M, balcony_sides

G = 9.81
SUBSTEPS = 24
EXPOSED_S = (1 / 500, 1 / 100)


@dataclass
class Fall:
    """Truth of one fall. `contrast`: grey levels from the median of what is behind its way, as drawn. `seen`: frame, u,
    v, size in px of each frame in which it is in the picture and not hidden; `against`: grey levels between it and what
    is behind it there.
    """

    released_s: float
    floor: int
    column: int
    size_m: float
    contrast: float
    terminal_mps: float
    thrown: bool
    path: np.ndarray  # steps × 4: s, x, z, out
    grey: float = 0.0
    impact_s: float = 0.0
    seen: list[tuple[int, float, float, float]] = field(default_factory=list)
    against: list[float] = field(default_factory=list)

    @property
    def px(self) -> float:
        """Median size in px over the first half of what is seen."""
        sizes = [size for *_, size in self.seen] or [0.0]
        return float(np.median(sizes[: max(1, len(sizes) // 2)]))

    @property
    def contrast_seen(self) -> float:
        """Median grey levels between it and what it passes."""
        return float(np.median(self.against or [0.0]))


def draw_fall(
    rng, released_s: float, seen: tuple[int, int], floors: int, floor_m: float, column_m: float, columns: int,
    balconies: bool,
) -> Fall:  # fmt: skip
    """One that reaches the street, from one of the floors that are `seen`: what lands on a balcony is drawn anew, and
    who stands on one lets go beyond its parapet."""
    sides = balcony_sides(column_m, columns) if balconies else []
    floor = int(rng.integers(seen[0], seen[1] + 1))
    thrown = bool(rng.random() < 0.35)
    dense = rng.random() < 0.6
    terminal = rng.uniform(25, 45) if dense else rng.uniform(13, 25)
    while True:
        column = int(rng.integers(1, columns + 1))
        x = (column - 0.5 - columns / 2) * column_m + rng.uniform(-0.25, 0.25) * column_m
        out = rng.uniform(0.2, 0.5) + (BALCONY_M if any(left < x < right for left, right in sides) else 0.0)
        state = np.array([
            x, (floor - 1) * floor_m + rng.uniform(0.95, 1.7), out,
            rng.uniform(-2, 2) if thrown else rng.normal(0, 0.15),
            rng.uniform(-0.5, 2.0) if thrown else 0.0,
            rng.uniform(1.0, 4.0) if thrown else rng.uniform(0.0, 0.4),
        ])  # fmt: skip
        path = way(state, released_s, terminal)
        _, x, z, out = path.T
        low = (out < BALCONY_M) & (z > floor_m - SLAB_M) & (z < (floors - 1) * floor_m + PARAPET_M)
        if not any(((x > left) & (x < right) & low).any() for left, right in sides):
            break
    size = float(np.exp(rng.uniform(np.log(0.06), np.log(0.40))))
    contrast = float(rng.choice([8, 12, 20, 30, 35, 45, 60, 90], p=[0.05, 0.06, 0.09, 0.16, 0.16, 0.16, 0.16, 0.16]))
    return Fall(released_s, floor, column, size, contrast, terminal, thrown, path, impact_s=float(path[-1, 0]))


def way(state: np.ndarray, t: float, terminal: float) -> np.ndarray:
    """s, x, z, out until it hits the street, with the drag of what falls at `terminal` m/s in the end."""
    step, until, rows = 1 / FPS / SUBSTEPS, t + 8, []
    while state[1] > 0 and t < until:
        rows.append((t, *state[:3]))
        pull = -G / terminal**2 * np.linalg.norm(state[3:]) * state[3:] + np.array([0, -G, 0])
        state[:3] += state[3:] * step + pull * step * step / 2
        state[3:] += pull * step
        t += step
    return np.array(rows)


class Body:
    """An object as the sensor sees it: an ellipse that spins, integrated over the exposure, with partial pixels."""

    def __init__(self, rng, camera: Camera, fall: Fall, picture: np.ndarray) -> None:
        self.camera, self.fall = camera, fall
        self.exposed_s = rng.uniform(*EXPOSED_S)
        self.ratio, self.spin, self.phase = rng.uniform(0.5, 1.0), rng.uniform(-6, 6), rng.uniform(0, 3)
        u, v, _ = camera.pixels(fall.path[:, 1], fall.path[:, 2], fall.path[:, 3])
        inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        under = (
            picture[v[inside].astype(int), u[inside].astype(int)].astype(float) if inside.any() else np.array([100.0])
        )
        middle = float(np.median(under))
        darker, brighter = middle - fall.contrast, middle + fall.contrast
        fall.grey = darker if (darker > 5 and (rng.random() < 0.5 or brighter > 250)) else min(250.0, brighter)

    def paint(self, picture: np.ndarray, frame: int, hidden: np.ndarray) -> None:
        path, t = self.fall.path, frame / FPS
        if not path[0, 0] <= t <= path[-1, 0]:
            return
        times = np.linspace(t - self.exposed_s / 2, t + self.exposed_s / 2, 6)
        x, z, out = (np.interp(times, path[:, 0], path[:, n]) for n in (1, 2, 3))
        u, v, depth = self.camera.pixels(x, z, out)
        size = self.fall.size_m * self.camera.focal_px / float(depth.mean())
        middle = round(float(u.mean())), round(float(v.mean()))
        if not (0 <= middle[0] < picture.shape[1] and 0 <= middle[1] < picture.shape[0]):
            return
        if hidden[middle[1], middle[0]] and out.mean() < 1.2:
            return
        self.fall.seen.append((frame, float(u.mean()), float(v.mean()), size))
        behind = picture[max(0, middle[1] - 1) : middle[1] + 2, max(0, middle[0] - 1) : middle[0] + 2]
        self.fall.against.append(abs(self.fall.grey - float(behind.mean())))
        smear(picture, u, v, size, self.ratio, np.degrees(self.phase + self.spin * times), self.fall.grey)


def smear(picture: np.ndarray, u, v, size: float, ratio: float, turned, grey: float, most: float = 1.0) -> None:
    """Paints an ellipse of `size` px at each u, v with equal shares of light; partial pixels by fourfold sampling."""
    over = 4
    reach = int(np.ceil(size / 2)) + 2
    x1, y1 = max(0, int(min(u)) - reach), max(0, int(min(v)) - reach)
    x2, y2 = min(picture.shape[1], int(max(u)) + reach + 1), min(picture.shape[0], int(max(v)) + reach + 1)
    if x2 <= x1 or y2 <= y1:
        return
    cover = np.zeros((y2 - y1, x2 - x1), np.float32)
    for one, other, angle in zip(u, v, turned, strict=True):
        mask = np.zeros(((y2 - y1) * over, (x2 - x1) * over), np.uint8)
        centre = round((one - x1 + 0.5) * over * 16), round((other - y1 + 0.5) * over * 16)
        axes = max(1, round(size / 2 * over * 16)), max(1, round(size / 2 * ratio * over * 16))
        points = cv2.ellipse2Poly((0, 0), (max(1, axes[0]), max(1, axes[1])), int(angle) % 360, 0, 360, 15) + np.array(
            centre
        )
        cv2.fillPoly(mask, [points.astype(np.int32)], 255, shift=4)
        cover += cv2.resize(mask, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA).astype(np.float32)
    cover *= most / 255 / len(u)
    cover = cv2.GaussianBlur(cover, (3, 3), 0.5)
    part = picture[y1:y2, x1:x2]
    part[:] = np.clip(part + (grey - part) * cover, 0, 255).astype(np.uint8)
