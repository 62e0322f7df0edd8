"""In systemd's place: hears READY and WATCHDOG, kills who stays silent, and starts it again."""

import asyncio
import contextlib
import socket
import time
from pathlib import Path

from tests.faults.gateway import Gateway

WATCHDOG_S = 4.0  # the unit file says 30


class Systemd:
    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway = gateway
        self.killed: list[float] = []  # silent for so many seconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        self._heard_s = 0.0
        gateway.agent.env |= {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
        }
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        self._job = asyncio.create_task(self._watch())

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(100):
                self._heard_s = time.monotonic()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            silent_s = time.monotonic() - self._heard_s
            if self._heard_s and silent_s > WATCHDOG_S and self.gateway.agent.running:
                self.killed.append(silent_s)
                self._heard_s = 0.0
                await self.gateway.kill()
            if not self.gateway.agent.running:
                await self.gateway.start()

    async def close(self) -> None:
        self._job.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._job
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
