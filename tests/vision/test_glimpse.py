"""The small picture for the guard's wall: of a real photograph-sized frame, as a browser gets it."""

import cv2
import numpy as np

from edge_agent.model.detections import GLIMPSE_MOST_BYTES
from edge_agent.vision.frames import JpegFrame
from edge_agent.vision.glimpse import WIDTH_PX, Glimpses


def frame(width: int = 1920, height: int = 1080) -> JpegFrame:
    """The worst there is for a JPEG: noise in colour."""
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    return JpegFrame(cv2.imencode(".jpg", noise)[1].tobytes(), up_ms=4711)


def test_a_glimpse_is_small_has_its_masks_and_comes_once_a_second() -> None:
    glimpses = Glimpses(((0.0, 0.0, 0.5, 0.0, 0.5, 1.0, 0.0, 1.0),))
    glimpse = glimpses.of(frame())
    assert glimpse is not None
    assert glimpse.up_ms == 4711
    assert len(glimpse.jpeg) <= GLIMPSE_MOST_BYTES
    seen = cv2.imdecode(np.frombuffer(glimpse.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen.shape[:2] == (270, WIDTH_PX)
    assert seen[:, : WIDTH_PX // 2 - 16].max() < 20
    assert seen[:, WIDTH_PX // 2 + 16 :].std() > 10
    assert glimpses.of(frame()) is None, "not twice a second"


def test_a_small_picture_is_not_made_larger_and_a_broken_one_is_none() -> None:
    glimpse = Glimpses(()).of(frame(320, 240))
    assert glimpse is not None
    assert cv2.imdecode(np.frombuffer(glimpse.jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (240, 320)
    assert Glimpses(()).of(JpegFrame(b"no picture", up_ms=1)) is None
