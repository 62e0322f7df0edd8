"""Cables for link tests: ptys that come and go under a stable name, and what a wrong speed makes of bytes."""

import os
import tty
from pathlib import Path


class Cable:
    """A pty whose far end is linked at `path`, as udev links an adapter. Each `plug` makes another tty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: list[int] = []
        self._last = ""
        self._ends: tuple[int, int] | None = None
        self.plug()

    @property
    def tty(self) -> str:
        return os.readlink(self.path)

    @property
    def near(self) -> int:
        assert self._ends is not None
        return self._ends[0]

    def plug(self) -> None:
        """Under another name than before; its number may be free again."""
        while os.ttyname((ends := os.openpty())[1]) == self._last:
            self._kept += ends
        near, far = ends
        self._last = os.ttyname(far)
        tty.setraw(far)
        os.set_blocking(near, False)
        self._ends = (near, far)
        self.path.symlink_to(os.ttyname(far))

    def pull(self) -> None:
        """The port vanishes."""
        assert self._ends is not None
        self.path.unlink()
        for end in self._ends:
            os.close(end)
        self._ends = None

    def close(self) -> None:
        for end in (*self._kept, *(self._ends or ())):
            os.close(end)


def at_other_speed(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """What a UART set to `read_baud`, 8N1, makes of `data` sent at `sent_baud` (bits sampled in their middle)."""
    line = [bit for byte in data for bit in (0, *(byte >> n & 1 for n in range(8)), 1)] + [1] * 40
    per_sent, per_read = 1.0 / sent_baud, 1.0 / read_baud

    def level(at: float) -> int:
        index = int(at / per_sent)
        return line[index] if index < len(line) else 1

    out, at, end = bytearray(), 0.0, len(line) * per_sent
    step = per_read / 16
    while at < end:
        if level(at):
            at += step
            continue
        out.append(sum(level(at + per_read * (n + 1.5)) << n for n in range(8)))
        at += per_read * 9.5
        while at < end and not level(at):  # a break: no stop bit came, so the next start bit needs a high level first
            at += step
    return bytes(out)
