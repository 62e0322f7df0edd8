"""The QR pass: what comes back is what was signed, and nothing else comes back."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contract.messages import seal
from edge_agent.contract.passes import PASS_MAX_BYTES, read_pass, write_pass
from edge_agent.contract.signatures import kid_of, new_key
from edge_agent.model.reads import Pass

# RFC 8032, 7.1, TEST 1.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
TICKET = Pass("4f1c", "p-5f2c", 1_790_000_000_000, 1_790_086_400_000, ("north-gate", "北门"), 3)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
TICKETS = st.builds(
    lambda name, person, start, length, doors, uses: Pass(name, person, start, start + length, tuple(doors), uses),
    NAMES,
    NAMES,
    st.integers(0, 2**52),
    st.integers(1, 2**40),
    st.lists(st.text(min_size=1, max_size=8).filter(str.isprintable), max_size=4),
    st.none() | st.integers(1, 1_000_000),
)


def signed(payload: bytes, mark: bytes = b"SCP1.") -> bytes:
    """Written here from the description, not with the code under test."""
    text = mark + base64.urlsafe_b64encode(payload).rstrip(b"=")
    return text + b"." + base64.urlsafe_b64encode(KEY.sign(text)).rstrip(b"=")


def payload(**fields: object) -> bytes:
    whole = {"jti": "a", "sub": "p-1", "nbf": 1, "exp": 2, "doors": [], "uses": None, "kid": kid_of(KEY.public_key())}
    return json.dumps(whole | fields).encode()


def test_the_text_is_as_described() -> None:
    """Readable by anybody who has the description: base64url JSON, signature over what stands before it."""
    text = write_pass(TICKET, KEY)
    mark, body, signature = text.split(".")
    assert mark == "SCP1"
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) == {
        "jti": "4f1c", "sub": "p-5f2c", "nbf": 1_790_000_000_000, "exp": 1_790_086_400_000,
        "doors": ["north-gate", "北门"], "uses": 3, "kid": kid_of(KEY.public_key()),
    }  # fmt: skip
    KEY.public_key().verify(base64.urlsafe_b64decode(signature + "=="), f"{mark}.{body}".encode())
    assert read_pass(signed(payload()), KEY.public_key()) == Pass("a", "p-1", 1, 2)


@given(ticket=TICKETS)
def test_what_was_signed_comes_back(ticket: Pass) -> None:
    assert read_pass(write_pass(ticket, KEY).encode(), KEY.public_key()) == ticket


@given(ticket=TICKETS, data=st.data())
def test_one_changed_byte_makes_it_nothing(ticket: Pass, data: st.DataObject) -> None:
    text = bytearray(write_pass(ticket, KEY).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] ^= data.draw(st.integers(1, 255))
    assert read_pass(bytes(text), KEY.public_key()) is None


@given(noise=st.binary(max_size=80))
def test_noise_is_nothing(noise: bytes) -> None:
    """With and without the mark in front of it."""
    assert read_pass(noise, KEY.public_key()) is None
    assert read_pass(b"SCP1." + noise, KEY.public_key()) is None


@pytest.mark.parametrize(
    "body",
    [
        payload(kid="0" * 16),
        payload(exp=1),
        payload(nbf=-1),
        payload(uses=0),
        payload(uses=1.5),
        payload(jti=""),
        payload(jti="../x"),
        payload(sub="p 1"),
        payload(doors="north"),
        payload(doors=[""]),
        b"[]",
        b"\xff",
        b"[" * 5000,
    ],
)
def test_a_good_signature_alone_does_not_make_a_pass(body: bytes) -> None:
    assert read_pass(signed(body), KEY.public_key()) is None


def test_another_key_another_message_another_writing() -> None:
    """Another gateway's pass, another message of our key, the same pass with padding or a line end."""
    text = write_pass(TICKET, KEY).encode()
    assert read_pass(write_pass(TICKET, new_key()).encode(), KEY.public_key()) is None
    assert read_pass(seal({"jti": "a"}, KEY), KEY.public_key()) is None
    assert read_pass(signed(payload(), mark=b"SCP2."), KEY.public_key()) is None
    assert read_pass(text + b"==", KEY.public_key()) is None
    assert read_pass(text + b"\n", KEY.public_key()) is None
    assert read_pass(signed(payload(more="x" * PASS_MAX_BYTES)), KEY.public_key()) is None


@pytest.mark.parametrize(
    "wrong",
    [
        Pass("", "p-1", 0, 1),
        Pass("a", "p-1", 5, 5),
        Pass("a", "p-1", 0, 1, max_uses=0),
        Pass("a", "p-1", 0, 1, tuple(f"door-with-a-long-name-{n:040}" for n in range(60))),
    ],
)
def test_a_pass_that_no_gate_would_take_is_not_written(wrong: Pass) -> None:
    with pytest.raises(ValueError, match="pass"):
        write_pass(wrong, KEY)
