"""Evidence: what the media of one event are, who vouches for them, and what is remembered of them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from edge_agent.model.recording import Stream

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]


class Exhibit(msgspec.Struct, frozen=True, tag="exhibit"):
    """One piece of evidence, as the journal remembers it. `manifest`: SHA-256 of the signed manifest; `size`: bytes on
    the disk; `held`: nobody erases it; `erased`: it is not there any more, and not remembered.
    """

    evidence: str
    camera: str
    alert: str
    manifest: str
    previous: str
    kept_ms: int
    size: int
    held: str = ""  # who holds it
    erased: bool = False


class File(msgspec.Struct, frozen=True):
    name: Name
    size: int
    sha256: Sha256


class Time(msgspec.Struct, frozen=True):
    """What the gateway's clock was worth: `wall_ms` at uptime `up_ms` of boot `boot_id`, within `err_ms` (synced,
    holdover, unset).
    """

    wall_ms: int
    up_ms: int
    boot_id: str
    clock: str
    err_ms: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway signs. `source`: the camera's URL without user and password; `stream`: over the codec's own
    units, so that another container can be told from another video; `previous`: SHA-256 of the manifest before.
    """

    version: int = 1
    evidence: Name
    gateway: str
    agent: str
    config: str
    camera: str
    source: str
    alert: str
    kind: str
    rule: str = ""
    asked_from_ms: int  # uptimes
    asked_to_ms: int
    time: Time
    files: tuple[File, ...]
    stream: Stream | None
    complete: bool = True
    why: str = ""
    previous: str = ""
