"""What the memory need not keep, and what of it a file has missed.

People leave, cards are handed in, doors are taken down: what is remembered of them would stay for ever, be counted as
people inside, and be in force again should somebody take the same name. Passes are not in the book: the name of their
use counter says when they ran out (`pass/<Unix ms>/<jti>`).
"""

from collections.abc import Container, Iterable

from msgspec import structs

from edge_agent.core.area import Standing
from edge_agent.model.clock import Moment
from edge_agent.model.evidence import Exhibit
from edge_agent.model.people import Book
from edge_agent.model.reads import Card, Token
from edge_agent.model.standing import (
    Armed,
    Case,
    Change,
    Emptied,
    Gone,
    Latch,
    Mute,
    OpenAlert,
    Order,
    Passing,
    Presence,
    Swept,
    Tally,
    Tries,
    Uses,
)

PASS_KEPT_MS = 30 * 86_400_000  # a clock that was wrong for less than that gives nobody a used pass back


def outdated(standing: Standing, book: Book, now: Moment, before: Book | None = None) -> list[Change]:
    """Of people and credentials that are no longer in the book, or not of whom they were in the one `before`, and of
    passes that ran out long ago by a trusted clock. A book without anybody is one that was lost.
    """
    if not book.persons:
        return []
    gone = {person for seen in standing.inside.values() for person in seen if person not in book.persons}
    spent = [
        name
        for name in standing.uses
        if (key := credential_of(name)) is not None
        and ((held := book.credentials.get(key)) is None or _holder(key, before) not in (None, held.person))
    ]
    if now.trusted:
        spent += [name for name in standing.uses if 0 < _ran_out_ms(name) < now.wall_ms - PASS_KEPT_MS]
    return [*(Gone(person) for person in sorted(gone)), *(Uses(name, 0) for name in sorted(spent))]


def _holder(key: Card | Token, book: Book | None) -> str | None:
    held = None if book is None else book.credentials.get(key)
    return None if held is None else held.person


def _ran_out_ms(name: str) -> int:
    """Of a pass; 0: it is none."""
    match name.split("/", 2):
        case ["pass", at, _] if at.isascii() and at.isdigit():
            return int(at)
        case _:
            return 0


def credential_of(name: str) -> Card | Token | None:
    """The credential of a use counter, None for a pass."""
    match name.split("/", 2):
        case ["card", bits, raw]:
            try:
                return Card(int(bits), int(raw, 16))
            except ValueError:  # a row that damage has altered
                return None
        case ["qr" | "plate" | "phone" as kind, *rest]:
            return Token(kind, "/".join(rest))
        case _:
            return None


def dismantled(standing: Standing, doors: Container[str]) -> list[Change]:
    """Orders for doors that are not there any more."""
    return [Order(order.door, order.source, None) for order in standing.orders.values() if order.door not in doors]


def as_it_is(changes: Iterable[Change], standing: Standing) -> list[Change]:
    """What makes a file that has missed `changes` hold what is in the memory now."""
    missed: dict[Change, None] = {}
    for change in changes:
        for now in _now(change, standing):
            missed.pop(now, None)  # the newest place counts: what empties an area comes before who is in it
            missed[now] = None
    return list(missed)


def _now(change: Change, standing: Standing) -> list[Change]:
    match change:
        case Presence(scope=scope, person=person):
            known = person in standing.inside.get(scope, {})
            return [standing.presence(scope, person)] if known else []
        case Passing(door=door):
            return [standing.passing.get(door) or Passing(door)]
        case Emptied(scope=scope):
            return [change, *standing.inside.get(scope, {}).values()]
        case Gone(person=person):
            return [change, *(seen[person] for seen in standing.inside.values() if person in seen)]
        case Uses(name=name):
            return [Uses(name, standing.uses.get(name, 0))]
        case Tries(terminal=terminal):
            return [standing.tries[terminal]]
        case Armed(door=door):
            return [Armed(door, standing.armed[door])]
        case Order(door=door, source=source):
            return [standing.orders.get((door, source)) or Order(door, source, None)]
        case Latch(name=name):
            return [standing.latches[name]]
        case Swept(scope=scope):
            return [Swept(scope, standing.swept[scope])]
        case Case(alarm=alarm):
            return [standing.cases.get(alarm) or structs.replace(change, step="closed")]
        case OpenAlert(alert=alert):
            return [standing.alerts.get(alert) or structs.replace(change, open=False)]
        case Mute(target=target):
            return [standing.mutes.get(target) or structs.replace(change, for_ms=0)]
        case Exhibit(evidence=evidence):
            return [standing.exhibits.get(evidence) or structs.replace(change, erased=True)]
        case Tally(line=line):
            return [standing.tallies.get(line) or structs.replace(change, entered=0, left=0)]
