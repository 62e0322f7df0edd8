"""`edge-agent hazard`: report what endangers others, with a photo and a due date, and close it."""

from pathlib import Path

import click
import msgspec

from edge_agent.cli.office import Office, table
from edge_agent.cli.operate import BY
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import tell, words
from edge_agent.model.rounds import CATEGORIES, Hazard


@click.group("hazard")
def command() -> None:
    """Hazards: open, overdue, closed. The agent must be running. Photos are added on the console's page."""


@command.command("report")
@click.argument("category", type=click.Choice(CATEGORIES))
@click.argument("place")
@click.argument("text", default="")
@click.option("--owner", default="", help="Who sees to it.")
@click.option("--due", default="", help="Last day (inclusive) or instant, local time. Default: by its category.")
@BY
@STATE
@CONFIG
def report(
    config: Path, state: Path | None, by: str | None, category: str, place: str, text: str, owner: str, due: str
) -> None:
    """Report a hazard of CATEGORY at PLACE."""
    office = Office(config, state, by)
    due_ms = office.instant(due, "--due", 1)
    found = office.order("hazard.report", category=category, place=place, text=text, owner=owner, due_ms=due_ms)
    tell("hazard.reported", hazard=found["id"], due=office.time(found["due_ms"]))


@command.command("close")
@click.argument("hazard")
@click.option(
    "--outcome", type=click.Choice(["fixed", "referred", "unfounded"]), default="fixed", show_default=True,
    help="What became of it.",
)  # fmt: skip
@BY
@STATE
@CONFIG
def close(config: Path, state: Path | None, by: str | None, hazard: str, outcome: str) -> None:
    """Close HAZARD."""
    Office(config, state, by).order("hazard.close", hazard=hazard, outcome=outcome)
    tell("hazard.closed", hazard=hazard)


@command.command("list")
@click.option("--closed", "show", flag_value="closed", help="Those that are closed.")
@click.option("--all", "show", flag_value="all", help="All that are kept.")
@click.option("--open", "show", flag_value="open", default="open", help="Those that are not closed (default).")
@STATE
@CONFIG
def list_(config: Path, state: Path | None, show: str) -> None:
    """Hazards, those due first on top."""
    office = Office(config, state)
    found = msgspec.convert(office.order("hazard.find", show=show), list[Hazard])
    if not found:
        tell("hazard.none")
        return
    table([
        (one.id, words(f"hazard.state.{one.state}"), office.time(one.due_ms), words(f"hazard.category.{one.category}"),
         one.place, one.text, one.owner, one.by, words(f"hazard.outcome.{one.outcome}") if one.outcome else "")
        for one in found
    ])  # fmt: skip
