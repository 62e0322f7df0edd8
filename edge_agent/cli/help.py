"""`--help` in Chinese: texts of words/help.py, laid out in cells, for a Chinese letter takes two."""

import inspect
from collections.abc import Iterable
from copy import copy

import click
from rich.cells import cell_len

from edge_agent.cli.columns import beside, width, wrap
from edge_agent.cli.speech import language, set_language
from edge_agent.words.help import HELP
from edge_agent.words.usage import HEADINGS, MARKS, USAGE

_LEAST = 24  # cells for what an option means, however long its name is


class InCells(click.HelpFormatter):
    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(width=width() - 2)  # a full stop may hang over

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, USAGE if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{' ' * self.current_indent}{HEADINGS.get(heading, heading)}：\n")

    def write_text(self, text: str) -> None:
        for number, paragraph in enumerate(text.split("\n\n")):
            if number:
                self.write_paragraph()
            for line in wrap(" ".join(paragraph.split()), self.width - self.current_indent):
                self.write(" " * self.current_indent + line + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 26, col_spacing: int = 2) -> None:
        rows = list(rows)
        names = min(max(cell_len(name) for name, _ in rows), col_max)
        left = max(_LEAST, self.width - self.current_indent - names - col_spacing)
        for name, meaning in rows:
            lines = wrap(_marked(HELP.get(meaning, meaning)), left)  # the meaning of --help itself comes from click
            said = [name, *[""] * len(lines)] if cell_len(name) > names else [name]
            pieces = ["", *lines] if cell_len(name) > names else lines
            for line in beside(said[:1] if len(pieces) == 1 else said, pieces, names, col_spacing):
                self.write((" " * self.current_indent + line).rstrip() + "\n")


def _marked(meaning: str) -> str:
    for english, chinese in MARKS.items():
        meaning = meaning.replace(english, chinese)
    return meaning


def begin(lang: str | None) -> None:
    """The language comes before everything else, for everything else may be help."""
    set_language(lang)
    click.Context.formatter_class = InCells if language() == "zh" else click.HelpFormatter


def translated(command: click.Command) -> click.Command:
    """The command with the help of this terminal's language; English where there is no other yet. Always a copy: the
    next one in this process may want another language.
    """
    return _translation(command) if language() == "zh" else command


def _translation(command: click.Command) -> click.Command:
    chinese = copy(command)
    text = inspect.cleandoc(command.help or "")
    if text in HELP:
        chinese.help = HELP[text]
        chinese.short_help = HELP[text].partition("。")[0] + "。"
    chinese.params = [_explained(parameter) for parameter in command.params]
    if isinstance(command, click.Group) and isinstance(chinese, click.Group):
        chinese.commands = {name: _translation(part) for name, part in command.commands.items()}
    return chinese


def _explained(parameter: click.Parameter) -> click.Parameter:
    if not isinstance(parameter, click.Option) or not parameter.help:
        return parameter
    option = copy(parameter)
    option.help = HELP.get(parameter.help, parameter.help)
    return option
