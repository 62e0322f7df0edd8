"""The two ways into the embedding space: the gate's engine and the enrolment child, on real photographs."""

import os
import sys
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from PIL import Image

from edge_agent.errors import FaceError
from edge_agent.model.face_models import DLIB
from edge_agent.model.site import FacePolicy
from edge_agent.vision import enrol
from edge_agent.vision.engine import Found
from edge_agent.vision.enrol import PhotoResult, embed_photos
from edge_agent.vision.faces import DETECTOR, MODEL, DlibEngine, model_file
from edge_agent.words import LANGUAGES
from tests.vision.pictures import people, photos

POLICY = FacePolicy()


@pytest.fixture(scope="module")
def engine() -> DlibEngine:
    return DlibEngine()


def rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def vector(data: bytes | None) -> np.ndarray:
    assert data is not None
    return np.frombuffer(data, "<f4")


def gate_embedding(engine: DlibEngine, picture: np.ndarray) -> np.ndarray:
    found = engine.find(picture, POLICY.min_face_px)[0]
    return vector(engine.embed(picture, engine.align(picture, found)))


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Photographs as people bring them; all made from good ones."""
    known = photos()
    folder = tmp_path_factory.mktemp("photos")
    good = Image.open(known["obama2.jpg"]).convert("RGB")
    files = {name: folder / f"{name}.jpg" for name in ("good", "turned", "cut", "text", "wall", "two", "huge", "far")}
    good.save(files["good"], quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    good.rotate(90, expand=True).save(files["turned"], quality=95, exif=exif)
    files["cut"].write_bytes(files["good"].read_bytes()[:20_000])
    files["text"].write_text("Dear guard, this is me.")
    Image.new("RGB", (640, 480), (120, 130, 140)).save(files["wall"])
    two = Image.new("RGB", (1300, 1200))
    two.paste(good, (0, 0))
    two.paste(good, (650, 0))
    two.save(files["two"])
    Image.new("RGB", (10_000, 6_000)).save(files["huge"], quality=20)
    far = Image.new("RGB", (640, 480), (120, 130, 140))
    far.paste(good.resize((106, 204)), (200, 100))
    far.save(files["far"])
    return files


@pytest.fixture(scope="module")
def results(spoiled: dict[str, Path]) -> dict[str, PhotoResult]:
    """One run of the child over all of them, and one path that does not exist."""
    paths = {**spoiled, "absent": spoiled["good"].with_name("absent.jpg")}
    return dict(zip(paths, embed_photos(list(paths.values())), strict=True))


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        ("good", None), ("turned", None), ("cut", "unreadable"), ("text", "unreadable"), ("wall", "no_face"),
        ("two", "several_faces"), ("huge", "too_large"), ("far", "face_too_small"), ("absent", "missing"),
    ],
)  # fmt: skip
def test_every_photograph_has_a_result_or_a_reason(
    results: dict[str, PhotoResult], photo: str, reason: str | None
) -> None:
    """One bad photograph does not cost the others, and its reason reads in both languages."""
    result = results[photo]
    assert result.reason == reason
    assert (result.embedding is None) == (reason is not None)
    if reason:
        assert result.error is not None
        texts = {result.error.text(lang) for lang in LANGUAGES}
        assert len(texts) == 2
        assert all(f"{photo}.jpg" in text for text in texts)


def test_the_cameras_orientation_is_applied(results: dict[str, PhotoResult]) -> None:
    """The same photograph, lying on its side with a note to turn it, gives nearly the same template."""
    difference = vector(results["turned"].embedding) - vector(results["good"].embedding)
    assert np.linalg.norm(difference) < 0.1


def test_the_result_says_how_good_the_photograph_is(results: dict[str, PhotoResult]) -> None:
    good = results["good"]
    assert (good.model, len(good.embedding or b"")) == (MODEL, 512)
    assert 250 < good.face_px < 350
    assert good.sharpness > POLICY.min_sharpness


def test_gate_and_enrolment_give_the_same_embedding(results: dict[str, PhotoResult], engine: DlibEngine) -> None:
    """Same picture, same box: equal to the last digits. Own detection at the gate's scale: still far within a match."""
    picture = np.asarray(Image.open(results["good"].path).convert("RGB"))
    boxes, scores, _ = engine._detector.run(picture, 1, 0.0)
    box = boxes[int(np.argmax(scores))]
    same = engine.embed(picture, engine.align(picture, Found((box.left(), box.top(), box.width(), box.height()), 1.0)))
    enrolled = vector(results["good"].embedding)
    assert np.abs(vector(same) - enrolled).max() < 1e-6
    assert np.linalg.norm(gate_embedding(engine, picture) - enrolled) < 0.2


