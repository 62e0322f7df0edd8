"""`edge-agent duty`: guards check in and out."""

from pathlib import Path

import click

from edge_agent.cli.office import Office, table
from edge_agent.cli.operate import BY
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import tell


@click.group("duty")
def command() -> None:
    """Who is on duty. The agent must be running."""


@command.command("begin")
@click.argument("post", default="")
@BY
@STATE
@CONFIG
def begin(config: Path, state: Path | None, by: str | None, post: str) -> None:
    """Check in, at POST."""
    office = Office(config, state, by)
    office.order("duty.begin", post=post)
    tell("duty.begun", who=office.by)


@command.command("end")
@BY
@STATE
@CONFIG
def end(config: Path, state: Path | None, by: str | None) -> None:
    """Check out."""
    office = Office(config, state, by)
    office.order("duty.end")
    tell("duty.ended", who=office.by)


@command.command("list")
@STATE
@CONFIG
def list_(config: Path, state: Path | None) -> None:
    """Who is on duty now."""
    office = Office(config, state)
    if found := office.order("duty.show"):
        table([(one["who"], one["post"], office.time(one["begun_ms"])) for one in found])
    else:
        tell("duty.none")
