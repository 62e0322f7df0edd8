"""`edge-agent camera replay` and `watch`: a recording through the live analysis, and what is seen as a page."""

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, TextIO
from zoneinfo import ZoneInfo

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_agent.cli import group
from edge_agent.errors import EdgeAgentError
from edge_agent.words import say
from tests import command
from tests.vision.clips import film, make_clip, picture
from tests.vision.test_zones import FPS, HEIGHT, WIDTH, pictures, walk
from tests.waiting import until

TOML = """\
[gateway]
id = "G0417"

[uplink]
url = "mqtt://127.0.0.1:1883"

[[camera]]
name = "yard"
url = "file://{clip}"
use = ["alerts"]
fps = 10

[[zone]]
name = "lawn"
camera = "yard"
watch = ["intrusion"]
points = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
"""


LINE = """
[[line]]
name = "path"
camera = "yard"
watch = ["wrong_way"]
points = [[0.5, 0.3], [0.5, 1.0]]
"""
GATE = """
[[link]]
name = "board"
url = "sim://gate"

[[door]]
name = "gate"
gate = { link = "board", profile = "gates/sim" }
"""
PORTRAIT = """
[[facade]]
name = "office"
camera = "yard"
size = [1080, 1920]
floors = 10
lines = [
  { floor = 1, at = [100, 1800, 980, 1804] },
  { floor = 4, at = [200, 1200, 880, 1202] },
  { floor = 7, at = [260, 760, 820, 761] },
  { floor = 10, at = [300, 420, 780, 420] },
]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """agent.toml, and the recording of somebody who walks over the lawn."""
    folder = tmp_path_factory.mktemp("replay")
    clip, config = folder / "walk.mp4", folder / "agent.toml"
    film(clip, pictures(14, walk(20, 330, 5, 5)), FPS)
    config.write_text(TOML.format(clip=clip), "utf-8")
    return config, clip


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["--lang", "en", "camera", *map(str, arguments)])
    told = result.exception.text("en") if isinstance(result.exception, EdgeAgentError) else ""
    return result.exit_code, result.output + told


def test_a_recording_gives_the_same_answer_each_time_faster_than_it_happened(site: tuple[Path, Path]) -> None:
    config, clip = site
    answers = [run("replay", "--config", config, "--json", "yard", clip) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 0
    said = [json.loads(line) for line in answers[0][1].splitlines()]
    assert [one["kind"] for one in said if one["phase"] == "begun"] == ["intrusion"]
    code, text = run("replay", "--config", config, "yard", clip)
    assert code == 0
    assert re.search(r"\+  lawn  intrusion  .*in the zone for [\d.]+ s \(limit [\d.]+ s\)", text), text
    speed = re.search(r"([\d.]+) times", text)
    assert speed is not None, text
    assert float(speed[1]) > 1


def test_a_recording_whose_clock_jumps_is_seen_to_its_end_and_that_is_said(
    site: tuple[Path, Path], tmp_path: Path
) -> None:
    """Two files one behind the other: the timestamps run back in the middle, before somebody walks over the lawn."""
    config, _ = site
    seen = list(pictures(14, walk(20, 330, 5, 5)))
    parts = (film(tmp_path / "a.ts", seen[: 4 * FPS], FPS), film(tmp_path / "b.ts", seen[4 * FPS :], FPS))
    clip = tmp_path / "both.ts"
    clip.write_bytes(b"".join(part.read_bytes() for part in parts))
    code, text = run("replay", "--config", config, "yard", clip)
    assert code == 0, text
    assert re.search(r"\+  lawn  intrusion", text), text
    assert f"{len(seen)} frames, {(len(seen) - 1) / FPS:.1f} s" in text
    assert "jumps of the recording's clock left out: 1" in text
    assert text.count(f"{clip}: at 4.00 s its clock jumps from 3.90 s to 0.00 s") == 1


def test_an_hour_that_a_recordings_clock_jumps_is_no_hour(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, _ = site
    stamps = [n / 10 + (3600 if n >= 40 else 0) for n in range(80)]
    clip = make_clip(tmp_path / "set.mkv", fps=10, stamps=stamps)
    code, text = run("replay", "--config", config, "yard", clip)
    assert code == 0, text
    assert "80 frames, 7.9 s" in text
    assert f"{clip}: at 4.00 s its clock jumps from 3.90 s to 3604.00 s" in text


def test_a_recording_of_a_frame_a_minute_has_no_jumps(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, _ = site
    code, text = run("replay", "--config", config, "yard", make_clip(tmp_path / "a.mp4", stamps=[0.0, 60.0, 120.0]))
    assert code == 0, text
    assert "3 frames, 120.0 s" in text
    assert "jump" not in text


def damaged(clip: Path, path: Path, packets: slice) -> Path:
    """A copy in which these packets are no video."""
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        for packet in list(container.demux(video=0))[packets]:
            assert packet.pos is not None
            data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    return path


def test_a_damaged_piece_of_a_recording_is_passed_over_and_that_is_said(
    site: tuple[Path, Path], tmp_path: Path
) -> None:
    config, clip = site
    broken = damaged(clip, tmp_path / "broken.mp4", slice(25, 27))
    code, text = run("replay", "--config", config, "yard", broken)
    assert code == 0, text
    assert re.search(r"\+  lawn  intrusion", text), text
    assert "138 frames, 13.9 s" in text, text
    assert say("camera.replay_broken", "en", file=broken, count=2) in text


def test_a_recording_with_nothing_but_damage_behind_a_place_is_no_recording_to_its_end(
    site: tuple[Path, Path], tmp_path: Path
) -> None:
    config, clip = site
    broken = damaged(clip, tmp_path / "broken.mp4", slice(20, 130))
    code, text = run("replay", "--config", config, "yard", broken)
    assert code == 1
    assert "cannot be read to its end" in text


def test_a_recording_in_a_codec_nobody_here_decodes_is_told(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, _ = site
    clip = make_clip(tmp_path / "a.avi", 1.0, codec="mpeg4")
    clip.write_bytes(clip.read_bytes().replace(b"FMP4", b"QZ7X"))
    code, text = run("replay", "--config", config, "yard", clip)
    assert code == 1
    assert "cannot be read to its end" in text


def test_times_are_the_recordings_own_in_the_list_in_json_and_in_the_copy(tmp_path: Path) -> None:
    """Black for five seconds is told at five seconds; the copy has its last picture where the recording has it."""
    clip, config = film(tmp_path / "night.ts", [np.zeros((240, 320), np.uint8)] * 80, 10), tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip), "utf-8")
    code, text = run("replay", "--config", config, "--video", tmp_path / "drawn.mp4", "yard", clip)
    assert code == 0, text
    assert text.startswith(f"    5.00 s  +  yard  {say('alert.black', 'en')}"), text
    assert "80 frames, 7.9 s" in text
    said = [json.loads(line) for line in run("replay", "--config", config, "--json", "yard", clip)[1].splitlines()]
    assert (said[0]["kind"], said[0]["up_ms"], said[0]["incident"]) == ("black", 5000, "black-0")
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert (times[0], times[-1]) == pytest.approx((0.0, 7.9), abs=0.01)


@contextmanager
def watched(config: Path) -> Iterator[tuple[str, TextIO]]:
    """`camera watch` in a process of its own: its page's address, and what else it says."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "edge_agent", "--lang", "en", "camera", "watch", "--config", config, "yard"],
        stdout=subprocess.PIPE, text=True,
    ) as agent:  # fmt: skip
        try:
            assert agent.stdout is not None
            page = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{22}/", agent.stdout.readline())
            assert page is not None
            yield page[0], agent.stdout
        finally:
            agent.terminate()
            agent.wait(20)


