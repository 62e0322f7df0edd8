"""A gate on GPIO lines of this machine: the driver itself times the pulse, and reports what the lines measure.

Nothing below this driver can end a release, so it ends in `finally`: when the job is cancelled, fails, or the process
ends in order. A process that is killed ends nothing (see gpio_lines.py); the next start locks in the very call that
takes the line. What counts as a change of an input is in inputs.py.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import msgspec

from edge_agent.drivers.gpio_lines import Lines, Request, request_lines
from edge_agent.drivers.inputs import Inputs
from edge_agent.drivers.link import Backoff, parse_link_url
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.gpio import INPUTS, ROLES, Gpio, Pin, Wanted
from edge_agent.model.profile import Profile
from edge_agent.model.site import Door
from edge_agent.ports import Beat, Clock
from edge_agent.words import told

_RELAY = "relay"
_MASKS = {"contact": "contacts", "exit": "buttons", "fire": "fire", "panic": "panic", "tamper": "tamper"}


class GpioGate:
    """`deliver` and `report` are called on the event loop of `run`. Raises EdgeAgentError as check_gpio_gate does."""

    def __init__(
        self,
        door: Door,
        profile: Profile,
        link_url: str,
        clock: Clock,
        deliver: Callable[[GateReport], None],
        report: Callable[[DeviceReport], None],
        request: Request = request_lines,
    ) -> None:
        check_gpio_gate(door, profile)
        assert profile.gate is not None
        self._door, self._traits, self._chip = door, profile.gate, parse_link_url(link_url).path
        self._wanted = wanted_lines(door, profile)
        self._clock, self._deliver, self._report, self._request = clock, deliver, report, request
        bound = {want.role: 0 for want in self._wanted}  # every line is bit 0 of a mask of its own
        binding = msgspec.structs.replace(door.gate, supervised=False, **{role: bound.get(role) for role in INPUTS})
        self._inputs = Inputs(door.name, binding, profile.gate.debounce_ms, clock, deliver)
        self._backoff = Backoff(random.Random())
        self._lines: Lines | None = None
        self._failed = asyncio.Event()
        self._away: bool | None = None  # None: not tried yet
        self._levels: dict[str, bool] = {}
        self._relay: bool | None = None  # as last told
        self._ends: asyncio.TimerHandle | None = None  # of the release
        self._wrong = False  # the relay's line does not measure what was set, and that is told

    async def run(self, beat: Beat) -> None:
        """Serve the gate until cancelled; then it is locked."""
        try:
            while True:
                beat()
                try:
                    lines = self._request(self._chip, self._wanted)
                except DeviceUnavailable as error:
                    self._gone(error.sentence)
                else:
                    await self._serve(lines, beat)
                await asyncio.sleep(self._backoff.pause_s())
        finally:
            self._inputs.close()

    async def release(self, seconds: float) -> None:
        """Unlock for `seconds`, at most the profile's longest pulse; a release during another starts the time again.

        Returns when the line is set. Raises DeviceUnavailable.
        """
        self._drive(True)
        self._over()
        loop = asyncio.get_running_loop()
        self._ends = loop.call_later(max(0.05, min(seconds, self._traits.max_pulse_s)), self._expired)

    async def secure(self) -> None:
        """End a release now. Raises DeviceUnavailable."""
        self._over()
        self._drive(False)

    async def _serve(self, lines: Lines, beat: Beat) -> None:
        loop = asyncio.get_running_loop()
        self._failed.clear()
        self._lines = lines
        loop.add_reader(lines.fileno(), self._readable)
        try:
            self._look()
            while not self._failed.is_set():
                beat()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._traits.poll_ms / 1000):
                        await self._failed.wait()
                self._look()
        finally:
            loop.remove_reader(lines.fileno())
            self._over()
            with suppress(DeviceUnavailable):
                lines.drive(_RELAY, False)
            self._lines = None
            lines.close()

    def _over(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None

    def _expired(self) -> None:
        self._ends = None
        with suppress(DeviceUnavailable):  # told by _gone
            self._drive(False)

    def _drive(self, on: bool) -> None:
        if self._lines is None or self._away:
            raise DeviceUnavailable("devices.gate_away", door=self._door.name)
        try:
            self._lines.drive(_RELAY, on)
            self._measured(self._lines.levels()[_RELAY], on)
        except DeviceUnavailable as error:
            self._fail(error)
            raise

    def _measured(self, relay: bool, wanted: bool) -> None:
        """What the relay's line is, whatever was asked of it."""
        if relay != wanted and not self._wrong:
            self._tell("degraded", told("gpio.deaf" if wanted else "gpio.stuck"))
        self._wrong = relay != wanted
        if relay != self._relay:
            first, self._relay = self._relay is None, relay
            report = Report.RELAY_ON if relay else Report.RELAY_OFF
            self._deliver(GateReport(self._door.name, report, self._clock.now().up_ms, first))

    def _readable(self) -> None:
        if self._lines is None:
            return
        try:
            for role, active in self._lines.edges():
                if self._levels.get(role) != active:
                    self._inputs_are(self._levels | {role: active}, first=False)
        except DeviceUnavailable as error:
            self._fail(error)

    def _look(self) -> None:
        """All levels as they are: the heartbeat, and what counts in the end, whatever edges were lost."""
        if self._lines is None or self._failed.is_set():
            return
        try:
            levels = self._lines.levels()
            if levels[_RELAY] and self._ends is None:
                self._lines.drive(_RELAY, False)  # nobody wants it unlocked
                levels = self._lines.levels()
        except DeviceUnavailable as error:
            self._fail(error)
            return
        first = self._away is not False
        if self._away:
            self._tell("back", "")
        self._away = False
        self._backoff.reset()
        self._measured(levels[_RELAY], self._ends is not None)
        if first or levels != self._levels:
            self._inputs_are(levels, first)

    def _inputs_are(self, levels: dict[str, bool], first: bool) -> None:
        self._levels = levels
        self._inputs.state({mask: int(levels.get(role, False)) for role, mask in _MASKS.items()}, first)

    def _fail(self, error: DeviceUnavailable) -> None:
        self._failed.set()
        self._gone(error.sentence)

    def _gone(self, detail: str) -> None:
        if self._away is True:
            return
        self._away = True
        self._over()
        self._relay = None
        self._wrong = False
        self._inputs.lost()
        self._tell("lost", detail)

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._door.name, "gate", state, detail, self._clock.now().up_ms))


