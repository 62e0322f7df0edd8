"""Configuration → drivers: who serves which link, and the jobs that do.

A kind of device that is not configured is not imported: its libraries cost memory and start-up time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from edge_agent import log
from edge_agent.drivers.osdp_readers import osdp_key
from edge_agent.drivers.profiles import load_profile
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.gpio import Gpio
from edge_agent.model.position import Position
from edge_agent.model.profile import Modbus, Nmea, Osdp, Profile
from edge_agent.model.push import HttpPush
from edge_agent.model.reads import DocumentPresented, Read
from edge_agent.model.sensors import SensorReport
from edge_agent.model.site import Config, Desk, Door, Link, Sensor, Terminal
from edge_agent.ports import Beat, Clock, Erasures, Gate
from edge_agent.supervise import Job
from edge_agent.words import say

if TYPE_CHECKING:
    from edge_agent.drivers.modbus import ModbusBus
    from edge_agent.drivers.osdp_gate import OsdpGate


logger = log.get("devices")


class Owner(Protocol):
    """Who serves a terminal's line."""

    async def run(self, beat: Beat) -> None: ...

    def usable(self, terminal: str) -> bool: ...

    def show(self, terminal: str, outcome: str, reason: str = "") -> None: ...


class Ears(NamedTuple):
    """Where goes what the devices say; each is called on the event loop. `keyed` makes the digest of a document's
    number; None: there is no key for it, and no visitor desk is served.
    """

    read: Callable[[Read], None]
    moved: Callable[[GateReport], None]
    device: Callable[[DeviceReport], None]
    measured: Callable[[SensorReport], None]
    presented: Callable[[DocumentPresented], None]
    placed: Callable[[Position], None]
    keyed: Callable[[str], str] | None
    erasures: Erasures | None = None


class Supervised(NamedTuple):
    """A job and what it is called; `vital`: without it a door does not move."""

    name: str
    run: Job
    vital: bool


class Devices:
    """`gates` by door, `owners` by terminal, and the `jobs` that serve them all. `folder` is where agent.toml lies."""

    def __init__(self, config: Config, folder: Path, sim: Path, clock: Clock, ears: Ears) -> None:
        self._config, self._folder, self._sim, self._clock, self._ears = config, folder, sim, clock, ears
        self._links = {link.name: link for link in config.links}
        self._modbus: dict[str, ModbusBus] = {}
        self._osdp_gates: dict[str, list[OsdpGate]] = {}
        self.gates: dict[str, Gate] = {}
        self.owners: dict[str, Owner] = {}
        self.jobs: list[Supervised] = []
        for door in config.doors:
            self.gates[door.name] = self._gate(door, load_profile(door.gate.profile), self._links[door.gate.link])
        for sensor in config.sensors:
            self._sensor(sensor, load_profile(sensor.profile), self._links[sensor.link])
        for desk in config.desks:
            self._desk(desk, self._links[desk.link])
        for link in config.links:
            self._terminals(link, [terminal for terminal in config.terminals if terminal.link == link.name])

    def show(self, terminal: str, outcome: str, reason: str = "") -> None:
        """Fulfils ports.Terminals over all lines: whoever owns the terminal shows the outcome."""
        if owner := self.owners.get(terminal):
            owner.show(terminal, outcome, reason)

    def _gate(self, door: Door, profile: Profile, link: Link) -> Gate:
        ears = self._ears
        match profile.framing:
            case Modbus():
                return self._modbus_on(link, profile).gate(door, profile, ears.moved)
            case Gpio():
                from edge_agent.drivers.gpio_gate import GpioGate

                pins = GpioGate(door, profile, link.url, self._clock, ears.moved, ears.device)
                self.jobs.append(Supervised(f"gate {door.name}", pins.run, vital=True))
                return pins
            case Osdp():
                from edge_agent.drivers.osdp_gate import OsdpGate

                output = OsdpGate(door, profile, self._key(door.gate.key_file), self._clock, ears.moved, ears.device)
                self._osdp_gates.setdefault(link.name, []).append(output)
                self.jobs.append(Supervised(f"gate {door.name}", output.run, vital=True))
                return output
        from edge_agent.drivers.gate import SerialGate

        board = SerialGate(door, profile, link.url, self._clock, ears.moved, ears.device, self._sim)
        self.jobs.append(Supervised(f"gate {door.name}", board.run, vital=True))
        return board

    def _modbus_on(self, link: Link, profile: Profile) -> "ModbusBus":
        """The bus on `link`, made when its first device is attached."""
        from edge_agent.drivers.modbus import ModbusBus

        bus = self._modbus.get(link.name)
        if bus is None:
            bus = ModbusBus(link.url, profile.link, self._clock, self._ears.device, self._sim)
            self._modbus[link.name] = bus
            self.jobs.append(Supervised(f"bus {link.name}", bus.run, vital=True))
        return bus

    def _sensor(self, sensor: Sensor, profile: Profile, link: Link) -> None:
        ears = self._ears
        if not isinstance(profile.framing, Nmea):
            self._modbus_on(link, profile).sensor(sensor, profile, ears.measured)
            return
        from edge_agent.drivers.position import PositionReader

        receiver = PositionReader(
            sensor.name, profile, link.url, self._clock, ears.placed, ears.device, self._sim
        )  # fmt: skip
        self.jobs.append(Supervised(f"sensor {sensor.name}", receiver.run, vital=False))

    def _desk(self, desk: Desk, link: Link) -> None:
        ears = self._ears
        if ears.keyed is None:
            logger.error("desk %s is off: %s", desk.name, say("devices.desk_no_key", "en"))
            return
        from edge_agent.drivers.id_reader import IdReader

        profile = load_profile(desk.profile)
        reader = IdReader(
            desk.name, profile, link.url, self._clock, ears.keyed, ears.presented, ears.device, self._sim
        )  # fmt: skip
        self.jobs.append(Supervised(f"desk {desk.name}", reader.run, vital=False))

    def _terminals(self, link: Link, terminals: list[Terminal]) -> None:
        gates = self._osdp_gates.get(link.name, [])
        if not terminals and not gates:
            return
        owner = self._owner(link, terminals, [load_profile(terminal.profile) for terminal in terminals], gates)
        self.owners |= {terminal.name: owner for terminal in terminals}
        self.jobs.append(Supervised(f"line {link.name}", owner.run, vital=False))

    def _owner(self, link: Link, terminals: list[Terminal], profiles: list[Profile], gates: list["OsdpGate"]) -> Owner:
        ears = self._ears
        if gates or isinstance(profiles[0].framing, Osdp):
            from edge_agent.drivers.osdp import OsdpBus

            keys = [self._key(terminal.key_file) for terminal in terminals]
            readers = list(zip(terminals, profiles, keys, strict=True))
            return OsdpBus(link.url, readers, self._clock, ears.read, ears.device, self._sim, gates, ears.moved)
        if isinstance(profiles[0].framing, HttpPush):
            from edge_agent.drivers.push_terminal import PushTerminals, push_secret

            secrets = [push_secret(self._folder / (terminal.secret_file or "")) for terminal in terminals]
            callers = list(zip(terminals, profiles, secrets, strict=True))
            zone = ZoneInfo(self._config.gateway.zone)
            return PushTerminals(link.url, callers, self._clock, zone, ears.read, ears.device, ears.erasures)
        from edge_agent.drivers.terminal import SerialTerminal

        return SerialTerminal(
            terminals[0], profiles[0], link.url, self._clock, ears.read, ears.device, self._sim
        )  # fmt: skip

    def _key(self, file: str | None) -> bytes | None:
        return osdp_key(self._folder / file) if file else None
