"""Which device is on which link: what agent.toml wires, judged as the drivers would judge it. Opens nothing.

A driver's library is loaded for who has such a line, so its checks are imported where they are called.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from os.path import normpath
from pathlib import Path

from edge_agent.drivers.link import parse_link_url
from edge_agent.drivers.osdp_readers import check_osdp_gate, check_readers, osdp_key
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.gpio import Gpio
from edge_agent.model.profile import Framing, LineSettings, Modbus, Osdp, Profile
from edge_agent.model.push import HttpPush
from edge_agent.model.site import Config, Desk, Door, GateBinding, Link, Sensor, Terminal
from edge_agent.tables import Reader, refer
from edge_agent.wiring_cameras import check_cameras

GATE_KEYS = {  # where each means something
    "address": ("osdp", "modbus"), "key_file": ("osdp",), "fail": ("modbus",), "inverted": ("modbus",),
    "lines": ("gpio",),
}  # fmt: skip


def check_wiring(reader: Reader, config: Config) -> None:
    links = _check_links(reader, config)
    doors = {door.name for door in config.doors}
    used = Wiring(reader)
    for index, terminal in enumerate(config.terminals):
        at = f"terminal[{index}]"
        refer(reader, f"{at}.door", "door", terminal.door, doors)
        if profile := _wired(reader, at, terminal, links, "terminal"):
            used.attach(at, terminal.link, _protocol(profile), f"terminal `{terminal.name}`", terminal.address)
            used.fits(at, links[terminal.link], profile)
            if isinstance(profile.framing, Osdp):
                _judge(reader, f"{at}.address", partial(check_readers, [(terminal, profile)]))
    for index, door in enumerate(config.doors):
        at = f"door[{index}].gate"
        if profile := _wired(reader, at, door.gate, links, "gate"):
            _check_gate(reader, at, door, profile, used)
            used.fits(at, links[door.gate.link], profile)
    _check_lines(reader, config, links.keys())
    for index, sensor in enumerate(config.sensors):
        at = f"sensor[{index}]"
        if sensor.door is not None:
            refer(reader, f"{at}.door", "door", sensor.door, doors)
        if profile := _wired(reader, at, sensor, links, "sensor"):
            _check_sensor(reader, at, sensor, profile, used)
            used.fits(at, links[sensor.link], profile)
    for index, desk in enumerate(config.desks):
        at = f"desk[{index}]"
        if profile := _wired(reader, at, desk, links, "id-reader"):
            used.attach(at, desk.link, _protocol(profile), f"desk `{desk.name}`", None)
            used.fits(at, links[desk.link], profile)
    for index, deterrent in enumerate(config.deterrents):
        at = f"deterrent[{index}].output"
        if profile := _wired(reader, at, deterrent.output, links, "gate"):
            _check_gate(reader, at, Door(name=deterrent.name, gate=deterrent.output), profile, used)
            used.fits(at, links[deterrent.output.link], profile)
    check_cameras(reader, config)


def _check_links(reader: Reader, config: Config) -> dict[str, Link]:
    ports: dict[str, str] = {}
    for index, link in enumerate(config.links):
        try:
            url = parse_link_url(link.url)
        except EdgeAgentError as error:
            reader.problems.append(Problem(reader.file, f"link[{index}].url", error.code, **error.fields))
            continue
        port = f"{url.host}:{url.port}" if url.host else f"{url.kind}:{normpath(url.path)}"
        if port in ports:
            reader.wrong(f"link[{index}].url", "config.link_twice", other=ports[port], port=port)
        ports.setdefault(port, link.name)
    return {link.name: link for link in config.links}


def _wired(
    reader: Reader, at: str, wired: Terminal | GateBinding | Sensor | Desk, links: Mapping[str, Link], kind: str
) -> Profile | None:
    """Its profile, when there is one of this kind, and its link."""
    refer(reader, f"{at}.link", "link", wired.link, links.keys())
    try:
        profile = load_profile(wired.profile)
    except Problems as error:
        reader.problems.extend(error.problems)
        return None
    except EdgeAgentError as error:
        reader.problems.append(Problem(reader.file, f"{at}.profile", error.code, **error.fields))
        return None
    if profile.kind != kind:
        reader.wrong(
            f"{at}.profile", "config.wrong_profile_kind", profile=wired.profile, kind=profile.kind, wanted=kind
        )
        return None
    return profile if wired.link in links else None


def _check_gate(reader: Reader, at: str, door: Door, profile: Profile, used: "Wiring") -> None:
    protocol, who = _protocol(profile), f"door `{door.name}`"
    match profile.framing:
        case Modbus():
            from edge_agent.drivers.modbus_board import check_modbus_gate

            used.attach_unit(at, door.gate, profile, who, door.gate.relay)
            _judge(reader, at, partial(check_modbus_gate, door, profile))
        case Osdp():
            used.attach(at, door.gate.link, protocol, who, None, (door.gate.address or 0, door.gate.relay))
            _judge(reader, at, partial(check_osdp_gate, door, profile))
        case Gpio():
            from edge_agent.drivers.gpio_gate import check_gpio_gate

            used.attach(at, door.gate.link, protocol, who, None)
            _judge(reader, at, partial(check_gpio_gate, door, profile))
        case _:
            from edge_agent.drivers.gate import check_gate

            used.attach(at, door.gate.link, protocol, who, None)
            _judge(reader, at, partial(check_gate, door, profile))
    for key, protocols in GATE_KEYS.items():
        if getattr(door.gate, key) not in (None, ()) and protocol not in protocols:
            reader.wrong(f"{at}.{key}", f"config.gate_{key}")


def _check_sensor(reader: Reader, at: str, sensor: Sensor, profile: Profile, used: "Wiring") -> None:
    who = f"sensor `{sensor.name}`"
    if isinstance(profile.framing, Modbus):
        from edge_agent.drivers.modbus_sensor import check_modbus_sensor

        used.attach_unit(at, sensor, profile, who, None)
        _judge(reader, at, partial(check_modbus_sensor, sensor, profile))
        return
    used.attach(at, sensor.link, _protocol(profile), who, None)
    if sensor.address is not None:
        reader.wrong(f"{at}.address", "config.sensor_address")


def _check_lines(reader: Reader, config: Config, links: Iterable[str]) -> None:
    """A GPIO line belongs to one door. A name and an offset of the same line are told apart by check_devices only."""
    taken: dict[tuple[str, int | str], str] = {}
    for index, door in enumerate(config.doors):
        profile = load_profile(door.gate.profile) if not reader.problems else None
        if profile is None or not isinstance(profile.framing, Gpio) or door.gate.link not in links:
            continue
        from edge_agent.drivers.gpio_gate import wanted_lines

        for want in wanted_lines(door, profile):
            other = taken.setdefault((door.gate.link, want.pin), door.name)
            if other != door.name:
                reader.wrong(f"door[{index}].gate", "gpio.twice", line=want.pin, door=door.name, other=other)


def _judge(reader: Reader, at: str, check: Callable[[], object]) -> None:
    """What the driver itself would refuse at its start."""
    try:
        check()
    except EdgeAgentError as error:
        reader.problems.append(Problem(reader.file, at, error.code, **error.fields))


def _protocol(profile: Profile) -> str:
    match profile.framing:
        case Osdp():
            return "osdp"
        case Modbus():
            return "modbus"
        case Gpio():
            return "gpio"
        case HttpPush():
            return "push"
    return "text"


class Wiring:
    """Which protocol runs on which link, and who is on it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._protocol: dict[str, str] = {}
        self._users: dict[str, list[str]] = {}
        self._addresses: dict[tuple[str, int], str] = {}
        self._outputs: dict[tuple[str, int, int], str] = {}
        self._units: dict[tuple[str, int], tuple[str, str]] = {}  # whose profile, and who was first
        self._relays: dict[tuple[str, int, int], str] = {}
        self._settings: dict[str, tuple[LineSettings, str]] = {}

    def attach_unit(self, at: str, wired: GateBinding | Sensor, profile: Profile, who: str, relay: int | None) -> None:
        """A relay of a board on a Modbus line, or a sensor (`relay` None), which has its address alone."""
        assert isinstance(profile.framing, Modbus)
        link, address = wired.link, profile.framing.address if wired.address is None else wired.address
        first = self._protocol.setdefault(link, "modbus")
        users = self._users.setdefault(link, [])
        users.append(who)
        if first != "modbus":
            self.reader.wrong(f"{at}.link", "config.link_mixed", link=link, first=first, second="modbus")
            return
        known, other = self._units.setdefault((link, address), (profile.id, who))
        if other != who and (known != profile.id or relay is None):
            self.reader.wrong(f"{at}.address", "config.address_twice", address=address, link=link, other=other)
        elif relay is not None and (taken := self._relays.setdefault((link, address, relay), who)) != who:
            self.reader.wrong(f"{at}.relay", "config.relay_twice", relay=relay, address=address, link=link, other=taken)
        settings = self._settings.setdefault(link, (profile.link, profile.id))
        if settings[0] != profile.link:
            self.reader.wrong(f"{at}.link", "config.link_settings", link=link, first=settings[1], second=profile.id)

    def attach(
        self, at: str, link: str, protocol: str, who: str, address: int | None, output: tuple[int, int] | None = None
    ) -> None:
        """`output`: (address, number) of a door's on an OSDP bus, where many doors and readers share a link."""
        first = self._protocol.setdefault(link, protocol)
        users = self._users.setdefault(link, [])
        if first != protocol:
            self.reader.wrong(f"{at}.link", "config.link_mixed", link=link, first=first, second=protocol)
        elif output is not None:
            if (link, *output) in self._outputs:
                self.reader.wrong(f"{at}.relay", "config.output_twice", link=link, other=self._outputs[link, *output])
            self._outputs.setdefault((link, *output), who)
        elif protocol in ("gpio", "push"):
            pass  # many doors on one chip, many terminals that call one address
        elif address is None or protocol != "osdp":
            if users:
                self.reader.wrong(f"{at}.link", "config.link_shared", link=link, other=users[0], protocol=protocol)
        elif (link, address) in self._addresses:
            other = self._addresses[link, address]
            self.reader.wrong(f"{at}.address", "config.address_twice", address=address, link=link, other=other)
        else:
            self._addresses[link, address] = who
        users.append(who)

    def fits(self, at: str, link: Link, profile: Profile) -> None:
        """GPIO lines need a chip and nothing else does; so it is with terminals that call."""
        try:
            kind, protocol = parse_link_url(link.url).kind, _protocol(profile)
        except EdgeAgentError:
            return  # told where the link stands
        if (kind if kind in ("gpio", "push") else "") != (protocol if protocol in ("gpio", "push") else ""):
            self.reader.wrong(f"{at}.link", "config.link_kind", link=link.name, url=link.url, profile=profile.id)