def wanted_lines(door: Door, profile: Profile) -> tuple[Wanted, ...]:
    """The door's lines: those agent.toml names, else the profile's own of that number. A contact that neither names
    does not exist. Raises EdgeAgentError when another role has no line.
    """
    gpio = profile.framing
    assert isinstance(gpio, Gpio)
    wanted = []
    for role in ROLES:
        number, lines = getattr(door.gate, role), getattr(gpio, role)
        named: Pin | None = getattr(door.gate.lines, role) if door.gate.lines else None
        if named is None and (number is None or (role == "contact" and not (lines and lines.lines))):
            continue
        if lines is None:
            raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input=role)
        if named is None and not 0 <= number < len(lines.lines):
            raise EdgeAgentError("gpio.unnamed", door=door.name, input=role, profile=profile.id)
        pin = named if named is not None else lines.lines[number]
        low = lines.active == "low"
        if role == _RELAY:
            wanted.append(Wanted(role, pin, True, low, drive=lines.drive))
        else:
            wanted.append(Wanted(role, pin, False, low, bias=lines.bias, filter_ms=gpio.filter_ms))
    return tuple(wanted)


def check_gpio_gate(door: Door, profile: Profile) -> None:
    """Raises EdgeAgentError when the profile is no GPIO gate's, a role has no line, a line two roles, or a release is
    longer than the profile allows. Opens nothing.
    """
    if profile.kind != "gate" or profile.gate is None or not isinstance(profile.framing, Gpio):
        raise EdgeAgentError("devices.wrong_profile", device=door.name, profile=profile.id, wanted="a GPIO gate")
    if door.gate.supervised:
        raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input="supervised")
    pins = [want.pin for want in wanted_lines(door, profile)]
    for pin in pins:
        if pins.count(pin) > 1:
            raise EdgeAgentError("gpio.twice", line=pin, door=door.name, other=door.name)
    for name in ("release_s", "extended_release_s"):
        wanted, limit = getattr(door, name), profile.gate.max_pulse_s
        if wanted > limit:
            raise EdgeAgentError("devices.gate_pulse", door=door.name, name=name, wanted=wanted, limit=limit)
