"""The face engine `onnx`: YuNet finds faces and their five points, an ArcFace-style network embeds the aligned face.

All through OpenCV. Embeddings have unit length, so Euclidean distance orders as cosine does. Two facts: YuNet sees
faces from about 10 px on, so that a reduced frame suffices to find one; and a network that was trained on faces put
onto the template's five points fails on faces that are not.
"""

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.errors import FaceError
from edge_agent.model.face_models import EngineSpec, Manifest
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy
from edge_agent.vision.engine import Found, Part, Quality
from edge_agent.vision.frames import Image
from edge_agent.vision.liveness import LivenessNet
from edge_agent.vision.models import checked_paths
from edge_agent.vision.network import Network
from edge_agent.vision.quality import judged, nose_place
from edge_agent.vision.track import Box

Points = npt.NDArray[np.float64]

WIDER = 1.33  # this detector's boxes reach from cheek to cheek; ours are square and a third wider, as dlib's are
SMALLEST_PX = 40  # the smallest wanted face is searched at this width
SEARCH_PX = 120_000  # at most so many pixels are searched at once
SCORE_AT_LEAST, OVERLAP_AT_MOST, FACES_AT_MOST = 0.7, 0.3, 50
# Where eyes, nose and mouth corners stand in a 112 × 112 picture (InsightFace's template, seen from the camera).
ARCFACE_112 = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
# The upright picture in which the points are found again: the face about 140 px wide, in the middle.
LOOK_PX, LOOK_SCALE, LOOK_AT = 256, 1.25, 58.0
SAME_SLACK = 0.15  # two frames of one face in motion are this much farther apart than a match may be


