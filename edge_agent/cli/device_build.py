"""The drivers of one terminal, door, sensor or desk, as the daemon would make them, for a trial at the bench."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.devices import Devices, Ears
from edge_agent.drivers.clock import SystemClock
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.position import Position
from edge_agent.model.reads import DocumentPresented, Read
from edge_agent.model.sensors import SensorReport
from edge_agent.model.site import Config, Desk, Door, Sensor, Terminal

One = Terminal | Door | Sensor | Desk


def _drop(said: object) -> None:
    """Nobody here listens to it."""


def alone(
    config: Config,
    folder: Path,
    sim: Path,
    one: One,
    tell: Callable[[DeviceReport], None],
    *,
    read: Callable[[Read], None] = _drop,
    moved: Callable[[GateReport], None] = _drop,
    measured: Callable[[SensorReport], None] = _drop,
    presented: Callable[[DocumentPresented], None] = _drop,
    placed: Callable[[Position], None] = _drop,
) -> Devices:
    """`one` alone on its line, whatever else agent.toml has there. Raises EdgeAgentError as the drivers do."""
    parts: dict[str, tuple[One, ...]] = {"terminals": (), "doors": (), "sensors": (), "desks": ()}
    match one:
        case Terminal():
            parts["terminals"] = (one,)
        case Door():
            parts["doors"] = (_with_key(config, one),)
        case Sensor():
            parts["sensors"] = (one,)
        case Desk():
            parts["desks"] = (one,)
    bench = msgspec.structs.replace(config, **parts)
    ears = Ears(read, moved, tell, measured, presented, placed, keyed=lambda number: "")  # nothing here is kept
    return Devices(bench, folder, sim, SystemClock(), ears)


def _with_key(config: Config, door: Door) -> Door:
    """The output of a reader answers under the reader's key."""
    gate = door.gate
    same = [reader for reader in config.terminals if (reader.link, reader.address) == (gate.link, gate.address or 0)]
    key_file = gate.key_file or next((reader.key_file for reader in same), None)
    return msgspec.structs.replace(door, gate=msgspec.structs.replace(gate, key_file=key_file))
