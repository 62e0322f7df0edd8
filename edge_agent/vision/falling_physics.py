"""Is it gravity? A track in metres against what a body does that falls along a wall, with the limits it has to keep.

Pixels do not fall on a parabola, metres do. Three things bend it: drag (a third power of time takes that up), the
distance from the wall (what is thrown o metres out is seen higher: z' = hc + (z - hc) D / (D - o), undone for the
outward speed that fits best), and what happens before the fall (a hand, a railing: fitted again without the head).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.model.site import Facade
from edge_agent.vision.falling_tracks import ACROSS_MOST, MARGIN_M, UP_MOST, Array, Fixes, G

PULL, PULL_LEAST, PULL_MOST = 9.2, 5.5, 10.3  # m/s² over the first EARLY_S: drag and noise on 9.81
EARLY_S, BENT_S = 1.6, 1.2
LEAST, LEAST_M, LEAST_SHARE, DOWN_M = 7, 8.0, 0.55, 2.6  # fixes; m; of the building; m of what is about to land
SURE_S, SURE_FROM_M = 1.15, 20.0  # a bird that drops off a ledge spreads its wings by then; asked below so high a roof
HIDDEN_M, STRICT_S, STRICT_DENSITY = 5.0, 0.7, 0.65  # enough of what is not seen any more, if it kept narrow limits
COMPANY_PULL = 8.0  # m/s² where something like it is seen later
DENSITY, THIN_DENSITY = 0.55, 0.4  # of the frames; of a long track that keeps the narrow limits
SPARSE, SPARSE_PX = 0.62, (0.8, 0.03)  # with more gaps than that a path may be of anything: px, share of the size
SPARSE_LATE = 4  # fixes of its second half, where it is fast: fewer are chance
THIN_LEAST = 11  # fixes of a long track
LIGHTEST_MPS, DRAG_SHARE, PULL_FAST = 13.0, 0.8, 2.0  # in the end; of what drag leaves; m/s² at that speed
DRAG_JERK = 1.0  # m/s³ by which the pull then gets less
STRAY_ONE_IN, STRAY_PX = 9, 3.0
DOUBTFUL, DOUBTFUL_M = 2.0, 6.0  # times the usual drop; m of what is about to land
DOUBTFUL_PULL, DOUBTFUL_DENSITY = 7.0, 0.75
RESIDUAL = (1.0, 0.035, 0.001)  # px, share of the size, share of the path
ACROSS = (0.9, 0.05)
BEND = 0.3  # m/s²
TEXTBOOK, TEXTBOOK_ACROSS = (0.6, 0.03, 0.001), (0.6, 0.05)  # limits of what needs less proof
SHARP, SHARP_ACROSS, SHARP_PULL = (0.5, 0.02), (0.5, 0.03), 8.5  # limits that nothing but a fall keeps
SHARP_M, SHARP_HIDDEN_M, SHARP_S = 1.8, 3.0, 0.45
BIRD_M, BLUR_PX = 0.6, 2.0  # what is larger, less what blurs it, may be a bird nearer than the wall
SPREAD = (4.0, 0.1)  # px, share of the size: that it ends too high
ASIDE_M = 2.0  # beyond the clicked part of the wall
UNSEEN_M, LONG = 8.0, 16  # a shorter track that was already falling for so long, unseen, is none
HEADS, HEAD_M = (0, 2, 4, 7, 10, 14), 2.3  # fixes left out; how far a hand or a railing takes it meanwhile
OUT_MPS = np.arange(0.0, 5.1, 0.5)
OUT_M = 0.3  # what leaves a window is about so far from the wall
FAST_MPS, FAST_PULL, FAST_DENSITY = 15.0, 4.0, 0.85  # of what is light and faster than LIGHT_MPS, at its end
FAST_PX, FAST_ACROSS = (0.5, 0.035), (1.6, 0.03)  # px, share of the size
LIGHT_LEAST, LIGHT_MPS, LIGHT_PULL, LIGHT_PX = 12, (1.2, 6.0), 3.5, (2.2, 3.2)

End = Literal["below", "aside", "hidden", ""]  # where it goes that it is not seen any more


@dataclass(frozen=True)
class Proof:
    """What a track has to show: `least_m` down for `least_s`; `doubtful_m` with the wide limits (`strict`: never);
    `sharp_m` for `sharp_s` with the narrowest."""

    end: End
    least_m: float
    least_s: float
    doubtful_m: float
    strict: bool
    sharp_m: float
    sharp_s: float


@dataclass(frozen=True)
class Verdict:
    """`kind`: falling_object, light_object. At the first fix used, `since` s: `z` m, `down` m/s, `x` m, `across` m/s;
    as the first seconds have them; `residual_px` r.m.s.; `head`: fixes before the fall; `noise_m`: of one fix there.
    """

    kind: str
    head: int
    since: float
    until: float
    z: float
    down: float
    whole: tuple[float, ...]  # m, m/s, m/s², m/s³ of all of it
    x: float
    across: float
    out_mps: float
    residual_px: float
    noise_m: float
    why: tuple[Measure, ...]

    def height(self, t: float) -> float:
        s, (z, down, pull, jerk) = t - self.since, self.whole
        return z - down * s - pull * s * s / 2 + jerk * s**3 / 6

    def speed(self, t: float) -> float:
        s, (_, down, pull, jerk) = t - self.since, self.whole
        return down + pull * s - jerk * s * s / 2


@dataclass(frozen=True)
class Seen:
    """The wall from `left_m` to `right_m`, its lower edge in the picture and the picture's width in analysed px."""

    left_m: float
    right_m: float
    bottom_m: float
    width_px: float
    vanished: bool = False  # the track ended, and nothing moves on from there


