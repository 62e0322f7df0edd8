"""The child that reads enrolment photographs with face_recognition. `python -m edge_agent.vision.enrol_child`

An EnrolJob as JSON on stdin; on stdout one line `ready`, then one PhotoResult as JSON per photograph, in order. The
pixels are counted before anything is decoded, and the orientation the camera wrote is applied. face_recognition ends
the process when its models are missing: that is why it is imported here and nowhere else.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge_agent.vision.confine import confine
from edge_agent.vision.enrol import EnrolJob, PhotoResult

PIXELS_AT_MOST = 50_000_000
SIDE_AT_MOST_PX = 1_600  # larger photographs are reduced: the detector's time grows with the pixels
MEMORY_MB = 1_536  # 50 megapixels decoded and turned are 300 MB


def main() -> None:
    pipe = confine(MEMORY_MB)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=EnrolJob)
    warnings.simplefilter("ignore")  # of the model package, about pkg_resources
    import face_recognition
    from PIL import ImageFile

    from edge_agent.vision.faces import MODEL

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # face_recognition lets Pillow fill what is missing with grey
    pipe.write(b"ready\n")
    for path in job.paths:
        pipe.write(msgspec.json.encode(_photo(path, job, face_recognition, MODEL)) + b"\n")


def _photo(path: str, job: EnrolJob, face_recognition: Any, model: str) -> PhotoResult:
    from edge_agent.vision.faces import sharpness

    loaded = _load(path)
    if isinstance(loaded, str):
        return PhotoResult(path, reason=loaded)
    rgb, scale = loaded
    places = face_recognition.face_locations(rgb)
    if len(places) != 1:
        return PhotoResult(path, reason="several_faces" if places else "no_face")
    top, right, bottom, left = places[0]
    face_px = round((right - left) / scale)
    sharp = sharpness(rgb, (left, top, right - left, bottom - top))
    if face_px < job.policy.min_face_px:
        return PhotoResult(path, reason="face_too_small", face_px=face_px, sharpness=sharp)
    if sharp < job.policy.min_sharpness:
        return PhotoResult(path, reason="blurred", face_px=face_px, sharpness=sharp)
    vector = np.asarray(face_recognition.face_encodings(rgb, places)[0], dtype="<f4")
    return PhotoResult(path, vector.tobytes(), None, face_px, sharp, model)


def _load(path: str) -> tuple[Any, float] | str:
    """RGB pixels and by how much they were reduced, or the reason there are none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not Path(path).is_file():
        return "missing"
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            if width * height > PIXELS_AT_MOST:
                return "too_large"
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except Image.DecompressionBombError:
        return "too_large"
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):  # Pillow's words for a damaged file
        return "unreadable"
    longest = max(upright.size)
    upright.thumbnail((SIDE_AT_MOST_PX, SIDE_AT_MOST_PX))
    return np.asarray(upright), max(upright.size) / longest


if __name__ == "__main__":
    main()
