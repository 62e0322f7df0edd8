"""From frames to detections: motion wakes the detector, tracks say which face is which, good frames are embedded.

The order of cost decides everything here: a look for motion 1 ms, a search 10–40 ms, an embedding 100 ms. So nothing is
searched where nothing moves, and a track is embedded until it has the frames its policy asks for, then only rarely.
"""

from collections.abc import Iterator
from typing import Any

from edge_agent.model.detections import FaceRefused, FaceSample, TrackEnded
from edge_agent.model.site import FacePolicy
from edge_agent.vision.engine import Engine, Found, Part
from edge_agent.vision.frames import Frame, Image
from edge_agent.vision.motion import MotionGate
from edge_agent.vision.motion import Part as MovingPart
from edge_agent.vision.quality import crowded
from edge_agent.vision.track import Track, Tracker

LOOK_GAP_MS = 90  # ten looks for motion a second
SEARCH_GAP_MS = 190  # five searches a second
WHOLE_EVERY_MS = 1_000  # the whole picture is searched so often, else only where faces were, or what moves
SHRINKS = 0.75  # a known face is not smaller than this in the next search
AWAKE_MS = 1_000  # searching goes on so long after the last motion …
UNFINISHED_MS = 3_000  # … and so long when a face stands still before it is known
AGAIN_MS = 2_000  # a face that stays is embedded again after this …
BETTER_BY, BETTER_AFTER_MS = 1.3, 500  # … or when it is so much better than the best so far
REFUSED_TIMES, REFUSED_AGAIN_MS = 4, 3_000  # so many bad frames in a row are told, and again after this
GROW = 0.35  # the searched part is larger than what moves, by this much of its size on each side


Seen = FaceSample | FaceRefused | TrackEnded


class FaceWatch:
    def __init__(self, engine: Engine, policy: FacePolicy) -> None:
        self.engine, self.policy = engine, policy
        self.blind = False  # the last picture could not be decoded
        self._motion, self._tracker = MotionGate(), Tracker()
        self._looked = self._searched = self._whole = self._moved = -1_000_000

    def see(self, frame: Frame) -> Iterator[Seen]:
        """Take the newest frame; most frames are let go at once. At most one embedding a frame."""
        now = frame.up_ms
        if not self._search_due(now) and now - self._looked < LOOK_GAP_MS:
            return
        gray = frame.gray()
        self.blind = gray is None
        if gray is None:
            return
        self._looked = now
        if moving := self._motion.look(gray):
            self._moved = now
        if not self._search_due(now) or (rgb := frame.rgb()) is None:
            return
        self._searched = now
        found = self.engine.find(rgb, *self._where(rgb, moving, now))
        tracks, ended = self._tracker.follow([face.box for face in found])
        yield from (_end(track, now) for track in ended)
        yield from self._sample(rgb, list(zip(tracks, found, strict=True)), now)

    def stop(self, now_ms: int) -> Iterator[TrackEnded]:
        """The pictures stopped: whoever was there is gone."""
        yield from (_end(track, now_ms) for track in self._tracker.clear())

    def _search_due(self, now: int) -> bool:
        unfinished = any(track.samples < self.policy.of for track in self._tracker.tracks)
        awake = now - self._moved <= (UNFINISHED_MS if unfinished else AWAKE_MS)
        return awake and now - self._searched >= SEARCH_GAP_MS

    def _where(self, rgb: Image, moving: MovingPart | None, now: int) -> tuple[int, Part | None]:
        """The smallest face to search for, and where: around the known faces, or what moves; now and then all of it."""
        height, width = rgb.shape[:2]
        smallest_px = self.policy.min_face_px
        known = [track.expected for track in self._tracker.tracks]
        parts = [(x, y, x + w, y + h) for x, y, w, h in known]
        if known:
            smallest_px = max(smallest_px, round(SHRINKS * min(box[2] for box in known)))
        elif moving:
            left, top, right, bottom = moving
            parts = [(round(left * width), round(top * height), round(right * width), round(bottom * height))]
        if not parts or now - self._whole >= WHOLE_EVERY_MS:
            self._whole = now
            return self.policy.min_face_px, None
        left, top = min(part[0] for part in parts), min(part[1] for part in parts)
        right, bottom = max(part[2] for part in parts), max(part[3] for part in parts)
        grow = round(max(smallest_px, GROW * (right - left), GROW * (bottom - top)))
        left, top = max(0, left - grow), max(0, top - grow)
        right, bottom = min(width, right + grow), min(height, bottom + grow)
        if (
            min(right - left, bottom - top) < smallest_px
        ):  # it should be outside by now: out of the picture, or a new one
            self._whole = now
            return self.policy.min_face_px, None
        return smallest_px, (left, top, right, bottom)

    def _sample(self, rgb: Image, seen: list[tuple[Track, Found]], now: int) -> Iterator[Seen]:
        """The embedding of the face that needs it most and is good enough, if any."""
        everybody = [face for _, face in seen]
        for track, face in sorted(seen, key=lambda pair: (pair[0].samples, -pair[0].box[2])):
            if not self._open(track, now):
                continue
            landmarks = self.engine.align(rgb, face)
            quality = self.engine.judge(rgb, face.box, landmarks, self.policy)
            reason = quality.reason or ("crowded" if crowded(face.box, everybody) else None)
            if reason is not None:
                yield from self._refuse(track, reason, now)
            elif self._wanted(track, quality.value, now):
                yield from self._embed(rgb, track, landmarks, quality.value, now)
                return

    def _embed(self, rgb: Image, track: Track, landmarks: Any, quality: float, now: int) -> Iterator[Seen]:
        embedding = self.engine.embed(rgb, landmarks)
        if track.last and not self.engine.same(track.last, embedding):
            yield _end(track, now)
            track = self._tracker.anew(track)
        track.samples += 1
        track.last, track.interrupted, track.bad = embedding, False, 0
        track.sampled_ms, track.best = now, max(track.best, quality)
        yield FaceSample(
            track.id, now, track.box, round(quality, 3), self.engine.liveness(rgb, track.box), embedding,
            self.engine.model,
        )  # fmt: skip

    def _refuse(self, track: Track, reason: str, now: int) -> Iterator[FaceRefused]:
        """Note it; tell the person when it goes on, and nobody who was seen well already."""
        track.refused[reason] += 1
        track.bad += 1
        if not track.samples and track.bad >= REFUSED_TIMES and now - track.told_ms >= REFUSED_AGAIN_MS:
            track.told_ms = now
            yield FaceRefused(track.id, now, track.reason or reason)

    def _open(self, track: Track, now: int) -> bool:
        unfinished = track.samples < self.policy.of
        return unfinished or track.interrupted or now - track.sampled_ms >= BETTER_AFTER_MS

    def _wanted(self, track: Track, quality: float, now: int) -> bool:
        due = track.samples < self.policy.of or track.interrupted or now - track.sampled_ms >= AGAIN_MS
        return due or quality > BETTER_BY * track.best


def _end(track: Track, now: int) -> TrackEnded:
    return TrackEnded(track.id, now, track.samples, track.reason)
