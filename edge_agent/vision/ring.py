"""The seconds before the event: packets of a stream, kept as they came, and the clips that are cut from them.

Nothing is decoded and nothing encoded again. A clip begins at the key frame before its time and is written as
fragmented MP4: whatever of it has been written can be played. Bytes of the stream are not changed; its timestamps begin
at 0, and where they jump (the camera's clock was set) the time that passed here counts.
"""

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import av
import av.container

from edge_agent.model.recording import Stream
from edge_agent.vision.timeline import JUMP_MS
from edge_agent.vision.video_units import UnitHash

PIECE_BYTES = 48 << 10
BYTES_AT_MOST = 64 << 20  # of one camera, whatever it sends
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


class Kept(NamedTuple):
    """One packet. Times of the stream in its time base, None where it has none; `at_ms`: uptime."""

    data: bytes
    pts: int | None
    dts: int | None
    key: bool
    damaged: bool
    at_ms: int


class Ring:
    def __init__(self, keep_ms: int) -> None:
        self._keep_ms, self._bytes = keep_ms, 0
        self._packets: deque[Kept] = deque()

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, packet: Kept) -> None:
        """Keep it; whole groups of pictures leave at the other end, so long as enough remains."""
        self._packets.append(packet)
        self._bytes += len(packet.data)
        while (cut := self._first_group()) and (
            packet.at_ms - self._packets[cut].at_ms >= self._keep_ms or self._bytes > BYTES_AT_MOST
        ):
            for _ in range(cut):
                self._bytes -= len(self._packets.popleft().data)
        if self._bytes > BYTES_AT_MOST:  # one group alone is too much: there is no key frame to begin with
            self.clear()

    def clear(self) -> None:
        self._packets.clear()
        self._bytes = 0

    def since(self, from_ms: int) -> list[Kept]:
        """From the last key frame at or before `from_ms`, or the oldest there is."""
        packets = list(self._packets)
        keys = [index for index, packet in enumerate(packets) if packet.key]
        if not keys:
            return []
        early = [index for index in keys if packets[index].at_ms <= from_ms]
        return packets[(early or keys[:1])[-1] :]

    def _first_group(self) -> int:
        """How many packets the oldest group has; 0 while it is the only one."""
        return next((index for index, packet in enumerate(self._packets) if index and packet.key), 0)


class Clip:
    """One clip being written. `say` gets the bytes of the file, in order."""

    def __init__(self, template: av.VideoStream, say: Callable[[bytes], None], gap_ms: int) -> None:
        """`gap_ms`: longer without a picture is a hole. Raises av.error.FFmpegError or ValueError when this codec
        cannot be put into a file, as may the first `write`.
        """
        self._gap_ms, self._holes_ms = gap_ms, 0
        self._sink = _Sink(say)
        self._container = av.open(self._sink, "w", format="mp4", options=FRAGMENTED)
        self._stream = self._container.add_stream_from_template(template)
        self._time_base = template.time_base or Fraction(1, 90_000)
        context = template.codec_context
        self._codec, self._width, self._height = context.name, context.width, context.height
        self._units = UnitHash(context.name, context.extradata)
        self._base: int | None = None
        self._last_dts = -1
        self._before = 0, 0  # the packet before: its time in the stream, and its uptime in ms
        self._packets = self._lost = self._jumps = self._from_ms = self._to_ms = 0

    def write(self, kept: Kept) -> None:
        time = self._time(kept.dts if kept.dts is not None else kept.pts, kept.at_ms)
        if self._base is None:
            if not kept.key:
                return
            self._base, self._from_ms = time, kept.at_ms
        else:
            self._base += self._jump(time, kept.at_ms)
            passed_ms = kept.at_ms - self._before[1]
            self._holes_ms += passed_ms if passed_ms > self._gap_ms else 0
        self._before = time, kept.at_ms
        packet = av.Packet(kept.data)
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, self._time_base, kept.key
        packet.dts = self._last_dts = max(time - self._base, self._last_dts + 1)
        pts = self._time(kept.pts if kept.pts is not None else kept.dts, kept.at_ms) - self._base
        packet.pts = max(pts, packet.dts)
        self._container.mux(packet)
        self._units.add(kept.data)
        self._packets += 1
        self._lost += kept.damaged
        self._to_ms = max(self._to_ms, kept.at_ms)

    def close(self) -> Stream | None:
        """End the file; what is in it, None when nothing is."""
        self._container.close()
        self._sink.flush()
        if not self._packets:
            return None
        return Stream(
            codec=self._codec, width=self._width, height=self._height, packets=self._packets, lost=self._lost,
            from_ms=self._from_ms, to_ms=self._to_ms, sha256=self._units.hexdigest(), jumps=self._jumps,
            holes_ms=self._holes_ms,
        )  # fmt: skip

    def _jump(self, time: int, at_ms: int) -> int:
        """By how much the stream's clock jumped before this packet, in its time base; 0: it did not. The uptime's step
        is what the timeline believed; packets that come late all the same step by what passed in the picture.
        """
        before, before_ms = self._before
        passed_ms = at_ms - before_ms
        step_ms = (time - before) * self._time_base * 1000
        if 0 <= step_ms <= passed_ms + JUMP_MS:
            return 0
        jump = time - before - int(Fraction(passed_ms, 1000) / self._time_base)
        self._jumps += 1
        return jump

    def _time(self, stream_time: int | None, at_ms: int) -> int:
        return int(Fraction(at_ms, 1000) / self._time_base) if stream_time is None else stream_time


class _Sink:
    """A file that can only grow, as FFmpeg wants it."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self._say, self._waiting = say, bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) >= PIECE_BYTES:
            self._say(bytes(self._waiting[:PIECE_BYTES]))
            del self._waiting[:PIECE_BYTES]
        return len(data)

    def flush(self) -> None:
        if self._waiting:
            self._say(bytes(self._waiting))
            self._waiting.clear()
