"""Certificate: tell in good time that the gateway's client certificate runs out — 30, 7 and 1 days before."""

import asyncio
from collections.abc import Callable

from edge_agent.flows.alarm import Alarms
from edge_agent.ports import Beat, Clock
from edge_agent.words import told

DAY_MS = 86_400_000
WARN_DAYS = (0, 1, 7, 30)  # the nearest first; 0: it has run out
LOOK_S = 60.0


class CertificateWatch:
    """`not_after_ms`: when the certificate that is on the disk now runs out (Unix ms); None without one."""

    def __init__(self, not_after_ms: Callable[[], int | None], alarms: Alarms, clock: Clock) -> None:
        self._not_after_ms, self.alarms, self.clock = not_after_ms, alarms, clock
        self._told: tuple[int, int] | None = None  # (which certificate, how many days before)

    @property
    def days_left(self) -> float | None:
        """For telemetry; None without a certificate."""
        end_ms = self._not_after_ms()
        return None if end_ms is None else (end_ms - self.clock.now().wall_ms) / DAY_MS

    async def run(self, beat: Beat) -> None:
        while True:
            beat()
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Each threshold is told once; a clock that cannot be trusted tells nothing."""
        end_ms, now = self._not_after_ms(), self.clock.now()
        if end_ms is None or not now.trusted:
            return
        left = (end_ms - now.wall_ms) / DAY_MS
        due = next((days for days in WARN_DAYS if left <= days), None)
        if due is None or self._told == (end_ms, due):
            return
        self._told = (end_ms, due)
        if left <= 0:
            self.alarms.degraded("certificate_expired", told("degraded_why.certificate_expired"))
        else:
            self.alarms.degraded(f"certificate_expires_{due}d", told("degraded_why.certificate_expires", days=left))
