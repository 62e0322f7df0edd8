"""A device profile: what a device says and understands, as data.

A profile chooses among the framings, checksums and field kinds that `protocols/` has and gives them parameters. What
it cannot express becomes a new kind there, never code in the profile. The unions are closed: only kinds that exist.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

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


class Modbus(Table, frozen=True, tag_field="kind", tag="modbus"):
    """Modbus RTU, several devices on one line (or through a serial server). `address`: as the device is shipped;
    `highest`: what it can be set to. `answer_ms`: how long it may think; `pause_ms`: quiet between two frames.
    """

    address: Annotated[int, Meta(ge=1, le=255)] = 1
    highest: Annotated[int, Meta(ge=1, le=255)] = 247
    answer_ms: Annotated[int, Meta(ge=20, le=1000)] = 150
    pause_ms: Annotated[int, Meta(ge=2, le=100)] = 5
    poll_ms: Annotated[int, Meta(ge=20, le=200, description="time between two readings")] = 100


Framing = Delimited | Osdp | Modbus


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

    when: Literal["granted", "denied", "fault", "pin_wanted", "waiting", "close_door"]
    send: Hex | None = None
    led: Led | None = None
    beep: Beep | None = None


class GateTraits(Table, frozen=True, kw_only=True):
    """What the driver must know of a board. `debounce_ms`: a contact counts once it is stable that long."""

    debounce_ms: Annotated[int, Meta(ge=0, le=1000)] = 30
    poll_ms: Annotated[int, Meta(ge=200, le=1000, description="time between state queries, the heartbeat")] = 1000
    max_pulse_s: Annotated[float, Meta(gt=0)]


# ---- Modbus: relays, inputs and sensors as registers -----------------------------------------------------------------

Register = Annotated[int, Meta(ge=0, le=0xFFFF)]


class RegisterRead(Table, frozen=True, kw_only=True):
    """What is read: functions 1 and 2 give bits, 3 and 4 registers; a register that is not 0 counts as a set bit.

    `relays` and `inputs` are a gate's, the first is number 0; `value` is a sensor's.
    """

    name: Literal["relays", "inputs", "value"]
    function: Literal[1, 2, 3, 4]
    address: Register
    count: Annotated[int, Meta(ge=1, le=32)] = 1


class Word(Table, frozen=True, kw_only=True):
    """One register (or coil) that is written: `value`, and the pulse's time added to it, at most `most` of its unit."""

    value: Register = 0
    plus: Literal["tenths", "seconds"] | None = None
    most: Register = 0xFFFF


class RegisterWrite(Table, frozen=True, kw_only=True):
    """How relay n is switched: at `address` + n * `step`. The pulses end by the board's own timer."""

    name: Literal["on", "off", "pulse_on", "pulse_off"]
    function: Literal[5, 6, 15, 16]
    address: Register
    step: Annotated[int, Meta(ge=1, le=256)] = 1
    words: Annotated[tuple[Word, ...], Meta(min_length=1)]


class RelayTraits(Table, frozen=True, kw_only=True):
    """`fail` secure: a relay that is off locks; safe: a relay that is on locks, and a power cut unlocks. It is wiring,
    so agent.toml may say otherwise. `keeps_state`: the relays stay as they were over a power cut.
    """

    count: Annotated[int, Meta(ge=1, le=32)]
    fail: Literal["secure", "safe"] = "secure"
    keeps_state: bool = False


class InputTraits(Table, frozen=True, kw_only=True):
    """`set_when_idle`: inputs whose bit is set while nothing is the matter (a closed circuit), as wired here."""

    set_when_idle: tuple[Literal["contact", "exit", "fire", "panic", "tamper"], ...] = ("contact", "fire", "tamper")


class Threshold(Table, frozen=True, kw_only=True):
    """Reached at `at`, over below `clear`; between the two it stays as it was."""

    at: float
    clear: float


class Band(Table, frozen=True, kw_only=True):
    """Register values from `from` to `to` (both included) of a supervised loop in this state."""

    state: Literal["closed", "open", "cut", "shorted"]
    low: Register = msgspec.field(name="from")
    high: Register = msgspec.field(name="to")


class SensorTraits(Table, frozen=True, kw_only=True):
    """A measured value with two levels, or a supervised loop in four `band`s.

    `scale`: unit per count of the register; `broken`: register values by which the sensor says that it failed;
    `settle`: so many readings in a row must say the same.
    """

    measures: Literal["vapour", "gas", "smoke", "water", "temperature", "loop"]
    unit: str = ""
    scale: Annotated[float, Meta(gt=0)] = 1.0
    signed: bool = False
    warning: Threshold | None = None
    alarm: Threshold | None = None
    broken: tuple[Register, ...] = ()
    band: tuple[Band, ...] = ()
    settle: Annotated[int, Meta(ge=1, le=10)] = 2


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
    kind: Literal["terminal", "gate", "sensor"]
    maturity: Literal["draft", "simulated", "bench", "field"]
    source: Annotated[str, Meta(min_length=1, description="where the facts come from")]
    provides: tuple[
        Literal[
            "card", "keypad", "led", "beep",
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
    read: tuple[RegisterRead, ...] = ()
    write: tuple[RegisterWrite, ...] = ()
    relays: RelayTraits | None = None
    inputs: InputTraits = InputTraits()
    sensor: SensorTraits | None = None
    example: tuple[Example, ...] = ()

    def feedback_for(self, outcome: str) -> Feedback | None:
        return next((feedback for feedback in self.feedback if feedback.when == outcome), None)


def profile_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a profile file; device_profiles/schema.json is this."""
    return msgspec.json.schema(Profile)
