"""The city's database as a file: enough for a pilot, and for several workers on one machine.

`synchronous=FULL` is read back: with less, a power cut takes rows that were acknowledged and that the gateway has
already let go.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_agent.city import schema
from edge_agent.errors import StoreError

APPLICATION_ID = 0x53434954  # "SCIT": tells our file from anybody's
FULL = 2
BUSY_S = 10.0  # how long another worker's commit is waited for


class SqliteDatabase:
    among = "IN (SELECT value FROM json_each(?))"

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self.where = str(path)
        self._db = self._connect(read_only)
        try:
            if read_only:
                self._db.execute("SELECT 1 FROM events LIMIT 1")
            else:
                self._prepare()
        except sqlite3.DatabaseError as error:
            self._db.close()
            code = "uplink.store_foreign" if "not a database" in str(error) else "uplink.store_failing"
            raise StoreError(code, path=path, why=error) from error
        except StoreError:
            self._db.close()
            raise

    def execute(self, sql: str, params: Sequence[Any] = ()) -> sqlite3.Cursor:
        with self._translated():
            return self._db.execute(sql, params)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._translated():
            self._db.executemany(sql, rows)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Any]:
        with self._translated():
            yield from self._db.execute(sql, params)

    @contextmanager
    def transaction(self, streams: Iterable[str] = ()) -> Iterator[None]:
        """One writer at a time, whichever the streams: that is SQLite."""
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:  # commits, or rolls back when the block fails
                yield

    def numbers(self, values: Sequence[int]) -> str:
        return json.dumps(list(values))

    def close(self) -> None:
        self._db.close()

    def _connect(self, read_only: bool) -> sqlite3.Connection:
        try:
            if read_only:
                uri = f"{self.path.absolute().as_uri()}?mode=ro"
                return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            return sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_S)
        except sqlite3.Error as error:
            raise StoreError("uplink.store_failing", path=self.path, why=error) from error

    def _prepare(self) -> None:
        owner, version = self._pragma("application_id"), self._pragma("user_version")
        empty = not self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        if owner != APPLICATION_ID and not (empty and owner == 0):
            raise StoreError("uplink.store_foreign", path=self.path)
        self._check_version(version)
        if self._write_ahead() != "wal":
            raise StoreError("uplink.store_unsafe", path=self.path, what="write-ahead logging (WAL)")
        self._db.execute("PRAGMA synchronous=FULL")
        if self._pragma("synchronous") != FULL:
            raise StoreError("uplink.store_unsafe", path=self.path, what="synchronous=FULL")
        if version < schema.VERSION:
            self._upgrade()

    def _write_ahead(self) -> str:
        """Another worker that opens a new file at the same moment changes it too, and for that SQLite does not wait."""
        until = time.monotonic() + BUSY_S
        while True:
            try:
                return str(self._pragma("journal_mode=WAL"))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def _upgrade(self) -> None:
        """Another worker may have been quicker: the version is read again when nobody else can write."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            version = self._pragma("user_version")
            self._check_version(version)
            for statement in schema.steps(version, postgres=False).split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version={schema.VERSION}")

    def _check_version(self, version: int) -> None:
        if version > schema.VERSION:
            raise StoreError("uplink.store_newer", path=self.path, found=version, known=schema.VERSION)

    def _pragma(self, name: str) -> Any:
        return self._db.execute(f"PRAGMA {name}").fetchone()[0]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            raise StoreError("uplink.store_unfit", path=self.where, why=error) from error
        except sqlite3.Error as error:
            raise StoreError("uplink.store_failing", path=self.where, why=error) from error
