"""The near end of a simulated device: a pty whose far end is linked at a path, and commands as JSON lines on stdin.

`unplug` cuts the wire (nothing is read, nothing written), `vanish` takes the whole port away as a pulled USB adapter
does. Sent bytes that do not fit are lost, as on a wire where nobody listens.
"""

import json
import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BAUDS = {getattr(termios, f"B{rate}"): rate for rate in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)}


def say(**fact: Any) -> None:
    """One JSON line on stdout. Times are `t_ns`, CLOCK_MONOTONIC, comparable between processes of one machine."""
    sys.stdout.write(json.dumps(fact, separators=(",", ":")) + "\n")
    sys.stdout.flush()


class Wire:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: tuple[int, int] | None = None
        self.plugged = True
        self.appear()

    def appear(self) -> None:
        if self._ends is not None:
            return
        near, far = os.openpty()
        tty.setraw(far)  # kept open here: without any opener the near end would read errors
        os.set_blocking(near, False)
        self._ends = (near, far)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        fresh.symlink_to(os.ttyname(far))
        fresh.replace(self._path)

    def vanish(self) -> None:
        if self._ends is None:
            return
        self._path.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = None

    def plug(self) -> None:
        self._drain()
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False

    def _drain(self) -> None:
        """Bytes sent while the wire was cut went nowhere."""
        if self._ends is not None:
            while _read(self._ends[0], 65536):
                pass

    def fileno(self) -> int | None:
        """To wait on for bytes; None while there is nothing to wait for."""
        return self._ends[0] if self._ends is not None and self.plugged else None

    def baud(self) -> int:
        """What the far end has set: a pty keeps the speed, though it does not keep to it."""
        return _BAUDS.get(termios.tcgetattr(self._ends[1])[5], 0) if self._ends is not None else 0

    def read(self, size: int = 4096) -> bytes:
        return _read(self._ends[0], size) if self._ends is not None and self.plugged else b""

    def write(self, data: bytes, patience_s: float = 0.0) -> None:
        """`patience_s`: how long to wait for the far end to make room, for more than a pty holds (some 4 kB)."""
        until = time.monotonic() + patience_s
        while data and self._ends is not None and self.plugged:
            try:
                data = data[os.write(self._ends[0], data) :]
            except BlockingIOError:
                if time.monotonic() >= until:
                    return
                time.sleep(0.001)  # Linux does not always report room in a pty to who waits for it


def _read(end: int, size: int) -> bytes:
    try:
        return os.read(end, size)
    except BlockingIOError:
        return b""


class Orders:
    """JSON lines on stdin; its end, SIGTERM or SIGINT end the device, so that none outlives the one who made it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._held = b""
        self._ended = False
        self._wakeup, end = os.pipe()  # select() itself goes on after a signal
        os.set_blocking(end, False)
        signal.set_wakeup_fd(end)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    def _signalled(self, number: int, frame: object) -> None:
        self._ended = True

    def wait(self, until: float, carry_out: Callable[[dict[str, Any]], None], line: bool = True) -> bool:
        """Wait for orders, and with `line` for bytes, until `until` (monotonic s); False once the device shall end."""
        wire = self._wire.fileno() if line else None
        inputs = [0, self._wakeup] if wire is None else [0, self._wakeup, wire]
        ready, _, _ = select.select(inputs, [], [], max(0.0, until - time.monotonic()))
        if 0 in ready:
            data = os.read(0, 65536)
            self._ended = self._ended or not data
            *lines, self._held = (self._held + data).split(b"\n")
            for order in lines:
                self._order(json.loads(order), carry_out)
        return not self._ended

    def _order(self, order: dict[str, Any], carry_out: Callable[[dict[str, Any]], None]) -> None:
        match order["do"]:
            case "unplug":
                self._wire.unplug()
            case "plug":
                self._wire.plug()
            case "vanish":
                self._wire.vanish()
            case "appear":
                self._wire.appear()
            case _:
                carry_out(order)


@contextmanager
def device(path: Path) -> Iterator[tuple[Wire, Orders]]:
    wire = Wire(path)
    try:
        yield wire, Orders(wire)
    finally:
        wire.vanish()
