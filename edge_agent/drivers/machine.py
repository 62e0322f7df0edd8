"""What the machine under the agent says of itself, from /proc and /sys. A sensor that is not there is None."""

import os
from pathlib import Path

ZONES = Path("/sys/class/thermal")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def machine() -> tuple[int, float, float | None]:
    """(bytes of memory of this process, load of the last minute, temperature in °C)."""
    return rss(), round(os.getloadavg()[0], 2), temperature_c()


def rss() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE


def temperature_c(zones: Path = ZONES) -> float | None:
    """The hottest zone that can be read, in °C (the files say m°C)."""
    found: list[float] = []
    for file in sorted(zones.glob("thermal_zone*/temp")):
        try:
            found.append(int(file.read_text("ascii")) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)
