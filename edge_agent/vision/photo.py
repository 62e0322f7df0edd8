"""One photograph, as people bring them, to upright RGB pixels of 8 bits — or the reason it cannot be.

The pixels are counted before anything is decoded. What a file is called says nothing: its first bytes do.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from edge_agent.vision.photo_limits import BYTES_AT_MOST, PIXELS_AT_MOST

FORMATS = ("JPEG", "MPO", "PNG", "BMP", "TIFF", "WEBP")  # an iPhone writes MPO where it says JPEG
UNREADABLE = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError)  # if damaged
SIDE_AT_MOST_PX = 1_600  # larger photographs are reduced: the detector's time grows with the pixels
SIDE_AT_LEAST_PX = 16

Image.MAX_IMAGE_PIXELS = PIXELS_AT_MOST


def load(path: str, data: bytes | None) -> tuple[Any, float] | str:
    """RGB pixels and by how much they were reduced, or the reason there are none."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # face_recognition lets Pillow fill what is missing with grey
    if data is None and not Path(path).is_file():
        return "missing"
    try:
        size = len(data) if data is not None else Path(path).stat().st_size
        if size > BYTES_AT_MOST:
            return "too_large"
        with Image.open(path if data is None else io.BytesIO(data)) as picture:
            if picture.format == "GIF" or (picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1):
                return "animated"
            if picture.format not in FORMATS:
                return "not_a_photo"
            width, height = picture.size
            if width * height > PIXELS_AT_MOST:
                return "too_large"
            if min(width, height) < SIDE_AT_LEAST_PX:
                return "no_face"
            upright = ImageOps.exif_transpose(eight_bits(picture)).convert("RGB")
    except Image.DecompressionBombError:
        return "too_large"
    except MemoryError:
        return "too_large"
    except UNREADABLE:
        return "unreadable"
    longest = max(upright.size)
    upright.thumbnail((SIDE_AT_MOST_PX, SIDE_AT_MOST_PX))
    return np.asarray(upright), max(upright.size) / longest


def eight_bits(picture: Image.Image) -> Image.Image:
    """16 bits are scaled (Pillow's own conversion would cut them off), transparency lies on white."""
    if picture.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(picture, np.float32), posinf=0, neginf=0)
        full = 65_535.0 if values.max(initial=0.0) > 255 else 255.0
        made = Image.fromarray(np.clip(values * (255.0 / full), 0, 255).astype(np.uint8))
        made.info["exif"] = picture.info.get("exif", b"")
        return made
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        whole = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", whole.size, (255, 255, 255, 255)), whole)
    return picture
