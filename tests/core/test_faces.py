"""core/faces.py: identities come from tracks, never from one frame."""

import pickle

import numpy as np
import pytest

from edge_agent.core.faces import PAUSE_MS, TRACKS_AT_MOST, Gallery, Judge
from edge_agent.errors import FaceError
from edge_agent.model.detections import CameraState, FaceSample, TrackEnded
from edge_agent.model.reads import Face, Liveness
from edge_agent.model.site import FacePolicy

MODEL = "test-model"
POLICY = FacePolicy(distance=0.5, margin=0.06, agree=2, of=3, within_s=3.0)
WIDTH = 128


def axis(number: int, length: float = 1.0) -> np.ndarray:
    vector = np.zeros(WIDTH, np.float32)
    vector[number] = length
    return vector


# Persons a, b and c stand far apart (1.41); t is a twin of a, 0.3 away.
TWIN = axis(0) + axis(9, 0.3)
GALLERY = Gallery(MODEL, ("a", "b", "c"), np.stack([axis(0), axis(1), axis(2)]))
TWINS = Gallery(MODEL, ("a", "t", "b"), np.stack([axis(0), TWIN, axis(1)]))
A, B = axis(0) + axis(5, 0.3), axis(1) + axis(5, 0.3)
STRANGER = axis(7)
BETWEEN = axis(0) + axis(9, 0.14)  # 0.14 from a, 0.16 from t


def sample(vector: np.ndarray, at_ms: int = 0, track: int = 1, **more: object) -> FaceSample:
    fields = {"quality": 0.8, "liveness": Liveness.NOT_CHECKED, "model": MODEL, **more}
    return FaceSample(track, at_ms, (10, 10, 90, 90), embedding=vector.astype("<f4").tobytes(), **fields)  # type: ignore[arg-type]


def outcomes(judge: Judge, *vectors: np.ndarray, gap_ms: int = 200, start_ms: int = 0) -> list[str | None]:
    """What was said after each frame: a person, unknown, ambiguous, or None for nothing."""
    said: list[str | None] = []
    for count, vector in enumerate(vectors):
        answer = judge.see("cam", sample(vector, start_ms + count * gap_ms))
        said.append(None if answer is None else answer[0].person or answer[0].outcome)
    return said


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([A], [None]),
        ([A, A], [None, "a"]),
        ([STRANGER, A, A], [None, None, "a"]),
        ([A, STRANGER, A], [None, None, "a"]),
        ([A, STRANGER, STRANGER], [None, None, "unknown"]),
        ([A, STRANGER, STRANGER, A], [None, None, "unknown", None]),
        ([STRANGER, STRANGER, STRANGER], [None, None, "unknown"]),
        ([STRANGER] * 6, [None, None, "unknown", None, None, None]),
        ([A] * 6, [None, "a", None, None, None, None]),
        ([STRANGER, STRANGER, STRANGER, A, A], [None, None, "unknown", None, "a"]),
        ([A, A, STRANGER, STRANGER, STRANGER], [None, "a", None, None, None]),
        ([A, B, A], [None, None, "ambiguous"]),
        ([A, B], [None, None]),
        ([A, A, B, B, B], [None, "a", None, None, "b"]),
    ],
)
def test_k_of_n_frames_decide(frames: list[np.ndarray], expected: list[str | None]) -> None:
    """Two of the last three good frames name the same person and none another; three say nobody."""
    assert outcomes(Judge(POLICY, GALLERY), *frames) == expected


def test_frames_too_far_apart_in_time_do_not_add_up() -> None:
    """k of n within `within_s`: two frames of a person four seconds apart are one frame each."""
    assert outcomes(Judge(POLICY, GALLERY), A, A, A, gap_ms=4000) == [None, None, None]


def test_two_people_too_alike_are_ambiguous() -> None:
    """A face nearly as near to a second person opens for neither of them."""
    assert outcomes(Judge(POLICY, TWINS), BETWEEN, BETWEEN, BETWEEN) == [None, None, "ambiguous"]


def test_several_templates_of_one_person_do_not_compete() -> None:
    """The margin is to the best *other* person; a person's own second photograph is no rival."""
    gallery = Gallery(MODEL, ("a", "a", "b"), np.stack([axis(0), TWIN, axis(1)]))
    assert outcomes(Judge(POLICY, gallery), BETWEEN, BETWEEN) == [None, "a"]


def test_an_empty_gallery_knows_nobody() -> None:
    gallery = Gallery(MODEL, (), np.zeros((0, WIDTH), np.float32))
    assert outcomes(Judge(POLICY, gallery), A, A, A) == [None, None, "unknown"]


def test_the_answer_carries_the_frame_and_the_score() -> None:
    """`up_ms` is that of the completing frame, the score 1 minus the best distance."""
    judge = Judge(POLICY, GALLERY)
    judge.see("cam", sample(A, 1000))
    answer = judge.see("cam", sample(axis(0) + axis(5, 0.2), 1200))
    assert answer is not None
    face, up_ms = answer
    assert (face.outcome, face.person, up_ms) == ("match", "a", 1200)
    assert face.score == pytest.approx(0.8, abs=1e-5)


def test_a_face_that_stays_is_answered_again_after_the_pause() -> None:
    judge = Judge(POLICY, GALLERY)
    first = outcomes(judge, A, A)
    during = outcomes(judge, A, A, start_ms=PAUSE_MS - 1000)
    after = outcomes(judge, A, A, start_ms=PAUSE_MS + 300)
    assert (first, during, after) == ([None, "a"], [None, None], ["a", None])


