"""`calibrate`: from a still and clicked lines to a table that agent.toml takes, on the command line and in a page."""

import json
import re
import threading
import tomllib
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge_agent.cli import camera_calibrate, camera_calibrate_page
from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Facade
from edge_agent.tables import Reader
from tests.vision.facade.clip import draw

CLIP = draw(3, falls=1, weather="clear", height=960)


@pytest.fixture
def still(tmp_path: Path) -> Path:
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), CLIP.wall.picture)
    return path


def arguments(facade: Facade) -> list[str]:
    given = ["--floors", str(facade.floors), "--floor-m", str(facade.floor_m), "--column-m", str(facade.column_m)]
    for line in facade.lines:
        given += ["--line", f"{line.floor}:" + ",".join(map(str, line.at))]
    for column in facade.columns:
        given += ["--column", f"{column.column}:" + ",".join(map(str, column.at))]
    return given


def run(*args: str) -> Result:
    return CliRunner().invoke(camera_calibrate.command, list(args))


def test_lines_become_a_table_and_a_picture(still: Path) -> None:
    result = run(str(still), "--name", "east", *arguments(CLIP.facade))
    assert result.exit_code == 0, result.output
    reader = Reader("printed")
    (facade,) = reader.tables(tomllib.loads(result.output), "facade", Facade)
    assert reader.problems == []
    assert facade.lines == CLIP.facade.lines
    assert facade.columns == CLIP.facade.columns
    drawn = cv2.imread(str(still.with_suffix(".grid.png")))
    plain = cv2.imread(str(still))
    changed = np.any(drawn != plain, axis=2)
    assert drawn.shape == plain.shape
    assert changed.sum() > 200 * CLIP.facade.floors  # a line and its number each
    assert changed.mean() < 0.3


def test_the_printed_table_calibrates_the_same_wall_again(still: Path, tmp_path: Path) -> None:
    first = run(str(still), *arguments(CLIP.facade))
    file = tmp_path / "facade.toml"
    file.write_text(first.output, "utf-8")
    second = run(str(still), "--from", str(file))
    assert second.output == first.output


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--line", "1:10,20"], "not points"),
        (["--line", "1:10,20,99999,20"], "outside the frame"),
        (["--line", "77:10,20,400,20"], "floor 77 is not there"),
    ],
)
def test_bad_lines_are_told(still: Path, extra: list[str], said: str) -> None:
    result = run(str(still), *arguments(CLIP.facade), *extra)
    assert isinstance(result.exception, EdgeAgentError)
    assert said in str(result.exception)


def test_a_line_that_is_no_line_and_a_still_that_is_none(still: Path, tmp_path: Path) -> None:
    assert "write a number, a colon" in run(str(still), "--line", "three").output
    note = tmp_path / "note.png"
    note.write_text("not a picture")
    assert "not a picture" in str(run(str(note), "--floors", "3").exception)
    assert "cannot be read" in str(run(str(tmp_path / "none.png"), "--floors", "3").exception)
    assert "how many floors" in str(run(str(still)).exception)


def test_the_page_shows_the_grid_and_ends_when_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page's script sends, sent by hand."""
    told: dict[str, str] = {}
    arrived = threading.Event()

    def tell(code: str, **fields: object) -> None:
        told[code] = str(fields.get("url", ""))
        arrived.set()

    monkeypatch.setattr(camera_calibrate_page, "tell", tell)
    made: list[Facade] = []
    picture = cv2.cvtColor(CLIP.wall.picture, cv2.COLOR_GRAY2BGR)
    thread = threading.Thread(
        target=lambda: made.append(camera_calibrate_page.clicked(picture, "east", "east", {}, 0)), daemon=True
    )
    thread.start()
    assert arrived.wait(10)
    url = told["facade.page_at"]
    page = urllib.request.urlopen(url, timeout=10).read().decode()
    assert not re.search(r"%\(\w+\)s", page)
    assert urllib.request.urlopen(f"{url}/still.png", timeout=10).read().startswith(b"\x89PNG")

    def send(what: str, lines: int) -> bytes:
        body = {
            "lines": [{"number": line.floor, "at": line.at} for line in CLIP.facade.lines[:lines]], "columns": [],
            "floors": CLIP.facade.floors, "floor_m": CLIP.facade.floor_m, "column_m": 3.6,
        }  # fmt: skip
        request = urllib.request.Request(f"{url}/{what}", json.dumps(body).encode(), method="POST")
        answer: bytes = urllib.request.urlopen(request, timeout=10).read()
        return answer

    assert "too few" in send("try", 2).decode()
    assert send("try", 6).startswith(b"\x89PNG")
    assert "Done" in send("done", 6).decode()
    thread.join(10)
    assert made[0].lines == CLIP.facade.lines
