"""What the gateway says of itself, and when it says nothing."""

import asyncio

from edge_agent.flows import health
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.health import HealthReport
from edge_agent.model.doors import DeviceReport
from edge_agent.model.room import Room, fill
from tests.flows.world import MemoryClock, MemoryJournal, MemoryUplink, no_beat
from tests.waiting import auntil

MB = 1 << 20


def test_health_is_told_while_connected_and_shed_first(monkeypatch: object) -> None:
    async def run() -> None:
        clock, journal, uplink = MemoryClock(), MemoryJournal(), MemoryUplink()
        alarms = Alarms(journal, clock)
        report = HealthReport(uplink, journal, clock, alarms, lambda: (50 * MB, 0.5, None), 3)
        alarms.device(DeviceReport("north-in", "reader", "lost", "", clock.up_ms))
        job = asyncio.create_task(report.run(no_beat))
        await auntil(job.get_stack)
        assert uplink.health == []
        uplink.up()
        await auntil(lambda: uplink.health)
        told = uplink.health[0]
        assert (told.lost, told.devices, told.waiting, told.temperature_c) == (("north-in",), 3, 1, None)
        journal.room = Room(7 * MB, 8 * MB, 8 * MB)
        count = len(uplink.health)
        await asyncio.sleep(0)
        assert len(uplink.health) <= count + 1
        job.cancel()

    monkeypatch.setattr(health, "EVERY_S", 0.01)  # type: ignore[attr-defined]
    asyncio.run(run())


def test_what_is_given_up_and_in_which_order() -> None:
    """Telemetry, then evidence; never both the other way round, whatever the sizes."""
    whole = 8 * MB
    assert Room(16 * MB, whole, whole).sheds == ""
    assert Room(7 * MB, whole, whole).sheds == "C"
    assert Room(3 * MB, whole, whole).sheds == "CB"
    assert all(Room(n << 18, whole, whole).sheds in ("", "C", "CB") for n in range(64))


def test_how_full_the_journal_is() -> None:
    assert fill(240_000, 300_000, 10**9) == 0.8
    assert fill(9_000, 300_000, 1_000) == 0.9
    assert fill(0, 300_000, 0) == 0.0
