"""A gate board on a serial line: releases and locks the door, and reports what relay and inputs say.

The board times the pulse itself, so a dead gateway leaves no door open. Reported is what the board measured, never
what was asked of it. What counts as a change of an input is in inputs.py.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edge_agent import log
from edge_agent.drivers.echo import not_from
from edge_agent.drivers.inputs import Inputs
from edge_agent.drivers.line import Line
from edge_agent.drivers.link import line_settings
from edge_agent.drivers.trouble import Legible, Trouble
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.profile import Delimited, Profile
from edge_agent.model.site import Door
from edge_agent.ports import Beat, Clock
from edge_agent.protocols.codec import Decoder, Message, encode
from edge_agent.words import told

_SILENT_S = 3.0
_ANSWER_S = 0.3  # a board that has not switched by then did not understand
_SENDS = 2


class _Unanswered(NamedTuple):
    """A pulse the relay has not followed yet: on or off, and how often it was sent."""

    frame: bytes
    on: bool
    sends: int
    timer: asyncio.TimerHandle


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
        self._line = Line(
            link_url, profile.link, sim_dir, self._opened, self._received, self._lost,
            not_from(profile), lambda sentence: self._tell("degraded", sentence),
        )  # fmt: skip
        self._decoder = Decoder(profile)
        self._trouble = Trouble()
        self._legible = Legible(line_settings(link_url, profile.link))
        self._log = log.get("drivers.gate")
        self._away: bool | None = None  # None: nothing heard yet
        self._heard_s = 0.0
        self._relay: bool | None = None
        self._inputs = Inputs(door.name, door.gate, profile.gate.debounce_ms, clock, deliver)
        self._unanswered: _Unanswered | None = None

    async def run(self, beat: Beat) -> None:
        """Serve the gate until cancelled."""
        jobs = [asyncio.ensure_future(self._line.run(beat)), asyncio.ensure_future(self._heartbeat())]
        try:
            await asyncio.gather(*jobs)  # neither returns: the first exception ends both
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            self._inputs.close()
            self._answered()

    async def release(self, seconds: float) -> None:
        """Unlock for `seconds`, at most the board's longest pulse; a release during another starts the time again.

        Returns when the command is on the wire; it is sent once more if the relay does not switch. Raises
        DeviceUnavailable.
        """
        self._pulse(max(1, round(min(seconds, self._traits.max_pulse_s) * 10)))

    async def secure(self) -> None:
        """End a release now: a pulse of nothing. Returns and repeats as `release` does. Raises DeviceUnavailable."""
        self._pulse(0)

    def _pulse(self, tenths: int) -> None:
        frame = encode(self._profile, "pulse", relay=self._door.gate.relay, tenths=tenths)
        if self._away is not False:
            raise DeviceUnavailable("devices.gate_away", door=self._door.name)
        self._send(frame, tenths > 0, 1)

    def _send(self, frame: bytes, on: bool, sends: int) -> None:
        self._line.write(frame)
        self._answered()
        loop = asyncio.get_running_loop()
        self._unanswered = _Unanswered(frame, on, sends, loop.call_later(_ANSWER_S, self._no_answer))

    def _answered(self) -> None:
        if self._unanswered is not None:
            self._unanswered.timer.cancel()
            self._unanswered = None

    def _no_answer(self) -> None:
        if self._unanswered is None:
            return
        asked, self._unanswered = self._unanswered, None
        if asked.sends >= _SENDS:
            self._tell("degraded", told("devices.gate_deaf" if asked.on else "devices.gate_stuck"))
            return
        try:
            self._send(asked.frame, asked.on, asked.sends + 1)
        except DeviceUnavailable as error:
            self._tell("degraded", error.sentence)

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
                self._gone(self._legible.sentence() if self._legible.anything else told("devices.gate_silent"))

    def _opened(self) -> None:
        self._decoder = Decoder(self._profile)
        self._heard_s = asyncio.get_running_loop().time()  # a board may start with its port: it has as long again
        try:
            self._line.write(encode(self._profile, "query"))
        except DeviceUnavailable as error:
            self._gone(error.sentence)

    def _lost(self, error: DeviceUnavailable) -> None:
        self._gone(error.sentence)

    def _gone(self, detail: str) -> None:
        if self._away is True:
            return
        self._away = True
        self._answered()
        self._relay = None
        self._inputs.lost()
        self._line.drop()  # a pulse that still waits in it must not open the door later
        self._tell("lost", detail)

    def _received(self, data: bytes) -> None:
        for piece in self._decoder.feed(data):
            if isinstance(piece, Message):
                self._legible.good()
                self._state({name: int(value) for name, value in piece.values.items()})
                continue
            up_ms = self._clock.now().up_ms
            self._legible.bad(piece, up_ms)
            if sentence := self._trouble.seen(str(piece), up_ms):
                self._tell("degraded", sentence)

    def _state(self, masks: dict[str, int]) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        first = self._away is not False
        if self._away:
            self._tell("back", "")
        self._away = False
        relay = bool(masks["relays"] >> self._door.gate.relay & 1)
        if self._unanswered is not None and self._unanswered.on == relay:
            self._answered()
        if relay != self._relay:
            self._relay = relay
            report = Report.RELAY_ON if relay else Report.RELAY_OFF
            self._deliver(GateReport(self._door.name, report, self._clock.now().up_ms, first))
        self._inputs.state(masks, first)

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._door.name, "gate", state, detail, self._clock.now().up_ms))


def check_gate(door: Door, profile: Profile) -> None:
    """Raises EdgeAgentError when the profile is not a gate's, a relay or input number is none of the board's, the board
    has no such input, or a release is longer than the board can time. Opens nothing.
    """
    if profile.kind != "gate" or profile.gate is None or not isinstance(profile.framing, Delimited):
        raise EdgeAgentError("devices.wrong_profile", device=door.name, profile=profile.id, wanted="a gate")
    binding = door.gate
    bound = {name: getattr(binding, name) for name in ("relay", "contact", "exit", "fire", "panic", "tamper")}
    for name, number in bound.items():
        if number is not None and not 0 <= number <= 7:
            raise EdgeAgentError("devices.gate_number", door=door.name, input=name, number=number)
        if number is not None and name not in profile.provides:
            raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input=name)
    if binding.supervised and (binding.contact is None or "supervised" not in profile.provides):
        raise EdgeAgentError("devices.gate_lacks", door=door.name, profile=profile.id, input="supervised")
    for name in ("release_s", "extended_release_s"):
        wanted, limit = getattr(door, name), profile.gate.max_pulse_s
        if wanted > limit:
            raise EdgeAgentError("devices.gate_pulse", door=door.name, name=name, wanted=wanted, limit=limit)
