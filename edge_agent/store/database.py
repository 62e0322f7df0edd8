"""Opens one SQLite file so that committed means on the disk: WAL, synchronous=FULL, read back before it is believed.

Knows nothing of what is in the tables. A file that is not ours or from a newer version is refused and left as it is;
one that is damaged is set aside under another name, when the caller asks for that, and a new one begun.
"""

import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.store import migrations, recognise
from edge_agent.store.recognise import Damaged, beside
from edge_agent.store.schema import Kind

LOG_PAGES = 1000  # wal_autocheckpoint: the log stays near 4 MB
CACHE_KIB = 1024
BUSY_S = 5.0
FULL = 2  # PRAGMA synchronous

# What sqlite3 raises; a UnicodeError when damage has put noise into a name that the message then quotes.
FAILURES = (sqlite3.Error, UnicodeError)

logger = log.get("store.database")


class Opened(msgspec.Struct, frozen=True):
    """`set_aside`: where the damaged file went, when there was one; `why`: what was wrong with it."""

    connection: sqlite3.Connection
    set_aside: Path | None = None
    why: str = ""


def open_file(path: Path, kind: Kind, *, set_aside: bool = False, whole: bool = False) -> Opened:
    """Open or make `path`, tables brought up to date. `whole`: check every page, however many they are.

    Raises StoreError: not ours, from the future, cannot be written, or damaged (when `set_aside` is False).
    """
    make_directory(path.parent)
    try:
        return Opened(_open(path, kind, whole))
    except Damaged as damage:
        if not set_aside:
            raise
        moved = put_aside(path)
        why = damage.fields["why"]
        logger.error("%s is damaged (%s): set aside as %s, a new one begun", path.name, why, moved.name)
        return Opened(_open(path, kind, whole=False), moved, why)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold off other processes while a file is made or brought up to date."""
    make_directory(path.parent)
    try:
        handle = os.open(beside(path, "-lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError("store.cannot_open", file=path.name, why=error.strerror) from error
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def connect(path: Path, *, read_only: bool = False, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A further connection to a file that open_file has opened, now or earlier. Raises StoreError."""
    mode = "ro" if read_only else "rw"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=busy_s,
            isolation_level=None,  # BEGIN and COMMIT are written where they happen
            check_same_thread=False,
        )
    except FAILURES as error:
        raise translated(error, path) from error
    connection.text_factory = _text
    try:
        _demand(connection, path, "synchronous", FULL)
        _demand(connection, path, "foreign_keys", 1)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_PAGES * 4096}")
        if not read_only:
            _demand(connection, path, "journal_mode", "wal")
    except FAILURES as error:
        connection.close()
        raise translated(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def translated(error: sqlite3.Error | UnicodeError, path: Path) -> StoreError:
    """What SQLite said, in words for the installer."""
    if isinstance(error, UnicodeError):
        return Damaged(path, "names in it are noise")
    primary = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    match primary:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Damaged(path, str(error))
        case sqlite3.SQLITE_FULL:
            return StoreError("store.disk_full", file=path.name)
        case sqlite3.SQLITE_READONLY:
            return StoreError("store.read_only", file=path.name)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError("store.busy", file=path.name)
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError("store.cannot_open", file=path.name, why=str(error))
        case _:
            return StoreError("store.failing", file=path.name, why=str(error))


def put_aside(path: Path) -> Path:
    """Rename the file and its log to `<name>.damaged-<utc>`; returns the new path. Nothing is deleted."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    moved, count = beside(path, f".damaged-{stamp}"), 1
    while moved.exists():
        moved, count = beside(path, f".damaged-{stamp}-{count}"), count + 1
    for suffix in ("", "-wal", "-shm", "-mark"):
        if beside(path, suffix).exists():
            beside(path, suffix).rename(beside(moved, suffix))
    sync_directory(path.parent)
    return moved


def aside(path: Path) -> list[Path]:
    """What put_aside has made of the files at `path` so far."""
    found = path.parent.glob(f"{path.name}.damaged-*")
    return sorted({file.with_name(re.sub("-(wal|shm|mark)$", "", file.name)) for file in found})


def sync_directory(directory: Path) -> None:
    """A new name is only on the disk once its directory is."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(path: Path, kind: Kind, whole: bool) -> sqlite3.Connection:
    try:
        if not recognise.exists(path, kind):
            _make(path, kind)
        connection = connect(path)
    except FAILURES as error:
        raise translated(error, path) from error
    try:
        if migrations.missing(connection, path, kind):
            migrations.apply(path, kind)
        recognise.check(connection, path, kind, whole)
        if kind.secure_delete:
            _demand(connection, path, "secure_delete", 1)
    except FAILURES as error:
        connection.close()
        raise translated(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _make(path: Path, kind: Kind) -> None:
    """An empty file with our name in it. The application_id comes first, so that a file is ours from its first page."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA application_id = {kind.application_id}")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("store.no_directory", directory=str(directory), why=error.strerror) from error


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")  # one damaged cell must not hide the rows around it


def _demand(connection: sqlite3.Connection, path: Path, pragma: str, value: int | str) -> None:
    """Set a PRAGMA and read it back: SQLite ignores what it cannot do without a word."""
    connection.execute(f"PRAGMA {pragma} = {value}")
    got = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    if got != value:
        raise StoreError("store.pragma", file=path.name, pragma=pragma, wanted=value, got=got)
