"""flows/line_counts.py: how many crossed a line is told once for each period, whatever happens meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge_agent.flows.alarm import Alarms
from edge_agent.flows.alerting import CameraAlerts
from edge_agent.flows.line_counts import period
from edge_agent.flows.premises import Premises
from edge_agent.model.clock import ClockState
from edge_agent.model.events import LineCounted
from edge_agent.model.people import Schedule
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import Camera, Line, Policy
from tests.flows.world import BOOK, MemoryBooks, MemoryClock, MemoryJournal

HOUR_MS = 3_600_000
YARD = Camera(name="yard", url="rtsp://yard", use=("alerts",))
GATE_LINE = Line(name="gate-line", camera="yard", points=((0.1, 0.5), (0.9, 0.5)))
BACK_LINE = Line(name="back-line", camera="yard", points=((0.1, 0.5), (0.9, 0.5)), watch=("wrong_way",))

NEVER = msgspec.structs.replace(BOOK, schedules=MappingProxyType({"never": Schedule("never", ())}))


class Yard:
    """`anew`: after a restart, of which the journal is all that is left."""

    def __init__(self, *lines: Line, schedules: dict[str, str] | None = None, anew: "Yard | None" = None) -> None:
        self.clock, self.journal = (anew.clock, anew.journal) if anew else (MemoryClock(), MemoryJournal())
        alarms = Alarms(self.journal, self.clock)
        self.premises = Premises(self.journal, MemoryBooks(NEVER), self.clock, alarms, Policy())
        self.alerts = CameraAlerts(self.premises, (YARD,), (), schedules, lines=lines)

    def cross(self, *directions: str, line: str = "gate-line") -> None:
        for direction in directions:
            for phase in (Phase.BEGUN, Phase.OVER):
                sighting = Sighting(
                    rule=line, kind="crossing", incident=f"c-{self.clock.up_ms}", phase=phase, up_ms=self.clock.up_ms,
                    size=(640, 360), direction=direction,
                )  # fmt: skip
                self.alerts.see("yard", sighting)

    def wait(self, minutes: float, step_ms: int = 500) -> None:
        for _ in range(round(minutes * 60_000 / step_ms)):
            self.clock.up_ms += step_ms
            self.alerts.look()

    def told(self) -> list[tuple[str, int, int, int]]:
        """Line, local hour the period begins with, entered, left."""
        counted = [row.event for row in self.journal.all if isinstance(row.event, LineCounted)]
        return [(one.line, hour(one.from_ms), one.entered, one.left) for one in counted]


def hour(wall_ms: int) -> int:
    return datetime.fromtimestamp(wall_ms / 1000, ZoneInfo("Asia/Shanghai")).hour


def story(*lines: Line, schedules: dict[str, str] | None = None) -> Callable[[Callable[[Yard], Awaitable[None]]], None]:
    def play(told: Callable[[Yard], Awaitable[None]]) -> None:
        async def run() -> None:
            await told(Yard(*lines or (GATE_LINE, BACK_LINE), schedules=schedules))
            await asyncio.sleep(0)

        asyncio.run(run())

    return play


def test_people_are_told_by_the_hours_of_the_clock_and_an_hour_of_nobody_is_not() -> None:
    @story()
    async def told(yard: Yard) -> None:
        yard.cross("in", "in", "out")  # 12:01:40
        yard.wait(58)
        assert yard.told() == []
        yard.wait(1)
        assert yard.told() == [("gate-line", 12, 2, 1)]
        yard.wait(120, step_ms=5000)
        yard.cross("out")
        yard.wait(60, step_ms=5000)
        assert yard.told() == [("gate-line", 12, 2, 1), ("gate-line", 15, 0, 1)]
        (first, *_) = [row.event for row in yard.journal.all if isinstance(row.event, LineCounted)]
        assert (first.from_ms % HOUR_MS, first.to_ms - first.from_ms, first.subject) == (0, HOUR_MS, "device/yard")


def test_a_line_that_only_watches_for_the_wrong_way_or_is_off_now_counts_nobody() -> None:
    @story(GATE_LINE, BACK_LINE, schedules={"gate-line": "never"})
    async def told(yard: Yard) -> None:
        yard.cross("in", line="back-line")
        yard.cross("in", line="no-line")
        yard.wait(60, step_ms=5000)
        assert yard.told() == []


def test_a_restart_loses_ten_seconds_at_most_and_a_stop_nothing() -> None:
    @story()
    async def told(yard: Yard) -> None:
        yard.cross("in")
        yard.wait(0.1)
        yard.cross("in")
        yard.wait(0.05)  # the second is not on the disk yet
        killed = Yard(GATE_LINE, anew=yard)
        await killed.premises.restore()
        killed.cross("out")
        loop = asyncio.create_task(killed.alerts.run(lambda: None))
        await asyncio.sleep(0)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        stopped = Yard(GATE_LINE, anew=killed)
        await stopped.premises.restore()
        stopped.wait(60, step_ms=5000)
        assert stopped.told() == [("gate-line", 12, 1, 1)]
        again = Yard(GATE_LINE, anew=stopped)
        await again.premises.restore()
        again.wait(61, step_ms=5000)
        assert again.told() == stopped.told(), "told once"


def test_a_line_that_was_taken_out_of_the_configuration_is_told_when_its_hour_is_over() -> None:
    """Put back before that it goes on: never two counts of one period."""

    @story()
    async def told(yard: Yard) -> None:
        yard.cross("in")
        yard.wait(0.5)
        without = Yard(BACK_LINE, anew=yard)
        await without.premises.restore()
        without.wait(1)
        back = Yard(GATE_LINE, anew=without)
        await back.premises.restore()
        back.cross("in", "out")
        back.wait(1)
        anew = Yard(BACK_LINE, anew=back)
        await anew.premises.restore()
        assert anew.told() == []
        anew.wait(60, step_ms=5000)
        assert anew.told() == [("gate-line", 12, 2, 1)]


def test_a_clock_that_is_set_meanwhile_moves_the_period_with_it() -> None:
    """A gateway without a battery counts before it knows the time: nothing is said of 1970."""

    @story()
    async def told(yard: Yard) -> None:
        real, yard.clock.state = yard.clock.jump_ms, ClockState.UNSET
        yard.clock.jump_ms = -yard.clock.now().wall_ms
        yard.cross("in", "in")
        yard.wait(1)
        yard.clock.jump_ms, yard.clock.state = real, ClockState.SYNCED
        yard.cross("out")
        yard.wait(60, step_ms=5000)
        assert [(entered, left) for _, _, entered, left in yard.told()] == [(2, 1)]
        (one,) = [row.event for row in yard.journal.all if isinstance(row.event, LineCounted)]
        assert one.from_ms <= yard.clock.now().wall_ms - 61 * 60_000 < one.to_ms


@pytest.mark.parametrize(
    ("at", "minutes", "begins", "ends", "zone"),
    [
        ("2026-03-29T12:00:00", 1440, "00:00", "00:00", "Europe/Berlin"),  # 23 hours
        ("2026-03-29T03:10:00", 60, "03:00", "04:00", "Europe/Berlin"),
        ("2026-10-25T12:00:00", 1440, "00:00", "00:00", "Europe/Berlin"),  # 25
        ("2026-05-04T12:01:40", 60, "12:00", "13:00", "Asia/Shanghai"),
        ("2026-05-04T00:00:00", 60, "00:00", "01:00", "Asia/Shanghai"),
        ("2026-05-04T23:59:59", 1440, "00:00", "00:00", "Asia/Shanghai"),
        ("2026-05-04T12:01:40", 1, "12:01", "12:02", "Asia/Shanghai"),
        ("2026-05-04T23:50:00", 420, "21:00", "00:00", "Asia/Shanghai"),  # a day is no multiple of seven hours
    ],
)
def test_periods_begin_at_local_midnight(at: str, minutes: int, begins: str, ends: str, zone: str) -> None:
    there = ZoneInfo(zone)
    wall_ms = round(datetime.fromisoformat(at).replace(tzinfo=there).timestamp() * 1000)
    until = period(wall_ms, zone, minutes)
    assert [f"{datetime.fromtimestamp(ms / 1000, there):%H:%M}" for ms in until] == [begins, ends]
    assert until[0] <= wall_ms < until[1]
