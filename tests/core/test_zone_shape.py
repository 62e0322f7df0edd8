"""core/zone_shape.py: which polygons and lines are refused, and where the mistake is said to be."""

import pytest

from edge_agent.core.zone_shape import flaws

SQUARE = ((0.1, 0.1), (0.6, 0.1), (0.6, 0.7), (0.1, 0.7))


def codes(points: tuple[tuple[float, float], ...], closed: bool = True) -> list[tuple[str, str]]:
    return [(where, code) for where, code, _ in flaws(points, closed)]


def test_a_simple_polygon_is_taken_in_either_direction() -> None:
    assert codes(SQUARE) == codes(SQUARE[::-1]) == []


def test_a_hollow_polygon_and_the_whole_picture_are_taken() -> None:
    assert codes(((0, 0), (1, 0), (1, 1), (0, 1))) == []
    assert codes(((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.3), (0.1, 0.9))) == []


def test_a_polygon_may_end_with_its_first_corner_as_a_mask_may() -> None:
    assert codes((*SQUARE, SQUARE[0])) == []
    assert codes((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0])) == [("", "zone.crossing")]
    assert codes((*SQUARE[:2], SQUARE[0])) == [("", "zone.too_small")]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (((0.1, 0.1), (0.6, 0.1)), [("", "zone.too_few")]),
        (((0.1, 0.1), (1.2, 0.1), (0.6, 0.7)), [("[1]", "zone.outside")]),
        (((0.1, -0.01), (0.5, 0.1), (0.6, 1.01)), [("[0]", "zone.outside"), ("[2]", "zone.outside")]),
        ((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]), [("", "zone.crossing")]),
        (((0.1, 0.1), (0.5, 0.5), (0.9, 0.1), (0.5, 0.5)), [("", "zone.crossing")]),  # touches itself
        (((0.1, 0.1), (0.11, 0.1), (0.11, 0.11)), [("", "zone.too_small")]),
        (((0.1, 0.1), (0.4, 0.4), (0.9, 0.9)), [("", "zone.too_small")]),  # all on one line
    ],
)
def test_what_is_no_area_is_refused(points: tuple[tuple[float, float], ...], expected: list[tuple[str, str]]) -> None:
    assert codes(points) == expected


def test_a_line_has_a_length_and_lies_in_the_picture() -> None:
    assert codes(((0.1, 0.5), (0.9, 0.5)), closed=False) == []
    assert codes(((0.1, 0.5), (0.1, 0.51)), closed=False) == [("", "zone.short_line")]
    assert codes(((0.1, 0.5), (0.1, 1.5)), closed=False) == [("[1]", "zone.outside")]
