"""What goes wrong on real Modbus lines: cuts, power, dead neighbours, adapters that hear themselves, noise."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.modbus import ModbusBus
from edge_agent.drivers.modbus_unit import Presence, Silence
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import LineSettings
from edge_agent.model.site import Sensor
from tests.drivers.modbus_rig import QUICK, Bench, door, now_s, on_bus
from tests.drivers.rig import UpClock
from tests.waiting import auntil

BLIND = door(profile="gates/waveshare-8")
SENSOR = Sensor(name="vapour", profile="sensors/vapour-lel", link="bus", address=9)
QUIET = {"do": "register", "unit": 9, "address": 0, "value": 0}


def test_a_relay_that_is_on_when_the_gateway_starts_is_locked_before_anything_is_told(tmp_path: Path) -> None:
    """A gateway that died in a release, or a board switched by hand: the safe state is written first."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        assert bench.relays() == [(0, True, None), (0, False, None)]
        assert Report.RELAY_ON not in bench.kinds(first=True)

    on_bus(tmp_path, story, before=({"do": "relay", "unit": 1, "number": 0, "on": True},))


def test_a_board_that_keeps_its_relay_over_a_power_cut_is_locked_when_it_is_back(tmp_path: Path) -> None:
    """The board's timer died with its power, its latching relay did not move."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(3.0)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())
        bench.device.tell("power", unit=1, on=False)
        await auntil(lambda: bench.states("north") == ["lost"], timeout=20)
        await auntil(lambda: now_s() > bench.gate._until_s)
        bench.device.tell("power", unit=1, on=True, keeps=True)
        await bench.relay(on=False)
        await auntil(lambda: bench.kinds(first=True)[-1] is not Report.RELAY_ON or Report.RELAY_OFF in bench.kinds())
        await bench.says("beyond any order")
        assert bench.states("north").count("lost") == bench.states("north").count("back") == 1

    on_bus(tmp_path, story, doors=(BLIND,))


def test_a_cut_in_the_middle_of_a_pulse_leaves_no_door_open(tmp_path: Path) -> None:
    """The board relocks by its own timer while nobody can reach it; no command of before the cut arrives after it."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(2.0)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())
        bench.device.tell("unplug")
        await bench.relay(on=False)
        await auntil(lambda: bench.states("north") == ["lost"], timeout=20)
        with pytest.raises(DeviceUnavailable):
            await bench.gate.release(5.0)
        bench.device.tell("plug")
        await auntil(lambda: bench.states("north") == ["lost", "back"], timeout=20)
        await auntil(lambda: bench.kinds(first=True)[-1:] == [Report.RELAY_OFF])
        assert bench.relays() == [(0, True, 2.0), (0, False, None)]
        await bench.gate.release(1.0)
        await auntil(lambda: len(bench.relays()) == 4)

    on_bus(tmp_path, story, doors=(BLIND,))


def test_an_adapter_pulled_and_plugged_in_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("vanish")
        await auntil(lambda: bench.states("north") == ["lost"])
        began = now_s()
        bench.device.tell("appear")
        await auntil(lambda: bench.states("north") == ["lost", "back"], timeout=20)
        assert now_s() - began < 10.0
        await bench.gate.release(1.0)
        await auntil(lambda: bench.relays() == [(0, True, 1.0), (0, False, None)])

    on_bus(tmp_path, story, doors=(BLIND,))


def test_a_dead_device_beside_a_live_one_costs_it_nothing_to_speak_of(tmp_path: Path) -> None:
    """A board and a sensor that are not there at all: the live door's releases and its exit button stay quick."""
    dead = door("dead", address=7)

    async def story(bench: Bench) -> None:
        await bench.connected("north")
        await auntil(lambda: bench.states("dead") == ["lost"] and bench.states("vapour") == ["lost"], timeout=20)
        took, seen = [], []
        for _ in range(15):
            before, began = len(bench.relays()), now_s()
            await bench.gates["north"].release(0.5)
            await auntil(lambda before=before: len(bench.relays()) > before)
            took.append(now_s() - began)
            bench.seen.clear()
            began = now_s()
            bench.device.tell("input", unit=1, number=1, on=True)
            await auntil(lambda: Report.EXIT_PRESSED in bench.kinds())
            seen.append(now_s() - began)
            bench.device.tell("input", unit=1, number=1, on=False)
            await auntil(lambda: not bench.gates["north"]._inputs._exit)
        print(f"release {_spread(took)}, exit button {_spread(seen)}")
        assert sorted(took)[7] < 0.15  # an order does not wait for who is gone
        assert sorted(seen)[7] < 0.3
        assert bench.states("north") == []

    on_bus(tmp_path, story, doors=(door(), dead), sensors=(SENSOR,))


