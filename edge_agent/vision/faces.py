"""The face engine `dlib`: HOG detector, five landmarks, 128-D ResNet, with the models face_recognition_models carries.

dlib is called directly: the package that wraps it loads twice the models and ends the process when one is missing.
It does not decide who somebody is. Two facts: the detector's smallest face is about 80 px, so small faces need an
enlarged picture and large pictures a reduced one; and dlib holds the interpreter lock for the 100 ms of an embedding.
"""

import importlib.util
from pathlib import Path

import cv2
import dlib
import numpy as np

from edge_agent.errors import FaceError
from edge_agent.model.face_models import DLIB
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy
from edge_agent.vision.engine import Found, Part, Quality
from edge_agent.vision.frames import Image
from edge_agent.vision.quality import judged, nose_place
from edge_agent.vision.track import Box

MODEL = DLIB.model
DETECTOR = Path(__file__).with_name("frontal_faces.svm")  # dlib's own, unpacked: read in 1 ms, where dlib needs 400
SMALLEST_PX = 76  # the detector's own smallest face
SEARCH_PX = 460_000  # at most so many pixels are searched at once: about 40 ms on a desktop core
SCORE_AT_LEAST = 0.0
SAME_WITHIN = 0.6  # distance


def model_file(name: str) -> str:
    """Path of a model file. Raises FaceError when the package or the file is missing."""
    spec = importlib.util.find_spec("face_recognition_models")
    path = Path(spec.origin or "").parent / "models" / name if spec else Path(name)
    if not path.is_file():
        raise FaceError("faces.model_missing", file=name)
    return str(path)


class DlibEngine:
    """Detector, aligner and embedder of one model id. Loading takes about 0.1 s and 100 MB."""

    model = MODEL

    def __init__(self) -> None:
        self._detector = dlib.fhog_object_detector(str(DETECTOR))
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

    def align(self, rgb: Image, found: Found) -> dlib.full_object_detection:
        """The five landmarks of the face in its box."""
        x, y, width, height = found.box
        return self._aligner(rgb, dlib.rectangle(x, y, x + width - 1, y + height - 1))

    def nose(self, landmarks: dlib.full_object_detection) -> float:
        """The five points are: outer and inner corner of one eye, of the other, the base of the nose."""
        points = np.array([(point.x, point.y) for point in landmarks.parts()], dtype=np.float64)
        return nose_place(points[0:2].mean(axis=0).tolist(), points[2:4].mean(axis=0).tolist(), points[4].tolist())

    def judge(self, rgb: Image, box: Box, landmarks: dlib.full_object_detection, policy: FacePolicy) -> Quality:
        return judged(rgb, box, self.nose(landmarks), policy)

    def embed(self, rgb: Image, landmarks: dlib.full_object_detection) -> bytes:
        """128 little-endian float32, as dlib gives them (length about 1.4)."""
        vector = np.asarray(self._embedder.compute_face_descriptor(rgb, landmarks), dtype="<f4")
        return vector.tobytes()

    def same(self, one: bytes, other: bytes) -> bool:
        """Could these two embeddings of one track be one person? (dlib's own threshold)"""
        return float(np.linalg.norm(np.frombuffer(one, "<f4") - np.frombuffer(other, "<f4"))) <= SAME_WITHIN

    def liveness(self, rgb: Image, box: Box) -> Liveness:
        """This engine cannot tell."""
        return Liveness.NOT_CHECKED
