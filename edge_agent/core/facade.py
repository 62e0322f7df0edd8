"""Can a façade be calibrated with the lines somebody clicked? Plain geometry, before any picture is looked at.

Along the middle of the frame the height k metres up a wall is seen at row v = (p k + q) / (r k + 1): three unknowns, so
at least three lines. Their spacing tells how many pixels a metre has at the top: what can be seen there.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from edge_agent.core.zone_shape import area, corners, crossing
from edge_agent.model.site import LEAST_PX_PER_M, Facade

LEAST_LINES = 3
LEAST_MASK_PX = 16.0  # area; of less no pixel may be left when the frame is looked at in half its size

MISPLACED = "facade.misplaced"  # an earlier version took such lines: the wall is not watched, the rest goes on
Fault = tuple[str, str, dict[str, Any]]  # path in the table, code of words/, fields
Rational = tuple[float, float, float]  # p, q, r


def faults(facade: Facade) -> Iterator[Fault]:
    """What is wrong with it, in the order of the file."""
    if min(facade.size) < 64:
        yield "size", "facade.size", {"width": facade.size[0], "height": facade.size[1]}
        return
    wrong = [*_points(facade), *_masks(facade), *_lands(facade), *_numbers(facade)]
    yield from wrong
    if wrong:
        return
    if len({line.floor for line in facade.lines}) < LEAST_LINES:
        yield "lines", "facade.few_lines", {"count": len(facade.lines), "least": LEAST_LINES}
        return
    crossing = [*_crossing(facade)]
    yield from crossing
    if crossing:
        return
    if (folded := misplaced(facade, _rows(facade))) is not None:
        yield folded
    elif (scale := top_px_per_m(facade)) < LEAST_PX_PER_M:
        yield "lines", "facade.too_small", {"scale": f"{scale:.1f}", "least": LEAST_PX_PER_M, "floor": facade.floors}


def misplaced(facade: Facade, rows: Sequence[float]) -> Fault | None:
    """Lines by which the wall passes beside or behind the lens, where a floor above is no longer seen above: `rows` at
    which the lower edges of floors 1, 2, … and the roof's edge are seen must fall.
    """
    turn = next((n for n, (low, high) in enumerate(itertools.pairwise(rows), 1) if not high < low), None)
    if turn is None:
        return None
    most_above = sum(line.floor > turn for line in facade.lines) > len(facade.lines) / 2  # what was clicked is right
    first, last = (1, turn) if most_above else (turn, facade.floors)
    return "lines", MISPLACED, {"floors": f"{first}–{last}" if first < last else f"{first}"}


def _rows(facade: Facade) -> list[float]:
    """In the middle of the frame; infinite beyond the height beside the lens. Empty: the lines make no wall."""
    if (solved := _solved(facade)) is None:
        return []
    p, q, r = solved
    heights = map(facade.height_m, range(1, facade.floors + 2))
    return [(p * k + q) / (r * k + 1) if r * k + 1 > 0 else math.inf for k in heights]


def _solved(facade: Facade) -> Rational | None:
    return rational([(facade.height_m(line.floor), row_at(line.at, facade.size[0] / 2)) for line in facade.lines])


def top_px_per_m(facade: Facade) -> float:
    """Pixels that a metre has at the top floor, in the middle of the frame; 0.0 where the lines make no wall."""
    solved = _solved(facade)
    if solved is None:
        return 0.0
    p, q, r = solved
    top = facade.height_m(facade.floors)
    return max(0.0, -(p - q * r) / (r * top + 1) ** 2)


def rational(known: Sequence[tuple[float, float]]) -> Rational | None:
    """p, q, r of v = (p k + q) / (r k + 1) through (k, v), least squares; None where there is none."""
    rows = [(k, 1.0, -k * v, v) for k, v in known]
    normal = [[sum(row[i] * row[j] for row in rows) for j in range(4)] for i in range(3)]
    for i in range(3):  # Gauss, with the largest pivot
        best = max(range(i, 3), key=lambda n: abs(normal[n][i]))
        normal[i], normal[best] = normal[best], normal[i]
        if abs(normal[i][i]) < 1e-9:
            return None
        for n in range(3):
            if n != i:
                factor = normal[n][i] / normal[i][i]
                normal[n] = [one - factor * other for one, other in zip(normal[n], normal[i], strict=True)]
    p, q, r = (normal[i][3] / normal[i][i] for i in range(3))
    return p, q, r


def row_at(line: Sequence[float], x: float) -> float:
    """Where the line through its first and last point crosses the upright at `x`."""
    x1, y1, x2, y2 = *line[:2], *line[-2:]
    return y1 + (y2 - y1) * (x - x1) / (x2 - x1) if x2 != x1 else (y1 + y2) / 2


def _points(facade: Facade) -> Iterator[Fault]:
    width, height = facade.size
    named = [(f"lines[{n}].at", line.at, 4) for n, line in enumerate(facade.lines)]
    named += [(f"columns[{n}].at", line.at, 4) for n, line in enumerate(facade.columns)]
    for path, at, least in named:
        if len(at) < least or len(at) % 2:
            yield path, "facade.points", {"count": len(at), "least": least}
        elif (point := _outside(facade, at)) is not None:
            yield path, "facade.outside", point
        else:
            across = abs(at[-2] - at[0]), abs(at[-1] - at[1])
            wide = path.startswith("lines")
            if (across[0] < 0.1 * width or across[1] > across[0]) if wide else across[1] < 0.1 * height:
                yield path, "facade.line_short" if wide else "facade.column_short", {}


def _masks(facade: Facade) -> Iterator[Fault]:
    """A mask that hides nothing, or something else than was meant, is a private window that is looked into."""
    width, height = facade.size
    for n, mask in enumerate(facade.masks):
        path = f"masks[{n}]"
        if len(mask) < 6 or len(mask) % 2:
            yield path, "facade.points", {"count": len(mask), "least": 6}
        elif (point := _outside(facade, mask)) is not None:
            yield path, "facade.outside", point
        elif (sides := crossing(corners(mask))) is not None:
            yield path, "zone.crossing", {"one": sides[0], "other": sides[1]}
        elif (px := area(corners(mask))) < LEAST_MASK_PX:
            yield path, "facade.mask_small", {"area": f"{px:.2g}", "width": width, "height": height}


def _lands(facade: Facade) -> Iterator[Fault]:
    """A line above which no floor is would make every bird that perches one that has landed."""
    at = facade.lands
    if not at:
        return
    if len(at) < 4 or len(at) % 2:
        yield "lands", "facade.points", {"count": len(at), "least": 4}
    elif (point := _outside(facade, at)) is not None:
        yield "lands", "facade.outside", point
    elif any(right <= left for left, right in itertools.pairwise(at[::2])):
        yield "lands", "facade.lands_order", {}
    elif lines := [line.at for line in facade.lines if len(line.at) >= 4]:
        highest = min(lines, key=lambda line: row_at(line, facade.size[0] / 2))
        if any(y <= row_at(highest, x) for x, y in corners(at)):
            yield "lands", "facade.lands_high", {}


def _outside(facade: Facade, at: Sequence[float]) -> dict[str, Any] | None:
    """The first of the points that is not in the frame, if any is."""
    width, height = facade.size
    for x, y in corners(at):
        if not (0 <= x <= width and 0 <= y <= height):
            return {"x": f"{x:g}", "y": f"{y:g}", "width": width, "height": height}
    return None


def _numbers(facade: Facade) -> Iterator[Fault]:
    if not 2 <= facade.floors <= 60:
        yield "floors", "config.range", {"key": "floors", "low": 2, "high": 60}
    seen: set[int] = set()
    for n, line in enumerate(facade.lines):
        if not 1 <= line.floor <= facade.floors + 1:
            yield f"lines[{n}].floor", "facade.no_floor", {"floor": line.floor, "most": facade.floors + 1}
        if line.floor in seen:
            yield f"lines[{n}].floor", "facade.twice", {"number": line.floor}
        seen.add(line.floor)
    columns = [line.column for line in facade.columns]
    if len(columns) == 1:
        yield "columns", "facade.one_column", {}
    for n, column in enumerate(columns):
        if column in columns[:n]:
            yield f"columns[{n}].column", "facade.twice", {"number": column}


def _crossing(facade: Facade) -> Iterator[Fault]:
    """Higher floors must be seen higher, over the whole width of the frame; columns in their order likewise."""
    width, height = facade.size
    lines = sorted(enumerate(facade.lines), key=lambda one: one[1].floor)
    for (m, low), (n, high) in itertools.pairwise(lines):
        if any(row_at(high.at, x) >= row_at(low.at, x) for x in (0.0, float(width))):
            fields = {"floor": high.floor, "other": low.floor, "first": f"lines[{m}]"}
            yield f"lines[{n}].at", "facade.crossing", fields
    turned = [(n, line.column, _turned(line.at)) for n, line in enumerate(facade.columns)]
    turned.sort(key=lambda one: one[1])
    for (m, one, left), (n, other, right) in itertools.pairwise(turned):
        if row_at(left, height / 2) >= row_at(right, height / 2):
            yield (
                f"columns[{n}].at",
                "facade.columns_crossing",
                {"column": other, "other": one, "first": f"columns[{m}]"},
            )


def _turned(at: Sequence[float]) -> tuple[float, ...]:
    return tuple(value for x, y in zip(at[::2], at[1::2], strict=True) for value in (y, x))
