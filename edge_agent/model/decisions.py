"""The answer of `core.decide`: a Grant, or a Deny with exactly one reason."""

from enum import StrEnum

import msgspec


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
    LIVENESS_FAILED = "liveness_failed"
    FACE_AMBIGUOUS = "face_ambiguous"
    JOURNAL_UNAVAILABLE = "journal_unavailable"  # nothing can be recorded: entry is refused, leaving is not
    OTHER = "other"  # an unknown reason is read as this


class Grant(msgspec.Struct, frozen=True):
    person: str
    category: str
    house: str
    how: tuple[str, ...]  # the credential kinds that were shown
    rule: str
    timed: bool  # depended on the wall clock: recorded before the gate opens


class Deny(msgspec.Struct, frozen=True):
    reason: Reason
    how: tuple[str, ...]
    person: str | None = None  # when the credential is somebody's


Decision = Grant | Deny
