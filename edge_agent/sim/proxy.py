"""A TCP proxy that misbehaves on purpose: cuts, delays, swallows, goes deaf. Between a gateway and its broker.

It forwards bytes and knows nothing of MQTT, but for one thing: it can answer publishes in the broker's place. What it
does is changed while connections run. One-way means that one direction is swallowed and the other goes on: what a
broken firewall does.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from typing import Literal, Self

from edge_agent.ports import Beat

Way = Literal["up", "down"]  # up: from who connects to who is connected to
BOTH: frozenset[Way] = frozenset(("up", "down"))
CHUNK = 4096
HOST = "127.0.0.1"
CLOSING_S = 1.0  # for a connection to the target that is only being made
PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"
KIND_AND_QOS, PUBLISH_QOS_1, PUBACK = 0xF6, 0x32, 0x40
EVENTS = (b"/evt", b"/alr", b"/rsp")


class FaultProxy:
    """`swallow`: directions whose bytes vanish; `delay_s`: until each piece goes on, in each direction; `refuse`: new
    connections are closed at once; `deaf`: they are accepted and nothing is done with them; `portal`: they get a web
    page. `cut_within`: each connection ends after some bytes up, fewer than this, in the middle of whatever that is.
    `answer`: on connections from now on, events go no further and get this reason code (MQTT 5).
    `accepted` counts connections.
    """

    def __init__(self, host: str, port: int, chance: random.Random | None = None) -> None:
        self.host, self.target = host, port
        self.port = 0
        self.swallow: frozenset[Way] = frozenset()
        self.delay_s = 0.0
        self.refuse = self.deaf = self.portal = False
        self.cut_within = 0
        self.answer: int | None = None
        self.accepted = 0
        self.passed: dict[Way, int] = {"up": 0, "down": 0}
        self._chance = chance or random.Random()
        self._cut_after: dict[Way, int] = {}
        self._server: asyncio.Server | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"mqtt://{HOST}:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()  # which ends what serves them: Python 3.11 logs an error for each that is cancelled instead
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=CLOSING_S)
        for job in tuple(self._jobs):
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, beat: Beat) -> None:
        """As a job of its own, until cancelled."""
        async with self:
            await asyncio.Event().wait()

    def black_hole(self) -> None:
        """Both directions vanish; the connections stay open."""
        self.swallow = BOTH

    def heal(self) -> None:
        self.swallow, self.delay_s = frozenset(), 0.0
        self.refuse = self.deaf = self.portal = False
        self.cut_within, self.answer = 0, None
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
            if self.portal:
                await reader.read(1)
                writer.write(PORTAL)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
            elif self.deaf:
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
        up = self._packets(reader, back, writer) if self.answer is not None else self._pipe("up", reader, back)
        pipes = [asyncio.create_task(up), asyncio.create_task(self._pipe("down", there, writer))]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            self._writers.discard(back)
            back.transport.abort()

    async def _pipe(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = self._chance.randrange(200, self.cut_within) if self.cut_within and way == "up" else None
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if way in self.swallow:
                    continue
                limit = self._cut_after.get(way)
                if limit is not None and self.passed[way] + len(data) >= limit:
                    del self._cut_after[way]
                    await self._last(way, writer, data[: max(0, limit - self.passed[way])])
                    return
                if own is not None and len(data) >= own:
                    await self._last(way, writer, data[:own])
                    return
                own = None if own is None else own - len(data)
                self.passed[way] += len(data)
                if self.delay_s:
                    asyncio.get_running_loop().call_later(self.delay_s, _late, writer, data)
                else:
                    writer.write(data)
                    await writer.drain()

    async def _last(self, way: Way, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Every connection ends, after these bytes have left."""
        self.passed[way] += len(data)
        writer.write(data)
        await writer.drain()
        writer.close()
        for other in tuple(self._writers):
            if other is not writer:
                other.transport.abort()

    async def _packets(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        """Packet by packet, while publishes are answered here."""
        waiting = bytearray()
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                waiting += data
                for packet in _whole(waiting):
                    if self.answer is not None and packet[0] & KIND_AND_QOS == PUBLISH_QOS_1:
                        topic, packet_id = _topic_and_id(packet)
                        if topic.endswith(EVENTS):
                            back.write(bytes((PUBACK, 3, *packet_id, self.answer)))
                            continue
                    writer.write(packet)
                await writer.drain()
                await back.drain()


def _late(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)


def _whole(waiting: bytearray) -> Iterator[bytes]:
    """Takes the complete MQTT packets off the beginning (OASIS MQTT 5.0, 2.1: type, length in groups of 7 bits)."""
    while len(waiting) > 1:
        length, at = 0, 1
        while at < len(waiting):
            length |= (waiting[at] & 0x7F) << 7 * (at - 1)
            at += 1
            if not waiting[at - 1] & 0x80:
                break
        else:
            return
        if len(waiting) < at + length:
            return
        yield bytes(waiting[: at + length])
        del waiting[: at + length]


def _topic_and_id(publish: bytes) -> tuple[bytes, bytes]:
    at = 2
    while publish[at - 1] & 0x80:
        at += 1
    end = at + 2 + int.from_bytes(publish[at : at + 2], "big")
    return publish[at + 2 : end], publish[end : end + 2]
