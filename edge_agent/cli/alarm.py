"""`edge-agent alarm`: fire and panic stay until somebody clears them by hand, here or in the city."""

from pathlib import Path

import click

from edge_agent.cli.operate import BY, WHY, carry_out, site, who
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.errors import EdgeAgentError
from edge_agent.model.commands import Operation


@click.group("alarm")
def command() -> None:
    """Alarms that stay until they are cleared. The agent must be running."""


@command.command("clear")
@CONFIG
@STATE
@BY
@WHY
@click.argument("alarm")
def clear(config: Path, state: Path | None, by: str | None, why: str, alarm: str) -> None:
    """Clear ALARM: fire, or panic/ and the door, as panic/north-gate. Refused while its input is still active."""
    there = site(config, state)
    kind, _, door = alarm.partition("/")
    if not (alarm == "fire" or (kind == "panic" and door and door in (there.doors or (door,)))):
        raise EdgeAgentError("cli.bad_latch", text=alarm, doors=", ".join(there.doors))
    carry_out(there, Operation("clear", who(by), why, latch=alarm))
