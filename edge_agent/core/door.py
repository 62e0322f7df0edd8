"""One door as a state machine: (state, what happened) → (state, events).

It follows the contact, never the command: a door that was released and did not open is closed, and one that opens
without a release was forced. `free` says that the door's mode lets anybody pass (unlocked, locked open): then nothing
is forced and nothing is held. `deadline_ms` says when the next tick matters.
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
from edge_agent.model.standing import Change

GRACE_MS = 500  # the leaf may already move when the relay drops out, and the contact is debounced


class Timing(msgspec.Struct, frozen=True):
    """`prealarm_ms`: the warning comes so long before an open door is a held one."""

    release_ms: int
    open_ms: int
    prealarm_ms: int = 0


class Going(msgspec.Struct, frozen=True):
    """Somebody who was let through, in or out, and has not gone yet. `undo`: what is taken back of `done` should they
    not.
    """

    person: str
    done: tuple[Change, ...] = ()
    undo: tuple[Change, ...] = ()
    inward: bool = True


class Locked(msgspec.Struct, frozen=True, tag=True):
    """Closed, or not reported yet; nobody may pass."""


class Released(msgspec.Struct, frozen=True, tag=True):
    """Closed; somebody may open it until `until_ms`, then stay open for `open_ms`. `going`: those who were granted;
    a button or a command lets somebody pass whom nobody expects back.
    """

    since_ms: int
    until_ms: int
    open_ms: int
    going: tuple[Going, ...] = ()


class Open(msgspec.Struct, frozen=True, tag=True):
    """Open since `since_ms`; becomes `held` at `held_at_ms` unless that is None: nobody minds."""

    since_ms: int
    held_at_ms: int | None
    forced: bool = False
    held: bool = False
    warned: bool = False


DoorNow = Locked | Released | Open


class Outcome(msgspec.Struct, frozen=True):
    """An event the door made; `going`: who did not go through after all; `gone`: who did."""

    event: Event
    going: Going | None = None
    gone: tuple[Going, ...] = ()


Step = tuple[DoorNow, list[Outcome]]


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


def shut(state: DoorNow) -> bool:
    """Closed and not about to open: another door of an interlock may."""
    return isinstance(state, Locked)


def release(state: DoorNow, now_ms: int, timing: Timing, going: Going | None = None) -> DoorNow:
    """The lock was released. At an open door the next person's time begins; a forced door stays forced."""
    until_ms = now_ms + timing.release_ms + GRACE_MS
    new = () if going is None else (going,)
    match state:
        case Locked():
            return Released(now_ms, until_ms, timing.open_ms, new)
        case Released(since_ms=since, until_ms=until, open_ms=open_ms, going=before):
            return Released(since, max(until, until_ms), max(open_ms, timing.open_ms), before + new)
        case Open(forced=True):
            return state
        case Open(since_ms=since, held_at_ms=held_at):
            return Open(since, None if held_at is None else max(held_at, now_ms + timing.open_ms))


def opened(state: DoorNow, door: str, now_ms: int, timing: Timing, *, first: bool = False, free: bool = False) -> Step:
    """The contact opened. `first`: found open when the gate was first heard, which nobody can call forced."""
    held_at_ms = None if free else now_ms + timing.open_ms
    match state:
        case Open():
            return state, []
        case Released(since_ms=since, open_ms=open_ms, going=going):
            taken: list[Outcome] = []
            if going:
                person = going[0].person if len(going) == 1 else None
                after_ms = max(0, now_ms - since)  # the contact moved before the release was read back
                taken.append(Outcome(AccessTaken(door=door, person=person, after_ms=after_ms), gone=going))
            held_at_ms = None if free else now_ms + open_ms
            return Open(now_ms, held_at_ms), [*taken, Outcome(DoorOpened(door=door))]
        case Locked():
            forced = not first and not free
            event: Event = DoorForced(door=door) if forced else DoorOpened(door=door)
            return Open(now_ms, held_at_ms, forced=forced), [Outcome(event)]


def closed(state: DoorNow, door: str, now_ms: int) -> Step:
    match state:
        case Open(since_ms=since):
            return Locked(), [Outcome(DoorClosed(door=door, open_ms=max(0, now_ms - since)))]
        case Locked() | Released():
            return state, []


def tick(state: DoorNow, door: str, now_ms: int, timing: Timing) -> Step:
    """Time passed: a release runs out, an open door is warned about and becomes a held one (once each)."""
    match state:
        case Released(until_ms=until, going=going) if now_ms >= until:
            return Locked(), [Outcome(AccessNotTaken(door=door, person=who.person), who) for who in going]
        case Open(since_ms=since, held_at_ms=int(at), held=False) if now_ms >= at:
            held = msgspec.structs.replace(state, held=True, warned=True)
            return held, [Outcome(DoorHeld(door=door, open_ms=now_ms - since))]
        case Open(held_at_ms=int(at), held=False, warned=False) if _warns(timing) and now_ms >= at - timing.prealarm_ms:
            return msgspec.structs.replace(state, warned=True), []
        case _:
            return state, []


def unseen(state: DoorNow) -> tuple[DoorNow, tuple[Going, ...]]:
    """The contact says nothing any more: whoever was let through is taken at their word, and counts as gone."""
    match state:
        case Released(going=going):
            return msgspec.structs.replace(state, going=()), going
        case Locked() | Open():
            return state, ()


def freed(state: DoorNow) -> DoorNow:
    """The door's mode now lets anybody pass: an open door may stay open."""
    match state:
        case Open():
            return Open(state.since_ms, None)
        case Locked() | Released():
            return state


def secured(state: DoorNow, now_ms: int, timing: Timing) -> DoorNow:
    """The door's mode lets nobody pass any more: an open door has its time to be shut."""
    match state:
        case Open(held_at_ms=None):
            return Open(state.since_ms, now_ms + timing.open_ms)
        case _:
            return state


def deadline_ms(state: DoorNow, timing: Timing) -> int | None:
    match state:
        case Released(until_ms=until):
            return until
        case Open(held_at_ms=int(at), held=False, warned=warned):
            return at - timing.prealarm_ms if _warns(timing) and not warned else at
        case _:
            return None


def _warns(timing: Timing) -> bool:
    return timing.prealarm_ms > 0
