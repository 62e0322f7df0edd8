"""The recorder of a camera, seen from the daemon: a child process that keeps the last seconds, and says clips.

It is started again like any camera's child. What it was in the middle of is over then, and says so.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from edge_agent.drivers.camera import CameraWorker
from edge_agent.model.detections import CameraState
from edge_agent.model.doors import DeviceReport
from edge_agent.model.recording import ClipDone, Keep, Piece, Recorded, RecorderJob
from edge_agent.model.site import Camera, FacePolicy
from edge_agent.ports import Clock
from edge_agent.words import parts, told

MEMORY_MB = 320  # resident; about 60 without the packets
PIECE_AT_MOST = 64 << 10


class RecorderWorker(CameraWorker):
    """`take` gets pieces and ends of clips, one after the other: the next is read when it has returned."""

    child = "edge_agent.vision.recorder"
    said = msgspec.msgpack.Decoder(Recorded)
    most = PIECE_AT_MOST
    messages_at_most = None  # a clip begins with all that the ring holds; the next piece is read when this one is kept

    def __init__(
        self,
        camera: Camera,
        url: str,
        pre_s: float,
        clock: Clock,
        take: Callable[[Piece | ClipDone], Awaitable[None]],
        report: Callable[[DeviceReport], None],
    ) -> None:
        main = msgspec.structs.replace(camera, name=f"{camera.name}/main")  # a device of its own: it may be lost alone
        super().__init__(main, FacePolicy(), clock, lambda _name, _state: None, report)
        self.memory_mb = MEMORY_MB
        self._job, self._take = RecorderJob(camera.name, url, camera.fps, pre_s), take
        self._pipe: asyncio.StreamWriter | None = None
        self._going: set[str] = set()
        self._cut: list[str] = []

    def keep(self, order: Keep) -> bool:
        """Hand the order on; False when there is nobody to take it."""
        if self._pipe is None or self._pipe.is_closing():
            return False
        self._going.add(order.evidence)
        self._pipe.write(msgspec.json.encode(order) + b"\n")
        return True

    def brief(self, pipe: asyncio.StreamWriter) -> None:
        pipe.write(msgspec.json.encode(self._job) + b"\n")
        self._pipe = pipe

    async def hear(self, said: Piece | ClipDone | CameraState) -> None:
        await self._say_cut()
        if isinstance(said, ClipDone):
            self._going.discard(said.evidence)
        if not isinstance(said, CameraState):
            await self._take(said)

    def gone(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        self._cut += sorted(self._going)
        self._going.clear()

    async def look(self) -> None:
        """Say what ended with its child."""
        await self._say_cut()

    async def _say_cut(self) -> None:
        while self._cut:
            await self._take(ClipDone(self._cut.pop(), None, *parts(told("clip.recorder_cut"))))