def test_a_person_whose_track_breaks_is_not_announced_twice() -> None:
    """Turning the head starts a new track: no second answer within four seconds, one after that."""
    judge = Judge(POLICY, GALLERY)
    assert outcomes(judge, A, A) == [None, "a"]
    judge.see("cam", TrackEnded(1, 500, 2))
    again = [judge.see("cam", sample(A, at, track=2)) for at in (1000, 1200, 4000, 4300)]
    assert [answer is not None for answer in again] == [False, False, False, True]


def test_tracks_and_cameras_do_not_mix() -> None:
    """One good frame in each of two tracks, or of two cameras, is no agreement."""
    judge = Judge(POLICY, GALLERY)
    assert judge.see("cam", sample(A, 0, track=1)) is None
    assert judge.see("cam", sample(A, 100, track=2)) is None
    assert judge.see("other", sample(A, 200, track=1)) is None
    assert judge.see("cam", sample(A, 300, track=1)) is not None


@pytest.mark.parametrize("end", [TrackEnded(1, 100, 1), CameraState("lost", "the child died")])
def test_what_ended_is_forgotten(end: TrackEnded | CameraState) -> None:
    """A new child counts its tracks from one again: its first frame must not complete somebody else's track."""
    judge = Judge(POLICY, GALLERY)
    judge.see("cam", sample(A, 0))
    assert judge.see("cam", end) is None
    assert judge.see("cam", sample(A, 200)) is None


def test_a_camera_that_is_fine_forgets_nothing() -> None:
    judge = Judge(POLICY, GALLERY)
    judge.see("cam", sample(A, 0))
    judge.see("cam", CameraState("ready"))
    assert judge.see("cam", sample(A, 200)) is not None


def test_the_worst_liveness_of_the_track_counts() -> None:
    """One frame that looks like a print taints the track, whatever the others say."""
    judge = Judge(POLICY, GALLERY)
    judge.see("cam", sample(A, 0, liveness=Liveness.SPOOF))
    answer = judge.see("cam", sample(A, 200, liveness=Liveness.LIVE))
    assert answer is not None
    assert answer[0].liveness is Liveness.SPOOF


def test_all_frames_live_is_live() -> None:
    judge = Judge(POLICY, GALLERY)
    judge.see("cam", sample(A, 0, liveness=Liveness.LIVE))
    answer = judge.see("cam", sample(A, 200, liveness=Liveness.LIVE))
    assert answer is not None
    assert answer[0].liveness is Liveness.LIVE


def test_another_engines_sample_is_refused() -> None:
    """Distances between models mean nothing: an error, never `unknown`."""
    with pytest.raises(FaceError) as caught:
        Judge(POLICY, GALLERY).see("cam", sample(A, model="other-model"))
    assert caught.value.code == "faces.model_differs"
    assert "other-model" in caught.value.text("en")
    assert "other-model" in caught.value.text("zh")


def test_a_new_gallery_counts_from_the_next_frame() -> None:
    """Enrolling and erasing need no restart."""
    judge = Judge(POLICY, GALLERY)
    assert outcomes(judge, STRANGER, STRANGER, STRANGER)[-1] == "unknown"
    judge.replace(Gallery(MODEL, ("new",), STRANGER[None]))
    assert outcomes(judge, STRANGER, STRANGER, start_ms=1000) == [None, "new"]


@pytest.mark.parametrize(
    ("persons", "matrix"),
    [
        (("a", "b"), np.zeros((1, WIDTH), np.float32)),
        (("a",), np.zeros(WIDTH, np.float32)),
        (("a",), np.full((1, WIDTH), np.nan, np.float32)),
    ],
)
def test_a_malformed_gallery_is_refused(persons: tuple[str, ...], matrix: np.ndarray) -> None:
    with pytest.raises(FaceError):
        Gallery(MODEL, persons, matrix)


def test_an_embedding_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(FaceError):
        Judge(POLICY, GALLERY).see("cam", sample(np.zeros(64)))


def test_an_embedding_that_is_not_a_number_matches_nobody() -> None:
    assert outcomes(Judge(POLICY, GALLERY), *[np.full(WIDTH, np.nan)] * 3) == [None, None, "unknown"]


def test_search_is_exact() -> None:
    """The quick form of the distance agrees with the plain one over a large gallery (seed 5)."""
    random = np.random.default_rng(5)
    matrix = random.normal(0, 0.12, (3000, WIDTH)).astype(np.float32)
    probe = matrix[1234] + random.normal(0, 0.02, WIDTH).astype(np.float32)
    got = Gallery(MODEL, [f"p{n}" for n in range(3000)], matrix).distances(probe.tobytes())
    assert np.allclose(got, np.linalg.norm(matrix - probe, axis=1), atol=1e-5)
    assert int(got.argmin()) == 1234


def test_no_embedding_stays_or_leaves() -> None:
    """The stranger's embedding is neither in the answer nor anywhere in the judge's memory afterwards."""
    random = np.random.default_rng(11)
    stranger = random.normal(0, 0.12, WIDTH).astype("<f4")
    judge = Judge(POLICY, GALLERY)
    answers = [judge.see("cam", sample(stranger, at)) for at in (0, 200, 400)]
    assert answers[-1] is not None
    assert set(Face.__struct_fields__) == {"outcome", "person", "score", "liveness", "by_terminal"}
    kept = pickle.dumps((answers, judge._sources))
    assert stranger.tobytes()[:8] not in kept


def test_tracks_that_never_end_do_not_pile_up() -> None:
    judge = Judge(POLICY, GALLERY)
    for track in range(10 * TRACKS_AT_MOST):
        judge.see("cam", sample(A, track, track=track))
    assert len(judge._sources["cam"].tracks) == TRACKS_AT_MOST
