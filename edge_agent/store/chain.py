"""The hash chain over the journal: hash = SHA-256(prev, body, seq as 8 bytes big-endian).

The first row's prev is SHA-256 of the epoch's 32 hexadecimal digits as ASCII. Times stand outside the chain: they may
be corrected later, the body never.
"""

import hashlib
import sqlite3

import msgspec

CHUNK = 512
REPORTED_AT_MOST = 100


class Broken(msgspec.Struct, frozen=True):
    """`why`: missing (a number was skipped), altered (the row's hash is wrong), unlinked (prev is not the hash of
    the row before).
    """

    seq: int
    why: str


class ChainReport(msgspec.Struct, frozen=True):
    """`checked` rows up to `last`; `broken` holds the first hundred faults, `faults` counts all."""

    checked: int
    last: int
    faults: int
    broken: tuple[Broken, ...]

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


def walk(connection: sqlite3.Connection, epoch: str, after: int = 0) -> ChainReport:
    """Check every row with seq > `after`. Raises sqlite3.Error when the file itself cannot be read."""
    seq, hash_ = after, genesis(epoch) if after == 0 else None
    checked, faults, broken = 0, 0, list[Broken]()
    rows = connection.execute("SELECT seq, body, prev, hash FROM events WHERE seq > ? ORDER BY seq", (after,))
    while chunk := rows.fetchmany(CHUNK):
        for found, body, prev, stored in chunk:
            for why, wrong in (
                ("missing", found != seq + 1),
                ("unlinked", hash_ is not None and prev != hash_),
                ("altered", not fits(prev, body, found, stored)),
            ):
                if wrong:
                    faults += 1
                    broken.append(Broken(found, why))
            seq, hash_ = found, stored
            checked += 1
        del broken[REPORTED_AT_MOST:]
    return ChainReport(checked, seq, faults, tuple(broken))
