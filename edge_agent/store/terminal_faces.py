"""What the terminals that match by themselves have still to delete, beside the running doors: fulfils ports.Erasures.

Read from people.db once a second at most, and only when somebody changed it; answered from memory, because a terminal
waits for its answer on the event loop. An order that is a day old and not confirmed is told.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.ports import Beat, Clock
from edge_agent.store.people import PeopleStore
from edge_agent.store.records import FaceOrder
from edge_agent.store.thread import in_thread
from edge_agent.words import say

LOOK_S = 1.0
LATE_MS = 86_400_000
BY_TERMINAL = "terminal"

logger = log.get("store.terminal_faces")


class TerminalFaces:
    """`terminals`: those that match faces by themselves; `late(terminal, detail)` is called once for each order that
    nobody confirmed in a day.
    """

    def __init__(self, path: Path, terminals: Sequence[str], clock: Clock, late: Callable[[str, str], None]) -> None:
        self._path, self._terminals, self._clock, self._late = path, tuple(terminals), clock, late
        self._open: dict[str, list[FaceOrder]] = {}
        self._confirmed: list[tuple[str, FaceOrder]] = []
        self._told: set[tuple[str, int]] = set()
        self._wake = asyncio.Event()

    def next(self, terminal: str) -> tuple[int, str] | None:
        waiting = self._open.get(terminal)
        return (waiting[0].id, waiting[0].person) if waiting else None

    def confirmed(self, terminal: str, order: int) -> None:
        """A number that is not open at this terminal says nothing."""
        waiting = self._open.get(terminal, [])
        found = next((one for one in waiting if one.id == order), None)
        if found is not None:
            waiting.remove(found)
            self._confirmed.append((terminal, found))
            self._wake.set()

    async def run(self, beat: Beat) -> None:
        """For ever. A people.db that cannot be read or written now is tried again."""
        people = await in_thread(PeopleStore, self._path)
        try:
            seen = -1
            while True:
                beat()
                self._wake.clear()
                try:
                    while self._confirmed:
                        await in_thread(self._store, people, *self._confirmed[0])
                        del self._confirmed[0]
                    if (now := people.data_version()) != seen:
                        self._open = await in_thread(people.open_orders, self._terminals)
                        seen = now
                except StoreError as error:
                    logger.warning("deletions of the terminals are not up to date: %s", error)
                self._tell_late()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            people.close()

    def _store(self, people: PeopleStore, terminal: str, order: FaceOrder) -> None:
        people.confirm_erasure(order, terminal, BY_TERMINAL, self._clock.now().wall_ms)

    def _tell_late(self) -> None:
        now = self._clock.now()
        for terminal, orders in self._open.items() if now.trusted else ():
            for order in orders:
                if now.wall_ms - order.asked_ms >= LATE_MS and (terminal, order.id) not in self._told:
                    self._told.add((terminal, order.id))
                    self._late(terminal, say("faces.not_deleted", "en", person=order.person, terminal=terminal))
