"""The accepted stream: one JSON line at the moment of each commit, over a Unix socket only its owner opens.

Whoever offered a read learns here that it is kept. A client that does not read is dropped, never waited for: recording
does not slow down for a listener.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.events import Row
from edge_agent.ports import Beat
from edge_agent.sockets import private_socket, short_name
from edge_agent.store.journal import SqliteJournal

BEHIND_AT_MOST_BYTES = 256 << 10  # some 2,500 lines
BEAT_EVERY_S = 2.0

logger = log.get("store.accepted")


class Accepted(msgspec.Struct, frozen=True):
    """`read_id` is null for an event that no read caused."""

    read_id: str | None
    epoch: str
    seq: int


class AcceptedStream:
    def __init__(self, journal: SqliteJournal, path: Path) -> None:
        self.journal, self.path = journal, path
        self._clients: set[asyncio.StreamWriter] = set()

    async def run(self, beat: Beat) -> None:
        """Serve until cancelled. Raises StoreError when the socket cannot be made."""
        server = await asyncio.start_unix_server(self._serve, sock=private_socket(self.path))
        self.journal.listen(self._announce)
        try:
            while True:
                beat()
                await asyncio.sleep(BEAT_EVERY_S)
        finally:
            self.journal.unlisten(self._announce)
            server.close()
            for client in tuple(self._clients):
                client.transport.abort()
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        writer.write(_line(None, self.journal.epoch, self.journal.last))
        try:
            while await reader.read(1024):  # what a client says is ignored; its end is noticed
                continue
        except ConnectionError:
            logger.debug("a listener went away")
        finally:
            self._clients.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def _announce(self, row: Row, read_id: str | None) -> None:
        line = _line(read_id, row.epoch, row.seq)
        for client in tuple(self._clients):
            if client.transport.get_write_buffer_size() > BEHIND_AT_MOST_BYTES:
                logger.warning("a listener of the accepted stream is too slow: dropped")
                self._clients.discard(client)
                client.transport.abort()
            else:
                client.write(line)


def _line(read_id: str | None, epoch: str, seq: int) -> bytes:
    return msgspec.json.encode(Accepted(read_id, epoch, seq)) + b"\n"


async def follow_accepted(path: Path, listening: Callable[[int], None] | None = None) -> AsyncIterator[Accepted]:
    """What the agent accepts from now on; ends when the agent ends.

    `listening` is called with the newest seq once nothing later can be missed: the stream's first line says it.
    Raises StoreError when the agent is not running.
    """
    try:
        with short_name(path) as name:
            reader, writer = await asyncio.open_unix_connection(name)
    except OSError as error:
        raise StoreError("store.no_agent", socket=str(path)) from error
    try:
        if (first := await reader.readline()) and listening is not None:
            listening(msgspec.json.decode(first, type=Accepted).seq)
        while line := await reader.readline():
            yield msgspec.json.decode(line, type=Accepted)
    except OSError:  # not only a reset: EINVAL was seen of an agent that was killed for memory
        return
    finally:
        writer.close()
