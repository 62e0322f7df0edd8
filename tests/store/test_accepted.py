"""store.accepted: who offered a read learns at the commit that it is kept."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journal_rig import journalling

from edge_agent.errors import StoreError
from edge_agent.model.events import DoorOpened
from edge_agent.store import accepted
from edge_agent.store.accepted import Accepted, AcceptedStream, follow_accepted
from edge_agent.store.journal import SqliteJournal
from tests.waiting import auntil


async def serving(journal: SqliteJournal, path: Path) -> tuple[AcceptedStream, asyncio.Task[None]]:
    stream = AcceptedStream(journal, path)
    task = asyncio.create_task(stream.run(lambda: None))
    await auntil(path.exists)
    return stream, task


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def take(lines: AsyncIterator[Accepted], count: int) -> list[Accepted]:
    return [await asyncio.wait_for(anext(lines), 5) for _ in range(count)]


def test_each_commit_is_one_line_for_each_client(tmp_path: Path) -> None:
    """read_id, epoch and seq; null for what no read caused; the socket is the owner's alone."""
    path = tmp_path / "run" / "accepted.sock"

    async def story(journal: SqliteJournal) -> None:
        stream, task = await serving(journal, path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        reader, writer = await asyncio.open_unix_connection(path)
        following = follow_accepted(path)
        first = asyncio.create_task(anext(following))
        await auntil(lambda: len(stream._clients) == 2)
        assert json.loads(await reader.readline()) == {"read_id": None, "epoch": journal.epoch, "seq": 0}
        journal.record(DoorOpened(door="d"), read_id="r-1")
        journal.record(DoorOpened(door="d"))
        assert json.loads(await reader.readline()) == {"read_id": "r-1", "epoch": journal.epoch, "seq": 1}
        assert json.loads(await reader.readline()) == {"read_id": None, "epoch": journal.epoch, "seq": 2}
        assert await first == Accepted("r-1", journal.epoch, 1)
        assert await take(following, 1) == [Accepted(None, journal.epoch, 2)]
        writer.close()
        await auntil(lambda: len(stream._clients) == 1)
        await stop(task)
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(following), 5)
        assert not path.exists()

    journalling(tmp_path / "journal.db", story)


def test_a_client_that_does_not_read_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs the journal nothing; the other clients get every line."""
    monkeypatch.setattr(accepted, "BEHIND_AT_MOST_BYTES", 8 << 10)
    path = tmp_path / "run" / "accepted.sock"

    async def story(journal: SqliteJournal) -> None:
        stream, task = await serving(journal, path)
        deaf = socket.socket(socket.AF_UNIX)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(str(path))
        following = follow_accepted(path)
        first = asyncio.create_task(anext(following))
        await auntil(lambda: len(stream._clients) == 2)
        journal.record(DoorOpened(door="d"))
        assert (await first).seq == 1
        for last in range(200, 8001, 200):
            for _ in range(200):
                journal.record(DoorOpened(door="d"))
            heard = await take(following, 200)
            assert heard[-1].seq == last + 1
        assert len(stream._clients) == 1
        deaf.close()
        await following.aclose()  # type: ignore[attr-defined]
        await stop(task)

    journalling(tmp_path / "journal.db", story)


def test_a_socket_left_by_a_killed_run_is_replaced(tmp_path: Path) -> None:
    """SIGKILL leaves the name behind."""
    path = tmp_path / "run" / "accepted.sock"
    path.parent.mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()

    async def story(journal: SqliteJournal) -> None:
        stream, task = await serving(journal, path)
        following = follow_accepted(path)
        first = asyncio.create_task(anext(following))
        await auntil(lambda: len(stream._clients) == 1)
        journal.record(DoorOpened(door="d"))
        assert (await asyncio.wait_for(first, 5)).seq == 1
        await following.aclose()  # type: ignore[attr-defined]
        await stop(task)

    journalling(tmp_path / "journal.db", story)


def test_a_state_directory_may_lie_deep(tmp_path: Path) -> None:
    """Deeper than the 107 bytes that the kernel takes for a socket's name."""
    path = tmp_path / ("d" * 60) / ("e" * 60) / "accepted.sock"

    async def story(journal: SqliteJournal) -> None:
        stream, task = await serving(journal, path)
        following = follow_accepted(path)
        first = asyncio.create_task(anext(following))
        await auntil(lambda: len(stream._clients) == 1)
        journal.record(DoorOpened(door="d"))
        assert (await asyncio.wait_for(first, 5)).seq == 1
        await following.aclose()  # type: ignore[attr-defined]
        await stop(task)

    journalling(tmp_path / "journal.db", story)


def test_nobody_answers(tmp_path: Path) -> None:
    """Said with the remedy, not as an errno."""

    async def run() -> None:
        with pytest.raises(StoreError, match="No agent answers"):
            await anext(follow_accepted(tmp_path / "accepted.sock"))

    asyncio.run(run())
