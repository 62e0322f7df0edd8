"""Photographs to templates, for enrolment. A child process reads them: a picture that kills it costs only itself.

This side loads no image or face library. What is decided about a person (consent, duplicates) is not decided here.
"""

import subprocess
import sys
from pathlib import Path

import msgspec

from edge_agent.errors import FaceError
from edge_agent.model.site import FacePolicy

CHILD = "edge_agent.vision.enrol_child"
START_WITHIN_S, PHOTO_WITHIN_S = 60.0, 30.0


class PhotoResult(msgspec.Struct, frozen=True):
    """One photograph. `embedding` (128 little-endian float32, of `model`) or the `reason` there is none.

    `reason`: missing, unreadable, too_large, no_face, several_faces, face_too_small, blurred, crashed.
    """

    path: str
    embedding: bytes | None = None
    reason: str | None = None
    face_px: int = 0  # width of the face in the photograph
    sharpness: float = 0.0
    model: str = ""

    @property
    def error(self) -> FaceError | None:
        """What to tell whoever brought the photograph."""
        if self.reason is None:
            return None
        return FaceError(f"faces.photo_{self.reason}", path=Path(self.path).name, width=self.face_px)


class EnrolJob(msgspec.Struct, frozen=True):
    paths: list[str]
    policy: FacePolicy


def embed_photos(paths: list[Path], policy: FacePolicy | None = None) -> list[PhotoResult]:
    """One result per path, in order. Raises FaceError when the engine itself is missing."""
    waiting = [str(path) for path in paths]
    results: list[PhotoResult] = []
    while waiting:
        done = _read(EnrolJob(waiting, policy or FacePolicy()))
        results += done
        waiting = waiting[len(done) :]
        if waiting:  # the child ended before its time: the photograph it was reading is to blame
            results.append(PhotoResult(waiting.pop(0), reason="crashed"))
    return results


def _read(job: EnrolJob) -> list[PhotoResult]:
    """What one child made of the first photographs, at best of all."""
    command = [sys.executable, "-m", CHILD]
    within_s = START_WITHIN_S + PHOTO_WITHIN_S * len(job.paths)
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
    return [msgspec.json.decode(line, type=PhotoResult) for line in lines[1:]]
