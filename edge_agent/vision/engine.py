"""One interface for all face engines: find, align, judge, embed, and whether it is alive. Nothing here knows a gallery.

An engine is loaded once a child. What it finds carries whatever it needs to align the face again (`points`).
"""

from typing import Any, Protocol

import msgspec

from edge_agent.model.face_models import EngineSpec
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy
from edge_agent.vision.frames import Image
from edge_agent.vision.track import Box

Part = tuple[int, int, int, int]  # left, top, right, bottom in px, inside the frame


class Found(msgspec.Struct, frozen=True):
    box: Box
    score: float  # of the detector; larger is surer
    points: tuple[tuple[float, float], ...] = ()  # eyes, nose, corners of the mouth, where the detector gives them


class Quality(msgspec.Struct, frozen=True):
    """`reason`: too_small, edge_clipped, not_frontal, dark, bright, blurred; None when the face is good enough."""

    reason: str | None
    value: float  # 0..1
    sharpness: float


class Engine(Protocol):
    model: str

    def find(self, rgb: Image, min_face_px: int, part: Part | None = None) -> list[Found]: ...
    def align(self, rgb: Image, found: Found) -> Any: ...
    def nose(self, landmarks: Any) -> float: ...  # its place between the eyes (quality.nose_place)
    def judge(self, rgb: Image, box: Box, landmarks: Any, policy: FacePolicy) -> Quality: ...
    def embed(self, rgb: Image, landmarks: Any) -> bytes: ...
    def same(self, one: bytes, other: bytes) -> bool: ...
    def liveness(self, rgb: Image, box: Box) -> Liveness: ...


def open_engine(spec: EngineSpec) -> Engine:
    """Load it. Raises FaceError when a file is missing, altered or not what its manifest says."""
    if spec.engine == "dlib":
        from edge_agent.vision.faces import DlibEngine

        return DlibEngine()
    from edge_agent.vision.onnx_engine import OnnxEngine

    return OnnxEngine(spec)
