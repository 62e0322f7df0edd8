"""Which trouble a camera has: one cause is told as one trouble, from when it lasts until it has been gone for a while.

What hides the view explains whatever else seems wrong meanwhile; a moved camera looks covered beside a view that it has
no more. A second trouble is told only where the first cannot explain it: a moved camera is not black by that.
"""

from edge_agent.model.sightings import Measure, Phase, Sighting
from edge_agent.vision.standstill import STILL_MS

CONFIRM_MS = {
    "frozen": STILL_MS, "black": 5_000, "overexposed": 5_000, "occluded": 5_000, "moved": 5_000, "defocused": 8_000,
}  # fmt: skip
OVER_MS = 10_000
VIEW = ("occluded", "moved", "defocused")  # measured against the view of before: one stands, until it is there again
HIDDEN = ("black", "overexposed")  # nothing can be measured against it
EXPLAINS: dict[str, set[str]] = {
    "frozen": CONFIRM_MS.keys() - {"frozen"},
    "black": CONFIRM_MS.keys() - {"black"},
    "overexposed": CONFIRM_MS.keys() - {"overexposed"},
    "occluded": CONFIRM_MS.keys() - {"occluded", "moved"},
    "moved": {"occluded", "defocused"},
    "defocused": {"occluded"},
}


class Troubles:
    def __init__(self, camera: str, fps: float) -> None:
        self._camera = camera
        self._least = max(3, round(3 * min(1.0, fps)))  # looks a suspicion needs, of a camera of one frame a minute too
        self._since: dict[str, tuple[int, int]] = {}  # kind → (uptime, looks) of the suspicion
        self._why: dict[str, Measure] = {}
        self._gone_ms: dict[str, int] = {}
        self._incidents: dict[str, str] = {}

    @property
    def of_view(self) -> str | None:
        return next((kind for kind in VIEW if kind in self._incidents), None)

    def lasting_ms(self, up_ms: int) -> int:
        """For how long the view has been another one."""
        return max((up_ms - self._since[kind][0] for kind in VIEW if kind in self._since), default=0)

    def judge(self, found: dict[str, Measure], there: bool, up_ms: int, size: tuple[int, int]) -> list[Sighting]:
        """`found`: what it looks like now; `there`: the old view was recognised, where it was."""
        found = self._carried(found, there)
        self._why = {**self._why, **found}
        return [sighting for kind in CONFIRM_MS for sighting in self._judge(kind, found, up_ms, size)]

    def stop(self, up_ms: int) -> list[Sighting]:
        over = [self._end(kind, up_ms, (0, 0)) for kind in list(self._incidents)]
        self._since = {}
        return over

    def _carried(self, found: dict[str, Measure], there: bool) -> dict[str, Measure]:
        """What stands against the view goes on until the view is as before, whatever it looks like meanwhile. Only the
        old view itself, found elsewhere, says that a camera that was covered or blurred has been moved.
        """
        standing = self.of_view
        if standing is None or standing in found:
            return found
        seen = next((kind for kind in (*HIDDEN, *VIEW) if kind in found), None)
        if seen is None and there:
            return found
        elsewhere = seen == "moved" and found["moved"].name == "shift"
        kept = {kind: why for kind, why in found.items() if kind not in VIEW or elsewhere}
        return {**kept, standing: self._why[standing]}

    def _judge(self, kind: str, found: dict[str, Measure], up_ms: int, size: tuple[int, int]) -> list[Sighting]:
        incident = self._incidents.get(kind)
        if kind not in found:
            self._since.pop(kind, None)
            if incident is None or up_ms - self._gone_ms.setdefault(kind, up_ms) < OVER_MS:
                return []
            return [self._end(kind, up_ms, size)]
        self._gone_ms.pop(kind, None)
        began, looks = self._since.get(kind, (up_ms, 0))
        self._since[kind] = began, looks + 1
        if incident is not None:
            return [self._say(kind, incident, Phase.GOING, up_ms, size)]
        other = self.of_view if kind in VIEW else None
        confirm_ms = CONFIRM_MS[kind] if other is None else OVER_MS
        lasted = kind == "frozen" or (up_ms - began >= confirm_ms and looks + 1 >= self._least)
        if not lasted or self._explained(kind, found):
            return []
        ended = [] if other is None else [self._end(other, up_ms, size)]
        self._incidents[kind] = incident = f"{kind}-{began}"
        return [*ended, self._say(kind, incident, Phase.BEGUN, up_ms, size)]

    def _explained(self, kind: str, found: dict[str, Measure]) -> bool:
        """By what stands, or by what is about to: what has no noise left to show seems frozen, too."""
        return any(kind in EXPLAINS[other] for other in self._incidents.keys() | found.keys() - {"frozen"})

    def _end(self, kind: str, up_ms: int, size: tuple[int, int]) -> Sighting:
        self._gone_ms.pop(kind, None)
        return self._say(kind, self._incidents.pop(kind), Phase.OVER, up_ms, size)

    def _say(self, kind: str, incident: str, phase: Phase, up_ms: int, size: tuple[int, int]) -> Sighting:
        return Sighting(
            rule=self._camera, kind=kind, incident=incident, phase=phase, up_ms=up_ms, size=size,
            box=(0, 0, *size), why=() if phase is Phase.OVER else (self._why[kind],),
        )  # fmt: skip
