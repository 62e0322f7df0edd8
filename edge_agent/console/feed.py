"""What the wall shows, made once for all browsers: the newest rows, each door's last verdict, and who is told when.

Rows come from the journal in order and by number, so a browser that was away names the last one it has and gets the
rest. Doors are looked at beside it: a release that ran out is no event.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable

import msgspec

from edge_agent import log
from edge_agent.console.needs import AlarmView, DoorView, Needs
from edge_agent.errors import StoreError
from edge_agent.model.events import Row
from edge_agent.ports import Beat

KEPT = 300  # rows in memory
SAID_KEPT = 1500  # messages made for all browsers, of about 1.5 kB
AT_ONCE = 200
BEHIND_AT_MOST = 2000  # rows a browser may be behind before it is told to load the page anew
LOOK_S = 0.5
AGAIN_S = 1.0

logger = log.get("console.feed")


class News(msgspec.Struct, frozen=True):
    """What a browser gets next: rows it has not got, and doors as they are now. Nothing of both: still alive."""

    rows: tuple[Row, ...] = ()
    doors: tuple[DoorView, ...] = ()
    alarms: tuple[AlarmView, ...] | None = None  # None: as before
    too_far: bool = False


class Feed:
    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.rows: deque[Row] = deque(maxlen=KEPT)
        self.last: dict[str, Row] = {}  # door → the row of its last verdict
        self.doors: tuple[DoorView, ...] = ()
        self.browsers = 0
        self._said: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self.alarms: tuple[AlarmView, ...] = ()
        self.doors_count = self.alarms_count = 0  # how often they have changed
        self._changed: asyncio.Event = asyncio.Event()

    def once(self, key: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        """What is said alike to every browser is made for the first one."""
        if (said := self._said.get(key)) is None:
            said = self._said[key] = make()
            while len(self._said) > SAID_KEPT:
                self._said.popitem(last=False)
        return said

    async def run(self, beat: Beat) -> None:
        """Until cancelled."""
        self._look()
        async with asyncio.TaskGroup() as jobs:
            jobs.create_task(self._follow())
            while True:
                beat()
                self._look()
                await asyncio.sleep(LOOK_S)

    async def _follow(self) -> None:
        journal = self.needs.journal
        cursor = self.rows[-1].seq if self.rows else max(journal.last - KEPT, journal.first - 1, 0)
        while True:
            upto = journal.last  # before looking: what is committed meanwhile is beyond it
            try:
                rows = await journal.rows(cursor, AT_ONCE)
            except StoreError as error:
                logger.warning("the journal cannot be read: %s", error)
                await asyncio.sleep(AGAIN_S)
                continue
            if not rows:
                await journal.changed(max(cursor, upto))
                continue
            cursor = rows[-1].seq
            for row in rows:
                self.rows.append(row)
                if row.tag in {"access.granted", "access.denied"}:
                    self.last[getattr(row.event, "door", "")] = row
            self._look()
            self._tell()

    def _look(self) -> None:
        if (doors := tuple(self.needs.doors())) != self.doors:
            self.doors = doors
            self.doors_count += 1
            self._tell()
        alarms = tuple(self.needs.alarms())
        if [alarm.key for alarm in alarms] != [alarm.key for alarm in self.alarms]:
            self.alarms_count += 1
            self._tell()
        self.alarms = alarms

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, after: int, beat_s: float) -> AsyncIterator[News]:
        """From the row after `after` on; at least every `beat_s` something, were it empty."""
        cursor, seen, rung = after, -1, -1
        self.browsers += 1
        try:
            while True:
                changed = self._changed
                if self.needs.journal.last - cursor > BEHIND_AT_MOST or cursor > self.needs.journal.last:
                    yield News(too_far=True)
                    return
                rows = await self._since(cursor)
                doors = self.doors if seen != self.doors_count else ()
                alarms = self.alarms if rung != self.alarms_count else None
                seen, rung = self.doors_count, self.alarms_count
                if rows:
                    cursor = rows[-1].seq
                yield News(rows, doors, alarms)
                if self.rows and self.rows[-1].seq > cursor:
                    seen = -1  # rows bring their doors as they were then: as they are now comes after the last of them
                    continue
                try:
                    async with asyncio.timeout(beat_s):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            self.browsers -= 1

    async def _since(self, cursor: int) -> tuple[Row, ...]:
        if not self.rows or self.rows[-1].seq <= cursor:
            return ()
        if self.rows[0].seq <= cursor + 1:
            return tuple(row for row in self.rows if row.seq > cursor)
        return tuple(await self.needs.journal.rows(cursor, AT_ONCE))
