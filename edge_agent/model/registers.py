"""Devices on a Modbus line as registers: what is read and written, and what it means, as a profile says it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.framing import Table

Register = Annotated[int, Meta(ge=0, le=0xFFFF)]


class Modbus(Table, frozen=True, tag_field="kind", tag="modbus"):
    """Modbus RTU, several devices on one line (or through a serial server). `address`: as the device is shipped;
    `highest`: what it can be set to. `answer_ms`: how long it may think; `pause_ms`: quiet between two frames.
    """

    address: Annotated[int, Meta(ge=1, le=255)] = 1
    highest: Annotated[int, Meta(ge=1, le=255)] = 247
    answer_ms: Annotated[int, Meta(ge=20, le=1000)] = 150
    pause_ms: Annotated[int, Meta(ge=2, le=100)] = 5
    poll_ms: Annotated[int, Meta(ge=20, le=200, description="time between two readings")] = 100


class RegisterRead(Table, frozen=True, kw_only=True):
    """What is read: functions 1 and 2 give bits, 3 and 4 registers; a register that is not 0 counts as a set bit.

    `relays` and `inputs` are a gate's, the first is number 0; `value` is a sensor's.
    """

    name: Literal["relays", "inputs", "value"]
    function: Literal[1, 2, 3, 4]
    address: Register
    count: Annotated[int, Meta(ge=1, le=32)] = 1


class Word(Table, frozen=True, kw_only=True):
    """One register (or coil) that is written: `value`, and added to it the pulse's time, at most `most` of its unit, or
    the board's new address.
    """

    value: Register = 0
    plus: Literal["tenths", "seconds", "address"] | None = None
    most: Register = 0xFFFF


class RegisterWrite(Table, frozen=True, kw_only=True):
    """How relay n is switched: at `address` + n * `step`. The pulses end by the board's own timer. `set_address` gives
    the board another address (`edge-agent device address`); one without it is set by switches.
    """

    name: Literal["on", "off", "pulse_on", "pulse_off", "set_address"]
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
