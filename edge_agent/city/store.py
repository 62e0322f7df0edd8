"""The city's database: every event once, and how far each gateway's stream is complete.

`store` and `watermark` are all that a worker asks of it. `store` returns only after the commit is on the disk: what it
returned may be acknowledged. Rows may come in any order, several times, and through several workers at once.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.city import spans
from edge_agent.city.database import open_database
from edge_agent.city.rows import CityRow, KnownGateway, Watermark
from edge_agent.contract.envelope import LAST_SEQ, chain_hash, genesis

QUARANTINE_ROWS = 10_000  # the oldest make room: a hostile gateway must not fill the disk
QUARANTINE_RAW_BYTES = 4_096

Stream = tuple[str, str]  # source, epoch
Span = tuple[int, int]

_INSERT = (
    "INSERT INTO events (source, epoch, seq, tag, subject, time, boot_id, up_ms, clock, clock_err_ms, historic,"
    " body, prev, hash, chain, heard_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)
_CONFLICT = (
    "INSERT INTO conflicts (source, epoch, seq, hash, tag, time, body, prev, heard_ms) VALUES (?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT DO NOTHING"
)
_RECHAIN = "UPDATE events SET chain = ? WHERE source = ? AND epoch = ? AND seq = ?"
_MARK = (
    "INSERT INTO watermarks (source, epoch, upto, have) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (source, epoch) DO UPDATE SET upto = excluded.upto, have = excluded.have"
)
_VOUCHED = (
    "INSERT INTO checkpoints (source, epoch, seq, statement) VALUES (?, ?, ?, ?) ON CONFLICT (source, epoch)"
    " DO UPDATE SET seq = excluded.seq, statement = excluded.statement WHERE excluded.seq >= checkpoints.seq"
)
_SEEN = "UPDATE gateways SET seen_ms = ?, last = CASE WHEN last < ? THEN ? ELSE last END WHERE source = ? AND epoch = ?"
_GATEWAY = ", ".join(KnownGateway.__struct_fields__)
_REMEMBER = (
    f"INSERT INTO gateways ({_GATEWAY}) VALUES ({', '.join('?' * len(KnownGateway.__struct_fields__))})"
    f" ON CONFLICT (source) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in KnownGateway.__struct_fields__[1:])
)


class CityStore:
    """Every method raises StoreError when the database cannot be read or written."""

    def __init__(self, place: Path | str) -> None:
        """`place`: a file, made when it is not there, or postgresql://… . Raises StoreError when it is not ours."""
        self._db = open_database(place)
        self.where = self._db.where

    def close(self) -> None:
        self._db.close()

    def store(self, rows: Sequence[CityRow]) -> int:
        """Commit `rows`, each (source, epoch, seq) once, and move the watermarks; returns how many were new."""
        streams: dict[Stream, list[CityRow]] = {}
        for row in rows:
            streams.setdefault((row.source, row.epoch), []).append(row)
        arrived = _arrived(rows)
        new, now_ms = 0, _now_ms()
        with self._db.transaction(_names(arrived)):
            for (source, epoch), group in streams.items():
                new += self._append(source, epoch, group, now_ms)
                last = max(row.seq for row in group)
                self._db.execute(_SEEN, (now_ms, last, last, source, epoch))
            self._move(arrived)
        return new

    def note(self, rows: Sequence[CityRow]) -> None:
        """Move the watermarks as if `rows` were stored: somebody else keeps them."""
        arrived = _arrived(rows)
        with self._db.transaction(_names(arrived)):
            self._move(arrived)

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

    def quarantine(self, topic: str, reason: str, raw: bytes) -> None:
        """Keep what cannot be stored, bounded, for a person to look at."""
        with self._db.transaction(("quarantine",)):
            self._db.execute(
                "INSERT INTO quarantine (heard_ms, topic, reason, size, raw) VALUES (?, ?, ?, ?, ?)",
                (_now_ms(), topic, reason[:500].replace("\0", "�"), len(raw), raw[:QUARANTINE_RAW_BYTES]),
            )
            self._db.execute(
                "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", (QUARANTINE_ROWS,)
            )

    def remember(self, gateway: KnownGateway) -> str | None:
        """Take a birth; returns the epoch that was known before, None for a gateway never heard of."""
        with self._db.transaction((gateway.source,)):
            row = self._db.execute("SELECT epoch FROM gateways WHERE source = ?", (gateway.source,)).fetchone()
            self._db.execute(_REMEMBER, msgspec.structs.astuple(gateway))
        return None if row is None else str(row[0])

    def vouched(self, source: str, epoch: str, seq: int, statement: bytes) -> None:
        """Keep a gateway's signed word about row `seq`, unless there is one about a later row."""
        with self._db.transaction(("checkpoints",)):
            self._db.execute(_VOUCHED, (source, epoch, seq, statement))

    def set_state(self, source: str, state: str, bdseq: int) -> None:
        """Online or offline, unless it is about another session than the last birth's."""
        self._db.execute("UPDATE gateways SET state = ? WHERE source = ? AND bdseq = ?", (state, source, bdseq))

    def gateway(self, source: str) -> KnownGateway | None:
        row = self._db.execute(f"SELECT {_GATEWAY} FROM gateways WHERE source = ?", (source,)).fetchone()
        return None if row is None else KnownGateway(**dict(zip(KnownGateway.__struct_fields__, row, strict=True)))

    def next_counter(self) -> int:
        """A number greater than any before, even when this database was lost: never behind the wall clock's ms."""
        with self._db.transaction(("counters",)):
            row = self._db.execute("SELECT value FROM counters WHERE name = 'command'").fetchone()
            value = max(_now_ms(), (row[0] if row else 0) + 1)
            self._db.execute(
                "INSERT INTO counters (name, value) VALUES ('command', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (value,),
            )
        return value

    def result_of(self, source: str, command: str) -> tuple[str, str] | None:
        """(tag, body) of the command.* event about `command`, newest first; None while there is none."""
        rows = self._db.execute(
            "SELECT tag, body FROM events WHERE source = ?"
            " AND tag IN ('command.completed', 'command.refused', 'command.unknown')"
            " AND body LIKE ? ORDER BY heard_ms DESC, seq DESC",
            (source, f'%"{command}"%'),
        ).fetchall()
        found = ((tag, body) for tag, body in rows if msgspec.json.decode(body).get("command") == command)
        return next(found, None)

    def _append(self, source: str, epoch: str, rows: list[CityRow], now_ms: int) -> int:
        """The rows of one stream; returns how many were new."""
        near = {number for row in rows for number in (row.seq - 1, row.seq, row.seq + 1) if 1 <= number <= LAST_SEQ}
        known: dict[int, tuple[bytes, bytes, str]] = {
            seq: (own, prev, chain)
            for seq, own, prev, chain in self._db.execute(
                "SELECT seq, hash, prev, chain FROM events WHERE source = ? AND epoch = ? AND seq " + self._db.among,
                (source, epoch, self._db.numbers(sorted(near))),
            )
        }
        hashes = {seq: own for seq, (own, _, _) in known.items()}
        fresh: list[tuple[Any, ...]] = []
        clashing: list[tuple[Any, ...]] = []
        for row in sorted(rows, key=lambda row: row.seq):
            own, body = chain_hash(row.prev, row.body, row.seq), row.body.decode()
            if row.seq in hashes:
                if hashes[row.seq] != own:
                    clashing.append((source, epoch, row.seq, own, row.tag, row.time, body, row.prev, now_ms))
                continue
            before = genesis(epoch) if row.seq == 1 else hashes.get(row.seq - 1)
            fresh.append((
                source, epoch, row.seq, row.tag, row.subject, row.time, row.boot_id, row.up_ms, row.clock,
                row.clock_err_ms, int(row.historic), body, row.prev, own, _fits(row.prev, before), now_ms,
            ))  # fmt: skip
            hashes[row.seq] = own
        after = [
            (_fits(prev, hashes[seq - 1]), source, epoch, seq)
            for seq, (_, prev, chain) in known.items()
            if chain == "open" and seq - 1 in hashes
        ]
        for statement, values in ((_INSERT, fresh), (_CONFLICT, clashing), (_RECHAIN, after)):
            if values:
                self._db.execute_many(statement, values)
        return len(fresh)

    def _move(self, arrived: dict[Stream, list[Span]]) -> None:
        """The watermarks, after `arrived` came in."""
        for (source, epoch), more in arrived.items():
            row = self._db.execute(
                "SELECT upto, have FROM watermarks WHERE source = ? AND epoch = ?", (source, epoch)
            ).fetchone()
            upto, have = (0, ()) if row is None else (row[0], spans.loads(row[1]))
            upto, have = spans.grown(upto, have, more)
            self._db.execute(_MARK, (source, epoch, upto, spans.dumps(have)))


def _arrived(rows: Iterable[CityRow]) -> dict[Stream, list[Span]]:
    """What `rows` add to each stream: themselves, and the gaps they announce."""
    arrived: dict[Stream, list[Span]] = {}
    for row in rows:
        arrived.setdefault((row.source, row.epoch), []).append((row.seq, row.seq))
        if row.covers is not None:
            epoch, first, last = row.covers
            arrived.setdefault((row.source, epoch), []).append((first, last))
    return arrived


def _names(streams: Iterable[Stream]) -> list[str]:
    return [f"{source} {epoch}" for source, epoch in streams]


def _fits(prev: bytes, before: bytes | None) -> str:
    """Does a row with `prev` follow the row whose hash is `before`? Nothing is refused for it."""
    if before is None:
        return "open"
    return "ok" if prev == before else "broken"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
