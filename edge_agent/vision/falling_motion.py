"""How what falls along a wall moves: a body with drag, thrown outwards, fitted to the fixes of a track.

Pixels do not fall on a parabola, metres do. Two things bend it: drag (of the square of the speed: the body sinks as the
logarithm of a hyperbolic cosine), and the distance from the wall (what is o metres out is seen higher: z = lens + (seen
- lens) (1 - o / distance), undone for the outward speed that fits best, which drag slows too).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_agent.vision.falling_grid import Grid
from edge_agent.vision.falling_tracks import Array, Fixes, G

PULL_SPREAD = 1.2  # m/s² by which the pull leans to G: somebody may have told the floors wrong
BEND = 0.3  # m/s²
OUT_M = 0.3  # what leaves a window is about so far from the wall
OUT_MPS, OUT_SPREAD = np.arange(0.0, 5.1, 0.5), 1.5  # tried; leaning to nought by so much
OUT_FINE_MPS = np.array([-0.25, -0.125, 0.0, 0.125, 0.25])
TERMINAL_MPS = np.array([13.0, 16.0, 20.0, 26.0, 35.0, 60.0])  # speeds in the end
ROUGH_MPS = np.array([15.0, 28.0])  # tried at first
USUAL_MPS, TERMINAL_SPREAD = 30.0, 0.5  # it leans to that, by that much of its logarithm
STORY_LEAST = 0.01  # share of one that is told
NEAR_LEAST = 0.1  # of the distance to the wall, nearer to the camera nothing is followed
SPREAD = (4.0, 0.1)  # px, share of the size: that it ends too high
SPREAD_FIXES = 3  # of its end


@dataclass(frozen=True)
class Course:
    """How it falls: `z` m and `down` m/s at the first fix used, `pull` m/s² without drag, `terminal` m/s in the end,
    `out` m/s away from the wall when it left it."""

    z: float
    down: float
    pull: float
    terminal: float
    out: float

    def height(self, s: float) -> float:
        """m above the street, `s` s after the first fix."""
        sinks, _ = _drag(np.array([[s]]), np.array([max(self.down, 0.0)]), np.array([self.terminal]))
        return self.z - self.down * s - self.pull * float(sinks[0, 0])


def weights(fixes: Fixes) -> Array:
    """One over the error of each fix in m: most of a pixel, more for large and blurred things."""
    return fixes.scale / _error_px(fixes)


def _error_px(fixes: Fixes) -> Array:
    return 0.7 + 0.08 * fixes.size


def _drag(t: Array, down: Array, terminal: Array) -> tuple[Array, Array]:
    """How far each m/s² of pull takes what passes at `down` m/s at t = 0, and how far each m/s outwards has taken it
    since it was let go: m, one row for each of `t` (n × 1), a column for each `down` and `terminal` m/s."""
    share = np.minimum(down / terminal, 0.95)
    passed = np.arctanh(share)
    s = passed + t * G / terminal
    sinks = np.log(np.cosh(s) / np.cosh(passed)) - share * (s - passed)
    return (terminal / G) ** 2 * sinks, terminal / G * 2 * np.arctan(np.tanh(s / 2))


def _near(away: Array, out: Array, distance_m: float) -> Array:
    """How far from the lens it is, as a share of how far the wall is."""
    return np.maximum(1 - (OUT_M + away * out) / distance_m, NEAR_LEAST)


def _pairs(out: Array, terminal: Array) -> tuple[Array, Array]:
    """Each of the one with each of the other."""
    return np.tile(out, len(terminal)), np.repeat(terminal, len(out))


@dataclass(frozen=True)
class Fits:
    """A fit for each outward and each terminal speed: `z`, `down`, `pull` as in Course; `near`: how far
    from the lens each fix is, as a share of how far the wall is, and `left`: what is left of it in m; `cost`: twice the
    logarithm of how unlikely it is."""

    z: Array
    down: Array
    pull: Array
    out: Array
    terminal: Array
    near: Array
    left: Array
    cost: Array

    def course(self, n: int) -> Course:
        return Course(*(float(one[n]) for one in (self.z, self.down, self.pull, self.terminal, self.out)))


def _fits(fixes: Fixes, grid: Grid, out: Array, terminal: Array, down: Array, rounds: int) -> Fits:
    """Heights are linear in z, down and pull once it is known how fast it is at the first fix: that is found by going
    round."""
    t, lens_m = (fixes.t - fixes.t[0])[:, None], grid.facade.camera_m
    seen, w = (fixes.z - lens_m)[:, None], weights(fixes)[:, None]
    lean = PULL_SPREAD**-2
    for _ in range(rounds):
        sinks, away = _drag(t, np.maximum(down, 0.0), terminal)
        near = _near(away, out, grid.distance_m)
        z = lens_m + seen * near
        ww = (w / near) ** 2
        wt, ws, wz = ww * t, ww * sinks, ww * z
        n, at, a = ww.sum(0), wt.sum(0), ws.sum(0)
        tt, ta, aa = (wt * t).sum(0), (wt * sinks).sum(0), (ws * sinks).sum(0) + lean
        squared = np.stack([n, -at, -a, -at, tt, ta, -a, ta, aa], -1).reshape(-1, 3, 3)
        right = np.stack([wz.sum(0), -(wz * t).sum(0), G * lean - (wz * sinks).sum(0)], -1)
        high, down, pull = np.linalg.solve(squared, right[..., None])[..., 0].T
        left = z - (high - down * t - pull * sinks)
    cost = (left**2 * ww).sum(0) + ((pull - G) / PULL_SPREAD) ** 2
    cost += (out / OUT_SPREAD) ** 2 + (np.log(terminal / USUAL_MPS) / TERMINAL_SPREAD) ** 2
    return Fits(high, down, pull, out, terminal, near, left, cost)


def _across(t: Array, x: Array, w: Array) -> tuple[Array, Array]:
    """x0, v, a of x0 + v t + a t²/2, and the residuals. Drag bends what was thrown along the wall little: a leans to 0
    ± BEND m/s²."""
    rows = np.column_stack([np.ones_like(t), t, t**2 / 2]) * w[:, None]
    found = np.linalg.lstsq(np.vstack([rows, [0, 0, 1 / BEND]]), np.append(x * w, 0.0), rcond=None)[0]
    return found, x - (rows / w[:, None]) @ found


@dataclass(frozen=True)
class Motion:
    """A fit: `x` m and `across` m/s at the first fix; `residual`, `aside`: px r.m.s., of a fix of the usual size;
    `off_px`: of each fix; `size` and `path` px."""

    course: Course
    x: float
    across: float
    residual: float
    aside: float
    off_px: Array
    size: float
    path: float


def rough(fixes: Fixes, grid: Grid) -> tuple[Course, Array]:
    """With much drag or little, for the outward speed that fits best; how far up or down each fix is off, px."""
    out, terminal = _pairs(OUT_MPS, ROUGH_MPS)
    fits = _fits(fixes, grid, out, terminal, np.full_like(out, _begins_mps(fixes)), 1)
    n = int(fits.cost.argmin())
    return fits.course(n), fits.left[:, n] / fits.near[:, n] * fixes.scale


def _begins_mps(fixes: Fixes) -> float:
    """Speed at the first fix, by the next ones."""
    t = float(fixes.t[3] - fixes.t[0])
    return max(0.0, float(fixes.z[0] - fixes.z[3]) / t - G * t / 2)


def fine(fixes: Fixes, grid: Grid, course: Course) -> Motion:
    """With the outward and the terminal speed that fit best."""
    out, terminal = _pairs(np.maximum(course.out + OUT_FINE_MPS, 0.0), TERMINAL_MPS)
    fits = _fits(fixes, grid, out, terminal, np.full_like(out, course.down), 2)
    n = int(fits.cost.argmin())
    near, share = fits.near[:, n], share_of(fixes)
    line, off = _across(fixes.t - fixes.t[0], grid.foot_m + (fixes.x - grid.foot_m) * near, weights(fixes) / near)
    up, aside = fits.left[:, n] / near * fixes.scale, off / near * fixes.scale
    return Motion(
        fits.course(n), float(line[0]), float(line[1]), float(np.sqrt(np.mean((up * share) ** 2))),
        float(np.sqrt(np.mean((aside * share) ** 2))), np.hypot(up, aside), middle(fixes.size), path_px(fixes),
    )  # fmt: skip


def share_of(fixes: Fixes) -> Array:
    """Of a pixel that one is off, what it is for a fix of the usual size."""
    error = _error_px(fixes)
    return middle(error) / error


def middle(values: Array) -> float:
    """The median, the upper one of an even number: ten times as fast as NumPy's."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def path_px(fixes: Fixes) -> float:
    return float(np.hypot(fixes.u[-1] - fixes.u[0], fixes.v[-1] - fixes.v[0]))


