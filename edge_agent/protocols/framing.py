"""Where a message begins and ends in a stream of bytes.

A framer never raises on what it is fed and never keeps more than one frame. Whatever is wrong comes out as a
FrameError in its place, and the next valid frame still comes out: a line picks up noise, loses bytes, and starts in
the middle of a frame whenever somebody plugs it in.
"""

from typing import Protocol

from edge_agent.errors import FrameError
from edge_agent.model.profile import Delimited
from edge_agent.protocols.checksum import CHECKSUMS, SIZES, crc16_ccitt_1d0f


class Framer(Protocol):
    def feed(self, data: bytes) -> list[bytes | FrameError]:
        """Take bytes as they come; returns the payloads they completed and the errors between them, in order."""
        ...


class DelimitedFramer:
    """`start` payload checksum `end`. Start and end bytes do not occur in payloads, but they may in the checksum."""

    def __init__(self, framing: Delimited, checksum: str) -> None:
        self._start, self._end, self._max_len = framing.start, framing.end, framing.max_len
        self._sum, self._sum_size = CHECKSUMS[checksum], SIZES[checksum]
        self._marks = (framing.start, framing.end)
        self._held = bytearray()  # empty, or a frame begun: its first byte is `start`

    def feed(self, data: bytes) -> list[bytes | FrameError]:
        out: list[bytes | FrameError] = []
        self._held += data
        while self._held:
            step = self._step()
            if step is None:
                break
            taken, result = step
            del self._held[:taken]
            if result is not None:
                out.append(result)
        return out

    def _step(self) -> tuple[int, bytes | FrameError | None] | None:
        """How many bytes are dealt with, and what they were; None when more bytes are needed."""
        held = self._held
        if held[0] != self._start:
            noise = held.find(self._start)
            noise = len(held) if noise < 0 else noise
            return noise, FrameError("devices.frame_noise", count=noise)
        mark = next((i for i in range(1, len(held)) if held[i] in self._marks), None)
        if mark is None or mark > self._max_len + 1:
            if len(held) <= self._max_len + 1:
                return None
            taken = len(held) if mark is None else mark + (held[mark] == self._end)
            return taken, FrameError("devices.frame_too_long", limit=self._max_len)
        return self._close(mark)

    def _close(self, mark: int) -> tuple[int, bytes | FrameError | None] | None:
        """`mark` is the first byte that looks like start or end: the frame ends here, or up to a checksum later."""
        held, size = self._held, self._sum_size
        for last in range(mark, mark + size + 1):
            body_end = last - size
            if body_end <= 1:
                continue
            body = bytes(held[1:body_end])
            due = self._sum(body) + bytes((self._end,))
            seen = bytes(held[body_end : last + 1])
            if seen == due:
                return last + 1, body
            if len(seen) < len(due) and due.startswith(seen) and last > mark:
                return None
        if held[mark] == self._start:
            return mark, FrameError("devices.frame_cut", count=mark)
        return mark + 1, FrameError("devices.frame_checksum", count=mark + 1)


class OsdpFramer:
    """Whole OSDP frames in clear, for the golden examples of profiles; on a real bus libosdp does this.

    `53 ADDR LEN_L LEN_H CTRL … CRC_L CRC_H`, LEN from 53 to the last CRC byte (IEC 60839-11-5).
    """

    _MAX_LEN = 1440

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes | FrameError]:
        out: list[bytes | FrameError] = []
        self._held += data
        while True:
            noise = self._held.find(0x53)
            noise = len(self._held) if noise < 0 else noise
            if noise:
                if self._held[:noise].strip(b"\xff"):  # the mark before a frame is no noise
                    out.append(FrameError("devices.frame_noise", count=noise))
                del self._held[:noise]
            if len(self._held) < 5:
                return out
            length = int.from_bytes(self._held[2:4], "little")
            if not 8 <= length <= self._MAX_LEN or not self._held[4] & 0x04:
                out.append(FrameError("devices.frame_noise", count=1))
                del self._held[:1]
            elif len(self._held) < length:
                return out
            elif crc16_ccitt_1d0f(bytes(self._held[: length - 2])) != self._held[length - 2 : length]:
                out.append(FrameError("devices.frame_checksum", count=length))
                del self._held[:1]
            else:
                out.append(bytes(self._held[: length - 2]))
                del self._held[:length]
