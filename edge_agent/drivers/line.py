"""A link that comes back by itself, for devices that speak in frames of their own (not for OSDP: libosdp polls)."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge_agent.drivers.link import Backoff, Port, open_link
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.profile import LineSettings
from edge_agent.ports import Beat

_BEAT_S = 1.0


class Line:
    """Calls `opened`, `received(bytes)` and `lost(error)` on the event loop; `lost` for every failed attempt too.

    A port that failed or was dropped is aborted: nothing the kernel still holds for it reaches the device later.
    """

    def __init__(
        self,
        url: str,
        settings: LineSettings,
        sim_dir: Path,
        opened: Callable[[], None],
        received: Callable[[bytes], None],
        lost: Callable[[DeviceUnavailable], None],
    ) -> None:
        self._url, self._settings, self._sim_dir = url, settings, sim_dir
        self._opened, self._received, self._lost = opened, received, lost
        self._port: Port | None = None
        self._backoff = Backoff(random.Random())
        self._failed = asyncio.Event()

    async def run(self, beat: Beat) -> None:
        """Open, serve, reopen; ends only by cancellation. EdgeAgentError when the URL itself is wrong."""
        while True:
            beat()
            try:
                port = await asyncio.to_thread(
                    open_link, self._url, self._sim_dir, self._settings.baud, self._settings.parity
                )
            except DeviceUnavailable as error:
                self._lost(error)
            else:
                await self._serve(port, beat)
            await asyncio.sleep(self._backoff.pause_s())

    def write(self, data: bytes) -> None:
        """Put `data` on the wire now. Raises DeviceUnavailable when it is away or does not take it all."""
        if self._port is None:
            raise DeviceUnavailable("devices.port_away", path=self._url)
        if self._port.write(data) != len(data):
            raise DeviceUnavailable("devices.port_stuck", path=self._url)

    def drop(self) -> None:
        """Give this port up and open it anew; `lost` is not called for it."""
        if self._port is not None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._port = None
            self._failed.set()

    async def _serve(self, port: Port, beat: Beat) -> None:
        loop = asyncio.get_running_loop()
        self._failed.clear()
        self._port = port
        loop.add_reader(port.fileno(), self._readable, port)
        try:
            self._opened()
            while not self._failed.is_set():
                beat()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_BEAT_S):
                        await self._failed.wait()
        finally:
            loop.remove_reader(port.fileno())
            self._port = None
            if self._failed.is_set():
                port.abort()
            else:
                port.close()  # the last words still go out

    def _readable(self, port: Port) -> None:
        try:
            data = port.read()
        except DeviceUnavailable as error:
            self.drop()
            self._lost(error)
            return
        if data:
            self._backoff.reset()
            self._received(data)