def test_what_is_seen_live_is_told_with_the_sites_time_of_day(tmp_path: Path) -> None:
    clip, config = film(tmp_path / "night.mp4", [np.zeros((240, 320), np.uint8)] * 80, 10), tmp_path / "agent.toml"
    zone = "Pacific/Kiritimati"  # a day from most machines'
    config.write_text(TOML.format(clip=clip).replace("[uplink]", f'zone = "{zone}"\n\n[uplink]'), "utf-8")
    with watched(config) as (_, said):
        line = said.readline()
        now = datetime.now(ZoneInfo(zone))
    told = re.match(r"(\d\d):(\d\d):(\d\d)  \+  yard  ", line)
    assert told is not None, line
    hours, minutes, seconds = map(int, told.groups())
    ago = (now - now.replace(hour=hours, minute=minutes, second=seconds)) % timedelta(days=1)
    assert ago < timedelta(seconds=20)


@pytest.mark.parametrize("harm", [b"", b"\xff\xd8" + b"no picture" * 20], ids=["nothing", "what does not decode"])
def test_a_camera_that_gives_no_picture_any_more_is_crossed_out_on_its_page(tmp_path: Path, harm: bytes) -> None:
    """And shown again when it does."""
    stills, config = tmp_path / "stills", tmp_path / "agent.toml"
    stills.mkdir()
    still = film_still(stills / "a.jpg")
    config.write_text(TOML.format(clip=stills), "utf-8")
    with watched(config) as (page, _):
        with urllib.request.urlopen(page, timeout=20) as answer:
            text = answer.read().decode()
        assert ('src="stream"' in text, "没有收到图像" in text) == (True, True)
        with urllib.request.urlopen(page + "stream", timeout=20) as stream:
            assert not is_crossed(next_picture(stream))
            still.write_bytes(harm) if harm else still.unlink()
            until(lambda: is_crossed(next_picture(stream)), 30, "the cross")
            film_still(still)
            until(lambda: not is_crossed(next_picture(stream)), 30, "the picture")


