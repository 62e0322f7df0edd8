"""A bar on standard error while PINs are hashed."""

import sys
from collections.abc import Callable
from contextlib import ExitStack

import click

from edge_agent.cli.speech import words
from edge_agent.store.entries import Progress


def hashing(shown: ExitStack) -> Progress | None:
    """Begins with the first PIN and ends with `shown`; None where nobody looks."""
    if not sys.stderr.isatty():
        return None
    advance: list[Callable[[int], None]] = []

    def progress(done: int, total: int) -> None:
        if not advance:
            bar = click.progressbar(length=total, label=words("cli.hashing"), file=sys.stderr)
            advance.append(shown.enter_context(bar).update)
        advance[0](1)

    return progress
