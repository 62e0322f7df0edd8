"""What a clip is and how it is judged: plays it through the product, matches what was told to what fell.

All that decides what a row of the bench says is here, in the generator and in the analysis; bench/falling_rows.py makes
its mark of them. Which seeds are measured, the file and the tables are not.
"""

import time

import numpy as np

from bench import falling_footage
from bench.falling_peers import Contours
from edge_agent.model.sightings import Sighting
from edge_agent.vision.falling import FallingWatch
from edge_agent.vision.falling_tracks import Fixes
from tests.vision.facade import FPS
from tests.vision.facade.clip import Clip, draw
from tests.vision.facade.objects import Fall

FALLS_A_CLIP, QUIET_S = 6, 60.0
NEAR_PX, IOU = 10.0, 0.3

Incident = list[tuple[int, Sighting]]  # ms at which it was told, in the order of telling


class Measured(FallingWatch):
    """Keeps the sizes of the fixes, for boxes."""

    def __init__(self, clip: Clip) -> None:
        super().__init__(clip.facade)
        self.boxes: dict[int, Fixes] = {}

    def _told(self, fixes, verdict, now_ms):
        self.boxes[fixes.id] = fixes
        return super()._told(fixes, verdict, now_ms)

    def tracks(self, alarm: Incident) -> list[Fixes]:
        """All that it was told by, in the end."""
        return [self.boxes[track] for track in alarm[-1][1].tracks if track in self.boxes]


def drawn(
    seed: int, falling: bool, place: falling_footage.Place | None, crowded: bool, weathers: tuple[str, ...]
) -> Clip:  # fmt: skip
    """Six falls or a minute of nothing that falls; the weathers come in turn."""
    count, seconds = (FALLS_A_CLIP, 0.0) if falling else (0, QUIET_S)
    if place is not None:
        return falling_footage.draw_footage(seed, place, falls=count, seconds=seconds)
    weather = weathers[seed % len(weathers)]
    return draw(seed, falls=count, seconds=seconds, weather=weather, crowded=crowded)


def play(clip: Clip, peers: bool) -> dict:
    watch = Measured(clip)
    told: Incident = []
    cost: list[float] = []
    others = [Contours(kind, clip.camera.height) for kind in ("mog2", "knn")] if peers else []
    at = 0
    for at, gray in clip.frames():
        began = time.process_time()
        found = watch.see(gray, at)
        cost.append(time.process_time() - began)
        told += [(at, one) for one in found]
        for other in others:
            other.see(gray, at)
    told += [(at, one) for one in watch.stop(at)]
    on = [lambda path, fall=fall: same(fall, path) for fall in clip.falls]
    return {
        "seed": clip.seed, "weather": clip.weather, "crowded": clip.crowded, "seconds": round(clip.count / FPS, 1),
        **judged(clip, told, watch),
        "came": dict(clip.came),
        "ms": [round(1000 * float(np.percentile(cost, q)), 2) for q in (50, 95, 100)],
        "peers": {one.kind: one.judged(on) for one in others},
    }  # fmt: skip


def judged(clip: Clip, told: Incident, watch: Measured) -> dict:
    """Each fall with the alarms that are of it; the other alarms are false."""
    incidents: dict[str, Incident] = {}
    for when, one in told:
        incidents.setdefault(one.incident, []).append((when, one))
    alarms = [one for one in incidents.values() if one[0][1].kind == "falling_object"]
    rows, used = [], set()
    for fall in clip.falls:
        mine = [n for n, one in enumerate(alarms) if same(fall, [point[:3] for point in one[-1][1].fall.path])]
        used |= set(mine)
        rows.append(row(fall, [alarms[n] for n in mine]))
    return {
        "falls": rows, "false": len(alarms) - len(used), "suspected": len(incidents) - len(alarms),
        "boxes": boxes(clip.falls, [track for alarm in alarms for track in watch.tracks(alarm)]),
    }  # fmt: skip


def same(fall: Fall, path: list[tuple[float, float, float]]) -> bool:
    """Whether at least half of the fixes (ms, u, v) lie on the object."""
    seen = {frame: (u, v, size) for frame, u, v, size in fall.seen}
    hits = 0
    for ms, u, v in path:
        at = seen.get(round(ms * FPS / 1000))
        hits += at is not None and np.hypot(u - at[0], v - at[1]) < NEAR_PX + at[2]
    return bool(path) and hits >= 0.5 * len(path)


def boxes(falls: list[Fall], tracks: list[Fixes]) -> tuple[int, int, int]:
    """FADE's box measure of a whole clip: true boxes that are hit, each once; boxes told, true or not; true boxes."""
    true = [(frame, (u, v, size)) for fall in falls for frame, u, v, size in fall.seen]
    told = [
        (round(t * FPS), (u, v, size))
        for track in tracks
        for t, u, v, size in zip(track.t, track.u, track.v, track.size, strict=True)
    ]
    hits: set[int] = set()
    for frame, box in told:
        free = (n for n, (when, one) in enumerate(true) if when == frame and n not in hits and overlap(box, one) >= IOU)
        hits |= {n for n in [next(free, None)] if n is not None}
    return len(hits), len(told), len(true)


def overlap(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """IoU of two squares: u and v of their middle, side."""
    (u, v, size), (true_u, true_v, true_size) = one, other
    a, b = max(size, 1.0), max(true_size, 1.0)
    wide = max(0.0, min(u + a / 2, true_u + b / 2) - max(u - a / 2, true_u - b / 2))
    high = max(0.0, min(v + a / 2, true_v + b / 2) - max(v - a / 2, true_v - b / 2))
    return float(wide * high / (a * a + b * b - wide * high))


def row(fall: Fall, mine: list[Incident]) -> dict:
    made = {
        "px": round(fall.px, 2), "contrast": fall.contrast, "against": round(fall.contrast_seen, 1),
        "thrown": fall.thrown, "floor": fall.floor, "seen": len(fall.seen), "found": bool(mine), "alarms": len(mine),
    }  # fmt: skip
    if not mine:
        return made
    first, last = mine[0][0], mine[0][-1][1]
    known = last.fall
    assert known is not None
    true = fall.released_s, fall.seen[-1][0] / FPS
    mine_s = known.released_ms / 1000, known.impact_ms / 1000
    both = max(0.0, min(true[1], mine_s[1]) - max(true[0], mine_s[0]))
    first_fall = first[1].fall
    assert first_fall is not None
    return {
        **made, "late_s": round(first[0] / 1000 - fall.released_s, 2), "told": known.floors[0][0],
        "first": first_fall.floors[0][0], "sure": known.floors[0][1],
        "column": known.columns[0][0] if known.columns else 0,
        "true_column": fall.column, "released_off_s": round(known.released_ms / 1000 - fall.released_s, 2),
        "tro": round(both / (max(true[1], mine_s[1]) - min(true[0], mine_s[0])), 3),
    }  # fmt: skip
