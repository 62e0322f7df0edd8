"""Wiegand card formats: the bits a reader sends, and the numbers people print on cards and type into lists.

One physical fact to know: a length does not tell the format. 37 bits are H10302 or H10304, 34 bits are H10306 or a
plain 32-bit number; so cards are kept and matched as (bits, raw), and a format matters only when a printed number is
entered. Parity finds one flipped bit; two in the same half pass. It is no security.

Bit numbers from 0 at the left, as in the tables of the formats' owners (HID: H10301, H10302, H10304, H10306).
"""

import re
import unicodedata
from typing import NamedTuple

from edge_agent.errors import EdgeAgentError
from edge_agent.model.profile import WiegandForm
from edge_agent.model.reads import Card

Span = tuple[int, int]


class Parity(NamedTuple):
    """The bit `bit` makes the number of ones in `over` and itself even, or odd."""

    bit: int
    over: tuple[Span, ...]
    odd: bool


class Format(NamedTuple):
    """Spans are (first bit, last bit). `swapped`: the bytes of the number come in the wrong order."""

    bits: int
    facility: Span | None
    number: Span
    parity: tuple[Parity, ...]
    swapped: bool = False


def _halves(bits: int, facility: Span | None, number: Span, even: Span, odd: Span) -> Format:
    """A leading even and a trailing odd parity bit."""
    return Format(bits, facility, number, (Parity(0, (even,), False), Parity(bits - 1, (odd,), True)))


FORMATS: dict[str, Format] = {
    "H10301": _halves(26, (1, 8), (9, 24), (1, 12), (13, 24)),
    "H10306": _halves(34, (1, 16), (17, 32), (1, 16), (17, 32)),
    "UID34": _halves(34, None, (1, 32), (1, 16), (17, 32)),
    "H10302": _halves(37, None, (1, 35), (1, 18), (18, 35)),
    "H10304": _halves(37, (1, 16), (17, 35), (1, 18), (18, 35)),
}


def format_of(form: WiegandForm) -> Format | None:
    """The format a profile's table describes; None when it neither names a known one nor says bits and number."""
    if form.bits is None or form.number is None:
        known = FORMATS.get(form.name)
        return known and known._replace(swapped=form.swapped)
    parity = tuple(Parity(parity.bit, parity.over, parity.kind == "odd") for parity in form.parity)
    return Format(form.bits, form.facility, form.number, parity, form.swapped)


def fits(form: Format, card: Card) -> bool:
    """Whether length and parity are those of `form`."""
    return card.bits == form.bits and all(
        (_ones(form, card.raw, parity) + (card.raw >> (form.bits - 1 - parity.bit))) & 1 == parity.odd
        for parity in form.parity
    )


def put_right(form: Format, card: Card) -> Card:
    """A card as its owner's lists have it: the bytes of a swapped number in order, its parity made anew."""
    if not form.swapped:
        return card
    size = _width(form.number) // 8
    number = int.from_bytes(_cut(form, card.raw, form.number).to_bytes(size, "little"), "big")
    raw = card.raw & ~(((1 << 8 * size) - 1) << (form.bits - 1 - form.number[1]))
    return Card(form.bits, _sealed(form, raw | number << (form.bits - 1 - form.number[1])))


