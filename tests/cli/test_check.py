"""`edge-agent check`: one run says all that is wrong, so that nobody mends one thing at a time."""

from pathlib import Path

import pytest

from edge_agent.cli.check import _of_this_machine
from edge_agent.config import read_config
from tests import command

WRONG = """\
[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "line"
url = "serial:///dev/serial/by-id/none"
[[link]]
name = "chip"
url = "gpio:///dev/gpiochip99"
[[link]]
name = "sim"
url = "sim://r"
[[terminal]]
name = "in"
profile = "readers/osdp-generic"
link = "sim"
address = 1
door = "north"
key_file = "keys/reader.key"
[[camera]]
name = "yard"
url = "file:///no/such/clip.mp4"
use = ["alerts"]
[[door]]
name = "north"
gate = { link = "chip", profile = "gates/gpio-relay-hat-3", relay = 0 }
ways = [["card"], ["face"]]
hold_open = "nobody-knows"
"""
ALL = {
    "door[0].ways": "config.face_without_camera",
    "terminal[0].key_file": "config.key_missing",
    "gateway": "uplink.key_missing",
    "uplink.city_ack_key": "uplink.key_missing",
    "uplink.city_command_key": "uplink.key_missing",
    "link[0].url": "config.device_missing",
    "link[1].url": "gpio.no_chip",
    "camera[0].url": "cameras.file_missing",
}


def found(path: Path) -> dict[str, str]:
    reading = read_config(path)
    return {problem.at: problem.code for problem in (*reading.problems, *_of_this_machine(reading.config, path))}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(WRONG)
    return path


def test_a_door_without_its_camera_hides_nothing(file: Path) -> None:
    """It hid the keys, the port, the chip, the clip and the schedule, each until the one before was mended."""
    assert found(file) == ALL
    status = command.run(file.parent, "check", together=True)
    assert status.returncode == 1
    for at in (*ALL, "door[0].hold_open"):
        assert f"agent.toml: {at}: " in status.stdout
    assert f"{len(ALL) + 1} to mend" in status.stdout


def test_a_table_that_cannot_be_read_hides_nothing_but_what_refers_to_it(file: Path) -> None:
    file.write_text(WRONG.replace('name = "north"', "name = 7"))
    here = {at: code for at, code in ALL.items() if at not in {"door[0].ways", "terminal[0].key_file"}}
    assert found(file) == here | {"door[0].name": "config.wrong_type"}


def test_an_uplink_that_cannot_be_read_names_no_keys(file: Path) -> None:
    """Which files it would have named is not known."""
    file.write_text(WRONG.replace('url = "mqtt://127.0.0.1:1"', "url = 1"))
    assert {at for at in found(file) if at.startswith("uplink")} == {"uplink.url"}


@pytest.mark.parametrize(
    ("good", "bad", "at"),
    [
        ("serial:///dev/serial/by-id/none", "nonsense", "link[0].url"),
        ("gates/gpio-relay-hat-3", "gates/none", "door[0].gate.profile"),
        ("gates/gpio-relay-hat-3", "gates/sim", "door[0].gate.link"),
        ("readers/osdp-generic", "readers/none", "terminal[0].profile"),
        ("file:///no/such/clip.mp4", "rtsp://[", "camera[0].url"),
        ("file:///no/such/clip.mp4", "v4l2:///dev/video0?size=x", "camera[0].url"),
        ('id = "G1"', 'id = "G1"\nzone = "Mars/North"', "gateway.zone"),
    ],
)
def test_what_is_no_url_or_no_profile_ends_no_search(file: Path, good: str, bad: str, at: str) -> None:
    file.write_text(WRONG.replace(good, bad))
    places = found(file)
    assert at in places
    assert {"link[1].url", "uplink.city_ack_key"} <= places.keys()
    assert command.run(file.parent, "check", together=True).returncode == 1
