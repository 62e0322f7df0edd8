"""When something happened whose clock was not set: found out afterwards, from what became known later.

A boot whose clock was set at some time has an anchor, and uptime counts back from it. One whose clock never was is
bracketed: it began after the last known time before it, and ended before the boot of the next one began. The body and
the hash never change; times stand outside both.
"""

import sqlite3

import msgspec

from edge_agent.model.events import Row

DRIFT_PPM = 100
HOLDOVER_MS = 24 * 3600 * 1000  # beyond it the time is given, but nobody vouches for it
KNOWN = "boot_id != ? AND (clock != 'unset' OR boot_id IN (SELECT boot_id FROM anchors))"
COLUMNS = "SELECT wall_ms, clock, clock_err_ms, boot_id, up_ms FROM events WHERE"
BEFORE = f"{COLUMNS} seq < ? AND {KNOWN} ORDER BY seq DESC LIMIT 1"
AFTER = f"{COLUMNS} seq > ? AND {KNOWN} ORDER BY seq LIMIT 1"
ANCHOR = "SELECT wall_ms, up_ms, err_ms FROM anchors WHERE boot_id = ?"


class Known(msgspec.Struct, frozen=True):
    """`wall_ms` is right within `err_ms`; `up_ms` of its own boot."""

    wall_ms: int
    err_ms: int
    up_ms: int


class Dating:
    """Over the reader's connection; what it finds out about a boot is kept until another anchor comes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._brackets: dict[str, tuple[Known, Known] | None] = {}
        self._anchors = -1

    def dated(self, rows: list[Row]) -> list[Row]:
        """The same rows, those of an unset clock with the best time there is. Raises sqlite3.Error."""
        if all(row.clock != "unset" for row in rows) or not self._there():
            return rows
        return [self._date(row) if row.clock == "unset" else row for row in rows]

    def _there(self) -> bool:
        """False for an older version's file. A new anchor may tell more about boots that were looked at before."""
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'anchors'").fetchone():
            return False
        count = self._connection.execute("SELECT count(*) FROM anchors").fetchone()[0]
        if count != self._anchors:
            self._anchors, self._brackets = count, {}
        return True

    def _date(self, row: Row) -> Row:
        if (anchor := self._anchor(row.boot_id)) is not None:
            away_ms = abs(anchor.up_ms - row.up_ms)
            return msgspec.structs.replace(
                row,
                wall_ms=anchor.wall_ms - anchor.up_ms + row.up_ms,
                clock="holdover" if away_ms <= HOLDOVER_MS else "unset",
                clock_err_ms=anchor.err_ms + away_ms * DRIFT_PPM // 1_000_000 + 1,
            )
        if row.boot_id not in self._brackets:
            self._brackets[row.boot_id] = self._bracket(row)
        bracket = self._brackets[row.boot_id]
        if bracket is None:
            return row
        before, after = bracket
        low = before.wall_ms + row.up_ms  # this boot began after what was known before it
        high = max(low, after.wall_ms - after.up_ms)  # and was over when the next one began
        width = high - low + before.err_ms + after.err_ms
        return msgspec.structs.replace(row, wall_ms=(low + high) // 2, clock_err_ms=width)

    def _anchor(self, boot_id: str) -> Known | None:
        found = self._connection.execute(ANCHOR, (boot_id,)).fetchone()
        return None if found is None else Known(found[0], found[2], found[1])

    def _bracket(self, row: Row) -> tuple[Known, Known] | None:
        before, after = self._known(BEFORE, row), self._known(AFTER, row)
        return None if before is None or after is None else (before, after)

    def _known(self, query: str, row: Row) -> Known | None:
        found = self._connection.execute(query, (row.seq, row.boot_id)).fetchone()
        if found is None:
            return None
        wall_ms, clock, err_ms, boot_id, up_ms = found
        if clock != "unset":
            return Known(wall_ms, err_ms, up_ms)
        anchor = self._anchor(boot_id)
        if anchor is None:
            return None
        away_ms = abs(anchor.up_ms - up_ms)
        err_ms = anchor.err_ms + away_ms * DRIFT_PPM // 1_000_000 + 1
        return Known(anchor.wall_ms - anchor.up_ms + up_ms, err_ms, up_ms)
