"""`edge-agent device record`: a line's traffic into a text file, for `device replay` and `profile new`."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from edge_agent.cli.columns import tell
from edge_agent.cli.device_site import BAUD, LASTING, PARITY, PORT, duration, look_at, not_the_agents, the_port
from edge_agent.cli.device_traffic import Traffic, wall
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.drivers.tap import listen
from edge_agent.errors import EdgeAgentError
from edge_agent.protocols.capture import header, written


@click.command("record")
@CONFIG
@STATE
@PORT
@click.argument("file", type=click.Path(path_type=Path))
@BAUD
@PARITY
@LASTING
@click.option("--comment", default="", help="What is recorded: the device, its firmware, what was done.")
@click.option("--force", is_flag=True, help="Write over FILE.")
def command(
    config: Path,
    state: Path | None,
    port: str,
    file: Path,
    baud: int | None,
    parity: str | None,
    lasting: str | None,
    comment: str,
    force: bool,
) -> None:
    """Write what arrives at PORT into FILE, with its times. Sends nothing. Use test cards: their numbers are in it."""
    site = look_at(config, state)
    target = the_port(port, site, baud, parity)
    not_the_agents(target, site)
    for_s = duration(lasting)
    settings = {"port": target.url, "baud": str(target.baud), "parity": target.parity}
    settings["started"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    if comment:
        settings["comment"] = " ".join(comment.split())
    opened = target.open(site)
    traffic = Traffic(None, wall(time.time()))
    try:
        with _fresh(file, force) as out:
            out.write(header(settings))
            tell("device.recording", port=port, baud=target.baud, parity=target.parity, file=file, err=True)
            try:
                for chunk in listen(opened, for_s):
                    out.write(written(chunk))
                    out.flush()
                    traffic.show(chunk)
            except KeyboardInterrupt:
                click.echo(err=True)
    finally:
        opened.close()
    tell("device.recorded", count=traffic.count, file=file)


def _fresh(file: Path, force: bool) -> TextIO:
    """Open for its owner alone: it holds card numbers, and what is typed on a keypad."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        return os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise EdgeAgentError("device.file_there", file=file) from None
    except OSError as error:
        raise EdgeAgentError("device.file_not_made", file=file, why=error.strerror) from None
