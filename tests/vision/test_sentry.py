"""vision/sentry.py: what a camera is watched for, and what it cannot be, follows the shape of its picture."""

import numpy as np

from edge_agent.model.detections import SentryJob
from edge_agent.model.sightings import Phase
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


def test_a_camera_too_slow_for_a_wall_is_so_no_longer_than_that_wall_is_watched() -> None:
    """Its stream was turned: nobody else would ever say that it is over."""
    analysis, said = Analysis(SentryJob(camera=Camera(name="c", url="file:///c.mp4"), facades=(WALL,))), []
    for n in range(80):
        said += analysis.see(Frame(90, 160, n * 250))  # type: ignore[arg-type]
    for n in range(20):
        said += analysis.see(Frame(160, 90, 20_000 + n * 67))  # type: ignore[arg-type]
    slow = [one for one in said if one.kind == "too_slow" and one.phase is not Phase.GOING]
    assert [(one.phase, one.up_ms) for one in slow] == [(Phase.BEGUN, slow[0].up_ms), (Phase.OVER, 20_000)]
    assert slow[0].incident == slow[1].incident


def test_a_rate_that_changes_for_months_is_not_remembered_for_months() -> None:
    """Each trouble is forgotten when it is over, and what is over is not told once more when the stream is turned."""
    analysis, said, up_ms = Analysis(SentryJob(camera=Camera(name="c", url="file:///c.mp4"), facades=(WALL,))), [], 0
    for apart_ms in (250, 60) * 3:
        for _ in range(30_000 // apart_ms):
            up_ms += apart_ms
            said += analysis.see(Frame(90, 160, up_ms))  # type: ignore[arg-type]
    slow = [one.phase for one in said if one.kind == "too_slow" and one.phase is not Phase.GOING]
    assert slow == [Phase.BEGUN, Phase.OVER] * 3
    assert not analysis._paces
    turned = analysis.see(Frame(160, 90, up_ms + 60))  # type: ignore[arg-type]
    assert not [one for one in turned if one.kind == "too_slow"]
