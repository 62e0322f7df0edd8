"""What the documents say exists, and what exists is in the documents."""

import re
from pathlib import Path

import pytest

from edge_agent.cli import COMMANDS, reference
from edge_agent.drivers.profiles import profile_ids
from edge_agent.model.events import EVENTS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/decisions").glob("*.md"))]


@pytest.mark.parametrize("page", ["commands", "configuration", "events"])
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
