"""The city's database as a PostgreSQL server: several workers on several machines.

Two workers that store one stream at the same moment would each miss what the other just wrote, so a transaction holds
an advisory lock for each stream it touches. A commit counts when the server has it on its disk: synchronous_commit is
set for the session, fsync is the server's and is read back. A connection that broke is made anew at the next question.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from edge_agent.city import schema
from edge_agent.errors import StoreError

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError:  # an optional part: pip install edge-agent[city]
    psycopg = None  # type: ignore[assignment]

CONNECT_S = 5
SETTINGS = "-c synchronous_commit=on -c lock_timeout=10s -c client_min_messages=warning"
STREAM_ROWS = 2000
_SCHEMA_LOCK = 0x53434954


class PostgresDatabase:
    among = "= ANY(?::bigint[])"

    def __init__(self, dsn: str, read_only: bool = False) -> None:
        """Raises StoreError when the server is away, not ours, too new, or does not keep what it commits."""
        if psycopg is None:
            raise StoreError("uplink.store_psycopg")
        self.where = _public(dsn)
        self._dsn, self._read_only = dsn, read_only
        self._connection: psycopg.Connection[Any] | None = None
        try:
            with self._translated():
                if read_only:
                    self.execute("SELECT 1 FROM events LIMIT 1")
                else:
                    self._prepare()
        except StoreError:
            self.close()
            raise

    def execute(self, sql: str, params: Sequence[Any] = ()) -> "psycopg.Cursor[Any]":
        with self._translated():
            return self._live().execute(_own(sql), params)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._translated(), self._live().cursor() as cursor:
            cursor.executemany(_own(sql), rows)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Any]:
        with self._translated(), self._live().transaction(), self._live().cursor(name="stream") as cursor:
            cursor.itersize = STREAM_ROWS
            yield from cursor.execute(_own(sql), params)

    @contextmanager
    def transaction(self, streams: Iterable[str] = ()) -> Iterator[None]:
        """Locks are taken in one order everywhere: two workers never wait for each other."""
        with self._translated():
            connection = self._live()
            with connection.transaction():
                for key in sorted({_lock(stream) for stream in streams}):
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
                yield

    def numbers(self, values: Sequence[int]) -> list[int]:
        return list(values)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _live(self) -> "psycopg.Connection[Any]":
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> "psycopg.Connection[Any]":
        connection = psycopg.connect(
            self._dsn, autocommit=True, connect_timeout=CONNECT_S, application_name="edge-agent-city",
            options=SETTINGS, keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
        )  # fmt: skip
        connection.read_only = self._read_only
        try:
            for name, wanted in (("synchronous_commit", "on"), ("fsync", "on"), ("server_encoding", "UTF8")):
                row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
                if row is None or row[0] != wanted:
                    raise StoreError("uplink.store_unsafe", path=self.where, what=f"{name}={wanted}")
        except StoreError:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        connection = self._live()
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            version = self._version()
            if version > schema.VERSION:
                raise StoreError("uplink.store_newer", path=self.where, found=version, known=schema.VERSION)
            if version < schema.VERSION:
                for statement in schema.steps(version, postgres=True).split(";"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute("DELETE FROM city_schema")
                connection.execute("INSERT INTO city_schema (version) VALUES (%s)", (schema.VERSION,))

    def _version(self) -> int:
        """0 for a database without tables; somebody else's tables are left alone."""
        ours, theirs = self.execute("SELECT to_regclass('city_schema'), to_regclass('events')").fetchall()[0]
        if ours is None:
            if theirs is not None:
                raise StoreError("uplink.store_foreign", path=self.where)
            self.execute("CREATE TABLE city_schema (version BIGINT NOT NULL)")
            return 0
        return int(self.execute("SELECT coalesce(max(version), 0) FROM city_schema").fetchall()[0][0])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise StoreError("uplink.store_unfit", path=self.where, why=_said(error)) from error
        except psycopg.Error as error:
            raise StoreError("uplink.store_failing", path=self.where, why=_said(error)) from error


def _own(sql: str) -> str:
    return sql.replace("?", "%s")


def _lock(stream: str) -> int:
    return int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "big", signed=True)


def _public(dsn: str) -> str:
    """Who, where and which database; never the password."""
    parts: dict[str, Any] = {}
    with suppress(psycopg.Error):
        parts = conninfo_to_dict(dsn)
    user = parts.get("user") or os.environ.get("PGUSER", "")
    host, port, name = (parts.get(key) or "" for key in ("host", "port", "dbname"))
    return f"postgresql://{user}@{host}:{port}/{name}"


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
