"""A small HTTP server for terminals that call: one request in, one answer out, everything bounded.

Knows HTTP/1.1 (RFC 9112) as far as terminals speak it, and nothing of what a body means. No TLS: terminals that cannot
check a certificate gain nothing by it; the network of the terminals is to be one of its own. A connection costs at most
one body of memory, and no more are held than `_CONNECTIONS`, of one address `_OF_ONE`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge_agent import log

BODY_MOST = 1 << 20
_HEAD_MOST = 16 * 1024
_REQUEST_S = 10.0  # from the first byte of a request to its last
_IDLE_S = 60.0  # between two requests of one connection
_CONNECTIONS = 64
_OF_ONE = 8
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 413: "Content Too Large", 431: "Request Header Fields Too Large",
}  # fmt: skip

logger = log.get("drivers.push")


@dataclass(frozen=True)
class Call:
    """`headers` with their names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Call({self.path})"


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: str = ""
    kind: str = "application/json"
    challenge: bool = False  # ask for name and password


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class PushServer:
    """`answer` is called on the event loop and must not wait."""

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self._answer = answer
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Raises OSError. The caller closes the server, then `close` ends what is still connected."""
        return await asyncio.start_server(self._connected, host, port, limit=_HEAD_MOST)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = str((writer.get_extra_info("peername") or ("?",))[0])
        self._open[peer] += 1
        try:
            if self._open[peer] <= _OF_ONE and self._open.total() <= _CONNECTIONS:
                with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
                    while await self._one(reader, writer):
                        pass
        finally:
            self._tasks.discard(task)
            self._open[peer] -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection goes on."""
        stay = False
        try:
            async with asyncio.timeout(_IDLE_S):
                first = await reader.readexactly(1)
            async with asyncio.timeout(_REQUEST_S):
                call, stay = await _receive(first, reader, writer)
            answer = self._answer(call)
        except _Refused as refused:
            answer = Answer(refused.status)
        except TimeoutError:
            answer = Answer(408)
        content = answer.body.encode()
        head = [
            f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}",
            f"Content-Type: {answer.kind}",
            f"Content-Length: {len(content)}",
            f"Connection: {'keep-alive' if stay else 'close'}",
        ]
        if answer.challenge:
            head.append('WWW-Authenticate: Basic realm="terminal", charset="UTF-8"')
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1") + content)
        async with asyncio.timeout(_REQUEST_S):
            await writer.drain()
        return stay


async def _receive(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Call, bool]:
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused(431) from None
    request, *lines = head.decode("latin-1")[:-4].lstrip("\r\n").split("\r\n")
    method, _, rest = request.partition(" ")
    path, _, version = rest.rpartition(" ")
    if not path.startswith("/") or version not in ("HTTP/1.1", "HTTP/1.0"):
        raise _Refused(400)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or name.lower() in headers.keys() & _ONCE:
            raise _Refused(400)
        headers[name.lower()] = value.strip()
    if method not in ("POST", "PUT"):
        raise _Refused(405)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(headers, reader)
    stay = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Call(path.partition("?")[0], headers, body), stay


_ONCE = {"content-length", "transfer-encoding", "authorization"}


async def _body(headers: dict[str, str], reader: asyncio.StreamReader) -> bytes:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise _Refused(400)
        return await _chunks(reader)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise _Refused(400)
    if len(length) > 9 or int(length) > BODY_MOST:
        raise _Refused(413)
    return await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    try:
        while size := _size(await reader.readuntil(b"\r\n")):
            if len(body) + size > BODY_MOST:
                raise _Refused(413)
            body += await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise _Refused(400)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
    except asyncio.LimitOverrunError:
        raise _Refused(400) from None
    return bytes(body)


def _size(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not 0 < len(digits) <= 8 or digits.strip(b"0123456789ABCDEFabcdef"):
        raise _Refused(400)
    return int(digits, 16)
