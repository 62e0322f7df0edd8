"""Options that several commands share."""

import errno
import math
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from edge_agent.config import Reading, read_config
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.site import Config


class Finite(click.FloatRange):
    """A number that is one: `nan` is within every range, as it is beyond none of its ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a valid float range.", param, ctx)
        return number


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


def configured(config: Path) -> Config:
    """What is written in it, read once a command: on a small machine that takes a while. Raises Problems."""
    return _read(config).good()


def readable(config: Path) -> Config:
    """For whoever only looks at what was kept: also where a file with a key or a password, which are other people's
    here, is missing or wrong. Raises Problems for anything else.
    """
    reading = _read(config)
    if all(problem.at.endswith(("key_file", "secret_file", "login_file")) for problem in reading.problems):
        return reading.config
    return reading.good()


def _read(config: Path) -> Reading:
    context = click.get_current_context(silent=True)
    if context is None:
        return read_config(config)
    name = f"{__name__}.{config}"
    if name not in context.meta:
        context.meta[name] = read_config(config)
    reading: Reading = context.meta[name]
    return reading


def state_directory(config: Path, state: Path | None) -> Path:
    """Where the databases are. Raises Problems when the configuration is wrong, but for files with keys."""
    return state or config.parent / readable(config).gateway.state


def site_zone(config: Path) -> ZoneInfo | None:
    """The zone in which the site's times are told, as at its console; None, which is this machine's, when the
    configuration cannot be read.
    """
    try:
        return ZoneInfo(readable(config).gateway.zone)
    except (Problem, Problems):
        return None


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """The folder and those above it, when they are not there. Raises EdgeAgentError when they cannot be made, or are
    there and not ours to put something in.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise EdgeAgentError("cli.no_folder", folder=folder, why=error.strerror) from None
