"""A terminal that speaks in frames over a serial line: cards, keys, codes and faces in, feedback bytes out.

Whatever the line brings, the terminal lives on; a card it cannot name becomes an Unreadable read, never silence. One
physical fact to know: such a reader says nothing while nobody shows a card, so a cut wire behind a port that stays
open cannot be told from a quiet day. Lost and back are about the port, back once reads count again; and about a line
that brings nothing readable, which is a wrong speed.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge_agent import log
from edge_agent.drivers.echo import not_from
from edge_agent.drivers.freshness import Freshness
from edge_agent.drivers.line import Line
from edge_agent.drivers.link import line_settings
from edge_agent.drivers.repeats import Repeats
from edge_agent.drivers.trouble import Legible, Trouble
from edge_agent.errors import DeviceUnavailable, EdgeAgentError, FrameError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Frames, Profile
from edge_agent.model.reads import Code, Direction, Keys, Presented, Read, Unreadable
from edge_agent.model.site import Terminal
from edge_agent.ports import Beat, Clock
from edge_agent.protocols.codec import Decoder, Message, encode
from edge_agent.protocols.credential import Credentials
from edge_agent.protocols.keypad import DIGITS_AT_MOST, SILENCE_S, Entry
from edge_agent.words import WORDS, say, told

_LOOK_S = 0.05  # between two looks whether the line has gone quiet
_ALIVE_S = 0.5  # between two signs of life; a good deal less than freshness.PAUSED_S


def screen_frame(profile: Profile, outcome: str, reason: str = "") -> bytes | None:
    """The command `screen` with the words for this outcome, in the languages it has fields for; None where the profile
    has no screen, or there are no words. Raises FrameError when they do not fit.
    """
    form = next((command for command in profile.command if command.name == "screen"), None)
    if form is None or f"screen.{outcome}" not in WORDS:
        return None
    because = f"reason.{reason}" if f"reason.{reason}" in WORDS else "reason.other"
    words = {lang: say(f"screen.{outcome}", lang, reason=say(because, lang)) for lang in ("zh", "en")}
    return encode(profile, "screen", **{field.name: words[field.name] for field in form.fields})


class SerialTerminal:
    """Raises EdgeAgentError when the profile is for something else."""

    def __init__(
        self,
        terminal: Terminal,
        profile: Profile,
        link_url: str,
        clock: Clock,
        deliver: Callable[[Read], None],
        report: Callable[[DeviceReport], None],
        sim_dir: Path,
    ) -> None:
        if profile.kind != "terminal" or not isinstance(profile.framing, Frames):
            raise EdgeAgentError(
                "devices.wrong_profile", device=terminal.name, profile=profile.id, wanted="a serial terminal"
            )
        self._terminal, self._profile, self._clock = terminal, profile, clock
        self._deliver, self._report = deliver, report
        self._line = Line(
            link_url, profile.link, sim_dir, self._opened, self._received, self._lost,
            not_from(profile), lambda sentence: self._tell("degraded", sentence),
        )  # fmt: skip
        self._decoder = Decoder(profile)
        self._credentials = Credentials(profile)
        self._entry = Entry()
        self._repeats = Repeats(profile.scanner.repeat_s)
        self._gap: asyncio.TimerHandle | None = None  # while a frame may end by silence
        self._forget: asyncio.TimerHandle | None = None  # while digits wait for more
        self._trigger: asyncio.TimerHandle | None = None  # when the scanner is told to look again
        self._trouble = Trouble()
        self._legible = Legible(line_settings(link_url, profile.link))
        self._freshness = Freshness()
        self._pulse: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None  # while the line is not known to be quiet
        self._usable = self._away = False
        self._log = log.get("drivers.terminal")

    async def run(self, beat: Beat) -> None:
        """Serve the terminal until cancelled."""
        self._live()
        try:
            await self._line.run(beat)
        finally:
            if self._pulse is not None:
                self._pulse.cancel()
            self._unusable()

    def usable(self, terminal: str) -> bool:
        """Whether reads of this terminal count now."""
        return terminal == self._terminal.name and self._usable

    def show(self, terminal: str, outcome: str, reason: str = "") -> None:
        """Feedback of the profile and the words for its screen, as far as it has them; nothing happens while the
        terminal is away.
        """
        feedback = self._profile.feedback_for(outcome, reason)
        try:
            if feedback is not None and feedback.send is not None:
                self._line.write(bytes.fromhex(feedback.send))
            if (words := screen_frame(self._profile, outcome, reason)) is not None:
                self._line.write(words)
        except (DeviceUnavailable, FrameError) as error:
            self._log.info("no feedback on %s: %s", terminal, error)

    def _live(self) -> None:
        """A sign of life, so that a program that was stopped notices."""
        loop = asyncio.get_running_loop()
        self._freshness.alive(loop.time())
        self._doubt(loop)
        self._pulse = loop.call_later(_ALIVE_S, self._live)

    def _doubt(self, loop: asyncio.AbstractEventLoop) -> None:
        """The line counted and does not any more, until it is quiet."""
        if self._usable and not self._freshness.sure:
            self._usable = False
            self._look = loop.call_later(_LOOK_S, self._quiet)

    def _opened(self) -> None:
        self._decoder = Decoder(self._profile)  # half a frame from before belongs to nothing
        loop = asyncio.get_running_loop()
        self._freshness.line_up(loop.time())
        self._look = loop.call_later(_LOOK_S, self._quiet)
        self._look_for_a_code()

    def _look_for_a_code(self) -> None:
        """A scanner in command mode looks for one code, and for some seconds only."""
        scanner = self._profile.scanner
        if scanner.trigger is None:
            return
        self._no_trigger()
        self._trigger = asyncio.get_running_loop().call_later(scanner.trigger_s, self._look_for_a_code)
        with suppress(DeviceUnavailable):  # the line says that itself
            self._line.write(bytes.fromhex(scanner.trigger))

    def _no_trigger(self) -> None:
        if self._trigger is not None:
            self._trigger.cancel()
            self._trigger = None

    def _quiet(self) -> None:
        """Runs after what had arrived by now was read: the loop serves its readers before its timers."""
        loop = asyncio.get_running_loop()
        self._freshness.tick(loop.time())
        if not self._freshness.sure:
            self._look = loop.call_later(_LOOK_S, self._quiet)
            return
        self._look, self._usable = None, True
        self._back()

    def _back(self) -> None:
        if self._away:
            self._away = False
            self._tell("back", "")

    def _unusable(self) -> None:
        self._usable = False
        self._entry.clear()
        self._cancel_gap()
        self._no_trigger()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _lost(self, error: DeviceUnavailable) -> None:
        self._unusable()
        if not self._away:
            self._away = True
            self._tell("lost", error.sentence)

    def _received(self, data: bytes) -> None:
        self._take(self._decoder.feed(data))
        if (gap_ms := self._decoder.gap_ms) is not None:
            self._cancel_gap()
            self._gap = asyncio.get_running_loop().call_later(gap_ms / 1000, self._silent)

    def _silent(self) -> None:
        """The loop serves its readers before its timers: what had come by now was fed."""
        self._gap = None
        self._take(self._decoder.idle())

    def _cancel_gap(self) -> None:
        if self._gap is not None:
            self._gap.cancel()
            self._gap = None

    def _take(self, pieces: list[Message | FrameError]) -> None:
        for piece in pieces:
            if not isinstance(piece, Message):
                self._unread(piece)
                continue
            self._legible.good()
            if self._usable:
                self._back()
            if piece.name == "keys":
                self._keys(str(piece.values["keys"]))
            elif (credential := self._credentials.of(piece)) is not None:
                self._presented(credential)

    def _unread(self, piece: FrameError) -> None:
        self._degraded(str(piece))
        up_ms = self._clock.now().up_ms
        self._legible.bad(piece, up_ms)
        if self._legible.garbled(up_ms) and not self._away:
            self._away = True  # what it reads reaches nobody; the first readable frame brings it back
            self._tell("lost", self._legible.sentence())

    def _presented(self, credential: Presented) -> None:
        loop = asyncio.get_running_loop()
        stale = self._stale(loop)
        if isinstance(credential, Code):
            self._look_for_a_code()
            if self._repeats.again(credential.text, stale, loop.time()):
                return
        if isinstance(credential, Unreadable):
            self._degraded(credential.why)
        self._entry.clear()  # digits before a card are somebody else's
        self._read(credential, stale)

    def _keys(self, keys: str) -> None:
        """What was typed goes nowhere but into the read: not into a log, a report or an error."""
        loop = asyncio.get_running_loop()
        for typed in self._entry.press(keys, loop.time(), self._stale(loop)):
            if typed.digits is None:
                self._read(Unreadable(told("devices.keys_too_many", limit=DIGITS_AT_MOST)), typed.stale)
            else:
                self._read(Keys(typed.digits), typed.stale)
        if self._forget is not None:
            self._forget.cancel()
        self._forget = loop.call_later(SILENCE_S, self._entry.clear)

    def _stale(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether what arrives now may have waited somewhere."""
        stale = self._freshness.read(loop.time())
        self._doubt(loop)
        return stale

    def _read(self, credential: Presented, stale: bool) -> None:
        terminal = self._terminal
        direction = Direction(terminal.direction)
        up_ms = self._clock.now().up_ms
        self._deliver(Read(secrets.token_hex(8), terminal.name, terminal.door, direction, up_ms, credential, stale))

    def _degraded(self, what: str) -> None:
        if sentence := self._trouble.seen(what, self._clock.now().up_ms):
            self._tell("degraded", sentence)

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._terminal.name, "reader", state, detail, self._clock.now().up_ms))
