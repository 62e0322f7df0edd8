"""Keeps the Book in force up to date with people.db, and journals what the command line changed there.

Another process writes people.db; SQLite's data_version says so without reading anything. What changed is noted in the
file itself (table changes), so that nothing is forgotten when the daemon was not running.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from edge_agent import log
from edge_agent.errors import JournalUnavailable, StoreError
from edge_agent.model.people import Book, Rule, Schedule
from edge_agent.ports import Beat, Journal
from edge_agent.store.booking import Site
from edge_agent.store.people import PeopleStore
from edge_agent.store.thread import in_thread
from edge_agent.store.writer import Writer

LOOK_EVERY_S = 0.5

logger = log.get("store.people")


class BookWatch:
    """Fulfils ports.Books. `on_change` functions are called in the event loop with each new Book.

    `moved`: where a damaged people.db went; the new one is empty then, and nobody is let in by it.
    """

    def __init__(
        self,
        path: Path,
        journal: Journal,
        writer: Writer,
        zone: str,
        rules: tuple[Rule, ...] = (),
        schedules: Mapping[str, Schedule] | None = None,
    ) -> None:
        """Reads the first Book; blocking. Raises StoreError."""
        self._journal, self._writer = journal, writer
        self._site = Site(zone, rules, schedules or {})
        self._people = PeopleStore(path, set_aside=True)
        self.moved = self._people.moved
        self._noting = PeopleStore(path, busy_s=0.0)  # the writer thread's: it must not wait for an import to end
        self._seen = -1  # data_version: counts what other connections commit
        self._last = self._people.snapshot_of(self._site)
        self._book = self._last.book
        self._pending = True
        self._journalled: set[int] = set()  # committed in the journal, not yet noted in people.db
        self._troubled = False
        self._looking = asyncio.Lock()
        self.on_change: list[Callable[[Book], None]] = []

    @property
    def current(self) -> Book:
        return self._book

    async def run(self, beat: Beat) -> None:
        """Look, journal, swap, for ever. A people.db that cannot be read leaves the Book as it was."""
        while True:
            beat()
            try:
                await self.look()
                self._troubled = False
            except StoreError as error:
                if not self._troubled:
                    logger.error("people are not up to date: %s", error)
                self._troubled = True
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """What was committed before it is in force after it. Raises StoreError when people.db cannot be read."""
        async with self._looking:
            await in_thread(self._read)
            if self._last.book is not self._book:  # read just now, or by somebody who was cancelled over it
                self._put_in_force(self._last.book)
            if self._pending:
                await self._journal_changes()

    async def catch_up(self) -> None:
        """After a commit of this process: what it said is in force, or it is told that it is not yet."""
        try:
            await self.look()
        except StoreError as error:
            logger.warning("people.db has changed, the doors do not know yet: %s", error)

    def _put_in_force(self, book: Book) -> None:
        self._book = book
        logger.info(
            "%d people, %d credentials in force (version %s)", len(book.persons), len(book.credentials), book.version
        )
        for tell in tuple(self.on_change):
            tell(book)

    async def close(self) -> None:
        await self._writer.call(self._noting.close)
        self._people.close()

    def _read(self) -> None:
        """Anew when people changed; a commit that only notes what was journalled does not count."""
        if (now := self._people.data_version()) == self._seen:
            return
        if self._people.version() != self._last.version:
            self._pending = True
            self._last = self._people.snapshot_of(self._site, self._last)
        self._seen = now  # not before: what could not be read now is read at the next look

    async def _journal_changes(self) -> None:
        """Oldest first; what the journal does not take now stays noted for the next look."""
        while changes := await in_thread(self._people.pending):
            for change in changes:
                if change.id not in self._journalled:
                    try:
                        await self._journal.record(change.event).committed()
                    except JournalUnavailable:
                        return
                    self._journalled.add(change.id)
            try:
                await self._writer.call(partial(self._noting.done, changes))
            except StoreError as error:
                if error.code != "store.busy":
                    raise
                return  # an import holds the file: at the next look
            self._journalled.clear()
        self._pending = False
