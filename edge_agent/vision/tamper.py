"""Does the camera still see what it is there to see? Frozen, black, over-exposed, occluded, moved, out of focus.

One look a second at a picture of 320 columns against a slow memory of how it was. Everything is compared after mean and
contrast are taken out, so that dusk and an infra-red lamp are no tampering; whether the old view is still there, and
where, says a phase correlation (Lee 2015: how many edges have gone; Saglam & Temizel 2009: of what kind it is). Whether
the picture stands is found in standstill.py, how long each must last in troubles.py. A camera without a picture is the
worker's.
"""

from typing import NamedTuple

import cv2
import numpy as np

from edge_agent.model.sightings import Measure, Sighting
from edge_agent.vision.frames import Colours, Image
from edge_agent.vision.standstill import Standstill
from edge_agent.vision.troubles import HIDDEN, Troubles

WIDTH_PX = 320
LOOK_MS = 1000
LEARN_LOOKS = 8  # before anything is judged
REMEMBERS = 0.02  # of the memory, each look: a sun that moves is followed within minutes
ADOPT_MS = 600_000  # a view that has been another one for so long is the view from now on

BLACK_MEAN, BLACK_BRIGHT = 28.0, 40.0  # grey levels: the mean, and the 99th percentile; video's black is 16
WHITE_LEVEL, WHITE_PART = 248, 0.6
VIDEO_WHITE, CLIPPED = 231, 4.0  # video's white is 235; what is clipped lies flat under the brightest there is
NOTHING_BRIGHT = 24.0  # nobody recognises anything in less
EDGES_GONE = 0.6  # of the strong edges of the memory
RESPONSE = 0.12  # of the phase correlation: above it the old view is there
SHIFT_PX, FAR_PX = 4.0, 80.0  # of 320; a correlation farther away is chance
SHARP_RATIO = 0.25  # of the memory's sharpness
BLUR_RATIO = 0.1  # so little sharpness is no view any more, but a blurred one still
TILE_PX = 20  # of 320
BLANK = 0.4  # part of the tiles that have lost their structure
BLANK_LEVELS, BLANK_RATIO = 3.0, 0.25  # a tile's spread: less than this is none, and of what it had
STRONG = 90  # percentile of the memory's edges


class Look(NamedTuple):
    """What one look measured; against the memory where there is one."""

    mean: float
    bright: float  # 99th percentile
    white: float  # part of the picture, whether white is 235 in it or 255
    blank: float = 0.0  # part of the tiles that had structure and have none
    covered: float = 0.0  # the same beside tiles that still have theirs
    gone: float = 0.0
    shift_px: float = 0.0
    response: float = 1.0
    sharp: float = 1.0

    @property
    def there(self) -> bool:
        """The old view, where it was."""
        return self.response >= RESPONSE and self.shift_px <= SHIFT_PX


