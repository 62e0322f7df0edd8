"""What is remembered from one passage to the next, as rows of the journal's file: `write` them, `read` them back.

`write` runs inside the transaction of the event that changes them. A row that cannot be decoded (a newer version wrote
it, or damage) is left out and logged: a door without its memory still decides, a daemon that does not start does not.
"""

import sqlite3

import msgspec

from edge_agent import log
from edge_agent.model.encoding import canonical
from edge_agent.model.evidence import Exhibit
from edge_agent.model.standing import (
    Armed,
    At,
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

USE = "use/"  # what the names of use counters begin with: `counters` holds others too

PLACE = """INSERT INTO area_state VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (scope, person) DO UPDATE SET inside = excluded.inside, at_wall_ms = excluded.at_wall_ms,
        at_up_ms = excluded.at_up_ms, at_boot_id = excluded.at_boot_id, at_trusted = excluded.at_trusted"""
KEEP = "INSERT OR REPLACE INTO latches VALUES (?, ?, ?)"
COUNT = "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

Latched = Passing | Tries | Armed | Order | Latch | Swept | Case | OpenAlert | Mute | Exhibit | Tally
logger = log.get("store.standing")
_decoder = msgspec.json.Decoder(Latched)


def write(connection: sqlite3.Connection, change: Change, seq: int | None) -> None:
    """`seq`: the event it belongs to, None when it was applied without one. Raises sqlite3.Error."""
    match change:
        case Presence(scope, person, inside, at):
            when = (None, None, None, None) if at is None else (at.wall_ms, at.up_ms, at.boot_id, at.trusted)
            connection.execute(PLACE, (scope, person, inside, *when))
        case Emptied(scope):
            connection.execute("DELETE FROM area_state WHERE scope = ?", (scope,))
        case Gone(person):
            connection.execute("DELETE FROM area_state WHERE person = ?", (person,))
        case Uses(name, 0):
            connection.execute("DELETE FROM counters WHERE name = ?", (USE + name,))
        case Uses(name, count):
            connection.execute(COUNT, (USE + name, count))
        case (
            Order(mode=None) | Case(step="closed") | OpenAlert(open=False) | Mute(for_ms=0) | Exhibit(erased=True)
            | Tally(entered=0, left=0) | Passing(placed=())
        ):  # fmt: skip
            connection.execute("DELETE FROM latches WHERE name = ?", (name_of(change),))
        case (
            Passing() | Tries() | Armed() | Order() | Latch() | Swept() | Case() | OpenAlert() | Mute() | Exhibit()
            | Tally()
        ):  # fmt: skip
            connection.execute(KEEP, (name_of(change), canonical(change), seq))


def name_of(change: Latched) -> str:
    """The one row of `latches` that holds it."""
    match change:
        case Passing(door):
            return f"passing/{door}"
        case Tries(terminal):
            return f"tries/{terminal}"
        case Armed(door):
            return f"armed/{door}"
        case Order(door, source):
            return f"order/{door}/{source}"
        case Latch(name):
            return f"latch/{name}"
        case Swept(scope):
            return f"swept/{scope}"
        case Case(alarm):
            return f"case/{alarm}"
        case OpenAlert(alert):
            return f"alert/{alert}"
        case Mute(target):
            return f"mute/{target}"
        case Exhibit(evidence):
            return f"exhibit/{evidence}"
        case Tally(line):
            return f"tally/{line}"


def read(connection: sqlite3.Connection) -> list[Change]:
    """The changes that make the standing again, from nothing. Raises sqlite3.Error when the file cannot be read."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'area_state'").fetchone():
        return []  # an older version's file, which only its daemon brings up to date
    found: list[Change] = []
    for row in connection.execute("SELECT * FROM area_state ORDER BY scope, person"):
        _take(found, _presence(*row), f"area_state {row[0]}/{row[1]}")
    for name, value in connection.execute(
        "SELECT name, value FROM counters WHERE name >= ? AND name < ? ORDER BY name", (USE, USE[:-1] + "0")
    ):
        _take(found, Uses(name.removeprefix(USE), value) if isinstance(value, int) else None, f"counter {name}")
    for name, body in connection.execute("SELECT name, body FROM latches ORDER BY name"):
        _take(found, _latched(name, body), f"latch {name}")
    return found


def _take(found: list[Change], change: Change | None, row: str) -> None:
    if change is None:
        logger.error("what the journal remembers as %s cannot be read: it begins anew", row)
    else:
        found.append(change)


def _presence(
    scope: object, person: object, inside: object, wall_ms: object, up_ms: object, boot_id: object, trusted: object
) -> Presence | None:
    """None when damage has made a column something else: SQLite itself does not mind."""
    if not isinstance(scope, str) or not isinstance(person, str) or inside not in (0, 1):
        return None
    if wall_ms is None and up_ms is None:
        return Presence(scope, person, bool(inside))
    if not isinstance(wall_ms, int) or not isinstance(up_ms, int) or not isinstance(boot_id, str):
        return None
    return Presence(scope, person, bool(inside), At(wall_ms, up_ms, boot_id, bool(trusted)))


def _latched(name: object, body: object) -> Change | None:
    try:
        change = _decoder.decode(body)  # type: ignore[arg-type]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, RecursionError):
        return None
    return change if name_of(change) == name else None
