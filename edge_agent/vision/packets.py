"""Packets of a stream to pictures; one that is damaged costs itself, not what comes behind it."""

import time
from collections.abc import Callable, Iterator

import av
import av.container
import av.error

from edge_agent.errors import DeviceUnavailable

BROKEN_AT_MOST = 100  # packets in a row that do not decode; then the stream is no good


def own(packet: "av.Packet[av.VideoStream]") -> "av.Packet[av.VideoStream]":
    """A picture of a device lies in the driver's memory, which is gone when the device is closed."""
    copy: av.Packet[av.VideoStream] = av.Packet(bytes(packet))  # type: ignore[assignment]
    copy.stream, copy.time_base, copy.pts, copy.dts = packet.stream, packet.time_base, packet.pts, packet.dts
    copy.is_keyframe = packet.is_keyframe
    return copy


def video_of(container: av.container.InputContainer) -> av.VideoStream:
    """Its first video. Raises DeviceUnavailable when there is none, or none that can be decoded here."""
    if not container.streams.video:
        raise DeviceUnavailable("cameras.no_video")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise DeviceUnavailable("cameras.codec")
    return stream


def packets_of(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    patience_s: float | None,
    now: Callable[[], float] = time.monotonic,
) -> "Iterator[av.Packet[av.VideoStream]]":
    """The packets of `stream`. Raises DeviceUnavailable when others go on (sound) and it sends none for `patience_s`:
    the reader waits for any packet, and would never know.
    """
    if patience_s is None or len(container.streams) < 2:
        yield from container.demux(stream)
        return
    came = now()
    for packet in container.demux():
        at = now()
        if packet.stream.index == stream.index:  # the packets that end a stream have no `stream_index`
            came = at
            yield packet  # type: ignore[misc]
        elif at - came > patience_s:
            raise DeviceUnavailable("cameras.silent")


class Pictures:
    """The pictures of `stream`, of a live camera (with its `patience_s`) and of a recording alike. `broken`: packets
    that did not decode.
    """

    def __init__(
        self, container: av.container.InputContainer, stream: av.VideoStream, patience_s: float | None = None
    ) -> None:
        self.broken = 0
        self._container, self._stream, self._patience_s = container, stream, patience_s

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Raises one of decode.UNREADABLE, av.error.InvalidDataError after BROKEN_AT_MOST broken packets in a row."""
        context = self._stream.codec_context
        context.thread_count = 1
        in_a_row, raw = 0, context.name == "rawvideo"
        for packet in packets_of(self._container, self._stream, self._patience_s):
            try:
                frames = (own(packet) if raw else packet).decode()
            except av.error.InvalidDataError:
                self.broken, in_a_row = self.broken + 1, in_a_row + 1
                if in_a_row > BROKEN_AT_MOST:
                    raise
                continue
            in_a_row = 0
            yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))
