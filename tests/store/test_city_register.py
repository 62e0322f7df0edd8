"""The city's word beside the running doors: answered when it is in force; a list is whole, or begun again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from journal_rig import CountingClock, journalling

from edge_agent.city import roll
from edge_agent.model.grants import CredentialGrant, CredentialName, PersonGrant, Subject
from edge_agent.model.reads import Card
from edge_agent.store.books import BookWatch
from edge_agent.store.city_register import CityRegister
from edge_agent.store.journal import SqliteJournal
from tests.waiting import auntil

Story = Callable[[CityRegister, BookWatch, SqliteJournal], Awaitable[None]]


def somebody(number: int) -> PersonGrant:
    return PersonGrant(f"p-{number}", "resident", credentials=(CredentialGrant("card", 26, f"{number:x}"),))


def play(folder: Path, story: Story) -> None:
    async def run(journal: SqliteJournal) -> None:
        watch = BookWatch(folder / "people.db", journal, journal._writer, "UTC")
        register = CityRegister(folder / "people.db", watch, CountingClock())
        jobs = [asyncio.create_task(job(lambda: None)) for job in (watch.run, register.run)]
        try:
            await story(register, watch, journal)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            await register.close()
            await watch.close()

    journalling(folder / "journal.db", run)


def enabled(watch: BookWatch, number: int) -> bool:
    held = watch.current.credentials.get(Card(26, number))
    return held is not None and held.state == "enabled" and watch.current.persons[held.person].enabled


def test_what_is_answered_is_in_force_and_journalled(tmp_path: Path) -> None:
    async def story(register: CityRegister, watch: BookWatch, journal: SqliteJournal) -> None:
        assert await register.grant(somebody(1), 5) == ""
        assert enabled(watch, 1)
        assert await register.bar(Subject(credential=Card(26, 1)), 6) == ""
        assert not enabled(watch, 1)
        assert await register.blacklist(Subject("p-1"), 7, "moved", 5, True) == ""
        await auntil(lambda: journal.last >= 3)
        tags = [row.event.what for row in await journal.rows(0, 9)]  # type: ignore[union-attr]
        assert tags[:3] == ["granted", "revoked", "blacklisted"]

    play(tmp_path, story)


def test_a_list_ends_first_and_admits_then_and_an_unreadable_piece_changes_nothing(tmp_path: Path) -> None:
    async def story(register: CityRegister, watch: BookWatch, journal: SqliteJournal) -> None:
        content = roll.cut([somebody(n) for n in range(1, 1500)])
        assert await register.take_list(10, True, list(content.pieces)) == (1499, 0, 0)
        assert await register.list_version() == 10
        await auntil(lambda: enabled(watch, 1499))
        for bad in (
            b"{",
            b"[]",
            b'{"people":[{"id":"../x","category":"resident"}]}',
            b'{"peopl":[]}',
            b"\xff",
            b"[" * 9999,
        ):
            with pytest.raises(ValueError, match="piece"):
                await register.take_list(11, False, [*roll.cut([], ["p-1"]).pieces, bad])
        assert await register.list_version() == 10
        assert enabled(watch, 1)
        change = roll.cut([somebody(2000)], ["p-1"], [CredentialName("card", 26, "2")])
        assert await register.take_list(12, False, list(change.pieces)) == (1, 2, 0)
        await auntil(lambda: enabled(watch, 2000))
        assert not enabled(watch, 1)
        assert not enabled(watch, 2)
        assert await register.take_list(13, True, list(roll.cut([somebody(3)]).pieces)) == (1, 1498, 0)
        await auntil(lambda: not enabled(watch, 4))
        assert enabled(watch, 3)

    play(tmp_path, story)
