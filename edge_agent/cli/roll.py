"""The list of people as a table that fits a narrow terminal, or as JSON."""

import time
from datetime import UTC, datetime
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

import click
import msgspec

from edge_agent.cli.speech import words
from edge_agent.store.records import Listed

COLUMNS = ("id", "name", "category", "house", "valid", "cards", "faces")
COUNTS = ("cards", "faces")
NARROW = 80
FOLDED_AT_MOST = 1000  # people; more take too long to be laid out nicely


class Line(msgspec.Struct, frozen=True):
    """`valid_from` (inclusive) and `valid_until` (exclusive): local, ISO 8601. `faces`: None when not known."""

    id: str
    name: str
    category: str
    house: str
    valid_from: str | None
    valid_until: str | None
    valid: bool
    enabled: bool
    cards: int
    faces: int | None


def roll(people: list[Listed], faces: dict[str, int] | None, zone: ZoneInfo) -> list[tuple[Line, str]]:
    """Each line with its validity in words. `faces`: templates by person, None when the store cannot be opened."""
    now_ms = time.time_ns() // 1_000_000
    return [_line(person, faces, zone, now_ms) for person in people]


def show(lines: list[tuple[Line, str]], as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([line for line, _ in lines])).decode())
        return
    head = tuple(words(f"cli.column.{name}") for name in COLUMNS)
    rows = [_cells(line, valid) for line, valid in lines]
    if len(rows) > FOLDED_AT_MOST:
        _plain(head, rows)
    else:
        _folded(head, rows)


def _cells(line: Line, valid: str) -> tuple[str, ...]:
    faces = "-" if line.faces is None else str(line.faces)
    cells = (line.id, line.name, words(f"category.{line.category}"), line.house, valid, str(line.cards), faces)
    return tuple(c if c.isprintable() else "".join(one if one.isprintable() else "?" for one in c) for c in cells)


def _folded(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """As wide as the terminal; what is longer goes on in the next line. Some 0.4 ms a person."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name, title in zip(COLUMNS, head, strict=True):
        table.add_column(title, justify="right" if name in COUNTS else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    console.print(table, width=max(console.width, NARROW) if console.is_terminal else NARROW)


def _plain(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """One line a person, however long: for a pipe or a pager."""
    widths = [max(map(_wide, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        parts = []
        for name, cell, width in zip(COLUMNS, row, widths, strict=True):
            room = " " * (width - _wide(cell))
            parts.append(room + cell if name in COUNTS else cell + room)
        click.echo("  ".join(parts).rstrip())


def _wide(text: str) -> int:
    """Places on the screen: a Chinese character takes two."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _line(person: Listed, faces: dict[str, int] | None, zone: ZoneInfo, now_ms: int) -> tuple[Line, str]:
    start, end = person.valid_from_ms, person.valid_until_ms
    early, late = start is not None and now_ms < start, end is not None and now_ms >= end
    if not person.enabled:
        said = words("cli.valid.blocked")
    elif late:
        said = words("cli.valid.expired", day=_day(end, zone, last=True))
    elif early:
        said = words("cli.valid.later", day=_day(start, zone))
    elif end is not None:
        said = words("cli.valid.until", day=_day(end, zone, last=True))
    else:
        said = words("cli.valid.always")
    line = Line(
        person.id, person.name, person.category, person.house, _iso(start, zone), _iso(end, zone),
        person.enabled and not early and not late, person.enabled, person.cards,
        None if faces is None else faces.get(person.id, 0),
    )  # fmt: skip
    return line, said


def _iso(at_ms: int | None, zone: ZoneInfo) -> str | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat()


def _day(at_ms: int | None, zone: ZoneInfo, *, last: bool = False) -> str:
    """An end is exclusive: the last day is that of the millisecond before it."""
    return (_iso((at_ms or 0) - last, zone) or "")[: len("2026-05-04")]
