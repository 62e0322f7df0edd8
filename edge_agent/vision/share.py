"""The child that has a camera of this machine and shows it to the others. `python -m edge_agent.vision.share`

A V4L2 device streams to one process, and up to three look at one camera: for faces, for alerts, for evidence. What the
device gives compressed goes to each of them as it came, raw pictures are made JPEGs here, once; all with the device's
own timestamps. Who connects to the socket is told in a line why there is no picture (empty: there is), and then gets
the stream. Who is too slow misses pictures; nobody waits for it.
"""

import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from edge_agent import log
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.recording import ShareJob
from edge_agent.sockets import private_socket
from edge_agent.vision.confine import confine
from edge_agent.vision.urls import shown
from edge_agent.vision.v4l2 import SHARED_FORM, refused
from edge_agent.vision.worker import SILENT, STATE_EVERY_S, WAITING, Pipe, die, state
from edge_agent.words import Sentence, told

if TYPE_CHECKING:
    import av
    import av.stream
    from av.container import OutputContainer

MEMORY_MB = 512
VIEWERS_AT_MOST = 16  # three for each [[camera]] that names the device; somebody may look on with `camera watch`
MANY = "cameras.device_viewers"
WAITING_AT_MOST = 16  # pictures for one of them
WRITE_WITHIN_S = 5.0
JPEG_QUALITY = {"qmin": "2", "qmax": "4"}  # of 1 (best) to 31, as FFmpeg counts
# Nobody seeks in it: without syncpoints, of which a reader remembers each for as long as it reads.
FORM = {"write_index": "0", "syncpoints": "none", "strict": "experimental", "fflags": "flush_packets"}

logger = log.get("vision.share")


class Picture(msgspec.Struct, frozen=True):
    """One packet; times in the stream's time base."""

    data: bytes
    pts: int | None
    dts: int | None
    key: bool


