"""Reads a people list as installers have it: CSV in UTF-8 or GB18030, with mistakes.

The good rows go in, each bad one is listed with its line and what to do. Every cell is data: a name that looks like a
formula is stored as it stands, never changed and never run.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.errors import EdgeAgentError, Problem, StoreError
from edge_agent.store.csv_rows import read_rows
from edge_agent.store.entries import OPTIONAL, REQUIRED, ParseCard, PersonEntry, Progress, hash_pins, keyed, read_entry
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex
from edge_agent.store.text_file import read_text


class ImportReport(msgspec.Struct, frozen=True):
    """`encoding`: utf-8, utf-8 with BOM, or gb18030; `rows`: people in the file, good and bad."""

    file: str
    encoding: str
    rows: int
    added: int
    updated: int
    problems: tuple[Problem, ...]


class Line(msgspec.Struct, frozen=True):
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
    text, encoding = read_text(file)
    lines, problems, rows = read_people(file.name, text, ZoneInfo(zone), parse_card)
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


def read_people(name: str, text: str, zone: ZoneInfo, parse_card: ParseCard) -> tuple[list[Line], list[Problem], int]:
    """The good rows, what is wrong with the others, and how many there were."""
    good, problems, first_line, rows = list[Line](), list[Problem](), dict[str, int](), 0
    for number, cells in read_rows(name, text, REQUIRED, OPTIONAL):
        rows += 1
        if isinstance(cells, Problem):
            problems.append(cells)
            continue
        try:
            line = Line(number, *read_entry(cells, zone, parse_card))
            if line.entry.id in first_line:
                raise StoreError("store.csv_twice", person=line.entry.id, first=first_line[line.entry.id])
        except EdgeAgentError as error:
            problems.append(Problem(name, f"line {number}", error.code, **error.fields))
            continue
        first_line[line.entry.id] = number
        good.append(line)
    return good, problems, rows
