"""Lines of a GPIO chip: how a profile and agent.toml name them, and what the driver asks of the kernel."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.framing import Table

Pin = Annotated[int, Meta(ge=0, le=1023)] | Annotated[str, Meta(min_length=1, max_length=31)]  # offset or name

INPUTS = ("contact", "exit", "fire", "panic", "tamper")
ROLES = ("relay", *INPUTS)


class RelayLines(Table, frozen=True, kw_only=True):
    """`lines`: those of a ready-made board, in the order printed on it; none: agent.toml names the line.

    `active`: the level that unlocks. The other one is set in the same moment in which the line becomes an output.
    """

    lines: tuple[Pin, ...] = ()
    active: Literal["high", "low"] = "high"
    drive: Literal["push-pull", "open-drain", "open-source"] = "push-pull"


class InputLines(Table, frozen=True, kw_only=True):
    """`active`: the level that means open (contact), pressed (exit), or alarm. `bias` `none` switches the chip's
    resistors off, `as-is` leaves them as the board's maker set them.
    """

    lines: tuple[Pin, ...] = ()
    active: Literal["high", "low"]
    bias: Literal["as-is", "none", "pull-up", "pull-down"] = "as-is"


class Gpio(Table, frozen=True, kw_only=True, tag_field="kind", tag="gpio"):
    """Relay and inputs on lines of a GPIO chip. `filter_ms`: the kernel takes no level for true that did not last so
    long. 12 and more also keep out the mains (50 Hz) that a wire without resistor picks up.
    """

    relay: RelayLines
    contact: InputLines | None = None
    exit: InputLines | None = None
    fire: InputLines | None = None
    panic: InputLines | None = None
    tamper: InputLines | None = None
    filter_ms: Annotated[int, Meta(ge=0, le=50)] = 15


class Wanted(msgspec.Struct, frozen=True):
    """One line as it is asked of the kernel. An output begins inactive."""

    role: str
    pin: int | str
    output: bool
    active_low: bool
    bias: str = "as-is"
    drive: str = "push-pull"
    filter_ms: int = 0