class Form:
    """What the pictures are: as the device compresses them, or JPEGs made of its raw ones."""

    def __init__(self, stream: "av.VideoStream", fps: float) -> None:
        import av

        self.time_base = stream.time_base or Fraction(1, 1_000_000)
        self._codec, self._width, self._height = stream.codec_context.name, stream.width, stream.height
        self._rate = Fraction(fps).limit_denominator(1000)
        self._encoder: av.VideoCodecContext | None = None
        if self._codec == "rawvideo":
            encoder = av.CodecContext.create("mjpeg", "w")
            assert isinstance(encoder, av.VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = stream.width, stream.height, "yuvj422p"
            encoder.framerate, encoder.time_base = self._rate, self.time_base
            encoder.options, encoder.thread_count = JPEG_QUALITY, 1
            self._encoder, self._codec = encoder, "mjpeg"

    def pictures(self, packet: "av.Packet[av.VideoStream]") -> Iterator[Picture]:
        """Raises av.error.FFmpegError when it is broken."""
        if self._encoder is None:
            yield Picture(bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
            return
        for frame in packet.decode():
            for made in self._encoder.encode(frame.reformat(format="yuvj422p")):
                yield Picture(bytes(made), frame.pts, frame.pts, True)

    def add_to(self, container: "OutputContainer") -> "av.stream.Stream":
        """A stream for such pictures. The device may be gone meanwhile: nothing of it is asked."""
        return container.add_mux_stream(self._codec, self._rate, width=self._width, height=self._height)


class Viewer:
    """One who looks on: a thread that writes what `offer` leaves it."""

    def __init__(self, connection: socket.socket, form: Form) -> None:
        self._connection, self._form = connection, form
        self._waiting: deque[Picture] = deque()
        self._news, self._over, self._missed = threading.Condition(), False, True
        connection.settimeout(WRITE_WITHIN_S)
        threading.Thread(target=self._write, name="viewer", daemon=True).start()

    @property
    def over(self) -> bool:
        return self._over

    def offer(self, picture: Picture) -> None:
        """Never waits. After what was missed a stream begins again with a key frame."""
        with self._news:
            if len(self._waiting) >= WAITING_AT_MOST:
                self._waiting.clear()
                self._missed = True
            if not self._missed or picture.key:
                self._missed = False
                self._waiting.append(picture)
                self._news.notify()

    def end(self) -> None:
        with self._news:
            self._over = True
            self._news.notify()

    def _write(self) -> None:
        import av
        import av.error

        with suppress(OSError, av.error.FFmpegError), self._connection:
            self._connection.sendall(b"\n")
            with av.open(_Pipe(self._connection), "w", format=SHARED_FORM, options=FORM) as out:
                stream = self._form.add_to(out)
                while (picture := self._next()) is not None:
                    packet = av.Packet(picture.data)
                    packet.stream, packet.time_base, packet.is_keyframe = stream, self._form.time_base, picture.key
                    packet.pts, packet.dts = picture.pts, picture.dts
                    out.mux(packet)
        self._over = True

    def _next(self) -> Picture | None:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._over)
            return None if self._over else self._waiting.popleft()


class _Pipe:
    """A file that can only grow, as FFmpeg wants it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)


class Share:
    def __init__(self, job: ShareJob) -> None:
        from edge_agent.vision.decode import patience

        self._job = job
        self._server = private_socket(Path(job.socket))
        self._server.listen(VIEWERS_AT_MOST)
        self._lock = threading.Lock()
        self._viewers: list[Viewer] = []
        self._form: Form | None = None
        self._patience_s = patience(job.fps)
        self._arrived, self._reading = time.monotonic(), False
        self.trouble: Sentence | None = None  # why there are no pictures
        self._known = threading.Event()  # whether there are, at all

    def run(self) -> None:
        """Read the device for ever; a thread of its own."""
        from edge_agent.vision.decode import UNREADABLE, Backoff, reason

        backoff = Backoff()
        while True:
            try:
                self._follow()
                raise DeviceUnavailable("cameras.ended")
            except UNREADABLE as error:
                why = reason(error, self._job.url).sentence
            self._stop(why)
            if stuck():
                logger.warning("%s; its buffers are left behind: the process starts anew", why)
                self.give_up()
            backoff.pause()

    def _stop(self, why: Sentence) -> None:
        with self._lock:
            self._reading, self.trouble, self._form = False, why, None
            for viewer in self._viewers:
                viewer.end()
            self._viewers.clear()
        self._known.set()

    def give_up(self, why: Sentence | None = None) -> NoReturn:
        """End the process, for another to be started. Who asks meanwhile is told why."""
        if why:
            self._stop(why)
        time.sleep(STATE_EVERY_S)
        os._exit(1)

    def _follow(self) -> None:
        from edge_agent.vision.decode import open_stream
        from edge_agent.vision.packets import own

        self._arrived, self._reading = time.monotonic(), True
        with open_stream(self._job.url, self._job.fps) as container:
            if not container.streams.video:
                raise DeviceUnavailable("cameras.no_video")
            stream = container.streams.video[0]
            form = Form(stream, self._job.fps)
            for packet in map(own, container.demux(stream)):
                if packet.size:
                    for picture in form.pictures(packet):
                        self._show(picture, form)

    def _show(self, picture: Picture, form: Form) -> None:
        with self._lock:
            self._arrived, self.trouble, self._form = time.monotonic(), None, form
            self._viewers = [viewer for viewer in self._viewers if not viewer.over]
            for viewer in self._viewers:
                viewer.offer(picture)
        self._known.set()

    @property
    def known(self) -> bool:
        """Whether there are pictures, at all: not while it is being opened for the first time."""
        return self._known.is_set()

    def look(self) -> bool:
        """Is it as it should be? Not when the kernel is waited in for a picture that does not come."""
        return not self._reading or time.monotonic() - self._arrived < self._patience_s

    def welcome(self) -> None:
        """Take in who connects, for ever; a thread of its own."""
        while True:
            connection, _ = self._server.accept()
            self._known.wait()
            with self._lock:
                if self._form is not None and len(self._viewers) < VIEWERS_AT_MOST:
                    self._viewers.append(Viewer(connection, self._form))
                    continue
                why = told(MANY, url=shown(self._job.url)) if self._form is not None else self.trouble
            with suppress(OSError), connection:
                connection.sendall(refused(why) if why is not None else b"")


def stuck() -> bool:
    """Whether a device's memory is still in this process, which keeps the device busy.

    FFmpeg leaves it behind when the driver cannot start to stream (USB without bandwidth, ENOSPC).
    """
    return "/dev/video" in Path("/proc/self/maps").read_text()


def main() -> None:
    pipe = Pipe(confine(MEMORY_MB))
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=ShareJob)
    log.configure()
    log.job.set(f"share {job.camera}")
    threading.excepthook = die
    share = Share(job)
    threading.Thread(target=share.run, name="device", daemon=True).start()
    threading.Thread(target=share.welcome, name="door", daemon=True).start()
    while share.look():
        trouble = share.trouble or ""  # once: a picture may come meanwhile
        pipe.send(state(("lost" if trouble else "ready") if share.known else WAITING, trouble))
        time.sleep(STATE_EVERY_S)
    logger.error("no picture for a while: the device is opened anew")
    pipe.send(state("lost", SILENT))
    share.give_up(SILENT)


if __name__ == "__main__":
    main()
