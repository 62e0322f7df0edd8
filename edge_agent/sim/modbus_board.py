"""Simulated Modbus devices on one line: relay boards of three families, sensors, and the doors behind relay 0.

    python -m edge_agent.sim.modbus_board --pty run/sim/bus --unit 1=waveshare --unit 3=sensor

Families: `waveshare` (function 5 at 0200h and 0400h times a relay; inputs as in model D), `lctech` (function 16 from
register 3), `r4` (function 6, commands in the high byte), `sensor` (input and holding registers).

When relay 0 releases, somebody pushes the door after the travel time and it falls shut after the open time; input 0 is
its contact (set while shut) and bounces; input 1 is the exit button. Orders on stdin, `unit` names the device: mute,
power (off and on again: a relay stays as it was with `keeps`), input (number, on), exit, register (address, value),
relay (number, on: by hand at the board), refuse (answer with that exception), corrupt (spoil the checksum), stray
(answer as another unit), stuck (relays do not switch), slow (ms before an answer); for the line: echo, chatter (hex
bytes before each answer), unplug, plug, vanish, appear. A device set to another baud than the line hears and says
garbage.

Written out by hand, apart from protocols/ and drivers/, so that neither is tested against itself.
"""

import argparse
import heapq
import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.sim.modbus_units import Family, Registers, family
from edge_agent.sim.wire import Wire, device, say

_QUIET_S = 0.03  # a frame ends when nothing more comes for that long
_PRESS_S = 0.3


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return bytes((value & 0xFF, value >> 8))


