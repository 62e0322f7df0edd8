"""Deterrence: a light or a loudspeaker answers an alarm at once, and cannot become a nuisance by itself.

Each output rests between two times and has so many an hour. What only may be something (a light object) never sounds.
It is on record as done when its relay was seen to be on, and as not done when it was not.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

from edge_agent import log
from edge_agent.errors import DeviceUnavailable
from edge_agent.flows.premises import Premises
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.events import AlertOpened, AlertUpdated
from edge_agent.model.site import Deterrent
from edge_agent.ports import Gate

NEVER = frozenset({"light_object"})
HOUR_MS = 3_600_000
SWITCHES_S = 3.0  # a board has sent it twice by then, and been asked what its relay does

NOT_ON = {
    "unreachable": "its board cannot be reached; check its line",
    "relay": "its relay did not switch; check its number and the board",
}

logger = log.get("flows.deterrence")


class Deterrence:
    """`outputs` by the deterrent's name."""

    def __init__(self, premises: Premises, deterrents: Iterable[Deterrent], outputs: Mapping[str, Gate]) -> None:
        self.premises, self.outputs = premises, outputs
        self._deterrents = tuple(deterrents)
        self._times: dict[str, deque[int]] = {}
        self._on: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # the relay, as its board says
        self._working: set[asyncio.Task[None]] = set()

    def answer(self, alert: AlertOpened) -> None:
        """Called when the alert is recorded; returns at once."""
        for deterrent in self._deterrents:
            if self._meant(deterrent, alert) and (at_ms := self._may(deterrent)) is not None:
                task = asyncio.create_task(self._switch_on(deterrent, alert, at_ms))
                self._working.add(task)
                task.add_done_callback(self._working.discard)

    def follow(self, report: GateReport) -> None:
        """The board of an output says what its relay does."""
        if report.report is Report.RELAY_ON:
            self._on[report.door].set()
        elif report.report is Report.RELAY_OFF:
            self._on[report.door].clear()

    def _meant(self, deterrent: Deterrent, alert: AlertOpened) -> bool:
        return (
            alert.level == "alarm"
            and not alert.quiet
            and not alert.silent
            and alert.kind not in NEVER
            and (not deterrent.kinds or alert.kind in deterrent.kinds)
            and (not deterrent.cameras or alert.camera in deterrent.cameras)
        )

    def _may(self, deterrent: Deterrent) -> int | None:
        """At what uptime it begins to rest; None while it has to."""
        now_ms = self.premises.now().up_ms
        times = self._times.setdefault(deterrent.name, deque())
        while times and now_ms - times[0] >= HOUR_MS:
            times.popleft()
        if len(times) >= deterrent.per_hour or (times and now_ms - times[-1] < deterrent.cooldown_s * 1000):
            return None
        times.append(now_ms)
        return now_ms

    async def _switch_on(self, deterrent: Deterrent, alert: AlertOpened, at_ms: int) -> None:
        reason = await self._why_not(deterrent)
        if reason:
            logger.error("%s stays off: %s", deterrent.name, NOT_ON[reason])
        if reason == "unreachable":  # it never sounded: nobody has to rest from it
            with suppress(ValueError):
                self._times[deterrent.name].remove(at_ms)
        news = AlertUpdated(
            door=alert.door, alert=alert.alert, kind=alert.kind, level=alert.level, camera=alert.camera,
            rule=alert.rule, what="not_deterred" if reason else "deterred", why=deterrent.name, reason=reason,
        )  # fmt: skip
        self.premises.record(news)

    async def _why_not(self, deterrent: Deterrent) -> str:
        """Switch it on; empty when it is."""
        try:
            await self.outputs[deterrent.name].release(deterrent.on_s)
        except DeviceUnavailable as error:
            return "relay" if error.code == "devices.gate_deaf" else "unreachable"
        try:
            async with asyncio.timeout(SWITCHES_S):
                await self._on[deterrent.name].wait()
        except TimeoutError:
            return "relay"
        return ""
