"""Reads a journal over a connection of its own that cannot write: in the daemon beside the writer, in the CLI beside
the daemon. Blocking; the daemon calls it in a thread.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.errors import StoreError
from edge_agent.model.events import Event, EvidenceErased, EvidenceKept, Row, UnknownEvent
from edge_agent.model.evidence import Exhibit
from edge_agent.model.standing import Change
from edge_agent.ports import IntentOpened
from edge_agent.store import chain, database, recognise, standing
from edge_agent.store.dating import Dating
from edge_agent.store.schema import JOURNAL

COLUMNS = "seq, tag, body, wall_ms, clock, clock_err_ms, boot_id, up_ms, prev, hash"
# A lane is what is still to be sent: a dead letter is in no lane any more. INDEXED BY, because without statistics
# SQLite walks the whole table for the few urgent rows.
ALL = f"SELECT {COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
URGENT = (
    f"SELECT {COLUMNS} FROM events INDEXED BY events_urgent WHERE urgent = 1 AND seq > ?"
    " AND seq NOT IN (SELECT seq FROM dead_letters) ORDER BY seq LIMIT ?"
)
NORMAL = (
    f"SELECT {COLUMNS} FROM events WHERE urgent = 0 AND seq > ?"
    " AND seq NOT IN (SELECT seq FROM dead_letters) ORDER BY seq LIMIT ?"
)
EVIDENCE = (EvidenceKept.tag, EvidenceErased.tag)
AT_ONCE = 500  # values in one question
TYPES = (str, bytes, int, str, int, str, int, bytes, bytes)  # of COLUMNS after seq; SQLite itself does not mind


class JournalReader:
    """Raises StoreError when there is no journal at `path` or it is not one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            there = path.exists() and recognise.exists(path, JOURNAL)
        except database.FAILURES as error:
            raise database.translated(error, path) from error
        if not there:
            raise StoreError("store.no_journal", file=str(path))
        self._connection = database.connect(path, read_only=True)
        with ExitStack() as unless_whole:
            unless_whole.callback(self._connection.close)
            self._dating = Dating(self._connection)
            self.epoch = str(self._one("SELECT value FROM meta WHERE key = 'epoch'"))
            unless_whole.pop_all()

    @property
    def last(self) -> int:
        return int(self._one("SELECT max(seq) FROM events") or 0)

    @property
    def acked(self) -> int:
        return int(self._one("SELECT upto FROM cursors WHERE name = 'city'") or 0)

    def read(self, after: int, limit: int, urgent: bool | None = None) -> tuple[list[Row], list[int]]:
        """Up to `limit` rows with seq > `after`; with `urgent` given, only that lane and no dead letters. Second: the
        numbers of rows among them that were altered on the disk, left out. Rows of an unset clock carry the best time
        that is known by now.
        """
        query = ALL if urgent is None else URGENT if urgent else NORMAL
        rows, altered = list[Row](), list[int]()
        for seq, *rest in self._all(query, (after, limit)):
            row = Row(seq, self.epoch, *rest)
            if all(map(isinstance, rest, TYPES)) and chain.fits(row.prev, row.body, seq, row.hash) and _decodes(row):
                rows.append(row)
            else:
                altered.append(seq)
        try:
            return self._dating.dated(rows), altered
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def strangers(self) -> tuple[int, float]:
        """Faces of nobody here that were refused, and in how many days."""
        query = (
            "SELECT count(*) FILTER (WHERE tag = 'access.denied' AND instr(body, '\"how\":[\"face\"]')"
            ' AND instr(body, \'"reason":"unknown_credential"\')), (max(wall_ms) - min(wall_ms)) / 86400000.0'
            " FROM events WHERE clock <> 'unset'"
        )
        (count, days), *_ = self._all(query)
        return int(count), float(days or 0)

    def rows_at(self, seqs: Sequence[int]) -> list[Row]:
        """The rows with these numbers, in order; one that was altered on the disk is left out."""
        rows = list[Row]()
        for at in range(0, len(seqs), AT_ONCE):
            some = tuple(seqs[at : at + AT_ONCE])
            query = f"SELECT {COLUMNS} FROM events WHERE seq IN ({','.join('?' * len(some))}) ORDER BY seq"
            for seq, *rest in self._all(query, some):
                row = Row(seq, self.epoch, *rest)
                if (
                    all(map(isinstance, rest, TYPES))
                    and chain.fits(row.prev, row.body, seq, row.hash)
                    and _decodes(row)
                ):
                    rows.append(row)
        try:
            return sorted(self._dating.dated(rows), key=lambda row: row.seq)
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    @property
    def first(self) -> int:
        return int(self._one("SELECT min(seq) FROM events") or 1)

    def open_intents(self) -> list[IntentOpened]:
        query = "SELECT command, verb, door, issuer, counter FROM intents WHERE result IS NULL ORDER BY counter"
        return [IntentOpened(*row) for row in self._all(query)]

    def command_counter(self) -> int:
        return int(self._one("SELECT value FROM counters WHERE name = 'command'") or 0)

    def door_states(self) -> list[tuple[str, str]]:
        """(door, state) as last recorded."""
        return self._all("SELECT door, state FROM door_state ORDER BY door")

    def standing(self) -> list[Change]:
        """What is remembered from one passage to the next, each as the change that makes it so."""
        try:
            return standing.read(self._connection)
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def evidence(self) -> tuple[list[Exhibit], list[Event | UnknownEvent]]:
        """What is remembered of evidence, and what the rows say was kept and erased, both of one moment."""
        self._all("BEGIN")
        try:
            seqs = [seq for (seq,) in self._all("SELECT seq FROM events WHERE tag IN (?, ?)", EVIDENCE)]
            events = [row.event for row in self.rows_at(seqs)]
            return [change for change in self.standing() if isinstance(change, Exhibit)], events
        finally:
            self._all("ROLLBACK")

    def verify(self, vouch: chain.Vouch | None = None) -> chain.ChainReport:
        """Walk the whole chain; with `vouch` given also check the signed checkpoints."""
        try:
            return chain.walk(self._connection, self.epoch, vouch=vouch)
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def close(self) -> None:
        self._connection.close()

    def _all(self, query: str, values: tuple[int, ...] | tuple[str, ...] = ()) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error

    def _one(self, query: str) -> Any:
        rows = self._all(query)
        return rows[0][0] if rows else None


def _decodes(row: Row) -> bool:
    """The tag stands outside the hash; a wrong one shows when the body does not have its form."""
    try:
        return bool(row.event)
    except msgspec.DecodeError:
        return False
