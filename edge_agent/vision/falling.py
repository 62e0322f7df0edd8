"""Falling objects on a calibrated wall: frames in, sightings out. What a camera's child runs for each [[facade]].

blur → three-frame difference → threshold of each pixel → blobs → tracks in metres → gravity → floor and column. No
frame is kept beyond five. `mode` says how much of the camera's frames it can afford, and is never changed in silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from edge_agent.errors import EdgeAgentError
from edge_agent.model.sightings import Fall, Phase, Sighting
from edge_agent.model.site import Facade
from edge_agent.vision.falling_candidates import AROUND, Candidates, looked
from edge_agent.vision.falling_floors import fall, released
from edge_agent.vision.falling_grid import fit
from edge_agent.vision.falling_physics import LEAST, SHARP_M, Seen, Verdict, judge
from edge_agent.vision.falling_tracks import Fixes, Tracks

Gray = npt.NDArray[np.uint8]
Mode = Literal["full", "half", "half-10fps"]

STEP_MS, SLOW_STEP_MS, GAP_MS = 48, 90, 700  # 15 to 20 frames a second are looked at
MERGE_MS, MERGE_M = 1500, 3.0  # a reflection in glass, an object that breaks
OVER_MS = 700
JUDGED_MOST = 10  # tracks a frame


@dataclass
class Incident:
    id: str
    kind: str
    last_ms: int
    told_ms: int
    fixes: int
    x: float
    sighting: Sighting
    tracks: set[int] = field(default_factory=set)


class FallingWatch:
    """`see` every frame's luma with its gateway uptime; `stop` when the stream ends. Raises EdgeAgentError when the
    façade cannot be calibrated, or the frame has another shape than the calibrated one.

    `mode`: "half" looks at half the resolution, "half-10fps" at ten frames a second too, for slow boards.
    """

    def __init__(self, facade: Facade, mode: Mode = "full") -> None:
        self.facade, self.mode = facade, mode
        self.grid = fit(facade)
        self._sides = self.grid.sides()
        self._candidates: Candidates | None = None
        self._tracks = Tracks(facade.roof_m)
        self._scale = 1.0  # analysed px / calibrated px
        self._shape = (0, 0)
        self._times: list[int] = []
        self._step_s = 0.067
        self._open: list[Incident] = []
        self._count = 0

    def see(self, gray: Gray, up_ms: int) -> list[Sighting]:
        """What is known after this frame. Frames too close together, or backwards in time, are passed over."""
        if self._times:
            since = up_ms - self._times[-1]
            if since < (SLOW_STEP_MS if self.mode == "half-10fps" else STEP_MS):
                if since < -GAP_MS:
                    self._begin_again()
                return []
            if since > GAP_MS:
                self._begin_again()
            else:
                self._step_s += (since / 1000 - self._step_s) * 0.1
        if self._candidates is None or gray.shape != self._shape:
            self._prepare(gray)
        assert self._candidates is not None
        if self.mode != "full":
            gray = cv2.resize(gray, (gray.shape[1] // 2, gray.shape[0] // 2), interpolation=cv2.INTER_AREA)
        self._times.append(up_ms)
        found = self._candidates.see(gray)
        looked = found is not None
        if len(self._times) <= 2 * AROUND:
            return []
        seen_ms = self._times[-1 - AROUND]
        del self._times[0]
        if found is None:
            found = np.empty((0, 5)), np.empty(0, bool)
        blobs, calm = found
        u, v = blobs[:, 0] / self._scale, blobs[:, 1] / self._scale
        x, z = self.grid.metres(u, v)
        scale = self.grid.px_per_m(x, z) * self._scale if len(x) else np.empty(0)
        sane = np.isfinite(scale) & (np.abs(x) < 500) & (z > -5) & (z < self.facade.roof_m + 30) & (scale > 1)
        past = v > self._lands(u)
        self._tracks.step(
            seen_ms / 1000, blobs[sane], calm[sane], x[sane], z[sane], scale[sane], past[sane], looked
        )  # fmt: skip
        return [*self._judge(seen_ms), *self._close(seen_ms)]

    def change(self, mode: Mode) -> None:
        """From the next frame on; what is being tracked is lost, what is open is ended in its time."""
        if mode != self.mode:
            self.mode, self._candidates = mode, None
            self._begin_again()

    def stop(self, up_ms: int) -> list[Sighting]:
        """Ends what is still open."""
        return [*self._close(up_ms, everything=True)]

    def _prepare(self, gray: Gray) -> None:
        (height, width), (wide, high) = gray.shape, self.facade.size
        if abs(width * high - height * wide) > 0.02 * width * high:
            raise EdgeAgentError(
                "facade.other_frame", name=self.facade.name, width=width, height=height, wide=wide, high=high
            )
        if self._candidates is not None:
            self._begin_again()
        self._shape = (height, width)
        size = (width, height) if self.mode == "full" else (width // 2, height // 2)
        self._scale = size[0] / wide
        self._candidates = Candidates(looked(size, self.facade.masks, self._scale))

    def _begin_again(self) -> None:
        self._times.clear()
        self._tracks.reset()
        if self._candidates is not None:
            self._candidates.reset()

    def _judge(self, now_ms: int) -> Iterator[Sighting]:
        found = []
        grown = [self._tracks.fixes(row) for row in self._tracks.grown(LEAST, SHARP_M, JUDGED_MOST)]
        for fixes in [*grown, *self._tracks.vanished()]:
            _, bottom = self.grid.metres(fixes.u[-1] / self._scale, self.facade.size[1] - 1)
            wide = self.facade.size[0] * self._scale
            seen = Seen(*self._sides, float(bottom), wide, vanished=fixes.missed > 0, lands_m=self._lands_m(fixes))
            verdict = judge(fixes, self.grid, self._step_s, seen)
            if verdict is not None:
                found.append((fixes, verdict))
        for fixes, verdict in sorted(found, key=lambda one: -len(one[0].t)):
            yield from self._told(fixes, verdict, now_ms)

    def _lands(self, u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Rows of the calibrated frame at which what falls in these columns lands; inf where that is not said."""
        at = self.facade.lands
        return np.interp(u, at[::2], at[1::2]) if at else np.full(len(u), np.inf)

    def _lands_m(self, fixes: Fixes) -> float | None:
        """Height on the wall at which what falls there lands; None where that is not said, or it has passed it."""
        u, v = fixes.u[-1:] / self._scale, fixes.v[-1:] / self._scale
        row = self._lands(u)
        return float(self.grid.metres(u, row)[1][0]) if self.facade.lands and v[0] <= row[0] else None

    def _told(self, fixes: Fixes, verdict: Verdict, now_ms: int) -> Iterator[Sighting]:
        """A new incident, or what an open one has learnt."""
        track, (released_s, _) = fixes.id, released(verdict)
        if verdict.kind == "light_object" and any(
            one.kind == "falling_object" and abs(one.x - verdict.x) <= MERGE_M and now_ms - one.last_ms <= MERGE_MS
            for one in self._open
        ):
            return  # a part of it, or its reflection
        for one in self._open:
            mine = track in one.tracks
            known = one.sighting.fall
            together = known is not None and abs(known.released_ms - 1000 * released_s) <= MERGE_MS
            near = abs(one.x - verdict.x) <= MERGE_M and abs(one.last_ms - now_ms) <= MERGE_MS and together
            if one.kind != verdict.kind or not (mine or near):
                if one.kind == "falling_object" and mine:
                    return
                continue
            one.tracks.add(track)
            one.last_ms = now_ms
            if len(fixes.t) < one.fixes:
                return
            one.fixes, one.x = len(fixes.t), verdict.x
            told, sighting = self._sighting(fixes, verdict, now_ms)
            moved = told.floors[:1] != (one.sighting.fall.floors[:1] if one.sighting.fall else ())
            one.sighting = self._as(sighting, one, Phase.GOING)
            if moved or now_ms - one.told_ms >= 500:
                one.told_ms = now_ms
                yield one.sighting
            return
        _, sighting = self._sighting(fixes, verdict, now_ms)
        self._count += 1
        name = f"{self.facade.name}-{now_ms}-{self._count}"
        incident = Incident(name, verdict.kind, now_ms, now_ms, len(fixes.t), verdict.x, sighting, {track})
        incident.sighting = self._as(sighting, incident, Phase.BEGUN)
        self._open.append(incident)
        yield incident.sighting

    def _as(self, sighting: Sighting, incident: Incident, phase: Phase) -> Sighting:
        return msgspec.structs.replace(
            sighting, incident=incident.id, phase=phase, tracks=tuple(sorted(incident.tracks)), count=1
        )

    def _sighting(self, fixes: Fixes, verdict: Verdict, now_ms: int) -> tuple[Fall, Sighting]:
        told = fall(fixes, verdict, self.grid, self._scale, max(0.0, self._lands_m(fixes) or 0.0))
        _, u, v, _ = told.path[-1]
        side = max(8, round(float(fixes.size[-1])) + 4)
        height, width = self._shape if self.mode == "full" else (self._shape[0] // 2, self._shape[1] // 2)
        return told, Sighting(
            rule=self.facade.name, kind=verdict.kind, incident="", phase=Phase.BEGUN, up_ms=now_ms,
            size=(width, height), box=(round(u - side / 2), round(v - side / 2), side, side),
            tracks=(fixes.id,), fall=told, why=verdict.why,
            confidence=round(min(1.0, 0.5 + len(told.path) / 40), 2) if verdict.kind == "falling_object" else 0.4,
        )  # fmt: skip

    def _close(self, now_ms: int, everything: bool = False) -> Iterator[Sighting]:
        for one in list(self._open):
            if everything or now_ms - one.last_ms > OVER_MS + (MERGE_MS if one.kind == "falling_object" else 0):
                self._open.remove(one)
                yield self._as(one.sighting, one, Phase.OVER)
