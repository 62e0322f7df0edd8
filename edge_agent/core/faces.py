"""Whose face is it: samples of a track against the gallery, and the track's one answer.

A frame never decides. k of the last n good frames must name the same person, each near enough and with a margin to the
next person; the embedding is compared here and dropped, only what it came to is remembered, for as long as the track
lasts. The one physical fact to know: a single frame can be lucky, three frames of one stranger are rarely so alike.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.core.gallery import Gallery, Look, Vectors
from edge_agent.errors import FaceError
from edge_agent.model.detections import CameraState, Detection, FaceRefused, FaceSample, TrackEnded
from edge_agent.model.face_models import DLIB, EngineSpec, limits_of
from edge_agent.model.reads import Face, Liveness
from edge_agent.model.site import FacePolicy

PAUSE_MS = 10_000  # a face that stays before the camera is answered again after this
SAME_VISIT_MS = 4_000  # a person matched again so soon in a new track turned the head; the gate is still released
TRACKS_AT_MOST = 64  # per camera; a child that never ends its tracks loses the oldest
WORST_FIRST = (Liveness.SPOOF, Liveness.NOT_CHECKED, Liveness.LIVE)


@dataclass
class Track:
    looks: deque[tuple[int, Look]]  # (up_ms, what that frame came to), the newest last
    liveness: Liveness = Liveness.LIVE
    said: dict[str | None, int] = field(default_factory=dict)  # person (None: a refusal) → up_ms of that answer


@dataclass
class Source:
    """One camera."""

    tracks: dict[int, Track] = field(default_factory=dict)
    matched: dict[str, int] = field(default_factory=dict)  # person → up_ms of the last answer, only the recent ones


class Judge:
    """Fulfils ports.FaceJudge: one answer per track, never from one lucky frame.

    Somebody refused as unknown or ambiguous may come nearer and be matched; nobody who was matched becomes unknown
    within the pause. Once a card or a number has said who it should be, that person's own limit counts (1:1), unless
    the face is clearly somebody else's.
    """

    def __init__(self, policy: FacePolicy, gallery: Gallery, engine: EngineSpec = DLIB) -> None:
        self.policy, self.limits = policy, limits_of(policy, engine)
        self._gallery = gallery
        self._sources: dict[str, Source] = {}

    def replace(self, gallery: Gallery) -> None:
        """Match against `gallery` from the next frame on."""
        self._gallery = gallery

    def change(self, changes: Mapping[str, Vectors]) -> None:
        """Person → all of their templates from the next frame on; none: they are gone."""
        self._gallery.change(changes)

    def see(self, source: str, detection: Detection, claimed: str | None = None) -> tuple[Face, int] | None:
        """The answer and the `up_ms` of the frame that completed it. Raises FaceError on another engine's sample.

        `claimed`: who waits at the door for a face, after a card or a number.
        """
        seen = self._sources.setdefault(source, Source())
        match detection:
            case CameraState():
                if detection.state == "lost":
                    seen.tracks.clear()  # a restarted child counts its tracks from one again
                return None
            case TrackEnded():
                seen.tracks.pop(detection.track, None)
                return None
            case FaceRefused():
                return None
            case FaceSample():
                return self._judge(seen, detection, claimed)

    def _judge(self, seen: Source, sample: FaceSample, claimed: str | None) -> tuple[Face, int] | None:
        if sample.model != self._gallery.model:
            raise FaceError("faces.model_differs", sample=sample.model, gallery=self._gallery.model)
        track = self._track(seen.tracks, sample.track)
        track.looks.append((sample.up_ms, self._gallery.look(sample.embedding, self.limits)))
        track.liveness = min(track.liveness, sample.liveness, key=WORST_FIRST.index)
        looks = [look for up_ms, look in track.looks if sample.up_ms - up_ms <= self._within_ms]
        answer = self._verified(looks, claimed) or self._answer(looks)
        if answer is None:
            return None
        outcome, person, score = answer
        seen.matched = {who: at for who, at in seen.matched.items() if sample.up_ms - at < SAME_VISIT_MS}
        if (person in seen.matched and person != claimed) or not self._due(track, person, sample.up_ms):
            return None
        track.said[person] = sample.up_ms
        if person is not None:
            seen.matched[person] = sample.up_ms
        return Face(outcome, person, score, track.liveness), sample.up_ms

    def _track(self, tracks: dict[int, Track], number: int) -> Track:
        if number not in tracks:
            if len(tracks) >= TRACKS_AT_MOST:
                del tracks[next(iter(tracks))]
            tracks[number] = Track(deque(maxlen=self.policy.of))
        return tracks[number]

    def _verified(self, looks: list[Look], claimed: str | None) -> tuple[str, str | None, float] | None:
        """1:1: enough of these frames are near enough to the claimed person and not clearly another's."""
        if claimed is None:
            return None
        fits = [
            distance
            for look in looks
            if (distance := look.distance_of(claimed)) is not None
            and (look.person in (None, claimed) or not look.clear)
        ]
        return ("match", claimed, 1 - min(fits)) if len(fits) >= self.policy.agree else None

    def _answer(self, looks: list[Look]) -> tuple[str, str | None, float] | None:
        """(outcome, person, score) of these frames, or None while they do not suffice."""
        named = [look for look in looks if look.person is not None]
        clear = [look for look in named if look.clear]
        persons = {look.person for look in clear}
        if len(persons) == 1 and len(clear) >= self.policy.agree:
            return "match", clear[0].person, 1 - min(look.distance for look in clear)
        if len(looks) < self.policy.of:
            return None
        score = max((1 - look.distance for look in looks), default=0.0)
        if len(persons) > 1 or len(clear) < len(named):
            return "ambiguous", None, score
        return "unknown", None, max(score, -1.0)

    def _due(self, track: Track, person: str | None, up_ms: int) -> bool:
        """Not said within the pause; a match is also news after a refusal, a refusal is none after a match."""
        relevant = track.said.values() if person is None else (track.said.get(person, -PAUSE_MS),)
        return all(up_ms - said >= PAUSE_MS for said in relevant)

    @property
    def _within_ms(self) -> float:
        return self.policy.within_s * 1000
