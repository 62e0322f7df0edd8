"""A camera, seen from the daemon: a child process that decodes and recognises, and a pipe that must keep talking.

Starts the child by its module's name (the daemon never loads a video or face library), hands on what it detects, and
starts it anew when it dies, hangs or talks nonsense. A broken picture can abort a decoder: it costs this camera a
second, never the gate. The pipe's form is docs/decisions/0004.
"""

import asyncio
import os
import random
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from edge_agent import log
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.detections import CameraState, Detection, VisionJob
from edge_agent.model.doors import DeviceReport
from edge_agent.model.face_models import DLIB, EngineSpec
from edge_agent.model.site import Camera, FacePolicy
from edge_agent.ports import Beat, Clock
from edge_agent.words import told

CHILD = "edge_agent.vision.worker"
MESSAGE_AT_MOST = 16_384  # bytes; a sample has about 600
MESSAGES_AT_MOST, PACE_S = 1000, 5.0  # in so long; a busy square says some ten a second
START_GAP_S = 0.05  # between two children that are started
START_WITHIN_S = 30.0  # loading the engine on a small board that is busy starting
SILENT_AT_MOST_S = 8.0  # the child repeats its state every 2 s
LIVES_AT_LEAST_MS = 60_000  # a child that is too large so soon does not grow, it is
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
BACKOFF_S, BACKOFF_AT_MOST_S = 0.5, 30.0

logger = log.get("drivers.camera")
_turns: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()
_decoder: msgspec.msgpack.Decoder[Detection] = msgspec.msgpack.Decoder(Detection)


class TooLarge(Exception):
    """The child holds more memory than its engine needs. It is replaced in about a second; the camera is not lost."""

    def __init__(self, mb: float) -> None:
        super().__init__(mb)
        self.mb = mb


