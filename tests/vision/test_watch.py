"""vision/watch.py: how often the dear work is done, seen through an engine that counts."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from edge_agent.model.detections import FaceRefused, FaceSample, TrackEnded
from edge_agent.model.reads import Liveness
from edge_agent.model.site import FacePolicy
from edge_agent.vision.engine import Found, Quality
from edge_agent.vision.quality import crowded
from edge_agent.vision.watch import FaceWatch

POLICY = FacePolicy(of=3)


class CountingEngine:
    """One face of 100 px, where the bright square is; `reason` refuses every frame."""

    model = "counting"

    def __init__(self, reason: str | None = None) -> None:
        self.reason, self.quality = reason, 0.5
        self.finds: list[tuple[int, Any]] = []
        self.embeds, self.who = 0, b"one"

    def find(self, rgb: np.ndarray, min_face_px: int, part: Any = None) -> list[Found]:
        self.finds.append((min_face_px, part))
        rows, columns = np.nonzero(rgb[:, :, 0] > 180)
        return [Found((int(columns.min()), int(rows.min()), 100, 100), 1.0)] if len(rows) else []

    def align(self, rgb: np.ndarray, box: Any) -> None:
        return None

    def judge(self, rgb: np.ndarray, box: Any, landmarks: Any, policy: FacePolicy) -> Quality:
        return Quality(self.reason, self.quality, 100.0)

    def embed(self, rgb: np.ndarray, landmarks: Any) -> bytes:
        self.embeds += 1
        return self.who

    def liveness(self, rgb: np.ndarray, box: Any) -> Liveness:
        return Liveness.NOT_CHECKED

    def same(self, one: bytes, other: bytes) -> bool:
        return one == other


class Picture:
    def __init__(self, up_ms: int, at: tuple[int, int] | None) -> None:
        self.up_ms = up_ms
        self._rgb = np.full((480, 640, 3), 100, np.uint8)
        if at:
            self._rgb[at[1] : at[1] + 100, at[0] : at[0] + 100] = 220

    def gray(self) -> np.ndarray:
        return self._rgb[:, :, 0]

    def rgb(self) -> np.ndarray:
        return self._rgb


def play(watch: FaceWatch, start_ms: int, seconds: float, where: Any) -> list[FaceSample | TrackEnded]:
    """15 frames a second; `where(n)` gives the face's place in frame n."""
    return list(_play(watch, start_ms, seconds, where))


def _play(watch: FaceWatch, start_ms: int, seconds: float, where: Any) -> Iterator[FaceSample | TrackEnded]:
    for count in range(round(seconds * 15)):
        yield from watch.see(Picture(start_ms + count * 67, where(count)))


def swaying(count: int) -> tuple[int, int]:
    return (270 + 6 * (count % 5), 200)


def test_nothing_is_searched_where_nothing_moves() -> None:
    """After the first picture, a minute of an empty gate costs no search."""
    engine = CountingEngine()
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 2, lambda count: None)
    engine.finds.clear()
    play(watch, 2000, 60, lambda count: None)
    assert engine.finds == []


def test_a_visit_costs_few_searches_and_fewer_embeddings() -> None:
    """Ten seconds before the camera: at most 5 searches a second, 3 embeddings, then one every two seconds."""
    engine = CountingEngine()
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 2, lambda count: None)
    engine.finds.clear()
    seen = play(watch, 2000, 10, swaying)
    assert 20 <= len(engine.finds) <= 51
    assert engine.embeds == len(seen)
    assert 3 <= engine.embeds <= 8
    assert [sample.up_ms - seen[0].up_ms for sample in seen[:3]] == [0, 201, 402]
    assert {sample.track for sample in seen if isinstance(sample, FaceSample)} == {1}


