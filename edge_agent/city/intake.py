"""Judges one message from a gateway: an event to store, a birth, a state, or something for the quarantine.

Who may be believed: events only on the topic of a gateway whose key the city has (the broker ties topics to
certificates), births only with that gateway's signature.
"""

import time
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.city.rows import CityRow
from edge_agent.contract.checkpoint import CheckpointMessage
from edge_agent.contract.envelope import LAST_SEQ, EnvelopeError, identity, read_envelope, source_of
from edge_agent.contract.messages import (
    COMMAND_MAX_BYTES,
    MESSAGE_MAX_BYTES,
    BirthMessage,
    MessageError,
    StateMessage,
    convert,
    read_object,
    unseal,
)
from edge_agent.contract.rotation import followed
from edge_agent.contract.signatures import KeyFileError, PublicKey, kid_of, load_public, public_pem, replace_file
from edge_agent.contract.topics import EVENT_KINDS, read_up
from edge_agent.model.events import GapAnnounced

KEY_LOOK_S = 1.0

logger = log.get("city.intake")


class Refused(msgspec.Struct, frozen=True):
    """Not to be stored. `at`: (source, epoch, seq) when it can be refused by name, so that its gateway learns of it."""

    reason: str
    at: tuple[str, str, int] | None = None


class Born(msgspec.Struct, frozen=True):
    message: BirthMessage


class Vouched(msgspec.Struct, frozen=True):
    """`statement`: what was signed, as it came."""

    message: CheckpointMessage
    statement: bytes


class State(msgspec.Struct, frozen=True):
    gateway: str
    message: StateMessage


Verdict = CityRow | Born | State | Vouched | Refused


class Known(msgspec.Struct):
    """`written`: the file's mtime in ns; `look_at`: time.monotonic() from which it is looked at again."""

    key: PublicKey
    written: int
    look_at: float


class Intake:
    """`gateways`: directory with one public key per gateway, `<id>.pub`. A new file counts at once, another one or none
    any more within KEY_LOOK_S: an operator's hand, or another worker that was shown a rotation.
    """

    def __init__(self, gateways: Path) -> None:
        self._gateways = gateways
        self._keys: dict[str, Known] = {}

    def judge(self, topic: str, payload: bytes) -> Verdict:
        place = read_up(topic)
        if place is None:
            return Refused("unknown_topic")
        gateway, kind = place
        try:
            key = self._key(gateway)
        except KeyFileError as error:
            return Refused(f"unknown_gateway: {error}")
        if kind in EVENT_KINDS:
            return _event(gateway, payload)
        if kind == "birth":
            return self._birth(gateway, payload, key)
        if kind == "mark":
            return _checkpoint(gateway, payload, key)
        return _state(gateway, payload)

    def _birth(self, gateway: str, payload: bytes, key: PublicKey) -> Born | Refused:
        """Of the gateway's known key, or of one that follows from it: then that one is its key from now on."""
        verdict = _birth(gateway, payload, key)
        if isinstance(verdict, Born):
            return verdict
        newer = _newer_key(gateway, payload, key)
        if newer is None:
            return verdict
        verdict = _birth(gateway, payload, newer)
        if isinstance(verdict, Born):
            self._follow(gateway, key, newer)
        return verdict

    def _follow(self, gateway: str, key: PublicKey, newer: PublicKey) -> None:
        """Where it cannot be written down it counts for this worker: one gateway's key must not stop all the others."""
        path = self._gateways / f"{gateway}.pub"
        logger.warning("%s: its signing key %s is followed by %s", gateway, kid_of(key), kid_of(newer))
        try:
            replace_file(path.with_suffix(".pub.previous"), public_pem(key), 0o644)
            replace_file(path, public_pem(newer), 0o644)
        except KeyFileError as error:
            logger.error("%s", error)
        self._keys[gateway] = msgspec.structs.replace(self._keys[gateway], key=newer, written=_written(path))

    def _key(self, gateway: str) -> PublicKey:
        known, now, path = self._keys.get(gateway), time.monotonic(), self._gateways / f"{gateway}.pub"
        if known is not None and now < known.look_at:
            return known.key
        written = _written(path)
        key = known.key if known is not None and known.written == written else load_public(path)
        self._keys[gateway] = Known(key, written, now + KEY_LOOK_S)
        return key


def _written(path: Path) -> int:
    """0: not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _event(gateway: str, payload: bytes) -> CityRow | Refused:
    source = source_of(gateway)
    try:
        envelope, event, body = read_envelope(payload, gateway)
    except EnvelopeError as error:
        named = None if error.fields["at"] == "$.source" else identity(payload)
        return Refused(str(error), None if named is None else (source, *named))
    if "\0" in envelope.subject:  # the one character a database's text cannot hold
        return Refused("$.subject: holds a NUL", (source, envelope.epoch, envelope.seq))
    return CityRow(
        source=source,
        epoch=envelope.epoch,
        seq=envelope.seq,
        tag=envelope.tag,
        subject=envelope.subject,
        time=envelope.time,
        boot_id=envelope.bootid,
        up_ms=envelope.upms,
        clock=envelope.clk,
        clock_err_ms=envelope.clkerr,
        historic=envelope.hist,
        body=body,
        prev=bytes.fromhex(envelope.prev),
        covers=_covered(event, envelope.epoch, envelope.seq) if isinstance(event, GapAnnounced) else None,
    )


def _covered(gap: GapAnnounced, epoch: str, seq: int) -> tuple[str, int, int] | None:
    """What an announced gap fills: in its own journal only what lies before the announcement."""
    last = seq - 1 if gap.epoch == epoch else LAST_SEQ
    return (gap.epoch, gap.from_seq, gap.to_seq) if 1 <= gap.from_seq <= gap.to_seq <= last else None


def _birth(gateway: str, payload: bytes, key: PublicKey) -> Born | Refused:
    try:
        message = unseal(payload, key, BirthMessage)
    except MessageError as error:
        return Refused(f"birth: {error}")
    if message.gateway != gateway:
        return Refused("birth: another gateway's")
    if "\0" in message.agent:
        return Refused("birth: holds a NUL")
    return Born(message)


def _checkpoint(gateway: str, payload: bytes, key: PublicKey) -> Vouched | Refused:
    try:
        message = unseal(payload, key, CheckpointMessage, COMMAND_MAX_BYTES)
    except MessageError as error:
        return Refused(f"mark: {error}")
    return Vouched(message, payload) if message.gateway == gateway else Refused("mark: another gateway's")


def _newer_key(gateway: str, payload: bytes, known: PublicKey) -> PublicKey | None:
    try:
        message = convert(read_object(payload, MESSAGE_MAX_BYTES), BirthMessage)
    except MessageError:
        return None
    return followed(known, message.rotation, gateway)


def _state(gateway: str, payload: bytes) -> State | Refused:
    try:
        return State(gateway, msgspec.json.decode(payload, type=StateMessage))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refused(f"state: {error}")
