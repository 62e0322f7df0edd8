"""Evidence in the hands of others: is it what the gateway signed, and all of it?

Needs the folder and the gateway's public key, no network and no gateway. What fails is named: a file's hash, the
signature, the chain to the manifest before, the time the gateway believed.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from edge_agent.contract.signatures import PublicKey, verify
from edge_agent.model.evidence import Manifest


class Finding(msgspec.Struct, frozen=True):
    """`code` of `words`; `fatal`: it is not what was signed; `why` and `given`: code and fields of what `what` says,
    where it is a sentence itself.
    """

    code: str
    fatal: bool = True
    what: str = ""
    why: str = ""
    given: dict[str, str | int | float] = {}


def read_manifest(raw: bytes) -> Manifest | None:
    try:
        return msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def signature_findings(raw: bytes, keys: Iterable[PublicKey]) -> list[Finding]:
    """Is the manifest one, and signed with one of `keys`?"""
    try:
        fields: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [Finding("evidence.no_manifest")]
    if not isinstance(fields, dict) or read_manifest(raw) is None:
        return [Finding("evidence.no_manifest")]
    return [] if any(verify(fields, key) for key in keys) else [Finding("evidence.bad_signature")]


def file_findings(manifest: Manifest, name: str, pieces: Iterable[bytes] | None) -> list[Finding]:
    """One file of it; `pieces` None: it is not there."""
    said = next((file for file in manifest.files if file.name == name), None)
    if said is None:
        return [Finding("evidence.stranger", what=name)]
    if pieces is None:
        return [Finding("evidence.file_missing", what=name)]
    found, size = hashlib.sha256(), 0
    for piece in pieces:
        found.update(piece)
        size += len(piece)
    return [] if (size, found.hexdigest()) == (said.size, said.sha256) else [Finding("evidence.bad_hash", what=name)]


def other_findings(manifest: Manifest) -> list[Finding]:
    """What its reader has to know although nothing was altered."""
    found = []
    if not manifest.complete:
        found.append(Finding("evidence.incomplete", False, manifest.why, manifest.code, manifest.given))
    if manifest.stream is not None and manifest.stream.jumps:
        found.append(Finding("evidence.jumped", False, str(manifest.stream.jumps)))
    if manifest.time.clock == "unset":
        found.append(Finding("evidence.no_time", False))
    elif manifest.time.err_ms > 60_000:
        found.append(Finding("evidence.poor_time", False, f"{manifest.time.err_ms / 1000:.0f} s"))
    return found
