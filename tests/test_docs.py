"""What the documents say exists, and what exists is in the documents."""

import re
from pathlib import Path
from shutil import copy

import pytest

from edge_agent.cli import COMMANDS, reference
from edge_agent.drivers.profiles import profile_ids
from edge_agent.model.events import EVENTS
from tests.command import run

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/decisions").glob("*.md"))]


# What the examples of a page take for granted: a gateway that is set up, and what they name.
GATEWAY = """
[gateway]
id = "G0417"
[uplink]
url = "mqtt://127.0.0.1:1883"
"""
LINK = """
[[link]]
name = "gate-line-2"
url = "sim://gate-2"
"""
CAMERA = """
[[camera]]
name = "north-face"
url = "rtsp://192.0.2.11/sub"
use = ["alerts"]
"""
DAYTIME = """
[[schedule]]
id = "daytime"
spans = [{ start = "08:00", end = "18:00" }]
"""


@pytest.mark.parametrize(("page", "given"), [("cameras", LINK), ("cameras-zones", CAMERA)])
def test_check_accepts_what_the_pages_about_cameras_show(tmp_path: Path, page: str, given: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text("utf-8")
    shown = [one for one in re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if one.startswith("[[")]
    assert shown
    (tmp_path / "agent.toml").write_text("\n".join((GATEWAY, given, *shown)), "utf-8")
    run(tmp_path, "keys", "init")
    for key in ("city-ack", "city-command"):
        copy(tmp_path / "keys/gateway.pub", tmp_path / f"keys/{key}.pub")
    for login in re.findall(r'login_file = "(.+?)"', "".join(shown)):
        (tmp_path / login).write_text("guard:secret\n", "utf-8")
        (tmp_path / login).chmod(0o600)
    (tmp_path / "daytime.toml").write_text(DAYTIME, "utf-8")
    assert run(tmp_path, "access", "import", "daytime.toml").returncode == 0
    checked = run(tmp_path, "check", together=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("page", ["commands", "configuration", "events", "reasons"])
def test_the_reference_is_current(page: str) -> None:
    """`make schema` writes it from the code."""
    written = (ROOT / f"docs/reference/{page}.md").read_text("utf-8")
    assert written == getattr(reference, page)().rstrip() + "\n"


def test_every_event_command_and_profile_is_in_a_document() -> None:
    events = (ROOT / "docs/reference/events.md").read_text("utf-8")
    commands = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8") + (ROOT / "docs/devices.md").read_text("utf-8")
    assert all(f"`{event.tag}`" in events for event in EVENTS)
    assert all(f"edge-agent {command}" in commands for command in COMMANDS)
    assert all(f"`{profile}`" in readme for profile in profile_ids())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readme_names_only_commands_and_targets_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    for target in re.findall(r"^make (\w+)", readme, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for line in re.findall(r"edge-agent ((?:people|face|keys|city|events) \w+|init|check|run|demo)", readme):
        assert f"`edge-agent {line}`" in commands, line
    assert len(readme.splitlines()) < 150


def test_every_target_that_is_named_anywhere_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    places = [*PAGES, *(ROOT / "bench").glob("*.py"), *(ROOT / "tests").rglob("*.py")]
    named = {name for place in places for name in re.findall(r"`make\s+([a-z][a-z0-9-]*)", place.read_text("utf-8"))}
    assert {"bench-vision", "test", "faults"} <= named
    assert named <= targets


def test_every_option_the_readme_shows_exists() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    for line in re.findall(r"^edge-agent .*$", readme, re.MULTILINE):
        for option in re.findall(r" (--[a-z-]+)", line.split("#")[0]):
            assert f"`{option}" in commands or f", {option}" in commands, (line, option)