class OnnxEngine:
    def __init__(self, spec: EngineSpec) -> None:
        if spec.detector is None or spec.embedder is None:
            raise FaceError("models.incomplete")
        self.model, self.spec = spec.model, spec
        self._detector = open_detector(spec.folder, spec.detector)
        self._embedder = Network(spec.folder, spec.embedder)
        self._liveness = LivenessNet(spec.folder, spec.liveness) if spec.liveness else None

    def find(self, rgb: Image, min_face_px: int, part: Part | None = None) -> list[Found]:
        """Faces of at least about `min_face_px` in that part of the frame, the best first."""
        left, top, right, bottom = part or (0, 0, rgb.shape[1], rgb.shape[0])
        crop = rgb[top:bottom, left:right]
        scale = min(1.0, SMALLEST_PX * WIDER / min_face_px, (SEARCH_PX / (crop.shape[0] * crop.shape[1])) ** 0.5)
        size = (max(16, round(crop.shape[1] * scale)), max(16, round(crop.shape[0] * scale)))
        scaled = crop if scale == 1.0 else cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        back = (crop.shape[1] / scaled.shape[1], crop.shape[0] / scaled.shape[0])
        self._detector.setInputSize((scaled.shape[1], scaled.shape[0]))
        rows = self._detector.detect(cv2.cvtColor(scaled, cv2.COLOR_RGB2BGR))[1]
        found = [] if rows is None else [_found(row, back, (left, top)) for row in rows if np.isfinite(row).all()]
        return sorted(found, key=lambda face: -face.score)

    def align(self, rgb: Image, found: Found) -> Points:
        """The detector's five points."""
        return np.array(found.points, np.float64)

    def nose(self, landmarks: Points) -> float:
        return nose_place(landmarks[0], landmarks[1], landmarks[2])

    def judge(self, rgb: Image, box: Box, landmarks: Points, policy: FacePolicy) -> Quality:
        return judged(rgb, box, self.nose(landmarks), policy)

    def embed(self, rgb: Image, landmarks: Points) -> bytes:
        """Little-endian float32 of unit length (of the model's own length where its metric is Euclidean)."""
        manifest = self._embedder.manifest
        landmarks = self._refined(rgb, landmarks)
        target = ARCFACE_112 * np.array([manifest.width / 112, manifest.height / 112])
        size = (manifest.width, manifest.height)
        face = cv2.warpAffine(rgb, similarity(landmarks, target), size, flags=cv2.INTER_LINEAR)
        vector = self._unit(self._embedder.run(face))
        if manifest.mirror:
            vector = self._unit(vector + self._unit(self._embedder.run(np.ascontiguousarray(face[:, ::-1]))))
        if vector.size != manifest.dimension:
            raise FaceError("models.wrong_outputs", id=manifest.id, found=vector.size, expected=manifest.dimension)
        return vector.astype("<f4").tobytes()

    def same(self, one: bytes, other: bytes) -> bool:
        apart = float(np.linalg.norm(np.frombuffer(one, "<f4") - np.frombuffer(other, "<f4")))
        return apart <= self.spec.distance_claimed + SAME_SLACK

    def liveness(self, rgb: Image, box: Box) -> Liveness:
        return Liveness.NOT_CHECKED if self._liveness is None else self._liveness.look(rgb, box)

    def _refined(self, rgb: Image, points: Points) -> Points:
        """The five points again, found in an upright picture of the face and in its mirror image, and averaged.

        The detector's error from frame to frame is what most of the difference between two photographs of one person
        comes from: with it averaged away the error rate on portraits fell to less than half.
        """
        place = similarity(points, ARCFACE_112 * LOOK_SCALE + LOOK_AT)
        upright = cv2.warpAffine(rgb, place, (LOOK_PX, LOOK_PX), flags=cv2.INTER_LINEAR)
        seen = [self._points_in(upright), self._points_in(np.ascontiguousarray(upright[:, ::-1]))]
        if seen[0] is None or seen[1] is None:
            return points
        mirrored = seen[1][[1, 0, 2, 4, 3]]
        mirrored[:, 0] = LOOK_PX - 1 - mirrored[:, 0]
        back = np.linalg.inv(np.vstack([place, (0, 0, 1)]))
        return np.hstack([(seen[0] + mirrored) / 2, np.ones((5, 1))]) @ back[:2].T

    def _points_in(self, rgb: Image) -> Points | None:
        """Of the face in the middle."""
        self._detector.setInputSize((rgb.shape[1], rgb.shape[0]))
        rows = self._detector.detect(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
        if rows is None or not np.isfinite(rows).all():
            return None
        middle = np.abs(rows[:, 0:2] + rows[:, 2:4] / 2 - LOOK_PX / 2).sum(axis=1)
        row = rows[int(np.argmin(middle))]
        if middle.min() > LOOK_PX / 4:
            return None
        return np.array(row[4:14], np.float64).reshape(5, 2)

    def _unit(self, vector: Image) -> Image:
        if self._embedder.manifest.metric == "euclidean":
            return vector
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector


def open_detector(folder: str, manifest: Manifest) -> cv2.FaceDetectorYN:
    """Raises FaceError when the file is missing, altered or no YuNet."""
    path = checked_paths(folder, manifest)[0]
    try:
        return cv2.FaceDetectorYN.create(
            str(path), "", (manifest.width, manifest.height), SCORE_AT_LEAST, OVERLAP_AT_MOST, FACES_AT_MOST
        )
    except cv2.error:
        raise FaceError("models.unloadable", id=manifest.id, why="FaceDetectorYN refuses it") from None


def similarity(points: Points, target: Points) -> Points:
    """The 2 × 3 matrix that turns, scales and moves `points` as near as can be to `target` (Umeyama 1991)."""
    mean, wanted = points.mean(axis=0), target.mean(axis=0)
    one, other = points - mean, target - wanted
    left, sizes, right = np.linalg.svd(other.T @ one / len(points))
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    turn = left @ np.diag(signs) @ right
    spread = float((one**2).sum() / len(points))
    scale = float((sizes * signs).sum()) / spread if spread else 1.0
    return np.hstack([scale * turn, (wanted - scale * turn @ mean)[:, None]])


def _found(row: Points, back: tuple[float, float], at: tuple[int, int]) -> Found:
    """A row of YuNet (x, y, width, height, five points, score) in px of the whole frame."""
    x, y = row[0] * back[0] + at[0], row[1] * back[1] + at[1]
    points = tuple((float(row[n] * back[0] + at[0]), float(row[n + 1] * back[1] + at[1])) for n in range(4, 14, 2))
    side, middle = row[2] * back[0] * WIDER, (x + row[2] * back[0] / 2, y + row[3] * back[1] / 2)
    box = (round(middle[0] - side / 2), round(middle[1] - side / 2), round(side), round(side))
    return Found(box, float(row[14]), points)
