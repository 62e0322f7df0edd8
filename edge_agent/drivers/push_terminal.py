"""Terminals that match faces by themselves and report each identification over HTTP.

A terminal is known by the first part of the path it calls (or by being the only one on its link) and believed for its
secret. One physical fact to know: such a terminal keeps what it could not send and sends it when the network is back,
so its own clock decides whether a report is new. A report that came before (a repeated call, a replay) is answered as
it expects, and is no read. Images in a report are dropped with its body: nothing of it is stored or logged.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import random
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from edge_agent import log
from edge_agent.drivers.link import Backoff, parse_link_url
from edge_agent.drivers.push_http import Answer, Call, PushServer
from edge_agent.drivers.trouble import Trouble
from edge_agent.errors import EdgeAgentError, FrameError, locked
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Profile
from edge_agent.model.push import HttpPush
from edge_agent.model.reads import Direction, Face, Read, Unreadable
from edge_agent.model.site import Terminal
from edge_agent.ports import Beat, Clock, Erasures
from edge_agent.protocols.push import Erased, Pushed, erase_order, read_push
from edge_agent.words import told

_BEAT_S = 1.0
_REMEMBERED = 512  # reports of one terminal that are known again

logger = log.get("drivers.push")


class PushTerminals:
    """All terminals of one link. `zone`: of clocks that tell no zone. Raises EdgeAgentError when a profile is not of
    this kind. `deliver` and `report` are called on the event loop of `run`.
    """

    def __init__(
        self,
        link_url: str,
        terminals: Sequence[tuple[Terminal, Profile, str]],
        clock: Clock,
        zone: tzinfo,
        deliver: Callable[[Read], None],
        report: Callable[[DeviceReport], None],
        erasures: Erasures | None = None,
    ) -> None:
        link = parse_link_url(link_url)
        self._host, self._port = link.host, link.port
        self._terminals = {
            terminal.name: PushTerminal(terminal, profile, secret, clock, zone, deliver, report, erasures)
            for terminal, profile, secret in terminals
        }
        self._server = PushServer(self._answer)
        self._stray = Trouble()
        self._clock = clock
        self._backoff = Backoff(random.Random())
        self.port = 0  # the one that is listened on, 0: none

    async def run(self, beat: Beat) -> None:
        """Listen until cancelled; an address that is not there is taken when it comes."""
        while True:
            beat()
            try:
                server = await self._server.listen(self._host, self._port)
            except OSError as error:
                why = told("push.bind", address=f"{self._host}:{self._port}", why=error.strerror)
                for terminal in self._terminals.values():
                    terminal.lost(why)
                await asyncio.sleep(self._backoff.pause_s())
                continue
            try:
                self.port = server.sockets[0].getsockname()[1]
                for terminal in self._terminals.values():
                    terminal.listening()
                while True:
                    beat()
                    await asyncio.sleep(_BEAT_S)
                    for terminal in self._terminals.values():
                        terminal.look()
            finally:
                self.port = 0
                server.close()
                await self._server.close()

    def usable(self, terminal: str) -> bool:
        """Whether reads of this terminal count now."""
        return self.port != 0 and not self._terminals[terminal].away

    def show(self, terminal: str, outcome: str, reason: str = "") -> None:
        """Nothing: the terminal shows what it found by itself, and its call is answered already."""

    def _answer(self, call: Call) -> Answer:
        name = unquote(call.path.split("/")[1])
        terminal = self._terminals.get(name)
        if terminal is None and len(self._terminals) == 1:
            terminal = next(iter(self._terminals.values()))
        if terminal is None:
            if self._stray.seen("", self._clock.now().up_ms):
                logger.warning("%s", told("push.stray", path=call.path[:60]))
            return Answer(404)
        return terminal.answer(call)


class PushTerminal:
    def __init__(
        self,
        terminal: Terminal,
        profile: Profile,
        secret: str,
        clock: Clock,
        zone: tzinfo,
        deliver: Callable[[Read], None],
        report: Callable[[DeviceReport], None],
        erasures: Erasures | None = None,
    ) -> None:
        if profile.kind != "terminal" or not isinstance(profile.framing, HttpPush):
            raise EdgeAgentError(
                "devices.wrong_profile", device=terminal.name, profile=profile.id, wanted="a terminal that calls"
            )
        self._terminal, self._push, self._secret = terminal, profile.framing, secret.encode()
        self._faces = "face" in profile.provides
        self._clock, self._zone, self._deliver, self._report = clock, zone, deliver, report
        self._erasures = erasures
        self._troubles: dict[str, Trouble] = {}
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._heard_ms = clock.now().up_ms
        self.away = False

    def answer(self, call: Call) -> Answer:
        push, now = self._push, self._clock.now()
        if not self._genuine(call):
            self._degraded("push.secret")
            return Answer(401, challenge=push.auth == "basic")
        self._heard(now.up_ms)
        try:
            pushed = read_push(push, call.headers.get("content-type", ""), call.body, self._zone)
        except FrameError as error:
            self._degraded(error.code, **error.fields)
            return Answer(400)
        match pushed:
            case Erased(order=order) if self._erasures is not None:
                self._erasures.confirmed(self._terminal.name, order)
            case Pushed() if self._is_new(pushed, call.body):
                self._read(pushed)
        return Answer(200, self._order() or push.answer, push.answer_type)

    def _order(self) -> str | None:
        """A face it has still to delete, said in answer to each call until it confirms."""
        waiting = self._erasures.next(self._terminal.name) if self._erasures is not None else None
        return None if waiting is None else erase_order(self._push, *waiting)

    def lost(self, why: str) -> None:
        if not self.away:
            self.away = True
            self._tell("lost", why)

    def listening(self) -> None:
        self._heard(self._clock.now().up_ms)

    def look(self) -> None:
        """Time has passed: a terminal with a heartbeat that says nothing is lost."""
        silent = self._push.silent_s
        if silent is not None and self._clock.now().up_ms - self._heard_ms >= silent * 1000:
            self.lost(told("push.silent", seconds=round(silent)))

    def _heard(self, up_ms: int) -> None:
        self._heard_ms = up_ms
        if self.away:
            self.away = False
            self._tell("back", "")

    def _genuine(self, call: Call) -> bool:
        given = call.headers.get("authorization" if self._push.auth == "basic" else self._push.auth_header.lower(), "")
        match self._push.auth:
            case "basic":
                scheme, _, code = given.partition(" ")
                wanted = self._terminal.name.encode() + b":" + self._secret
                try:
                    shown = base64.b64decode(code.strip(), validate=True) if scheme.lower() == "basic" else b""
                except (binascii.Error, ValueError):
                    return False
                return hmac.compare_digest(shown, wanted)
            case "token":
                return hmac.compare_digest(given.encode("latin-1"), self._secret)  # as it came off the wire
            case "hmac-sha256":
                made = hmac.new(self._secret, call.body, hashlib.sha256).hexdigest()
                return hmac.compare_digest(given.lower().encode(), made.encode())

    def _is_new(self, pushed: Pushed, body: bytes) -> bool:
        """The terminal's own number of a report names it; without one, its bytes do."""
        if pushed.sequence:
            name = f"{pushed.sequence}/{pushed.time_ms}".encode()
        else:
            name = hashlib.sha256(body).digest()
        if name in self._seen:
            return False
        self._seen[name] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _read(self, pushed: Pushed) -> None:
        now, terminal = self._clock.now(), self._terminal
        credential = pushed.credential
        if isinstance(credential, Face) and not self._faces:
            return
        if isinstance(credential, Unreadable):
            self._degraded("push.card", bits=self._push.card_bits)
        age_s = (now.wall_ms - pushed.time_ms) / 1000
        stale = not now.trusted or abs(age_s) > self._push.stale_s
        if not now.trusted:
            self._degraded("push.clock")
        elif stale:
            self._degraded("push.late", age=round(age_s))
        read_id, direction = secrets.token_hex(8), Direction(terminal.direction)
        self._deliver(Read(read_id, terminal.name, terminal.door, direction, now.up_ms, credential, stale))

    def _degraded(self, code: str, **fields: Any) -> None:
        """Told once a minute for each reason at most."""
        if self._troubles.setdefault(code, Trouble()).seen("", self._clock.now().up_ms):
            self._tell("degraded", told(code, **fields))

    def _tell(self, state: str, detail: str) -> None:
        self._report(DeviceReport(self._terminal.name, "reader", state, detail, self._clock.now().up_ms))


def push_secret(path: Path) -> str:
    """The one line of a terminal's secret_file. Raises EdgeAgentError with the remedy; never says what it holds."""
    try:
        text = path.read_text("utf-8-sig").strip()
    except PermissionError:
        raise EdgeAgentError("config.file_locked", **locked(path)) from None
    except (OSError, UnicodeDecodeError):
        text = ""
    if len(text) < 16 or "\n" in text:
        raise EdgeAgentError("push.bad_secret", path=path)
    return text