LEFT_HALF = "masks = [[0.0, 0.0, 0.5, 0.0, 0.5, 1.0, 0.0, 1.0]]\n"


def masked(picture: np.ndarray) -> bool:
    """Its left half is black, but for what a codec smears over the edge, and its right half is not."""
    middle = picture.shape[1] // 2
    return bool(picture[40:, : middle - 16].max() < 24 and picture[40:, middle + 16 :].mean() > 100)


def test_what_lies_under_masks_is_not_in_the_drawn_copy(tmp_path: Path) -> None:
    clip = film(tmp_path / "day.mp4", [np.full((240, 320), 200, np.uint8)] * 20, 10)
    config = tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip).replace("fps = 10\n", "fps = 10\n" + LEFT_HALF), "utf-8")
    code, text = run("replay", "--config", config, "--video", tmp_path / "drawn.mp4", "yard", clip)
    assert code == 0, text
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        assert all(masked(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0))


def test_the_live_page_is_masked_secret_and_of_this_machine_alone(tmp_path: Path) -> None:
    stills, config = tmp_path / "stills", tmp_path / "agent.toml"
    stills.mkdir()
    film_still(stills / "a.jpg")
    config.write_text(TOML.format(clip=stills).replace("fps = 10\n", "fps = 10\n" + LEFT_HALF), "utf-8")
    with watched(config) as (page, _):
        with urllib.request.urlopen(page + "stream", timeout=20) as stream:
            assert masked(next_picture(stream))
        root = "/".join(page.split("/")[:3])
        for url, host, status in (
            (page, "evil.example", 421), (page + "stream", "evil.example:80", 421), (root + "/", "localhost", 404),
            (root + "/stream", "localhost", 404),
        ):  # fmt: skip
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=20)
            assert refused.value.code == status, url
            with refused.value as answer:
                assert page.split("/")[3] not in answer.read().decode()
        for host in ("localhost:9000", "[::1]:9000"):  # the other end of a tunnel
            asked = urllib.request.Request(page, headers={"Host": host})
            with urllib.request.urlopen(asked, timeout=20) as answer:
                assert "stream" in answer.read().decode()


