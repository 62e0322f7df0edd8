"""The signed messages beside events: birth, acknowledgement, command.

`seal` makes the bytes, `unseal` checks size, form and signature in this order and gives the struct. The signature is
checked over everything that arrived, so that a field added by a newer version is covered and ignored.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from edge_agent.contract.signatures import PrivateKey, PublicKey, sign, verify
from edge_agent.contract.topics import GATEWAY
from edge_agent.errors import EdgeAgentError
from edge_agent.model.ack import Ack
from edge_agent.model.encoding import canonical, plain
from edge_agent.model.grants import DELTAS_AT_MOST, Delta, Version
from edge_agent.model.patterns import whole

COMMAND_MAX_BYTES = 16_384
MESSAGE_MAX_BYTES = 65_536
COMMAND_TTL_S = 30
ACK_EXPIRY_S = 60
ROTATIONS_AT_MOST = 16

Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Epoch = Annotated[str, Meta(pattern=whole(r"[0-9a-f]{32}"), max_length=32)]
T = TypeVar("T")


class MessageError(EdgeAgentError):
    """A signed message that is not to be believed. `problem`: too_large, malformed or bad_signature."""

    def __init__(self, problem: str, why: str = "") -> None:
        super().__init__("uplink.message", problem=problem, why=why)
        self.problem = problem


class RotationMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The key `kid` of `gateway` is followed by `new` (base64url of the 32 bytes); signed by the key it replaces."""

    gateway: Annotated[str, Meta(pattern=whole(rf"{GATEWAY}"))]
    new: Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9_-]{43}"), max_length=43)]
    kid: str = ""
    sig: str = ""


class BirthMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway introduces itself: which journal it has, and its own time. `up_ms`: ms since boot; `rotation`: how its
    signing key followed from earlier ones, the oldest first.
    """

    gateway: Annotated[str, Meta(pattern=whole(rf"{GATEWAY}"))]
    agent: str
    epoch: Epoch
    first: Seq
    last: Seq
    acked: Seq
    boot_id: Annotated[str, Meta(pattern=whole(r"[0-9A-Za-z-]{1,64}"))]
    up_ms: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    clock: Literal["synced", "holdover", "unset"]
    config: str
    credentials: str
    bdseq: Seq  # the same number stands in the session's state messages and in its will
    doors: tuple[str, ...]
    rotation: Annotated[tuple[RotationMessage, ...], Meta(max_length=ROTATIONS_AT_MOST)] = ()
    kid: str = ""
    sig: str = ""


class Refusal(msgspec.Struct, frozen=True):
    seq: Seq
    reason: str


class AckMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The city holds everything up to `upto` and the islands `have` beyond it. `now`: the city's time, ISO 8601."""

    epoch: Epoch
    upto: Seq
    have: tuple[tuple[Seq, Seq], ...] = ()
    refused: tuple[Refusal, ...] = ()
    credit: Annotated[int, Meta(ge=0, le=100_000)] = 200
    now: str
    kid: str = ""
    sig: str = ""

    @property
    def ack(self) -> Ack:
        refused = tuple((refusal.seq, refusal.reason) for refusal in self.refused)
        return Ack(self.epoch, self.upto, self.have, refused, self.credit, _unix_ms(self.now))


def _unix_ms(text: str) -> int:
    """0 for what is no time: a clock is not set by it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return max(0, int(at.timestamp() * 1000)) if at.tzinfo is not None else 0


class ManifestMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Who may pass at `gateway`, as list `version`: the ways that lead there from lists it may have."""

    gateway: Annotated[str, Meta(pattern=whole(rf"{GATEWAY}"))]
    version: Version
    deltas: Annotated[tuple[Delta, ...], Meta(min_length=1, max_length=DELTAS_AT_MOST)]
    issuer: Annotated[str, Meta(min_length=1, max_length=64)]
    kid: str = ""
    sig: str = ""


class StateMessage(msgspec.Struct, frozen=True):
    """`online` or `offline`; whoever reads an `offline` whose `bdseq` is not the latest birth's ignores it."""

    state: Literal["online", "offline"]
    bdseq: Seq


def seal(message: Any, key: PrivateKey) -> bytes:
    """`message` (a struct or a dict) signed, as canonical JSON."""
    return canonical(sign(plain(message), key))


def unseal(payload: bytes, key: PublicKey, kind: type[T], limit: int = MESSAGE_MAX_BYTES) -> T:
    """The message in `payload` when `key` signed it. Raises MessageError."""
    message = read_object(payload, limit)
    if not verify(message, key):
        raise MessageError("bad_signature")
    return convert(message, kind)


def read_object(payload: bytes, limit: int) -> dict[str, Any]:
    """A JSON object of at most `limit` bytes, as plain data. Raises MessageError."""
    if len(payload) > limit:
        raise MessageError("too_large", f"{len(payload)} bytes, at most {limit} are allowed")
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError("malformed", str(error)) from error
    if not isinstance(message, dict):
        raise MessageError("malformed", "not an object")
    return message


def convert(message: dict[str, Any], kind: type[T]) -> T:
    """A message whose signature was checked, as its struct. Raises MessageError."""
    try:
        return msgspec.convert(message, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise MessageError("malformed", str(error)) from error
