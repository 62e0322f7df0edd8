"""Would this person pass here, and what decides? `decide` itself is asked, with attempts made of what the person holds.

Nothing is opened and nothing remembered: the changes that a Grant carries are thrown away. A duress PIN or card is told
like any other, so that no screen gives it away.
"""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from edge_agent.core import area
from edge_agent.core.decide import Place, decide, identify, permission, ways_of
from edge_agent.core.mode import Mode
from edge_agent.core.schedule import in_force, local_time, opens_after
from edge_agent.model.clock import Moment
from edge_agent.model.decisions import Attempt, Decision, Deny, Grant, Reason, Wait
from edge_agent.model.people import Book, Credential, Person, Rule
from edge_agent.model.reads import Card, Direction, Face, Liveness, Pass, Pin, Presented, Read, Token, kind_of
from edge_agent.model.site import Policy

Combinations = tuple[tuple[str, ...], ...]
Held = Mapping[str, tuple[Presented, ...]]  # kind → what somebody can show of it
RuleState = Literal["always", "on", "off", "no_schedule", "clock_on", "clock_off"]
ON: frozenset[RuleState] = frozenset({"always", "on", "clock_on"})


class Scene(msgspec.Struct, frozen=True):
    """Where and when. `terminals`: the readers on this side; `faces`: who is enrolled, None when nobody can tell."""

    book: Book
    place: Place
    direction: Direction
    now: Moment
    policy: Policy
    terminals: tuple[str, ...] = ()
    faces: Container[str] | None = None


class Way(msgspec.Struct, frozen=True):
    """One combination of the door and what came of it. `lacks`: kinds the person has not, then nothing was decided;
    `assumed`: kinds that cannot be looked up (a pass on a phone, a face behind a key) and were taken for granted.
    """

    kinds: tuple[str, ...]
    decision: Decision | None = None
    lacks: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def opens(self) -> bool:
        """Lets this person in, alone or in the company that is asked for."""
        return isinstance(self.decision, Grant | Wait)


class Told(msgspec.Struct, frozen=True):
    """One rule that speaks of the person here. `part`: it decides, agrees with that, is beaten by a rule that denies
    (`beaten_by`), or rests; `opens`: local time at which its schedule is on next.
    """

    rule: Rule
    state: RuleState
    part: Literal["decides", "agrees", "beaten", "rests"]
    beaten_by: str = ""
    opens: datetime | None = None


class Owned(msgspec.Struct, frozen=True):
    """The `number`-th credential of a kind; `reason`: why it is no good, `left`: uses that remain."""

    kind: str
    number: int
    reason: Reason | None = None
    left: int | None = None
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None


