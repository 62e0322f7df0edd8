"""A key or secret that the system keeps from the agent's user is not called malformed or missing: a new one would cut
off the reader, the faces or the city that know the old one.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_agent.cli import group
from edge_agent.cli.city_options import address
from edge_agent.cli.keys import _private_file
from edge_agent.config import load_config
from edge_agent.contract.commanders import load_keyring
from edge_agent.contract.rotation import load_steps
from edge_agent.contract.signatures import load_private, load_public, new_key
from edge_agent.drivers.osdp_provision import _fresh
from edge_agent.drivers.osdp_readers import osdp_key
from edge_agent.drivers.push_terminal import push_secret
from edge_agent.errors import EdgeAgentError
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.site import Camera, Uplink
from edge_agent.readiness import check_files
from edge_agent.store.faces import load_key
from edge_agent.store.pin_index import load_index
from edge_agent.tables import demand_file, read_toml
from edge_agent.uplink.login import login
from edge_agent.wiring_cameras import logged_in

NOBODY = 65534
NOW = Moment(0, 0, "boot", ClockState.SYNCED, 0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def outsider(locked: Path) -> Iterator[None]:
    """`locked` is not this user's to read meanwhile: root becomes somebody else, anybody else lacks the mode."""
    mode, root = locked.stat().st_mode & 0o777, os.geteuid() == 0
    locked.chmod(0o700 if root and locked.is_dir() else 0o600 if root else 0)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        locked.chmod(mode)


def camera_login(path: Path) -> object:
    return logged_in(Camera(name="c", url="rtsp://127.0.0.1/", door="d", login_file=path.name), path.parent)


def password(path: Path) -> object:
    settings = Uplink(url="mqtt://127.0.0.1", password_file=path.name)
    return login(settings, "G0417", path.parent, ("will", b""), NOW)


READERS: dict[str, Callable[[Path], object]] = {
    "osdp": osdp_key,
    "push": push_secret,
    "pin-index": load_index,
    "face-store": load_key,
    "gateway": load_private,
    "public": load_public,
    "steps": lambda path: load_steps(path, new_key().public_key()),
    "commanders": load_keyring,
    "tls": _private_file,
    "camera": camera_login,
    "password": password,
    "configuration": read_toml,
    "named": partial(demand_file, missing=EdgeAgentError("config.no_door")),
}


CASES = [(what, through) for what in READERS for through in ("file", "folder")]


@pytest.mark.parametrize(("what", "through"), [*CASES, ("osdp-pending", "file")])
def test_a_file_that_may_not_be_read_is_said_to_be_just_that(folder: Path, what: str, through: str) -> None:
    path = folder / "keys" / "secret"
    path.parent.mkdir()
    path.parent.chmod(0o755)
    path.write_text("whole\n")
    locked = path if through == "file" else path.parent
    with outsider(locked), pytest.raises(EdgeAgentError) as caught:
        READERS.get(what, _fresh)(path)
    assert caught.value.code == "config.file_locked"
    assert f"sudo chown {caught.value.fields['user']} {locked} && sudo chmod u+rX {locked}" in caught.value.text("en")
    assert "无需重新生成" in caught.value.text("zh")


def test_check_opens_what_it_says_is_there(folder: Path) -> None:
    """A password that is there and locked passed as good, and the agent's uplink then failed with it."""
    (folder / "agent.toml").write_text(
        '[gateway]\nid = "G0417"\n[uplink]\nurl = "mqtt://127.0.0.1"\npassword_file = "password"\n'
    )
    (folder / "password").write_text("secret\n")
    config = load_config(folder / "agent.toml")
    with outsider(folder / "password"):
        found = {problem.at: problem.code for problem in check_files(config, "agent.toml", folder)}
    assert found["uplink.password_file"] == "config.file_locked"
    found = {problem.at: problem.code for problem in check_files(config, "agent.toml", folder)}
    assert "uplink.password_file" not in found


def test_keys_init_in_a_folder_of_somebody_else_says_so(folder: Path) -> None:
    (folder / "keys").mkdir()
    with outsider(folder / "keys"):
        done = CliRunner().invoke(group, ["--lang", "en", "keys", "init", "--dir", str(folder / "keys")])
    assert isinstance(done.exception, EdgeAgentError)
    assert done.exception.code == "cli.no_folder"


MARKED: dict[str, tuple[Callable[[Path], object], str]] = {
    "osdp": (osdp_key, "0102030405060708090a0b0c0d0e0f10"),
    "push": (push_secret, "correct horse battery"),
    "camera": (camera_login, "admin:correct horse"),
    "password": (password, "correct horse"),
    "city": (lambda path: address("mqtt://127.0.0.1", "5", "u", path, None, None, None), "correct horse"),
}


@pytest.mark.parametrize("what", MARKED)
def test_what_an_editor_puts_before_its_utf_8_is_no_part_of_a_secret(folder: Path, what: str) -> None:
    """Nobody sees it, and nobody can type it: every terminal, camera or broker would refuse a password with it."""
    read, text = MARKED[what]
    path = folder / "secret"
    path.write_text(text + "\n", "utf-8")
    plain = read(path)
    path.write_text(text + "\r\n", "utf-8-sig")
    assert read(path) == plain
