"""An optional detector of persons and things: one network of the YOLO family, through OpenCV, with a manifest.

Darknet's own files, and ONNX files as the makers of YOLOv5 and v7 (1 × boxes × 5 and the classes) and of YOLOv8 and 11
(1 × 4 and the classes × boxes) export them, of a fixed size and without non-maximum suppression. It is asked where
something moves, a few times a second, never for every frame. It may be wrong both ways: somebody it has not found in
several looks is doubted, somebody too small for it is not.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.errors import FaceError
from edge_agent.model.face_models import PERSON, Manifest
from edge_agent.vision.frames import Image
from edge_agent.vision.models import checked_paths, lacks
from edge_agent.vision.track import Box
from edge_agent.vision.walkers import Walker

Floats = npt.NDArray[np.float32]

SCORE_AT_LEAST, OVERLAP_AT_MOST, GREY = 0.2, 0.45, 114
NMS_MOST = 300  # rows of 6 that a network with NMS inside gives: corners, score and class
ASK_EVERY_MS, AGAIN_MS = 200, 400
ENOUGH, SURE = 5, 0.3  # looks; score
SMALLEST_PX = 28  # height in the full frame below which it is not asked
AROUND = 2.4  # of the walker's height


class Seen(NamedTuple):
    name: str
    box: Box  # px of the frame it was given
    score: float


class Detector(Protocol):
    id: str
    classes: tuple[str, ...]

    def find(self, bgr: Image) -> list[Seen]: ...


class ObjectNet:
    """Raises FaceError when a file is missing, altered or none of this family; `needs`: one of these classes."""

    def __init__(self, folder: str, manifest: Manifest, needs: tuple[str, ...] = (PERSON,)) -> None:
        self.id, self.classes, self.manifest = manifest.id, manifest.classes, manifest
        if not set(needs) & set(manifest.classes):
            raise lacks(manifest, ", ".join(needs))
        paths = checked_paths(folder, manifest)
        try:
            if manifest.format == "darknet":
                self._net = cv2.dnn.readNetFromDarknet(str(paths[1]), str(paths[0]))
            else:
                self._net = cv2.dnn.readNetFromONNX(str(paths[0]))
        except cv2.error as error:
            raise FaceError("models.unloadable", id=manifest.id, why=str(error).strip()[-160:]) from None
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def find(self, bgr: Image) -> list[Seen]:
        """What is in the picture, the surest first. Raises FaceError for outputs of another shape."""
        boxes, scores = self.look(bgr)
        best = scores.argmax(axis=1)
        score = scores[np.arange(len(boxes)), best]
        kept = np.flatnonzero((score >= SCORE_AT_LEAST) & np.isfinite(boxes).all(axis=1))
        whole = boxes[kept].round().astype(int)
        chosen = cv2.dnn.NMSBoxes(whole.tolist(), score[kept].tolist(), SCORE_AT_LEAST, OVERLAP_AT_MOST)
        return [
            Seen(self.classes[best[kept[n]]], tuple(int(v) for v in whole[n]), float(score[kept[n]]))  # type: ignore[arg-type]
            for n in np.asarray(chosen, int).reshape(-1)
        ]

    def look(self, bgr: Image) -> tuple[Floats, Floats]:
        """Every box the network gives, n × 4 (left, top, width, height in px of the picture), and n × classes scores.
        Raises FaceError for outputs of another shape.
        """
        size = (self.manifest.width, self.manifest.height)
        picture, zoom, left, top = bgr, np.divide(size, bgr.shape[1::-1]), 0, 0
        if self.manifest.format != "darknet":  # which was trained with pictures out of proportion
            picture, zoom, left, top = _fitted(bgr, size)
        self._net.setInput(cv2.dnn.blobFromImage(picture, self.manifest.scale, size, swapRB=True, crop=False))
        try:
            outputs = [np.asarray(out, np.float32) for out in self._net.forward(self._outputs)]
        except cv2.error as error:
            raise FaceError("models.unloadable", id=self.id, why=str(error).strip()[-160:]) from None
        rows, scores = self._read(outputs)
        middle, extent = (rows[:, :2] - (left, top)) / zoom, rows[:, 2:4] / zoom
        return np.concatenate([middle - extent / 2, extent], axis=1), scores

    def _read(self, outputs: list[Floats]) -> tuple[Floats, Floats]:
        """Of each box: middle and extent in px of what the network was given, and the score of each class."""
        known, (width, height) = len(self.classes), (self.manifest.width, self.manifest.height)
        if self.manifest.format == "darknet":
            if any(out.shape[1:] != (5 + known,) for out in outputs):
                raise FaceError("models.wrong_outputs", id=self.id, found=outputs[0].shape[-1] - 5, expected=known)
            rows = np.concatenate(outputs)
            return rows[:, :4] * np.array((width, height, width, height), np.float32), rows[:, 5:]
        for out in outputs:
            if out.ndim != 3 or len(out) != 1:
                continue
            if out.shape[2] == 5 + known and (known > 1 or out.shape[1] > NMS_MOST):
                return out[0, :, :4], out[0, :, 5:] * out[0, :, 4:5]
            if out.shape[1] == 4 + known:
                return out[0, :4].T, out[0, 4:].T
        shapes = ", ".join("×".join(map(str, out.shape)) for out in outputs)
        raise FaceError("models.other_boxes", id=self.id, found=shapes, classes=known, five=5 + known, four=4 + known)


def _fitted(bgr: Image, size: tuple[int, int]) -> tuple[Image, float, int, int]:
    """The picture in proportion in the middle of grey, how much larger it is there, and where its corner is."""
    (height, width), (wide, high) = bgr.shape[:2], size
    zoom = min(wide / width, high / height)
    inner = max(1, round(width * zoom)), max(1, round(height * zoom))
    left, top = (wide - inner[0]) // 2, (high - inner[1]) // 2
    picture = np.full((high, wide, 3), GREY, np.uint8)
    picture[top : top + inner[1], left : left + inner[0]] = cv2.resize(bgr, inner, interpolation=cv2.INTER_LINEAR)
    return picture, zoom, left, top


class Doubts:
    """Asks the detector about walkers, one crop at a time."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._asked_ms = -1_000_000
        self._scale = 1.0

    def believes(self, walker: Walker) -> bool:
        if walker.person >= SURE or walker.height * self._scale < SMALLEST_PX:
            return True
        return walker.asked == 0 and walker.age_s(walker.seen_ms) > 4.0  # it could not be asked about so many

    def ask(self, walkers: list[Walker], bgr: Callable[[], Image], scale: float, up_ms: int) -> None:
        """About the one that has waited longest, if it is time. `scale`: px of the frame a px of the reduced one."""
        self._scale = scale
        if up_ms - self._asked_ms < ASK_EVERY_MS:
            return
        waiting = [
            walker
            for walker in walkers
            if walker.seen_ms == up_ms
            and walker.looks > 2
            and walker.way > 0.2
            and walker.person < SURE
            and walker.height * scale >= SMALLEST_PX
            and up_ms - walker.asked_ms >= AGAIN_MS * max(1, walker.asked - ENOUGH)
        ]
        if not waiting:
            return
        walker = min(waiting, key=lambda one: (one.asked, one.asked_ms))
        self._asked_ms = walker.asked_ms = up_ms
        walker.asked += 1
        frame = bgr()
        x, y, width, height = (value * scale for value in walker.box)
        reach = AROUND * max(width, height) / 2
        left, top = max(0, round(x + width / 2 - reach)), max(0, round(y + height / 2 - reach))
        crop = frame[top : round(y + height / 2 + reach), left : round(x + width / 2 + reach)]
        found = [
            seen.score
            for seen in self._detector.find(np.ascontiguousarray(crop))
            if seen.name == PERSON and _meets(seen.box, (x - left, y - top, width, height))
        ]
        walker.person = max(walker.person, 0.0, *found)


def _meets(box: Box, other: tuple[float, float, float, float]) -> bool:
    """Is the middle of one in the other?"""
    for (x, y, width, height), (u, v, wide, tall) in ((box, other), (other, box)):
        if u <= x + width / 2 <= u + wide and v <= y + height / 2 <= v + tall:
            return True
    return False