def check_keys(reader: Reader, config: Config, folder: Path) -> None:
    """Secrets of terminals that call, keys of OSDP devices. Of a profile that cannot be had others have told."""
    for index, terminal in enumerate(config.terminals):
        if isinstance(_framing(terminal.profile), HttpPush):
            from edge_agent.drivers.push_terminal import push_secret

            at = f"terminal[{index}].secret_file"
            if terminal.secret_file is None:
                reader.wrong(at, "push.no_secret", terminal=terminal.name)
            else:
                _judge(reader, at, partial(push_secret, folder / terminal.secret_file))
    wanted = [
        (f"terminal[{index}].key_file", terminal.name, terminal.profile, terminal.key_file)
        for index, terminal in enumerate(config.terminals)
    ]
    readers = {(terminal.link, terminal.address) for terminal in config.terminals}
    told = {problem.at for problem in reader.problems}  # a wrong address: whose key it needs is not known
    wanted += [
        (f"door[{index}].gate.key_file", door.name, door.gate.profile, door.gate.key_file)
        for index, door in enumerate(config.doors)
        if door.gate.key_file is not None
        or (f"door[{index}].gate" not in told and (door.gate.link, door.gate.address or 0) not in readers)
    ]
    for at, name, profile_id, key_file in wanted:
        framing = _framing(profile_id)
        if not isinstance(framing, Osdp) or framing.insecure:
            continue
        if key_file is None:
            reader.wrong(at, "config.no_key", name=name)
            continue
        try:
            osdp_key(folder / key_file)
        except EdgeAgentError as error:
            reader.problems.append(Problem(reader.file, at, error.code, **error.fields))


def _framing(profile_id: str) -> Framing | None:
    try:
        return load_profile(profile_id).framing
    except EdgeAgentError:
        return None
