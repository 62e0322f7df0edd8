"""What a sensor reports: a level it has reached, or that it cannot be believed."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    NORMAL = "normal"
    WARNING = "warning"  # said on the spot
    ALARM = "alarm"  # somebody has to come
    FAULT = "fault"  # the sensor or its wire cannot tell the truth


class Reading(msgspec.Struct, frozen=True):
    """`kind`: what it is about (vapour, loop_open, loop_cut, sensor_broken, …); `value` in `unit`, None for a loop."""

    level: Level
    kind: str
    value: float | None = None
    unit: str = ""


class SensorReport(msgspec.Struct, frozen=True):
    """Told when level or kind changes. `first`: found at start or after silence, not seen to change."""

    sensor: str
    reading: Reading
    up_ms: int
    first: bool = False
