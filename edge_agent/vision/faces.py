"""The face engine `dlib`: HOG detector, five landmarks, 128-D ResNet, with the models face_recognition_models carries.

dlib is called directly: the package that wraps it loads twice the models and ends the process when one is missing.
It does not decide who somebody is. Two facts: the detector's smallest face is about 80 px, so small faces need an
enlarged picture and large pictures a reduced one; and dlib holds the interpreter lock for the 100 ms of an embedding.
"""

import importlib.util
from pathlib import Path

import cv2
import dlib
import msgspec
import numpy as np

from edge_agent.errors import FaceError
from edge_agent.model.site import FacePolicy
from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box

MODEL = "dlib-resnet-v1"
SMALLEST_PX = 76  # the detector's own smallest face
SEARCH_PX = 460_000  # at most so many pixels are searched at once: about 40 ms on a desktop core
SCORE_AT_LEAST = 0.0
CHIP_PX = 112  # blur and light are judged on a face of this size
EDGE_PART = 0.05  # a face may stand so far outside of the picture
NOSE_BETWEEN = (0.12, 0.88)  # the nose's place on the line between the eyes; outside of it the head is turned away
LIGHT_BETWEEN = (35.0, 225.0)  # mean grey level of a face
SAME_WITHIN = 0.6  # distance
GOOD_WIDTH_PX = 160  # from this width on, more pixels do not help

Part = tuple[int, int, int, int]  # left, top, right, bottom in px, inside the frame


class Found(msgspec.Struct, frozen=True):
    box: Box
    score: float  # of the detector; above 0 is a face


class Quality(msgspec.Struct, frozen=True):
    """`reason`: too_small, edge_clipped, not_frontal, dark, bright, blurred; None when the face is good enough."""

    reason: str | None
    value: float  # 0..1
    sharpness: float


def model_file(name: str) -> str:
    """Path of a model file. Raises FaceError when the package or the file is missing."""
    spec = importlib.util.find_spec("face_recognition_models")
    path = Path(spec.origin or "").parent / "models" / name if spec else Path(name)
    if not path.is_file():
        raise FaceError("faces.model_missing", file=name)
    return str(path)


def sharpness(rgb: Image, box: Box) -> float:
    """Variance of the Laplacian over the face at 112 px."""
    return float(cv2.Laplacian(_chip(rgb, box), cv2.CV_64F).var())


def _chip(rgb: Image, box: Box) -> Image:
    x, y, width, height = box
    crop = rgb[max(0, y) : y + height, max(0, x) : x + width]
    chip: Image = cv2.resize(crop, (CHIP_PX, CHIP_PX), interpolation=cv2.INTER_AREA)
    gray: Image = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    return gray


class DlibEngine:
    """Detector, aligner and embedder of one model id. Loading takes about half a second and 100 MB."""

    model = MODEL

    def __init__(self) -> None:
        self._detector = dlib.get_frontal_face_detector()
        self._aligner = dlib.shape_predictor(model_file("shape_predictor_5_face_landmarks.dat"))
        self._embedder = dlib.face_recognition_model_v1(model_file("dlib_face_recognition_resnet_model_v1.dat"))

    def find(self, rgb: Image, min_face_px: int, part: Part | None = None) -> list[Found]:
        """Faces of at least about `min_face_px` in that part of the frame, the best first.

        A part so large that its search would take too long is reduced, and smaller faces are missed there.
        """
        left, top, right, bottom = part or (0, 0, rgb.shape[1], rgb.shape[0])
        crop = rgb[top:bottom, left:right]
        scale = min(SMALLEST_PX / min_face_px, (SEARCH_PX / (crop.shape[0] * crop.shape[1])) ** 0.5)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = crop if abs(scale - 1) < 0.02 else cv2.resize(crop, None, fx=scale, fy=scale, interpolation=how)
        back = crop.shape[1] / scaled.shape[1]
        boxes, scores, _ = self._detector.run(np.ascontiguousarray(scaled), 0, SCORE_AT_LEAST)
        return [
            Found(
                (
                    left + round(box.left() * back), top + round(box.top() * back),
                    round(box.width() * back), round(box.height() * back),
                ),
                float(score),
            )
            for box, score in zip(boxes, scores, strict=True)
        ]  # fmt: skip

    def align(self, rgb: Image, box: Box) -> dlib.full_object_detection:
        """The five landmarks of the face in `box`."""
        x, y, width, height = box
        return self._aligner(rgb, dlib.rectangle(x, y, x + width - 1, y + height - 1))

    def judge(self, rgb: Image, box: Box, landmarks: dlib.full_object_detection, policy: FacePolicy) -> Quality:
        """Is this frame good enough to say who it is?"""
        x, y, width, height = box
        if width < policy.min_face_px:
            return Quality("too_small", 0.0, 0.0)
        over = max(-x, -y, x + width - rgb.shape[1], y + height - rgb.shape[0])
        if over > EDGE_PART * width:
            return Quality("edge_clipped", 0.0, 0.0)
        nose = _nose_place(landmarks)
        if not NOSE_BETWEEN[0] <= nose <= NOSE_BETWEEN[1]:
            return Quality("not_frontal", 0.0, 0.0)
        chip = _chip(rgb, box)
        light = float(chip.mean())
        if not LIGHT_BETWEEN[0] <= light <= LIGHT_BETWEEN[1]:
            return Quality("dark" if light < LIGHT_BETWEEN[0] else "bright", 0.0, 0.0)
        sharp = float(cv2.Laplacian(chip, cv2.CV_64F).var())
        if sharp < policy.min_sharpness:
            return Quality("blurred", 0.0, sharp)
        size = min(1.0, width / GOOD_WIDTH_PX)
        frontal = 1 - abs(nose - 0.5)
        return Quality(None, size * frontal * min(1.0, sharp / (4 * policy.min_sharpness)) ** 0.25, sharp)

    def embed(self, rgb: Image, landmarks: dlib.full_object_detection) -> bytes:
        """128 little-endian float32, as dlib gives them (length about 1.4)."""
        vector = np.asarray(self._embedder.compute_face_descriptor(rgb, landmarks), dtype="<f4")
        return vector.tobytes()

    def same(self, one: bytes, other: bytes) -> bool:
        """Could these two embeddings of one track be one person? (dlib's own threshold)"""
        return float(np.linalg.norm(np.frombuffer(one, "<f4") - np.frombuffer(other, "<f4"))) <= SAME_WITHIN


def _nose_place(landmarks: dlib.full_object_detection) -> float:
    """Where the nose stands on the line between the eyes: 0.5 = looking straight on, 0 and 1 = under an eye.

    The five points are: outer and inner corner of one eye, of the other, the base of the nose.
    """
    points = np.array([(point.x, point.y) for point in landmarks.parts()], dtype=np.float64)
    one, other, nose = points[0:2].mean(axis=0), points[2:4].mean(axis=0), points[4]
    across = other - one
    length = float(across @ across)
    return float((nose - one) @ across) / length if length else 0.0
