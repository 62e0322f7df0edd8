"""Sensors on a simulated Modbus line: levels, a supervised loop, silence."""

from pathlib import Path

from edge_agent.model.sensors import Level, Reading
from edge_agent.model.site import Sensor
from tests.drivers.modbus_rig import Bench, door, on_bus
from tests.waiting import auntil

VAPOUR = Sensor(name="vapour", profile="sensors/vapour-lel", link="bus")
GAS = Sensor(name="co", profile="sensors/gas-ppm", link="bus", address=5)
LOOP = Sensor(name="hatch", profile="sensors/loop-12bit", link="bus")


def told(bench: Bench, sensor: str) -> list[tuple[Level, str]]:
    return [(report.reading.level, report.reading.kind) for report in bench.measured if report.sensor == sensor]


def value(unit: int, value: int, address: int = 0) -> dict[str, object]:
    return {"do": "register", "unit": unit, "address": address, "value": value}


def test_two_levels_and_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        steps = [
            (120, Level.WARNING),
            (300, Level.ALARM),
            (210, None),
            (190, Level.WARNING),
            (85, None),
            (70, Level.NORMAL),
        ]
        await auntil(lambda: told(bench, "vapour") == [(Level.NORMAL, "vapour")])
        assert bench.measured[0].first
        for raw, level in steps:
            count = len(bench.measured)
            bench.device.tell(**value(3, raw))
            if level is not None:
                await auntil(lambda count=count: len(bench.measured) > count)
                reading = bench.measured[-1].reading
                assert (reading.level, reading.value, reading.unit) == (level, raw / 10, "%LEL")
                assert not bench.measured[-1].first
        assert len(bench.measured) == 5
        assert bench.reports == []

    on_bus(tmp_path, story, sensors=(VAPOUR,), units=("3=sensor",), before=(value(3, 0),))


def test_a_sensor_that_says_it_is_broken(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await auntil(lambda: told(bench, "co") == [(Level.NORMAL, "gas")])
        bench.device.tell(**value(5, 0xFFFF, address=6))
        await auntil(lambda: told(bench, "co")[1:] == [(Level.FAULT, "sensor_broken")])

    on_bus(tmp_path, story, sensors=(GAS,), units=("5=sensor",), before=(value(5, 12, address=6),))


def test_a_loop_has_four_states(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await auntil(lambda: told(bench, "hatch") == [(Level.NORMAL, "loop_closed")])
        for raw, wanted in (
            (2730, (Level.ALARM, "loop_open")),
            (4095, (Level.FAULT, "loop_cut")),
            (10, (Level.FAULT, "loop_shorted")),
            (1200, (Level.FAULT, "sensor_broken")),  # between two bands
            (2048, (Level.NORMAL, "loop_closed")),
        ):
            bench.device.tell(**value(4, raw))
            await auntil(lambda wanted=wanted: told(bench, "hatch")[-1] == wanted)

    on_bus(tmp_path, story, sensors=(LOOP,), units=("4=sensor",), before=(value(4, 2048),))


def test_a_sensor_that_falls_silent_is_lost_and_what_it_says_then_is_found(tmp_path: Path) -> None:
    """Beside a board on the same line, which goes on."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await auntil(lambda: told(bench, "vapour") == [(Level.NORMAL, "vapour")])
        bench.device.tell("mute", unit=3, on=True)
        await auntil(lambda: bench.states("vapour") == ["lost"], timeout=20)
        bench.device.tell(**value(3, 400))
        bench.device.tell("mute", unit=3, on=False)
        await auntil(lambda: told(bench, "vapour")[1:] == [(Level.ALARM, "vapour")])
        assert bench.measured[-1].first
        assert bench.measured[-1].reading == Reading(Level.ALARM, "vapour", 40.0, "%LEL")
        assert bench.states("vapour") == ["lost", "back"]
        assert bench.states("north") == []
        await bench.gate.release(1.0)
        await bench.relay(on=False)

    on_bus(
        tmp_path, story, doors=(door(),), sensors=(VAPOUR,), units=("1=waveshare", "3=sensor"), before=(value(3, 0),)
    )  # fmt: skip
