"""A device profile: what a device says and understands, as data.

A profile chooses among the framings, checksums and field kinds that `protocols/` has and gives them parameters. What
it cannot express becomes a new kind there, never code in the profile. The unions are closed: only kinds that exist.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.decisions import Reason
from edge_agent.model.encoding import json_schema
from edge_agent.model.framing import (
    Byte,
    Checksum,
    Delimited,
    Field,
    Fixed,
    Frames,
    Hex,
    Idle,
    MessageForm,
    Name,
    Nmea,
    Osdp,
    SyncLength,
    Table,
)
from edge_agent.model.gpio import Gpio
from edge_agent.model.patterns import whole
from edge_agent.model.push import HttpPush
from edge_agent.model.registers import InputTraits, Modbus, RegisterRead, RegisterWrite, RelayTraits, SensorTraits

__all__ = [
    "Byte", "Checksum", "Delimited", "Field", "Fixed", "Frames", "Gpio", "Hex", "HttpPush", "Idle", "MessageForm",
    "Modbus", "Name", "Nmea", "Osdp", "Profile", "SyncLength", "Table", "profile_schema",
]  # fmt: skip

# libosdp's Python binding keeps LED and output times in one byte of 100 ms: 256 would become 0. So 25.5 s at most.
Lasting = Annotated[int, Meta(ge=100, le=25_500, multiple_of=100, description="ms, in steps of 100")]
Span = tuple[Annotated[int, Meta(ge=0, le=1023)], Annotated[int, Meta(ge=0, le=1023)]]
Pause = Annotated[int, Meta(ge=0, le=25_500, multiple_of=100, description="ms, in steps of 100")]


class LineSettings(Table, frozen=True):
    """How the device's serial line is set when the link's URL does not say."""

    baud: Annotated[int, Meta(ge=300, le=4_000_000)] = 9600
    parity: Literal["none", "even", "odd"] = "none"


Framing = Frames | Nmea | Osdp | Modbus | Gpio | HttpPush


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


class Text(Table, frozen=True, kw_only=True):
    """On the reader's display for `for_s` seconds. OSDP carries ASCII only; a short word, for many have 16 places."""

    say: Annotated[str, Meta(pattern=whole(r"[ -~]{1,32}"))]
    for_s: Annotated[int, Meta(ge=1, le=255)] = 3


class Feedback(Table, frozen=True, kw_only=True):
    """What the person sees and hears: `led`, `beep` and `text` over OSDP, else the bytes `send` just as they are.
    `because`: only for a denial for one of these reasons; the entry without is for all others.
    """

    when: Literal[
        "granted", "denied", "fault", "pin_wanted", "waiting", "close_door", "warning", "alarm",
        "face_nearer", "face_centre", "face_front", "face_light", "face_still", "face_alone", "face_again",
    ]  # fmt: skip
    because: tuple[Reason, ...] = ()
    send: Hex | None = None
    led: Led | None = None
    beep: Beep | None = None
    text: Text | None = None


class GateTraits(Table, frozen=True, kw_only=True):
    """What the driver must know of a board. `debounce_ms`: a contact counts once it is stable that long.
    `contact_active`: what an active input means for the door's contact, where a board speaks of active inputs (OSDP).
    """

    debounce_ms: Annotated[int, Meta(ge=0, le=1000)] = 30
    poll_ms: Annotated[int, Meta(ge=200, le=1000, description="time between state queries, the heartbeat")] = 1000
    max_pulse_s: Annotated[float, Meta(gt=0)]
    contact_active: Literal["open", "closed"] = "open"


class Parity(Table, frozen=True, kw_only=True):
    """The bit `bit` makes the number of ones in `over` and itself even, or odd. Spans are (first, last) bit."""

    bit: Annotated[int, Meta(ge=0, le=1023)]
    over: Annotated[tuple[Span, ...], Meta(min_length=1, max_length=64)]
    kind: Literal["even", "odd"] = msgspec.field(name="is")


class WiegandForm(Table, frozen=True, kw_only=True):
    """A card format; bit 0 is the first on the wire. A known one (`H10301`, `H10302`, `H10304`, `H10306`, `UID34`) goes
    by its name alone. `swapped`: the reader sends the bytes of `number` in the wrong order; they are put right.
    """

    name: Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"))]
    bits: Annotated[int, Meta(ge=4, le=1024)] | None = None
    facility: Span | None = None
    number: Span | None = None
    parity: Annotated[tuple[Parity, ...], Meta(max_length=8)] = ()
    swapped: bool = False


class BufferedKeys(Table, frozen=True, kw_only=True):
    """A keypad that keeps what is typed and sends it as a card of 26 bits with the facility code `facility`.

    `kind` `number`: what was typed is the card's number, `digits` long (zeros at the front are lost on the wire, so it
    must be known); `nibbles`: up to `digits` keys of four bits each, F where there is none, over facility and number.
    """

    kind: Literal["number", "nibbles"]
    facility: Byte | None = None
    digits: Annotated[int, Meta(ge=1, le=5)]


class Scanning(Table, frozen=True, kw_only=True):
    """The same code again within `repeat_s` of the last time is the same person still holding it there.

    `trigger`: what makes a module in command mode look for one code; sent at the start, after each code, and again
    after `trigger_s` (a little longer than it looks) without one.
    """

    repeat_s: Annotated[float, Meta(ge=0, le=60)] = 2.0
    trigger: Hex | None = None
    trigger_s: Annotated[float, Meta(ge=0.5, le=60)] = 5.0


class Example(Table, frozen=True):
    """Golden bytes. `gives`: what they decode to (`message` and its fields); `from`: the same, encoded to them."""

    bytes: Hex
    gives: dict[str, str | int] | None = None
    made_from: dict[str, str | int] | None = msgspec.field(name="from", default=None)


class Profile(Table, frozen=True, kw_only=True):
    """`schema`: version of this form. `card_bits`: card lengths that are known here; others give `Unreadable`, and so
    does a card whose parity fits none of the `wiegand` formats of its length.
    """

    schema: Literal[1]
    id: Annotated[str, Meta(pattern=whole(r"[a-z][a-z-]*/[a-z0-9][a-z0-9.-]*"))]
    name: str
    kind: Literal["terminal", "gate", "id-reader", "sensor"]
    maturity: Literal["draft", "simulated", "bench", "field"]
    source: Annotated[str, Meta(min_length=1, description="where the facts come from")]
    provides: tuple[
        Literal[
            "card", "keypad", "qr", "face", "id-document", "position", "led", "beep", "text",
            "relay", "contact", "exit", "fire", "panic", "tamper", "supervised",
            "level", "loop",
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
    wiegand: tuple[WiegandForm, ...] = ()
    buffered_keys: BufferedKeys | None = None
    scanner: Scanning = Scanning()
    read: tuple[RegisterRead, ...] = ()
    write: tuple[RegisterWrite, ...] = ()
    relays: RelayTraits | None = None
    inputs: InputTraits = InputTraits()
    sensor: SensorTraits | None = None
    example: tuple[Example, ...] = ()

    def feedback_for(self, outcome: str, reason: str = "") -> Feedback | None:
        """The entry for this reason, else the one for any."""
        fitting = [feedback for feedback in self.feedback if feedback.when == outcome]
        exact = (feedback for feedback in fitting if reason in feedback.because)
        return next(exact, next((feedback for feedback in fitting if not feedback.because), None))


def profile_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a profile file; device_profiles/schema.json is this."""
    return json_schema(Profile)
