"""The client certificate runs out: told 30, 7 and 1 days before, each once, and by a trusted clock only."""

import asyncio

from edge_agent.cli.describe import describe
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.certificate import DAY_MS, CertificateWatch
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import AgentDegraded
from tests.flows.world import MemoryClock, MemoryJournal


def test_each_threshold_is_told_once() -> None:
    async def story() -> None:
        clock, journal = MemoryClock(), MemoryJournal()
        end_ms = clock.now().wall_ms + 40 * DAY_MS
        watch = CertificateWatch(lambda: end_ms, Alarms(journal, clock), clock)
        assert watch.days_left == 40
        for _ in range(42 * 4):
            watch.look()
            clock.up_ms += DAY_MS // 4
        told = [row.event.what for row in journal.all if isinstance(row.event, AgentDegraded)]
        assert told == [*(f"certificate_expires_{days}d" for days in (30, 7, 1)), "certificate_expired"]
        chinese = [describe(row, "zh").detail for row in journal.all]
        assert chinese[1] == "证书一周内过期 · 客户端证书将在 7.0 天后过期，请续期（edge-agent keys enroll）"
        assert chinese[3] == "证书已过期 · 客户端证书已过期，无法连接平台"

    asyncio.run(story())


def test_a_renewed_certificate_starts_anew_and_an_untrusted_clock_tells_nothing() -> None:
    class Lost(MemoryClock):
        def now(self) -> Moment:
            return Moment(0, self.up_ms, "b" * 32, ClockState.UNSET, 0)

    async def story() -> None:
        journal, clock = MemoryJournal(), MemoryClock()
        ends = [clock.now().wall_ms + 2 * DAY_MS]
        watch = CertificateWatch(lambda: ends[0], Alarms(journal, clock), clock)
        watch.look()
        watch.look()
        ends[0] += DAY_MS
        clock.up_ms += 61_000
        watch.look()
        assert len(journal.all) == 2
        CertificateWatch(lambda: ends[0], Alarms(journal, Lost()), Lost()).look()
        CertificateWatch(lambda: None, Alarms(journal, clock), clock).look()
        assert len(journal.all) == 2

    asyncio.run(story())
