"""What a configuration needs of this machine: ports, chips, key files; and what is allowed but worth a second look."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from edge_agent.config import EVIDENCE_KEY, FACE_KEY, GATEWAY_KEY, NO_UPLINK
from edge_agent.contract.commanders import load_keyring
from edge_agent.contract.rotation import own_keys
from edge_agent.contract.signatures import load_private, load_public
from edge_agent.core.facade import MISPLACED, faults
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.gpio_gate import wanted_lines
from edge_agent.drivers.gpio_lines import check_lines
from edge_agent.drivers.link import parse_link_url
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError, FaceError, Problem
from edge_agent.model.face_models import EBIKES, PERSON
from edge_agent.model.gpio import Wanted
from edge_agent.model.profile import Gpio
from edge_agent.model.site import Config, Door
from edge_agent.store.evidence import FOLDER, demand_writable
from edge_agent.store.pin_index import KEY_FILE
from edge_agent.tables import demand_file
from edge_agent.vision.models import checked_paths, lacks
from edge_agent.vision.urls import local_path, shown
from edge_agent.vision.v4l2 import device_of
from edge_agent.wiring_cameras import LEAD_AT_MOST_S, detector_of, device_urls, grid_of, idle_rules, lines_at


def check_devices(config: Config, file: str) -> list[Problem]:
    """Ports that are not there now, or that two links name in two ways (`/dev/serial/by-id/…` is a link to another).

    The agent starts without a port and takes it when it comes. A url that is none is passed over, config.py tells it.
    """
    present = ", ".join(sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))) or "–"
    problems = []
    taken: dict[Path, str] = {}
    for index, link in enumerate(config.links):
        try:
            url = parse_link_url(link.url)
        except EdgeAgentError:
            continue
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
    return problems + _check_cameras(config, file)


def _check_cameras(config: Config, file: str) -> list[Problem]:
    """Cameras of this machine that are not there now, or that two tables name in two ways."""
    present = ", ".join(sorted(str(path) for path in Path("/dev/v4l/by-id").glob("*"))) or "–"
    problems = []
    taken: dict[Path, str] = {}
    for at, _, url in device_urls(config.cameras):
        try:
            path = device_of(url).path
        except ValueError:
            continue
        device = Path(path).resolve()
        if not device.exists():
            problems.append(Problem(file, at, "config.camera_missing", path=path, present=present))
        elif taken.setdefault(device, path) != path:
            problems.append(Problem(file, at, "config.camera_twice", other=taken[device], device=path))
    return problems + _check_recordings(config, file)


def _check_recordings(config: Config, file: str) -> list[Problem]:
    """Files and folders of stills in the place of cameras: each has a picture; no evidence is kept of stills."""
    problems = []
    known: dict[str, tuple[str, dict[str, str]] | None] = {}
    for index, camera in enumerate(config.cameras):
        for key, url in (("url", camera.url), ("main_url", camera.main_url)):
            try:
                path = None if url is None else local_path(url)
            except ValueError:
                continue
            if url is None or path is None:
                continue
            if url not in known:
                known[url] = _first_picture(url)
            if (wrong := known[url]) is not None:
                problems.append(Problem(file, f"camera[{index}].{key}", wrong[0], **wrong[1]))
            kept = "evidence" in camera.use and url == (camera.main_url or camera.url)
            if kept and path.is_dir():
                problems.append(Problem(file, f"camera[{index}].use", "cameras.stills_no_clip", url=shown(url)))
    return problems


def _first_picture(url: str) -> tuple[str, dict[str, str]] | None:
    """What is wrong with a recording: code of words/ and what fills its sentence. In a child: decoders may abort."""
    command = [sys.executable, "-m", "edge_agent.vision.first_picture"]
    try:
        done = subprocess.run(command, input=url.encode() + b"\n", capture_output=True, timeout=30, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "cameras.broken", {"url": shown(url)}
    return msgspec.json.decode(done.stdout, type=tuple[str, dict[str, str]] | None)


def _check_chip(config: Config, file: str, index: int, chip: str) -> list[Problem]:
    """The chip, and the lines of every door on it."""
    problems: list[Problem] = []
    on_chip = [
        (position, door) for position, door in enumerate(config.doors) if door.gate.link == config.links[index].name
    ]
    for at, wanted in ((f"link[{index}].url", ()), *((f"door[{n}].gate", _lines_of(door)) for n, door in on_chip)):
        try:
            check_lines(chip, wanted)
        except EdgeAgentError as error:
            problems.append(Problem(file, at, error.code, **error.fields))
            if at.startswith("link"):
                break  # no chip: nothing to say of its lines
    return problems


def _lines_of(door: Door) -> tuple[Wanted, ...]:
    """None of a door whose profile cannot be had or has none, which config.py tells."""
    try:
        profile = load_profile(door.gate.profile)
        return wanted_lines(door, profile) if isinstance(profile.framing, Gpio) else ()
    except EdgeAgentError:
        return ()


def check_files(config: Config, file: str, folder: Path) -> list[Problem]:
    """Keys, certificates and passwords that the configuration needs. None of them is read aloud."""
    problems = []
    uplink = config.uplink
    wanted: list[tuple[str, str]] = [("gateway", GATEWAY_KEY)]
    if uplink is not NO_UPLINK:
        wanted += [("uplink.city_ack_key", uplink.city_ack_key), ("uplink.city_command_key", uplink.city_command_key)]
    if any("face" in camera.use for camera in config.cameras):
        wanted.append(("camera", FACE_KEY))  # made with the gateway's own
    if any("evidence" in camera.use for camera in config.cameras):
        wanted.append(("camera", EVIDENCE_KEY))
    if config.desks:
        wanted.append(("desk", KEY_FILE))  # so is this
    if uplink.password_file is not None:
        wanted.append(("uplink.password_file", uplink.password_file))
    if uplink.tls is not None:
        wanted += [(f"uplink.tls.{name}", getattr(uplink.tls, name)) for name in ("ca", "cert", "key")]
    for at, name in wanted:
        try:
            match Path(name).suffix:
                case ".pub":
                    load_public(folder / name)
                case _ if at == "uplink.city_command_key":
                    load_keyring(folder / name)
                case ".key" if at == "gateway":
                    own_keys((folder / name).parent, load_private(folder / name).public_key())
                case _:
                    demand_file(folder / name, EdgeAgentError("config.file_missing", path=folder / name))
        except EdgeAgentError as error:
            problems.append(Problem(file, at, error.code, **error.fields))
    from edge_agent.uplink.login import check_certificate  # brings the MQTT client along, which few commands need

    unread = {problem.at for problem in problems} & {"uplink.tls.cert", "uplink.tls.key"}
    if uplink.tls is not None and not unread:
        try:
            check_certificate(uplink.tls, config.gateway.id, folder, SystemClock().now())
        except EdgeAgentError as error:
            problems.append(Problem(file, "uplink.tls.cert", error.code, **error.fields))
    return problems


def check_detector(config: Config, file: str, models: Path) -> list[Problem]:
    """The model that zones and lines are watched with is there, whole, and knows what they ask for."""
    try:
        detector = detector_of(config, models)
        if detector is None:
            return []
        checked_paths(str(models), detector)
    except FaceError as error:
        return [Problem(file, "vision.detector", error.code, **error.fields)]
    known, wrong = set(detector.classes), []
    if not known & set(EBIKES):
        zones = [index for index, zone in enumerate(config.zones) if "ebike" in zone.watch]
        wrong = [(f"zone[{index}].watch", lacks(detector, "ebike")) for index in zones]
        if PERSON not in known and (config.zones or config.lines):
            wrong.append(("vision.detector", lacks(detector, PERSON)))
    return [Problem(file, at, error.code, **error.fields) for at, error in wrong]


def check_walls(config: Config, file: str) -> list[Problem]:
    """The lines of each façade make a wall that can be seen so. Lines that are none by themselves config.py tells."""
    problems = []
    for index, facade in enumerate(config.facades):
        if any(code != MISPLACED for _, code, _ in faults(facade)):
            continue
        try:
            grid_of(facade)
        except EdgeAgentError as error:
            problems.append(Problem(file, f"facade[{index}].lines", error.code, **error.fields))
    return problems


def check_evidence(config: Config, file: str, folder: Path) -> list[Problem]:
    """Can this user put evidence where the agent keeps it? Nothing is said before the agent has made that folder."""
    there = folder / config.gateway.state / FOLDER
    if all("evidence" not in camera.use for camera in config.cameras) or not os.access(there, os.F_OK):
        return []
    try:
        demand_writable(there)
    except EdgeAgentError as error:
        return [Problem(file, "gateway.state", error.code, **error.fields)]
    return []


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
        for line in lines_at(config, door.name)[1:]:
            first = lines_at(config, door.name)[0]
            at = f"line[{config.lines.index(line)}]"
            hints.append(Problem(file, at, "config.second_line", door=door.name, first=first.name, line=line.name))
    recorded = {camera.name for camera in config.cameras if "evidence" in camera.use}
    most_s = min(LEAD_AT_MOST_S, config.evidence.longest_s)
    for index, zone in enumerate(config.zones):
        for kind, wait_s in zone.waits.items():
            if zone.camera in recorded and wait_s > most_s:
                at = f"zone[{index}].watch"
                fields = {"why": f"alert.{kind}", "wait_s": wait_s, "most_s": most_s}
                hints.append(Problem(file, at, "config.begun_long_ago", **fields))
    hints += [Problem(file, at, code, **fields) for at, code, fields in idle_rules(config)]
    return hints
