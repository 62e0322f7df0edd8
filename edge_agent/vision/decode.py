"""Frames from a camera's URL: http (MJPEG), rtsp, v4l2, a video file at its own rate, a folder of stills.

A thread keeps the latest frames: one for who wants the newest (faces), some for who must not miss any (falls); whoever
is too slow loses the oldest, a queue never builds. A stream that breaks is opened again with jittered back-off, for
ever. Runs in a child process: what a decoder does to broken input is its own affair.
A URL may carry a password: it is never printed.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import av.container
import av.error
import av.logging

from edge_agent.errors import DeviceUnavailable
from edge_agent.vision import clock
from edge_agent.vision.frames import Frame, JpegFrame, VideoFrame
from edge_agent.vision.timeline import Timeline

OPEN_WITHIN_S, READ_WITHIN_S = 5.0, 5.0
BACKOFF_S, BACKOFF_AT_MOST_S = 0.5, 15.0
SLOW_FRAMES = 3.0  # a camera of one frame a minute is waited for so many frames
QUEUE_MB = 48  # of decoded frames that wait: 16 of 1080p, 4 of 4K
BROKEN_AT_MOST = 100  # packets in a row that do not decode; then the stream is opened anew
STILLS = {".jpg", ".jpeg", ".png", ".bmp"}
LIVE = {"fflags": "nobuffer", "flags": "low_delay", "probesize": "500000", "analyzeduration": "500000"}
RECORDED = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mjpeg,h264,hevc,flv"
# What arrives must not lead the decoder elsewhere: no playlists, which name other files and hosts (and are asked for
# again and again for minutes), and only the protocols the URL itself needs.
OPTIONS = {
    "http": {**LIVE, "protocol_whitelist": "http,tcp", "format_whitelist": f"mpjpeg,{RECORDED}"},
    "https": {**LIVE, "protocol_whitelist": "https,tls,tcp", "format_whitelist": f"mpjpeg,{RECORDED}"},
    "rtsp": {**LIVE, "rtsp_transport": "tcp", "protocol_whitelist": "rtsp,rtp,tcp,udp"},
    "rtsps": {**LIVE, "rtsp_transport": "tcp", "protocol_whitelist": "rtsps,rtsp,rtp,tls,tcp,udp"},
    "v4l2": {"protocol_whitelist": "file"},
    "file": {"protocol_whitelist": "file", "format_whitelist": RECORDED},
}

av.logging.set_level(None)  # the library would print URLs


def shown(url: str) -> str:
    """The URL without user, password and query."""
    parts = urlsplit(url)
    where = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        port = None
    return f"{parts.scheme}://{where}{f':{port}' if port else ''}{parts.path}"


def local_path(url: str) -> Path | None:
    """The file or folder of a file:// URL; None for what is live."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def open_stream(url: str, patience_s: float | None = None) -> av.container.InputContainer:
    """What is at `url`, opened with what it may do and no more. Raises av.error.FFmpegError."""
    scheme = urlsplit(url).scheme
    timeout = None if patience_s is None else (OPEN_WITHIN_S, patience_s)
    if scheme == "v4l2":
        return av.open(urlsplit(url).path, format="v4l2", options=OPTIONS["v4l2"], timeout=timeout)
    return av.open(url, options=OPTIONS.get(scheme, OPTIONS["file"]), timeout=timeout)


def reason(error: av.error.FFmpegError) -> str:
    """Why, without the URL that is in the library's own text."""
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return "it needs a user and a password that are right (login_file of the camera)"
    if isinstance(error, av.error.DecoderNotFoundError):
        return "this machine has no decoder for its codec; set the camera to H.264 or H.265"
    return error.strerror or "no picture"


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

    @property
    def patience_s(self) -> float:
        """How long a live stream may say nothing."""
        return max(READ_WITHIN_S, SLOW_FRAMES / self.fps)

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
        delay_s = BACKOFF_S
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._timeline.restart()
                for frame in self._play():
                    self.trouble = ""
                    self._put(frame)
                    if self._stopped.is_set():
                        return
                self.trouble = str(self._failed("the stream ended"))
            except DeviceUnavailable as error:
                self.trouble = str(error)
            if time.monotonic() - began > BACKOFF_AT_MOST_S:
                delay_s = BACKOFF_S
            self._stopped.wait(random.uniform(delay_s / 2, delay_s))
            delay_s = min(delay_s * 2, BACKOFF_AT_MOST_S)

    def _failed(self, why: str) -> DeviceUnavailable:
        return DeviceUnavailable("faces.camera_unreachable", url=shown(self.url), why=why)

    def _play(self) -> Iterator[Frame]:
        """Frames as they come. Raises DeviceUnavailable when the stream breaks."""
        scheme = urlsplit(self.url).scheme
        path = Path(unquote(urlsplit(self.url).path))
        if scheme not in OPTIONS:
            raise self._failed("only http, https, rtsp, v4l2 and file URLs are known")
        if scheme == "file" and path.is_dir():
            yield from self._stills(path)
            return
        try:
            if scheme != "file":
                yield from self._video(self.url, live=True)
                return
            seen = True
            while seen:  # a recording is played again and again
                seen = False
                for frame in self._video(str(path), live=False):
                    seen = True
                    yield frame
                self._timeline.restart()
            raise self._failed("no picture in it can be decoded")
        except av.error.FFmpegError as error:
            raise self._failed(reason(error)) from None  # its text would carry the URL

    def _video(self, url: str, live: bool) -> Iterator[Frame]:
        with open_stream(url, self.patience_s if live else None) as container:
            if not container.streams.video:
                raise self._failed("there is no video in it")
            if live and container.format.name == "mpjpeg":
                for packet in container.demux(container.streams.video[0]):
                    if packet.size:
                        yield JpegFrame(bytes(packet))
                return
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise self._failed("this machine has no decoder for its codec; set the camera to H.264 or H.265")
            frames = self._decoded(container, stream)
            for frame in frames if live else self._at_its_rate(frames):
                self._bound(frame)
                yield VideoFrame(frame, self._timeline.at(frame.time, clock.up_ms()))

    def _bound(self, frame: av.VideoFrame) -> None:
        """No more frames wait than memory allows."""
        if self._depth > 1:
            self._depth = max(2, min(self._depth, (QUEUE_MB << 20) // max(1, frame.width * frame.height * 3 // 2)))

    def _decoded(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        stream.codec_context.thread_count = 1
        broken = 0
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                broken += 1
                if broken > BROKEN_AT_MOST:
                    raise
                continue
            broken = 0
            yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))

    def _at_its_rate(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        began, first_s = time.monotonic(), None
        for frame in frames:
            at_s = frame.time or 0.0
            first_s = at_s if first_s is None else first_s
            if self._stopped.wait(max(0.0, began + at_s - first_s - time.monotonic())):
                return
            yield frame

    def _stills(self, folder: Path) -> Iterator[Frame]:
        began, count = time.monotonic(), 0
        while True:
            paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in STILLS)
            if not paths:
                raise self._failed("the folder holds no pictures")
            for path in paths:
                if self._stopped.wait(max(0.0, began + count / self.fps - time.monotonic())):
                    return
                count += 1
                try:
                    yield JpegFrame(path.read_bytes())
                except OSError as error:
                    raise self._failed(error.strerror or "unreadable") from None
