"""`--help` in the language of the terminal, on one as narrow as a phone."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from rich.cells import cell_len

from edge_agent.cli import COMMANDS, group
from edge_agent.cli.speech import set_language
from edge_agent.cli.usage import chinese
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch",), "错误：没有命令 'nosuch'。"),
        (("--nope",), "错误：没有选项 '--nope'。"),
        (("door", "opn"), "错误：没有命令 'opn'。是否想输入 'open'？"),
        (("door", "open"), "错误：缺少参数 'DOOR'。"),
        (("door", "open", "a", "b"), "错误：多余的参数：b"),
        (("door", "hold", "a", "--for"), "错误：选项 '--for' 需要一个值。"),
        (("demo", "--broker", "x"), "错误：'--broker' 的值无效：'x' 不是可选值 'auto', 'mosquitto', 'embedded' 之一。"),
    ],
)
def test_a_mistyped_command_is_told_in_chinese(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    status, whole = bench.run(*words, lang="zh")
    assert (status, whole.splitlines()[-1]) == (2, said)
    assert not re.search(r"Usage|Error|Try", whole)
    status, whole = bench.run(*words)
    assert status == 2
    assert whole.splitlines()[-1].startswith("Error: ")


def test_every_sentence_of_click_that_a_user_can_cause_is_known() -> None:
    """A new version of click with other words is noticed."""
    not_caused = (  # mistakes of developers, parts of sentences, headings and marks
        "Could not determine", "No options defined", "Name '", "Boolean option", "Arguments take", "Value must",
        "DeprecationWarning", "Missing {param_type}", "Missing parameter", "Invalid start", "unknown error", "Error: ",
        "Try '", "Could not open", "Positional arguments", "env var: ", "default: ",
        "{name} {filename!r} does not exist.",
    )  # fmt: skip
    unknown = []
    for module in ("exceptions", "parser", "types", "core"):
        for call in ast.walk(ast.parse(inspect.getsource(import_module(f"click.{module}")))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"_", "ngettext"}:
                sentences = [
                    one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
                ]
                unknown += [
                    text
                    for text in sentences
                    if " " in text and not text.startswith(not_caused)
                    and chinese(re.sub(r"\{[^}]*\}", "X", text) + ("" if text[-1] in ".?)}" else " X.")).isascii()
                ]  # fmt: skip
    assert unknown == [], unknown
    assert chinese("Invalid value for 'X': Directory 'a b' does not exist.") == "'X' 的值无效：目录 'a b' 不存在。"


def test_the_locale_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    said = subprocess.run(
        [sys.executable, "-m", "edge_agent", "device", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "网关各端口上的设备" in said
