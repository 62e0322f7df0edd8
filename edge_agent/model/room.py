"""What is given up, in which order, when the disk fills: telemetry, then evidence media, events never.

Events are refused before they are accepted, once the journal's reserve is gone too; that is the journal's to say.
"""

import msgspec


class Room(msgspec.Struct, frozen=True):
    """`free`: bytes the journal can still grow by; `reserve`: bytes it holds in hand; `whole`: what it should hold."""

    free: int
    reserve: int
    whole: int

    @property
    def sheds(self) -> str:
        """The classes that are given up now: "", "C", or "CB"."""
        if self.free < self.whole // 2:
            return "CB"
        return "C" if self.free < self.whole else ""


def fill(waiting: int, keep: int, can_take: int) -> float:
    """How full the journal is for the city: of `keep` events, and of what the disk can still take."""
    return max(waiting / keep, waiting / max(1, waiting + can_take))
