"""Packets of a stream to pictures; one that is damaged costs itself, not what comes behind it."""

from collections.abc import Iterator

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


class Pictures:
    """The pictures of `stream`, of a live camera and of a recording alike. `broken`: packets that did not decode."""

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self.broken = 0
        self._container, self._stream = container, stream

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Raises one of decode.UNREADABLE, av.error.InvalidDataError after BROKEN_AT_MOST broken packets in a row."""
        context = self._stream.codec_context
        context.thread_count = 1
        in_a_row, raw = 0, context.name == "rawvideo"
        for packet in self._container.demux(self._stream):
            try:
                frames = (own(packet) if raw else packet).decode()
            except av.error.InvalidDataError:
                self.broken, in_a_row = self.broken + 1, in_a_row + 1
                if in_a_row > BROKEN_AT_MOST:
                    raise
                continue
            in_a_row = 0
            yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))
