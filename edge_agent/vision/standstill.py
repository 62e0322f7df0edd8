"""Does the picture stand? A sensor always has noise; one that hangs gives the same picture for ever.

Behind an encoder it is the same only nearly: each key frame codes it anew. But of a picture that stands an encoder soon
sends nothing that it has not sent before, while noise makes another picture of every key frame, in the dark and at any
rate. So it stands when for a minute there was no new one; a clock that is written into it goes on meanwhile.
"""

from collections import deque

import cv2
import numpy as np

from edge_agent.model.sightings import Measure
from edge_agent.vision.frames import Image

STILL_MS = 10_000  # the same to the last bit for so long, of a camera whose pictures all differ
NOTHING_NEW_MS = 60_000  # else: longer than a camera that saves goes without a key frame
RESTLESS = 8  # looks with a new picture each: nothing repeats itself
COLUMNS_PX = 160  # of each picture, so many are looked at
TILES = (16, 9)  # columns, rows
SAME_LEVELS = 0.25  # a tile's mean difference: noise of 0.4 leaves more, what is coded anew of one picture soon less
CLOCK_PART = 0.05  # of the tiles, at most: the clock that many cameras write into a picture, also into one that stands
KNOWN = 32  # pictures: those of one key frame and the next, seen a second apart


class Standstill:
    def __init__(self) -> None:
        self._known: deque[Image] = deque(maxlen=KNOWN)  # each was new once, the newest last
        self._ticking = np.zeros(TILES[::-1], bool)  # tiles in which there was something new since, too few to count
        self._exact = True  # not a bit has changed since
        self._repeats = False  # such pictures have come before, and others after them: an encoder's, not a sensor's
        self._new_ms = self._looks = self._restless = 0  # when the newest came, looks since, new ones in a row
        self._limit_ms = 0  # it stands, and has for so long at least

    def look(self, gray: Image, up_ms: int) -> Measure | None:
        """About once a second; for how long there was nothing new, when that is too long."""
        step = max(1, round(gray.shape[1] / COLUMNS_PX))
        picture = np.ascontiguousarray(gray[::step, ::step])
        if self._is_new(picture):
            self._restless = self._restless + 1 if self._looks == 0 else 1
            self._repeats = self._restless < RESTLESS and (self._repeats or self._looks > 0)
            self._known.append(picture.copy())
            if up_ms - self._new_ms < NOTHING_NEW_MS:  # a single new one is not life yet
                self._limit_ms = 0
            self._new_ms, self._looks, self._exact = up_ms, 0, True
            self._ticking[:] = False
        else:
            self._looks += 1
        self._exact = self._exact and np.array_equal(picture, self._known[-1])
        still_ms = up_ms - self._new_ms
        if not self._limit_ms and self._exact and not self._repeats and still_ms >= STILL_MS:
            self._limit_ms = STILL_MS
        elif not self._limit_ms and self._looks >= RESTLESS and still_ms >= NOTHING_NEW_MS:
            self._limit_ms = NOTHING_NEW_MS
        return Measure("unchanged", still_ms / 1000, self._limit_ms / 1000, "s") if self._limit_ms else None

    def _is_new(self, picture: Image) -> bool:
        """Unlike every picture that is known, in more than a clock; else the clock's tiles are noted."""
        if self._known and self._known[-1].shape != picture.shape:
            self._known.clear()
        limit, fewest, changed = CLOCK_PART * self._ticking.size, self._ticking.size + 1, self._ticking
        noted = int(np.count_nonzero(self._ticking))
        for known in reversed(self._known):
            difference = cv2.absdiff(picture, known).astype(np.float32)
            ticking = self._ticking | (cv2.resize(difference, TILES, interpolation=cv2.INTER_AREA) > SAME_LEVELS)
            if (count := int(np.count_nonzero(ticking))) < fewest:
                fewest, changed = count, ticking
            if fewest == noted:
                break
        if fewest > limit:
            return True
        self._ticking = changed
        return False
