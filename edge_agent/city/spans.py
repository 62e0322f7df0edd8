"""Which numbers of a stream have arrived: all up to a watermark, and islands beyond it. Pure arithmetic."""

import json
from collections.abc import Iterable

Spans = tuple[tuple[int, int], ...]


def grown(upto: int, have: Spans, arrived: Iterable[tuple[int, int]]) -> tuple[int, Spans]:
    """Watermark and islands after `arrived` (from, to; both inclusive) came in. Islands that touch become one."""
    islands: list[tuple[int, int]] = []
    for first, last in sorted([*have, *arrived]):
        if first <= upto + 1:
            upto = max(upto, last)
        elif islands and first <= islands[-1][1] + 1:
            islands[-1] = (islands[-1][0], max(islands[-1][1], last))
        else:
            islands.append((first, last))
    return upto, tuple(islands)


def dumps(have: Spans) -> str:
    return json.dumps(have)


def loads(text: str) -> Spans:
    return tuple((first, last) for first, last in json.loads(text))
