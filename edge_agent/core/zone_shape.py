"""What is wrong with the shape of a zone or a line, before a camera watches it. Points are parts of the picture.

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
    if len(points) < 3:
        yield "", "zone.too_few", {"found": len(points)}
        return
    count = len(points)
    crossing = False
    for one, other in combinations(range(count), 2):
        if other - one in {1, count - 1}:
            continue  # neighbours share a corner
        if _cross(points[one], points[(one + 1) % count], points[other], points[(other + 1) % count]):
            crossing = True
            yield "", "zone.crossing", {"one": one + 1, "other": other + 1}
            break
    if not crossing and abs(_area(points)) < AREA_AT_LEAST:
        yield "", "zone.too_small", {}


def _area(points: Sequence[Fraction]) -> float:
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum(x * v - u * y for (x, y), (u, v) in pairs) / 2


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
