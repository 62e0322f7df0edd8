"""What an installer tunes by: the rules of a camera over its picture, where they are, and what was seen."""

import cv2
import numpy as np
import pytest

from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Measure, Phase, Sighting
from edge_agent.model.site import Camera, Facade, FloorLine, Line, Zone
from edge_agent.vision.canvas import COLOURS, FONT, RULE, Canvas, rules, told

JOB = SentryJob(
    Camera(name="yard", url="file:///x"),
    zones=(
        Zone(name="lawn", camera="yard", watch=("intrusion",), points=((0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9))),
    ),
    lines=(Line(name="path", camera="yard", points=((0.1, 0.2), (0.1, 0.8))),),
)


class Grey:
    def rgb(self) -> np.ndarray:
        return np.full((200, 400, 3), 90, np.uint8)


def test_rules_lie_where_they_are_and_the_arrow_shows_the_way_in() -> None:
    drawn = rules(JOB, 200, 400)
    assert tuple(drawn[100, 280]) == RULE, "the upper edge of the zone"
    assert tuple(drawn[60, 40]) == RULE, "the line"
    assert not drawn[150, 280].any()
    beside = drawn[85:115].any(2).any(0)
    assert beside[28:38].any(), "towards whoever looks along it: walking down the picture, their right is our left"


def test_a_sighting_is_drawn_over_the_picture_and_fades() -> None:
    canvas = Canvas(JOB)
    seen = Sighting(
        rule="lawn", kind="intrusion", incident="i-1", phase=Phase.BEGUN, up_ms=1_000, size=(400, 200),
        box=(300, 120, 40, 40),
    )  # fmt: skip
    picture = canvas.draw(Grey(), [seen], 1_000)
    assert tuple(picture[120, 320]) == COLOURS["alarm"]
    assert tuple(picture[150, 250]) == (90, 90, 90)
    later = canvas.draw(Grey(), [], 10_000)
    assert tuple(later[120, 320]) == (90, 90, 90)
    assert tuple(later[100, 280]) == RULE


def test_what_lies_under_masks_is_black_whoever_drew_the_mask() -> None:
    """Those of the camera in parts of the picture, those of its façade in px of another size."""
    lines = tuple(FloorLine(floor=n, at=(100, y, 700, y)) for n, y in ((1, 390), (2, 280), (3, 180)))
    private = (600, 0, 800, 0, 800, 100, 600, 100)
    wall = Facade(name="east", camera="yard", size=(800, 400), floors=3, lines=lines, masks=(private,))
    left = (0.0, 0.0, 0.25, 0.0, 0.25, 1.0, 0.0, 1.0)
    job = SentryJob(Camera(name="yard", url="file:///x", masks=(left,)), facades=(wall,))
    picture = Canvas(job).draw(Grey(), [], 1_000)
    seen = (picture == 90).all(2)
    assert not seen[:, :100].any()
    assert not seen[:50, 300:].any()
    assert seen[60:, 110:].mean() > 0.9  # all but the grid
    assert seen[:, 110:290].mean() > 0.9


@pytest.mark.parametrize(("width", "lines"), [(300, 4), (520, 2), (1900, 1)])
def test_reasons_stay_within_the_picture(width: int, lines: int) -> None:
    why = (Measure("in_zone_s", 12.4, 5.0, "s"), Measure("height", 0.31, 0.1), Measure("dwell_s", 3.0, 2.0, "s"))
    seen = Sighting(
        rule="lawn", kind="loitering", incident="i-1", phase=Phase.BEGUN, up_ms=1_000, size=(400, 200),
        box=(300, 120, 40, 40), confidence=0.5, why=why,
    )  # fmt: skip
    texts = told(seen, width)
    assert len(texts) == lines
    assert all(cv2.getTextSize(text, *FONT, 1)[0][0] <= width for text in texts)
    assert ", ".join(texts) == (
        "lawn: loitering 50%, in zone 12.4s (limit 5), height 0.31 (limit 0.1), dwell 3s (limit 2)"
    )
