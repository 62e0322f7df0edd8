"""What agent.toml says about cameras, their alerts and their deterrents, judged before anything is opened."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from edge_agent.core.alerts import ALARMS, APART, FAULTS, level_of, rule_for
from edge_agent.core.facade import misplaced
from edge_agent.core.zone_shape import area, corners, crossing
from edge_agent.errors import EdgeAgentError, locked
from edge_agent.model.face_models import Manifest
from edge_agent.model.site import Camera, Config, Facade, Line, Zone
from edge_agent.tables import Reader, refer
from edge_agent.vision.urls import shown, wrong_with
from edge_agent.vision.v4l2 import device_of, shared

if TYPE_CHECKING:  # numpy comes with what needs it
    from edge_agent.vision.falling_grid import Grid

AT_ONCE_S = 8.0  # what is told at once has been followed for a while: a fall, a walk through a zone
LEAD_AT_MOST_S = 60.0
LEAST_MASK = 0.00002  # of the picture; of less no pixel of a sub-stream would be hidden


def check_cameras(reader: Reader, config: Config) -> None:
    _check_devices(reader, config)
    doors, areas = {door.name for door in config.doors}, {area.name for area in config.areas}
    for index, camera in enumerate(config.cameras):
        at = f"camera[{index}]"
        if camera.door:
            refer(reader, f"{at}.door", "door", camera.door, doors)
        elif "face" in camera.use or camera.expect_face:
            reader.wrong(f"{at}.door", "config.camera_no_door")
        if "wall" in camera.use and "alerts" not in camera.use:
            reader.wrong(f"{at}.use", "config.wall_alone")
        if camera.area is not None:
            refer(reader, f"{at}.area", "area", camera.area, areas)
        for key, url in (("url", camera.url), ("main_url", camera.main_url)):
            if url is not None and url.startswith("v4l2:"):
                continue
            if url is not None and (wrong := wrong_with(url)) is not None:
                reader.wrong(f"{at}.{key}", wrong, url=shown(url))
        for number, mask in enumerate(camera.masks):
            if len(mask) < 6 or len(mask) % 2 or not all(0 <= value <= 1 for value in mask):
                reader.wrong(f"{at}.masks[{number}]", "config.camera_mask")
            elif (sides := crossing(corners(mask))) is not None:
                reader.wrong(f"{at}.masks[{number}]", "zone.crossing", one=sides[0], other=sides[1])
            elif area(corners(mask)) < LEAST_MASK:
                reader.wrong(f"{at}.masks[{number}]", "config.camera_mask_small")
    _check_alerts(reader, config)


def _check_alerts(reader: Reader, config: Config) -> None:
    """Rules and deterrents that would never say anything."""
    cameras, doors = {camera.name for camera in config.cameras}, {door.name for door in config.doors}
    watched: tuple[tuple[str, Sequence[Zone | Line | Facade]], ...] = (
        ("zone", config.zones), ("line", config.lines), ("facade", config.facades)
    )  # fmt: skip
    rules = cameras | doors | {thing.name for _, things in watched for thing in things}
    for index, rule in enumerate(config.alerts):
        for name in rule.cameras:
            refer(reader, f"alert[{index}].cameras", "camera", name, cameras)
        for name in rule.rules:
            refer(reader, f"alert[{index}].rules", "zone, line, facade", name, rules)
    raised = [rule.kinds for rule in config.alerts if rule.level == "alarm"]
    for index, deterrent in enumerate(config.deterrents):
        for name in deterrent.cameras:
            refer(reader, f"deterrent[{index}].cameras", "camera", name, cameras)
        for kind in deterrent.kinds:
            if kind not in ALARMS and not any(not kinds or kind in kinds for kinds in raised):
                reader.wrong(f"deterrent[{index}].kinds", "config.deterrent_silent", kind=kind)
        if deterrent.name in doors:
            reader.wrong(f"deterrent[{index}].name", "config.duplicate", what="door", name=deterrent.name)
    watching = {camera.name for camera in config.cameras if "alerts" in camera.use}
    for what, things in watched:
        for index, thing in enumerate(things):
            if thing.camera in cameras - watching:
                reader.wrong(f"{what}[{index}].camera", "config.camera_unwatched", camera=thing.camera)


def _check_devices(reader: Reader, config: Config) -> None:
    """Cameras of this machine. Two tables may name one device; it has one size then."""
    named: dict[str, str] = {}
    for at, _, url in device_urls(config.cameras):
        try:
            device = device_of(url)
        except ValueError:
            device = None
        if device is None or device.share:
            reader.wrong(at, "config.camera_device", url=url)
        elif named.setdefault(device.path, url) != url:
            reader.wrong(at, "config.camera_device_twice", device=device.path)


class Told(NamedTuple):
    """What can be told of a camera; `rule`: the zone, line, façade or door, the camera for what it suffers itself."""

    camera: str
    rule: str
    kind: str


def tellable(config: Config) -> list[Told]:
    """Everything that this configuration can raise an alert of."""
    watching = [camera for camera in config.cameras if "alerts" in camera.use]
    told = [Told(camera.name, camera.name, kind) for camera in watching for kind in sorted(FAULTS)]
    told += [Told(zone.camera, zone.name, kind) for zone in config.zones for kind in zone.watch]
    told += [Told(line.camera, line.name, "wrong_way") for line in config.lines if "wrong_way" in line.watch]
    told += [Told(facade.camera, facade.name, kind) for facade in config.facades for kind in sorted(APART)]
    for door in config.doors:
        there = [camera for camera in config.cameras if camera.door == door.name]
        telling = next((camera.name for camera in there if "alerts" in camera.use), None)
        if telling is None:
            continue
        if lines := lines_at(config, door.name):
            expected = ["no_face"] if any(camera.expect_face for camera in there) else []
            told += [Told(lines[0].camera, door.name, kind) for kind in ("tailgating", "wrong_passage", *expected)]
        if any("face" in camera.use for camera in there):
            told.append(Told(telling, door.name, "repeated_denial"))
    return told


def idle_rules(config: Config) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Where it stands, code and fields of each [[alert]] and [[deterrent]] that can never do anything, or that names a
    kind that nothing raises.
    """
    told = tellable(config)
    for index, rule in enumerate(config.alerts):
        meant = [one for one in told if rule_for([rule], *one) is not None]
        left = [one for one in meant if rule_for(config.alerts, *one) is rule]
        for kind in rule.kinds:
            if all(one.kind != kind for one in meant):
                yield f"alert[{index}].kinds", "config.alert_of_nothing", {"why": f"alert.{kind}"}
        if meant and not left:
            earlier = {taken.name for one in meant if (taken := rule_for(config.alerts, *one)) is not None}
            yield f"alert[{index}]", "config.alert_taken", {"names": ", ".join(sorted(earlier))}
        elif not meant and not rule.kinds:
            yield f"alert[{index}]", "config.alert_of_no_camera", {}
    loud = [one for one in told if level_of(rule_for(config.alerts, *one), one.kind) == "alarm"]
    loud = [one for one in loud if one.kind != "light_object"]  # never sounds
    for index, deterrent in enumerate(config.deterrents):
        heard = {one.kind for one in loud if not deterrent.cameras or one.camera in deterrent.cameras}
        if not heard and not deterrent.kinds:
            yield f"deterrent[{index}]", "config.deterrent_idle", {}
        for kind in (kind for kind in deterrent.kinds if kind not in heard):
            yield f"deterrent[{index}].kinds", "config.deterrent_of_nothing", {"why": f"alert.{kind}"}


