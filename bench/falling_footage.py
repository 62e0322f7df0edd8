"""Falls drawn into real footage of a façade: its noise, leaves, flare, and the hand that holds the camera.

The public clip of an office building (EDGE_AGENT_DATA; its own thrown box comes later than what is used here) runs to
and fro as background, at 15 frames a second. Nobody measured that building: it is taken for one of eight floors behind
a canopy, seen by a pinhole that fits its rows of panes within a pixel. What falls moves with the picture as the hand
does; what lands on the canopy, or goes behind it, is not seen again, nor behind the tree
before the wall: things fall beside it.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

from tests.vision.facade import FPS
from tests.vision.facade.camera import Camera, clicked
from tests.vision.facade.clip import APART_S, LEAD_S, Clip, luma
from tests.vision.facade.objects import Body, draw_fall
from tests.vision.facade.wall import Wall

FILE = Path(os.environ.get("EDGE_AGENT_DATA", "../shared/data")) / "clips/facade_falling_office1.mp4"
UNTIL_S = 6.6  # the box is thrown after that
CAMERA = Camera(1280, 720, 14.0, 3.2, np.radians(31.5), 531.0, 0.0, 0.0, 0.0)
FLOORS, FLOOR_M, COLUMN_M, COLUMNS = 8, 3.1, 3.3, 9
TREE = np.array([
    (0, 0), (340, 0), (335, 60), (400, 75), (385, 135), (420, 150), (425, 190), (480, 250), (485, 290), (440, 330),
    (415, 370), (370, 420), (330, 400), (200, 390), (160, 470), (0, 470),
])  # fmt: skip
FREE_FROM = 5  # first column that the tree leaves free
CANOPY_PX, CANOPY_M, CANOPY_OUT_M = 482, 7.9, 4.0  # row of its upper edge, its height, how far it stands out


class Moved:
    """The camera as a hand moved it."""

    def __init__(self, camera: Camera, shift: tuple[float, float]) -> None:
        self.width, self.height, self.focal_px = camera.width, camera.height, camera.focal_px
        self._camera, self._shift = camera, shift

    def pixels(self, x, z, out=0.0):
        u, v, depth = self._camera.pixels(x, z, out)
        return u + self._shift[0], v + self._shift[1], depth


@cache
def footage() -> tuple[list[np.ndarray], list[tuple[float, float]]]:
    """Pictures, and by how many px each is moved against the first."""
    with av.open(str(FILE)) as container:
        every = round(float(container.streams.video[0].average_rate or 30) / FPS)
        pictures = [
            luma(frame)
            for n, frame in enumerate(container.decode(video=0))
            if n % every == 0 and (frame.time or 0) < UNTIL_S
        ]
    window = cv2.createHanningWindow(pictures[0].shape[::-1], cv2.CV_32F)
    first = pictures[0].astype(np.float32)
    return pictures, [cv2.phaseCorrelate(first, one.astype(np.float32), window)[0] for one in pictures]


class FootageClip(Clip):
    def raw(self) -> Iterator[np.ndarray]:
        pictures, shifts = footage()
        bodies = [Body(self.rng, self.camera, fall, self.wall.picture) for fall in self.falls]
        there_and_back = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
        since = int(self.rng.integers(len(there_and_back)))
        for frame in range(self.count):
            n = there_and_back[(since + frame) % len(there_and_back)]
            picture = pictures[n].copy()
            for body in bodies:
                body.camera = Moved(self.camera, shifts[n])
                body.paint(picture, frame, self.wall.hidden)
            tree = (
                cv2.fillPoly(np.zeros(picture.shape, np.uint8), [np.int32(np.round(TREE + np.array(shifts[n])))], 1) > 0
            )
            picture[tree] = pictures[n][tree]
            for fall in self.falls:
                if fall.seen and fall.seen[-1][0] == frame and tree[round(fall.seen[-1][2]), round(fall.seen[-1][1])]:
                    fall.seen.pop()
                    fall.against.pop()
            yield picture


def draw_footage(seed: int, *, falls: int = 0, seconds: float = 0.0) -> FootageClip:
    """`falls` objects one after the other, or `seconds` of nothing that falls."""
    rng = np.random.default_rng(seed)
    facade = clicked(CAMERA, rng, FLOORS, FLOOR_M, COLUMN_M, COLUMNS, (4, FLOORS + 1))
    picture = footage()[0][0]
    hidden = np.zeros(picture.shape, bool)
    hidden[CANOPY_PX:] = True
    made, at = [], LEAD_S
    for _ in range(falls):
        when = at + rng.uniform(0, 0.5)
        while (
            fall := draw_fall(rng, when, (5, FLOORS), FLOORS, FLOOR_M, COLUMN_M, COLUMNS, balconies=False)
        ).column < FREE_FROM:
            pass
        above = fall.path[fall.path[:, 2] >= CANOPY_M]
        path = above if above[-1, 3] < CANOPY_OUT_M else fall.path
        made.append(replace(fall, path=path, impact_s=float(path[-1, 0])))
        at += APART_S
    count = round((at if falls else seconds) * FPS)
    return FootageClip(seed, "footage", CAMERA, facade, Wall(picture, hidden), made, count, 4_000_000, rng)