def test_a_known_face_is_searched_where_it_was() -> None:
    """Between two searches of the whole picture only a small part is looked at, for faces of its size."""
    engine = CountingEngine()
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 3, swaying)
    near = [(px, part) for px, part in engine.finds if part is not None]
    assert len(near) > len(engine.finds) / 2
    for px, (left, top, right, bottom) in near:
        assert px == 75
        assert left < 270
        assert right > 370
        assert (right - left) * (bottom - top) < 640 * 480 / 3


def test_a_face_that_gets_much_better_is_embedded_again() -> None:
    engine = CountingEngine()
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 1, swaying)
    assert engine.embeds == 3
    engine.quality = 0.9
    play(watch, 1005, 0.5, swaying)
    assert engine.embeds == 4


def test_who_never_showed_a_good_frame_leaves_a_reason() -> None:
    """Nothing is embedded, and the end of the track says why."""
    engine = CountingEngine(reason="blurred")
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 2, swaying)
    ended = play(watch, 2010, 4, lambda count: None)
    assert engine.embeds == 0
    assert [(end.samples, end.reason) for end in ended if isinstance(end, TrackEnded)] == [(0, "blurred")]


def test_another_person_at_the_same_place_is_another_track() -> None:
    """Somebody steps aside and the next stands there in a second: found out at once, three frames of its own."""
    engine = CountingEngine()
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 2, swaying)
    play(watch, 2010, 0.6, lambda count: None)
    engine.who = b"other"
    seen = play(watch, 2680, 1.0, swaying)
    assert isinstance(seen[0], TrackEnded)
    assert seen[0].track == 1
    assert [(sample.track, sample.embedding) for sample in seen[1:4] if isinstance(sample, FaceSample)] == [
        (2, b"other")
    ] * 3


def test_a_stream_that_stops_ends_the_tracks() -> None:
    watch = FaceWatch(CountingEngine(), POLICY)
    play(watch, 0, 1, swaying)
    assert [end.track for end in watch.stop(5000)] == [1]
    assert list(watch.stop(6000)) == []


def test_a_face_whose_place_is_outside_the_picture_is_looked_for_everywhere() -> None:
    """A camera that changes its resolution, or a face that runs out of the picture: no part of nothing is searched."""

    class Small(Picture):
        def __init__(self, up_ms: int) -> None:
            super().__init__(up_ms, None)
            self._rgb = np.full((240, 320, 3), 100, np.uint8)

    engine = CountingEngine()
    watch = FaceWatch(engine, POLICY)
    play(watch, 0, 0.4, lambda n: (500, 350))
    assert engine.finds
    before = len(engine.finds)
    for n in range(10):
        list(watch.see(Small(500 + 66 * n)))  # type: ignore[arg-type]
    later = engine.finds[before:]
    assert later
    assert all(part is None or (part[0] < part[2] <= 320 and part[1] < part[3] <= 240) for _, part in later)


def test_a_face_that_stays_too_dark_is_told_once_in_three_seconds() -> None:
    """After some bad frames in a row, and never to somebody who was seen well already."""
    engine = CountingEngine("dark")
    watch = FaceWatch(engine, POLICY)
    told = [seen for seen in play(watch, 0, 5, swaying) if isinstance(seen, FaceRefused)]
    assert [seen.reason for seen in told] == ["dark", "dark"]
    assert told[1].up_ms - told[0].up_ms >= 3000
    good = FaceWatch(fine := CountingEngine(), POLICY)
    play(good, 0, 2, swaying)
    fine.reason = "blurred"
    assert not [seen for seen in play(good, 2000, 5, swaying) if isinstance(seen, FaceRefused)]


def test_two_faces_side_by_side_are_crowded() -> None:
    """As large and nearer than a face's width; somebody far behind is not."""
    me = (100, 100, 100, 100)
    assert crowded(me, [Found(me, 1.0), Found((195, 100, 90, 90), 1.0)])
    assert not crowded(me, [Found(me, 1.0), Found((320, 100, 100, 100), 1.0)])
    assert not crowded(me, [Found(me, 1.0), Found((180, 90, 50, 50), 1.0)])