def judge(fixes: Fixes, facade: Facade, distance_m: float, step_s: float, seen: Seen) -> Verdict | None:
    """What the track is; None while it is neither a fall nor something light. `step_s`: from frame to frame;
    `seen`: how far the wall goes, and what is seen of it at the lower edge of the picture.

    A bird that drops off a ledge falls too, for about a second: it takes eight metres, and longer than that second, to
    tell them apart. On a low building a whole fall is hardly longer, and that is not asked; nor of what falls on the
    ground, out of the picture, or behind something, where a bird would be seen to fly on.
    """
    proof = _proof(_end(fixes, step_s, seen), facade.roof_m)
    for head in HEADS:
        if len(fixes.t) - head < LEAST or fixes.z[head] - fixes.z[-1] < proof.sharp_m:
            break
        far = np.hypot(fixes.x[: head + 1] - fixes.x[head], fixes.z[: head + 1] - fixes.z[head]).max() > HEAD_M
        if far and (len(fixes.t) - head < LONG or fixes.z[head] - fixes.z[-1] < DOUBTFUL * _usual_m(facade.roof_m)):
            break  # a hand, a railing; but a long fall stays one with fixes of something else before it
        found = _fall(fixes, head, facade, distance_m, step_s, proof, seen)
        if found is not None:
            return found
    return _light(fixes, facade, step_s, proof.end)


def _usual_m(roof_m: float) -> float:
    return min(LEAST_M, LEAST_SHARE * roof_m)


def _proof(end: End, roof_m: float) -> Proof:
    usual_m = _usual_m(roof_m)
    match end:
        case "below":
            return Proof(end, DOWN_M, 0.0, DOUBTFUL_M, strict=False, sharp_m=DOWN_M, sharp_s=0.0)
        case "aside":
            return Proof(end, DOWN_M, STRICT_S, DOUBTFUL_M, strict=True, sharp_m=SHARP_M, sharp_s=SHARP_S)
        case "hidden":
            most_m, less_m = min(HIDDEN_M, usual_m), SHARP_HIDDEN_M
            return Proof(end, most_m, STRICT_S, DOUBTFUL * usual_m, strict=True, sharp_m=less_m, sharp_s=SHARP_S)
    least_s = SURE_S if roof_m >= SURE_FROM_M else 0.0
    return Proof(end, usual_m, least_s, DOUBTFUL * usual_m, strict=False, sharp_m=usual_m, sharp_s=least_s)


