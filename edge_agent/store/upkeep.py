"""What the journal's file needs beside appending: room of its own, old rows out, signed statements of how far it came.

All of it in small steps on the writer thread, so that no event waits long. What the city has not confirmed is never
removed; what it has stays as long as there is room, for audits and to be sent again.
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.model.clock import Moment
from edge_agent.store import reserve

LOOK_S = 10.0
STEP_S = 0.05  # between two steps while there is work
KEEP = 300_000  # rows, about 95 MB
KEEP_DAYS = 30
DAY_MS, OVERDUE_MS = 86_400_000, 3_600_000
PRUNE = 200  # rows in one step
TAIL = 64  # the newest rows stay, whatever happens: the next start looks at them
MARK_EVERY = 1000  # events between two signed checkpoints
MARK_WITHIN_S = 60.0
LOW_BYTES = 2 << 20  # of growth left: from here on confirmed rows make room
FREE_BYTES = reserve.CHUNK_PAGES * reserve.PAGE  # ready for the next rows
LOOK_ROWS = 400  # look sooner after so many: they fill less than what is ready
ENOUGH_BYTES = reserve.RESERVE_BYTES * 3 // 4
ROW_BYTES = 512

# (seq, hash, pruned) -> the signed statement to be kept
Sign = Callable[[int, bytes, bool], bytes]
NEWEST = "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
MARK = "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)"
SETTLED = "DELETE FROM intents WHERE command IN (SELECT command FROM intents WHERE result IS NOT NULL LIMIT ?)"
DATED = "SELECT seq, wall_ms FROM events WHERE seq <= ? AND clock != 'unset' ORDER BY seq"
OLD = "SELECT wall_ms FROM events WHERE seq >= ? AND clock != 'unset' ORDER BY seq LIMIT 1"

logger = log.get("store.upkeep")


class Space(msgspec.Struct, frozen=True):
    """Bytes: `growth` the file can still grow by, `spare` it holds already; `first`: the oldest row kept."""

    growth: int
    spare: int
    first: int


class Upkeep:
    """`keep`, `days`: rows beyond `keep` go once they are older; when the disk is full neither holds. `most_days`: rows
    older than that go however few there are; None: age alone takes nothing.
    """

    def __init__(
        self, path: Path, sign: Sign, keep: int = KEEP, days: int = KEEP_DAYS, most_days: int | None = None
    ) -> None:
        self.path, self.sign, self.keep, self.days, self.most_days = path, sign, keep, days, most_days
        self._marked: int | None = None
        self._mark_at = 0.0
        self._forced = False
        self._small = False  # the disk has no room for the reserve: said once

    def step(self, connection: sqlite3.Connection, acked: int, now: Moment) -> tuple[Space, float]:
        """One small piece of work; the space there is now, and when to come again. Raises sqlite3.Error."""
        self._mark(connection)
        growth = reserve.growth_bytes(connection, self.path)
        full = growth < LOW_BYTES
        pruned = self._prune(connection, acked, now, full)
        busy = pruned or _settled(connection) or self._hold(connection, growth)
        space = Space(growth, reserve.spare_bytes(connection), first(connection))
        return space, (0.0 if full and pruned else STEP_S) if busy else LOOK_S

    def _mark(self, connection: sqlite3.Connection) -> None:
        """Sign the newest row's hash every MARK_EVERY events or MARK_WITHIN_S; of a thousand rows one mark is kept."""
        last, hash_ = connection.execute(NEWEST).fetchone() or (0, b"")
        if self._marked is None:
            self._marked = connection.execute("SELECT coalesce(max(seq), 0) FROM checkpoints").fetchone()[0]
        if last == self._marked:
            self._mark_at = time.monotonic() + MARK_WITHIN_S
        elif last - self._marked >= MARK_EVERY or time.monotonic() >= self._mark_at:
            connection.execute(MARK, (1 + last // MARK_EVERY, last, hash_, self.sign(last, hash_, False)))
            self._marked, self._mark_at = last, time.monotonic() + MARK_WITHIN_S

    def _prune(self, connection: sqlite3.Connection, acked: int, now: Moment, full: bool) -> bool:
        """Remove up to PRUNE confirmed rows, oldest first, when their time has come or the disk forces it."""
        oldest, newest = first(connection), last_of(connection)
        upto = min(oldest + PRUNE - 1, acked, newest - TAIL)
        if upto < oldest:
            return False
        forced = full and free_bytes(connection) < LOW_BYTES
        if not forced:
            upto = max(self._beyond(connection, min(upto, newest - self.keep), now), self._over(connection, upto, now))
        if upto < oldest:
            return False
        hash_ = connection.execute("SELECT hash FROM events WHERE seq = ?", (upto,)).fetchone()
        if hash_ is None:
            return False  # a row that damage took: `verify` says so; nothing is removed around it
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM events WHERE seq <= ?", (upto,))
        connection.execute("DELETE FROM dead_letters WHERE seq <= ?", (upto,))
        connection.execute("DELETE FROM checkpoints WHERE seq <= ?", (upto,))
        connection.execute(MARK, (0, upto, hash_[0], self.sign(upto, hash_[0], True)))
        connection.execute("COMMIT")
        if forced and not self._forced:
            logger.warning("the disk is full: confirmed events make room, from %d on", oldest)
        self._forced = forced
        return True

    def _beyond(self, connection: sqlite3.Connection, upto: int, now: Moment) -> int:
        """Up to where rows are too many, and old enough to go for that; 0: none."""
        return upto if self._old(connection, upto, self.days, now) else 0

    def _over(self, connection: sqlite3.Connection, upto: int, now: Moment) -> int:
        """Up to where the time of rows is over; 0: none. A step at a time where there is a backlog, else once in
        OVERDUE_MS: each of them is a write.
        """
        if self.most_days is None or not now.trusted:
            return 0
        if self._old(connection, upto, self.most_days, now):
            return upto
        limit_ms, over = now.wall_ms - self.most_days * DAY_MS, 0
        for seq, wall_ms in connection.execute(DATED, (upto,)):
            if int(wall_ms) >= (limit_ms if over else limit_ms - OVERDUE_MS):
                break
            over = seq
        return over

    def _old(self, connection: sqlite3.Connection, upto: int, days: int, now: Moment) -> bool:
        """Rows up to `upto` are older than `days`. Nobody knows while the clock is not trusted."""
        row = connection.execute(OLD, (upto,)).fetchone()
        return now.trusted and row is not None and int(row[0]) < now.wall_ms - days * DAY_MS

    def _hold(self, connection: sqlite3.Connection, growth: int) -> bool:
        """Have some free pages ready, let the reserve grow by a chunk, and the log to its full length, as long as the
        disk has room for more.
        """
        try:
            reserve.lock(connection)
            ample = growth >= LOW_BYTES + reserve.LOG_RESERVE_PAGES * reserve.PAGE
            if free_bytes(connection) < FREE_BYTES:
                return reserve.more(connection, self.path)
            if not ample:
                self._too_small(reserve.spare_bytes(connection))
            elif reserve.chunks(connection) < reserve.CHUNKS:
                reserve.add(connection)
                return True
            elif not reserve.log_grown(self.path):
                reserve.grow_log(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
        return False

    def _too_small(self, spare: int) -> None:
        if not self._small and spare < ENOUGH_BYTES:
            self._small = True
            logger.warning("%s: the disk has no room for the journal's reserve", self.path.name)


def _settled(connection: sqlite3.Connection) -> bool:
    """Remove some commands whose result is known: versions before kept them for good."""
    return connection.execute(SETTLED, (PRUNE,)).rowcount > 0


def first(connection: sqlite3.Connection) -> int:
    """The oldest row there is; the next one to come when there is none."""
    found = connection.execute("SELECT min(seq) FROM events").fetchone()[0]
    return 1 if found is None else int(found)


def free_bytes(connection: sqlite3.Connection) -> int:
    """Of pages that the next rows take."""
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0]) * reserve.PAGE


def last_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
