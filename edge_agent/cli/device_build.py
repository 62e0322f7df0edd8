"""The driver of one device, as the daemon would make it, for a trial at the bench."""

from collections.abc import Callable
from pathlib import Path

from edge_agent.config import osdp_key
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.gate import SerialGate
from edge_agent.drivers.osdp import OsdpBus
from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.terminal import SerialTerminal
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.profile import Osdp
from edge_agent.model.reads import Read
from edge_agent.model.site import Config, Door, Terminal

Tell = Callable[[DeviceReport], None]


def terminal_driver(
    config: Config, terminal: Terminal, folder: Path, sim: Path, deliver: Callable[[Read], None], tell: Tell
) -> OsdpBus | SerialTerminal:
    """Alone on its line, whatever else agent.toml has there. Raises EdgeAgentError as the drivers do."""
    profile, url, clock = load_profile(terminal.profile), _url(config, terminal.link), SystemClock()
    if isinstance(profile.framing, Osdp):
        key = osdp_key(folder / terminal.key_file) if terminal.key_file else None
        return OsdpBus(url, [(terminal, profile, key)], clock, deliver, tell, sim)
    return SerialTerminal(terminal, profile, url, clock, deliver, tell, sim)


def gate_driver(config: Config, door: Door, sim: Path, deliver: Callable[[GateReport], None], tell: Tell) -> SerialGate:
    profile = load_profile(door.gate.profile)
    return SerialGate(door, profile, _url(config, door.gate.link), SystemClock(), deliver, tell, sim)


def _url(config: Config, name: str) -> str:
    return next(link.url for link in config.links if link.name == name)
