"""The installation changes itself on the city's order: agent.toml and the client certificate. Fulfils ports.Setup.

A new agent.toml is judged by `load_config` before it replaces the old one, which stays as agent.toml.previous. From
then on it is on trial: when it does not start, or does not reach the city within TRIAL_S, the previous one comes
back. So does the previous certificate when the broker does not take the new one; after a restart in between, when it
takes the previous one and not the new. What was tried stands in agent.toml.setup, so that an older version never
replaces a newer one.

What is new lies beside (`.new`) before agent.toml.setup says that it is tried, and is put in place after that: what
the power cut off there is done at the next start.
"""

import asyncio
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Protocol

import msgspec

from edge_agent import log
from edge_agent.config import load_config
from edge_agent.contract.certificates import check_identity, read_certificate
from edge_agent.contract.signatures import put_in_place, replace_file
from edge_agent.errors import EdgeAgentError, UplinkError
from edge_agent.flows.alarm import Alarms
from edge_agent.model.site import Config
from edge_agent.ports import Beat
from edge_agent.readiness import check_files
from edge_agent.words import told

TRIAL_S = 180.0
CERTIFICATE_TRIAL_S = 20.0
STARTS_AT_MOST = 2
BEAT_S = 2.0

logger = log.get("installation")


class Line(Protocol):
    """What is needed of the uplink."""

    @property
    def session(self) -> int: ...

    async def connected(self) -> int: ...

    def reconnect(self) -> None: ...


class Tried(msgspec.Struct):
    """`config`, `certificate`: the highest version that was tried; `starts`: of the configuration on trial, None for
    none; `rolled_back`: a version that was taken back and has still to be told; `certificate_back`: one that was taken
    back and may be tried again.
    """

    config: int = 0
    certificate: int = 0
    starts: int | None = None
    rolled_back: int = 0
    certificate_on_trial: bool = False
    certificate_back: int = 0


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name}.{what}")


def read_tried(file: Path) -> Tried:
    try:
        return msgspec.json.decode(_beside(file, "setup").read_bytes(), type=Tried)
    except FileNotFoundError:
        return Tried()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        logger.error("%s cannot be read (%s): taken as empty", _beside(file, "setup"), error)
        return Tried()


def write_tried(file: Path, tried: Tried) -> None:
    replace_file(_beside(file, "setup"), msgspec.json.encode(tried), 0o600)


def load_on_trial(file: Path) -> Config:
    """The configuration to start with: one on trial has STARTS_AT_MOST attempts. Raises what load_config raises."""
    tried = read_tried(file)
    config = load_config(file) if tried.starts is None else _load_tried(file, tried, tried.starts)
    if tried.certificate_on_trial and config.uplink.tls is not None:
        _carry_out(file.parent / config.uplink.tls.cert)
    return config


def _load_tried(file: Path, tried: Tried, starts: int) -> Config:
    """A disk that takes nothing keeps no door shut: then the start is not counted, or nothing taken back on it."""
    _carry_out(file)
    if starts >= STARTS_AT_MOST:
        return _load_previous(file)
    try:
        tried.starts = starts + 1
        write_tried(file, tried)
    except EdgeAgentError as error:
        logger.error("a start on trial is not counted: %s", error)
    try:
        return load_config(file)
    except EdgeAgentError as error:
        logger.error("the new configuration does not start: %s", error)
    return _load_previous(file)


def _load_previous(file: Path) -> Config:
    try:
        roll_back(file)
    except EdgeAgentError as error:
        logger.error("the new configuration cannot be taken back yet: %s", error)
        return load_config(_beside(file, "previous"))
    return load_config(file)


def _carry_out(path: Path) -> None:
    """Put in place what is on trial and was not yet when the power went."""
    if _beside(path, "new").exists():
        try:
            put_in_place(_beside(path, "new"), path)
        except EdgeAgentError as error:
            logger.error("%s", error)


