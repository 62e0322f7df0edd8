"""agent.toml with GPIO gates and with terminals that call: what goes together, and what does not."""

from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.drivers.link import LinkUrl, parse_link_url
from edge_agent.errors import EdgeAgentError, Problems

GOOD = """\
[gateway]
id = "G0417"
site = "estate"
[uplink]
url = "mqtt://127.0.0.1:1883"

[[link]]
name = "pins"
url = "gpio://pinctrl-bcm2711"
[[link]]
name = "lan"
url = "push://192.168.40.1:8460"
[[link]]
name = "line"
url = "sim://reader"

[[terminal]]
name = "north-face"
profile = "terminals/face-push-list"
link = "lan"
door = "north"
secret_file = "north.secret"
[[terminal]]
name = "south-face"
profile = "terminals/face-push-flat"
link = "lan"
door = "south"
secret_file = "south.secret"
[[terminal]]
name = "north-card"
profile = "readers/text-stx"
link = "line"
door = "north"

[[door]]
name = "north"
gate = { link = "pins", profile = "gates/gpio-direct", lines = { relay = "GPIO26", contact = 5, exit = "GPIO6" } }
ways = [["card"], ["face"]]
[[door]]
name = "south"
gate = { link = "pins", profile = "gates/gpio-relay-hat-3", relay = 1, lines = { contact = 7 } }
ways = [["card"], ["face"]]
"""


def found(folder: Path, old: str = "", new: str = "") -> list[tuple[str, str]]:
    assert not old or GOOD.count(old) == 1
    for name in ("north", "south"):
        (folder / f"{name}.secret").write_text("0123456789abcdef\n")
    (folder / "short.secret").write_text("hunter2\n")
    path = folder / "agent.toml"
    path.write_text(GOOD.replace(old, new) if old else GOOD)
    try:
        load_config(path)
    except Problems as error:
        return [(problem.at, problem.code) for problem in error.problems]
    return []


def test_several_doors_on_one_chip_and_several_terminals_on_one_address(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    config = load_config(tmp_path / "agent.toml")
    assert config.doors[0].gate.lines is not None
    assert (config.doors[0].gate.lines.relay, config.doors[0].gate.lines.contact) == ("GPIO26", 5)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('relay = "GPIO26"', 'relay = "GPIO20"', ("door[1].gate", "gpio.twice")),
        ("contact = 7", "contact = 5", ("door[1].gate", "gpio.twice")),
        ('relay = "GPIO26", ', "", ("door[0].gate", "gpio.unnamed")),
        ("relay = 1", "relay = 3", ("door[1].gate", "gpio.unnamed")),
        ("contact = 7", "contact = 4.5", ("door[1].gate.lines.contact", "config.wrong_type")),
        ("contact = 7", "kontakt = 7", ("door[1].gate.lines", "config.unknown_key")),
        ("relay = 1", "relay = 1, supervised = true", ("door[1].gate", "devices.gate_lacks")),
        ('url = "gpio://pinctrl-bcm2711"', 'url = "serial:///dev/ttyS0"', ("door[0].gate.link", "config.link_kind")),
        ('profile = "gates/gpio-direct"', 'profile = "gates/sim"', ("door[0].gate.link", "config.link_kind")),
        ('"push://192.168.40.1:8460"', '"tcp://192.168.40.1:8460"', ("terminal[0].link", "config.link_kind")),
        ('link = "line"', 'link = "lan"', ("terminal[2].link", "config.link_mixed")),
        ('secret_file = "north.secret"\n', "", ("terminal[0].secret_file", "push.no_secret")),
        ('"north.secret"', '"none.secret"', ("terminal[0].secret_file", "push.bad_secret")),
        ('"north.secret"', '"short.secret"', ("terminal[0].secret_file", "push.bad_secret")),
        ('link = "line"\ndoor = "north"', 'link = "line"\ndoor = "south"', ("door[0].ways", "config.face_only")),
    ],
)
def test_what_does_not_go_together_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, problem: tuple[str, str]
) -> None:
    assert problem in found(tmp_path, old, new)


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("gpio:///dev/gpiochip0", LinkUrl("gpio", path="/dev/gpiochip0")),
        ("gpio://pinctrl-bcm2711", LinkUrl("gpio", path="pinctrl-bcm2711")),
        ("gpio://1-0020", LinkUrl("gpio", path="1-0020")),
        ("push://192.0.2.1:8460", LinkUrl("push", host="192.0.2.1", port=8460)),
        ("push://:8460", LinkUrl("push", host="127.0.0.1", port=8460)),
        ("push://[fd00::1]:8460", LinkUrl("push", host="fd00::1", port=8460)),
    ],
)
def test_links(url: str, link: LinkUrl) -> None:
    assert parse_link_url(url) == link


@pytest.mark.parametrize(
    "url",
    [
        "gpio://", "gpio:///etc/passwd", "gpio:///dev/gpiochip0?x=1", "gpio://a b",
        "push://0.0.0.0:8460", "push://[::]:8460", "push://192.0.2.1", "push://gateway:8460", "push://192.0.2.1:99999",
        "push://192.0.2.1:8460/path", "push://me@192.0.2.1:8460", "push://224.0.0.1:80",
    ],
)  # fmt: skip
def test_links_that_name_nothing_or_everything_are_refused(url: str) -> None:
    with pytest.raises(EdgeAgentError) as refused:
        parse_link_url(url)
    assert refused.value.code in ("gpio.link", "push.link")
