"""Stream time to gateway uptime: when was this frame, whatever the network and the camera's clock did to it.

Within a stream its own timestamps tell the distance of frames: they arrive in bursts, late, some together, and the
physics of a fall is measured with these times. Timestamps that jump, repeat or run backwards are not believed, nor is
one later than its arrival; then the arrival counts. What comes out always increases. A recording has no arrivals: of
its jumps (a camera's clock was set, files were put one behind the other) a step of its usual length is left.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

BEHIND_AT_MOST_MS = 10_000  # further behind its arrival than this a frame is not late, its clock is wrong
JUMP_MS = 2_000  # a step longer than the time that really passed by more than this is a jump
FORWARD_S = 180.0  # in a recording; less is a hole in it, or a camera of a frame a minute
BACK_S = 0.5  # less is a frame out of its order, as AVI has them where there are B-frames
USUAL_TIMES, USUAL_STEPS = 3.0, 8  # a jump is longer than the longest of the last steps, so many times


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


class Jump(NamedTuple):
    """Where in a recording its clock jumped, `at_s` of its pictures, and from what to what: s since its first frame."""

    at_s: float
    from_s: float
    to_s: float


class Recorded:
    """Where in a recording a frame is: the steps of its timestamps, but for jumps. `fps`: of one without timestamps.

    A jump is a step forward of more than `FORWARD_S`, or back of more than `BACK_S`, that is also more than three times
    as long as any of the last eight: a recording of one frame an hour has none. The frame behind it comes one usual
    step after the one before it. `jumps`: how many; `jump`: the first of them.
    """

    def __init__(self, fps: float) -> None:
        self.jumps = 0
        self.jump: Jump | None = None
        self._first_s: float | None = None
        self._last_s = self._left_out_s = 0.0  # the latest timestamp; what the jumps come to
        self._step_s, self._leapt_s = 1 / fps, 0.0  # the last step; the jump that the last frame was
        self._steps: deque[float] = deque(maxlen=USUAL_STEPS)

    def at(self, stream_s: float | None) -> float:
        """Seconds from the first frame to the one with timestamp `stream_s` (None: it has none). One out of its order
        is where it belongs, before those that came before it.
        """
        if self._first_s is None:
            self._first_s = self._last_s = stream_s or 0.0
            return 0.0
        stream_s = self._last_s + self._step_s if stream_s is None else stream_s
        step_s = stream_s - self._last_s
        if self._is_jump(step_s):
            self._leap(self._first_s, stream_s, step_s)
        elif step_s > 0:
            self._steps.append(step_s)
            self._last_s, self._step_s, self._leapt_s = stream_s, step_s, 0.0
        return stream_s - self._first_s - self._left_out_s

    def _is_jump(self, step_s: float) -> bool:
        """A second leap like the first is none: now there is a frame a minute."""
        usual_s = USUAL_TIMES * max(self._steps, default=0.0)
        return step_s > max(FORWARD_S, usual_s, USUAL_TIMES * self._leapt_s) or -step_s > max(BACK_S, usual_s)

    def _leap(self, first_s: float, stream_s: float, step_s: float) -> None:
        self._left_out_s += step_s - self._step_s
        self.jumps += 1
        if self.jump is None:
            at_s = stream_s - first_s - self._left_out_s
            self.jump = Jump(at_s, self._last_s - first_s, stream_s - first_s)
        self._last_s, self._leapt_s = stream_s, step_s


class Playing:
    """A recording at its own rate, for a file in a camera's place; over a jump it goes on as if there was none."""

    def __init__(self, fps: float, now: Callable[[], float] = time.monotonic) -> None:
        self._recorded, self._now, self._began = Recorded(fps), now, now()

    def wait_s(self, stream_s: float | None) -> float:
        """For how long the frame or packet with this timestamp has to wait yet."""
        return max(0.0, self._began + self._recorded.at(stream_s) - self._now())
