"""What is plugged in: serial ports by their stable names, GPIO chips, cameras, and who has them open.

Read off /dev, /sys and /proc; no port is opened, because opening one moves its handshake lines, and some devices start
anew when that happens. One physical fact to know: cheap adapters have no serial number, so two of one make share their
name below by-id, and only the socket they are plugged into (by-path) tells them apart.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where the kernel shows its devices; tests give their own."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")


@dataclass(frozen=True)
class Holder:
    pid: int
    program: str


@dataclass(frozen=True)
class SerialDevice:
    """`path` is the name to write into agent.toml; `adapter` and `driver` are empty where the kernel does not say.
    `twin`: another adapter looks just the same, so `path` names the socket instead.
    """

    path: str
    device: str
    names: tuple[str, ...]
    adapter: str
    driver: str
    twin: bool
    holders: tuple[Holder, ...]


@dataclass(frozen=True)
class OtherDevice:
    path: str
    what: str


def serial_devices(places: Places = Places()) -> list[SerialDevice]:
    found: list[tuple[Path, dict[str, str], str]] = []
    for entry in sorted((places.sys / "class/tty").glob("*"), key=lambda path: natural(path.name)):
        device = places.dev / entry.name
        if not (entry / "device").exists() or not device.exists() or _text(entry / "type") == "0":
            continue  # a terminal of the screen, or a UART that is not there
        found.append((device, _usb(entry / "device"), _driver(entry)))
    alike = Counter(_identity(usb) for _, usb, _ in found if usb)
    ports = []
    for device, usb, driver in found:
        twin = bool(usb) and not usb.get("serial") and alike[_identity(usb)] > 1
        names = _links(places.dev, device)
        order = sorted(names, key=lambda name: ("/serial/" in name, ("/by-path/" in name) is not twin, name))
        adapter = (
            " ".join(part for part in (f"{usb['idVendor']}:{usb['idProduct']}", _label(usb)) if part) if usb else ""
        )
        ports.append(
            SerialDevice(
                order[0] if order else str(device), str(device), names, adapter, driver, twin, holders(device, places)
            )
        )
    return ports


def gpio_chips(places: Places = Places()) -> list[OtherDevice]:
    chips = sorted(places.dev.glob("gpiochip*"), key=lambda path: natural(path.name))
    return [OtherDevice(str(chip), _name(places.sys / f"bus/gpio/devices/{chip.name}/device")) for chip in chips]


def cameras(places: Places = Places()) -> list[OtherDevice]:
    """By the names that survive the next start. Only the first node of each camera carries pictures; the others carry
    its settings.
    """
    nodes = sorted(places.dev.glob("video*"), key=lambda path: natural(path.name))
    entries = {node: places.sys / f"class/video4linux/{node.name}" for node in nodes}
    names = {node: _text(entry / "name") for node, entry in entries.items() if _text(entry / "index") in ("", "0")}
    by_id, by_path = (
        {link.resolve(): str(link) for link in sorted((places.dev / "v4l" / kind).glob("*"))}
        for kind in ("by-id", "by-path")
    )
    # Of two that look alike only one has a name below by-id, today the one, tomorrow the other.
    twins = {name for node, name in names.items() if node.resolve() not in by_id}
    return [
        OtherDevice(
            (None if name in twins else by_id.get(node.resolve())) or by_path.get(node.resolve(), str(node)), name
        )
        for node, name in names.items()
    ]


def stable_name(path: Path, places: Places = Places()) -> str:
    """The name of this port that survives the next start; the path itself when it has none."""
    real = path.resolve()
    if places.dev / "serial" in path.parents:
        return str(path)
    return next((port.path for port in serial_devices(places) if Path(port.device) == real), str(path))


def holders(device: Path, places: Places = Places()) -> tuple[Holder, ...]:
    """Who has it open: those who locked it, and as root also those who did not. Never this process."""
    try:
        there = device.stat()
    except OSError:
        return ()
    pids = _lockers(there, places.proc) | _openers(there, places.proc)
    return tuple(Holder(pid, _text(places.proc / f"{pid}/comm")) for pid in sorted(pids - {os.getpid()}))


def _lockers(there: os.stat_result, proc: Path) -> set[int]:
    """proc_locks(5): kind, pid, major:minor (hexadecimal) and inode of the file."""
    wanted = f"{os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}:{there.st_ino}"
    lines = (line.split() for line in _text(proc / "locks").splitlines())
    return {int(line[4]) for line in lines if len(line) > 5 and line[5] == wanted and int(line[4]) > 0}


def _openers(there: os.stat_result, proc: Path) -> set[int]:
    if not there.st_rdev:
        return set()
    pids = set()
    for process in proc.glob("[0-9]*"):
        try:
            for entry in os.listdir(process / "fd"):
                if (process / "fd" / entry).stat().st_rdev == there.st_rdev:
                    pids.add(int(process.name))
        except OSError:
            continue  # not ours to look at, or gone meanwhile
    return pids


def _driver(entry: Path) -> str:
    """Newer kernels put a level called `port` between a UART and its driver."""
    name = _name(entry / "device/driver")
    return _name((entry / "device").resolve().parents[1] / "driver") if name == "port" else name


def _links(dev: Path, device: Path) -> tuple[str, ...]:
    real = device.resolve()
    links = [*sorted((dev / "serial/by-id").glob("*")), *sorted((dev / "serial/by-path").glob("*"))]
    links += [link for link in sorted(dev.glob("edge-*")) if link.is_symlink()]  # made by our own rules
    return tuple(str(link) for link in links if link.resolve() == real)


def _usb(device: Path) -> dict[str, str]:
    """The USB device above this port: vendor, product, texts and serial number; empty when it is none."""
    for folder in (real := device.resolve(), *real.parents):
        if (folder / "idVendor").exists():
            names = ("idVendor", "idProduct", "manufacturer", "product", "serial")
            return {name: value for name in names if (value := _text(folder / name))}
    return {}


def _identity(usb: dict[str, str]) -> tuple[str, ...]:
    return tuple(usb.get(name, "") for name in ("idVendor", "idProduct", "serial"))


def _label(usb: dict[str, str]) -> str:
    return " ".join(dict.fromkeys(usb[name] for name in ("manufacturer", "product") if name in usb))


def _name(link: Path) -> str:
    return link.resolve().name if link.exists() else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def natural(name: str) -> tuple[str, int]:
    """ttyUSB2 before ttyUSB10."""
    number = re.search(r"\d+$", name)
    return (name[: number.start()], int(number[0])) if number else (name, 0)
