"""Rows on their way out, read ahead of the sender: a page at a time for each lane, and topics that are stopped.

A topic the broker does not take is left alone for a while and tried again. Its rows are held, in every lane, so that
those of the other topics behind them go on.
"""

from collections import deque

from edge_agent.core.outbox import LANES, Lane, Outbox
from edge_agent.model.events import Row
from edge_agent.ports import Journal, Uplink

PAGE = 128
STOP_FIRST_MS, STOP_MOST_MS = 5_000, 300_000


class Stop:
    """`away`: nobody is subscribed there; otherwise the broker forbids it, and somebody has to act."""

    def __init__(self, now_ms: int, wait_ms: int, away: bool) -> None:
        self.until_ms, self.wait_ms, self.away = now_ms + wait_ms, wait_ms, away


class Lanes:
    def __init__(self, journal: Journal, uplink: Uplink, outbox: Outbox) -> None:
        self.journal, self.uplink, self.outbox = journal, uplink, outbox
        self._rows: dict[Lane, deque[Row]] = {lane: deque() for lane in LANES}
        self._looked: dict[Lane, int] = dict.fromkeys(LANES, -1)  # nothing of the lane was there up to here
        self._generation = outbox.generation
        self._stops: dict[str, Stop] = {}
        self._now_ms = 0
        self._held: dict[tuple[str, Lane], int] = {}  # of a topic and lane the first row that was left out
        self._passed: dict[Lane, int] = dict.fromkeys(LANES, 0)  # rows up to here were held, if not taken

    async def next(self, now_ms: int) -> tuple[Lane, Row] | None:
        """The row that is next, with its lane; None when nothing can be sent now. Raises StoreError."""
        self._resume(now_ms)
        await self._read()
        while self._hold_back() and not any(self._rows.values()):  # else what is there would wait for the whole backlog
            await self._read()
        lane = self.outbox.choose({lane: bool(rows) for lane, rows in self._rows.items()})
        return None if lane is None else (lane, self._rows[lane].popleft())

    def stop(self, row: Row, now_ms: int, away: bool) -> bool:
        """The broker did not take `row`: leave its topic alone. True when that is news."""
        stream = self.uplink.stream(row.tag)
        known = self._stops.get(stream)
        if known is not None and now_ms < known.until_ms:
            return False
        wait_ms = STOP_FIRST_MS if known is None else min(known.wait_ms * 2, STOP_MOST_MS)
        self._stops[stream] = Stop(now_ms, wait_ms, away)
        return True

    def hold(self, row: Row, lane: Lane) -> None:
        """Leave `row` out until its topic, which is stopped, is tried again."""
        which = self.uplink.stream(row.tag), lane
        self._held[which] = min(self._held.get(which, row.seq), row.seq)

    def taken(self, row: Row) -> None:
        """The broker took it: its topic is as good as any."""
        if self._stops:
            self._stops.pop(self.uplink.stream(row.tag), None)

    def heard(self) -> None:
        """The city spoke: who was away is back."""
        for stop in self._stops.values():
            if stop.away:
                stop.until_ms = 0

    async def _read(self) -> None:
        """Fill the lanes that ran out. A row that is lost while others are fetched sends its lane back: what came from
        the disk meanwhile would pass it over for good.
        """
        while not await self._filled():
            pass

    async def _filled(self) -> bool:
        if self._generation != self.outbox.generation:
            self._generation = self.outbox.generation
            self._looked, self._passed = dict.fromkeys(LANES, -1), dict.fromkeys(LANES, 0)
            for rows in self._rows.values():
                rows.clear()
        for lane in LANES:
            if self._rows[lane] or (last := self._end(lane)) <= self._looked[lane]:
                continue
            after = max(self.outbox.position(lane), self._passed[lane])
            if last <= after:
                continue
            page = await self.journal.rows(after, PAGE, lane == "urgent")
            if self._generation != self.outbox.generation:
                return False
            self._rows[lane].extend(row for row in page if row.seq <= last)
            if len(page) < PAGE or page[-1].seq > last:
                self._looked[lane] = last
        return True

    def _end(self, lane: Lane) -> int:
        return self.outbox.frontier if lane == "backlog" else self.journal.last

    def _hold_back(self) -> bool:
        """Hold the rows of stopped topics that are next in their lanes. True when a lane has to be read further."""
        held = False
        for lane, rows in self._rows.items():
            while rows and self._stopped(self.uplink.stream(rows[0].tag)):
                row, held = rows.popleft(), True
                self.hold(row, lane)
                self._passed[lane] = row.seq
        return held

    def _stopped(self, stream: str) -> bool:
        return stream in self._stops and self._stops[stream].until_ms > self._now_ms

    def _resume(self, now_ms: int) -> None:
        """What was held of a topic that may be tried again is next in its lane."""
        self._now_ms = now_ms
        for stream, lane in [which for which in self._held if not self._stopped(which[0])]:
            self.outbox.lost(self._held.pop((stream, lane)))