class Scope(msgspec.Struct, frozen=True):
    """Where the person is by what is remembered. `entered_ms`: how long ago, None = not known."""

    name: str
    inside: bool
    entered_ms: int | None = None
    people: int = 0
    most: int | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`best`: the way that gets furthest; `locked`: terminals that take nothing, and for how many ms."""

    person: Person
    ways: tuple[Way, ...]
    best: Way | None
    rules: tuple[Told, ...]
    owned: tuple[Owned, ...]
    validity: Reason | None
    mode: Mode
    interlocked: bool
    scopes: tuple[Scope, ...]
    locked: tuple[tuple[str, int], ...]
    latches: tuple[str, ...]
    armed: bool | None  # None: no first person is waited for


class Passer(msgspec.Struct, frozen=True):
    """Somebody who could pass. `needs`: the company without which they could not."""

    person: Person
    ways: Combinations
    rule: str
    needs: Reason | None = None


def explain(person: Person, scene: Scene) -> Explanation:
    place, now = scene.place, scene.now
    held = holdings(scene.book, person.id).get(person.id, {})
    ways = tuple(_way(kinds, person, held, scene, assume=True) for kinds in combinations(held, scene))
    first = place.door.first_person
    armed = None
    if first is not None and first.mode == "arm":
        armed = place.standing.armed.get(place.door.name) == local_time(now.wall_ms, scene.book.zone).toordinal()
    return Explanation(
        person=person,
        ways=ways,
        best=max(ways, key=_rank, default=None),
        rules=tuple(rules_told(person, scene)),
        owned=tuple(_owned(held, scene)),
        validity=_validity(person, scene),
        mode=place.mode,
        interlocked=place.interlocked,
        scopes=tuple(_scopes(person, scene)),
        locked=tuple(
            (name, place.standing.tries[name].until_ms - now.up_ms)
            for name in scene.terminals
            if area.locked_out(name, place.standing, now)
        ),
        latches=tuple(sorted(name for name, latch in place.standing.latches.items() if latch.raised)),
        armed=armed,
    )


def who(scene: Scene) -> Iterator[Passer]:
    """Everybody who could pass with what the book says they hold, by id; a pass on a phone is not in the book."""
    everybody = holdings(scene.book)
    refused: dict[str, bool] = {}  # category → whether its rules let nobody through now
    for person in sorted(scene.book.persons.values(), key=lambda person: person.id):
        held = everybody.get(person.id, {})
        if scene.direction is Direction.IN and _refused(person, scene, refused):
            continue
        opening = [
            way
            for kinds in combinations(held, scene)
            if (way := _way(kinds, person, held, scene, assume=False)).opens
        ]  # fmt: skip
        if not opening:
            continue
        best = max(opening, key=_rank).decision
        needs = best.reason if isinstance(best, Wait) else None
        rule = best.rule if isinstance(best, Grant) else _deciding(person, scene)
        yield Passer(person, tuple(way.kinds for way in opening), rule, needs)


def _refused(person: Person, scene: Scene, known: dict[str, bool]) -> bool:
    """What `permission` says; asked once for all of a category whom no rule here names in person."""
    door, named = scene.place.door.name, "=" + person.id
    if (door, named) in scene.book.rules_by or ("*", named) in scene.book.rules_by:
        return isinstance(permission(person, door, scene.book, scene.now, scene.policy), Deny)
    if person.category not in known:
        answer = permission(person, door, scene.book, scene.now, scene.policy)
        known[person.category] = isinstance(answer, Deny)
    return known[person.category]


def _deciding(person: Person, scene: Scene) -> str:
    answer = permission(person, scene.place.door.name, scene.book, scene.now, scene.policy)
    return (answer.rule or "") if isinstance(answer, Deny) else answer[0].id


# ---- what somebody holds ---------------------------------------------------------------------------------------------


def holdings(book: Book, only: str | None = None) -> dict[str, dict[str, tuple[Presented, ...]]]:
    """person → kind → what they can show, as far as the book knows; of one person when `only` is given."""
    found: dict[str, dict[str, tuple[Presented, ...]]] = {}
    for key, credential in book.credentials.items():
        if only is not None and credential.person != only:
            continue
        if isinstance(key, Token) and key.digest.startswith("pass/"):  # a revoked pass, not something to show
            continue
        of_person = found.setdefault(credential.person, {})
        kind = kind_of(key)
        of_person[kind] = (*of_person.get(kind, ()), key)
    for person in book.pins if only is None else ({only} & book.pins.keys()):
        found.setdefault(person, {})["pin"] = (Pin(person),)
    return found


def combinations(held: Held, scene: Scene) -> Combinations:
    """The ways of the door at that time. Out goes whoever is known: each kind by itself."""
    if scene.direction is Direction.OUT:
        return tuple((kind,) for kind in (held or {"card": ()}))
    return ways_of(scene.place.door, scene.book, scene.now, scene.policy)


def _way(kinds: tuple[str, ...], person: Person, held: Held, scene: Scene, *, assume: bool) -> Way:
    shown: list[Presented] = []
    lacks: list[str] = []
    assumed: list[str] = []
    for kind in kinds:
        if kind in held:
            shown.append(_best(held[kind], scene))
        elif kind == "face" and (scene.faces is None or person.id in scene.faces):
            shown.append(Face("match", person.id, 1.0, Liveness.LIVE))
            if scene.faces is None:
                assumed.append(kind)
        elif kind == "qr" and assume:
            now_ms = scene.now.wall_ms
            shown.append(Pass("explain", person.id, now_ms - 60_000, now_ms + 60_000))
            assumed.append(kind)
        else:
            lacks.append(kind)
    if lacks or not shown:
        return Way(kinds, lacks=tuple(lacks))
    return Way(kinds, _presented(shown, scene), assumed=tuple(assumed))


def _presented(shown: list[Presented], scene: Scene) -> Decision:
    """What `decide` says when these are shown one after the other."""
    standing, now = scene.place.standing, scene.now
    free = (name for name in scene.terminals if not area.locked_out(name, standing, now))
    terminal = next(free, next(iter(scene.terminals), ""))
    read = Read("explain", terminal, scene.place.door.name, scene.direction, now.up_ms, shown[0])
    decision = decide(Attempt(read), scene.book, scene.place, now, scene.policy)
    for credential in shown[1:]:
        if not isinstance(decision, Wait) or decision.reason is not Reason.SECOND_FACTOR_MISSING:
            break
        read = Read("explain", terminal, scene.place.door.name, scene.direction, now.up_ms, credential)
        decision = decide(Attempt(read, decision.shown), scene.book, scene.place, now, scene.policy)
    return decision


def _best(several: tuple[Presented, ...], scene: Scene) -> Presented:
    """The one that is good; else any."""
    if len(several) == 1:
        return several[0]
    return next((one for one in several if _fault(one, scene)[0] is None), several[0])


def _fault(credential: Presented, scene: Scene) -> tuple[Reason | None, int | None]:
    """Why it is no good in itself, and how many uses are left."""
    read = Read("explain", "", scene.place.door.name, scene.direction, scene.now.up_ms, credential)
    found = identify(read, scene.book, scene.now, scene.policy)
    if isinstance(found, Deny):
        return found.reason, None
    if found.most is None:
        return None, None
    left = max(0, found.most - scene.place.standing.uses.get(found.uses, 0))
    return (None if left else Reason.USES_EXHAUSTED), left


def _owned(held: Held, scene: Scene) -> Iterator[Owned]:
    for kind, several in held.items():
        for number, one in enumerate(several, 1):
            reason, left = _fault(one, scene)
            known: Credential | None = scene.book.credentials.get(one) if isinstance(one, Card | Token) else None
            yield Owned(
                kind, number, reason, left,
                known.valid_from_ms if known else None, known.valid_until_ms if known else None,
            )  # fmt: skip


def _rank(way: Way) -> int:
    match way.decision:
        case Grant():
            return 4
        case Wait():
            return 3
        case Deny(reason=Reason.INVALID_IDENTIFIER):
            return 1
        case Deny():
            return 2
        case None:
            return 0


# ---- rules, validity, place ------------------------------------------------------------------------------------------


def rules_told(person: Person, scene: Scene) -> Iterator[Told]:
    """The rules that speak of this person at this door, the one that decides first."""
    door, now = scene.place.door.name, scene.now
    answer = permission(person, door, scene.book, now, scene.policy)
    decider = answer.rule if isinstance(answer, Deny) else answer[0].id
    told = [_told(rule, decider, isinstance(answer, Deny), scene) for rule in scene.book.rules_for(person, door)]
    order = ("decides", "beaten", "agrees", "rests")
    yield from sorted(told, key=lambda one: (order.index(one.part), one.rule.id))


def _told(rule: Rule, decider: str | None, denied: bool, scene: Scene) -> Told:
    state = state_of(rule, scene)
    if rule.id == decider:
        return Told(rule, state, "decides")
    if state in ON:
        if denied and rule.effect == "permit":
            return Told(rule, state, "beaten", decider or "")
        return Told(rule, state, "agrees")
    schedule = scene.book.schedules.get(rule.schedule or "")
    opens = None
    if schedule is not None:
        opens = opens_after(schedule, local_time(scene.now.wall_ms, scene.book.zone), scene.book.calendar)
    return Told(rule, state, "rests", opens=opens)


def state_of(rule: Rule, scene: Scene) -> RuleState:
    """Whether the rule is on, and why: as `permission` takes it."""
    if rule.schedule is None:
        return "always"
    if not scene.now.trusted and scene.policy.untrusted_clock == "deny_timed":
        return "clock_on" if rule.effect == "deny" else "clock_off"
    if rule.schedule not in scene.book.schedules:
        return "no_schedule"
    return "on" if in_force(scene.book, rule.schedule, scene.now.wall_ms) else "off"


def _validity(person: Person, scene: Scene) -> Reason | None:
    """Why the person is not valid at that time, by the dates alone."""
    if not person.enabled:
        return Reason.CREDENTIAL_NOT_ENABLED
    if person.valid_until_ms is not None and scene.now.wall_ms >= person.valid_until_ms:
        return Reason.CREDENTIAL_EXPIRED
    if person.valid_from_ms is not None and scene.now.wall_ms < person.valid_from_ms:
        return Reason.CREDENTIAL_NOT_ACTIVE
    return None


def _scopes(person: Person, scene: Scene) -> Iterator[Scope]:
    """The door's own pair of readers, and the areas on both its sides, where anything is remembered of them."""
    door, standing = scene.place.door, scene.place.standing
    names = [area.pair(door)] if door.anti_passback != "off" or door.timed_min else []
    names += [name for name in (door.area, door.from_area) if name is not None and name in standing.areas]
    for name in names:
        seen = standing.presence(name, person.id)
        entered_ms = None if seen.entered is None else seen.entered.since_ms(scene.now)
        limit = standing.areas[name].max_people if name in standing.areas else None
        yield Scope(name, seen.inside, entered_ms, standing.counts.get(name, 0), limit)