def _end(fixes: Fixes, step_s: float, seen: Seen) -> End:
    """Where it goes that it is not seen any more: on the ground or beyond an edge of the picture in the next frame or
    the one after it, or behind something already."""
    ahead = 1.5 * step_s / max(1e-3, fixes.t[-1] - fixes.t[-3])
    if fixes.z[-1] - max(0.0, seen.bottom_m) < ahead * (fixes.z[-3] - fixes.z[-1]) + 0.3:
        return "below"
    u = fixes.u[-1] + ahead * (fixes.u[-1] - fixes.u[-3])
    if not fixes.size[-1] / 2 < u < seen.width_px - fixes.size[-1] / 2:
        return "aside"
    return "hidden" if seen.vanished else ""


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


def _least_pull(speed: Array) -> Array:
    """m/s² that drag leaves at a speed in m/s, of what falls at no more than LIGHTEST_MPS in the end."""
    return np.clip(DRAG_SHARE * G * (1 - (speed / LIGHTEST_MPS) ** 2), PULL_FAST, PULL_LEAST)


def _across(t: Array, x: Array, w: Array) -> tuple[Array, Array]:
    """x0, v, a of x0 + v t + a t²/2, and the residuals. Drag bends what was thrown along the wall little: a leans to 0
    ± BEND m/s²."""
    rows = np.column_stack([np.ones_like(t), t, t**2 / 2]) * w[:, None]
    found = np.linalg.lstsq(np.vstack([rows, [0, 0, 1 / BEND]]), np.append(x * w, 0.0), rcond=None)[0]
    return found, x - (rows / w[:, None]) @ found


@dataclass(frozen=True)
class Motion:
    """A fit: at the first fix `z` m, `down` m/s, `x` m; `pull` m/s² of the first EARLY_S; `whole` of all of it;
    `off_px`: of each fix; `size` and `path` px."""

    z: float
    down: float
    pull: float
    whole: tuple[float, ...]
    x: float
    across: float
    out_mps: float
    residual: float
    aside: float
    off_px: Array
    size: float
    path: float


def _large(fixes: Fixes) -> bool:
    """As large as a bird nearer to the camera than the wall seems."""
    return bool(np.median((fixes.size - BLUR_PX) / fixes.scale) > BIRD_M)


def _spreads(fixes: Fixes, motion: Motion) -> bool:
    """Whether the end is higher than what came before it would have it: a bird that spreads its wings."""
    t, w = fixes.t - fixes.t[0], _weights(fixes, 0)
    (z, down, pull, jerk), _ = _polynomial(t[:-3], fixes.z[:-3, None], w[:-3], bool(t[-4] > BENT_S))
    off = fixes.z[-1] - (z[0] - down[0] * t[-1] - pull[0] * t[-1] ** 2 / 2 + jerk[0] * t[-1] ** 3 / 6)
    return bool(off * fixes.scale[-1] > SPREAD[0] + SPREAD[1] * motion.size)


