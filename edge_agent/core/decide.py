"""May this attempt pass? Pure and total: a Grant, a Deny with exactly one reason, or a Wait for what is missing.

The checks run from the read itself (stale, locked out, unreadable) over the credential and the person to the rules, the
place and the company, so that the reason names the first thing that is wrong. On the way out only recognition counts:
neither a blocked card nor validity, schedules, modes, limits, the clock or the disk keep anybody inside; of two doors
that must not be open together one waits for the other; and a fire release lets everybody out.

Of rules that contradict each other the one that denies decides (docs/decisions/0013).
"""

from edge_agent.core import area
from edge_agent.core.mode import LOCKED, Mode, refusal
from edge_agent.core.remember import credential_of
from edge_agent.core.schedule import in_force, local_time
from edge_agent.model.clock import Moment
from edge_agent.model.decisions import Attempt, Company, Decision, Deny, Grant, Reason, Shown, Wait
from edge_agent.model.people import Book, Credential, Person, Rule
from edge_agent.model.reads import (
    Card,
    Code,
    Direction,
    Face,
    Keys,
    Liveness,
    Pass,
    Pin,
    Read,
    Token,
    Unreadable,
    kind_of,
)
from edge_agent.model.site import Door, Escort, Kind, Policy, TwoPersons, Ways
from edge_agent.model.standing import Armed, Change

STALE_AFTER_MS = 2000  # a read that waited longer would open for whoever stands there now
GUESSED = (Reason.INVALID_PIN, Reason.UNKNOWN_CREDENTIAL)  # what counts as a wrong try; a face is no guess


class Place:
    """What `decide` knows of the door beside the read: how it stands, what is remembered, whether others are shut."""

    __slots__ = ("door", "interlocked", "mode", "recording", "standing")

    def __init__(
        self,
        door: Door,
        standing: area.Standing,
        mode: Mode = LOCKED,
        interlocked: bool = False,
        recording: bool = True,
    ) -> None:
        """`interlocked`: another door of a group is not shut; `recording`: the journal can take the event."""
        self.door, self.standing, self.mode = door, standing, mode
        self.interlocked, self.recording = interlocked, recording


def decide(attempt: Attempt, book: Book, place: Place, now: Moment, policy: Policy) -> Decision:
    """`now`: the instant of the decision."""
    read, standing = attempt.read, place.standing
    how = _how(attempt)
    out = read.direction is Direction.OUT
    if out and standing.fire:
        return _flee(read, how, book, place, now)
    if read.stale or now.up_ms - read.up_ms > STALE_AFTER_MS:
        return Deny(Reason.STALE_READ, how)
    if not out and area.locked_out(read.terminal, standing, now):
        return Deny(Reason.LOCKED_OUT, how)
    shown = identify(read, book, now, policy)
    if out:
        return _egress(shown, attempt, book, place, now)
    if isinstance(shown, Deny):
        return _refuse(shown, how, read, place, now, policy)
    person = book.persons[shown.person]
    earlier = tuple(factor for factor in attempt.shown if factor != shown)  # the same one again is not one more
    if reason := next((reason for factor in earlier if (reason := withdrawn(factor, book))), None):
        return Deny(reason, how, person.id)
    return _ingress(person, (*earlier, shown), attempt, book, place, now, policy)


def _how(attempt: Attempt) -> tuple[str, ...]:
    kinds = dict.fromkeys(shown.kind for shown in attempt.shown)
    kinds[kind_of(attempt.read.credential)] = None
    return (*kinds, *(("guard",) if attempt.approved_by else ()))


def _refuse(found: Deny, how: tuple[str, ...], read: Read, place: Place, now: Moment, policy: Policy) -> Deny:
    """A refused credential; a wrong try is counted."""
    wrong = found.reason in GUESSED and not isinstance(read.credential, Face)
    tries = area.tried(read.terminal, False, place.standing, now, policy) if wrong else ()
    return Deny(found.reason, how, found.person, changes=tries)


# ---- who is it -------------------------------------------------------------------------------------------------------


