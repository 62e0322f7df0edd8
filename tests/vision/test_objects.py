"""vision/objects.py: detectors as the makers of YOLO export them, in pictures of any proportion. The networks are real
ONNX files that OpenCV loads; what they find is written into them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent.model.detections import SentryJob
from edge_agent.model.face_models import Manifest
from edge_agent.model.sightings import Phase
from edge_agent.model.site import Camera, Line, Zone
from edge_agent.vision import models, objects
from edge_agent.vision.objects import ObjectNet
from edge_agent.vision.pace import PacedZones
from edge_agent.vision.sentry import Analysis, watches
from edge_agent.words import LANGUAGES, say
from tests.vision.test_models import boxes, manifest_of, refused

CLASSES = ("person", "ebike")
FOUND = [  # middle and extent in px of 320 × 320, the object, its classes
    (160.0, 150.0, 80.0, 60.0, 0.9, 0.1, 0.9),
    (163.0, 151.0, 80.0, 60.0, 0.8, 0.1, 0.9),  # the same once more
    (60.0, 160.0, 20.0, 50.0, 1.0, 0.7, 0.1),
    (260.0, 160.0, 20.0, 50.0, 0.2, 0.9, 0.1),  # hardly anything
]


def yolov5() -> np.ndarray:
    return np.array([FOUND])


def yolov8() -> np.ndarray:
    """Each class's score is its own, and a box is a column."""
    rows = np.array(FOUND)
    return np.concatenate([rows[:, :4], rows[:, 5:] * rows[:, 4:5]], axis=1).T[None]


def manifest(path: Path, **more: object) -> Manifest:
    given = {"role": "objects", "width": 320, "height": 320, "scale": 1 / 255, "classes": CLASSES, "dimension": 0}
    return manifest_of(path, **{**given, **more})


def file(folder: Path, rows: np.ndarray, width: int = 320, height: int = 320) -> Path:
    path = folder / "lift.onnx"
    path.write_bytes(boxes(rows, width, height))
    return path


@pytest.mark.parametrize("rows", [yolov5(), yolov8()], ids=["yolov5", "yolov8"])
@pytest.mark.parametrize(
    ("width", "height", "ebike", "person"),
    [
        (320, 320, (120, 120, 80, 60), (50, 135, 20, 50)),
        (640, 360, (240, 100, 160, 120), (100, 130, 40, 100)),  # 70 grey rows above and below it
        (160, 640, (0, 240, 160, 120), (-140, 270, 40, 100)),  # 120 grey columns; the person stands in them
    ],
)
def test_boxes_lie_where_they_are_in_the_picture(
    tmp_path: Path, rows: np.ndarray, width: int, height: int, ebike: tuple[int, ...], person: tuple[int, ...]
) -> None:
    path = file(tmp_path, rows)
    own = manifest(path)
    assert models.add(tmp_path / "models", path, own).error is None
    seen = ObjectNet(str(tmp_path / "models"), own, ("ebike",)).find(np.zeros((height, width, 3), np.uint8))
    assert [(one.name, one.box, round(one.score, 2)) for one in seen] == [
        ("ebike", ebike, 0.81), ("person", person, 0.7)
    ]  # fmt: skip


def test_a_network_may_be_wider_than_high(tmp_path: Path) -> None:
    path = file(tmp_path, yolov8(), 640, 384)
    own = manifest(path, width=640, height=384)
    assert models.add(tmp_path / "models", path, own).error is None
    (ebike, _) = ObjectNet(str(tmp_path / "models"), own).find(np.zeros((768, 1280, 3), np.uint8))
    assert ebike.box == (240, 240, 160, 120)


@pytest.mark.parametrize(
    ("width", "height", "grey"),
    [(640, 360, np.s_[[*range(70), *range(250, 320)], :]), (160, 640, np.s_[:, [*range(120), *range(200, 320)]])],
)
def test_a_picture_is_shown_in_proportion_in_the_middle_of_grey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, height: int, grey: Any
) -> None:
    """As these networks were trained: red, green, blue from 0 to 1, around it 114 of 255."""
    net = ObjectNet(str(tmp_path), manifest(file(tmp_path, yolov8())))
    blobs: list[np.ndarray] = []
    inner, blob_of = objects.cv2.dnn, objects.cv2.dnn.blobFromImage
    monkeypatch.setattr(inner, "blobFromImage", lambda *given, **how: blobs.append(blob_of(*given, **how)) or blobs[-1])
    net.find(np.full((height, width, 3), (255, 51, 0), np.uint8))
    red, green, blue = blobs[0][0]
    around = np.zeros((320, 320), bool)
    around[grey] = True
    for channel, inside in ((red, 0.0), (green, 0.2), (blue, 1.0)):
        assert channel[around] == pytest.approx(114 / 255, abs=1e-6)
        assert channel[~around] == pytest.approx(inside, abs=1e-6)


