"""Connected parts of a foreground mask as boxes with feet. How many people a part may be.

The feet are looked for under the head: a shadow lies beside its owner, and a bag is carried beside the body.
"""

from typing import NamedTuple

import cv2
import numpy as np

from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box

AREA_AT_LEAST_PX = 14
BLOBS_AT_MOST = 60  # rain and snow make hundreds; the largest are looked at
TALL, THIN = 5, 3  # the closing that joins a head to its legs, px
BODY_WIDE = 0.42  # of its height, a walking person seen from a gate camera
HEAD_WIDE = 0.28


class Blob(NamedTuple):
    """`feet`: x, y of the ground under the head; `area` in px of the mask; `people`: how many heads its outline has."""

    box: Box
    feet: tuple[float, float]
    area: int
    people: int
    filled: float = 1.0

    @property
    def height(self) -> int:
        return self.box[3]


def blobs_of(mask: Image) -> list[Blob]:
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((TALL, THIN), np.uint8))
    contours = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    sized = ((cv2.contourArea(contour), contour) for contour in contours)
    largest = sorted((pair for pair in sized if pair[0] >= AREA_AT_LEAST_PX), key=lambda pair: -pair[0])
    return [_blob(joined, contour) for _, contour in largest[:BLOBS_AT_MOST]]


def _blob(mask: Image, contour: Image) -> Blob:
    x, y, width, height = cv2.boundingRect(contour)
    part = np.zeros((height, width), np.uint8)
    cv2.drawContours(part, [contour], -1, 1, -1, offset=(-x, -y))
    columns = part.any(axis=0)
    top = np.where(columns, part.argmax(axis=0), height)
    bottom = np.where(columns, height - part[::-1].argmax(axis=0), 0)
    head = _head(top, height)
    reach = max(1, round(HEAD_WIDE * height * 0.5))
    low, high = max(0, head - reach), min(width, head + reach + 1)
    feet_y = float(bottom[low:high].max())
    area = int(part.sum())
    return Blob((x, y, width, height), (x + head + 0.5, y + feet_y), area, _heads(top, height), area / part.size)


def _head(top: Image, height: int) -> int:
    """Middle of the columns that reach nearly as high as the highest."""
    return int(np.median(np.flatnonzero(top <= top.min() + 0.12 * height)))


def _heads(top: Image, height: int) -> int:
    """Peaks of the upper outline, at least a head apart, in the upper third; never more than fit side by side."""
    wide = max(2, round(HEAD_WIDE * height))
    if top.size < 1.6 * wide:
        return 1
    level = np.convolve(np.pad(height - top.astype(np.float32), 1, mode="edge"), np.ones(3) / 3, "valid")
    count, left = 0, level.copy()
    while left.max() > 0.62 * height:
        peak = int(left.argmax())
        count += 1
        left[max(0, peak - wide) : peak + wide + 1] = 0
    return max(1, min(count, round(top.size / (BODY_WIDE * height) + 0.2)))
