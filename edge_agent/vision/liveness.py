"""Is it a living face, or a picture of one? An optional network, asked once for every frame that is embedded.

It sees the face with its surroundings (a print has edges, a screen has a frame), so the crop is wider than the box.
What it says is an outcome of its own: `spoof` vetoes, `not_checked` opens what the door's policy lets it open.
"""

import cv2
import numpy as np

from edge_agent.errors import FaceError
from edge_agent.model.face_models import Manifest
from edge_agent.model.reads import Liveness
from edge_agent.vision.frames import Image
from edge_agent.vision.network import Network
from edge_agent.vision.track import Box


class LivenessNet:
    """Raises FaceError when the model's outputs are not the manifest's classes."""

    def __init__(self, folder: str, manifest: Manifest) -> None:
        if "live" not in manifest.classes:
            raise FaceError("models.no_live_class", id=manifest.id)
        self._net, self._manifest = Network(folder, manifest), manifest
        self.scores(np.zeros((manifest.height, manifest.width, 3), np.uint8), (0, 0, manifest.width, manifest.height))

    def look(self, rgb: Image, box: Box) -> Liveness:
        scores = self.scores(rgb, box)
        return Liveness.LIVE if scores["live"] >= self._manifest.live_at_least else Liveness.SPOOF

    def scores(self, rgb: Image, box: Box) -> dict[str, float]:
        """Probability of every class."""
        out = self._net.run(_square(rgb, box, self._manifest.crop, self._manifest.width))
        if out.size != len(self._manifest.classes):
            raise FaceError(
                "models.wrong_outputs", id=self._manifest.id, found=out.size, expected=len(self._manifest.classes)
            )
        shares = np.exp(out - out.max())
        shares /= shares.sum()
        return dict(zip(self._manifest.classes, map(float, shares), strict=True))


def _square(rgb: Image, box: Box, crop: float, side: int) -> Image:
    """The face with its surroundings; what lies outside of the frame is black."""
    x, y, width, height = box
    half = max(width, height) * crop / 2
    left, top = round(x + width / 2 - half), round(y + height / 2 - half)
    size = max(1, round(2 * half))
    piece = np.zeros((size, size, 3), np.uint8)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(rgb.shape[1], left + size), min(rgb.shape[0], top + size)
    if x1 > x0 and y1 > y0:
        piece[y0 - top : y1 - top, x0 - left : x1 - left] = rgb[y0:y1, x0:x1]
    square: Image = cv2.resize(piece, (side, side), interpolation=cv2.INTER_AREA)
    return square
