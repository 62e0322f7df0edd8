"""Mosquitto as a row wants it: any lines of configuration, killed and started again on the same port with no memory."""

import asyncio
import contextlib
import os
import socket
import subprocess
from pathlib import Path

from edge_agent.sim.broker import HOST, find_mosquitto, free_port
from tests.waiting import auntil

USUAL = ("persistence false", "max_queued_messages 10000", "max_inflight_messages 1000")


class Broker:
    def __init__(self, folder: Path, more: tuple[str, ...] = USUAL, listener: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.more, self.listener = folder, more, listener
        self.port = free_port()
        self.log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    async def start(self) -> None:
        program = find_mosquitto()
        assert program is not None
        config = self.folder / "mosquitto.conf"
        anonymous = () if any("password_file" in line or "require_cert" in line for line in self.listener) else (
            "allow_anonymous true",
        )  # fmt: skip
        lines = [f"listener {self.port} {HOST}", *self.listener, *anonymous, *self.more, "set_tcp_nodelay true"]
        lines += ["log_dest stderr", "log_type error", "log_type warning", "log_type notice"]
        if os.geteuid() == 0:
            lines.append("user root")
        config.write_text("\n".join(lines) + "\n", "utf-8")
        self._spawn([program, "-c", str(config)])
        await auntil(self._answers, 10, f"the broker; {self.log}")

    def _spawn(self, command: list[str]) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def again(self) -> None:
        self.kill()
        await self.start()

    async def close(self) -> None:
        await asyncio.to_thread(self.kill)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text("utf-8", "replace")[-500:]
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=0.5):
            return True
        return False
