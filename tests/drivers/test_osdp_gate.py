"""Doors behind OSDP outputs and inputs: libosdp's panel against devices written by hand, over a pty, secure channel."""

import asyncio
import time
from pathlib import Path

import pytest

from edge_agent.drivers import osdp_gate
from edge_agent.drivers.osdp_gate import OsdpGate
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import Report
from edge_agent.model.site import Door, GateBinding
from tests.drivers.osdp_rig import BOARD, READER, OsdpBench, door, on_osdp_bench
from tests.drivers.rig import UpClock
from tests.waiting import auntil, in_time

NORTH, SOUTH = door("north", 2, relay=0, contact=0, exit=2), door("south", 2, relay=1, contact=1)
IO = ("--outputs", "2", "--inputs", "4")


def commanded(bench: OsdpBench) -> list[tuple[int, int, int]]:
    """(output, code, tenths) as the device got them; code 0 is its own timer."""
    return [(said["number"], said["code"], said["tenths"]) for said in bench.device.said("output")]


def test_a_release_counts_once_the_output_was_read_back_and_the_board_times_it(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.known("north", "south")
        assert all(move.first for move in bench.moves)
        await bench.gates["north"].release(1.2)
        assert bench.moved("north")[-1] == Report.RELAY_ON
        await auntil(lambda: commanded(bench) and commanded(bench) == [(0, 5, 12)], what="the board's own word")
        await auntil(lambda: bench.moved("north")[-1] == Report.RELAY_OFF)
        await auntil(lambda: commanded(bench) and commanded(bench)[1:] == [(0, 0, 0)], what="the board's own word")
        assert Report.RELAY_ON not in bench.moved("south")
        assert bench.reports == []

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH, SOUTH))


def test_securing_ends_a_release_now(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.known("south")
        await bench.gates["south"].release(20)
        await bench.gates["south"].secure()
        await auntil(
            lambda: commanded(bench) and commanded(bench) == [(1, 5, 200), (1, 1, 0)], what="the board's own word"
        )
        assert bench.moved("south")[-2:] == [Report.RELAY_ON, Report.RELAY_OFF]

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH, SOUTH))


def test_a_door_locked_while_its_release_is_being_read_back_stays_locked(tmp_path: Path) -> None:
    """A door that is held open is released again each 8 s; a lockdown may fall into any of these moments."""

    async def story(bench: OsdpBench) -> None:
        await bench.known("south")
        gate = bench.gates["south"]
        releasing = asyncio.create_task(gate.release(20))
        await auntil(gate._switching.locked)
        await gate.secure()
        await releasing
        looked = gate._read_back
        await auntil(lambda: gate._read_back >= looked + 2)  # a second and more: it had looked after it long since
        assert bench.moved("south")[-2:] == [Report.RELAY_ON, Report.RELAY_OFF]
        assert commanded(bench)[-2:] == [(1, 5, 200), (1, 1, 0)]

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH, SOUTH))


def test_inputs_become_what_they_are_bound_to(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.known("north", "south")
        bench.device.tell("input", number=1, on=True)
        await auntil(lambda: bench.moved("south")[-1] == Report.CONTACT_OPEN)
        bench.device.tell("input", number=2, on=True)
        bench.device.tell("input", number=2, on=False)
        await auntil(lambda: Report.EXIT_PRESSED in bench.moved("north"))
        bench.device.tell("input", number=1, on=False)
        await auntil(lambda: bench.moved("south")[-1] == Report.CONTACT_CLOSED)
        assert Report.CONTACT_OPEN not in bench.moved("north")

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH, SOUTH))


def test_a_supervised_loop_says_when_it_is_cut_and_nothing_of_the_door_then(tmp_path: Path) -> None:
    """0 and 1 are the standard's; anything else is a loop that says nothing, and no button that lets somebody out."""
    binding = GateBinding(
        link="l", profile="gates/osdp-io", address=2, relay=0, contact=0, exit=2, fire=3, supervised=True
    )
    watched = Door(name="north", gate=binding)

    async def story(bench: OsdpBench) -> None:
        await bench.known("north", "south")
        for number in (0, 1, 2, 3):
            bench.device.tell("input", number=number, value=3)
        await auntil(lambda: {Report.FIRE_ON, Report.INPUT_CUT} <= set(bench.moved("north")))
        await auntil(lambda: bench.moved("south")[-1] == Report.CONTACT_OPEN)  # its loop is not supervised
        bench.device.tell("input", number=0, value=1)
        await auntil(lambda: bench.moved("north")[-2:] == [Report.INPUT_NORMAL, Report.CONTACT_OPEN])
        assert Report.EXIT_PRESSED not in bench.moved("north")

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(watched, SOUTH))


def test_a_status_of_another_length_costs_the_board_a_second(tmp_path: Path) -> None:
    """libosdp (osdp_cp.c, REPLY_ISTATR) takes a device off line whose report has not as many bytes as it announced, and
    would for 300 s; within the secure channel nobody else can read it. It is looked for at once.
    """

    async def story(bench: OsdpBench) -> None:
        await bench.known("north")
        bench.device.tell("odd", code=0x49)
        await auntil(lambda: bench.device.said("sc") == [True, False, True])
        bench.device.tell("input", number=0, on=True)
        await auntil(lambda: bench.moved("north")[-1] == Report.CONTACT_OPEN)

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH,))


