"""store.standing: what a passage leaves behind is on the disk with its event, or neither is."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_rig import BOOT, journalling, query

from edge_agent.core.area import Standing
from edge_agent.errors import JournalUnavailable
from edge_agent.model.events import DoorOpened
from edge_agent.model.standing import (
    Armed,
    At,
    Change,
    Emptied,
    Latch,
    Order,
    Passing,
    Presence,
    Swept,
    Tally,
    Tries,
    Uses,
)
from edge_agent.store import schema
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.reading import JournalReader
from edge_agent.store.schema import JOURNAL

CHILD = Path(__file__).parent / "standing_child.py"
NOW = At(1_790_000_000_000, 5, BOOT, trusted=False)
EVERY: list[Change] = [  # in the order in which they are read back
    Presence("door/north", "p-1", False, At(1, 2, BOOT)),
    Presence("yard", "p-1", True, NOW),
    Presence("yard", "p-2", False),
    Uses("card/26/4d", 2**60),
    Uses("pass/x", 3),
    Armed("north", 739_000),
    Latch("fire", True, 2, NOW, NOW),
    Latch("panic/north", False, by="guard"),
    Order("north", "lockdown", "locked_down", "guard", "为什么", NOW, 99),
    Order("north", "operator", "unlocked"),
    Passing("north", (Presence("yard", "p-1", True, NOW),)),
    Swept("yard", 739_001),
    Tally("gate-line", "yard", NOW, 1_790_000_000_000, 1_790_003_600_000, 4, 1),
    Tries("t-1", 3, 1, 900, BOOT),
]


def memory(changes: list[Change]) -> dict[str, Any]:
    return vars(Standing(changes=changes))


def reread(path: Path) -> list[Change]:
    with closing(JournalReader(path)) as reader:
        return reader.standing()


def test_every_kind_comes_back(tmp_path: Path) -> None:
    """After a restart, for the daemon and for the command line beside it; a later change of the same thing replaces."""

    async def before(journal: SqliteJournal) -> None:
        for change in EVERY:
            await journal.record(DoorOpened(door="north"), change).committed()
        assert await journal.standing() == EVERY
        await journal.apply(Presence("yard", "p-2", True, NOW), Uses("pass/x", 4), Tries("t-1"))

    async def after(journal: SqliteJournal) -> None:
        changes = await journal.standing()
        assert memory(changes) == memory([*EVERY, Presence("yard", "p-2", True, NOW), Uses("pass/x", 4), Tries("t-1")])
        assert reread(journal.path) == changes

    journalling(tmp_path / "journal.db", before, clean=False)
    journalling(tmp_path / "journal.db", after)
    assert query(tmp_path / "journal.db", "SELECT seq FROM latches WHERE name = 'armed/north'") == [(6,)]
    assert query(tmp_path / "journal.db", "SELECT seq FROM latches WHERE name = 'tries/t-1'") == [(None,)]


def test_taken_back_and_emptied_leave_nothing(tmp_path: Path) -> None:
    """An order that ended and an area that was reset are gone, their neighbours are not."""

    async def story(journal: SqliteJournal) -> None:
        await journal.apply(*EVERY)
        told = Tally("gate-line", "yard", NOW, 0, 1)
        await journal.apply(Order("north", "lockdown", None, "guard"), Emptied("yard"), told, Passing("north"))
        left = await journal.standing()
        assert [EVERY.index(change) for change in EVERY if change not in left] == [1, 2, 8, 10, 12]

    journalling(tmp_path / "journal.db", story)


NAMES = st.sampled_from(["a", "b", "a/b", "北门", "use"])
BOOTS = st.sampled_from([BOOT, ""])
ATS = st.none() | st.builds(At, st.integers(0, 2**53), st.integers(0, 2**40), BOOTS, st.booleans())
CHANGES = st.one_of(
    st.builds(Presence, NAMES, NAMES, st.booleans(), ATS),
    st.builds(Emptied, NAMES),
    st.builds(Uses, NAMES, st.integers(0, 2**40)),
    st.builds(Tries, NAMES, st.integers(0, 5), st.integers(0, 9), st.integers(0, 2**40), BOOTS),
    st.builds(Armed, NAMES, st.integers(1, 800_000)),
    st.builds(
        Order, NAMES, st.sampled_from(["operator", "lockdown"]), st.sampled_from([None, "locked", "blocked"]), NAMES,
        NAMES, ATS, st.none() | st.integers(0, 2**40),
    ),
    st.builds(Latch, NAMES, st.booleans(), st.integers(0, 99), ATS, ATS, NAMES),
    st.builds(Swept, NAMES, st.integers(1, 800_000)),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(changes=st.lists(CHANGES, max_size=60))
def test_any_sequence_makes_the_same_memory_again(changes: list[Change]) -> None:
    """What was applied in memory, one by one, is what the stored rows make from nothing."""

    async def story(journal: SqliteJournal) -> None:
        await journal.record(DoorOpened(door="north"), *changes).committed()

    with tempfile.TemporaryDirectory() as folder:
        journalling(Path(folder) / "journal.db", story)
        wanted, found = memory(changes), memory(reread(Path(folder) / "journal.db"))
    wanted["counts"] = {scope: count for scope, count in wanted["counts"].items() if scope in wanted["inside"]}
    assert found == wanted


def test_rows_that_cannot_be_read_are_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Noise, a tag of a newer version, a row under another's name: the others are there, nothing fails."""
    path = tmp_path / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        await journal.apply(*EVERY)

    journalling(path, story)
    query(path, "UPDATE latches SET body = x'ff00' WHERE name = 'armed/north'")
    query(path, "UPDATE latches SET body = '{\"type\":\"later\"}' WHERE name = 'swept/yard'")
    query(path, "UPDATE latches SET body = 7 WHERE name = 'tries/t-1'")
    query(path, "UPDATE latches SET name = 'order/south/operator' WHERE name = 'order/north/operator'")
    query(path, "UPDATE area_state SET at_up_ms = 'noise' WHERE scope = 'yard' AND person = 'p-1'")
    query(path, "UPDATE area_state SET inside = 'in' WHERE scope = 'yard' AND person = 'p-2'")
    query(path, "UPDATE counters SET value = x'00' WHERE name = 'use/pass/x'")
    left = reread(path)
    assert left == [EVERY[0], EVERY[3], EVERY[6], EVERY[7], EVERY[8], EVERY[10], EVERY[12]]
    assert len([record for record in caplog.records if "begins anew" in record.getMessage()]) == 7