def identify(read: Read, book: Book, now: Moment, policy: Policy) -> Shown | Deny:
    """Whose credential is it, and is it good in itself? On the way out only the first question counts."""
    kind = kind_of(read.credential)
    out = read.direction is Direction.OUT
    match read.credential:
        case Unreadable() | Keys() | Code():
            return Deny(Reason.INVALID_IDENTIFIER, (kind,))
        case Card() | Token() as key:
            credential = book.credentials.get(key)
            if credential is None or credential.person not in book.persons:
                return Deny(Reason.UNKNOWN_CREDENTIAL, (kind,))
            if not out and (reason := _wrong_credential(credential, now, policy)):
                return Deny(reason, (kind,), credential.person)
            return Shown(
                kind,
                credential.person,
                _use_name(key),
                credential.max_uses,
                _dated(credential),
                True,
                credential.duress,
            )
        case Pin(person=name, duress=duress, claimed=claimed):
            if name is None or name not in book.persons:
                return Deny(Reason.INVALID_PIN, (kind,), claimed)
            return Shown(kind, name, duress=duress)
        case Pass() as ticket:
            if ticket.person not in book.persons:
                return Deny(Reason.UNKNOWN_CREDENTIAL, (kind,))
            if not out and (reason := _wrong_pass(ticket, read.door, book, now, policy)):
                return Deny(reason, (kind,), ticket.person)
            return Shown(kind, ticket.person, f"pass/{ticket.expires_ms}/{ticket.id}", ticket.max_uses, timed=True)
        case Face(outcome=outcome, person=name, liveness=liveness, by_terminal=by_terminal):
            known = name if outcome == "match" and name in book.persons else None
            if liveness is Liveness.SPOOF:
                return Deny(Reason.LIVENESS_FAILED, (kind,), known)
            if outcome == "ambiguous":
                return Deny(Reason.FACE_AMBIGUOUS, (kind,))
            if known is None:
                return Deny(Reason.UNKNOWN_CREDENTIAL, (kind,))
            if by_terminal and not out and (reason := _not_agreed(known, book, now, policy)):
                return Deny(reason, (kind,), known)
            return Shown(kind, known, live=liveness is Liveness.LIVE)


def _not_agreed(person: str, book: Book, now: Moment, policy: Policy) -> Reason | None:
    """A terminal may still hold the face of somebody who has not agreed to it, or no longer does."""
    if person not in book.consents:
        return Reason.CREDENTIAL_NOT_ENABLED
    return _validity(None, book.consents[person], now, policy)


def _use_name(key: Card | Token) -> str:
    match key:
        case Card(bits=bits, raw=raw):
            return f"card/{bits}/{raw:x}"
        case Token(kind=kind, digest=digest):
            return f"{kind}/{digest}"


def withdrawn(factor: Shown, book: Book) -> Reason | None:
    """Why what was shown a moment ago is not good any more: it was revoked, blocked or taken away meanwhile."""
    match factor.uses.split("/", 2):
        case ["pass", _, jti]:
            revoked = book.credentials.get(Token("qr", f"pass/{jti}"))
            return None if revoked is None or revoked.state == "enabled" else Reason.REVOKED
    key = credential_of(factor.uses)
    if key is None:  # a PIN or a face
        return None
    held = book.credentials.get(key)
    if held is None or held.person != factor.person:
        return Reason.UNKNOWN_CREDENTIAL
    return None if held.state == "enabled" else _state_of(held)


def _used_up(factor: Shown, standing: area.Standing) -> bool:
    return factor.most is not None and standing.uses.get(factor.uses, 0) >= factor.most


def _state_of(credential: Credential) -> Reason:
    """Why one that is not enabled is not good."""
    return Reason.REVOKED if credential.state == "revoked" else Reason.CREDENTIAL_NOT_ENABLED


def _wrong_credential(credential: Credential, now: Moment, policy: Policy) -> Reason | None:
    if credential.state != "enabled":
        return _state_of(credential)
    return _validity(credential.valid_from_ms, credential.valid_until_ms, now, policy)


def _wrong_pass(ticket: Pass, door: str, book: Book, now: Moment, policy: Policy) -> Reason | None:
    revoked = book.credentials.get(Token("qr", f"pass/{ticket.id}"))
    if revoked is not None and revoked.state != "enabled":
        return Reason.REVOKED
    if ticket.doors and door not in ticket.doors:
        return Reason.UNAUTHORIZED
    return _validity(ticket.not_before_ms, ticket.expires_ms, now, policy)


