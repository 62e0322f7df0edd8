"""How a door stands: which of all that was ordered, scheduled and released counts now.

From the strongest: fire release (escape doors), evacuation, lockdown, the operator's order, first person in, the
schedule, and locked. Ends are counted in uptime, so that a clock that jumps neither opens a door nor keeps one open.
"""

import msgspec

from edge_agent.core.area import Standing
from edge_agent.core.schedule import in_force
from edge_agent.model.clock import Moment
from edge_agent.model.decisions import Reason
from edge_agent.model.people import Book
from edge_agent.model.site import Door, Policy
from edge_agent.model.standing import At, ModeName, Order, Source

OPEN: frozenset[str] = frozenset({"unlocked", "locked_open"})
SOURCES: tuple[Source, ...] = ("evacuation", "lockdown", "operator", "first_person")  # the strongest first


class Mode(msgspec.Struct, frozen=True):
    """ONVIF's DoorMode, and who set it why. `source`: fire, one of SOURCES, schedule, or empty."""

    name: ModeName = "locked"
    source: str = ""
    by: str = ""
    why: str = ""
    until_ms: int | None = None  # uptime of this boot

    @property
    def open(self) -> bool:
        """The lock is off: whoever comes may pass."""
        return self.name in OPEN


LOCKED = Mode()


def running(order: Order, now: Moment) -> bool:
    """Not over yet. An order of an earlier boot is made one of this boot first (`carried_over`)."""
    return order.mode is not None and (order.until_ms is None or now.up_ms < order.until_ms)


def mode_of(door: Door, standing: Standing, book: Book, now: Moment, policy: Policy) -> Mode:
    """How the door stands now."""
    if standing.fire and door.escape:
        return Mode("locked_open", "fire")
    for source in SOURCES:
        order = standing.orders.get((door.name, source))
        if order is not None and order.mode is not None and running(order, now):
            return Mode(order.mode, source, order.by, order.why, order.until_ms)
    if door.hold_open is not None and (now.trusted or policy.untrusted_clock == "allow_timed"):
        if in_force(book, door.hold_open, now.wall_ms):
            return Mode("unlocked", "schedule", why=door.hold_open)
    return LOCKED


def refusal(mode: Mode, in_lockdown: bool) -> Reason | None:
    """Why nobody is let in while the door stands like this; `in_lockdown`: a rule lets this person pass even then."""
    match mode.name:
        case "locked_down":
            return None if in_lockdown else Reason.LOCKDOWN
        case "blocked" | "double_locked":
            return Reason.DOOR_BLOCKED
        case _:
            return None


def over(standing: Standing, now: Moment) -> list[Order]:
    """Orders that have run out, each as the change that takes it back."""
    return [
        Order(order.door, order.source, None, order.by, order.why)
        for order in standing.orders.values()
        if not running(order, now)
    ]


def carried_over(standing: Standing, now: Moment) -> list[Order]:
    """Orders of an earlier boot, as orders of this one: what is left of their time by the wall clock.

    When nobody can tell how long the gateway was away, what opens a door is taken back and what closes one begins its
    time again: neither is ever longer open, nor shorter shut, than it was ordered.
    """
    carried: list[Order] = []
    for order in standing.orders.values():
        if order.since is None or order.since.boot_id == now.boot_id:
            continue
        if order.until_ms is None:
            carried.append(msgspec.structs.replace(order, since=At.of(now)))
            continue
        length_ms = order.until_ms - order.since.up_ms
        gone_ms = order.since.since_ms(now)
        if gone_ms is None or gone_ms < 0:
            gone_ms = length_ms if order.mode in OPEN and order.source != "evacuation" else 0
        left_ms = length_ms - gone_ms
        if left_ms <= 0:
            carried.append(Order(order.door, order.source, None, order.by, order.why))
        else:
            carried.append(msgspec.structs.replace(order, since=At.of(now), until_ms=now.up_ms + left_ms))
    return carried


def deadline_ms(door: Door, standing: Standing) -> int | None:
    """When the next order of this door runs out (uptime)."""
    ends = [
        order.until_ms
        for source in SOURCES
        if (order := standing.orders.get((door.name, source))) is not None and order.until_ms is not None
    ]
    return min(ends, default=None)
