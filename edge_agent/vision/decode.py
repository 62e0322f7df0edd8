"""Frames from a camera's URL: http (MJPEG), rtsp, v4l2, a video file at its own rate, a folder of stills.

A thread keeps the latest frames: one for who wants the newest (faces), some for who must not miss any (falls); whoever
is too slow loses the oldest, a queue never builds. A stream that breaks is opened again with jittered back-off, for
ever. Runs in a child process: what a decoder does to broken input is its own affair.
A URL may carry a password: it is never printed (urls.py).
"""

import errno
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.container
import av.error
import av.logging

from edge_agent.errors import DeviceUnavailable
from edge_agent.vision import clock
from edge_agent.vision.frames import Frame, JpegFrame, VideoFrame
from edge_agent.vision.packets import Pictures, packets_of, video_of
from edge_agent.vision.timeline import Playing, Timeline
from edge_agent.vision.urls import STILLS, local_path, shown
from edge_agent.vision.v4l2 import OPENING, NoPictures, device_of, open_device, open_share
from edge_agent.words import Sentence

OPEN_WITHIN_S, READ_WITHIN_S = 5.0, 5.0
BACKOFF_S, BACKOFF_AT_MOST_S, ASK_S = 0.5, 15.0, 1.0
SLOW_FRAMES = 3.0  # a camera of one frame a minute is waited for so many frames
QUEUE_MB = 48  # of decoded frames that wait: 16 of 1080p, 4 of 4K
LIVE = {"fflags": "nobuffer", "flags": "low_delay", "probesize": "500000", "analyzeduration": "500000"}
RECORDED = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mjpeg,h264,hevc,flv"
# What arrives must not lead the decoder elsewhere: no playlists, which name other files and hosts (and are asked for
# again and again for minutes), and only the protocols the URL itself needs.
OPTIONS = {
    "http": {**LIVE, "protocol_whitelist": "http,tcp", "format_whitelist": f"mpjpeg,{RECORDED}"},
    "https": {**LIVE, "protocol_whitelist": "https,tls,tcp", "format_whitelist": f"mpjpeg,{RECORDED}"},
    "rtsp": {**LIVE, "rtsp_transport": "tcp", "protocol_whitelist": "rtsp,rtp,tcp,udp"},
    "rtsps": {**LIVE, "rtsp_transport": "tcp", "protocol_whitelist": "rtsps,rtsp,rtp,tls,tcp,udp"},
    "file": {"protocol_whitelist": "file", "format_whitelist": RECORDED},
}

UNREADABLE = (av.error.FFmpegError, OSError, ValueError, DeviceUnavailable)  # how reading a stream may end
NETWORK = {
    errno.ECONNREFUSED: "cameras.refused",
    errno.EHOSTUNREACH: "cameras.no_route",
    errno.ENETUNREACH: "cameras.no_route",
    errno.ETIMEDOUT: "cameras.timeout",
    errno.EIO: "cameras.unreachable",  # also FFmpeg's word for a name that nobody knows
}
FILE = {errno.ENOENT: "cameras.file_missing", errno.EACCES: "cameras.denied"}
DEVICE = {
    errno.ENOENT: "cameras.device_missing",
    errno.EACCES: "cameras.device_denied",
    errno.EBUSY: "cameras.device_busy",
    errno.ENODEV: "cameras.device_gone",
    errno.ENOTTY: "cameras.device_none",
    errno.ENOSPC: "cameras.device_room",
}

av.logging.set_level(None)  # the library would print URLs


def patience(fps: float) -> float:
    """For how many seconds a live camera may say nothing."""
    return max(READ_WITHIN_S, SLOW_FRAMES / fps)


@contextmanager
def open_stream(url: str, fps: float | None = None) -> Iterator[av.container.InputContainer]:
    """What is at `url`, opened with what it may do and no more. `fps`: what a live camera sends; a recording is not
    waited for. Raises one of UNREADABLE.
    """
    scheme = urlsplit(url).scheme
    patience_s = None if fps is None else patience(fps)
    if scheme == "v4l2" and patience_s is not None and fps is not None:
        device = device_of(url)
        with open_share(device, patience_s) if device.share else open_device(device, fps) as container:
            yield container
        return
    timeout = None if patience_s is None else (OPEN_WITHIN_S, patience_s)
    options = dict(OPTIONS.get(scheme, OPTIONS["file"]))
    if patience_s is not None and patience_s > READ_WITHIN_S:  # the picture it is known by is one that was waited for
        options.pop("fflags", None)
    with av.open(url, options=options, timeout=timeout) as container:
        yield container


def reason(error: Exception, url: str) -> DeviceUnavailable:
    """Why the stream at `url` cannot be read, and what to do; without what of the URL is in the library's own text."""
    where = shown(url)
    if isinstance(error, DeviceUnavailable):
        return type(error)(error.code, **{**error.fields, "url": where})
    code = _code_of(error, urlsplit(url).scheme)
    if code == "cameras.other":
        strerror = error.strerror if isinstance(error, av.error.FFmpegError | OSError) else str(error)
        return DeviceUnavailable(code, url=where, why=strerror or "no picture")
    return DeviceUnavailable(code, url=where)


def _code_of(error: Exception, scheme: str) -> str:
    live = scheme not in ("", "file")
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return "cameras.login"
        case av.error.HTTPNotFoundError():
            return "cameras.not_found"
        case av.error.DecoderNotFoundError():
            return "cameras.codec"
        case av.error.InvalidDataError():
            return "cameras.broken"
        case av.error.EOFError():
            return "cameras.ended" if live else "cameras.broken"
        case av.error.ArgumentError() if scheme != "v4l2":
            return "cameras.no_format"
        case av.error.ExitError():  # its time was up
            return "cameras.timeout"
        case OSError():
            codes = DEVICE if scheme == "v4l2" else NETWORK if live else FILE
            return codes.get(error.errno or 0, "cameras.other")
        case _:
            return "cameras.other"


