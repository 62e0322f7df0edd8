"""A relay board on a Modbus line and the doors behind it.

The board times each pulse itself, so a dead gateway leaves no door open; after every write the relays are read back,
and reported is what was read. A relay that is on beyond what was ordered is switched off: a latching board keeps its
state over a power cut. Nothing here ever toggles.

RELAY_ON means unlocked. Whether that is a coil that is on or one that is off is the wiring (`fail`).
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

from edge_agent.drivers.inputs import Inputs
from edge_agent.drivers.modbus_unit import Ask, Presence, Silence
from edge_agent.drivers.modbus_wire import Answer, Refusal, read, write
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import Modbus, Profile
from edge_agent.model.registers import RegisterWrite
from edge_agent.model.site import Door
from edge_agent.ports import Clock
from edge_agent.protocols.registers import longest_s, mask_of, read_form, timed_s, write_form
from edge_agent.words import told

_SENDS = 2
_WIRE_S = 1.0  # an order that is not on the wire by then is not carried out any more
_RELAYS_MS = 1000  # between two looks at the relays of a board at rest
_OVER_S, _OVER_AGAIN_S = 1.0, 10.0  # beyond its time by that much a relay is locked by order, and again so often
_CLOSED_LOOP = {"contact": "contacts", "exit": "buttons", "fire": "fire", "panic": "panic", "tamper": "tamper"}

Job = Callable[[Ask], Awaitable[None]]


class Board:
    """One unit on the line; its doors share the readings."""

    def __init__(
        self,
        address: int,
        profile: Profile,
        clock: Clock,
        report: Callable[[DeviceReport], None],
        urgent: Callable[[Job], None],
        baud: int,
    ) -> None:
        assert isinstance(profile.framing, Modbus)
        self.profile, self.framing, self.address = profile, profile.framing, address
        self._clock, self._report, self.urgent = clock, report, urgent
        self.gates: list[ModbusGate] = []
        names: Callable[[], list[str]] = lambda: [gate.door.name for gate in self.gates]  # noqa: E731
        self.presence = Presence(address, profile, "gate", names, clock, report, baud)
        self._relays_form, self._inputs_form = read_form(profile, "relays"), read_form(profile, "inputs")
        self._safe = False  # the locked state was written since this gateway started
        self._relays_due_s = 0.0

    def door(self, door: Door, deliver: Callable[[GateReport], None]) -> "ModbusGate":
        gate = ModbusGate(door, self, self._clock, deliver, self._report)
        self.gates.append(gate)
        return gate

    def due_s(self) -> float:
        return self.presence.due_s()

    def opened(self) -> None:
        self._relays_due_s = 0.0
        self.presence.opened()

    def lost(self, why: str) -> None:
        if self.presence.gone(why):
            self._forget()

    @property
    def away(self) -> bool:
        return self.presence.away is True

    @property
    def silent(self) -> bool:
        return self.presence.silent

    def close(self) -> None:
        for gate in self.gates:
            gate.close()

    async def step(self, ask: Ask) -> None:
        try:
            if not self._safe:
                self._safe = await self._lock_all(ask)
            elif self._relays_due_s <= asyncio.get_running_loop().time() or self._inputs_form is None:
                await self.look_at_relays(ask)
            else:
                await self._look_at_inputs(ask)
        except DeviceUnavailable as error:
            self.lost(error.sentence)

    def judge(self, got: Answer | Refusal | Silence, what: str) -> Answer | None:
        """As Presence does; what was known of a board that is lost by that is found anew, however soon it is back."""
        answer = self.presence.judge(got, what)
        if self.presence.away:
            self._forget()
        return answer

    async def look_at_relays(self, ask: Ask) -> int | None:
        """The relays as they are, told to the doors; None without an answer."""
        assert self._relays_form is not None
        got = self.judge(await ask(read(self.address, self._relays_form), self.framing), "relays")
        if got is None:
            return None
        mask = mask_of(got.values)
        for gate in self.gates:
            gate.relay_seen(mask)
        busy = any(gate.unlocked for gate in self.gates)
        pause_ms = self.framing.poll_ms if busy or self._inputs_form is None else _RELAYS_MS
        self._relays_due_s = asyncio.get_running_loop().time() + pause_ms / 1000
        if self._inputs_form is None:
            self.presence.later(self.framing.poll_ms)
        return mask

    async def _look_at_inputs(self, ask: Ask) -> None:
        assert self._inputs_form is not None
        got = self.judge(await ask(read(self.address, self._inputs_form), self.framing), "inputs")
        if got is not None:
            mask = mask_of(got.values)
            for gate in self.gates:
                gate.inputs_seen(mask)
            self.presence.later(self.framing.poll_ms)

    async def _lock_all(self, ask: Ask) -> bool:
        """The safe state, before anything is told: a gateway that starts does not know what was going on.

        A reading goes first, since only that shows a board that is there behind an adapter that hears itself.
        """
        assert self._relays_form is not None
        if self.judge(await ask(read(self.address, self._relays_form), self.framing), "relays") is None:
            return False
        for gate in self.gates:
            got = await ask(write(self.address, gate.lock_form, gate.relay), self.framing)
            self.judge(got, gate.lock_form.name)
            if isinstance(got, Silence):
                return False
        return True

    def _forget(self) -> None:
        self._relays_due_s = 0.0
        for gate in self.gates:
            gate.lost()


class ModbusGate:
    """Fulfils ports.Gate for one relay of a board; `deliver` and the device reports come on the event loop."""

    def __init__(
        self,
        door: Door,
        board: Board,
        clock: Clock,
        deliver: Callable[[GateReport], None],
        report: Callable[[DeviceReport], None],
    ) -> None:
        check_modbus_gate(door, board.profile)
        profile = board.profile
        assert profile.gate is not None
        assert profile.relays is not None
        self.door, self.relay = door, door.gate.relay
        self._board, self._clock, self._deliver, self._report = board, clock, deliver, report
        self._safe = (door.gate.fail or profile.relays.fail) == "safe"
        self.lock_form = _form(profile, "on" if self._safe else "off")
        self._pulse_form = _form(profile, "pulse_off" if self._safe else "pulse_on")
        self._most_s = min(profile.gate.max_pulse_s, longest_s(self._pulse_form))
        self._inputs = Inputs(door.name, door.gate, profile.gate.debounce_ms, clock, deliver)
        self._idle = _idle_bits(door, profile)
        self._first = {"relay": True, "inputs": True}
        self.unlocked: bool | None = None  # as last read
        self._until_s = -math.inf  # when the running release is over
        self._over_again_s = -math.inf
        self._switching = False
        self._wishes = 0  # releases and locks so far: one that a newer overtook is not gone on with
        self._again: asyncio.TimerHandle | None = None

    # ---- ordering ----------------------------------------------------------------------------------------------------

    async def release(self, seconds: float) -> None:
        """Unlock for `seconds`, rounded up to the board's unit; a release during another starts the time again. One
        that is longer than the board can time is ordered anew in time.

        Returns when the command is on the wire; it is sent once more if the relay does not follow. Raises
        DeviceUnavailable.
        """
        self._cancel()
        self._wishes += 1
        wish = self._wishes
        await self._order(min(seconds, self._most_s))
        if seconds > self._most_s and wish == self._wishes:
            self._again_at(asyncio.get_running_loop().time() + seconds)

    async def secure(self) -> None:
        """Lock now. Returns and repeats as `release` does. Raises DeviceUnavailable."""
        self._cancel()
        self._wishes += 1
        await self._order(0.0)

    def _again_at(self, end_s: float) -> None:
        self._again = asyncio.get_running_loop().call_later(self._most_s / 2, self._rearm, end_s)

    def _rearm(self, end_s: float) -> None:
        self._again = None
        left_s = end_s - asyncio.get_running_loop().time()
        self._enqueue(min(left_s, self._most_s))
        if left_s > self._most_s:
            self._again_at(end_s)

    async def _order(self, seconds: float) -> None:
        if self._board.presence.away is not False:
            raise DeviceUnavailable("devices.gate_away", door=self.door.name)
        await self._enqueue(seconds)

    def _enqueue(self, seconds: float) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        on_wire: asyncio.Future[None] = loop.create_future()
        on_wire.add_done_callback(_heard_of)
        expires_s = loop.time() + _WIRE_S

        async def carry_out(ask: Ask) -> None:
            if on_wire.done() or loop.time() > expires_s:  # nobody waits for it any more: too late to open
                if not on_wire.done():
                    on_wire.set_exception(DeviceUnavailable("devices.gate_away", door=self.door.name))
                return
            self._switching = True
            try:
                await self._switch(ask, seconds, lambda: None if on_wire.done() else on_wire.set_result(None))
            except DeviceUnavailable as error:
                if on_wire.done():
                    self._tell(error.sentence)
                else:
                    on_wire.set_exception(error)
            finally:
                self._switching = False

        self._board.urgent(carry_out)
        return on_wire

    async def _switch(self, ask: Ask, seconds: float, sent: Callable[[], None]) -> None:
        """Write, read back, and once more when the relay did not follow."""
        loop, board = asyncio.get_running_loop(), self._board
        lasts_s = timed_s(self._pulse_form, seconds) if seconds else 0.0
        form = self._pulse_form if seconds else self.lock_form
        for _ in range(_SENDS):
            began_s = loop.time()
            self._until_s = began_s + lasts_s if seconds else -math.inf
            got = await ask(write(board.address, form, self.relay, seconds), board.framing, sent)
            board.judge(got, form.name)
            if await board.look_at_relays(ask) is None:
                continue
            if self.unlocked is bool(seconds) or (seconds and loop.time() - began_s > lasts_s):
                return
        self._tell(told("devices.gate_deaf" if seconds else "devices.gate_stuck"))

    # ---- what was read -----------------------------------------------------------------------------------------------

    def relay_seen(self, mask: int) -> None:
        unlocked = bool(mask >> self.relay & 1) is not self._safe
        first, self._first["relay"] = self._first["relay"], False
        if unlocked != self.unlocked:
            self.unlocked = unlocked
            self._say(Report.RELAY_ON if unlocked else Report.RELAY_OFF, first)
        now_s = asyncio.get_running_loop().time()
        if unlocked and not self._switching and now_s > self._until_s + _OVER_S and now_s >= self._over_again_s:
            self._over_again_s = now_s + _OVER_AGAIN_S
            self._tell(told("devices.modbus_overrun", relay=self.relay))
            self._enqueue(0.0)

    def inputs_seen(self, mask: int) -> None:
        first, self._first["inputs"] = self._first["inputs"], False
        active = mask ^ self._idle
        self._inputs.state(dict.fromkeys(_CLOSED_LOOP.values(), active), first)

    def lost(self) -> None:
        self._cancel()
        self.unlocked = None
        self._first = {"relay": True, "inputs": True}
        self._over_again_s = -math.inf
        self._inputs.lost()

    def close(self) -> None:
        self._cancel()
        self._inputs.close()

    def _cancel(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _say(self, report: Report, first: bool) -> None:
        self._deliver(GateReport(self.door.name, report, self._clock.now().up_ms, first))

    def _tell(self, detail: str) -> None:
        self._report(DeviceReport(self.door.name, "gate", "degraded", detail, self._clock.now().up_ms))


def _heard_of(future: "asyncio.Future[None]") -> None:
    """A failure nobody waits for is told as trouble of the device, not as a forgotten exception."""
    if not future.cancelled():
        future.exception()


def _form(profile: Profile, name: str) -> RegisterWrite:
    form = write_form(profile, name)
    assert form is not None, f"{profile.id} has no {name}"  # check_modbus_gate has seen to it
    return form


def _idle_bits(door: Door, profile: Profile) -> int:
    """The inputs whose bit is set while nothing is the matter."""
    idle = set(profile.inputs.set_when_idle) ^ set(door.gate.inverted)
    numbers = (getattr(door.gate, name) for name in idle)
    return sum(1 << number for number in set(numbers) if number is not None)


def check_modbus_gate(door: Door, profile: Profile) -> None:
    """Raises EdgeAgentError when the profile is no Modbus gate's, or the board has no such relay, input, address or
    locked state. Opens nothing.
    """
    framing, relays, binding = profile.framing, profile.relays, door.gate
    if profile.kind != "gate" or not isinstance(framing, Modbus) or relays is None:
        raise EdgeAgentError("devices.wrong_profile", device=door.name, profile=profile.id, wanted="a gate")
    form = read_form(profile, "inputs")
    limits = {"relay": relays.count}
    for name in ("contact", "exit", "fire", "panic", "tamper"):
        if getattr(binding, name) is not None:
            if name not in profile.provides or form is None:
                raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input=name)
            limits[name] = form.count
    for name, count in limits.items():
        if not 0 <= (number := getattr(binding, name)) < count:
            raise EdgeAgentError("devices.modbus_number", door=door.name, input=name, number=number, last=count - 1)
    if binding.supervised:
        raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input="supervised")
    if binding.address is not None and not 1 <= binding.address <= framing.highest:
        raise EdgeAgentError(
            "devices.modbus_address", device=door.name, address=binding.address, highest=framing.highest
        )
    if (binding.fail or relays.fail) == "safe" and write_form(profile, "pulse_off") is None:
        raise EdgeAgentError("devices.modbus_fail_safe", door=door.name, profile=profile.id)
    inputs = [number for name in _CLOSED_LOOP if (number := getattr(binding, name)) is not None]
    if len(inputs) != len(set(inputs)):
        raise EdgeAgentError("devices.modbus_input_twice", door=door.name)
