"""The QR pass: `SCP1.<payload>.<signature>`, signed with the gateway's key, so that a gate verifies it offline.

Payload and signature are base64url without padding. The payload is canonical JSON: jti, sub (the person), nbf and exp
(Unix ms; exp exclusive), doors (none: every door a rule allows), uses (null: without limit), kid. Signed is all of the
text before the second dot, the letters SCP1 with it: a pass can never be taken for another message of the same key.
"""

import base64
import binascii
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from msgspec import Meta

from edge_agent.contract.signatures import PrivateKey, PublicKey, kid_of
from edge_agent.model.encoding import canonical
from edge_agent.model.patterns import whole
from edge_agent.model.reads import Pass

MARK = b"SCP1."
PASS_MAX_BYTES = 2953  # a QR code of version 40, level L, in byte mode
SIGNATURE_BYTES = 64

Name = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"), max_length=64)]
Instant = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Payload(msgspec.Struct, frozen=True):
    jti: Name
    sub: Name
    nbf: Instant
    exp: Instant
    doors: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=64)]
    uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None
    kid: Annotated[str, Meta(max_length=16)]


_decoder = msgspec.json.Decoder(Payload)


def write_pass(ticket: Pass, key: PrivateKey) -> str:
    """The text of the QR code. ValueError when it does not fit into one, or would not be accepted back."""
    payload = Payload(
        ticket.id,
        ticket.person,
        ticket.not_before_ms,
        ticket.expires_ms,
        ticket.doors,
        ticket.max_uses,
        kid_of(key.public_key()),
    )
    signed = MARK + _encoded(canonical(payload))
    text = signed + b"." + _encoded(key.sign(signed))
    if read_pass(text, key.public_key()) != ticket:
        raise ValueError("this pass is too large, or its id, person, times or uses are none")
    return text.decode("ascii")


def read_pass(text: bytes, key: PublicKey) -> Pass | None:
    """The pass in `text` when `key` signed it, else None: also for whatever else a QR code may hold. Never raises.

    Whether it is valid now, at this door, not revoked and not used up, is for the decision.
    """
    if not text.startswith(MARK) or len(text) > PASS_MAX_BYTES or text.count(b".") != 2:
        return None
    signed, _, signature = text.rpartition(b".")
    try:
        key.verify(_decoded(signature), signed)
        payload = _decoder.decode(_decoded(signed.removeprefix(MARK)))
    except (InvalidSignature, binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    if payload.kid != kid_of(key) or payload.exp <= payload.nbf:
        return None
    return Pass(payload.jti, payload.sub, payload.nbf, payload.exp, payload.doors, payload.uses)


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    """Raises ValueError for anything but the one way to write these bytes."""
    data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encoded(data) != text:
        raise ValueError("not the canonical encoding")
    return data
