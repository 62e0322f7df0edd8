"""Visitors at doors: who lets themselves in with their pass has arrived, and who goes out to the street has left.

Follows the journal, so that nothing is missed over a restart: how far it was followed is stored with every step, also
with one that was not possible.
"""

import asyncio
from collections.abc import Sequence

from edge_agent import log
from edge_agent.core import visits as core
from edge_agent.errors import StoreError, VisitError
from edge_agent.flows.visits import Visits, street
from edge_agent.model.events import AccessGranted, AccessTaken, Row
from edge_agent.model.site import Door
from edge_agent.model.visits import Followed, Step, Visit
from edge_agent.ports import Beat, Journal

ROWS = 500
BEAT_EVERY_S = 2.0
AGAIN_S = 5.0

logger = log.get("flows.visitors")


class Visitors:
    def __init__(self, visits: Visits, journal: Journal, doors: Sequence[Door]) -> None:
        self.visits, self.journal = visits, journal
        self._street = {door.name for door in doors if street(door)}
        self._silent = {door.name for door in doors if door.gate.contact is None}  # never tells who went through
        self._granted: dict[str, tuple[str, str]] = {}  # door → who may go through now, and which way

    async def run(self, beat: Beat) -> None:
        try:
            seen = await self._begin()
        except VisitError:
            return  # visits are off, and that was said
        while True:
            beat()
            try:
                async with asyncio.timeout(BEAT_EVERY_S):
                    await self.journal.changed(seen)
            except TimeoutError:
                continue
            while rows := await self.journal.rows(seen, ROWS):
                for row in rows:
                    await self._followed(row)
                    seen = row.seq

    async def _begin(self) -> int:
        at = await self.visits.book.followed()
        if at is None or at.epoch != self.journal.epoch or at.seq > self.journal.last:
            return self.journal.last
        return max(at.seq, self.journal.first - 1)

    async def _followed(self, row: Row) -> None:
        if row.tag not in (AccessGranted.tag, AccessTaken.tag):
            return
        event, at = row.event, Followed(row.epoch, row.seq)
        if isinstance(event, AccessGranted):
            self._granted[event.door] = (event.person, event.direction)
            if event.door in self._silent:
                await self._passed(event.door, event.person, at)
        elif isinstance(event, AccessTaken) and event.person:
            await self._passed(event.door, event.person, at)

    async def _passed(self, door: str, person: str, at: Followed) -> None:
        who, direction = self._granted.pop(door, ("", ""))
        if not person.startswith("v-") or who != person or door not in self._street:
            return
        now_ms, visits = self.visits.clock.now().wall_ms, self.visits

        def step(visit: Visit) -> Step:
            if direction == "in":
                return core.arrive(visit, now_ms, visits.place.zone, f"door/{door}", visits.policy)
            return core.leave(visit, now_ms, f"door/{door}")

        stepping = [person]
        while True:
            try:
                await visits.book.change(stepping, step, at)
                visits.changed()
                return
            except VisitError as error:  # in already, or over: a restart shall not try it again on another day's visit
                logger.debug("%s at %s: %s", person, door, error)
                if not stepping:
                    return
                stepping = []
            except StoreError as error:
                logger.warning("a visitor at %s is not noted yet: %s", door, error)
                await asyncio.sleep(AGAIN_S)