def _motion(fixes: Fixes, camera_m: float, distance_m: float) -> Motion | None:
    """The parabola, bent by drag, of the outward speed that fits best; None when nothing falls like that."""
    t, w = fixes.t - fixes.t[0], _weights(fixes, 0)
    early = (t <= EARLY_S) | (np.arange(len(t)) < LEAST)
    lag = np.zeros_like(OUT_MPS)  # s from the release to the first fix, for each outward speed
    for _ in range(2):
        near = 1 - OUT_M / distance_m - (t[:, None] + lag) * OUT_MPS / distance_m
        z = camera_m + (fixes.z - camera_m)[:, None] * near
        first, off = _polynomial(t[early], z[early], w[early], False)
        lag = np.clip(first[1] / G, 0.0, 1.3)
    pull = first[2]
    cost = np.sum((off * w[early, None]) ** 2, 0) + ((pull - PULL) / 0.8) ** 2 + (OUT_MPS / 1.5) ** 2
    cost[(pull < _least_pull(first[1] + pull * EARLY_S / 2)) | (pull > PULL_MOST)] = np.inf
    best = int(cost.argmin())
    if not np.isfinite(cost[best]):
        return None
    whole, left = _polynomial(t, z[:, [best]], w, bool(t[-1] > BENT_S))
    out = near[:, best]  # straight across too, once it is back in the wall's plane: wherever the camera's foot may be
    line, off_line = _across(t, fixes.x * out, w)
    x, across = line[0] / out[0], (line[1] + line[0] / out[0] * OUT_MPS[best] / distance_m) / out[0]
    up, aside = left[:, 0] * fixes.scale, off_line * fixes.scale
    return Motion(
        float(first[0, best]), float(first[1, best]), float(pull[best]), tuple(float(value) for value in whole[:, 0]),
        float(x), float(across), float(OUT_MPS[best]), float(np.sqrt(np.mean(up**2))),
        float(np.sqrt(np.mean(aside**2))), np.hypot(up, aside), float(np.median(fixes.size)),
        float(np.hypot(fixes.u[-1] - fixes.u[0], fixes.v[-1] - fixes.v[0])),
    )  # fmt: skip