def film_still(path: Path) -> Path:
    path.write_bytes(cv2.imencode(".jpg", np.full((240, 320, 3), 200, np.uint8))[1].tobytes())
    return path


def next_picture(stream: BinaryIO) -> np.ndarray:
    while not (line := stream.readline()).startswith(b"Content-Length:"):
        assert line
    length = int(line.split(b":")[1])
    stream.readline()
    return cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR)


def is_crossed(bgr: np.ndarray) -> bool:
    blue, green, red = (int(value) for value in bgr[bgr.shape[0] // 2, bgr.shape[1] // 2])
    return red > 150 and blue < 100 and green < 100


@pytest.mark.parametrize(("fps", "slow"), [(5, True), (8, False)])
def test_a_recording_of_a_wall_with_too_few_frames_is_told(tmp_path: Path, fps: int, slow: bool) -> None:
    """Of its own timestamps: however fast it is looked at, the same each time."""
    wall = [picture(n, 272, 480).mean(2).astype(np.uint8) for n in range(16 * fps)]
    clip, config = film(tmp_path / "wall.mp4", wall, fps), tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip) + PORTRAIT, "utf-8")
    answers = [run("replay", "--config", config, "--json", "yard", clip) for _ in range(2)]
    assert answers[0] == answers[1]
    kinds = [(one["rule"], one["kind"]) for one in map(json.loads, answers[0][1].splitlines())]
    assert ("yard", "reduced") not in kinds
    assert (("yard", "too_slow") in kinds) is slow


@pytest.mark.parametrize(("door", "kinds"), [("", ["wrong_way"]), ('door = "gate"', ["crossing", "wrong_way"])])
def test_a_line_before_a_door_tells_each_crossing_whatever_it_watches(
    tmp_path: Path, site: tuple[Path, Path], door: str, kinds: list[str]
) -> None:
    """Tailgating at the door is told by them."""
    _, clip = site
    config = tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip).replace("fps = 10", f"fps = 10\n{door}") + LINE + GATE, "utf-8")
    code, text = run("replay", "--config", config, "--json", "yard", clip)
    assert code == 0, text
    said = [json.loads(line) for line in text.splitlines()]
    begun = [one["kind"] for one in said if one["phase"] == "begun" and one["rule"] == "path"]
    assert sorted(begun) == kinds


