"""A gateway's signing key is replaced: the old one signs the new one, so that the city needs nobody's word for it.

`gateway.rotation` keeps every step since the first key, the oldest first; the birth carries them. A city that knows any
of those keys comes to the newest.
"""

import base64
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge_agent.contract.messages import ROTATIONS_AT_MOST, RotationMessage
from edge_agent.contract.signatures import (
    KeyFileError,
    PrivateKey,
    PublicKey,
    kid_of,
    load_public,
    public_of,
    public_pem,
    replace_file,
    sign,
    verify,
)
from edge_agent.errors import locked
from edge_agent.model.encoding import canonical, plain

STEPS = "gateway.rotation"
PUBLIC, PREVIOUS, FIRST = "gateway.pub", "gateway.previous.pub", "gateway.first.pub"


def step(gateway: str, old: PrivateKey, new: PublicKey) -> RotationMessage:
    raw = base64.urlsafe_b64encode(new.public_bytes_raw()).rstrip(b"=").decode()
    return msgspec.convert(sign({"gateway": gateway, "new": raw}, old), RotationMessage)


def new_key_of(rotation: RotationMessage) -> PublicKey:
    """Raises ValueError."""
    return public_of(base64.urlsafe_b64decode(rotation.new + "="))


def followed(known: PublicKey, steps: Sequence[RotationMessage], gateway: str) -> PublicKey | None:
    """The newest key that follows from `known`; None when no step starts there or one is not signed as it should be."""
    here = known
    for rotation in steps:
        if rotation.gateway != gateway or rotation.kid != kid_of(here):
            continue
        if not verify(plain(rotation), here):
            return None
        try:
            here = new_key_of(rotation)
        except ValueError:
            return None
    return None if here is known else here


def load_steps(path: Path, key: PublicKey) -> tuple[RotationMessage, ...]:
    """What led to `key`, without what was cut short before it came into force. Raises KeyFileError."""
    try:
        steps = msgspec.json.decode(path.read_bytes(), type=tuple[RotationMessage, ...])
        kids = [kid_of(new_key_of(rotation)) for rotation in steps]
    except FileNotFoundError:
        return ()
    except PermissionError as error:
        raise KeyFileError("config.file_locked", **locked(path)) from error
    except OSError as error:
        raise KeyFileError("uplink.key_unreadable", path=path, why=error) from error
    except ValueError as error:
        raise KeyFileError("uplink.rotation_damaged", path=path, own=path.with_name(PUBLIC), why=error) from error
    while kids and kids[-1] != kid_of(key):
        kids.pop()
    return steps[: len(kids)]


def save_steps(path: Path, steps: Sequence[RotationMessage]) -> None:
    """Raises KeyFileError."""
    replace_file(path, canonical([plain(rotation) for rotation in steps[-ROTATIONS_AT_MOST:]]), 0o600)


def own_keys(folder: Path, today: PublicKey | None = None) -> list[PublicKey]:
    """All that this gateway has signed with, as far as it knows, `today`'s first (None: gateway.pub): what was signed
    stays signed. Raises KeyFileError.
    """
    today = today or load_public(folder / PUBLIC)
    earlier = [load_public(folder / name) for name in (PREVIOUS, FIRST) if (folder / name).exists()]
    earlier += [new_key_of(rotation) for rotation in load_steps(folder / STEPS, today)]
    return list({kid_of(key): key for key in (today, *earlier)}.values())


def keep_first(folder: Path, steps: Sequence[RotationMessage], old: PublicKey) -> None:
    """No step names the first key: it is written down before `old` makes room for another. Raises KeyFileError."""
    known = folder / PREVIOUS
    first = load_public(known) if steps and known.exists() else old
    if not (folder / FIRST).exists() and (not steps or steps[0].kid == kid_of(first)):
        replace_file(folder / FIRST, public_pem(first), 0o644)
