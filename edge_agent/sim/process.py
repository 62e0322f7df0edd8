"""A process of the simulated estate: started, talked to in JSON lines, ended by its own pid."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Process:
    """`lines`: the JSON objects it has printed, oldest first; anything else it prints goes to its log file."""

    def __init__(self, name: str, arguments: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.name, self.arguments, self.log = name, arguments, log
        self.env = {**os.environ, **(env or {})}
        self.lines: list[Line] = []
        self.started_ns = 0
        self._child: asyncio.subprocess.Process | None = None
        self._news = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """Start it (again). Standard error is appended to its log."""
        with self.log.open("ab") as log:
            self.started_ns = time.monotonic_ns()
            self._child = await asyncio.create_subprocess_exec(
                *self.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self.env,
                limit=1 << 20,
                start_new_session=True,  # Ctrl-C at the terminal is for the demo; it ends the others in order
            )
        self._reader = asyncio.create_task(self._read(self._child))

    def tell(self, **order: Any) -> None:
        """One JSON line to its standard input."""
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order).encode() + b"\n")

    async def line(self, wanted: Callable[[Line], bool], after: int = 0, timeout: float = 10.0) -> Line:
        """The first line from index `after` on that is `wanted`. Raises TimeoutError."""

        def found() -> Line | None:
            return next((line for line in self.lines[after:] if wanted(line)), None)

        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: found() is not None)
        line = found()
        assert line is not None
        return line

    def kill(self) -> None:
        """SIGKILL, now: what a power cut or a crash looks like to the others."""
        if self.running:
            os.kill(self.pid, signal.SIGKILL)

    def send(self, number: int) -> None:
        """Any other signal, as SIGSTOP."""
        if self.running:
            os.kill(self.pid, number)

    async def ended(self, timeout: float = 10.0) -> int:
        """Wait for its end; returns the exit status."""
        assert self._child is not None
        async with asyncio.timeout(timeout):
            status = await self._child.wait()
        if self._reader is not None:
            await self._reader
        return status

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for who does not listen."""
        if self._child is None:
            return
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()
            try:
                await self.ended(5.0)
            except TimeoutError:
                self.kill()
        await self.ended()

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while raw := await child.stdout.readline():
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                with self.log.open("ab") as log:
                    log.write(raw)
                continue
            async with self._news:
                self.lines.append(line)
                self._news.notify_all()


def module(name: str, *arguments: object) -> list[str]:
    """The command line of one of our own modules."""
    return [sys.executable, "-m", name, *map(str, arguments)]
