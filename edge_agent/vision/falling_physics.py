"""Is it gravity? A track in metres against what a body does that falls along a wall, with the limits it has to keep.

What happens before the fall (a hand, a railing) is left out: it is fitted again without its first fixes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.vision.falling_grid import Grid
from edge_agent.vision.falling_motion import (
    SPREAD_FIXES,
    Course,
    Motion,
    fine,
    middle,
    part_of,
    path_px,
    rough,
    share_of,
    spreads,
    weights,
)
from edge_agent.vision.falling_tracks import ACROSS_MOST, MARGIN_M, UP_MOST, Fixes, G

PULL_LEAST, PULL_MOST = 6.5, 12.5  # m/s², drag undone
LEAST, LEAST_M, LEAST_SHARE, DOWN_M = 7, 8.0, 0.55, 2.6  # fixes; m; of the building; m of what is about to land
SURE_S, SURE_FROM_M = 1.15, 20.0  # a bird that drops off a ledge spreads its wings by then
LOW_S = 0.9  # asked below so high a roof
HIDDEN_M, STRICT_S, STRICT_DENSITY = 5.0, 0.7, 0.65  # enough of what is not seen any more, if it kept narrow limits
COMPANY_PULL = 9.4  # m/s² where something like it is seen later
DENSITY, THIN_DENSITY = 0.55, 0.4  # of the frames; of a long track that keeps the narrow limits
SPARSE, SPARSE_PX = 0.62, (0.8, 0.03)  # with more gaps than that a path may be of anything: px, share of the size
SPARSE_LATE = 4  # fixes of its second half, where it is fast: fewer are chance
THIN_LEAST = 11  # fixes of a long track
LIGHT_AT_MPS = 18.0  # no faster than that in the end
LIGHT_S = {"": 1.5, "hidden": SURE_S}  # so long it takes to see its pull wane, or that it is no dive
STRAY_ONE_IN, STRAY_PX, STRAY_TIMES = 9, 3.0, 1.5  # and times as far off as the others
ROUGH, HOPELESS = 1.3, 5.0  # times the limits: what is farther off roughly is none; times that, for a stray or two
DOUBTFUL, DOUBTFUL_M = 2.0, 6.0  # times the usual drop; m of what is about to land
DOUBTFUL_DENSITY = 0.75
RESIDUAL = (1.0, 0.035, 0.001)  # px, share of the size, share of the path
ACROSS = (0.9, 0.05)
TEXTBOOK, TEXTBOOK_ACROSS = (0.6, 0.03, 0.001), (0.6, 0.05)  # limits of what needs less proof
BRIEF_OUT, BRIEF_M = 1.5, 0.3  # m/s outwards at most, as long as BRIEF says, of what seems larger
LANDED_M = 0.6  # or larger than that, of what is seen to be gone from where things land
SHARP, SHARP_ACROSS = (0.5, 0.02), (0.45, 0.015)  # limits that nothing but a fall keeps
SHARP_M, SHARP_HIDDEN_M, SHARP_S = 1.8, 3.0, 0.5
BIRD_M, BLUR_PX = 0.6, 2.0  # what is larger, less what blurs it, may be a bird nearer than the wall
FULL_MPS = 10.0  # at its first fix; 1.15 s of a dive do not reach that
ASIDE_M = 2.0  # beyond the clicked part of the wall
UNSEEN_M, LONG = 8.0, 16  # a shorter track that was already falling for so long, unseen, is none
HEADS, HEAD_M = (0, 2, 4, 7, 10, 14), 2.3  # fixes left out; how far a hand or a railing takes it meanwhile
FAST_MPS, FAST_PULL, FAST_DENSITY = 15.0, 4.0, 0.85  # of what is light and faster than LIGHT_MPS, at its end
FAST_PX, FAST_ACROSS = (0.5, 0.035), (1.6, 0.03)  # px, share of the size
STILL_FASTER_MPS = 1000.0  # the terminal speed of what drag does not bend
LIGHT_LEAST, LIGHT_MPS, LIGHT_PULL, LIGHT_PX = 12, (1.2, 6.0), 3.5, (2.2, 3.2)

End = Literal["below", "landed", "aside", "hidden", ""]  # where it goes that it is not seen any more
BRIEF: dict[End, tuple[float, float, float]] = {  # until so many s it has to be pulled by so many m/s², from and to
    "": (1.6, PULL_LEAST, 11.3),
    "below": (SURE_S, 8.7, 11.0),
    "landed": (SURE_S, 8.7, 11.0),
    "aside": (SURE_S, 9.2, 10.7),
    "hidden": (SURE_S, 9.2, 10.7),
}
NEAR: dict[End, tuple[tuple[float, float], tuple[float, float]]] = {  # m that it seems large, s that it has to fall
    "": ((0.2, 0.4), (0.9, 1.4)),  # it goes on, and can be waited for
    "below": ((0.3, 0.46), (0.55, 0.75)),  # from the second floor it takes no longer
    "landed": ((0.3, 0.46), (0.55, 0.75)),
    "aside": ((0.3, 0.7), (0.55, SURE_S)),
    "hidden": ((0.3, 0.7), (0.55, SURE_S)),
}


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
    """`kind`: falling_object, light_object. `since`, `until`: s of the first and last fix used; `x` m and `across` m/s
    at the first one; `head`: fixes before the fall; `residual_px` r.m.s.; `noise_m`: of one fix there.
    """

    kind: str
    head: int
    since: float
    until: float
    course: Course
    x: float
    across: float
    residual_px: float
    noise_m: float
    why: tuple[Measure, ...]

    def height(self, t: float) -> float:
        return self.course.height(t - self.since)

    def speed(self, t: float) -> float:
        return (self.height(t) - self.height(t + 0.01)) / 0.01


@dataclass(frozen=True)
class Seen:
    """The wall from `left_m` to `right_m`, its lower edge in the picture and the picture's width in analysed px;
    `lands_m`: height on the wall at which what falls there lands, where that is known and it has not passed it.
    """

    left_m: float
    right_m: float
    bottom_m: float
    width_px: float
    vanished: bool = False  # the track ended, and nothing moves on from there
    lands_m: float | None = None


def judge(fixes: Fixes, grid: Grid, step_s: float, seen: Seen) -> Verdict | None:
    """What the track is; None while it is neither a fall nor something light. `step_s`: from frame to frame;
    `seen`: how far the wall goes, and what is seen of it at the lower edge of the picture.

    A bird that drops off a ledge falls too, for about a second: it takes eight metres, and longer than that second, to
    tell them apart. On a low building a whole fall is hardly longer, and less is asked; as of what falls on the ground,
    out of the picture, or behind something, where a bird would be seen to fly on. What is seen more briefly than a dive
    has to be pulled as a stone (BRIEF), and fall the longer the larger it seems (NEAR).
    """
    roof_m = grid.facade.roof_m
    proof = _proof(_end(fixes, step_s, seen), roof_m)
    for head in HEADS:
        if len(fixes.t) - head < LEAST:
            break
        if fixes.z[head] - fixes.z[-1] < proof.sharp_m:
            continue
        far = np.hypot(fixes.x[: head + 1] - fixes.x[head], fixes.z[: head + 1] - fixes.z[head]).max() > HEAD_M
        if far and (len(fixes.t) - head < LONG or fixes.z[head] - fixes.z[-1] < DOUBTFUL * _usual_m(roof_m)):
            break  # a hand, a railing; but a long fall stays one with fixes of something else before it
        found, smooth = _fall(fixes, head, grid, step_s, proof, seen)
        if found is not None:
            return found
        if proof.end and smooth:
            break  # a hand goes before a fall; but the rest of a dive is too short to tell how it is pulled
    return _light(part_of(fixes, np.arange(len(fixes.t)) >= fixes.z.argmax()), grid, step_s, proof.end)


def _usual_m(roof_m: float) -> float:
    return min(LEAST_M, LEAST_SHARE * roof_m)


def _proof(end: End, roof_m: float) -> Proof:
    usual_m = _usual_m(roof_m)
    match end:
        case "below" | "landed":
            return Proof(end, DOWN_M, 0.0, DOUBTFUL_M, strict=False, sharp_m=DOWN_M, sharp_s=0.0)
        case "aside":
            return Proof(end, DOWN_M, STRICT_S, DOUBTFUL_M, strict=True, sharp_m=SHARP_M, sharp_s=SHARP_S)
        case "hidden":
            most_m, less_m = min(HIDDEN_M, usual_m), SHARP_HIDDEN_M
            return Proof(end, most_m, STRICT_S, DOUBTFUL * usual_m, strict=True, sharp_m=less_m, sharp_s=SHARP_S)
    least_s = SURE_S if roof_m >= SURE_FROM_M else LOW_S
    return Proof(end, usual_m, least_s, DOUBTFUL * usual_m, strict=False, sharp_m=usual_m, sharp_s=least_s)


def _end(fixes: Fixes, step_s: float, seen: Seen) -> End:
    """Where it goes that it is not seen any more: on the ground or beyond an edge of the picture in the next frame or
    the one after it, or behind something already, or where things land."""
    ahead = 1.5 * step_s / max(1e-3, fixes.t[-1] - fixes.t[-3])
    lowest_m = fixes.z[-1] - ahead * (fixes.z[-3] - fixes.z[-1]) - 0.3
    if lowest_m < max(0.0, seen.bottom_m):
        return "below"
    if seen.vanished and seen.lands_m is not None and lowest_m < seen.lands_m:
        return "landed"
    u = fixes.u[-1] + ahead * (fixes.u[-1] - fixes.u[-3])
    if not fixes.size[-1] / 2 < u < seen.width_px - fixes.size[-1] / 2:
        return "aside"
    return "hidden" if seen.vanished else ""


def _seems_m(fixes: Fixes, grid: Grid) -> float:
    """How large it is if it is at the wall. High above the lens the wall is foreshortened, what falls before it is
    not."""
    across = fixes.scale * np.hypot(1, (fixes.z - grid.facade.camera_m) / grid.distance_m)
    return middle((fixes.size - BLUR_PX) / across)


def _near_s(seems_m: float, end: End) -> float:
    """How long what seems so large has to fall, not to be the dive of a bird that is nearer than the wall."""
    sizes, times = NEAR[end]
    return float(np.interp(seems_m, sizes, times)) if seems_m > sizes[0] else 0.0


def _fall(fixes: Fixes, head: int, grid: Grid, step_s: float, proof: Proof, seen: Seen) -> tuple[Verdict | None, bool]:
    """The verdict; and whether all of it is a textbook path, briefly seen, that is not pulled as a stone.

    In a storm of blobs a fix or two are of something else: the worst are left out, one in nine at most. Of something
    large none are, nor of the end of what does not land: they are how a bird ends its dive.
    """
    part = part_of(fixes, np.arange(len(fixes.t)) >= head)
    spare = 0 if _seems_m(part, grid) > BIRD_M else min(len(part.t) // STRAY_ONE_IN, len(part.t) - LEAST)
    until = None if proof.end in {"below", "landed"} else -SPREAD_FIXES
    otherwise = False
    while True:
        course, off = rough(part, grid)
        most = ROUGH * _most(RESIDUAL, middle(part.size), path_px(part))
        if np.mean((off * share_of(part)) ** 2) <= most**2:
            motion = fine(part, grid, course)
            verdict = _within(part, motion, head, grid, step_s, proof, seen)
            if verdict is not None:
                return verdict, False
            if len(part.t) == len(fixes.t) - head:
                otherwise = _textbook(motion) and _pulled_otherwise(motion, part, grid, proof.end)
            off = motion.off_px
        usual = middle(np.abs(off))
        if usual > HOPELESS * most:
            return None, otherwise
        worst = np.argsort(-np.abs(off[:until]))[:spare]
        stray = worst[np.abs(off[worst]) > max(STRAY_PX, STRAY_TIMES * usual)]
        if not len(stray):
            return None, otherwise
        spare -= len(stray)
        part = part_of(part, ~np.isin(np.arange(len(part.t)), stray))


def _brief(fixes: Fixes, end: End) -> bool:
    return bool(fixes.t[-1] - fixes.t[0] < BRIEF[end][0])


def _pulled_otherwise(motion: Motion, fixes: Fixes, grid: Grid, end: End) -> bool:
    """Whether it is seen briefly and not pulled as a stone. What is nearer than the wall seems pulled more, as what was
    thrown outwards does: only what is small, and cannot be waited for, may have been."""
    if not _brief(fixes, end):
        return False
    _, least, most = BRIEF[end]
    thrown = motion.course.out > BRIEF_OUT
    most_m = LANDED_M if end == "landed" else BRIEF_M
    return not least <= motion.course.pull <= most or (thrown and not (end and _seems_m(fixes, grid) <= most_m))


def _dive(motion: Motion, fixes: Fixes, grid: Grid, end: End) -> bool:
    """Whether it may be the dive of a bird, one that is nearer than the wall, too."""
    lasted_s = float(fixes.t[-1] - fixes.t[0])
    return _pulled_otherwise(motion, fixes, grid, end) or lasted_s < _near_s(_seems_m(fixes, grid), end)


def _textbook(motion: Motion) -> bool:
    return motion.residual <= _most(TEXTBOOK, motion.size, motion.path) and motion.aside <= _most(
        TEXTBOOK_ACROSS, motion.size
    )


def _most(terms: tuple[float, ...], size: float, path: float = 0.0) -> float:
    """px, of so many, a share of the size, and one of the path."""
    return sum(term * by for term, by in zip(terms, (1.0, size, path), strict=False))


def _within(
    fixes: Fixes, motion: Motion, head: int, grid: Grid, step_s: float, proof: Proof, seen: Seen
) -> Verdict | None:
    """The verdict when every limit is kept."""
    course, facade = motion.course, grid.facade
    limit, aside_limit = _most(RESIDUAL, motion.size, motion.path), _most(ACROSS, motion.size)
    lasted_s = float(fixes.t[-1] - fixes.t[0])
    density = len(fixes.t) / (lasted_s / step_s + 1)
    drop = course.z - course.height(lasted_s)
    top = course.z + max(course.down, 0.0) ** 2 / (2 * G)
    textbook = _textbook(motion)
    landed = proof.end in {"below", "landed"} and textbook and drop >= LEAST_M and len(fixes.t) >= THIN_LEAST
    fast = landed and course.down >= FULL_MPS
    if not PULL_LEAST <= course.pull <= PULL_MOST or (not fast and _dive(motion, fixes, grid, proof.end)):
        return None
    if not textbook and (drop < proof.doubtful_m or density < DOUBTFUL_DENSITY):
        return None
    if proof.strict and not (textbook and density >= STRICT_DENSITY):
        return None
    large = _seems_m(fixes, grid) > BIRD_M
    aside = proof.end == "aside"
    if (large and (aside or not textbook)) or ((large or aside) and spreads(fixes, motion, grid)):
        return None
    if proof.end == "hidden" and fixes.company and course.pull < COMPANY_PULL:
        return None  # something like it was there afterwards: perhaps the bird
    wanes = len(fixes.t) >= LONG and lasted_s >= LIGHT_S.get(proof.end, 0.0)
    if course.terminal < LIGHT_AT_MPS and (large or not (textbook and wanes)):
        return None  # slowed down by drag, or never pulled
    if density < SPARSE and (
        motion.residual > _most(SPARSE_PX, motion.size)
        or np.count_nonzero(fixes.t > (fixes.t[0] + fixes.t[-1]) / 2) < SPARSE_LATE
    ):
        return None
    sharp = motion.residual <= _most(SHARP, motion.size) and motion.aside <= _most(SHARP_ACROSS, motion.size)
    sharp &= not fixes.company
    least_m, least_s = (proof.sharp_m, proof.sharp_s) if sharp else (proof.least_m, proof.least_s)
    dense = THIN_DENSITY if textbook and len(fixes.t) >= THIN_LEAST else DENSITY
    if (
        motion.residual > limit or motion.aside > aside_limit or density < dense or drop < least_m
        or not facade.height_m(2) - 0.5 <= top <= facade.roof_m + MARGIN_M
        or not seen.left_m - ASIDE_M <= motion.x <= seen.right_m + ASIDE_M
        or abs(motion.across) > ACROSS_MOST or course.down < -UP_MOST
        or lasted_s < least_s
        or (top - course.z > UNSEEN_M and len(fixes.t) < LONG and not landed)
    ):  # fmt: skip
        return None
    pull_least = PULL_LEAST if fast or not _brief(fixes, proof.end) else BRIEF[proof.end][1]
    return Verdict(
        "falling_object", head, float(fixes.t[0]), float(fixes.t[-1]), course, motion.x, motion.across,
        motion.residual, float(1 / weights(fixes)[0]),
        (
            Measure("pull", course.pull, pull_least, "m/s²"),
            Measure("residual", motion.residual, limit, "px"),
            Measure("residual_across", motion.aside, aside_limit, "px"),
            Measure("fixes", float(len(fixes.t)), LEAST),
            Measure("density", float(density), dense),
            Measure("drop", drop, least_m, "m"),
            Measure("start", top, facade.roof_m + MARGIN_M, "m"),
        ),
    )  # fmt: skip


def _light(fixes: Fixes, grid: Grid, step_s: float, end: End) -> Verdict | None:
    """Paper, a bag: down at a steady speed and straight; a carton, a ball of paper: faster and straighter, with little
    pull left, when it is seen no more (until then it may be a fall). Suspected, never more.
    """
    if len(fixes.t) < LIGHT_LEAST or fixes.z[0] - fixes.z[-1] < 5.0:
        return None
    t, w, roof_m = fixes.t - fixes.t[0], weights(fixes), grid.facade.roof_m
    curve = np.polyfit(t, fixes.z, 2, w=w)
    pull, down, z0 = (float(value) for value in curve * (-2, -1, 1))
    mean = float((fixes.z[0] - fixes.z[-1]) / t[-1])
    residual = float(np.sqrt(np.mean(((fixes.z - np.polyval(curve, t)) * fixes.scale) ** 2)))
    line = np.polyfit(t, fixes.x, 1, w=w)
    aside = float(np.sqrt(np.mean(((fixes.x - np.polyval(line, t)) * fixes.scale) ** 2)))
    density = len(t) / (t[-1] / step_s + 1)
    slow = abs(pull) < LIGHT_PULL and LIGHT_MPS[0] <= mean <= LIGHT_MPS[1] and t[-1] >= 1.0 and z0 <= roof_m
    slow &= residual <= LIGHT_PX[0] and aside <= LIGHT_PX[1] and density >= 0.7
    size = middle(fixes.size)
    fast = bool(end) and 0 <= pull < FAST_PULL and LIGHT_MPS[1] < mean <= FAST_MPS
    fast &= residual <= _most(FAST_PX, size) and aside <= _most(FAST_ACROSS, size)
    fast &= density >= FAST_DENSITY and fixes.z[0] - fixes.z[-1] >= LEAST_M
    fast &= z0 <= roof_m + MARGIN_M and _seems_m(fixes, grid) <= BIRD_M
    if not (slow or fast) or abs(line[0]) > 1.5:
        return None
    why = (
        Measure("speed", mean, LIGHT_MPS[1] if slow else FAST_MPS, "m/s"),
        Measure("pull", pull, LIGHT_PULL if slow else FAST_PULL, "m/s²"),
        Measure("residual", residual, LIGHT_PX[0] if slow else _most(FAST_PX, size), "px"),
    )
    course = Course(z0, down, pull, STILL_FASTER_MPS, 0.0)
    return Verdict(
        "light_object", 0, float(fixes.t[0]), float(fixes.t[-1]), course, float(line[1]), float(line[0]),
        residual, float(1 / w[0]), why,
    )  # fmt: skip
