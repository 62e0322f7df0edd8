"""store.journal: what is accepted, in which order, and what can be read back."""

import asyncio
import hashlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from journal_rig import BOOT, CountingClock, journalling, query

from edge_agent.errors import StoreError
from edge_agent.model.events import AccessDenied, AccessGranted, CommandRefused, DoorForced, DoorOpened
from edge_agent.ports import DoorState, IntentDone, IntentOpened
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.reading import URGENT, JournalReader
from edge_agent.store.writer import GROUP, Writer
from tests.waiting import auntil


def granted(person: str = "p-5f2c") -> AccessGranted:
    return AccessGranted(
        door="north-gate", direction="in", person=person, category="resident", how=("card",), rule="residents-always"
    )


def test_a_recording_gives_the_committed_row(tmp_path: Path) -> None:
    """The row is the event as canonical JSON, stamped when it was recorded, chained to the genesis hash."""

    async def story(journal: SqliteJournal) -> None:
        row = await journal.record(granted(), read_id="r-1").committed()
        assert row is not None
        assert (row.seq, row.epoch, row.tag) == (1, journal.epoch, "access.granted")
        assert row.event == granted()
        assert row.body == (
            b'{"category":"resident","direction":"in","door":"north-gate","how":["card"],'
            b'"person":"p-5f2c","rule":"residents-always"}'
        )
        assert (row.clock, row.clock_err_ms, row.boot_id, row.up_ms) == ("synced", 7, BOOT, 2)
        assert row.prev == hashlib.sha256(journal.epoch.encode("ascii")).digest()
        assert row.hash == hashlib.sha256(row.prev + row.body + (1).to_bytes(8, "big")).digest()
        assert await journal.rows(0, 10) == [row]

    journalling(tmp_path / "journal.db", story)


def test_epoch_and_numbers_go_on_over_restarts(tmp_path: Path) -> None:
    """One epoch per file; seq is contiguous over runs; how the last run ended is known."""
    seen = []

    async def story(journal: SqliteJournal) -> None:
        await journal.record(granted()).committed()
        seen.append((journal.after, journal.epoch, journal.last))

    path = tmp_path / "journal.db"
    journalling(path, story)
    journalling(path, story, clean=False)
    journalling(path, story)
    assert [after for after, _, _ in seen] == ["first", "clean", "killed"]
    assert len({epoch for _, epoch, _ in seen}) == 1
    assert len(seen[0][1]) == 32
    assert [last for _, _, last in seen] == [1, 2, 3]


def test_many_recordings_at_once_are_grouped_and_stay_in_order(tmp_path: Path) -> None:
    """What queues up while a commit waits for the disk shares the next one, at most 50 rows; none is lost."""
    groups: list[int] = []

    async def story(journal: SqliteJournal) -> None:
        commit = journal._file.commit

        def counting(entries: list, *rest: object) -> None:
            if entries:
                groups.append(len(entries))
            commit(entries, *rest)

        journal._file.commit = counting  # type: ignore[method-assign]
        recordings = [journal.record(granted(f"p-{n}")) for n in range(1000)]
        rows = [await recording.committed() for recording in recordings]
        assert [row.seq for row in rows if row] == list(range(1, 1001))
        assert [row.event.person for row in await journal.rows(0, 2000)] == [f"p-{n}" for n in range(1000)]  # type: ignore[union-attr]
        assert (await journal.verify()).ok

    journalling(tmp_path / "journal.db", story)
    assert sum(groups) == 1000
    assert max(groups) == GROUP
    assert len(groups) < 100


def test_one_recording_is_committed_at_once(tmp_path: Path) -> None:
    """An idle writer waits for nobody to share the transaction with."""

    async def story(journal: SqliteJournal) -> None:
        assert await journal.record(granted()).committed(within_s=5) is not None

    journalling(tmp_path / "journal.db", story)


