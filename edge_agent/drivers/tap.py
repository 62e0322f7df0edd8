"""Listening on a line: what arrives, in pieces as the device sent them, with the time of each. Nothing is sent."""

import select
import time
from collections.abc import Iterator

from edge_agent.drivers.link import Port
from edge_agent.errors import FrameError
from edge_agent.protocols.capture import Chunk
from edge_agent.protocols.codec import Decoder, Message

GAP_S = 0.02  # longer than the pause between two bytes at 600 baud, shorter than between two messages
_PIECE_AT_MOST = 4096


def listen(port: Port, for_s: float | None = None, gap_s: float = GAP_S) -> Iterator[Chunk]:
    """Pieces with their time since now, for `for_s` or for ever. Blocks. Raises DeviceUnavailable."""
    begun = time.monotonic()
    end = None if for_s is None else begun + for_s
    held, first = bytearray(), 0.0
    while True:
        now = time.monotonic()
        if end is not None and now >= end:
            break
        wait = gap_s if held else 1.0
        ready, _, _ = select.select([port], [], [], wait if end is None else min(wait, end - now))
        if ready and (data := port.read()):
            first = first if held else time.monotonic()
            held += data
            if len(held) < _PIECE_AT_MOST:
                continue
        if held:
            yield Chunk(first - begun, bytes(held))
            held.clear()
    if held:
        yield Chunk(first - begun, bytes(held))


def gap_of(decoder: Decoder | None) -> float:
    """How long a silence ends a piece, in seconds: what the framing calls one, where it does."""
    return max(GAP_S, decoder.gap_ms / 1000) if decoder and decoder.gap_ms is not None else GAP_S


def decoded(decoder: Decoder, piece: bytes) -> list[Message | FrameError]:
    """A piece and the silence behind it, where the framing makes something of silence."""
    out = decoder.feed(piece)
    return out if decoder.gap_ms is None else out + decoder.idle()
