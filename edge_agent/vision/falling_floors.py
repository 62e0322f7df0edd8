"""Which floor, which column? Ranked, with probabilities: never a bare flat number.

Two stories fit a track: it was let go (then it began where its speed was nought, v²/2g above the first fix), or it was
thrown and seen from the beginning (then it began at the first fix). The first fix's speed says how likely each is. What
leaves a house leaves it at the height of a sill or a railing, which tells floors apart where the fit cannot.
"""

from math import erf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_agent.model.sightings import Fall
from edge_agent.model.site import Facade
from edge_agent.vision.falling_grid import Grid
from edge_agent.vision.falling_physics import Verdict
from edge_agent.vision.falling_tracks import Fixes, G

SILL_M = (0.7, 2.0)  # above the floor
ELSEWHERE = 0.2  # how likely a release at another height is, against one there
SLOW_MPS, BACK_MOST_M = 3.0, 8.0
LEAST = 0.01  # less likely floors and columns are not listed


def released(verdict: Verdict) -> tuple[float, float]:
    """Time in s and height in m of the release, as the likelier story has it."""
    if verdict.kind == "light_object" or verdict.down <= 0:
        return verdict.since, verdict.z
    back = min(verdict.down**2 / (2 * G), BACK_MOST_M)
    return verdict.since - min(verdict.down / G, 1.3), verdict.z + back


def floors(verdict: Verdict, facade: Facade) -> tuple[tuple[int, float], ...]:
    _, at_rest = released(verdict)
    noise = max(0.15, verdict.noise_m)
    speed_noise = 0.25 + 2 * verdict.noise_m
    spread = sqrt(noise**2 + (max(verdict.down, 0.0) * speed_noise / G) ** 2)
    slow = verdict.down < SLOW_MPS
    stories = ((verdict.z, noise + 0.1, 0.55 if slow else 0.15), (at_rest, spread, 0.45 if slow else 0.85))
    z = np.arange(0.0, facade.roof_m + 3.0, 0.05)
    density = sum(share * np.exp(-(((z - mean) / sigma) ** 2) / 2) / sigma for mean, sigma, share in stories)
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


def fall(fixes: Fixes, verdict: Verdict, grid: Grid, scale: float) -> Fall:
    """`scale`: px of the analysed frame to px of the calibrated one is 1 / scale; times in ms of gateway uptime."""
    when, _ = released(verdict)
    impact = verdict.until
    while verdict.height(impact) > 0 and impact < verdict.until + 8:
        if verdict.speed(impact) < 1.0:
            impact += verdict.height(impact)
            break
        impact += max(0.005, min(0.1, verdict.height(impact) / 30))
    path = tuple(
        (round(t * 1000), round(float(u), 1), round(float(v), 1), round(float(z), 2))
        for t, u, v, z in zip(fixes.t, fixes.u, fixes.v, fixes.z, strict=True)
    )
    return Fall(
        floors=floors(verdict, grid.facade),
        columns=columns(verdict, grid.facade),
        released_ms=round(when * 1000),
        impact_ms=round(impact * 1000),
        speed_mps=round(verdict.speed(verdict.until), 1),
        path=path,
        residual_px=round(verdict.residual_px, 2),
        calibration=grid.id,
    )
