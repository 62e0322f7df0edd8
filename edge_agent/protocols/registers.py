"""Registers of a device profile: times into words, words into masks, a sensor's count into what it means. Pure."""

import math
from collections.abc import Sequence

from edge_agent.model.profile import Profile
from edge_agent.model.registers import RegisterRead, RegisterWrite, SensorTraits, Threshold
from edge_agent.model.sensors import Level, Reading

_PER_S = {"tenths": 10, "seconds": 1}


def read_form(profile: Profile, name: str) -> RegisterRead | None:
    return next((form for form in profile.read if form.name == name), None)


def write_form(profile: Profile, name: str) -> RegisterWrite | None:
    return next((form for form in profile.write if form.name == name), None)


def words_of(form: RegisterWrite, seconds: float = 0.0, address: int = 0) -> tuple[int, ...]:
    """What is written for a pulse of `seconds`, rounded up to the board's unit and cut to what it can time; or for a
    new `address`.
    """
    made = []
    for word in form.words:
        counts = 0
        if word.plus == "address":
            counts = address
        elif word.plus is not None:
            counts = min(word.most, max(1, math.ceil(seconds * _PER_S[word.plus] - 1e-6)))
        made.append(word.value + counts)
    return tuple(made)


def timed_s(form: RegisterWrite, seconds: float) -> float:
    """How long the board will really time a pulse of `seconds`."""
    for word in form.words:
        if word.plus is not None and word.plus != "address":
            per_s = _PER_S[word.plus]
            return min(word.most, max(1, math.ceil(seconds * per_s - 1e-6))) / per_s
    return 0.0


def longest_s(form: RegisterWrite) -> float:
    """The longest pulse the board can time."""
    return timed_s(form, 1e9)


def mask_of(values: Sequence[int]) -> int:
    """Bit n is set when value n is not 0."""
    return sum(1 << number for number, value in enumerate(values) if value)


class Levels:
    """A sensor's readings, one after the other, to what they mean; None while nothing has changed."""

    def __init__(self, traits: SensorTraits) -> None:
        self._traits = traits
        self._level = Level.NORMAL  # before settling: hysteresis goes by the readings themselves
        self._coming: tuple[tuple[Level, str], int] | None = None
        self.told: tuple[Level, str] | None = None

    def forget(self) -> None:
        """The device was away: what it says next is found."""
        self.told = self._coming = None

    def see(self, raw: int) -> Reading | None:
        reading = self._meaning(raw)
        key = reading.level, reading.kind
        if key == self.told:
            self._coming = None
            return None
        count = self._coming[1] + 1 if self._coming is not None and self._coming[0] == key else 1
        if count < self._traits.settle:
            self._coming = key, count
            return None
        self._coming, self.told = None, key
        return reading

    def _meaning(self, raw: int) -> Reading:
        traits = self._traits
        if raw in traits.broken:
            return Reading(Level.FAULT, "sensor_broken")
        if traits.band:
            return _loop(traits, raw)
        counts = raw - 0x10000 if traits.signed and raw >= 0x8000 else raw
        value = round(counts * traits.scale, 6)
        alarm, warning = self._level is Level.ALARM, self._level in (Level.ALARM, Level.WARNING)
        if _over(traits.alarm, value, alarm):
            self._level = Level.ALARM
        elif _over(traits.warning, value, warning):
            self._level = Level.WARNING
        else:
            self._level = Level.NORMAL
        return Reading(self._level, traits.measures, value, traits.unit)


def _over(threshold: Threshold | None, value: float, was: bool) -> bool:
    return threshold is not None and value >= (threshold.clear if was else threshold.at)


def _loop(traits: SensorTraits, raw: int) -> Reading:
    for band in traits.band:
        if band.low <= raw <= band.high:
            match band.state:
                case "closed":
                    return Reading(Level.NORMAL, "loop_closed")
                case "open":
                    return Reading(Level.ALARM, "loop_open")
                case "cut":
                    return Reading(Level.FAULT, "loop_cut")
                case "shorted":
                    return Reading(Level.FAULT, "loop_shorted")
    return Reading(Level.FAULT, "sensor_broken")
