"""Looking back: what is found, in which order, and that look.db may be lost at any time."""

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from edge_agent.model.events import AccessDenied, AccessGranted, AlertOpened, DoorOpened, Event, PanicRaised
from edge_agent.model.look import Search
from edge_agent.model.site import Retention
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.look import Look
from edge_agent.store.retention import Retainer
from edge_agent.store.writer import Writer
from tests.flows.world import MemoryClock

STORY: tuple[Event, ...] = (
    AccessGranted(door="north", direction="in", person="p-1", category="resident", how=("card",), rule="r"),
    AccessDenied(door="north", direction="in", person="p-2", how=("card",), reason="credential_expired"),
    DoorOpened(door="south"),
    AccessGranted(door="south", direction="out", person="p-1", category="resident", how=("card",), rule="r"),
    AlertOpened(door="north", alert="a", kind="duress", silent=True, person="p-1"),
    PanicRaised(door="south"),
    AccessDenied(door="south", direction="in", how=("card",), reason="unknown_credential"),
)


def record(folder: Path, events: Iterable[Event], clock: MemoryClock | None = None) -> None:
    async def run() -> None:
        writer = Writer()
        journal = SqliteJournal(folder / "journal.db", clock or MemoryClock(), writer)
        for event in events:
            await journal.record(event).committed()
        await journal.close()
        writer.close()

    asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record(tmp_path, STORY)
    return tmp_path


def seqs(folder: Path, **wanted: object) -> list[int]:
    look = Look(folder / "journal.db", folder / "look.db")
    try:
        return [row.seq for row in look.search(Search(**wanted)).rows]  # type: ignore[arg-type]
    finally:
        look.close()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [7, 6, 4, 3, 2, 1]),
        ({"silent": True}, [7, 6, 5, 4, 3, 2, 1]),
        ({"persons": ("p-1",)}, [4, 1]),
        ({"persons": ()}, []),
        ({"door": "south"}, [7, 6, 4, 3]),
        ({"verdict": "denied"}, [7, 2]),
        ({"verdict": "denied", "door": "south"}, [7]),
        ({"reason": "credential_expired"}, [2]),
        ({"tag": "access"}, [7, 4, 2, 1]),
        ({"tag": "panic.raised"}, [6]),
        ({"tag": "acc"}, []),
        ({"before": 4}, [3, 2, 1]),
        ({"limit": 2}, [7, 6]),
        ({"door": "' OR 1=1 --"}, []),
    ],
)
def test_what_is_asked_for_is_found_newest_first(folder: Path, wanted: dict[str, object], found: list[int]) -> None:
    assert seqs(folder, **wanted) == found


def test_what_comes_later_is_found_too(folder: Path) -> None:
    assert len(seqs(folder)) == 6
    record(folder, [DoorOpened(door="west")])
    assert seqs(folder, door="west") == [8]


def test_by_time_and_by_the_hour(tmp_path: Path) -> None:
    clock = MemoryClock()
    record(tmp_path, STORY, clock)
    began = clock.now().wall_ms
    clock.up_ms += 3_600_000
    record(tmp_path, STORY, clock)
    assert seqs(tmp_path, until_ms=began + 1000) == [7, 6, 4, 3, 2, 1]
    assert seqs(tmp_path, from_ms=began + 1000) == [14, 13, 11, 10, 9, 8]
    look = Look(tmp_path / "journal.db", tmp_path / "look.db")
    hours = look.hours(began - 3_600_000, began + 7_200_000)
    assert [(hour.entered, hour.left, hour.denied) for hour in hours] == [(1, 1, 2), (1, 1, 2)]
    assert [(hour.entered, hour.left, hour.denied) for hour in look.hours(0, began * 2, "north")] == [(1, 0, 1)] * 2
    look.close()


def test_a_lost_damaged_or_foreign_look_is_made_again(folder: Path) -> None:
    wanted = seqs(folder)
    (folder / "look.db").unlink()
    assert seqs(folder) == wanted
    (folder / "look.db").write_bytes(b"this is no database" * 100)
    assert seqs(folder) == wanted
    with sqlite3.connect(folder / "look.db") as other:
        other.execute("UPDATE about SET epoch = 'another'")
    other.close()
    assert seqs(folder) == wanted


def test_a_row_altered_on_the_disk_is_not_shown(folder: Path) -> None:
    with sqlite3.connect(folder / "journal.db") as journal:
        journal.execute("UPDATE events SET body = ? WHERE seq = 2", (b'{"door":"north","person":"p-9"}',))
        journal.execute("UPDATE events SET body = ? WHERE seq = 3", (b"\xff not json",))
    journal.close()
    assert seqs(folder) == [7, 6, 4, 1]


def test_nobody_writes_the_look_while_nobody_looks(folder: Path) -> None:
    seqs(folder)
    before = (folder / "look.db").stat().st_mtime_ns
    record(folder, STORY)
    assert (folder / "look.db").stat().st_mtime_ns == before


@pytest.mark.parametrize("searched", [True, False])
def test_r07_who_passed_when_is_not_kept_by_what_nobody_searches_any_more(folder: Path, searched: bool) -> None:
    """Without its console nobody brings look.db up to date: it knew what the journal has long forgotten."""
    assert seqs(folder)
    assert b"p-1" in (folder / "look.db").read_bytes()
    Retainer(folder, folder / "no.key", "G1", Retention(), MemoryClock(), searched=searched).sweep(1)
    assert (folder / "look.db").exists() == searched
