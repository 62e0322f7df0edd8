"""The tables of the city's database, and the checks before one is used.

`synchronous=FULL` is read back: with less, a power cut takes rows that were acknowledged and that the gateway has
already let go.
"""

import sqlite3
from pathlib import Path

from edge_agent.errors import StoreError

APPLICATION_ID = 0x53434954  # "SCIT": tells our file from anybody's
VERSION = 1
FULL = 2

TABLES = """
CREATE TABLE events (
    source TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    tag TEXT NOT NULL, subject TEXT NOT NULL, time TEXT NOT NULL,
    boot_id TEXT NOT NULL, up_ms INTEGER NOT NULL, clock TEXT NOT NULL, clock_err_ms INTEGER NOT NULL,
    historic INTEGER NOT NULL, body TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL,
    chain TEXT NOT NULL CHECK (chain IN ('ok', 'broken', 'open')),
    heard_ms INTEGER NOT NULL,
    PRIMARY KEY (source, epoch, seq)
);  -- with SQLite's rowid: the order in which events were stored
CREATE INDEX events_by_tag ON events (source, tag);
CREATE TABLE watermarks (
    source TEXT NOT NULL, epoch TEXT NOT NULL, upto INTEGER NOT NULL, have TEXT NOT NULL,
    PRIMARY KEY (source, epoch)
) WITHOUT ROWID;
CREATE TABLE gateways (
    source TEXT PRIMARY KEY, epoch TEXT NOT NULL, boot_id TEXT NOT NULL, up_ms INTEGER NOT NULL,
    heard_ms INTEGER NOT NULL, bdseq INTEGER NOT NULL, state TEXT NOT NULL, agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, heard_ms INTEGER NOT NULL, topic TEXT NOT NULL, reason TEXT NOT NULL,
    size INTEGER NOT NULL, raw BLOB NOT NULL
);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """The city's database at `path`, made when it is not there. Raises StoreError."""
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    except sqlite3.Error as error:
        raise StoreError("uplink.store_failing", path=path, why=error) from error
    try:
        _prepare(db, path)
    except sqlite3.DatabaseError as error:
        db.close()
        code = "uplink.store_foreign" if "not a database" in str(error) else "uplink.store_failing"
        raise StoreError(code, path=path, why=error) from error
    except StoreError:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    owner, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    empty = not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if owner != APPLICATION_ID and not (empty and owner == 0):
        raise StoreError("uplink.store_foreign", path=path)
    if isinstance(version, int) and version > VERSION:
        raise StoreError("uplink.store_newer", path=path, found=version, known=VERSION)
    if _pragma(db, "journal_mode=WAL") != "wal":
        raise StoreError("uplink.store_unsafe", path=path, what="write-ahead logging (WAL)")
    db.execute("PRAGMA synchronous=FULL")
    if _pragma(db, "synchronous") != FULL:
        raise StoreError("uplink.store_unsafe", path=path, what="synchronous=FULL")
    if empty:
        db.executescript(
            f"BEGIN IMMEDIATE; {TABLES} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; COMMIT;"
        )


def _pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]
