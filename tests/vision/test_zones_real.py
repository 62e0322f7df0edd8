"""Zones on real pictures: the labelled clip, and the detector of people. Both only where the development data is."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.vtest import SCENE, grays_of
from bench.zones import judge, watched
from edge_agent.errors import FaceError
from edge_agent.model.face_models import KNOWN, Manifest
from edge_agent.vision import models
from edge_agent.vision.objects import PERSON, ObjectNet
from tests.vision.bench_models import data

BODY = next(manifest for manifest in KNOWN if manifest.role == "objects")


@pytest.fixture
def clip() -> Path:
    path = data() / "clips/vtest_people.avi"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent} (EDGE_AGENT_DATA)")
    return path


def test_the_labelled_clip(clip: Path) -> None:
    """Fifteen crossings of the road's line, two walk on lawns, one waits; nothing is left, nobody falls."""
    scores = judge(SCENE, watched(SCENE, list(grays_of(clip))))
    assert scores["crossing"].found >= 14
    assert scores["crossing"].false <= 1
    assert (scores["intrusion"].found, scores["intrusion"].false, scores["intrusion"].duplicates) == (2, 0, 0)
    assert (scores["loitering"].found, scores["loitering"].false, scores["loitering"].duplicates) == (1, 0, 0)
    assert set(scores) == {"crossing", "intrusion", "loitering"}


def frame_of(clip: Path, number: int) -> np.ndarray:
    capture = cv2.VideoCapture(str(clip))
    for _ in range(number):
        capture.grab()
    return capture.read()[1]


def test_the_detector_finds_people(clip: Path, tmp_path: Path) -> None:
    """Installed as any model: hash checked, tried in a child; then it sees the three people of frame 435."""
    verdict = models.add(tmp_path, data() / "models" / BODY.file, BODY)
    assert verdict.error is None
    detector = ObjectNet(str(tmp_path), models.objects_of(BODY.id, tmp_path))
    found = [seen for seen in detector.find(frame_of(clip, 435)) if seen.name == PERSON and seen.score > 0.4]
    assert 2 <= len(found) <= 4
    assert all(seen.box[3] > seen.box[2] for seen in found)


def test_a_detector_of_other_things_is_refused_with_what_it_knows(tmp_path: Path) -> None:
    data()
    other = Manifest(**{**{name: getattr(BODY, name) for name in BODY.__struct_fields__}, "classes": ("cat", "dog")})
    with pytest.raises(FaceError) as refused:
        ObjectNet(str(data() / "models"), other)
    assert refused.value.code == "zone.no_class"
    assert "cat, dog" in str(refused.value)
    wrong = Manifest(
        **{**{name: getattr(BODY, name) for name in BODY.__struct_fields__}, "classes": ("person", "cat", "dog")}
    )
    with pytest.raises(FaceError) as refused:
        ObjectNet(str(data() / "models"), wrong).find(np.zeros((320, 320, 3), np.uint8))
    assert refused.value.code == "models.wrong_outputs"
