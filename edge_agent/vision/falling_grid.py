"""From pixels to metres on a wall and back, fitted to clicked lines of known floors and columns.

The wall is a plane, so a homography with one lens term does it: x, z = numerators / denominator after the undistortion
of the point, (u, v) → (u, v) / (1 - k r²) about the middle of the frame (the division model: one term is enough for
wide lenses). Nobody is asked for focal length, tilt, roll or distance: on clicked lines the height is right to
centimetres, with a tilt that is half a degree wrong it is a floor off. Where no columns were clicked, square pixels and
the height of the lens say which way is across and how wide a metre is.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Facade

Array = npt.NDArray[np.float64]

K_USUAL, K_PRIOR = 0.05, 0.2  # the lens of a camera as they are sold, from long to wide; beyond, the lines must insist
CLICK_PX = 3.0  # how well somebody clicks
RESIDUAL_MOST_PX = 12.0  # worse lines are not of one wall
LENSES = np.linspace(-0.3, 0.5, 81)


@dataclass(frozen=True)
class Grid:
    """A calibrated wall. `h`: 3 × 3, rows numerator of x, of z, denominator, of undistorted points; `foot_m`: x of the
    point of the wall that is nearest to the lens."""

    facade: Facade
    h: Array
    k: float
    distance_m: float
    foot_m: float
    residual_px: float
    id: str

    def metres(self, u: Any, v: Any) -> tuple[Array, Array]:
        """x, z in m of points in px of the calibrated frame: x from the first column, z from the street."""
        a, b = _undistorted(self.facade.size, u, v, self.k)
        x, z, w = (row[0] * a + row[1] * b + row[2] for row in self.h)
        w = np.where(np.abs(w) < 1e-6, 1e-6, w)
        return x / w, z / w

    def pixels(self, x: Any, z: Any) -> tuple[Array, Array]:
        """u, v in px of points of the wall."""
        inverse = np.linalg.inv(self.h)
        x, z = np.asarray(x, float), np.asarray(z, float)
        a, b, w = (row[0] * x + row[1] * z + row[2] for row in inverse)
        a, b = a / w, b / w
        factor = (1 + np.sqrt(np.maximum(1 + 4 * self.k * (a * a + b * b), 0.0))) / 2
        width, height = self.facade.size
        s = _scale(self.facade.size)
        return a / factor * s + width / 2, b / factor * s + height / 2

    def px_per_m(self, x: Any, z: Any) -> Array:
        """Pixels of a metre of height there."""
        u1, v1 = self.pixels(x, np.asarray(z, float) - 0.5)
        u2, v2 = self.pixels(x, np.asarray(z, float) + 0.5)
        return np.hypot(u2 - u1, v2 - v1)

    def clicks(self) -> list[tuple[float, float]]:
        """Every clicked point, in px."""
        lines = [line.at for line in self.facade.lines] + [line.at for line in self.facade.columns]
        return [point for at in lines for point in _pairs(at)]

    def sides(self) -> tuple[float, float]:
        """x of the left and right end of what was clicked, in m."""
        x, _ = self.metres(*np.array(self.clicks()).T)
        return float(x.min()), float(x.max())


def fit(facade: Facade) -> Grid:
    """The grid of the clicked lines. Raises EdgeAgentError when they do not lie on one wall."""
    points = np.array([
        (x, y, 1, facade.height_m(line.floor)) for line in facade.lines for x, y in _pairs(line.at)
    ] + [
        (x, y, 0, (line.column - 1) * facade.column_m) for line in facade.columns for x, y in _pairs(line.at)
    ])  # fmt: skip
    best = min((_solve(facade, points, k) for k in LENSES), key=lambda one: one[0])
    k = best[1]
    for step in (0.005, 0.0025, 0.00125):
        best = min(best, *(_solve(facade, points, k + sign * step) for sign in (-1, 1)), key=lambda one: one[0])
        k = best[1]
    _, k, h, off = best
    residual = float(np.sqrt(np.mean(off**2)))
    if not np.isfinite(residual) or residual > RESIDUAL_MOST_PX:
        wrong = points[points[:, 2] == 1][np.argmax(np.abs(off[points[:, 2] == 1]))]
        floor = next(line.floor for line in facade.lines if facade.height_m(line.floor) == wrong[3])
        raise EdgeAgentError("facade.not_a_wall", residual=f"{residual:.1f}", most=RESIDUAL_MOST_PX, floor=floor)
    lens, distance = _pinhole(facade, h)
    if not facade.columns:
        h = _with_width(facade, h, lens)
    digest = hashlib.sha256(msgspec.json.encode(facade)).hexdigest()[:12]
    foot = h[2] * lens**2
    return Grid(facade, h, k, distance, float(h[0] @ foot / (h[2] @ foot)), residual, f"{facade.name}-{digest}")


def _pairs(at: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip(at[::2], at[1::2], strict=True))


def _scale(size: tuple[int, int]) -> float:
    return float(np.hypot(*size)) / 2


def _undistorted(size: tuple[int, int], u: Any, v: Any, k: float) -> tuple[Array, Array]:
    s = _scale(size)
    a, b = (np.asarray(u, float) - size[0] / 2) / s, (np.asarray(v, float) - size[1] / 2) / s
    factor = 1 / (1 - k * (a * a + b * b))
    return a * factor, b * factor


def _solve(facade: Facade, points: Array, k: float) -> tuple[float, float, Array, Array]:
    """Cost, k, h, and how far each point is from its line in px: linear least squares, reweighted to pixels."""
    a, b = _undistorted(facade.size, points[:, 0], points[:, 1], k)
    up, known, one = points[:, 2] == 1, points[:, 3], np.ones(len(points))
    zero = np.zeros(len(points))
    along = np.stack([a, b, one], axis=1)
    rows = np.hstack([
        np.where(up[:, None], 0, along), np.where(up[:, None], along, 0), -known[:, None] * along[:, :2],
    ])  # fmt: skip
    if not facade.columns:  # nothing says what x is
        rows = rows[:, 3:]
    weight, off, h = one, zero, np.eye(3)
    for _ in range(4):
        try:
            found = np.linalg.lstsq(rows * weight[:, None], known * weight, rcond=1e-12)[0]
        except np.linalg.LinAlgError:
            return np.inf, k, h, np.full(len(points), np.inf)
        if not facade.columns:
            found = np.concatenate([[1.0, 0.0, 0.0], found])
        h = np.array([found[:3], found[3:6], [found[6], found[7], 1.0]])
        den = along @ h[2]
        if np.any(den <= 0.02) or not np.isfinite(found).all():
            return np.inf, k, h, np.full(len(points), np.inf)
        value = np.where(up, along @ h[1], along @ h[0]) / den
        row = np.where(up[:, None], h[1], h[0])
        slope = (
            np.hypot(row[:, 0] - value * h[2, 0], row[:, 1] - value * h[2, 1]) / den / _scale(facade.size)
        )  # m per px
        off = (value - known) / np.maximum(slope, 1e-9)
        weight = 1 / (den * np.maximum(slope, 1e-9))
    return float(np.sum((off / CLICK_PX) ** 2) + ((k - K_USUAL) / K_PRIOR) ** 2), k, h, off


def _pinhole(facade: Facade, h: Array) -> tuple[Array, float]:
    """What turns a row of (a, b, 1) into the direction a lens sees, and lens to wall in m. Up along the wall and into
    it are square to each other, which says what the focal length is; a lens that looks straight ahead does not show
    it, then the distance has to be known, or likely."""
    up, ahead = h[1] - h[2] * facade.camera_m, h[2]
    level = up[:2] @ ahead[:2]
    squared = -up[2] * ahead[2] / level if level else 0.0
    distance = 0.0
    if squared > 0:
        distance = _length(up, squared) / _length(ahead, squared)
    if not 0.15 * facade.roof_m < distance < 4 * facade.roof_m:
        distance = facade.distance_m or 0.6 * facade.roof_m
        sloped = up[:2] @ up[:2] - distance**2 * ahead[:2] @ ahead[:2]
        squared = ((distance * ahead[2]) ** 2 - up[2] ** 2) / sloped if sloped else 0.0
    focal = float(np.sqrt(squared)) if squared > 0 else 1.0
    return np.array([focal, focal, 1.0]), facade.distance_m or distance


def _length(row: Array, squared: float) -> float:
    return float(np.sqrt(squared * row[:2] @ row[:2] + row[2] ** 2))


def _with_width(facade: Facade, h: Array, lens: Array) -> Array:
    """The row for x of the same pinhole: m to the right of its foot."""
    up, ahead = (h[1] - h[2] * facade.camera_m) * lens, h[2] * lens
    right = np.cross(ahead, up)
    return np.array([np.linalg.norm(up) * right / np.linalg.norm(right) / lens, h[1], h[2]])
