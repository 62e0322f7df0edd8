"""What a gate board's inputs say of one door: masks of a state message in, GateReports out, told once each.

Knows nothing of lines or relays. One physical fact to know: a contact bounces for some 10 ms each time it moves, and a
board sends every edge; what is not urgent counts once it has been stable for the profile's `debounce_ms`, dated at its
first edge. Exit button, fire and panic count at their first edge: life waits for nothing.

A contact loop that is cut or shorted says nothing of the door: the last known state stays. When the loop is mended and
the door stands differently, that is told as a change: who cut the wire may have opened the door.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from edge_agent.model.doors import GateReport, Report
from edge_agent.model.site import GateBinding
from edge_agent.ports import Clock

T = TypeVar("T")

CONTACT = "contact"  # `detail` of INPUT_*


class Loop(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    CUT = "cut"
    SHORTED = "shorted"


_MOVED = {Loop.OPEN: Report.CONTACT_OPEN, Loop.CLOSED: Report.CONTACT_CLOSED}
_FAULTS = {Loop.CUT: Report.INPUT_CUT, Loop.SHORTED: Report.INPUT_SHORTED}
_ALARMS = {
    "fire": (Report.FIRE_ON, Report.FIRE_OFF),
    "panic": (Report.PANIC_ON, Report.PANIC_OFF),
    "tamper": (Report.TAMPER_ON, Report.TAMPER_OFF),
}
_AT_ONCE = {"fire", "panic"}


class Settling(Generic[T]):
    """One input's value: `settled(value, since_ms)` once a new one has been stable. Runs on the event loop."""

    def __init__(self, debounce_ms: int, clock: Clock, settled: Callable[[T, int], None]) -> None:
        self._debounce_ms, self._clock, self._settled = debounce_ms, clock, settled
        self.value: T | None = None  # None: not known
        self._coming: tuple[T, int, asyncio.TimerHandle] | None = None  # what it moves to, since, settles

    def seen(self, value: T) -> None:
        since = self._clock.now().up_ms
        if self._coming is not None:
            if self._coming[0] == value:
                return
            since = self._coming[1]  # it bounces: what counts is where it ends, and when it first moved
            self.forget_edge()
        elif value == self.value:
            return
        timer = asyncio.get_running_loop().call_later(self._debounce_ms / 1000, self._stable)
        self._coming = value, since, timer

    def take(self, value: T | None) -> None:
        """The value is this, whatever was on its way."""
        self.forget_edge()
        self.value = value

    def forget_edge(self) -> None:
        if self._coming is not None:
            self._coming[2].cancel()
            self._coming = None

    def _stable(self) -> None:
        assert self._coming is not None
        value, since, _ = self._coming
        self._coming = None
        if value != self.value:
            self.value = value
            self._settled(value, since)


class Inputs:
    """`binding`: which inputs are this door's. The reports go to `deliver`."""

    def __init__(
        self, door: str, binding: GateBinding, debounce_ms: int, clock: Clock, deliver: Callable[[GateReport], None]
    ) -> None:
        self._door, self._binding, self._clock, self._deliver = door, binding, clock, deliver
        self._loop = Settling[Loop](debounce_ms, clock, self._loop_settled)
        self._open: Loop | None = None  # as last told: OPEN or CLOSED
        self._fault: Loop | None = None  # as last told: CUT, SHORTED or nothing
        self._exit = False
        bound = {"fire": binding.fire, "panic": binding.panic, "tamper": binding.tamper}
        self._alarms = {
            name: (number, Settling[bool](debounce_ms, clock, self._alarm_told(name)))
            for name, number in bound.items()
            if number is not None
        }
        self._active: set[str] = set()  # alarms last told as on; known beyond a lost link

    def state(self, masks: Mapping[str, int], first: bool) -> None:
        """The board's state. `first`: it was not heard before, so this is what is found, not what moved."""
        self._exit_seen(masks, first)
        for name, (number, alarm) in self._alarms.items():
            self._alarm_seen(name, alarm, bool(masks.get(name, 0) >> number & 1), first)
        if self._binding.contact is not None:
            loop = self._read_loop(masks, self._binding.contact)
            if first or self._loop.value is None:
                self._loop.take(loop)
                self._tell_loop(loop, self._clock.now().up_ms, first=True)
            else:
                self._loop.seen(loop)

    def lost(self) -> None:
        """The board is gone: what it says next is found, not seen to change."""
        self._loop.take(None)
        self._open = None
        self._exit = False
        for _, alarm in self._alarms.values():
            alarm.take(None)

    def close(self) -> None:
        """No report later than this."""
        self._loop.forget_edge()
        for _, alarm in self._alarms.values():
            alarm.forget_edge()

    def _exit_seen(self, masks: Mapping[str, int], first: bool) -> None:
        if self._binding.exit is None:
            return
        pressed = bool(masks["buttons"] >> self._binding.exit & 1)
        if pressed and not self._exit:
            self._say(Report.EXIT_PRESSED, self._clock.now().up_ms, first)
        self._exit = pressed

    def _alarm_seen(self, name: str, alarm: Settling[bool], on: bool, first: bool) -> None:
        if first or alarm.value is None:
            alarm.take(on)
            if on or name in self._active:  # nobody shall go on believing what is over
                self._tell_alarm(name, on, self._clock.now().up_ms, first=True)
        elif on and name in _AT_ONCE:
            told = alarm.value
            alarm.take(True)
            if not told:
                self._tell_alarm(name, True, self._clock.now().up_ms, first=False)
        else:
            alarm.seen(on)

    def _alarm_told(self, name: str) -> Callable[[bool, int], None]:
        return lambda on, since: self._tell_alarm(name, on, since, first=False)

    def _tell_alarm(self, name: str, on: bool, up_ms: int, first: bool) -> None:
        (self._active.add if on else self._active.discard)(name)
        self._say(_ALARMS[name][0 if on else 1], up_ms, first)

    def _read_loop(self, masks: Mapping[str, int], number: int) -> Loop:
        if self._binding.supervised:
            for mask, fault in (("cut", Loop.CUT), ("shorted", Loop.SHORTED)):
                if masks.get(mask, 0) >> number & 1:
                    return fault
        return Loop.OPEN if masks["contacts"] >> number & 1 else Loop.CLOSED

    def _loop_settled(self, loop: Loop, since: int) -> None:
        self._tell_loop(loop, since, first=False)

    def _tell_loop(self, loop: Loop, up_ms: int, first: bool) -> None:
        fault = loop if loop in _FAULTS else None
        if fault != self._fault or (fault and first):
            self._fault = fault
            self._say(_FAULTS.get(loop, Report.INPUT_NORMAL), up_ms, first, CONTACT)
        if fault is None and (first or loop != self._open):
            found = first or self._open is None
            self._open = loop
            self._say(_MOVED[loop], up_ms, found)

    def _say(self, report: Report, up_ms: int, first: bool, detail: str = "") -> None:
        self._deliver(GateReport(self._door, report, up_ms, first, detail))
