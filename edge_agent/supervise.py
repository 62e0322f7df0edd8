"""Keeps jobs running, and tells systemd the truth about them.

A vital job that fails too often in a short time ends the process: systemd starts it anew with everything fresh.
Anything else is restarted with jittered back-off for as long as it takes. The watchdog is pinged only while the loop
answers and every vital job has beaten recently.
"""

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable

from edge_agent import log
from edge_agent.errors import EdgeAgentError
from edge_agent.ports import Beat

QUICK_FAILURES = 5
QUICK_WITHIN_S = 60.0
BACKOFF_AT_MOST_S = 30.0
BEAT_WITHIN_S = 15.0

Job = Callable[[Beat], Awaitable[None]]

logger = log.get("supervise")


class VitalJobFailed(Exception):
    """A job without which nobody gets in has failed too often: the process must start anew."""


class Supervisor:
    def __init__(self) -> None:
        self._beats: dict[str, float] = {}

    async def keep(self, name: str, job: Job, *, vital: bool = False) -> None:
        """Run `job` for ever. Cancellation ends it; an exception restarts it."""
        log.job.set(name)
        failures: list[float] = []
        delay = 0.1

        def beat() -> None:
            if vital:
                self._beats[name] = time.monotonic()

        while True:
            started = time.monotonic()
            beat()
            try:
                await job(beat)
                return
            except Exception as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    logger.warning("%s could not clean up: %s", name, error)
                    raise asyncio.CancelledError from error  # a job that is ended must not start again
                known = isinstance(error, EdgeAgentError)  # says itself what to do; anything else is a defect
                logger.error("%s failed: %s", name, error, exc_info=not known and not failures)
            now = time.monotonic()
            failures = [at for at in failures if now - at < QUICK_WITHIN_S] + [now]
            if vital and len(failures) >= QUICK_FAILURES:
                raise VitalJobFailed(name)
            delay = 0.1 if now - started > BACKOFF_AT_MOST_S else min(delay * 2, BACKOFF_AT_MOST_S)
            await asyncio.sleep(random.uniform(delay / 2, delay))

    def healthy(self) -> bool:
        """Every vital job has beaten recently."""
        now = time.monotonic()
        return all(now - at < BEAT_WITHIN_S for at in self._beats.values())

    def late(self) -> list[str]:
        now = time.monotonic()
        return [name for name, at in self._beats.items() if now - at >= BEAT_WITHIN_S]

    async def watchdog(self) -> None:
        """Ping systemd at a third of its patience, as long as it is deserved."""
        period_s = int(os.environ.get("WATCHDOG_USEC", "30000000")) / 3_000_000
        while True:
            if self.healthy():
                notify("WATCHDOG=1")
            else:
                logger.error("no watchdog ping: no sign of life from %s", ", ".join(self.late()))
            await asyncio.sleep(period_s)


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)): a datagram to NOTIFY_SOCKET; without one, nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect("\0" + address[1:] if address.startswith("@") else address)
            sock.sendall(state.encode())
        except OSError as error:
            logger.warning("systemd does not hear us: %s", error)
