"""One neural network out of its file, as its manifest describes it: loaded by OpenCV, fed with a picture.

OpenCV ends the process on some broken files; that is one reason why it is loaded in a child only.
"""

import cv2
import numpy as np

from edge_agent.errors import FaceError
from edge_agent.model.face_models import Manifest
from edge_agent.vision.frames import Image
from edge_agent.vision.models import checked_paths


class Network:
    """Raises FaceError when the file is missing, altered, or cannot be loaded."""

    def __init__(self, folder: str, manifest: Manifest) -> None:
        self.manifest = manifest
        paths = checked_paths(folder, manifest)
        try:
            if manifest.format == "caffe":
                self._net = cv2.dnn.readNetFromCaffe(str(paths[1]), str(paths[0]))
            else:
                self._net = cv2.dnn.readNetFromONNX(str(paths[0]))
        except cv2.error as error:
            raise FaceError("models.unloadable", id=manifest.id, why=_said(error)) from None

    def run(self, rgb: Image) -> Image:
        """The output for one picture of the manifest's size, as float32. Raises FaceError."""
        manifest = self.manifest
        blob = cv2.dnn.blobFromImage(
            rgb, manifest.scale, (manifest.width, manifest.height), (manifest.mean,) * 3,
            swapRB=manifest.colour == "bgr", crop=False,
        )  # fmt: skip
        self._net.setInput(blob)
        try:
            return np.asarray(self._net.forward(), np.float32).reshape(-1)
        except cv2.error as error:
            raise FaceError("models.unloadable", id=manifest.id, why=_said(error)) from None


def _said(error: cv2.error) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1][-160:] if lines else "no reason given"
