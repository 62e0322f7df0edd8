"""Falls drawn into real footage of façades: its noise, leaves, flare, and the hand that holds the camera.

Two public clips run to and fro as background, at 15 frames a second; nobody measured the buildings, each is seen by a
pinhole that fits its rows of panes or parapets within a pixel or two.

OFFICE (EDGE_AGENT_DATA; its own thrown box comes later than what is used here): taken for one of eight floors behind a
canopy. What falls moves with the picture as the hand does; what lands on the canopy, or goes behind it, is not seen
again, nor behind the tree before the wall: things fall beside it.

TOWER (video/2.mp4 of github.com/mumuyeye/HaMonitorSentry in .cache/clips): nineteen floors and more, from the street
through a wide lens, held still. Its own falling object is painted over, and the frames that it has twice are left out.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np

from tests.vision.facade import FPS
from tests.vision.facade.camera import Camera, clicked, edge
from tests.vision.facade.clip import APART_S, LEAD_S, Clip, luma
from tests.vision.facade.objects import Body, Fall, draw_fall
from tests.vision.facade.wall import Wall

CLIPS = Path(os.environ.get("EDGE_AGENT_DATA", "../shared/data")) / "clips"
REPEATED, MOVED, MOVED_PX = 0.1, 16, 9  # grey levels from frame to frame and from the median; px around what moved


@dataclass(frozen=True)
class Place:
    """A clip from `since_s` to `until_s` and the building in it; `seen`: floors things fall from; `lines`: lowest and
    highest floor that is clicked; `free_from`: first column that the `tree` leaves free; `canopy`: row of its upper
    edge, which is clicked, its height and how far it stands out, m; `still`: nothing moves but what is painted over.
    """

    name: str
    file: Path
    since_s: float
    until_s: float
    camera: Camera
    floors: int
    floor_m: float
    column_m: float
    columns: int
    seen: tuple[int, int]
    lines: tuple[int, int]
    tree: tuple[tuple[int, int], ...]
    free_from: int = 1
    canopy: tuple[int, float, float] | None = None
    still: bool = False


OFFICE = Place(
    "office", CLIPS / "facade_falling_office1.mp4", 0.0, 6.6,
    Camera(1280, 720, 14.0, 3.2, np.radians(31.5), 531.0, 0.0, 0.0, 0.0), 8, 3.1, 3.3, 9, (5, 8), (4, 9),
    ((0, 0), (340, 0), (335, 60), (400, 75), (385, 135), (420, 150), (425, 190), (480, 250), (485, 290), (440, 330),
     (415, 370), (370, 420), (330, 400), (200, 390), (160, 470), (0, 470)),
    free_from=5, canopy=(482, 7.9, 4.0),
)  # fmt: skip
TOWER = Place(
    "tower", Path(__file__).parent.parent / ".cache/clips/facade_tower.mp4", 0.75, 3.0,
    Camera(1280, 720, 13.39, 2.18, 0.9483, 996.1, -0.1121, 0.1133, -0.5148, 0.2507), 24, 3.0, 3.0, 4, (6, 13), (6, 15),
    ((1010, 720), (1000, 540), (1100, 470), (1280, 470), (1280, 720)), still=True,
)  # fmt: skip
PLACES = OFFICE, TOWER


class Moved:
    """The camera as a hand moved it."""

    def __init__(self, camera: Camera, shift: tuple[float, float]) -> None:
        self.width, self.height, self.focal_px = camera.width, camera.height, camera.focal_px
        self._camera, self._shift = camera, shift

    def pixels(self, x, z, out=0.0):
        u, v, depth = self._camera.pixels(x, z, out)
        return u + self._shift[0], v + self._shift[1], depth


@cache
def footage(place: Place) -> tuple[list[np.ndarray], list[tuple[float, float]]]:
    """Pictures, and by how many px each is moved against the first."""
    with av.open(str(place.file)) as container:
        every = 1 if place.still else round(float(container.streams.video[0].average_rate or 30) / FPS)
        pictures = [
            luma(frame)
            for n, frame in enumerate(container.decode(video=0))
            if n % every == 0 and place.since_s <= (frame.time or 0) < place.until_s
        ]
    if place.still:
        pictures = _without_what_moves(pictures, _mask(place, (0.0, 0.0), pictures[0].shape))
        return pictures, [(0.0, 0.0)] * len(pictures)
    window = cv2.createHanningWindow(pictures[0].shape[::-1], cv2.CV_32F)
    first = pictures[0].astype(np.float32)
    return pictures, [cv2.phaseCorrelate(first, one.astype(np.float32), window)[0] for one in pictures]


def _without_what_moves(pictures: list[np.ndarray], tree: np.ndarray) -> list[np.ndarray]:
    usual = np.median(np.stack(pictures), 0).astype(np.uint8)
    around = np.ones((MOVED_PX, MOVED_PX), np.uint8)
    kept = [pictures[0]]
    kept += [one for before, one in pairwise(pictures) if cv2.absdiff(before, one).mean() > REPEATED]
    for one in kept:
        moved = cv2.dilate((cv2.absdiff(one, usual) > MOVED).astype(np.uint8), around) > 0
        moved &= ~tree
        one[moved] = usual[moved]
    return kept


def _mask(place: Place, shift: tuple[float, float], shape: tuple[int, ...]) -> np.ndarray:
    corners = np.int32(np.round(np.array(place.tree) + np.array(shift)))
    return cv2.fillPoly(np.zeros(shape, np.uint8), [corners], 1) > 0


@dataclass
class FootageClip(Clip):
    place: Place = OFFICE

    def raw(self) -> Iterator[np.ndarray]:
        pictures, shifts = footage(self.place)
        bodies = [Body(self.rng, self.camera, fall, self.wall.picture) for fall in self.falls]
        there_and_back = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
        since = int(self.rng.integers(len(there_and_back)))
        for frame in range(self.count):
            n = there_and_back[(since + frame) % len(there_and_back)]
            picture = pictures[n].copy()
            for body in bodies:
                body.camera = Moved(self.camera, shifts[n])
                body.paint(picture, frame, self.wall.hidden)
            tree = _mask(self.place, shifts[n], picture.shape)
            picture[tree] = pictures[n][tree]
            for fall in self.falls:
                if fall.seen and fall.seen[-1][0] == frame and tree[round(fall.seen[-1][2]), round(fall.seen[-1][1])]:
                    fall.seen.pop()
                    fall.against.pop()
            yield picture


def draw_footage(seed: int, place: Place, *, falls: int = 0, seconds: float = 0.0) -> FootageClip:
    """`falls` objects one after the other, or `seconds` of nothing that falls."""
    rng = np.random.default_rng(seed)
    facade = clicked(place.camera, rng, place.floors, place.floor_m, place.column_m, place.columns, place.lines)
    picture = footage(place)[0][0]
    hidden = np.zeros(picture.shape, bool)
    if place.canopy:
        hidden[place.canopy[0] :] = True
        facade = msgspec.structs.replace(
            facade, lands=edge(place.camera, place.canopy[0], np.random.default_rng((seed, 1)))
        )
    made, at = [], LEAD_S
    for _ in range(falls):
        when = at + rng.uniform(0, 0.5)
        while (fall := _fall(rng, when, place)).column < place.free_from:
            pass
        made.append(_ended(fall, place))
        at += APART_S
    count = round((at if falls else seconds) * FPS)
    return FootageClip(
        seed, place.name, place.camera, facade, Wall(picture, hidden), made, count, 4_000_000, rng, place=place
    )


def _fall(rng, when: float, place: Place) -> Fall:
    return draw_fall(rng, when, place.seen, place.floors, place.floor_m, place.column_m, place.columns, balconies=False)


def _ended(fall: Fall, place: Place) -> Fall:
    """On the canopy, unless it goes beyond it; out of the picture, where the wide lens's polynomial would fold back."""
    path = fall.path
    if place.canopy:
        _, high_m, out_m = place.canopy
        above = path[path[:, 2] >= high_m]
        path = above if above[-1, 3] < out_m else path
    if place.still:
        u, v, _ = place.camera.pixels(*path.T[1:])
        gone = (u < 0) | (u >= place.camera.width) | (v >= place.camera.height)
        path = path[: int(gone.argmax())] if gone.any() else path
    return replace(fall, path=path, impact_s=float(path[-1, 0]))
