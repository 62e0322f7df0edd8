"""agent.toml with a Modbus line: several doors and sensors on it, each with its own relay or address."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.errors import Problem, Problems

GOOD = """\
[gateway]
id = "G0417"

[uplink]
url = "mqtt://127.0.0.1:1883"

[[link]]
name = "bus"
url = "serial:///dev/null?baud=9600"

[[link]]
name = "other"
url = "sim://other"

[[door]]
name = "a"
gate = { link = "bus", profile = "gates/waveshare-8d", address = 1, relay = 0, contact = 0, exit = 1 }

[[door]]
name = "b"
gate = { link = "bus", profile = "gates/waveshare-8d", address = 1, relay = 1, contact = 2, exit = 3 }

[[door]]
name = "c"
gate = { link = "bus", profile = "gates/lctech-8", relay = 1, fail = "safe", inverted = ["exit"], exit = 0 }

[[door]]
name = "d"
gate = { link = "other", profile = "gates/sim", relay = 0, contact = 0 }

[[sensor]]
name = "vapour"
profile = "sensors/vapour-lel"
link = "bus"
place = "rear of the bus"

[[sensor]]
name = "hatch"
profile = "sensors/loop-12bit"
link = "bus"
door = "a"
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def writing(text: str) -> Path:
        path = tmp_path / "agent.toml"
        path.write_text(text, "utf-8")
        return path

    return writing


def problems(path: Path) -> list[Problem]:
    with pytest.raises(Problems) as caught:
        load_config(path)
    return caught.value.problems


def test_several_doors_and_sensors_on_one_line(write: Callable[[str], Path]) -> None:
    config = load_config(write(GOOD))
    assert [door.gate.relay for door in config.doors] == [0, 1, 1, 0]
    assert [sensor.name for sensor in config.sensors] == ["vapour", "hatch"]
    assert config.doors[2].gate.contact is None


WRONG = [
    ("one relay for two doors", "address = 1, relay = 1", "address = 1, relay = 0", "door[1].gate.relay", "`a`"),
    ("a sensor at a board's address", 'place = "rear', 'address = 1\nplace = "rear', "sensor[0].address", "door `a`"),
    ("two sensors at one address", 'door = "a"', "address = 3", "sensor[1].address", "sensor `vapour`"),
    (
        "two models at one address",
        'gates/lctech-8"',
        'gates/lctech-8", address = 1',
        "door[2].gate.address",
        "door `a`",
    ),
    ("a text board on the bus", 'link = "other", profile', 'link = "bus", profile', "door[3].gate.link", "modbus"),
    ("an address the device cannot have", "address = 1, relay = 0", "address = 248, relay = 0", "door[0].gate", "247"),
    ("an input the board has not", "exit = 1 }", "exit = 9 }", "door[0].gate", "0 to 7"),
    ("a sensor at no door", 'door = "a"', 'door = "z"', "sensor[1].door", "z"),
    ("a gate for a sensor", "sensors/loop-12bit", "gates/lctech-8", "sensor[1].profile", "sensor"),
    (
        "Modbus words for another board",
        'gates/sim", relay = 0',
        'gates/sim", address = 2, relay = 0',
        "door[3].gate.address",
        "Modbus",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[0] for wrong in WRONG])
def test_a_mistake_is_named_with_its_place(wrong: tuple[str, str, str, str, str], write: Callable[[str], Path]) -> None:
    _, good, bad, at, why = wrong
    assert good in GOOD
    found = problems(write(GOOD.replace(good, bad, 1)))
    assert [(problem.at, why in problem.text("en")) for problem in found] == [(at, True)], [p.text("en") for p in found]
