"""Wiegand formats: golden cards, parity, and the numbers people type."""

import random

import pytest

from edge_agent.errors import EdgeAgentError
from edge_agent.model.reads import Card
from edge_agent.protocols.wiegand import decode, encode, from_left_justified, parse_entry, to_left_justified

# format, facility, number, bits on the wire, the same as OSDP sends them (left-justified). The first number is
# confirmed by a report of users (FC 1 / CN 11572 = 77108), the second by another project's 10058400.
GOLDEN = [
    ("H10301", 1, 11572, "00000000100101101001101001", "00969A40"),
    ("H10301", 100, 58400, "00110010011100100001000001", "32721040"),
    ("H10301", 255, 65535, "01111111111111111111111111", "7FFFFFC0"),
    ("H10306", 1234, 56789, "1000001001101001011011101110101010", "82696EEA80"),
    ("UID34", None, 0x12345678, "1000100100011010001010110011110001", "891A2B3C40"),
    ("H10302", None, 12345678901, "1010110111111101110000011100001101010", "ADFDC1C350"),
    ("H10304", 1234, 345678, "0000001001101001010101000110010011101", "02695464E8"),
]
ENTRIES = [
    ("1:11572", "H10301", GOLDEN[0]), ("0077108".zfill(10), "H10301", GOLDEN[0]), ("00111572", "H10301", GOLDEN[0]),
    ("100:58400", "H10301", GOLDEN[1]), (" 100,58400 ", "H10301", GOLDEN[1]), ("100 - 58400", "H10301", GOLDEN[1]),
    ("10058400", "H10301", GOLDEN[1]), ("１００：５８４００", "H10301", GOLDEN[1]),
    ("0006612000", "H10301", GOLDEN[1]),
    ("1234:56789", "H10306", GOLDEN[3]), ("305419896", "UID34", GOLDEN[4]),
    ("12345678901", "H10302", GOLDEN[5]), ("1234:345678", "H10304", GOLDEN[6]),
]  # fmt: skip


def card_of(golden: tuple[str, int | None, int, str, str]) -> Card:
    return Card(len(golden[3]), int(golden[3], 2))


@pytest.mark.parametrize("golden", GOLDEN)
def test_golden_cards(golden: tuple[str, int | None, int, str, str]) -> None:
    name, facility, number, bits, justified = golden
    card = card_of(golden)
    assert encode(name, number, facility or 0) == card
    assert decode(name, card) == (facility, number)
    assert to_left_justified(card) == bytes.fromhex(justified)
    assert from_left_justified(len(bits), bytes.fromhex(justified)) == card


@pytest.mark.parametrize("golden", GOLDEN)
def test_every_flipped_bit_is_found_and_two_in_one_half_are_not(
    golden: tuple[str, int | None, int, str, str],
) -> None:
    card = card_of(golden)
    for bit in range(card.bits):
        if card.bits == 37 and bit == 18:
            continue  # in both sums of the 37-bit formats: found too, checked below
        assert decode(golden[0], Card(card.bits, card.raw ^ (1 << bit))) is None
    assert decode(golden[0], Card(card.bits, card.raw ^ (1 << 18))) is None
    assert decode(golden[0], Card(card.bits, card.raw ^ 0b110)) is not None


def test_other_lengths_are_not_decoded() -> None:
    for bits in (25, 27):
        assert decode("H10301", Card(bits, 1)) is None


def test_any_numbers_come_back() -> None:
    chance = random.Random(26)
    for _ in range(500):
        facility, number = chance.randrange(256), chance.randrange(65536)
        assert decode("H10301", encode("H10301", number, facility)) == (facility, number)
        card = Card(chance.randrange(1, 200), 0)
        card = Card(card.bits, chance.getrandbits(card.bits))
        assert from_left_justified(card.bits, to_left_justified(card)) == card


@pytest.mark.parametrize(("text", "name", "golden"), ENTRIES)
def test_printed_numbers_are_entered(text: str, name: str, golden: tuple[str, int | None, int, str, str]) -> None:
    assert parse_entry(text, name) == card_of(golden)


def test_raw_hexadecimal_is_entered() -> None:
    assert parse_entry("0000ABCDEF", "hex40") == Card(40, 0xABCDEF)
    assert parse_entry("abcdef", "hex40") == Card(40, 0xABCDEF)
    assert parse_entry("3FFFFFF", "hex26") == Card(26, 0x3FFFFFF)


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("1:2", "H99999", "H10301"),
        ("", "H10301", "facility:number"),
        ("123", "H10301", "8 or 10"),
        ("12345678", "H10306", "facility:number"),
        ("-5", "UID34", "UID34"),
        ("256:1", "H10301", "at most 255"),
        ("1:65536", "H10301", "at most 65535"),
        ("25600001", "H10301", "at most 255"),
        ("1234567", "H10301", "7 digits, and cards of format H10301 are printed with 8 or 10.*zeros in front"),
        ("1.23E+09", "H10301", "rounded"),
        ("1E+9", "H10302", "rounded"),
        ("1:5", "H10302", "no facility code"),
        ("34359738368", "H10302", "at most"),
        ("7FFFFFF", "hex26", "26 bits"),
        ("xyz", "hex40", "0-9 and A-F"),
        ("", "hex40", "0-9 and A-F"),
        ("1", "hex0", "0 bits"),
        ("1", "hex2000", "2000 bits"),
    ],
)
def test_a_wrong_entry_says_what_to_write(text: str, name: str, says: str) -> None:
    with pytest.raises(EdgeAgentError, match=says):
        parse_entry(text, name)


def test_too_few_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="26"):
        from_left_justified(26, b"\x00\x01\x02")
