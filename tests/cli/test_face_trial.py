"""cli/face_trial.py: what an evaluation makes of a set's own turned heads."""

import numpy as np

from edge_agent.cli.face_trial import PHOTOS_AT_LEAST, _turned
from edge_agent.vision.enrol import PhotoResult


def trial(turns: list[float], alike: list[float], found: list[bool] | None = None):  # type: ignore[no-untyped-def]
    """Two persons at right angles, each with a straight photograph and one for every turn, `alike` to it."""
    vectors, owner, results = [], [], []
    for person in (0, 1):
        for turned, same in [(0.01, 1.0), *zip(turns, alike, strict=True)]:
            vector = np.zeros(4)
            vector[2 * person], vector[2 * person + 1] = same, np.sqrt(1 - same**2)
            vectors.append(vector)
            owner.append(person)
            results.append(PhotoResult("x", turned=turned))
    there = np.array(found or [True] * len(owner))
    return _turned(results, (np.stack(vectors), there, np.array(owner), True, 0.5))


def test_turned_heads_are_compared_with_the_same_persons_straight_ones() -> None:
    """Slightly turned ones match, far turned ones half the time; each point says of how many photographs it is."""
    few = PHOTOS_AT_LEAST // 2
    curve = trial([0.12] * few + [0.35] * few, [0.9] * few + ([0.9, 0.1] * few)[:few])
    assert curve is not None
    assert (curve.how, curve.points, curve.photos) == ("turned", ((0.125, 1.0), (0.35, 0.5)), (2 * few, 2 * few))


def test_a_set_of_straight_heads_or_few_turned_ones_has_no_such_curve() -> None:
    assert trial([0.01] * 20, [0.9] * 20) is None
    assert trial([0.12] * 20 + [0.35], [0.9] * 21) is None
