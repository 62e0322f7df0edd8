"""Reads a people list as installers have it: CSV in UTF-8 or GB18030, with mistakes.

The good rows go in, each bad one is listed with its line and what to do. Every cell is data: a name that looks like a
formula is stored as it stands, never changed and never run.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.errors import EdgeAgentError, Problem, StoreError
from edge_agent.store.entries import OPTIONAL, REQUIRED, ParseCard, PersonEntry, Progress, hash_pins, keyed, read_entry
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex

AT_MOST_BYTES = 64 << 20


class ImportReport(msgspec.Struct, frozen=True):
    """`encoding`: utf-8, utf-8 with BOM, or gb18030; `rows`: people in the file, good and bad."""

    file: str
    encoding: str
    rows: int
    added: int
    updated: int
    problems: tuple[Problem, ...]


class _Line(msgspec.Struct, frozen=True):
    number: int  # of the row's first line in the file
    entry: PersonEntry
    pin: str


def import_people(
    file: Path,
    store: PeopleStore,
    zone: str,
    parse_card: ParseCard,
    progress: Progress | None = None,
    index: PinIndex | None = None,
) -> ImportReport:
    """Put the people of `file` into `store`, in one transaction. `zone`: IANA name, the file's dates are local there.

    A column that is absent leaves what is stored; an empty cell clears it, but takes no card away. `parse_card(text,
    format)` reads a printed card number; it raises EdgeAgentError or ValueError. `progress` hears of the PINs, whose
    hashing takes the time. Raises Problem when the file as a whole cannot be read (encoding, columns), StoreError when
    people.db cannot be written. `index` keys PINs and phone numbers, None: they are then good beside a card only.
    """
    text, encoding = _decoded(file)
    lines, problems, rows = _parsed(file.name, text, ZoneInfo(zone), parse_card)
    hashes = iter(hash_pins([line.pin for line in lines if line.pin], progress))
    entries = [
        keyed(msgspec.structs.replace(line.entry, pin_hash=next(hashes)) if line.pin else line.entry, line.pin, index)
        for line in lines
    ]
    stored = store.put_all(entries, source="csv")
    for at, error in stored.refused:
        problems.append(Problem(file.name, f"line {lines[at].number}", error.code, **error.fields))
    problems.sort(key=lambda problem: int(problem.at.removeprefix("line ")))
    return ImportReport(file.name, encoding, rows, len(stored.added), len(stored.updated), tuple(problems))


def _decoded(file: Path) -> tuple[str, str]:
    try:
        size = file.stat().st_size
        if size > AT_MOST_BYTES:
            raise Problem(file.name, "", "store.csv_too_large", size_mb=size >> 20, most_mb=AT_MOST_BYTES >> 20)
        data = file.read_bytes()
    except OSError as error:
        raise Problem(file.name, "", "store.csv_unreadable", why=error.strerror) from error
    marked = data.startswith(b"\xef\xbb\xbf")
    for codec, name in (("utf-8-sig", "utf-8 with BOM" if marked else "utf-8"), ("gb18030", "gb18030")):
        try:
            return data.decode(codec), name
        except UnicodeDecodeError:
            continue
    raise Problem(file.name, "", "store.csv_encoding")


def _parsed(name: str, text: str, zone: ZoneInfo, parse_card: ParseCard) -> tuple[list[_Line], list[Problem], int]:
    """The good rows, what is wrong with the others, and how many there were."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    good, problems, first_line, rows = list[_Line](), list[Problem](), dict[str, int](), 0
    header = _header(name, reader)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problems.append(Problem(name, f"line {number}", "store.csv_broken", why=str(error)))
            rows += 1
            continue
        if cells is None:
            return good, problems, rows
        if not any(cell.strip() for cell in cells):
            continue
        rows += 1
        try:
            line = _Line(number, *read_entry(_cells(header, cells), zone, parse_card))
            if line.entry.id in first_line:
                raise StoreError("store.csv_twice", person=line.entry.id, first=first_line[line.entry.id])
        except EdgeAgentError as error:
            problems.append(Problem(name, f"line {number}", error.code, **error.fields))
            continue
        first_line[line.entry.id] = number
        good.append(line)


def _header(name: str, reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        raise Problem(name, "line 1", "store.csv_broken", why=str(error)) from error
    if absent := [column for column in REQUIRED if column not in header]:
        raise Problem(name, "line 1", "store.csv_columns", absent=", ".join(absent), known=", ".join(REQUIRED))
    unknown = [column or "(empty)" for column in header if column not in REQUIRED + OPTIONAL]
    if unknown or len(set(header)) < len(header):
        twice = sorted({column for column in header if header.count(column) > 1})
        wrong = ", ".join(dict.fromkeys(unknown + twice))
        raise Problem(name, "line 1", "store.csv_strange", strange=wrong, known=", ".join(REQUIRED + OPTIONAL))
    return header


def _cells(header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise StoreError("store.csv_cells", found=len(cells), wanted=len(header))
    return {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
