"""Frames between marks, up to an end mark, or up to a silence."""

from typing import Literal

from edge_agent.errors import FrameError
from edge_agent.model.framing import Checksum, Delimited
from edge_agent.protocols.checksum import Seal

_CR, _LF = 0x0D, 0x0A


def end_bytes(end: int | Literal["crlf", "line"]) -> bytes:
    """What is sent at the end of a frame."""
    return bytes((end,)) if isinstance(end, int) else b"\r\n"


class DelimitedFramer:
    """`start` payload checksum `end`. Start and end bytes do not occur in payloads, but they may in the checksum."""

    def __init__(self, framing: Delimited, checksum: Checksum) -> None:
        assert framing.start is not None
        self.gap_ms = framing.gap_ms
        self._start, self._max_len = framing.start, framing.max_len
        self._ends = {"crlf": b"\r", "line": b"\r\n"}.get(str(framing.end)) or end_bytes(framing.end)
        self._between = b"" if isinstance(framing.end, int) else b"\r\n"  # no noise between two frames
        self._marks = bytes((framing.start,)) + self._ends
        self._seal = Seal(checksum)
        self._held = bytearray()  # empty, or a frame begun: its first byte is `start`

    @property
    def held(self) -> int:
        return len(self._held)

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

    def idle(self) -> list[bytes | FrameError]:
        if self.gap_ms is None or not self._held:
            return []
        count = len(self._held)
        self._held.clear()
        return [FrameError("devices.frame_cut", count=count)]

    def _step(self) -> tuple[int, bytes | FrameError | None] | None:
        """How many bytes are dealt with, and what they were; None when more bytes are needed."""
        held = self._held
        if held[0] != self._start:
            noise = held.find(self._start)
            noise = len(held) if noise < 0 else noise
            heard = held[:noise].strip(self._between)
            return noise, FrameError("devices.frame_noise", count=noise) if heard else None
        places = [place for mark in self._marks if (place := held.find(mark, 1)) >= 0]
        mark = min(places, default=None)
        if mark is None or mark > self._max_len + 1:
            if len(held) <= self._max_len + 1:
                return None
            taken = len(held) if mark is None else mark + (held[mark] in self._ends)
            return taken, FrameError("devices.frame_too_long", limit=self._max_len)
        return self._close(mark)

    def _close(self, mark: int) -> tuple[int, bytes | FrameError | None] | None:
        """`mark` is the first byte that looks like start or end: the frame ends here, or up to a checksum later."""
        held, size = self._held, self._seal.size
        for last in range(mark, mark + size + 1):
            body_end = last - size
            if body_end <= 1:
                continue
            due = self._seal.of(bytes(held[0 if self._seal.over == "frame" else 1 : body_end]))
            seen = bytes(held[body_end : last + 1])
            if len(seen) > size and seen[:size] == due and seen[size] in self._ends:
                return last + 1, bytes(held[1:body_end])
            if len(seen) <= size and due.startswith(seen) and last > mark:
                return None
        if held[mark] == self._start:
            return mark, FrameError("devices.frame_cut", count=mark)
        return mark + 1, FrameError("devices.frame_checksum", count=mark + 1)


class OpenFramer:
    """What comes up to an end mark or, with `gap_ms`, up to a silence. Without `end` only silence ends a frame."""

    def __init__(
        self,
        end: int | Literal["crlf", "line"] | None,
        max_len: int,
        gap_ms: int | None,
        ignore: tuple[str, ...],
        checksum: Checksum,
    ) -> None:
        self.gap_ms = gap_ms
        self._ends: tuple[bytes, ...] = ()
        if end is not None:
            self._ends = (b"\r", b"\n") if end == "line" else (end_bytes(end),)
        self._ignore = tuple(bytes.fromhex(text) for text in ignore)
        self._limit, self._max_len = max_len + sum(map(len, self._ignore)), max_len
        self._seal = Seal(checksum)
        self._held = bytearray()
        self._lost = False  # this frame was too long: everything is dropped up to its end

    @property
    def held(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes | FrameError]:
        out: list[bytes | FrameError] = []
        self._held += data
        while (found := self._end()) is not None:
            at, size = found
            frame = bytes(self._held[:at])
            del self._held[: at + size]
            out += self._whole(frame)
        longest_end = max(map(len, self._ends), default=0)
        if len(self._held) > self._limit + max(0, longest_end - 1):
            if not self._lost:
                out.append(FrameError("devices.frame_too_long", limit=self._max_len))
            self._lost = True
            del self._held[: len(self._held) - max(0, longest_end - 1)]  # a mark may have begun
        return out

    def idle(self) -> list[bytes | FrameError]:
        if self.gap_ms is None:
            return []
        frame = bytes(self._held)
        self._held.clear()
        return self._whole(frame)

    def _end(self) -> tuple[int, int] | None:
        """Where the first end mark is, and its length."""
        places = [(at, len(mark)) for mark in self._ends if (at := self._held.find(mark)) >= 0]
        return min(places, default=None)

    def _whole(self, frame: bytes) -> list[bytes | FrameError]:
        if self._lost:
            self._lost = False
            return []
        while waste := next((waste for waste in self._ignore if frame.startswith(waste)), None):
            frame = frame[len(waste) :]
        if not frame:
            return []
        if len(frame) > self._max_len:
            return [FrameError("devices.frame_too_long", limit=self._max_len)]
        payload, seen = frame[: len(frame) - self._seal.size], frame[len(frame) - self._seal.size :]
        if self._seal.size and (not payload or self._seal.of(payload) != seen):
            return [FrameError("devices.frame_checksum", count=len(frame))]
        return [payload]
