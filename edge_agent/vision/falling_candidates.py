"""Small things that were somewhere for one frame: what may be a falling object, found before anything is tracked.

A pixel counts when it differs from the frames 133 ms before and after it in the same way (nothing that stays leaves a
ghost) by more than its own threshold, which follows what that pixel usually does: leaves, laundry and the codec raise
it, quiet lets it sink. The light smoothing takes away most of what H.264 adds to a dark picture.
"""

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.vision.falling_steady import Steady

Gray = npt.NDArray[np.uint8]
Blobs = npt.NDArray[np.float64]  # n × 5: u, v, width, height in px, contrast in grey levels

TILE_PX = 32
AROUND = 2  # frames between the pictures that are compared
FLOOR, RISE = 5, 14  # grey levels: of the threshold at least, and its step up
SHARE = 3  # times a change is weighed before it moves the threshold
HOT, HOTTER, FORGETS = 0.10, 3.0, 1 / 90  # share of its frames in which a tile is busy; times the usual; memory of 6 s
MOST_BLOBS, STORM = 250, 2500
CHANGED_MOST = 0.25  # of the tiles: a lamp, a cloud's edge, the switch to infra-red
PULSES = (3, 8)  # grey levels more, while more of it changed


class Candidates:
    """`see` gives the blobs of the frame before the last one, None while it learns or the whole picture changed."""

    def __init__(self, masked: Gray | None) -> None:
        self._looked = masked  # 255 where it is looked
        self._steady = Steady(masked)
        self._past: list[Gray] = []
        self._threshold: Gray | None = None
        self._busy: npt.NDArray[np.float32] | None = None
        self._count = 0

    def reset(self) -> None:
        """After a gap: what was learnt stays, the pictures do not."""
        self._past.clear()

    def see(self, gray: Gray) -> tuple[Blobs, npt.NDArray[np.bool_]] | None:
        """Blobs, and which of them lie where it is usually calm: only those may begin a track."""
        self._past.append(self._steady.hold(np.asarray(cv2.GaussianBlur(gray, (3, 3), 0), np.uint8)))
        if len(self._past) <= 2 * AROUND:
            return None
        before, here, after = self._past[0], self._past[AROUND], self._past[-1]
        self._past.pop(0)
        change = cv2.min(cv2.absdiff(here, before), cv2.absdiff(here, after))
        if self._threshold is None or self._busy is None:
            self._threshold = np.full_like(change, 4 * FLOOR)
            self._busy = np.zeros((-(-change.shape[0] // TILE_PX), -(-change.shape[1] // TILE_PX)), np.float32)
        over, tiles = self._over(change, self._threshold)
        self._busy += (tiles - self._busy) * FORGETS
        self._learn(change, self._threshold)
        self._count += 1
        return None if over is None or self._count < 15 else self._blobs(over, change)

    def _over(self, change: Gray, threshold: Gray) -> tuple[Gray | None, npt.NDArray[np.bool_]]:
        """255 where the change is over the threshold, and the tiles where that is anywhere. A key frame makes all of a
        dark picture a little different: what is louder counts then; None when all of it is."""
        assert self._busy is not None
        usual = np.zeros(self._busy.shape, bool)
        for more in (0, *PULSES):
            over = cv2.compare(change, cv2.add(threshold, more) if more else threshold, cv2.CMP_GT)
            if self._looked is not None:
                over = cv2.bitwise_and(over, self._looked)
            tiles = cv2.resize(over, self._busy.shape[::-1], interpolation=cv2.INTER_AREA) > 0
            usual = usual if more else tiles
            if np.count_nonzero(tiles) <= CHANGED_MOST * tiles.size:
                return over, usual
        return None, usual

    def _learn(self, change: Gray, threshold: Gray) -> None:
        """Up by RISE where SHARE times the change is over it, down by one otherwise: about the 93rd percentile."""
        if self._count % 2 == 0:
            louder = cv2.compare(cv2.convertScaleAbs(change, alpha=SHARE), threshold, cv2.CMP_GT)
            cv2.subtract(threshold, 1, dst=threshold)
            cv2.add(threshold, cv2.bitwise_and(louder, RISE + 1), dst=threshold)
            cv2.max(threshold, FLOOR, dst=threshold)

    def _blobs(self, over: Gray, change: Gray) -> tuple[Blobs, npt.NDArray[np.bool_]] | None:
        joined = cv2.dilate(over, None)
        outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if len(outlines) > STORM:
            return None
        boxes = np.array([cv2.boundingRect(outline) for outline in outlines], np.int64).reshape(-1, 4)
        if len(boxes) > MOST_BLOBS:
            middle = boxes[:, :2] + boxes[:, 2:] // 2
            loud = change[middle[:, 1], middle[:, 0]]
            boxes = boxes[np.argsort(loud)[-MOST_BLOBS:]]
        found = np.empty((len(boxes), 5))
        for n, (x, y, w, h) in enumerate(boxes.tolist()):
            part = change[y : y + h, x : x + w]
            m = cv2.moments(part)
            total = m["m00"] or 1.0
            found[n] = x + m["m10"] / total, y + m["m01"] / total, max(1, w - 2), max(1, h - 2), part.max()
        assert self._busy is not None
        tile = (found[:, 1] // TILE_PX).astype(int), (found[:, 0] // TILE_PX).astype(int)
        calm = self._busy[tile] < max(HOT, HOTTER * float(np.median(self._busy)))  # rain is everywhere, laundry is not
        return found, calm


def looked(size: tuple[int, int], masks: tuple[tuple[float, ...], ...], scale: float) -> Gray | None:
    """255 where it is looked, 0 in the masks; None when there are none. `size`: of the frame that is analysed."""
    if not masks:
        return None
    picture = np.full(size[::-1], 255, np.uint8)
    for mask in masks:
        cv2.fillPoly(picture, [np.round(np.array(mask).reshape(-1, 2) * scale).astype(np.int32)], 0)
    return picture
