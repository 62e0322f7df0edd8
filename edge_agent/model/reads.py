"""What a terminal delivered: one read, one credential."""

from enum import StrEnum

import msgspec


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Card(msgspec.Struct, frozen=True, tag="card"):
    """A card as the reader saw it: `bits` long, `raw` read as one big-endian number (leading zeros kept by `bits`).

    Matched on both values; printed numbers (FC:CN, 8 or 10 digits) are entry formats only (protocols/wiegand.py).
    """

    bits: int
    raw: int

    def __post_init__(self) -> None:
        if not 0 < self.bits <= 1024 or self.raw < 0 or self.raw.bit_length() > self.bits:
            raise ValueError(f"a card of {self.bits} bits cannot hold this number")


class Liveness(StrEnum):
    LIVE = "live"
    SPOOF = "spoof"
    NOT_CHECKED = "not_checked"


class Face(msgspec.Struct, frozen=True, tag="face"):
    """What a track of face frames came to: a person, nobody (`unknown`), or two people too alike (`ambiguous`)."""

    outcome: str  # match | unknown | ambiguous
    person: str | None = None
    score: float = 0.0  # similarity, 1 = same; comparable within one model id only
    liveness: Liveness = Liveness.NOT_CHECKED


class Unreadable(msgspec.Struct, frozen=True, tag="unreadable"):
    """A credential was presented and its format is not known here (a card of unexpected length, for instance)."""

    why: str


Credential = Card | Face | Unreadable


class Read(msgspec.Struct, frozen=True):
    """One credential presented at one terminal. `up_ms` is when the driver had the whole of it."""

    read_id: str  # unique on this gateway
    terminal: str
    door: str
    direction: Direction
    up_ms: int
    credential: Credential
    stale: bool = False  # buffered by the reader while its link was down: opens nothing
