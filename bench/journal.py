"""How fast and how heavy the journal is, beside the least that SQLite can do under the same promise.

The peer is a bare sqlite3 loop in the same run: same PRAGMAs (WAL, synchronous=FULL), same table and index, rows of the
same bytes, one thread, BEGIN IMMEDIATE, an INSERT for each row, COMMIT; grouped: the same 50 rows a transaction. It
does less: no event is made and encoded, no clock asked, nothing hashed, no mark kept, nobody told. `lean` is that loop
with the journal's own statement, one INSERT of all rows: what the journal needs beyond it are threads and Python.
Rounds alternate, medians are compared.

    python bench/journal.py [directory on the disk to be measured]
"""

import asyncio
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import AccessGranted, encode_event
from edge_agent.store import chain, database
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.ledger import APPEND, appending
from edge_agent.store.reading import JournalReader
from edge_agent.store.schema import JOURNAL
from edge_agent.store.writer import GROUP, Writer

ROUNDS, SINGLE, GROUPED = 15, 200, 5_000
RUN_FOR_S = 45.0


class Clock:
    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        """These clocks have no floor."""

    def now(self) -> Moment:
        return Moment(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000, "ab" * 16, ClockState.SYNCED, 5)


def event(n: int) -> AccessGranted:
    return AccessGranted(
        door="north-gate", direction="in", person=f"p-{n % 5000:04x}", category="resident", house="3-1-502",
        how=("card",), rule="residents-always", terminal="north-in",
    )  # fmt: skip


class Bare:
    """The same rows, the same promise, nothing else."""

    def __init__(self, path: Path) -> None:
        self.connection = database.open_file(path, JOURNAL).connection
        self.seq, self.body, self.hash = 0, encode_event(event(1)), chain.genesis("0" * 32)
        self.at = Clock().now()  # times of the same width in the file as the journal's

    def row(self) -> tuple[object, ...]:
        self.seq += 1
        return (
            self.seq, "access.granted", 0, self.body, self.at.wall_ms, "synced", 5, "ab" * 16, self.at.up_ms,
            self.hash, self.hash,
        )  # fmt: skip

    def insert(self, group: int) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            self.connection.execute(APPEND, self.row())
        self.connection.execute("COMMIT")

    def insert_lean(self, group: int) -> None:
        self.connection.execute(appending(group), [value for _ in range(group) for value in self.row()])


