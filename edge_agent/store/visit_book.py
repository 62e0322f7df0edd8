"""Visits beside the running doors: fulfils ports.VisitBook over a connection and a thread of its own.

What is answered is on the disk and, where it changes what a pass opens, in force: the Book that decisions read has it.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge_agent import log
from edge_agent.errors import VisitError
from edge_agent.model.visit_orders import Find
from edge_agent.model.visits import Bar, Followed, Host, Step, Visit
from edge_agent.store.books import BookWatch
from edge_agent.store.entries import read_plate
from edge_agent.store.pin_index import PinIndex
from edge_agent.store.visit_keys import VisitKeys
from edge_agent.store.visits import VisitStore

T = TypeVar("T")

logger = log.get("store.visits")


class VisitBook:
    """Without `index` every call raises VisitError: there is no key to keep visitors' data under."""

    def __init__(self, path: Path, books: BookWatch, index: PinIndex | None) -> None:
        """Opens the file at the first use. `books` must be watching the same one."""
        self._path, self._books = path, books
        self._keys = None if index is None else VisitKeys(index)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="visits")
        self._store: VisitStore | None = None

    async def add(self, steps: Iterable[Step]) -> list[Visit]:
        return await self._in_force(lambda store: store.add(steps))

    async def change(
        self, ids: Iterable[str], step: Callable[[Visit], Step], at: Followed | None = None
    ) -> list[Visit]:
        return await self._in_force(lambda store: store.change(ids, step, at))

    async def get(self, visit: str) -> Visit:
        return await self._do(lambda store: store.get(visit))

    async def of_code(self, digits: str) -> str | None:
        return await self._do(lambda store: store.of_code(store.keys.code(digits)))

    async def of_group(self, group: str, inside: bool | None = None) -> list[str]:
        return await self._do(lambda store: store.of_group(group, inside))

    async def open(self) -> list[Visit]:
        return await self._do(lambda store: store.open())

    async def find(self, wanted: Find) -> list[Visit]:
        return await self._do(lambda store: store.find(wanted))

    async def bars(self) -> list[Bar]:
        return await self._do(lambda store: store.bars())

    async def put_bar(self, bar: Bar) -> None:
        await self._in_force(lambda store: store.put_bar(bar))

    async def take_bar(self, bar: str, by: str) -> None:
        await self._in_force(lambda store: store.take_bar(bar, by))

    async def barred_plate(self, plate: str) -> str | None:
        return await self._do(lambda store: store.barred_plate(read_plate(plate).digest)) if plate else None

    async def hosts(self, text: str) -> list[Host]:
        return await self._do(lambda store: store.hosts(text))

    async def host(self, person: str) -> Host | None:
        return await self._do(lambda store: store.host(person))

    async def followed(self) -> Followed | None:
        return await self._do(lambda store: store.followed())

    async def tidy(self, now_ms: int, keep_ms: int) -> int:
        return await self._in_force(lambda store: store.tidy(now_ms, keep_ms))

    def digests(self, document: str, phone: str, plate: str) -> dict[str, str]:
        """By kind of bar; empty texts give empty digests. Raises StoreError for a plate that is none."""
        keys = self._known()
        return {"document": keys.document(document), "phone": keys.phone(phone), "plate": keys.plate(plate)}

    def code_of(self, visit: Visit) -> str:
        """The digits to type instead of showing the code; empty when it has none any more."""
        return self._known().code_of(visit.pass_id, visit.code) if visit.code else ""

    async def close(self) -> None:
        if self._store is not None:
            await self._do(lambda store: store.close())
        self._thread.shutdown()

    async def _in_force(self, what: Callable[[VisitStore], T]) -> T:
        answer = await self._do(what)
        await self._books.catch_up()
        return answer

    async def _do(self, what: Callable[[VisitStore], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._with, what))

    def _with(self, what: Callable[[VisitStore], T]) -> T:
        if self._store is None:
            self._store = VisitStore(self._path, self._known())
        return what(self._store)

    def _known(self) -> VisitKeys:
        if self._keys is None:
            raise VisitError("visit.no_key")
        return self._keys
