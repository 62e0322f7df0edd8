"""A journal on a real file, a clock that counts, and a writer that is always closed."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from edge_agent.model.clock import ClockState, Moment
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer

BOOT = "ab" * 16


class CountingClock:
    def __init__(self) -> None:
        self.up_ms = 0

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        """These clocks have no floor."""

    def now(self) -> Moment:
        self.up_ms += 1
        return Moment(1_790_000_000_000 + self.up_ms, self.up_ms, BOOT, ClockState.SYNCED, 7)


def journalling(path: Path, story: Callable[[SqliteJournal], Awaitable[Any]], clean: bool = True) -> Any:
    """Open the journal at `path`, let `story` happen, close it (or leave the run unended, as a kill does)."""

    async def run() -> Any:
        writer = Writer()
        journal = SqliteJournal(path, CountingClock(), writer)
        try:
            return await story(journal)
        finally:
            if clean:
                await journal.close()
            else:
                await abandon(journal, writer)
            writer.close()

    return asyncio.run(run())


async def abandon(journal: SqliteJournal, writer: Writer) -> None:
    """End without noting a clean end: the run mark is put back to `running`."""
    await journal.close()
    query(journal.path, "UPDATE meta SET value = 'running' WHERE key = 'run'")


def query(path: Path, sql: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql, values).fetchall()
