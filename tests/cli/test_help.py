"""`--help` in the language of the terminal, on one as narrow as a phone."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import click
import pytest
from rich.cells import cell_len

from edge_agent.cli import COMMANDS, group
from edge_agent.cli.speech import set_language
from edge_agent.words.help import HELP
from tests.cli.bench import Bench


def texts(command: click.Command) -> Iterator[str]:
    yield inspect.cleandoc(command.help or "")
    yield from (option.help for option in command.params if isinstance(option, click.Option) and option.help)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None
            yield from texts(part)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained_in_chinese(name: str) -> None:
    command = import_module(f"edge_agent.cli.{COMMANDS[name]}").command
    assert [text for text in texts(command) if text not in HELP] == []


def test_every_translation_belongs_to_something() -> None:
    """A sentence that was changed leaves no Chinese behind that nobody sees."""
    set_language("en")  # whatever the test before spoke
    used = {"Show this message and exit.", *texts(group)}
    assert sorted(HELP.keys() - used) == []


@pytest.mark.parametrize(
    "words",
    [("--help",), ("device", "--help"), ("device", "address", "--help"), ("door", "hold", "-h"), ("alarm", "-h")],
)
def test_help_fits_sixty_cells(words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> None:
    bench = Bench(tmp_path_factory.mktemp("help"))
    status, said = bench.run(*words, lang="zh", narrow=True)
    assert (status, "显示本帮助" in said) == (0, True), said
    status, said = bench.run(*words)
    assert "Show this message and exit." in said
    assert all(
        cell_len(letter) < 2 for letter in said if letter not in "社区门禁边缘网关：本地判断、完整留存、上报平台。"
    )


def test_the_locale_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    said = subprocess.run(
        [sys.executable, "-m", "edge_agent", "device", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "网关各端口上的设备" in said
