"""`edge-agent device` and `profile` as an installer types them, on a terminal 60 columns wide, in both languages."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.drivers.link import open_link
from edge_agent.drivers.profiles import load_profile
from edge_agent.protocols.capture import FIRST, read_capture
from edge_agent.words import LANGUAGES
from tests.cli.bench import Bench
from tests.drivers.rig import Device, simulated
from tests.waiting import until

SHIPPED = Path(__file__).parents[2] / "device_profiles"
FRAMES = ["02 30 30 30 30 30 41 42 43 44 45 46 37 03", "02 30 31 32 33 34 35 36 37 38 39 30 31 03"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def reader(bench: Bench) -> Iterator[Device]:
    with simulated("textreader", bench.sim / "side") as device:
        yield device


class Cards:
    """A resident who shows one card after another while the command runs."""

    def __init__(self, reader: Device) -> None:
        self._reader, self._stop = reader, threading.Event()
        self._thread = threading.Thread(target=self._show)

    def _show(self) -> None:
        number = 0
        while not self._stop.wait(0.2):
            number += 1
            self._reader.tell("card", number=f"0000ABCD{number % 90 + 10}")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_list_says_what_is_missing_in_a_narrow_terminal(lang: str, bench: Bench) -> None:
    status, said = bench.run("device", "list", lang=lang)
    assert status == 0
    assert "side-in (north)" in said
    document = json.loads(bench.run("device", "list", "--json")[1])
    assert {one["link"] for one in document["missing"]} == {"side", "gate"}
    with (bench.folder / "agent.toml").open("a") as file:
        file.write('[[camera]]\nname = "desk"\nurl = "v4l2:///dev/v4l/by-id/usb-none"\nuse = ["alerts"]\n')
    status, said = bench.run("device", "list", lang=lang)
    assert status == 0
    assert "/dev/v4l/by-id/usb-none" in said
    assert "desk" in said
    assert document["agent_running"] is False
    (bench.folder / "agent.toml").write_text("[gateway]\nid = 1\n")
    status, said = bench.run("device", "list", lang=lang, narrow=True)
    assert status == 0
    assert "agent.toml" in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sniff_fits_sixty_columns_with_bytes_and_meaning(lang: str, bench: Bench, reader: Device) -> None:
    with Cards(reader):
        for more in (["--profile", "readers/text-stx"], []):
            status, said = bench.run("device", "sniff", "side", "--for", "1500ms", *more, lang=lang, narrow=True)
            assert status == 0
            assert re.search(r"\d\d:\d\d:\d\d\.\d{3} < 02 30 30", said)
            assert "number=0000ABCD" in said or not more
    assert reader.said("received") == []  # nothing was sent


def test_sniff_of_a_silent_line_says_what_to_look_at(bench: Bench, reader: Device) -> None:
    status, said = bench.run("device", "sniff", "side", "--for", "100ms", narrow=True)
    assert (status, "A/B" in said) == (0, True)


def test_from_recording_to_a_profile_that_holds(bench: Bench, reader: Device) -> None:
    with Cards(reader):
        status, said = bench.run("device", "record", "side", "c.txt", "--for", "2s", "--comment", "two\ncards")
    assert status == 0, said
    capture = read_capture((bench.folder / "c.txt").read_text(), "c.txt")
    assert len(capture.chunks) >= 2
    assert (capture.settings["baud"], capture.settings["comment"]) == ("9600", "two cards")
    assert (bench.folder / "c.txt").stat().st_mode & 0o777 == 0o600
    status, said = bench.run("device", "record", "side", "c.txt", "--for", "100ms")
    assert (status, "already" in said) == (1, True)
    status, said = bench.run("device", "replay", "c.txt", "--fast", "--profile", "readers/text-stx", narrow=True)
    assert said.count("number=0000ABCD") == len(capture.chunks)
    for lang in LANGUAGES:
        status, said = bench.run(
            "profile", "new", "--from-capture", "c.txt", "--id", f"readers/acme-{lang}", lang=lang, narrow=True
        )
        assert status == 0, said
        assert "xor" in said
    drafts = sorted((bench.folder / "device_profiles/readers").glob("*.toml"))
    status, said = bench.run("profile", "check", *drafts)
    assert (status, said.count("good")) == (0, 2)
    status, said = bench.run("profile", "new", "--from-capture", "c.txt", "--id", "readers/acme-en")
    assert (status, "already" in said) == (1, True)


def test_a_recording_plays_to_whoever_opens_the_pty(bench: Bench) -> None:
    lines = "".join(f"{n * 0.1:.3f} < {frame}\n" for n, frame in enumerate(FRAMES))
    (bench.folder / "c.txt").write_text(f"{FIRST}\n{lines}0.5 > 02 47 47 03\n")
    command = [sys.executable, "-m", "edge_agent", "device", "replay", "c.txt", "--pty", "dev", "--after", "100ms"]
    with subprocess.Popen(command, cwd=bench.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as playing:
        until((bench.folder / "dev").is_symlink, 20)
        port = open_link(f"serial://{bench.folder / 'dev'}", bench.folder)
        got = b""
        wanted = bytes.fromhex("".join(FRAMES))

        def read() -> bool:
            nonlocal got
            got += port.read()
            return got == wanted

        until(read)
        assert playing.wait(20) == 0
        port.close()
    assert not (bench.folder / "dev").exists()


def test_a_replay_that_nobody_hears_to_the_end_says_so(bench: Bench) -> None:
    (bench.folder / "c.txt").write_text(f"{FIRST}\n0 < 01\n60 < 02\n")
    command = [sys.executable, "-m", "edge_agent", "device", "replay", "c.txt", "--pty", "dev", "--after", "1ms"]
    with subprocess.Popen(command, cwd=bench.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as playing:
        until((bench.folder / "dev").is_symlink, 20)
        port = open_link(f"serial://{bench.folder / 'dev'}", bench.folder)
        until(port.read)
        port.close()
        assert playing.wait(20) == 1
        assert playing.stdout is not None
        assert b"went away" in playing.stdout.read()


def test_a_door_moves_only_after_a_yes(bench: Bench) -> None:
    with simulated("gate", bench.sim / "gate", "--travel-ms", "50", "--open-ms", "100") as gate:
        for said, wanted in (("n\n", 1), ("", 1)):
            status, output = bench.run("device", "test", "north", said=said)
            assert status == wanted, output
            assert gate.said("relay") == []
        status, output = bench.run("device", "test", "north", said="y\n", lang="zh")
        assert status == 0, output
        assert "继电器吸合" in output
        assert gate.said("relay") == ["on", "off"]
        gate.tell("mute", on=True)
        status, output = bench.run("device", "test", "north", "--yes")
        assert status == 1
        assert "not there" in output


def test_a_terminal_is_tried_with_everything_it_can_show(bench: Bench, reader: Device) -> None:
    shows = len(load_profile("readers/text-stx").feedback)
    with Cards(reader):
        status, said = bench.run("device", "test", "side-in", said="y\n" * shows)
    assert status == 0, said
    assert "card read, 40 bits" in said
    assert "0000ABCD" not in said
    assert "".join(reader.said("received")).startswith("02474703" + "02444403")
    status, said = bench.run("device", "test", "side-in", "--card-within", "0", said="y\nn\n" + "y\n" * (shows - 2))
    assert status == 1
    status, said = bench.run("device", "test", "nobody")
    assert (status, "side-in, north" in said) == (1, True)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    "arguments",
    [
        ["device", "probe", "ttyUSB77"],
        ["device", "probe", "serial://x"],
        ["device", "sniff", "side", "--for", "soon"],
        ["device", "sniff", "side", "--profile", "readers/none"],
        ["device", "sniff", "side"],
        ["device", "record", "side", "nowhere/f.txt"],
        ["device", "replay", "nothing.txt"],
        ["device", "replay", "agent.toml"],
        ["device", "test", "nobody"],
        ["profile", "show", "readers/none"],
        ["profile", "check", "nothing.toml"],
        ["profile", "new", "--from-capture", "nothing.txt", "--id", "readers/x"],
        ["profile", "new", "--from-capture", "agent.toml", "--id", "../x"],
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_said_in_words(lang: str, arguments: list[str], bench: Bench) -> None:
    status, said = bench.run(*arguments, lang=lang)
    assert status == 1, said
    assert bool(re.search(r"[\u4e00-\u9fff]", said)) is (lang == "zh"), said


def test_check_tells_every_mistake_with_its_line(bench: Bench) -> None:
    text = (SHIPPED / "readers/text-stx.toml").read_text("utf-8")
    good = bench.folder / "readers/text-stx.toml"
    good.parent.mkdir()
    good.write_text(text)
    bad = bench.folder / "bad.toml"
    changed = text.replace("baud = 9600", 'baud = "fast"').replace("start = 0x02", "start = 700")
    changed = changed.replace('as = "ascii-hex"', 'as = "bcdx"').replace('when = "denied"', 'when = "shut"')
    bad.write_text(changed + "\n[surprise]\nx = 1\n")
    status, said = bench.run("profile", "check", good, bad)
    assert status == 1
    lines = changed.splitlines()

    def line(part: str) -> int:
        return next(number for number, text in enumerate(lines, 1) if part in text)

    for part, place in (
        ('baud = "fast"', "link.baud"), ("start = 700", "framing.start"),
        ("bcdx", "message[0].fields[0].as"), ('when = "shut"', "feedback[1].when"),
    ):  # fmt: skip
        assert f"bad.toml:{line(part)}: {place}: " in said, said
    assert f"bad.toml:{len(lines) + 2}: unknown field `surprise`" in said
    assert f"{good}: good, 3 examples" in said
    assert "1 of 2" in said
    status, said = bench.run("profile", "check", bad, lang="zh")
    assert "应为 int" in said


def test_profiles_are_listed_and_shown(bench: Bench) -> None:
    status, said = bench.run("profile", "list", narrow=True)
    assert (status, "readers/osdp-generic" in said) == (0, True)
    for lang in LANGUAGES:
        status, said = bench.run("profile", "show", "gates/sim", lang=lang)
        assert (status, "pulse" in said) == (0, True)


def test_help_names_each_part_once(bench: Bench) -> None:
    status, said = bench.run("device", "--help")
    assert status == 0
    for part in ("list", "probe", "sniff", "record", "replay", "test", "address", "osdp-provision"):
        assert re.search(rf"^  {part} ", said, re.MULTILINE)
        assert bench.run("device", part, "--help")[0] == 0
