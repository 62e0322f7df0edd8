"""Frames with a length, of fixed size, up to a silence, and lines without a start: parameters, bounds, the way back."""

import random
from typing import Any

import msgspec
import pytest

from edge_agent.errors import FrameError
from edge_agent.model.framing import Checksum, Delimited, Fixed, Idle, SyncLength
from edge_agent.protocols.framing import Framer, framer_for, wrap

Framing = Delimited | SyncLength | Fixed | Idle


def form(**values: Any) -> Framing:
    return msgspec.convert(values, Framing)  # type: ignore[call-overload, no-any-return]


def checksum(**values: Any) -> Checksum:
    return msgspec.convert(values, Checksum)


def framer(framing: Framing, **values: Any) -> Framer:
    return framer_for(framing, checksum(**values))


def payloads(pieces: list[bytes | FrameError]) -> list[bytes]:
    return [piece for piece in pieces if isinstance(piece, bytes)]


def feed(target: Framer, stream: bytes, size: int) -> list[bytes | FrameError]:
    return [piece for i in range(0, len(stream), size) for piece in target.feed(stream[i : i + size])]


MARKS = {"kind": "delimited", "start": 2, "end": 3, "max_len": 64}
HEAD = {"kind": "sync_length", "header": [0xAA, 0x55], "max_len": 64}
# framing, checksum, payload, the frame; written out by hand
GOLDEN: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (HEAD, {"kind": "sum8"}, "01 02", "AA 55 02 01 02 03"),
    ({**HEAD, "counts": "rest"}, {"kind": "sum8"}, "01 02", "AA 55 03 01 02 03"),
    ({**HEAD, "counts": "frame"}, {"kind": "sum8"}, "01 02", "AA 55 06 01 02 03"),
    ({**HEAD, "counts": "frame"}, {"kind": "sum8", "over": "length"}, "01 02", "AA 55 06 01 02 09"),
    (HEAD, {"kind": "sum8", "over": "frame"}, "01 02", "AA 55 02 01 02 04"),
    ({**HEAD, "length_size": 2}, {"kind": "xor"}, "01 02", "AA 55 00 02 01 02 03"),
    ({**HEAD, "length_size": 2, "endian": "little"}, {"kind": "xor"}, "01 02", "AA 55 02 00 01 02 03"),
    ({**HEAD, "length_at": 1}, {"kind": "xor"}, "07 01 02", "AA 55 07 02 01 02 04"),
    ({**HEAD, "end": 0x0D, "counts": "rest"}, {"kind": "xor"}, "01 02", "AA 55 04 01 02 03 0D"),
    # CRC of a Modbus frame: 01 05 00 00 FF 00 -> 8C 3A
    (HEAD, {"kind": "crc16-modbus"}, "01 05 00 00 FF 00", "AA 55 06 01 05 00 00 FF 00 8C 3A"),
    (HEAD, {"kind": "crc16-modbus", "order": "high_first"}, "01 05 00 00 FF 00", "AA 55 06 01 05 00 00 FF 00 3A 8C"),
    ({"kind": "fixed", "length": 5, "header": [0x7E], "end": 0x0D}, {"kind": "xor"}, "01 02", "7E 01 02 03 0D"),
    ({"kind": "fixed", "length": 4, "header": [0x7E]}, {"kind": "sum8", "over": "frame"}, "01 02", "7E 01 02 81"),
    ({"kind": "fixed", "length": 3, "gap_ms": 50}, {}, "01 02 03", "01 02 03"),
    ({"kind": "idle", "gap_ms": 50, "max_len": 64}, {"kind": "xor"}, "01 02", "01 02 03"),
    ({"kind": "delimited", "end": 0x0D, "max_len": 64}, {}, "41 42", "41 42 0D"),
    ({"kind": "delimited", "end": "crlf", "max_len": 64}, {}, "41 0D 42", "41 0D 42 0D 0A"),
    ({"kind": "delimited", "end": "line", "max_len": 64}, {}, "41 42", "41 42 0D 0A"),
    (MARKS, {"kind": "sum8", "over": "frame"}, "41", "02 41 43 03"),
    ({"kind": "delimited", "start": 2, "end": "crlf", "max_len": 64}, {"kind": "xor"}, "41 43", "02 41 43 02 0D 0A"),
    (MARKS, {"kind": "xor", "digits": True}, "34 31", "02 34 31 34 31 03"),
]  # fmt: skip


@pytest.mark.parametrize("golden", GOLDEN, ids=[golden[3] for golden in GOLDEN])
def test_golden_frames_both_ways_and_in_any_pieces(golden: tuple[dict[str, Any], dict[str, Any], str, str]) -> None:
    framing, summed, payload, frame = form(**golden[0]), golden[1], bytes.fromhex(golden[2]), bytes.fromhex(golden[3])
    assert wrap(framing, checksum(**summed), payload) == frame
    for size in (1, 2, len(frame)):
        target = framer(framing, **summed)
        assert feed(target, frame, size) + target.idle() == [payload]
        assert target.held == 0