def _dated(holder: Person | Credential) -> bool:
    return holder.valid_from_ms is not None or holder.valid_until_ms is not None


def _validity(start_ms: int | None, end_ms: int | None, now: Moment, policy: Policy) -> Reason | None:
    if start_ms is None and end_ms is None:
        return None
    if end_ms is not None and now.wall_ms >= end_ms:  # a clock without a battery is behind, not ahead
        return Reason.CREDENTIAL_EXPIRED
    if _distrusted(now, policy):
        return Reason.UNTRUSTED_CLOCK
    if start_ms is not None and now.wall_ms < start_ms:
        return Reason.CREDENTIAL_NOT_ACTIVE
    return None


def _distrusted(now: Moment, policy: Policy) -> bool:
    return not now.trusted and policy.untrusted_clock == "deny_timed"


# ---- the way in ------------------------------------------------------------------------------------------------------


def _ingress(
    person: Person,
    shown: tuple[Shown, ...],
    attempt: Attempt,
    book: Book,
    place: Place,
    now: Moment,
    policy: Policy,
) -> Decision:
    door, how = place.door, _how(attempt)
    choices = _choices(door, book, now, policy)
    ways = _at_any_time(choices)
    if not any(shown[-1].kind in way for way in ways):
        return Deny(Reason.INVALID_IDENTIFIER, how, person.id)
    if not person.enabled:
        return Deny(Reason.CREDENTIAL_NOT_ENABLED, how, person.id)
    if not place.recording and policy.when_full == "refuse":
        return Deny(Reason.JOURNAL_UNAVAILABLE, how, person.id)
    if reason := _validity(person.valid_from_ms, person.valid_until_ms, now, policy):
        return Deny(reason, how, person.id)
    if any(_used_up(factor, place.standing) for factor in shown):
        return Deny(Reason.USES_EXHAUSTED, how, person.id)
    permit = permission(person, door.name, book, now, policy)
    if isinstance(permit, Deny):
        return Deny(permit.reason, how, person.id, permit.rule)
    rule, permits = permit
    exempt = next((other for other in permits if other.in_lockdown), None)
    if reason := refusal(place.mode, exempt is not None):
        return Deny(reason, how, person.id, rule.id)
    if exempt is not None and place.mode.name == "locked_down":
        rule = exempt
    if not _armed(person, door, place, book, now, policy):
        return Deny(Reason.NOT_PERMITTED_AT_THIS_TIME, how, person.id, rule.id)
    if place.interlocked:
        return Deny(Reason.INTERLOCK, how, person.id, rule.id)
    limits = _limits(person, Direction.IN, place, now, policy)
    if isinstance(limits, Reason):
        return Deny(limits, how, person.id, rule.id)
    if isinstance(owed := _owed(person, shown, attempt, choices, door), Wait | Reason):
        return owed if isinstance(owed, Wait) else Deny(owed, how, person.id, rule.id)
    timed = rule.schedule is not None or _dated(person) or any(factor.timed for factor in shown)
    return _grant(person, shown, attempt, rule.id, timed, limits, book, place, now, policy)


def ways_of(door: Door, book: Book, now: Moment, policy: Policy) -> Ways:
    """The combinations that open now; on a clock nobody trusts those that open at any time."""
    return _at_any_time(_choices(door, book, now, policy))


def _choices(door: Door, book: Book, now: Moment, policy: Policy) -> tuple[Ways, ...]:
    """The combinations of now alone; on a clock nobody trusts those of every time, each of which is to be satisfied."""
    if door.ways_at and _distrusted(now, policy):
        return door.ways, *(at.ways for at in door.ways_at)
    return (next((at.ways for at in door.ways_at if in_force(book, at.schedule, now.wall_ms)), door.ways),)


def _at_any_time(choices: tuple[Ways, ...]) -> Ways:
    """What satisfies each of `choices`, and nothing more than it must."""
    if len(choices) == 1:
        return choices[0]
    found: set[frozenset[Kind]] = {frozenset()}
    for ways in choices:
        both = {one.union(way) for one in found for way in ways}
        found = {one for one in both if not any(other < one for other in both)}
    return tuple(sorted(tuple(sorted(one)) for one in found))


