"""Would this person pass here, and what decides? `decide` itself is asked; all that speaks of it stands beside.

Nothing is opened and nothing remembered.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from edge_agent.core import area, latch
from edge_agent.core.decide import permission
from edge_agent.core.mode import Mode
from edge_agent.core.schedule import in_force, local_time, opens_after
from edge_agent.core.trial import Combinations, Held, Scene, Way, combinations, fault, holdings, rank, try_way
from edge_agent.model.decisions import Deny, Grant, Reason, Wait
from edge_agent.model.people import Credential, Person, Rule
from edge_agent.model.reads import Card, Direction, Token

RuleState = Literal["always", "on", "off", "no_schedule", "clock_on", "clock_off"]
ON: frozenset[RuleState] = frozenset({"always", "on", "clock_on"})


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
    ways = tuple(try_way(kinds, person, held, scene, assume=True) for kinds in combinations(held, scene))
    first = place.door.first_person
    armed = None
    if first is not None and first.mode == "arm":
        armed = place.standing.armed.get(place.door.name) == local_time(now.wall_ms, scene.book.zone).toordinal()
    return Explanation(
        person=person,
        ways=ways,
        best=max(ways, key=rank, default=None),
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
        latches=tuple(
            sorted(
                name
                for name, seen in place.standing.latches.items()
                if seen.raised and not name.startswith(latch.SENSOR)  # which keeps nobody out and lets nobody in
            )
        ),
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
            if (way := try_way(kinds, person, held, scene, assume=False)).opens
        ]  # fmt: skip
        if not opening:
            continue
        best = max(opening, key=rank).decision
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


# ---- rules, credentials, place ---------------------------------------------------------------------------------------


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


def _owned(held: Held, scene: Scene) -> Iterator[Owned]:
    for kind, several in held.items():
        for number, one in enumerate(several, 1):
            reason, left = fault(one, scene)
            known: Credential | None = scene.book.credentials.get(one) if isinstance(one, Card | Token) else None
            yield Owned(
                kind, number, reason, left,
                known.valid_from_ms if known else None, known.valid_until_ms if known else None,
            )  # fmt: skip


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
