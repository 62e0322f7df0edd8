"""`edge-agent visit blacklist`: who is not let in, and why."""

from pathlib import Path
from typing import Any

import click
import msgspec

from edge_agent.cli.office import table
from edge_agent.cli.operate import BY
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import tell
from edge_agent.cli.visit_desk import Desk
from edge_agent.model.visits import Bar


@click.group("blacklist")
def blacklist() -> None:
    """Who is not let in; never shown to visitors."""


@blacklist.command("add")
@click.option("--number", default="", help="Number of an identity document.")
@click.option("--phone", default="", help="Phone number.")
@click.option("--plate", default="", help="Number plate.")
@click.option("--visit", default="", help="Whoever came on this visit.")
@click.option("--reason", required=True, help="Why; for guards only.")
@click.option("--until", default="", help="Last day (inclusive) or instant, local time. Default: until taken back.")
@BY
@STATE
@CONFIG
def bar(config: Path, state: Path | None, by: str | None, until: str, **rest: Any) -> None:
    """Put somebody on the blacklist."""
    desk = Desk(config, state, by)
    made = msgspec.convert(desk.about("bar", until_ms=desk.instant(until, "--until", 1), **rest), Bar)
    tell("visit.done.bar", bar=made.id, label=made.label)


@blacklist.command("remove")
@click.argument("entry")
@BY
@STATE
@CONFIG
def unbar(config: Path, state: Path | None, by: str | None, entry: str) -> None:
    """Take ENTRY off the blacklist."""
    Desk(config, state, by).about("unbar", bar=entry)
    tell("visit.done.unbar", bar=entry)


@blacklist.command("list")
@STATE
@CONFIG
def bars(config: Path, state: Path | None) -> None:
    """Who is on the blacklist, why and until when."""
    desk = Desk(config, state)
    found = msgspec.convert(desk.about("bars"), list[Bar])
    if found:
        table([(one.id, one.kind, one.label, one.reason, desk.time(one.until_ms), one.by) for one in found])
    else:
        tell("visit.list.no_bars")