def permission(person: Person, door: str, book: Book, now: Moment, policy: Policy) -> tuple[Rule, list[Rule]] | Deny:
    """The rule that permits (one without a schedule first: it needs no clock) and all that permit now; or why not.

    A rule that denies decides whatever permits; on a clock nobody trusts a scheduled one counts as on.
    """
    rules = book.rules_for(person, door)
    distrusted = _distrusted(now, policy)
    always: list[Rule] = []
    timed: list[Rule] = []
    scheduled = False
    for rule in rules:
        if rule.effect == "deny":
            if rule.schedule is None or distrusted or in_force(book, rule.schedule, now.wall_ms):
                reason = Reason.UNAUTHORIZED if rule.schedule is None else Reason.NOT_PERMITTED_AT_THIS_TIME
                return Deny(reason, (), person.id, rule.id)
        elif rule.schedule is None:
            always.append(rule)
        else:
            scheduled = True
            if not distrusted and in_force(book, rule.schedule, now.wall_ms):
                timed.append(rule)
    if permits := always + timed:
        return permits[0], permits
    if not scheduled:
        return Deny(Reason.UNAUTHORIZED, (), person.id)
    return Deny(Reason.UNTRUSTED_CLOCK if distrusted else Reason.NOT_PERMITTED_AT_THIS_TIME, (), person.id)


def shut_out(person: str, door: Door, mode: Mode, book: Book, now: Moment, policy: Policy) -> Reason | None:
    """Why the mode the door is in by now keeps out somebody who was granted before."""
    known = book.persons.get(person)
    permit = None if known is None else permission(known, door.name, book, now, policy)
    exempt = isinstance(permit, tuple) and any(rule.in_lockdown for rule in permit[1])
    return refusal(mode, exempt)


def _armed(person: Person, door: Door, place: Place, book: Book, now: Moment, policy: Policy) -> bool:
    """Where the first person in arms the door for the day: it is armed, or this is such a person."""
    first = door.first_person
    if first is None or first.mode != "arm" or person.category in first.categories:
        return True
    if _distrusted(now, policy):
        return False
    return place.standing.armed.get(door.name) == local_time(now.wall_ms, book.zone).toordinal()


def _limits(
    person: Person, direction: Direction, place: Place, now: Moment, policy: Policy
) -> tuple[Reason, ...] | Reason:
    """The soft limits that this passage passes, or the hard one that stops it. Nobody is stopped on the way out."""
    notes: list[Reason] = []
    back = area.passed_back(place.door, direction, person.id, place.standing, now)
    crowd = area.crowded(place.door, direction, person.id, place.standing)
    if direction is Direction.IN:
        if back == "untold":
            back = None if policy.untrusted_clock == "allow_timed" else back
            if back is not None:
                return Reason.UNTRUSTED_CLOCK
        if back == "hard":
            return Reason.ANTI_PASSBACK
        if crowd == "hard":
            return Reason.OCCUPANCY
    if back in {"hard", "soft"}:
        notes.append(Reason.ANTI_PASSBACK)
    if crowd is not None:
        notes.append(Reason.OCCUPANCY)
    return tuple(notes)


# ---- what is still missing -------------------------------------------------------------------------------------------


def _owed(
    person: Person, shown: tuple[Shown, ...], attempt: Attempt, choices: tuple[Ways, ...], door: Door
) -> Wait | Reason | None:
    """The first thing that is missing: a factor, a second person, an escort. A guard's approval stands in for one.

    A face that stands alone is to be alive: in each of `choices`, whatever the others ask for beside it.
    """
    approved = bool(attempt.approved_by)
    kinds = {factor.kind for factor in shown}
    ways = _at_any_time(choices)
    if not any(kinds.issuperset(way) for way in ways):
        if not approved:
            wants = tuple(dict.fromkeys(kind for way in ways if kinds & set(way) for kind in way if kind not in kinds))
            return Wait(Reason.SECOND_FACTOR_MISSING, shown, person, door.factor_within_s, wants)
        approved = False
    elif not all(factor.live for factor in shown) and door.liveness == "required":
        if any(all(set(way) == {"face"} for way in choice if kinds.issuperset(way)) for choice in choices):
            return Reason.LIVENESS_FAILED
    now_ms = attempt.read.up_ms
    two = door.two_persons
    if two is not None and _together(person, attempt.company, two, now_ms) + approved < two.count:
        return Wait(Reason.SECOND_PERSON_MISSING, shown, person, two.within_s)
    escort = door.escort
    if escort is not None and person.category in escort.categories and not person.escort_exempt:
        if not approved and not any(_escorts(other, person, escort, now_ms) for other in attempt.company):
            return Wait(Reason.ESCORT_MISSING, shown, person, escort.within_s)
    return None


