"""The hash chain over the journal: hash = SHA-256(prev, body, seq as 8 bytes big-endian).

The first row's prev is SHA-256 of the epoch's 32 hexadecimal digits as ASCII. Times stand outside the chain: they may
be corrected later, the body never. Once old rows were pruned the chain begins at the signed checkpoint they end in.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

CHUNK = 512
REPORTED_AT_MOST = 100

# (statement, seq, hash, pruned) -> whether the gateway's key says so
Vouch = Callable[[bytes, int, bytes, bool], bool]


class Broken(msgspec.Struct, frozen=True):
    """`why`: missing (a number was skipped), altered (the row's hash is wrong), unlinked (prev is not the hash of
    the row before), unsigned (a checkpoint that is not the gateway's, or not of this row).
    """

    seq: int
    why: str


class ChainReport(msgspec.Struct, frozen=True):
    """`checked` rows from `first` up to `last`; `broken` holds the first hundred faults, `faults` counts all;
    `signed`: checkpoints that hold, the newest of them at row `signed_upto`.
    """

    checked: int
    last: int
    faults: int
    broken: tuple[Broken, ...]
    first: int = 1
    signed: int = 0
    signed_upto: int = 0

    @property
    def ok(self) -> bool:
        return self.faults == 0


def genesis(epoch: str) -> bytes:
    return hashlib.sha256(epoch.encode("ascii")).digest()


def link(prev: bytes, body: bytes, seq: int) -> bytes:
    return hashlib.sha256(prev + body + seq.to_bytes(8, "big")).digest()


def fits(prev: object, body: object, seq: int, hash_: object) -> bool:
    """False also when damage has made a column another type than bytes."""
    return isinstance(prev, bytes) and isinstance(body, bytes) and link(prev, body, seq) == hash_


def start(connection: sqlite3.Connection, epoch: str) -> tuple[int, bytes]:
    """(seq, hash) of the newest row that was pruned; the genesis when none was. Raises sqlite3.Error."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
        found = connection.execute("SELECT seq, hash FROM checkpoints WHERE slot = 0").fetchone()
        if found is not None:
            return int(found[0]), bytes(found[1])
    return 0, genesis(epoch)


def walk(
    connection: sqlite3.Connection, epoch: str, after: int | None = None, vouch: Vouch | None = None
) -> ChainReport:
    """Check every row, or those with seq > `after`; with `vouch` given also the checkpoints.

    Raises sqlite3.Error when the file itself cannot be read.
    """
    with _snapshot(connection):
        return _walk(connection, epoch, after, vouch)


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is read is of one moment: a running agent makes room meanwhile, and the begin of the chain moves."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _walk(connection: sqlite3.Connection, epoch: str, after: int | None, vouch: Vouch | None) -> ChainReport:
    begin, known = start(connection, epoch)
    seq, hash_ = (begin, known) if after is None or after <= begin else (after, None)
    first = seq + 1
    checked, faults, broken = 0, 0, list[Broken]()
    marks = dict[int, list[tuple[int, object, object]]]()
    if vouch is not None:
        for slot, at, said, statement in connection.execute("SELECT slot, seq, hash, statement FROM checkpoints"):
            marks.setdefault(at, []).append((slot, said, statement))
    signed, signed_upto = 0, 0

    def wrong(at: int, why: str) -> None:
        nonlocal faults
        faults += 1
        if len(broken) < REPORTED_AT_MOST:
            broken.append(Broken(at, why))

    def check_marks(at: int, stored: object) -> None:
        nonlocal signed, signed_upto
        for slot, said, statement in marks.pop(at, ()):
            if (
                said == stored
                and vouch is not None
                and isinstance(said, bytes)
                and isinstance(statement, bytes)
                and vouch(statement, at, said, slot == 0)
            ):
                signed, signed_upto = signed + 1, max(signed_upto, at)
            else:
                wrong(at, "unsigned")

    if after is None:
        check_marks(seq, hash_)
    rows = connection.execute("SELECT seq, body, prev, hash FROM events WHERE seq > ? ORDER BY seq", (seq,))
    while chunk := rows.fetchmany(CHUNK):
        for found, body, prev, stored in chunk:
            if found != seq + 1:
                wrong(found, "missing")
            if hash_ is not None and prev != hash_:
                wrong(found, "unlinked")
            if not fits(prev, body, found, stored):
                wrong(found, "altered")
            check_marks(found, stored)
            seq, hash_ = found, stored
            checked += 1
    for at in sorted(marks):
        wrong(at, "unsigned")  # of a row that is not there
    return ChainReport(checked, seq, faults, tuple(broken), first, signed, signed_upto)
