"""An OSDP bus: one serial link, one thread, one libosdp control panel; readers and boards, each with its own state.

Carries bytes and keeps the devices on line; what they say is turned into reads and reports in osdp_station.py. Decides
nothing.
libosdp 3.2 has to be refreshed every few ms and calls back from inside that call; here this happens in the bus's own
thread, which alone touches the library, the port and the stations. What leaves it goes through call_soon_threadsafe.

The library's traps, and where they are met: it forgets a silent device for 300 s (`_kick`); it keeps commands for a
device that is away and repeats what was not answered (`_look`, Station.may_send); commands go before polls (Orders);
a NAK takes the device off line (`_serve` asks for the capability first, Station asks only once); a device that does
not answer holds up all others (Turns); its callback leaks the event's dictionary (`_event` empties it).
"""

import asyncio
import os
import random
import select
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from osdp import Capability, Channel, ControlPanel, LibFlag, PDInfo
from osdp import LogLevel as OsdpLog

from edge_agent.drivers.echo import Echo
from edge_agent.drivers.link import Backoff, Port, open_link
from edge_agent.drivers.osdp_gate import OsdpGate
from edge_agent.drivers.osdp_orders import INPUTS, OUTPUT, OUTPUTS, Order
from edge_agent.drivers.osdp_readers import check_readers
from edge_agent.drivers.osdp_station import Outlet, Station
from edge_agent.drivers.osdp_turns import Turns
from edge_agent.drivers.osdp_watch import Change
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.profile import Osdp, Profile
from edge_agent.model.reads import Read
from edge_agent.model.site import Terminal
from edge_agent.ports import Beat, Clock
from edge_agent.words import say

_REFRESH_S = 0.005
_OFF_S = 0.2  # between taking a device off and putting it on again
_BUS = 1  # libosdp's channel id: devices that carry the same one share a wire and are polled in turn
_NEEDS = {
    "led": Capability.LEDControl, "beep": Capability.AudibleControl, "text": Capability.TextOutput,
    OUTPUT: Capability.OutputControl, OUTPUTS: Capability.OutputControl, INPUTS: Capability.ContactStatusMonitoring,
}  # fmt: skip

Readers = Sequence[tuple[Terminal, Profile, bytes | None]]


class _Wire(Channel):  # type: ignore[misc]
    """One device's sight of the bus: libosdp reads here only what answers this device's commands."""

    def __init__(self, bus: "OsdpBus", station: Station) -> None:
        super().__init__()
        self.id = _BUS
        self._bus, self._station = bus, station

    def read(self, max_bytes: int) -> bytes:
        data = self._bus.receive(max_bytes)
        if data:
            self._station.heard(time.monotonic())
        return data

    def write(self, buf: bytes) -> int:
        return self._bus.send(buf) if self._bus.may_send(self._station, buf) else -1

    def flush(self) -> None:
        self._bus.receive(4096)


