"""The answer of `core.decide`: a Grant, a Deny with exactly one reason, or a Wait for what is still missing."""

from enum import StrEnum

import msgspec

from edge_agent.model.people import Person
from edge_agent.model.reads import Read
from edge_agent.model.standing import Change


class Reason(StrEnum):
    """Why not. The first eight are ONVIF's words (Access Control Service Specification), the others ours."""

    CREDENTIAL_NOT_ENABLED = "credential_not_enabled"
    CREDENTIAL_NOT_ACTIVE = "credential_not_active"  # before its validity
    CREDENTIAL_EXPIRED = "credential_expired"  # after its validity
    INVALID_PIN = "invalid_pin"
    NOT_PERMITTED_AT_THIS_TIME = "not_permitted_at_this_time"
    UNAUTHORIZED = "unauthorized"  # known, but no rule lets this person through this door
    INVALID_IDENTIFIER = "invalid_identifier"  # unreadable, or a kind this door does not take
    UNKNOWN_CREDENTIAL = "unknown_credential"
    REVOKED = "revoked"
    STALE_READ = "stale_read"
    UNTRUSTED_CLOCK = "untrusted_clock"
    ANTI_PASSBACK = "anti_passback"
    INTERLOCK = "interlock"  # another door of the group is not shut
    OCCUPANCY = "occupancy"
    DOOR_BLOCKED = "door_blocked"
    LOCKDOWN = "lockdown"
    SECOND_FACTOR_MISSING = "second_factor_missing"
    SECOND_PERSON_MISSING = "second_person_missing"
    ESCORT_MISSING = "escort_missing"
    USES_EXHAUSTED = "uses_exhausted"
    LIVENESS_FAILED = "liveness_failed"
    FACE_AMBIGUOUS = "face_ambiguous"
    LOCKED_OUT = "locked_out"  # too many wrong tries at this terminal
    JOURNAL_UNAVAILABLE = "journal_unavailable"  # nothing can be recorded: entry is refused, leaving is not
    OTHER = "other"  # an unknown reason is read as this


class Shown(msgspec.Struct, frozen=True):
    """One factor that was identified: what kind, whose, and what hangs on it."""

    kind: str
    person: str
    uses: str = ""  # name of its use counter
    most: int | None = None  # uses it has in all
    timed: bool = False  # its validity hangs on the wall clock
    live: bool = True  # False: a face nobody checked for life
    duress: bool = False


class Company(msgspec.Struct, frozen=True):
    """Somebody else who presented at this door a moment ago. `passed`: was let in; else waits for a second person."""

    person: Person
    up_ms: int
    passed: bool


class Attempt(msgspec.Struct, frozen=True):
    """What stands before the door: the newest read, what the same person showed before, who else is there."""

    read: Read
    shown: tuple[Shown, ...] = ()
    company: tuple[Company, ...] = ()
    approved_by: str = ""  # a guard vouches: stands in for one missing factor, person or escort


class Grant(msgspec.Struct, frozen=True):
    """`how`: the kinds that were shown; `timed`: hangs on the wall clock, so it is recorded before the gate opens."""

    person: str
    category: str
    house: str
    how: tuple[str, ...]
    rule: str
    timed: bool
    longer: bool = False  # the door's extended times
    duress: bool = False
    notes: tuple[Reason, ...] = ()  # soft limits that were passed
    changes: tuple[Change, ...] = ()  # what it does to presence, uses and tries; recorded with it
    undo: tuple[Change, ...] = ()  # recorded when the door was not opened after all


class Deny(msgspec.Struct, frozen=True):
    """`rule`: the one that decided, where one did; `changes`: what is remembered of the refusal (wrong tries)."""

    reason: Reason
    how: tuple[str, ...]
    person: str | None = None  # when the credential is somebody's
    rule: str | None = None
    changes: tuple[Change, ...] = ()


class Wait(msgspec.Struct, frozen=True):
    """Everything is in order but for `reason`: a second factor (`wants`), a second person, an escort."""

    reason: Reason
    shown: tuple[Shown, ...]
    person: Person
    within_s: float
    wants: tuple[str, ...] = ()  # kinds, any of which would help


Decision = Grant | Deny | Wait
