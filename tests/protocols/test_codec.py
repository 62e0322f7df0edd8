"""The codec: a profile as decoder and encoder."""

import pytest

from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError, FrameError
from edge_agent.protocols.codec import Decoder, Message, encode

GATE = load_profile("gates/sim")
TEXT = load_profile("readers/text-stx")


def test_a_message_has_its_fields() -> None:
    assert Decoder(TEXT).feed(bytes.fromhex("02 30 30 30 30 30 41 42 43 44 45 46 37 03")) == [
        Message("card", {"number": "0000ABCDEF"})
    ]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"X12", "devices.frame_unknown"),
        (b"0", "devices.frame_field"),
        (b"0ZZ", "devices.frame_field"),
    ],
)
def test_a_payload_that_fits_no_form_is_an_error_and_no_message(payload: bytes, code: str) -> None:
    folded = 0
    for byte in payload:
        folded ^= byte
    (piece,) = Decoder(TEXT).feed(b"\x02" + payload + bytes((folded, 3)))
    assert isinstance(piece, FrameError)
    assert piece.code == code


def test_a_payload_longer_than_its_form_is_an_error() -> None:
    (piece,) = Decoder(GATE).feed(bytes.fromhex("02 53 30 30 30 30 30 30 30 63 03"))
    assert isinstance(piece, FrameError)
    assert piece.code == "devices.frame_field"


def test_a_command_is_encoded() -> None:
    assert encode(GATE, "pulse", relay=0, tenths=50) == bytes.fromhex("02 50 30 30 30 33 32 61 03")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("open", {}),
        ("pulse", {"relay": 0}),
        ("pulse", {"relay": 16, "tenths": 1}),
        ("pulse", {"relay": 0, "tenths": 65536}),
        ("pulse", {"relay": 0, "tenths": -1}),
        ("pulse", {"relay": "0", "tenths": 1}),
    ],
)
def test_a_command_that_cannot_be_said_is_refused(name: str, values: dict[str, int | str]) -> None:
    with pytest.raises(EdgeAgentError, match="gates/sim"):
        encode(GATE, name, **values)
