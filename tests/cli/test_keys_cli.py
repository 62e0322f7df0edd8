"""`edge-agent keys enroll|rotate`: requests and successors, each file whole, and private ones private."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.x509.oid import NameOID

from edge_agent.city.intake import Born, Intake, Refused
from edge_agent.cli import group
from edge_agent.contract import topics
from edge_agent.contract.messages import BirthMessage, RotationMessage, seal
from edge_agent.contract.rotation import STEPS, followed, load_steps, own_keys, save_steps, step
from edge_agent.contract.signatures import KeyFileError, kid_of, load_private, load_public, new_key, save_public
from edge_agent.errors import EdgeAgentError

GATEWAY = "G0417"


def keys(*arguments: object) -> str:
    done = CliRunner().invoke(group, ["--lang", "en", "keys", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def birth(folder: Path, gateway: str = GATEWAY) -> bytes:
    key = load_private(folder / "gateway.key")
    message = BirthMessage(
        gateway=gateway, agent="1", epoch="ab" * 16, first=1, last=0, acked=0, boot_id="b", up_ms=1, clock="synced",
        config="", credentials="", bdseq=1, doors=(), rotation=load_steps(folder / STEPS, key.public_key()),
    )  # fmt: skip
    return seal(message, key)


def test_a_request_names_the_gateway_and_its_key_stays(tmp_path: Path) -> None:
    keys("enroll", "--dir", tmp_path, "--gateway", GATEWAY)
    key = (tmp_path / "gateway-tls.key").read_bytes()
    request = x509.load_pem_x509_csr((tmp_path / "gateway-tls.csr").read_bytes())
    assert request.is_signature_valid
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == GATEWAY
    keys("enroll", "--dir", tmp_path, "--gateway", GATEWAY)
    assert (tmp_path / "gateway-tls.key").read_bytes() == key
    assert mode(tmp_path / "gateway-tls.key") == 0o600


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    keys("enroll", "--dir", tmp_path, "--gateway", GATEWAY)
    (tmp_path / "gateway-tls.key").chmod(0o644)
    with pytest.raises(EdgeAgentError, match="chmod 600"):
        keys("enroll", "--dir", tmp_path, "--gateway", GATEWAY)


def test_the_city_follows_a_key_over_several_rotations(tmp_path: Path) -> None:
    """It knows the first key only and comes to the newest; the older ones are no longer believed."""
    city, folder = tmp_path / "gateways", tmp_path / "keys"
    city.mkdir()
    keys("init", "--dir", folder)
    save_public(city / f"{GATEWAY}.pub", load_public(folder / "gateway.pub"))
    intake, topic = Intake(city), topics.up(GATEWAY, "birth")
    before = birth(folder)
    assert isinstance(intake.judge(topic, before), Born)
    for _ in range(3):
        keys("rotate", "--dir", folder, "--gateway", GATEWAY)
    assert {mode(folder / name) for name in ("gateway.key", STEPS)} == {0o600}
    assert isinstance(intake.judge(topic, birth(folder)), Born)
    assert kid_of(load_public(city / f"{GATEWAY}.pub")) == kid_of(load_public(folder / "gateway.pub"))
    assert isinstance(intake.judge(topic, before), Refused)
    assert isinstance(Intake(city).judge(topic, birth(folder)), Born)


def test_a_rotation_that_was_cut_short_leaves_the_old_key_in_force(tmp_path: Path) -> None:
    keys("init", "--dir", tmp_path)
    old = load_private(tmp_path / "gateway.key")
    save_steps(tmp_path / STEPS, (step(GATEWAY, old, new_key().public_key()),))
    assert load_steps(tmp_path / STEPS, old.public_key()) == ()
    keys("rotate", "--dir", tmp_path, "--gateway", GATEWAY)
    assert len(load_steps(tmp_path / STEPS, load_public(tmp_path / "gateway.pub"))) == 1


@pytest.mark.parametrize("at", range(3))
def test_a_step_that_is_no_key_is_told_with_what_to_do(tmp_path: Path, at: int) -> None:
    """In the middle it ended the agent at its start with a traceback."""
    keys("init", "--dir", tmp_path)
    for _ in range(3):
        keys("rotate", "--dir", tmp_path, "--gateway", GATEWAY)
    own = load_public(tmp_path / "gateway.pub")
    steps = list(load_steps(tmp_path / STEPS, own))
    steps[at] = msgspec.structs.replace(steps[at], new=steps[at].new[:-4])
    save_steps(tmp_path / STEPS, steps)
    for read in (lambda: load_steps(tmp_path / STEPS, own), lambda: own_keys(tmp_path)):
        with pytest.raises(KeyFileError) as told:
            read()
        assert told.value.code == "uplink.rotation_damaged"
    (tmp_path / STEPS).unlink()
    assert kid_of(own_keys(tmp_path)[0]) == kid_of(own)


@pytest.mark.parametrize("wrong", ["stranger", "gateway", "altered"])
def test_a_successor_nobody_signed_is_none(wrong: str) -> None:
    old, new = new_key(), new_key()
    good = step(GATEWAY, old, new.public_key())
    bad = {
        "stranger": step(GATEWAY, new_key(), new.public_key()),
        "gateway": step("G9", old, new.public_key()),
        "altered": RotationMessage(
            gateway=GATEWAY, new=step(GATEWAY, old, new_key().public_key()).new, kid=good.kid, sig=good.sig
        ),
    }[wrong]
    assert followed(old.public_key(), [good], GATEWAY) is not None
    assert followed(old.public_key(), [bad], GATEWAY) is None
