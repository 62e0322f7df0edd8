"""What the city has stored, read without disturbing the worker that writes it."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.errors import StoreError


class Stored(msgspec.Struct, frozen=True):
    """One stored event. `heard_ms`: the city's Unix ms when it came; `chain`: ok, broken, or open (a row before it
    is not here)."""

    source: str
    epoch: str
    seq: int
    tag: str
    chain: str
    heard_ms: int
    data: dict[str, Any]


class CityReader:
    def __init__(self, path: Path) -> None:
        """A read-only connection to the worker's database. Raises StoreError when it is not there (yet)."""
        self.path = path
        try:
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
            self._db.execute("SELECT 1 FROM events LIMIT 1")
        except sqlite3.Error as error:
            raise StoreError("uplink.store_failing", path=path, why=error) from error

    def events(self, source: str, after: int = 0) -> list[Stored]:
        """Events of `source` with seq > `after`, in the gateway's order."""
        try:
            rows = self._db.execute(
                "SELECT source, epoch, seq, tag, chain, heard_ms, body FROM events WHERE source = ? AND seq > ?"
                " ORDER BY epoch, seq",
                (source, after),
            ).fetchall()
        except sqlite3.Error as error:
            raise StoreError("uplink.store_failing", path=self.path, why=error) from error
        return [
            Stored(source, epoch, seq, tag, chain, heard_ms, msgspec.json.decode(body))
            for source, epoch, seq, tag, chain, heard_ms, body in rows
        ]

    def close(self) -> None:
        self._db.close()
