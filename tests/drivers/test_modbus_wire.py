"""Frames out of whatever a line brings; golden bytes are in the profiles and run there."""

import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.drivers.modbus_wire import Answer, Refusal, Stranger, answer_in, read, stranger_in, write
from edge_agent.drivers.profiles import load_profile, profile_ids
from edge_agent.model.profile import Modbus
from edge_agent.model.registers import RegisterRead
from edge_agent.protocols.checksum import crc16_modbus
from edge_agent.protocols.registers import write_form

RELAYS = read(1, RegisterRead(name="relays", function=1, address=0, count=8))
WORDS = read(1, RegisterRead(name="relays", function=3, address=1, count=8))
ON = write(1, write_form(load_profile("gates/waveshare-8"), "on"), 0)  # type: ignore[arg-type]


def framed(body: bytes) -> bytes:
    return body + crc16_modbus(body)


@given(st.binary(max_size=40), st.integers(0, 255), st.binary(max_size=40))
def test_an_answer_is_found_amid_garbage(before: bytes, mask: int, after: bytes) -> None:
    got = answer_in(before + framed(bytes((1, 1, 1, mask))) + after, RELAYS)
    assert isinstance(got, Answer)


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_noise_is_no_answer_and_raises_nothing(noise: bytes) -> None:
    for request in (RELAYS, WORDS, ON):
        if request.frame not in noise:
            assert not isinstance(answer_in(noise, request), Answer) or b"\x01" in noise
        stranger_in(noise, request)


@given(st.binary(min_size=8, max_size=8), st.integers(0, 37))
def test_each_flipped_bit_is_seen(data: bytes, bit: int) -> None:
    frame = framed(bytes((1, 3, 16)) + data + data)
    wrong = bytearray(frame)
    wrong[bit // 8] ^= 1 << bit % 8
    assert answer_in(bytes(wrong), WORDS) is None


def test_a_refusal_and_a_stranger() -> None:
    assert answer_in(framed(bytes((1, 0x81, 2))), RELAYS) == Refusal(2)
    assert answer_in(framed(bytes((2, 1, 1, 0))), RELAYS) is None
    assert stranger_in(framed(bytes((2, 1, 1, 0))), RELAYS) == Stranger(2)
    assert stranger_in(RELAYS.frame, RELAYS) is None


def test_an_echo_is_an_answer_only_where_nobody_hears_himself() -> None:
    assert answer_in(ON.frame, ON, copies=1) == Answer(())
    assert answer_in(ON.frame, ON, copies=2) is None
    assert answer_in(ON.frame + ON.frame, ON, copies=2) == Answer(())


def test_only_as_many_values_as_were_asked_for() -> None:
    asked = read(1, RegisterRead(name="relays", function=1, address=0, count=3))
    assert answer_in(framed(bytes((1, 1, 1, 0xFF))), asked) == Answer((1, 1, 1))


def test_no_profile_ever_toggles() -> None:
    """5500 toggles on Waveshare boards, 3 in the high byte on R4xx, 01FF all relays."""
    modbus = [load_profile(id) for id in profile_ids()]
    for profile in modbus:
        if isinstance(profile.framing, Modbus):
            for form in profile.write:
                frame = write(1, form, random.Random(1).randrange(8), 1.0).frame
                assert frame[4:6] not in (b"\x55\x00", b"\x03\x00")
                assert frame[2:4] != b"\x01\xff"


@pytest.mark.parametrize("module", ["edge_agent.app", "edge_agent.config", "edge_agent.drivers.profiles"])
def test_the_library_is_loaded_only_where_there_is_a_modbus_line(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name.startswith('pymodbus') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
