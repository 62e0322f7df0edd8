"""core/biometrics.py and core/calibration.py: numbers that are known beforehand come out."""

import numpy as np
import pytest

from edge_agent.core import biometrics, calibration
from edge_agent.core.biometrics import Trials


def people(count: int, photos: int, noise: float, seed: int = 3) -> tuple[np.ndarray, list[int]]:
    """Unit vectors around `count` directions of 32 dimensions."""
    random = np.random.default_rng(seed)
    middle = np.repeat(random.standard_normal((count, 32)), photos, axis=0)
    vectors = middle + noise * random.standard_normal(middle.shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [n // photos for n in range(count * photos)]


def trials(genuine: list[float], impostor: list[float]) -> Trials:
    return Trials(
        np.array(genuine), np.zeros(len(genuine), int), np.array(impostor), np.zeros((2, len(impostor)), int)
    )  # fmt: skip


def test_rates_at_a_threshold() -> None:
    some = trials([0.9, 0.8, 0.4, 0.7], [0.1, 0.2, 0.3, 0.5, 0.6])
    assert biometrics.fmr(some, 0.5) == pytest.approx(2 / 5)
    assert biometrics.fnmr(some, 0.5) == pytest.approx(1 / 4)


def test_the_threshold_keeps_its_promise() -> None:
    """At most so many impostors match, and one step lower would be one too many."""
    some = trials([1.0], [n / 1000 for n in range(1000)])
    threshold = biometrics.threshold_at_fmr(some, 0.01)
    assert biometrics.fmr(some, threshold) == pytest.approx(0.01)
    assert biometrics.fmr(some, threshold - 0.0011) > 0.01


def test_equal_error() -> None:
    rate, where = biometrics.equal_error(trials([0.9, 0.8, 0.7, 0.2], [0.1, 0.15, 0.3, 0.85]))
    assert rate == pytest.approx(0.25)
    assert 0.3 < where <= 0.7


def test_separable_people_make_no_error() -> None:
    vectors, owner = people(10, 6, 0.05)
    found = biometrics.open_set(vectors, owner, [True] * 60, True, 1, 0.01)
    assert (found.passed.value, found.lowest, found.enrolled, found.gallery) == (1.0, 1.0, 5, 5)
    assert biometrics.equal_error(biometrics.all_pairs(vectors, np.array(owner), True))[0] == 0.0


def test_more_photographs_help_and_noise_hurts() -> None:
    def passed(noise: float, photos: int) -> float:
        vectors, owner = people(12, 8, noise)
        return biometrics.open_set(vectors, owner, [True] * 96, True, photos, 0.01).passed.value

    assert passed(0.8, 3) > passed(0.8, 1)
    assert passed(0.4, 1) > passed(0.9, 1)


def test_a_photograph_without_a_face_is_a_failure() -> None:
    """End to end: half of one person's photographs unusable cannot leave the pass rate at one."""
    vectors, owner = people(10, 6, 0.05)
    found = [row % 2 == 0 for row in range(60)]
    rate = biometrics.open_set(vectors, owner, found, True, 1, 0.01).passed.value
    assert rate == pytest.approx(2 / 5, abs=0.01)  # 3 of 6 usable, one enrolled, 2 of the other 5


def test_the_same_seed_gives_the_same_numbers() -> None:
    vectors, owner = people(10, 4, 0.7)
    one, other = (biometrics.open_set(vectors, owner, [True] * 40, True, 1, 0.01, seed=7) for _ in range(2))
    assert one == other


def test_the_interval_holds_the_rate() -> None:
    vectors, owner = people(20, 4, 0.9)
    some = biometrics.all_pairs(vectors, np.array(owner), True)
    found = biometrics.genuine_interval(some, biometrics.threshold_at_fmr(some, 0.01), 20, 1)
    assert found.low <= found.value <= found.high
    assert found.low < found.high


def test_no_error_seen_is_not_no_error() -> None:
    """Rule of three: 300 trials without an error leave up to 1 %."""
    assert biometrics.rule_of_three(300) == pytest.approx(0.01)
    assert biometrics.rule_of_three(0) == 1.0
    found = biometrics.impostor_interval(trials([1.0], [0.1] * 300), 0.5, 1, 1)
    assert (found.value, found.high) == (0.0, pytest.approx(0.01))


def test_false_accepts_grow_with_gallery_and_traffic() -> None:
    assert biometrics.false_accepts(1e-6, 1000, 100) == pytest.approx(36.5, rel=1e-3)
    assert biometrics.false_accepts(1e-6, 2000, 100) == pytest.approx(73, rel=1e-2)
    assert biometrics.false_accepts(0.0, 2000, 100) == 0.0


def test_the_proposed_threshold_keeps_its_promise() -> None:
    vectors, owner = people(200, 2, 0.5)
    site = calibration.survey([f"p-{n}" for n in owner], vectors.astype(np.float32))
    proposal = calibration.propose(site, 0.02)
    assert proposal is not None
    assert (proposal.persons, proposal.templates) == (200, 400)
    assert proposal.fpir <= 0.02 < proposal.fpir_at_most + 0.02
    assert proposal.fnir is not None
    stricter = calibration.propose(site, 0.0)
    assert stricter is not None
    assert stricter.distance < proposal.distance
    assert stricter.fpir_at_most == pytest.approx(3 / 200)


def test_a_gallery_of_one_proposes_nothing() -> None:
    site = calibration.survey(["p-1", "p-1"], np.eye(2, 8, dtype=np.float32))
    assert calibration.propose(site, 0.01) is None
    assert calibration.fmr_at(site, 0.5) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 0, 0, 1),
        (0, 1, 0, 1),
        (0, 300, 0, 0.01),
        (300, 300, 0.99, 1),
        (5, 10, 0.237, 0.763),
        (1, 100, 0.0018, 0.0545),
    ],
)
def test_a_share_knows_how_little_a_few_trials_show(count: int, of: int, low: float, high: float) -> None:
    found = biometrics.share(count, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)