def roll_back(file: Path) -> None:
    """The previous agent.toml again; the one that failed stays as agent.toml.rejected."""
    tried = read_tried(file)
    previous = _beside(file, "previous")
    if tried.starts is not None and previous.exists():
        replace_file(_beside(file, "rejected"), file.read_bytes(), 0o600)
        replace_file(file, previous.read_bytes(), 0o600)
        tried.rolled_back = tried.config
        logger.error("configuration %d is taken back", tried.config)
    tried.starts = None
    write_tried(file, tried)


def _own(config: Config) -> tuple[str, ...]:
    """What nobody far away may change: an administrator's key must not become everybody's."""
    return config.gateway.id, config.gateway.state, config.uplink.city_ack_key, config.uplink.city_command_key


class Installation:
    """`restart` ends the daemon, so that its supervisor starts it anew; `now_ms`: Unix ms."""

    def __init__(
        self,
        file: Path,
        config: Config,
        line: Line,
        alarms: Alarms,
        restart: Callable[[], None],
        now_ms: Callable[[], int],
        *,
        trial_s: float = TRIAL_S,
    ) -> None:
        self.file, self.config, self.line, self.alarms = file, config, line, alarms
        self._restart, self._now_ms, self._trial_s = restart, now_ms, trial_s

    async def run(self, beat: Beat) -> None:
        """Tell what was taken back, and end the trial one way or the other."""
        tried = read_tried(self.file)
        if tried.rolled_back:
            self.alarms.degraded(
                "config_rolled_back", told("degraded_why.config_rolled_back", number=tried.rolled_back)
            )
            tried.rolled_back = 0
            write_tried(self.file, tried)
        if tried.certificate_on_trial:
            await self._prove_certificate(beat)
            tried = read_tried(self.file)
        if tried.starts is not None and not await self._reached(0, self._trial_s, beat):
            logger.error("the new configuration does not reach the city")
            roll_back(self.file)
            self._restart()
        elif tried.starts is not None:
            tried.starts = None
            write_tried(self.file, tried)
            logger.info("configuration %d has proved itself", tried.config)
        while True:
            beat()
            await asyncio.sleep(BEAT_S)

    def restart(self) -> None:
        self._restart()

    async def configure(self, content: bytes, version: int) -> tuple[str, str]:
        tried = read_tried(self.file)
        if version <= tried.config:
            return ("already_done" if version == tried.config else "stale_version"), ""
        if tried.starts is not None:
            return "busy", "another configuration is on trial"
        candidate = _beside(self.file, "new")
        try:
            replace_file(candidate, content, 0o600)
            if detail := self._wrong(candidate):
                return "bad_configuration", detail
            replace_file(_beside(self.file, "previous"), self.file.read_bytes(), 0o600)
            self._try(candidate, self.file, tried, msgspec.structs.replace(tried, config=version, starts=0))
        except (EdgeAgentError, OSError) as error:
            return "cannot_write", str(error)
        finally:
            candidate.unlink(missing_ok=True)
        return "", ""

    def _try(self, candidate: Path, path: Path, before: Tried, tried: Tried) -> None:
        """Put the candidate in place, on trial; or nothing. Raises EdgeAgentError."""
        write_tried(self.file, tried)
        try:
            put_in_place(candidate, path)
        except EdgeAgentError:
            write_tried(self.file, before)
            raise

    def _wrong(self, candidate: Path) -> str:
        try:
            new = load_config(candidate)
            problems = check_files(new, str(candidate), candidate.parent)
        except EdgeAgentError as error:
            return str(error)
        if problems:
            return str(problems[0])
        if _own(new) != _own(self.config):
            return "gateway.id, gateway.state and the city's keys belong to the machine"
        return ""

    async def certify(self, pem: bytes, version: int) -> tuple[str, str]:
        """In force when the broker has taken it; until then the one before is at hand."""
        tls, tried = self.config.uplink.tls, read_tried(self.file)
        if tls is None:
            return "no_certificate", "uplink.tls is not configured"
        if version <= tried.certificate and version != tried.certificate_back:
            return ("already_done" if version == tried.certificate else "stale_version"), ""
        path, folder = self.file.parent / tls.cert, self.file.parent
        candidate = _beside(path, "new")
        try:
            certificate = read_certificate(pem, "the new certificate")
            key = (folder / tls.key).read_bytes()
            check_identity(certificate, key, self.config.gateway.id, self._now_ms(), "the new certificate")
            replace_file(_beside(path, "previous"), path.read_bytes(), 0o600)
            replace_file(candidate, pem, 0o600)
            new = msgspec.structs.replace(tried, certificate=version, certificate_on_trial=True, certificate_back=0)
            self._try(candidate, path, tried, new)
        except UplinkError as error:
            return "bad_certificate", str(error)
        except (EdgeAgentError, OSError) as error:
            return "cannot_write", str(error)
        finally:
            candidate.unlink(missing_ok=True)
        session = self.line.session
        self.line.reconnect()
        try:
            reached = await self._reached(session, CERTIFICATE_TRIAL_S, lambda: None)
            if reached and (session or await self._taken(lambda: None)):
                self._certificate_tried()
                return "", ""
            self._take_back(path)
        except (EdgeAgentError, OSError) as error:
            return "cannot_write", str(error)
        return "certificate_refused", "the broker does not take it: the one before is in force again"

    async def _prove_certificate(self, beat: Beat) -> None:
        """The daemon ended while a new certificate was on trial: it and the one before by turns, until the broker takes
        one. Raises EdgeAgentError when that cannot be written.
        """
        tls, tried = self.config.uplink.tls, read_tried(self.file)
        path = self.file.parent / tls.cert if tls is not None else self.file
        candidate, previous = _beside(path, "new"), _beside(path, "previous")
        begun = candidate.exists()  # their turns: nobody knows whose it is
        if tls is None or (not begun and await self._reached(0, self._trial_s, beat)):
            self._certificate_tried()
            return
        if not previous.exists():
            return  # of another configuration's: the one on trial is no judge of it
        before, new = previous.read_bytes(), (candidate if begun else path).read_bytes()
        replace_file(candidate, new, 0o600)  # a start meanwhile begins with it
        for certificate in cycle((new, before) if begun else (before, new)):
            replace_file(path, certificate, 0o600)
            self.line.reconnect()
            if await self._reached(0, self._trial_s, beat) and await self._taken(beat):
                break
            if certificate == new and tried.starts is not None:
                return  # neither of them, it may be: the configuration's own trial is first, the next start goes on
        self._certificate_tried(tried.certificate if certificate == before else 0)
        candidate.unlink(missing_ok=True)
        if certificate == before:
            detail = told("degraded_why.certificate_rolled_back", number=tried.certificate)
            self.alarms.degraded("certificate_rolled_back", detail)

    async def _taken(self, beat: Beat) -> bool:
        """A connection that was under way when the certificates changed places is the other one's: one more."""
        session = self.line.session
        self.line.reconnect()
        return await self._reached(session, self._trial_s, beat)

    def _take_back(self, path: Path) -> None:
        """The certificate before is in force again."""
        replace_file(path, _beside(path, "previous").read_bytes(), 0o600)
        self._certificate_tried(read_tried(self.file).certificate)
        self.line.reconnect()

    def _certificate_tried(self, back: int = 0) -> None:
        tried = read_tried(self.file)
        write_tried(self.file, msgspec.structs.replace(tried, certificate_on_trial=False, certificate_back=back))

    async def _reached(self, session: int, within_s: float, beat: Beat) -> bool:
        """A connection later than `session` within this time."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            beat()
            if self.line.session > session:
                return True
            await asyncio.sleep(min(0.05, within_s))
        return False
