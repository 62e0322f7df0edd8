"""store.journal under SIGKILL and a full disk: what was announced as accepted is there, whatever happens."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_rig import CountingClock, journalling, query

from edge_agent.errors import JournalUnavailable
from edge_agent.model.events import DoorOpened
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer
from tests.waiting import auntil

CHILD = Path(__file__).parent / "journal_child.py"
KILLS, OFFERED = 10, 500


def run_and_kill(path: Path, first: int, lines: int) -> list[str]:
    """What the child announced before SIGKILL hit it, after about `lines` announcements."""
    command = [sys.executable, str(CHILD), str(path), str(first), str(OFFERED)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(CHILD.parent), root))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        heard = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        heard += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL, "it was to be killed in the middle"
    return [line for line in heard if line.endswith("\n")]


def test_killed_ten_times_in_the_middle_of_500(tmp_path: Path) -> None:
    """One journal, ten runs, ten SIGKILLs: every announced event is there under its number, the chain holds."""
    path, rng, announced = tmp_path / "journal.db", random.Random(20), dict[int, tuple[str, str]]()
    for run in range(KILLS):
        for line in run_and_kill(path, run * OFFERED, rng.randrange(1, 350)):
            epoch, seq, read_id = line.split()
            assert int(seq) not in announced
            announced[int(seq)] = (epoch, read_id)

    async def look(journal: SqliteJournal) -> None:
        assert journal.after == "killed"
        assert journal.set_aside is None
        assert (await journal.verify()).ok
        rows = await journal.rows(0, KILLS * OFFERED)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        there = {row.seq: (row.epoch, f"r{row.event.door[1:]}") for row in rows}  # type: ignore[union-attr]
        assert {seq: there.get(seq) for seq in announced} == announced
        assert len(announced) > KILLS

    journalling(path, look)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = tmp_path / "small"
    mounted.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", str(mounted)], check=False)
    if made.returncode:
        pytest.skip("this machine does not allow mounting a tmpfs")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)


def fill_up(disk: Path) -> Path:
    """Take the space that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                continue
        except OSError:
            return filler
    raise AssertionError("the disk has no end")


async def record_until_refused(journal: SqliteJournal) -> int:
    """How many were accepted before the first refusal."""
    for n in range(100_000):
        try:
            await journal.record(DoorOpened(door=f"d{n}")).committed()
        except JournalUnavailable as refused:
            if refused.code == "store.disk_full":
                return n
            raise
    raise AssertionError("the disk never filled")


def test_a_full_disk_refuses_loudly_and_recovers_by_itself(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Refused at once while full, said once when lost and once when back; what was accepted stays, no number burnt."""

    async def run() -> None:
        writer = Writer()
        journal = SqliteJournal(small_disk / "journal.db", CountingClock(), writer)
        filler = fill_up(small_disk)
        accepted = await record_until_refused(journal)
        assert not journal.accepting
        for _ in range(5):
            with pytest.raises(JournalUnavailable):
                await journal.record(DoorOpened(door="refused")).committed()
        with pytest.raises(JournalUnavailable):
            await journal.apply()
        assert len(await journal.rows(0, 100_000)) == accepted  # reading goes on
        filler.unlink()
        await auntil(lambda: journal.accepting, 10)
        row = await journal.record(DoorOpened(door="after")).committed()
        assert row is not None
        assert row.seq == accepted + 1
        assert (await journal.verify()).ok
        await journal.close()
        writer.close()

    asyncio.run(run())
    said = [record.getMessage() for record in caplog.records if record.levelname in ("CRITICAL", "WARNING")]
    assert len(said) == 2
    assert "disk is full" in said[0]
    assert said[1] == "recording again"


def test_a_start_on_a_full_disk(small_disk: Path) -> None:
    """A restart while the disk is full begins, refuses entries, reads the backlog, and recovers like the others."""

    async def fill(journal: SqliteJournal) -> None:
        for n in range(20):
            await journal.record(DoorOpened(door=f"d{n}")).committed()

    async def restarted(journal: SqliteJournal) -> None:
        assert len(await journal.rows(0, 100)) == 20
        before = journal.last
        await record_until_refused(journal)
        (small_disk / "filler").unlink()
        await auntil(lambda: journal.accepting, 10)
        assert (await journal.verify()).ok
        assert journal.last >= before

    path = small_disk / "journal.db"
    journalling(path, fill)
    fill_up(small_disk)
    journalling(path, restarted)
    assert query(path, "SELECT value FROM meta WHERE key = 'run'") == [("clean",)]


def test_a_file_that_turns_read_only(tmp_path: Path) -> None:
    """SQLITE_READONLY, as when an SD card gives up: refused with that reason; the probe opens the file anew."""

    async def story(journal: SqliteJournal) -> None:
        await journal.record(DoorOpened(door="d")).committed()
        connection = journal._file._connection
        assert connection is not None
        connection.execute("PRAGMA query_only = ON")
        with pytest.raises(JournalUnavailable) as refused:
            await journal.record(DoorOpened(door="d")).committed()
        assert refused.value.code == "store.read_only"
        await auntil(lambda: journal.accepting, 10)
        row = await journal.record(DoorOpened(door="d")).committed()
        assert row is not None
        assert row.seq == 2

    journalling(tmp_path / "journal.db", story)
