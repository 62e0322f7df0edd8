"""The journal's file beside recording: reserve, pruning, signed checkpoints, times found out later."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_rig import BOOT, CountingClock, journalling, query

from edge_agent.contract.checkpoint import sign_checkpoint, vouches
from edge_agent.contract.signatures import new_key
from edge_agent.errors import JournalUnavailable
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import ClockAnchored, DoorOpened
from edge_agent.ports import Anchor, IntentDone, IntentOpened
from edge_agent.store import chain, reserve, upkeep
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.reading import JournalReader
from edge_agent.store.writer import Writer
from tests.waiting import auntil

KEY = new_key()
LOG_BYTES = (reserve.LOG_RESERVE_PAGES - 20) * reserve.PAGE
MONTH_MS = 31 * 86_400_000


def tend(journal: SqliteJournal, **settings: int) -> None:
    def sign(seq: int, hash_: bytes, pruned: bool) -> bytes:
        return sign_checkpoint("G1", journal.epoch, seq, hash_, pruned, KEY)

    journal.tend(sign, **settings)


def grown(path: Path) -> bool:
    return path.with_name(path.name + "-wal").stat().st_size >= LOG_BYTES


def report(path: Path):  # type: ignore[no-untyped-def]
    reader = JournalReader(path)
    try:
        return reader.verify(lambda *said: vouches(said[0], reader.epoch, said[1], said[2], said[3], KEY.public_key()))
    finally:
        reader.close()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a small tmpfs is mounted to fill it")
def test_ten_thousand_events_after_the_disk_is_full_then_a_refusal_then_recovery(tmp_path: Path) -> None:
    """24 MB, filled to the last byte by somebody else: the reserve takes 10,000 events and more; then it is said."""
    event = DoorOpened(door="d" * 380)

    async def story(journal: SqliteJournal) -> None:
        tend(journal)
        await auntil(lambda: journal.room.reserve >= reserve.RESERVE_BYTES, 20)
        await auntil(lambda: grown(journal.path), 20)
        filler = journal.path.parent / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        assert os.statvfs(journal.path.parent).f_bavail == 0
        accepted = 0
        while journal.accepting:
            recordings = [journal.record(event) for _ in range(100)]
            for recording in recordings:
                with contextlib.suppress(JournalUnavailable):
                    await recording.committed()
                    accepted += 1
            assert accepted < 60_000
        print(f"{accepted} events of {len(event.door)} bytes after the disk was full")
        assert accepted >= 10_000
        assert journal.last == accepted
        assert journal.room.sheds == "CB"
        filler.unlink()
        await auntil(lambda: journal.accepting)
        await journal.record(event).committed()
        assert (await journal.verify()).ok

    with small_disk(tmp_path / "disk", "24m") as disk:
        journalling(disk / "journal.db", story)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a small tmpfs is mounted to fill it")
def test_on_a_full_disk_what_the_city_has_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirmed rows go, oldest first, and recording goes on for ever; not one that is not confirmed."""
    monkeypatch.setattr(upkeep, "LOOK_S", 0.05)

    async def story(journal: SqliteJournal) -> None:
        tend(journal)
        await auntil(lambda: journal.room.reserve >= reserve.RESERVE_BYTES, 20)
        await auntil(lambda: grown(journal.path), 20)
        with (journal.path.parent / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        for turn in range(220):
            for recording in [journal.record(DoorOpened(door="d" * 380)) for _ in range(100)]:
                await recording.committed()
            journal.confirm(journal.last - 50)
            if turn % 20 == 0:
                before = journal.first
                await auntil(lambda: turn < 100 or journal.first > before, 20)  # noqa: B023
        assert 1 < journal.first <= journal.acked
        assert (await journal.verify()).ok

    with small_disk(tmp_path / "disk", "24m") as disk:
        journalling(disk / "journal.db", story)


def test_old_confirmed_rows_are_pruned_and_the_chain_begins_at_a_signed_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is confirmed, older than the days and beyond the count; verified over the pruned beginning."""
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)
    path, clock = tmp_path / "journal.db", CountingClock()

    async def run() -> None:
        writer = Writer()
        journal = SqliteJournal(path, clock, writer)
        for n in range(1000):
            journal.record(DoorOpened(door=f"d{n}"))
        await journal.record(DoorOpened(door="last")).committed()
        tend(journal, keep=300, days=30)
        await auntil(lambda: query(path, "SELECT count(*) FROM checkpoints WHERE slot > 0") == [(1,)])
        journal.confirm(500)
        assert journal.first == 1  # all of them are of today
        clock.up_ms += MONTH_MS
        for n in range(300):
            journal.record(DoorOpened(door=f"later{n}"))
        await auntil(lambda: journal.first == 501)
        journal.confirm(1290)
        await auntil(lambda: journal.first == 1002)  # beyond it everything is of this month
        await journal.close()
        writer.close()

    asyncio.run(run())
    found = report(path)
    assert found.ok
    assert (found.first, found.last, found.signed) == (1002, 1301, 1)
    query(path, "DELETE FROM events WHERE seq = 1002")
    assert {fault.why for fault in report(path).broken} >= {"missing"}
    query(path, "UPDATE checkpoints SET seq = 1002 WHERE slot = 0")
    assert "unsigned" in {fault.why for fault in report(path).broken}


@pytest.mark.parametrize("full", [False, True])
def test_what_is_too_old_goes_within_the_hour_and_no_later_for_want_of_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    """At a quiet gate fewer rows than one step takes are over their time; and a file that cannot grow any more, with
    room enough in it, lets go of them all the same.
    """
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)
    path, clock = tmp_path / "journal.db", CountingClock()

    async def run() -> None:
        writer = Writer()
        journal = SqliteJournal(path, clock, writer)
        for _ in range(2):
            for n in range(150):
                journal.record(DoorOpened(door=f"d{n}"))
            await journal.record(DoorOpened(door="last of the month")).committed()
            clock.up_ms += MONTH_MS
        journal.confirm(302)
        if full:
            query(path, "INSERT INTO reserve (filler) VALUES (zeroblob(?))", 2 * upkeep.LOW_BYTES)
            query(path, "DELETE FROM reserve")
            monkeypatch.setattr(reserve, "MOST_PAGES", query(path, "PRAGMA page_count")[0][0])
        tend(journal, most_days=63)
        await auntil(lambda: journal.room.reserve if full else journal.first)
        assert journal.first == 1
        clock.up_ms += 2 * 86_400_000
        await auntil(lambda: journal.first == 152)
        assert (await journal.verify()).ok
        await journal.close()
        writer.close()

    asyncio.run(run())


def test_of_a_command_that_is_done_only_its_event_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that opens a gate 500 times a day must not fill the file, nor keep who did it beyond `entry_days`; a
    command that comes again under its id is open again. What versions before have left goes by and by.
    """
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)
    path = tmp_path / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        intents = [IntentOpened(f"c-{n}", "open", "gate", "desk", n) for n in range(1, 4)]
        await journal.apply(*intents)
        await journal.apply(IntentDone("c-1", "completed"), IntentDone("c-2", "refused"))
        assert query(path, "SELECT command FROM intents") == [("c-3",)]
        await journal.apply(intents[0])
        assert await journal.open_intents() == [intents[0], intents[2]]
        assert await journal.command_counter() == 3
        rows = ", ".join(f"('old-{n}', 'open', 'gate', 'desk', 1, 'completed')" for n in range(500))
        query(path, f"INSERT INTO intents VALUES {rows}")
        tend(journal)
        await auntil(lambda: query(path, "SELECT count(*) FROM intents") == [(2,)])

    journalling(path, story)


