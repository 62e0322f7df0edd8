"""Options that several commands share."""

from pathlib import Path

import click

from edge_agent.config import load_config

CONFIG = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("agent.toml"),
    envvar="EDGE_AGENT_CONFIG",
    show_default=True,
    help="The gateway's configuration.",
)
STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The state directory (default: gateway.state of the configuration).",
)


def state_directory(config: Path, state: Path | None) -> Path:
    """Where the databases are. Raises Problems when the configuration is wrong."""
    return state or config.parent / load_config(config).gateway.state
