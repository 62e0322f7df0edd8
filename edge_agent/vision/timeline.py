"""Stream time to gateway uptime: when was this frame, whatever the network and the camera's clock did to it.

Within a stream its own timestamps tell the distance of frames: they arrive in bursts, late, some together, and the
physics of a fall is measured with these times. Timestamps that jump, repeat or run backwards are not believed, nor is
one later than its arrival; then the arrival counts. What comes out always increases.
"""

BEHIND_AT_MOST_MS = 10_000  # further behind its arrival than this a frame is not late, its clock is wrong
JUMP_MS = 2_000  # a step longer than the time that really passed by more than this is a jump


class Timeline:
    def __init__(self) -> None:
        self._stream_ms: float | None = None
        self._arrived_ms = 0
        self._at_ms = -1.0

    def at(self, stream_s: float | None, arrived_ms: int) -> int:
        """Uptime in ms of the frame with timestamp `stream_s` (None: it has none) that arrived at `arrived_ms`."""
        now = float(arrived_ms)
        stream_ms = None if stream_s is None else stream_s * 1000
        if stream_ms is not None and self._stream_ms is not None:
            step = stream_ms - self._stream_ms
            passed = arrived_ms - self._arrived_ms
            expected = self._at_ms + step
            if 0 < step <= passed + JUMP_MS + (self._arrived_ms - self._at_ms) and now - expected <= BEHIND_AT_MOST_MS:
                now = min(now, expected)
        self._stream_ms, self._arrived_ms = stream_ms, arrived_ms
        self._at_ms = max(now, self._at_ms + 1)
        return int(self._at_ms)

    def restart(self) -> None:
        """Another stream begins (reconnected): its clock has nothing to do with the one before."""
        self._stream_ms = None