def test_a_restart_goes_on_over_a_pruned_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)
    path = tmp_path / "journal.db"

    async def before(journal: SqliteJournal) -> None:
        for n in range(300):
            journal.record(DoorOpened(door=f"d{n}"))
        await journal.record(DoorOpened(door="x")).committed()
        journal.confirm(301)
        tend(journal, keep=10, days=0)
        journal.clock.up_ms += 1000  # type: ignore[attr-defined]
        await auntil(lambda: journal.first == 238)  # the newest 64 stay

    async def after(journal: SqliteJournal) -> None:
        assert journal.set_aside is None
        assert (await journal.record(DoorOpened(door="y")).committed()).seq == 302  # type: ignore[union-attr]
        assert (await journal.verify()).ok

    journalling(path, before)
    journalling(path, after, clean=False)
    assert report(path).ok


class BootClock(CountingClock):
    """Says what the test wants it to know."""

    def __init__(self, boot: str, state: ClockState, wall_ms: int) -> None:
        super().__init__()
        self.boot, self.state, self.wall_ms = boot, state, wall_ms
        self.past: list[tuple[int, str, int]] = []

    def now(self) -> Moment:
        self.up_ms += 1000
        err_ms = 10 if self.state is ClockState.SYNCED else 2**31 - 1
        return Moment(self.wall_ms + self.up_ms, self.up_ms, self.boot, self.state, err_ms)

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        self.past.append((wall_ms, boot_id, up_ms))


