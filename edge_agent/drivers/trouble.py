"""Bad frames, told without flooding: the first at once, then at most one report a minute that counts the rest."""

from edge_agent.words import say

_EVERY_MS = 60_000


class Trouble:
    def __init__(self) -> None:
        self._told_ms: int | None = None
        self._count = 0

    def seen(self, what: str, up_ms: int) -> str | None:
        """The sentence to report now, or None when one went out less than a minute ago."""
        self._count += 1
        if self._told_ms is not None and up_ms - self._told_ms < _EVERY_MS:
            return None
        sentence = say("devices.reader_noise", "en", count=self._count, last=what)
        self._told_ms, self._count = up_ms, 0
        return sentence
