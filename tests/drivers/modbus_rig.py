"""A Modbus line of simulated devices in their own process, and the driver's bus on its other end."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from edge_agent.drivers.modbus import ModbusBus
from edge_agent.drivers.modbus_board import ModbusGate
from edge_agent.drivers.profiles import load_profile
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import LineSettings
from edge_agent.model.sensors import SensorReport
from edge_agent.model.site import Door, GateBinding, Sensor
from tests.drivers.rig import Device, UpClock, simulated, with_job
from tests.waiting import auntil

QUICK = ("--travel-ms", "60", "--open-ms", "200", "--bounce-ms", "12")
ANSWERS = {Report.RELAY_ON, Report.RELAY_OFF}


def door(name: str = "north", profile: str = "gates/waveshare-8d", **binding: Any) -> Door:
    wired = {"relay": 0, "contact": 0, "exit": 1} if profile.endswith("8d") else {"relay": 0}
    return Door(name=name, gate=GateBinding(link="bus", profile=profile, **{"address": 1, **wired, **binding}))


class Bench:
    def __init__(self, folder: Path, device: Device, doors: tuple[Door, ...], sensors: tuple[Sensor, ...]) -> None:
        self.device = device
        self.seen: list[GateReport] = []
        self.reports: list[DeviceReport] = []
        self.measured: list[SensorReport] = []
        self.bus = ModbusBus("sim://bus", LineSettings(), UpClock(), self.reports.append, folder)
        self.gates: dict[str, ModbusGate] = {
            door.name: self.bus.gate(door, load_profile(door.gate.profile), self.seen.append) for door in doors
        }
        for sensor in sensors:
            self.bus.sensor(sensor, load_profile(sensor.profile), self.measured.append)

    @property
    def gate(self) -> ModbusGate:
        return next(iter(self.gates.values()))

    def kinds(self, door: str = "north", first: bool = False) -> list[Report]:
        return [seen.report for seen in self.seen if seen.first is first and seen.door == door]

    def states(self, device: str) -> list[str]:
        return [report.state for report in self.reports if report.device == device]

    def details(self, state: str = "degraded") -> list[str]:
        return [report.detail for report in self.reports if report.state == state]

    def relays(self, unit: int = 1) -> list[tuple[int, bool, float | None]]:
        """What the board's relays did: which, on, and for how long."""
        lines = [line for line in self.device.lines if "relay" in line and line["unit"] == unit]
        return [(line["relay"], line["on"], line["seconds"]) for line in lines]

    async def connected(self, *doors: str) -> None:
        for name in doors or tuple(self.gates):
            await auntil(lambda name=name: ANSWERS & set(self.kinds(name, first=True)), what=lambda: self.reports)

    async def relay(self, on: bool, unit: int = 1) -> None:
        await auntil(lambda: [step[1] for step in self.relays(unit)][-1:] == [on], what=lambda: self.relays(unit))

    async def says(self, words: str, state: str = "degraded") -> None:
        await auntil(lambda: any(words in detail for detail in self.details(state)), what=lambda: self.reports)


def on_bus(
    folder: Path,
    story: Callable[[Bench], Awaitable[None]],
    doors: tuple[Door, ...] = (),
    sensors: tuple[Sensor, ...] = (),
    units: tuple[str, ...] = ("1=waveshare",),
    options: tuple[str, ...] = QUICK,
    before: tuple[dict[str, Any], ...] = (),
) -> None:
    """`before`: orders to the devices that hold before the driver starts."""
    chosen = [word for unit in units for word in ("--unit", unit)]
    with simulated("modbus_board", folder / "bus", *chosen, *options) as device:
        for order in before:
            device.tell(**order)
        bench = Bench(folder, device, doors or (() if sensors else (door(),)), sensors)
        with_job(bench.bus.run, lambda: story(bench))


def now_s() -> float:
    return time.monotonic()
