"""Health: once a minute the gateway says how it is. Never kept, never repeated, and the first thing to be given up."""

import asyncio
from collections.abc import Callable

from edge_agent.flows.alarm import Alarms
from edge_agent.ports import Beat, Clock, Health, Journal, Uplink

EVERY_S = 60.0


class HealthReport:
    """`machine`: the agent's memory in bytes, the last minute's load, °C or None; `devices`: how many there are."""

    def __init__(
        self,
        uplink: Uplink,
        journal: Journal,
        clock: Clock,
        alarms: Alarms,
        machine: Callable[[], tuple[int, float, float | None]],
        devices: int,
    ) -> None:
        self.uplink, self.journal, self.clock, self.alarms = uplink, journal, clock, alarms
        self.machine, self.devices = machine, devices

    async def run(self, beat: Beat) -> None:
        while True:
            beat()
            if self.uplink.session and "C" not in self.journal.room.sheds:
                self.uplink.tell(self.now())
            await asyncio.sleep(EVERY_S)

    def now(self) -> Health:
        now, journal, room = self.clock.now(), self.journal, self.journal.room
        rss, load, temperature_c = self.machine()
        return Health(
            up_s=now.up_ms // 1000,
            clock=now.state.value,
            accepting=journal.accepting,
            last=journal.last,
            waiting=journal.last - journal.acked,
            fill=round(journal.fill, 4),
            disk_free=room.free,
            reserve=room.reserve,
            rss=rss,
            load=load,
            temperature_c=temperature_c,
            devices=self.devices,
            lost=self.alarms.lost,
        )
