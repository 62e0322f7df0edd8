"""`edge-agent device address`: give a Modbus board another address, so that a second one can join the line."""

from pathlib import Path

import click

from edge_agent.cli.columns import echo, tell
from edge_agent.cli.device_site import BAUD, PARITY, PORT, Site, Target, look_at, not_the_agents, the_port
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import words
from edge_agent.drivers.modbus_address import AddressChange
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError
from edge_agent.model.profile import Modbus, Profile


@click.command("address")
@CONFIG
@STATE
@PORT
@click.option("--profile", "profile_id", required=True, help="The board's, such as gates/waveshare-8d.")
@click.option("--from", "old", type=click.IntRange(1, 255), help="Its address now (default: as it is shipped).")
@click.option("--to", "new", type=click.IntRange(1, 255), required=True, help="Its new address.")
@click.option("--broadcast", is_flag=True, help="Tell whoever is on the line; the board must be alone there.")
@BAUD
@PARITY
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    config: Path,
    state: Path | None,
    port: str,
    profile_id: str,
    old: int | None,
    new: int,
    broadcast: bool,
    baud: int | None,
    parity: str | None,
    yes: bool,
) -> None:
    """Change the address of a Modbus board at PORT: a path, a link's name or a URL.

    First it asks who answers at both addresses, then it wants a y. The agent must be stopped.
    """
    site, profile = look_at(config, state), load_profile(profile_id)
    if not isinstance(profile.framing, Modbus):
        raise EdgeAgentError("device.address_fixed", profile=profile.id)
    if broadcast and old is not None:
        raise EdgeAgentError("device.address_both")
    target = the_port(port, site, baud, parity, profile)
    not_the_agents(target, site)
    at = None if broadcast else old or profile.framing.address
    opened = target.open(site)
    try:
        change = AddressChange(opened, profile, target.baud, at, new)
        change.look()
        _asked(at, new, target, yes)
        change.carry_out()
    finally:
        opened.close()
    tell("device.address_done", new=new)
    _say_lines(site, target, profile, at, new)


def _asked(old: int | None, new: int, target: Target, yes: bool) -> None:
    if yes:
        return
    code = "device.address_ask_all" if old is None else "device.address_ask"
    try:
        agreed = click.confirm(words(code, old=old, new=new, url=target.url), err=True)
    except click.Abort:
        raise EdgeAgentError("device.nobody_answers") from None
    if not agreed:
        raise EdgeAgentError("device.address_not")


def _say_lines(site: Site, target: Target, profile: Profile, old: int | None, new: int) -> None:
    """Which doors of agent.toml meant this board, or how one would."""
    assert isinstance(profile.framing, Modbus)
    link = target.link.name if target.link else ""
    default = profile.framing.address
    doors = site.config.doors if site.config and link else ()
    meant = [
        door.name
        for door in doors
        if (door.gate.link, door.gate.profile, door.gate.address or default) == (link, profile.id, old)
    ]
    if meant:
        tell("device.address_doors", doors=", ".join(meant), new=new)
    else:
        echo(f'gate = {{ link = "{link or "…"}", profile = "{profile.id}", address = {new}, relay = 0 }}', 2)
