"""Looking back over some 300,000 events in a fraction of a second, without a write at the time of recording.

`look.db` beside the journal holds of each row what is searched for: time, tag, door, person, reason. It is brought up
to date when somebody looks, never when something happens; nothing in it is needed, so it is neither synced nor repaired
but made again. The rows themselves stay in the journal.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.events import Row
from edge_agent.model.look import Found, Hour, Search
from edge_agent.store import database
from edge_agent.store.reading import JournalReader

FILE = "look.db"
FORM = 1  # of the tables here: another one means making them again
BATCH = 2000
COUNTED = 10_001  # more than so many are not counted
HOUR_MS = 3_600_000
TABLES = """
    CREATE TABLE look (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, tag TEXT NOT NULL, door TEXT NOT NULL, person TEXT NOT NULL,
        reason TEXT NOT NULL, direction TEXT NOT NULL, silent INTEGER NOT NULL);
    CREATE INDEX look_at ON look (at_ms);
    CREATE INDEX look_person ON look (person, seq) WHERE person <> '';
    CREATE INDEX look_door ON look (door, seq);
    CREATE INDEX look_tag ON look (tag, seq);
    CREATE INDEX look_reason ON look (reason, seq) WHERE reason <> '';
    CREATE TABLE about (epoch TEXT NOT NULL, form INTEGER NOT NULL);
