"""Rows of a CSV by column name, each with the line an editor shows; a broken row costs itself only."""

import csv
import io
from collections.abc import Iterator

from edge_agent.errors import Problem

OTHER_MARKS = {";": ";", "\t": "Tab", "，": "，", "|": "|"}  # what stands in commas' place, and what it is called
Row = tuple[int, dict[str, str] | Problem]


def columns_of(text: str) -> list[str]:
    """The names in the first line; empty when it is none. For telling what kind of list it is."""
    try:
        return [cell.strip().lower() for cell in next(csv.reader(io.StringIO(text, newline=""), strict=True), [])]
    except csv.Error:
        return []


def read_rows(name: str, text: str, required: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[Row]:
    """(number of the row's first line, its cells by column or what is wrong with it); empty rows are left out.

    Raises Problem when columns are missing, unknown or named twice: a misspelt one would change what a list means.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = _header(name, reader, required, optional)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield number, Problem(name, f"line {number}", "store.csv_broken", why=str(error))
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield number, Problem(name, f"line {number}", "store.csv_cells", found=len(cells), wanted=len(header))
            continue
        yield number, {column: cell.strip() for column, cell in zip(header, cells, strict=True)}


def _header(name: str, reader: Iterator[list[str]], required: tuple[str, ...], optional: tuple[str, ...]) -> list[str]:
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        raise Problem(name, "line 1", "store.csv_broken", why=str(error)) from error
    mark = next((mark for mark in OTHER_MARKS if len(header) == 1 and mark in header[0]), None)
    if mark is not None:
        raise Problem(name, "line 1", "store.csv_separator", found=OTHER_MARKS[mark])
    if absent := [column for column in required if column not in header]:
        raise Problem(name, "line 1", "store.csv_columns", absent=", ".join(absent), known=", ".join(required))
    unknown = [column or "(empty)" for column in header if column not in required + optional]
    if unknown or len(set(header)) < len(header):
        twice = sorted({column for column in header if header.count(column) > 1})
        wrong = ", ".join(dict.fromkeys(unknown + twice))
        raise Problem(name, "line 1", "store.csv_strange", strange=wrong, known=", ".join(required + optional))
    return header
