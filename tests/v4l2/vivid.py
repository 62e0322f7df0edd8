"""The kernel's simulated camera (vivid): its test pictures and its faults, set as a hand at the camera would."""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

SYSFS = Path("/sys/class/video4linux")
DRIVER = Path("/sys/bus/platform/drivers/vivid")
# linux/videodev2.h
VIDIOC_QUERYCAP, CAPABILITY = 0x80685600, struct.Struct("16s 32s 32s I I I 3I")
VIDIOC_S_INPUT, VIDIOC_S_OUTPUT = 0xC0045627, 0xC004562F
VIDIOC_QUERYCTRL, QUERYCTRL = 0xC0445624, struct.Struct("I I 32s i i i i I 2I")
VIDIOC_S_CTRL, CONTROL = 0xC008561C, struct.Struct("I i")
NEXT_CONTROL = 0x80000000
VIDIOC_S_FMT, FORMAT = 0xC0D05605, struct.Struct("I 4x 12I 152x")
VIDIOC_REQBUFS, VIDIOC_QUERYBUF, VIDIOC_QBUF, VIDIOC_DQBUF = 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611
VIDIOC_STREAMON, BUFFER = 0x40045612, struct.Struct("5I 4x 16s 16s I I Q I I i 4x")
OUTPUT, MMAP, INTERLACED, BUFFERS = 2, 1, 4, 4
VIDEO_CAPTURE, VIDEO_OUTPUT = 0x1, 0x2
# vivid's menus
COLOUR_BARS, BLACK = 0, 5
WEBCAM, S_VIDEO = 0, 2  # its inputs


def nodes(capability: int) -> list[str]:
    found = []
    for node in sorted(SYSFS.glob("video*"), key=lambda path: int(path.name[5:])):
        with opened(f"/dev/{node.name}") as fd:
            answer = fcntl.ioctl(fd, VIDIOC_QUERYCAP, bytes(CAPABILITY.size))
        if CAPABILITY.unpack(answer)[5] & capability:
            found.append(f"/dev/{node.name}")
    return found


@contextmanager
def opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


class Vivid:
    """One simulated camera; `path` of the device that gives pictures."""

    def __init__(self) -> None:
        self.path = nodes(VIDEO_CAPTURE)[0]

    def set(self, control: str, value: int = 0) -> None:
        """`control` by the driver's own name of it."""
        with opened(self.path) as fd:
            at = 0
            while True:
                try:
                    answer = fcntl.ioctl(fd, VIDIOC_QUERYCTRL, QUERYCTRL.pack(at | NEXT_CONTROL, 0, b"", *[0] * 7))
                except OSError:
                    raise LookupError(control) from None
                at, _, name, *_ = QUERYCTRL.unpack(answer)
                if name.split(b"\0")[0].decode() == control:
                    fcntl.ioctl(fd, VIDIOC_S_CTRL, CONTROL.pack(at, value))
                    return

    def input(self, number: int) -> None:
        with opened(self.path) as fd:
            fcntl.ioctl(fd, VIDIOC_S_INPUT, struct.pack("i", number))

    def unplug(self) -> None:
        """As USB does it: the device is gone, whoever has it open is told."""
        (DRIVER / "unbind").write_text("vivid.0")

    def plug(self) -> None:
        (DRIVER / "bind").write_text("vivid.0")


class Screen:
    """What is held before the camera: a picture put on the simulated output, which its S-Video input sees."""

    WIDTH, HEIGHT = 720, 576  # PAL

    def __init__(self) -> None:
        self._fd = os.open(nodes(VIDEO_OUTPUT)[0], os.O_RDWR | os.O_CLOEXEC)
        pixels = (self.WIDTH, self.HEIGHT, int.from_bytes(b"YU12", "little"), INTERLACED)
        self._do(VIDIOC_S_FMT, FORMAT.pack(OUTPUT, *pixels, *[0] * 8))
        self._do(VIDIOC_REQBUFS, struct.pack("5I", BUFFERS, OUTPUT, MMAP, 0, 0))
        self._buffers = []
        for index in range(BUFFERS):
            *_, offset, length, _, _ = BUFFER.unpack(self._do(VIDIOC_QUERYBUF, self._buffer(index)))
            self._buffers.append(mmap.mmap(self._fd, length, offset=offset))
        self._free = list(range(BUFFERS))
        self._do(VIDIOC_STREAMON, struct.pack("i", OUTPUT))

    def show(self, rgb: np.ndarray) -> None:
        """Returns when the picture is on its way: 25 a second at most."""
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        data = frame.reformat(width=self.WIDTH, height=self.HEIGHT, format="yuv420p").to_ndarray().tobytes()
        if not self._free:
            self._free.append(BUFFER.unpack(self._do(VIDIOC_DQBUF, self._buffer(0)))[0])
        index = self._free.pop(0)
        self._buffers[index][: len(data)] = data
        self._do(VIDIOC_QBUF, self._buffer(index, len(data)))

    def close(self) -> None:
        for buffer in self._buffers:
            buffer.close()
        os.close(self._fd)

    def _do(self, order: int, argument: bytes) -> bytes:
        return fcntl.ioctl(self._fd, order, argument)

    @staticmethod
    def _buffer(index: int, used: int = 0) -> bytes:
        return BUFFER.pack(index, OUTPUT, used, 0, INTERLACED, b"", b"", 0, MMAP, 0, 0, 0, 0)
