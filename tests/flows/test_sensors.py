"""What sensors report becomes alerts: one at a time each, urgent or not, and an end to every one."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from edge_agent.flows import sensors
from edge_agent.flows.sensors import SensorAlerts
from edge_agent.model.events import AlertClosed, AlertOpened
from edge_agent.model.sensors import Level, Reading, SensorReport
from edge_agent.model.site import Sensor
from tests.flows.house import House
from tests.flows.world import MemoryJournal
from tests.waiting import auntil

VAPOUR = Sensor(name="vapour", profile="p", link="l", place="rear")
LOOP = Sensor(name="hatch", profile="p", link="l", door="gate")


def report(level: Level, kind: str = "vapour", value: float | None = 12.5, sensor: str = "vapour") -> SensorReport:
    return SensorReport(sensor, Reading(level, kind, value, "%LEL" if value is not None else ""), 1000)


def in_house(story: Callable[[House, SensorAlerts], Awaitable[None]], journal: MemoryJournal | None = None) -> None:
    async def whole() -> None:
        house = House(journal=journal)
        await house.premises.restore()
        alerts = SensorAlerts(house.premises, (VAPOUR, LOOP), lambda door, level: house.actors[door].warn(level))
        alerts.restore()
        await story(house, alerts)

    asyncio.run(whole())


def told(house: House) -> list[tuple[str, str, str]]:
    rows = [row.event for row in house.journal.all]
    alerts = [event for event in rows if isinstance(event, AlertOpened | AlertClosed)]
    return [(event.tag, event.level, event.kind) for event in alerts]


def test_a_warning_gets_worse_and_is_over() -> None:
    async def story(house: House, alerts: SensorAlerts) -> None:
        for level in (Level.NORMAL, Level.WARNING, Level.ALARM, Level.WARNING, Level.NORMAL):
            alerts.report(report(level))
        assert told(house) == [
            ("alert.opened", "warning", "vapour"),
            ("alert.opened", "alarm", "vapour"),
            ("alert.closed", "warning", "vapour"),
            ("alert.opened", "warning", "vapour"),
            ("alert.closed", "alarm", "vapour"),
            ("alert.closed", "warning", "vapour"),
        ]
        events = [row.event for row in house.journal.all]
        opened = [event for event in events if isinstance(event, AlertOpened)]
        closed = [event for event in events if isinstance(event, AlertClosed)]
        assert sorted(event.alert for event in opened) == sorted(event.alert for event in closed)
        assert [event.hurries for event in opened] == [False, True, False]
        assert [event.why for event in closed] == ["changed", "changed", "over"]
        assert {(event.subject, event.place, event.value, event.unit) for event in opened} == {
            ("device/vapour", "rear", 12.5, "%LEL")
        }

    in_house(story)


def test_a_loop_at_a_door() -> None:
    async def story(house: House, alerts: SensorAlerts) -> None:
        alerts.report(report(Level.FAULT, "loop_cut", None, "hatch"))
        alerts.report(report(Level.FAULT, "loop_shorted", None, "hatch"))
        alerts.report(report(Level.NORMAL, "loop_closed", None, "hatch"))
        assert told(house) == [
            ("alert.opened", "fault", "loop_cut"),
            ("alert.opened", "fault", "loop_shorted"),
            ("alert.closed", "fault", "loop_cut"),
            ("alert.closed", "fault", "loop_shorted"),
        ]
        assert house.journal.all[0].event.subject == "door/gate"  # type: ignore[union-attr]

    in_house(story)


def test_a_warning_and_an_alarm_are_said_at_the_door_as_long_as_they_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the door of the sensor and at no other; a fault is for whoever mends it."""
    monkeypatch.setattr(sensors, "AGAIN_S", 0.01)

    async def story(house: House, alerts: SensorAlerts) -> None:
        shown = house.terminals.shown
        running = asyncio.create_task(alerts.run(lambda: None))
        alerts.report(report(Level.WARNING))  # without a door: nobody is there to be told
        alerts.report(report(Level.FAULT, "loop_cut", None, "hatch"))
        await asyncio.sleep(0.05)
        assert shown == []
        for level in (Level.WARNING, Level.ALARM):
            alerts.report(report(level, "gas", 60.0, "hatch"))
            shown.clear()
            await auntil(lambda: len(shown) >= 6)
            assert set(shown) == {("gate-in", str(level)), ("gate-out", str(level))}
        alerts.report(report(Level.NORMAL, "gas", 0.0, "hatch"))
        shown.clear()
        await asyncio.sleep(0.05)
        assert shown == []
        running.cancel()

    in_house(story)


def test_what_was_open_before_a_restart_is_not_said_twice_and_not_forgotten() -> None:
    journal = MemoryJournal()

    async def before(house: House, alerts: SensorAlerts) -> None:
        alerts.report(report(Level.ALARM))

    async def after(house: House, alerts: SensorAlerts) -> None:
        alerts.report(report(Level.ALARM))
        assert told(house) == [("alert.opened", "alarm", "vapour")]
        assert house.premises.clear("sensor/vapour/alarm/vapour", "somebody") == "operate.no_latch"
        alerts.report(report(Level.NORMAL))
        assert told(house)[1:] == [("alert.closed", "alarm", "vapour")]
        opened, closed = (row.event for row in house.journal.all)
        assert opened.alert == closed.alert  # type: ignore[union-attr]

    async def later(house: House, alerts: SensorAlerts) -> None:
        alerts.report(report(Level.NORMAL))
        assert len(told(house)) == 2

    for story in (before, after, later):
        in_house(story, journal)


def test_the_end_of_an_alert_that_a_full_disk_refused_is_told_later() -> None:
    async def story(house: House, alerts: SensorAlerts) -> None:
        alerts.report(report(Level.ALARM))
        house.journal.full = True
        alerts.report(report(Level.NORMAL))
        await asyncio.sleep(0.05)
        house.journal.full = False
        running = asyncio.create_task(house.premises.run(lambda: None))
        await auntil(lambda: ("alert.closed", "alarm", "vapour") in told(house), timeout=3)
        running.cancel()

    in_house(story)


def test_the_alert_of_a_sensor_that_is_not_configured_any_more_is_closed() -> None:
    async def story(house: House, alerts: SensorAlerts) -> None:
        alerts.report(report(Level.ALARM))
        again = House(journal=house.journal)
        await again.premises.restore()
        SensorAlerts(again.premises, (LOOP,)).restore()
        assert [(tag, level) for tag, level, _ in told(again)] == [("alert.opened", "alarm"), ("alert.closed", "alarm")]
        opened, closed = (row.event for row in again.journal.all if isinstance(row.event, AlertOpened | AlertClosed))
        assert isinstance(closed, AlertClosed)
        assert (closed.alert, closed.why) == (opened.alert, "restarted")  # type: ignore[union-attr]
        third = House(journal=again.journal)
        await third.premises.restore()
        assert not [seen for seen in third.premises.standing.latches.values() if seen.raised]

    in_house(story)
