"""What the boards of each family do with a request, after their documents; used by modbus_board.py.

A reply begins with the function; the unit is put before it. Exceptions: 1 function, 2 address, 3 value.
"""

from collections.abc import Callable
from typing import Protocol


class Registers:
    def __init__(self) -> None:
        self.relays = [False] * 8
        self.inputs = [False] * 8
        self.words: dict[int, int] = {}


class Board(Protocol):
    registers: Registers

    def move_to(self, unit: int) -> None:
        """Another address from the next request on."""

    def switch(self, relay: int, on: bool, for_s: float | None = None) -> None: ...


class Family:
    """Reads common to all; `write` is the family's own and returns False for an address it does not have."""

    def __init__(self, write: Callable[[Board, bytes], bool], relay_words: bool = False) -> None:
        self._write, self._relay_words = write, relay_words

    def carry_out(self, board: Board, body: bytes) -> bytes | None:
        function, at, count = body[1], _word(body, 2), _word(body, 4)
        match function:
            case 1 | 2:
                bits = board.registers.relays if function == 1 else board.registers.inputs
                if at + count > len(bits) or not count or (function == 1 and self._relay_words):
                    return bytes((function | 0x80, 2))
                value = sum(1 << number for number, bit in enumerate(bits[at : at + count]) if bit)
                size = (count + 7) // 8
                return bytes((function, size)) + value.to_bytes(size, "little")
            case 3 | 4:
                return self._registers(board, function, at, count)
            case 5 | 6 | 15 | 16:
                return body[1:6] if self._write(board, body) else bytes((function | 0x80, 2))
        return bytes((function | 0x80, 1))

    def _registers(self, board: Board, function: int, at: int, count: int) -> bytes:
        words = dict(board.registers.words)
        if self._relay_words:
            words |= {number + 1: int(on) for number, on in enumerate(board.registers.relays)}
        if not set(range(at, at + count)) <= words.keys():
            return bytes((function | 0x80, 2))
        found = b"".join(words[number].to_bytes(2, "big") for number in range(at, at + count))
        return bytes((function, len(found))) + found


def _word(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 2], "big")


def _coil(board: Board, body: bytes) -> bool:
    """Function 5 as the standard has it, and 5500h as some boards do: toggle."""
    at, value = _word(body, 2), _word(body, 4)
    if at < 8 and value in (0xFF00, 0x0000, 0x5500):
        board.switch(at, not board.registers.relays[at] if value == 0x5500 else value == 0xFF00)
        return True
    if at == 0x00FF and value in (0xFF00, 0x0000):
        for relay in range(8):
            board.switch(relay, value == 0xFF00)
        return True
    return False


def _coils(board: Board, body: bytes) -> bool:
    at, count = _word(body, 2), _word(body, 4)
    bits = int.from_bytes(body[7:], "little")
    if at + count > 8:
        return False
    for number in range(count):
        board.switch(at + number, bool(bits >> number & 1))
    return True


def _waveshare(board: Board, body: bytes) -> bool:
    if body[1] == 15:
        return _coils(board, body)
    if body[1] == 6 and _word(body, 2) == 0x4000 and 1 <= _word(body, 4) <= 255:
        board.move_to(_word(body, 4))
        return True
    if body[1] != 5:
        return False
    base, relay = _word(body, 2) & 0xFF00, _word(body, 2) & 0x00FF
    if base in (0x0200, 0x0400) and relay < 8:
        board.switch(relay, base == 0x0200, _word(body, 4) / 10)
        return True
    return _coil(board, body)


def _lctech(board: Board, body: bytes) -> bool:
    if body[1] == 5:
        return _coil(board, body)
    if body[1:6] == b"\x10\0\0\0\1" and 1 <= _word(body, 7) <= 255:
        board.move_to(_word(body, 7))
        return True
    relay, rest = divmod(_word(body, 2) - 3, 5)
    if body[1] != 16 or rest or not 0 <= relay < 8 or _word(body, 4) != 2:
        return False
    mode, tenths = _word(body, 7), _word(body, 9)
    if mode not in (2, 4):
        return False
    board.switch(relay, mode == 2, tenths / 10)
    return True


def _r4(board: Board, body: bytes) -> bool:
    relay, command, seconds = _word(body, 2) - 1, body[4], body[5]
    if body[1] != 6 or not 0 <= relay < 8:
        return False
    match command:
        case 1 | 2:
            board.switch(relay, command == 1)
        case 3:
            board.switch(relay, not board.registers.relays[relay])
        case 6:
            board.switch(relay, True, float(seconds))
        case _:
            return False
    return True


def _nothing(board: Board, body: bytes) -> bool:
    return False


def family(name: str) -> Family:
    families = {
        "waveshare": lambda: Family(_waveshare),
        "lctech": lambda: Family(_lctech),
        "r4": lambda: Family(_r4, relay_words=True),
        "sensor": lambda: Family(_nothing),
    }
    return families[name]()
