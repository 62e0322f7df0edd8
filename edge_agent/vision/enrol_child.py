"""The child that reads enrolment photographs. `python -m edge_agent.vision.enrol_child`

An EnrolJob as JSON on stdin; on stdout one line `ready` (or `refused` and why), then one PhotoResult as JSON per
photograph, in order. The engine `dlib` goes through face_recognition here, which searches thoroughly and ends the
process when its models are missing: that is why it is imported here and nowhere else.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from edge_agent.errors import FaceError
from edge_agent.model.face_models import EngineSpec
from edge_agent.model.reads import Liveness
from edge_agent.vision.confine import confine
from edge_agent.vision.enrol import EnrolJob, PhotoResult, Picture, Refusal

MEMORY_MB = 1_536  # 50 megapixels decoded and turned are 300 MB
CROP_GROW, CROP_SIDE_PX, CROP_QUALITY = 0.6, 320, 92
UNASKED = "shape_predictor_68_face_landmarks.dat"
SEARCHED_PX = 32  # faces from here on are found, so that a small one is refused for what it is


class Reader(Protocol):
    """Finds and embeds for enrolment. `Face`: box and what `embed` needs."""

    model: str

    def faces(self, rgb: Any) -> list[tuple[Any, Any]]: ...
    def judge(self, rgb: Any, face: tuple[Any, Any], job: EnrolJob) -> tuple[str | None, float]: ...
    def liveness(self, rgb: Any, face: tuple[Any, Any]) -> Liveness: ...
    def nose(self, rgb: Any, face: tuple[Any, Any]) -> float: ...
    def embed(self, rgb: Any, face: tuple[Any, Any]) -> bytes: ...


@contextmanager
def without_what_is_never_asked() -> Iterator[None]:
    """face_recognition loads all its models when it is imported. Its detector lies here unpacked, and nobody asks for
    68 landmarks: together that is 0.8 of 1.2 s, and 100 MB.
    """
    import dlib

    from edge_agent.vision.faces import DETECTOR

    detector, predictor = dlib.get_frontal_face_detector, dlib.shape_predictor
    dlib.get_frontal_face_detector = lambda: dlib.fhog_object_detector(str(DETECTOR))
    dlib.shape_predictor = lambda file: None if Path(file).name == UNASKED else predictor(file)
    try:
        yield
    finally:
        dlib.get_frontal_face_detector, dlib.shape_predictor = detector, predictor


class DlibReader:
    def __init__(self) -> None:
        from edge_agent.vision.faces import MODEL

        warnings.simplefilter("ignore")  # of the model package, about pkg_resources
        with without_what_is_never_asked():
            import face_recognition

        self._library, self.model = face_recognition, MODEL

    def faces(self, rgb: Any) -> list[tuple[Any, Any]]:
        places = self._library.face_locations(rgb)
        return [((left, top, right - left, bottom - top), None) for top, right, bottom, left in places]

    def judge(self, rgb: Any, face: tuple[Any, Any], job: EnrolJob) -> tuple[str | None, float]:
        from edge_agent.vision.quality import judged

        quality = judged(rgb, face[0], 0.5, msgspec.structs.replace(job.policy, min_face_px=0))
        return quality.reason, quality.value

    def liveness(self, rgb: Any, face: tuple[Any, Any]) -> Liveness:
        return Liveness.NOT_CHECKED

    def nose(self, rgb: Any, face: tuple[Any, Any]) -> float:
        from edge_agent.vision.quality import nose_place

        x, y, width, height = face[0]
        points = self._library.face_landmarks(rgb, [(y, x + width, y + height, x)], "small")[0]
        one, other = (np.mean(points[name], axis=0).tolist() for name in ("left_eye", "right_eye"))
        return nose_place(one, other, points["nose_tip"][0])

    def embed(self, rgb: Any, face: tuple[Any, Any]) -> bytes:
        x, y, width, height = face[0]
        vectors = self._library.face_encodings(rgb, [(y, x + width, y + height, x)])
        return np.asarray(vectors[0], dtype="<f4").tobytes()


class EngineReader:
    """Any other engine: the gate's own way from picture to embedding."""

    def __init__(self, spec: EngineSpec) -> None:
        from edge_agent.vision.engine import open_engine

        self._engine = open_engine(spec)
        self.model = spec.model

    def faces(self, rgb: Any) -> list[tuple[Any, Any]]:
        return [(found.box, found) for found in self._engine.find(rgb, SEARCHED_PX)]

    def judge(self, rgb: Any, face: tuple[Any, Any], job: EnrolJob) -> tuple[str | None, float]:
        policy = msgspec.structs.replace(job.policy, min_face_px=0)
        quality = self._engine.judge(rgb, face[0], self._engine.align(rgb, face[1]), policy)
        if quality.reason is None and self._engine.liveness(rgb, face[0]) is Liveness.SPOOF:
            return "spoof", 0.0
        return quality.reason, quality.value

    def liveness(self, rgb: Any, face: tuple[Any, Any]) -> Liveness:
        return self._engine.liveness(rgb, face[0])

    def nose(self, rgb: Any, face: tuple[Any, Any]) -> float:
        return self._engine.nose(self._engine.align(rgb, face[1]))

    def embed(self, rgb: Any, face: tuple[Any, Any]) -> bytes:
        return self._engine.embed(rgb, self._engine.align(rgb, face[1]))


