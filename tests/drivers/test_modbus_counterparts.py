"""Both sides against code that is not ours: the driver against pymodbus' server, our devices against mbpoll.

mbpoll stands on libmodbus. Each in its own process, over a pty.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.drivers.modbus import ModbusBus
from edge_agent.drivers.modbus_unit import Silence
from edge_agent.drivers.modbus_wire import Answer, Refusal, Request, read, write
from edge_agent.drivers.profiles import load_profile
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import LineSettings, Modbus
from edge_agent.model.registers import RegisterRead, RegisterWrite, Word
from tests.drivers.modbus_rig import Bench, door, on_bus
from tests.drivers.rig import Device, UpClock, simulated, with_job
from tests.waiting import auntil, until

FRAMING = Modbus()


@contextmanager
def pymodbus_board(pty: Path) -> Iterator[None]:
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "pymodbus_board.py"), str(pty)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        yield
    finally:
        child.stdin.close()
        child.wait(10)
        child.stdout.close()


def on_pymodbus(folder: Path, story: Callable[[ModbusBus], Awaitable[None]]) -> None:
    with pymodbus_board(folder / "bus"):
        bus = ModbusBus("sim://bus", LineSettings(), UpClock(), lambda _: None, folder)
        with_job(bus.run, lambda: story(bus))


async def ask(bus: ModbusBus, request: Request) -> Answer | Refusal | Silence:
    """One request, in the bus's own turn."""
    got: list[Answer | Refusal | Silence] = []

    async def job(asking: Callable[..., Awaitable[Answer | Refusal | Silence]]) -> None:
        got.append(await asking(request, FRAMING))

    bus.urgent(job)
    await auntil(lambda: got)
    return got[0]


def reading(function: int, address: int, count: int) -> Request:
    return read(1, RegisterRead(name="value", function=function, address=address, count=count))  # type: ignore[arg-type]


def writing(function: int, address: int, *words: int) -> Request:
    form = RegisterWrite(name="on", function=function, address=address, words=tuple(Word(value=w) for w in words))  # type: ignore[arg-type]
    return write(1, form, 0)


def test_every_function_against_pymodbus_server(tmp_path: Path) -> None:
    async def story(bus: ModbusBus) -> None:
        await auntil(lambda: bus._is_open)
        assert await ask(bus, reading(2, 0, 8)) == Answer((1, 0, 0, 0, 0, 0, 0, 1))
        assert await ask(bus, writing(5, 3, 0xFF00)) == Answer(())
        assert await ask(bus, writing(15, 6, 1, 0, 1)) == Answer(())
        assert await ask(bus, reading(1, 0, 9)) == Answer((0, 0, 0, 1, 0, 0, 1, 0, 1))
        assert await ask(bus, writing(5, 3, 0x0000)) == Answer(())
        assert await ask(bus, reading(1, 0, 9)) == Answer((0, 0, 0, 0, 0, 0, 1, 0, 1))
        assert await ask(bus, writing(6, 20, 0xBEEF)) == Answer(())
        assert await ask(bus, writing(16, 21, 1, 2, 0xFFFF)) == Answer(())
        assert await ask(bus, reading(3, 20, 4)) == Answer((0xBEEF, 1, 2, 0xFFFF))
        assert await ask(bus, reading(4, 8, 2)) == Answer((108, 109))
        assert await ask(bus, reading(3, 200, 1)) == Refusal(2)
        assert isinstance(await ask(bus, reading(3, 20, 1)._replace(frame=read_of_unit(9))), Silence)

    on_pymodbus(tmp_path, story)


def read_of_unit(unit: int) -> bytes:
    return read(unit, RegisterRead(name="value", function=3, address=20)).frame


def test_a_gate_over_pymodbus_server(tmp_path: Path) -> None:
    """Its server with the behaviour of an R4xx board behind it: pulse, its end, and lock, each read back."""
    seen: list[GateReport] = []
    reports: list[DeviceReport] = []
    with pymodbus_board(tmp_path / "bus"):
        bus = ModbusBus("sim://bus", LineSettings(), UpClock(), reports.append, tmp_path)
        gate = bus.gate(door(profile="gates/r4d-8", relay=4), load_profile("gates/r4d-8"), seen.append)

        async def story() -> None:
            await auntil(lambda: [s.report for s in seen] == [Report.RELAY_OFF])
            await gate.release(0.7)
            await auntil(lambda: [s.report for s in seen[1:]] == [Report.RELAY_ON, Report.RELAY_OFF])
            assert seen[2].up_ms - seen[1].up_ms > 600
            await gate.release(100.0)
            await auntil(lambda: [s.report for s in seen[3:]] == [Report.RELAY_ON])
            await gate.secure()
            await auntil(lambda: [s.report for s in seen[4:]] == [Report.RELAY_OFF])
            assert reports == []

        with_job(bus.run, story)


