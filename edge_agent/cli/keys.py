"""`edge-agent keys`: the keys of this gateway, of the city, and of readers. A key that exists is never overwritten."""

import secrets
from pathlib import Path

import click

from edge_agent.cli.options import make_folder
from edge_agent.cli.speech import tell
from edge_agent.contract.signatures import load_private, new_key, save_private, save_public
from edge_agent.store.faces import make_key
from edge_agent.store.pin_index import KEY_FILE, make_index_key

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
        for name, make in (("face-store.key", make_key), (Path(KEY_FILE).name, make_index_key)):
            path = folder / name
            if path.exists():
                kept.append(path.name)
            else:
                make(path)
                made.append(path.name)
    _report(made, kept)


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
