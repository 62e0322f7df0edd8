"""What the city's store needs of a database, whichever it is: SQLite beside the worker, or a PostgreSQL server.

SQL is written once, with `?` for parameters and only what both understand; what differs is here and in the two modules
that implement it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

POSTGRES = ("postgresql://", "postgres://")


class Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """Every method raises StoreError. `where`: its name in messages, without a password.

    `among`: a condition that is true for the numbers handed over as `numbers(values)`.
    """

    where: str
    among: str

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Cursor: ...

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Any]:
        """The same as `execute`, without holding all rows in memory."""
        ...

    def transaction(self, streams: Iterable[str] = ()) -> AbstractContextManager[None]:
        """All of it or nothing. Nobody else writes to `streams` meanwhile, and what others wrote before is seen."""
        ...

    def numbers(self, values: Sequence[int]) -> Any: ...

    def close(self) -> None: ...


def open_database(place: Path | str, read_only: bool = False) -> Database:
    """`place`: a file, or postgresql://… . Made ready when it is new; a read-only one has to be there."""
    if isinstance(place, str) and place.startswith(POSTGRES):
        from edge_agent.city.postgres import PostgresDatabase

        return PostgresDatabase(place, read_only)
    from edge_agent.city.sqlite import SqliteDatabase

    return SqliteDatabase(Path(place), read_only)
