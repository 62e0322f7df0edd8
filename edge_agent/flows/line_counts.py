"""How many people cross a camera's lines: told when a line's `reset_min` have passed, remembered over a restart.

Periods begin at local midnight and every `reset_min` after it: with 60 they are the hours of the clock.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from msgspec import structs

from edge_agent.core.schedule import local_time, zone_of
from edge_agent.flows.premises import STEP_MS, Premises
from edge_agent.model.events import LineCounted
from edge_agent.model.site import Line
from edge_agent.model.standing import At, Tally

SAVE_MS = 10_000  # what a kill may cost of a count that goes on; a commit for each passer-by would wear the card out


class LineCounts:
    """`lines`: those that watch `crossing` are counted."""

    def __init__(self, premises: Premises, lines: Iterable[Line]) -> None:
        self._premises = premises
        self._lines = {line.name: line for line in lines if "crossing" in line.watch}
        self._unsaved: set[str] = set()
        self._saved_ms = 0

    def cross(self, name: str, direction: str) -> None:
        """Somebody went `in` or `out`."""
        line = self._lines.get(name)
        if line is None:
            return
        self._end(name)
        now, standing = self._premises.now(), self._premises.standing
        tally = standing.tallies.get(name)
        if tally is None:
            tally = Tally(name, line.camera, At.of(now), *period(now.wall_ms, self._premises.book.zone, line.reset_min))
        entered, left = tally.entered + (direction == "in"), tally.left + (direction == "out")
        standing.apply(structs.replace(tally, entered=entered, left=left))
        self._unsaved.add(name)

    def look(self) -> None:
        """Tell what is over; to be called twice a second."""
        for name in list(self._premises.standing.tallies):
            self._end(name)
        up_ms = self._premises.now().up_ms
        if self._unsaved and up_ms - self._saved_ms >= SAVE_MS:
            self._saved_ms = up_ms
            self.save()

    def save(self) -> None:
        """What was counted and is not on the disk yet."""
        tallies = self._premises.standing.tallies
        self._premises.remember(*(tallies[name] for name in self._unsaved if name in tallies))
        self._unsaved.clear()

    def _end(self, name: str) -> None:
        """Tell the line's count when its period is over, also of a line that is not configured any more."""
        tally, now = self._premises.standing.tallies.get(name), self._premises.now()
        if tally is None:
            return
        lasted_ms = tally.since.since_ms(now)
        stepped_ms = 0 if lasted_ms is None else now.wall_ms - tally.since.wall_ms - lasted_ms
        if abs(stepped_ms) < STEP_MS:
            stepped_ms = 0
        from_ms, to_ms = tally.from_ms + stepped_ms, tally.to_ms + stepped_ms  # the clock was set meanwhile
        if from_ms <= now.wall_ms < to_ms:
            return
        self._unsaved.discard(name)
        event = LineCounted(
            camera=tally.camera, line=name, entered=tally.entered, left=tally.left, from_ms=from_ms, to_ms=to_ms
        )  # fmt: skip
        self._premises.record(event, structs.replace(tally, entered=0, left=0))


def period(wall_ms: int, zone: str, minutes: int) -> tuple[int, int]:
    """Unix ms from, until of the period of the local day that holds `wall_ms`; the day's last ends at midnight."""
    local = local_time(wall_ms, zone)
    midnight, step = datetime.combine(local, time()), timedelta(minutes=minutes)
    begin = midnight + (local - midnight) // step * step
    ends = begin, min(begin + step, midnight + timedelta(days=1))
    from_ms, to_ms = (round(at.replace(tzinfo=zone_of(zone)).timestamp() * 1000) for at in ends)
    return (from_ms, to_ms) if from_ms <= wall_ms < to_ms else (wall_ms, wall_ms + minutes * 60_000)  # clocks go back
