"""A TCP proxy that misbehaves on purpose: cuts, delays, swallows, goes deaf. Between a gateway and its broker.

It forwards bytes and knows nothing of MQTT; what it does is changed while connections run. One-way means that one
direction is swallowed and the other goes on: what a broken firewall does.
"""

import asyncio
import contextlib
from typing import Literal

from edge_agent.ports import Beat

Way = Literal["up", "down"]  # up: from who connects to who is connected to
CHUNK = 4096
HOST = "127.0.0.1"


class FaultProxy:
    """`swallow`: directions whose bytes vanish; `delay_s`: added to each piece, in each direction; `refuse`: new
    connections are closed at once; `deaf`: they are accepted and nothing is done with them. `accepted` counts them.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.target = host, port
        self.port = 0
        self.swallow: frozenset[Way] = frozenset()
        self.delay_s = 0.0
        self.refuse = self.deaf = False
        self.accepted = 0
        self.passed: dict[Way, int] = {"up": 0, "down": 0}
        self._cut_after: dict[Way, int] = {}
        self._server: asyncio.Server | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for job in tuple(self._jobs):
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    async def run(self, beat: Beat) -> None:
        """As a job of its own, until cancelled."""
        async with self:
            await asyncio.Event().wait()

    def black_hole(self) -> None:
        """Both directions vanish; the connections stay open."""
        self.swallow = frozenset(("up", "down"))

    def heal(self) -> None:
        self.swallow, self.delay_s, self.refuse, self.deaf = frozenset(), 0.0, False, False
        self._cut_after.clear()

    def cut(self) -> None:
        """Every connection ends now, with a reset: nothing that is on its way arrives."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def cut_after(self, way: Way, count: int) -> None:
        """Every connection ends once `count` further bytes went this way: in the middle of whatever they belong to."""
        self._cut_after[way] = self.passed[way] + count

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        job = asyncio.current_task()
        if job is not None:
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
        self._writers.add(writer)
        try:
            if self.deaf:
                while await reader.read(CHUNK):
                    pass
            elif not self.refuse:
                await self._join(reader, writer)
        except OSError:
            pass  # one of the two has gone: so does the other
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, self.target)
        self._writers.add(back)
        pipes = [
            asyncio.create_task(self._pipe("up", reader, back)),
            asyncio.create_task(self._pipe("down", there, writer)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            self._writers.discard(back)
            back.transport.abort()

    async def _pipe(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if way in self.swallow:
                    continue
                limit = self._cut_after.get(way)
                if limit is not None and self.passed[way] + len(data) >= limit:
                    data = data[: max(0, limit - self.passed[way])]
                    del self._cut_after[way]
                    self.passed[way] += len(data)
                    writer.write(data)
                    await writer.drain()
                    self.cut_softly(writer)
                    return
                self.passed[way] += len(data)
                writer.write(data)
                await writer.drain()

    def cut_softly(self, last: asyncio.StreamWriter) -> None:
        """Every connection ends, after the bytes that were written to `last` have left."""
        last.close()
        for writer in tuple(self._writers):
            if writer is not last:
                writer.transport.abort()