def test_times_that_nobody_knew_are_found_out(tmp_path: Path) -> None:
    """Boot a synced; boot b never was; boot c was synced after its first event. Bodies and hashes stay as they are."""
    path, noon = tmp_path / "journal.db", 1_790_000_000_000
    pasts = []

    def boot(clock: BootClock, anchor_at: int | None = None) -> None:
        async def run() -> None:
            writer = Writer()
            journal = SqliteJournal(path, clock, writer)
            pasts.append(clock.past)
            for n in range(3):
                if n == anchor_at:
                    clock.state, clock.wall_ms = ClockState.SYNCED, noon + 7_200_000
                    now = clock.now()
                    anchor = Anchor(now.boot_id, now.wall_ms, now.up_ms, now.err_ms)
                    await journal.record(ClockAnchored(), anchor).committed()
                await journal.record(DoorOpened(door=f"d{n}")).committed()
            await journal.close()
            writer.close()

        asyncio.run(run())

    boot(BootClock("a" * 32, ClockState.SYNCED, noon))
    boot(BootClock("b" * 32, ClockState.UNSET, 0))
    boot(BootClock("c" * 32, ClockState.UNSET, 0), anchor_at=2)
    reader = JournalReader(path)
    rows = reader.read(0, 100)[0]
    reader.close()
    assert report(path).broken == ()
    last_of_a = rows[2]
    for row in rows[3:6]:
        assert row.clock == "unset"
        low, high = last_of_a.wall_ms + row.up_ms, noon + 7_200_000
        assert abs(row.wall_ms - (low + high) // 2) < 100
        assert high - low <= row.clock_err_ms <= high - low + 100
    for row in rows[6:8]:
        assert (row.clock, row.wall_ms) == ("holdover", noon + 7_200_000 + row.up_ms)
        assert 10 <= row.clock_err_ms <= 12
    assert rows[8].clock == "synced"
    assert max(pasts[1])[0] >= last_of_a.wall_ms  # what the next boot must not fall behind
    assert BOOT not in {row.boot_id for row in rows}


def test_the_chain_is_read_as_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room that is made while somebody verifies is no missing row."""
    begin = chain.start

    def made_room(connection: sqlite3.Connection, epoch: str) -> tuple[int, bytes]:
        found = begin(connection, epoch)
        other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        other.execute("DELETE FROM events WHERE seq <= 10")
        other.close()
        return found

    async def story(journal: SqliteJournal) -> None:
        for recording in [journal.record(DoorOpened(door="d")) for _ in range(30)]:
            await recording.committed()
        monkeypatch.setattr(chain, "start", made_room)
        report = await journal.verify()
        assert report.ok
        assert (report.first, report.checked) == (1, 30)

    journalling(tmp_path / "journal.db", story)
