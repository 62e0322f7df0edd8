"""What the commands for the guards' desk share: an order to the running agent, and how its answer is shown."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from edge_agent.cli.operate import who
from edge_agent.cli.options import state_directory
from edge_agent.cli.speech import words
from edge_agent.config import load_config
from edge_agent.console.control import operate
from edge_agent.drivers.clock import SystemClock
from edge_agent.errors import VisitError
from edge_agent.model.commands import Operation
from edge_agent.model.site import Policy
from edge_agent.store.entries import read_instant


class Office:
    """The running agent, and the site's zone."""

    def __init__(self, config: Path, state: Path | None, by: str | None = None) -> None:
        loaded = load_config(config)
        self.zone = ZoneInfo(loaded.gateway.zone)
        self.site, self.by, self.policy = loaded.gateway.id, who(by), loaded.policy
        self._socket = state_directory(config, state) / "run/control.sock"

    def order(self, verb: str, **args: Any) -> Any:
        """What came of it; what was not given is left out. Raises EdgeAgentError."""
        given = {name: value for name, value in args.items() if value not in (None, "", ())}
        done = operate(self._socket, Operation(verb, self.by, args=given))
        if not done.good:
            raise VisitError(done.code, **done.fields)
        return done.answer

    def time(self, ms: int | None) -> str:
        return "" if ms is None else datetime.fromtimestamp(ms / 1000, self.zone).strftime("%Y-%m-%d %H:%M")

    def instant(self, text: str, option: str, days: int) -> int | None:
        return read_instant(text, self.zone, option, days=days) if text else None


def doubt_clock(policy: Policy) -> None:
    """On standard error: a pass that is given now will be refused, for all that this machine knows of its clock."""
    if policy.untrusted_clock == "deny_timed" and not SystemClock().now().trusted:
        click.echo(words("store.pass_clock"), err=True)


def table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns as wide as what stands in them; a Chinese letter takes two cells."""
    from rich.cells import cell_len

    plain = [[printable(text) for text in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*plain, strict=True)]
    for row in plain:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def printable(text: str) -> str:
    """What visitors wrote, without control characters of a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
