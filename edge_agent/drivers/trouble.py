"""Bad frames, told without flooding: the first at once, then at most one report a minute that counts the rest.

A line set to another speed than its device brings nothing but bad frames; that is told apart from noise in between.
"""

from edge_agent.errors import FrameError
from edge_agent.model.profile import LineSettings
from edge_agent.words import told

_EVERY_MS = 60_000
_GARBLED_AFTER, _GARBLED_MS = 5, 2_000
_UNREADABLE = {
    "devices.frame_noise", "devices.frame_too_long", "devices.frame_cut", "devices.frame_checksum",
}  # fmt: skip


class Trouble:
    def __init__(self) -> None:
        self._told_ms: int | None = None
        self._count = 0

    def seen(self, what: str, up_ms: int) -> str | None:
        """The sentence to report now, or None when one went out less than a minute ago."""
        self._count += 1
        if self._told_ms is not None and up_ms - self._told_ms < _EVERY_MS:
            return None
        sentence = told("devices.reader_noise", count=self._count, last=what)
        self._told_ms, self._count = up_ms, 0
        return sentence


class Legible:
    """Whether what arrives makes sense at all. `bad` and `good`, as the decoder tells them apart."""

    def __init__(self, settings: LineSettings) -> None:
        self._settings = settings
        self._run = 0
        self._since_ms = 0

    def good(self) -> None:
        self._run = 0

    def bad(self, piece: FrameError, up_ms: int) -> None:
        if piece.code not in _UNREADABLE:
            self._run = 0  # a whole frame with a right checksum: the speed fits
            return
        if not self._run:
            self._since_ms = up_ms
        self._run += 1

    @property
    def anything(self) -> bool:
        """Something came since the last good frame."""
        return self._run > 0

    def garbled(self, up_ms: int) -> bool:
        """So much for so long, and not one frame in it."""
        return self._run >= _GARBLED_AFTER and up_ms - self._since_ms >= _GARBLED_MS

    def sentence(self) -> str:
        return told("devices.line_garbled", baud=self._settings.baud, parity=self._settings.parity)