def test_a_late_commit_goes_on(tmp_path: Path) -> None:
    """`within_s` bounds the waiting, not the commit: None first, the row later."""

    async def story(journal: SqliteJournal) -> None:
        other = sqlite3.connect(journal.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # somebody holds the file
        recording = journal.record(granted())
        assert await recording.committed(within_s=0.05) is None
        other.execute("ROLLBACK")
        other.close()
        row = await recording.committed(within_s=10)
        assert row is not None
        assert row.seq == 1

    journalling(tmp_path / "journal.db", story)


def test_lanes(tmp_path: Path) -> None:
    """Urgent rows can be read without walking the normal ones; without a lane all come in order."""

    async def story(journal: SqliteJournal) -> None:
        for n in range(40):
            journal.record(DoorForced(door=f"d{n}") if n % 10 == 5 else DoorOpened(door=f"d{n}"))
        await journal.record(CommandRefused(reason="expired")).committed()
        assert [row.seq for row in await journal.rows(0, 100, urgent=True)] == [6, 16, 26, 36, 41]
        assert [row.seq for row in await journal.rows(6, 2, urgent=True)] == [16, 26]
        assert len(await journal.rows(0, 100, urgent=False)) == 36
        assert [row.seq for row in await journal.rows(38, 100)] == [39, 40, 41]
        plan = query(journal.path, "EXPLAIN QUERY PLAN " + URGENT, 0, 9)
        assert any("events_urgent" in str(line) for line in plan)

    journalling(tmp_path / "journal.db", story)


def test_changes_are_in_the_transaction_of_their_event(tmp_path: Path) -> None:
    """Door state, intents and the command counter; an intent without a result is found again after a crash."""

    async def before(journal: SqliteJournal) -> None:
        await journal.record(DoorOpened(door="north-gate"), DoorState("north-gate", "open")).committed()
        await journal.apply(IntentOpened("c-1", "open", "north-gate", "duty-desk", 7))
        await journal.apply(IntentOpened("c-2", "open", "north-gate", "duty-desk", 5))
        await journal.apply(IntentDone("c-2", "completed"))

    async def after(journal: SqliteJournal) -> None:
        assert await journal.open_intents() == [IntentOpened("c-1", "open", "north-gate", "duty-desk", 7)]
        assert await journal.command_counter() == 7
        assert journal.last == 1

    path = tmp_path / "journal.db"
    journalling(path, before, clean=False)
    journalling(path, after)
    assert query(path, "SELECT door, state, seq FROM door_state") == [("north-gate", "open", 1)]


def test_the_cursor_never_goes_back_and_never_beyond(tmp_path: Path) -> None:
    """An acknowledgement is bounded by what was written; the cursor survives a restart."""

    async def before(journal: SqliteJournal) -> None:
        for _ in range(3):
            await journal.record(granted()).committed()
        journal.confirm(2)
        journal.confirm(1)
        assert journal.acked == 2
        journal.confirm(99)
        assert journal.acked == 3

    async def after(journal: SqliteJournal) -> None:
        assert journal.acked == 3

    path = tmp_path / "journal.db"
    journalling(path, before)
    journalling(path, after)


def test_the_cursor_is_written_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledgements cost no page each: the newest one reaches the disk within a time."""
    monkeypatch.setattr("edge_agent.store.journal.CURSOR_WITHIN_S", 0.2)

    async def story(journal: SqliteJournal) -> None:
        for n in range(1, 4):
            await journal.record(granted()).committed()
            journal.confirm(n)
        assert query(journal.path, "SELECT upto FROM cursors") == []
        await auntil(lambda: query(journal.path, "SELECT upto FROM cursors") == [(3,)])

    journalling(tmp_path / "journal.db", story)


def test_a_dead_letter_leaves_its_lane(tmp_path: Path) -> None:
    """A row the city never takes is kept, and is not sent again."""

    async def story(journal: SqliteJournal) -> None:
        for _ in range(3):
            await journal.record(granted()).committed()
        await journal.dead_letter(2, "bad_schema")
        assert [row.seq for row in await journal.rows(0, 9, urgent=False)] == [1, 3]
        assert [row.seq for row in await journal.rows(0, 9)] == [1, 2, 3]

    journalling(tmp_path / "journal.db", story)
    assert query(tmp_path / "journal.db", "SELECT * FROM dead_letters") == [(2, "bad_schema")]


def test_changed_wakes_on_a_commit(tmp_path: Path) -> None:
    """A waiter for rows beyond what is there is woken by the next commit, one behind at once."""

    async def story(journal: SqliteJournal) -> None:
        await journal.record(granted()).committed()
        await asyncio.wait_for(journal.changed(0), 5)
        waiter = asyncio.create_task(journal.changed(1))
        await asyncio.sleep(0)
        assert not waiter.done()
        journal.record(granted())
        await asyncio.wait_for(waiter, 5)

    journalling(tmp_path / "journal.db", story)


def test_a_row_altered_on_the_disk_is_announced_and_not_sent(tmp_path: Path) -> None:
    """The chain says which row; the rows around it still go, and the city is told of the gap."""
    path = tmp_path / "journal.db"

    async def before(journal: SqliteJournal) -> None:
        for n in range(5):
            await journal.record(granted(f"p-{n}")).committed()

    async def after(journal: SqliteJournal) -> None:
        report = await journal.verify()
        assert not report.ok
        assert [(fault.seq, fault.why) for fault in report.broken] == [(3, "altered")]
        assert [row.seq for row in await journal.rows(0, 9, urgent=False)] == [1, 2, 4, 5]
        await asyncio.wait_for(journal.changed(5), 5)
        (gap,) = await journal.rows(5, 9, urgent=True)
        assert (gap.event.from_seq, gap.event.to_seq, gap.event.why) == (3, 3, "damaged")  # type: ignore[union-attr]
        assert [row.seq for row in await journal.rows(2, 1, urgent=False)] == [4]

    journalling(path, before)
    body = query(path, "SELECT body FROM events WHERE seq = 3")[0][0]
    query(path, "UPDATE events SET body = ? WHERE seq = 3", body.replace(b"p-2", b"p-9"))
    journalling(path, after)


def test_a_missing_row_breaks_the_chain(tmp_path: Path) -> None:
    """Nobody removes a row unnoticed."""
    path = tmp_path / "journal.db"

    async def before(journal: SqliteJournal) -> None:
        for n in range(5):
            await journal.record(granted(f"p-{n}")).committed()

    journalling(path, before)
    query(path, "DELETE FROM events WHERE seq = 3")
    reader = JournalReader(path)
    assert [(fault.seq, fault.why) for fault in reader.verify().broken] == [(4, "missing"), (4, "unlinked")]
    reader.close()


def test_listeners_get_row_and_read_id_at_the_commit(tmp_path: Path) -> None:
    """What the accepted stream is made of."""
    heard = []

    async def story(journal: SqliteJournal) -> None:
        journal.listen(lambda row, read_id: heard.append((row.seq, read_id)))
        journal.record(granted(), read_id="r-1")
        await journal.record(DoorOpened(door="d")).committed()
        await journal.apply(DoorState("d", "open"))

    journalling(tmp_path / "journal.db", story)
    assert heard == [(1, "r-1"), (2, None)]


def test_a_second_process_does_not_write_the_same_journal(tmp_path: Path) -> None:
    """Two agents on one state directory would give out the same numbers."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from journal_rig import CountingClock; from edge_agent.store.ledger import JournalFile;"
        "JournalFile(Path(sys.argv[1]), CountingClock().now())"
    )

    async def story(journal: SqliteJournal) -> None:
        arguments = [sys.executable, "-c", code, str(journal.path), str(Path(__file__).parent)]
        ended = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, check=False)
        assert ended.returncode != 0
        assert "already written by another running agent" in ended.stderr
        assert await journal.record(granted()).committed() is not None

    journalling(tmp_path / "journal.db", story)


