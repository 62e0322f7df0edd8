"""A mistyped command in Chinese: click's own sentences are recognised and said again; an unknown one stays English."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

import click

from edge_agent.cli.speech import language
from edge_agent.words.usage import ABORTED, ERROR, SENTENCES, TRY

_FIELD = r"\\\{(\w+)\\\}"


class Misused(click.UsageError):
    """The same mistake, `message` in Chinese."""

    def show(self, file: IO[Any] | None = None) -> None:
        if self.ctx is not None:
            click.echo(self.ctx.get_usage(), file, err=True)
            option = self.ctx.help_option_names[-1]
            click.echo(TRY.format(command=self.ctx.command_path, option=option) + "\n", file, err=True)
        click.echo(ERROR.format(message=self.message), file, err=True)


@contextmanager
def in_words() -> Iterator[None]:
    """What ends a command early is said in Chinese, too: a mistake in what was typed, Ctrl-C."""
    try:
        yield
    except (click.Abort, KeyboardInterrupt):
        if language() != "zh":
            raise
        click.echo(f"\n{ABORTED}", err=True)
        raise SystemExit(1) from None
    except click.UsageError as error:
        if language() != "zh" or type(error).show is not click.UsageError.show:  # the latter: a group's help
            raise
        raise Misused(chinese(error.format_message()), error.ctx) from None


@cache
def _known() -> list[tuple[re.Pattern[str], str]]:
    """Compiled for a mistake only: it is a fiftieth of any command's start."""
    return [
        (re.compile(re.sub(_FIELD, r"(?P<\1>.*?)", re.escape(english)), re.DOTALL), said)
        for english, said in SENTENCES.items()
    ]


def chinese(message: str) -> str:
    text = message.strip()
    for known, said in _known():
        if found := known.fullmatch(text):
            return said.format(**{name: chinese(value) for name, value in found.groupdict().items()})
    return text
