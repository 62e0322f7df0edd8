"""What the city has stored, read without disturbing the workers that write it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.city import spans
from edge_agent.city.database import open_database
from edge_agent.city.rows import KnownGateway, Watermark


class Stored(msgspec.Struct, frozen=True):
    """One stored event. `heard_ms`: the city's Unix ms when it came; `chain`: ok, broken, or open (a row before it
    is not here)."""

    source: str
    epoch: str
    seq: int
    tag: str
    chain: str
    heard_ms: int
    data: dict[str, Any]
    time: str = ""
    clock: str = ""
    subject: str = ""


class Link(msgspec.Struct, frozen=True):
    """One event as a link of its chain."""

    seq: int
    tag: str
    body: bytes
    prev: bytes
    hash: bytes


_STORED = "SELECT source, epoch, seq, tag, chain, heard_ms, body, time, clock, subject FROM events"
_GATEWAY = ", ".join(KnownGateway.__struct_fields__)


class CityReader:
    """Every method raises StoreError."""

    def __init__(self, place: Path | str) -> None:
        """A read-only connection to the workers' database. Raises StoreError when it is not there (yet)."""
        self._db = open_database(place, read_only=True)

    def events(self, source: str, after: int = 0) -> list[Stored]:
        """Events of `source` with seq > `after`, in the gateway's order."""
        sql = f"{_STORED} WHERE source = ? AND seq > ? ORDER BY epoch, seq"
        return [_stored(row) for row in self._db.execute(sql, (source, after))]

    def latest(self, count: int) -> list[Stored]:
        """The newest arrivals of all gateways, oldest first."""
        sql = f"{_STORED} ORDER BY heard_ms DESC, source, seq DESC LIMIT ?"
        return [_stored(row) for row in self._db.execute(sql, (count,))][::-1]

    def since(self, heard_ms: int, tags: tuple[str, ...] = ()) -> Iterator[Stored]:
        """What arrived at `heard_ms` or later (only `tags`, when there are some), in the order of arrival."""
        chosen = f" AND tag IN ({', '.join('?' * len(tags))})" if tags else ""
        sql = f"{_STORED} WHERE heard_ms >= ?{chosen} ORDER BY heard_ms, source, epoch, seq"
        return (_stored(row) for row in self._db.stream(sql, (heard_ms, *tags)))

    def gateways(self) -> list[KnownGateway]:
        rows = self._db.execute(f"SELECT {_GATEWAY} FROM gateways ORDER BY source")
        return [KnownGateway(**dict(zip(KnownGateway.__struct_fields__, row, strict=True))) for row in rows]

    def watermarks(self, source: str) -> list[Watermark]:
        rows = self._db.execute("SELECT epoch, upto, have FROM watermarks WHERE source = ? ORDER BY epoch", (source,))
        return [Watermark(epoch, upto, spans.loads(have)) for epoch, upto, have in rows]

    def epochs(self, source: str) -> list[str]:
        """Of stored events, in the order of their first arrival; before them those of which nothing is left."""
        sql = "SELECT epoch FROM events WHERE source = ? GROUP BY epoch ORDER BY min(heard_ms), epoch"
        there = [epoch for (epoch,) in self._db.execute(sql, (source,))]
        sql = "SELECT epoch FROM watermarks WHERE source = ? UNION SELECT epoch FROM checkpoints WHERE source = ?"
        told = [epoch for (epoch,) in self._db.execute(sql, (source, source))]
        return [*sorted(set(told) - set(there)), *there]

    def links(self, source: str, epoch: str) -> Iterator[Link]:
        sql = "SELECT seq, tag, body, prev, hash FROM events WHERE source = ? AND epoch = ? ORDER BY seq"
        for seq, tag, body, prev, own in self._db.stream(sql, (source, epoch)):
            yield Link(seq, tag, body.encode(), bytes(prev), bytes(own))

    def checkpoint(self, source: str, epoch: str) -> bytes | None:
        """The gateway's signed word about the newest row it vouched for (contract.checkpoint)."""
        sql = "SELECT statement FROM checkpoints WHERE source = ? AND epoch = ?"
        row = self._db.execute(sql, (source, epoch)).fetchone()
        return None if row is None else bytes(row[0])

    def conflicts(self, source: str, epoch: str) -> list[int]:
        """Numbers under which more than one event came."""
        sql = "SELECT DISTINCT seq FROM conflicts WHERE source = ? AND epoch = ? ORDER BY seq"
        return [seq for (seq,) in self._db.execute(sql, (source, epoch))]

    def close(self) -> None:
        self._db.close()


def _stored(row: tuple[Any, ...]) -> Stored:
    source, epoch, seq, tag, chain, heard_ms, body, time, clock, subject = row
    return Stored(source, epoch, seq, tag, chain, heard_ms, msgspec.json.decode(body), time, clock, subject)
