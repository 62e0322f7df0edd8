"""Holds a picture still that a pole in the wind moves: by a pixel or two, many times a second.

A shaken picture differs everywhere along its edges, and what falls drowns in that. The shift is solved for at some
thousand points with steep edges (least squares over the reference's gradients, with brightness and contrast free, so
that a cloud is no movement), which costs a fraction of a millisecond; the picture is only moved when it is worth it.
"""

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]

POINTS, LEAST_POINTS = 8_000, 600
LEAN = np.eye(4) * 1e-3
STEEP, MARGIN_PX = 6.0, 12  # grey levels a px at least; distance from the edge of the frame
WORTH_PX, MOST_PX = 0.12, 8.0
RENEW = 300  # frames after which the reference follows the light


class Steady:
    """`hold` gives the picture back as the reference saw it. `shift`: of the last picture, in px; beyond MOST_PX the
    camera was moved: then a new reference begins.
    """

    def __init__(self, looked: Gray | None) -> None:
        self._looked = looked
        self._since = 0
        self._at: npt.NDArray[np.int64] | None = None  # indices into the flat picture
        self._rows = np.empty((0, 4))
        self._values = np.empty(0)
        self.shift = (0.0, 0.0)

    def hold(self, picture: Gray) -> Gray:
        if self._at is None:
            self._refer(picture)
            return picture
        if len(self._at) < LEAST_POINTS:
            return picture
        found = self._solve(picture)
        if found is None:
            self._refer(picture)
            return picture
        self.shift = found
        held = picture
        if np.hypot(*found) >= WORTH_PX:
            move = np.array([[1, 0, found[0]], [0, 1, found[1]]], np.float32)
            how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            size = picture.shape[1], picture.shape[0]
            held = np.asarray(cv2.warpAffine(picture, move, size, flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        self._since += 1
        if self._since >= RENEW:
            self._refer(held)
        return held

    def _refer(self, picture: Gray) -> None:
        across, up = (cv2.Sobel(picture, cv2.CV_32F, dx, dy, scale=1 / 8) for dx, dy in ((1, 0), (0, 1)))
        inner = np.zeros(picture.shape, bool)
        inner[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = True
        if self._looked is not None:
            inner &= self._looked > 0
        parts = []
        for steep in (across, up):  # both directions have to be held
            some = np.flatnonzero((np.abs(steep) > STEEP) & inner)
            parts.append(some[:: max(1, len(some) // (POINTS // 2))])
        self._at = np.concatenate(parts).astype(np.int64)
        self._values = picture.ravel()[self._at].astype(float)
        ones = np.ones(len(self._at))
        self._rows = np.column_stack([across.ravel()[self._at], up.ravel()[self._at], ones, self._values])
        self._since = 0

    def _solve(self, picture: Gray) -> tuple[float, float] | None:
        """The shift of `picture` against the reference; None when it is not one."""
        assert self._at is not None
        flat, width = picture.ravel(), picture.shape[1]
        whole_x, whole_y, part = round(self.shift[0]), round(self.shift[1]), (0.0, 0.0)
        for _ in range(3):
            off = flat[np.clip(self._at + whole_y * width + whole_x, 0, flat.size - 1)] - self._values
            use = np.ones(len(off), bool)
            for _ in range(2):
                rows = self._rows * use[:, None]
                found = np.linalg.solve(rows.T @ self._rows + LEAN, rows.T @ off)
                left = np.abs(off - self._rows @ found)
                use = left <= 3 * max(1.0, float(np.median(left)))
            part = -float(found[0]), -float(found[1])
            if max(abs(part[0]), abs(part[1])) < 0.75:
                break
            whole_x, whole_y = whole_x + round(part[0]), whole_y + round(part[1])
            if max(abs(whole_x), abs(whole_y)) > MOST_PX:
                return None
        shift = whole_x + part[0], whole_y + part[1]
        return shift if np.hypot(*shift) <= MOST_PX else None
