"""Alarm: something is not as it should be — a device went away, the agent cannot keep a promise.

Each trouble becomes one event when it begins and one when it ends, one WARNING and one INFO; a trouble that goes on
repeating is said again at most once a minute.
"""

import asyncio
import re

from edge_agent import log
from edge_agent.model.doors import DeviceReport
from edge_agent.model.events import AgentDegraded, DeviceBack, DeviceDegraded, DeviceLost
from edge_agent.ports import Beat, Clock, Journal
from edge_agent.words import parts, told

AGAIN_AFTER_MS = 60_000
BUFFER_WARNINGS = (0.9, 0.8)
LOOK_S = 60.0

logger = log.get("flows.alarm")


class Alarms:
    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal, self.clock = journal, clock
        self._lost_since: dict[tuple[str, str], int] = {}  # by kind and name: a camera may be named like a reader
        self._said: dict[tuple[str, str], int] = {}

    @property
    def lost(self) -> tuple[str, ...]:
        """Devices that are away now."""
        return tuple(sorted({device for _, device in self._lost_since}))

    def device(self, report: DeviceReport) -> None:
        """A driver says what became of its device."""
        which = report.kind, report.device
        match report.state:
            case "lost" if which not in self._lost_since:
                self._lost_since[which] = report.up_ms
                logger.warning("%s %s lost: %s", report.kind, report.device, report.detail)
                self.journal.record(DeviceLost(report.device, report.kind, *parts(report.detail)))
            case "back" if which in self._lost_since:
                away_ms = report.up_ms - self._lost_since.pop(which)
                logger.info("%s %s back after %.1f s", report.kind, report.device, away_ms / 1000)
                self.journal.record(DeviceBack(device=report.device, kind=report.kind, after_ms=away_ms))
            case "degraded":
                self.degraded_device(report.device, report.kind, report.detail)

    def degraded_device(self, device: str, kind: str, detail: str) -> None:
        if self._due(device, detail):
            logger.warning("%s %s: %s", kind, device, detail)
            self.journal.record(DeviceDegraded(device, kind, *parts(detail)))

    def degraded(self, what: str, detail: str) -> None:
        """The agent itself cannot keep a promise for now."""
        if self._due("agent", what):
            logger.warning("%s: %s", what, detail)
            self.journal.record(AgentDegraded(what, *parts(detail)))

    async def watch_buffer(self, beat: Beat) -> None:
        """Warn while events for the city pile up: at 80 and at 90 percent of what is kept."""
        while True:
            beat()
            sheds = self.journal.room.sheds
            if sheds:
                room = self.journal.room
                left = told("degraded_why.disk_low", free=room.free >> 20, reserve=room.reserve >> 20, classes=sheds)
                self.degraded("disk_low", left)
            full = next((share for share in BUFFER_WARNINGS if self.journal.fill >= share), None)
            if full is not None:
                self.degraded(f"buffer_{full:.0%}", told("degraded_why.buffer", share=self.journal.fill))
            await asyncio.sleep(LOOK_S)

    def _due(self, device: str, what: str) -> bool:
        now = self.clock.now().up_ms
        self._said = {key: at for key, at in self._said.items() if now - at < AGAIN_AFTER_MS}
        key = (device, re.sub(r"\d+", "#", what))  # the same trouble, whatever it counts
        if key in self._said:
            return False
        self._said[key] = now
        return True
