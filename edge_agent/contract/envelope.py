"""A journal row as a CloudEvents 1.0 message in structured JSON, and back.

Structured JSON is the only CloudEvents form that is legal on MQTT 3.1.1 as well and survives bridges. `data` holds the
journal's own bytes: whoever has (prev, data, sequence) can recompute the row's hash and check the chain.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.contract.topics import GATEWAY
from edge_agent.errors import EdgeAgentError
from edge_agent.model.encoding import canonical
from edge_agent.model.events import Event, Row, UnknownEvent, decode_event
from edge_agent.model.patterns import whole

ENVELOPE_MAX_BYTES = 65_536  # an event is 4 kB at most; anything beyond this is no event
LAST_SEQ = 2**63 - 1
_END_OF_TIME_MS = 253_402_300_799_999  # 9999-12-31, the last instant ISO 8601 can write with four digits
_UNIX = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC; without a zone it is written four times as fast
_SEQUENCE = re.compile(rb'"sequence":\s?"(\d{20})"')
_EPOCH = re.compile(rb'"epoch":\s?"([0-9a-f]{32})"')

# `$` also matches before a newline at the end, hence the lengths beside the patterns.
Milliseconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class EnvelopeError(EdgeAgentError):
    """A payload that is no event of this gateway. `at`: the field; `why`: what is wrong with it."""

    def __init__(self, at: str, why: str) -> None:
        super().__init__("uplink.envelope", at=at, why=why)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One event on the wire. `upms`, `clkerr` in ms; `prev` is the hash of the row before it, 64 hex digits."""

    specversion: Literal["1.0"] = "1.0"
    type: Annotated[str, Meta(pattern=whole(r"city\.[a-z0-9_]+\.[a-z0-9_]+\.v1"), max_length=128)]
    source: Annotated[str, Meta(pattern=whole(rf"urn:sc:gw:{GATEWAY}"))]
    id: Annotated[str, Meta(pattern=whole(r"[0-9a-f]{32}-[0-9]{20}"), max_length=53)]
    subject: Annotated[str, Meta(min_length=1, max_length=256)]
    time: Annotated[str, Meta(pattern=whole(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), max_length=24)]
    dataschema: Annotated[str, Meta(pattern=whole(r"urn:sc:schema:[a-z0-9_.]+:\d+"), max_length=128)]
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Annotated[str, Meta(pattern=whole(r"[0-9]{20}"), max_length=20)]
    epoch: Annotated[str, Meta(pattern=whole(r"[0-9a-f]{32}"), max_length=32)]
    bootid: Annotated[str, Meta(pattern=whole(r"[0-9A-Za-z-]{1,64}"))]
    upms: Milliseconds
    clk: Literal["synced", "holdover", "unset"]
    clkerr: Milliseconds
    hist: bool
    prev: Annotated[str, Meta(pattern=whole(r"[0-9a-f]{64}"), max_length=64)]
    data: msgspec.Raw

    @property
    def seq(self) -> int:
        return int(self.sequence)

    @property
    def tag(self) -> str:
        return self.type.removeprefix("city.").removesuffix(".v1")


_decoder = msgspec.json.Decoder(Envelope)


def source_of(gateway: str) -> str:
    return f"urn:sc:gw:{gateway}"


def schema_id(tag: str, minor: int = 0) -> str:
    return f"urn:sc:schema:{tag}:{minor}"


def genesis(epoch: str) -> bytes:
    """What stands for the hash of the row before the first one of a journal."""
    return hashlib.sha256(epoch.encode()).digest()


def chain_hash(prev: bytes, body: bytes, seq: int) -> bytes:
    return hashlib.sha256(prev + body + seq.to_bytes(8, "big")).digest()


def write_envelope(row: Row, gateway: str, historic: bool) -> bytes:
    """The message for `row`. A body that disk damage made unreadable is sent as it is: the city refuses it by name."""
    return canonical(
        Envelope(
            type=f"city.{row.tag}.v1",
            source=source_of(gateway),
            id=row.id,
            subject=_subject(row),
            time=iso_time(row.wall_ms),
            dataschema=schema_id(row.tag),
            sequence=f"{row.seq:020d}",
            epoch=row.epoch,
            bootid=row.boot_id,
            upms=row.up_ms,
            clk=row.clock,  # type: ignore[arg-type]
            clkerr=row.clock_err_ms,
            hist=historic,
            prev=row.prev.hex(),
            data=msgspec.Raw(row.body),
        )
    )


def read_envelope(payload: bytes, gateway: str) -> tuple[Envelope, Event | UnknownEvent, bytes]:
    """Check everything that can be checked about a message that arrived on `gateway`'s topic.

    Returns the envelope, its event, and the event's canonical bytes (what the journal hashed). Raises EnvelopeError.
    """
    if len(payload) > ENVELOPE_MAX_BYTES:
        raise EnvelopeError("$", f"{len(payload)} bytes, at most {ENVELOPE_MAX_BYTES} are allowed")
    try:
        envelope = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _translated(error, "$") from error
    if envelope.source != source_of(gateway):
        raise EnvelopeError("$.source", f"says {envelope.source} on the topic of {gateway}")
    if envelope.id != f"{envelope.epoch}-{envelope.sequence}":
        raise EnvelopeError("$.id", "is not epoch and sequence")
    if not 1 <= envelope.seq <= LAST_SEQ:
        raise EnvelopeError("$.sequence", "is out of range")
    event, body = _read_data(envelope)
    return envelope, event, body


def identity(payload: bytes) -> tuple[str, int] | None:
    """(epoch, seq) out of a message that is otherwise unreadable, so that it can be refused by name."""
    epochs, sequences = _EPOCH.findall(payload), _SEQUENCE.findall(payload)
    if not epochs or not sequences or not 1 <= int(sequences[-1]) <= LAST_SEQ:
        return None
    return epochs[-1].decode(), int(sequences[-1])


def iso_time(wall_ms: int) -> str:
    """Unix ms as `2026-05-04T07:01:12.345Z`."""
    bounded = min(max(wall_ms, 0), _END_OF_TIME_MS)
    return (_UNIX + timedelta(milliseconds=bounded)).isoformat(timespec="milliseconds") + "Z"


def _read_data(envelope: Envelope) -> tuple[Event | UnknownEvent, bytes]:
    try:
        data = msgspec.json.decode(bytes(envelope.data))
        if not isinstance(data, dict):
            raise EnvelopeError("$.data", "is not an object")
        body = canonical(data)
        return decode_event(envelope.tag, body), body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _translated(error, "$.data") from error


def _translated(error: Exception, root: str) -> EnvelopeError:
    """msgspec says `Expected `int`, got `str` - at `$.upms``: the place becomes `at`, the rest `why`."""
    if isinstance(error, RecursionError):
        return EnvelopeError(root, "is nested too deeply")
    why, _, place = str(error).partition(" - at `$")
    return EnvelopeError(root + place.rstrip("`"), why)


def _subject(row: Row) -> str:
    try:
        event = row.event
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "agent"
    return "agent" if isinstance(event, UnknownEvent) else event.subject
