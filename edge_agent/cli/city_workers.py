"""Several ingest workers as processes of their own: Python uses one core a process.

A worker that dies is started again. They end with their parent, however it ended: each reads a pipe that only the
parent holds open.
"""

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import Callable

from edge_agent import log

AGAIN_S = (0.5, 1.5)
END_S = 10.0

logger = log.get("city.workers")


def until_parent_ends(stop: Callable[[], object]) -> None:
    """Calls `stop` when the pipe from the parent closes; nothing is ever written to it."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stop()

    loop.add_reader(sys.stdin.fileno(), look)


async def run_workers(arguments: list[str], count: int, name: str) -> None:
    """`arguments`: our own command line; each worker gets it with a name of its own."""
    jobs = [asyncio.ensure_future(_keep(arguments, f"{name}.{number}")) for number in range(1, count + 1)]

    def stop() -> None:
        for job in jobs:
            job.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await asyncio.gather(*(_quiet(job) for job in jobs))


async def _quiet(job: "asyncio.Future[None]") -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await job


async def _keep(arguments: list[str], name: str) -> None:
    command = [sys.executable, "-m", "edge_agent", *arguments, "--workers", "1", "--worker", name, "--child"]
    while True:
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                await _end(process)
        logger.warning("worker %s ended (%d): starting it again", name, code)
        await asyncio.sleep(random.uniform(*AGAIN_S))


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
