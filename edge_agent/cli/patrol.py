"""`edge-agent patrol`: what guards have passed on their routes, and a tag read at the desk."""

from pathlib import Path

import click
import msgspec

from edge_agent.cli.office import Office, table
from edge_agent.cli.operate import BY
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import tell, words
from edge_agent.model.rounds import RunNow


@click.group("patrol")
def command() -> None:
    """Patrol routes: done and missed points. The agent must be running."""


@command.command("list")
@STATE
@CONFIG
def list_(config: Path, state: Path | None) -> None:
    """The runs of the last day and those that run now."""
    office = Office(config, state)
    rows = [
        (office.time(run.start_ms), run.route, point.point, point.place, words(f"patrol.state.{point.state}"),
         office.time(point.at_ms) if point.state == "done" else "", point.by)
        for run in msgspec.convert(office.order("patrol.show"), list[RunNow])
        for point in run.points
    ]  # fmt: skip
    if rows:
        table(rows)
    else:
        tell("patrol.none")


@command.command("scan")
@click.argument("code")
@BY
@STATE
@CONFIG
def scan(config: Path, state: Path | None, by: str | None, code: str) -> None:
    """CODE is what the tag at a patrol point says."""
    done = Office(config, state, by).order("patrol.scan", code=code)
    tell("patrol.done", point=done["point"], route=done["route"])
