"""The city's word about people, beside the running doors: fulfils ports.Register over a connection of its own.

In a thread of its own and never in the writer's: the journal does not wait for a list of a hundred thousand. What is
answered is in force: the Book that decisions read has it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from edge_agent import log
from edge_agent.model.grants import PeopleChunk, PersonGrant, Subject
from edge_agent.ports import Beat, Clock
from edge_agent.store.books import BookWatch
from edge_agent.store.register import Register

LOOK_S = 30.0
T = TypeVar("T")

logger = log.get("store.register")
_decoder = msgspec.json.Decoder(PeopleChunk)


class CityRegister:
    def __init__(self, path: Path, books: BookWatch, clock: Clock) -> None:
        """Opens the file at the first use. `books` must be watching the same one."""
        self._path, self._books, self._clock = path, books, clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="register")
        self._register: Register | None = None

    async def run(self, beat: Beat) -> None:
        """Take off the blacklist what has run out; an untrusted clock takes off nothing."""
        while True:
            beat()
            if (now := self._clock.now()).trusted and (count := await self._do(partial(_unlist, now.wall_ms))):
                logger.info("%d entries of the blacklist have run out", count)
            await asyncio.sleep(LOOK_S)

    async def grant(self, person: PersonGrant, version: int) -> str:
        return await self._in_force(lambda r: r.grant(person, version))

    async def bar(self, subject: Subject, version: int) -> str:
        return await self._in_force(lambda r: r.bar(subject, version))

    async def blacklist(self, subject: Subject, version: int, reason: str, until_ms: int | None, listed: bool) -> str:
        return await self._in_force(lambda r: r.blacklist(subject, version, reason, until_ms, listed))

    async def list_version(self) -> int:
        return await self._do(lambda r: r.list_version())

    async def take_list(self, version: int, whole: bool, pieces: list[bytes]) -> tuple[int, int, int]:
        return await self._in_force(lambda r: _take(r, version, whole, pieces))

    async def close(self) -> None:
        if self._register is not None:
            await self._do(lambda r: r.close())
        self._thread.shutdown()

    async def _in_force(self, what: Callable[[Register], T]) -> T:
        answer = await self._do(what)
        await self._books.catch_up()
        return answer

    async def _do(self, what: Callable[[Register], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._with, what))

    def _with(self, what: Callable[[Register], T]) -> T:
        if self._register is None:
            self._register = Register(self._path)
        return what(self._register)


def _unlist(now_ms: int, register: Register) -> int:
    return register.unlist(now_ms)


def _take(register: Register, version: int, whole: bool, pieces: list[bytes]) -> tuple[int, int, int]:
    """ValueError before anything is in force when one piece is not what it should be."""
    try:
        chunks = [_decoder.decode(piece) for piece in pieces]
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError) as error:
        raise ValueError(f"a piece of the list cannot be read: {error}") from error
    ended = sum(register.take_away(chunk.removed, chunk.revoked, version) for chunk in chunks)
    if whole:
        ended += register.end_others({person.id for chunk in chunks for person in chunk.people}, version)
    admitted, left_out = register.admit_all([person for chunk in chunks for person in chunk.people], version)
    register.list_done(version)
    return admitted, ended, left_out
