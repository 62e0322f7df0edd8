"""Passages by the hour as an inline picture: numbers in, the coordinates of bars and of a line out."""

from collections.abc import Iterable

import msgspec

from edge_agent.model.look import Hour

HOUR_MS = 3_600_000
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 260, 44, 26


class Bar(msgspec.Struct, frozen=True):
    """One hour. `x`, `width`: of its group; heights from the floor up, in the picture's units."""

    label: str
    x: float
    width: float
    entered: int
    left: int
    denied: int
    heights: tuple[float, float, float]


class Chart(msgspec.Struct, frozen=True):
    """`line`: points of those inside (entered minus left since the day began); `ticks`: (y, number)."""

    bars: tuple[Bar, ...]
    line: str
    ticks: tuple[tuple[float, int], ...]
    inside: tuple[int, ...]
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = HEIGHT - BOTTOM
    begin: int = LEFT


def chart(hours: Iterable[Hour], from_ms: int, count: int) -> Chart:
    """`count` hours from `from_ms` on: 24, or 23 and 25 when the clocks are changed."""
    by = {round((hour.from_ms - from_ms) / HOUR_MS): hour for hour in hours}
    series = [by.get(n, Hour(from_ms + n * HOUR_MS)) for n in range(count)]
    inside, now = list[int](), 0
    for hour in series:
        now += hour.entered - hour.left
        inside.append(max(0, now))
    top = nice(max([1, *inside, *(max(h.entered, h.left, h.denied) for h in series)]))
    floor, width = HEIGHT - BOTTOM, (WIDTH - LEFT) / count

    def high(number: int) -> float:
        return round((floor - 10) * number / top, 1)

    bars = tuple(
        Bar(
            str(n), round(LEFT + n * width, 1), round(width, 1), hour.entered, hour.left, hour.denied,
            (high(hour.entered), high(hour.left), high(hour.denied)),
        )
        for n, hour in enumerate(series)
    )  # fmt: skip
    line = " ".join(f"{LEFT + (n + 0.5) * width:.1f},{floor - high(number):.1f}" for n, number in enumerate(inside))
    ticks = tuple((floor - high(top * part // 4), top * part // 4) for part in range(5))
    return Chart(bars, line, ticks, tuple(inside))


def nice(number: int) -> int:
    """The next of 4, 8, 20, 40, 80, 200, …: it divides into four whole steps."""
    scale = 1
    while True:
        for step in (4, 8, 20):
            if step * scale >= number:
                return step * scale
        scale *= 10