def _together(person: Person, company: tuple[Company, ...], two: TwoPersons, now_ms: int) -> int:
    """How many different people of the group stand here, this one among them; who was let in is no longer here."""
    group = {
        other.person.id
        for other in company
        if not other.passed
        and now_ms - other.up_ms <= two.within_s * 1000
        and (not two.categories or other.person.category in two.categories)
    }
    if not two.categories or person.category in two.categories:
        group.add(person.id)
    return len(group)


def _escorts(other: Company, visitor: Person, escort: Escort, now_ms: int) -> bool:
    if not other.passed or other.person.id == visitor.id or abs(now_ms - other.up_ms) > escort.within_s * 1000:
        return False
    return other.person.id == visitor.host or other.person.category in escort.by


# ---- the answer ------------------------------------------------------------------------------------------------------


def _grant(
    person: Person,
    shown: tuple[Shown, ...],
    attempt: Attempt,
    rule: str,
    timed: bool,
    notes: tuple[Reason, ...],
    book: Book,
    place: Place,
    now: Moment,
    policy: Policy,
) -> Grant:
    door, standing, direction = place.door, place.standing, attempt.read.direction
    coming = direction is Direction.IN  # a use is a way in: who may come twice must be able to leave between
    uses = dict.fromkeys(factor.uses for factor in shown if coming and factor.most is not None)
    changes, undo = area.passage(door, direction, person, uses, standing, now)
    more: tuple[Change, ...] = ()
    if coming:
        more = area.tried(attempt.read.terminal, True, standing, now, policy)
        first = door.first_person
        arms = first is not None and first.mode == "arm" and person.category in first.categories
        if arms and not _distrusted(now, policy):
            day = local_time(now.wall_ms, book.zone).toordinal()
            if standing.armed.get(door.name) != day:
                more = (*more, Armed(door.name, day))
    return Grant(
        person.id, person.category, person.house, _how(attempt), rule, timed,
        longer=person.needs_longer, duress=any(factor.duress for factor in shown),
        notes=notes, changes=(*changes, *more), undo=undo,
    )  # fmt: skip


def _egress(shown: Shown | Deny, attempt: Attempt, book: Book, place: Place, now: Moment) -> Decision:
    """Out: whoever is known."""
    if isinstance(shown, Deny):
        return Deny(shown.reason, _how(attempt), shown.person)
    person = book.persons[shown.person]
    if place.interlocked:
        return Deny(Reason.INTERLOCK, _how(attempt), person.id)
    rules = book.rules_for(person, place.door.name)
    rule = next((rule.id for rule in rules if rule.effect == "permit"), "egress")
    notes = _limits(person, Direction.OUT, place, now, Policy())
    assert not isinstance(notes, Reason)  # on the way out there are only notes
    return _grant(person, (shown,), attempt, rule, False, notes, book, place, now, Policy())


def _flee(read: Read, how: tuple[str, ...], book: Book, place: Place, now: Moment) -> Grant:
    """Out of a fire: whoever it is, with whatever they hold."""
    shown = identify(read, book, now, Policy())
    if isinstance(shown, Deny):
        return Grant("", "", "", how, "fire_release", timed=False)
    person = book.persons[shown.person]
    changes, undo = area.passage(place.door, Direction.OUT, person, (), place.standing, now)
    return Grant(
        person.id, person.category, person.house, how, "fire_release", False, person.needs_longer,
        duress=shown.duress, changes=changes, undo=undo,
    )  # fmt: skip
