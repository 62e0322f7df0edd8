"""One address on an OSDP bus: a reader, a board with outputs and inputs, or both in one housing.

Turns what libosdp says of it into reads and reports. Lives in the bus's thread; what leaves it goes through `post`.
"""

import secrets
import time
from collections.abc import Callable
from typing import Any

from osdp import Event, EventNotification, StatusReportType

from edge_agent import log
from edge_agent.drivers.osdp_gate import OsdpGate
from edge_agent.drivers.osdp_orders import FEEDBACK_S, INPUTS, LATE_S, LOCAL, OUTPUTS, SHOWN, Orders, feedback_orders
from edge_agent.drivers.osdp_orders import status_order as asking
from edge_agent.drivers.osdp_watch import Change, Watch
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import Osdp, Profile
from edge_agent.model.reads import Direction, Keys, Presented, Read, Unreadable
from edge_agent.model.site import Terminal
from edge_agent.ports import Clock
from edge_agent.protocols.keypad import DIGITS_AT_MOST, Entry, from_osdp
from edge_agent.protocols.wiegand import from_left_justified
from edge_agent.words import say

_ASK_S = 5.0  # a question about the state that was not asked by then is no longer worth asking
_POLL = 0x60

Post = Callable[[Callable[..., None], Any], None]


class Outlet:
    """Where reads and reports go; each is called on the event loop."""

    def __init__(
        self,
        clock: Clock,
        deliver: Callable[[Read], None],
        report: Callable[[DeviceReport], None],
        moved: Callable[[GateReport], None],
        post: Post,
    ) -> None:
        self.clock, self.deliver, self.report, self.moved, self.post = clock, deliver, report, moved, post


