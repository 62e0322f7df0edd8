"""The weather of some days as somebody wrote it down: which word was true at a time. CSV, `2026-05-04T07:00,rain`."""

import csv
from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, tzinfo

from edge_agent.errors import EdgeAgentError

HOLDS_MS = 6 * 3_600_000  # what was said last, for so long


class Weather:
    """`lines`: local time of `zone` (or with an offset) and a word of one's own, in any order; a first line of titles,
    without a digit, is passed over. Raises EdgeAgentError that names the line, and csv.Error.
    """

    def __init__(self, lines: Iterable[str], zone: tzinfo, where: str) -> None:
        said: list[tuple[int, str]] = []
        for number, row in enumerate(csv.reader(lines), 1):
            if not [cell for cell in row if cell.strip()]:
                continue
            at, word = row[0].strip().lstrip("\ufeff"), row[1].strip() if len(row) > 1 else ""
            try:
                time = datetime.fromisoformat(at)
            except ValueError:
                if number == 1 and not any(letter.isdigit() for letter in at):
                    continue
                raise EdgeAgentError("weather.line", path=where, line=number, text=",".join(row)[:60]) from None
            if not word:
                raise EdgeAgentError("weather.line", path=where, line=number, text=",".join(row)[:60])
            time = time if time.tzinfo else time.replace(tzinfo=zone)
            said.append((round(time.timestamp() * 1000), word))
        if not said:
            raise EdgeAgentError("weather.empty", path=where)
        said.sort()
        self._times, self._words = [at for at, _ in said], [word for _, word in said]

    def at(self, wall_ms: int) -> str:
        """The word for a Unix ms; empty when nobody said one in the six hours before."""
        n = bisect_right(self._times, wall_ms) - 1
        return self._words[n] if n >= 0 and wall_ms - self._times[n] < HOLDS_MS else ""
