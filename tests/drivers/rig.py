"""Real counterparts for driver tests: simulated devices in their own processes, a clock, and somewhere to collect."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.doors import DeviceReport
from tests.waiting import until


class UpClock:
    def now(self) -> Moment:
        up_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return Moment(time.time_ns() // 1_000_000, up_ms, "0" * 32, ClockState.SYNCED, 1)


class Device:
    """A simulated device; `lines` is what it has said so far."""

    def __init__(self, module: str, pty: Path, *options: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._child = subprocess.Popen(
            [sys.executable, "-m", f"edge_agent.sim.{module}", "--pty", str(pty), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.lines.append(json.loads(line))

    def tell(self, do: str, **order: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._child.stdin.flush()

    def said(self, key: str) -> list[Any]:
        return [line[key] for line in self.lines if key in line]

    def end(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        assert self._child.wait(5) == 0
        self._listener.join(5)
        self._child.stdout.close()


@contextmanager
def simulated(module: str, pty: Path, *options: str) -> Any:
    device = Device(module, pty, *options)
    try:
        until(lambda: device.said("ready"))
        yield device
    finally:
        device.end()


def states(reports: list[DeviceReport]) -> list[str]:
    return [report.state for report in reports]


def with_job(run: Callable[[Callable[[], None]], Awaitable[None]], story: Callable[[], Awaitable[None]]) -> None:
    """Run the driver's job and the test's story beside it; the job is cancelled when the story is told."""

    async def both() -> None:
        job = asyncio.ensure_future(run(lambda: None))
        try:
            telling = asyncio.ensure_future(story())
            await asyncio.wait({job, telling}, return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                telling.cancel()
                await job
            await telling
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    asyncio.run(both())
