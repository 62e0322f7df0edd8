"""agent.toml → Config. Every error names file, path and remedy, and all of them come at once.

Reading is in two steps: each table on its own (keys, types, ranges), then what refers to what. Relative paths in the
file are relative to the file's folder. Nothing is opened but files: `check_devices` says what is not plugged in.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from os.path import normpath
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_agent.contract.signatures import load_private, load_public
from edge_agent.drivers.gate import check_gate
from edge_agent.drivers.gpio_gate import check_gpio_gate, wanted_lines
from edge_agent.drivers.gpio_lines import check_lines
from edge_agent.drivers.link import parse_link_url
from edge_agent.drivers.osdp_readers import check_readers
from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.push_terminal import push_secret
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.gpio import Gpio
from edge_agent.model.people import CATEGORIES
from edge_agent.model.profile import Osdp, Profile
from edge_agent.model.push import HttpPush
from edge_agent.model.site import (
    BANNED,
    Area,
    Camera,
    Config,
    Door,
    FacePolicy,
    Gateway,
    Interlock,
    Link,
    Policy,
    Table,
    Terminal,
    Uplink,
)
from edge_agent.site_kind import faces_of_minors, site_rules
from edge_agent.tables import Reader, read_toml, refer

CAMERA_SCHEMES = {"rtsp", "rtsps", "http", "https", "file"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SECTIONS: dict[str, type[Table]] = {"gateway": Gateway, "uplink": Uplink, "policy": Policy, "faces": FacePolicy}
ARRAYS: dict[str, type[Table]] = {
    "link": Link, "terminal": Terminal, "camera": Camera, "door": Door, "area": Area, "interlock": Interlock,
}  # fmt: skip
GATEWAY_KEY, FACE_KEY = "keys/gateway.key", "keys/face-store.key"
MODELS = "models"  # folder of the state directory
DLIB_DISTANCES = (0.2, 0.6)  # beyond 0.6 the engine's authors no longer call it the same person
SCBK_D = bytes(range(0x30, 0x40))


def load_config(path: Path) -> Config:
    """The configuration, or Problems with everything that is wrong in it."""
    data, raw = read_toml(path)
    reader = Reader(str(path))
    for key in data.keys() - SECTIONS.keys() - ARRAYS.keys():
        reader.wrong("", "config.unknown_key", key=key, known=", ".join([*SECTIONS, *ARRAYS]))
    gateway = reader.section(data, "gateway", Gateway)
    uplink = reader.section(data, "uplink", Uplink)
    policy = reader.section(data, "policy", Policy)
    faces = reader.section(data, "faces", FacePolicy)
    config = Config(
        gateway=gateway or Gateway(id="unknown"),
        uplink=uplink or Uplink(url="mqtt://unknown"),
        policy=policy or Policy(),
        faces=faces or FacePolicy(),
        links=reader.tables(data, "link", Link),
        terminals=reader.tables(data, "terminal", Terminal),
        cameras=reader.tables(data, "camera", Camera),
        doors=reader.tables(data, "door", Door),
        areas=reader.tables(data, "area", Area),
        interlocks=reader.tables(data, "interlock", Interlock),
        digest=hashlib.sha256(raw).hexdigest()[:16],
    )
    complete = not reader.broken  # what refers to what can only be judged when all of it is there
    _check_names(reader, config)
    _check_values(reader, config)
    if complete:
        _check_references(reader, config)
        _check_ways(reader, config)
        _check_places(reader, config)
        _check_privacy(reader, config)
        _check_keys(reader, config, path.parent)
        site_rules(config.gateway.site, reader)
    if reader.problems:
        raise Problems(reader.problems)
    return config


def _check_names(reader: Reader, config: Config) -> None:
    named: tuple[tuple[str, Sequence[Link | Terminal | Camera | Door | Area | Interlock]], ...] = (
        ("link", config.links),
        ("terminal", config.terminals),
        ("camera", config.cameras),
        ("door", config.doors),
        ("area", config.areas),
        ("interlock", config.interlocks),
    )
    for what, things in named:
        seen: set[str] = set()
        for index, thing in enumerate(things):
            if not NAME.fullmatch(thing.name):
                reader.wrong(f"{what}[{index}].name", "config.bad_name", name=thing.name)
            if thing.name in seen:
                reader.wrong(f"{what}[{index}].name", "config.duplicate", what=what, name=thing.name)
            seen.add(thing.name)
    if not NAME.fullmatch(config.gateway.id):
        reader.wrong("gateway.id", "config.bad_name", name=config.gateway.id)


def _check_values(reader: Reader, config: Config) -> None:
    try:
        ZoneInfo(config.gateway.zone)
    except (ZoneInfoNotFoundError, ValueError):
        reader.wrong("gateway.zone", "config.bad_zone", name=config.gateway.zone)
    try:
        url = urlsplit(config.uplink.url)
        usable = url.scheme in {"mqtt", "mqtts"} and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        reader.wrong("uplink.url", "config.bad_url", url=config.uplink.url)
    elif config.uplink.tls and not config.uplink.url.startswith("mqtts://"):
        reader.wrong("uplink.tls", "config.tls_without_mqtts")


def _check_references(reader: Reader, config: Config) -> None:
    links = {link.name: link for link in config.links}
    doors = {door.name for door in config.doors}
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

    used = Wiring(reader)
    for index, terminal in enumerate(config.terminals):
        at = f"terminal[{index}]"
        refer(reader, f"{at}.link", "link", terminal.link, links.keys())
        refer(reader, f"{at}.door", "door", terminal.door, doors)
        profile = _profile(reader, f"{at}.profile", terminal.profile, "terminal")
        if profile and terminal.link in links:
            used.attach(at, terminal.link, _protocol(profile), f"terminal `{terminal.name}`", terminal.address)
            used.fits(at, links[terminal.link], profile)
            if isinstance(profile.framing, Osdp):
                _judge(reader, f"{at}.address", partial(check_readers, [(terminal, profile)]))
    for index, door in enumerate(config.doors):
        at = f"door[{index}].gate"
        refer(reader, f"{at}.link", "link", door.gate.link, links.keys())
        profile = _profile(reader, f"{at}.profile", door.gate.profile, "gate")
        if profile and door.gate.link in links:
            used.attach(at, door.gate.link, _protocol(profile), f"door `{door.name}`", None)
            check = check_gpio_gate if isinstance(profile.framing, Gpio) else check_gate
            _judge(reader, at, partial(check, door, profile))
            used.fits(at, links[door.gate.link], profile)
    _check_lines(reader, config, links.keys())
    for index, camera in enumerate(config.cameras):
        refer(reader, f"camera[{index}].door", "door", camera.door, doors)
        if urlsplit(camera.url).scheme not in CAMERA_SCHEMES:
            reader.wrong(f"camera[{index}].url", "config.camera_url", url=camera.url.partition("@")[2] or camera.url)


def _check_lines(reader: Reader, config: Config, links: Iterable[str]) -> None:
    """A GPIO line belongs to one door. A name and an offset of the same line are told apart by check_devices only."""
    taken: dict[tuple[str, int | str], str] = {}
    for index, door in enumerate(config.doors):
        profile = load_profile(door.gate.profile) if not reader.problems else None
        if profile is None or not isinstance(profile.framing, Gpio) or door.gate.link not in links:
            continue
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

    def attach(self, at: str, link: str, protocol: str, who: str, address: int | None) -> None:
        first = self._protocol.setdefault(link, protocol)
        users = self._users.setdefault(link, [])
        if first != protocol:
            self.reader.wrong(f"{at}.link", "config.link_mixed", link=link, first=first, second=protocol)
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


def _profile(reader: Reader, at: str, name: str, wanted: str) -> Profile | None:
    try:
        profile = load_profile(name)
    except Problems as error:
        reader.problems.extend(error.problems)
        return None
    except EdgeAgentError as error:
        reader.problems.append(Problem(reader.file, at, error.code, **error.fields))
        return None
    if profile.kind != wanted:
        reader.wrong(at, "config.wrong_profile_kind", profile=name, kind=profile.kind, wanted=wanted)
        return None
    return profile


def _check_ways(reader: Reader, config: Config) -> None:
    low, high = DLIB_DISTANCES
    for key in ("distance", "distance_claimed"):
        value = getattr(config.faces, key)
        if config.faces.engine == "dlib" and value is not None and not low <= value <= high:
            reader.wrong(f"faces.{key}", "config.range", key=key, low=low, high=high)
    if config.faces.agree > config.faces.of:
        reader.wrong("faces.agree", "config.agree", agree=config.faces.agree, of=config.faces.of)
    watched = {camera.door for camera in config.cameras if "face" in camera.use}
    watched |= {terminal.door for terminal in config.terminals if "face" in _provided(terminal)}
    carded = {
        terminal.door for terminal in config.terminals if terminal.direction == "in" and _provided(terminal) != {"face"}
    }
    for index, door in enumerate(config.doors):
        at = f"door[{index}].ways"
        if not door.ways or not all(door.ways):
            reader.wrong(at, "config.no_way")
        elif all(set(way) == {"face"} for way in door.ways) or (door.name in watched and door.name not in carded):
            reader.wrong(at, "config.face_only")
        for n, at_times in enumerate(door.ways_at):
            if not at_times.ways or not all(at_times.ways):
                reader.wrong(f"door[{index}].ways_at[{n}]", "config.no_way")
            elif all(set(way) == {"face"} for way in at_times.ways):
                reader.wrong(f"door[{index}].ways_at[{n}]", "config.face_only")
        ways = (*door.ways, *(way for at_times in door.ways_at for way in at_times.ways))
        takes_face = any("face" in way for way in ways)
        if takes_face and door.name not in watched:
            reader.wrong(at, "config.face_without_camera")
        if not takes_face:
            for position, camera in enumerate(config.cameras):
                if camera.door == door.name and "face" in camera.use:
                    reader.wrong(f"camera[{position}].door", "config.camera_without_face", door=door.name)


def _check_privacy(reader: Reader, config: Config) -> None:
    """No camera or face device where people undress or sleep; no faces of minors without their guardians."""
    for index, camera in enumerate(config.cameras):
        if camera.place in BANNED:
            reader.wrong(f"camera[{index}].place", "config.banned_place", place=camera.place)
    for index, terminal in enumerate(config.terminals):
        if terminal.place in BANNED and "face" in _provided(terminal):
            reader.wrong(f"terminal[{index}].place", "config.banned_place", place=terminal.place)
    if faces_of_minors(config.gateway.site) and not config.faces.guardian_consent:
        for index, camera in enumerate(config.cameras):
            if "face" in camera.use:
                reader.wrong(f"camera[{index}].use", "config.faces_of_minors", site=config.gateway.site)


def _provided(terminal: Terminal) -> set[str]:
    """What kinds of credential it reads; none when its profile cannot be had, which is told elsewhere."""
    try:
        return {str(what) for what in load_profile(terminal.profile).provides} & {"card", "keypad", "face"}
    except EdgeAgentError:
        return set()


def _check_places(reader: Reader, config: Config) -> None:
    """Areas, interlocks, and who they speak of."""
    areas = {area.name for area in config.areas}
    doors = {door.name for door in config.doors}
    for index, door in enumerate(config.doors):
        at = f"door[{index}]"
        for key in ("area", "from_area"):
            if (name := getattr(door, key)) is not None:
                refer(reader, f"{at}.{key}", "area", name, areas)
        if door.area is not None and door.area == door.from_area:
            reader.wrong(f"{at}.from_area", "config.area_to_itself", name=door.area)
        named = {
            "first_person.categories": door.first_person and door.first_person.categories,
            "two_persons.categories": door.two_persons and door.two_persons.categories,
            "escort.categories": door.escort and door.escort.categories,
            "escort.by": door.escort and door.escort.by,
        }
        for key, categories in named.items():
            for category in categories or ():
                refer(reader, f"{at}.{key}", "category", category, CATEGORIES)
        if door.prealarm_s >= door.open_s:
            reader.wrong(f"{at}.prealarm_s", "config.prealarm", prealarm=door.prealarm_s, open=door.open_s)
    for index, area in enumerate(config.areas):
        if area.reset is not None and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", area.reset):
            reader.wrong(f"area[{index}].reset", "config.bad_time", found=area.reset)
        if area.max_people is not None and area.max_people < area.min_people:
            reader.wrong(f"area[{index}].max_people", "config.limits", most=area.max_people, least=area.min_people)
    for index, group in enumerate(config.interlocks):
        for name in group.doors:
            refer(reader, f"interlock[{index}].doors", "door", name, doors)
        if len(set(group.doors)) < 2:
            reader.wrong(f"interlock[{index}].doors", "config.interlock_alone", name=group.name)


def _check_keys(reader: Reader, config: Config, folder: Path) -> None:
    for index, terminal in enumerate(config.terminals):
        profile = load_profile(terminal.profile) if not reader.problems else None
        if profile is not None and isinstance(profile.framing, HttpPush):
            if terminal.secret_file is None:
                reader.wrong(f"terminal[{index}].secret_file", "push.no_secret", terminal=terminal.name)
            else:
                _judge(reader, f"terminal[{index}].secret_file", partial(push_secret, folder / terminal.secret_file))
        if profile is None or not isinstance(profile.framing, Osdp) or profile.framing.insecure:
            continue
        at = f"terminal[{index}].key_file"
        if terminal.key_file is None:
            reader.wrong(at, "config.no_key", name=terminal.name)
            continue
        try:
            osdp_key(folder / terminal.key_file)
        except EdgeAgentError as error:
            reader.problems.append(Problem(reader.file, at, error.code, **error.fields))


def osdp_key(path: Path) -> bytes:
    """The 16-byte secure channel base key in `path`. Raises EdgeAgentError with the remedy."""
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        raise EdgeAgentError("config.key_missing", path=path, remedy=f"`edge-agent keys osdp {path}`") from None
    except (OSError, ValueError):
        raise EdgeAgentError("config.bad_key", path=path) from None
    if len(key) != 16:
        raise EdgeAgentError("config.bad_key", path=path)
    if key == SCBK_D:
        raise EdgeAgentError("config.default_key", path=path)
    return key


def check_devices(config: Config, file: str) -> list[Problem]:
    """Ports that are not there now, or that two links name in two ways (`/dev/serial/by-id/…` is a link to another).

    The agent starts without a port and takes it when it comes.
    """
    present = ", ".join(sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))) or "–"
    problems = []
    taken: dict[Path, str] = {}
    for index, link in enumerate(config.links):
        url = parse_link_url(link.url)
        if url.kind == "gpio":
            problems += _check_chip(config, file, index, url.path)
        if url.kind != "serial":
            continue
        at, device = f"link[{index}].url", Path(url.path).resolve()
        if not device.exists():
            problems.append(Problem(file, at, "config.device_missing", path=url.path, present=present))
        elif device in taken:
            problems.append(Problem(file, at, "config.link_twice", other=taken[device], port=device))
        taken.setdefault(device, link.name)
    return problems


def _check_chip(config: Config, file: str, index: int, chip: str) -> list[Problem]:
    """The chip, and the lines of every door on it."""
    problems: list[Problem] = []
    on_chip = [
        (position, door) for position, door in enumerate(config.doors) if door.gate.link == config.links[index].name
    ]
    for at, wanted in (
        (f"link[{index}].url", ()),
        *((f"door[{n}].gate", wanted_lines(door, load_profile(door.gate.profile))) for n, door in on_chip),
    ):
        try:
            check_lines(chip, wanted)
        except EdgeAgentError as error:
            problems.append(Problem(file, at, error.code, **error.fields))
            if not wanted:
                break  # no chip: nothing to say of its lines
    return problems


def check_files(config: Config, file: str, folder: Path) -> list[Problem]:
    """Keys, certificates and passwords that the configuration needs. None of them is read aloud."""
    problems = []
    uplink = config.uplink
    wanted: list[tuple[str, str]] = [("gateway", GATEWAY_KEY)]
    wanted += [("uplink.city_ack_key", uplink.city_ack_key), ("uplink.city_command_key", uplink.city_command_key)]
    if config.cameras:
        wanted.append(("camera", FACE_KEY))  # made with the gateway's own
    if uplink.password_file is not None:
        wanted.append(("uplink.password_file", uplink.password_file))
    if uplink.tls is not None:
        wanted += [(f"uplink.tls.{name}", getattr(uplink.tls, name)) for name in ("ca", "cert", "key")]
    for at, name in wanted:
        try:
            match Path(name).suffix:
                case ".pub":
                    load_public(folder / name)
                case ".key" if at == "gateway":
                    load_private(folder / name)
                case _ if not (folder / name).is_file():
                    problems.append(Problem(file, at, "config.file_missing", path=folder / name))
        except EdgeAgentError as error:
            problems.append(Problem(file, at, error.code, **error.fields))
    return problems


def advice(config: Config, file: str) -> list[Problem]:
    """What is allowed and still worth a second look."""
    entering = {terminal.door for terminal in config.terminals if terminal.direction == "in"}
    leaving = {terminal.door for terminal in config.terminals if terminal.direction == "out"}
    hints = [] if config.doors else [Problem(file, "door", "config.no_door")]
    for index, door in enumerate(config.doors):
        if door.name in leaving and door.gate.exit is None:
            hints.append(Problem(file, f"door[{index}].gate", "config.no_exit"))
        if door.name not in entering:
            hints.append(Problem(file, f"door[{index}]", "config.no_entry"))
    return hints