def _spread(values: list[float]) -> str:
    return f"median {sorted(values)[len(values) // 2] * 1000:.0f} ms, most {max(values) * 1000:.0f} ms"


@pytest.mark.parametrize("profile", ["gates/waveshare-8d", "gates/r4d-8"])
def test_an_adapter_that_hears_itself(profile: str, tmp_path: Path) -> None:
    unit = "1=r4" if "r4" in profile else "1=waveshare"

    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(1.0)
        await auntil(lambda: bench.relays() == [(0, True, 1.0), (0, False, None)], what=bench.relays)
        await auntil(lambda: [r for r in bench.kinds() if "relay" in r] == [Report.RELAY_ON, Report.RELAY_OFF])
        assert bench.reports == []

    on_bus(tmp_path, story, doors=(door(profile=profile),), units=(unit,), before=({"do": "echo", "on": True},))


def test_a_board_that_is_not_there_behind_an_adapter_that_hears_itself(tmp_path: Path) -> None:
    """The echo of a single write looks like its answer: it must not pass for a board."""

    async def story(bench: Bench) -> None:
        await auntil(lambda: bench.states("north") == ["lost"], timeout=20)
        with pytest.raises(DeviceUnavailable):
            await bench.gate.release(1.0)
        assert bench.seen == []
        assert bench.relays() == []

    on_bus(tmp_path, story, before=({"do": "echo", "on": True}, {"do": "mute", "unit": 1, "on": True}))


