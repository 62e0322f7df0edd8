"""A TCP proxy that does to a connection what networks do: cut, swallow, delay, answer for somebody else."""

import asyncio
import random
from contextlib import suppress

from edge_agent.sim.broker import HOST

PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"


class Proxy:
    """`mode`: through, refuse, black_hole (both ways), no_answer (up passes, down does not), portal.

    `delay_s`: each way. `cut_after`: bytes of one connection after which it is cut, in the middle of whatever that is.
    """

    def __init__(self, upstream: int, rng: random.Random) -> None:
        self.upstream, self.rng = upstream, rng
        self.mode, self.delay_s, self.cut_after = "through", 0.0, 0
        self.connects: list[float] = []  # loop times
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._jobs: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Every connection, now, with a reset."""
        for writer in tuple(self._open):
            writer.transport.abort()

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        for job in tuple(self._jobs):
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects.append(asyncio.get_running_loop().time())
        self._open.add(writer)
        try:
            match self.mode:
                case "refuse":
                    return
                case "portal":
                    await reader.read(1)
                    writer.write(PORTAL)
                    await writer.drain()
                case _:
                    await self._join(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HOST, self.upstream)
        self._open.add(far_writer)
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, up=True)),
            asyncio.create_task(self._pump(far_reader, writer, up=False)),
        ]
        self._jobs.update(pumps)
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._jobs.difference_update(pumps)
            self._open.discard(far_writer)
            far_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool) -> None:
        passed, limit = 0, self.cut_after and self.rng.randrange(200, self.cut_after)
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                if self.mode == "black_hole" or (self.mode == "no_answer" and not up):
                    continue
                if limit and up and passed + len(data) > limit:
                    writer.write(data[: limit - passed])
                    await writer.drain()
                    self.cut()
                    return
                passed += len(data)
                if self.delay_s:
                    loop.call_later(self.delay_s, _late, writer, data)
                else:
                    writer.write(data)
                    await writer.drain()


def _late(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)
