"""A picture of a camera, decoded as late and as little as possible.

A JPEG is kept as its bytes: the motion gate reads a quarter of its size straight from the coefficients, the whole is
decoded only when somebody may be there.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.vision import clock

if TYPE_CHECKING:  # who decodes no video has no need of it: 50 ms, 17 MB
    import av

Image = npt.NDArray[Any]
Colours = Callable[[], Image]  # gives height × width × 3, blue first, when somebody asks

GRAY_WIDTH_PX = 320
LUMA_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"}

cv2.setNumThreads(1)


class Frame(Protocol):
    @property
    def up_ms(self) -> int:
        """Gateway uptime at which the frame arrived."""
        ...

    def gray(self) -> Image | None:
        """Grey and reduced, for the motion gate; None when the picture is broken."""
        ...

    def rgb(self) -> Image | None:
        """height × width × 3, 8 bits; None when the picture is broken."""
        ...

    def luma(self) -> Image | None:
        """height × width, 8 bits, as the decoder left it (no copy of a video frame); None when it is broken."""
        ...


def colours(frame: Frame, gray: Image) -> Colours:
    """The frame in colour, made once and only if it is asked for; `gray` where it has none."""

    @cache
    def bgr() -> Image:
        rgb = frame.rgb()
        return cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR) if rgb is None else np.ascontiguousarray(rgb[:, :, ::-1])

    return bgr


class JpegFrame:
    """Any still picture OpenCV reads; for JPEG `gray` costs a fraction of `rgb`."""

    def __init__(self, data: bytes, up_ms: int | None = None) -> None:
        self.up_ms = clock.up_ms() if up_ms is None else up_ms
        self._data = np.frombuffer(data, np.uint8)

    def gray(self) -> Image | None:
        return self._decode(cv2.IMREAD_REDUCED_GRAYSCALE_4)

    def rgb(self) -> Image | None:
        picture = self._decode(cv2.IMREAD_COLOR)
        return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def luma(self) -> Image | None:
        return self._decode(cv2.IMREAD_GRAYSCALE)

    def _decode(self, how: int) -> Image | None:
        """One that says to be of more pixels than the library takes, or than there is memory for, is broken as well."""
        try:
            picture: Image | None = cv2.imdecode(self._data, how) if self._data.size else None
        except cv2.error:
            return None
        return picture


class VideoFrame:
    """A frame the video decoder made already."""

    def __init__(self, frame: "av.VideoFrame", up_ms: int | None = None) -> None:
        self.up_ms = clock.up_ms() if up_ms is None else up_ms
        self._frame = frame

    def gray(self) -> Image | None:
        height = max(2, round(self._frame.height * GRAY_WIDTH_PX / self._frame.width))
        return self._frame.to_ndarray(format="gray", width=GRAY_WIDTH_PX, height=height)

    def rgb(self) -> Image | None:
        return self._frame.to_ndarray(format="rgb24")

    def luma(self) -> Image | None:
        frame = self._frame
        if frame.format.name not in LUMA_FIRST:
            return frame.to_ndarray(format="gray")
        plane = frame.planes[0]
        rows: Image = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
