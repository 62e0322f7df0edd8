"""A bar on standard error for what takes a while."""

import sys
from collections.abc import Callable
from contextlib import ExitStack

import click

from edge_agent.store.entries import Progress


def bar(shown: ExitStack, label: str) -> Progress | None:
    """Begins with the first word of how far it is and ends with `shown`; None where nobody looks."""
    if not sys.stderr.isatty():
        return None
    advance: list[Callable[[int], None]] = []
    before = 0

    def progress(done: int, total: int) -> None:
        nonlocal before
        if not advance:
            drawn = click.progressbar(length=total, label=label, file=sys.stderr)
            advance.append(shown.enter_context(drawn).update)
        advance[0](done - before)
        before = done

    return progress