def resident_mb(pid: int, *, private: bool = False) -> float:
    """Resident memory of a process; 0 when it is gone. `private`: without files, libraries and what drivers lend it."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except (OSError, ValueError):
        return 0.0
    return (resident - shared * private) * PAGE_BYTES / (1 << 20)


class CameraWorker:
    """`deliver`: camera name and detection, also the camera's lost and back; `report`: the device's lost and back.

    Subclasses have another child, with another job, that says other things.
    """

    child = ""  # module; the one of this file unless it is another
    said: msgspec.msgpack.Decoder[Any] = _decoder
    most = MESSAGE_AT_MOST
    messages_at_most: int | None = MESSAGES_AT_MOST

    def __init__(
        self,
        camera: Camera,
        faces: FacePolicy,
        clock: Clock,
        deliver: Callable[[str, Any], None],
        report: Callable[[DeviceReport], None],
        engine: EngineSpec = DLIB,
    ) -> None:
        self.camera, self.faces, self.clock, self.engine = camera, faces, clock, engine
        self.memory_mb = engine.memory_mb
        self._deliver, self._report = deliver, report
        self._state = ""  # last reported: back | lost
        self._told = False  # what it saw, since it was lost
        self._worked = False  # it was back since the last pause
        self.pid: int | None = None  # of the child, while there is one

    async def run(self, beat: Beat) -> None:
        """Until cancelled; the child ends with it."""
        delay_s = BACKOFF_S
        while True:
            beat()
            self._forget()
            try:
                await self._follow(beat)
            except TooLarge as large:
                logger.warning("%s is started anew: its process has grown to %d MB", self.camera.name, large.mb)
                self._told = True  # its tracks begin from one again
                continue
            except DeviceUnavailable as error:
                if self._worked:
                    delay_s, self._worked = BACKOFF_S, False
                why = error.sentence
                self._note(CameraState("lost", str(why), why.code, why.fields))
                self._forget()
            await asyncio.sleep(random.uniform(delay_s / 2, delay_s))
            delay_s = min(delay_s * 2, BACKOFF_AT_MOST_S)

    async def _follow(self, beat: Beat) -> None:
        """One life of the child. Raises DeviceUnavailable when it is over."""
        process = await self._start()
        self.pid, began_ms = process.pid, self.clock.now().up_ms
        try:
            assert process.stdin is not None
            self.brief(process.stdin)
            within_s, pace = START_WITHIN_S, Pace(self.messages_at_most)
            while True:
                detection = await self._next(process, within_s)
                beat()
                if pace.too_fast():
                    raise self._failed("cameras.child_nonsense", why=f"{pace.count} messages in {PACE_S:.0f} s")
                await asyncio.sleep(0)  # what waits in the pipe is no reason that a door waits
                if isinstance(detection, CameraState):
                    within_s = SILENT_AT_MOST_S
                    if (mb := self.memory_of(process.pid)) > self.memory_mb:
                        if self.clock.now().up_ms - began_ms < LIVES_AT_LEAST_MS:  # it would go on for ever
                            raise self._failed("cameras.child_large", mb=mb, allowed=self.memory_mb)
                        raise TooLarge(mb)
                    self._note(detection)
                else:
                    self._told = True
                    await self.hear(detection)
        finally:
            self.pid = None
            self.gone()
            await _end(process)

    async def _start(self) -> Process:
        """One child after another: starting one holds the whole loop up for some ms."""
        async with _turn():
            await asyncio.sleep(START_GAP_S)
            try:
                return await asyncio.create_subprocess_exec(
                    sys.executable, "-m", self.child or CHILD, stdin=PIPE, stdout=PIPE
                )
            except OSError as error:
                raise self._failed("cameras.child_not_started", why=error.strerror) from error

    def brief(self, pipe: asyncio.StreamWriter) -> None:
        """Tell the child its job."""
        pipe.write(msgspec.json.encode(VisionJob(self.camera, self.faces, self.engine)) + b"\n")
        pipe.close()

    def memory_of(self, pid: int) -> float:
        """MB that count against `memory_mb`."""
        return resident_mb(pid)

    async def hear(self, said: Any) -> None:
        """Anything but the camera's state."""
        self._deliver(self.camera.name, said)

    def gone(self) -> None:
        """This child has ended."""

    async def _next(self, process: Process, within_s: float) -> Any:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                size = int.from_bytes(await process.stdout.readexactly(4), "big")
                if not 0 < size <= self.most:
                    raise self._failed("cameras.child_nonsense", why=f"{size} bytes")
                return self.said.decode(await process.stdout.readexactly(size))
        except TimeoutError:
            raise self._failed("cameras.child_silent", s=within_s) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise self._failed("cameras.child_ended", status=await _status(process)) from None
        except msgspec.MsgspecError as error:
            raise self._failed("cameras.child_nonsense", why=error) from error

    def _failed(self, code: str, **fields: Any) -> DeviceUnavailable:
        return DeviceUnavailable(code, camera=self.camera.name, **fields)

    def _forget(self) -> None:
        """What a child told that has ended belongs to nobody, also when the camera was lost before it told it."""
        if self._told:
            self._told = False
            self._deliver(self.camera.name, CameraState("lost", "started anew"))

    def _note(self, state: CameraState) -> None:
        """Hand on changes of the camera's state; repetitions are only signs of life."""
        if state.state == "waiting":
            return
        detail = told(state.code, **state.given) if state.code else state.detail
        report = DeviceReport(self.camera.name, "camera", state.state, detail, self.clock.now().up_ms)
        if state.state == "degraded":
            self._report(report)
            return
        now = "lost" if state.state == "lost" else "back"
        if now == self._state:
            return
        self._state = now
        self._worked |= now == "back"
        self._told &= now != "lost"
        self._deliver(self.camera.name, state)
        self._report(msgspec.structs.replace(report, state=now))


class Pace:
    """How many messages have come in this `PACE_S`; `most` None: any number may."""

    def __init__(self, most: int | None) -> None:
        self.count = 0
        self._most, self._since = most, time.monotonic()

    def too_fast(self) -> bool:
        """One more has come."""
        now = time.monotonic()
        if now - self._since >= PACE_S:
            self._since, self.count = now, 0
        self.count += 1
        return self._most is not None and self.count > self._most


def _turn() -> asyncio.Semaphore:
    """Whose turn it is to start a child, in this loop."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(1))


async def _status(process: Process) -> str:
    """How it ended, once its pipe is closed; a dash when only its pipe did."""
    try:
        async with asyncio.timeout(1.0):
            return str(await process.wait())
    except TimeoutError:
        return "–"


async def _end(process: Process) -> None:
    """Kill and reap it, also when cancelled meanwhile. Nothing is lost with a killed child: it keeps nothing."""
    if process.returncode is None:
        process.kill()
    reaped = asyncio.ensure_future(_reap(process))
    try:
        await asyncio.shield(reaped)
    except asyncio.CancelledError:
        await reaped
        raise


async def _reap(process: Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65_536):
        pass
    await process.wait()
