"""The ID-card reader on the visitor desk: asks it for a card, reads it, hands on who was presented.

Name and number go into the document and nowhere else: not into a log, a report or an error. One physical fact to know:
the reader speaks only when asked, so silence means that it is gone.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from edge_agent import log
from edge_agent.drivers.line import Line
from edge_agent.drivers.trouble import Trouble
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Profile
from edge_agent.model.reads import DocumentPresented
from edge_agent.ports import Beat, Clock
from edge_agent.protocols.codec import Decoder, Message, encode
from edge_agent.protocols.sdt import ANSWER_S, FIND_EVERY_S, Cycle, document
from edge_agent.words import told

_SILENT_TIMES = 3  # unanswered commands, then it is lost


class IdReader:
    """`keyed` makes the keyed digest of a number. Raises EdgeAgentError when the profile is for something else."""

    def __init__(
        self,
        name: str,
        profile: Profile,
        link_url: str,
        clock: Clock,
        keyed: Callable[[str], str],
        deliver: Callable[[DocumentPresented], None],
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
    ) -> None:
        if profile.kind != "id-reader":
            raise EdgeAgentError("devices.wrong_profile", device=name, profile=profile.id, wanted="an ID-card reader")
        self._name, self._profile, self._clock = name, profile, clock
        self._keyed, self._deliver, self._report = keyed, deliver, report
        self._line = Line(link_url, profile.link, sim_dir, self._opened, self._received, self._lost)
        self._decoder = Decoder(profile)
        self._cycle = Cycle()
        self._timer: asyncio.TimerHandle | None = None  # the next command, or the end of waiting for an answer
        self._asked: str | None = None  # the command that waits for its answer
        self._unanswered = 0
        self._trouble = Trouble()
        self._away = False
        self._log = log.get("drivers.id_reader")

    async def run(self, beat: Beat) -> None:
        """Serve the reader until cancelled."""
        try:
            await self._line.run(beat)
        finally:
            self._stop()

    def _opened(self) -> None:
        self._decoder, self._cycle = Decoder(self._profile), Cycle()
        self._unanswered = 0
        self._ask()

    def _ask(self) -> None:
        command = self._cycle.command
        self._after(ANSWER_S[command], self._no_answer)
        self._decoder.idle()  # what an earlier answer left
        self._asked = command
        try:
            self._line.write(encode(self._profile, command))
        except DeviceUnavailable as error:
            self._log.debug("not asked: %s", error)

    def _received(self, data: bytes) -> None:
        for piece in self._decoder.feed(data):
            if not isinstance(piece, Message):
                self._degraded(str(piece))
            elif self._asked is not None:
                self._answered(piece)

    def _answered(self, message: Message) -> None:
        self._asked, self._unanswered = None, 0
        if self._away:
            self._away = False
            self._tell("back", "")
        if self._cycle.answered(message.name):
            presented = document(message.values, self._keyed)
            self._deliver(DocumentPresented(self._name, self._clock.now().up_ms, presented))
        self._after(0 if self._cycle.at_once else FIND_EVERY_S, self._ask)

    def _no_answer(self) -> None:
        self._asked = None
        self._cycle.failed()
        self._unanswered += 1
        if self._unanswered == _SILENT_TIMES and not self._away:
            self._away = True
            self._tell("lost", told("devices.reader_silent"))
        self._ask()

    def _lost(self, error: DeviceUnavailable) -> None:
        self._stop()
        if not self._away:
            self._away = True
            self._tell("lost", error.sentence)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, action)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _degraded(self, what: str) -> None:
        if sentence := self._trouble.seen(what, self._clock.now().up_ms):
            self._tell("degraded", sentence)

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._name, "id-reader", state, detail, self._clock.now().up_ms))