class Station:
    def __init__(self, index: int, address: int, key: bytes | None, framing: Osdp, outlet: Outlet) -> None:
        self.index, self.address, self.key, self.framing = index, address, key, framing
        self.terminal: Terminal | None = None
        self.profile: Profile | None = None
        self.gates: list[OsdpGate] = []
        self.watch = Watch(time.monotonic())
        self.orders = Orders()
        self.off_since: float | None = None  # taken off the bus, to be put on again
        self._entry = Entry()  # digits typed so far
        self._outlet = outlet
        self._log = log.get("drivers.osdp")
        self._unanswered_since: float | None = None  # the command on the wire was first sent then
        self._answered = False  # the last that was sent
        self._polled: int | None = None  # the last that was sent was a poll with this sequence number
        self._tampered = self._failing = False
        self._said: set[str] = set()  # commands it refused, told once

    @property
    def names(self) -> list[tuple[str, str]]:
        """(name, kind) of what hangs on it, as reports say it."""
        readers = [] if self.terminal is None else [(self.terminal.name, "reader")]
        return readers + [(gate.door.name, "gate") for gate in self.gates]

    # ---- the wire ----------------------------------------------------------------------------------------------------

    def heard(self, now: float) -> None:
        self._unanswered_since, self._answered = None, True
        self.watch.heard(now)

    def may_send(self, frame: bytes, now: float, shared: bool) -> bool:
        """Whether this frame still may go out; False takes the device off line at once.

        libosdp repeats what was not answered each second, for 8 s. An output command would then move a door at which
        nobody stands any more; and to a device that is not there, each repetition holds up all others on the bus.
        """
        since, self._unanswered_since = self._unanswered_since, self._unanswered_since or now
        number = _number(frame)
        if self._answered and self._polled is not None and number == self._polled % 3 + 1:
            self.watch.answered()  # any other number: it was busy and is asked once more, or the session begins anew
        self._answered, self._polled = False, None
        if since is not None:
            late = self.orders.moving and now - since > LATE_S
            if late or (shared and self.watch.silent):
                self._unanswered_since = None
                return False
        if _code(frame) == _POLL:
            self._polled = number
            self.orders.polled()
        return True

    def gave_up(self) -> None:
        """The port is away, or the device was taken off: what was asked is not asked again."""
        self._unanswered_since = None
        self.orders.clear()

    # ---- what libosdp says -------------------------------------------------------------------------------------------

    def event(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case Event.CardRead if self.terminal is not None:
                self._card(event.get("length", 0), event["data"])
            case Event.KeyPress if self.profile is not None and "keypad" in self.profile.provides:
                self._keys(from_osdp(event["data"]))
            case Event.Status:
                self._status(event["type"], event["report"])
            case Event.Notification:
                self._notified(event["type"], event["arg0"], event["arg1"])

    def _notified(self, kind: int, what: int, well: int) -> None:
        if kind == EventNotification.PeripheralDeviceStatus and not what:
            self.watch.offline()
        elif kind == EventNotification.Command:
            order = self.orders.answered(what, bool(well))
            if order is not None and not well and self._answered:
                self._refused(order.kind)

    def _refused(self, kind: str) -> None:
        """It answered, and the answer was no. libosdp takes it off line for that, so it is asked only once."""
        if kind not in ("output", OUTPUTS):
            self.orders.refused.add(kind)
        if kind not in self._said:
            self._said.add(kind)
            self._tell("degraded", say("devices.osdp_refused", "en", what=kind))

    def _card(self, bits: int, data: bytes) -> None:
        assert self.profile is not None
        credential: Presented
        if bits in self.profile.card_bits and len(data) * 8 >= bits:
            credential = from_left_justified(bits, data)
        else:
            credential = Unreadable(say("devices.card_bits", "en", bits=bits))
        self._entry.clear()  # digits before a card are somebody else's
        self._read(credential, self.watch.read(time.monotonic()))

    def _keys(self, keys: str) -> None:
        """What was typed goes nowhere but into the read: not into a log, a report or an error."""
        now = time.monotonic()
        for typed in self._entry.press(keys, now, self.watch.read(now)):
            if typed.digits is None:
                self._read(Unreadable(say("devices.keys_too_many", "en", limit=DIGITS_AT_MOST)), typed.stale)
            else:
                self._read(Keys(typed.digits), typed.stale)

    def _read(self, credential: Presented, stale: bool) -> None:
        terminal = self.terminal
        assert terminal is not None
        read = Read(
            read_id=secrets.token_hex(8),
            terminal=terminal.name,
            door=terminal.door,
            direction=Direction(terminal.direction),
            up_ms=self._outlet.clock.now().up_ms,
            credential=credential,
            stale=stale,
        )
        self._outlet.post(self._outlet.deliver, read)

    def _status(self, kind: int, report: bytes) -> None:
        match kind:
            case StatusReportType.Local if len(report) >= 2:
                self._housing(tampered=bool(report[0]), failing=bool(report[1]))
            case StatusReportType.Input:
                for gate in self.gates:
                    self._outlet.post(gate.inputs, bytes(report))
            case StatusReportType.Output:
                for gate in self.gates:
                    self._outlet.post(gate.outputs, bytes(report))

    def _housing(self, *, tampered: bool, failing: bool) -> None:
        """osdp_LSTATR: the housing, and the power."""
        if tampered != self._tampered:
            self._tampered = tampered
            kind = Report.TAMPER_ON if tampered else Report.TAMPER_OFF
            whose = "board" if self.terminal is None else self.terminal.name
            doors = {gate.door.name for gate in self.gates} | ({self.terminal.door} if self.terminal else set())
            for door in sorted(doors):
                up_ms = self._outlet.clock.now().up_ms
                self._outlet.post(self._outlet.moved, GateReport(door, kind, up_ms, detail=whose))
        if failing and not self._failing:
            self._tell("degraded", say("devices.osdp_power", "en"))
        self._failing = failing

    # ---- what becomes of it ------------------------------------------------------------------------------------------

    def look(self, now: float, active: bool, port_error: DeviceUnavailable | None) -> Change | None:
        """After a refresh. `active`: its channel stands and the port is there."""
        self._entry.tick(now)
        if not active:
            self.orders.clear()
        if change := self.watch.tick(now, active):
            self.changed(change, now, port_error)
        return change

    def changed(self, change: Change, now: float, port_error: DeviceUnavailable | None) -> None:
        match change:
            case Change.READY | Change.BACK:
                self._came(change, now)
            case Change.LOST:
                code = "devices.reader_silent" if self.watch.silent else "devices.reader_session"
                self._went(say(code, "en") if port_error is None else str(port_error))
            case Change.REFUSED:
                self._tell("degraded", say("devices.reader_key", "en"))

    def _came(self, change: Change, now: float) -> None:
        for what in (OUTPUTS, INPUTS, LOCAL) if self.gates else (LOCAL,):
            self.orders.put(asking(what, now + _ASK_S))
        for gate in self.gates:
            self._outlet.post(OsdpGate.came, gate)
        if self.terminal is None:
            return
        if change is Change.READY:
            self._log.info("reader %s ready", self.terminal.name)
        else:
            self._report(self.terminal.name, "reader", "back", "")

    def _went(self, detail: str) -> None:
        for gate in self.gates:
            self._outlet.post(gate.went, detail)
        if self.terminal is not None:
            self._report(self.terminal.name, "reader", "lost", detail)

    def show(self, outcome: str, reason: str, asked: float) -> None:
        """An outcome on LED, buzzer and display; the newest replaces what was not sent yet."""
        feedback = self.profile.feedback_for(outcome, reason) if self.profile is not None else None
        if feedback is None or not self.watch.usable:
            return
        self.orders.drop(SHOWN)
        for order in feedback_orders(feedback, asked + FEEDBACK_S):
            self.orders.put(order)

    def degraded(self, sentence: str) -> None:
        """Something of the line, told by who hangs here."""
        self._tell("degraded", sentence)

    def _tell(self, state: str, detail: str) -> None:
        for name, kind in self.names:
            self._report(name, kind, state, detail)

    def _report(self, name: str, kind: str, state: str, detail: str) -> None:
        self._outlet.post(self._outlet.report, DeviceReport(name, kind, state, detail, self._outlet.clock.now().up_ms))


def _number(frame: bytes) -> int:
    """The sequence number of a frame that goes out, 1 to 3; 0 begins a session."""
    return frame[5 if frame[:1] == b"\xff" else 4] & 0x03


def _code(frame: bytes) -> int:
    """The command of a frame that goes out; it stands in clear, in the secure channel too."""
    at = 1 if frame[:1] == b"\xff" else 0
    block = frame[at + 5] if frame[at + 4] & 0x08 else 0
    return frame[at + 5 + block]
