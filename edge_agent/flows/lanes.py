"""Rows on their way out, read ahead of the sender: a page at a time for each lane, and topics that are stopped.

A topic the broker does not take is left alone for a while and tried again with one page; the other topics go on.
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
        self._held: list[int] = []  # urgent rows of a stopped topic

    async def next(self, now_ms: int) -> tuple[Lane, Row] | None:
        """The row that is next, with its lane; None when nothing can be sent now. Raises StoreError."""
        self._resume(now_ms)
        await self._read()
        urgent = self._rows["urgent"]
        while urgent and self._stopped(urgent[0]):
            self._held.append(urgent.popleft().seq)
        ready: dict[Lane, bool] = {lane: bool(rows) and not self._stopped(rows[0]) for lane, rows in self._rows.items()}
        lane = self.outbox.choose(ready)
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
            self._looked = dict.fromkeys(LANES, -1)
            for rows in self._rows.values():
                rows.clear()
        for lane in LANES:
            if self._rows[lane] or (last := self._end(lane)) <= self._looked[lane]:
                continue
            after = self.outbox.position(lane)
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

    def _stopped(self, row: Row) -> bool:
        return bool(self._stops) and self.uplink.stream(row.tag) in self._stops and not self._over(row)

    def _over(self, row: Row) -> bool:
        return self._stops[self.uplink.stream(row.tag)].until_ms <= self._now_ms

    def _resume(self, now_ms: int) -> None:
        self._now_ms = now_ms
        if self._held and all(stop.until_ms <= now_ms for stop in self._stops.values()):
            for seq in self._held:
                self.outbox.lost(seq)
            self._held.clear()
