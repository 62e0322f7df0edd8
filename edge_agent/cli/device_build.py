"""The drivers of one terminal or door, as the daemon would make them, for a trial at the bench."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.devices import Devices, Ears
from edge_agent.drivers.clock import SystemClock
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.reads import Read
from edge_agent.model.site import Config, Door, Terminal


def alone(
    config: Config,
    folder: Path,
    sim: Path,
    one: Terminal | Door,
    read: Callable[[Read], None],
    moved: Callable[[GateReport], None],
    tell: Callable[[DeviceReport], None],
) -> Devices:
    """`one` alone on its line, whatever else agent.toml has there. Raises EdgeAgentError as the drivers do."""
    parts: dict[str, tuple[Terminal | Door, ...]] = {"terminals": (), "doors": (), "sensors": (), "desks": ()}
    if isinstance(one, Terminal):
        parts["terminals"] = (one,)
    else:
        parts["doors"] = (_with_key(config, one),)
    bench = msgspec.structs.replace(config, **parts)
    return Devices(bench, folder, sim, SystemClock(), Ears(read, moved, tell, _drop, _drop, _drop, keyed=None))


def _with_key(config: Config, door: Door) -> Door:
    """The output of a reader answers under the reader's key."""
    gate = door.gate
    same = [reader for reader in config.terminals if (reader.link, reader.address) == (gate.link, gate.address or 0)]
    key_file = gate.key_file or next((reader.key_file for reader in same), None)
    return msgspec.structs.replace(door, gate=msgspec.structs.replace(gate, key_file=key_file))


def _drop(said: object) -> None:
    """Nobody here listens to it."""
