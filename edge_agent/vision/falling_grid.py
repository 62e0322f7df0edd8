"""From pixels to metres on a wall and back, fitted to clicked lines of known floors and columns.

The wall is a plane, so a homography with one lens term does it: x, z = numerators / denominator after the undistortion
of the point, (u, v) → (u, v)(1 + k r²) about the middle of the frame. Nobody is asked for focal length, tilt or
distance: on clicked lines the height is right to centimetres, with a tilt that is half a degree wrong it is a floor
off. Where no columns were clicked, square pixels and the height of the lens give the width of a metre.
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

K_PRIOR = 0.06  # what a lens may well have; beyond, the lines must insist
CLICK_PX = 3.0  # how well somebody clicks
RESIDUAL_MOST_PX = 12.0  # worse lines are not of one wall
LENSES = np.linspace(-0.3, 0.3, 61)


@dataclass(frozen=True)
class Grid:
    """A calibrated wall. `h`: 3 × 3, rows numerator of x, of z, denominator; coordinates are those of `_centred`."""

    facade: Facade
    h: Array
    k: float
    distance_m: float
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
        factor: Array = np.ones_like(a)
        for _ in range(12):  # (u, v)·factor(u, v) = (a, b), solved by going round
            factor = 1 + self.k * (a * a + b * b) / factor**2
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
    distance = facade.distance_m or _distance_m(facade, h)
    if not facade.columns:
        h = _with_width(facade, h, distance)
    digest = hashlib.sha256(msgspec.json.encode(facade)).hexdigest()[:12]
    return Grid(facade, h, k, distance, residual, f"{facade.name}-{digest}")


def _pairs(at: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(zip(at[::2], at[1::2], strict=True))


def _scale(size: tuple[int, int]) -> float:
    return float(np.hypot(*size)) / 2


def _undistorted(size: tuple[int, int], u: Any, v: Any, k: float) -> tuple[Array, Array]:
    s = _scale(size)
    a, b = (np.asarray(u, float) - size[0] / 2) / s, (np.asarray(v, float) - size[1] / 2) / s
    factor = 1 + k * (a * a + b * b)
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
    return float(np.sum((off / CLICK_PX) ** 2) + (k / K_PRIOR) ** 2), k, h, off


def _column(facade: Facade, h: Array) -> tuple[float, float, float]:
    """E, F, g of ζ = (E b + F) / (g b + 1): metres above the lens over the row, in the middle column."""
    return h[1, 1] - h[2, 1] * facade.camera_m, h[1, 2] - facade.camera_m, h[2, 1]


def _distance_m(facade: Facade, h: Array) -> float:
    """Lens to wall. A pinhole tilted by θ sees F = D tan θ and g / E = - tan θ / D."""
    e, f, g = _column(facade, h)
    squared = -f * e / g if g else 0.0
    likely = 0.15 * facade.roof_m, 4 * facade.roof_m
    distance = float(np.sqrt(squared)) if squared > 0 else 0.0
    return distance if likely[0] < distance < likely[1] else 0.6 * facade.roof_m


def _with_width(facade: Facade, h: Array, distance_m: float) -> Array:
    """The row for x of the same pinhole: x = - (E - g F) cos θ a / (g b + 1)."""
    e, f, g = _column(facade, h)
    return np.array([[-(e - g * f) * np.cos(np.arctan(f / distance_m)), 0.0, 0.0], h[1], h[2]])
