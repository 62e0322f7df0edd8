"""The public clip vtest_people.avi (PETS: people on a road, 79.5 s at 10 fps), labelled by looking at its frames.

Every fifth frame was looked at for the line, every tenth for the zones; times are good to half a second. Nobody leaves
or takes anything, nothing blocks, nobody falls: what is said of that is false.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from bench.gate_scene import Truth
from edge_agent.model.site import Line, Zone

QUIET = ("left_object", "removed_object", "blocked", "person_down")

ZONES = [
    Zone(name="lawn", camera="c", watch=("intrusion",),
         points=((0.0, 0.56), (0.3, 0.60), (0.55, 0.75), (0.8, 0.93), (0.8, 1.0), (0.0, 1.0))),
    Zone(name="far-lawn", camera="c", watch=("intrusion",),
         points=((0.0, 0.17), (0.36, 0.11), (0.36, 0.22), (0.0, 0.27))),
    Zone(name="corner", camera="c", watch=("loitering",), loiter_s=6.0,
         points=((0.3, 0.38), (0.42, 0.38), (0.42, 0.56), (0.3, 0.56))),
    Zone(name="everywhere", camera="c", watch=QUIET, left_s=20.0, blocked_s=20.0,
         points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))),
]  # fmt: skip
LINES = [Line(name="road", camera="c", watch=("crossing",), points=((0.3, 0.3), (0.3, 0.6)))]
CROSSINGS = {
    "in": (17.8, 20.1, 24.5, 30.4, 52.2, 59.2, 67.1, 70.8, 79.2),
    "out": (30.5, 32.3, 65.0, 66.9, 70.8, 75.7),
}
TRUTHS = [
    Truth("intrusion", 51.6, 52.1, 72.3), Truth("intrusion", 8.3, 8.8, 17.2), Truth("loitering", 37.5, 43.5, 45.1),
    *(Truth("crossing", s, s, s, way) for way, times in CROSSINGS.items() for s in times),
]  # fmt: skip
SCENE = SimpleNamespace(
    seed="vtest", kind="people", condition="day", seconds=79.5, zones=ZONES, lines=LINES, truths=TRUTHS
)


def grays_of(clip: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(clip))
    while (read := capture.read())[0]:
        yield cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY)
