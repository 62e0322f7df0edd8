"""Is there any trace of a face on the disk? Reads every file of a folder and looks for pictures and embeddings.

Embeddings are sought by value, not by name: every run of 128 float32 or float64 numbers at any byte offset is compared
with the person's own embedding. Text is searched for long lists of decimal numbers. The search is tried on a planted
trace first, so that finding nothing means something.
"""

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.enrol import embed_photos

DIMENSIONS = 128
NEAR = 0.6  # face_recognition's own tolerance: closer is the same person
# JPEG by its first segment (JFIF, Exif or a quantisation table), PNG, WebP.
PICTURES = re.compile(rb"\xff\xd8\xff(?:\xe0..JFIF|\xe1..Exif|\xdb\x00\x43)|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
NUMBERS = re.compile(rb"(?:-?\d?\.\d{3,}(?:e-?\d+)?[\s,;]+){32}")
BLOCK = 1 << 20


class Traces(msgspec.Struct, frozen=True):
    files: int
    kib: int
    found: tuple[str, ...]


def embedding_of(photo: Path) -> NDArray[np.float32]:
    """The embedding of the one face in `photo`, made in a child process."""
    result = embed_photos([photo])[0]
    if result.embedding is None:
        raise ValueError(f"{photo}: {result.reason}")
    return np.frombuffer(result.embedding, "<f4")


def biometric_traces(folder: Path, person: NDArray[np.float32]) -> Traces:
    """Search every file below `folder`. Raises AssertionError when the search itself does not work."""
    planted = b"x" * 7 + (person + np.float32(0.01)).tobytes() + b"y" * 5
    assert _holds_embedding(planted, person), "the search does not find what it should"
    files, size, found = 0, 0, []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        files, size = files + 1, size + len(data)
        name = str(path.relative_to(folder))
        if PICTURES.search(data):
            found.append(f"{name}: a picture")
        if NUMBERS.search(data):
            found.append(f"{name}: a list of numbers")
        if _holds_embedding(data, person):
            found.append(f"{name}: the embedding")
    return Traces(files, size // 1024, tuple(found))


def _holds_embedding(data: bytes, person: NDArray[np.float32]) -> bool:
    return any(
        _near(np.frombuffer(data[shift : shift + (len(data) - shift) // width * width], kind), person)
        for kind, width in (("<f4", 4), ("<f8", 8))
        for shift in range(width)
    )


def _near(numbers: NDArray[Any], person: NDArray[np.float32]) -> bool:
    """Whether any window of 128 neighbours is within NEAR of `person`."""
    with np.errstate(all="ignore"):
        # Components of an embedding lie within ±1; everything else cannot be part of one.
        values = np.where(np.isfinite(numbers) & (np.abs(numbers) <= 1), numbers, 9.0).astype(np.float64)
    wanted = person.astype(np.float64)
    for start in range(0, max(0, len(values) - DIMENSIONS + 1), BLOCK):
        block = values[start : start + BLOCK + DIMENSIONS - 1]
        squares = np.concatenate(([0.0], np.cumsum(block * block)))
        norms = squares[DIMENSIONS:] - squares[:-DIMENSIONS]
        products = np.correlate(block, wanted, "valid")
        if np.any(norms - 2 * products + wanted @ wanted < NEAR**2):
            return True
    return False
