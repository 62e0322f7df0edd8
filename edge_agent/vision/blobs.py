"""Connected parts of a foreground mask as boxes with feet, cut apart where they show several heads.

The feet are looked for under the head: a shadow lies beside its owner, and a bag is carried beside the body.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box

AREA_AT_LEAST_PX = 14
BLOBS_AT_MOST = 60  # rain and snow make hundreds; the largest are looked at
TALL, THIN = 5, 3  # the closing that joins a head to its legs, px
BODY_WIDE = 0.42  # of its height, a walking person seen from a gate camera
NARROW, STRIDE = 0.55, 0.2  # of the whole width; of the height, to either side
ALIGNED, GAP, PERSON_TALL = 0.6, 0.35, 3.6  # of the narrower's width; of both heights; of the width
HEAD_WIDE, VALLEY = 0.28, 0.07  # of its height


class Blob(NamedTuple):
    """`feet`: x, y of the ground under the head; `area` in px of the mask; `filled`: part of its box."""

    box: Box
    feet: tuple[float, float]
    area: int
    filled: float

    @property
    def height(self) -> int:
        return self.box[3]


def blobs_of(mask: Image) -> list[Blob]:
    """The largest parts of the mask; one that shows several heads side by side is cut between them."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((TALL, THIN), np.uint8))
    contours = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    sized = ((cv2.contourArea(contour), contour) for contour in contours)
    largest = sorted((pair for pair in sized if pair[0] >= AREA_AT_LEAST_PX), key=lambda pair: -pair[0])
    return _whole([blob for _, contour in largest[:BLOBS_AT_MOST] for blob in _parts(contour)])


def _whole(blobs: list[Blob]) -> list[Blob]:
    """Head and legs of somebody whose coat is as bright as the ground are one again: one above the other, close, and
    together no taller than people are for their width.
    """
    left = sorted(blobs, key=lambda blob: blob.box[1])
    found = []
    while left:
        whole, rest = left[0], []
        for blob in left[1:]:
            if _together(whole.box, blob.box):
                whole = _joined(whole, blob)
            else:
                rest.append(blob)
        found.append(whole)
        left = rest
    return found


def _together(upper: Box, lower: Box) -> bool:
    shared = min(upper[0] + upper[2], lower[0] + lower[2]) - max(upper[0], lower[0])
    gap = lower[1] - upper[1] - upper[3]
    if shared < ALIGNED * min(upper[2], lower[2]) or not -1 <= gap <= GAP * (upper[3] + lower[3]):
        return False
    wide, tall = max(upper[2], lower[2]), lower[1] + lower[3] - upper[1]
    return tall <= PERSON_TALL * wide


def _joined(upper: Blob, lower: Blob) -> Blob:
    x, y = min(upper.box[0], lower.box[0]), upper.box[1]
    right = max(upper.box[0] + upper.box[2], lower.box[0] + lower.box[2])
    box = x, y, right - x, lower.box[1] + lower.box[3] - y
    area = upper.area + lower.area
    return Blob(box, lower.feet, area, area / (box[2] * box[3]))


def _parts(contour: Image) -> Iterator[Blob]:
    x, y, width, height = cv2.boundingRect(contour)
    part = np.zeros((height, width), np.uint8)
    cv2.drawContours(part, [contour], -1, 1, -1, offset=(-x, -y))
    top = np.where(part.any(axis=0), part.argmax(axis=0), height)
    cuts = [0, *_between_heads(top, height), width]
    for left, right in pairwise(cuts):
        yield _blob(part[:, left:right], x + left, y)


def _blob(part: Image, x: int, y: int) -> Blob:
    rows = np.flatnonzero(part.any(axis=1))
    first, last = int(rows[0]), int(rows[-1]) + 1
    part, x = _upright(part[first:last], x)
    rows = np.flatnonzero(part.any(axis=1))
    part, first = part[rows[0] : rows[-1] + 1], first + int(rows[0])
    height, width = part.shape
    columns = part.any(axis=0)
    top = np.where(columns, part.argmax(axis=0), height)
    bottom = np.where(columns, height - part[::-1].argmax(axis=0), 0)
    head = int(np.median(np.flatnonzero(top <= top.min() + 0.12 * height)))  # columns that reach nearly the highest
    reach = max(1, round(HEAD_WIDE * height * 0.5))
    feet_y = float(bottom[max(0, head - reach) : head + reach + 1].max())
    area = int(part.sum())
    return Blob((x, y + first, width, height), (x + head + 0.5, y + first + feet_y), area, area / part.size)


def _upright(part: Image, x: int) -> tuple[Image, int]:
    """Without what reaches far to the side in the lower half only: the shadow a body casts."""
    height, width = part.shape
    above = np.flatnonzero(part[: max(1, height // 2)].any(axis=0))
    if not above.size or (above[-1] + 1 - above[0]) > NARROW * width:
        return part, x
    step = round(STRIDE * height)
    left, right = max(0, int(above[0]) - step), min(width, int(above[-1]) + 1 + step)
    return part[:, left:right], x + left


def _between_heads(top: Image, height: int) -> list[int]:
    """Columns of the valleys between peaks of the upper outline's upper third; no more than fit side by side.

    A peak is at least half a head wide: a raised arm is none, nor a drop of rain.
    """
    wide = max(2, round(HEAD_WIDE * height))
    if top.size < 1.6 * wide:
        return []
    level = (height - top).astype(np.uint16).reshape(1, -1)
    level = cv2.morphologyEx(level, cv2.MORPH_OPEN, np.ones((1, max(1, wide // 2)), np.uint8))[0].astype(int)
    heads: list[int] = []
    cuts: list[int] = []
    for x in _peaks(level):
        if level[x] < 0.62 * height:
            continue
        if not heads:
            heads.append(x)
            continue
        between = level[heads[-1] : x]
        valley = min(level[heads[-1]], level[x]) - between.min()
        if x - heads[-1] >= 0.7 * wide and valley >= VALLEY * height:
            lowest = np.flatnonzero(between == between.min())
            cuts.append(heads[-1] + int(lowest[len(lowest) // 2]))
            heads.append(x)
        elif level[x] > level[heads[-1]]:
            heads[-1] = x
    return cuts[: max(0, round(top.size / (BODY_WIDE * height) + 0.3) - 1)]


def _peaks(level: Image) -> list[int]:
    """Middles of the plateaus that are higher than what is beside them."""
    edges = np.flatnonzero(np.diff(level)) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [level.size]])
    heights = np.concatenate([[-1], level[starts], [-1]])
    higher = (heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])
    return [int(start + end) // 2 for start, end in zip(starts[higher], ends[higher], strict=True)]
