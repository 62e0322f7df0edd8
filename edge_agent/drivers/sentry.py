"""The child that watches a camera for alerts, seen from the daemon: started, followed, started again."""

import asyncio
from collections.abc import Callable

import msgspec

from edge_agent.drivers.camera import CameraWorker
from edge_agent.model.detections import Outlook, SentryJob, Watched
from edge_agent.model.doors import DeviceReport
from edge_agent.model.site import FacePolicy
from edge_agent.ports import Clock
from edge_agent.words import told

MEMORY_MB = 400  # resident; frames of 4K are 12 MB each


class SentryWorker(CameraWorker):
    child = "edge_agent.vision.sentry"
    said = msgspec.msgpack.Decoder(Watched)
    most = 64 << 10  # a fall with its whole path, a glimpse

    def __init__(
        self,
        job: SentryJob,
        clock: Clock,
        deliver: Callable[[str, Watched], None],
        report: Callable[[DeviceReport], None],
    ) -> None:
        super().__init__(job.camera, FacePolicy(), clock, deliver, report)
        self.memory_mb = MEMORY_MB
        self._job = job

    def brief(self, pipe: asyncio.StreamWriter) -> None:
        pipe.write(msgspec.json.encode(self._job) + b"\n")
        pipe.close()

    async def hear(self, said: Watched) -> None:
        if isinstance(said, Outlook):
            for one in said.unwatched:
                why = told(one.code, **one.fields)
                self._report(DeviceReport(self.camera.name, "camera", "degraded", why, self.clock.now().up_ms))
            self._deliver(self.camera.name, said)
        else:
            await super().hear(said)