def test_a_drawn_copy_can_be_played(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, clip = site
    code, text = run("replay", "--config", config, "--video", tmp_path / "drawn.mp4", "--seconds", "9", "yard", clip)
    assert code == 0, text
    told = re.search(r"([\d.]+) s, looked at in ([\d.]+) s \(([\d.]+) times.* ([\d.]+) s of processor time", text)
    assert told is not None, text
    lasted_s, took_s, speed, cpu_s = (float(number) for number in told.groups())
    assert took_s > cpu_s, "by the clock on the wall, drawing included"
    assert speed == pytest.approx(lasted_s / took_s, rel=0.2)
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == pytest.approx(90, abs=2)


def test_a_copy_that_cannot_be_written_is_told_with_its_reason(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, clip = site
    copies = {tmp_path / "none/x.mp4": "No such file or directory", Path("/dev/full"): "No space left on device"}
    for copy, why in copies.items():
        asked = ("camera", "replay", "--config", config, "--video", copy, "yard", clip)
        done = command.run(tmp_path, *asked, together=True)
        assert done.returncode == 1
        assert f"the copy {copy} cannot be written: {why}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["watch", "--port", "99999", "yard"], "0<=x<=65535"),
        (["watch", "--port", "-5", "yard"], "0<=x<=65535"),
        (["replay", "--seconds", "-3", "yard", __file__], "x>=0"),
        (["replay", "--seconds", "nan", "yard", __file__], "'nan' is not a valid float"),
        (["replay", "--seconds", "inf", "yard", __file__], "'inf' is not a valid float"),
        (["report", "--days", "nan"], "'nan' is not a valid float"),
        (["report", "--days", "inf"], "0.04<=x<=365"),
        (["report", "--days", "-1"], "0.04<=x<=365"),
        (["calibrate", "--page", "--port", "99999", __file__], "0<=x<=65535"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_with_its_limits(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = command.run(tmp_path, "camera", *arguments, together=True)
    assert done.returncode == 2
    assert says in done.stdout


def test_a_port_that_another_program_has_is_said(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, _ = site
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command.run(tmp_path, "camera", "watch", "--config", config, "--port", port, "yard", together=True)
    assert done.returncode == 1
    assert done.stdout.strip() == f"port {port} cannot be used: Address already in use"


def test_a_drawn_copy_writes_over_no_file_least_of_all_its_recording(site: tuple[Path, Path], tmp_path: Path) -> None:
    config, clip = site
    recording, other, link = tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "link.mp4"
    recording.write_bytes(clip.read_bytes())
    other.write_bytes(b"kept")
    link.symlink_to(recording)
    for video in (recording, link, other):
        status, text = run("replay", "--config", config, "--video", video, "yard", recording)
        assert status == 1
        assert say("camera.video_there", "en", file=video) in text
    assert recording.read_bytes() == clip.read_bytes()
    assert other.read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("camera", "content", "says"),
    [("roof", None, "roof"), ("yard", b"no video at all", "broken.mp4 cannot be read to its end")],
)
def test_what_cannot_be_replayed_is_told(
    site: tuple[Path, Path], tmp_path: Path, camera: str, content: bytes | None, says: str
) -> None:
    config, clip = site
    file = clip
    if content is not None:
        file = tmp_path / "broken.mp4"
        file.write_bytes(content)
    code, text = run("replay", "--config", config, camera, file)
    assert code != 0
    assert says in text
    assert "Traceback" not in text
    assert "cameras." not in text, "a sentence, not its code"


def test_a_wall_calibrated_in_another_shape_is_told_and_the_zones_are_watched(
    site: tuple[Path, Path], tmp_path: Path
) -> None:
    _, clip = site
    config = tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip) + PORTRAIT, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "--lang", "zh", "camera", "replay", "--config", config, "yard", clip],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == say(
        "facade.other_frame", "zh", name="office", wide=1080, high=1920, width=WIDTH, height=HEIGHT
    )
    assert "lawn" in done.stdout


def test_without_its_detector_a_recording_is_looked_at_all_the_same_and_that_is_said(
    site: tuple[Path, Path], tmp_path: Path
) -> None:
    _, clip = site
    config = tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip) + '\n[vision]\ndetector = "nope"\n', "utf-8")
    code, text = run("replay", "--config", config, "yard", clip)
    assert code == 0, text
    assert "nope" in text
    assert "lawn" in text


def test_what_is_seen_live_is_a_page_on_this_machine(tmp_path: Path) -> None:
    clip, config = make_clip(tmp_path / "a.mp4", 4.0), tmp_path / "agent.toml"
    config.write_text(TOML.format(clip=clip), "utf-8")
    with watched(config) as (page, _), urllib.request.urlopen(page + "stream", timeout=20) as stream:
        assert stream.readline() == b"--frame\r\n"
        assert next_picture(stream).shape[2] == 3


def test_why_there_is_no_live_picture_is_told_in_the_readers_language(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        url = f"rtsp://127.0.0.1:{taken.getsockname()[1]}/user=admin&password=geheim"
        config.write_text(TOML.replace("file://{clip}", url), "utf-8")
        with subprocess.Popen(
            [sys.executable, "-u", "-m", "edge_agent", "--lang", "zh", "camera", "watch", "--config", config, "yard"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as agent:  # fmt: skip
            try:
                assert agent.stderr is not None
                told = agent.stderr.readline()
            finally:
                agent.terminate()
                agent.wait(20)
    assert "没有图像：连接被拒绝" in told
    assert "geheim" not in told
