"""Whether a card read may still open: not while reads from before the line was up can be arriving.

Knows nothing of lines; times are given in seconds of any steady clock. One physical fact to know: readers, converters
and kernels keep what arrives while a line is cut and hand it over, as if new, as soon as the line is back.
"""

QUIET_S = 0.3  # reads count again after this long without one …
QUIET_MAX_S = 5.0  # … or this long after the line came up


class Freshness:
    """Reads are stale from `line_up` until a `tick` finds it quiet. Only `tick` ends this, never a read that is late:
    after a pause of the program itself, what waited in the line must be read before the line is called quiet.
    """

    def __init__(self) -> None:
        self._doubted: tuple[float, float] | None = None  # (line up, last read since)

    @property
    def sure(self) -> bool:
        """Whether the next read counts."""
        return self._doubted is None

    def line_up(self, now: float) -> None:
        self._doubted = (now, now)

    def read(self, now: float) -> bool:
        """A read arrives; whether it is stale."""
        if self._doubted is None:
            return False
        self._doubted = (self._doubted[0], now)
        return True

    def tick(self, now: float) -> None:
        """All that has arrived until now has been read."""
        if self._doubted and (now - self._doubted[1] >= QUIET_S or now - self._doubted[0] >= QUIET_MAX_S):
            self._doubted = None
