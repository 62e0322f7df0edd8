"""Which floor, which column? Ranked, with probabilities: never a bare flat number.

Two stories fit a track: it was let go (then it began where its speed was nought, v²/2g above the first fix), or it was
thrown and seen from the beginning (then it began at the first fix). The first fix's speed says how likely each is. What
leaves a house leaves it at the height of a sill or a railing, which tells floors apart where the fit cannot. Each is
asked of every outward and terminal speed that the fixes allow.
"""

from dataclasses import replace
from math import erf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_agent.model.sightings import Fall
from edge_agent.model.site import Facade
from edge_agent.vision.falling_grid import Grid
from edge_agent.vision.falling_motion import Course, part_of, stories
from edge_agent.vision.falling_physics import Verdict
from edge_agent.vision.falling_tracks import Fixes, G

SILL_M = (0.7, 2.0)  # above the floor
ELSEWHERE = 0.2  # how likely a release at another height is, against one there
SLOW_MPS, SEEN_TO_BEGIN = 3.0, (0.55, 0.15)  # at the first fix; how likely it was thrown there: slower, and faster
BACK_MOST_M, BACK_MOST_S = 8.0, 1.3
LEAST = 0.01  # less likely floors and columns are not listed


def released(verdict: Verdict) -> tuple[float, float]:
    """Time in s and height in m of the release, as the likelier story has it."""
    course = verdict.course
    if verdict.kind == "light_object" or course.down <= 0:
        return verdict.since, course.z
    return verdict.since - min(course.down / G, BACK_MOST_S), course.z + _back_m(course)


def told(fixes: Fixes, verdict: Verdict, grid: Grid) -> list[tuple[float, Course]]:
    """What may have been, with its share; what is light may have come at that speed for long."""
    if verdict.kind == "light_object":
        return [(1.0, replace(verdict.course, down=0.0))]
    return stories(part_of(fixes, fixes.t >= verdict.since), grid, verdict.course)


def _back_m(course: Course) -> float:
    return min(max(course.down, 0.0) ** 2 / (2 * G), BACK_MOST_M)


def floors(may_be: list[tuple[float, Course]], noise_m: float, facade: Facade) -> tuple[tuple[int, float], ...]:
    """Ranked, of what may have been, with its share."""
    noise, speed_noise = max(0.15, noise_m), 0.25 + 2 * noise_m
    share = np.array([one for one, _ in may_be])
    at, down, back = np.array([(one.z, max(one.down, 0.0), _back_m(one)) for _, one in may_be]).T
    begun = np.where(down < SLOW_MPS, *SEEN_TO_BEGIN)
    means, sigmas = np.append(at, at + back), np.append(0 * at + noise + 0.1, np.hypot(noise, down * speed_noise / G))
    z = np.arange(0.0, facade.roof_m + 3.0, 0.05)
    shares = np.append(share * begun, share * (1 - begun)) / sigmas
    density = shares @ np.exp(-(((z - means[:, None]) / sigmas[:, None]) ** 2) / 2)
    base = np.array([facade.height_m(floor) for floor in range(1, facade.floors + 2)])
    floor = np.clip(np.searchsorted(base, z, side="right"), 1, facade.floors + 1)
    above = z - base[floor - 1]
    density = density * np.where((above >= SILL_M[0]) & (above <= SILL_M[1]), 1.0, ELSEWHERE)
    return _ranked(np.bincount(floor, density, facade.floors + 2))


def columns(verdict: Verdict, facade: Facade) -> tuple[tuple[int, float], ...]:
    if not facade.columns:
        return ()
    when, _ = released(verdict)
    x = verdict.x + verdict.across * (when - verdict.since)
    spread = max(0.25, verdict.noise_m) + abs(verdict.across) * 0.15
    last = max(line.column for line in facade.columns)
    edges = [(column - 1) * facade.column_m for column in range(1, last + 1)]
    below = [0.5 * (1 + erf((edge - x) / spread / sqrt(2))) for edge in edges]
    return _ranked(np.array([0.0, *np.diff(below)]))


def _ranked(weights: npt.NDArray[Any]) -> tuple[tuple[int, float], ...]:
    total = float(weights.sum())
    if total <= 0:
        return ()
    share = weights / total
    order = [int(n) for n in np.argsort(-share) if share[n] >= LEAST]
    return tuple((n, round(float(share[n]), 3)) for n in order[:5])


def fall(fixes: Fixes, verdict: Verdict, grid: Grid, scale: float, ground_m: float = 0.0) -> Fall:
    """`scale`: px of the analysed frame to px of the calibrated one is 1 / scale; times in ms of gateway uptime;
    `ground_m`: height on the wall at which it lands.
    """
    when, _ = released(verdict)
    impact = verdict.until
    while (left := verdict.height(impact) - ground_m) > 0 and impact < verdict.until + 8:
        if verdict.speed(impact) < 1.0:
            impact += left
            break
        impact += max(0.005, min(0.1, left / 30))
    path = tuple(
        (round(t * 1000), round(float(u), 1), round(float(v), 1), round(float(z), 2))
        for t, u, v, z in zip(fixes.t, fixes.u, fixes.v, fixes.z, strict=True)
    )
    return Fall(
        floors=floors(told(fixes, verdict, grid), verdict.noise_m, grid.facade),
        columns=columns(verdict, grid.facade),
        released_ms=round(when * 1000),
        impact_ms=round(impact * 1000),
        speed_mps=round(verdict.speed(verdict.until), 1),
        path=path,
        residual_px=round(verdict.residual_px, 2),
        calibration=grid.id,
    )
