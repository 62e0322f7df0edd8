"""`calibrate`: from a still and clicked lines to a table that agent.toml takes, on the command line and in a page."""

import json
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from edge_agent.cli import camera_calibrate, camera_calibrate_page
from edge_agent.errors import EdgeAgentError
from edge_agent.model.site import Facade
from edge_agent.tables import Reader
from edge_agent.vision.falling_grid import fit
from tests import command
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


@pytest.mark.parametrize(
    ("floors", "rows", "said"),
    [
        (15, ((1, 1800), (2, 1300), (3, 600)), "8–15"),
        (15, ((1, 1800), (5, 1300), (6, 900)), "8–15"),
        (6, ((1, 1842), (2, 456), (3, 249), (5, 98)), "2–6"),  # by the grid alone
    ],
)
def test_a_wall_whose_floors_come_back_from_below_is_refused(
    tmp_path: Path, floors: int, rows: tuple[tuple[int, int], ...], said: str
) -> None:
    """It was called good, with 25 px a metre at the top and floors 9 to 15 drawn below the street."""
    still = tmp_path / "wall.png"
    cv2.imwrite(str(still), np.full((1920, 1080, 3), 90, np.uint8))
    lines = [word for floor, y in rows for word in ("--line", f"{floor}:120,{y},960,{y + 3}")]
    result = run(str(still), "--floors", str(floors), *lines)
    assert isinstance(result.exception, EdgeAgentError)
    assert f"floor {said} cannot be" in str(result.exception)
    assert "skipped" in str(result.exception)
    assert not still.with_suffix(".grid.png").exists()


def test_floors_outside_the_picture_are_named(still: Path) -> None:
    lines = [word for floor, y in ((2, 850), (6, 450), (9, 200)) for word in ("--line", f"{floor}:100,{y},440,{y}")]
    assert "outside the picture" not in run(str(still), "--floors", "10", *lines).output
    result = run(str(still), "--floors", "15", *lines)
    assert "# note: the lower edge of floor 12–15 lies outside the picture" in result.output
    lower = [word.replace("2:", "3:").replace("6:", "7:").replace("9:", "10:") for word in lines]
    result = run(str(still), "--floors", "12", *lower)
    assert "# note: the lower edge of floor 1 lies outside the picture" in result.output


def test_the_line_at_which_things_land_is_kept_and_drawn(still: Path, tmp_path: Path) -> None:
    result = run(str(still), *arguments(CLIP.facade), "--lands", "40，900,300,890, 500,900")  # as written in Chinese
    assert "\nlands = [40.0, 900.0, 300.0, 890.0, 500.0, 900.0]\n" in result.output
    drawn = cv2.imread(str(still.with_suffix(".grid.png")))
    assert drawn is not None
    for x, y in ((5, 900), (300, 890), (530, 900)):  # from edge to edge
        assert (drawn[y - 2 : y + 3, x] == (255, 0, 255)).all(-1).any(), (x, y)
    file = tmp_path / "facade.toml"
    file.write_text(result.output, "utf-8")
    assert run(str(still), "--from", str(file)).output == result.output


def test_what_is_too_small_for_a_cup_is_said_with_the_same_numbers(tmp_path: Path) -> None:
    facade, picture, still = CLIP.facade, CLIP.wall.picture, tmp_path / "still.png"
    top = float(fit(facade).px_per_m(0.0, facade.height_m(facade.floors) + facade.floor_m / 2))
    by = 8.0 / top  # px a metre at the top, between what is refused and what is enough
    cv2.imwrite(str(still), cv2.resize(picture, None, fx=by, fy=by))
    lines = tuple(msgspec.structs.replace(one, at=tuple(by * value for value in one.at)) for one in facade.lines)
    result = run(str(still), *arguments(msgspec.structs.replace(facade, lines=lines, columns=())))
    scales = re.findall(rf"floor {facade.floors}\D+(\d+) px", result.output)
    assert len(scales) == 2, result.output
    assert scales[0] == scales[1]


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
        (["--lands", "10,900,10,900"], "from left to right"),
        (["--lands", "10,20,500,20"], "above the highest floor"),
    ],
)
def test_bad_lines_are_told(still: Path, extra: list[str], said: str) -> None:
    result = run(str(still), *arguments(CLIP.facade), *extra)
    assert isinstance(result.exception, EdgeAgentError)
    assert said in str(result.exception)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--camera-m", "-5", "`camera_m` must be between 0.0 and 60.0"),
        ("--distance-m", "0", "`distance_m` must be between 3.0 and 300.0"),
        ("--column-m", "0", "`column_m` must be between 0.5 and 20.0"),
        ("--floor-m", "-3", "`floor_m` must be between 2.0 and 8.0"),
        ("--floor-m", "nan", "`floor_m` must be between 2.0 and 8.0"),
        ("--ground-m", "inf", "`ground_m` must be between 2.0 and 12.0"),
        ("--name", "block 3", "`block 3` is not a usable name"),
    ],
)
def test_what_agent_toml_would_refuse_is_not_printed(still: Path, option: str, value: str, said: str) -> None:
    result = run(str(still), *arguments(CLIP.facade), option, value)
    assert isinstance(result.exception, EdgeAgentError)
    assert said in str(result.exception)
    assert "[[facade]]" not in result.output


