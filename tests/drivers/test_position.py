"""The satellite receiver over a pty: positions, no sky, a cable that is off."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_agent.drivers.position import PositionReader
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.position import Position
from tests.drivers.rig import Device, UpClock, simulated, states, with_job
from tests.waiting import auntil

GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
NO_SKY = "$GPRMC,,V,,,,,,,,,,N*53\r\n"


class Bus:
    def __init__(self, folder: Path, device: Device, stale_s: float) -> None:
        self.device = device
        self.positions: list[Position] = []
        self.reports: list[DeviceReport] = []
        self.driver = PositionReader(
            "bus-gps", load_profile("sensors/gps-nmea"), "sim://gps", UpClock(),
            self.positions.append, self.reports.append, folder, stale_s,
        )  # fmt: skip

    def say(self, text: str) -> None:
        self.device.tell("bytes", hex=text.encode("ascii").hex())

    async def until(self, *stale: bool) -> None:
        await auntil(lambda: [position.stale for position in self.positions] == list(stale))

    async def open(self) -> None:
        """Opening discards what came before; the first position shows that it is done."""

        def heard() -> bool:
            self.say(GGA + RMC)
            return bool(self.positions)

        await auntil(heard)


def on_the_road(folder: Path, story: Callable[[Bus], Awaitable[None]], stale_s: float = 60.0) -> None:
    with simulated("serialdevice", folder / "gps") as device:
        bus = Bus(folder, device, stale_s)
        with_job(bus.driver.run, lambda: story(bus))


def test_a_position_with_time_and_quality(tmp_path: Path) -> None:
    async def story(bus: Bus) -> None:
        await bus.open()
        found = bus.positions[-1]
        assert (found.device, found.utc, found.stale) == ("bus-gps", "1994-03-23T12:35:19Z", False)
        assert (found.latitude, found.longitude) == pytest.approx((48.1173, 11.5166667))
        assert bus.reports == []

    on_the_road(tmp_path, story)


def test_the_quality_of_the_last_sentence_that_says_it(tmp_path: Path) -> None:
    async def story(bus: Bus) -> None:
        await bus.open()
        await auntil(lambda: (bus.say(GGA + RMC), bus.positions[-1].satellites == 8)[1])
        assert bus.positions[-1].quality == 1

    on_the_road(tmp_path, story)


def test_without_sky_the_last_position_goes_stale_once(tmp_path: Path) -> None:
    async def story(bus: Bus) -> None:
        await bus.open()
        await auntil(lambda: (bus.say(NO_SKY), bus.positions[-1].stale)[1])
        count = len(bus.positions)
        for _ in range(3):
            bus.say(NO_SKY)
        bus.say(GGA + RMC)
        await auntil(lambda: len(bus.positions) > count)
        assert not bus.positions[count].stale
        assert bus.reports == []

    on_the_road(tmp_path, story, stale_s=0.3)


def test_a_cable_off_is_lost_and_stale_and_comes_back(tmp_path: Path) -> None:
    async def story(bus: Bus) -> None:
        await bus.open()
        bus.device.tell("vanish")
        await auntil(lambda: states(bus.reports) == ["lost"])
        await auntil(lambda: bus.positions[-1].stale)
        bus.device.tell("appear")
        await auntil(lambda: (bus.say(GGA + RMC), not bus.positions[-1].stale)[1])
        assert states(bus.reports) == ["lost", "back"]

    on_the_road(tmp_path, story, stale_s=0.5)


def test_noise_is_told_once(tmp_path: Path) -> None:
    async def story(bus: Bus) -> None:
        await bus.open()
        for _ in range(3):
            bus.say("$GPRMC,123519,A*00\r\n")
        await auntil(lambda: states(bus.reports) == ["degraded"])

    on_the_road(tmp_path, story)


def test_a_profile_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeAgentError, match="NMEA"):
        PositionReader(
            "x", load_profile("readers/text-stx"), "sim://x", UpClock(),
            lambda position: None, lambda report: None, tmp_path,
        )  # fmt: skip
