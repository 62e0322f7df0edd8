"""The language of the terminal, and how a sentence gets there."""

import os
import sys
from typing import Any

import click

from edge_agent.errors import EdgeAgentError
from edge_agent.words import say

_language = "en"


def set_language(chosen: str | None) -> None:
    """`chosen`, or the locale's: LC_ALL, LC_MESSAGES, LANG in that order, as everywhere."""
    global _language
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    _language = chosen or ("zh" if locale.lower().startswith("zh") else "en")


def language() -> str:
    return _language


def words(code: str, **fields: Any) -> str:
    return say(code, _language, **fields)


def tell(code: str, **fields: Any) -> None:
    """One sentence on standard output."""
    click.echo(words(code, **fields))


def complain(error: EdgeAgentError) -> None:
    """An error on standard error, each problem on a line of its own; before a person's eyes wrapped between words."""
    from edge_agent.cli.columns import width, wrap  # which speaks by this module

    seen = sys.stderr.isatty()
    for line in error.text(_language).splitlines():
        for piece in wrap(line, width()) if seen else [line]:
            click.secho(piece, fg="red" if seen else None, err=True)