def main() -> None:
    pipe = confine(MEMORY_MB)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=EnrolJob)
    try:
        reader: Reader = DlibReader() if job.engine.engine == "dlib" else EngineReader(job.engine)
    except FaceError as error:
        refusal = Refusal(error.code, {name: str(value) for name, value in error.fields.items()})
        pipe.write(b"refused " + msgspec.json.encode(refusal) + b"\n")
        return
    pipe.write(b"ready\n")
    for picture in job.pictures:
        pipe.write(msgspec.json.encode(_photo(picture, job, reader)) + b"\n")


def _photo(picture: Picture, job: EnrolJob, reader: Reader) -> PhotoResult:
    from edge_agent.vision.photo import load
    from edge_agent.vision.quality import sharpness
    from edge_agent.vision.spoil import spoiled

    path = picture.path
    loaded = load(path, picture.data)
    if isinstance(loaded, str):
        return PhotoResult(path, reason=loaded)
    rgb, scale = loaded
    faces = reader.faces(rgb)
    if job.spoil is not None and faces:
        rgb = spoiled(rgb, _meant(rgb, faces)[0], *job.spoil)
        faces = reader.faces(rgb)
    if job.measure:
        faces = [_meant(rgb, faces)] if faces else []
    if len(faces) != 1:
        return PhotoResult(path, reason="several_faces" if faces else "no_face")
    box = faces[0][0]
    face_px = round(box[2] / scale)
    if face_px < job.policy.min_face_px and not job.measure:
        return PhotoResult(path, reason="face_too_small", face_px=face_px)
    sharp = sharpness(rgb, box)
    reason, value = reader.judge(rgb, faces[0], job)
    if reason is not None and not job.measure:
        return PhotoResult(path, reason=reason, face_px=face_px, sharpness=sharp)
    if face_px < job.policy.min_face_px:
        reason = "face_too_small"
    crop = _crop(rgb, box) if job.want_crop else None
    return PhotoResult(
        path, reader.embed(rgb, faces[0]), None, face_px, sharp, reader.model, round(value, 3), crop, reason or "",
        reader.liveness(rgb, faces[0]) if job.measure else Liveness.NOT_CHECKED,
        round(abs(reader.nose(rgb, faces[0]) - 0.5), 3) if job.measure else 0.0,
    )  # fmt: skip


def _meant(rgb: Any, faces: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    return max(faces, key=lambda face: face[0][2] * _central(rgb, face[0]))


def _central(rgb: Any, box: Any) -> float:
    """1 in the middle of the picture, 0 at its corners: the person a photograph is of stands in its middle."""
    off_x = abs(box[0] + box[2] / 2 - rgb.shape[1] / 2) / rgb.shape[1]
    off_y = abs(box[1] + box[3] / 2 - rgb.shape[0] / 2) / rgb.shape[0]
    return float(max(0.01, 1 - off_x - off_y))


def _crop(rgb: Any, box: Any) -> bytes:
    """The face with its surroundings, enough to find and embed it again with another model."""
    import cv2

    x, y, width, height = box
    grow = round(max(width, height) * CROP_GROW)
    piece = rgb[max(0, y - grow) : y + height + grow, max(0, x - grow) : x + width + grow]
    scale = CROP_SIDE_PX * (1 + 2 * CROP_GROW) / max(piece.shape[:2])
    if scale < 1:
        piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", cv2.cvtColor(piece, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])[1]
    return bytes(data)


if __name__ == "__main__":
    main()
