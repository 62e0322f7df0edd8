"""What an installer can get wrong with clicked lines, each told with its place."""

import msgspec
import pytest

from edge_agent.core.facade import faults, rational, top_px_per_m
from edge_agent.model.site import ColumnLine, Facade, FloorLine

GOOD = Facade(
    name="east", camera="east", size=(1080, 1920), floors=10,
    lines=(
        FloorLine(floor=1, at=(100, 1800, 980, 1804)),
        FloorLine(floor=4, at=(200, 1200, 880, 1202)),
        FloorLine(floor=7, at=(260, 760, 820, 761)),
        FloorLine(floor=10, at=(300, 420, 780, 420)),
    ),
    columns=(ColumnLine(column=1, at=(150, 1500, 300, 500)), ColumnLine(column=5, at=(930, 1500, 780, 500))),
)  # fmt: skip


def codes(facade: Facade) -> list[tuple[str, str]]:
    return [(path, code) for path, code, _ in faults(facade)]


def line(floor: int, *at: float) -> FloorLine:
    return FloorLine(floor=floor, at=at)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, []),
        ({"size": (1, 1)}, [("size", "facade.size")]),
        ({"lines": GOOD.lines[:2]}, [("lines", "facade.few_lines")]),
        ({"lines": (*GOOD.lines, line(12, 300, 100, 780, 100))}, [("lines[4].floor", "facade.no_floor")]),
        ({"lines": (*GOOD.lines[:3], line(7, 300, 420, 780, 420))}, [("lines[3].floor", "facade.twice")]),
        ({"lines": (*GOOD.lines[:3], line(10, 300, 420, 1200, 420))}, [("lines[3].at", "facade.outside")]),
        ({"lines": (*GOOD.lines[:3], line(10, 300, 420, 320))}, [("lines[3].at", "facade.points")]),
        ({"lines": (*GOOD.lines[:3], line(10, 300, 420, 310, 700))}, [("lines[3].at", "facade.line_short")]),
        ({"lines": (*GOOD.lines[:3], line(10, 300, 420, 780, 870))}, [("lines[3].at", "facade.crossing")]),
        ({"lines": (GOOD.lines[0], line(4, 200, 700, 880, 700), line(7, 260, 1200, 820, 1200))},
         [("lines[2].at", "facade.crossing")]),
        ({"columns": GOOD.columns[:1]}, [("columns", "facade.one_column")]),
        ({"columns": (GOOD.columns[0], ColumnLine(column=5, at=(100, 1500, 200, 500)))},
         [("columns[1].at", "facade.columns_crossing")]),
        ({"masks": ((1.0, 2.0, 3.0, 4.0),)}, [("masks[0]", "facade.points")]),
        ({"masks": ((0.1, 0.2, 0.3, 0.2, 0.3, 0.4),)}, [("masks[0]", "facade.mask_small")]),
        ({"masks": ((100, 100, 200, 100, 200, 200), (100, 100, 1200, 100, 1200, 300))},
         [("masks[1]", "facade.outside")]),
        ({"masks": ((100, 100, 300, 300, 300, 100, 100, 300),)}, [("masks[0]", "zone.crossing")]),
        ({"masks": ((100, 100, 200, 200, 300, 300),)}, [("masks[0]", "facade.mask_small")]),
        ({"masks": ((0, 0, 1080, 0, 1080, 1920, 0, 1920), (100, 100, 200, 100, 200, 200, 100, 100))}, []),
        ({"lands": (0, 1500, 500, 1480, 1080, 1510)}, []),
        ({"lands": (0, 1500)}, [("lands", "facade.points")]),
        ({"lands": (0, 1500, 1080)}, [("lands", "facade.points")]),
        ({"lands": (0, 1500, 1081, 1500)}, [("lands", "facade.outside")]),
        ({"lands": (0, 1500, 500, 1480, 500, 1500)}, [("lands", "facade.lands_order")]),
        ({"lands": (0, 1500, 540, 100, 1080, 1500)}, [("lands", "facade.lands_high")]),
        ({"lands": (0, 1500, 1080, 1500), "lines": ()}, [("lines", "facade.few_lines")]),
        ({"floors": 400}, [("floors", "config.range")]),
    ],
)  # fmt: skip
def test_each_mistake_has_its_place(changed: dict[str, object], wanted: list[tuple[str, str]]) -> None:
    assert codes(msgspec.structs.replace(GOOD, **changed)) == wanted


def test_a_top_floor_of_too_few_pixels_is_refused() -> None:
    small = tuple(
        FloorLine(floor=1 + 5 * n, at=(300, y, 780, y)) for n, y in enumerate((1800.0, 1500.0, 1300.0, 1157.0))
    )
    facade = msgspec.structs.replace(GOOD, floors=30, lines=small, columns=())
    assert top_px_per_m(facade) < 6
    assert codes(facade) == [("lines", "facade.too_small")]


def drawn_at(floors: int, *rows: tuple[int, float]) -> Facade:
    lines = tuple(line(floor, 120, y, 960, y + 3) for floor, y in rows)
    return msgspec.structs.replace(GOOD, floors=floors, lines=lines, columns=())


@pytest.mark.parametrize(
    ("facade", "floors"),
    [
        (drawn_at(15, (1, 1800), (2, 1300), (3, 600)), "8–15"),
        (drawn_at(15, (1, 1800), (5, 1300), (6, 900)), "8–15"),
        (drawn_at(8, (1, 1800), (2, 1300), (3, 600)), "8"),
        (drawn_at(12, (8, 1800), (9, 500), (10, 300)), "1–7"),
    ],
)
def test_floors_that_would_be_seen_below_lower_ones_are_named(facade: Facade, floors: str) -> None:
    """The map from heights to rows has a pole there, beyond which rows come back from the other side."""
    assert [*faults(facade)] == [("lines", "facade.misplaced", {"floors": floors})]


def test_three_lines_give_the_perspective_back() -> None:
    p, q, r = -70.0, 1700.0, 0.011
    found = rational([(k, (p * k + q) / (r * k + 1)) for k in (0.0, 9.0, 30.0)])
    assert found == pytest.approx((p, q, r), rel=1e-6)
