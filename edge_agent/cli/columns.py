"""Text for a terminal as narrow as a phone's: wrapped at its width; a Chinese letter takes two cells."""

import re
import shutil
from itertools import zip_longest
from typing import Any

import click
from rich.cells import cell_len

from edge_agent.cli.speech import words

NARROWEST = 40
_PIECES = re.compile(r"\s+|[\u3000-\u303f\uff00-\uff60]|[\u2e80-\u9fff]|[^\s\u2e80-\u9fff\uff00-\uff60]+")
_NOT_FIRST = "，。；：、）”！？…"


def width() -> int:
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def wrap(text: str, cells: int) -> list[str]:
    """Lines of at most `cells`. A word that is longer (a path) stays whole, so that it can be copied."""
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        if cell_len(line + piece.rstrip()) <= cells or not line.strip() or piece in _NOT_FIRST:
            line += piece if line.strip() or not piece.isspace() else ""
            continue
        lines.append(line.rstrip())
        line = "" if piece.isspace() else piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def beside(left: list[str], right: list[str], left_cells: int, gap: int = 2) -> list[str]:
    pairs = zip_longest(left, right, fillvalue="")
    return [f"{a}{' ' * (left_cells - cell_len(a) + gap)}{b}".rstrip() for a, b in pairs]


def echo(text: str, indent: int = 0, *, err: bool = False) -> None:
    for line in wrap(text, width() - indent):
        click.echo(" " * indent + line, err=err)


def tell(code: str, indent: int = 0, *, err: bool = False, **fields: Any) -> None:
    """One sentence, wrapped."""
    echo(words(code, **fields), indent, err=err)
