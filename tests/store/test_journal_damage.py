"""store.journal after the worst: damaged, cut, foreign and future files. Nothing is deleted, nothing numbered twice."""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from journal_rig import CountingClock, journalling, query

from edge_agent.errors import JournalUnavailable, StoreError
from edge_agent.model.events import DoorForced, DoorOpened, GapAnnounced, encode_event
from edge_agent.store import database, mark, migrations, recognise, salvage, upkeep
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.ledger import JournalFile
from edge_agent.store.reading import JournalReader
from edge_agent.store.writer import Writer
from tests.waiting import auntil

ROWS = 400


async def fill(journal: SqliteJournal) -> str:
    for n in range(ROWS):
        await journal.record(DoorForced(door=f"d{n}") if n % 7 == 0 else DoorOpened(door=f"d{n}")).committed()
    journal.confirm(100)
    return journal.epoch


async def look(journal: SqliteJournal) -> dict[str, Any]:
    rows = await journal.rows(0, 10_000)
    return {
        "epoch": journal.epoch,
        "last": journal.last,
        "set_aside": journal.set_aside,
        "first": rows[0].event if rows else None,
        "whole": (await journal.verify()).ok,
        "next": (row := await journal.record(DoorOpened(door="after")).committed()) and row.seq,
    }


def killed_copy(path: Path, into: Path) -> Path:
    """The files as a SIGKILL leaves them: log and all, no clean end."""
    into.mkdir(mode=0o700, exist_ok=True)

    async def story(journal: SqliteJournal) -> None:
        await fill(journal)
        for file in path.parent.glob("journal.db*"):
            shutil.copy(file, into / file.name)

    journalling(path, story)
    return into / "journal.db"


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    return killed_copy(tmp_path / "run" / "journal.db", tmp_path / "state")


def check_quarantined(path: Path, seen: dict[str, Any], epoch: str | None, last: int | None) -> None:
    """A new epoch that starts with the gap; every byte of the old file still there under another name."""
    assert seen["set_aside"] is not None
    assert seen["set_aside"].exists()
    assert seen["first"].tag == "gap.announced"
    assert seen["epoch"] != epoch
    assert (seen["last"], seen["next"], seen["whole"]) == (1, 2, True)
    if epoch is not None:
        assert seen["first"].epoch == epoch
    if last is not None:
        assert (seen["first"].from_seq, seen["first"].to_seq) == (min(seen["first"].from_seq, last), last)


def epoch_of(path: Path) -> str:
    marked = mark.read(path)
    assert marked is not None
    return marked.epoch


def test_a_killed_run_is_gone_on_with(killed: Path) -> None:
    """The reference for all that follows: an undamaged copy is not set aside."""
    epoch = epoch_of(killed)
    seen = journalling(killed, look)
    assert seen["set_aside"] is None
    assert (seen["epoch"], seen["last"], seen["next"], seen["whole"]) == (epoch, ROWS, ROWS + 1, True)


def test_garbage_is_set_aside(killed: Path) -> None:
    """A file of noise under our name: the mark beside it still says whose it was and how far it had come."""
    epoch, noise = epoch_of(killed), random.Random(1).randbytes(50_000)
    killed.write_bytes(noise)
    seen = journalling(killed, look)
    check_quarantined(killed, seen, epoch, ROWS)
    assert seen["set_aside"].read_bytes() == noise


def test_nothing_readable_at_all_is_said_as_such(killed: Path) -> None:
    """Without file, log and mark the gap names no numbers."""
    for suffix in ("-wal", "-shm", "-mark"):
        recognise.beside(killed, suffix).unlink()
    killed.write_bytes(b"\0" * 8192)
    seen = journalling(killed, look)
    check_quarantined(killed, seen, None, 0)
    assert (seen["first"].from_seq, seen["first"].epoch) == (0, "")
    assert "unknown" in seen["first"].why


