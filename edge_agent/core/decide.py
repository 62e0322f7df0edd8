"""May this read pass? Pure and total: every read gets a Grant, or a Deny with exactly one reason.

The checks run from the read itself (stale, unreadable) over the credential and the person to the rules, so that the
reason names the first thing that is wrong. On the way out only recognition counts: neither a blocked card nor validity,
schedules, the clock or the disk keep anybody inside.
"""

from edge_agent.core.schedule import permits
from edge_agent.model.clock import Moment
from edge_agent.model.decisions import Decision, Deny, Grant, Reason
from edge_agent.model.people import Book, CardCredential, Person, Rule
from edge_agent.model.reads import Card, Direction, Face, Liveness, Read, Unreadable
from edge_agent.model.site import Door, Policy

STALE_AFTER_MS = 2000  # a read that waited longer would open for whoever stands there now


def decide(read: Read, book: Book, door: Door, now: Moment, policy: Policy, recording: bool = True) -> Decision:
    """`recording`: whether the journal can take the event; `now`: the instant of the decision."""
    how = _kind(read)
    if read.stale or now.up_ms - read.up_ms > STALE_AFTER_MS:
        return Deny(Reason.STALE_READ, how)
    found = _identify(read, book, door)
    if isinstance(found, Reason):
        return Deny(found, how, _whose(read, book))
    person, credential = found
    rules = [rule for rule in book.rules if _covers(rule, person, door)]
    if read.direction is Direction.OUT:
        return Grant(person.id, person.category, person.house, how, rules[0].id if rules else "egress", timed=False)
    if (how[0],) not in door.ways:
        return Deny(Reason.INVALID_IDENTIFIER, how, person.id)
    if refusal := _state(person, credential):
        return Deny(refusal, how, person.id)
    if not recording and policy.when_full == "refuse":
        return Deny(Reason.JOURNAL_UNAVAILABLE, how, person.id)
    if refusal := _validity(person, credential, now, policy):
        return Deny(refusal, how, person.id)
    rule = _permitting(rules, book, now, policy)
    if isinstance(rule, Reason):
        return Deny(rule, how, person.id)
    timed = rule.schedule is not None or _dated(person) or (credential is not None and _dated(credential))
    return Grant(person.id, person.category, person.house, how, rule.id, timed)


def _kind(read: Read) -> tuple[str, ...]:
    match read.credential:
        case Card():
            return ("card",)
        case Face():
            return ("face",)
        case Unreadable():
            return ("unreadable",)


def _identify(read: Read, book: Book, door: Door) -> tuple[Person, CardCredential | None] | Reason:
    match read.credential:
        case Unreadable():
            return Reason.INVALID_IDENTIFIER
        case Card() as card:
            credential = book.cards.get(card)
            if credential is None or credential.person not in book.persons:
                return Reason.UNKNOWN_CREDENTIAL
            return book.persons[credential.person], credential
        case Face(outcome=outcome, person=name, liveness=liveness):
            if liveness is Liveness.SPOOF:
                return Reason.LIVENESS_FAILED
            if outcome == "ambiguous":
                return Reason.FACE_AMBIGUOUS
            if outcome != "match" or name is None or name not in book.persons:
                return Reason.UNKNOWN_CREDENTIAL
            if liveness is not Liveness.LIVE and door.liveness == "required" and read.direction is Direction.IN:
                return Reason.LIVENESS_FAILED
            return book.persons[name], None


def _whose(read: Read, book: Book) -> str | None:
    """The person a refused face was matched with; an ambiguous or unknown one is nobody's."""
    match read.credential:
        case Face(outcome="match", person=str(person)) if person in book.persons:
            return person
        case _:
            return None


def _state(person: Person, credential: CardCredential | None) -> Reason | None:
    if credential is not None and credential.state == "revoked":
        return Reason.REVOKED
    if not person.enabled or (credential is not None and credential.state != "enabled"):
        return Reason.CREDENTIAL_NOT_ENABLED
    return None


def _dated(holder: Person | CardCredential) -> bool:
    return holder.valid_from_ms is not None or holder.valid_until_ms is not None


def _validity(person: Person, credential: CardCredential | None, now: Moment, policy: Policy) -> Reason | None:
    for holder in (credential, person):
        if holder is None or not _dated(holder):
            continue
        if holder.valid_until_ms is not None and now.wall_ms >= holder.valid_until_ms:
            return Reason.CREDENTIAL_EXPIRED
        if _distrusted(now, policy):
            return Reason.UNTRUSTED_CLOCK
        if holder.valid_from_ms is not None and now.wall_ms < holder.valid_from_ms:
            return Reason.CREDENTIAL_NOT_ACTIVE
    return None


def _distrusted(now: Moment, policy: Policy) -> bool:
    return not now.trusted and policy.untrusted_clock == "deny_timed"


def _covers(rule: Rule, person: Person, door: Door) -> bool:
    where = "*" in rule.doors or door.name in rule.doors
    return where and (person.category in rule.categories or person.id in rule.persons)


def _permitting(rules: list[Rule], book: Book, now: Moment, policy: Policy) -> Rule | Reason:
    """The rule that permits, one without a schedule first: it needs no clock."""
    if not rules:
        return Reason.UNAUTHORIZED
    for rule in rules:
        if rule.schedule is None:
            return rule
    if _distrusted(now, policy):
        return Reason.UNTRUSTED_CLOCK
    for rule in rules:
        schedule = book.schedules.get(rule.schedule or "")
        if schedule is not None and permits(schedule, now.wall_ms, book.zone):
            return rule
    return Reason.NOT_PERMITTED_AT_THIS_TIME
