"""The city's database: every event once, and how far each gateway's stream is complete.

`store` and `watermark` are the two functions a larger database takes over later; the worker knows nothing else about
SQL. `store` returns only after the commit is on the disk (WAL, synchronous=FULL): what it returned may be acknowledged.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from edge_agent.city import spans
from edge_agent.city.schema import open_database
from edge_agent.contract.envelope import chain_hash, genesis
from edge_agent.errors import StoreError

QUARANTINE_ROWS = 10_000  # the oldest make room: a hostile gateway must not fill the disk
QUARANTINE_RAW_BYTES = 4_096

P = ParamSpec("P")
R = TypeVar("R")


class CityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one gateway. `body`: its canonical JSON; `covers`: (epoch, from, to) of a gap it announces."""

    source: str
    epoch: str
    seq: int
    tag: str
    subject: str
    time: str
    boot_id: str
    up_ms: int
    clock: str
    clock_err_ms: int
    historic: bool
    body: bytes
    prev: bytes
    covers: tuple[str, int, int] | None = None


class Watermark(msgspec.Struct, frozen=True):
    """Everything up to `upto` is stored, and the islands `have` beyond it."""

    epoch: str
    upto: int = 0
    have: tuple[tuple[int, int], ...] = ()


class KnownGateway(msgspec.Struct, frozen=True, kw_only=True):
    """What the last valid birth said. `heard_ms`: the city's Unix ms when it arrived."""

    source: str
    epoch: str
    boot_id: str
    up_ms: int
    heard_ms: int
    bdseq: int
    state: str
    agent: str = ""


