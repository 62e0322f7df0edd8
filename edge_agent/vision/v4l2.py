"""A camera at this machine, through V4L2: `v4l2:///dev/v4l/by-id/…?size=1280x720`.

A device streams to one process alone, so one child has it (share.py) and the others see it through that child's socket;
what they are given is the same URL with `share`, the socket's path.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import msgspec

from edge_agent.errors import DeviceUnavailable
from edge_agent.sockets import short_name
from edge_agent.words import Sentence

if TYPE_CHECKING:
    from av.container import InputContainer

USUAL_SIZE = (1280, 720)
LARGEST_PX = 8192
JUDGES_WITHIN_S = 4.0  # who has the device says first that it is silent: it knows, the others only wait
OPENING = "cameras.device_opening"
SHARED_FORM = "nut"  # FFmpeg's own container: any codec, the device's timestamps, and it can be written without an end


class NoPictures(DeviceUnavailable):
    """Who has the device has none, and says why; OPENING when it cannot say, being started or about to open it."""


class Device(NamedTuple):
    """`size`: width and height that are asked for, in px; the driver gives the nearest it has."""

    path: str
    size: tuple[int, int]
    share: str


def device_of(url: str) -> Device:
    """Raises ValueError when `url` does not say a device, or says more of it than is known."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    share, size = asked.pop("share", ""), asked.pop("size", None)
    if parts.scheme != "v4l2" or parts.netloc or not parts.path.startswith("/dev/") or asked:
        raise ValueError(url)
    if size is None:
        return Device(unquote(parts.path), USUAL_SIZE, share)
    width, x, height = size.partition("x")
    if not (x and width.isascii() and width.isdecimal() and height.isascii() and height.isdecimal()):
        raise ValueError(url)
    if not (0 < int(width) <= LARGEST_PX and 0 < int(height) <= LARGEST_PX):
        raise ValueError(url)
    return Device(unquote(parts.path), (int(width), int(height)), share)


def shared(url: str, share: Path) -> str:
    """`url` as those see it who do not have the device."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), ("share", str(share))])
    return urlunsplit(parts._replace(query=query))


def open_device(device: Device, fps: float) -> "InputContainer":
    """The device itself: its JPEGs, or its raw pictures when it makes none. Raises av.error.FFmpegError,
    DeviceUnavailable.

    FFmpeg waits in the kernel for the next picture, for ever if need be: who reads must be someone that can be ended.
    """
    import av
    import av.error

    width, height = device.size
    wanted = {
        "video_size": f"{width}x{height}",
        "framerate": str(Fraction(fps).limit_denominator(1000)),
        "protocol_whitelist": "file",
    }
    try:
        return av.open(device.path, format="v4l2", options={**wanted, "input_format": "mjpeg"})
    except av.error.ArgumentError:  # EINVAL: it makes none
        pass
    try:
        return av.open(device.path, format="v4l2", options=wanted)
    except av.error.ArgumentError:
        raise DeviceUnavailable("cameras.device_none") from None


def refused(trouble: Sentence) -> bytes:
    """The line that says to who looks on why there are no pictures."""
    return msgspec.json.encode([trouble.code, trouble.fields]) + b"\n"


def refusal(line: bytes) -> NoPictures:
    """What `refused` said; OPENING when nothing did, or an agent of another version."""
    try:
        code, given = msgspec.json.decode(line, type=tuple[str, dict[str, str | int | float]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NoPictures(OPENING)
    return NoPictures(code, **given)


@contextmanager
def open_share(device: Device, patience_s: float) -> Iterator["InputContainer"]:
    """The device's pictures from who has it. Raises NoPictures, OSError, av.error.FFmpegError."""
    import av
    import av.error

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(patience_s + JUDGES_WITHIN_S)
        try:
            with short_name(Path(device.share)) as name:
                connection.connect(name)
        except PermissionError:
            raise NoPictures("cameras.device_not_yours") from None
        except OSError:
            raise NoPictures(OPENING) from None
        with connection.makefile("rb", buffering=0) as pictures:
            try:
                why = pictures.readline()
            except TimeoutError:
                why = b""
            if why != b"\n":
                raise refusal(why)
            # Nothing has to be found out, and what waits for that would come late and all at once.
            options = {"analyzeduration": "1", "fpsprobesize": "0", "format_whitelist": SHARED_FORM}
            try:
                container = av.open(pictures, "r", format=SHARED_FORM, options=options)
            except (av.error.InvalidDataError, av.error.EOFError):  # it was ended at once
                raise NoPictures(OPENING) from None
            with container:
                yield container
