"""agent.toml → Config. Every error names file, path and remedy, and all of them come at once.

Reading is in two steps: each table on its own (keys, types, ranges), then what refers to what. Relative paths in the
file are relative to the file's folder. Nothing is opened but files: `check_devices` says what is not plugged in.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import structs

from edge_agent.core.facade import MISPLACED, faults
from edge_agent.core.zone_shape import flaws
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError, Problem, Problems
from edge_agent.model.people import CATEGORIES
from edge_agent.model.site import (
    BANNED,
    AlertRule,
    Area,
    Camera,
    Config,
    Console,
    Desk,
    Deterrent,
    Door,
    EvidencePolicy,
    Facade,
    FacePolicy,
    Gateway,
    Interlock,
    Line,
    Link,
    PatrolPoint,
    PatrolRoute,
    Policy,
    ResponseTargets,
    Retention,
    Sensor,
    Table,
    Terminal,
    Uplink,
    Vision,
    VisitPolicy,
    Zone,
)
from edge_agent.site_kind import faces_of_minors, site_rules
from edge_agent.tables import Reader, demand_file, read_toml, refer
from edge_agent.wiring import check_keys, check_wiring
from edge_agent.wiring_cameras import check_logins

Named = (
    Link | Terminal | Camera | Door | Area | Interlock | Sensor | Desk | Facade | Zone | Line | AlertRule | Deterrent
    | PatrolPoint | PatrolRoute
)  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TITLE_AT_MOST = 32
SECTIONS: dict[str, type[Table]] = {
    "gateway": Gateway, "uplink": Uplink, "policy": Policy, "faces": FacePolicy, "vision": Vision,
    "response": ResponseTargets, "evidence": EvidencePolicy, "visits": VisitPolicy, "retention": Retention,
}  # fmt: skip
OPTIONAL: dict[str, type[Table]] = {"console": Console}  # what is not written is not there
ARRAYS: dict[str, type[Table]] = {
    "link": Link, "terminal": Terminal, "camera": Camera, "door": Door, "area": Area, "interlock": Interlock,
    "sensor": Sensor, "desk": Desk, "zone": Zone, "line": Line, "alert": AlertRule, "deterrent": Deterrent,
    "facade": Facade, "patrol_point": PatrolPoint, "patrol_route": PatrolRoute,
}  # fmt: skip
GATEWAY_KEY, FACE_KEY, EVIDENCE_KEY = "keys/gateway.key", "keys/face-store.key", "keys/evidence.key"
FOREVER_DAYS = 365_000
MODELS = "models"  # folder of the state directory
NO_UPLINK = Uplink(url="mqtt://unknown")  # in the place of one that cannot be read
DLIB_DISTANCES = (0.2, 0.6)  # beyond 0.6 the engine's authors no longer call it the same person


class Reading(NamedTuple):
    """What could be read of a configuration, and what is wrong with it. `whole`: no table had to be left out."""

    config: Config
    problems: list[Problem]
    whole: bool

    def good(self) -> Config:
        """The configuration, or Problems with everything that is wrong in it."""
        if self.problems:
            raise Problems(self.problems)
        return self.config


def load_config(path: Path) -> Config:
    """The configuration, or Problems with everything that is wrong in it."""
    return read_config(path).good()


def read_config(path: Path) -> Reading:
    """For whoever looks further than the first mistake. Raises Problem when the file is none, or no TOML."""
    data, raw = read_toml(path)
    reader = Reader(str(path))
    for key in data.keys() - SECTIONS.keys() - OPTIONAL.keys() - ARRAYS.keys():
        reader.wrong("", "config.unknown_key", key=key, known=", ".join([*SECTIONS, *OPTIONAL, *ARRAYS]))
    gateway = reader.section(data, "gateway", Gateway)
    uplink = reader.section(data, "uplink", Uplink)
    policy = reader.section(data, "policy", Policy)
    faces = reader.section(data, "faces", FacePolicy)
    response = reader.section(data, "response", ResponseTargets)
    evidence = reader.section(data, "evidence", EvidencePolicy)
    retention = reader.section(data, "retention", Retention)
    vision = reader.section(data, "vision", Vision)
    visits = reader.section(data, "visits", VisitPolicy)
    config = Config(
        gateway=gateway or Gateway(id="unknown"),
        uplink=uplink or NO_UPLINK,
        policy=policy or Policy(),
        faces=faces or FacePolicy(),
        response=response or ResponseTargets(),
        evidence=evidence or EvidencePolicy(),
        vision=vision or Vision(),
        visits=visits or VisitPolicy(),
        links=reader.tables(data, "link", Link),
        terminals=reader.tables(data, "terminal", Terminal),
        cameras=reader.tables(data, "camera", Camera),
        doors=reader.tables(data, "door", Door),
        areas=reader.tables(data, "area", Area),
        interlocks=reader.tables(data, "interlock", Interlock),
        sensors=reader.tables(data, "sensor", Sensor),
        desks=reader.tables(data, "desk", Desk),
        alerts=reader.tables(data, "alert", AlertRule),
        deterrents=reader.tables(data, "deterrent", Deterrent),
        retention=retention or Retention(),
        zones=reader.tables(data, "zone", Zone),
        lines=reader.tables(data, "line", Line),
        facades=reader.tables(data, "facade", Facade),
        console=reader.section(data, "console", Console) if "console" in data else None,
        patrol_points=reader.tables(data, "patrol_point", PatrolPoint),
        patrol_routes=reader.tables(data, "patrol_route", PatrolRoute),
        digest=hashlib.sha256(raw).hexdigest()[:16],
    )
    complete = not reader.broken  # what refers to what can only be judged when all of it is there
    _check_names(reader, config)
    _check_values(reader, config)
    if complete:
        check_wiring(reader, config)
        _check_ways(reader, config)
        _check_places(reader, config)
        _check_rounds(reader, config)
        _check_privacy(reader, config)
        _check_zones(reader, config)
        _check_facades(reader, config)
        check_keys(reader, config, path.parent)
        site_rules(config.gateway.site, reader)
    check_logins(reader, config, path.parent)
    _check_console(reader, config.console, path.parent)
    return Reading(_under_hold(config) if config.retention.hold else config, reader.problems, complete)


def _under_hold(config: Config) -> Config:
    """Evidence and visits have a retention of their own; a hold stops that too."""
    evidence = structs.replace(config.evidence, keep_days=FOREVER_DAYS)
    visits = structs.replace(config.visits, retain_days=FOREVER_DAYS)
    return structs.replace(config, evidence=evidence, visits=visits)


def _check_names(reader: Reader, config: Config) -> None:
    named: tuple[tuple[str, Sequence[Named]], ...] = (
        ("link", config.links),
        ("terminal", config.terminals),
        ("camera", config.cameras),
        ("door", config.doors),
        ("area", config.areas),
        ("interlock", config.interlocks),
        ("sensor", config.sensors),
        ("desk", config.desks),
        ("alert", config.alerts),
        ("deterrent", config.deterrents),
        ("zone", config.zones),
        ("line", config.lines),
        ("facade", config.facades),
        ("patrol_point", config.patrol_points),
        ("patrol_route", config.patrol_routes),
    )
    for what, things in named:
        seen: set[str] = set()
        for index, thing in enumerate(things):
            if not NAME.fullmatch(thing.name):
                reader.wrong(f"{what}[{index}].name", "config.bad_name", name=thing.name)
            if thing.name in seen:
                reader.wrong(f"{what}[{index}].name", "config.duplicate", what=what, name=thing.name)
            seen.add(thing.name)
    titles = [door.title or door.name for door in config.doors]
    for index, door in enumerate(config.doors):
        if len(door.title) > TITLE_AT_MOST or not door.title.isprintable():
            reader.wrong(f"door[{index}].title", "config.bad_title", most=TITLE_AT_MOST)
        if door.title and titles.count(door.title) > 1:
            reader.wrong(f"door[{index}].title", "config.title_twice", title=door.title)
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


def _check_console(reader: Reader, console: Console | None, folder: Path) -> None:
    """A console is served with a certificate or not at all."""
    if console is None:
        return
    host, _, port = console.listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        reader.wrong("console.listen", "config.bad_listen", found=console.listen)
    for key in ("cert", "key"):
        file = folder / getattr(console, key)
        try:
            demand_file(file, EdgeAgentError("config.no_console_file", file=file))
        except EdgeAgentError as error:
            reader.wrong(f"console.{key}", error.code, **error.fields)


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
        for index, terminal in enumerate(config.terminals):
            if "face" in _provided(terminal):
                reader.wrong(f"terminal[{index}].profile", "config.faces_of_minors", site=config.gateway.site)
    if config.faces.engine == "terminal":
        for index, camera in enumerate(config.cameras):
            if "face" in camera.use:
                reader.wrong(f"camera[{index}].use", "config.terminals_match", camera=camera.name)
        if not face_terminals(config):
            reader.wrong("faces.engine", "config.no_face_terminal")


def face_terminals(config: Config) -> tuple[str, ...]:
    """Names of the terminals that match faces by themselves."""
    return tuple(terminal.name for terminal in config.terminals if "face" in _provided(terminal))


def _check_zones(reader: Reader, config: Config) -> None:
    """Zones and lines have a camera, a shape, and names of their own: an alert carries the name alone."""
    cameras, zones = {camera.name for camera in config.cameras}, {zone.name for zone in config.zones}
    shapes: tuple[tuple[str, Sequence[Zone | Line]], ...] = (("zone", config.zones), ("line", config.lines))
    for index, zone in enumerate(config.zones):
        if "ebike" in zone.watch and config.vision.detector is None:
            reader.wrong(f"zone[{index}].watch", "zone.needs_detector")
    for what, things in shapes:
        for index, thing in enumerate(things):
            at = f"{what}[{index}]"
            refer(reader, f"{at}.camera", "camera", thing.camera, cameras)
            if not thing.watch:
                example = "intrusion" if what == "zone" else "crossing"
                reader.wrong(f"{at}.watch", "zone.no_watch", example=example)
            if what == "line" and thing.name in zones:
                reader.wrong(f"{at}.name", "config.duplicate", what="zone", name=thing.name)
            for where, code, fields in flaws(thing.points, closed=what == "zone"):
                reader.wrong(f"{at}.points{where}", code, **fields)


def _check_facades(reader: Reader, config: Config) -> None:
    """Each wall has a camera of its own, and lines that make a wall."""
    cameras, watched = {camera.name for camera in config.cameras}, dict[str, str]()
    for index, facade in enumerate(config.facades):
        refer(reader, f"facade[{index}].camera", "camera", facade.camera, cameras)
        if (other := watched.setdefault(facade.camera, facade.name)) != facade.name:
            reader.wrong(f"facade[{index}].camera", "facade.twice_watched", camera=facade.camera, other=other)
        for path, code, fields in faults(facade):
            if code != MISPLACED:  # check tells it, and the gateway; its doors are not kept shut for it
                reader.wrong(f"facade[{index}].{path}", code, **fields)


def _provided(terminal: Terminal) -> set[str]:
    """What kinds of credential it reads; none when its profile cannot be had, which is told elsewhere."""
    try:
        return {str(what) for what in load_profile(terminal.profile).provides} & {"card", "keypad", "qr", "face"}
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
    for name in config.visits.doors:
        refer(reader, "visits.doors", "door", name, doors)
    for index, group in enumerate(config.interlocks):
        for name in group.doors:
            refer(reader, f"interlock[{index}].doors", "door", name, doors)
        if len(set(group.doors)) < 2:
            reader.wrong(f"interlock[{index}].doors", "config.interlock_alone", name=group.name)


def _check_rounds(reader: Reader, config: Config) -> None:
    """Patrol points are somewhere, routes have points and times."""
    terminals = {terminal.name for terminal in config.terminals}
    doors, points = {door.name for door in config.doors}, {point.name for point in config.patrol_points}
    tags: set[str] = set()
    for index, point in enumerate(config.patrol_points):
        at = f"patrol_point[{index}]"
        if point.terminal:
            refer(reader, f"{at}.terminal", "terminal", point.terminal, terminals)
        if point.button:
            refer(reader, f"{at}.button", "door", point.button, doors)
        if not (point.terminal or point.button or point.tag):
            reader.wrong(at, "config.patrol_nowhere", name=point.name)
        if point.tag and point.tag in tags:
            reader.wrong(f"{at}.tag", "config.duplicate", what="tag", name=point.tag)
        tags.add(point.tag)
    for index, route in enumerate(config.patrol_routes):
        at = f"patrol_route[{index}]"
        for name in route.points:
            refer(reader, f"{at}.points", "patrol_point", name, points)
        for text in route.times:
            if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
                reader.wrong(f"{at}.times", "config.bad_time", found=text)
        if not route.points or not route.times or not route.days or not all(1 <= day <= 7 for day in route.days):
            reader.wrong(at, "config.patrol_never", name=route.name)
        for category in route.by:
            refer(reader, f"{at}.by", "category", category, CATEGORIES)
