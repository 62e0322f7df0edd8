"""Drafts from frames of known form: the framing and the checksum they were made with are found again."""

import random

import pytest

from edge_agent.drivers.draft import drafts
from edge_agent.model.profile import LineSettings
from edge_agent.protocols.checksum import CHECKSUMS

CARDS = [f"{number:010X}" for number in (0xABCDEF, 0x1234567890, 0xFEDCBA9876, 0x55AA55AA55)]


def of(pieces: list[bytes]) -> list[tuple[str, str]]:
    found = drafts(pieces, "readers/x", "x", "test", LineSettings())
    return [(str(draft.data["framing"]["kind"]), draft.profile.checksum.kind) for draft in found]


@pytest.mark.parametrize("checksum", sorted(CHECKSUMS))
def test_marks_and_any_checksum_are_found(checksum: str) -> None:
    pieces = [b"\x02" + (body := b"0" + card.encode()) + CHECKSUMS[checksum](body) + b"\x03" for card in CARDS]
    assert of(pieces)[0] == ("delimited", checksum)
    best = drafts(pieces, "readers/x", "x", "test", LineSettings())[0]
    assert [gives["number"] for _, gives in best.examples] == CARDS
    assert best.profile.card_bits == (40,)
    assert (best.frames, best.errors) == (4, 0)


def test_two_frames_in_one_piece_and_noise_do_not_hide_the_form() -> None:
    frames = [b"\x02" + (body := b"0" + card.encode()) + CHECKSUMS["xor"](body) + b"\x03" for card in CARDS]
    pieces = [frames[0] + frames[1], b"\xff\x00", frames[2], frames[3]]
    best = drafts(pieces, "readers/x", "x", "test", LineSettings())[0]
    assert (best.profile.checksum.kind, best.frames, best.errors) == ("xor", 4, 1)


def test_nothing_and_noise_give_no_draft_that_claims_a_checksum() -> None:
    assert of([]) == []
    noise = random.Random(5)
    pieces = [noise.randbytes(noise.randrange(3, 20)) for _ in range(12)]
    assert all(checksum == "none" for _, checksum in of(pieces))


def sealed(kind: str, over: dict[str, bytes], which: str, order: str) -> bytes:
    due = CHECKSUMS[kind](over[which])
    return due if order == "low_first" else due[::-1]


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("over", ["payload", "length", "frame"])
@pytest.mark.parametrize(
    ("checksum", "order"), [("xor", "low_first"), ("crc16-modbus", "low_first"), ("crc16-ccitt-1d0f", "high_first")]
)
def test_a_header_and_a_length_are_found(checksum: str, order: str, over: str, endian: str) -> None:
    """Numbers of different lengths, or the length could be part of the header."""
    pieces = []
    for count, card in enumerate(CARDS):
        payload = b"0" + card.encode() + b"0" * (2 * count)
        size = len(payload).to_bytes(2, endian)  # type: ignore[arg-type]
        sums = {"payload": payload, "length": size + payload, "frame": b"\xa5\x5a" + size + payload}
        pieces.append(b"\xa5\x5a" + size + payload + sealed(checksum, sums, over, order))
    best = drafts(pieces, "readers/x", "x", "test", LineSettings())[0]
    framing = best.data["framing"]
    assert (framing["kind"], framing["header"][:2], best.profile.checksum.kind) == (
        "sync_length",
        [0xA5, 0x5A],
        checksum,
    )
    if checksum != "xor":  # of a sum of one byte several readings may hold
        assert (best.profile.checksum.over, best.profile.checksum.order) == (over, order)
    assert (best.frames, best.errors) == (4, 0)
    assert str(best.examples[0][1]["number"]).endswith(CARDS[0])


@pytest.mark.parametrize("mark", [b"\r", b"\n", b"\r\n"])
def test_lines_are_found_with_their_end(mark: bytes) -> None:
    pieces = [card.encode() + mark for card in CARDS]
    best = drafts(pieces, "readers/x", "x", "test", LineSettings())[0]
    assert best.data["framing"]["end"] == {b"\r": 13, b"\n": 10, b"\r\n": "crlf"}[mark]
    assert [gives["number"] for _, gives in best.examples] == CARDS


def test_frames_of_one_length_with_a_sum_are_found() -> None:
    """RDM6300-like without end mark: a header, five bytes, a sum over them."""
    chance = random.Random(7)
    bodies = [chance.randbytes(5) for _ in range(6)]
    pieces = [b"\xcc" + body + CHECKSUMS["sum8"](body) for body in bodies]
    best = drafts(pieces, "readers/x", "x", "test", LineSettings())[0]
    assert (best.data["framing"]["kind"], best.profile.checksum.kind, best.errors) == ("fixed", "sum8", 0)
    assert best.data["framing"]["length"] == 7


def test_what_ends_by_silence_alone_is_a_draft_of_silence() -> None:
    chance = random.Random(3)
    pieces = [chance.randbytes(size) for size in (5, 9, 7, 12)]
    best = drafts(pieces, "readers/x", "x", "test", LineSettings())[0]
    assert (best.data["framing"]["kind"], best.profile.checksum.kind) == ("idle", "none")
