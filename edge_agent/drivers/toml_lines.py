"""On which line of a TOML text something stands, which the standard library's parser does not tell.

Reads only texts that parser has accepted, so it may be simple: table headers, keys at the start of a line, and the
braces of inline tables.
"""

import re

_HEADER = re.compile(r"(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"([A-Za-z0-9_-]+)\s*=\s*")
_PART = re.compile(r"([A-Za-z0-9_-]+)|\[(\d+)\]")
_TOKEN = re.compile(r"""\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\])*"|'[^']*'|#[^\n]*|[{}\[\]]""", re.DOTALL)


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) of `path`, as `message[0].fields[1].as`, or of the nearest thing around it that is there."""
    starts = _index(text)
    parts = [name or int(index) for name, index in _PART.findall(path)]
    while parts:
        if tuple(parts) in starts:
            return starts[tuple(parts)]
        parts.pop()
    return None


def _index(text: str) -> dict[tuple[str | int, ...], int]:
    """Path → line, of every table, key, and element that is an inline table."""
    found: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    lines = text.splitlines(keepends=True)
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        if header := _HEADER.match(line):
            name = header[2]
            table = (name,)
            found.setdefault(table, number + 1)
            if header[1] == "[[":
                table = (name, counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
            found[table] = number + 1
        elif key := _KEY.match(line):
            path = (*table, key[1])
            found[path] = number + 1
            rest = "".join(lines[number:])
            number += _elements(rest[rest.index("=") + 1 :], path, number + 1, found)
        number += 1
    return found


def _elements(text: str, path: tuple[str | int, ...], line: int, found: dict[tuple[str | int, ...], int]) -> int:
    """Notes the inline tables of the array that begins `text`; returns over how many more lines its value goes."""
    depth = element = 0
    end = 0
    if not re.match(r"\s*[\[{]|\s*(\"\"\"|''')", text):
        return 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[":
                if depth == 1:
                    found[(*path, element)] = line + text.count("\n", 0, token.start())
                    element += 1
                depth += 1
            case "}" | "]":
                depth -= 1
        end = token.end()
        if depth == 0 and not token[0].startswith("#"):
            break
    return text.count("\n", 0, end)
