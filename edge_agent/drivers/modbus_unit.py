"""What every device on a Modbus line has: is it there, since when not, and what is wrong with its answers."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from edge_agent.drivers.modbus_wire import Answer, Refusal, Request
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Modbus, Profile
from edge_agent.ports import Clock
from edge_agent.words import told

_SILENT_S = 3.0
_AGAIN_S = 0.5  # a device that does not answer is asked so often at most
_DOUBTED = 2  # so many answers missing in a row
_TOLD_MS = 60_000
_OWN_TIMES, _OWN_S = 3, 10.0  # its own answer to something else, so often in so long: a second master's, and not late


class Silence(NamedTuple):
    """No answer came. `garbage`: bytes that came instead; `stranger`: whose sound answer came instead."""

    garbage: int = 0
    stranger: int | None = None


class Ask(Protocol):
    async def __call__(
        self, request: Request, framing: Modbus, sent: Callable[[], None] | None = None
    ) -> Answer | Refusal | Silence: ...


class Presence:
    """`names`: the devices an installer knows this unit by (its doors, or the sensor), read when something is told."""

    def __init__(
        self,
        address: int,
        profile: Profile,
        kind: str,
        names: Callable[[], list[str]],
        clock: Clock,
        report: Callable[[DeviceReport], None],
        baud: int,
    ) -> None:
        assert isinstance(profile.framing, Modbus)
        self.address, self._framing = address, profile.framing
        self._kind, self._names, self._clock, self._report, self._baud = kind, names, clock, report, baud
        self.away: bool | None = None  # None: nothing heard yet
        self._heard_s: float | None = None
        self._missed = 0
        self._due_s = 0.0
        self._told: dict[str, int] = {}
        self._own: deque[float] = deque(maxlen=_OWN_TIMES)

    def due_s(self) -> float:
        return self._due_s

    @property
    def silent(self) -> bool:
        return bool(self.away) or self._missed >= _DOUBTED

    def opened(self) -> None:
        """The line is there: the device has three seconds from now."""
        self._heard_s = asyncio.get_running_loop().time()
        self._missed = 0
        self._due_s = 0.0

    def judge(self, got: Answer | Refusal | Silence, what: str) -> Answer | None:
        """Note that it answered, or how it did not; says when it is lost, back, or in trouble."""
        now_s = asyncio.get_running_loop().time()
        match got:
            case Silence():
                self._missed += 1
                self._silent(got)
                self._due_s = now_s + (_AGAIN_S if self.silent else 0.0)
                if self._heard_s is not None and now_s - self._heard_s >= _SILENT_S:
                    self.gone(told("devices.modbus_silent", address=self.address, baud=self._baud))
                return None
            case Refusal():
                self._answered(now_s)
                self.trouble(told("devices.modbus_refused", what=what, exception=got.code))
                return None
            case Answer():
                self._answered(now_s)
                return got

    def later(self, pause_ms: int) -> None:
        self._due_s = asyncio.get_running_loop().time() + pause_ms / 1000

    def gone(self, why: str) -> bool:
        """False when that was known already."""
        if self.away:
            return False
        self.away = True
        self._tell("lost", why)
        return True

    def trouble(self, sentence: str) -> None:
        """Say it, and then not again for a minute."""
        now_ms = self._clock.now().up_ms
        key = "".join(letter for letter in sentence if not letter.isdigit())
        if now_ms - self._told.get(key, -_TOLD_MS) >= _TOLD_MS:
            self._told[key] = now_ms
            self._tell("degraded", sentence)

    def _answered(self, now_s: float) -> None:
        self._heard_s, self._missed = now_s, 0
        if self.away:
            self._tell("back", "")
        self.away = False

    def _silent(self, got: Silence) -> None:
        if got.stranger == self.address:  # late, on a machine that was busy itself; or asked by somebody else
            self._own.append(asyncio.get_running_loop().time())
            if len(self._own) < _OWN_TIMES or self._own[-1] - self._own[0] > _OWN_S:
                return
        if got.stranger is not None:
            self.trouble(told("devices.modbus_stranger", address=self.address, other=got.stranger))
        elif got.garbage:
            sentence = told("devices.modbus_garbled", count=got.garbage, address=self.address, baud=self._baud)
            self.trouble(sentence)

    def _tell(self, state: str, detail: str) -> None:
        for name in self._names():
            self._report(DeviceReport(name, self._kind, state, detail, self._clock.now().up_ms))