class TamperWatch:
    def __init__(self, camera: str, fps: float = 15.0) -> None:
        self._troubles, self._standstill = Troubles(camera, fps), Standstill()
        self._looked_ms: int | None = None
        self._looks = 0
        self._memory: Image | None = None  # normalised picture
        self._edges: Image | None = None
        self._tiles: Image | None = None
        self._sharp = 0.0
        self._window: Image | None = None
        self.last: Look | None = None

    def see(self, gray: Image, up_ms: int, bgr: Colours | None = None) -> list[Sighting]:
        if self._looked_ms is not None and up_ms - self._looked_ms < LOOK_MS:
            return []
        self._looked_ms = up_ms
        size = (gray.shape[1], gray.shape[0])
        frozen = self._standstill.look(gray, up_ms)
        look = self.last = self._look(gray)
        found = self._suspected(look) if frozen is None else {"frozen": frozen, **self._suspected(look)}
        said = self._troubles.judge(found, look.there, up_ms, size)
        if self._troubles.lasting_ms(up_ms) >= ADOPT_MS and not found.keys() & set(HIDDEN):
            self._memory = None  # learnt anew from the next look on
        return said

    def stop(self, up_ms: int) -> list[Sighting]:
        """The pictures stopped: whatever it was, nobody sees it now."""
        self._standstill = Standstill()
        return self._troubles.stop(up_ms)

    # ---- one look ----------------------------------------------------------------------------------------------------

    def _look(self, gray: Image) -> Look:
        height = max(16, round(gray.shape[0] * WIDTH_PX / gray.shape[1]))
        small = cv2.resize(gray, (WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        mean, spread = _mean_spread(small)
        darker = np.cumsum(cv2.calcHist([small], [0], None, [256], [0, 256]))  # or as dark, of each grey level
        bright = float(np.searchsorted(darker, 0.99 * small.size))
        level = min(WHITE_LEVEL, max(VIDEO_WHITE, round(bright - CLIPPED)))
        white = 1 - float(darker[level - 1]) / small.size
        smooth = cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32)
        now = (smooth - mean) / max(4.0, spread)
        edges = cv2.magnitude(cv2.Sobel(now, cv2.CV_32F, 1, 0), cv2.Sobel(now, cv2.CV_32F, 0, 1))
        sharp = _mean_spread(cv2.Laplacian(now, cv2.CV_32F))[1] ** 2
        tiles = _spread(cv2.blur(small, (3, 3)))
        if self._memory is None or self._memory.shape != now.shape:
            self._memory, self._edges, self._tiles = now.copy(), edges.copy(), tiles.copy()
            self._sharp, self._looks = sharp, 0
            self._window = cv2.createHanningWindow((WIDTH_PX, height), cv2.CV_32F)
        assert self._edges is not None
        assert self._tiles is not None
        structured = self._tiles >= 2 * BLANK_LEVELS
        ratio = tiles[structured] / self._tiles[structured]
        blank = _part((ratio < BLANK_RATIO) | (tiles[structured] < BLANK_LEVELS))
        covered = _part(ratio < BLANK_RATIO * np.percentile(ratio, 90)) if ratio.size else 0.0
        strongest = self._edges.size * STRONG // 100
        strong = self._edges >= np.partition(self._edges, strongest, axis=None)[strongest]
        there = cv2.dilate(edges, np.ones((3, 3), np.uint8))
        gone = np.count_nonzero(strong & (there < 0.4 * self._edges)) / np.count_nonzero(strong)
        (x, y), response = cv2.phaseCorrelate(self._memory.copy(), now.copy(), self._window)  # it writes into both
        sharpness = sharp / max(1e-6, self._sharp)
        look = Look(mean, bright, white, blank, covered, gone, float(np.hypot(x, y)), float(response), sharpness)
        self._looks += 1
        as_before = not self._suspected(look) and (look.there or self._troubles.of_view is None)
        if as_before or self._looks <= LEARN_LOOKS:
            self._remember(now, edges, tiles, sharp)
        return look

    def _remember(self, now: Image, edges: Image, tiles: Image, sharp: float) -> None:
        share = max(REMEMBERS, 1 / (self._looks + 1)) if self._looks <= LEARN_LOOKS else REMEMBERS
        assert self._memory is not None
        assert self._edges is not None
        assert self._tiles is not None
        cv2.accumulateWeighted(tiles, self._tiles, share)
        cv2.accumulateWeighted(now, self._memory, share)
        cv2.accumulateWeighted(edges, self._edges, share)
        self._sharp += (sharp - self._sharp) * share

    def _suspected(self, look: Look) -> dict[str, Measure]:
        """What it looks like now, one thing at most: what is black is not also covered."""
        there = look.there
        dim = there and self._looks > LEARN_LOOKS and look.bright >= NOTHING_BRIGHT  # night, and still the old view
        if look.mean < BLACK_MEAN and look.bright < BLACK_BRIGHT and not dim:
            return {"black": Measure("mean", look.mean, BLACK_MEAN)}
        if look.white > WHITE_PART:
            return {"overexposed": Measure("white", look.white, WHITE_PART)}
        if self._looks < LEARN_LOOKS:
            return {}
        shifted = not there and look.response >= RESPONSE and look.shift_px <= FAR_PX
        if shifted and look.sharp >= BLUR_RATIO:
            return {"moved": Measure("shift", look.shift_px, SHIFT_PX, "px")}
        if look.covered > BLANK or (look.blank > BLANK and not there and look.sharp >= BLUR_RATIO):
            return {"occluded": Measure("blank", max(look.covered, look.blank), BLANK)}
        least = SHARP_RATIO if there else BLUR_RATIO
        if look.sharp < least:
            return {"defocused": Measure("sharpness", look.sharp, least)}
        if not there and look.gone > EDGES_GONE:
            return {"moved": Measure("edges_gone", look.gone, EDGES_GONE)}
        return {}


def _mean_spread(picture: Image) -> tuple[float, float]:
    mean, spread = cv2.meanStdDev(picture)
    return float(mean[0, 0]), float(spread[0, 0])


def _part(mask: Image) -> float:
    return float(np.count_nonzero(mask)) / max(1, mask.size)


def _spread(small: Image) -> Image:
    """Standard deviation of each tile, in grey levels."""
    rows, columns = max(1, small.shape[0] // TILE_PX), small.shape[1] // TILE_PX
    tiles = small[: rows * TILE_PX, : columns * TILE_PX].astype(np.float32)
    mean = cv2.resize(tiles, (columns, rows), interpolation=cv2.INTER_AREA)
    square = cv2.resize(tiles * tiles, (columns, rows), interpolation=cv2.INTER_AREA)
    spread: Image = np.sqrt(np.maximum(square - mean * mean, 0))
    return spread
