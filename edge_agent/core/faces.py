"""Whose face is it: samples of a track against the gallery, and the track's one answer.

A frame never decides. k of the last n good frames must name the same person, each near enough and with a margin to the
next person; the embedding is compared here and dropped, only what it came to is remembered, for as long as the track
lasts. The one physical fact to know: a single frame can be lucky, three frames of one stranger are rarely so alike.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from edge_agent.errors import FaceError
from edge_agent.model.detections import CameraState, Detection, FaceSample, TrackEnded
from edge_agent.model.reads import Face, Liveness
from edge_agent.model.site import FacePolicy

Vectors = npt.NDArray[np.float32]

PAUSE_MS = 10_000  # a face that stays before the camera is answered again after this
SAME_VISIT_MS = 4_000  # a person matched again so soon in a new track turned the head; the gate is still released
TRACKS_AT_MOST = 64  # per camera; a child that never ends its tracks loses the oldest
WORST_FIRST = (Liveness.SPOOF, Liveness.NOT_CHECKED, Liveness.LIVE)


class Look(msgspec.Struct, frozen=True):
    """What one embedding came to. `person`: the nearest one in reach, `clear`: nobody else is nearly as near."""

    person: str | None
    distance: float
    clear: bool = True


class Gallery:
    """Templates of one engine model: row i of `matrix` (n × d, float32) belongs to `persons[i]`; several a person."""

    def __init__(self, model: str, persons: Sequence[str], matrix: Vectors) -> None:
        if matrix.ndim != 2 or len(persons) != len(matrix) or not np.isfinite(matrix).all():
            raise FaceError("faces.gallery_malformed", rows=len(persons), shape=str(matrix.shape))
        self.model = model
        self.persons = tuple(dict.fromkeys(persons))
        place = {person: index for index, person in enumerate(self.persons)}
        self._owner = np.array([place[person] for person in persons], dtype=np.intp)
        self._matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        self._squares = np.einsum("ij,ij->i", self._matrix, self._matrix)

    def __len__(self) -> int:
        return len(self._matrix)

    def distances(self, embedding: bytes) -> Vectors:
        """Euclidean distance to every template. Raises FaceError for an embedding of another length."""
        width = self._matrix.shape[1]
        if len(embedding) != 4 * width:
            raise FaceError("faces.embedding_malformed", size=len(embedding), expected=4 * width)
        probe = np.frombuffer(embedding, dtype="<f4")
        squared: Vectors = self._squares - 2 * (self._matrix @ probe) + probe @ probe
        return np.sqrt(np.maximum(squared, np.float32(0)))

    def look(self, embedding: bytes, policy: FacePolicy) -> Look:
        """The nearest person, if within `policy.distance`; clear if the next *other* person is `policy.margin` off."""
        if not len(self):
            return Look(None, float("inf"))
        distances = self.distances(embedding)
        nearest = int(np.argmin(distances))
        best = float(distances[nearest])
        if not best <= policy.distance:  # also for an embedding that is not a number
            return Look(None, best)
        others = distances[self._owner != self._owner[nearest]]
        clear = not others.size or float(others.min()) - best >= policy.margin
        return Look(self.persons[self._owner[nearest]], best, clear)


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
    within the pause.
    """

    def __init__(self, policy: FacePolicy, gallery: Gallery) -> None:
        self.policy = policy
        self._gallery = gallery
        self._sources: dict[str, Source] = {}

    def replace(self, gallery: Gallery) -> None:
        """Match against `gallery` from the next frame on."""
        self._gallery = gallery

    def see(self, source: str, detection: Detection) -> tuple[Face, int] | None:
        """The answer and the `up_ms` of the frame that completed it. Raises FaceError on another engine's sample."""
        seen = self._sources.setdefault(source, Source())
        match detection:
            case CameraState():
                if detection.state == "lost":
                    seen.tracks.clear()  # a restarted child counts its tracks from one again
                return None
            case TrackEnded():
                seen.tracks.pop(detection.track, None)
                return None
            case FaceSample():
                return self._judge(seen, detection)

    def _judge(self, seen: Source, sample: FaceSample) -> tuple[Face, int] | None:
        if sample.model != self._gallery.model:
            raise FaceError("faces.model_differs", sample=sample.model, gallery=self._gallery.model)
        track = self._track(seen.tracks, sample.track)
        track.looks.append((sample.up_ms, self._gallery.look(sample.embedding, self.policy)))
        track.liveness = min(track.liveness, sample.liveness, key=WORST_FIRST.index)
        answer = self._answer([look for up_ms, look in track.looks if sample.up_ms - up_ms <= self._within_ms])
        if answer is None:
            return None
        outcome, person, score = answer
        seen.matched = {who: at for who, at in seen.matched.items() if sample.up_ms - at < SAME_VISIT_MS}
        if person in seen.matched or not self._due(track, person, sample.up_ms):
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
