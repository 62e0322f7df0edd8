"""Cables in the life of the whole daemon: one WARNING, one INFO, device.lost and device.back, and the door works."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from edge_agent.drivers.link import open_link
from edge_agent.errors import DeviceUnavailable
from edge_agent.sim.estate import DOOR, Estate
from tests.drivers.cables import Cable, at_other_speed
from tests.system.site import estate, log_of, ready, show_card, tags
from tests.waiting import auntil

BACK_S = 10.0


def play(folder: Path, url: str, story: Callable[[Estate], Awaitable[None]]) -> None:
    async def run() -> None:
        async with estate(folder) as site:
            text = site.config.read_text("utf-8").replace("sim://gate", url.format(sim=site.state / "sim"))
            site.config.write_text(text, "utf-8")
            await story(site)

    asyncio.run(run())


def said(site: Estate, device: str = f"gate {DOOR}") -> tuple[int, int, int, int]:
    """Lost and back of the device: log lines at WARNING and INFO, events."""
    log = log_of(site)
    lost, back = f"{device} lost", f"{device} back"
    return (
        sum("WARNING" in line and lost in line for line in log.splitlines()),
        sum("INFO" in line and back in line for line in log.splitlines()),
        tags(site).count("device.lost"),
        tags(site).count("device.back"),
    )


async def opens(site: Estate) -> None:
    mark = len(site.gate.lines)
    site.gate.tell(do="exit")
    await site.gate.line(lambda line: line.get("relay") == "on", mark)
    await site.gate.line(lambda line: line.get("contact") == "closed", mark)
    await site.gate.line(lambda line: line.get("relay") == "off", mark)


def take(name: str) -> list[int]:
    """Ends of terminals until `name` is among them, or is somebody else's: the next one gets another number."""
    ends: list[int] = []
    while not os.path.exists(name):
        ends += os.openpty()
    return ends


def test_a_busy_port_and_an_adapter_under_another_name(tmp_path: Path) -> None:
    """At start another program has the port. Later the adapter is pulled out and comes back as another tty."""

    async def story(site: Estate) -> None:
        stable = site.state / "sim/gate"
        script = f"import serial; p = serial.Serial({str(stable)!r}, exclusive=True); print(); input()"
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        await other.stdout.readline()
        try:
            await site.agent.start()
            await ready(site)
            await auntil(lambda: said(site) == (1, 0, 1, 0), what=lambda: log_of(site))
            assert "in use by another program" in log_of(site)
        finally:
            await other.communicate(b"\n")
        await auntil(lambda: said(site) == (1, 1, 1, 1), BACK_S, lambda: log_of(site))
        await opens(site)

        before = os.readlink(stable)
        site.gate.tell(do="vanish")
        await auntil(lambda: said(site) == (2, 1, 2, 1), what=lambda: log_of(site))
        taken = take(before)
        site.gate.tell(do="appear")
        await auntil(lambda: said(site) == (2, 2, 2, 2), BACK_S, lambda: log_of(site))
        assert os.readlink(stable) != before
        await opens(site)
        for end in taken:
            os.close(end)

    play(tmp_path / "e", "serial://{sim}/gate", story)


class SerialServer:
    """RS-485 to Ethernet: bytes of one connection to the line and back."""

    def __init__(self, line: Path) -> None:
        self._line = line
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        loop = asyncio.get_running_loop()
        port = open_link(f"serial://{self._line}", self._line.parent)
        loop.add_reader(port.fileno(), lambda: writer.write(port.read()))
        try:
            while data := await reader.read(4096):
                port.write(data)
        except (ConnectionError, DeviceUnavailable):
            pass  # the test ends it
        finally:
            loop.remove_reader(port.fileno())
            port.close()
            writer.close()

    async def stop(self) -> None:
        """Its power is cut: connections end, and nobody answers the port."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)
        self._writers.clear()


def test_a_serial_server_that_loses_its_power(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        server = SerialServer(site.state / "sim/gate")
        port = await server.start()
        site.config.write_text(site.config.read_text("utf-8").replace("127.0.0.1:7", f"127.0.0.1:{port}"), "utf-8")
        await site.agent.start()
        await ready(site)
        await opens(site)
        assert said(site) == (0, 0, 0, 0)
        await server.stop()
        await auntil(lambda: said(site) == (1, 0, 1, 0), what=lambda: log_of(site))
        await server.start(port)
        await auntil(lambda: said(site) == (1, 1, 1, 1), BACK_S, lambda: log_of(site))
        await opens(site)
        await site.agent.stop()
        await server.stop()

    play(tmp_path / "e", "tcp://127.0.0.1:7", story)


class Speeds:
    """A serial line between the gateway and the simulated reader, whose two ends may be set to different speeds."""

    def __init__(self, line: Path) -> None:
        self.cable = Cable(line.with_name("reader-cable"))
        self.gateway = self.reader = 9600
        self._far = open_link(f"serial://{line}", line.parent)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.cable.near, self._out)
        loop.add_reader(self._far.fileno(), self._in)

    def _out(self) -> None:
        with suppress(BlockingIOError):
            self._far.write(self._made_of(os.read(self.cable.near, 4096), self.gateway, self.reader))

    def _in(self) -> None:
        os.write(self.cable.near, self._made_of(self._far.read(), self.reader, self.gateway))

    def _made_of(self, data: bytes, sent: int, heard: int) -> bytes:
        return data if sent == heard else at_other_speed(data, sent, heard)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.cable.near)
        loop.remove_reader(self._far.fileno())
        self._far.close()
        self.cable.close()


def test_an_osdp_reader_that_is_set_to_another_speed(tmp_path: Path) -> None:
    """While it works somebody sets the reader to 19200; at 9600 again a card opens. And so from the start."""

    async def story(site: Estate) -> None:
        await auntil((site.state / "sim/reader").exists)  # a busy machine has not begun it yet
        line = Speeds(site.state / "sim/reader")
        text = site.config.read_text("utf-8").replace("sim://reader", f"serial://{line.cable.path}")
        site.config.write_text(text, "utf-8")
        line.reader = 19200
        await site.agent.start()
        reader = "reader north-in"
        await auntil(lambda: said(site, reader) == (1, 0, 1, 0), BACK_S, lambda: log_of(site))
        assert "baud" in log_of(site)
        line.reader = 9600
        await auntil(lambda: said(site, reader) == (1, 1, 1, 1), BACK_S, lambda: log_of(site))
        line.reader = 19200
        await auntil(lambda: said(site, reader) == (2, 1, 2, 1), BACK_S, lambda: log_of(site))
        line.reader = 9600
        await auntil(lambda: said(site, reader) == (2, 2, 2, 2), BACK_S, lambda: log_of(site))
        mark = len(site.gate.lines)
        show_card(site)
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        await site.agent.stop()
        line.close()

    play(tmp_path / "e", "sim://gate", story)
