"""One incident of what a rule finds frame after frame: begun once, going on now and then, over once.

A finding that is gone for less than `REST_MS` has not gone; a second one within that time is the same incident.
"""

from dataclasses import dataclass

from edge_agent.model.sightings import Phase
from edge_agent.vision.zone_rules import Finding

GOING_EVERY_MS, REST_MS = 5_000, 4_000
TRACKS_AT_MOST = 50  # the newest: a yard that is never empty goes on for days


@dataclass
class Incident:
    number: int
    finding: Finding
    told_ms: int
    found_ms: int


class Incidents:
    """Of one rule and kind. `count`: how many there have been, for their numbers."""

    def __init__(self, rest_ms: int = REST_MS) -> None:
        self.rest_ms, self.count = rest_ms, 0
        self._open: dict[int, Incident] = {}

    def tell(self, found: dict[int, Finding], up_ms: int) -> list[tuple[Phase, Incident]]:
        said: list[tuple[Phase, Incident]] = []
        for key, finding in found.items():
            incident = self._open.get(key)
            if incident is None:
                self.count += 1
                incident = self._open[key] = Incident(self.count, finding, up_ms, up_ms)
                said.append((Phase.BEGUN, incident))
                continue
            incident.found_ms = up_ms
            finding.tracks = tuple(sorted({*incident.finding.tracks, *finding.tracks})[-TRACKS_AT_MOST:])
            grew = finding.count > incident.finding.count
            finding.count = max(finding.count, incident.finding.count)
            incident.finding = finding
            if up_ms - incident.told_ms >= GOING_EVERY_MS or grew:
                incident.told_ms = up_ms
                said.append((Phase.GOING, incident))
        for key, incident in list(self._open.items()):
            if up_ms - incident.found_ms > self.rest_ms:
                del self._open[key]
                said.append((Phase.OVER, incident))
        return said

    def close(self) -> list[tuple[Phase, Incident]]:
        """Nobody can tell any more."""
        ended, self._open = [(Phase.OVER, incident) for incident in self._open.values()], {}
        return ended
