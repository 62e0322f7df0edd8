"""A GPIO chip made of voltages, switches and wires, for the driver's own tests: what `gpio_lines.request_lines` does on
the kernel's lines, `MockChip.request` does on these, on the running event loop.

Wires can be cut (the pin then follows its resistor, or hums with the mains where there is none), contacts bounce and
stick, a relay's line can be held by a short circuit, and the chip can vanish. The kernel's filter is here too.
"""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from contextlib import suppress

from edge_agent.errors import DeviceUnavailable
from edge_agent.model.gpio import Wanted

_MAINS_HALF_S = 0.01  # 50 Hz


class MockChip:
    """Lines by name, offset = place in `names`. Voltages are True (high) or False; `None`: the wire is cut."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.volts: dict[str, bool | None] = dict.fromkeys(names, False)
        self.shorted: dict[str, bool] = {}  # outputs that measure this whatever drives them
        self.outputs: dict[str, list[bool]] = {}  # voltages that were driven, from the request on
        self.taken: dict[str, MockLines] = {}
        self.present = True
        self.filters = True
        self._stuck: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, chip: str, wanted: Sequence[Wanted]) -> "MockLines":
        """Fulfils gpio_lines.Request."""
        if not self.present:
            raise DeviceUnavailable("gpio.no_chip", chip=chip, present="–")
        pins = {want.role: self._name(chip, want.pin) for want in wanted}
        for name in pins.values():
            if name in self.taken:
                raise DeviceUnavailable("gpio.taken", chip=chip, line=name, user="another")
        return MockLines(self, wanted, pins)

    def _name(self, chip: str, pin: int | str) -> str:
        if isinstance(pin, int) and pin < len(self.names):
            return self.names[pin]
        if pin not in self.names:
            known = ", ".join(self.names)
            raise DeviceUnavailable("gpio.no_line", chip=chip, line=pin, last=len(self.names) - 1, present=known)
        return str(pin)

    def put(self, name: str, volts: bool | None) -> None:
        """The wire at `name` now has this voltage; a contact that is stuck stays."""
        if name in self._stuck:
            return
        self.volts[name] = volts
        if (lines := self.taken.get(name)) is not None:
            lines.wire_moved(name)

    def bounce(self, name: str, volts: bool, edges: int = 5, gap_s: float = 0.002) -> None:
        """So many edges, the last of which stays."""

        async def moves() -> None:
            for edge in range(edges, 0, -1):
                self.put(name, volts if edge % 2 else not volts)
                await asyncio.sleep(gap_s)

        self._begin(moves())

    def cut(self, name: str) -> None:
        """The wire ends in the air."""
        self.put(name, None)
        lines = self.taken.get(name)
        if lines is None or lines.rest(name) is not None:
            return

        async def hums() -> None:
            level = False
            while self.volts[name] is None:
                level = not level
                lines.hum(name, level)
                await asyncio.sleep(_MAINS_HALF_S)

        self._begin(hums())

    def stick(self, name: str) -> None:
        self._stuck.add(name)

    def loosen(self, name: str) -> None:
        self._stuck.discard(name)

    def vanish(self) -> None:
        self.present = False
        for lines in set(self.taken.values()):
            lines.ring()

    def appear(self) -> None:
        self.present = True

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, story: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(story)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class MockLines:
    """Fulfils gpio_lines.Lines."""

    def __init__(self, chip: MockChip, wanted: Sequence[Wanted], pins: dict[str, str]) -> None:
        self._chip, self._pins = chip, pins
        self._wants = {pins[want.role]: want for want in wanted}
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)
        self._queue: list[tuple[str, bool]] = []
        self._humming: dict[str, bool] = {}
        self._settling: dict[str, asyncio.TimerHandle] = {}
        self._closed = False
        for name, want in self._wants.items():
            chip.taken[name] = self
            if want.output:
                chip.outputs[name] = [want.active_low]
        self._known = {name: self._volts(name) for name, want in self._wants.items() if not want.output}

    def fileno(self) -> int:
        return self._bell

    def edges(self) -> list[tuple[str, bool]]:
        self._alive()
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        moved, self._queue = self._queue, []
        return moved

    def levels(self) -> dict[str, bool]:
        self._alive()
        return {want.role: self._measured(name) != want.active_low for name, want in self._wants.items()}

    def drive(self, role: str, active: bool) -> None:
        self._alive()
        name = self._pins[role]
        self._chip.outputs[name].append(active != self._wants[name].active_low)

    def close(self) -> None:
        self._closed = True
        for timer in self._settling.values():
            timer.cancel()
        for name in self._wants:
            self._chip.taken.pop(name, None)
        os.close(self._bell)

    def ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def rest(self, name: str) -> bool | None:
        """What the pin's resistor makes of a cut wire."""
        bias: dict[str, bool] = {"pull-up": True, "pull-down": False}
        return bias.get(self._wants[name].bias)

    def hum(self, name: str, volts: bool) -> None:
        if not self._closed:
            self._humming[name] = volts
            self.wire_moved(name)

    def wire_moved(self, name: str) -> None:
        """The kernel's filter: a level counts once it has lasted."""
        want = self._wants[name]
        if timer := self._settling.pop(name, None):
            timer.cancel()
        if not self._chip.filters or not want.filter_ms:
            self._settled(name)
        elif self._volts(name) != self._known[name]:
            loop = asyncio.get_running_loop()
            self._settling[name] = loop.call_later(want.filter_ms / 1000, self._settled, name)

    def _settled(self, name: str) -> None:
        volts = self._volts(name)
        if volts != self._known[name]:
            self._known[name] = volts
            self._queue.append((self._wants[name].role, volts != self._wants[name].active_low))
            self.ring()

    def _volts(self, name: str) -> bool:
        volts = self._chip.volts[name]
        if volts is None:
            rest = self.rest(name)
            return self._humming.get(name, False) if rest is None else rest
        return volts

    def _measured(self, name: str) -> bool:
        if not self._wants[name].output:
            return self._known[name]
        return self._chip.shorted.get(name, self._chip.outputs[name][-1])

    def _alive(self) -> None:
        if not self._chip.present:
            raise DeviceUnavailable("devices.port_gone", path="mock", why="No such device")
