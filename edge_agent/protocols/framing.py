"""Where a message begins and ends in a stream of bytes.

A framer never raises on what it is fed and never keeps more than one frame. Whatever is wrong comes out as a
FrameError in its place, and the next valid frames still come out: a line picks up noise, loses bytes, and starts in
the middle of a frame whenever somebody plugs it in. Silence is part of some framings; whoever owns the line measures
it and says so with `idle`.
"""

from typing import Protocol

from edge_agent.errors import EdgeAgentError, FrameError
from edge_agent.model.framing import Checksum, Delimited, Fixed, Frames, Idle, Nmea, Osdp, SyncLength
from edge_agent.protocols.blocks import BlockFramer, fixed, osdp, sync_length
from edge_agent.protocols.checksum import Seal
from edge_agent.protocols.delimited import DelimitedFramer, OpenFramer, end_bytes

_NMEA = Delimited(start=0x24, end="line", max_len=160)  # 82 by the standard; receivers with more decimals send more


class Framer(Protocol):
    @property
    def gap_ms(self) -> int | None:
        """The silence after which `idle` is to be called; None: never."""
        ...

    @property
    def held(self) -> int:
        """Bytes kept for a frame that is not whole yet."""
        ...

    def feed(self, data: bytes) -> list[bytes | FrameError]:
        """Take bytes as they come; returns the payloads they completed and the errors between them, in order."""
        ...

    def idle(self) -> list[bytes | FrameError]:
        """The line has been silent for `gap_ms`: what that completes or makes void."""
        ...


def framer_for(framing: object, checksum: Checksum) -> Framer:
    """Raises EdgeAgentError for a framing that is no stream of bytes."""
    match framing:
        case Delimited(start=None):
            return OpenFramer(framing.end, framing.max_len, framing.gap_ms, framing.ignore, checksum)
        case Delimited():
            return DelimitedFramer(framing, checksum)
        case Idle():
            return OpenFramer(None, framing.max_len, framing.gap_ms, framing.ignore, checksum)
        case SyncLength():
            return BlockFramer(sync_length(framing, checksum))
        case Fixed():
            return BlockFramer(fixed(framing, checksum))
        case Nmea():
            return DelimitedFramer(_NMEA, Checksum())
        case Osdp():
            return BlockFramer(osdp())
    raise EdgeAgentError("devices.no_frames", kind=type(framing).__name__.lower())


def wrap(framing: Frames, checksum: Checksum, payload: bytes) -> bytes | None:
    """The whole frame around `payload`; None when this framing cannot carry it."""
    seal = Seal(checksum)
    match framing:
        case Delimited():
            start = b"" if framing.start is None else bytes((framing.start,))
            end = end_bytes(framing.end)
            whole = framing.end == "crlf" and not start  # else each of its bytes ends a frame
            marks = [end] if whole else [bytes((mark,)) for mark in start + end]
            if any(mark in payload for mark in marks) or len(payload) + seal.size > framing.max_len:
                return None
            return start + payload + seal.of(start + payload if seal.over == "frame" else payload) + end
        case Idle():
            fits = payload and len(payload) + seal.size <= framing.max_len
            return payload + seal.of(payload) if fits else None
        case SyncLength():
            return _with_length(framing, seal, payload)
        case Fixed():
            head, end = bytes(framing.header), b"" if framing.end is None else bytes((framing.end,))
            frame = head + payload
            frame += seal.of(frame if seal.over == "frame" else payload) + end
            return frame if len(frame) == framing.length else None


def _with_length(framing: SyncLength, seal: Seal, payload: bytes) -> bytes | None:
    head, before, rest = bytes(framing.header), payload[: framing.length_at], payload[framing.length_at :]
    end = b"" if framing.end is None else bytes((framing.end,))
    count = len(rest)
    if framing.counts != "payload":
        count += seal.size + len(end)
    if framing.counts == "frame":
        count += len(head) + len(before) + framing.length_size
    too_long = len(payload) + seal.size > framing.max_len or count >= 1 << 8 * framing.length_size
    if too_long or len(before) < framing.length_at:
        return None
    body = before + count.to_bytes(framing.length_size, framing.endian) + rest
    covered = {"payload": payload, "length": body, "frame": head + body}[seal.over]
    return head + body + seal.of(covered) + end