def bare_rate(insert: Callable[[int], None], rows: int, group: int) -> float:
    start = time.perf_counter()
    for _ in range(rows // group):
        insert(group)
    return rows / (time.perf_counter() - start)


async def single_rate(journal: SqliteJournal, rows: int, waits_ms: list[float]) -> float:
    start = time.perf_counter()
    for n in range(rows):
        asked = time.perf_counter()
        await journal.record(event(n)).committed()
        waits_ms.append((time.perf_counter() - asked) * 1000)
    return rows / (time.perf_counter() - start)


async def grouped_rate(journal: SqliteJournal, rows: int) -> float:
    start = time.perf_counter()
    recordings = [journal.record(event(n)) for n in range(rows)]
    for recording in recordings:
        await recording.committed()
    return rows / (time.perf_counter() - start)


def written() -> int:
    """/proc/self/io write_bytes: what this process caused to be sent to the storage layer, in pages of 4 KiB; the
    file system's own journal is not in it. 0 on a file system in memory.
    """
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


async def bytes_per_event(journal: SqliteJournal, rows: int, group: int) -> float:
    """Through several checkpoints, with the city's confirmation of each group."""
    before = written()
    for n in range(0, rows, group):
        recordings = [journal.record(event(n)) for _ in range(group)]
        for recording in recordings:
            await recording.committed()
        journal.confirm(journal.last)
    return (written() - before) / rows


async def measure(directory: Path) -> None:
    writer = Writer()
    journal = SqliteJournal(directory / "journal.db", Clock(), writer)
    bare = Bare(directory / "bare.db")
    waits_ms, rates = list[float](), {name: list[float]() for name in ("s", "bs", "ls", "g", "bg", "lg")}
    until = time.monotonic() + RUN_FOR_S
    for _ in range(ROUNDS):
        if time.monotonic() > until:
            break
        rates["bs"].append(bare_rate(bare.insert, SINGLE, 1))
        rates["s"].append(await single_rate(journal, SINGLE, waits_ms))
        rates["ls"].append(bare_rate(bare.insert_lean, SINGLE, 1))
        rates["bg"].append(bare_rate(bare.insert, GROUPED, GROUP))
        rates["g"].append(await grouped_rate(journal, GROUPED))
        rates["lg"].append(bare_rate(bare.insert_lean, GROUPED, GROUP))
    median = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{'durable events a second':28}{'journal':>9}{'bare':>9}{'ratio':>7}{'aim':>8}{'added':>10}{'lean':>9}")
    cases = (("one at a time", "s", "bs", "ls"), (f"grouped, {GROUP} at most", "g", "bg", "lg"))
    for what, ours, theirs, lean in cases:
        ratio, added_us = median[ours] / median[theirs], 1e6 / median[ours] - 1e6 / median[theirs]
        print(f"{what:28}{median[ours]:9.0f}{median[theirs]:9.0f}{ratio:7.2f}{'>= 0.8':>8}{added_us:7.0f} us", end="")
        print(f"{median[lean]:9.0f}")
    sync_ms = 1000 / median["bs"]
    print(f"`added`: processor time and thread changes, the same on any disk. A commit takes {sync_ms:.2f} ms on this")
    print("one; where it takes longer the ratio is nearer to 1.")
    waits_ms.sort()
    p99 = waits_ms[int(len(waits_ms) * 0.99)]
    print(
        f"\nrecord() to committed: median {statistics.median(waits_ms):.2f} ms, p99 {p99:.2f} ms (n = {len(waits_ms)})"
    )
    one, ten = await bytes_per_event(journal, 1000, 1), await bytes_per_event(journal, 3000, 10)
    body = len(encode_event(event(1)))
    print(f"written per event ({body} B body): {one / 1000:.1f} kB single, {ten / 1000:.1f} kB in tens")
    print(f"  {' '.join((written.__doc__ or '').split())}")
    bare.connection.close()
    await journal.close()
    writer.close()


def measure_start(directory: Path, rows: int) -> None:
    """Opening a journal of `rows` events, and what walking all of it costs."""
    path = directory / "large.db"
    bare = Bare(path)
    epoch = bare.connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
    body, prev = bare.body, chain.genesis(epoch)
    bare.connection.execute("BEGIN IMMEDIATE")
    for seq in range(1, rows + 1):
        hash_ = chain.link(prev, body, seq)
        row = (seq, "access.granted", 0, body, 0, "synced", 5, "ab" * 16, 0, prev, hash_)
        bare.connection.execute(APPEND, row)
        prev = hash_
    bare.connection.execute("COMMIT")
    bare.connection.close()
    start = time.perf_counter()
    writer = Writer()
    journal = SqliteJournal(path, Clock(), writer)
    opened = time.perf_counter() - start
    asyncio.run(journal.close())
    writer.close()
    with closing(sqlite3.connect(path)) as connection:
        start = time.perf_counter()
        connection.execute("PRAGMA quick_check").fetchall()
        checked = time.perf_counter() - start
    reader = JournalReader(path)
    start = time.perf_counter()
    whole = reader.verify().ok
    walked = time.perf_counter() - start
    reader.close()
    size_mb = path.stat().st_size / 1e6
    print(f"\n{rows} events ({size_mb:.0f} MB): open {opened * 1000:.0f} ms; for comparison quick_check of every page")
    print(f"  {checked * 1000:.0f} ms (not done at start), chain verified in {walked:.2f} s (whole: {whole})")


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
        print(f"SQLite {sqlite3.sqlite_version}, Linux {platform.release()}\n")
        asyncio.run(measure(Path(name)))
        measure_start(Path(name), 300_000)


if __name__ == "__main__":
    main()
