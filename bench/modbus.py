"""A Modbus line: release → relay beside a bare pymodbus client on the same devices, and what dead neighbours cost.

Devices are simulated in another process on a pty, which knows no baud; `--slow-ms` is what a request and its answer
take on a line of 9600 baud (some 20 ms).
"""

import argparse
import asyncio
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.card import percentile
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.modbus import ModbusBus
from edge_agent.drivers.profiles import load_profile
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import LineSettings
from edge_agent.model.site import Door, GateBinding

PROFILE = "gates/waveshare-8d"


class Devices:
    """The simulated line; `facts` in order."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self.facts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, pty: Path, live: int, slow_ms: int) -> "Devices":
        units = [word for unit in range(1, live + 1) for word in ("--unit", f"{unit}=waveshare")]
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge_agent.sim.modbus_board", "--pty", str(pty), *units,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        devices = cls(child)
        await devices.fact("ready")
        for unit in range(1, live + 1):
            devices.tell(do="slow", unit=unit, ms=slow_ms)
            devices.tell(do="person", unit=unit, passes=False)
        return devices

    def tell(self, **order: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order).encode() + b"\n")

    async def fact(self, key: str, **wanted: Any) -> dict[str, Any]:
        while True:
            fact = await asyncio.wait_for(self.facts.get(), 20)
            if key in fact and all(fact.get(name) == value for name, value in wanted.items()):
                return fact

    async def _read(self) -> None:
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            self.facts.put_nowait(json.loads(line))

    async def end(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()
        await self._reading


async def driver(folder: Path, live: int, dead: int, n: int, slow_ms: int) -> tuple[list[float], list[float]]:
    """ms from release() to the relay, and from the button at the board to the report."""
    devices = await Devices.start(folder / "bus", live, slow_ms)
    seen: asyncio.Queue[GateReport] = asyncio.Queue()
    lost: set[str] = set()

    def report(said: DeviceReport) -> None:
        lost.add(said.device)

    bus = ModbusBus("sim://bus", LineSettings(), SystemClock(), report, folder)
    profile = load_profile(PROFILE)
    gates = []
    for unit in range(1, live + dead + 1):
        binding = GateBinding(link="bus", profile=PROFILE, address=unit, contact=0, exit=1)
        gates.append(bus.gate(Door(name=f"door-{unit}", gate=binding), profile, seen.put_nowait))
    job = asyncio.ensure_future(bus.run(lambda: None))
    try:
        while any(gate.unlocked is None for gate in gates[:live]) or len(lost) < dead:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        relays, buttons = [], []
        for turn in range(n):
            gate = gates[turn % live]
            began = time.monotonic_ns()
            await gate.release(0.5)
            relays.append(((await devices.fact("relay", on=True))["t_ns"] - began) / 1e6)
            await asyncio.sleep(0.6 + 0.007 * (turn % 11))  # the pulse's end, and out of step with the polls
            began = time.monotonic_ns()
            button = {"do": "input", "unit": turn % live + 1, "number": 1}
            devices.tell(**button, on=True)
            while (await asyncio.wait_for(seen.get(), 20)).report is not Report.EXIT_PRESSED:
                pass
            buttons.append((time.monotonic_ns() - began) / 1e6)
            devices.tell(**button, on=False)
            await asyncio.sleep(0.45)
        return relays, buttons
    finally:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        await devices.end()


async def bare(folder: Path, n: int, slow_ms: int) -> list[float]:
    """The same write through pymodbus' own client, on a line where nobody else asks anything."""
    from pymodbus.client import AsyncModbusSerialClient

    devices = await Devices.start(folder / "bus", 1, slow_ms)
    client = AsyncModbusSerialClient(str(folder / "bus"), baudrate=9600, retries=0, timeout=1)
    await client.connect()
    try:
        times = []
        for _ in range(n):
            began = time.monotonic_ns()
            await client.write_coil(0, True, device_id=1)
            times.append(((await devices.fact("relay", on=True))["t_ns"] - began) / 1e6)
            await client.write_coil(0, False, device_id=1)
            await devices.fact("relay", on=False)
        return times
    finally:
        client.close()
        await devices.end()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-n", type=int, default=40)
    options.add_argument("--slow-ms", type=int, default=20)
    chosen = options.parse_args()
    n, slow = chosen.n, chosen.slow_ms
    print(f"{platform.machine()}, Python {platform.python_version()}; every answer after {slow} ms; n = {n}\n")
    print(f"{'':<46}{'median':>9}{'p99':>9}")
    with tempfile.TemporaryDirectory(prefix="edge-agent-bench-") as folder:
        row("bare pymodbus client, an idle line: write → relay", asyncio.run(bare(Path(folder), n, slow)))
    for live, dead in ((1, 0), (1, 2), (4, 0), (4, 2)):
        with tempfile.TemporaryDirectory(prefix="edge-agent-bench-") as folder:
            relays, buttons = asyncio.run(driver(Path(folder), live, dead, n, slow))
        who = f"{live} boards, {dead} dead" if dead else f"{live} boards"
        row(f"{who}: release → relay", relays)
        row(f"{who}: button → report", buttons)


def row(what: str, values: list[float]) -> None:
    print(f"{what:<48}{percentile(values, 50):7.1f}  {percentile(values, 99):7.1f} ms")


if __name__ == "__main__":
    main()
