"""The journal's file as its one writer sees it: appends rows to the chain, one transaction a call. Blocking.

Numbers and hashes are given inside the transaction, so a commit that fails burns no number and breaks no chain. After
a failure nothing that is in memory is believed: the file is opened again and its tail read.
"""

import contextlib
import fcntl
import os
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.clock import Moment
from edge_agent.model.events import Event, GapAnnounced, Row, encode_event
from edge_agent.ports import Anchor, Change, DoorState, IntentDone, IntentOpened
from edge_agent.store import chain, database, mark, recognise, reserve, salvage, standing
from edge_agent.store.recognise import Damaged, beside
from edge_agent.store.schema import JOURNAL
from edge_agent.store.upkeep import Space, Upkeep

PROBE_BYTES = 64 << 10  # a disk that takes this takes a group of events
TAIL_ROWS = 64

APPEND = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
FURTHER = ", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # one more row of the same statement
CURSOR = "INSERT INTO cursors VALUES ('city', ?) ON CONFLICT (name) DO UPDATE SET upto = excluded.upto"
ACKED = "SELECT coalesce(max(CAST(upto AS INTEGER)), 0) FROM cursors WHERE name = 'city'"
EPOCH = re.compile(r"[0-9a-f]{32}")
RUN = "INSERT INTO meta VALUES ('run', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
TIME = "INSERT INTO meta VALUES ('time', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
FORGET = "DELETE FROM anchors WHERE seq < (SELECT min(seq) FROM events) AND boot_id != ?"
TRUSTED = """SELECT wall_ms, boot_id, up_ms FROM (SELECT * FROM events ORDER BY seq DESC LIMIT 5000)
    WHERE clock != 'unset' ORDER BY wall_ms DESC LIMIT 1"""

logger = log.get("store.journal")


class DeadLetter(msgspec.Struct, frozen=True):
    """The city will never take row `seq`."""

    seq: int
    reason: str


class Entry(msgspec.Struct):
    """One event with its changes, or changes alone. `body` is encoded by who records, not by the writer."""

    changes: tuple[Change | DeadLetter, ...]
    event: Event | None = None
    body: bytes = b""
    moment: Moment | None = None
    read_id: str | None = None
    row: Row | None = None  # once committed


