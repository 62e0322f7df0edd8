"""Probing: it finds what is there, and nothing it sends can move or change anything."""

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.console.control import ControlServer
from edge_agent.drivers.probe import BAUDS, SDT_HEADER, osdp_id, questions
from edge_agent.drivers.profiles import load_profile, profile_ids
from edge_agent.model.commands import Done
from edge_agent.protocols.checksum import crc16_modbus
from tests.cli.bench import Bench, answering
from tests.drivers.rig import simulated

KEY = "000102030405060708090A0B0C0D0E0F"
QUICK = ("--listen", "200ms", "--baud", 9600)
CARD = bytes.fromhex("02 30 30 30 30 30 41 42 43 44 45 46 37 03")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_everything_that_may_be_sent_only_asks() -> None:
    """OSDP ID, Modbus functions 01 and 02, the ID-card module's status, the query of a gate; and none of them is by
    accident a frame of Modbus that writes.
    """
    profiles = [load_profile(name) for name in profile_ids()]
    asked = [
        question for baud in BAUDS for chosen in (True, False)
        for question in questions(profiles, baud, range(255), chosen=chosen)
    ]  # fmt: skip
    gates = {profile.id for profile in profiles if profile.kind == "gate"}
    for question in asked:
        modbus = crc16_modbus(question.data[:-2]) == question.data[-2:]
        if question.name == "OSDP ID":
            assert (question.data[0], question.data[1], question.data[6]) == (0xFF, 0x53, 0x61)
            assert 0 <= question.data[2] <= 126
            assert not modbus
        elif question.name.startswith("Modbus"):
            assert modbus
            assert question.data[1] in (1, 2)
            assert question.data[0] not in (0, *range(248, 255))
        elif question.name == "ID-card module":
            assert question.data == SDT_HEADER + bytes.fromhex("00 03 11 FF ED")
        else:
            assert question.name in gates
            assert not modbus
    assert osdp_id(4).hex() == "ff53040900046100" + osdp_id(4)[-2:].hex()
    assert osdp_id(5) == bytes.fromhex("FF 53 05 09 00 04 61 00 C1 25")


def test_an_osdp_reader_is_found_and_what_is_pasted_loads(bench: Bench) -> None:
    with simulated("reader", bench.folder / "usb-x", "--key", KEY, "--address", "2") as reader:
        status, said = bench.run("device", "probe", "usb-x", *QUICK)
        missing = "there is no port usb-x" in said
        assert missing  # a bare name is one below /dev
        status, said = bench.run("device", "probe", "./usb-x", *QUICK, "--json")
        assert status == 0, said
        best = json.loads(said[said.index("[\n") :])[0]
        assert (best["level"], best["profile"], best["address"]) == ("sure", "readers/osdp-generic", 2)
        assert not reader.said("led")
    bench.run("keys", "osdp", bench.folder / "keys/osdp-new-reader-1.key")
    config = bench.folder / "agent.toml"
    config.write_text(config.read_text() + "\n" + best["toml"].replace("north-gate", "north"))
    assert load_config(config).terminals[-1].address == 2


def test_a_gate_is_found_and_does_not_move(bench: Bench) -> None:
    with simulated("gate", bench.sim / "gate") as gate:
        status, said = bench.run("device", "probe", "gate", *QUICK, lang="zh")
        assert status == 0, said
        assert "gates/sim · 确定" in said
        assert 'link = "gate"' in said
        assert "[[link]]" not in said  # there is one for this port
        assert not gate.said("relay")


def test_a_reader_that_only_speaks_is_heard_and_never_asked(bench: Bench) -> None:
    last = 0.0

    def speak(data: bytes) -> bytes:
        nonlocal last
        if time.monotonic() - last < 0.3:
            return b""
        last = time.monotonic()
        return CARD

    with answering(bench.sim / "side", speak) as heard:
        status, said = bench.run("device", "probe", "side", "--listen", "1s", "--baud", 9600)
        assert status == 0, said
        assert "readers/text-stx · sure" in said
        assert heard == []


