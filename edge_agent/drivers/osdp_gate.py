"""A door's gate behind OSDP: an output of a board or reader releases it, its inputs say what the door does.

The device times the pulse itself, 25.5 s at most (one byte of 100 ms), so that a dead gateway leaves no door open; a
longer release is armed again before the pulse ends. A release counts once the device has read its output back. What
counts as a change of an input is in inputs.py.
"""

import asyncio
import time
from collections.abc import Callable

from edge_agent.drivers.inputs import Inputs
from edge_agent.drivers.osdp_orders import OUTPUTS, TENTHS_AT_MOST, Order, pulse_command, status_order
from edge_agent.drivers.osdp_readers import check_osdp_gate
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import Profile
from edge_agent.model.site import Door
from edge_agent.ports import Beat, Clock
from edge_agent.words import told

_AGAIN_S = 8.0  # a pulse is armed anew so long before it ends: the device may be away and back within that
_ORDER_S = 1.0  # an output command that could not be sent by then is not sent
_SENDS = 2
_FOLLOW_S = 1.0  # the output is read back by then, or the command is sent once more
_STUCK_S = 1.0  # an output that is still on so long after its pulse
_LOOK_S = 0.25


class OsdpGate:
    """`deliver` and `report` are called on the event loop of `run`. The bus calls `attach` before anything else.

    Raises EdgeAgentError as check_osdp_gate does.
    """

    def __init__(
        self,
        door: Door,
        profile: Profile,
        key: bytes | None,
        clock: Clock,
        deliver: Callable[[GateReport], None],
        report: Callable[[DeviceReport], None],
    ) -> None:
        check_osdp_gate(door, profile)
        assert profile.gate is not None
        self.door, self.profile, self.key = door, profile, key
        self._traits, self._clock, self._deliver, self._report = profile.gate, clock, deliver, report
        self._inputs = Inputs(door.name, door.gate, profile.gate.debounce_ms, clock, deliver)
        self._inputs_known = False
        self._away: bool | None = None  # None: not heard yet
        self._relay: bool | None = None
        self._read_back = self._since = 0  # how often the outputs were reported, and when the last command was done
        self._news = asyncio.Event()
        self._send: Callable[[Order], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._switching = asyncio.Lock()
        self._wishes = 0  # releases and locks so far: one that a newer overtook is not gone on with
        self._ends = self._pulse_ends = 0.0  # of the release, of the pulse that is on (monotonic s)
        self._freed = True  # nothing to be checked after the pulse
        self._too_few = False

    def attach(self, send: Callable[[Order], None]) -> None:
        self._send = send

    async def run(self, beat: Beat) -> None:
        """Ask for the state, arm long releases again, look after pulses; until cancelled."""
        asked = 0.0
        try:
            while True:
                beat()
                now = time.monotonic()
                if self._away is False and now - asked >= self._traits.poll_ms / 1000:
                    asked = now
                    for what in (OUTPUTS, "inputs"):
                        self._order(status_order(what, now + self._traits.poll_ms / 1000))
                if self._away is False:
                    await self._look_after(now)
                await asyncio.sleep(_LOOK_S)
        finally:
            self._inputs.close()

    async def release(self, seconds: float) -> None:
        """Unlock for `seconds`, a release during another starts the time again. Returns once the device has read its
        output back as on. Raises DeviceUnavailable when it did not get there, or did not switch.
        """
        self._wishes += 1
        wish, self._ends, ends = self._wishes, 0.0, time.monotonic() + seconds
        await self._pulse(seconds)
        if wish == self._wishes:
            self._ends = ends

    async def secure(self) -> None:
        """End a release now. Returns and raises as `release` does."""
        self._wishes += 1
        self._ends = 0.0
        await self._switch(0)
        self._pulse_ends, self._freed = 0.0, True

    async def _pulse(self, seconds: float) -> None:
        tenths = max(1, min(TENTHS_AT_MOST, round(min(seconds, self._traits.max_pulse_s) * 10)))
        began = time.monotonic()
        await self._switch(tenths)
        self._pulse_ends, self._freed = began + tenths / 10, False

    async def _switch(self, tenths: int) -> None:
        async with self._switching:
            for _ in range(_SENDS):
                await self._command(tenths)
                if await self._follows(tenths > 0):
                    return
        code = "devices.gate_deaf" if tenths else "devices.gate_stuck"
        self._tell("degraded", told(code))
        raise DeviceUnavailable(code)

    async def _command(self, tenths: int) -> None:
        relay = self.door.gate.relay
        order = Order(f"output {relay}", pulse_command(relay, tenths), time.monotonic() + _ORDER_S)
        if self._away is not False or not await self._done(order):
            raise DeviceUnavailable("devices.gate_away", door=self.door.name)

    async def _done(self, order: Order) -> bool:
        """Whether the device did it; known within about LATE_S, or when it is lost."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        read_back = self._read_back

        def settle(well: bool) -> None:
            nonlocal read_back
            read_back = self._read_back  # what is read back from here on is the answer or later
            if not done.done():
                done.set_result(well)

        self._order(order._replace(done=lambda well: _soon(loop, settle, well)))
        well = await done
        self._since = read_back
        return well

    async def _follows(self, on: bool) -> bool:
        """Whether the output is `on` in what the device says of it after the command."""
        since, deadline = self._since, time.monotonic() + _FOLLOW_S
        if self._read_back == since:
            self._order(status_order(OUTPUTS, deadline))
        while self._read_back == since or self._relay != on:
            left = deadline - time.monotonic()
            if left <= 0 or self._away is not False:
                return False
            self._news.clear()
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True

    async def _look_after(self, now: float) -> None:
        try:
            if self._ends - self._pulse_ends > 0.1 and now >= self._pulse_ends - _AGAIN_S:
                await self._pulse(self._ends - now)
            elif not self._freed and now >= self._pulse_ends + _STUCK_S:
                self._freed = True
                if self._relay:
                    self._tell("degraded", told("devices.gate_stuck"))
                    await self._switch(0)
        except DeviceUnavailable as error:
            self._tell("degraded", error.sentence)

    def _order(self, order: Order) -> None:
        if self._send is None:
            order.end(False)
        else:
            self._send(order)

    # ---- what the bus says, on the event loop ------------------------------------------------------------------------

    def came(self) -> None:
        if self._away:
            self._tell("back", "")
        self._away = False
        self._ends = self._pulse_ends = 0.0  # who it was for has gone

    def went(self, detail: str) -> None:
        if self._away:
            return
        self._away = True
        self._relay, self._inputs_known, self._freed = None, False, True
        self._inputs.lost()
        self._news.set()
        self._tell("lost", detail)

    def outputs(self, states: bytes) -> None:
        """osdp_OSTATR: a byte for each output, 0 off."""
        number = self.door.gate.relay
        if number >= len(states):
            self._lacks("relay", number)
            return
        first, relay = self._relay is None, states[number] != 0
        self._read_back += 1
        if relay != self._relay:
            self._relay = relay
            report = Report.RELAY_ON if relay else Report.RELAY_OFF
            self._deliver(GateReport(self.door.name, report, self._clock.now().up_ms, first))
        self._news.set()

    def inputs(self, states: bytes) -> None:
        """osdp_ISTATR: a byte for each input, 0 inactive, 1 active. What a device that supervises its loops says of a
        cut or shorted one is its own (libosdp hands on any value): the loop tells nothing then, a life input counts.
        """
        binding = self.door.gate
        for name in ("contact", "exit", "fire", "panic", "tamper"):
            if (number := getattr(binding, name)) is not None and number >= len(states):
                self._lacks(name, number)
                return
        active = sum(1 << number for number, state in enumerate(states) if state == 1)
        faulty = sum(1 << number for number, state in enumerate(states) if state > 1)
        contacts = active | faulty if self._traits.contact_active == "open" else ~active
        masks = {"contacts": contacts, "buttons": active, "cut": faulty}
        masks |= dict.fromkeys(("fire", "panic", "tamper"), active | faulty)
        first, self._inputs_known = not self._inputs_known, True
        self._inputs.state(masks, first)

    def _lacks(self, name: str, number: int) -> None:
        if not self._too_few:
            self._too_few = True
            self._tell("degraded", told("devices.osdp_too_few", name=name, number=number))

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self.door.name, "gate", state, detail, self._clock.now().up_ms))


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[bool], None], well: bool) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, well)
