"""A device profile: what a device says and understands, as data.

A profile chooses among the framings, checksums and field kinds that `protocols/` has and gives them parameters. What
it cannot express becomes a new kind there, never code in the profile. The unions are closed: only kinds that exist.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.gpio import Gpio
from edge_agent.model.push import HttpPush

Byte = Annotated[int, Meta(ge=0, le=255)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
Hex = Annotated[str, Meta(pattern=r"^\s*([0-9A-Fa-f]{2}\s*)+$", description="bytes in hexadecimal, spaces allowed")]

# libosdp's Python binding keeps LED and output times in one byte of 100 ms: 256 would become 0. So 25.5 s at most.
Lasting = Annotated[int, Meta(ge=100, le=25_500, multiple_of=100, description="ms, in steps of 100")]
Pause = Annotated[int, Meta(ge=0, le=25_500, multiple_of=100, description="ms, in steps of 100")]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of a profile: an unknown key is an error, never ignored."""


class LineSettings(Table, frozen=True):
    """How the device's serial line is set when the link's URL does not say."""

    baud: Annotated[int, Meta(ge=300, le=4_000_000)] = 9600
    parity: Literal["none", "even", "odd"] = "none"


class Delimited(Table, frozen=True, tag_field="kind", tag="delimited"):
    """`start` payload checksum `end`. The payload holds neither `start` nor `end`; the checksum may be any byte."""

    start: Byte
    end: Byte
    max_len: Annotated[int, Meta(ge=1, le=4096, description="longest payload and checksum, bytes")]


class Osdp(Table, frozen=True, tag_field="kind", tag="osdp"):
    """IEC 60839-11-5 on the wire, kept by libosdp. `insecure` allows a reader without a key: clear text on the bus."""

    insecure: bool = False


Framing = Delimited | Osdp | Gpio | HttpPush


class Checksum(Table, frozen=True):
    """Over the payload; on the wire right after it, two-byte sums low byte first."""

    kind: Literal["none", "xor", "sum8", "crc16-modbus", "crc16-ccitt-1d0f"] = "none"
    over: Literal["payload"] = "payload"


class Field(Table, frozen=True, kw_only=True):
    """Part of a payload. `length` in bytes; left out, the field takes the rest.

    `as`: `ascii-hex` gives the digits as upper-case text (4 bits each), `ascii-dec` decimal digits as text,
    `hex-number` a number written in hexadecimal digits.
    """

    name: Name
    at: Annotated[int, Meta(ge=0, le=4096)]
    length: Annotated[int, Meta(ge=1, le=4096)] | None = None
    kind: Literal["ascii-hex", "ascii-dec", "hex-number"] = msgspec.field(name="as")


class MessageForm(Table, frozen=True):
    """One kind of payload: it begins with the bytes `match`, and these are its fields."""

    name: Name
    match: Annotated[tuple[Byte, ...], Meta(min_length=1)]
    fields: tuple[Field, ...] = ()


class Led(Table, frozen=True, kw_only=True):
    """The reader's first LED: `on_ms` in `color`, `off_ms` dark, repeated for `for_ms`, then as before."""

    color: Literal["red", "green", "amber", "blue", "magenta", "cyan", "white"]
    on_ms: Lasting
    off_ms: Pause = 0
    for_ms: Lasting


class Beep(Table, frozen=True, kw_only=True):
    on_ms: Lasting
    off_ms: Pause = 0
    times: Annotated[int, Meta(ge=1, le=20)] = 1


class Feedback(Table, frozen=True, kw_only=True):
    """What the person sees and hears: `led` and `beep` over OSDP, else the bytes `send` just as they are."""

    when: Literal[
        "granted", "denied", "fault", "pin_wanted", "waiting", "close_door",
        "face_nearer", "face_centre", "face_front", "face_light", "face_still", "face_alone", "face_again",
    ]  # fmt: skip
    send: Hex | None = None
    led: Led | None = None
    beep: Beep | None = None


class GateTraits(Table, frozen=True, kw_only=True):
    """What the driver must know of a board. `debounce_ms`: a contact counts once it is stable that long."""

    debounce_ms: Annotated[int, Meta(ge=0, le=1000)] = 30
    poll_ms: Annotated[int, Meta(ge=200, le=1000, description="time between state queries, the heartbeat")] = 1000
    max_pulse_s: Annotated[float, Meta(gt=0)]


class Example(Table, frozen=True):
    """Golden bytes. `gives`: what they decode to (`message` and its fields); `from`: the same, encoded to them."""

    bytes: Hex
    gives: dict[str, str | int] | None = None
    made_from: dict[str, str | int] | None = msgspec.field(name="from", default=None)


class Profile(Table, frozen=True, kw_only=True):
    """`schema`: version of this form. `card_bits`: card lengths that are known here; others give `Unreadable`."""

    schema: Literal[1]
    id: Annotated[str, Meta(pattern=r"^[a-z]+/[a-z0-9][a-z0-9.-]*$")]
    name: str
    kind: Literal["terminal", "gate"]
    maturity: Literal["draft", "simulated", "bench", "field"]
    source: Annotated[str, Meta(min_length=1, description="where the facts come from")]
    provides: tuple[
        Literal[
            "card", "face", "keypad", "led", "beep",
            "relay", "contact", "exit", "fire", "panic", "tamper", "supervised",
        ],
        ...,
    ]  # fmt: skip
    link: LineSettings = LineSettings()
    framing: Framing
    checksum: Checksum = Checksum()
    card_bits: tuple[Annotated[int, Meta(ge=1, le=1024)], ...] = ()
    message: tuple[MessageForm, ...] = ()
    command: tuple[MessageForm, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    gate: GateTraits | None = None
    example: tuple[Example, ...] = ()

    def feedback_for(self, outcome: str) -> Feedback | None:
        return next((feedback for feedback in self.feedback if feedback.when == outcome), None)


def profile_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a profile file; device_profiles/schema.json is this."""
    return msgspec.json.schema(Profile)