def test_a_journal_of_an_older_version_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events stay; beside an older daemon the command line sees an empty memory instead of an error."""
    path = tmp_path / "journal.db"
    older = schema.Kind(JOURNAL.name, JOURNAL.application_id, JOURNAL.tables[:-5], JOURNAL.steps[:1])

    async def before(journal: SqliteJournal) -> None:
        await journal.record(DoorOpened(door="north")).committed()

    async def after(journal: SqliteJournal) -> None:
        assert (journal.last, journal.set_aside) == (1, None)
        await journal.record(DoorOpened(door="north"), *EVERY).committed()
        assert await journal.standing() == EVERY

    with monkeypatch.context() as patch:
        patch.setattr("edge_agent.store.ledger.JOURNAL", older)
        journalling(path, before)
    assert reread(path) == []
    journalling(path, after)


def kill_in_the_middle(path: Path, first: int, lines: int, offered: int) -> list[str]:
    command = [sys.executable, str(CHILD), str(path), str(first), str(offered)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(CHILD.parent), root))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        heard = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        heard += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL, "it was to be killed in the middle"
    return [line for line in heard if line.endswith("\n")]


def test_killed_in_the_middle_of_thousands_of_grants(tmp_path: Path) -> None:
    """For every event that is there its presence, its use and its latch are there, and none without its event."""
    path, rng, offered, announced = tmp_path / "journal.db", random.Random(5), 4000, set[str]()
    for run in range(5):
        heard = kill_in_the_middle(path, run * offered, rng.randrange(300, 2500), offered)
        announced |= {line.split()[1] for line in heard}
        with closing(sqlite3.connect(path)) as connection:
            asked = "SELECT json_extract(body, '$.person') FROM events ORDER BY seq"
            recorded = [person for (person,) in connection.execute(asked)]
        changes = reread(path)
        inside = {change.person for change in changes if isinstance(change, Presence)}
        assert inside == set(recorded)
        assert {f"p-{name[1:]}" for name in announced} <= set(recorded)
        number = int(recorded[-1][2:])
        assert Uses("pass/x", number + 1) in changes
        assert Latch("panic/d", True, number) in changes
    assert len(announced) > 1000


def test_a_change_that_cannot_be_written_takes_its_event_along(tmp_path: Path) -> None:
    """One transaction: neither the event nor the changes before it are there."""
    path = tmp_path / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        query(path, "CREATE TRIGGER refuse BEFORE INSERT ON area_state BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(JournalUnavailable):
            await journal.record(DoorOpened(door="north"), Uses("a", 1), Presence("yard", "p-1", True)).committed()
        assert query(path, "SELECT count(*) FROM events") == [(0,)]
        assert query(path, "SELECT count(*) FROM counters") == [(0,)]
        query(path, "DROP TRIGGER refuse")

    journalling(path, story)
