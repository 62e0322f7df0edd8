"""vision/photo.py: photographs as people bring them. Every one gives pixels or a reason, none an exception."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_agent.vision.photo import load

RAMP = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (48, 1))


def saved(picture: Image.Image, form: str, **more: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **more)
    return out.getvalue()


def rgb() -> Image.Image:
    return Image.fromarray(np.stack([RAMP, RAMP[:, ::-1], RAMP], axis=2))


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 30,000 × 30,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


GOOD = saved(rgb(), "JPEG")
CASES = {
    "jpeg": (GOOD, None),
    "cmyk": (saved(rgb().convert("CMYK"), "JPEG"), None),
    "16 bit": (saved(Image.fromarray(RAMP.astype(np.uint16) * 257), "PNG"), None),
    "float": (saved(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), None),
    "transparent": (saved(rgb().convert("RGBA"), "PNG"), None),
    "palette": (saved(rgb().convert("P"), "PNG"), None),
    "one bit": (saved(rgb().convert("1"), "PNG"), None),
    "webp": (saved(rgb(), "WEBP"), None),
    "animated gif": (saved(rgb(), "GIF", save_all=True, append_images=[rgb().rotate(90)]), "animated"),
    "gif": (saved(rgb(), "GIF"), "animated"),
    "animated png": (saved(rgb(), "PNG", save_all=True, append_images=[rgb().rotate(180)]), "animated"),
    "pages": (saved(rgb(), "TIFF", save_all=True, append_images=[rgb()]), "animated"),
    "pdf": (saved(rgb(), "PDF"), "unreadable"),
    "icon": (saved(rgb(), "ICO"), "not_a_photo"),
    "tiny": (saved(rgb().resize((8, 8)), "PNG"), "no_face"),
    "bomb": (bomb(), "too_large"),
    "text": (b"Dear guard, this is me.", "unreadable"),
    "empty": (b"", "unreadable"),
    "cut": (GOOD[: len(GOOD) // 2], "unreadable"),
    "zip": (b"PK\x03\x04" + bytes(200), "unreadable"),
    "html": (b"<!doctype html><html>404</html>", "unreadable"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("by", ["file", "bytes"])
def test_every_file_gives_pixels_or_a_reason(tmp_path: Path, name: str, by: str) -> None:
    """Its name says JPEG whatever it is."""
    data, reason = CASES[name]
    (tmp_path / "photo.jpg").write_bytes(data)
    found = load(str(tmp_path / "photo.jpg"), None if by == "file" else data)
    if reason is not None:
        assert found == reason
        return
    assert not isinstance(found, str), found
    pixels, scale = found
    assert (pixels.shape, pixels.dtype, scale) == ((48, 64, 3), np.uint8, 1.0)
    assert pixels.max() > 200, "16 bits are scaled, not cut off"
    assert pixels.min() < 60


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_orientation_the_camera_wrote_is_applied(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    found = load("x.jpg", saved(rgb(), "JPEG", exif=exif))
    assert not isinstance(found, str)
    assert found[0].shape == ((48, 64, 3) if turn < 5 else (64, 48, 3))


def test_a_large_photograph_is_reduced_and_says_by_how_much() -> None:
    found = load("x.jpg", saved(rgb().resize((3200, 2400)), "JPEG"))
    assert not isinstance(found, str)
    assert (found[0].shape, found[1]) == ((1200, 1600, 3), 0.5)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    assert load(str(tmp_path / "none.jpg"), None) == "missing"
    assert load(str(tmp_path), None) == "missing"


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("seed", range(30))
def test_damaged_bytes_never_raise(seed: int) -> None:
    """A hundred bytes of a good photograph overwritten (seed given): pixels or a reason."""
    random = np.random.default_rng(seed)
    for whole in (GOOD, CASES["16 bit"][0], CASES["webp"][0], CASES["float"][0]):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 100):
            data[place] = random.integers(0, 256)
        load("x.jpg", bytes(data))
