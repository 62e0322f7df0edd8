"""core/gallery.py: exact search that follows changes, and 1:1 after a card."""

import numpy as np
import pytest

from edge_agent.core.faces import Judge
from edge_agent.core.gallery import BLOCK, Gallery
from edge_agent.errors import FaceError
from edge_agent.model.detections import FaceRefused
from edge_agent.model.face_models import Limits
from tests.core.test_faces import GALLERY, MODEL, POLICY, STRANGER, TWIN, A, B, axis, sample

LIMITS = Limits(distance=0.5, claimed=0.6, margin=0.06)


def made(random: np.random.Generator, count: int, width: int = 16) -> np.ndarray:
    return random.normal(0, 0.2, (count, width)).astype(np.float32)


def test_changes_leave_the_gallery_as_if_made_anew() -> None:
    """Two hundred random additions, replacements and removals over several blocks (seed 8)."""
    random = np.random.default_rng(8)
    truth = {f"p{n}": made(random, 1) for n in range(BLOCK + 50)}
    gallery = Gallery(MODEL, list(truth), np.concatenate(list(truth.values())))
    for _ in range(200):
        who = f"p{random.integers(0, BLOCK + 100)}"
        rows = made(random, int(random.integers(0, 4)))
        truth[who] = rows
        gallery.change({who: rows})
    assert len(gallery) == sum(map(len, truth.values()))
    probe = made(random, 1)[0]
    got = np.sort(gallery.distances(probe.tobytes()))
    wanted = np.sort(np.linalg.norm(np.concatenate(list(truth.values())) - probe, axis=1))
    assert np.allclose(got, wanted, atol=1e-4)
    nearest = min(
        (who for who in truth if len(truth[who])), key=lambda w: np.linalg.norm(truth[w] - probe, axis=1).min()
    )
    found = gallery.look(probe.tobytes(), Limits(9.0, 9.0, 0.0))
    assert found.person == nearest


def test_erased_means_gone_from_memory() -> None:
    gallery = Gallery(MODEL, ("a", "b"), np.stack([axis(0), axis(1)]))
    gallery.change({"b": np.zeros((0, 128), np.float32)})
    assert gallery.persons == ("a",)
    assert "b" not in gallery
    assert not any(np.array_equal(row, axis(1)) for block in gallery._blocks for row in block)


def test_a_change_that_does_not_fit_changes_nothing() -> None:
    gallery = Gallery(MODEL, ("a",), axis(0)[None])
    with pytest.raises(FaceError):
        gallery.change({"a": np.zeros((1, 64), np.float32)})
    assert gallery.look(axis(0).tobytes(), LIMITS).person == "a"


def claimed(judge: Judge, who: str | None, *vectors: np.ndarray) -> list[str | None]:
    answers = [judge.see("cam", sample(vector, 200 * count), who) for count, vector in enumerate(vectors)]
    return [None if answer is None else answer[0].person or answer[0].outcome for answer in answers]


FAR = axis(0) + axis(5, 0.53)  # too far from `a` for 1:N, near enough for 1:1


def test_a_card_before_the_face_loosens_the_limit_for_that_person_alone() -> None:
    """The same face: nobody without a card, its owner after the owner's, nobody after somebody else's."""
    assert claimed(Judge(POLICY, GALLERY), None, FAR, FAR, FAR)[-1] == "unknown"
    assert claimed(Judge(POLICY, GALLERY), "a", FAR, FAR) == [None, "a"]
    assert claimed(Judge(POLICY, GALLERY), "b", FAR, FAR, FAR)[-1] == "unknown"


def test_a_face_that_is_clearly_anothers_does_not_pass_with_a_found_card() -> None:
    gallery = Gallery(MODEL, ("a", "t"), np.stack([axis(0), TWIN]))
    assert claimed(Judge(POLICY, gallery), "t", axis(0), axis(0)) == [None, "a"]


def test_a_card_settles_what_is_ambiguous() -> None:
    """Twins: between them no face decides, the card does."""
    gallery = Gallery(MODEL, ("a", "t"), np.stack([axis(0), TWIN]))
    between = axis(0) + axis(9, 0.14)
    assert claimed(Judge(POLICY, gallery), "t", between, between) == [None, "t"]


def test_frames_from_before_the_card_count() -> None:
    judge = Judge(POLICY, GALLERY)
    assert judge.see("cam", sample(FAR, 0)) is None
    answer = judge.see("cam", sample(FAR, 200), "a")
    assert answer is not None
    assert answer[0].person == "a"


def test_one_good_frame_is_not_enough_for_a_claim_either() -> None:
    assert claimed(Judge(POLICY, GALLERY), "a", A, STRANGER, STRANGER)[:2] == [None, None]
    assert claimed(Judge(POLICY, GALLERY), "a", B, B) == [None, "b"]


def test_a_refused_face_is_no_answer() -> None:
    assert Judge(POLICY, GALLERY).see("cam", FaceRefused(1, 0, "dark")) is None
