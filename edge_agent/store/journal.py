"""The journal: everything that happened, in order, on the disk before anybody is told.

Accepted means committed with WAL and synchronous=FULL. While the disk takes nothing the journal refuses at once and
tries again every second; it never says that something was kept which was not.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from edge_agent import log
from edge_agent.errors import JournalUnavailable, StoreError
from edge_agent.model.events import Event, GapAnnounced, Row, encode_event
from edge_agent.model.room import Room, fill
from edge_agent.model.standing import Change as StandingChange
from edge_agent.ports import Change, Clock, IntentOpened
from edge_agent.store import database, reserve
from edge_agent.store.chain import ChainReport, Vouch
from edge_agent.store.ledger import DeadLetter, Entry, JournalFile
from edge_agent.store.reading import JournalReader
from edge_agent.store.recognise import Damaged
from edge_agent.store.thread import in_thread
from edge_agent.store.upkeep import KEEP, KEEP_DAYS, LOOK_ROWS, ROW_BYTES, Sign, Space, Upkeep
from edge_agent.store.writer import Writer

PROBE_EVERY_S = 1.0
CURSOR_WITHIN_S = 30.0  # an older cursor only means sending again what the city has: not worth a page each time
SAVE_TIME_S = 3600.0  # without any event: a gateway that is cut off knows the hour it was

T = TypeVar("T")
logger = log.get("store.journal")


class Recording(Entry, kw_only=True, eq=False):
    """An entry on its way to the disk; fulfils ports.Recording. What is added here is touched in the event loop only.

    One struct and no object around the entry: some ten thousand a second are made when a burst comes.
    """

    loop: asyncio.AbstractEventLoop
    waiting: list["asyncio.Future[None]"] = msgspec.field(default_factory=list)
    done: bool = False
    why: StoreError | None = None

    async def committed(self, within_s: float | None = None) -> Row | None:
        """The row, or None when `within_s` passed first (the commit goes on). Raises JournalUnavailable."""
        if not self.done:
            waiter = self.loop.create_future()
            self.waiting.append(waiter)
            timer = None if within_s is None else self.loop.call_later(within_s, _wake, waiter)
            await waiter
            if timer is not None:
                timer.cancel()
        if self.why is not None:
            raise JournalUnavailable(self.why.code, **self.why.fields)
        return self.row if self.done else None

    def settle(self, why: StoreError | None) -> None:
        self.done, self.why = True, why
        for waiter in self.waiting:
            _wake(waiter)


def _full(error: sqlite3.Error | UnicodeError) -> bool:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF == sqlite3.SQLITE_FULL


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class SqliteJournal:
    """Fulfils ports.Journal over one file. Its connection belongs to the writer thread, reads have their own.

    `after`: how the last run ended (first, clean, killed). `set_aside`: where a damaged predecessor went.
    """

    def __init__(self, path: Path, clock: Clock, writer: Writer) -> None:
        """Opens or makes the file; blocking. Raises StoreError."""
        self.path, self.clock = path, clock
        self._file = JournalFile(path, clock.now())
        self._reader = JournalReader(path)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="journal-reader")
        self._writer = writer
        self._why: StoreError | None = None  # why nothing can be recorded now
        self._probe_at: float | None = None
        self._acked = self._file.acked
        self._cursor_at: float | None = None
        self._upkeep: Upkeep | None = None
        self._upkeep_at: float | None = None
        self._rows = 0  # since the last step of it
        self._saved_at = time.monotonic()
        self._space: Space | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._listeners: list[Callable[[Row, str | None], None]] = []
        self._announced: set[int] = set()
        self._damage: Future[None] = Future()  # found in the writer thread or in the event loop
        try:
            self._file.begin()
            for past in self._file.times():
                clock.at_least(*past)
        except database.FAILURES as error:
            self._lost(self._file.fail(error))
        writer.add(self)

    # ---- what the flows see ------------------------------------------------------------------------------------------

    @property
    def accepting(self) -> bool:
        return self._why is None

    @property
    def epoch(self) -> str:
        return self._file.epoch

    @property
    def last(self) -> int:
        return self._file.last

    @property
    def acked(self) -> int:
        return self._acked

    @property
    def fill(self) -> float:
        """What the city has not confirmed, as a share of KEEP, or of what the disk can hold when that is less."""
        waiting, space = self.last - self._acked, self._space
        return fill(waiting, KEEP, KEEP if space is None else (space.growth + space.spare) // ROW_BYTES)

    @property
    def first(self) -> int:
        return 1 if self._space is None else self._space.first

    @property
    def room(self) -> Room:
        space = self._space or Space(reserve.RESERVE_BYTES, reserve.RESERVE_BYTES, 1)
        return Room(space.growth, space.spare, reserve.RESERVE_BYTES)

    @property
    def after(self) -> str:
        return self._file.after

    @property
    def set_aside(self) -> Path | None:
        return self._file.set_aside

    def record(self, event: Event, *changes: Change, read_id: str | None = None) -> Recording:
        """Append `event` and apply `changes` in one transaction; stamped now. Returns at once."""
        body, loop = encode_event(event), asyncio.get_running_loop()
        return self._put(Recording(changes, event, body, self.clock.now(), read_id, loop=loop))

    def keep(self, *changes: Change) -> Recording:
        """Commit `changes` without an event, in order with what is recorded before and after. Returns at once."""
        return self._put(Recording(changes, loop=asyncio.get_running_loop()))

    async def apply(self, *changes: Change) -> None:
        """Commit `changes` without an event. Raises JournalUnavailable."""
        await self.keep(*changes).committed()

    async def dead_letter(self, seq: int, reason: str) -> None:
        """Row `seq` leaves its lane. Raises JournalUnavailable."""
        await self._put(Recording((DeadLetter(seq, reason),), loop=asyncio.get_running_loop())).committed()

    def confirm(self, upto: int) -> None:
        """Move the city's cursor, never backwards and never beyond `last`.

        It goes to the disk within CURSOR_WITHIN_S and at the end: should the agent be killed before, the city gets
        again what it has and knows it by its number.
        """
        upto = min(upto, self.last)
        if upto > self._acked:
            self._acked = upto
            if self._cursor_at is None:
                self._cursor_at = time.monotonic() + CURSOR_WITHIN_S
                self._writer.nudge()

    async def rows(self, after: int, limit: int, urgent: bool | None = None) -> list[Row]:
        """Up to `limit` rows with seq > `after` in order; with `urgent` given that lane, without dead letters.

        A row that was altered on the disk is left out and announced as a gap. Raises StoreError when the file cannot
        be read.
        """
        rows, altered = await self._read(lambda: self._reader.read(after, limit, urgent))
        if altered:
            await self._bury(altered)
            return rows or await self.rows(max(altered), limit, urgent)
        return rows

    async def changed(self, seq: int) -> None:
        """Returns once a row beyond `seq` is committed."""
        if self.last > seq:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((seq, future))
        await future

    async def open_intents(self) -> list[IntentOpened]:
        return await self._read(self._reader.open_intents)

    async def standing(self) -> list[StandingChange]:
        """What is remembered from one passage to the next. A row that cannot be decoded is left out and logged."""
        return await self._read(self._reader.standing)

    async def command_counter(self) -> int:
        return await self._read(self._reader.command_counter)

    # ---- what the app uses beside ------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[Row, str | None], None]) -> None:
        """Call `listener` (in the event loop) with every row and its read_id, as it is committed."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Row, str | None], None]) -> None:
        self._listeners.remove(listener)

    def tend(self, sign: Sign, keep: int = KEEP, days: int = KEEP_DAYS, most_days: int | None = None) -> None:
        """From now on look after the file beside recording: reserve, pruning, signed checkpoints."""
        self._upkeep = Upkeep(self.path, sign, keep, days, most_days)
        self._upkeep_at = time.monotonic()
        self._writer.nudge()

    async def verify(self, vouch: Vouch | None = None) -> ChainReport:
        """Walk the whole chain (about 2 s per million rows). Raises StoreError when the file cannot be read."""
        reader = JournalReader(self.path)
        try:
            return await in_thread(reader.verify, vouch)
        finally:
            reader.close()

    async def damaged(self) -> None:
        """Returns once the file was found damaged in use: nothing is recorded any more, and the next start of the
        agent sets the file aside and begins a new one.
        """
        await asyncio.shield(asyncio.wrap_future(self._damage))

    async def close(self) -> None:
        """Write what is queued, note a clean end, close the file. Raises StoreError when that was not possible."""
        try:
            await self._writer.call(lambda: self._file.close(self._acked, self.clock.now()))
        except database.FAILURES as error:
            raise self._file.fail(error) from error
        finally:
            self._writer.remove(self)
            self._reading.shutdown()
            self._reader.close()

    # ---- the writer thread's side (store.writer.Sink) ----------------------------------------------------------------

    def write(self, batch: list[Recording]) -> None:
        if self._why is None:
            self._commit(batch)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            batch[0].loop.call_soon_threadsafe(self._settle, batch, self._why)

    def due(self) -> float | None:
        if self._why is not None:
            return self._probe_at
        return min((at for at in (self._cursor_at, self._upkeep_at) if at is not None), default=None)

    def tick(self) -> None:
        now = time.monotonic()
        if self._why is not None:
            self._probe()
        elif self._cursor_at is not None and self._cursor_at <= now:
            self._cursor_at = None  # before reading the cursor: `confirm` writes it the other way round
            self._saved_at = now
            self._commit([], self._acked)
        elif self._upkeep_at is not None and self._upkeep_at <= now:
            self._tend(now)

    def _commit(self, batch: Sequence[Entry], acked: int | None = None) -> None:
        """A disk that is full is no failure while there is a reserve."""
        now = None if acked is None else self.clock.now()
        while True:
            try:
                self._file.commit(batch, acked, now)
            except database.FAILURES as error:
                why = self._file.fail(error)
                if not _full(error) or not self._file.make_room():
                    self._lost(why)
                    return
                if self.room.sheds == "CB":
                    logger.warning("the disk is full: living on the reserve")
                self._upkeep_at = None if self._upkeep is None else time.monotonic()
            else:
                self._rows += len(batch)
                if self._rows >= LOOK_ROWS and self._upkeep is not None:
                    self._upkeep_at = time.monotonic()
                return

    def _tend(self, now: float) -> None:
        assert self._upkeep is not None
        if now - self._saved_at >= SAVE_TIME_S and self._cursor_at is None:
            self._cursor_at = now
        try:
            self._space, again_s = self._file.tend(self._upkeep, self._acked, self.clock.now())
        except StoreError as error:
            self._lost(error)
            again_s = 1.0
        except database.FAILURES as error:
            why = self._file.fail(error)
            if not _full(error) or not self._file.make_room():
                self._lost(why)
            again_s = 1.0
        self._upkeep_at, self._rows = time.monotonic() + again_s, 0

    def _lost(self, why: StoreError) -> None:
        if str(why) != str(self._why):
            logger.critical("nothing can be recorded: %s", why)
        self._why = why
        self._cursor_at = time.monotonic()
        if isinstance(why, Damaged) and self._file.suspect():
            self._found_damaged()
            self._probe_at = None
        else:
            self._probe_at = time.monotonic() + PROBE_EVERY_S

    def _found_damaged(self) -> None:
        with contextlib.suppress(InvalidStateError):  # said already
            self._damage.set_result(None)

    def _probe(self) -> None:
        self._probe_at = time.monotonic() + PROBE_EVERY_S
        try:
            if self._upkeep is not None:
                self._space, _ = self._file.tend(self._upkeep, self._acked, self.clock.now())
            self._file.recover()
        except database.FAILURES as error:
            why = self._file.fail(error)
        except StoreError as error:
            why = error
        else:
            logger.warning("recording again")
            self._why = None
            return
        if isinstance(why, Damaged):
            self._lost(why)

    # ---- in the event loop -------------------------------------------------------------------------------------------

    def _put(self, recording: Recording) -> Recording:
        if self._why is not None:
            recording.settle(self._why)
        else:
            self._writer.put(self, recording)
        return recording

    def _settle(self, batch: list[Recording], why: StoreError | None) -> None:
        for recording in batch:
            recording.settle(why)
        if why is None and self._listeners:
            for recording in batch:
                if recording.row is not None:
                    for listener in tuple(self._listeners):
                        listener(recording.row, recording.read_id)
        if self._waiting:
            last, waiting = self.last, self._waiting
            self._waiting = [(seq, future) for seq, future in waiting if seq >= last and not future.done()]
            for seq, future in waiting:
                if seq < last:
                    _wake(future)

    async def _bury(self, seqs: list[int]) -> None:
        for seq in seqs:
            if seq not in self._announced:
                self._announced.add(seq)
                logger.error("event %d was altered on the disk: it is not sent, and announced as a gap", seq)
                await self.dead_letter(seq, "damaged")
                self.record(GapAnnounced(epoch=self.epoch, from_seq=seq, to_seq=seq, why="damaged"))

    async def _read(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, question)
        except Damaged:
            if self._file.suspect():
                self._found_damaged()
            raise