def test_a_modbus_board_is_asked_for_coils_and_inputs_only(bench: Bench) -> None:
    """A board written out here, that would note any other function."""
    functions: list[int] = []

    def board(data: bytes) -> bytes:
        if len(data) != 8 or crc16_modbus(data[:-2]) != data[-2:] or data[0] != 1:
            return b""
        functions.append(data[1])
        reply = bytes((1, data[1], 1, 0x05)) if data[1] == 1 else bytes((1, data[1] | 0x80, 1))
        return reply + crc16_modbus(reply)

    with answering(bench.folder / "board", board):
        status, said = bench.run("device", "probe", "./board", *QUICK, "--address", 1)
        assert status == 0, said
        assert "Modbus at address 1" in said
        assert functions == [1, 2]


def test_an_id_card_module_says_that_it_is_well(bench: Bench) -> None:
    """The good status reply of terminals' facts: 00 04 00 00 90 94."""

    def module(data: bytes) -> bytes:
        return SDT_HEADER + bytes.fromhex("00 04 00 00 90 94") if data.startswith(SDT_HEADER) else b""

    with answering(bench.folder / "m", module):
        status, said = bench.run("device", "probe", "./m", "--listen", "100ms", "--baud", 115200, "--address", 1)
        assert status == 0, said
        assert "ID-card reading module" in said


@pytest.mark.parametrize("frame", [osdp_id(3), bytes.fromhex("01 01 00 00 00 08 3D CC")], ids=["osdp", "modbus"])
def test_on_a_line_where_somebody_asks_nothing_is_sent(frame: bytes, bench: Bench) -> None:
    last = 0.0

    def poll(data: bytes) -> bytes:
        nonlocal last
        if time.monotonic() - last < 0.1:
            return b""
        last = time.monotonic()
        return frame

    with answering(bench.folder / "bus", poll) as heard:
        status, said = bench.run("device", "probe", "./bus", "--listen", "600ms", "--baud", 9600)
        assert status == 1
        assert "nothing was sent" in said
        assert heard == []


def test_an_echo_is_not_taken_for_an_answer(bench: Bench) -> None:
    with answering(bench.folder / "wire", lambda data: data):
        status, said = bench.run("device", "probe", "./wire", *QUICK, "--address", 1)
        assert status == 1
        assert "sends back" in said
        assert "nothing known answers" in said


def test_silence_sends_nothing_with_silent_and_says_what_to_try(bench: Bench) -> None:
    with answering(bench.folder / "wire", lambda data: b"") as heard:
        status, said = bench.run("device", "probe", "./wire", "--silent", *QUICK)
        assert status == 1
        assert "swap A and B" in said.replace("\n", " ")
        assert heard == []


def test_the_port_of_a_running_agent_is_refused_by_name(bench: Bench) -> None:
    stop = threading.Event()

    async def carry_out(operation: object) -> Done:
        return Done(True)

    async def serve() -> None:
        job = asyncio.create_task(ControlServer(bench.folder / "state/run/control.sock", carry_out).run(lambda: None))
        await asyncio.to_thread(stop.wait)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    agent = threading.Thread(target=lambda: asyncio.run(serve()))
    agent.start()
    try:
        with answering(bench.sim / "side", lambda data: b"") as heard:
            while not (bench.folder / "state/run/control.sock").exists():
                time.sleep(0.01)
            for command in (("probe",), ("sniff", "--for", "1s"), ("record", "f.txt")):
                status, said = bench.run("device", command[0], "side", *command[1:])
                assert status == 1
                assert "side-in (north)" in said
            status, said = bench.run("device", "test", "side-in")
            assert status == 1
            assert "door open north" in said
            assert heard == []
    finally:
        stop.set()
        agent.join()
