"""Is it gravity? A track in metres against what a body does that falls along a wall, with the limits it has to keep.

Pixels do not fall on a parabola, metres do. Three things bend it: drag (a third power of time takes that up), the
distance from the wall (what is thrown o metres out is seen higher: z' = hc + (z - hc) D / (D - o), undone for the
outward speed that fits best), and what happens before the fall (a hand, a railing: fitted again without the head).
"""

from dataclasses import dataclass

import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.model.site import Facade
from edge_agent.vision.falling_tracks import ACROSS_MOST, MARGIN_M, UP_MOST, Array, Fixes, G

PULL_LEAST, PULL_MOST = 3.5, 12.0  # m/s² over the first EARLY_S: drag and noise on 9.81
EARLY_S, BENT_S = 1.6, 1.2
LEAST, LEAST_M = 7, 4.0
RESIDUAL_PX, RESIDUAL_SHARE, ACROSS_PX, DENSITY = 2.2, 0.004, 3.2, 0.55
HEADS = (0, 2, 4, 6, 8, 10, 12, 14)
OUT_MPS = np.arange(0.0, 5.1, 0.5)
OUT_M = 0.3  # what leaves a window is about so far from the wall
LIGHT_LEAST, LIGHT_MPS = 12, (1.2, 6.0)


@dataclass(frozen=True)
class Verdict:
    """`kind`: falling_object, light_object. At the first fix used, `since` s: `z` m, `down` m/s, `x` m, `across` m/s;
    `pull` m/s², `jerk` m/s³; `residual_px` r.m.s.; `head`: fixes before the fall; `noise_m`: of one fix there.
    """

    kind: str
    head: int
    since: float
    until: float
    z: float
    down: float
    pull: float
    jerk: float
    x: float
    across: float
    out_mps: float
    residual_px: float
    noise_m: float
    why: tuple[Measure, ...]

    def height(self, t: float) -> float:
        s = t - self.since
        return self.z - self.down * s - self.pull * s * s / 2 + self.jerk * s**3 / 6

    def speed(self, t: float) -> float:
        s = t - self.since
        return self.down + self.pull * s - self.jerk * s * s / 2


def judge(fixes: Fixes, facade: Facade, distance_m: float, step_s: float) -> Verdict | None:
    """What the track is; None while it is neither a fall nor something light. `step_s`: from frame to frame."""
    least_m = min(LEAST_M, 2 * facade.floor_m)
    for head in HEADS:
        if len(fixes.t) - head < LEAST or fixes.z[head] - fixes.z[-1] < least_m:
            break
        found = _fall(fixes, head, facade, distance_m, step_s)
        if found is not None:
            return found
    return _light(fixes, facade, step_s)


def _weights(fixes: Fixes, head: int) -> Array:
    """One over the error of each fix in m: most of a pixel, more for large and blurred things."""
    return fixes.scale[head:] / (0.7 + 0.08 * fixes.size[head:])


def _polynomial(t: Array, z: Array, w: Array, cubic: bool) -> tuple[Array, Array]:
    """z0, v, a, j of z0 - v t - a t²/2 + j t³/6 for each column of `z`, and the residuals. j leans to 1.5 ± 3 m/s³."""
    rows = np.column_stack([np.ones_like(t), -t, -(t**2) / 2] + ([t**3 / 6] if cubic else []))
    a, b = rows * w[:, None], z * w[:, None]
    if cubic:
        a = np.vstack([a, [0, 0, 0, 1 / 3.0]])
        b = np.vstack([b, np.full((1, z.shape[1]), 1.5 / 3.0)])
    found = np.linalg.lstsq(a, b, rcond=None)[0]
    left = z - rows @ found
    whole = found if cubic else np.vstack([found, np.zeros((1, z.shape[1]))])
    return np.asarray(whole, np.float64), left


