"""vision/objects.py: detectors as the makers of YOLO export them, in pictures of any proportion. The networks are real
ONNX files that OpenCV loads; what they find is written into them."""

from pathlib import Path

import numpy as np
import pytest

from edge_agent.model.face_models import Manifest
from edge_agent.vision import models
from edge_agent.vision.objects import ObjectNet
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


def file(folder: Path, rows: np.ndarray, side: int = 320) -> Path:
    path = folder / "lift.onnx"
    path.write_bytes(boxes(rows, side))
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


@pytest.mark.parametrize(
    ("side", "more", "code"),
    [
        (0, {}, "models.open_size"),
        (320, {"width": 640, "height": 640}, "models.other_size"),
        (320, {"classes": ("person", "ebike", "dog")}, "models.other_boxes"),
    ],
)
def test_what_cannot_run_says_how_to_export_it(tmp_path: Path, side: int, more: dict[str, object], code: str) -> None:
    path = file(tmp_path, yolov8(), side)
    refused(code, models.add, tmp_path / "models", path, manifest(path, **more))
    assert not list((tmp_path / "models").glob("*.toml"))
