"""agent.toml with an ID-card reader on the visitor desk and a satellite receiver: lines of their own, no door."""

from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.errors import Problems
from edge_agent.readiness import check_files
from edge_agent.store.pin_index import KEY_FILE

GOOD = """\
[gateway]
id = "G0417"

[uplink]
url = "mqtt://127.0.0.1:1883"

[[link]]
name = "desk-line"
url = "serial:///dev/null"

[[link]]
name = "gps-line"
url = "sim://gps"

[[desk]]
name = "reception"
profile = "id-readers/sdt"
link = "desk-line"

[[sensor]]
name = "position"
profile = "sensors/gps-nmea"
link = "gps-line"
"""


def test_neither_needs_a_door_and_the_desk_needs_the_key_of_its_digests(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD, "utf-8")
    config = load_config(path)
    assert [desk.name for desk in config.desks] == ["reception"]
    assert [sensor.profile for sensor in config.sensors] == ["sensors/gps-nmea"]
    missing = [(problem.at, KEY_FILE in problem.text("en")) for problem in check_files(config, str(path), tmp_path)]
    assert ("desk", True) in missing


WRONG = [
    ("a reader on the desk", "id-readers/sdt", "readers/text-stx", "desk[0].profile", "id-reader"),
    ("a receiver on the desk's line", 'link = "gps-line"', 'link = "desk-line"', "desk[0].link", "one device"),
    ("two at one desk", "[[sensor]]", GOOD[GOOD.index("[[desk]]") : GOOD.index("[[sensor]]")] + "[[sensor]]",
     "desk[1].name", "reception"),
    ("no such line", 'link = "desk-line"', 'link = "line"', "desk[0].link", "desk-line"),
    ("a receiver with an address", 'profile = "sensors/gps-nmea"', 'profile = "sensors/gps-nmea"\naddress = 3',
     "sensor[0].address", "Modbus"),
    ("a receiver on GPIO lines", "sim://gps", "gpio:///dev/gpiochip0", "sensor[0].link", "gpio"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[0] for wrong in WRONG])
def test_a_mistake_is_named_with_its_place(wrong: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    _, good, bad, at, why = wrong
    assert good in GOOD
    path = tmp_path / "agent.toml"
    path.write_text(GOOD.replace(good, bad, 1), "utf-8")
    with pytest.raises(Problems) as caught:
        load_config(path)
    found = [(problem.at, problem.text("en")) for problem in caught.value.problems]
    assert any(place == at and why in said for place, said in found), found