class JournalFile:
    """`after`: how the last run ended (first, clean, killed). `set_aside`: the damaged file this one follows."""

    def __init__(self, path: Path, now: Moment) -> None:
        """Raises StoreError: not ours, from the future, in use by another process, cannot be written."""
        self.path = path
        database.make_directory(path.parent)
        self._lock = _own(path)
        try:
            opened = self._open_whole()
            self._connection: sqlite3.Connection | None = opened.connection
            reserve.bound(opened.connection)
            self.set_aside, self._why = opened.set_aside, opened.why
            self.after = {"running": "killed", "clean": "clean"}.get(self._meta("run") or "", "first")
            self.epoch = self._meta("epoch") or ""
            self.last, self._prev, self.acked = self._tail()
            self._former = mark.read(path)
            self._mark = mark.Mark(path)
            self._identity = _identity(path)
        except OSError as error:
            os.close(self._lock)
            raise StoreError("store.cannot_open", file=path.name, why=error.strerror) from error
        except database.FAILURES as error:
            os.close(self._lock)
            raise database.translated(error, path) from error
        except StoreError:
            os.close(self._lock)
            raise
        self._now = now
        self._begun = False
        self._bounded = False  # the file grows by the steps of its upkeep alone
        beside(path, "-suspect").unlink(missing_ok=True)

    def begin(self) -> None:
        """Note that a run began; the first events of a file that follows a damaged one say so. Raises sqlite3.Error."""
        if self._begun:
            return
        self._ask().execute(RUN, ("running",))
        if self.last == 0 and (gaps := self._gaps()):
            for gap in gaps:
                said = gap.from_seq, gap.to_seq, gap.epoch[:8] or "?"
                logger.error("events %d to %d of epoch %s will not arrive", *said)
            self.commit([Entry((), gap, encode_event(gap), self._now) for gap in gaps], None)
        self._begun = True

    def commit(self, entries: Sequence[Entry], acked: int | None, now: Moment | None = None) -> None:
        """One transaction for all of them, the city's cursor and the time; sets each entry's `row`. Raises
        sqlite3.Error.
        """
        connection = self._ask()
        seq, prev, epoch = self.last, self._prev, self.epoch
        rows, values = list[tuple[Entry, Row]](), list[object]()
        changes = list[tuple[Change | DeadLetter, int | None]]()
        for item in entries:
            event, at, body = item.event, item.moment, item.body
            if event is not None and at is not None:
                seq += 1
                hash_ = chain.link(prev, body, seq)
                columns = (at.wall_ms, str(at.state), at.err_ms, at.boot_id, at.up_ms, prev, hash_)
                rows.append((item, Row(seq, epoch, event.tag, body, *columns)))
                values += (seq, event.tag, event.hurries, body, *columns)
                prev = hash_
            for change in item.changes:
                changes.append((change, None if event is None else seq))
        alone = bool(rows) and not changes and acked is None  # then the statement is the transaction
        if not alone:
            connection.execute("BEGIN IMMEDIATE")
        if rows:
            connection.execute(appending(len(rows)), values)
        if not alone:
            for change, at_seq in changes:
                _apply(connection, change, at_seq)
            if acked is not None:
                connection.execute(CURSOR, (acked,))
                if now is not None:
                    past_ms = now.wall_ms if now.trusted else now.floor_ms
                    connection.execute(TIME, (f"{past_ms} {now.boot_id} {now.up_ms}",))
            connection.execute("COMMIT")
        self.last, self._prev = seq, prev
        if rows:
            self._mark.write(epoch, seq)
        for item, row in rows:
            item.row = row

    def fail(self, error: sqlite3.Error | UnicodeError) -> StoreError:
        """A commit failed: let go of the connection (a failed fsync poisons it) and say what is wrong."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        return database.translated(error, self.path)

    def recover(self) -> None:
        """Open again, prove that a commit works, read the tail anew. Raises sqlite3.Error or StoreError."""
        connection = self._again()
        if self._bounded and not reserve.has_room(connection, self.path):
            raise StoreError("store.disk_full", file=self.path.name)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO probe VALUES (zeroblob(?))", (PROBE_BYTES,))
        connection.execute("COMMIT")
        connection.execute("DELETE FROM probe")
        self.last, self._prev, _ = self._tail()
        self.begin()

    def make_room(self) -> bool:
        """After a commit that found no room: let the file grow, or give the events a part of
        the reserve. False when both are used up.
        """
        try:
            connection = self._again()
            found = reserve.more(connection, self.path) if self._bounded else reserve.release(connection)
            self.last, self._prev, _ = self._tail()
        except (StoreError, *database.FAILURES):
            return False
        return found

    def tend(self, upkeep: Upkeep, acked: int, now: Moment) -> tuple[Space, float]:
        """One step of upkeep. Raises sqlite3.Error; Damaged when the file is not there any more, or another one is:
        what is written then is nowhere after the next start.
        """
        self._bounded = True
        if _identity(self.path) != self._identity:
            raise Damaged(self.path, "it was removed or replaced while in use")
        return upkeep.step(self._again(), acked, now)

    def times(self) -> list[tuple[int, str, int]]:
        """(wall_ms, boot_id, up_ms) that this file proves to be past. Raises sqlite3.Error."""
        found = [tuple(row) for row in self._ask().execute(TRUSTED)]
        saved = (self._meta("time") or "").split()
        if len(saved) == 3 and saved[0].isdecimal() and saved[2].isdecimal():
            found.append((int(saved[0]), saved[1], int(saved[2])))
        return [row for row in found if isinstance(row[0], int) and isinstance(row[2], int)]

    def suspect(self) -> bool:
        """The file was found damaged while in use: the next start looks at all of it. False when not even that can be
        noted: then the disk is what fails, SQLite takes what it cannot read for damage, and a new start would find
        nothing to start from.
        """
        try:
            beside(self.path, "-suspect").touch(mode=0o600)
        except OSError:
            return False
        return True

    def close(self, acked: int | None, now: Moment | None = None) -> None:
        """Clean end of the run. Raises sqlite3.Error when that could not be noted."""
        try:
            if self._connection is not None:
                if acked is not None:
                    self.commit([], acked, now)
                self._connection.execute(RUN, ("clean",))
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._mark.close()
            os.close(self._lock)

    def _gaps(self) -> list[GapAnnounced]:
        """What a new file has to say of those before it: of all that were set aside, the last one first (a start may
        have been cut off, or the file that was to say it was damaged itself), of what they had still to say, and of one
        of which the mark alone is left.
        """
        gaps = list[GapAnnounced]()
        for file in sorted(database.aside(self.path), key=lambda file: file != self.set_aside):
            why = self._why if file == self.set_aside else "a start was cut off"
            gaps += [salvage.gap(file, why), *salvage.unsaid(file)]
        if (former := self._former) is not None and former.epoch != self.epoch:
            why = "the journal was gone"
            gaps.append(GapAnnounced(epoch=former.epoch, from_seq=1, to_seq=former.last, why=why))
        return list({gap.epoch or gap.why: gap for gap in reversed(gaps)}.values())[::-1]

    def _open_whole(self) -> database.Opened:
        """Open; look closer where something is odd; set aside what cannot be continued."""
        suspected = beside(self.path, "-suspect").exists()
        opened = database.open_file(self.path, JOURNAL, set_aside=True, whole=suspected)
        if opened.set_aside is not None:
            return opened
        try:
            _check_end(opened.connection, self.path)
        except (Damaged, *database.FAILURES) as damage:
            why = damage.fields["why"] if isinstance(damage, Damaged) else str(damage)
            opened.connection.close()
            moved = database.put_aside(self.path)
            logger.error("%s cannot be continued (%s): set aside as %s", self.path.name, why, moved.name)
            return database.Opened(database.open_file(self.path, JOURNAL).connection, moved, why)
        return opened

    def _tail(self) -> tuple[int, bytes, int]:
        connection = self._ask()
        last = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        seq, hash_ = last or (0, chain.genesis(self.epoch))
        return seq, hash_, connection.execute(ACKED).fetchone()[0]

    def _meta(self, key: str) -> str | None:
        row = self._ask().execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _again(self) -> sqlite3.Connection:
        """The connection; a new one when the last one was let go."""
        if self._connection is None:
            self._connection = database.connect(self.path)
            reserve.bound(self._connection)
        return self._connection

    def _ask(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.OperationalError("the journal is closed")
        return self._connection


def appending(rows: int) -> str:
    """One INSERT for a whole group: a row costs two thirds of what it does by itself, and AUTOINCREMENT's table is
    written once. Its text is the same for the same number, so SQLite compiles it once.
    """
    return APPEND + FURTHER * (rows - 1)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file this is; None: there is none. Raises sqlite3.Error when the disk does not answer."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise sqlite3.OperationalError(f"the disk does not answer: {error.strerror}") from error
    return found.st_dev, found.st_ino


def _own(path: Path) -> int:
    """Two writers would give out the same numbers: whoever holds this lock is the only one."""
    try:
        handle = os.open(beside(path, "-lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError("store.cannot_open", file=path.name, why=error.strerror) from error
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # this process only: children do not inherit it
    except OSError as error:
        os.close(handle)
        raise StoreError("store.in_use", file=path.name) from error
    return handle


def _check_end(connection: sqlite3.Connection, path: Path) -> None:
    """The newest rows, where a lost log or page shows: numbers that were given out must not be given out again."""
    epoch = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    if epoch is None or not EPOCH.fullmatch(str(epoch[0])):
        raise Damaged(path, "its epoch is gone")
    last, hash_ = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone() or (0, b"")
    given = connection.execute("SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = 'events'").fetchone()
    marked = mark.read(path)
    if (
        last != (given[0] if given else 0)
        or connection.execute(ACKED).fetchone()[0] > last
        or not isinstance(hash_, bytes)
        or (marked is not None and marked.epoch == epoch[0] and marked.last > last)
    ):
        raise Damaged(path, "the newest rows are gone")
    if not chain.walk(connection, epoch[0], after=max(0, last - TAIL_ROWS)).ok:
        recognise.check_whole(connection, path)  # a row's content was altered: its pages decide
        logger.error("%s: the chain is broken near its end; `verify` says where", path.name)


def _apply(connection: sqlite3.Connection, change: Change | DeadLetter, seq: int | None) -> None:
    match change:
        case DoorState():
            connection.execute("INSERT OR REPLACE INTO door_state VALUES (?, ?, ?)", (change.door, change.state, seq))
        case IntentOpened():
            values = (change.command, change.verb, change.door, change.issuer, change.counter)
            connection.execute("INSERT OR IGNORE INTO intents VALUES (?, ?, ?, ?, ?, NULL)", values)
            query = """INSERT INTO counters VALUES ('command', ?)
                ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"""
            connection.execute(query, (change.counter,))
        case IntentDone():
            connection.execute("DELETE FROM intents WHERE command = ?", (change.command,))  # its event says the rest
        case Anchor():
            anchor = (change.boot_id, change.wall_ms, change.up_ms, change.err_ms, seq)
            connection.execute("INSERT OR REPLACE INTO anchors VALUES (?, ?, ?, ?, ?)", anchor)
            connection.execute(FORGET, (change.boot_id,))
        case DeadLetter():
            connection.execute("INSERT OR IGNORE INTO dead_letters VALUES (?, ?)", (change.seq, change.reason))
        case _:
            standing.write(connection, change, seq)