def lines_at(config: Config, door: str) -> list[Line]:
    """Lines before `door`, as in agent.toml. Whoever crosses the first is held against the door's grants; another line,
    of this camera or a second one, would count the same person again.
    """
    there = {camera.name for camera in config.cameras if camera.door == door and "alerts" in camera.use}
    return [line for line in config.lines if line.camera in there]


def grid_of(facade: Facade) -> "Grid":
    """The grid of lines without `faults`. Raises EdgeAgentError when they make no wall that can be seen so."""
    from edge_agent.vision.falling_grid import fit

    grid = fit(facade)
    left, right = grid.sides()
    for x in ((left + right) / 2, left, right):
        rows = [float(grid.pixels(x, facade.height_m(floor))[1]) for floor in range(1, facade.floors + 2)]
        if (folded := misplaced(facade, rows)) is not None:
            raise EdgeAgentError(folded[1], **folded[2])
    return grid


def lead_s(config: Config, camera: str) -> float:
    """So long before an alarm of `camera` its clip may begin, and `pre_s`: when what the alarm is about began, for as
    far as a recorder keeps pictures.
    """
    waits = [wait_s for zone in config.zones if zone.camera == camera for wait_s in zone.waits.values()]
    return AT_ONCE_S + min(LEAD_AT_MOST_S, max([0.0, *waits]))


def device_urls(cameras: Sequence[Camera]) -> Iterator[tuple[str, Camera, str]]:
    """Where it stands in agent.toml, the camera and the URL, of each URL that is a camera of this machine."""
    for index, camera in enumerate(cameras):
        for key, url in (("url", camera.url), ("main_url", camera.main_url)):
            if url is not None and url.startswith("v4l2:"):
                yield f"camera[{index}].{key}", camera, url


def device_share(url: str, state: Path) -> tuple[str, Path | None]:
    """A camera of this machine: the URL by which those see it who do not have the device, and the socket of who has it.
    Any other: `url` itself, None.
    """
    if not url.startswith("v4l2:"):
        return url, None
    device = hashlib.sha256(device_of(url).path.encode()).hexdigest()[:16]  # its own name may be too long for a socket
    socket = state / "run" / f"camera-{device}.sock"
    return shared(url, socket), socket


def check_logins(reader: Reader, config: Config, folder: Path) -> None:
    for index, camera in enumerate(config.cameras):
        try:
            logged_in(camera, folder)
        except EdgeAgentError as error:
            reader.wrong(f"camera[{index}].login_file", error.code, **error.fields)
        except ValueError:
            continue  # no url, which check_cameras tells


def logged_in(camera: Camera, folder: Path) -> tuple[str, str]:
    """(`url`, `main_url` or the same) with the user and password of `login_file`. Raises EdgeAgentError."""
    urls = camera.url, camera.main_url or camera.url
    if camera.login_file is None:
        return urls
    path = folder / camera.login_file
    try:
        line = path.read_text("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise EdgeAgentError("config.camera_login", path=path) from None
    except PermissionError:
        raise EdgeAgentError("config.file_locked", **locked(path)) from None
    except OSError:
        raise EdgeAgentError("config.file_missing", path=path) from None
    user, colon, password = line.partition(":")
    if not user or not colon or "\n" in line:
        raise EdgeAgentError("config.camera_login", path=path)
    return with_login(urls[0], user, password), with_login(urls[1], user, password)


def with_login(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    if parts.scheme in ("file", "v4l2"):
        return url
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{where}"))


def detector_of(config: Config, models: Path) -> Manifest | None:
    """What `vision.detector` names, if it names one. Raises FaceError when that cannot be had."""
    if config.vision.detector is None:
        return None
    from edge_agent.vision.models import objects_of

    return objects_of(config.vision.detector, models)
