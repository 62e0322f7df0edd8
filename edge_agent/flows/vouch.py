"""Vouch: what the city has acknowledged, the gateway signs, so that the city's copy can be held against it later.

Only about rows that the city holds: a copy that ends before one of them has lost its end, and is not merely behind. And
only to a city that has answered in this session: a broker forgets what is sent while no worker is subscribed.
"""

import asyncio
import time

from edge_agent.ports import Beat, Journal, Uplink

LOOK_S = 1.0
EVERY_EVENTS = 1000
EVERY_S = 60.0


class Vouching:
    def __init__(self, uplink: Uplink, journal: Journal) -> None:
        self.uplink, self.journal = uplink, journal
        self._said = (0, 0)  # session and row; a new session begins with it again, whatever became of the last one
        self._again_s = 0.0

    async def run(self, beat: Beat) -> None:
        while True:
            session = await self.uplink.connected()
            beat()
            if self.uplink.answered and self._due(session, self.journal.acked):
                await self._vouch(session, self.journal.acked)
            await asyncio.sleep(LOOK_S)

    def _due(self, session: int, acked: int) -> bool:
        before, said = self._said
        if session != before:
            return acked > 0
        return acked - said >= EVERY_EVENTS or (acked > said and time.monotonic() >= self._again_s)

    async def _vouch(self, session: int, acked: int) -> None:
        rows = await self.journal.rows(acked - 1, 1)
        if rows and rows[0].seq == acked:  # one that was altered on the disk is left out, and vouched for by nobody
            self.uplink.vouch(self.journal.epoch, acked, rows[0].hash)
        self._said, self._again_s = (session, acked), time.monotonic() + EVERY_S
