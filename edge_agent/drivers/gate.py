"""A gate board on a serial line: releases the door, and reports what its inputs say.

The board times the pulse itself, so a dead gateway leaves no door open. Reported is what the board measured, never
what was asked of it. One physical fact to know: a contact bounces for some 10 ms each time it moves, and the board
sends every edge; a contact counts here once it has been stable for the profile's `debounce_ms`, dated at its first
edge. The exit button counts at its first edge: leaving waits for nothing.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from edge_agent import log
from edge_agent.drivers.line import Line
from edge_agent.drivers.trouble import Trouble
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import Delimited, Profile
from edge_agent.model.site import Door
from edge_agent.ports import Beat, Clock
from edge_agent.protocols.codec import Decoder, Message, encode
from edge_agent.words import say

_SILENT_S = 3.0
_ANSWER_S = 0.3  # a board that has not switched by then did not understand
_SENDS = 2


class SerialGate:
    """`deliver` and `report` are called on the event loop of `run`.

    Raises EdgeAgentError as check_gate does.
    """

    def __init__(
        self,
        door: Door,
        profile: Profile,
        link_url: str,
        clock: Clock,
        deliver: Callable[[GateReport], None],
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
    ) -> None:
        check_gate(door, profile)
        assert profile.gate is not None
        self._traits = profile.gate
        self._door, self._profile, self._clock = door, profile, clock
        self._deliver, self._report = deliver, report
        self._line = Line(link_url, profile.link, sim_dir, self._opened, self._received, self._lost)
        self._decoder = Decoder(profile)
        self._trouble = Trouble()
        self._log = log.get("drivers.gate")
        self._away: bool | None = None  # None: nothing heard yet
        self._heard_s = 0.0
        self._relay: bool | None = None
        self._contact: bool | None = None  # as reported: stable
        self._exit = False
        self._edge: tuple[bool, int, asyncio.TimerHandle] | None = None  # contact on its way: open?, since, settles
        self._unanswered: tuple[bytes, int, asyncio.TimerHandle] | None = None  # pulse frame, times sent

    async def run(self, beat: Beat) -> None:
        """Serve the gate until cancelled."""
        jobs = [asyncio.ensure_future(self._line.run(beat)), asyncio.ensure_future(self._heartbeat())]
        try:
            await asyncio.gather(*jobs)  # neither returns: the first exception ends both
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            for waiting in (self._edge, self._unanswered):
                if waiting is not None:
                    waiting[2].cancel()

    async def release(self, seconds: float) -> None:
        """Unlock for `seconds`, at most the board's longest pulse; a release during another starts the time again.

        Returns when the command is on the wire; it is sent once more if the relay does not switch. Raises
        DeviceUnavailable.
        """
        tenths = max(1, round(min(seconds, self._traits.max_pulse_s) * 10))
        frame = encode(self._profile, "pulse", relay=self._door.gate.relay, tenths=tenths)
        if self._away is not False:
            raise DeviceUnavailable("devices.gate_away", door=self._door.name)
        self._send_pulse(frame, 1)

    def _send_pulse(self, frame: bytes, sends: int) -> None:
        self._line.write(frame)
        self._answered()
        loop = asyncio.get_running_loop()
        self._unanswered = frame, sends, loop.call_later(_ANSWER_S, self._no_answer)

    def _answered(self) -> None:
        if self._unanswered is not None:
            self._unanswered[2].cancel()
            self._unanswered = None

    def _no_answer(self) -> None:
        if self._unanswered is None:
            return
        frame, sends, _ = self._unanswered
        self._unanswered = None
        if sends >= _SENDS:
            self._tell("degraded", say("devices.gate_deaf", "en"))
            return
        try:
            self._send_pulse(frame, sends + 1)
        except DeviceUnavailable as error:
            self._tell("degraded", str(error))

    async def _heartbeat(self) -> None:
        """Ask for the state; three seconds without an answer, and the gate is lost though its port is there."""
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        while True:
            try:
                self._line.write(encode(self._profile, "query"))
            except DeviceUnavailable as error:
                self._log.debug("no query: %s", error)
            await asyncio.sleep(self._traits.poll_ms / 1000)
            if loop.time() - self._heard_s >= _SILENT_S:
                self._gone(say("devices.gate_silent", "en"))

    def _opened(self) -> None:
        self._decoder = Decoder(self._profile)
        self._heard_s = asyncio.get_running_loop().time()  # a board may start with its port: it has as long again
        try:
            self._line.write(encode(self._profile, "query"))
        except DeviceUnavailable as error:
            self._gone(str(error))

    def _lost(self, error: DeviceUnavailable) -> None:
        self._gone(str(error))

    def _gone(self, detail: str) -> None:
        if self._away is True:
            return
        self._away = True
        self._answered()
        if self._edge is not None:
            self._edge[2].cancel()
        self._relay = self._contact = self._edge = None
        self._exit = False
        self._line.drop()  # a pulse that still waits in it must not open the door later
        self._tell("lost", detail)

    def _received(self, data: bytes) -> None:
        for piece in self._decoder.feed(data):
            if isinstance(piece, Message):
                self._state(*(int(piece.values[name]) for name in ("relays", "contacts", "buttons")))
            elif sentence := self._trouble.seen(str(piece), self._clock.now().up_ms):
                self._tell("degraded", sentence)

    def _state(self, relays: int, contacts: int, buttons: int) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        first = self._away is not False
        if self._away:
            self._tell("back", "")
        self._away = False
        binding = self._door.gate
        relay = bool(relays >> binding.relay & 1)
        if relay:
            self._answered()
        if relay != self._relay:
            self._relay = relay
            self._say(Report.RELAY_ON if relay else Report.RELAY_OFF, first)
        if binding.exit is not None:
            pressed = bool(buttons >> binding.exit & 1)
            if pressed and not self._exit:
                self._say(Report.EXIT_PRESSED, first)
            self._exit = pressed
        if binding.contact is not None:
            self._contact_seen(bool(contacts >> binding.contact & 1), first)

    def _contact_seen(self, open: bool, first: bool) -> None:
        if first or self._contact is None:
            self._contact = open
            self._say(Report.CONTACT_OPEN if open else Report.CONTACT_CLOSED, first)
            return
        since = self._clock.now().up_ms
        if self._edge is not None:
            if self._edge[0] == open:
                return
            # It bounces: what counts is where it ends, and when it first moved.
            since = self._edge[1]
            self._edge[2].cancel()
            self._edge = None
        elif open == self._contact:
            return
        timer = asyncio.get_running_loop().call_later(self._traits.debounce_ms / 1000, self._settled)
        self._edge = open, since, timer

    def _settled(self) -> None:
        if self._edge is None:
            return
        open, since, _ = self._edge
        self._edge = None
        if open != self._contact:
            self._contact = open
            report = Report.CONTACT_OPEN if open else Report.CONTACT_CLOSED
            self._deliver(GateReport(self._door.name, report, since))

    def _say(self, report: Report, first: bool) -> None:
        self._deliver(GateReport(self._door.name, report, self._clock.now().up_ms, first))

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._door.name, "gate", state, detail, self._clock.now().up_ms))


def check_gate(door: Door, profile: Profile) -> None:
    """Raises EdgeAgentError when the profile is not a gate's, a relay or input number is none of the board's, or
    release_s is longer than the board can time. Opens nothing.
    """
    if profile.kind != "gate" or profile.gate is None or not isinstance(profile.framing, Delimited):
        raise EdgeAgentError("devices.wrong_profile", device=door.name, profile=profile.id, wanted="a gate")
    binding = door.gate
    numbers = [number for number in (binding.relay, binding.contact, binding.exit) if number is not None]
    if not all(0 <= number <= 7 for number in numbers):
        raise EdgeAgentError(
            "devices.gate_input", door=door.name, relay=binding.relay, contact=binding.contact, exit=binding.exit
        )
    if door.release_s > profile.gate.max_pulse_s:
        raise EdgeAgentError(
            "devices.gate_pulse", door=door.name, wanted=door.release_s, limit=profile.gate.max_pulse_s
        )
