"""What a message presents: cards by table, with parity, swapped bytes, buffered keypads, faces."""

from typing import Any

import msgspec
import pytest

from edge_agent.drivers.profiles import load_profile
from edge_agent.model.profile import BufferedKeys, Profile, WiegandForm
from edge_agent.model.reads import Card, Face, Keys, Liveness, Presented, Unreadable
from edge_agent.protocols.codec import Message
from edge_agent.protocols.credential import Credentials
from edge_agent.protocols.keypad import FROM_4BIT, FROM_8BIT, from_card
from edge_agent.protocols.wiegand import encode, format_of, put_right

GOLDEN = {
    "readers/wiegand-26": [
        "00000000100101101001101001", "00110010011100100001000001", "01111111111111111111111111",
    ],
    "readers/wiegand-34": ["1000001001101001011011101110101010", "1000100100011010001010110011110001"],
    "readers/wiegand-37": ["1010110111111101110000011100001101010", "0000001001101001010101000110010011101"],
    "readers/wiegand-custom": ["0010011010010000101011010100111101110110"],
}  # fmt: skip
CARDS = [(profile, bits) for profile, cards in GOLDEN.items() for bits in cards if profile != "readers/wiegand-custom"]


def presented(profile: Profile, bits: str) -> Presented | None:
    return Credentials(profile).of(Message("card", {"number": bits}))


@pytest.mark.parametrize(("id", "bits"), CARDS)
def test_a_golden_card_is_read_and_each_flipped_bit_is_not(id: str, bits: str) -> None:
    profile = load_profile(id)
    assert presented(profile, bits) == Card(len(bits), int(bits, 2))
    for at in range(len(bits)):
        flipped = bits[:at] + str(1 - int(bits[at])) + bits[at + 1 :]
        assert presented(profile, flipped) == Unreadable(f"a card of {len(bits)} bits with wrong parity")


def test_a_format_by_table_checks_its_parity() -> None:
    profile = load_profile("readers/wiegand-custom")
    bits = str(dict(profile.example[0].gives or {})["number"])
    assert presented(profile, bits) == Card(40, int(bits, 2))
    for at in range(40):
        flipped = bits[:at] + str(1 - int(bits[at])) + bits[at + 1 :]
        assert isinstance(presented(profile, flipped), Unreadable)


@pytest.mark.parametrize("bits", ["0" * 25, "0" * 27, "1" * 255])
def test_another_length_is_unreadable_and_said(bits: str) -> None:
    assert presented(load_profile("readers/wiegand-26"), bits) == Unreadable(f"a card of {len(bits)} bits")


def test_a_swapped_number_is_put_right_and_its_parity_made_anew() -> None:
    profile = load_profile("readers/wiegand-custom")
    assert presented(profile, f"{0x78563412:032b}") == Card(32, 0x12345678)
    swapped = msgspec.structs.replace(
        load_profile("readers/wiegand-34"), wiegand=(WiegandForm(name="UID34", swapped=True),)
    )
    sent = encode("UID34", 0x78563412)
    assert presented(swapped, f"{sent.raw:034b}") == encode("UID34", 0x12345678)
    form = format_of(WiegandForm(name="UID34", swapped=True))
    assert form is not None
    assert put_right(form, put_right(form, sent)) == sent


@pytest.mark.parametrize(
    ("kind", "bits", "number", "due"),
    [
        ("dec-number", 32, 305419896, Card(32, 0x12345678)),
        ("uint-le", 32, 1, Card(32, 1)),
        ("bcd", 32, "0012", Card(32, 12)),
        ("dec-number", 26, 1 << 26, Unreadable("a card of 27 bits")),
    ],
)
def test_a_number_without_a_length_has_that_of_the_profile(
    kind: Any, bits: int, number: str | int, due: Presented
) -> None:
    profile = load_profile("readers/text-stx")
    form = profile.message[0]
    fields = (msgspec.structs.replace(form.fields[0], kind=kind),)
    message = (msgspec.structs.replace(form, fields=fields),)
    changed = msgspec.structs.replace(profile, card_bits=(bits,), message=message)
    assert Credentials(changed).of(Message("card", {"number": number})) == due


def test_key_codes() -> None:
    assert "".join(FROM_4BIT[code] for code in range(12)) == "0123456789*#"
    assert [FROM_8BIT[code] for code in (0xF0, 0xE1, 0x69, 0x5A, 0x4B)] == ["0", "1", "9", "*", "#"]
    assert len(FROM_8BIT) == 12
    assert all((code >> 4) ^ (code & 15) == 15 for code in FROM_8BIT)


@pytest.mark.parametrize(
    ("kind", "facility", "digits", "card", "typed"),
    [
        ("number", 0, 4, (0, 42), "0042"),
        ("number", 7, 5, (7, 65535), "65535"),
        ("number", 7, 5, (8, 1), None),
        ("number", 0, 4, (0, 12345), None),
        ("nibbles", None, 5, (0x12, 0x34FF), "1234"),
        ("nibbles", None, 5, (0x12, 0x345F), "12345"),
        ("nibbles", None, 5, (0x12, 0x3456), None),
        ("nibbles", None, 5, (0xFF, 0xFFFF), None),
        ("nibbles", None, 5, (0x1A, 0xFFFF), None),
    ],
)
def test_a_buffered_keypad(
    kind: Any, facility: int | None, digits: int, card: tuple[int, int], typed: str | None
) -> None:
    table = BufferedKeys(kind=kind, facility=facility, digits=digits)
    assert from_card(*card, table) == typed
    profile = msgspec.structs.replace(load_profile("keypads/wiegand-buffered"), buffered_keys=table)
    sent = encode("H10301", card[1], card[0])
    found = presented(profile, f"{sent.raw:026b}")
    assert found == Keys(typed) if typed else isinstance(found, Unreadable)
    for at in range(26):
        assert isinstance(presented(profile, f"{sent.raw ^ (1 << at):026b}"), Unreadable)


@pytest.mark.parametrize(
    ("values", "face"),
    [
        ({"person": "p-1", "score": 912, "liveness": 1}, Face("match", "p-1", 0.912, Liveness.LIVE, True)),
        ({"person": "p-1", "score": 912, "liveness": 2}, Face("match", "p-1", 0.912, Liveness.SPOOF, True)),
        ({"person": "", "score": 100, "liveness": 0}, Face("unknown", None, 0.1, Liveness.NOT_CHECKED, True)),
        ({"person": "p-1", "liveness": 9}, Face("match", "p-1", 0.0, Liveness.NOT_CHECKED, True)),
    ],
)
def test_a_face_the_terminal_matched(values: dict[str, str | int], face: Face) -> None:
    credentials = Credentials(load_profile("terminals/face-text"))
    assert credentials.of(Message("face", values)) == face
    assert credentials.of(Message("heartbeat", {})) is None
