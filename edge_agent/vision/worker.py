"""The vision child of one camera: frames in, detections out. `python -m edge_agent.vision.worker`

Told its job as one line of JSON (model.detections.VisionJob) on stdin; says what it sees on stdout, each message as
4 bytes of length, big-endian, and msgpack of model.detections (docs/decisions/0004). It has no gallery, no key and no
names, and it never writes to a disk. Its state is repeated every two seconds: silence means it hangs.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from edge_agent import log
from edge_agent.errors import FaceError
from edge_agent.model.detections import CameraState, Detection, VisionJob, Watched
from edge_agent.model.recording import Recorded
from edge_agent.vision.confine import confine
from edge_agent.words import Sentence, told

STATE_EVERY_S = 2.0
LOST_AFTER_S = 3.0
STEADY_S, STEADY_FRAMES = 3.0, 3
UNSTEADY_GAPS, UNSTEADY_S = 3, 600.0  # silent so often within that time: unsteady
LATER = 10  # so many times longer an unsteady camera may be silent
WAITING = "waiting"
SILENT, UNSTEADY = told("cameras.silent"), told("cameras.unsteady")

logger = log.get("vision.worker")


class Pipe:
    """Messages to the parent. A parent that is gone ends the child."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._encoder = msgspec.msgpack.Encoder()
        self._turn = threading.Lock()

    def send(self, said: Detection | Watched | Recorded) -> None:
        body = self._encoder.encode(said)
        left = memoryview(len(body).to_bytes(4, "big") + body)
        try:
            with self._turn:
                while left:
                    left = left[self._pipe.write(left) :]
        except BrokenPipeError:
            os._exit(0)  # also from a thread


def state(name: str, why: str = "") -> CameraState:
    """A state of the camera, with what its reason is made of."""
    return CameraState(name, str(why), why.code, why.fields) if isinstance(why, Sentence) else CameraState(name, why)


class Presence:
    """Whether pictures arrive, said when it changes and every two seconds: silence means that the child hangs.

    The camera is lost when none came for `LOST_AFTER_S`, or three frames of a slow one, whose known trouble counts at
    once; it is back when they come steadily. One that falls silent again and again is unsteady: that is told once, and
    it is lost much later until it has been steady for `UNSTEADY_S`. `now`: monotonic s.
    """

    def __init__(self, pipe: Pipe, fps: float, now: Callable[[], float] = time.monotonic) -> None:
        self._pipe, self._now = pipe, now
        self._silent_after_s = max(LOST_AFTER_S, 3 / fps)
        self._steady_s, self._steady_frames = (STEADY_S, STEADY_FRAMES) if fps >= 1 else (0.0, 1)
        self.state, self._said = WAITING, -STATE_EVERY_S
        self._arrived = self._well = self._began = now()  # last picture; no trouble; first picture since it was lost
        self._frames = 0  # since then
        self._silent, self._unsteady, self._gaps = False, False, deque[float]()

    def look(self, arrived: bool, trouble: str) -> bool:
        """A picture has `arrived`; or none has, and `trouble` says why if that is known. Has it just fallen silent?"""
        now, before, was_silent = self._now(), self.state, self._silent
        if arrived or not trouble:
            self._well = now
        if arrived:
            self._arrive(now)
        self._silent = self._over(now, 1)
        if fell := self._silent and not was_silent:
            self._count(now)
        if self._over(now, LATER if self._unsteady else 1):
            self.state, self._frames = "lost", 0
        if self.state != before or now - self._said >= STATE_EVERY_S:
            self._said = now
            self._pipe.send(state(self.state, (trouble or SILENT) if self.state == "lost" else ""))
        return fell

    def _over(self, now: float, times: int) -> bool:
        """Has it been silent for so many times what is allowed?"""
        return now - self._arrived >= times * self._silent_after_s or now - self._well >= times * LOST_AFTER_S

    def _arrive(self, now: float) -> None:
        self._arrived = now
        if not self._frames:
            self._began = now
        self._frames += 1
        if self.state != "lost":
            self.state = "ready"
        elif self._frames >= self._steady_frames and now - self._began >= self._steady_s:
            self.state = "back"

    def _count(self, now: float) -> None:
        """It fell silent once more."""
        while self._gaps and now - self._gaps[0] > UNSTEADY_S:
            self._gaps.popleft()
        self._unsteady &= bool(self._gaps)
        self._gaps.append(now)
        if len(self._gaps) >= UNSTEADY_GAPS and not self._unsteady:
            self._unsteady = True
            self._pipe.send(state("degraded", UNSTEADY))


def work(job: VisionJob, pipe: Pipe) -> None:
    # Only now: the limits must stand before a library takes memory or starts threads.
    from edge_agent.vision import clock
    from edge_agent.vision.decode import FrameSource
    from edge_agent.vision.engine import open_engine
    from edge_agent.vision.urls import shown
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
    broken = told("cameras.broken", url=shown(job.camera.url))
    while True:
        frame = source.next(0.5)
        if frame is not None:
            for detection in watch.see(frame):
                pipe.send(detection)
        seen = frame is not None and not watch.blind
        if presence.look(seen, source.trouble if seen or frame is None else broken):
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
