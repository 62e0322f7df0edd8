"""Does anything move? A picture of 160 columns against a short memory of the last half second.

Cheap enough for ten looks a second on a small board; everything dearer waits for it. It does not know what moves.
Sensor noise is the one physical fact: averaging while reducing the picture takes most of it away, the threshold the
rest.
"""

import cv2
import numpy as np

from edge_agent.vision.frames import Image

WIDTH_PX = 160
CHANGED_BY = 14  # grey levels after smoothing; noise of 10 levels in the full picture leaves about 2
CHANGED_PART = 0.002  # of the picture: about 38 of 160 × 120
FORGETS = 0.25  # of the memory, each look

Part = tuple[float, float, float, float]  # left, top, right, bottom, each 0..1 of the picture


class MotionGate:
    def __init__(self) -> None:
        self._memory: Image | None = None

    def look(self, gray: Image) -> Part | None:
        """The part of the picture in which something moved since the last looks, or None. First look: all of it."""
        height = max(8, round(gray.shape[0] * WIDTH_PX / gray.shape[1]))
        small = cv2.blur(cv2.resize(gray, (WIDTH_PX, height), interpolation=cv2.INTER_AREA), (3, 3))
        now = small.astype(np.float32)
        if self._memory is None or self._memory.shape != now.shape:
            self._memory = now
            return (0.0, 0.0, 1.0, 1.0)
        changed = np.abs(now - self._memory) > CHANGED_BY
        self._memory += (now - self._memory) * FORGETS
        if np.count_nonzero(changed) < CHANGED_PART * changed.size:
            return None
        columns, rows = np.flatnonzero(changed.any(axis=0)), np.flatnonzero(changed.any(axis=1))
        return (
            columns[0] / WIDTH_PX, rows[0] / height, (columns[-1] + 1) / WIDTH_PX, (rows[-1] + 1) / height,
        )  # fmt: skip
