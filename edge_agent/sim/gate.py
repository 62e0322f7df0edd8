"""A simulated gate: relay, lock, door and inputs behind a board on a pty, and people who walk through.

    python -m edge_agent.sim.gate --pty run/sim/north-gate --travel-ms 300 --open-ms 1500 --bounce-ms 12

When the relay releases the lock somebody pushes the door after the travel time, and it falls shut after the open time;
the contact bounces each time it moves. Orders on stdin: {"do":"person","passes":false} (nobody pushes from now on),
force (opened without a release), exit (button pressed), {"do":"fire","on":true}, panic, tamper (inputs 0), cut, short,
mend (the loop of contact 0), mute (true: the board understands nothing), raw (hex bytes onto the wire), unplug, plug,
vanish, appear. Facts on stdout: ready, relay, contact, exit, fire, panic, tamper, loop.

The wire format is docs/decisions/0003-simulated-gate-wire.md. It is written out here by hand, apart from protocols/,
so that the profile is not tested against itself.
"""

import argparse
import heapq
import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.sim.wire import Wire, device, say

_STX, _ETX = 2, 3
_PRESS_S = 0.2


class Board:
    """Reads frames, keeps the relay's time, sends its state after each command and each change."""

    def __init__(self, wire: Wire, released: Callable[[], None]) -> None:
        self._wire, self._released = wire, released
        self._held = b""
        self.contact_open = self.exit_pressed = False
        self.alarms = {"fire": False, "panic": False, "tamper": False}
        self.loop = "normal"  # of the contact: normal, cut or shorted
        self.mute = False
        self.relay_until: float | None = None

    def receive(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._held += data
        while (end := self._held.find(_ETX)) >= 0:
            frame, self._held = self._held[: end + 1], self._held[end + 1 :]
            begin = frame.rfind(_STX)
            if begin >= 0 and not self.mute:
                self._obey(frame[begin + 1 : -1], now)
        self._held = self._held[-32:]

    def _obey(self, body: bytes, t_ns: int) -> None:
        folded = 0
        for byte in body:
            folded ^= byte
        if len(body) < 2 or folded:  # text and its XOR together fold to nothing
            return
        text = body[:-1].decode("ascii", "replace")
        if text == "Q":
            self.send_state()
        elif len(text) == 6 and text.startswith("P0"):
            self._pulse(int(text[2:], 16) / 10, t_ns)

    def _pulse(self, seconds: float, t_ns: int) -> None:
        if not seconds:
            self.relay_off()
            return
        fresh = self.relay_until is None
        self.relay_until = time.monotonic() + seconds
        self.send_state()
        say(relay="on", seconds=seconds, t_ns=t_ns)
        if fresh:
            self._released()

    def relay_off(self) -> None:
        was_on, self.relay_until = self.relay_until is not None, None
        self.send_state()
        if was_on:
            say(relay="off", t_ns=time.monotonic_ns())

    def set_contact(self, open: bool) -> None:
        self.contact_open = open
        self.send_state()

    def set_exit(self, pressed: bool) -> None:
        self.exit_pressed = pressed
        self.send_state()

    def set_alarm(self, input: str, on: bool) -> None:
        self.alarms[input] = on
        self.send_state()

    def set_loop(self, loop: str) -> None:
        self.loop = loop
        self.send_state()

    def send_state(self) -> None:
        if self.mute:
            return
        cut, shorted = self.loop == "cut", self.loop == "shorted"
        contact = cut or (self.contact_open and not shorted)  # as a loop without resistors looks
        masks = (self.relay_until is not None, contact, self.exit_pressed, cut, shorted, *self.alarms.values())
        text = b"S" + b"".join(b"%02X" % mask for mask in masks)
        folded = 0
        for byte in text:
            folded ^= byte
        self._wire.write(bytes((_STX,)) + text + bytes((folded, _ETX)))


class Gate:
    """The mechanics. Times in seconds; `due` says when something moves next."""

    def __init__(self, wire: Wire, travel_s: float, open_s: float, bounce_s: float) -> None:
        self.board = Board(wire, self._release)
        self._wire = wire
        self._travel_s, self._open_s, self._bounce_s = travel_s, open_s, bounce_s
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._passes = True
        self._busy = False  # somebody is on the way, or the door is open

    def due(self) -> float:
        times = [self._agenda[0][0]] if self._agenda else []
        if self.board.relay_until is not None:
            times.append(self.board.relay_until)
        return min(times, default=time.monotonic() + 3600)

    def move(self) -> None:
        now = time.monotonic()
        if self.board.relay_until is not None and now >= self.board.relay_until:
            self.board.relay_off()
        while self._agenda and self._agenda[0][0] <= now:
            heapq.heappop(self._agenda)[2]()

    def carry_out(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "person":
                self._passes = bool(order["passes"])
            case "force":
                self._busy = True
                self._open()
            case "exit":
                self.board.set_exit(True)
                self._at(_PRESS_S, lambda: self.board.set_exit(False))
                say(exit="pressed", t_ns=time.monotonic_ns())
            case "fire" | "panic" | "tamper" as input:
                self.board.set_alarm(input, bool(order["on"]))
                say(**{input: self.board.alarms[input]}, t_ns=time.monotonic_ns())
            case "cut" | "short" | "mend" as what:
                self.board.set_loop({"cut": "cut", "short": "shorted", "mend": "normal"}[what])
                say(loop=self.board.loop, t_ns=time.monotonic_ns())
            case "mute":
                self.board.mute = bool(order["on"])
            case "raw":
                self._wire.write(bytes.fromhex(order["hex"]))

    def _at(self, in_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time.monotonic() + in_s, next(self._order), act))

    def _release(self) -> None:
        if self._passes and not self._busy:
            self._busy = True
            self._at(self._travel_s, self._push)

    def _push(self) -> None:
        if self.board.relay_until is None:
            self._busy = False  # too late, locked again
        else:
            self._open()

    def _open(self) -> None:
        self._contact(True)
        self._at(self._open_s, self._shut)

    def _shut(self) -> None:
        self._contact(False)
        self._busy = False

    def _contact(self, open: bool) -> None:
        """Five edges within the bounce time, the last of which stays."""
        for edge in range(5):
            on = open if edge % 2 == 0 else not open
            self._at(self._bounce_s * edge / 4, partial(self.board.set_contact, on))
        self._at(self._bounce_s, lambda: say(contact="open" if open else "closed", t_ns=time.monotonic_ns()))


def main() -> None:
    options = argparse.ArgumentParser(description="simulated gate")
    options.add_argument("--pty", type=Path, required=True)
    options.add_argument("--travel-ms", type=int, default=300)
    options.add_argument("--open-ms", type=int, default=1500)
    options.add_argument("--bounce-ms", type=int, default=12)
    chosen = options.parse_args()
    with device(chosen.pty) as (wire, orders):
        gate = Gate(wire, chosen.travel_ms / 1000, chosen.open_ms / 1000, chosen.bounce_ms / 1000)
        say(ready=True)
        while orders.wait(gate.due(), gate.carry_out):
            if data := wire.read():
                gate.board.receive(data)
            gate.move()


if __name__ == "__main__":
    main()
