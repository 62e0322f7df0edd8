"""Is this file ours, whole, and of our time? Looked at as bytes first, so that what is not ours stays untouched.

A write-ahead log that lost its head or its middle is invisible to SQLite: recovery simply stops earlier, and numbers
that were already given out would be given out again. So the log is looked at before and after recovery.
"""

import sqlite3
import struct
from pathlib import Path

from edge_agent.errors import StoreError
from edge_agent.store.schema import KINDS, Kind

WAL_MAGIC = (0x377F0682, 0x377F0683)  # sqlite.org/fileformat2.html, "WAL File Format"
WAL_HEADER, FRAME_HEADER = 32, 24
CHECK_WHOLE_BELOW_BYTES = 8 << 20  # quick_check reads every page: about 10 ms here, from the page cache


class Damaged(StoreError):
    """The file was ours and is broken: `why` for the log. It is set aside, never deleted."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__("store.damaged", file=path.name, why=why)


def beside(path: Path, suffix: str) -> Path:
    """`journal.db` and `-wal` give `journal.db-wal`."""
    return path.with_name(path.name + suffix)


def exists(path: Path, kind: Kind) -> bool:
    """False when there is nothing yet. Raises StoreError (not ours) or Damaged; changes nothing."""
    wal = beside(path, "-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    if not path.exists() or path.stat().st_size == 0:
        if wal_bytes:
            raise Damaged(path, "the file is empty, its log is not")  # SQLite would delete the log
        return False
    found = _application_id(path, bool(wal_bytes))
    if found != kind.application_id:
        if _was_ours(path, kind):
            raise Damaged(path, "its header is broken")
        other = next((known.name for known in KINDS if known.application_id == found), "")
        raise StoreError("store.not_ours", file=path.name, kind=kind.name, found=other or f"{found:#010x}")
    if wal_bytes:
        _check_log_head(path, wal)
    return True


def check(connection: sqlite3.Connection, path: Path, kind: Kind, whole: bool) -> None:
    """What can be afforded at every start; everything when the file is small or `whole`. Raises Damaged."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables.issuperset(kind.tables):
        raise Damaged(path, "tables are missing")
    _check_log_tail(connection, path)
    if whole or path.stat().st_size <= CHECK_WHOLE_BELOW_BYTES:
        check_whole(connection, path)


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Every page (quick_check). Raises Damaged."""
    said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise Damaged(path, str(said).splitlines()[-1])


def _look(path: Path) -> sqlite3.Connection:
    """A connection that reads the main file only and leaves no trace. Not open(): closing a file descriptor of our own
    would drop the locks that other connections of this process hold (sqlite.org/howtocorrupt.html, 2.2).
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _application_id(path: Path, logged: bool) -> int:
    """A checkpoint writes the first page before those it adds: while another process is at it, and for good when the
    power failed there, the file alone names more pages than it has. Its log has them all, so it is read through that.
    """
    try:
        return _read_application_id(_look(path))
    except sqlite3.DatabaseError as error:
        if not (logged and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT):
            raise _damage(error, path) from error
    try:
        return _read_application_id(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))
    except sqlite3.DatabaseError as error:
        raise _damage(error, path) from error


def _damage(error: sqlite3.DatabaseError, path: Path) -> Exception:
    broken = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return Damaged(path, str(error)) if broken else error


def _read_application_id(connection: sqlite3.Connection) -> int:
    try:
        found: int = connection.execute("PRAGMA application_id").fetchone()[0]
        return found
    finally:
        connection.close()


def _was_ours(path: Path, kind: Kind) -> bool:
    """A file with a foreign application_id that carries our migrations: ours, with a broken header."""
    connection = _look(path)
    try:
        query = "SELECT 1 FROM _sqlite_migrations WHERE migration_set = ?"
        return connection.execute(query, (kind.name,)).fetchone() is not None
    except (sqlite3.Error, UnicodeError):
        return False
    finally:
        connection.close()


def _check_log_head(path: Path, wal: Path) -> None:
    """SQLite takes a log with a broken header for an empty one."""
    with wal.open("rb") as file:
        head = file.read(WAL_HEADER)
    if len(head) < WAL_HEADER:
        raise Damaged(path, "its log is cut off")
    words = struct.unpack(">8I", head)
    if words[0] not in WAL_MAGIC:
        raise Damaged(path, "its log has no header")
    order = ">" if words[0] & 1 else "<"
    first = second = 0
    data = struct.unpack(f"{order}6I", head[:24])
    for even, odd in zip(data[::2], data[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    if (first, second) != words[6:8]:
        raise Damaged(path, "the header of its log is broken")


def _check_log_tail(connection: sqlite3.Connection, path: Path) -> None:
    """Commits of this log beyond the point where recovery stopped: one may be a commit that a power cut tore and
    that nobody was told of, since each is synced before the next begins; two mean that committed rows are gone.
    """
    recovered = -1
    while True:
        try:
            before, recovered = recovered, connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
        except sqlite3.OperationalError:
            return  # no room to checkpoint: the disk is full, which is another trouble than this
        if _commits_beyond(beside(path, "-wal"), max(0, recovered)) <= 1:
            return
        if recovered == before:  # else another process is writing just now
            raise Damaged(path, "its log is broken in the middle")


def _commits_beyond(wal: Path, recovered: int) -> int:
    """Commit frames of the present generation (same salts) after the first `recovered` frames."""
    commits = 0
    with wal.open("rb") as file:
        head = file.read(WAL_HEADER)
        page_size, salts = int.from_bytes(head[8:12], "big"), head[16:24]
        file.seek(WAL_HEADER + recovered * (FRAME_HEADER + page_size))
        while len(frame := file.read(FRAME_HEADER)) == FRAME_HEADER:
            commits += frame[8:16] == salts and frame[4:8] != b"\0\0\0\0"
            file.seek(page_size, 1)
    return commits
