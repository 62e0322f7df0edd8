"""Zones and lines of one camera: grey frames in, incidents out. Motion and background alone; surer with a detector.

Nothing here knows the time of day (schedules are the flow's) or who anybody is. A frame whose time does not go on is
left out; after a gap nobody is who he was; a picture of another size is another picture. Rules, lines and what they
found survive as long as the analysis sees; when it can not (dark, infrared switched on), open incidents end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.errors import FaceError
from edge_agent.model.face_models import EBIKES, PERSON
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import WALKED, Line, Zone
from edge_agent.vision.background import Background, reduced_size
from edge_agent.vision.blobs import Blob, blobs_of
from edge_agent.vision.frames import Colours, Image
from edge_agent.vision.incidents import Incident, Incidents
from edge_agent.vision.line_rule import LineRule
from edge_agent.vision.objects import Detector, Doubts
from edge_agent.vision.thing_rules import Blocked, Ebike, PersonDown, Smoke, Things
from edge_agent.vision.track import Box
from edge_agent.vision.walkers import Walkers
from edge_agent.vision.zone_rules import Finding, Gathering, Intrusion, Loitering, Region, Rule, Scene

ABSORBS_S, AND_MORE_S = 900.0, 300.0
STILL = frozenset({"left_object", "removed_object", "blocked"})
GAP_S = 3.0  # without a frame for longer: who is there now is found anew
BLIND_ENDS_MS = 5_000
SETTLES_MS = 1_000  # after a new background
THING_RESTS_MS = 2_000
WRONG_RESTS_MS = 3_000


@dataclass
class Watched:
    name: str
    kind: str
    rule: Rule
    incidents: Incidents


class ZoneWatch:
    """`size`: width and height of the frames. Raises FaceError when the detector does not know what a rule needs."""

    def __init__(
        self, zones: Iterable[Zone], lines: Iterable[Line], size: tuple[int, int], detector: Detector | None = None
    ) -> None:
        self._zones, self._lines, self._detector = tuple(zones), tuple(lines), detector
        self._doubts = Doubts(detector) if detector and PERSON in detector.classes else None
        wanted = {"ebike"} & {kind for zone in self._zones for kind in zone.watch}
        if wanted and not (detector and set(EBIKES) & set(detector.classes)):
            raise FaceError(
                "zone.no_class", id=detector.id if detector else "–", wanted="ebike",
                classes=", ".join(detector.classes) if detector else "–",
            )  # fmt: skip
        self._begun_ms = self._last_ms = self._seen_ms = -1
        self.walked = bool(self._lines) or any(WALKED & set(zone.watch) for zone in self._zones)
        self.follows = True  # the frames come often enough to know people again
        self._open(size)

    def _open(self, size: tuple[int, int]) -> None:
        self.size = size
        self._reduced = reduced_size(*size)
        self._background, self._walkers = Background(absorbs_s(self._zones)), Walkers()
        shape = self._reduced[::-1]
        self._watched = [
            Watched(zone.name, kind, self._rule(zone, kind, Region(zone.points, shape)), _incidents(kind))
            for zone in self._zones
            for kind in zone.watch
        ]
        self._passing = [(line, LineRule(line, shape), Incidents(WRONG_RESTS_MS)) for line in self._lines]

    def _rule(self, zone: Zone, kind: str, region: Region) -> Rule:
        match kind:
            case "intrusion":
                return Intrusion(zone, region)
            case "loitering":
                return Loitering(zone, region)
            case "gathering":
                return Gathering(zone, region)
            case "left_object" | "removed_object":
                return Things(zone, region, brought=kind == "left_object")
            case "blocked":
                return Blocked(zone, region)
            case "person_down":
                return PersonDown(zone, region)
            case "ebike":
                return Ebike(zone, region, self._ebikes)
            case "smoke":
                return Smoke(zone, region)
        raise ValueError(f"no such rule: {kind}")

    def see(self, gray: Image, up_ms: int, bgr: Colours | None = None) -> list[Sighting]:
        """`gray`: height × width, 8 bits (the luma plane); `bgr`: gives the same frame in colour when asked."""
        said: list[Sighting] = []
        height, width = gray.shape[:2]
        if (width, height) != self.size:
            said = self.stop(up_ms)
            self._open((width, height))
        if self._last_ms >= 0 and up_ms <= self._last_ms:
            return said
        dt_s = 0.1 if self._last_ms < 0 else (up_ms - self._last_ms) / 1000
        self._begun_ms = up_ms if self._begun_ms < 0 else self._begun_ms
        self._last_ms = up_ms
        if dt_s > GAP_S:
            self._walkers.clear()
        small = cv2.resize(gray, self._reduced, interpolation=cv2.INTER_AREA)
        if not self._background.see(small, up_ms, dt_s):
            self._walkers.clear()
            if self._seen_ms >= 0 and up_ms - self._seen_ms > BLIND_ENDS_MS:
                said += self.stop(up_ms)
            return said
        self._seen_ms = up_ms
        if self._background.relit is not None:
            self._walkers.leave(self._background.relit)  # what is left of the light is nobody
        if up_ms - self._background.ready_ms < SETTLES_MS:
            return said
        scene = self._scene(up_ms, dt_s, bgr)
        if self._doubts and bgr is not None:
            self._doubts.ask(scene.walkers, bgr, self._enlarged(1)[0], up_ms)
        for watched in self._watched:
            found = dict(watched.rule.look(scene)) if self.follows or watched.kind not in WALKED else {}
            for phase, incident in watched.incidents.tell(found, up_ms):
                said.append(self._sighting(watched.name, watched.kind, phase, incident, up_ms))
        for line, rule, wrong in self._passing:
            said += self._cross(line, rule, wrong, scene)
        self._background.absorb()
        return said

    def stop(self, up_ms: int) -> list[Sighting]:
        """No more frames, or none that can be used: whatever was open is over."""
        said = [
            self._sighting(watched.name, watched.kind, phase, incident, up_ms)
            for watched in self._watched
            for phase, incident in watched.incidents.close()
        ]
        for line, _, wrong in self._passing:
            said += [self._sighting(line.name, "wrong_way", phase, it, up_ms) for phase, it in wrong.close()]
        for watched in self._watched:
            watched.rule.forget()
        self._walkers.clear()
        return said

    def _scene(self, up_ms: int, dt_s: float, bgr: Colours | None) -> Scene:
        blobs = blobs_of(self._background.mask)
        self._walkers.follow(blobs, [self._contrast(blob) for blob in blobs], up_ms)
        believes = self._doubts.believes if self._doubts and bgr is not None else (lambda walker: True)
        return Scene(up_ms, dt_s, self._background, self._walkers.all, believes, bgr)

    def _contrast(self, blob: Blob) -> float:
        x, y, width, height = blob.box
        part = slice(y, y + height), slice(x, x + width)
        return float(cv2.mean(self._background.differs[part], mask=self._background.mask[part])[0])

    def _cross(self, line: Line, rule: LineRule, wrong: Incidents, scene: Scene) -> Iterator[Sighting]:
        against: dict[int, Finding] = {}
        for passed in rule.look(scene) if self.follows else ():
            finding = Finding(passed.box, passed.why, (passed.track,), 1)
            if "crossing" in line.watch:
                incident = Incident(rule.passed, finding, scene.up_ms, scene.up_ms)
                for phase in (Phase.BEGUN, Phase.OVER):
                    yield self._sighting(line.name, "crossing", phase, incident, scene.up_ms, passed.direction)
            if "wrong_way" in line.watch and passed.direction != line.allowed:
                against[0] = finding
        for phase, incident in wrong.tell(against, scene.up_ms):
            way = "out" if line.allowed == "in" else "in"
            yield self._sighting(line.name, "wrong_way", phase, incident, scene.up_ms, way)

    def _sighting(
        self, rule: str, kind: str, phase: Phase, incident: Incident, up_ms: int, direction: str = ""
    ) -> Sighting:
        finding = incident.finding
        return Sighting(
            rule=rule, kind=kind, incident=f"{rule}/{kind}/{self._begun_ms}-{incident.number}", phase=phase,
            up_ms=up_ms, size=self.size, box=self._full(finding.box), confidence=finding.confidence,
            tracks=finding.tracks, count=finding.count, direction=direction, why=finding.why,
            since_ms=finding.since_ms,
        )  # fmt: skip

    def _enlarged(self, length: float) -> tuple[float, float]:
        return length * self.size[0] / self._reduced[0], length * self.size[1] / self._reduced[1]

    def _full(self, box: Box) -> Box:
        wide, tall = self._enlarged(1)
        return round(box[0] * wide), round(box[1] * tall), round(box[2] * wide), round(box[3] * tall)

    def _ebikes(self, bgr: Image, part: Box) -> list[tuple[Box, float]]:
        wide, tall = self._enlarged(1)
        left, top, width, height = self._full(part)
        crop = np.ascontiguousarray(bgr[top : top + height, left : left + width])
        return [
            ((round((left + x) / wide), round((top + y) / tall), round(w / wide), round(h / tall)), seen.score)
            for seen in (self._detector.find(crop) if self._detector else [])
            for x, y, w, h in [seen.box]
            if seen.name in EBIKES
        ]


def absorbs_s(zones: Iterable[Zone]) -> float:
    """What has not moved for so long belongs to the place; what a rule waits for longer, five minutes after it."""
    waits = [wait_s for zone in zones for kind, wait_s in zone.waits.items() if kind in STILL]
    return max([ABSORBS_S, *(wait_s + AND_MORE_S for wait_s in waits)])


def _incidents(kind: str) -> Incidents:
    return Incidents(THING_RESTS_MS) if kind in STILL else Incidents()
