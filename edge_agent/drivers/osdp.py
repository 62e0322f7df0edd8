"""An OSDP bus: one serial link, one thread, one libosdp control panel, one or more readers.

Turns cards and typed digits into Reads and reader states into DeviceReports, shows outcomes on the readers. Decides
nothing.
libosdp 3.2 has to be refreshed every few ms and calls back from inside that call; here this happens in the bus's own
thread, which alone touches the library, the port and the watches. What leaves it goes through call_soon_threadsafe.

The library's traps, and where they are met: it forgets a silent reader for 300 s (`_kick`); a NAK to an unwanted
command takes the reader off line (`_submit` asks for the capability first); a command that was accepted may be lost in
a cut (`_FEEDBACK_S`); its callback leaks the event's dictionary (`_event` empties it).
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from osdp import Capability, Channel, Command, CommandLEDColor, ControlPanel, Event, EventNotification, LibFlag, PDInfo
from osdp import LogLevel as OsdpLog

from edge_agent import log
from edge_agent.drivers.echo import Echo
from edge_agent.drivers.link import Backoff, Port, open_link
from edge_agent.drivers.osdp_readers import check_readers
from edge_agent.drivers.osdp_watch import Change, Watch
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Beep, Led, Osdp, Profile
from edge_agent.model.reads import Direction, Keys, Presented, Read, Unreadable
from edge_agent.model.site import Terminal
from edge_agent.ports import Beat, Clock
from edge_agent.protocols.keypad import DIGITS_AT_MOST, Entry, from_osdp
from edge_agent.protocols.wiegand import from_left_justified
from edge_agent.words import say

_REFRESH_S = 0.005
_OFF_S = 0.2  # between taking a reader off and putting it on again
_FEEDBACK_S = 2.0  # feedback later than this says something about somebody else
_BUS = 1  # libosdp's channel id: readers that carry the same one share a wire and are polled in turn
_COLORS = {
    "red": CommandLEDColor.Red, "green": CommandLEDColor.Green, "amber": CommandLEDColor.Amber,
    "blue": CommandLEDColor.Blue, "magenta": CommandLEDColor.Magenta, "cyan": CommandLEDColor.Cyan,
    "white": CommandLEDColor.White,
}  # fmt: skip


class _Wire(Channel):  # type: ignore[misc]
    """One reader's sight of the bus: libosdp reads here only what answers this reader's commands."""

    def __init__(self, bus: "OsdpBus", watch: Watch) -> None:
        super().__init__()
        self.id = _BUS
        self._bus, self._watch = bus, watch

    def read(self, max_bytes: int) -> bytes:
        data = self._bus.receive(max_bytes)
        if data:
            self._watch.heard(time.monotonic())
        return data

    def write(self, buf: bytes) -> int:
        return self._bus.send(buf)

    def flush(self) -> None:
        self._bus.receive(4096)


class _Reader:
    def __init__(self, index: int, terminal: Terminal, profile: Profile, key: bytes | None) -> None:
        self.index, self.terminal, self.profile, self.key = index, terminal, profile, key
        self.watch = Watch(time.monotonic())
        self.entry = Entry()  # digits typed so far
        self.off_since: float | None = None  # taken off the bus, to be put on again
        self.wanted: tuple[str, float] | None = None  # outcome to show, asked for at (monotonic s)
        self.in_flight = 0  # commands libosdp has and has not answered for
        self.in_flight_since = 0.0


class OsdpBus:
    """`deliver` and `report` are called on the event loop of `run`.

    `terminals`: (terminal, its profile, its secure channel base key of 16 bytes). Raises EdgeAgentError when a key is
    missing or wrong, an address is taken, or a profile is not for OSDP.
    """

    def __init__(
        self,
        link_url: str,
        terminals: Sequence[tuple[Terminal, Profile, bytes | None]],
        clock: Clock,
        deliver: Callable[[Read], None],
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
    ) -> None:
        self._url, self._clock, self._deliver, self._report, self._sim_dir = link_url, clock, deliver, report, sim_dir
        self._readers = [_Reader(index, *terminal) for index, terminal in enumerate(terminals)]
        _check(self._readers)
        self._by_name = {reader.terminal.name: reader for reader in self._readers}
        self._log = log.get("drivers.osdp")
        self._port: Port | None = None
        self._port_error: DeviceUnavailable | None = None
        self._backoff, self._open_at = Backoff(random.Random()), 0.0
        self._echo, self._echoing = Echo(), False
        self._stop = False
        self._turns = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Any = None

    async def run(self, beat: Beat) -> None:
        """Serve the bus until cancelled. Beats while the bus thread turns; what breaks that thread is raised here."""
        self._loop, self._stop = asyncio.get_running_loop(), False
        executor = ThreadPoolExecutor(1, thread_name_prefix="osdp")
        work = self._loop.run_in_executor(executor, self._work)
        seen = -1
        try:
            while not work.done():
                if self._turns != seen:
                    seen = self._turns
                    beat()
                await asyncio.wait({work}, timeout=1.0)
            work.result()
        finally:
            self._stop = True
            executor.shutdown(wait=False)
            await asyncio.wait({work})  # up to 2 s while a tcp connection is being made; the loop goes on meanwhile

    def show(self, terminal: str, outcome: str) -> None:
        """An outcome on the reader's LED and buzzer; the newest replaces one not yet sent. One that the profile has no
        feedback for is not shown, and replaces nothing.
        """
        reader = self._by_name.get(terminal)
        if reader is not None and reader.profile.feedback_for(outcome) is not None:
            reader.wanted = (outcome, time.monotonic())

    def usable(self, terminal: str) -> bool:
        """Whether reads of this terminal count now."""
        return self._by_name[terminal].watch.usable

    # Everything below runs in the bus thread.

    def _work(self) -> None:
        infos = [
            PDInfo(
                reader.terminal.address,
                _Wire(self, reader.watch),
                scbk=reader.key,
                name=f"PD-{reader.terminal.address}",
                flags=[LibFlag.EnableNotification] + ([LibFlag.EnforceSecure] if reader.key else []),
            )
            for reader in self._readers
        ]
        panel = ControlPanel(infos, log_level=OsdpLog.Critical)
        self._context = panel.ctx
        # The panel object would also queue every event for a get_event() nobody calls; the context takes ours instead.
        self._context.set_event_callback(self._event)
        try:
            while not self._stop:
                self._turn()
                time.sleep(_REFRESH_S)
        finally:
            self._close()
            self._context = None

    def _turn(self) -> None:
        now = time.monotonic()
        if self._port is None and now >= self._open_at:
            self._open(now)
        self._context.refresh()
        self._turns += 1
        secure, online = self._context.sc_status(), self._context.status()
        for reader in self._readers:
            reader.entry.tick(now)
            bit = 1 << reader.index
            active = bool(secure & bit) if reader.key else bool(online & bit)
            if change := reader.watch.tick(now, active and self._port is not None):
                self._changed(reader, change)
            if not active:
                reader.in_flight = 0
                self._kick(reader, now)
            if reader.wanted is not None:
                self._submit(reader, reader.wanted, now)

    def _open(self, now: float) -> None:
        settings = self._readers[0].profile.link
        try:
            self._port = open_link(self._url, self._sim_dir, settings.baud, settings.parity)
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
            data = self._echo.heard(data, time.monotonic())
            if self._echo.certain and not self._echoing:
                self._echoing = True
                self._tell(self._readers[0].terminal.name, "degraded", say("devices.line_echo", "en"))
        return data

    def send(self, data: bytes) -> int:
        """-1 lets libosdp give up at once. Bytes that do not fit count as sent: on a wire they would be lost."""
        if self._port is None:
            return -1
        try:
            self._port.write(data)
        except DeviceUnavailable as error:
            self._gone(error)
            return -1
        self._echo.sent(data, time.monotonic())  # no reader says what the panel says: its address has a bit more
        return len(data)

    def _gone(self, error: DeviceUnavailable) -> None:
        self._port_error = error
        self._open_at = time.monotonic() + self._backoff.pause_s()
        self._close()

    def _kick(self, reader: _Reader, now: float) -> None:
        """Bring back a reader libosdp has given up: off, 0.2 s, on. With the port gone it stays off."""
        if self._context.is_pd_enabled(reader.index):
            reader.off_since = None
            if self._port is None:
                self._context.disable_pd(reader.index)
            elif reader.watch.due_kick(now):
                self._context.disable_pd(reader.index)
                if change := reader.watch.kicked(now):
                    self._changed(reader, change)
            return
        if reader.off_since is None:
            reader.off_since = now
        if self._port is not None and now - reader.off_since >= _OFF_S:
            self._context.enable_pd(reader.index)

    def _event(self, index: int, event: dict[str, Any]) -> int:
        """libosdp's callback; `index` is the reader's place in the list, not its address."""
        reader = self._readers[index]
        match event["event"]:
            case Event.CardRead:
                self._card(reader, event.get("length", 0), event["data"])
            case Event.KeyPress if "keypad" in reader.profile.provides:
                self._keys(reader, from_osdp(event["data"]))
            case Event.Notification:
                if event["type"] == EventNotification.PeripheralDeviceStatus and not event["arg0"]:
                    reader.watch.offline()
                elif event["type"] == EventNotification.Command:
                    reader.in_flight = max(0, reader.in_flight - 1)
        event.clear()
        return 0

    def _card(self, reader: _Reader, bits: int, data: bytes) -> None:
        credential: Presented
        if bits in reader.profile.card_bits and len(data) * 8 >= bits:
            credential = from_left_justified(bits, data)
        else:
            credential = Unreadable(say("devices.card_bits", "en", bits=bits))
        reader.entry.clear()  # digits before a card are somebody else's
        self._read(reader, credential, reader.watch.read(time.monotonic()))

    def _keys(self, reader: _Reader, keys: str) -> None:
        """What was typed goes nowhere but into the read: not into a log, a report or an error."""
        now = time.monotonic()
        for typed in reader.entry.press(keys, now, reader.watch.read(now)):
            if typed.digits is None:
                self._read(reader, Unreadable(say("devices.keys_too_many", "en", limit=DIGITS_AT_MOST)), typed.stale)
            else:
                self._read(reader, Keys(typed.digits), typed.stale)

    def _read(self, reader: _Reader, credential: Presented, stale: bool) -> None:
        terminal = reader.terminal
        read = Read(
            read_id=secrets.token_hex(8),
            terminal=terminal.name,
            door=terminal.door,
            direction=Direction(terminal.direction),
            up_ms=self._clock.now().up_ms,
            credential=credential,
            stale=stale,
        )
        self._call(self._deliver, read)

    def _submit(self, reader: _Reader, wanted: tuple[str, float], now: float) -> None:
        """LED and buzzer, once the last pair is answered: commands go before polls, many would hold up reads."""
        outcome, asked = wanted
        if now - asked > _FEEDBACK_S or not reader.watch.usable:
            reader.wanted = None
            return
        if reader.in_flight and now - reader.in_flight_since < _FEEDBACK_S:
            return
        reader.wanted = None if reader.wanted is wanted else reader.wanted
        reader.in_flight, reader.in_flight_since = 0, now
        feedback = reader.profile.feedback_for(outcome)
        if feedback is None:
            return
        if feedback.led and self._can(reader, Capability.LEDControl):
            reader.in_flight += bool(self._context.submit_command(reader.index, led_command(feedback.led)))
        if feedback.beep and self._can(reader, Capability.AudibleControl):
            reader.in_flight += bool(self._context.submit_command(reader.index, beep_command(feedback.beep)))

    def _can(self, reader: _Reader, capability: int) -> bool:
        compliance, _ = self._context.check_capability(reader.index, capability)
        return bool(compliance)

    def _changed(self, reader: _Reader, change: Change) -> None:
        name = reader.terminal.name
        match change:
            case Change.READY:
                self._log.info("reader %s ready", name)
            case Change.BACK:
                self._tell(name, "back", "")
            case Change.LOST if self._port_error is not None:
                self._tell(name, "lost", str(self._port_error))
            case Change.LOST:
                code = "devices.reader_silent" if reader.watch.silent else "devices.reader_session"
                self._tell(name, "lost", say(code, "en"))
            case Change.REFUSED:
                self._tell(name, "degraded", say("devices.reader_key", "en"))

    def _tell(self, name: str, state: str, detail: str) -> None:
        self._call(self._report, DeviceReport(name, "reader", state, detail, self._clock.now().up_ms))

    def _call(self, function: Callable[[Any], None], value: msgspec.Struct) -> None:
        if self._loop is not None and not self._stop:
            self._loop.call_soon_threadsafe(function, value)


def led_command(led: Led) -> dict[str, int | bool]:
    """Temporary LED setting (osdp_LED, 2 = set and start timer). The profile's form keeps each time in one byte."""
    return {
        "command": Command.LED, "reader": 0, "led_number": 0, "temporary": True, "control_code": 2,
        "on_count": led.on_ms // 100, "off_count": led.off_ms // 100, "timer_count": led.for_ms // 100,
        "on_color": _COLORS[led.color], "off_color": CommandLEDColor.Black,
    }  # fmt: skip


def beep_command(beep: Beep) -> dict[str, int]:
    """Default tone (osdp_BUZ, tone code 2)."""
    return {
        "command": Command.Buzzer, "reader": 0, "control_code": 2,
        "on_count": beep.on_ms // 100, "off_count": beep.off_ms // 100, "rep_count": beep.times,
    }  # fmt: skip


def _check(readers: Sequence[_Reader]) -> None:
    check_readers((reader.terminal, reader.profile) for reader in readers)
    for reader in readers:
        name, framing = reader.terminal.name, reader.profile.framing
        if reader.key is None and isinstance(framing, Osdp) and not framing.insecure:
            raise EdgeAgentError("devices.osdp_no_key", terminal=name)
        if reader.key is not None and len(reader.key) != 16:
            raise EdgeAgentError("devices.osdp_key_length", terminal=name, length=len(reader.key))