# ---- mbpoll against our devices ---


@pytest.fixture(scope="module")
def mbpoll() -> str:
    """Debian's mbpoll; installed when that is possible here."""
    if shutil.which("mbpoll") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "mbpoll"], capture_output=True, check=False, timeout=100)
    found = shutil.which("mbpoll")
    if found is None:
        pytest.skip("mbpoll is not installed (apt-get install mbpoll): no second master to compare with")
    return found


class Master:
    def __init__(self, program: str, pty: Path) -> None:
        self._program, self._pty = program, pty

    def __call__(self, kind: int, unit: int, first: int, *words: str) -> list[int]:
        """`kind` as mbpoll has it: 0 coils, 1 inputs, 3 input registers, 4 holding registers. Reads without `words`."""
        line = [self._program, "-m", "rtu", "-b", "9600", "-P", "none", "-o", "2", "-1", "-0", "-q"]
        line += ["-a", str(unit), "-t", str(kind), "-r", str(first)]
        count = [] if words[1:] or not words[0].startswith("c") else ["-c", words[0][1:]]
        done = subprocess.run(
            [*line, *count, str(self._pty), *([] if count else words)],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", done.stdout, re.MULTILINE)]


def last_relay(device: Device, unit: int) -> tuple[int, bool, float | None]:
    lines = [line for line in device.lines if "relay" in line and line["unit"] == unit]
    return (lines[-1]["relay"], lines[-1]["on"], lines[-1]["seconds"]) if lines else (-1, False, None)


def test_mbpoll_reads_and_writes_our_devices(mbpoll: str, tmp_path: Path) -> None:
    units = ["--unit", "1=waveshare", "--unit", "2=lctech", "--unit", "3=r4", "--unit", "4=sensor"]
    with simulated("modbus_board", tmp_path / "bus", *units) as device:
        device.tell("input", unit=1, number=6, on=True)
        device.tell("register", unit=4, address=0, value=250)
        master = Master(mbpoll, tmp_path / "bus")
        assert master(1, 1, 0, "c8") == [1, 0, 0, 0, 0, 0, 1, 0]
        assert master(3, 4, 0, "c1") == [250]
        master(0, 1, 2, "1")  # function 5
        assert master(0, 1, 0, "c8") == [0, 0, 1, 0, 0, 0, 0, 0]
        master(0, 1, 0, "1", "0", "0", "1")  # function 15
        assert master(0, 1, 0, "c8") == [1, 0, 0, 1, 0, 0, 0, 0]
        master(4, 2, 8, "2", "600")  # function 16: relay 1 for 60 s
        until(lambda: last_relay(device, 2) == (1, True, 60.0))
        assert master(0, 2, 0, "c8") == [0, 1, 0, 0, 0, 0, 0, 0]
        master(4, 3, 2, str(0x0605))  # function 6: relay 1 for 5 s
        until(lambda: last_relay(device, 3) == (1, True, 5.0))
        assert master(4, 3, 1, "c8") == [0, 1, 0, 0, 0, 0, 0, 0]


def test_mbpoll_and_the_driver_read_the_same(mbpoll: str, tmp_path: Path) -> None:
    """The same line, one master after the other: what the driver switched, mbpoll reads."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await auntil(lambda: Report.CONTACT_CLOSED in bench.kinds(first=True))
        await bench.gate.release(60.0)
        await bench.relay(on=True)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())
        bench.bus._line.drop()  # a port has one owner; ours comes back by itself
        master = Master(mbpoll, tmp_path / "bus")
        for _ in range(20):
            try:
                relays = await asyncio.to_thread(master, 0, 1, 0, "c8")
            except AssertionError:  # both asked at once
                continue
            break
        assert relays == [1, 0, 0, 0, 0, 0, 0, 0]

    on_bus(tmp_path, story, before=({"do": "person", "unit": 1, "passes": False},))
