"""Photographs to templates, for enrolment. A child process reads them: a picture that kills it costs only itself.

This side loads no image or face library. What is decided about a person (consent, duplicates) is not decided here.
Pictures that are no files (kept ones, members of a zip) go to the child over its pipe, never through a folder.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from edge_agent.errors import FaceError
from edge_agent.model.face_models import DLIB, EngineSpec
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy

CHILD = "edge_agent.vision.enrol_child"
START_WITHIN_S, PHOTO_WITHIN_S = 60.0, 30.0
AT_ONCE = 64  # photographs a child reads before the next child is started

Progress = Callable[[int, int], None]


class Picture(msgspec.Struct, frozen=True):
    """One photograph: a file, or `data` under a name."""

    path: str
    data: bytes | None = None


class PhotoResult(msgspec.Struct, frozen=True):
    """One photograph. `embedding` (little-endian float32, of `model`) or the `reason` there is none.

    `reason`: missing, unreadable, not_a_photo, animated, too_large, no_face, several_faces, face_too_small,
    edge_clipped, not_frontal, dark, bright, blurred, spoof, crashed. `crop`: the face with its surroundings as JPEG,
    when it was asked for; `liveness` and `turned` when it was measured: how far the
    nose stands off the middle between the eyes (0: straight on, 0.5: under an eye).
    """

    path: str
    embedding: bytes | None = None
    reason: str | None = None
    face_px: int = 0  # width of the face in the photograph
    sharpness: float = 0.0
    model: str = ""
    quality: float = 0.0
    crop: bytes | None = None
    noted: str = ""
    liveness: Liveness = Liveness.NOT_CHECKED
    turned: float = 0.0

    @property
    def error(self) -> FaceError | None:
        """What to tell whoever brought the photograph."""
        if self.reason is None:
            return None
        return FaceError(f"faces.photo_{self.reason}", path=Path(self.path).name, width=self.face_px)


class EnrolJob(msgspec.Struct, frozen=True):
    """`want_crop`: give back the picture of the face; `measure`: take the person in the middle, and embed also what the
    quality gate would refuse (the reason is `noted`); `spoil`: make every picture worse first, (how, how much).
    """

    pictures: list[Picture]
    policy: FacePolicy
    engine: EngineSpec = DLIB
    want_crop: bool = False
    measure: bool = False
    spoil: tuple[str, float] | None = None


def embed_photos(
    photos: Sequence[Path | Picture],
    policy: FacePolicy | None = None,
    engine: EngineSpec = DLIB,
    *,
    want_crop: bool = False,
    measure: bool = False,
    spoil: tuple[str, float] | None = None,
    progress: Progress | None = None,
) -> list[PhotoResult]:
    """One result per photograph, in order. Raises FaceError when the engine itself is missing."""
    results: list[PhotoResult] = []
    for result in embedding(photos, policy, engine, want_crop=want_crop, measure=measure, spoil=spoil):
        results.append(result)
        if progress:
            progress(len(results), len(photos))
    return results


def embedding(
    photos: Iterable[Path | Picture],
    policy: FacePolicy | None = None,
    engine: EngineSpec = DLIB,
    *,
    want_crop: bool = False,
    measure: bool = False,
    spoil: tuple[str, float] | None = None,
) -> Iterator[PhotoResult]:
    """The same as they come; photographs are taken from `photos` some dozen at a time. Raises FaceError."""
    job = EnrolJob([], policy or FacePolicy(), engine, want_crop, measure, spoil)
    batch: list[Picture] = []
    for photo in photos:
        batch.append(photo if isinstance(photo, Picture) else Picture(str(photo)))
        if len(batch) == AT_ONCE:
            yield from _batch(job, batch)
            batch = []
    if batch:
        yield from _batch(job, batch)


def _batch(job: EnrolJob, waiting: list[Picture]) -> Iterator[PhotoResult]:
    while waiting:
        done = 0
        for result in _read(msgspec.structs.replace(job, pictures=waiting)):
            done += 1
            yield result
        waiting = waiting[done:]
        if waiting:  # the child ended before its time: the photograph it was reading is to blame
            yield PhotoResult(waiting.pop(0).path, reason="crashed")


def _read(job: EnrolJob) -> list[PhotoResult]:
    """What one child made of the first photographs, at best of all."""
    command = [sys.executable, "-m", CHILD]
    within_s = START_WITHIN_S + PHOTO_WITHIN_S * len(job.pictures)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            out, err = child.communicate(msgspec.json.encode(job), within_s)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
    lines = out.split(b"\n")[:-1]  # a line cut short by the child's end is none
    if not lines:  # not even "ready"
        said = err.decode("utf-8", "replace").strip().splitlines()
        raise FaceError("faces.engine_missing", why=said[-1] if said else f"status {child.returncode}")
    if lines[0].startswith(b"refused "):
        refusal = msgspec.json.decode(lines[0][8:], type=Refusal)
        raise FaceError(refusal.code, **refusal.fields)
    return [msgspec.json.decode(line, type=PhotoResult) for line in lines[1:]]


class Refusal(msgspec.Struct, frozen=True):
    """The engine could not be loaded: an error's code and fields."""

    code: str
    fields: dict[str, str]
