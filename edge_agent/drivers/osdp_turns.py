"""Whose turn it is to be looked for, of the devices on a bus that do not answer.

One physical fact to know: each unanswered command keeps the whole bus for 200 ms. While others work on it, only one of
the missing is looked for at a time, and not too often; when nobody answers there is nobody to disturb.
"""

from collections.abc import Collection

EVERY_S = 1.0  # at most one look in this time while others work
PATIENT_S = 3.0  # between two looks for one that has been away for long
LOOKS = 30  # that is: for so many looks


class Turns:
    def __init__(self) -> None:
        self._looked: dict[int, tuple[float, int]] = {}  # device: last look, looks without an answer
        self._last = 0.0
        self._round: set[int] = set()  # one came back: these may be back with it

    def answered(self, index: int, missing: Collection[int]) -> None:
        """`index` is there again; the others may be, too: their cable may have been the same."""
        if self._looked.pop(index, None) is not None:
            self._round = set(missing) - {index}

    def look(self, index: int, missing: Collection[int], working: bool, now: float) -> bool:
        """Whether to look for `index` now. `working`: somebody on the bus answers."""
        last, looks = self._looked.get(index, (float("-inf"), 0))
        if working and index not in self._round:
            oldest = min(missing, key=lambda other: self._looked.get(other, (float("-inf"), 0))[0])
            pause = PATIENT_S if looks >= LOOKS else EVERY_S
            if index != oldest or now - self._last < EVERY_S or now - last < pause:
                return False
        self._round.discard(index)
        self._looked[index] = now, looks + 1
        self._last = now
        return True
