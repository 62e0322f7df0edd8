"""vision/motion.py and vision/track.py: what wakes the detector, and which face is which."""

import numpy as np
import pytest

from edge_agent.vision.motion import MotionGate
from edge_agent.vision.track import MISSED_AT_MOST, Tracker

random = np.random.default_rng(3)


def wall(noise: float = 6.0) -> np.ndarray:
    return np.clip(120 + random.normal(0, noise, (120, 160)), 0, 255).astype(np.uint8)


def test_sensor_noise_is_not_motion() -> None:
    """A hundred noisy pictures of a wall (seed 3): only the very first, which has no predecessor, counts."""
    gate = MotionGate()
    assert gate.look(wall()) == (0.0, 0.0, 1.0, 1.0)
    assert [gate.look(wall()) for _ in range(100)] == [None] * 100


def test_a_person_coming_in_is_motion_and_a_still_one_is_not() -> None:
    """The part that moves is found; within a second of standing still it is quiet again."""
    gate = MotionGate()
    for _ in range(5):
        gate.look(wall())
    there = wall()
    there[30:90, 100:140] = 200
    part = gate.look(there)
    assert part is not None
    assert part == pytest.approx((100 / 160, 30 / 120, 140 / 160, 90 / 120), abs=0.02)
    assert [gate.look(there) for _ in range(15)][-1] is None


def test_another_size_of_picture_starts_anew() -> None:
    gate = MotionGate()
    gate.look(wall())
    assert gate.look(np.zeros((90, 160), np.uint8)) == (0.0, 0.0, 1.0, 1.0)


def test_overlapping_boxes_are_one_track() -> None:
    """Two people who move a little keep their ids, whatever order the detector gives them in."""
    tracker = Tracker()
    (one, other), _ = tracker.follow([(0, 0, 100, 100), (300, 0, 100, 100)])
    (again_other, again_one), ended = tracker.follow([(320, 10, 100, 100), (30, 5, 95, 95)])
    assert (again_one.id, again_other.id, ended) == (one.id, other.id, [])
    assert again_one.box == (30, 5, 95, 95)


def test_somebody_walking_fast_stays_one_track() -> None:
    """From standing to a run across the picture: steps of 27, 80, 135, 188 px, for a face of 90."""
    tracker = Tracker()
    ids = [tracker.follow([(x, 100, 90, 90)])[0][0].id for x in (0, 0, 27, 107, 242, 430)]
    assert set(ids) == {1}


def test_a_track_survives_a_few_searches_and_then_ends() -> None:
    tracker = Tracker()
    (track,), _ = tracker.follow([(0, 0, 100, 100)])
    for _ in range(MISSED_AT_MOST):
        assert tracker.follow([])[1] == []
    (same,), _ = tracker.follow([(5, 5, 100, 100)])
    assert same.id == track.id
    ended = [tracker.follow([])[1] for _ in range(MISSED_AT_MOST + 1)][-1]
    assert [gone.id for gone in ended] == [track.id]
    (new,), _ = tracker.follow([(0, 0, 100, 100)])
    assert new.id != track.id


def test_why_no_good_frame_came() -> None:
    """The most frequent reason, and none once there was a good frame."""
    tracker = Tracker()
    (track,), _ = tracker.follow([(0, 0, 20, 20)])
    track.refused.update(["too_small", "blurred", "too_small"])
    assert track.reason == "too_small"
    track.samples = 1
    assert track.reason is None
