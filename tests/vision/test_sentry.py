"""vision/sentry.py: what a camera is watched for, and what it cannot be, follows the shape of its picture."""

import numpy as np

from edge_agent.model.detections import SentryJob
from edge_agent.model.site import Camera, Facade, FloorLine
from edge_agent.vision.frames import Image
from edge_agent.vision.sentry import Analysis

LINES = tuple(
    FloorLine(floor=floor, at=(left, y, right, y + 2))
    for floor, left, right, y in ((1, 100, 980, 1800), (4, 200, 880, 1200), (7, 260, 820, 760), (10, 300, 780, 420))
)
WALL = Facade(name="office", camera="c", size=(1080, 1920), floors=10, lines=LINES)


class Frame:
    def __init__(self, width: int, height: int, up_ms: int) -> None:
        self.up_ms, self._size = up_ms, (height, width)

    def luma(self) -> Image:
        return np.full(self._size, 90, np.uint8)

    def rgb(self) -> Image:
        return np.full((*self._size, 3), 90, np.uint8)


def test_a_wall_is_unwatched_as_long_as_its_picture_has_another_shape() -> None:
    analysis = Analysis(SentryJob(camera=Camera(name="c", url="file:///c.mp4"), facades=(WALL,)))
    told = []
    for n, (width, height) in enumerate([(640, 360)] * 2 + [(270, 480)] * 2 + [(640, 360)]):
        analysis.see(Frame(width, height, 1000 + n * 100))  # type: ignore[arg-type]
        told.append(analysis.unwatched())
    codes = [None if one is None else [reason.code for reason in one] for one in told]
    assert codes == [["facade.other_frame"], None, [], None, ["facade.other_frame"]]
