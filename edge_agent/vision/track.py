"""Which face of this picture is which face of the last: overlap with where it should be by now, nothing else.

Two pictures a fifth of a second apart show the same face at nearly the same place; whether one person has taken the
place of another is seen only when the next embedding is made (watch.py).
Between searches tracks stand still; a track ends after several searches in a row that did not find it.
"""

from collections import Counter
from dataclasses import dataclass, field

Box = tuple[int, int, int, int]  # x, y, width, height in px of the full frame

SAME_FROM = 0.15  # intersection over union with the expected box
MISSED_AT_MOST = 6


@dataclass
class Track:
    id: int
    box: Box
    step: tuple[int, int] = (0, 0)  # how far it went between the last two searches, px
    missed: int = 0
    samples: int = 0
    sampled_ms: int = 0
    best: float = 0.0  # quality of the best sample so far
    last: bytes = b""  # embedding of the last sample, in memory for as long as the face is in the picture
    interrupted: bool = False  # not found for a moment since the last sample: somebody else may stand there now
    refused: Counter[str] = field(default_factory=Counter)
    bad: int = 0  # frames in a row that were refused
    told_ms: int = -1_000_000  # when the person was last told what to do

    @property
    def expected(self) -> Box:
        """Where it is in the next search, if it goes on as it did: people cross a picture in a second."""
        x, y, width, height = self.box
        return (x + self.step[0], y + self.step[1], width, height)

    def move(self, box: Box) -> None:
        self.step = (0, 0) if self.missed else (box[0] - self.box[0], box[1] - self.box[1])
        self.box, self.missed = box, 0

    def miss(self) -> None:
        self.box, self.missed = self.expected, self.missed + 1
        self.interrupted = True
        self.step = (0, 0)  # guessing on from a guess would lead nowhere

    @property
    def reason(self) -> str | None:
        """Why no good frame came, if none did."""
        if self.samples or not self.refused:
            return None
        return self.refused.most_common(1)[0][0]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


class Tracker:
    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._count = 0

    def follow(self, boxes: list[Box]) -> tuple[list[Track], list[Track]]:
        """Assign `boxes` of one search; returns the track of each box in order, and the tracks that ended."""
        pairs = sorted(
            (
                (overlap(track.expected, box), t, b)
                for t, track in enumerate(self.tracks)
                for b, box in enumerate(boxes)
            ),
            reverse=True,
        )
        of_box: dict[int, Track] = {}
        seen: set[int] = set()
        for shared, t, b in pairs:
            if shared >= SAME_FROM and t not in seen and b not in of_box:
                seen.add(t)
                of_box[b] = self.tracks[t]
        for t, track in enumerate(self.tracks):
            if t not in seen:
                track.miss()
        ended = [track for track in self.tracks if track.missed > MISSED_AT_MOST]
        self.tracks = [track for track in self.tracks if track.missed <= MISSED_AT_MOST]
        for b, track in of_box.items():
            track.move(boxes[b])
        return [of_box.get(b) or self._begin(box) for b, box in enumerate(boxes)], ended

    def anew(self, track: Track) -> Track:
        """Another face has taken the place of this one: it ends, the other's track begins there."""
        self.tracks.remove(track)
        return self._begin(track.box)

    def clear(self) -> list[Track]:
        """End all tracks (the pictures stopped)."""
        ended, self.tracks = self.tracks, []
        return ended

    def _begin(self, box: Box) -> Track:
        self._count += 1
        track = Track(self._count, box)
        self.tracks.append(track)
        return track
