"""Whether a card read may still open: not while reads from before the line was up can be arriving.

Knows nothing of lines; times are given in seconds of any steady clock. One physical fact to know: readers, converters
and kernels keep what arrives while a line is cut and hand it over, as if new, as soon as the line is back.
"""

QUIET_S = 0.3  # reads count again after this long without one …
QUIET_MAX_S = 5.0  # … or this long after the line came up
PAUSED_S = 1.5  # after so long without a sign of life of our own a read may have waited all that time
# A polled device hands over one read an answer, however long that takes: each of sixteen on a slow bus is asked twice a
# second, and a starved machine asks less. There both times are counted in answers as well.
QUIET_ANSWERS = 3
MAX_ANSWERS = 60


class Freshness:
    """Reads are stale from `line_up` until a `tick` finds it quiet. Only `tick` ends this, never a read that is late:
    after a pause of the program itself, what waited in the line must be read before the line is called quiet.

    `polled`: the device speaks only when it is asked, and `answered` is called for each answer to that, after `read`
    for what was in it.
    """

    def __init__(self, *, polled: bool = False) -> None:
        self._polled = polled
        self._doubted: tuple[float, float] | None = None  # (line up, last read since)
        self._answers = self._empty = 0  # since the line came up; without a read, in a row
        self._alive: float | None = None  # None: nobody tells us

    @property
    def sure(self) -> bool:
        """Whether the next read counts."""
        return self._doubted is None

    def line_up(self, now: float) -> None:
        self._doubted = (now, now)
        self._answers = self._empty = 0

    def alive(self, now: float) -> None:
        """The program runs; to be told a good deal more often than PAUSED_S."""
        self._look_back(now)
        self._alive = now

    def _look_back(self, now: float) -> None:
        """Stopped or blocked, the program did not see the line fill. Whether a timer or a read comes first after that
        is open: a select() whose time ran out meanwhile reports nothing to read.
        """
        if self._alive is not None and now - self._alive >= PAUSED_S:
            self._doubted = self._doubted or (now, now)

    def read(self, now: float) -> bool:
        """A read arrives; whether it is stale."""
        self._look_back(now)
        if self._doubted is None:
            return False
        self._doubted = (self._doubted[0], now)
        self._empty = -1  # the answer it came in is not empty
        return True

    def answered(self) -> None:
        """The device answered a poll."""
        self._answers += 1
        self._empty += 1

    def tick(self, now: float) -> None:
        """All that has arrived until now has been read."""
        if self._doubted is None:
            return
        up, last = self._doubted
        quiet = now - last >= QUIET_S and (not self._polled or self._empty >= QUIET_ANSWERS)
        endless = now - up >= QUIET_MAX_S and (not self._polled or self._answers >= MAX_ANSWERS)
        if quiet or endless:
            self._doubted = None
