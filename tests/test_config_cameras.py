"""What `check` says of recordings and folders of stills that agent.toml names as cameras; real files."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from msgspec import structs

from edge_agent.config import load_config
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.premises import Premises
from edge_agent.model.detections import Outlook
from edge_agent.model.events import DeviceDegraded
from edge_agent.model.site import Policy, private
from edge_agent.readiness import check_devices, check_walls
from edge_agent.watching import Watching, sentry_job
from edge_agent.words import say
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal
from tests.test_config import GOOD
from tests.vision.clips import make_clip, picture

URL = "rtsp://127.0.0.1/stream"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/r.key").write_text("00112233445566778899aabbccddeeff\n")

    def writing(text: str) -> Path:
        (tmp_path / "agent.toml").write_text(text, "utf-8")
        return tmp_path / "agent.toml"

    return writing


def sound(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        piece.sample_rate = 8000
        container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def still(path: Path) -> None:
    path.write_bytes(cv2.imencode(".jpg", picture(0))[1].tobytes())


def cut_off(path: Path) -> None:
    make_clip(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "cameras.file_missing"),
    "empty": (lambda path: path.write_bytes(b""), "cameras.broken"),
    "sound only": (sound, "cameras.no_video"),
    "a still": (still, "cameras.no_format"),
    "cut off": (cut_off, "cameras.broken"),
    "text": (lambda path: path.write_text("this is no video\n" * 50), "cameras.broken"),
    "no stills": (lambda path: path.mkdir(), "cameras.no_stills"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_recording_without_a_picture_is_named_with_what_to_do(
    kind: str, tmp_path: Path, write: Callable[[str], Path]
) -> None:
    make, code = WRONG[kind]
    make(tmp_path / "gate.mp4")
    config = load_config(write(GOOD.replace(URL, f"file://{tmp_path}/gate.mp4")))
    (problem,) = check_devices(config, "agent.toml")
    assert (problem.at, problem.code) == ("camera[0].url", code)
    assert "gate.mp4" in problem.text("zh")
    assert "agent.toml" in say(code, "en", **problem.fields)


def test_a_recording_and_a_folder_of_stills_are_good_and_evidence_is_not_kept_of_stills(
    tmp_path: Path, write: Callable[[str], Path]
) -> None:
    make_clip(tmp_path / "gate.mp4", 1.0)
    (tmp_path / "stills").mkdir()
    still(tmp_path / "stills" / "1.jpg")
    for name in ("gate.mp4", "stills"):
        config = load_config(write(GOOD.replace(URL, f"file://{tmp_path}/{name}")))
        assert check_devices(config, "agent.toml") == []
    kept = GOOD.replace(f'"{URL}"', f'"file://{tmp_path}/stills"\nuse = ["face", "evidence"]')
    (problem,) = check_devices(load_config(write(kept)), "agent.toml")
    assert (problem.at, problem.code) == ("camera[0].use", "cameras.stills_no_clip")


WALL = """
[[camera]]
name = "wall"
url = "rtsp://127.0.0.1/wall"
use = ["alerts"]

[[facade]]
name = "east"
camera = "wall"
size = [1080, 1920]
floors = FLOORS
lines = [LINES]
"""


def wall(floors: int, *rows: tuple[int, int]) -> str:
    lines = ", ".join(f"{{ floor = {floor}, at = [120, {y}, 960, {y + 3}] }}" for floor, y in rows)
    return GOOD + WALL.replace("FLOORS", str(floors)).replace("LINES", lines)


def test_a_wall_whose_floors_come_back_from_below_is_not_watched_and_the_doors_go_on(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    """An earlier version took it: who upgrades is told, by `check` and at each start, and nobody stands outside."""
    config = load_config(write(wall(15, (1, 1800), (2, 1300), (3, 600))))
    (problem,) = check_walls(config, "agent.toml")
    assert (problem.at, problem.code) == ("facade[0].lines", "facade.misplaced")
    assert "第 8–15 层" in problem.text("zh")
    journal, clock = MemoryJournal(), MemoryClock()

    async def watched() -> Watching:
        premises = Premises(journal, MemoryBooks(), clock, Alarms(journal, clock), Policy())
        return Watching(config, tmp_path, tmp_path, premises, {}, lambda manifest: b"", lambda data: None)

    watching = asyncio.run(watched())
    (told,) = [row.event for row in journal.all if isinstance(row.event, DeviceDegraded)]
    assert (told.device, told.code, told.given) == ("wall", "facade.misplaced", {"floors": "8–15"})
    watching._see("wall", Outlook(()))
    assert [one.code for one in watching.unwatched["wall"]] == ["facade.misplaced"]
    camera = next(one for one in config.cameras if one.name == "wall")
    windows = (100.0, 100.0, 300.0, 100.0, 300.0, 300.0)
    masked = structs.replace(config, facades=(structs.replace(config.facades[0], masks=(windows,)),))
    job = sentry_job(masked, camera, camera.url, None, tmp_path)
    assert job.facades == ()
    assert private(job.camera, job.facades) == private(camera, masked.facades) != (), "its windows are shown to nobody"


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        (((1, 1800), (3, 1100), (5, 700)), []),
        (((1, 1842), (2, 456), (3, 249), (5, 98)), ["facade.misplaced"]),
        (((1, 1800), (2, 900), (3, 880), (4, 300), (5, 290)), ["facade.not_a_wall"]),
    ],
)
def test_lines_that_make_no_wall_are_told_before_the_camera_watches(
    rows: tuple[tuple[int, int], ...], codes: list[str], write: Callable[[str], Path]
) -> None:
    config = load_config(write(wall(6, *rows)))
    assert [problem.code for problem in check_walls(config, "agent.toml")] == codes
