"""What the device commands need of the site: who uses which link, whether the agent runs, and which port is meant."""

import re
import socket
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from edge_agent.cli.operate import seconds
from edge_agent.config import load_config
from edge_agent.drivers.link import LinkUrl, Port, open_link, parse_link_url
from edge_agent.drivers.ports import serial_devices, stable_name
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.profile import Profile
from edge_agent.model.site import Config, Link

PORT = click.argument("port")
BAUD = click.option("--baud", type=click.IntRange(300, 4_000_000), help="Speed (default: the link's or 9600).")
PARITY = click.option("--parity", type=click.Choice(["none", "even", "odd"]), help="Parity (default: none).")
LASTING = click.option("--for", "lasting", help="How long: 30s, 5m (default: until Ctrl-C).")


@dataclass(frozen=True)
class Site:
    """`config` is None when the file is not there or wrong (`trouble` says why); the commands go on without it."""

    config: Config | None
    trouble: EdgeAgentError | None
    state: Path

    @property
    def running(self) -> bool:
        """Whether an agent answers at the control socket of this state directory."""
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as line:
            line.settimeout(2.0)
            try:
                line.connect(str(self.state / "run/control.sock"))
            except PermissionError:
                return True  # somebody's, and not ours to ask
            except OSError:
                return False
        return True

    def link_at(self, url: LinkUrl) -> Link | None:
        """The link of agent.toml that is this port, whatever name each gives it."""
        links = self.config.links if self.config else ()
        return next((link for link in links if _same(parse_link_url(link.url), url)), None)

    def users(self, link: str) -> list[str]:
        """Who is on a link, as `terminal (door)` and `door`."""
        if self.config is None:
            return []
        users = [f"{one.name} ({one.door})" for one in self.config.terminals if one.link == link]
        users += [door.name for door in self.config.doors if door.gate.link == link]
        users += [sensor.name for sensor in self.config.sensors if sensor.link == link]
        return users + [desk.name for desk in self.config.desks if desk.link == link]


@dataclass(frozen=True)
class Target:
    url: str
    link: Link | None
    baud: int
    parity: str

    def open(self, site: Site) -> Port:
        return open_link(self.url, site.state / "sim", self.baud, self.parity)


def look_at(config: Path, state: Path | None) -> Site:
    try:
        loaded = load_config(config)
    except (Problem, Problems) as error:
        return Site(None, error, state or config.parent / "state")
    return Site(loaded, None, state or config.parent / loaded.gateway.state)


def the_port(
    text: str, site: Site, baud: int | None = None, parity: str | None = None, profile: Profile | None = None
) -> Target:
    """`text`: a path, ttyUSB0, a link's name or a URL. What was ordered counts before the URL, the URL before the
    profile. Raises EdgeAgentError, naming the ports there are.
    """
    named = next((link for link in (site.config.links if site.config else ()) if link.name == text), None)
    if named is not None:
        url = named.url
    elif "://" in text:
        url = text
    else:
        path = Path(text) if "/" in text else Path("/dev") / text
        if not path.exists():
            there = ", ".join(port.path for port in serial_devices()) or "–"
            if site.trouble is not None and "/" not in text:  # it may be a link's name
                raise EdgeAgentError("device.no_port_or_link", port=text, there=there, why=site.trouble)
            raise EdgeAgentError("device.no_port", port=text, there=there)
        url = f"serial://{stable_name(path.absolute())}"
    parsed = parse_link_url(url)
    link = named or site.link_at(parsed)
    known = parse_link_url(link.url) if link else parsed
    speed = baud or parsed.baud or known.baud or (profile.link.baud if profile else 9600)
    check = parity or parsed.parity or known.parity or (profile.link.parity if profile else "none")
    if parsed.kind == "serial":
        url = f"serial://{parsed.path}?baud={speed}&parity={check}"
    return Target(url, link, speed, check)


def not_the_agents(target: Target, site: Site) -> None:
    """Raises EdgeAgentError when the running agent has this port. Whoever else has it keeps its lock on it."""
    if target.link is not None and site.running:
        users = ", ".join(site.users(target.link.name)) or "–"
        raise EdgeAgentError("device.agent_has", link=target.link.name, users=users)


def duration(text: str | None) -> float | None:
    """`500ms` beside what doors take: `30s`, `5m`."""
    if text and (found := re.fullmatch(r"(\d{1,6})ms", text.strip().lower())):
        return max(1, int(found[1])) / 1000
    return seconds(text)


def _same(one: LinkUrl, other: LinkUrl) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind == "serial":
        return Path(one.path).resolve() == Path(other.path).resolve()
    return (one.host, one.port, one.path) == (other.host, other.port, other.path)
