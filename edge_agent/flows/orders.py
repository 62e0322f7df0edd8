"""What an order about doors means for what is remembered: the same for a guard at the gateway and for the city."""

from collections.abc import Iterable

from edge_agent.model.clock import Moment
from edge_agent.model.commands import MODES
from edge_agent.model.standing import At, ModeName, Order, Source

EXCEPTIONAL_S = 3600.0  # lockdown and evacuation end by themselves, should nobody think of it

ORDERS: dict[str, tuple[Source, ModeName | None]] = {
    **{verb: ("operator", mode) for verb, mode in MODES.items()},
    "hold": ("operator", "unlocked"),
    "normal": ("operator", None),
    "lockdown": ("lockdown", "locked_down"),
    "end_lockdown": ("lockdown", None),
    "release": ("lockdown", None),
    "evacuate": ("evacuation", "locked_open"),
    "end_evacuation": ("evacuation", None),
}


def orders(
    verb: str, doors: Iterable[str], now: Moment, by: str, why: str = "", for_s: float | None = None
) -> list[Order]:
    """One order a door; `for_s` None: until taken back, but for what is exceptional."""
    source, mode = ORDERS[verb]
    if for_s is None and source != "operator":
        for_s = EXCEPTIONAL_S
    until_ms = None if for_s is None else now.up_ms + round(for_s * 1000)
    return [Order(door, source, mode, by, why, At.of(now), until_ms) for door in doors]
