"""Room on the disk that is the journal's already, so that it goes on when somebody else has filled the disk.

Two things are grown ahead: the file, by rows of `reserve` that are deleted when their pages are needed, and the
write-ahead log, by a transaction that is taken back after it spilled into it.

The file grows by chunks that were written through to it, and never by a commit (`lock`): a page that stands in the log
alone and finds no place in the file can never be checkpointed, and then the log, which cannot be begun anew, fills too.
"""

import os
import sqlite3
from pathlib import Path

from edge_agent.store import database
from edge_agent.store.recognise import beside

PAGE = 4096
CHUNK_PAGES = 64
EXTEND_PAGES = 128
CHUNKS = 32  # 8 MiB
LOG_RESERVE_PAGES = 1500  # half as much again as a checkpoint lets it become; below 4062 the -shm needs no second block
RELEASE_CHUNKS = 4  # at once: some 1,800 events of 400 bytes; reading their pages again holds nobody up
MOST_PAGES = 262_144  # 1 GiB: the journal does not eat the disk either
FILL = "INSERT INTO reserve (filler) VALUES (zeroblob(?))"
RESERVE_BYTES = CHUNKS * CHUNK_PAGES * PAGE


def bound(connection: sqlite3.Connection) -> None:
    """Limits of the connection that writes. Raises sqlite3.Error."""
    connection.execute(f"PRAGMA max_page_count = {MOST_PAGES}")
    connection.execute("PRAGMA secure_delete = FAST")  # else freeing pages writes every one of them
    connection.execute(f"PRAGMA journal_size_limit = {LOG_RESERVE_PAGES * PAGE}")


def chunks(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM reserve").fetchone()[0])


def extend(connection: sqlite3.Connection) -> None:
    """Free pages for the next rows: written through to the file, then freed. Raises sqlite3.Error."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    wanted = int(free) + EXTEND_PAGES
    connection.execute(f"PRAGMA max_page_count = {min(MOST_PAGES, pages(connection) + EXTEND_PAGES + 2)}")
    try:
        identity = connection.execute(FILL, (wanted * PAGE - 512 - wanted * 16,)).lastrowid
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        connection.execute("DELETE FROM reserve WHERE id = ?", (identity,))
    finally:
        lock(connection)


def more(connection: sqlite3.Connection, path: Path) -> bool:
    """Free pages for the next rows: the disk's as long as it has some, then the reserve's. False when both are gone."""
    if growth_bytes(connection, path) >= 2 * EXTEND_PAGES * PAGE:
        extend(connection)
        return True
    return release(connection)


def lock(connection: sqlite3.Connection) -> None:
    """From here on the file does not grow by itself: commits find it full before the disk is."""
    connection.execute(f"PRAGMA max_page_count = {pages(connection)}")


def pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


def add(connection: sqlite3.Connection) -> None:
    """One chunk more, written through to the file. Raises sqlite3.Error when the disk does not have it."""
    connection.execute(f"PRAGMA max_page_count = {min(MOST_PAGES, pages(connection) + CHUNK_PAGES + 2)}")
    try:
        connection.execute(FILL, (CHUNK_PAGES * PAGE - 512,))
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        lock(connection)


def release(connection: sqlite3.Connection) -> bool:
    """Give a part of it to the events; False when there was nothing left. Needs no room itself."""
    query = "DELETE FROM reserve WHERE id IN (SELECT id FROM reserve ORDER BY id DESC LIMIT ?)"
    return connection.execute(query, (RELEASE_CHUNKS,)).rowcount > 0


def log_grown(path: Path) -> bool:
    try:
        return beside(path, "-wal").stat().st_size >= (database.LOG_PAGES + 100) * PAGE
    except OSError:
        return False


def grow_log(connection: sqlite3.Connection) -> None:
    """Make the log as long as it may become. What is written there is not committed. Raises sqlite3.Error."""
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.execute(f"PRAGMA max_page_count = {MOST_PAGES}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for _ in range(LOG_RESERVE_PAGES // CHUNK_PAGES + 1):
            connection.execute(FILL, (CHUNK_PAGES * PAGE - 512,))
        connection.execute(FILL, (database.CACHE_KIB << 10,))  # what stays in memory pushes the rest out
    finally:
        if connection.in_transaction:  # a full disk has taken it back already
            connection.execute("ROLLBACK")
        lock(connection)


def has_room(connection: sqlite3.Connection, path: Path) -> bool:
    """Enough for a group of events, in the file or on the disk."""
    wanted = CHUNK_PAGES * PAGE
    return spare_bytes(connection) >= wanted or growth_bytes(connection, path) >= wanted


def spare_bytes(connection: sqlite3.Connection) -> int:
    """What the file can still take without growing."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return int(free) * PAGE + chunks(connection) * CHUNK_PAGES * PAGE


def growth_bytes(connection: sqlite3.Connection, path: Path) -> int:
    """How much the file can still grow: what the disk has left, at most up to its own limit. Raises sqlite3.Error."""
    try:
        disk = os.statvfs(path.parent)
    except OSError as error:
        raise sqlite3.OperationalError(f"the disk does not answer: {error.strerror}") from error
    return max(0, min(disk.f_bavail * disk.f_frsize, (MOST_PAGES - pages(connection)) * PAGE))
