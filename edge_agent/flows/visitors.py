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
from edge_agent.model.events import (
    AccessGranted,
    AccessNotTaken,
    AccessTaken,
    DoorClosed,
    DoorFault,
    DoorForced,
    DoorOpened,
    Row,
)
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
        self._granted: dict[str, dict[str, str]] = {}  # door → who may go through now, and which way
        self._open: set[str] = set()  # doors that stand open: whoever is let in goes
        self._blind: set[str] = set()  # doors whose contact is cut or shorted

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
        at = Followed(row.epoch, row.seq)
        match row.event:
            case AccessGranted(door=door, person=person, direction=direction):
                self._granted.setdefault(door, {})[person] = direction
                if door in self._silent | self._open | self._blind:
                    await self._passed(door, [person], at)
            case AccessTaken(door=door, person=person):  # several went: nobody is named
                await self._passed(door, [person] if person else [*self._granted.get(door, {})], at)
                self._granted.pop(door, None)
            case AccessNotTaken(door=door, person=str(person)):
                self._granted.get(door, {}).pop(person, None)
            case DoorOpened(door=door) | DoorForced(door=door):
                self._open.add(door)
            case DoorClosed(door=door):
                self._open.discard(door)
            case DoorFault(door=door, input="contact", what="normal"):
                self._blind.discard(door)
            case DoorFault(door=door, input="contact"):
                self._blind.add(door)
                await self._passed(door, [*self._granted.get(door, {})], at)

    async def _passed(self, door: str, people: Sequence[str], at: Followed) -> None:
        for person in people:
            direction = self._granted.get(door, {}).pop(person, "")
            if person.startswith("v-") and direction and door in self._street:
                await self._step(door, person, direction, at)

    async def _step(self, door: str, person: str, direction: str, at: Followed) -> None:
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
