"""Small video files of known content: frame n of a clip shows a bright square at a place that n tells."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT = 320, 240


def picture(n: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A textured wall and a square that moves 4 px a frame."""
    rng = np.random.default_rng(5)
    wall = rng.integers(60, 140, (height // 8, width // 8, 1), np.uint8).repeat(8, 0).repeat(8, 1).repeat(3, 2)
    left = n * 4 % (width - 24)
    wall[height // 2 : height // 2 + 24, left : left + 24] = 240
    return np.ascontiguousarray(wall)


def make_clip(
    path: Path,
    seconds: float = 4.0,
    *,
    fps: int = 15,
    codec: str = "libx264",
    gop: int = 15,
    b_frames: int = 2,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    stamps: list[float] | None = None,
) -> Path:
    """Encode it. `stamps`: a time in seconds for each frame instead of a steady rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if codec.startswith("libx26"):
            stream.options = {"preset": "ultrafast", "bf": str(b_frames), "g": str(gop), "x265-params": "log-level=0"}
        tick = Fraction(1, 1000 if stamps else fps)
        stream.codec_context.time_base = tick
        for n in range(len(stamps) if stamps else round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(picture(n, *size), format="rgb24")
            frame.pts = round(stamps[n] * 1000) if stamps else n
            frame.time_base = tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def film(path: Path, pictures: Iterable[np.ndarray], fps: int, crf: int = 20) -> Path:
    """Grey pictures as a recording, one key frame a second."""
    frames = iter(pictures)
    first = next(frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = first.shape
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "g": str(fps), "crf": str(crf)}
        for gray in chain([first], frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(gray), format="gray")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path
