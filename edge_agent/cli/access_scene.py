"""What `edge-agent access` and `check` look at: the book, what is remembered, and one instant at one door.

Everything is read beside the running daemon; nothing is written.
"""

from collections.abc import Container
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.config import FACE_KEY
from edge_agent.core.area import Standing
from edge_agent.core.decide import Place
from edge_agent.core.mode import Mode, carried_over, mode_of
from edge_agent.core.trial import Scene
from edge_agent.drivers.clock import SystemClock
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.people import Book
from edge_agent.model.reads import Direction
from edge_agent.model.site import Config, Door
from edge_agent.model.standing import Change, Uses
from edge_agent.site_kind import site_rules
from edge_agent.store.people import PeopleStore
from edge_agent.store.reading import JournalReader

SHUT = "locked"  # core.door.name_of: closed and not about to open


class Seen(msgspec.Struct, frozen=True):
    """What the journal remembers. `doors`: how each was last seen; `readable`: there was a journal to read."""

    changes: tuple[Change, ...] = ()
    doors: dict[str, str] = {}
    readable: bool = False


def instant(text: str, zone: str, now: Moment) -> Moment:
    """`now`, or a local wall time of `zone`: then on a clock that is right. Raises EdgeAgentError."""
    if text == "now":
        return now
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise EdgeAgentError("explain.when", found=text) from None
    if local.tzinfo is not None or "T" not in text.upper().replace(" ", "T"):
        raise EdgeAgentError("explain.when", found=text)
    try:
        wall_ms = round(local.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
        datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError, OSError):
        raise EdgeAgentError("explain.when", found=text) from None
    return Moment(wall_ms, now.up_ms, now.boot_id, ClockState.SYNCED, 0)


def book_of(config: Config, folder: Path) -> Book:
    """The book that decisions read. Raises StoreError."""
    path = folder / "people.db"
    if not path.exists():
        raise StoreError("explain.no_people", file=path)
    rules, schedules = site_rules(config.gateway.site)
    with closing(PeopleStore(path)) as people:
        return people.book(config.gateway.zone, rules, schedules)


def known_person(folder: Path, person: str) -> None:
    """Raises StoreError when people.db does not know them; no people.db says nothing."""
    path = folder / "people.db"
    if path.exists():
        with closing(PeopleStore(path)) as people:
            if people.person(person) is None:
                raise StoreError("store.no_person", person=person)


def names_of(folder: Path) -> dict[str, str]:
    """Person → name: for this gateway's own screen."""
    with closing(PeopleStore(folder / "people.db")) as people:
        return {person.id: person.name for person in people.people()}


def seen(folder: Path) -> Seen:
    """What is remembered now; nothing where there is no journal yet."""
    try:
        reader = JournalReader(folder / "journal.db")
    except StoreError:
        return Seen()
    with closing(reader):
        return Seen(tuple(reader.standing()), dict(reader.door_states()), readable=True)


def faces_of(config: Path, loaded: Config, folder: Path) -> Container[str] | None:
    """Who has a face enrolled; None when nobody can tell (there are templates and no key for them)."""
    if not (folder / "faces.db").exists():
        return frozenset()
    if not (config.parent / FACE_KEY).exists():
        return None
    from edge_agent.cli.face import existing_faces

    faces = existing_faces(config, folder, loaded.gateway.id)
    if faces is None:
        return None
    with closing(faces):
        return frozenset(enrolled.person for enrolled in faces.enrolled())


def door_of(config: Config, name: str) -> Door:
    door = next((door for door in config.doors if door.name == name), None)
    if door is None:
        known = ", ".join(door.name for door in config.doors) or "–"
        raise EdgeAgentError("explain.no_door", door=name, known=known)
    return door


def scene_of(
    config: Config, book: Book, memory: Seen, door: Door, direction: Direction, at: str, faces: Container[str] | None
) -> Scene:
    """At another time than now nobody knows who will be inside or how the doors will be set: only uses count then."""
    now = SystemClock().now()
    moment = instant(at, config.gateway.zone, now)
    changes = memory.changes if at == "now" else [one for one in memory.changes if isinstance(one, Uses)]
    standing = Standing(config.areas, changes)
    standing.apply(*carried_over(standing, now))  # as the daemon does after a new boot
    mode = mode_of(door, standing, book, moment, config.policy)
    blocked = at == "now" and _interlocked(config, book, standing, memory, door, moment)
    here = tuple(
        terminal.name
        for terminal in config.terminals
        if terminal.door == door.name and terminal.direction == direction.value
    )
    return Scene(book, Place(door, standing, mode, blocked), direction, moment, config.policy, here, faces)


def modes_of(config: Config, folder: Path) -> dict[str, tuple[Mode, Moment]]:
    """How each door is set now. Raises StoreError."""
    now = SystemClock().now()
    standing = Standing(config.areas, seen(folder).changes)
    standing.apply(*carried_over(standing, now))
    rules, schedules = site_rules(config.gateway.site)
    book = Book("", rules=rules, schedules=schedules, zone=config.gateway.zone)
    if (folder / "people.db").exists():
        book = book_of(config, folder)
    return {door.name: (mode_of(door, standing, book, now, config.policy), now) for door in config.doors}


def _interlocked(config: Config, book: Book, standing: Standing, memory: Seen, door: Door, now: Moment) -> bool:
    """Another door of one of its groups is not shut, as it was recorded last."""
    others = {name for group in config.interlocks if door.name in group.doors for name in group.doors} - {door.name}
    return any(
        memory.doors.get(other.name, SHUT) != SHUT or mode_of(other, standing, book, now, config.policy).open
        for other in config.doors
        if other.name in others
    )