def test_what_is_no_number_is_no_box_and_no_model_to_add(tmp_path: Path) -> None:
    rows = yolov5()
    rows[0, 1, 2] = np.inf
    rows[0, 2, 0] = np.nan
    path = file(tmp_path, rows)
    net = ObjectNet(str(tmp_path), manifest(path))
    assert [one.box for one in net.find(np.zeros((320, 320, 3), np.uint8))] == [(120, 120, 80, 60)]
    refused("models.senseless", models.add, tmp_path / "models", path, manifest(path))


NMS = np.array([[(100.0, 100.0, 200.0, 180.0, 0.9, 0.0)] * 300])  # corners, score and class


@pytest.mark.parametrize(
    ("rows", "width", "more", "code"),
    [
        (yolov8(), 0, {}, "models.open_size"),
        (yolov8(), -1, {}, "models.open_size"),
        (yolov8(), 320, {"width": 640, "height": 640}, "models.other_size"),
        (yolov8(), 320, {"classes": ("person", "ebike", "dog")}, "models.other_boxes"),
        (NMS, 320, {"classes": ("ebike",)}, "models.other_boxes"),
    ],
)
def test_what_cannot_run_says_how_to_export_it(
    tmp_path: Path, rows: np.ndarray, width: int, more: dict[str, object], code: str
) -> None:
    path = file(tmp_path, rows, width)
    refused(code, models.add, tmp_path / "models", path, manifest(path, **more))
    assert not list((tmp_path / "models").glob("*.toml"))


def test_a_model_of_vehicles_alone_watches_the_lift(tmp_path: Path) -> None:
    """And nobody asks it for people."""
    rows = np.delete(yolov8(), 4, axis=1)
    own = manifest(file(tmp_path, rows), classes=("ebike",))
    lift = Zone(name="lift", camera="c", watch=("ebike", "intrusion"), points=((0, 0), (1, 0), (1, 1), (0, 1)))
    camera = Camera(name="c", url="file:///c.mp4")
    job = SentryJob(camera=camera, zones=(lift,), models=str(tmp_path), detector=own)
    found, unwatched = watches(job, (1280, 720))
    assert PacedZones in [type(one) for one in found]
    assert unwatched == []


def test_the_daemons_own_analysis_shows_its_detector_the_picture(tmp_path: Path) -> None:
    """In colour, as it came: a lift whose e-bike any look would find, by a network that finds one wherever it looks."""
    seen: list[tuple[int, ...]] = []
    own = manifest(file(tmp_path, np.delete(yolov8(), 4, axis=1)), classes=("ebike",))
    lift = Zone(name="lift", camera="c", watch=("ebike",), points=((0, 0), (1, 0), (1, 1), (0, 1)), sensitivity=1.0)
    job = SentryJob(Camera(name="c", url="file:///c.mp4", fps=10), (), (lift,), (), own, str(tmp_path))
    analysis, said = Analysis(job), []
    random = np.random.default_rng(1)
    ground = random.integers(80, 160, (180, 320), np.uint8)

    class Picture:
        def __init__(self, n: int) -> None:
            self.up_ms, self._n = n * 100, n

        def luma(self) -> np.ndarray:
            gray = ground.copy()
            if self._n > 50:
                gray[60:160, (self._n * 2) % 200 : (self._n * 2) % 200 + 90] = 250
            return gray

        def rgb(self) -> np.ndarray:
            rgb = np.dstack([np.full_like(ground, 200), self.luma(), self.luma()])
            seen.append(tuple(int(value) for value in rgb[0, 0]))
            return rgb

    for n in range(120):
        said += analysis.see(Picture(n))  # type: ignore[arg-type]
    assert [one.kind for one in said if one.phase is Phase.BEGUN] == ["ebike"]
    assert seen
    assert len(seen) < 30, "colours are made only when somebody asks"


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ({"classes": ("person", "dog")}, ["zone.no_class"]),
        ({"classes": ("cat", "dog")}, ["zone.no_class", "zone.needs_detector"]),
        ({"sha256": "0" * 64}, ["models.wrong_hash", "zone.needs_detector"]),
        (None, ["zone.needs_detector"]),
    ],
    ids=["of people", "of animals", "altered", "none"],
)
def test_a_rule_without_its_detector_costs_only_itself(
    tmp_path: Path, more: dict[str, object] | None, codes: list[str]
) -> None:
    """The other rules of its zone, the other zones and the lines go on."""
    own = None if more is None else manifest(file(tmp_path, yolov8()), **more)
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    zones = (
        Zone(name="lift", camera="c", watch=("ebike", "intrusion"), points=whole),
        Zone(name="lane", camera="c", watch=("blocked",), points=whole),
    )
    line = Line(name="in", camera="c", points=((0.1, 0.5), (0.9, 0.5)))
    job = SentryJob(Camera(name="c", url="file:///c.mp4"), (), zones, (line,), own, str(tmp_path))
    found, unwatched = watches(job, (1280, 720))
    (watch,) = [one.watch for one in found if isinstance(one, PacedZones)]
    assert [(one.name, one.kind) for one in watch._watched] == [("lift", "intrusion"), ("lane", "blocked")]
    assert [one.name for one, _, _ in watch._passing] == ["in"]
    assert [one.code for one in unwatched] == codes
    for one in unwatched:
        assert len({say(one.code, lang, **one.fields) for lang in LANGUAGES}) == 2
