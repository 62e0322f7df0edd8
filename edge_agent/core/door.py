"""One door as a state machine: (state, what happened) → (state, events).

It follows the contact, never the command: a door that was released and did not open is closed, and one that opens
without a release was forced. `deadline_ms` says when the next tick matters.
"""

import msgspec

from edge_agent.model.events import (
    AccessNotTaken,
    AccessTaken,
    DoorClosed,
    DoorForced,
    DoorHeld,
    DoorOpened,
    Event,
)

GRACE_MS = 500  # the leaf may already move when the relay drops out, and the contact is debounced


class Timing(msgspec.Struct, frozen=True):
    release_ms: int
    open_ms: int


class Locked(msgspec.Struct, frozen=True, tag=True):
    """Closed, or not reported yet; nobody may pass."""


class Released(msgspec.Struct, frozen=True, tag=True):
    """Closed; somebody may open it until `until_ms`. `person` is None for a button, a command or several people."""

    since_ms: int
    until_ms: int
    person: str | None
    granted: bool  # a grant wants to know whether it was taken; a button does not


class Open(msgspec.Struct, frozen=True, tag=True):
    """Open since `since_ms`; becomes `held` after `open_ms`."""

    since_ms: int
    held_at_ms: int
    forced: bool = False
    held: bool = False


DoorNow = Locked | Released | Open


def name_of(state: DoorNow) -> str:
    match state:
        case Locked():
            return "locked"
        case Released():
            return "released"
        case Open(forced=True):
            return "forced"
        case Open(held=True):
            return "held"
        case Open():
            return "open"


def release(state: DoorNow, now_ms: int, timing: Timing, person: str | None, granted: bool) -> DoorNow:
    """The lock was released. At an open door the next person's time begins; a forced door stays forced."""
    match state:
        case Locked():
            return Released(now_ms, now_ms + timing.release_ms + GRACE_MS, person, granted)
        case Released(since_ms=since, person=before, granted=wanted):
            same = before if before == person else None
            return Released(since, now_ms + timing.release_ms + GRACE_MS, same, granted or wanted)
        case Open(forced=True):
            return state
        case Open(since_ms=since):
            return Open(since, now_ms + timing.open_ms)


def opened(state: DoorNow, door: str, now_ms: int, timing: Timing, first: bool = False) -> tuple[DoorNow, list[Event]]:
    """The contact opened. `first`: found open when the gate was first heard, which nobody can call forced."""
    match state:
        case Open():
            return state, []
        case Released(since_ms=since, person=person, granted=granted):
            taken: list[Event] = [AccessTaken(door=door, person=person, after_ms=now_ms - since)] if granted else []
            return Open(now_ms, now_ms + timing.open_ms), [*taken, DoorOpened(door=door)]
        case Locked():
            event: Event = DoorOpened(door=door) if first else DoorForced(door=door)
            return Open(now_ms, now_ms + timing.open_ms, forced=not first), [event]


def closed(state: DoorNow, door: str, now_ms: int) -> tuple[DoorNow, list[Event]]:
    match state:
        case Open(since_ms=since):
            return Locked(), [DoorClosed(door=door, open_ms=now_ms - since)]
        case Locked() | Released():
            return state, []


def tick(state: DoorNow, door: str, now_ms: int) -> tuple[DoorNow, list[Event]]:
    """Time passed: a release runs out, an open door becomes a held one (once)."""
    match state:
        case Released(until_ms=until, person=person, granted=granted) if now_ms >= until:
            return Locked(), [AccessNotTaken(door=door, person=person)] if granted else []
        case Open(since_ms=since, held_at_ms=at, forced=forced, held=False) if now_ms >= at:
            return Open(since, at, forced, held=True), [DoorHeld(door=door, open_ms=now_ms - since)]
        case _:
            return state, []


def deadline_ms(state: DoorNow) -> int | None:
    match state:
        case Released(until_ms=until):
            return until
        case Open(held_at_ms=at, held=False):
            return at
        case _:
            return None
