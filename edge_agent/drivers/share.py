"""The child that has a camera of this machine (V4L2) to itself, seen from the daemon. Those who look at the camera say
what is wrong with it: they are told by that child.
"""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from edge_agent import log
from edge_agent.drivers.camera import CameraWorker
from edge_agent.model.detections import CameraState
from edge_agent.model.doors import DeviceReport
from edge_agent.model.recording import ShareJob
from edge_agent.model.site import Camera, FacePolicy
from edge_agent.ports import Clock

MEMORY_MB = 200  # resident, beside the driver's buffers
BUFFERS, BYTES_A_PX = (
    32,
    2,
)  # as many as FFmpeg asks for and gets; of a raw picture, and what drivers reserve for a JPEG

logger = log.get("drivers.share")


class ShareWorker(CameraWorker):
    child = "edge_agent.vision.share"
    said = msgspec.msgpack.Decoder(CameraState)

    def __init__(self, camera: Camera, url: str, size: tuple[int, int], socket: Path, clock: Clock) -> None:
        super().__init__(camera, FacePolicy(), clock, _nobody, _note)
        width, height = size
        self.memory_mb = MEMORY_MB + (BUFFERS * BYTES_A_PX * width * height >> 20)
        self._job = ShareJob(camera.name, url, camera.fps, str(socket))

    def brief(self, pipe: asyncio.StreamWriter) -> None:
        pipe.write(msgspec.json.encode(self._job) + b"\n")
        pipe.close()


def _nobody(_camera: str, _said: Any) -> None:
    return


def _note(report: DeviceReport) -> None:
    logger.info("%s is %s %s", report.device, report.state, report.detail)
