"""Ed25519 signatures over canonical JSON, and the key files.

Signed bytes are the canonical JSON of the message without `sig`; `kid` is inside what is signed. The keys' custody is
the point: the broker holds none of them, so whoever owns the broker can delay a message but not make one.
"""

import base64
import binascii
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from edge_agent.errors import EdgeAgentError, locked
from edge_agent.model.encoding import canonical

PrivateKey = Ed25519PrivateKey
PublicKey = Ed25519PublicKey


class KeyFileError(EdgeAgentError):
    """A key file that is missing, unreadable, open to others, or holds something else."""


def new_key() -> PrivateKey:
    return Ed25519PrivateKey.generate()


def kid_of(key: PublicKey) -> str:
    """The first 16 hex digits of SHA-256 over the 32 bytes of the public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def public_of(raw: bytes) -> PublicKey:
    """The key of these 32 bytes. Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(raw)


def sign(message: dict[str, Any], key: PrivateKey) -> dict[str, Any]:
    """`message` with `kid` and `sig` (base64url without padding)."""
    signed = {name: value for name, value in message.items() if name != "sig"}
    signed["kid"] = kid_of(key.public_key())
    signature = key.sign(canonical(signed))
    return {**signed, "sig": base64.urlsafe_b64encode(signature).rstrip(b"=").decode()}


def verify(message: dict[str, Any], key: PublicKey) -> bool:
    """True when `sig` is `key`'s over the rest of `message`, whatever else the message contains."""
    sig = message.get("sig")
    if not isinstance(sig, str) or message.get("kid") != kid_of(key):
        return False
    rest = {name: value for name, value in message.items() if name != "sig"}
    try:
        signature = base64.b64decode(sig + "=" * (-len(sig) % 4), altchars=b"-_", validate=True)
        key.verify(signature, canonical(rest))
    except (InvalidSignature, binascii.Error, ValueError, OverflowError, TypeError, RecursionError):
        return False
    return True


def save_private(path: Path, key: PrivateKey) -> None:
    """Write `key` as PKCS#8 PEM, mode 0600 from its first byte. Raises KeyFileError when the file is there already."""
    _save(path, private_pem(key), 0o600)


def save_public(path: Path, key: PublicKey) -> None:
    _save(path, public_pem(key), 0o644)


def load_private(path: Path) -> PrivateKey:
    """The Ed25519 key in `path`. Raises KeyFileError, also when others may read the file."""
    pem = _load(path)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError("uplink.key_open", path=path, mode=f"{mode:04o}")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError("uplink.key_no_pem", path=path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError("uplink.key_kind", path=path)
    return key


def load_public(path: Path) -> PublicKey:
    pem = _load(path)
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError("uplink.key_no_pem", path=path) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError("uplink.key_kind", path=path)
    return key


def _save(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise KeyFileError("uplink.key_exists", path=path) from error
    except OSError as error:
        raise KeyFileError("uplink.key_write", path=path, why=error.strerror) from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def private_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """All of `content` or all of what was there before, whose owner stays, also after a power cut. Raises
    KeyFileError.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            if path.exists():
                with suppress(PermissionError):  # only root may give a file away
                    os.fchown(handle, path.stat().st_uid, path.stat().st_gid)
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError("uplink.key_write", path=path, why=error.strerror) from error
    put_in_place(beside, path)


def put_in_place(beside: Path, path: Path) -> None:
    """The file `beside`, which is on the disk, becomes `path`; that needs no room. Raises KeyFileError."""
    try:
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyFileError("uplink.key_write", path=path, why=error.strerror) from error


def _load(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise KeyFileError("uplink.key_missing", path=path) from error
    except PermissionError as error:
        raise KeyFileError("config.file_locked", **locked(path)) from error
    except OSError as error:
        raise KeyFileError("uplink.key_unreadable", path=path, why=error.strerror) from error