def _fall(fixes: Fixes, head: int, facade: Facade, distance_m: float, step_s: float) -> Verdict | None:
    t, w = fixes.t[head:] - fixes.t[head], _weights(fixes, head)
    hc, apart = facade.camera_m, fixes.z[head:] - facade.camera_m
    near = 1 - OUT_M / distance_m - np.outer(t, OUT_MPS) / distance_m
    z = hc + apart[:, None] * near
    early = (t <= EARLY_S) | (np.arange(len(t)) < LEAST)
    first, _ = _polynomial(t[early], z[early], w[early], False)
    pull = first[2]
    whole, left = _polynomial(t, z, w, bool(t[-1] > BENT_S))
    cost = np.sum((left * w[:, None]) ** 2, 0) + ((pull - 8.8) / 1.0) ** 2 + (OUT_MPS / 2.5) ** 2
    cost[(pull < PULL_LEAST) | (pull > PULL_MOST)] = np.inf
    best = int(cost.argmin())
    if not np.isfinite(cost[best]):
        return None
    px = np.abs(left[:, best]) * fixes.scale[head:]
    path_px = float(np.hypot(fixes.u[-1] - fixes.u[head], fixes.v[-1] - fixes.v[head]))
    size = float(np.median(fixes.size[head:]))
    residual, limit = float(np.sqrt(np.mean(px**2))), RESIDUAL_PX + RESIDUAL_SHARE * path_px + 0.1 * size
    line = np.polyfit(t, fixes.x[head:], 1, w=w)
    aside = float(np.sqrt(np.mean(((fixes.x[head:] - np.polyval(line, t)) * fixes.scale[head:]) ** 2)))
    density = len(t) / (t[-1] / step_s + 1)
    z0, down, _, jerk = whole[:, best]
    top = float(z0 + max(down, 0.0) ** 2 / (2 * G))
    why = (
        Measure("pull", float(pull[best]), PULL_LEAST, "m/s²"),
        Measure("residual", residual, limit, "px"),
        Measure("residual_across", aside, ACROSS_PX + 0.1 * size, "px"),
        Measure("fixes", float(len(t)), LEAST),
        Measure("density", float(density), DENSITY),
        Measure("drop", float(fixes.z[head] - fixes.z[-1]), min(LEAST_M, 2 * facade.floor_m), "m"),
        Measure("start", top, facade.roof_m + MARGIN_M, "m"),
    )
    if (
        residual > limit or aside > ACROSS_PX + 0.1 * size or density < DENSITY or top > facade.roof_m + MARGIN_M
        or top < facade.height_m(2) - 0.5 or abs(line[0]) > ACROSS_MOST or down < -UP_MOST
    ):  # fmt: skip
        return None
    return Verdict(
        "falling_object", head, float(fixes.t[head]), float(fixes.t[-1]), float(z0), float(down), float(whole[2, best]),
        float(jerk), float(line[1]), float(line[0]), float(OUT_MPS[best]), residual, float(1 / w[0]), why,
    )  # fmt: skip


def _light(fixes: Fixes, facade: Facade, step_s: float) -> Verdict | None:
    """Paper, a bag: down at a steady speed and straight. Suspected, never more."""
    if len(fixes.t) < LIGHT_LEAST or fixes.z[0] - fixes.z[-1] < 5.0:
        return None
    t, w = fixes.t - fixes.t[0], _weights(fixes, 0)
    found, left = _polynomial(t, fixes.z[:, None], w, False)
    z0, down, pull, _ = (float(value) for value in found[:, 0])
    mean = float((fixes.z[0] - fixes.z[-1]) / t[-1])
    residual = float(np.sqrt(np.mean((left[:, 0] * fixes.scale) ** 2)))
    line = np.polyfit(t, fixes.x, 1, w=w)
    aside = float(np.sqrt(np.mean(((fixes.x - np.polyval(line, t)) * fixes.scale) ** 2)))
    density = len(t) / (t[-1] / step_s + 1)
    steady = abs(pull) < PULL_LEAST and LIGHT_MPS[0] <= mean <= LIGHT_MPS[1] and t[-1] >= 1.0
    if (
        not steady
        or residual > RESIDUAL_PX
        or aside > ACROSS_PX
        or density < 0.7
        or abs(line[0]) > 1.5
        or z0 > facade.roof_m
    ):
        return None
    why = (
        Measure("speed", mean, LIGHT_MPS[1], "m/s"),
        Measure("pull", pull, PULL_LEAST, "m/s²"),
        Measure("residual", residual, RESIDUAL_PX, "px"),
    )
    return Verdict(
        "light_object", 0, float(fixes.t[0]), float(fixes.t[-1]), z0, down, pull, 0.0, float(line[1]), float(line[0]),
        0.0, residual, float(1 / w[0]), why,
    )  # fmt: skip
