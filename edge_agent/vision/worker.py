"""The vision child of one camera: frames in, detections out. `python -m edge_agent.vision.worker`

Told its job as one line of JSON (model.detections.VisionJob) on stdin; says what it sees on stdout, each message as
4 bytes of length, big-endian, and msgpack of model.detections (docs/decisions/0004). It has no gallery, no key and no
names, and it never writes to a disk. Its state is repeated every two seconds: silence means it hangs.
"""

import os
import sys
import threading
import time
from typing import BinaryIO

import msgspec

from edge_agent import log
from edge_agent.errors import FaceError
from edge_agent.model.detections import CameraState, Detection, Unwatched, VisionJob, Watched
from edge_agent.model.recording import Recorded
from edge_agent.vision.confine import confine

STATE_EVERY_S = 2.0
LOST_AFTER_S = 3.0
SILENT = "the camera sends nothing"

logger = log.get("vision.worker")


class Pipe:
    """Messages to the parent. A parent that is gone ends the child."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._encoder = msgspec.msgpack.Encoder()
        self._turn = threading.Lock()

    def send(self, said: Detection | Watched | Unwatched | Recorded) -> None:
        body = self._encoder.encode(said)
        left = memoryview(len(body).to_bytes(4, "big") + body)
        try:
            with self._turn:
                while left:
                    left = left[self._pipe.write(left) :]
        except BrokenPipeError:
            os._exit(0)  # also from a thread


class Presence:
    """Whether frames arrive, said when it changes and every two seconds: silence means that the child hangs."""

    def __init__(self, pipe: Pipe, fps: float) -> None:
        self._pipe, self._lost_after_s = pipe, max(LOST_AFTER_S, 3 / fps)
        self.state, self._said, self._arrived = "", 0.0, time.monotonic()

    def look(self, arrived: bool, trouble: str) -> None:
        now, before = time.monotonic(), self.state
        if arrived:
            self._arrived = now
            self.state = "ready" if before in ("", "ready", "back") else "back"
        elif now - self._arrived >= self._lost_after_s:
            self.state = "lost"
        if self.state and (self.state != before or now - self._said >= STATE_EVERY_S):
            self._said = now
            self._pipe.send(CameraState(self.state, (trouble or SILENT) if self.state == "lost" else ""))


def work(job: VisionJob, pipe: Pipe) -> None:
    # Only now: the limits must stand before a library takes memory or starts threads.
    from edge_agent.vision import clock
    from edge_agent.vision.decode import FrameSource
    from edge_agent.vision.engine import open_engine
    from edge_agent.vision.watch import FaceWatch

    threading.excepthook = die
    try:
        watch = FaceWatch(open_engine(job.engine), job.faces)
    except FaceError as error:
        logger.error("%s", error)
        sys.exit(2)
    source = FrameSource(job.camera.url, job.camera.fps)
    source.start()
    presence = Presence(pipe, job.camera.fps)
    while True:
        frame = source.next(0.5)
        presence.look(frame is not None, source.trouble)
        if frame is not None:
            for detection in watch.see(frame):
                pipe.send(detection)
        elif presence.state == "lost":
            for ended in watch.stop(clock.up_ms()):
                pipe.send(ended)


def die(what: threading.ExceptHookArgs) -> None:
    """A thread that failed would leave a child that only looks alive."""
    logger.error("the frame thread failed: %s", what.exc_type.__name__)
    os._exit(1)


def main() -> None:
    pipe = Pipe(confine())
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=VisionJob)
    log.configure()
    log.job.set(f"vision {job.camera.name}")
    logger.debug("watching")
    work(job, pipe)


if __name__ == "__main__":
    main()
