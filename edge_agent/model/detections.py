"""What the vision child sends to the daemon: length-prefixed msgpack of these (docs/decisions/0004)."""

import msgspec

from edge_agent.model.face_models import DLIB, EngineSpec, Manifest
from edge_agent.model.reads import Liveness
from edge_agent.model.sightings import Sighting
from edge_agent.model.site import Camera, Facade, FacePolicy, Line, Zone


class VisionJob(msgspec.Struct, frozen=True):
    """What the child is told, as one line of JSON on its stdin, before anything else."""

    camera: Camera
    faces: FacePolicy
    engine: EngineSpec = DLIB


class FaceSample(msgspec.Struct, frozen=True, tag="face"):
    """One good frame of one face. No name, no image: the embedding is matched in the daemon and dropped there.

    `up_ms`: gateway uptime at which the frame was captured; `box`: x, y, width, height in px of the full frame;
    `quality`: 0..1; `embedding`: little-endian float32 as the engine gives it (dlib's are not of unit length, and its
    usual distances hold for them as they are); `model`: which engine made it, distances are comparable within one.
    """

    track: int
    up_ms: int
    box: tuple[int, int, int, int]
    quality: float
    liveness: Liveness
    embedding: bytes
    model: str


class TrackEnded(msgspec.Struct, frozen=True, tag="track_ended"):
    """The face left the picture; `reason` says why no good frame came, if none did (too_small, blurred, …)."""

    track: int
    up_ms: int
    samples: int
    reason: str | None = None


class FaceRefused(msgspec.Struct, frozen=True, tag="face_refused"):
    """A face stands there and no frame of it is good enough: what the person can do about it.

    `reason`: too_small, edge_clipped, not_frontal, dark, bright, blurred, crowded.
    """

    track: int
    up_ms: int
    reason: str


class CameraState(msgspec.Struct, frozen=True, tag="camera"):
    """`state`: waiting (no picture yet; a sign of life only), ready (engine loaded, frames arriving), lost (no frames),
    back; and degraded, once, when frames come but not as they should. `detail`: why, in English; `code` and `given`:
    the same for who says it in another language (words/).
    """

    state: str
    detail: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}


Detection = FaceSample | FaceRefused | TrackEnded | CameraState


class SentryJob(msgspec.Struct, frozen=True):
    """What the child that watches for alerts is told, in the same way."""

    camera: Camera
    facades: tuple[Facade, ...] = ()
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    detector: Manifest | None = None  # of people and things, in `models`
    models: str = ""


GLIMPSE_MOST_BYTES = 60_000


class Glimpse(msgspec.Struct, frozen=True, tag="glimpse"):
    """What a camera with `wall` in its `use` sees now: a JPEG, masks blackened, of GLIMPSE_MOST_BYTES at most. It stays
    in memory until the next one. `up_ms`: gateway uptime at which the frame was captured.
    """

    jpeg: bytes
    up_ms: int


class Unwatched(msgspec.Struct, frozen=True, tag="unwatched"):
    """Something this camera was to be watched for, and cannot be: what the reason is said with, in any language."""

    code: str
    fields: dict[str, str | int | float] = {}


class Outlook(msgspec.Struct, frozen=True, tag="outlook"):
    """A camera's watch begins, or begins anew with a picture of another shape: without these."""

    unwatched: tuple[Unwatched, ...] = ()


Watched = Sighting | CameraState | Glimpse | Outlook
