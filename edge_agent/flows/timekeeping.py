"""Timekeeping: what is known about the time becomes known to everybody.

When the clock of this boot is first synchronised an anchor goes into the journal: what happened before it gets its
time by uptime. A jump of the wall clock is an event, never a cause: order is by number, timers run on uptime.
"""

import asyncio

from edge_agent import log
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import ClockAnchored, ClockStepped
from edge_agent.ports import Anchor, Beat, Clock, Journal

LOOK_S = 1.0
STEP_MS = 500  # NTP slews by at most 500 ppm: half a millisecond in this time

logger = log.get("flows.timekeeping")


class Timekeeper:
    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal, self.clock = journal, clock
        self._before: Moment | None = None
        self._anchored = False

    async def run(self, beat: Beat) -> None:
        while True:
            beat()
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Compare with the last look; record what changed."""
        now, before = self.clock.now(), self._before
        if not self.journal.accepting:
            return
        self._before = now
        by_ms = 0 if before is None else (now.wall_ms - now.up_ms) - (before.wall_ms - before.up_ms)
        moved = abs(by_ms) > STEP_MS
        if moved and before is not None and (self._anchored or now.state is not ClockState.SYNCED):
            logger.warning("the clock jumped by %.1f s (%s)", by_ms / 1000, now.state)
            self.journal.record(ClockStepped(by_ms=by_ms))
        if now.state is ClockState.SYNCED and (moved or not self._anchored):
            self._anchored = True
            anchor = Anchor(now.boot_id, now.wall_ms, now.up_ms, now.err_ms)
            self.journal.record(ClockAnchored(by_ms=by_ms if moved else 0), anchor)
