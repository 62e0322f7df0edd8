"""Recorded traffic of a line as text: what was heard, when, with comments. Sans-IO.

    # edge-agent capture 1
    # port = serial:///dev/serial/by-id/usb-…
    # baud = 9600
    # parity = none
        0.000000 < 02 30 30 30 30 30 41 42 43 44 45 46 37 03   # a card was shown
        0.104310 > 02 47 47 03

A line has seconds from the start, `<` from the device or `>` to it, bytes in hexadecimal, and a comment. A line like
`# key = value` before the first bytes is a setting; other lines with # are comments. The first line says the version of
this form.
"""

import re
from dataclasses import dataclass

from edge_agent.errors import Problem

FIRST = "# edge-agent capture 1"
_SETTING = re.compile(r"#\s*([a-z_]+)\s*=\s*(.*)")
_CHUNK = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([<>])\s*((?:[0-9A-Fa-f]{2}\s*)+)(?:#\s*(.*))?")


@dataclass(frozen=True)
class Chunk:
    """`at_s` from the capture's start; `out`: it went to the device."""

    at_s: float
    data: bytes
    out: bool = False
    comment: str = ""


@dataclass(frozen=True)
class Capture:
    settings: dict[str, str]
    chunks: tuple[Chunk, ...]


def header(settings: dict[str, str]) -> str:
    return "".join(f"{line}\n" for line in (FIRST, *(f"# {key} = {value}" for key, value in settings.items())))


def written(chunk: Chunk) -> str:
    comment = f"   # {' '.join(chunk.comment.split())}" if chunk.comment else ""
    return f"{chunk.at_s:12.6f} {'>' if chunk.out else '<'} {chunk.data.hex(' ').upper()}{comment}\n"


def read_capture(text: str, file: str) -> Capture:
    """Raises Problem with the line that is none."""
    settings: dict[str, str] = {}
    chunks: list[Chunk] = []
    lines = text.splitlines()
    if not lines or lines[0].strip() != FIRST:
        raise _wrong(file, 1, "device.capture_first", first=FIRST)
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.startswith("#"):
            if (setting := _SETTING.fullmatch(stripped)) and not chunks:
                settings[setting[1]] = setting[2]
            continue
        found = _CHUNK.fullmatch(stripped)
        if found is None:
            raise _wrong(file, number, "device.capture_line")
        chunk = Chunk(float(found[1]), bytes.fromhex(found[3]), found[2] == ">", found[4] or "")
        if chunks and chunk.at_s < chunks[-1].at_s:
            raise _wrong(file, number, "device.capture_back")
        chunks.append(chunk)
    return Capture(settings, tuple(chunks))


def _wrong(file: str, line: int, code: str, **fields: str) -> Problem:
    problem = Problem(file, "", code, **fields)
    problem.line = line
    return problem
