"""Who may give commands: the list of keys with their roles, and the check of a command's one or two signatures.

`keys/city-commanders.toml` has one table a key: `[[key]]` with `name`, `public` (base64url of the 32 bytes) or `file`
(a .pub beside the list), and `roles`. Without a list the one key `city-command.pub` may order everything that takes
one signature, and nothing that takes two.
"""

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.contract.messages import COMMAND_MAX_BYTES, MessageError, convert, read_object
from edge_agent.contract.signatures import (
    KeyFileError,
    PrivateKey,
    PublicKey,
    kid_of,
    load_public,
    public_of,
    sign,
    verify,
)  # fmt: skip
from edge_agent.errors import locked
from edge_agent.model.commands import ROLES, Command, Role, Signer

ALONE = "city"


class Commander(msgspec.Struct, frozen=True):
    signer: Signer
    key: PublicKey


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    roles: tuple[Role, ...]
    public: str = ""
    file: str = ""


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: tuple[_Entry, ...]


class Keyring:
    """The commanders by key id."""

    def __init__(self, commanders: Iterable[Commander]) -> None:
        self._by_kid = {kid_of(commander.key): commander for commander in commanders}

    @classmethod
    def of(cls, key: PublicKey, name: str = ALONE, roles: Iterable[str] = ROLES) -> "Keyring":
        """One key with these roles."""
        return cls([Commander(Signer(name, frozenset(roles)), key)])

    def __len__(self) -> int:
        return len(self._by_kid)

    def find(self, kid: object) -> Commander | None:
        return self._by_kid.get(kid) if isinstance(kid, str) else None

    def unseal(self, payload: bytes) -> tuple[Command, tuple[Signer, ...]]:
        """The command in `payload` and who signed it. Raises MessageError."""
        message, signer = self.signed(payload, COMMAND_MAX_BYTES)
        signers = [signer]
        if message.get("cosign") is not None:
            second = self.find(message["cosign"].get("kid")) if isinstance(message["cosign"], dict) else None
            if second is None or not verify(_agreed(message), second.key):
                raise MessageError("bad_signature", "the second signature")
            signers.append(second.signer)
        return convert(message, Command), tuple(signers)

    def signed(self, payload: bytes, limit: int) -> tuple[dict[str, Any], Signer]:
        """Any message that one of the commanders signed, as plain data. Raises MessageError."""
        message = read_object(payload, limit)
        commander = self.find(message.get("kid"))
        if commander is None or not verify(message, commander.key):
            raise MessageError("bad_signature")
        return message, commander.signer


def cosigned(message: dict[str, Any], issuer: str, key: PrivateKey) -> dict[str, Any]:
    """`message` (a command that nobody has signed) with the agreement of `issuer`; the first signature comes after."""
    signed = sign(_agreement(message, issuer), key)
    return {**message, "cosign": {"issuer": issuer, "kid": signed["kid"], "sig": signed["sig"]}}


def _agreement(message: dict[str, Any], issuer: str) -> dict[str, Any]:
    body = {name: value for name, value in message.items() if name not in ("sig", "kid", "cosign")}
    return {"agreed": issuer, "command": body}


def _agreed(message: dict[str, Any]) -> dict[str, Any]:
    """What the co-signer must have signed, with the signature it came with."""
    cosign = message["cosign"]
    return {
        **_agreement(message, str(cosign.get("issuer"))), "kid": cosign.get("kid"), "sig": cosign.get("sig"),
    }  # fmt: skip


def load_keyring(path: Path) -> Keyring:
    """A .pub file as a ring of one, anything else as a list of keys. Raises KeyFileError."""
    if path.suffix == ".pub":
        return Keyring.of(load_public(path))
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_List).key
    except FileNotFoundError as error:
        raise KeyFileError("uplink.key_missing", path=path) from error
    except PermissionError as error:
        raise KeyFileError("config.file_locked", **locked(path)) from error
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KeyFileError("uplink.commanders", path=path, why=error) from error
    commanders = [Commander(Signer(entry.name, frozenset(entry.roles)), _public(entry, path)) for entry in entries]
    if len({kid_of(commander.key) for commander in commanders}) < len(commanders) or not commanders:
        raise KeyFileError("uplink.commanders", path=path, why="a key is there twice, or there is none")
    return Keyring(commanders)


def _public(entry: _Entry, path: Path) -> PublicKey:
    if entry.file:
        return load_public(path.parent / entry.file)
    try:
        return public_of(base64.b64decode(entry.public + "=" * (-len(entry.public) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise KeyFileError("uplink.commanders", path=path, why=f"{entry.name}: {error}") from error
