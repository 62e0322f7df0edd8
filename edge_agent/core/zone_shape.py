"""What is wrong with the shape of a zone, a line or a mask, before a camera watches it. Points are parts of the picture
(those of a façade px).

A polygon whose sides cross has two insides or none, depending on who draws it: refused rather than guessed.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import dist
from typing import Any

from edge_agent.model.site import Fraction

AREA_AT_LEAST = 0.0005  # of the picture: 14 × 7 px of 640 × 360; nobody's feet would be found in less
LENGTH_AT_LEAST = 0.02

Flaw = tuple[str, str, dict[str, Any]]  # where in `points`, code of words, its fields


def flaws(points: Sequence[Fraction], closed: bool) -> Iterator[Flaw]:
    """`closed`: a polygon, else a line from the first point to the second."""
    for index, (x, y) in enumerate(points):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            yield f"[{index}]", "zone.outside", {"x": x, "y": y}
    if not closed:
        if dist(points[0], points[1]) < LENGTH_AT_LEAST:
            yield "", "zone.short_line", {}
        return
    points = opened(points)
    if len(points) < 3:
        yield "", "zone.too_few", {"found": len(points)}
        return
    if (sides := crossing(points)) is not None:
        yield "", "zone.crossing", {"one": sides[0], "other": sides[1]}
    elif area(points) < AREA_AT_LEAST:
        yield "", "zone.too_small", {}


def crossing(points: Sequence[Fraction]) -> tuple[int, int] | None:
    """Two sides of the polygon that cross, each by the number of the corner it begins at, from 1; None: none do."""
    count = len(points)
    for one, other in combinations(range(count), 2):
        if other - one in {1, count - 1}:
            continue  # neighbours share a corner
        if _cross(points[one], points[(one + 1) % count], points[other], points[(other + 1) % count]):
            return one + 1, other + 1
    return None


def area(points: Sequence[Fraction]) -> float:
    """In squares of whatever the points are in."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(x * v - u * y for (x, y), (u, v) in pairs)) / 2


def corners(mask: Sequence[float]) -> Sequence[Fraction]:
    """x, y, x, y, … as points, `opened`."""
    return opened(list(zip(mask[::2], mask[1::2], strict=True)))


def opened(points: Sequence[Fraction]) -> Sequence[Fraction]:
    """Without the first point once more at the end, as some write a polygon."""
    return points[:-1] if len(points) > 3 and points[0] == points[-1] else points


def _side(a: Fraction, b: Fraction, c: Fraction) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _cross(a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> bool:
    """Do the sides a–b and c–d cross or touch?"""
    sides = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and _within(p, q, at) for side, (p, q, at) in zip(sides, ends, strict=True))


def _within(p: Fraction, q: Fraction, at: Fraction) -> bool:
    return min(p[0], q[0]) <= at[0] <= max(p[0], q[0]) and min(p[1], q[1]) <= at[1] <= max(p[1], q[1])
