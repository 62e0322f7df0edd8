"""Signatures, key files, and the signed messages."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from edge_agent.contract.messages import AckMessage, MessageError, Refusal, seal, unseal
from edge_agent.contract.signatures import (
    KeyFileError,
    kid_of,
    load_private,
    load_public,
    new_key,
    save_private,
    save_public,
    sign,
    verify,
)

# RFC 8032, 7.1, TEST 1: secret key, public key.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
KEY = Ed25519PrivateKey.from_private_bytes(SECRET)
MESSAGE = {"b": 1, "a": {"d": [1, 2], "c": "门"}}


def test_signed_bytes_are_canonical_json_without_sig() -> None:
    """Recomputed here from the description: sorted keys, no spaces, UTF-8, kid inside, sig outside."""
    import base64
    import hashlib

    signed = sign(MESSAGE, KEY)
    kid = hashlib.sha256(bytes.fromhex(PUBLIC)).hexdigest()[:16]
    expected = KEY.sign(f'{{"a":{{"c":"门","d":[1,2]}},"b":1,"kid":"{kid}"}}'.encode())
    assert signed["kid"] == kid == kid_of(KEY.public_key())
    assert signed["sig"] == base64.urlsafe_b64encode(expected).decode().rstrip("=")
    assert verify(signed, KEY.public_key())
    assert sign(signed, KEY) == signed


@pytest.mark.parametrize(
    "change",
    [{"b": 2}, {"b": "1"}, {"c": 1}, {"kid": "0" * 16}, {"sig": ""}, {"sig": None}, {"sig": "!!"}, {"sig": "门" * 40}],
)
def test_any_change_breaks_the_signature(change: dict[str, object]) -> None:
    """Changed, added, exchanged or senseless: false, never an exception."""
    assert not verify({**sign(MESSAGE, KEY), **change}, KEY.public_key())


def test_another_key_signs_nothing_of_ours() -> None:
    """Neither with its own kid nor with a borrowed one."""
    forged = sign(MESSAGE, new_key())
    assert not verify(forged, KEY.public_key())
    assert not verify({**forged, "kid": kid_of(KEY.public_key())}, KEY.public_key())


def test_messages_come_back_and_tell_what_is_wrong() -> None:
    """Sealed and unsealed; a newer field is covered by the signature and ignored; each fault has its word."""
    message = AckMessage(epoch="ab" * 16, upto=7, have=((9, 9),), refused=(Refusal(8, "no"),), now="n")
    payload = seal(message, KEY)
    read = unseal(payload, KEY.public_key(), AckMessage)
    assert read.ack.refused == ((8, "no"),)
    assert msgspec.structs.replace(read, kid="", sig="") == message
    newer = seal({**msgspec.to_builtins(message), "mood": "good"}, KEY)
    assert unseal(newer, KEY.public_key(), AckMessage).upto == 7
    for wrong, problem in [
        (payload.replace(b'"upto":7', b'"upto":8'), "bad_signature"),
        (b"\xff", "malformed"),
        (b"7", "malformed"),
        (b"[" * 50_000, "malformed"),
        (b" " * 70_000, "too_large"),
        (seal({"epoch": 1}, KEY), "malformed"),
        (seal({**msgspec.to_builtins(message), "upto": -1}, KEY), "malformed"),
        (seal({**msgspec.to_builtins(message), "upto": 2**63}, KEY), "malformed"),
    ]:
        with pytest.raises(MessageError) as caught:
            unseal(wrong, KEY.public_key(), AckMessage)
        assert caught.value.problem == problem


def test_key_files_keep_their_secret(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, read back equal, never overwritten, refused when others may read them."""
    private, public = tmp_path / "a.key", tmp_path / "a.pub"
    before = os.umask(0)
    try:
        save_private(private, KEY)
    finally:
        os.umask(before)
    save_public(public, KEY.public_key())
    assert private.stat().st_mode & 0o777 == 0o600
    assert verify(sign(MESSAGE, load_private(private)), load_public(public))
    with pytest.raises(KeyFileError, match="not overwritten"):
        save_private(private, new_key())
    private.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_private(private)


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    """Missing, garbage, the wrong kind, a public key in place of a private one: the error carries the path."""
    other = X25519PrivateKey.generate()
    cases = {
        "garbage": b"\xff not a key",
        "empty": b"",
        "kind": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "public": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    for name in [*cases, "missing"]:
        with pytest.raises(KeyFileError, match=name):
            load_private(tmp_path / name)
    for name in ("garbage", "kind", "missing"):
        with pytest.raises(KeyFileError, match=name):
            load_public(tmp_path / name)


def test_the_schema_command_writes_files(tmp_path: Path) -> None:
    """`python -m edge_agent.contract.schemas DIR`."""
    made = subprocess.run(
        [sys.executable, "-m", "edge_agent.contract.schemas", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert made.stdout.endswith("schemas\n")
    assert (tmp_path / "envelope.json").exists()
