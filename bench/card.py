"""Card latency of the bare library: what libosdp alone costs, for the daemon's own number to be held against.

`measure_bare(n)` runs a simulated reader in its own process on a pty, and in this process nothing but libosdp's
control panel: its thread, refreshed every 5 ms, with a callback that takes the time. Each value is from the moment the
reader has written the reply that carries the card (`sent`, CLOCK_MONOTONIC) to the callback, in ms. The daemon's number
starts at the same `sent` line and ends at the gate's `relay: on` line (its `t_ns`); both clocks are the machine's.
"""

import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import serial
from osdp import Channel, ControlPanel, Event, LibFlag, LogLevel, PDInfo

SETTLE_S = 0.5  # after the secure channel came up


class SerialChannel(Channel):  # type: ignore[misc]
    def __init__(self, path: str) -> None:
        super().__init__()
        self._serial = serial.Serial(path, 9600, timeout=0)

    def read(self, max_bytes: int) -> bytes:
        return bytes(self._serial.read(max_bytes))

    def write(self, buf: bytes) -> int:
        return int(self._serial.write(buf))

    def flush(self) -> None:
        self._serial.reset_input_buffer()


class BarePanel(ControlPanel):  # type: ignore[misc]
    @staticmethod
    def refresh(event: threading.Event, lock: Any, ctx: Any) -> None:
        while not event.is_set():
            with lock:
                ctx.refresh()
            time.sleep(0.005)


def measure_bare(n: int = 500) -> list[float]:
    """`n` card reads, one after the other; ms from the reply on the wire to the callback."""
    with tempfile.TemporaryDirectory() as folder:
        path, key = Path(folder) / "reader", secrets.token_bytes(16)
        reader = subprocess.Popen(
            [sys.executable, "-m", "edge_agent.sim.reader", "--pty", str(path), "--key", key.hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            return _measure(reader, path, key, n)
        finally:
            assert reader.stdin is not None
            reader.stdin.close()
            reader.wait(5)


def _measure(reader: subprocess.Popen[str], path: Path, key: bytes, n: int) -> list[float]:
    assert reader.stdin is not None
    assert reader.stdout is not None
    lines = iter(reader.stdout.readline, "")
    _next(lines, "ready")
    called: SimpleQueue[int] = SimpleQueue()

    def callback(index: int, event: dict[str, Any]) -> int:
        if event["event"] == Event.CardRead:
            called.put(time.monotonic_ns())
        return 0

    info = PDInfo(1, SerialChannel(str(path)), scbk=key, flags=[LibFlag.EnforceSecure])
    panel = BarePanel([info], log_level=LogLevel.Critical, event_handler=callback)
    panel.start()
    try:
        while not _next(lines, "sc")["sc"]:
            pass
        time.sleep(SETTLE_S)
        results = []
        for turn in range(n):
            reader.stdin.write(json.dumps({"do": "card", "bits": 26, "raw": turn}) + "\n")
            reader.stdin.flush()
            sent_ns = _next(lines, "sent")["t_ns"]
            results.append((called.get(timeout=5) - sent_ns) / 1e6)
            time.sleep(0.001 * (turn % 7))  # so that reads do not lock in step with the two 5 ms loops
        return results
    finally:
        panel.stop()


def _next(lines: Any, key: str) -> dict[str, Any]:
    for line in lines:
        fact: dict[str, Any] = json.loads(line)
        if key in fact:
            return fact
    raise RuntimeError("the simulated reader ended")


def percentile(values: list[float], percent: float) -> float:
    return statistics.quantiles(values, n=1000, method="inclusive")[round(percent * 10) - 1]


if __name__ == "__main__":
    bare = measure_bare()
    median, p99 = percentile(bare, 50), percentile(bare, 99)
    print(f"bare libosdp, 5 ms loop: n={len(bare)} median {median:.2f} ms  p99 {p99:.2f} ms")
