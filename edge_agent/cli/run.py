"""`edge-agent run`: the daemon."""

import asyncio
import sys
from pathlib import Path

import click

from edge_agent import log
from edge_agent.cli.loading import loading
from edge_agent.cli.options import CONFIG, STATE


@click.command("run")
@CONFIG
@STATE
@click.option("--log-level", default="INFO", show_default=True, type=click.Choice(["DEBUG", "INFO", "WARNING"]))
def command(config: Path, state: Path | None, log_level: str) -> None:
    """Run the agent until it is told to stop."""
    with loading():
        from edge_agent.app import run
        from edge_agent.installation import load_on_trial

    log.configure(log_level)
    loaded = load_on_trial(config)
    sys.exit(asyncio.run(run(loaded, config, state or config.parent / loaded.gateway.state)))
