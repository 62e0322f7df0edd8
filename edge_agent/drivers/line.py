"""A link that comes back by itself, for devices that speak in frames of their own (not for OSDP: libosdp polls).

Nothing here waits for a device: opening happens in a thread of the line's own, writing takes what fits or gives the
port up, and closing lets the last words go out for a moment only.
"""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from edge_agent.drivers.echo import Echo
from edge_agent.drivers.link import Backoff, Port, open_link
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.profile import LineSettings
from edge_agent.ports import Beat
from edge_agent.words import told

_BEAT_S = 1.0
_SLOW_S = 4.0  # longer than a connection attempt: a name server or a driver hangs


def _never(data: bytes) -> bool:
    return False


class Line:
    """Calls `opened`, `received(bytes)` and `lost(error)` on the event loop; `lost` for every failed attempt too.

    A port that failed, took no more bytes or was dropped is aborted: nothing the kernel still holds for it reaches the
    device later. `only_echo(bytes)`: whether these, sent and come back, can only be the line's own echo; they are then
    left out, and `noticed` gets one sentence about it.
    """

    def __init__(
        self,
        url: str,
        settings: LineSettings,
        sim_dir: Path,
        opened: Callable[[], None],
        received: Callable[[bytes], None],
        lost: Callable[[DeviceUnavailable], None],
        only_echo: Callable[[bytes], bool] = _never,
        noticed: Callable[[str], None] | None = None,
    ) -> None:
        self._url, self._settings, self._sim_dir = url, settings, sim_dir
        self._opened, self._received, self._lost = opened, received, lost
        self._only_echo, self._noticed = only_echo, noticed
        self._port: Port | None = None
        self._backoff = Backoff(random.Random())
        self._failed = asyncio.Event()
        self._echo = Echo()

    async def run(self, beat: Beat) -> None:
        """Open, serve, reopen; ends only by cancellation. EdgeAgentError when the URL itself is wrong."""
        opener = ThreadPoolExecutor(1, thread_name_prefix="open")  # one that hangs holds up nobody else
        try:
            while True:
                try:
                    port = await self._open(opener, beat)
                except DeviceUnavailable as error:
                    self._lost(error)
                else:
                    await self._serve(port, beat)
                await asyncio.sleep(self._backoff.pause_s())
        finally:
            opener.shutdown(wait=False)

    async def _open(self, opener: ThreadPoolExecutor, beat: Beat) -> Port:
        baud, parity = self._settings.baud, self._settings.parity
        work = opener.submit(open_link, self._url, self._sim_dir, baud, parity)
        opening = asyncio.wrap_future(work)
        loop = asyncio.get_running_loop()
        slow_at: float | None = loop.time() + _SLOW_S
        try:
            while not opening.done():
                beat()
                await asyncio.wait({opening}, timeout=_BEAT_S)
                if slow_at is not None and loop.time() >= slow_at and not opening.done():
                    slow_at = None
                    self._lost(DeviceUnavailable("devices.port_slow", path=self._url))
        except asyncio.CancelledError:
            work.add_done_callback(_unwanted)
            opening.cancel()  # or its failure would be complained of as nobody's
            raise
        return opening.result()

    def write(self, data: bytes) -> None:
        """Put `data` on the wire now. Raises DeviceUnavailable when it is away or does not take it all.

        A port that does not take it all is given up, with what it holds: old bytes must not reach the device later.
        """
        port = self._port
        if port is None:
            raise DeviceUnavailable("devices.port_away", path=self._url)
        try:
            if port.write(data) != len(data):
                raise DeviceUnavailable("devices.port_stuck", path=self._url)
        except DeviceUnavailable as error:
            self.drop()
            self._lost(error)
            raise
        if self._only_echo(data):
            self._echo.sent(data, asyncio.get_running_loop().time())

    def drop(self) -> None:
        """Give this port up and open it anew; `lost` is not called for it."""
        if self._port is not None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._port = None
            self._failed.set()

    async def _serve(self, port: Port, beat: Beat) -> None:
        loop = asyncio.get_running_loop()
        self._failed.clear()
        self._echo = Echo()
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
            data = self._echo.heard(data, asyncio.get_running_loop().time())
        if self._echo.certain and self._noticed is not None:
            noticed, self._noticed = self._noticed, None
            noticed(told("devices.line_echo"))
        if data:
            self._received(data)


def _unwanted(work: "Future[Port]") -> None:
    """A port that was opened after nobody wanted it any more keeps its lock from nobody."""
    if not work.cancelled() and work.exception() is None:
        work.result().abort()