def from_left_justified(bits: int, data: bytes) -> Card:
    """A card from bits sent MSB first and filled up on the right, as OSDP does. ValueError when data is too short."""
    if len(data) * 8 < bits:
        raise ValueError(f"{len(data)} bytes cannot hold {bits} bits")
    used = data[: (bits + 7) // 8]
    return Card(bits, int.from_bytes(used, "big") >> (len(used) * 8 - bits))


def to_left_justified(card: Card) -> bytes:
    size = (card.bits + 7) // 8
    return (card.raw << (size * 8 - card.bits)).to_bytes(size, "big")


def encode(name: str, number: int, facility: int = 0) -> Card:
    """The card that carries these numbers in the format `name`. Raises EdgeAgentError when one does not fit."""
    form = _form(name)
    raw = _place(form, form.number, number, name, "number")
    if form.facility is not None:
        raw |= _place(form, form.facility, facility, name, "facility")
    elif facility:
        raise EdgeAgentError("devices.card_no_facility", format=name)
    return Card(form.bits, _sealed(form, raw))


def decode(name: str, card: Card) -> tuple[int | None, int] | None:
    """(facility code or None, card number), or None when length or parity are not of the format `name`."""
    form = _form(name)
    if not fits(form, card):
        return None
    return (None if form.facility is None else _cut(form, card.raw, form.facility)), _cut(form, card.raw, form.number)


def parse_entry(text: str, format: str) -> Card:
    """A number as people write it, to the card that sends it.

    `format`: a name of FORMATS, taking `FC:CN` (also `FC,CN` or `FC-CN`) where it has a facility code, else the plain
    number; for H10301 also the 8 digits FFFCCCCC and the 10 digits FC x 65536 + CN that are printed on such cards. Or
    `hexNN`: the raw NN bits in hexadecimal, as `hex40` for a 5-byte number. Raises EdgeAgentError, saying what to do.
    """
    entry = unicodedata.normalize("NFKC", text).strip()  # full-width digits and colons of a Chinese keyboard
    if hexadecimal := re.fullmatch(r"hex(\d{1,4})", format):
        return _raw_entry(entry, int(hexadecimal[1]))
    form = _form(format)
    if pair := re.fullmatch(r"(\d{1,9})\s*[:,\-]\s*(\d{1,12})", entry):
        return encode(format, int(pair[2]), int(pair[1]))
    if re.fullmatch(r"\d+(\.\d+)?[eE]\+?\d+", entry):
        raise EdgeAgentError("devices.card_rounded")
    if not re.fullmatch(r"\d{1,20}", entry) or (form.facility is not None and form.bits != 26):
        raise EdgeAgentError("devices.card_entry", format=format)
    if form.facility is None:
        return encode(format, int(entry))
    match len(entry):
        case 8:
            return encode(format, int(entry[3:]), int(entry[:3]))
        case 10:
            return encode(format, int(entry) & 0xFFFF, int(entry) >> 16)
    raise EdgeAgentError("devices.card_digits", format=format, found=len(entry))


def _raw_entry(entry: str, bits: int) -> Card:
    if not re.fullmatch(r"[0-9A-Fa-f]{1,256}", entry):
        raise EdgeAgentError("devices.card_hex", bits=bits)
    try:
        return Card(bits, int(entry, 16))
    except ValueError as error:
        raise EdgeAgentError("devices.card_hex", bits=bits) from error


def _form(name: str) -> Format:
    if name not in FORMATS:
        raise EdgeAgentError("devices.card_format", format=name, known=", ".join(FORMATS))
    return FORMATS[name]


def _width(span: Span) -> int:
    return span[1] - span[0] + 1


def _cut(form: Format, raw: int, span: Span) -> int:
    return (raw >> (form.bits - 1 - span[1])) & ((1 << _width(span)) - 1)


def _ones(form: Format, raw: int, parity: Parity) -> int:
    return sum(_cut(form, raw, span).bit_count() for span in parity.over)


def _sealed(form: Format, raw: int) -> int:
    """`raw` with its parity bits set, in the order of the table: a later one may be over an earlier one."""
    for parity in form.parity:
        place = form.bits - 1 - parity.bit
        raw &= ~(1 << place)
        raw |= ((_ones(form, raw, parity) + parity.odd) & 1) << place
    return raw


def _place(form: Format, span: Span, value: int, name: str, what: str) -> int:
    if not 0 <= value < 1 << _width(span):
        raise EdgeAgentError("devices.card_range", format=name, what=what, limit=(1 << _width(span)) - 1)
    return value << (form.bits - 1 - span[1])
