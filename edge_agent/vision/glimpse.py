"""A small picture now and then, for the guard's wall: of cameras that may show it, with their masks blackened."""

import time
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from edge_agent.model.detections import GLIMPSE_MOST_BYTES, Glimpse
from edge_agent.vision.frames import Frame

EVERY_S = 1.0
WIDTH_PX = 480
QUALITIES = (65, 40, 20)


def blacken(picture: Any, masks: Iterable[tuple[float, ...]]) -> None:
    """`masks`: polygons of x, y, … in parts of the picture, which is changed."""
    height, width = picture.shape[:2]
    for mask in masks:
        corners = np.array(mask, float).reshape(-1, 2) * (width, height)
        cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], (0, 0, 0))


class Glimpses:
    """`masks`: polygons of x, y, … in parts of the picture."""

    def __init__(self, masks: tuple[tuple[float, ...], ...]) -> None:
        self._masks = masks
        self._due_s = 0.0

    def of(self, frame: Frame) -> Glimpse | None:
        """At most one a second."""
        if (now_s := time.monotonic()) < self._due_s or (rgb := frame.rgb()) is None:
            return None
        self._due_s = now_s + EVERY_S
        height, width = rgb.shape[:2]
        size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width))) if width > WIDTH_PX else (width, height)
        small = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
        blacken(small, self._masks)
        for quality in QUALITIES:
            made, data = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, quality))
            if made and len(data) <= GLIMPSE_MOST_BYTES:
                return Glimpse(data.tobytes(), frame.up_ms)
        return None
