"""Brings a file's tables up to this version, through sqlite-utils' Migrations.

Looking whether anything is missing is plain SQL, because the library costs 140 ms and 6 MB to import: at an ordinary
start it is not loaded at all. At the first one it comes without numpy and pandas, which it loads where it finds them to
know their types: 11 MB more that a gateway without cameras would keep.
"""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_agent.errors import StoreError
from edge_agent.store.recognise import Damaged
from edge_agent.store.schema import Kind, Step

NAME = re.compile(r"[0-9]{4}_[a-z0-9_]+")


def missing(connection: sqlite3.Connection, path: Path, kind: Kind) -> list[str]:
    """Names of the steps this file has not got yet. Raises StoreError when it has steps we do not know, Damaged when
    they are no names.
    """
    has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone()
    applied = set()
    if has_table:
        rows = connection.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (kind.name,))
        applied = {name for (name,) in rows}
    known = [step.name for step in kind.steps]
    if not all(NAME.fullmatch(name) for name in applied):
        raise Damaged(path, "its list of migrations is noise")
    if unknown := sorted(applied.difference(known)):
        raise StoreError("store.from_the_future", kind=kind.name, unknown=", ".join(unknown))
    return [name for name in known if name not in applied]


def apply(path: Path, kind: Kind) -> None:
    """Apply what is missing, each step in a transaction of its own. Raises sqlite3.Error."""
    with _without("numpy", "pandas"):
        from sqlite_utils import Database
        from sqlite_utils.migrations import Migrations

    migrations = Migrations(kind.name)
    for step in kind.steps:
        migrations(name=step.name)(_running(step))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA secure_delete = {int(kind.secure_delete)}")
        migrations.apply(Database(connection, execute_plugins=False))
    finally:
        connection.close()


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """An import finds none of these, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _running(step: Step) -> Callable[[Any], None]:
    def run(database: Any) -> None:
        for statement in step.statements:
            database.conn.execute(statement)

    run.__name__ = step.name
    return run
