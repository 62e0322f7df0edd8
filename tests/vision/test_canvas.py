"""What an installer tunes by: the rules of a camera over its picture, where they are, and what was seen."""

import cv2
import numpy as np
import pytest

from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Measure, Phase, Sighting
from edge_agent.model.site import Camera, Line, Zone
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
