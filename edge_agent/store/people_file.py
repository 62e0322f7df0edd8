"""The file people.db: its connection, its transactions, its version, and what the journal has still to get.

Every change counts `version` up by one and notes in `touched` what it touched, so that a reader who knows the version
of its snapshot reads only what is newer (store/booking.py).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.model.events import BY_TAG, Event, encode_event
from edge_agent.store import database
from edge_agent.store.records import Change
from edge_agent.store.schema import PEOPLE

TOUCHED_AT_MOST = 1000  # more at once is noted as `all`: reading everything is then the shorter way
LEFT_OVER = "DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE done = 1 LIMIT 500)"
TOUCH = "INSERT INTO touched VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version"


class PeopleFile:
    """One connection to people.db. `set_aside`: let a damaged file be renamed and a new one begun (the daemon's
    right at its start, nobody else's); `moved` then says where it went. Raises StoreError throughout.
    """

    def __init__(self, path: Path, *, set_aside: bool = False, busy_s: float = database.BUSY_S) -> None:
        self.path = path
        with database.alone(path):
            opened = database.open_file(path, PEOPLE, set_aside=set_aside)
        self.moved = opened.set_aside
        self._connection = opened.connection
        self._depth = 0
        with self._translated():
            self._connection.execute(f"PRAGMA busy_timeout = {round(busy_s * 1000)}")

    def close(self) -> None:
        self._connection.close()

    def version(self) -> int:
        """Counts every change ever made."""
        row = self._one("SELECT value FROM meta WHERE key = 'version'")
        return int(row[0]) if row else 0

    def data_version(self) -> int:
        """Changes when another connection has committed something: the cheap look."""
        row = self._one("PRAGMA data_version")
        return int(row[0]) if row else 0

    def identity(self) -> str:
        """16 hex digits that this file alone has."""
        row = self._one("SELECT value FROM meta WHERE key = 'store'")
        return str(row[0]) if row else ""

    def touched_since(self, version: int, at_most: int) -> list[tuple[str, str]] | None:
        """(`person` or `rules`, id) of what changed after `version`; None: too much to name it."""
        touched = self._rows("SELECT kind, id FROM touched WHERE version > ? LIMIT ?", version, at_most + 1)
        if len(touched) > at_most or any(kind == "all" for kind, _ in touched):
            return None
        return touched

    def each(self, query: str, values: Iterable[object] = ()) -> Iterator[Any]:
        """Row by row, so that whoever reads a hundred thousand does not hold the interpreter all the while."""
        with self._translated():
            yield from self._connection.execute(query, tuple(values))

    def note(self, event: Event) -> None:
        """Let the daemon journal `event`, and its watch see a change (a face was enrolled, for instance)."""
        with self._transaction():
            self._note(event)

    # ---- what the journal has still to get ---------------------------------------------------------------------------

    def pending(self, limit: int = 100) -> list[Change]:
        """Changes that were not journalled yet, oldest first."""
        rows = self._rows("SELECT id, tag, body FROM changes WHERE done = 0 ORDER BY id LIMIT ?", limit)
        return [Change(id_, msgspec.json.decode(body, type=BY_TAG[tag])) for id_, tag, body in rows if tag in BY_TAG]

    def done(self, changes: Iterable[Change]) -> None:
        """They are committed in the journal and not needed here. Journalled before this is noted, they come again."""
        with self._transaction():
            self._connection.executemany("DELETE FROM changes WHERE id = ?", [(c.id,) for c in changes])

    def forget_done(self) -> None:
        """Versions before kept what is journalled. A part at a time: others write here too."""
        gone = 1
        while gone:
            with self._transaction():
                gone = self._connection.execute(LEFT_OVER).rowcount

    # ---- transactions ------------------------------------------------------------------------------------------------

    @contextmanager
    def batch(self, *, keep: bool = True) -> Iterator[None]:
        """Everything inside is one transaction; without `keep` it is done and then taken back (a dry run)."""
        with self._transaction():
            yield
            if not keep:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is of one moment."""
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        """Joins the one that is open: what raises inside is taken back alone."""
        if self._depth:
            with self._savepoint():
                yield
            return
        with self._translated():
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT inner")
        good = False
        try:
            yield
            good = True
        finally:
            if self._connection.in_transaction:
                if not good:
                    self._connection.execute("ROLLBACK TO inner")
                self._connection.execute("RELEASE inner")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def _note(self, event: Event, kind: str = "", ids: Iterable[str] = ()) -> None:
        """Count the change, leave `event` for the journal, and note what was touched: `person` or `rules`."""
        self._connection.execute("INSERT INTO changes (tag, body) VALUES (?, ?)", (event.tag, encode_event(event)))
        self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
        touched = list(ids)
        if len(touched) > TOUCHED_AT_MOST:
            self._connection.execute("DELETE FROM touched")
            kind, touched = "all", [""]
        if touched:
            version = self.version()
            self._connection.executemany(TOUCH, [(kind, id_, version) for id_ in touched])

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> Any:
        rows = self._rows(query, *values)
        return rows[0] if rows else None
