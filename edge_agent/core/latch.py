"""Alarms that stay: fire and panic. Raised by an input, cleared by hand alone, never by the input going back.

A panic is announced again and again until somebody acknowledges or clears it; each place has a latch of its own, so
that of several at the same time none is lost (GB 50394).
"""

from msgspec import structs

from edge_agent.model.clock import Moment
from edge_agent.model.standing import At, Latch

FIRE = "fire"
SENSOR = "sensor/"  # a sensor's open alert: sensor/<name>/<level>/<kind>; it ends by itself, and is not announced again
MOVED = "moved/"  # a calibrated camera was moved: floors are not told until somebody has calibrated it anew


def moved(camera: str, now: Moment) -> Latch:
    """Not announced again: its alert has said it."""
    return Latch(f"{MOVED}{camera}", raised=True, count=1, since=At.of(now))


def panic_of(door: str) -> str:
    return f"panic/{door}"


def raise_(latch: Latch | None, name: str, now: Moment) -> Latch | None:
    """The input became active; None when the alarm stands already. After it was acknowledged it is a new call."""
    if latch is not None and latch.raised:
        if not latch.acknowledged:
            return None
        return Latch(name, raised=True, count=latch.count + 1, since=latch.since, last=At.of(now))
    return Latch(name, raised=True, count=1, since=At.of(now), last=At.of(now))


def again(latch: Latch, now: Moment, every_s: float) -> Latch | None:
    """Time passed: the latch as announced once more, or None while it is not due."""
    if not latch.raised or latch.name == FIRE or latch.last is None or latch.acknowledged:
        return None
    since_ms = latch.last.since_ms(now)
    if since_ms is not None and 0 <= since_ms < every_s * 1000:
        return None
    return Latch(latch.name, raised=True, count=latch.count + 1, since=latch.since, last=At.of(now))


def acknowledge(latch: Latch | None, by: str) -> Latch | None:
    """Somebody has heard it; None when there is nothing to hear. It stays raised until it is cleared."""
    if latch is None or not latch.raised or latch.acknowledged:
        return None
    return structs.replace(latch, acknowledged=by)


def sensor(name: str, level: str, kind: str, now: Moment) -> Latch:
    return Latch(f"{SENSOR}{name}/{level}/{kind}", raised=True, count=1, since=At.of(now))


def clear(latch: Latch | None, active: bool, by: str) -> Latch | None:
    """By hand; None when there is nothing to clear. `active`: the input still is, and then nothing is cleared."""
    if latch is None or not latch.raised or active:
        return None
    return Latch(latch.name, raised=False, count=latch.count, by=by)
