"""One Modbus line: several relay boards and sensors on it, one request at a time, what is urgent first.

Knows nothing of relays or levels (modbus_board.py, modbus_sensor.py do). A board's step is one request, so that a
release waits for one answer at most. Devices that do not answer get a third of the line's time together, and an order
does not wait for them: however many are gone, the others go on.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from edge_agent import log
from edge_agent.drivers.line import Line
from edge_agent.drivers.link import parse_link_url
from edge_agent.drivers.modbus_board import Board, Job, ModbusGate
from edge_agent.drivers.modbus_sensor import ModbusSensor
from edge_agent.drivers.modbus_unit import Ask, Silence
from edge_agent.drivers.modbus_wire import Answer, Refusal, Request, answer_in, stranger_in, without_echo
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.profile import LineSettings, Modbus, Profile
from edge_agent.model.sensors import SensorReport
from edge_agent.model.site import Door, Sensor
from edge_agent.ports import Beat, Clock

_HEARD_MOST = 512  # a frame has 256 bytes at most, and may have its echo before it
_BITS = 11  # a byte on the line, with start, parity and stop
_DEAD_LINE_S = 3.0
_PROBE_S, _PROBE_SHARE = 0.05, 2.0  # an order waits so long for who was silent; the others' time for each of theirs
_SLACK_S = 0.03  # adapters hand bytes over some 16 ms late


class Unit(Protocol):
    """A device on the line, as the line sees it."""

    def due_s(self) -> float:
        """When its next step is due (loop time)."""
        ...

    async def step(self, ask: Ask) -> None: ...

    def opened(self) -> None: ...

    def lost(self, why: str) -> None: ...

    def close(self) -> None: ...

    @property
    def away(self) -> bool: ...

    @property
    def silent(self) -> bool:
        """It did not answer lately, lost or not."""
        ...


class ModbusBus:
    """`gate` and `sensor` attach devices; then `run` serves them. Reports are called on the event loop of `run`."""

    def __init__(
        self,
        link_url: str,
        settings: LineSettings,
        clock: Clock,
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
    ) -> None:
        self._clock, self._report = clock, report
        self._baud = parse_link_url(link_url).baud or settings.baud
        self._line = Line(link_url, settings, sim_dir, self._opened, self._received, self._lost)
        self._boards: dict[int, Board] = {}
        self._units: list[Unit] = []
        self._orders: deque[Job] = deque()
        self._news = asyncio.Event()  # an order, or the line's opening
        self._heard = bytearray()
        self._arrived = asyncio.Event()
        self._is_open, self._opened_s = False, 0.0
        self._echo: bool | None = None  # does the adapter hear itself? None: not known yet
        self._probing, self._probe_s = False, 0.0  # asking who was silent; when the next of them may be asked
        self._owing: dict[int, float] = {}  # units that owe an answer, and when it was given up
        self._log = log.get("drivers.modbus")

    def gate(self, door: Door, profile: Profile, deliver: Callable[[GateReport], None]) -> ModbusGate:
        """The gate of `door`. Raises EdgeAgentError as check_modbus_gate does."""
        assert isinstance(profile.framing, Modbus)
        address = profile.framing.address if door.gate.address is None else door.gate.address
        board = self._boards.get(address)
        if board is None:
            board = self._boards[address] = Board(address, profile, self._clock, self._report, self.urgent, self._baud)
            self._units.append(board)
        return board.door(door, deliver)

    def sensor(self, sensor: Sensor, profile: Profile, deliver: Callable[[SensorReport], None]) -> None:
        self._units.append(ModbusSensor(sensor, profile, self._clock, self._report, deliver, self._baud))

    def urgent(self, job: Job) -> None:
        """Next on the line, before every poll."""
        self._orders.append(job)
        self._news.set()
        self._arrived.set()  # who waits for a device that may be gone, waits less now

    async def run(self, beat: Beat) -> None:
        """Serve the line until cancelled."""
        jobs = [asyncio.ensure_future(self._line.run(beat)), asyncio.ensure_future(self._serve())]
        try:
            await asyncio.gather(*jobs)  # neither returns: the first exception ends both
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            for unit in self._units:
                unit.close()

    # ---- whose turn it is --------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            if self._orders:
                await self._orders.popleft()(self._ask)  # also when the line is away: it then says so
                continue
            unit = min(self._units, key=self._turn_s, default=None) if self._is_open else None
            if unit is not None and self._turn_s(unit) <= loop.time():
                began_s, self._probing = loop.time(), unit.silent
                await unit.step(self._ask)
                if self._probing or unit.silent:
                    self._probe_s = loop.time() + _PROBE_SHARE * (loop.time() - began_s)
                self._probing = False
                self._start_anew()
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if unit is None else self._turn_s(unit)):
                    await self._news.wait()

    def _turn_s(self, unit: Unit) -> float:
        """When it is to be asked next. Those that do not answer share what is left to them."""
        return max(unit.due_s(), self._probe_s) if unit.silent else unit.due_s()

    def _start_anew(self) -> None:
        """Nobody answers for seconds: what may still wait in the port must not reach a board later."""
        silent_s = asyncio.get_running_loop().time() - self._opened_s
        if self._is_open and silent_s > _DEAD_LINE_S and all(unit.away for unit in self._units):
            self._is_open = False
            self._line.drop()

    # ---- one request -------------------------------------------------------------------------------------------------

    async def _ask(
        self, request: Request, framing: Modbus, sent: Callable[[], None] | None = None
    ) -> Answer | Refusal | Silence:
        """Raises DeviceUnavailable when the line is away."""
        loop = asyncio.get_running_loop()
        late_s = self._owing.get(request.unit, -math.inf) + framing.answer_ms / 1000 - loop.time()
        await asyncio.sleep(framing.pause_ms / 1000 + max(0.0, late_s))  # what is late must not pass for this answer
        self._heard.clear()
        self._line.write(request.frame)
        if sent is not None:
            sent()
        sizes = len(request.frame) * (2 if self._echo else 1) + request.size
        patience_s = framing.answer_ms / 1000 + sizes * _BITS / self._baud + _SLACK_S
        hasty_s = loop.time() + min(patience_s, _PROBE_S + sizes * _BITS / self._baud)
        until = loop.time() + patience_s
        while True:
            self._arrived.clear()
            if self._probing and self._orders:
                until = min(until, hasty_s)
            found = answer_in(bytes(self._heard), request, copies=2 if self._echo else 1)
            if found is not None:
                self._learn_echo(request)
                self._owing.pop(request.unit, None)
                return found
            try:
                async with asyncio.timeout_at(until):
                    await self._arrived.wait()
            except TimeoutError:
                why = self._why(request)
                self._owing[request.unit] = loop.time()
                return why

    def _learn_echo(self, request: Request) -> None:
        """Only a reading tells: the answer to a single write looks like its echo."""
        if not request.mirrored:
            self._echo = request.frame in self._heard

    def _why(self, request: Request) -> Silence:
        """What there was instead of an answer; a sound one of a unit that owes one is late, and nobody's fault."""
        heard = bytes(self._heard)
        if self._echo is None and request.mirrored is False and heard == request.frame:
            self._echo = True
        if (stranger := stranger_in(heard, request)) is not None:
            return Silence() if stranger.unit in self._owing else Silence(stranger=stranger.unit)
        return Silence(garbage=len(without_echo(heard, request)))

    def _received(self, data: bytes) -> None:
        self._heard += data
        del self._heard[:-_HEARD_MOST]
        self._arrived.set()

    def _opened(self) -> None:
        self._is_open, self._echo = True, None
        self._opened_s = asyncio.get_running_loop().time()
        for unit in self._units:
            unit.opened()
        self._news.set()

    def _lost(self, error: DeviceUnavailable) -> None:
        self._is_open = False
        self._arrived.set()
        for unit in self._units:
            unit.lost(error.sentence)