@pytest.mark.parametrize("kept", [0, 100, 4096, 9000])
def test_a_truncated_file_is_set_aside(killed: Path, kept: int) -> None:
    """Cut at any point; SQLite alone would delete the log of an empty file."""
    epoch = epoch_of(killed)
    with closing(sqlite3.connect(killed)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO meta VALUES ('x', 'y')")
        connection.commit()
        log = recognise.beside(killed, "-wal").read_bytes()
    whole = killed.read_bytes()
    killed.write_bytes(whole[:kept])
    recognise.beside(killed, "-wal").write_bytes(log if kept == 0 else b"")
    check_quarantined(killed, journalling(killed, look), epoch, ROWS)


@pytest.mark.parametrize("seed", range(12))
def test_flipped_pages_never_lead_to_a_number_given_twice(killed: Path, seed: int) -> None:
    """Random bytes in random pages: either the file is whole where it matters and goes on, or a new epoch begins."""
    with closing(sqlite3.connect(killed)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    epoch, rng = epoch_of(killed), random.Random(seed)
    data = bytearray(killed.read_bytes())
    for _ in range(4):
        at = rng.randrange(0, len(data) - 200)
        data[at : at + 64] = rng.randbytes(64)
    killed.write_bytes(data)
    seen = journalling(killed, look)
    if seen["set_aside"] is None:
        assert seen["epoch"] == epoch
        assert ROWS <= seen["last"] < seen["next"]  # altered rows may have been announced in between
    else:
        check_quarantined(killed, seen, None, None)
        assert seen["set_aside"].read_bytes() == data


@pytest.mark.parametrize("harm", ["removed", "emptied", "zeroed", "header", "middle"])
def test_a_damaged_log_is_noticed(killed: Path, harm: str) -> None:
    """SQLite recovers less from such a log and says nothing; the numbers in it were given out and stay taken."""
    epoch, log = epoch_of(killed), recognise.beside(killed, "-wal")
    data = bytearray(log.read_bytes())
    assert len(data) > 100_000  # otherwise nothing is lost with it
    match harm:
        case "removed":
            log.unlink()
        case "emptied":
            log.write_bytes(b"")
        case "zeroed":
            log.write_bytes(b"\0" * len(data))
        case "header":
            log.write_bytes(data[:9] + b"\xff" + data[10:])
        case "middle":
            data[len(data) // 2 : len(data) // 2 + 100] = b"\xff" * 100
            log.write_bytes(data)
    check_quarantined(killed, journalling(killed, look), epoch, ROWS)


def test_a_log_broken_in_the_middle_shows_without_the_mark(killed: Path) -> None:
    """The log alone says so: commits of the same generation lie beyond the point where recovery stops."""
    log = recognise.beside(killed, "-wal")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(data)
    recognise.beside(killed, "-mark").unlink()
    assert journalling(killed, look)["set_aside"] is not None


def test_a_torn_last_commit_is_not_damage(killed: Path) -> None:
    """A power cut tears the commit in flight, of which nobody was told: the journal goes on."""
    log = recognise.beside(killed, "-wal")
    log.write_bytes(log.read_bytes()[:-2000])
    recognise.beside(killed, "-mark").unlink()  # a power cut: the mark is not on the disk yet
    seen = journalling(killed, look)
    assert seen["set_aside"] is None
    assert seen["whole"]


def test_a_journal_that_is_gone_is_announced(killed: Path) -> None:
    """Somebody deleted it: a new epoch begins, and says what the mark still knows of the old one."""
    epoch = epoch_of(killed)
    for suffix in ("", "-wal", "-shm"):
        recognise.beside(killed, suffix).unlink()
    seen = journalling(killed, look)
    assert (seen["first"].epoch, seen["first"].from_seq, seen["first"].to_seq) == (epoch, 1, ROWS)
    assert seen["next"] == 2
    assert journalling(killed, look)["last"] == 2  # said once


def begun_until(path: Path, steps: int) -> None:
    """A start in a process of its own, which is gone before the next of so many renames, files made and commits."""
    child = os.fork()
    if child == 0:

        def until_then(step: Callable[..., Any]) -> Callable[..., Any]:
            def taken(*arguments: Any) -> Any:
                nonlocal steps
                steps -= 1
                return step(*arguments) if steps >= 0 else os._exit(0)

            return taken

        try:
            Path.rename = until_then(Path.rename)  # type: ignore[method-assign]
            database._make, migrations.apply = until_then(database._make), until_then(migrations.apply)
            mark.Mark.write = until_then(mark.Mark.write)  # type: ignore[method-assign]
            JournalFile.begin = until_then(JournalFile.begin)  # type: ignore[method-assign]
            JournalFile.commit = until_then(JournalFile.commit)  # type: ignore[method-assign]
            JournalFile(path, CountingClock().now()).begin()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_a_power_cut_while_a_file_is_set_aside_loses_no_announcement(killed: Path, tmp_path: Path) -> None:
    """Before each step: power that flickers is what damages files. What was lost is said by the next start."""
    epoch = epoch_of(killed)
    with closing(sqlite3.connect(killed)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    killed.write_bytes(random.Random(1).randbytes(50_000))
    for cut in range(9):
        path = tmp_path / f"cut-{cut}" / "journal.db"
        shutil.copytree(killed.parent, path.parent)
        begun_until(path, cut)
        said = [row.event for row in journalling(path, lambda journal: journal.rows(0, 10))]
        assert (epoch, ROWS) in [(event.epoch, event.to_seq) for event in said], cut
        assert [event.tag for event in said] == ["gap.announced"] * len(said)
        assert journalling(path, look)["last"] == len(said)  # said once


@pytest.mark.parametrize(("first", "second"), [("damaged", "noise"), ("damaged", "a page"), ("gone", "a page")])
def test_of_two_faults_in_a_row_both_are_announced(killed: Path, first: str, second: str) -> None:
    """The file that was to announce the first one is damaged before the city has it: nobody heard of the first."""
    epochs = [epoch_of(killed)]
    if first == "damaged":
        killed.write_bytes(random.Random(1).randbytes(50_000))
    else:
        for suffix in ("", "-wal", "-shm"):
            recognise.beside(killed, suffix).unlink(missing_ok=True)

    async def more(journal: SqliteJournal) -> str:
        for n in range(ROWS):
            await journal.record(DoorOpened(door=f"d{n}")).committed()
        return journal.epoch

    epochs.append(journalling(killed, more))
    query(killed, "PRAGMA wal_checkpoint(TRUNCATE)")
    left = killed.read_bytes()[:-4096] if second == "a page" else b""
    killed.write_bytes(left + random.Random(2).randbytes(4096))
    said = [row.event for row in journalling(killed, lambda journal: journal.rows(0, 10))]
    assert [event.tag for event in said] == ["gap.announced"] * 2
    assert [(event.epoch, event.to_seq) for event in said] == [(epochs[1], ROWS + 1), (epochs[0], ROWS)]
    assert journalling(killed, look)["last"] == 2, "said once"


@pytest.mark.parametrize("body", ["5", "NULL", "'{'", "x'7b'", "x'ff'"])
def test_remains_that_are_of_another_kind_end_no_start(tmp_path: Path, body: str) -> None:
    """Damage makes anything of a row: what it announced is lost, and the new file begins all the same."""
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"""CREATE TABLE events (seq, tag, body); CREATE TABLE cursors (name, upto); CREATE TABLE meta (key, value);
            INSERT INTO events VALUES (1, 'gap.announced', {body}); INSERT INTO cursors VALUES ('city', 'x')"""
        )
    assert salvage.unsaid(path) == []
    assert salvage.gap(path, "noise").to_seq == 1


@pytest.mark.parametrize("acked", [0, 1, 2])
def test_what_the_city_has_acknowledged_is_not_announced_once_more(tmp_path: Path, acked: int) -> None:
    path = tmp_path / "journal.db"
    gaps = [GapAnnounced(epoch=each * 32, from_seq=1, to_seq=9, why="gone") for each in "ab"]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("CREATE TABLE events (seq, tag, body); CREATE TABLE cursors (name, upto)")
        rows = [(seq, gap.tag, encode_event(gap)) for seq, gap in enumerate(gaps, 1)]
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO events VALUES (3, 'door.opened', x'7b')")
        connection.execute("INSERT INTO cursors VALUES ('city', ?)", (acked,))
    assert salvage.unsaid(path) == gaps[acked:]


def test_an_old_copy_put_back_starts_a_new_epoch(tmp_path: Path) -> None:
    """A backup of the database file alone: its epoch would give out numbers that the city already has."""
    path, old = tmp_path / "journal.db", tmp_path / "backup"
    epoch = journalling(path, fill)
    query(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, old)
    journalling(path, look)
    for suffix in ("", "-wal", "-shm"):
        recognise.beside(path, suffix).unlink(missing_ok=True)
    shutil.copy(old, path)
    check_quarantined(path, journalling(path, look), epoch, ROWS + 1)


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Another program's database, and our own of another kind: refused, not a byte changed, nothing beside it."""
    foreign = tmp_path / "journal.db"
    query(foreign, "CREATE TABLE photographs (id INTEGER PRIMARY KEY)")
    before = foreign.read_bytes()
    with pytest.raises(StoreError) as refused:
        JournalFile(foreign, CountingClock().now())
    assert refused.value.code == "store.not_ours"
    assert "not touched" in refused.value.text("en")
    assert "未被改动" in refused.value.text("zh")
    assert foreign.read_bytes() == before
    assert not list(tmp_path.glob("*.damaged*"))


def test_a_file_from_the_future_is_left_alone(tmp_path: Path) -> None:
    """A step this version does not know: refused with the remedy, and it still opens for who knows it."""
    path = tmp_path / "journal.db"
    journalling(path, fill)
    query(path, "INSERT INTO _sqlite_migrations VALUES (99, 'journal', '0099_later', '2030-01-01')")
    with pytest.raises(StoreError) as refused:
        JournalFile(path, CountingClock().now())
    assert refused.value.code == "store.from_the_future"
    assert "0099_later" in refused.value.text("en")
    assert "Update the agent" in refused.value.text("en")
    assert not list(tmp_path.glob("*.damaged*"))
    query(path, "DELETE FROM _sqlite_migrations WHERE id = 99")
    assert journalling(path, look)["last"] == ROWS


def test_pragmas_are_what_the_promise_needs(tmp_path: Path) -> None:
    """Read back from the very connection that commits."""

    async def story(journal: SqliteJournal) -> None:
        connection = journal._file._connection
        assert connection is not None
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value
        assert connection.execute("PRAGMA application_id").fetchone()[0] == int.from_bytes(b"EAj1", "big")

    journalling(tmp_path / "journal.db", story)


def test_damage_found_in_use_is_looked_at_closely_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is not read whole at every start; the first error in use makes the next start do it."""
    monkeypatch.setattr(recognise, "CHECK_WHOLE_BELOW_BYTES", 0)
    path = tmp_path / "journal.db"
    epoch = journalling(path, fill)
    query(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    interior = next(at for at in range(4096, len(data), 4096) if data[at] == 13 and b"d10" in data[at : at + 4096])
    data[interior : interior + 8] = b"\x07" * 8  # a leaf of the events is no page any more
    path.write_bytes(data)

    async def in_use(journal: SqliteJournal) -> None:
        with pytest.raises(StoreError) as found:
            await journal.rows(0, 10_000)
        assert found.value.code == "store.damaged"
        await journal.damaged()

    journalling(path, in_use)
    check_quarantined(path, journalling(path, look), epoch, ROWS)


def test_a_start_that_needs_no_migration_loads_no_migration_library(tmp_path: Path) -> None:
    """sqlite-utils costs 140 ms: an ordinary start does not pay it."""
    path = tmp_path / "journal.db"
    journalling(path, fill)
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from journal_rig import CountingClock; from edge_agent.store.ledger import JournalFile;"
        "JournalFile(Path(sys.argv[1]), CountingClock().now()); assert 'sqlite_utils' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(Path(__file__).parent)], check=True)


def test_the_writer_survives_a_closed_loop(tmp_path: Path) -> None:
    """The event loop may be gone when a commit returns: the row is kept, nobody is told, the thread goes on."""
    writer = Writer()
    journal = SqliteJournal(tmp_path / "journal.db", CountingClock(), writer)

    async def record_and_leave() -> None:
        journal.record(DoorOpened(door="d"))

    asyncio.run(record_and_leave())
    asyncio.run(journal.close())
    writer.close()
    assert query(tmp_path / "journal.db", "SELECT count(*) FROM events") == [(1,)]


def test_damage_met_by_the_cursor_alone_is_told(tmp_path: Path) -> None:
    """Without an event to record nobody would hear of it, and the agent would refuse for ever."""

    async def story(journal: SqliteJournal) -> None:
        await journal.record(DoorOpened(door="gate")).committed()

        def corrupt(entries: object, acked: object, now: object) -> None:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        whole = journal._file.commit
        journal._file.commit = corrupt  # type: ignore[method-assign,assignment]
        journal._cursor_at = 0.0
        journal._writer.nudge()
        async with asyncio.timeout(5):
            await journal.damaged()
        assert not journal.accepting
        journal._file.commit = whole  # type: ignore[method-assign]

    journalling(tmp_path / "journal.db", story)


def test_a_disk_that_fails_is_not_taken_for_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With EIO under it SQLite may say `malformed`. Where not even a note can be made the daemon must not end itself:
    it would find nothing to start from, and nobody would be let out.
    """

    async def story(journal: SqliteJournal) -> None:
        await journal.record(DoorOpened(door="gate")).committed()

        def malformed(*_: object) -> object:
            raise recognise.Damaged(journal.path, "database disk image is malformed")

        def dead_disk(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(journal._reader, "read", malformed)
            patch.setattr(Path, "touch", dead_disk)
            with pytest.raises(StoreError):
                await journal.rows(0, 10)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await journal.damaged()
        assert [row.seq for row in await journal.rows(0, 10)] == [1]
        assert journal.accepting

    journalling(tmp_path / "journal.db", story)


def newest_first_page(log: bytes) -> bytes:
    """Page 1 as the last commit of a log has it."""
    size, found = 24 + 4096, b""
    for at in range(32, len(log) - size + 1, size):
        if log[at : at + 4] == (1).to_bytes(4, "big"):
            found = log[at + 24 : at + size]
    assert found
    return found


@pytest.mark.parametrize("first_page", ["written", "torn"])
def test_a_power_cut_in_a_checkpoint_is_no_damage(killed: Path, first_page: str) -> None:
    """Found by the laboratory, rows 2a and 17: a checkpoint writes the first page before those it adds. The log has
    all of them; who reads beside the daemon and who continues it lose nothing.
    """
    page = newest_first_page(recognise.beside(killed, "-wal").read_bytes())
    short = killed.read_bytes()
    assert int.from_bytes(page[28:32], "big") * 4096 > len(short)
    killed.write_bytes((page if first_page == "written" else page[:512] + b"\xa5" * 3584) + short[4096:])
    with pytest.raises(sqlite3.DatabaseError), closing(recognise._look(killed)) as connection:
        connection.execute("SELECT count(*) FROM events").fetchone()
    reader = JournalReader(killed)
    assert (reader.last, reader.verify().ok) == (ROWS, True)
    reader.close()
    seen = journalling(killed, look)
    assert (seen["last"], seen["set_aside"], seen["next"], seen["whole"]) == (ROWS, None, ROWS + 1, True)


@pytest.mark.parametrize("how", ["removed", "replaced", "with its folder"])
def test_a_journal_that_is_taken_away_while_in_use_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """What is written to a file without a name is gone with the process. Nothing is accepted any more, and where a file
    can be made the daemon ends, so that the next start makes one and says what is missing.
    """
    monkeypatch.setattr(upkeep, "LOOK_S", 0.01)
    path = tmp_path / "state" / "journal.db"

    async def run() -> str:
        writer = Writer()
        journal = SqliteJournal(path, CountingClock(), writer)
        await journal.record(DoorOpened(door="d")).committed()
        journal.tend(lambda seq, hash_, pruned: b"")
        await auntil(lambda: journal.room.reserve > 0)
        match how:
            case "removed":
                path.unlink()
            case "replaced":
                shutil.copy(path, path.with_name("copy"))
                path.with_name("copy").replace(path)
            case _:
                path.parent.rename(tmp_path / "elsewhere")
        await auntil(lambda: not journal.accepting)
        with pytest.raises(JournalUnavailable):
            await asyncio.wait_for(journal.record(DoorOpened(door="d")).committed(), 10)
        if how != "with its folder":
            await asyncio.wait_for(journal.damaged(), 10)
        with contextlib.suppress(StoreError):
            await asyncio.wait_for(journal.close(), 10)
        writer.close()
        return journal.epoch

    epoch = asyncio.run(run())
    if how == "removed":
        seen = journalling(path, look)
        assert (seen["first"].tag, seen["first"].epoch, seen["first"].to_seq) == ("gap.announced", epoch, 1)
