"""Frames that say how long they are: a header and a length, or always the same length.

One physical fact to know: noise that looks like a header may announce a frame of 4 kB, and the device falls silent
long before that. Then two valid frames within what is waited for prove that the header was noise, and so does the
silence after them.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

from edge_agent.errors import FrameError
from edge_agent.model.framing import Checksum, Fixed, SyncLength
from edge_agent.protocols.checksum import Seal, crc16_ccitt_1d0f

_MORE, _NONE = 0, -1
_OVERLAPPING = 8  # valid frames that overlap: all but one are chance, more are not kept


class Form(NamedTuple):
    """`measure(bytes, at)`: the length of the frame there, _MORE bytes needed to know, or _NONE. `open`: its payload,
    None when the checksum is wrong. `filler`: bytes between two frames that are no noise.
    """

    header: bytes
    measure: Callable[[bytearray, int], int]
    open: Callable[[bytes], bytes | None]
    gap_ms: int | None = None
    filler: bytes = b""
    proven: bool = True  # has a checksum: a frame within a frame means something


def sync_length(framing: SyncLength, checksum: Checksum) -> Form:
    header, seal = bytes(framing.header), Seal(checksum)
    end = b"" if framing.end is None else bytes((framing.end,))
    place, size = len(header) + framing.length_at, framing.length_size
    least = place + size + seal.size + len(end)

    def measure(held: bytearray, at: int) -> int:
        if len(held) < at + place + size:
            return _MORE
        count = int.from_bytes(held[at + place : at + place + size], framing.endian)
        total = {"rest": place + size, "payload": least, "frame": 0}[framing.counts] + count
        payload = total - least + framing.length_at
        return total if least <= total and payload + seal.size <= framing.max_len else _NONE

    def open_(frame: bytes) -> bytes | None:
        body_end = len(frame) - seal.size - len(end)
        payload = frame[len(header) : place] + frame[place + size : body_end]
        covered = {"payload": payload, "length": frame[len(header) : body_end], "frame": frame[:body_end]}[seal.over]
        return payload if frame[body_end:] == seal.of(covered) + end else None

    return Form(header, measure, open_, framing.gap_ms, proven=seal.size > 0)


def fixed(framing: Fixed, checksum: Checksum) -> Form:
    header, seal = bytes(framing.header), Seal(checksum)
    end = b"" if framing.end is None else bytes((framing.end,))
    body_end = framing.length - seal.size - len(end)

    def open_(frame: bytes) -> bytes | None:
        payload = frame[len(header) : body_end]
        covered = frame[:body_end] if seal.over == "frame" else payload
        return payload if frame[body_end:] == seal.of(covered) + end else None

    return Form(header, lambda held, at: framing.length, open_, framing.gap_ms, proven=False)


def osdp() -> Form:
    """Whole OSDP frames in clear, for golden examples and captures; on a real bus libosdp does this.

    `53 ADDR LEN_L LEN_H CTRL … CRC_L CRC_H`, LEN from 53 to the last CRC byte (IEC 60839-11-5); FF goes before.
    """

    def measure(held: bytearray, at: int) -> int:
        if len(held) < at + 5:
            return _MORE
        length = int.from_bytes(held[at + 2 : at + 4], "little")
        return length if 8 <= length <= 1440 and held[at + 4] & 0x04 else _NONE

    def open_(frame: bytes) -> bytes | None:
        return frame[:-2] if crc16_ccitt_1d0f(frame[:-2]) == frame[-2:] else None

    return Form(b"\x53", measure, open_, filler=b"\xff")


class BlockFramer:
    def __init__(self, form: Form) -> None:
        self._form = form
        self.gap_ms = form.gap_ms
        self._held = bytearray()
        self._gone = 0  # bytes of the stream before `_held`; what follows counts from the stream's beginning
        self._looked = 1  # from here on nobody has looked for frames within the one that is waited for
        self._begun: list[tuple[int, int]] = []  # heap: (look again when so much is here, header found there)
        self._valid: list[tuple[int, int]] = []  # whole valid frames found there: (first byte, behind the last)

    @property
    def held(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes | FrameError]:
        out: list[bytes | FrameError] = []
        self._held += data
        while self._held and self._step(out):
            pass
        return out

    def idle(self) -> list[bytes | FrameError]:
        out: list[bytes | FrameError] = []
        if self.gap_ms is None:
            return out
        while self._held:
            if not self._step(out):
                count = len(self._held)
                self._take(self._next_header(1))
                out.append(FrameError("devices.frame_cut", count=count - len(self._held)))
        return out

    def _step(self, out: list[bytes | FrameError]) -> bool:
        """Deal with the first bytes held; False when more are needed."""
        first = self._next_header(0)
        if first:
            if self._held[:first].strip(self._form.filler):
                out.append(FrameError("devices.frame_noise", count=first))
            self._take(first)
            return True
        size = self._form.measure(self._held, 0) if len(self._held) >= len(self._form.header) else _MORE
        if size == _NONE:
            out.append(FrameError("devices.frame_noise", count=self._take(self._next_header(1))))
        elif size == _MORE or size > len(self._held):
            noise = self._ahead() if self._form.proven else 0
            if not noise:
                return False
            out.append(FrameError("devices.frame_noise", count=self._take(noise)))
        elif (payload := self._form.open(bytes(self._held[:size]))) is None:
            out.append(FrameError("devices.frame_checksum", count=self._take(self._next_header(1))))
        else:
            out.append(payload)
            self._take(size)
        return True

    def _next_header(self, start: int) -> int:
        """Where a header begins, or may begin in the last bytes; the end when there is none."""
        held, header = self._held, self._form.header
        found = held.find(header, start)
        if found >= 0:
            return found
        for size in range(min(len(header) - 1, len(held) - start), 0, -1):
            if held.endswith(header[:size]):
                return len(held) - size
        return len(held)

    def _take(self, count: int) -> int:
        del self._held[:count]
        self._gone += count
        self._looked = max(self._looked, self._gone + 1)
        return count

    def _ahead(self) -> int:
        """How many bytes are noise, known by two valid frames behind them; 0 while that is not so.

        Each header is measured when it is found and opened when its frame is whole: noise costs no more than frames.
        """
        held, header, here = self._held, self._form.header, self._gone + len(self._held)
        while (at := held.find(header, self._looked - self._gone)) >= 0:
            heappush(self._begun, (here, self._gone + at))
            self._looked = self._gone + at + 1
        self._looked = max(self._looked, here - len(header) + 1)
        again = []
        while self._begun and self._begun[0][0] <= here:
            _, start = heappop(self._begun)
            at = start - self._gone
            if at <= 0:
                continue
            size = self._form.measure(held, at)
            if size == _MORE or start + size > here:
                again.append((max(here + 1, start + size), start))
            elif size != _NONE and self._form.open(bytes(held[at : at + size])) is not None:
                self._valid = [*self._valid, (start, start + size)][-_OVERLAPPING:]
        for due in again:
            heappush(self._begun, due)
        self._valid = [one for one in self._valid if one[0] > self._gone]
        pairs = [one[0] for one in self._valid for two in self._valid if one[1] <= two[0]]
        return min(pairs) - self._gone if pairs else 0
