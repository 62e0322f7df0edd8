"""Looking back for the console: the blocking search in one thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.events import Row
from edge_agent.model.look import Found, Hour, Search
from edge_agent.store.look import BATCH, Look

T = TypeVar("T")
KEEP_UP_S = 60.0
BETWEEN_S = 0.05  # two pieces of a long catching up: whoever searches now goes between them

logger = log.get("console.rooms")


class Room:
    """One thread; what is asked is answered in turn."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    async def close(self) -> None:
        self._thread.shutdown(wait=False)


class Lookback(Room):
    """Fulfils console.needs.Lookback."""

    def __init__(self, journal: Path, path: Path) -> None:
        super().__init__("look")
        self._journal, self._path = journal, path
        self._look: Look | None = None

    def _open(self) -> Look:
        if self._look is None:
            self._look = Look(self._journal, self._path)
        return self._look

    async def search(self, wanted: Search) -> Found:
        return await self.ask(lambda: self._open().search(wanted))

    async def every(self, wanted: Search, at_most: int) -> list[Row]:
        return await self.ask(lambda: list(self._open().every(wanted, at_most)))

    async def hours(self, from_ms: int, until_ms: int, door: str = "") -> list[Hour]:
        return await self.ask(lambda: self._open().hours(from_ms, until_ms, door))

    async def keep_up(self) -> None:
        """Take in what has piled up before the console was on, in pieces, and then now and again."""
        while True:
            try:
                taken = await self.ask(lambda: self._open().catch_up(BATCH))
            except StoreError as error:
                logger.warning("the events cannot be searched: %s", error)
                taken = 0
            await asyncio.sleep(BETWEEN_S if taken == BATCH else KEEP_UP_S)

    async def close(self) -> None:
        if self._look is not None:
            await self.ask(self._look.close)
        await super().close()