class OsdpBus:
    """`deliver`, `report` and `moved` are called on the event loop of `run`.

    `terminals`: (terminal, its profile, its secure channel base key of 16 bytes); `gates`: doors behind devices of this
    bus, several of which may be one address, a reader's too. Raises EdgeAgentError when a key is missing or wrong, an
    address is taken, or a profile is not for OSDP.
    """

    def __init__(
        self,
        link_url: str,
        terminals: Readers,
        clock: Clock,
        deliver: Callable[[Read], None],
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
        gates: Sequence[OsdpGate] = (),
        moved: Callable[[GateReport], None] = lambda report: None,
    ) -> None:
        self._url, self._sim_dir = link_url, sim_dir
        self._stations = _stations(terminals, gates, Outlet(clock, deliver, report, moved, self._post))
        self._settings = terminals[0][1].link if terminals else gates[0].profile.link
        self._by_name = {station.terminal.name: station for station in self._stations if station.terminal is not None}
        for station in self._stations:
            for gate in station.gates:
                gate.attach(self._taking(station))
        self._turns = Turns()
        self._echo, self._echoing = Echo(), False
        self._port: Port | None = None
        self._port_error: DeviceUnavailable | None = None
        self._backoff, self._open_at = Backoff(random.Random()), 0.0
        self._stop = False
        self._rounds = 0
        self._looked_at = 0.0
        self._busy = False  # bytes came or went in this refresh
        self._inbox: deque[Callable[[], None]] = deque()  # from the event loop to the thread
        self._bell = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Any = None

    async def run(self, beat: Beat) -> None:
        """Serve the bus until cancelled. Beats while the bus thread turns; what breaks that thread is raised here."""
        self._loop, self._stop = asyncio.get_running_loop(), False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        executor = ThreadPoolExecutor(1, thread_name_prefix="osdp")
        work = self._loop.run_in_executor(executor, self._work)
        seen = -1
        try:
            while not work.done():
                if self._rounds != seen:
                    seen = self._rounds
                    beat()
                await asyncio.wait({work}, timeout=1.0)
            work.result()
        finally:
            self._stop = True
            executor.shutdown(wait=False)
            await asyncio.wait({work})  # up to 2 s while a tcp connection is being made; the loop goes on meanwhile
            os.close(self._bell)
            self._bell = -1

    def show(self, terminal: str, outcome: str, reason: str = "") -> None:
        """An outcome on the reader's LED, buzzer and display; the newest replaces one not yet sent. One that the
        profile has no feedback for is not shown, and replaces nothing.
        """
        station, asked = self._by_name.get(terminal), time.monotonic()
        if station is not None:
            self._give(lambda: station.show(outcome, reason, asked))

    def usable(self, terminal: str) -> bool:
        """Whether reads of this terminal count now."""
        return self._by_name[terminal].watch.usable

    def _taking(self, station: Station) -> Callable[[Order], None]:
        def take(order: Order) -> None:
            if self._bell < 0:
                order.end(False)
            else:
                self._give(lambda: station.orders.put(order))

        return take

    def _give(self, work: Callable[[], None]) -> None:
        self._inbox.append(work)
        if self._bell >= 0:
            os.eventfd_write(self._bell, 1)

    # Everything below runs in the bus thread.

    def _work(self) -> None:
        infos = [
            PDInfo(
                station.address, _Wire(self, station), scbk=station.key, name=f"PD-{station.address}",
                flags=_flags(station),
            )
            for station in self._stations
        ]  # fmt: skip
        panel = ControlPanel(infos, log_level=OsdpLog.Critical)
        self._context = panel.ctx
        # The panel object would also queue every event for a get_event() nobody calls; the context takes ours instead.
        self._context.set_event_callback(self._event)
        try:
            while not self._stop:
                self._turn()
                self._wait()
        finally:
            self._close()
            for station in self._stations:
                station.orders.clear()
            self._context = None

    def _turn(self) -> None:
        now = time.monotonic()
        if self._port is None and now >= self._open_at:
            self._open(now)
        self._busy = False
        self._context.refresh()
        self._rounds += 1
        if self._inbox or now - self._looked_at >= _REFRESH_S:
            self._looked_at = now
            while self._inbox:
                self._inbox.popleft()()
            self._look(now)

    def _wait(self) -> None:
        """Until something arrives, 5 ms at most. What nobody reads yet must not keep the thread spinning."""
        listened = [self._bell] if self._port is None or not self._busy else [self._bell, self._port.fileno()]
        ready, _, _ = select.select(listened, [], [], _REFRESH_S)
        if self._bell in ready:
            os.eventfd_read(self._bell)

    def _look(self, now: float) -> None:
        secure, online = self._context.sc_status(), self._context.status()
        for station in self._stations:
            bit = 1 << station.index
            active = bool((secure if station.key else online) & bit) and self._port is not None
            if not active and station.watch.active:
                self._context.flush_commands(station.index)  # what it was told before it left is not done later
            change = station.look(now, active, self._port_error)
            if change in (Change.READY, Change.BACK):
                self._turns.answered(station.index, self._missing())
            if active:
                self._serve(station, now)
            else:
                self._kick(station, now)

    def _serve(self, station: Station, now: float) -> None:
        for order in station.orders.next(now):
            needed = _NEEDS.get(order.kind)
            able = needed is None or any(self._context.check_capability(station.index, needed))
            if not able or not self._context.submit_command(station.index, order.command):
                station.orders.taken_back(order)

    def _missing(self) -> list[int]:
        return [station.index for station in self._stations if station.watch.silent]

    def _open(self, now: float) -> None:
        try:
            self._port = open_link(self._url, self._sim_dir, self._settings.baud, self._settings.parity)
        except DeviceUnavailable as error:
            self._port_error = error
            self._open_at = now + self._backoff.pause_s()
            return
        self._port_error = None
        self._echo = Echo()

    def _close(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    def receive(self, size: int) -> bytes:
        if self._port is None:
            return b""
        try:
            data = self._port.read(size)
        except DeviceUnavailable as error:
            self._gone(error)
            return b""
        if data:
            self._backoff.reset()
            self._busy = True
            data = self._echo.heard(data, time.monotonic())
            if self._echo.certain and not self._echoing:
                self._echoing = True
                self._stations[0].degraded(say("devices.line_echo", "en"))
        return data

    def may_send(self, station: Station, frame: bytes) -> bool:
        return station.may_send(frame, time.monotonic(), len(self._stations) > 1)

    def send(self, data: bytes) -> int:
        """-1 lets libosdp give up at once. Bytes that do not fit count as sent: on a wire they would be lost."""
        if self._port is None:
            return -1
        try:
            self._port.write(data)
        except DeviceUnavailable as error:
            self._gone(error)
            return -1
        self._busy = True
        self._echo.sent(data, time.monotonic())  # no reader says what the panel says: its address has a bit more
        return len(data)

    def _gone(self, error: DeviceUnavailable) -> None:
        self._port_error = error
        self._open_at = time.monotonic() + self._backoff.pause_s()
        self._close()

    def _kick(self, station: Station, now: float) -> None:
        """Bring back a device libosdp has given up: off, 0.2 s, on. With the port gone it stays off."""
        if self._context.is_pd_enabled(station.index):
            station.off_since = None
            if self._port is None:
                self._context.disable_pd(station.index)
            elif station.watch.due_kick(now):
                self._context.disable_pd(station.index)
                if change := station.watch.kicked(now):
                    station.changed(change, now, self._port_error)
            return
        if station.off_since is None:
            station.off_since = now
            station.gave_up()
        if self._port is None or now - station.off_since < _OFF_S:
            return
        working = any(other.watch.active for other in self._stations)
        if not station.watch.silent or self._turns.look(station.index, self._missing(), working, now):
            self._context.enable_pd(station.index)

    def _event(self, index: int, event: dict[str, Any]) -> int:
        """libosdp's callback; `index` is the station's place in the list, not its address."""
        self._stations[index].event(event)
        event.clear()
        return 0

    def _post(self, function: Callable[..., None], value: Any) -> None:
        if self._loop is not None and not self._stop:
            self._loop.call_soon_threadsafe(function, value)


def _flags(station: Station) -> list[int]:
    flags = [LibFlag.EnableNotification]
    if station.key:
        flags.append(LibFlag.EnforceSecure)
    if station.framing.ignore_unsolicited:
        flags.append(LibFlag.IgnoreUnsolicited)
    return flags


def _stations(terminals: Readers, gates: Sequence[OsdpGate], outlet: Outlet) -> list[Station]:
    check_readers((terminal, profile) for terminal, profile, _ in terminals)
    stations: dict[int, Station] = {}
    for terminal, profile, key in terminals:
        station = Station(len(stations), terminal.address, key, _keyed(terminal.name, profile, key), outlet)
        station.terminal, station.profile = terminal, profile
        stations[terminal.address] = station
    for gate in gates:
        address = gate.door.gate.address or 0
        if address not in stations:
            framing = _keyed(gate.door.name, gate.profile, gate.key)
            stations[address] = Station(len(stations), address, gate.key, framing, outlet)
        elif gate.key is not None and gate.key != stations[address].key:
            raise EdgeAgentError("devices.osdp_two_keys", door=gate.door.name, address=address)
        stations[address].gates.append(gate)
    return list(stations.values())


def _keyed(name: str, profile: Profile, key: bytes | None) -> Osdp:
    framing = profile.framing
    assert isinstance(framing, Osdp)
    if key is None and not framing.insecure:
        raise EdgeAgentError("devices.osdp_no_key", terminal=name)
    if key is not None and len(key) != 16:
        raise EdgeAgentError("devices.osdp_key_length", terminal=name, length=len(key))
    return framing