class Agenda:
    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, in_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + in_s, next(self._order), act))

    def next_s(self) -> float:
        return self._due[0][0] if self._due else time.monotonic() + 3600

    def move(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()


class Device:
    """One unit: its registers, its relays' timers, and the door behind relay 0."""

    def __init__(self, unit: int, kind: Family, agenda: Agenda, times: tuple[float, float, float]) -> None:
        self.unit, self.kind, self.agenda = unit, kind, agenda
        self.travel_s, self.open_s, self.bounce_s = times
        self.registers = Registers()
        self.mute = self.dark = self.corrupt = self.stuck = False
        self.refuse: int | None = None
        self.stray: int | None = None
        self.slow_s = 0.0
        self.safe = False  # the lock opens when the relay falls off
        self._turns = [0] * 8  # a timer that was overtaken ends nothing
        self._passes, self._busy = True, False
        self.registers.inputs[0] = True

    def answer(self, body: bytes) -> bytes | None:
        """The answer's body (unit and function first) to a request's."""
        if self.mute or self.dark:
            return None
        if self.refuse is not None:
            return bytes((self.unit, body[1] | 0x80, self.refuse))
        asked = self.unit
        reply = self.kind.carry_out(self, body)
        return None if reply is None else bytes((asked if self.stray is None else self.stray,)) + reply

    def move_to(self, unit: int) -> None:
        self.unit = unit
        say(moved=unit, t_ns=time.monotonic_ns())

    def switch(self, relay: int, on: bool, for_s: float | None = None) -> None:
        """Relay to `on`; after `for_s` back, by the board's own timer."""
        self._turns[relay] += 1
        self._set(relay, on, for_s)
        if for_s is not None:
            self.agenda.at(for_s, partial(self._timed_out, relay, self._turns[relay], not on))

    def _timed_out(self, relay: int, turn: int, on: bool) -> None:
        if self._turns[relay] == turn and not self.dark:
            self._set(relay, on, None)

    def _set(self, relay: int, on: bool, for_s: float | None) -> None:
        if self.stuck:
            return
        was, self.registers.relays[relay] = self.registers.relays[relay], on
        if was != on or for_s is not None:
            say(unit=self.unit, relay=relay, on=on, seconds=for_s, t_ns=time.monotonic_ns())
        if relay == 0 and was != on and on is not self.safe and self._passes and not self._busy:
            self._busy = True
            self.agenda.at(self.travel_s, self._push)

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "mute" | "corrupt" | "stuck" | "safe" as flag:
                setattr(self, flag, bool(order["on"]))
            case "refuse" | "stray" as what:
                setattr(self, what, order["value"])
            case "slow":
                self.slow_s = order["ms"] / 1000
            case "person":
                self._passes = bool(order["passes"])
            case "power":
                self._power(bool(order["on"]), bool(order.get("keeps", False)))
            case "relay":
                self.switch(order["number"], bool(order["on"]))
            case "input":
                self.registers.inputs[order["number"]] = bool(order["on"])
            case "exit":
                self.registers.inputs[1] = True
                say(unit=self.unit, exit="pressed", t_ns=time.monotonic_ns())
                self.agenda.at(_PRESS_S, partial(self.registers.inputs.__setitem__, 1, False))
            case "register":
                self.registers.words[order["address"]] = order["value"]

    def _power(self, on: bool, keeps: bool) -> None:
        self.dark = not on
        if not on:
            self._turns = [turn + 1 for turn in self._turns]  # timers do not outlive the power, latching relays do
        elif not keeps:
            self.registers.relays = [False] * 8
        say(unit=self.unit, power=on, t_ns=time.monotonic_ns())

    def _push(self) -> None:
        if self.registers.relays[0] is self.safe:
            self._busy = False  # too late, locked again
            return
        self._contact(True)
        self.agenda.at(self.open_s, self._shut)

    def _shut(self) -> None:
        self._contact(False)
        self._busy = False

    def _contact(self, open: bool) -> None:
        for edge in range(5):
            shut = open if edge % 2 else not open
            self.agenda.at(self.bounce_s * edge / 4, partial(self.registers.inputs.__setitem__, 0, shut))
        fact = "open" if open else "closed"
        self.agenda.at(self.bounce_s, lambda: say(unit=self.unit, contact=fact, t_ns=time.monotonic_ns()))


class Line:
    """Frames off the wire to the devices; one after the other, as on a real line."""

    def __init__(self, wire: Wire, devices: dict[int, Device], agenda: Agenda, baud: int) -> None:
        self._wire, self._devices, self._agenda, self._baud = wire, devices, agenda, baud
        self._held, self._last_s = b"", 0.0
        self._echo = False
        self._chatter = b""

    def receive(self, data: bytes) -> None:
        now = time.monotonic()
        if now - self._last_s > _QUIET_S:
            self._held = b""
        self._last_s = now
        if self._echo:
            self._wire.write(data)
        self._held = (self._held + data)[-300:]
        while (size := _request_size(self._held)) is not None and len(self._held) >= size:
            frame, self._held = self._held[:size], self._held[size:]
            self._heard(frame)

    def _heard(self, frame: bytes) -> None:
        wrong_speed = self._wire.baud() not in (self._baud, 0)
        if wrong_speed:
            self._wire.write(bytes(byte ^ 0xA5 for byte in frame[: len(frame) // 2]))  # what such a device makes of it
            return
        if crc(frame[:-2]) != frame[-2:]:
            return
        asked = [unit for unit in self._devices.values() if unit.unit == frame[0]]
        if frame[0] == 0:  # to all, and nobody answers
            asked = list(self._devices.values())
        for unit in asked:
            body = unit.answer(frame[:-2])
            if body is not None and frame[0]:
                sum_ = crc(body)
                spoiled = bytes((sum_[0] ^ 0x5A, sum_[1])) if unit.corrupt else sum_
                self._agenda.at(unit.slow_s, partial(self._wire.write, self._chatter + body + spoiled))

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "echo":
                self._echo = bool(order["on"])
            case "chatter":
                self._chatter = bytes.fromhex(order["hex"])
            case _:
                self._devices[order["unit"]].carry_out(order)


def _request_size(held: bytes) -> int | None:
    if len(held) < 2:
        return None
    if held[1] in (15, 16):
        return 9 + held[6] if len(held) > 6 else None
    return 8


def main() -> None:
    options = argparse.ArgumentParser(description="simulated Modbus devices")
    options.add_argument("--pty", type=Path, required=True)
    options.add_argument("--unit", action="append", required=True, help="address=family")
    options.add_argument("--baud", type=int, default=9600)
    options.add_argument("--travel-ms", type=int, default=300)
    options.add_argument("--open-ms", type=int, default=1500)
    options.add_argument("--bounce-ms", type=int, default=12)
    chosen = options.parse_args()
    times = chosen.travel_ms / 1000, chosen.open_ms / 1000, chosen.bounce_ms / 1000
    agenda = Agenda()
    devices: dict[int, Device] = {}
    for unit in chosen.unit:
        number, _, name = unit.partition("=")
        devices[int(number)] = Device(int(number), family(name), agenda, times)
    with device(chosen.pty) as (wire, orders):
        line = Line(wire, devices, agenda, chosen.baud)
        say(ready=True)
        while orders.wait(agenda.next_s(), line.carry_out):
            if data := wire.read():
                line.receive(data)
            agenda.move()


if __name__ == "__main__":
    main()
