"""Who stands at a door: factors that wait for more, people who wait for company, and those just let in.

One `Gathered` a door and direction. A person's factors are put together in any order and on any terminal of the door;
somebody else's never count. What waits too long is refused for the reason it waited for.
"""

import msgspec

from edge_agent.core.decide import withdrawn
from edge_agent.model.decisions import Attempt, Company, Grant, Reason, Wait
from edge_agent.model.people import Book
from edge_agent.model.reads import Card, Face, Pass, Pin, Presented, Read, Token
from edge_agent.model.site import Door

WAITING_AT_MOST = 8  # a ninth takes the oldest one's place, which is refused


class Waiting(msgspec.Struct, frozen=True):
    """Somebody in order but for one thing, until `until_ms`; `read` is the last thing they showed."""

    read: Read
    wait: Wait
    until_ms: int


class Gathered(msgspec.Struct, frozen=True):
    waiting: tuple[Waiting, ...] = ()
    passed: tuple[Company, ...] = ()


NOBODY = Gathered()


def whose(credential: Presented, book: Book) -> str | None:
    """Whom a credential names, whether it is good or not."""
    match credential:
        case Card() | Token() as key:
            known = book.credentials.get(key)
            return None if known is None else known.person
        case Pin(person=person) | Pass(person=person) | Face(person=person):
            return person
        case _:
            return None


# Refused for these, the card that was shown was somebody's and good in itself.
IN_ORDER = frozenset({
    Reason.CREDENTIAL_NOT_ENABLED, Reason.NOT_PERMITTED_AT_THIS_TIME, Reason.UNAUTHORIZED, Reason.UNTRUSTED_CLOCK,
    Reason.ANTI_PASSBACK, Reason.INTERLOCK, Reason.OCCUPANCY, Reason.DOOR_BLOCKED, Reason.LOCKDOWN,
    Reason.SECOND_FACTOR_MISSING, Reason.SECOND_PERSON_MISSING, Reason.ESCORT_MISSING, Reason.USES_EXHAUSTED,
    Reason.LIVENESS_FAILED, Reason.JOURNAL_UNAVAILABLE,
})  # fmt: skip


def under_duress(attempt: Attempt, reason: Reason, book: Book) -> bool:
    """Somebody calls for help though the door stays shut: with what was in order when it was shown, with a PIN of their
    own whatever becomes of it, or with a card. A PIN typed where none is asked for may be any number.
    """
    if any(factor.duress for factor in attempt.shown):
        return True
    match attempt.read.credential:
        case Pin(person=str(person), duress=True, claimed=claimed):
            return reason is not Reason.INVALID_IDENTIFIER or claimed == person
        case Card() | Token() as key if reason in IN_ORDER:
            held = book.credentials.get(key)
            return held is not None and held.duress and held.state == "enabled"
        case _:
            return False


def pin_wanted(gathered: Gathered, terminal: str) -> str | None:
    """The person whose PIN is typed at `terminal` now: who waits for a factor and could give it that way. Of several
    the last one who showed something at this very terminal, else the last one at the door.
    """
    waiting = [
        entry
        for entry in gathered.waiting
        if entry.wait.reason is Reason.SECOND_FACTOR_MISSING and "pin" in entry.wait.wants
    ]
    here = [entry for entry in waiting if entry.read.terminal == terminal]
    return next((entry.wait.person.id for entry in reversed(here or waiting)), None)


def face_wanted(gathered: Gathered) -> str | None:
    """The person whose face would complete what they have shown: a face is compared with theirs (1:1)."""
    for waiting in reversed(gathered.waiting):
        if waiting.wait.reason is Reason.SECOND_FACTOR_MISSING and "face" in waiting.wait.wants:
            return waiting.wait.person.id
    return None


def attempt_of(
    gathered: Gathered, read: Read, book: Book, approved_by: str = "", beside: tuple[Company, ...] = ()
) -> Attempt:
    """`read` with what the same person has shown before, and everybody else who is there, `beside` among them."""
    person = whose(read.credential, book)
    earlier = next((waiting for waiting in gathered.waiting if waiting.wait.person.id == person), None)
    shown = () if earlier is None else earlier.wait.shown
    if earlier is not None and earlier.read.read_id == read.read_id:
        shown = shown[:-1]  # the same read, looked at again
    company = [
        Company(waiting.wait.person, waiting.read.up_ms, passed=False)
        for waiting in gathered.waiting
        if waiting.wait.reason is Reason.SECOND_PERSON_MISSING
        and waiting.wait.person.id != person
        and _still_known(waiting, book)
    ]
    return Attempt(read, shown, (*company, *gathered.passed, *beside), approved_by)


def _still_known(waiting: Waiting, book: Book) -> bool:
    """They count for others as long as they could pass themselves: not blocked, nor what they showed taken away."""
    person = book.persons.get(waiting.wait.person.id)
    return person is not None and person.enabled and not any(withdrawn(shown, book) for shown in waiting.wait.shown)


def waits(gathered: Gathered, read: Read, wait: Wait, now_ms: int) -> tuple[Gathered, list[Waiting]]:
    """This person waits from now on; second, who had to give way."""
    others = [waiting for waiting in gathered.waiting if waiting.wait.person.id != wait.person.id]
    gone = others[: max(0, len(others) + 1 - WAITING_AT_MOST)]
    entry = Waiting(read, wait, now_ms + round(wait.within_s * 1000))
    return Gathered((*others[len(gone) :], entry), gathered.passed), gone


def lets_in(gathered: Gathered, grant: Grant, book: Book, door: Door, now_ms: int) -> tuple[Gathered, list[Waiting]]:
    """Somebody was let in; second, whose wait may be over by that: each is to be decided about once more."""
    person = book.persons.get(grant.person)
    waiting = tuple(entry for entry in gathered.waiting if entry.wait.person.id != grant.person)
    passed = gathered.passed
    if person is not None and door.escort is not None:
        kept = [other for other in passed if now_ms - other.up_ms <= door.escort.within_s * 1000]
        passed = (*kept[-WAITING_AT_MOST:], Company(person, now_ms, passed=True))
    helped = [entry for entry in waiting if entry.wait.reason in {Reason.SECOND_PERSON_MISSING, Reason.ESCORT_MISSING}]
    return Gathered(waiting, passed), helped


def without(gathered: Gathered, entry: Waiting) -> Gathered:
    """`entry` waits no more."""
    return Gathered(tuple(other for other in gathered.waiting if other != entry), gathered.passed)


def expire(gathered: Gathered, now_ms: int) -> tuple[Gathered, list[Waiting]]:
    """Time passed; second, who waited in vain."""
    over = [entry for entry in gathered.waiting if now_ms >= entry.until_ms]
    if not over:
        return gathered, []
    return Gathered(tuple(entry for entry in gathered.waiting if now_ms < entry.until_ms), gathered.passed), over


def deadline_ms(gathered: Gathered) -> int | None:
    return min((entry.until_ms for entry in gathered.waiting), default=None)
