"""What can still be read of a journal that was set aside: whose it was, and how far it had come.

Only read, and by whatever still answers: SQL, the mark beside it, the bytes.
"""

import re
import sqlite3
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import msgspec

from edge_agent.model.events import GapAnnounced
from edge_agent.store import database, mark
from edge_agent.store.recognise import beside

EPOCH = re.compile(rb"epoch([0-9a-f]{32})")  # the meta row: SQLite writes key and value one after the other


class Remains(msgspec.Struct, frozen=True):
    """`epoch` is empty and `last` 0 when they could not be read."""

    epoch: str
    last: int
    acked: int


def remains(path: Path) -> Remains:
    """Never raises: a file that gives nothing gives empty remains."""
    marked = mark.read(path) or mark.Marked("", 0)
    try:
        connection = _read_only(path)
    except database.FAILURES:
        return Remains(marked.epoch or _epoch_from_bytes(path), marked.last, 0)
    try:
        epoch = _ask(connection, "SELECT value FROM meta WHERE key = 'epoch'") or _epoch_from_bytes(path)
        last = max(
            _number(connection, "SELECT max(seq) FROM events"),
            _number(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'events'"),
            marked.last if epoch in ("", marked.epoch) else 0,
        )
        acked = _number(connection, "SELECT upto FROM cursors WHERE name = 'city'")
    finally:
        connection.close()
    return Remains(str(epoch) or marked.epoch, last, acked)


def gap(path: Path, why: str) -> GapAnnounced:
    """The first event of the journal that follows the one set aside at `path`."""
    found = remains(path)
    if not found.last:
        return GapAnnounced(epoch=found.epoch, from_seq=0, to_seq=0, why=f"quarantined, last number unknown: {why}")
    first = min(found.acked + 1, found.last)
    return GapAnnounced(epoch=found.epoch, from_seq=first, to_seq=found.last, why=f"quarantined: {why}")


def unsaid(path: Path) -> list[GapAnnounced]:
    """What that journal's own first rows announced of earlier ones, and the city has not acknowledged; as far as it can
    be read.
    """
    found, acked = list[GapAnnounced](), remains(path).acked
    query = "SELECT body FROM events WHERE seq = ? AND tag = ?"
    with suppress(*database.FAILURES, msgspec.DecodeError), closing(_read_only(path)) as connection:
        for seq in count(acked + 1):
            row = connection.execute(query, (seq, GapAnnounced.tag)).fetchone()
            if row is None or not isinstance(row[0], bytes):  # damage makes anything of it
                break
            found.append(msgspec.json.decode(row[0], type=GapAnnounced))
    return found


def _read_only(path: Path) -> sqlite3.Connection:
    """Raises what SQLite does."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _ask(connection: sqlite3.Connection, query: str) -> str | int | None:
    try:
        row = connection.execute(query).fetchone()
    except database.FAILURES:
        return None
    return row[0] if row and isinstance(row[0], str | int) else None


def _number(connection: sqlite3.Connection, query: str) -> int:
    """0: it has none that anybody can read."""
    found = str(_ask(connection, query) or 0)
    return int(found) if found.isdecimal() else 0


def _epoch_from_bytes(path: Path) -> str:
    for suffix in ("", "-wal"):
        file = beside(path, suffix)
        if file.exists() and (found := EPOCH.search(file.read_bytes())):
            return found[1].decode("ascii")
    return ""