def trouble_after(error: DeviceUnavailable, before: str) -> str:
    """What is wrong with a stream: `error`, unless who has the device cannot say; then what was known `before`."""
    knows = not isinstance(error, NoPictures) or error.code != OPENING
    return error.sentence if knows or not before else before


class Backoff:
    """The pauses between attempts: jittered, each longer than the one before, short again after one that lasted."""

    def __init__(self) -> None:
        self._pause_s, self._began = BACKOFF_S, time.monotonic()

    def pause(self, sleep: Callable[[float], object] = time.sleep, error: BaseException | None = None) -> None:
        """Whoever has a device answers at once and knows when there is something: it is asked every second."""
        if isinstance(error, NoPictures):
            sleep(ASK_S)
            return
        if time.monotonic() - self._began > BACKOFF_AT_MOST_S:
            self._pause_s = BACKOFF_S
        sleep(random.uniform(self._pause_s / 2, self._pause_s))
        self._pause_s = min(self._pause_s * 2, BACKOFF_AT_MOST_S)
        self._began = time.monotonic()


class FrameSource:
    """Keeps the newest frames of `url`, `depth` of them at most. `trouble`: why there are none at the moment; `lost`
    counts frames that found nobody in time.
    """

    def __init__(self, url: str, fps: float, depth: int = 1) -> None:
        self.url, self.fps, self.trouble, self.lost = url, fps, "", 0
        self._frames: deque[Frame] = deque()
        self._depth = depth
        self._arrived = threading.Condition()
        self._stopped = threading.Event()
        self._timeline = Timeline()
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread is gone (at most the read time-out)."""
        self._stopped.set()
        self._thread.join()

    def next(self, within_s: float) -> Frame | None:
        """The oldest frame that is kept and was not taken yet; None when none comes in time."""
        with self._arrived:
            self._arrived.wait_for(lambda: bool(self._frames), within_s)
            return self._frames.popleft() if self._frames else None

    def _put(self, frame: Frame) -> None:
        with self._arrived:
            while len(self._frames) >= self._depth:
                self._frames.popleft()
                self.lost += 1
            self._frames.append(frame)
            self._arrived.notify()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopped.is_set():
            try:
                self._timeline.restart()
                for frame in self._play():
                    self.trouble = ""
                    self._put(frame)
                    if self._stopped.is_set():
                        return
                raise DeviceUnavailable("cameras.ended")
            except UNREADABLE as error:
                why = reason(error, self.url)
                self.trouble = trouble_after(why, self.trouble)
                backoff.pause(self._stopped.wait, why)

    def _play(self) -> Iterator[Frame]:
        """Frames as they come. Raises one of UNREADABLE when the stream breaks."""
        scheme = urlsplit(self.url).scheme
        path = local_path(self.url)
        if scheme not in OPTIONS and scheme != "v4l2":
            raise DeviceUnavailable("cameras.scheme")
        if path is None:
            yield from self._video(self.url, live=True)
            return
        if path.is_dir():
            yield from self._stills(path)
            return
        seen = True
        while seen:  # a recording is played again and again
            seen = False
            for frame in self._video(str(path), live=False):
                seen = True
                yield frame
            self._timeline.restart()
        raise DeviceUnavailable("cameras.undecoded")

    def _video(self, url: str, live: bool) -> Iterator[Frame]:
        with open_stream(url, self.fps if live else None) as container:
            stream = video_of(container)
            if live and stream.codec_context.name == "mjpeg":
                timed = container.format.name != "mpjpeg"  # which has no timestamps; FFmpeg would make some up
                for packet in packets_of(container, stream, patience(self.fps)):
                    if packet.size:
                        seconds = float(packet.pts * packet.time_base) if timed and packet.pts is not None else None
                        yield JpegFrame(bytes(packet), self._timeline.at(seconds, clock.up_ms()))
                return
            pictures = Pictures(container, stream, patience(self.fps) if live else None)
            for frame in pictures if live else self._at_its_rate(pictures):
                self._bound(frame)
                yield VideoFrame(frame, self._timeline.at(frame.time, clock.up_ms()))

    def _bound(self, frame: av.VideoFrame) -> None:
        """No more frames wait than memory allows."""
        if self._depth > 1:
            self._depth = max(2, min(self._depth, (QUEUE_MB << 20) // max(1, frame.width * frame.height * 3 // 2)))

    def _at_its_rate(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        playing = Playing(self.fps)
        for frame in frames:
            if self._stopped.wait(playing.wait_s(frame.time)):
                return
            yield frame

    def _stills(self, folder: Path) -> Iterator[Frame]:
        began, count = time.monotonic(), 0
        while True:
            paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in STILLS and path.is_file())
            if not paths:
                raise DeviceUnavailable("cameras.no_stills")
            for path in paths:
                if self._stopped.wait(max(0.0, began + count / self.fps - time.monotonic())):
                    return
                count += 1
                yield JpegFrame(path.read_bytes())


def trouble_of(url: str) -> Sentence | None:
    """What is wrong with a recording or a folder of stills; None when its first picture can be read."""
    try:
        next(FrameSource(url, 1.0)._play())
    except UNREADABLE as error:
        return reason(error, url).sentence
    return None
