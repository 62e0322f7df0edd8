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
