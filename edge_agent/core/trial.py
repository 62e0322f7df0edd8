"""What would happen if somebody showed what they hold: attempts made up for the real `decide`, and thrown away.

A duress PIN or card is tried like any other, so that no screen gives it away.
"""

from collections.abc import Container, Mapping

import msgspec

from edge_agent.core import area
from edge_agent.core.decide import Place, decide, identify, ways_of
from edge_agent.model.clock import Moment
from edge_agent.model.decisions import Attempt, Decision, Deny, Grant, Reason, Wait
from edge_agent.model.people import Book, Person
from edge_agent.model.reads import Direction, Face, Liveness, Pass, Pin, Presented, Read, Token, kind_of
from edge_agent.model.site import Policy

Combinations = tuple[tuple[str, ...], ...]
Held = Mapping[str, tuple[Presented, ...]]  # kind → what somebody can show of it


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


def try_way(kinds: tuple[str, ...], person: Person, held: Held, scene: Scene, *, assume: bool) -> Way:
    """`assume`: take a pass on a phone for granted."""
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
    return next((one for one in several if fault(one, scene)[0] is None), several[0])


def fault(credential: Presented, scene: Scene) -> tuple[Reason | None, int | None]:
    """Why it is no good in itself, and how many uses are left."""
    read = Read("explain", "", scene.place.door.name, scene.direction, scene.now.up_ms, credential)
    found = identify(read, scene.book, scene.now, scene.policy)
    if isinstance(found, Deny):
        return found.reason, None
    if found.most is None:
        return None, None
    left = max(0, found.most - scene.place.standing.uses.get(found.uses, 0))
    return (None if left else Reason.USES_EXHAUSTED), left


def rank(way: Way) -> int:
    """How far it gets."""
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