def test_the_photographs_used_everywhere_fit(engine: DlibEngine) -> None:
    """To enrol: obama; to recognise: obama2 and obama3; a stranger: biden. The default threshold parts them clearly."""
    known = photos()
    at = {
        name: gate_embedding(engine, rgb(known[name]))
        for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")
    }
    distance = {name: float(np.linalg.norm(at[name] - at["obama.jpg"])) for name in at}
    assert distance["obama2.jpg"] < DLIB.distance - 0.05
    assert distance["obama3.jpg"] < DLIB.distance - 0.05
    assert distance["biden.jpg"] > DLIB.distance + 0.2


def test_ten_people_are_told_apart(engine: DlibEngine) -> None:
    """Two photographs of each of ten persons: nobody is within the threshold of another."""
    vectors, owner = [], []
    for folder in sorted(path for path in people().iterdir() if path.is_dir()):
        for path in sorted(folder.glob("*.jpg"))[:2]:
            if found := engine.find(rgb(path), 48):
                picture = rgb(path)
                vectors.append(vector(engine.embed(picture, engine.align(picture, found[0]))))
                owner.append(folder.name)
    matrix, names = np.stack(vectors), np.array(owner)
    distances = np.linalg.norm(matrix[:, None] - matrix[None], axis=2)
    strangers = names[:, None] != names[None]
    assert len(owner) >= 18
    assert distances[strangers].min() > DLIB.distance


def test_quality_gate(engine: DlibEngine) -> None:
    """Each spoilt frame is refused for what is wrong with it; the good one is not."""
    picture = cv2.resize(rgb(photos()["obama2.jpg"]), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    box = engine.find(picture, 64)[0].box

    def reason(frame: np.ndarray, policy: FacePolicy = POLICY) -> str | None:
        return engine.judge(frame, box, engine.align(frame, Found(box, 1.0)), policy).reason

    assert reason(picture) is None
    assert reason(picture, FacePolicy(min_face_px=200)) == "too_small"
    assert reason(cv2.GaussianBlur(picture, (0, 0), 8)) == "blurred"
    assert reason((picture // 8).astype(np.uint8)) == "dark"
    assert reason(np.clip(picture.astype(int) + 150, 0, 255).astype(np.uint8)) == "bright"
    x, y, width, height = box
    cut = picture[:, x + width // 8 :]
    assert (
        engine.judge(cut, (-(width // 8), y, width, height), engine.align(picture, Found(box, 1.0)), POLICY).reason
        == "edge_clipped"
    )


def test_how_far_a_head_is_turned_is_measured(results: dict[str, PhotoResult], engine: DlibEngine) -> None:
    """The nose's place between the eyes: of a picture and its mirror image the same, on the other side."""
    picture = rgb(photos()["obama2.jpg"])
    noses = [
        engine.nose(engine.align(one, engine.find(one, 64)[0]))
        for one in (picture, np.ascontiguousarray(picture[:, ::-1]))
    ]
    assert abs(sum(noses) - 1) < 0.06
    assert abs(noses[0] - 0.5) < 0.2
    (measured,) = embed_photos([Path(results["good"].path)], measure=True)
    assert abs(measured.turned - abs(noses[0] - 0.5)) < 0.06


def test_a_photograph_that_kills_the_child_costs_only_itself(
    spoiled: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child aborts on the second of three photographs, as a decoder does: the other two are enrolled."""
    (tmp_path / "aborting_child.py").write_text(
        "import os\n"
        "from edge_agent.vision import enrol_child\n"
        "photo = enrol_child._photo\n"
        "enrol_child._photo = lambda one, *more: os.abort() if 'wall' in one.path else photo(one, *more)\n"
        "enrol_child.main()\n"
    )
    monkeypatch.setattr(enrol, "CHILD", "aborting_child")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    made = embed_photos([spoiled["good"], spoiled["wall"], spoiled["good"]])
    assert [result.reason for result in made] == [None, "crashed", None]


def test_a_missing_engine_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """face_recognition ends its process when its models are missing; here that is an error with a remedy."""
    broken = tmp_path / "face_recognition_models.py"
    broken.write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with pytest.raises(FaceError) as caught:
        embed_photos([tmp_path / "any.jpg"])
    assert caught.value.code == "faces.engine_missing"


def test_the_detector_is_the_one_dlib_carries(tmp_path: Path) -> None:
    """Byte for byte; should another dlib carry another one, this file is what that saves."""
    dlib.get_frontal_face_detector().save(str(tmp_path / "own.svm"))
    assert DETECTOR.read_bytes() == (tmp_path / "own.svm").read_bytes()


def test_a_missing_model_file_is_named() -> None:
    with pytest.raises(FaceError, match=r"no_such_model\.dat"):
        model_file("no_such_model.dat")
