"""Keys of a keypad: what the bytes say, and how single keys become an entry. Sans-IO; times are given in seconds.

Digits pass through here and stay nowhere: an entry is handed on once, forgotten when it is, and after a pause.
"""

from typing import NamedTuple

from edge_agent.model.profile import BufferedKeys

CLEAR, ENTER = "*", "#"
SILENCE_S = 5.0  # nobody pauses so long within a PIN; the next person shall not continue what one left behind
DIGITS_AT_MOST = 12
FROM_4BIT = {**{key: str(key) for key in range(10)}, 10: CLEAR, 11: ENTER}
FROM_8BIT = {(~code & 0xF) << 4 | code: key for code, key in FROM_4BIT.items()}  # the high half is the complement
_OSDP = {0x7F: CLEAR, 0x0D: ENTER, 0x2A: CLEAR, 0x23: ENTER}  # some readers send * and # as they are


class Typed(NamedTuple):
    """`digits` is None when more were typed than any PIN has. `stale`: one of the keys may be from before now."""

    digits: str | None
    stale: bool

    def __repr__(self) -> str:
        return f"Typed(…, stale={self.stale})"


def from_osdp(data: bytes) -> str:
    """The keys of an OSDP keypad reply (0x53; SIA OSDP 2.2): ASCII digits, * is DEL, # is CR. Others are left out."""
    return "".join(_OSDP.get(byte, chr(byte) if 0x30 <= byte <= 0x39 else "") for byte in data)


def from_card(facility: int | None, number: int, form: BufferedKeys) -> str | None:
    """What was typed at a keypad that sends it as a card of 26 bits; None when this card is none of it."""
    if form.kind == "number":
        typed = f"{number:0{form.digits}d}"
        return typed if facility == (form.facility or 0) and len(typed) == form.digits else None
    nibbles = f"{((facility or 0) << 16) | number:06X}".rstrip("F")
    return nibbles if 0 < len(nibbles) <= form.digits and nibbles.isdecimal() else None


class Entry:
    """`#` ends an entry, `*` or a pause of SILENCE_S clears it."""

    def __init__(self) -> None:
        self._digits = ""
        self._stale = False
        self._last = 0.0

    def press(self, keys: str, now: float, stale: bool) -> list[Typed]:
        """The entries that these keys, read at `now`, complete; `#` alone completes none."""
        self.tick(now)
        self._last = now
        done = []
        for key in keys:
            if key == CLEAR:
                self.clear()
                continue
            self._stale = self._stale or stale
            if key == ENTER:
                if self._digits:
                    too_many = len(self._digits) > DIGITS_AT_MOST
                    done.append(Typed(None if too_many else self._digits, self._stale))
                self.clear()
            else:
                self._digits = (self._digits + key)[: DIGITS_AT_MOST + 1]
        return done

    def tick(self, now: float) -> None:
        """Time passed: what was left unfinished is forgotten."""
        if self._digits and now - self._last >= SILENCE_S:
            self.clear()

    def clear(self) -> None:
        self._digits, self._stale = "", False
