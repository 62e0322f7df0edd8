"""Patrols, hazards and duties beside the running doors: fulfils ports.RoundBook in a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge_agent.model.events import Event
from edge_agent.model.rounds import Duty, Hazard, HazardStep, Passed
from edge_agent.model.visits import Followed
from edge_agent.store.rounds import RoundStore, digest, picture_kind

T = TypeVar("T")


class RoundBook:
    def __init__(self, path: Path, photos: Path) -> None:
        """Opens the file at the first use."""
        self._path, self._photos = path, photos
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rounds")
        self._store: RoundStore | None = None

    async def passed(self, since_ms: int) -> list[Passed]:
        return await self._do(lambda store: store.passed(since_ms))

    async def pass_(self, one: Passed, event: Event, at: Followed | None = None) -> bool:
        return await self._do(lambda store: store.pass_(one, event, at))

    async def since(self, route: str, begun_ms: int | None) -> int | None:
        return await self._do(lambda store: store.since(route, begun_ms))

    async def followed(self) -> Followed | None:
        return await self._do(lambda store: store.followed())

    async def add_hazard(self, step: HazardStep, photo: bytes | None) -> Hazard:
        return await self._do(lambda store: store.add_hazard(step, photo))

    async def change_hazard(self, hazard: str, step: Callable[[Hazard], HazardStep]) -> Hazard:
        return await self._do(lambda store: store.change_hazard(hazard, step))

    async def hazards(self, show: str) -> list[Hazard]:
        return await self._do(lambda store: store.hazards(show))

    async def photo(self, hazard: str) -> tuple[bytes, str]:
        return await self._do(lambda store: store.photo(hazard))

    async def on_duty(self) -> list[Duty]:
        return await self._do(lambda store: store.on_duty())

    async def put_duty(self, step: Callable[[list[Duty]], tuple[Duty, Event]]) -> Duty:
        return await self._do(lambda store: store.put_duty(step))

    async def tidy(self, before_ms: int) -> int:
        return await self._do(lambda store: store.tidy(before_ms))

    def sum_of(self, photo: bytes) -> str:
        """SHA-256 of a picture. Raises RoundError for what is none."""
        picture_kind(photo)
        return digest(photo)

    async def close(self) -> None:
        if self._store is not None:
            await self._do(lambda store: store.close())
        self._thread.shutdown()

    async def _do(self, what: Callable[[RoundStore], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._with, what))

    def _with(self, what: Callable[[RoundStore], T]) -> T:
        if self._store is None:
            self._store = RoundStore(self._path, self._photos)
        return what(self._store)
