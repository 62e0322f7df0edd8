"""Zones on real pictures: the labelled clip, and the detector of people. Both only where the development data is."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec import structs

from bench.ebike import CEILING, FLOOR, sequence, told
from bench.vtest import SCENE, grays_of
from bench.zones import judge, watched
from edge_agent.errors import FaceError
from edge_agent.model.face_models import EBIKES, KNOWN, PERSON, Manifest
from edge_agent.model.sightings import Phase, Sighting
from edge_agent.model.site import Zone
from edge_agent.vision import models
from edge_agent.vision.objects import ObjectNet
from edge_agent.vision.track import Box
from tests.vision.bench_models import data, kept

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


KINDS = next(manifest for manifest in KNOWN if manifest.id == "yolo-fastest-1.1-xl")
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LOBBY = ((0.5, 0.75), (1.0, 0.75), (1.0, 1.0), (0.5, 1.0))


@pytest.fixture
def kinds(tmp_path: Path) -> ObjectNet:
    """A network that knows bicycles, installed as any model."""
    assert models.add(tmp_path, kept("models", KINDS.file, KINDS.source), KINDS).error is None
    return ObjectNet(str(tmp_path), models.objects_of(KINDS.id, tmp_path))


def lobby(photo: Path, cut: tuple[int, int, int, int], width: int) -> list[np.ndarray]:
    """A photograph's cut, `width` px wide, that comes into a bare lobby of 1280 x 720, stands for 3 s and is gone."""
    x, y, wide, tall = cut
    thing = cv2.imread(str(photo))[y : y + tall, x : x + wide]
    thing = cv2.resize(thing, (width, round(width * tall / wide)), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(7)
    frames = []
    for n in range(120):
        frame = np.full((720, 1280, 3), 128, np.uint8)
        left = min(700, -width + (n - 40) * 60)
        if n < 95 and left > -width:
            shown = thing[:, max(0, -left) :]
            frame[640 - len(thing) : 640, max(0, left) : max(0, left) + shown.shape[1]] = shown
        frames.append(cv2.add(frame, noise.integers(0, 8, frame.shape, np.uint8)))
    return frames


@pytest.mark.parametrize(
    ("photo", "cut", "seen"),
    [("dog.jpg", (100, 90, 500, 370), ["ebike"]), ("person.jpg", (40, 60, 560, 340), [])],
    ids=["bicycle", "person-dog-horse"],
)
def test_a_bicycle_in_a_lobby_is_told(kinds: ObjectNet, photo: str, cut: Box, seen: list[str]) -> None:
    """By a real network, of a photograph's bicycle that is too small in the whole picture and not in its part."""
    frames = lobby(kept("models", photo, f"{KINDS.source}, data/"), cut, 200)
    assert not [one for one in kinds.find(frames[80]) if one.name in EBIKES]
    floor = Zone(name="lobby", camera="c", watch=("ebike",), points=LOBBY)
    assert begun(told(kinds, floor, frames)) == seen


def begun(said: list[Sighting]) -> list[str]:
    return [one.kind for one in said if one.phase is Phase.BEGUN]


LIFTS = "github.com/EtoilesHa/ebike-detect-via-YOLO, data_improvement/ebike/images"
CEILINGS = "github.com/Lily-Le/ebikedetection, test_samples"


def into_a_lift(photo: Path, empty: Box, who: Box) -> list[np.ndarray]:
    """A photograph whose part `empty` is blank at first; what `who` shows of it is there for 4 s, and gone again."""
    picture, (x, y, wide, tall) = cv2.imread(str(photo)), empty
    bare = picture.copy()
    bare[y : y + tall, x : x + wide] = cv2.GaussianBlur(picture, (0, 0), 60)[y : y + tall, x : x + wide]
    shown, (x, y, wide, tall) = bare.copy(), who
    shown[y : y + tall, x : x + wide] = picture[y : y + tall, x : x + wide]
    noise = np.random.default_rng(7)
    frames = [bare] * 50 + [shown] * 40 + [bare] * 40
    return [cv2.add(frame, noise.integers(0, 8, frame.shape, np.uint8)) for frame in frames]


@pytest.mark.parametrize(
    ("photo", "empty", "who", "seen"),
    [
        ("Snipaste_2024-01-01_12-07-52.png", (180, 90, 290, 450), (180, 90, 290, 450), ["ebike"]),
        ("Snipaste_2024-01-01_12-10-05.png", (200, 130, 540, 590), (200, 130, 540, 590), ["ebike"]),
        ("Snipaste_2024-01-01_12-10-05.png", (200, 130, 540, 590), (200, 130, 150, 560), []),
    ],
    ids=["with an e-bike", "with another", "its rider alone"],
)
def test_an_ebike_in_a_lift_is_told(kinds: ObjectNet, photo: str, empty: Box, who: Box, seen: list[str]) -> None:
    """By a general network, in photographs taken through the lift's door."""
    frames = into_a_lift(kept("lift/images", photo, LIFTS), empty, who)
    assert begun(told(kinds, structs.replace(FLOOR, points=WHOLE), frames)) == seen


def test_an_ebike_before_a_lifts_own_camera_is_told_by_a_network_trained_in_lifts() -> None:
    """From the ceiling of a lift it was not trained in, the e-bike half under a blanket; by a general one it is not."""
    card = kept("models", "lift.toml", "trained as docs/cameras-zones.md says")
    net = ObjectNet(str(card.parent), models.read_manifest(card), EBIKES)
    zone = structs.replace(FLOOR, sensitivity=1.0)  # few pictures make no sure network
    said = told(net, zone, sequence([kept("lift", name, CEILINGS) for name in CEILING]))
    assert begun(said) == ["ebike"]
    came_ms = next(one.up_ms for one in said if one.phase is Phase.BEGUN) - 5_000
    assert 0 <= came_ms <= 3_000
    assert said[-1].phase is Phase.OVER