def test_garbage_before_an_answer_is_passed_over(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(0.8)
        await auntil(lambda: bench.relays() == [(0, True, 0.8), (0, False, None)])
        assert bench.reports == []

    on_bus(tmp_path, story, before=({"do": "chatter", "hex": "00 FF 01 01 FE"},))


def test_answers_with_a_wrong_checksum_are_told_once_and_over_by_themselves(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("corrupt", unit=1, on=True)
        await bench.says("unreadable bytes")
        await auntil(lambda: bench.states("north")[-1] == "lost", timeout=20)
        bench.device.tell("corrupt", unit=1, on=False)
        await auntil(lambda: bench.states("north")[-1] == "back")
        assert bench.states("north") == ["degraded", "lost", "back"]

    on_bus(tmp_path, story, doors=(BLIND,))


def test_another_units_answer_is_not_ours(tmp_path: Path) -> None:
    """Two devices with one address, or a second master: said once, with the address that answered."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("stray", unit=1, value=4)
        await bench.says("address 1 was asked and address 4 answered")
        await auntil(lambda: bench.states("north")[-1] == "lost", timeout=20)
        assert bench.states("north") == ["degraded", "lost"]
        bench.device.tell("stray", unit=1, value=None)
        await auntil(lambda: bench.states("north")[-1] == "back")

    on_bus(tmp_path, story, doors=(BLIND,))


def test_a_board_that_refuses_is_told_once_and_is_not_lost(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        before = len(bench.relays())
        bench.device.tell("refuse", unit=1, value=2)
        await bench.says("refuses “relays” (exception 2)")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4.0):  # longer than the silence that would lose it
                await auntil(lambda: "lost" in bench.states("north"), timeout=60)
        assert bench.states("north") == ["degraded"], bench.details("degraded")
        assert len(bench.relays()) == before

    on_bus(tmp_path, story, doors=(BLIND,))


def test_another_baud_is_seen_as_garbage_and_said_with_the_remedy(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.says("set the same baud and parity on both sides (9600 here)")
        await auntil(lambda: bench.states("north")[-1] == "lost", timeout=20)
        assert "baud (9600 here)" in bench.details("lost")[0]
        assert bench.relays() == []

    on_bus(tmp_path, story, options=(*QUICK, "--baud", "19200"))


def test_a_line_behind_a_serial_server(tmp_path: Path) -> None:
    """Raw TCP: the same frames, through a relay of bytes between a socket and the devices' pty."""

    async def story(bench: Bench) -> None:
        async with served(tmp_path / "bus") as port:
            seen: list[GateReport] = []
            bus = ModbusBus(f"tcp://127.0.0.1:{port}", LineSettings(), UpClock(), bench.reports.append, tmp_path)
            gate = bus.gate(BLIND, load_profile(BLIND.gate.profile), seen.append)
            job = asyncio.ensure_future(bus.run(lambda: None))
            try:
                await auntil(lambda: [report.report for report in seen] == [Report.RELAY_OFF])
                await gate.release(1.0)
                await auntil(lambda: [report.report for report in seen[1:]] == [Report.RELAY_ON, Report.RELAY_OFF])
            finally:
                job.cancel()
                await asyncio.gather(job, return_exceptions=True)

    async def alone(bench: Bench) -> None:
        await bench.connected()  # the bench's own bus has the port, and lets it go for the server's
        bench.bus._line._url = "sim://nothing"
        bench.bus._line.drop()
        await story(bench)

    on_bus(tmp_path, alone, doors=(BLIND,))


@contextlib.asynccontextmanager
async def served(pty: Path) -> AsyncIterator[int]:
    end = os.open(pty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    loop = asyncio.get_running_loop()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop.add_reader(end, lambda: writer.write(os.read(end, 4096)))
        while data := await reader.read(4096):
            os.write(end, data)
        loop.remove_reader(end)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        loop.remove_reader(end)
        os.close(end)


def test_a_silent_device_is_lost_after_three_seconds_with_what_to_check(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        began = now_s()
        bench.device.tell("mute", unit=1, on=True)
        await auntil(lambda: bench.states("north") == ["lost"], timeout=20)
        assert 2.5 < now_s() - began < 8.0
        assert "address 1 does not answer: check power" in bench.details("lost")[0]
        bench.device.tell("mute", unit=1, on=False)
        await auntil(lambda: bench.states("north") == ["lost", "back"])
        await auntil(lambda: bench.kinds(first=True).count(Report.RELAY_OFF) == 2)

    on_bus(tmp_path, story, doors=(BLIND,))


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    """Readings that lag one behind would tell of a relay what it was before the order."""

    async def story(bench: Bench) -> None:
        await auntil(lambda: bench.states("north") == ["lost"], timeout=20)
        assert bench.seen == []
        bench.device.tell("slow", unit=1, ms=0)
        await bench.connected()

    on_bus(tmp_path, story, doors=(BLIND,), before=({"do": "slow", "unit": 1, "ms": 280},))


def test_an_answer_that_comes_too_late_accuses_nobody(tmp_path: Path) -> None:
    """Neither the device that was asked meanwhile is told to share its address, nor the late one."""

    async def story(bench: Bench) -> None:
        await bench.connected("north")
        await auntil(lambda: bench.measured)
        board = bench.gate._board.presence
        for late_ms in (230, 260, 290, 320):
            bench.device.tell("slow", unit=1, ms=late_ms)
            await auntil(lambda: board._missed > 1)
            bench.device.tell("slow", unit=1, ms=0)
            await auntil(lambda: board._missed == 0)
        for late_ms in (340, 380, 420):  # so late that it passes for the answer to the next question
            for ms, vapour in ((late_ms, 300), (0, 0)):
                bench.device.tell("slow", unit=1, ms=ms)
                count = len(bench.measured)
                bench.device.tell(**{**QUIET, "value": vapour})  # both are asked on meanwhile
                await auntil(lambda count=count: len(bench.measured) > count)
        assert bench.details() == []

    on_bus(tmp_path, story, doors=(door(),), sensors=(SENSOR,), units=("1=waveshare", "9=sensor"), before=(QUIET,))


def test_a_boards_own_answer_accuses_nobody_once_and_another_master_when_it_goes_on() -> None:
    """On a gateway that was busy itself the board owes nothing any more when its answer is read."""

    async def story() -> None:
        reports: list[DeviceReport] = []
        profile = load_profile("gates/waveshare-8")
        unit = Presence(1, profile, "gate", lambda: ["north"], SystemClock(), reports.append, 9600)
        for _ in range(2):
            unit.judge(Silence(stranger=1), "relays")
        assert reports == []
        unit.judge(Silence(stranger=1), "relays")
        assert [report.state for report in reports] == ["degraded"]
        assert "only one master" in reports[0].detail

    asyncio.run(story())


def test_a_slow_board_is_waited_for(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(1.0)
        await auntil(lambda: bench.relays() == [(0, True, 1.0), (0, False, None)])
        assert bench.reports == []

    on_bus(tmp_path, story, doors=(BLIND,), before=({"do": "slow", "unit": 1, "ms": 60},))
