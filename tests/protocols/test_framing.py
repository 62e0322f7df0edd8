"""Framing and checksums: whole, split, byte by byte, between garbage; the next valid frame always comes out."""

import random

import msgspec
import pytest

from edge_agent.errors import FrameError
from edge_agent.model.framing import Checksum, Delimited
from edge_agent.protocols.blocks import BlockFramer, osdp
from edge_agent.protocols.checksum import CHECKSUMS
from edge_agent.protocols.delimited import DelimitedFramer

STX, ETX = b"\x02", b"\x03"
FORM = Delimited(start=2, end=3, max_len=64)


def framer(checksum: str = "xor") -> DelimitedFramer:
    return DelimitedFramer(FORM, msgspec.convert({"kind": checksum}, Checksum))


def frame(payload: bytes, checksum: str = "xor") -> bytes:
    return STX + payload + CHECKSUMS[checksum](payload) + ETX


def payloads(pieces: list[bytes | FrameError]) -> list[bytes]:
    return [piece for piece in pieces if isinstance(piece, bytes)]


@pytest.mark.parametrize(
    ("name", "data", "due"),
    [
        # CRC-16/MODBUS frames of the Waveshare relay wiki; its low byte goes first.
        ("crc16-modbus", "01 05 00 00 FF 00", "8C 3A"),
        ("crc16-modbus", "01 01 00 00 00 08", "3D CC"),
        ("crc16-modbus", "01 05 02 00 00 07", "8D B0"),
        # Captured OSDP frames.
        ("crc16-ccitt-1d0f", "53 05 09 00 04 61 00", "C1 25"),
        ("crc16-ccitt-1d0f", "53 05 09 00 05 62 00", "A2 47"),
        ("xor", "30 30 30 30 30 41 42 43 44 45 46", "37"),
        ("sum8", "FF 02", "01"),
        ("none", "01 02", ""),
    ],
)
def test_golden_checksums(name: str, data: str, due: str) -> None:
    assert CHECKSUMS[name](bytes.fromhex(data)) == bytes.fromhex(due)


@pytest.mark.parametrize("checksum", sorted(CHECKSUMS))
def test_any_split_gives_the_same_frames(checksum: str) -> None:
    """Payloads of every length; two-byte checksums hit start and end bytes often enough to matter."""
    chance = random.Random(11)
    sent = [bytes(chance.choices(range(0x20, 0x7F), k=chance.randrange(1, 20))) for _ in range(300)]
    stream = b"".join(frame(payload, checksum) for payload in sent)
    for size in (1, 2, 3, 7, 64, len(stream)):
        decoder = framer(checksum)
        got = [piece for i in range(0, len(stream), size) for piece in decoder.feed(stream[i : i + size])]
        assert got == sent


@pytest.mark.parametrize(
    "body",
    [b"01", b"2\x30", b"\x41\x42\x01\x01"],
)
def test_a_checksum_that_looks_like_a_mark_ends_no_frame_early(body: bytes) -> None:
    for last in (STX, ETX):
        payload = body + bytes([CHECKSUMS["xor"](body)[0] ^ last[0]])
        if STX in payload or ETX in payload:
            payload = body
        whole = frame(payload)
        assert framer().feed(whole + whole) == [payload, payload]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"\x00\xff\x99", "devices.frame_noise"),
        (b"\x02" + b"ab", "devices.frame_cut"),
        (b"\x02" + b"abX\x03", "devices.frame_checksum"),
        (b"\x02\x03", "devices.frame_checksum"),
        (b"\x02" + b"a" * 70, "devices.frame_too_long"),
    ],
)
def test_what_is_wrong_comes_out_in_its_place_and_the_next_frame_after_it(bad: bytes, code: str) -> None:
    for size in (1, 1000):
        decoder = framer()
        stream = frame(b"one") + bad + frame(b"two")
        got = [piece for i in range(0, len(stream), size) for piece in decoder.feed(stream[i : i + size])]
        assert payloads(got) == [b"one", b"two"]
        errors = [piece for piece in got if isinstance(piece, FrameError)]
        assert errors
        assert errors[0].code == code


def test_a_hundred_kilobytes_without_an_end_are_not_kept() -> None:
    decoder = framer()
    for _ in range(100):
        decoder.feed(b"\x02" + b"A" * 1000)
        assert len(decoder._held) <= FORM.max_len + 2
    assert payloads(decoder.feed(frame(b"next"))) == [b"next"]


def test_noise_of_every_kind_never_costs_the_frame_behind_it() -> None:
    chance = random.Random(2024)
    for _ in range(2000):
        noise = bytes(chance.choices([2, 3, 0x30, 0x41, 0, 255], k=chance.randrange(12)))
        decoder = framer()
        got = payloads(decoder.feed(noise) + decoder.feed(frame(b"0CARD")))
        assert got[-1:] == [b"0CARD"], noise.hex()


def test_osdp_frames_between_noise() -> None:
    good = bytes.fromhex("53 81 10 00 05 50 00 01 1A 00 00 96 9A 40 BF 52")
    bad = good[:-1] + b"\x00"
    for size in (1, 5, 1000):
        decoder = BlockFramer(osdp())
        stream = b"\xff" + good + b"\x00\x53\xff" + bad + b"\xff" + good
        got = [piece for i in range(0, len(stream), size) for piece in decoder.feed(stream[i : i + size])]
        assert payloads(got) == [good[:-2], good[:-2]]