def _translated(method: Callable[Concatenate["CityStore", P], R]) -> Callable[Concatenate["CityStore", P], R]:
    @wraps(method)
    def call(store: "CityStore", /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(store, *args, **kwargs)
        except sqlite3.Error as error:
            raise StoreError("uplink.store_failing", path=store.path, why=error) from error

    return call


class CityStore:
    def __init__(self, path: Path) -> None:
        """Open or create `path`. Raises StoreError when it is not ours, too new, or not on a proper disk."""
        self.path = path
        self._db = open_database(path)

    def close(self) -> None:
        self._db.close()

    @_translated
    def store(self, rows: Sequence[CityRow]) -> int:
        """Commit `rows`, each (source, epoch, seq) once, and move the watermarks; returns how many were new."""
        new = 0
        with self._transaction():
            arrived: dict[tuple[str, str], list[tuple[int, int]]] = {}
            for row in rows:
                new += self._insert(row)
                arrived.setdefault((row.source, row.epoch), []).append((row.seq, row.seq))
                if row.covers is not None:
                    epoch, first, last = row.covers
                    arrived.setdefault((row.source, epoch), []).append((first, last))
            for (source, epoch), more in arrived.items():
                self._move_watermark(source, epoch, more)
        return new

    @_translated
    def watermark(self, source: str, epoch: str | None = None) -> Watermark | None:
        """How far `source` is stored in `epoch` (none given: the one of its last birth); None when unknown."""
        if epoch is None:
            row = self._db.execute("SELECT epoch FROM gateways WHERE source = ?", (source,)).fetchone()
            if row is None:
                return None
            epoch = str(row[0])
        row = self._db.execute(
            "SELECT upto, have FROM watermarks WHERE source = ? AND epoch = ?", (source, epoch)
        ).fetchone()
        return Watermark(epoch) if row is None else Watermark(epoch, row[0], spans.loads(row[1]))

    @_translated
    def quarantine(self, topic: str, reason: str, raw: bytes) -> None:
        """Keep what cannot be stored, bounded, for a person to look at."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO quarantine (heard_ms, topic, reason, size, raw) VALUES (?, ?, ?, ?, ?)",
                (_now_ms(), topic, reason[:500], len(raw), raw[:QUARANTINE_RAW_BYTES]),
            )
            self._db.execute(
                "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", (QUARANTINE_ROWS,)
            )

    @_translated
    def remember(self, gateway: KnownGateway) -> str | None:
        """Take a birth; returns the epoch that was known before, None for a gateway never heard of."""
        with self._transaction():
            row = self._db.execute("SELECT epoch FROM gateways WHERE source = ?", (gateway.source,)).fetchone()
            self._db.execute(
                "INSERT OR REPLACE INTO gateways (source, epoch, boot_id, up_ms, heard_ms, bdseq, state, agent)"
                " VALUES (:source, :epoch, :boot_id, :up_ms, :heard_ms, :bdseq, :state, :agent)",
                msgspec.structs.asdict(gateway),
            )
        return None if row is None else str(row[0])

    @_translated
    def set_state(self, source: str, state: str, bdseq: int) -> None:
        """Online or offline, unless it is about another session than the last birth's."""
        with self._transaction():
            self._db.execute("UPDATE gateways SET state = ? WHERE source = ? AND bdseq = ?", (state, source, bdseq))

    @_translated
    def gateway(self, source: str) -> KnownGateway | None:
        row = self._db.execute(
            "SELECT source, epoch, boot_id, up_ms, heard_ms, bdseq, state, agent FROM gateways WHERE source = ?",
            (source,),
        ).fetchone()
        if row is None:
            return None
        return KnownGateway(**dict(zip(KnownGateway.__struct_fields__, row, strict=True)))

    @_translated
    def next_counter(self) -> int:
        """A number greater than any before, even when this file was lost: it never lags behind the wall clock's ms."""
        with self._transaction():
            row = self._db.execute("SELECT value FROM counters WHERE name = 'command'").fetchone()
            value = max(_now_ms(), (row[0] if row else 0) + 1)
            self._db.execute("INSERT OR REPLACE INTO counters (name, value) VALUES ('command', ?)", (value,))
        return value

    @_translated
    def result_of(self, source: str, command: str) -> tuple[str, str] | None:
        """(tag, body) of the command.* event about `command`, newest first; None while there is none."""
        row = self._db.execute(
            "SELECT tag, body FROM events WHERE source = ? AND tag GLOB 'command.*'"
            " AND json_extract(body, '$.command') = ? ORDER BY heard_ms DESC, seq DESC LIMIT 1",
            (source, command),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:  # commits, or rolls back when the block fails
            yield

    def _insert(self, row: CityRow) -> int:
        own = chain_hash(row.prev, row.body, row.seq)
        cursor = self._db.execute(
            "INSERT INTO events (source, epoch, seq, tag, subject, time, boot_id, up_ms, clock, clock_err_ms, historic,"
            " body, prev, hash, chain, heard_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            (
                row.source, row.epoch, row.seq, row.tag, row.subject, row.time, row.boot_id, row.up_ms, row.clock,
                row.clock_err_ms, row.historic, row.body.decode(), row.prev, own, self._chain(row), _now_ms(),
            ),
        )  # fmt: skip
        if cursor.rowcount == 1:
            self._db.execute(
                "UPDATE events SET chain = CASE WHEN prev = ? THEN 'ok' ELSE 'broken' END"
                " WHERE source = ? AND epoch = ? AND seq = ? AND chain = 'open'",
                (own, row.source, row.epoch, row.seq + 1),
            )
        return cursor.rowcount

    def _chain(self, row: CityRow) -> str:
        """Does this row follow the one before it? `open` while that one is not here; nothing is refused for it."""
        if row.seq == 1:
            return "ok" if row.prev == genesis(row.epoch) else "broken"
        before = self._db.execute(
            "SELECT hash FROM events WHERE source = ? AND epoch = ? AND seq = ?", (row.source, row.epoch, row.seq - 1)
        ).fetchone()
        if before is None:
            return "open"
        return "ok" if before[0] == row.prev else "broken"

    def _move_watermark(self, source: str, epoch: str, arrived: list[tuple[int, int]]) -> None:
        row = self._db.execute(
            "SELECT upto, have FROM watermarks WHERE source = ? AND epoch = ?", (source, epoch)
        ).fetchone()
        upto, have = (0, ()) if row is None else (row[0], spans.loads(row[1]))
        upto, have = spans.grown(upto, have, arrived)
        self._db.execute(
            "INSERT INTO watermarks (source, epoch, upto, have) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (source, epoch) DO UPDATE SET upto = excluded.upto, have = excluded.have",
            (source, epoch, upto, spans.dumps(have)),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