def spreads(fixes: Fixes, motion: Motion, grid: Grid) -> bool:
    """Whether the end is higher than what came before it would have it: a bird that spreads its wings."""
    before = part_of(fixes, np.arange(len(fixes.t)) < len(fixes.t) - SPREAD_FIXES)
    out, terminal = _pairs(np.array([motion.course.out]), TERMINAL_MPS)
    fits = _fits(before, grid, out, terminal, np.full_like(out, motion.course.down), 2)
    course, s = fits.course(int(fits.cost.argmin())), float(fixes.t[-1] - fixes.t[0])
    _, away = _drag(np.array([[s]]), np.array([max(course.down, 0.0)]), np.array([course.terminal]))
    near, lens_m = float(_near(away, np.array([course.out]), grid.distance_m)[0, 0]), grid.facade.camera_m
    off = fixes.z[-1] - (lens_m + (course.height(s) - lens_m) / near)
    return bool(off * fixes.scale[-1] > SPREAD[0] + SPREAD[1] * motion.size)


def stories(fixes: Fixes, grid: Grid, found: Course) -> list[tuple[float, Course]]:
    """Every outward and terminal speed that may have been where `found` fits best, with its share."""
    out, terminal = _pairs(OUT_MPS, TERMINAL_MPS)
    fits = _fits(fixes, grid, out, terminal, np.full_like(out, found.down), 2)
    share = np.exp((fits.cost.min() - fits.cost) / 2)
    share /= share.sum()
    return [(float(share[n]), fits.course(int(n))) for n in np.flatnonzero(share > STORY_LEAST)]


def part_of(fixes: Fixes, keep: Any) -> Fixes:
    arrays = {name: getattr(fixes, name)[keep] for name in ("t", "u", "v", "x", "z", "size", "scale", "contrast")}
    return replace(fixes, **arrays)