def test_files_are_private(tmp_path: Path) -> None:
    """Nobody but the agent's user opens what it keeps."""
    path = tmp_path / "state" / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        await journal.record(granted()).committed()
        assert os.stat(path.parent).st_mode & 0o777 == 0o700
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o777 == 0o600, file.name

    journalling(path, story)


def test_no_journal_is_said(tmp_path: Path) -> None:
    """Reading where nothing is names the path and makes no file."""
    with pytest.raises(StoreError, match="no journal"):
        JournalReader(tmp_path / "journal.db")
    assert not list(tmp_path.iterdir())


def test_the_writer_runs_calls_in_turn_and_hands_back_errors() -> None:
    """Other files' writes share the thread; what they raise comes back to who asked."""

    async def run() -> None:
        writer = Writer()
        assert await writer.call(lambda: 41 + 1) == 42

        def fails() -> None:
            raise StoreError("store.busy", file="x")

        with pytest.raises(StoreError):
            await writer.call(fails)
        writer.close()

    asyncio.run(run())


def test_clock_is_read_when_recording_not_when_committing(tmp_path: Path) -> None:
    """A slow disk does not change when something happened."""

    async def run() -> None:
        clock = CountingClock()
        writer = Writer()
        journal = SqliteJournal(tmp_path / "journal.db", clock, writer)
        recordings = [journal.record(granted()) for _ in range(3)]
        clock.up_ms = 5000
        rows = [await recording.committed() for recording in recordings]
        assert [row.up_ms for row in rows if row] == [2, 3, 4]
        await journal.close()
        writer.close()

    asyncio.run(run())


def test_strangers_before_the_cameras_are_counted(tmp_path: Path) -> None:
    """Faces of nobody here; not cards of nobody, nor faces that were refused for another reason."""

    async def story(journal: SqliteJournal) -> None:
        for how, reason in (
            ("face", "unknown_credential"),
            ("card", "unknown_credential"),
            ("face", "face_ambiguous"),
            ("face", "unknown_credential"),
        ):
            denied = AccessDenied(door="d", direction="in", reason=reason, how=(how,))
            await journal.record(denied).committed()
        reader = JournalReader(journal.path)
        try:
            count, days = reader.strangers()
        finally:
            reader.close()
        assert count == 2
        assert 0 <= days < 1

    journalling(tmp_path / "journal.db", story)
