"""`edge-agent keys`: the keys of this gateway, of the city, and of readers. A key that exists is never overwritten."""

import re
import secrets
from pathlib import Path

import click

from edge_agent.cli.options import make_folder
from edge_agent.cli.speech import tell
from edge_agent.contract.certificates import new_tls_key, request
from edge_agent.contract.rotation import PREVIOUS, STEPS, keep_first, load_steps, save_steps, step
from edge_agent.contract.signatures import (
    KeyFileError,
    kid_of,
    load_private,
    new_key,
    private_pem,
    public_pem,
    replace_file,
    save_private,
    save_public,
)
from edge_agent.contract.topics import GATEWAY
from edge_agent.errors import UplinkError, locked
from edge_agent.store.faces import make_key
from edge_agent.store.pin_index import KEY_FILE, make_index_key

STORE_KEYS = (("face-store.key", make_key), ("evidence.key", make_key), (Path(KEY_FILE).name, make_index_key))
FOLDER = click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("keys"), show_default=True
)


@click.group("keys")
def command() -> None:
    """Make and look after keys."""


@command.command("init")
@FOLDER
@click.option("--city", is_flag=True, help="The city's two signing keys instead of the gateway's.")
def init(folder: Path, city: bool) -> None:
    """Make the keys that are not there yet."""
    make_folder(folder, 0o700)
    made, kept = [], []
    for name in ("city-ack", "city-command") if city else ("gateway",):
        path = folder / f"{name}.key"
        if path.exists():
            kept.append(path.name)
        else:
            save_private(path, new_key())
            made.append(path.name)
        public = folder / f"{name}.pub"
        if not public.exists():
            save_public(public, load_private(path).public_key())
            made.append(public.name)
    if not city:
        for name, make in STORE_KEYS:
            path = folder / name
            if path.exists():
                kept.append(path.name)
            else:
                make(path)
                made.append(path.name)
    _report(made, kept)


@command.command("enroll")
@FOLDER
@click.option("--gateway", required=True, help="gateway.id of agent.toml: the name in the certificate.")
def enroll(folder: Path, gateway: str) -> None:
    """Write a request for the client certificate of TLS; its key is made when it is not there, and stays here."""
    if not re.fullmatch(GATEWAY, gateway):
        raise UplinkError("uplink.bad_gateway", gateway=gateway)
    make_folder(folder, 0o700)
    key, wanted = folder / "gateway-tls.key", folder / "gateway-tls.csr"
    if not key.exists():
        replace_file(key, new_tls_key(), 0o600)
    replace_file(wanted, request(_private_file(key), gateway, key), 0o600)
    tell("cli.keys_requested", request=wanted, key=key)


@command.command("rotate")
@FOLDER
@click.option("--gateway", required=True, help="gateway.id of agent.toml.")
def rotate(folder: Path, gateway: str) -> None:
    """Replace the gateway's signing key; the old one signs the new one, and the city learns of it by itself."""
    if not re.fullmatch(GATEWAY, gateway):
        raise UplinkError("uplink.bad_gateway", gateway=gateway)
    path = folder / "gateway.key"
    old, new = load_private(path), new_key()
    steps = (*load_steps(folder / STEPS, old.public_key()), step(gateway, old, new.public_key()))
    keep_first(folder, steps[:-1], old.public_key())
    replace_file(folder / PREVIOUS, public_pem(old.public_key()), 0o644)
    save_steps(folder / STEPS, steps)
    replace_file(path, private_pem(new), 0o600)  # from here on the new one counts
    replace_file(folder / "gateway.pub", public_pem(new.public_key()), 0o644)
    tell("cli.keys_rotated", old=kid_of(old.public_key()), new=kid_of(new.public_key()))


def _private_file(path: Path) -> bytes:
    """Raises KeyFileError, also when others may read it."""
    try:
        mode = path.stat().st_mode & 0o777
        content = path.read_bytes()
    except PermissionError as error:
        raise KeyFileError("config.file_locked", **locked(path)) from error
    except OSError as error:
        raise KeyFileError("uplink.key_unreadable", path=path, why=error.strerror) from error
    if mode & 0o077:
        raise KeyFileError("uplink.key_open", path=path, mode=f"{mode:04o}")
    return content


@command.command("osdp")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def osdp(path: Path) -> None:
    """Make a secure channel base key for one reader (32 hex digits, in PATH)."""
    if path.exists():
        _report([], [str(path)])
        return
    make_folder(path.parent, 0o700)
    path.touch(mode=0o600)
    path.write_text(secrets.token_bytes(16).hex() + "\n")
    _report([str(path)], [])


def _report(made: list[str], kept: list[str]) -> None:
    if made:
        tell("cli.keys_made", files=", ".join(made))
    if kept:
        tell("cli.keys_kept", files=", ".join(kept))
