"""The child that has a camera of this machine (V4L2) to itself, seen from the daemon. Those who look at the camera say
what is wrong with it: they are told by that child.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from edge_agent import log
from edge_agent.drivers.camera import CameraWorker, resident_mb
from edge_agent.model.detections import CameraState
from edge_agent.model.doors import DeviceReport
from edge_agent.model.recording import ShareJob
from edge_agent.model.site import Camera, FacePolicy
from edge_agent.ports import Clock

MEMORY_MB = 200  # beside the driver's buffers, of which FFmpeg takes 32: 530 MB of raw 4K

logger = log.get("drivers.share")


class ShareWorker(CameraWorker):
    child = "edge_agent.vision.share"
    said = msgspec.msgpack.Decoder(CameraState)

    def __init__(self, camera: Camera, url: str, socket: Path, clock: Clock) -> None:
        super().__init__(camera, FacePolicy(), clock, _nobody, _note)
        self.memory_mb = MEMORY_MB
        self._job = ShareJob(camera.name, url, camera.fps, str(socket))

    def memory_of(self, pid: int) -> float:
        return resident_mb(pid, private=True)

    def brief(self, pipe: asyncio.StreamWriter) -> None:
        pipe.write(msgspec.json.encode(self._job) + b"\n")
        pipe.close()


def _nobody(_camera: str, _said: Any) -> None:
    return


def _note(report: DeviceReport) -> None:
    logger.info("%s is %s %s", report.device, report.state, report.detail)