def test_a_reader_s_own_relay_is_a_gate_and_its_housing_is_watched(tmp_path: Path) -> None:
    """One address is a reader and two doors' relay board; tamper is told for each door, power of each device."""

    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        await bench.known("north", "south")
        await bench.fresh(2)
        await bench.gates["south"].release(1)
        bench.device.tell("tamper", on=True)
        await auntil(lambda: [move.door for move in bench.moves if move.report is Report.TAMPER_ON] == DOORS)
        bench.device.tell("power", on=True)
        await auntil(lambda: len(bench.reports) == 3)
        told = [(report.device, report.kind, report.state) for report in bench.reports]
        assert told == [(name, kind, "degraded") for name, kind in bench.bus._stations[0].names]
        bench.device.tell("tamper", on=False)
        await auntil(lambda: [move.door for move in bench.moves if move.report is Report.TAMPER_OFF] == DOORS)

    DOORS = ["d2", "north", "south"]
    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(2,), doors=(NORTH, SOUTH))


def test_a_housing_that_is_open_at_start_is_told(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        bench.device.tell("tamper", on=True)
        await auntil(lambda: Report.TAMPER_ON in bench.moved("d1"))

    on_osdp_bench(tmp_path, story)


def test_a_long_release_is_armed_again_before_the_pulse_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The binding keeps an output's time in one byte of 100 ms: 256 would arrive as 0."""
    monkeypatch.setattr(osdp_gate, "_AGAIN_S", 24.5)

    async def story(bench: OsdpBench) -> None:
        await bench.known("north")
        await bench.gates["north"].release(30)
        await auntil(lambda: len(commanded(bench)) >= 3)
        await auntil(lambda: commanded(bench) and commanded(bench)[0] == (0, 5, 255), what="the board's own word")
        assert all(code == 5 and 200 < tenths <= 255 for _, code, tenths in commanded(bench)[1:])
        assert Report.RELAY_OFF not in bench.moved("north")[bench.moved("north").index(Report.RELAY_ON) :]

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH,))


def test_a_relay_that_does_not_follow_is_told_after_the_second_order(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.known("north")
        bench.device.tell("stuck", on=True)
        with pytest.raises(DeviceUnavailable, match="twice"):
            await bench.gates["north"].release(3)
        await auntil(lambda: commanded(bench) and commanded(bench) == [(0, 5, 30)] * 2, what="the board's own word")
        assert [report.state for report in bench.reports] == ["degraded"]

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH,))


def test_a_relay_that_stays_on_after_its_pulse_is_switched_off(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.known("north")
        await bench.gates["north"].release(1)
        bench.device.tell("hold", number=0)  # its rest is now on: the pulse ends, the output does not
        await auntil(lambda: bench.reports)
        await auntil(lambda: bench.moved("north")[-1] == Report.RELAY_OFF)
        await auntil(lambda: commanded(bench) and commanded(bench)[-1] == (0, 1, 0), what="the board's own word")
        assert "stayed on" in bench.reports[0].detail

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH,))


def test_an_answer_that_is_lost_does_not_lose_the_release(tmp_path: Path) -> None:
    """The library asks again a second later; the device does it once and says so again."""

    async def story(bench: OsdpBench) -> None:
        await bench.known("north")
        bench.device.tell("lose", code=0x68)
        await bench.gates["north"].release(5)
        await auntil(lambda: commanded(bench) and commanded(bench) == [(0, 5, 50)], what="the board's own word")
        assert bench.reports == []

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH,))


def test_a_release_into_a_cut_fails_and_opens_nothing_later(tmp_path: Path) -> None:
    """Left alone, libosdp repeats the command on the wire for 8 s and keeps the other one beyond the loss: a door open
    to nobody.
    """

    async def story(bench: OsdpBench) -> None:
        await bench.known("north", "south")
        bench.device.tell("unplug")
        began = time.monotonic()
        waiting = [asyncio.ensure_future(bench.gates[name].release(5)) for name in ("north", "south")]
        outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), timeout=6)
        assert [type(outcome) for outcome in outcomes] == [DeviceUnavailable] * 2
        in_time(began, 3.5)
        with pytest.raises(DeviceUnavailable):
            await bench.gates["north"].release(5)
        await auntil(lambda: bench.states("north") == ["lost"])
        bench.device.tell("plug")
        await auntil(lambda: bench.states("north") == ["lost", "back"])
        await auntil(lambda: bench.moved("north").count(Report.CONTACT_CLOSED) == 2)
        assert commanded(bench) == []
        await bench.gates["north"].release(0.5)

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(NORTH, SOUTH))


def test_a_number_the_board_does_not_have_is_told(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await auntil(lambda: bench.reports)
        assert "number 9" in bench.reports[0].detail

    on_osdp_bench(tmp_path, story, "--address", "2", *IO, readers=(), doors=(door("north", 2, contact=9),))


def test_a_wrong_binding_is_refused() -> None:
    for wrong, why in ((door("n", 127), "127"), (door("n", 2, relay=64), "64"), (door("n", 2, exit=-1), "-1")):
        with pytest.raises(EdgeAgentError, match=why):
            OsdpGate(wrong, BOARD, None, UpClock(), lambda move: None, lambda report: None)
    with pytest.raises(EdgeAgentError, match="OSDP gate"):
        OsdpGate(NORTH, READER, None, UpClock(), lambda move: None, lambda report: None)