"""

logger = log.get("store.look")


# SQLite reads the bodies itself: no row passes through Python, and the event loop goes on meanwhile.
TAKE = """
    INSERT OR REPLACE INTO look
    SELECT seq, wall_ms, tag, coalesce(body ->> 'door', ''), coalesce(body ->> 'person', ''),
        coalesce(body ->> 'reason', ''), coalesce(body ->> 'direction', ''),
        coalesce(body ->> 'silent', 0) OR coalesce(body ->> 'kind', '') = 'duress'
    FROM (SELECT seq, wall_ms, tag, CASE WHEN json_valid(CAST(body AS TEXT)) THEN CAST(body AS TEXT) ELSE '{}' END body
        FROM journal.events WHERE seq > ? ORDER BY seq LIMIT ?)"""
UNSET = "SELECT seq FROM journal.events WHERE seq > ? AND seq <= ? AND clock = 'unset'"


class Look:
    """Blocking, for one thread at a time. Raises StoreError."""

    def __init__(self, journal: Path, path: Path) -> None:
        self.path = path
        with ExitStack() as unless_whole:
            self._reader = JournalReader(journal)
            unless_whole.callback(self._reader.close)
            self._connection = self._open()
            unless_whole.pop_all()

    def close(self) -> None:
        self._connection.close()
        self._reader.close()

    # ---- asking ------------------------------------------------------------------------------------------------------

    def search(self, wanted: Search) -> Found:
        self.catch_up()
        where, values = _where(wanted)
        counted = f"SELECT count(*) FROM (SELECT 1 FROM look WHERE {where} LIMIT {COUNTED})"
        total = int(self._all(counted, *values)[0][0])
        if wanted.before is not None:
            where, values = f"{where} AND seq < ?", (*values, wanted.before)
        seqs = [seq for (seq,) in self._all(
            f"SELECT seq FROM look WHERE {where} ORDER BY seq DESC LIMIT ?", *values, wanted.limit + 1
        )]  # fmt: skip
        more, seqs = len(seqs) > wanted.limit, seqs[: wanted.limit]
        rows = self._reader.rows_at(seqs)
        return Found(tuple(reversed(rows)), total, seqs[-1] if more else None)

    def every(self, wanted: Search, at_most: int) -> Iterator[Row]:
        """All that is wanted, oldest first, for a file."""
        self.catch_up()
        where, values = _where(wanted)
        seqs = [
            seq for (seq,) in self._all(f"SELECT seq FROM look WHERE {where} ORDER BY seq LIMIT ?", *values, at_most)
        ]
        for at in range(0, len(seqs), BATCH):
            yield from self._reader.rows_at(seqs[at : at + BATCH])

    def hours(self, from_ms: int, until_ms: int, door: str = "") -> list[Hour]:
        """Passages by the hour; hours without any are left out."""
        self.catch_up()
        at_door = "AND door = ?" if door else ""
        rows = self._all(
            f"""SELECT at_ms / {HOUR_MS}, sum(tag = 'access.granted' AND direction <> 'out'),
                sum(tag = 'access.granted' AND direction = 'out'), sum(tag = 'access.denied')
                FROM look WHERE at_ms >= ? AND at_ms < ? AND tag IN ('access.granted', 'access.denied') {at_door}
                GROUP BY 1 ORDER BY 1""",
            *((from_ms, until_ms, door) if door else (from_ms, until_ms)),
        )
        return [Hour(hour * HOUR_MS, *counts) for hour, *counts in rows]

    # ---- keeping up --------------------------------------------------------------------------------------------------

    def catch_up(self, at_most: int = 1 << 62) -> int:
        """Take in what was recorded since the last look, `at_most` so many rows; returns how many."""
        count = 0
        while count < at_most:
            before = self._last()
            taken = self._do(TAKE, before, min(BATCH, at_most - count))
            if not taken:
                break
            self._date(before, self._last())
            count += taken
        self._do("DELETE FROM look WHERE seq < ?", self._reader.first)  # the journal made room
        return count

    def _last(self) -> int:
        return int(self._all("SELECT coalesce(max(seq), 0) FROM look")[0][0])

    def _date(self, after: int, upto: int) -> None:
        """Rows of an unset clock get the best time there is by now."""
        if seqs := [seq for (seq,) in self._all(UNSET, after, upto)]:
            for row in self._reader.rows_at(seqs):
                self._do("UPDATE look SET at_ms = ? WHERE seq = ?", row.wall_ms, row.seq)

    def _open(self) -> sqlite3.Connection:
        """The file as it is, or a new one when it is another journal's, of another form, or damaged."""
        for attempt in range(2):
            try:
                with ExitStack() as unless_good:
                    connection = self._connected()
                    unless_good.callback(connection.close)
                    if connection.execute("SELECT epoch, form FROM about").fetchone() == (self._reader.epoch, FORM):
                        self.path.chmod(0o600)
                        connection.execute("ATTACH ? AS journal", (f"{self._reader.path.absolute().as_uri()}?mode=ro",))
                        unless_good.pop_all()
                        return connection
            except database.FAILURES as error:
                if attempt:
                    raise database.translated(error, self.path) from error
                logger.warning("%s is made again: %s", self.path.name, error)
            self.path.unlink(missing_ok=True)
        raise StoreError("store.failing", file=self.path.name, why="another journal's")

    def _connected(self) -> sqlite3.Connection:
        with ExitStack() as unless_good:
            connection = sqlite3.connect(
                self.path.absolute().as_uri(), uri=True, isolation_level=None, check_same_thread=False
            )
            unless_good.callback(connection.close)
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")  # nothing here that the journal has not got
            connection.execute("PRAGMA cache_size = -4096")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
                connection.executescript(TABLES)
                connection.execute("INSERT INTO about VALUES (?, ?)", (self._reader.epoch, FORM))
            unless_good.pop_all()
        return connection

    def _do(self, query: str, *values: object) -> int:
        try:
            return self._connection.execute(query, values).rowcount
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def _all(self, query: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error


def _where(wanted: Search) -> tuple[str, tuple[object, ...]]:
    """Only what is given becomes a condition, and every value a parameter.

    A + keeps SQLite from an index that finds much and then has to be sorted: walking back from the newest row is
    shorter.
    """
    parts, values = ["1"], list[object]()

    def add(condition: str, *given: object) -> None:
        parts.append(condition)
        values.extend(given)

    if wanted.persons is not None:
        add(f"person IN ({','.join('?' * len(wanted.persons))}) AND person <> ''", *wanted.persons)
    if wanted.door:
        add("door = ?", wanted.door)
    if wanted.verdict:
        add("tag = ?", f"access.{wanted.verdict}")
    elif wanted.tag and "." in wanted.tag:
        add("tag = ?", wanted.tag)
    elif wanted.tag:
        add("+tag >= ? AND +tag < ?", f"{wanted.tag}.", f"{wanted.tag}/")
    if wanted.reason:
        add("reason = ? AND reason <> ''", wanted.reason)
    if wanted.from_ms is not None:
        add("+at_ms >= ?", wanted.from_ms)
    if wanted.until_ms is not None:
        add("+at_ms < ?", wanted.until_ms)
    if not wanted.silent:
        add("silent = 0")
    return " AND ".join(parts), tuple(values)
