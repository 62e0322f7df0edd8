"""Evidence: what the media of one event are, who vouches for them, and what is remembered of them."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, structs

from edge_agent.model.clock import Moment
from edge_agent.model.encoding import canonical
from edge_agent.model.patterns import whole
from edge_agent.model.recording import Stream
from edge_agent.model.sightings import Sighting

UNNAMED = "unnamed"  # a disk of which nobody knows the name

Sha256 = Annotated[str, Meta(pattern=whole(r"[0-9a-f]{64}"))]
Name = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"))]


class Time(msgspec.Struct, frozen=True):
    """What the gateway's clock was worth: `wall_ms` at uptime `up_ms` of boot `boot_id`, within `err_ms` (synced,
    holdover, unset).
    """

    wall_ms: int
    up_ms: int
    boot_id: str
    clock: str
    err_ms: int

    @classmethod
    def of(cls, now: Moment) -> "Time":
        return cls(now.wall_ms, now.up_ms, now.boot_id, str(now.state), now.err_ms)


class Exhibit(msgspec.Struct, frozen=True, tag="exhibit"):
    """One piece of evidence, as the journal remembers it. `manifest`: SHA-256 of the signed manifest; `size`: bytes on
    the disk; `held`: nobody erases it; `erased`: it is not there any more, and not remembered; `kept`: when, by which
    clock (None: an earlier version did not say); `disk`: the name of the one that it lies on.
    """

    evidence: str
    camera: str
    alert: str
    manifest: str
    previous: str
    number: int  # in the chain
    kept_ms: int
    size: int
    from_ms: int = 0  # Unix ms, as the gateway believed when it was kept
    to_ms: int = 0
    held: str = ""  # who hold it, a line each
    erased: bool = False
    kept: Time | None = None
    disk: str = UNNAMED

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(self.held.splitlines())

    def hold(self, *by: str) -> "Exhibit":
        """Held by these, and nobody else."""
        return structs.replace(self, held="\n".join(by))

    def gone(self) -> "Exhibit":
        return structs.replace(self, erased=True)

    def dated(self, kept: Time) -> "Exhibit":
        """It is known better when it was kept, and so when it was recorded."""
        later_ms = kept.wall_ms - self.kept_ms
        return structs.replace(
            self, kept=kept, kept_ms=kept.wall_ms, from_ms=self.from_ms + later_ms, to_ms=self.to_ms + later_ms
        )


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What evidence is kept of, in uptimes. `source`: the stream's URL without user and password; `alert`: its id, or
    door/<door>/<event> for what a door did; `level`: the alert's; `asked`: when, by which clock (None: an earlier
    version did not say).
    """

    camera: str
    source: str
    alert: str
    kind: str
    rule: str = ""
    door: str = ""
    level: str = "alarm"
    from_ms: int
    to_ms: int
    asked: Time | None = None

    def until(self, to_ms: int) -> "About":
        return structs.replace(self, to_ms=to_ms)

    def encode(self) -> bytes:
        return canonical(self)


def read_about(raw: bytes) -> About | None:
    """None when it is none."""
    try:
        return msgspec.json.decode(raw, type=About)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def track_file(sightings: Sequence[Sighting]) -> bytes:
    """What the analysis saw, sighting by sighting, as JSON."""
    return msgspec.json.encode(sightings)


class File(msgspec.Struct, frozen=True):
    name: Name
    size: int
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway signs. `source`: the camera's URL without user and password; `stream`: over the codec's own
    units, so that another container can be told from another video; `previous`: SHA-256 of the manifest before; `code`
    and `given`: `why` for who says it in another language (words/).
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
    code: str = ""
    given: dict[str, str | int | float] = {}

    def fields(self) -> dict[str, Any]:
        """As plain data, to be signed."""
        return dict(msgspec.to_builtins(self))

    def exhibit(self, sha256: str, number: int, size: int, disk: str) -> Exhibit:
        """What is remembered of it. `sha256` of the signed bytes, `number` in the chain, `size` on `disk`."""
        offset_ms = self.time.wall_ms - self.time.up_ms
        began, ended = self.asked_from_ms, self.asked_to_ms
        if self.stream is not None:
            began, ended = self.stream.from_ms, self.stream.to_ms
        return Exhibit(
            self.evidence, self.camera, self.alert, sha256, self.previous, number, self.time.wall_ms, size,
            offset_ms + began, offset_ms + ended, kept=self.time, disk=disk,
        )  # fmt: skip
