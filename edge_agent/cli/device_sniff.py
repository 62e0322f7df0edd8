"""`edge-agent device sniff`: what a line brings, as it comes. Nothing is sent."""

import time
from pathlib import Path

import click

from edge_agent.cli.columns import tell
from edge_agent.cli.device_site import BAUD, LASTING, PARITY, PORT, duration, look_at, not_the_agents, the_port
from edge_agent.cli.device_traffic import Traffic, wall
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.tap import listen


@click.command("sniff")
@CONFIG
@STATE
@PORT
@BAUD
@PARITY
@LASTING
@click.option("--profile", "name", help="Also show what the bytes mean to this profile.")
def command(
    config: Path,
    state: Path | None,
    port: str,
    baud: int | None,
    parity: str | None,
    lasting: str | None,
    name: str | None,
) -> None:
    """Show the bytes that arrive at PORT, with the time, and beside them what they mean. Sends nothing."""
    site = look_at(config, state)
    profile = load_profile(name) if name else None
    target = the_port(port, site, baud, parity, profile)
    not_the_agents(target, site)
    for_s = duration(lasting)
    opened = target.open(site)
    tell("device.sniffing", port=port, baud=target.baud, parity=target.parity, err=True)
    traffic = Traffic(profile, wall(time.time()))
    try:
        for chunk in listen(opened, for_s, traffic.gap_s):
            traffic.show(chunk)
    except KeyboardInterrupt:
        click.echo(err=True)
    finally:
        opened.close()
    tell("device.sniffed" if traffic.count else "device.sniffed_none", count=traffic.count, err=True)