LENGTH = form(kind="sync_length", header=[0xAA, 0x55], length_size=2, max_len=1000, gap_ms=50)
SHORT = form(kind="sync_length", header=[0xAA], max_len=255)
FIXED = form(kind="fixed", length=7, header=[0x7E])


def sent(framing: Framing, count: int, size: int = 4) -> tuple[list[bytes], list[bytes]]:
    bodies = [bytes((0x30 + number % 10,)) * size for number in range(count)]
    frames = [wrap(framing, checksum(kind="crc16-modbus"), body) for body in bodies]
    return bodies, [frame for frame in frames if frame is not None]


@pytest.mark.parametrize("framing", [LENGTH, SHORT])
@pytest.mark.parametrize(
    "garbage",
    [
        "AA 55 03 E0",
        "AA 55 03 E0 AA 55 03 00 AA 55",
        "AA FF AA FE AA FD",
        "AA",
        "AA 55",
        "AA 55 FF FF",
        "00 55 AA",
        "AA AA",
    ],
)
def test_noise_that_announces_a_long_frame_costs_at_most_two(framing: Framing, garbage: str) -> None:
    bodies, frames = sent(framing, 4)
    for size in (1, 7, 1000):
        target = framer(framing, kind="crc16-modbus")
        got = payloads(feed(target, bytes.fromhex(garbage) + b"".join(frames), size))
        assert got[-2:] == bodies[-2:], (size, got)


def test_a_frame_that_carries_another_is_one_frame() -> None:
    _, (inner,) = sent(LENGTH, 1)
    outer = wrap(LENGTH, checksum(kind="crc16-modbus"), b"<" + inner + b">")
    assert outer is not None
    assert feed(framer(LENGTH, kind="crc16-modbus"), outer, 1) == [b"<" + inner + b">"]


def test_silence_makes_half_a_frame_void_and_gives_what_was_behind_it() -> None:
    (body,), (frame,) = sent(LENGTH, 1)
    target = framer(LENGTH, kind="crc16-modbus")
    assert target.feed(bytes.fromhex("AA 55 03 E0") + frame) == []
    got = target.idle()
    assert payloads(got) == [body]
    assert isinstance(got[0], FrameError)
    assert got[0].code == "devices.frame_cut"
    assert target.held == 0
    assert target.idle() == []


@pytest.mark.parametrize("framing", [LENGTH, SHORT, FIXED])
def test_a_hundred_kilobytes_of_anything_are_not_kept(framing: Framing) -> None:
    """The worst noise there is: headers all the way, each with a length to wait for."""
    bound = {LENGTH: 1006, SHORT: 260, FIXED: 7}[framing]
    for worst in (
        b"\xaa\x55\x03\x20",
        b"\xaa\x55",
        b"\xaa",
        b"\x7e",
        b"\xaa\xfe",
        b"\x00",
        random.Random(1).randbytes(1000),
    ):
        target = framer(framing, kind="crc16-modbus")
        noise = (worst * 100_000)[:100_000]
        for start in range(0, len(noise), 500):
            target.feed(noise[start : start + 500])
            assert target.held <= bound
        bodies, frames = sent(framing, 4)
        assert payloads(feed(target, b"".join(frames), 3) + target.idle())[-2:] == bodies[-2:]


def test_a_line_too_long_is_told_once_and_the_next_one_read() -> None:
    for end, tail in (("line", b"\r\n"), ("crlf", b"\r\n"), (0x0D, b"\r")):
        target = framer(form(kind="delimited", end=end, max_len=100, gap_ms=50))
        got = feed(target, b"A" * 100_000 + tail + b"next" + tail, 7)
        assert [piece if isinstance(piece, bytes) else piece.code for piece in got] == [
            "devices.frame_too_long",
            b"next",
        ]
        assert target.held <= 102


def test_silence_ends_a_line_too_long_as_well() -> None:
    target = framer(form(kind="idle", gap_ms=50, max_len=100))
    assert len(target.feed(b"A" * 500)) == 1
    assert target.feed(b"A" * 500) == []
    assert target.idle() == []
    target.feed(b"next")
    assert target.idle() == [b"next"]


def test_what_says_nothing_is_left_out_also_in_pieces() -> None:
    ack = "02 00 00 01 00 33 31"
    framing = form(kind="delimited", end="line", max_len=20, gap_ms=50, ignore=[ack])
    stream = bytes.fromhex(ack) + b"A" * 20 + b"\r\n" + bytes.fromhex(ack) + b"\r\n\r\n" + b"B\n"
    for size in (1, 5, 100):
        assert feed(framer(framing), stream, size) == [b"A" * 20, b"B"]
    target = framer(framing)
    target.feed(bytes.fromhex(ack))
    assert target.idle() == []
    target.feed(b"C")
    assert target.idle() == [b"C"]
