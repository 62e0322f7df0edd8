"""What the recorder of a camera is told, and what it says: clips of the main stream, as pieces of a file.

Orders are lines of JSON on its stdin; what it says is length-prefixed msgpack, as with the vision child (0004). It
keeps packets in memory alone, has no key and writes no file: whoever gets the pieces seals them.
"""

import msgspec

from edge_agent.model.detections import CameraState


class RecorderJob(msgspec.Struct, frozen=True):
    """The first line. `url` of the main stream; `pre_s`: how much is kept in memory for what may happen."""

    camera: str
    url: str
    fps: float
    pre_s: float


class ShareJob(msgspec.Struct, frozen=True):
    """What the child is told that has a camera of this machine to itself: its device (`url`), and the socket of those
    who look on.
    """

    camera: str
    url: str
    fps: float
    socket: str


class Keep(msgspec.Struct, frozen=True):
    """Send the clip `evidence`, of uptime `from_ms` (or the key frame before it) to `to_ms`. Again with a later
    `to_ms`: it goes on so long.
    """

    evidence: str
    from_ms: int
    to_ms: int


class Piece(msgspec.Struct, frozen=True, tag="piece"):
    """The next bytes of the file."""

    evidence: str
    data: bytes


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded: `sha256` over the codec's own units (video_units.py), which another container does not change.

    Uptimes in ms of its first and last frame. `lost`: packets the camera's stream said were damaged. `jumps`: how often
    its timestamps jumped; the file has the gateway's time there. `holes_ms`: in which seconds at a time nothing came.
    """

    codec: str
    width: int
    height: int
    packets: int
    lost: int
    from_ms: int
    to_ms: int
    sha256: str
    jumps: int = 0
    holes_ms: int = 0


class ClipDone(msgspec.Struct, frozen=True, tag="done"):
    """The file is complete. `stream` None: there is nothing in it; `why` part of it is missing, else empty, in English;
    `code` and `given`: the same for who says it in another language (words/). `to_ms`: what was ordered when it ended,
    0: nothing was; who ordered more since comes too late.
    """

    evidence: str
    stream: Stream | None
    why: str = ""
    code: str = ""
    given: dict[str, str | int | float] = {}
    to_ms: int = 0


Recorded = Piece | ClipDone | CameraState
