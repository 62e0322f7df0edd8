"""What a terminal delivered: one read, one credential."""

from enum import StrEnum
from typing import Literal

import msgspec


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Card(msgspec.Struct, frozen=True, tag="card", gc=False):
    """A card as the reader saw it: `bits` long, `raw` read as one big-endian number (leading zeros kept by `bits`).

    Matched on both values; printed numbers (FC:CN, 8 or 10 digits) are entry formats only (protocols/wiegand.py).
    """

    bits: int
    raw: int

    def __post_init__(self) -> None:
        if not 0 < self.bits <= 1024 or self.raw < 0 or self.raw.bit_length() > self.bits:
            raise ValueError(f"a card of {self.bits} bits cannot hold this number")


class Token(msgspec.Struct, frozen=True, tag="token", gc=False):
    """A credential known by its value: `digest` is the SHA-256 of a QR code (hex), the keyed digest of a phone number,
    or a plate as it is written (no spaces, upper case).
    """

    kind: Literal["qr", "plate", "phone"]
    digest: str


class Keys(msgspec.Struct, frozen=True, tag="keys"):
    """Digits typed at a keypad. Never logged, shown or kept: what they come to is a `Pin`."""

    digits: str

    def __repr__(self) -> str:
        return "Keys(…)"


class Code(msgspec.Struct, frozen=True, tag="code"):
    """The bytes of a QR code. What they come to is a `Pass`, a `Token` or nothing readable."""

    text: bytes

    def __repr__(self) -> str:
        return "Code(…)"


class Pin(msgspec.Struct, frozen=True, tag="pin"):
    """What typed digits came to: `person` is None when they are nobody's. `claimed`: who had shown a card before."""

    person: str | None = None
    duress: bool = False
    claimed: str | None = None


class Pass(msgspec.Struct, frozen=True, tag="pass"):
    """A QR pass of this gateway whose signature was checked. `id` is its `jti`; times are Unix ms."""

    id: str
    person: str
    not_before_ms: int
    expires_ms: int
    doors: tuple[str, ...] = ()  # none: every door a rule allows
    max_uses: int | None = None


class Liveness(StrEnum):
    LIVE = "live"
    SPOOF = "spoof"
    NOT_CHECKED = "not_checked"


class Face(msgspec.Struct, frozen=True, tag="face"):
    """What a track of face frames came to: a person, nobody (`unknown`), or two people too alike (`ambiguous`).

    `by_terminal`: the terminal matched by itself; its score compares with nothing but its own.
    """

    outcome: str  # match | unknown | ambiguous
    person: str | None = None
    score: float = 0.0  # similarity, 1 = same; comparable within one model id only
    liveness: Liveness = Liveness.NOT_CHECKED
    by_terminal: bool = False


class Unreadable(msgspec.Struct, frozen=True, tag="unreadable"):
    """A credential was presented and its format is not known here (a card of unexpected length, for instance)."""

    why: str


Presented = Card | Token | Keys | Code | Pin | Pass | Face | Unreadable


class Read(msgspec.Struct, frozen=True):
    """One credential presented at one terminal. `up_ms` is when the driver had the whole of it."""

    read_id: str  # unique on this gateway
    terminal: str
    door: str
    direction: Direction
    up_ms: int
    credential: Presented
    stale: bool = False  # buffered by the reader while its link was down: opens nothing

    def with_credential(self, credential: Presented) -> "Read":
        """The same read, with what its digits or code came to."""
        return msgspec.structs.replace(self, credential=credential)

    def seen_at(self, up_ms: int) -> "Read":
        """The same read of somebody who still stands there."""
        return msgspec.structs.replace(self, up_ms=up_ms)


def kind_of(credential: Presented) -> str:
    """The word a door's `ways` uses for it."""
    match credential:
        case Card():
            return "card"
        case Token(kind=kind):
            return kind
        case Keys() | Pin():
            return "pin"
        case Code() | Pass():
            return "qr"
        case Face():
            return "face"
        case Unreadable():
            return "unreadable"


class IdDocument(msgspec.Struct, frozen=True, tag="id_document"):
    """A document put on the visitor desk's reader. The number itself stays in the driver: `masked` is for people's
    eyes, `digest` (keyed) finds the same document again. `doubts`: what does not fit (`check_digit`, `birth`, `dates`).

    Name and masked number are for the desk alone: never logged, never in an event.
    """

    kind: Literal["cn-resident"]
    name: str
    masked: str
    digest: str
    valid_from: str | None = None  # ISO 8601
    valid_until: str | None = None  # None: without end
    doubts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "IdDocument(…)"


class DocumentPresented(msgspec.Struct, frozen=True):
    """`up_ms` is when the driver had the whole of it."""

    reader: str
    up_ms: int
    document: IdDocument