def _fall(
    fixes: Fixes, head: int, facade: Facade, distance_m: float, step_s: float, proof: Proof, seen: Seen
) -> Verdict | None:
    """In a storm of blobs a fix or two are of something else: the worst are left out, one in nine at most; of something
    large none are, they are how a bird ends its dive."""
    part = _part(fixes, np.arange(len(fixes.t)) >= head)
    for _ in range(1 if _large(part) else 1 + len(part.t) // STRAY_ONE_IN):
        motion = _motion(part, facade.camera_m, distance_m)
        if motion is None:
            return None
        verdict = _within(part, motion, head, facade, step_s, proof, seen)
        worst = int(motion.off_px.argmax())
        if verdict is not None or motion.off_px[worst] < STRAY_PX or len(part.t) <= LEAST:
            return verdict
        part = _part(part, np.arange(len(part.t)) != worst)
    return None


def _part(fixes: Fixes, keep: Any) -> Fixes:
    arrays = {name: getattr(fixes, name)[keep] for name in ("t", "u", "v", "x", "z", "size", "scale", "contrast")}
    return replace(fixes, **arrays)


def _within(
    fixes: Fixes, motion: Motion, head: int, facade: Facade, step_s: float, proof: Proof, seen: Seen
) -> Verdict | None:
    """The verdict when every limit is kept."""
    limit = RESIDUAL[0] + RESIDUAL[1] * motion.size + RESIDUAL[2] * motion.path
    aside_limit = ACROSS[0] + ACROSS[1] * motion.size
    density = len(fixes.t) / ((fixes.t[-1] - fixes.t[0]) / step_s + 1)
    drop = float(fixes.z[0] - fixes.z[-1])
    top = motion.z + max(motion.down, 0.0) ** 2 / (2 * G)
    textbook = motion.residual <= TEXTBOOK[0] + TEXTBOOK[1] * motion.size + TEXTBOOK[2] * motion.path
    textbook &= motion.aside <= TEXTBOOK_ACROSS[0] + TEXTBOOK_ACROSS[1] * motion.size
    usual_pull = motion.pull >= DOUBTFUL_PULL
    if not textbook and (drop < proof.doubtful_m or density < DOUBTFUL_DENSITY or not usual_pull):
        return None
    if proof.strict and not (textbook and density >= STRICT_DENSITY and usual_pull):
        return None
    large = _large(fixes)
    aside = proof.end == "aside"
    if (large and (aside or not textbook)) or ((large or aside) and _spreads(fixes, motion)):
        return None
    if proof.end == "hidden" and fixes.company and motion.pull < COMPANY_PULL:
        return None  # something like it was there afterwards: perhaps the bird
    if motion.pull < PULL_LEAST and (large or not (textbook and len(fixes.t) >= LONG and motion.whole[3] >= DRAG_JERK)):
        return None  # slowed down by drag, or never pulled
    if density < SPARSE and (
        motion.residual > SPARSE_PX[0] + SPARSE_PX[1] * motion.size
        or np.count_nonzero(fixes.t > (fixes.t[0] + fixes.t[-1]) / 2) < SPARSE_LATE
    ):
        return None
    sharp = motion.residual <= SHARP[0] + SHARP[1] * motion.size and motion.pull >= SHARP_PULL
    sharp &= motion.aside <= SHARP_ACROSS[0] + SHARP_ACROSS[1] * motion.size
    least_m, least_s = (proof.sharp_m, proof.sharp_s) if sharp else (proof.least_m, proof.least_s)
    landed = proof.end == "below" and textbook and drop >= LEAST_M
    dense = THIN_DENSITY if textbook and len(fixes.t) >= THIN_LEAST else DENSITY
    if (
        motion.residual > limit or motion.aside > aside_limit or density < dense or drop < least_m
        or not facade.height_m(2) - 0.5 <= top <= facade.roof_m + MARGIN_M
        or not seen.left_m - ASIDE_M <= motion.x <= seen.right_m + ASIDE_M
        or abs(motion.across) > ACROSS_MOST or motion.down < -UP_MOST
        or fixes.t[-1] - fixes.t[0] < least_s
        or (top - motion.z > UNSEEN_M and len(fixes.t) < LONG and not landed)
    ):  # fmt: skip
        return None
    why = (
        Measure("pull", motion.pull, PULL_LEAST, "m/s²"),
        Measure("residual", motion.residual, limit, "px"),
        Measure("residual_across", motion.aside, aside_limit, "px"),
        Measure("fixes", float(len(fixes.t)), LEAST),
        Measure("density", float(density), dense),
        Measure("drop", drop, least_m, "m"),
        Measure("start", top, facade.roof_m + MARGIN_M, "m"),
    )
    return Verdict(
        "falling_object", head, float(fixes.t[0]), float(fixes.t[-1]), motion.z, motion.down, motion.whole, motion.x,
        motion.across, motion.out_mps, motion.residual, float(1 / _weights(fixes, 0)[0]), why,
    )  # fmt: skip


def _light(fixes: Fixes, facade: Facade, step_s: float, end: End) -> Verdict | None:
    """Paper, a bag: down at a steady speed and straight; a carton, a ball of paper: faster and straighter, with little
    pull left, when it is seen no more (until then it may be a fall). Suspected, never more.
    """
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
    slow = abs(pull) < LIGHT_PULL and LIGHT_MPS[0] <= mean <= LIGHT_MPS[1] and t[-1] >= 1.0 and z0 <= facade.roof_m
    slow &= residual <= LIGHT_PX[0] and aside <= LIGHT_PX[1] and density >= 0.7
    size = float(np.median(fixes.size))
    fast = bool(end) and 0 <= pull < FAST_PULL and LIGHT_MPS[1] < mean <= FAST_MPS
    fast &= residual <= FAST_PX[0] + FAST_PX[1] * size and aside <= FAST_ACROSS[0] + FAST_ACROSS[1] * size
    fast &= density >= FAST_DENSITY and fixes.z[0] - fixes.z[-1] >= LEAST_M
    fast &= z0 <= facade.roof_m + MARGIN_M and not _large(fixes)
    if not (slow or fast) or abs(line[0]) > 1.5:
        return None
    why = (
        Measure("speed", mean, LIGHT_MPS[1] if slow else FAST_MPS, "m/s"),
        Measure("pull", pull, LIGHT_PULL if slow else FAST_PULL, "m/s²"),
        Measure("residual", residual, LIGHT_PX[0] if slow else FAST_PX[0] + FAST_PX[1] * size, "px"),
    )
    return Verdict(
        "light_object", 0, float(fixes.t[0]), float(fixes.t[-1]), z0, down, (z0, down, pull, 0.0), float(line[1]),
        float(line[0]), 0.0, residual, float(1 / w[0]), why,
    )  # fmt: skip