def test_the_still_is_not_drawn_over(still: Path) -> None:
    before = still.read_bytes()
    same = still.parent / "." / "nowhere" / ".." / still.name
    result = run(str(still), *arguments(CLIP.facade), "--picture", str(same))
    assert isinstance(result.exception, EdgeAgentError)
    assert "is the still itself" in str(result.exception)
    assert still.read_bytes() == before


def test_a_line_that_is_no_line_and_a_still_that_is_none(still: Path, tmp_path: Path) -> None:
    assert "write a number, a colon" in run(str(still), "--line", "three").output
    note = tmp_path / "note.png"
    note.write_text("not a picture")
    assert "not a picture" in str(run(str(note), "--floors", "3").exception)
    assert "cannot be read" in str(run(str(tmp_path / "none.png"), "--floors", "3").exception)
    assert "how many floors" in str(run(str(still)).exception)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_still_that_is_too_large_is_told_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    """It was called no picture, and took 600 MB until then."""
    large = tmp_path / f"large{suffix}"
    Image.new("L", (8000, 6000)).save(large)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = str(run(str(large), "--floors", "3").exception)
    assert "is too large, at most 40 megapixels" in refused
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KB; a byte a pixel would be 47


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_still_that_is_cut_off_is_told_in_one_sentence(
    still: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """OpenCV and libpng wrote lines of their own on the terminal."""
    cut = still.with_name(f"cut{suffix}")
    whole = bytes(cv2.imencode(suffix, CLIP.wall.picture)[1])
    cut.write_bytes(whole[: len(whole) // 2])
    capfd.readouterr()
    assert "is not a picture" in str(run(str(cut), "--floors", "3").exception)
    assert capfd.readouterr() == ("", "")


def test_lines_are_taken_as_a_chinese_keyboard_writes_them(still: Path) -> None:
    usual = arguments(CLIP.facade)
    wide = [word.translate(str.maketrans(":,", "：，")) for word in usual]
    assert run(str(still), *wide).output == run(str(still), *usual).output
    asked = ("camera", "calibrate", still, "--line", "三：1")
    told = command.run(still.parent, *asked, lang="zh", together=True).stdout
    assert "请写编号、冒号和像素坐标" in told
    assert "write" not in told


def named(*names: str) -> str:
    return "\n".join(
        camera_calibrate.as_table(msgspec.structs.replace(CLIP.facade, name=name, camera=name)) for name in names
    )


def test_a_file_gives_the_facade_of_that_name_or_its_only_one(still: Path, tmp_path: Path) -> None:
    """Another one than was asked for was calibrated, silently."""
    file = tmp_path / "walls.toml"
    file.write_text(named("block-3"), "utf-8")
    assert 'name = "block-3"' in run(str(still), "--from", str(file)).output
    refused = run(str(still), "--from", str(file), "--name", "block-9").exception
    assert "no facade named `block-9`; there are: block-3" in str(refused)
    file.write_text(named("block-3", "block-4"), "utf-8")
    assert 'name = "block-4"' in run(str(still), "--from", str(file), "--name", "block-4").output
    assert "add --name with one of: block-3, block-4" in str(run(str(still), "--from", str(file)).exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "x.toml", "--floors", "99"], "--floors would be left out beside --from"),
        (["--from", "x.toml", "--line", "1:1,1,9,1", "--floor-m", "3"], "--line, --floor-m would be left out"),
        (["--page", "--from", "x.toml"], "--from would be left out beside --page"),
        (["--page", "--line", "1:1,1,9,1"], "--line would be left out beside --page"),
        (["--page", "--lands", "1,1,9,1"], "--lands would be left out beside --page"),
    ],
)
def test_nothing_that_was_said_is_left_out_silently(still: Path, options: list[str], said: str) -> None:
    assert said in str(run(str(still), *options).exception)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("", "there is no [[facade]] in it"),
        (named("east").replace("floor = 1,", 'floor = "5",'), "write floor = 5"),
        (named("east").replace("floor = 1,", 'floor = "two",'), "write floor = 1"),
        (named("east") + '\nground_m = "4.5"\n', "write ground_m = 4.5"),
        (named("east") + '\nground_m = "450"\n', "write ground_m = 2.0"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_with_what_helps(
    still: Path, tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "walls.toml"
    if text is not None:
        file.write_text(text, "utf-8")
    refused = run(str(still), "--from", str(file)).exception
    assert isinstance(refused, EdgeAgentError)
    assert said in str(refused)
    assert "init" not in str(refused)


def test_ctrl_c_is_told_in_the_readers_language(still: Path) -> None:
    with subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-u", "-m", "edge_agent", "--lang", "zh", "camera", "calibrate",
         still, "--page"],  # a suite that a script started in the background ignores it, and all that it starts
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as agent:  # fmt: skip
        assert agent.stdout is not None
        assert "http://127.0.0.1" in agent.stdout.readline()
        agent.send_signal(signal.SIGINT)
        _, told = agent.communicate(timeout=20)
    assert (told.strip(), agent.returncode) == ("已中止。", 1)


class Shown:
    """The page of a still, served as `--page` does, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: dict[str, str] = {}
        arrived = threading.Event()

        def tell(code: str, **fields: object) -> None:
            told[code] = str(fields.get("url", ""))
            arrived.set()

        monkeypatch.setattr(camera_calibrate_page, "tell", tell)
        self.made: list[Facade] = []
        picture = cv2.cvtColor(CLIP.wall.picture, cv2.COLOR_GRAY2BGR)
        self.thread = threading.Thread(
            target=lambda: self.made.append(camera_calibrate_page.clicked(picture, "east", "east", {}, 0)), daemon=True
        )
        self.thread.start()
        assert arrived.wait(10)
        self.url = told["facade.page_at"]

    def get(self, what: str = "") -> bytes:
        answer: bytes = urllib.request.urlopen(self.url + what, timeout=10).read()
        return answer

    def send(self, what: str, count: int = 6, **more: object) -> bytes:
        """What the page's script sends."""
        body = {
            "lines": [{"number": line.floor, "at": line.at} for line in CLIP.facade.lines[:count]], "columns": [],
            "lands": [], "floors": CLIP.facade.floors, "floor_m": CLIP.facade.floor_m, "column_m": 3.6, **more,
        }  # fmt: skip
        request = urllib.request.Request(f"{self.url}/{what}", json.dumps(body).encode(), method="POST")
        answer: bytes = urllib.request.urlopen(request, timeout=10).read()
        return answer

    def end(self) -> None:
        assert "Done" in self.send("done").decode()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(monkeypatch)


def test_the_page_shows_the_grid_and_ends_when_done(shown: Shown) -> None:
    assert not re.search(r"%\(\w+\)s", shown.get().decode())
    assert shown.get("/still.png").startswith(b"\x89PNG")
    assert "too few" in shown.send("try", 2).decode()
    assert shown.send("try").startswith(b"\x89PNG")
    shown.end()
    assert shown.made[0].lines == CLIP.facade.lines


def test_the_page_puts_the_line_at_which_things_land_together(shown: Shown) -> None:
    ends = [{"number": "", "at": [500, 900, 300.5, 890]}, {"number": "", "at": [40, 905, 200, 895]}]
    assert "left to right" in shown.send("try", lands=[*ends, ends[0]]).decode()
    assert shown.send("try", lands=ends).startswith(b"\x89PNG")
    assert "Done" in shown.send("done", lands=ends).decode()
    shown.thread.join(10)
    assert shown.made[0].lands == (40, 905, 200, 895, 300.5, 890, 500, 900)


def test_the_page_refuses_floors_that_were_skipped(shown: Shown) -> None:
    lines = [{"number": number, "at": (120, y, 480, y + 3)} for number, y in ((1, 900), (2, 650), (3, 300))]
    assert "–15 cannot be" in shown.send("try", lines=lines, floors=15, floor_m=3.0).decode()
    shown.end()


def test_the_page_answers_to_the_names_of_this_machine_alone(shown: Shown) -> None:
    """A name of somebody else's that is made to point here is no way to the picture."""
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "["):
        asked = urllib.request.Request(shown.url + "/still.png", headers={"Host": host})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=10)
        with refused.value as answer:
            assert answer.status == 421
    for host in ("localhost:9000", "[::1]:9000", "127.0.0.1"):
        asked = urllib.request.Request(shown.url, headers={"Host": host})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200
    shown.end()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"floors": 5.5}, "5.5 is no whole number"),
        ({"floors": None}, "None is no whole number"),
        ({"columns": [{"number": 1.5, "at": [0, 0, 9, 9]}]}, "1.5 is no whole number"),
        ({"floors": 0}, "`floors` must be between 2 and 60"),
        ({"floor_m": 0}, "`floor_m` must be between 2.0 and 8.0"),
        ({"column_m": float("nan")}, "`column_m` must be between 0.5 and 20.0"),
    ],
)
def test_the_page_says_in_words_what_is_wrong(shown: Shown, wrong: dict[str, object], said: str) -> None:
    assert said in shown.send("try", **wrong).decode()
    shown.end()


def test_a_connection_that_only_stays_open_keeps_nobody_waiting(
    shown: Shown, capfd: pytest.CaptureFixture[str]
) -> None:
    """Browsers open some before they need them; and one that goes in the middle of an answer is nobody's error."""
    host, port = shown.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), 10):
        assert shown.get("/still.png").startswith(b"\x89PNG")
        with socket.create_connection((host, int(port)), 10) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
            gone.sendall(f"GET /{shown.url.split('/')[3]}/still.png HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            assert gone.recv(1)
        assert shown.send("try").startswith(b"\x89PNG")
        shown.end()
    assert "Traceback" not in capfd.readouterr().err
