"""Traffic as people read it: time, direction, bytes in hexadecimal, and beside them what they mean."""

import time
from collections.abc import Callable

import click

from edge_agent.cli.columns import beside, width, wrap
from edge_agent.cli.speech import language, words
from edge_agent.drivers.tap import decoded, gap_of
from edge_agent.model.profile import Profile
from edge_agent.protocols.capture import Chunk
from edge_agent.protocols.codec import Decoder, Message

_WIDE = 100
_LEAD = len("08:01:02.345 < ")


class Traffic:
    """With a profile, what its decoder says stands beside the bytes; without one, their letters."""

    def __init__(self, profile: Profile | None, stamp: Callable[[float], str]) -> None:
        self._decoder = Decoder(profile) if profile else None
        self._stamp = stamp
        self.gap_s = gap_of(self._decoder)
        self.count = 0

    def show(self, chunk: Chunk) -> None:
        self.count += 1
        cells = width()
        per_row = 16 if cells >= _WIDE else 8
        rows = [chunk.data[at : at + per_row] for at in range(0, len(chunk.data), per_row)]
        left = [row.hex(" ").upper() for row in rows]
        hex_cells = per_row * 3 - 1
        room = max(10, cells - _LEAD - hex_cells - 2)
        lead = f"{self._stamp(chunk.at_s)} {'>' if chunk.out else '<'} "
        for number, line in enumerate(beside(left, self._meaning(chunk, rows, room), hex_cells)):
            click.echo((lead if number == 0 else " " * _LEAD) + line)

    def _meaning(self, chunk: Chunk, rows: list[bytes], room: int) -> list[str]:
        if chunk.out or self._decoder is None:
            return ["".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row) for row in rows]
        said = []
        for piece in decoded(self._decoder, chunk.data):
            if isinstance(piece, Message):
                said += wrap(
                    f"{piece.name}  {'  '.join(f'{key}={value}' for key, value in piece.values.items())}", room
                )
            else:
                said += wrap("! " + piece.text(language()), room)
        return said or [words("device.incomplete")]


def wall(begun: float) -> Callable[[float], str]:
    """Local time of day; `begun` is when the first second began (time.time)."""

    def stamp(at_s: float) -> str:
        moment = begun + at_s
        return time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment * 1000) % 1000:03d}"

    return stamp


def since(at_s: float) -> str:
    return f"{at_s:12.3f}"
