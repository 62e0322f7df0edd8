"""`edge-agent console`: certificate, users and tokens of the guard's console. There is no default password."""

import base64
import secrets
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import click

from edge_agent.cli.options import CONFIG, STATE, state_directory
from edge_agent.cli.speech import tell, words
from edge_agent.config import load_config
from edge_agent.errors import EdgeAgentError
from edge_agent.model.accounts import RIGHTS, ROLES
from edge_agent.model.site import Console
from edge_agent.store.accounts import AccountStore
from edge_agent.store.text_file import read_text
from edge_agent.tables import read_toml

SECTION = """
# The guard's console: https://this-gateway:8443
[console]
listen = "0.0.0.0:8443"
language = "zh"
"""

PASSWORD_FILE = click.option(
    "--password-file", type=click.Path(path_type=Path, dir_okay=False), help="Its first line; else it is asked for."
)


@click.group("console")
def command() -> None:
    """The guard's console: certificate, users, tokens."""


@command.command("setup")
@CONFIG
@click.option("--host", "hosts", multiple=True, help="A name or address the browsers use; this machine's are known.")
@click.option("--renew", is_flag=True, help="Replace the certificate that is there.")
def setup(config: Path, hosts: tuple[str, ...], renew: bool) -> None:
    """Make the console's certificate and, where it is missing, the section [console] of agent.toml."""
    from edge_agent.cli.console_certificate import make, names_of_this_machine

    data = read_toml(config)[0] if config.exists() else None  # one that cannot be read is told before anything is made
    cert, key = (config.parent / name for name in (Console().cert, Console().key))
    if cert.exists() and not renew:
        tell("console.setup_exists", file=cert)
    else:
        names = (*dict.fromkeys((*hosts, *names_of_this_machine())),)
        print_ = make(cert, key, names)
        tell("console.setup_done", names=", ".join(names), file=cert, print=print_)
    if data is not None and "console" not in data:
        with config.open("a", encoding="utf-8") as file:
            file.write(SECTION)
        tell("console.setup_section", file=config)


@command.group("user")
def user() -> None:
    """Who may sign in."""


@user.command("add")
@CONFIG
@STATE
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES))
@PASSWORD_FILE
def add(config: Path, state: Path | None, name: str, role: str, password_file: Path | None) -> None:
    """Add user NAME; the password is asked for."""
    with _accounts(config, state) as accounts:
        accounts.add_user(name, role, _password(password_file), _now_ms())
    tell("console.user_added", name=name, role=role)


@user.command("password")
@CONFIG
@STATE
@click.argument("name")
@PASSWORD_FILE
def password(config: Path, state: Path | None, name: str, password_file: Path | None) -> None:
    """Set NAME's password anew; ends their sessions."""
    with _accounts(config, state) as accounts:
        accounts.set_password(name, _password(password_file))
    tell("console.user_changed", name=name)


@user.command("totp")
@CONFIG
@STATE
@click.argument("name")
@click.option("--off", is_flag=True, help="No code from now on.")
def totp(config: Path, state: Path | None, name: str, off: bool) -> None:
    """Let NAME also give a code from an authenticator app (RFC 6238)."""
    secret = None if off else secrets.token_bytes(20)
    with _accounts(config, state) as accounts:
        accounts.set_totp(name, secret)
    if secret is None:
        tell("console.user_changed", name=name)
        return
    text, gateway = base64.b32encode(secret).decode(), load_config(config).gateway.id
    url = f"otpauth://totp/{quote(gateway)}:{quote(name)}?secret={text}&issuer={quote(gateway)}"
    tell("console.totp_set", name=name, secret=text, url=url)


@user.command("disable")
@CONFIG
@STATE
@click.argument("name")
@click.option("--undo", is_flag=True, help="May sign in again.")
def disable(config: Path, state: Path | None, name: str, undo: bool) -> None:
    """NAME may not sign in any more; their sessions end."""
    with _accounts(config, state) as accounts:
        accounts.enable(name, undo)
    tell("console.user_changed", name=name)


@user.command("remove")
@CONFIG
@STATE
@click.argument("name")
def remove(config: Path, state: Path | None, name: str) -> None:
    """Remove user NAME."""
    with _accounts(config, state) as accounts:
        accounts.remove_user(name)
    tell("console.user_removed", name=name)


@user.command("list")
@CONFIG
@STATE
def list_(config: Path, state: Path | None) -> None:
    """Name, role, TOTP, may sign in."""
    with _accounts(config, state) as accounts:
        for one in accounts.users():
            click.echo(f"{one.name}\t{one.role}\t{'totp' if one.totp else '-'}\t{'yes' if one.enabled else 'no'}")


@command.group("token")
def token() -> None:
    """Integrations that use the JSON API."""


@token.command("add")
@CONFIG
@STATE
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(RIGHTS), help="Give it several times."
)
@click.option("--days", type=click.IntRange(1, 3650), help="Ends by itself after so many days.")
def token_add(config: Path, state: Path | None, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a token for integration NAME; it is shown once."""
    now_ms = _now_ms()
    with _accounts(config, state) as accounts:
        secret = accounts.add_token(name, scopes, now_ms, None if days is None else now_ms + days * 86_400_000)
    tell("console.token_added", name=name, secret=secret)


@token.command("remove")
@CONFIG
@STATE
@click.argument("name")
def token_remove(config: Path, state: Path | None, name: str) -> None:
    """NAME's token opens nothing any more."""
    with _accounts(config, state) as accounts:
        accounts.remove_token(name)
    tell("console.token_removed", name=name)


@token.command("list")
@CONFIG
@STATE
def token_list(config: Path, state: Path | None) -> None:
    """Names and scopes; never the tokens."""
    with _accounts(config, state) as accounts:
        for one in accounts.tokens():
            click.echo(f"{one.name}\t{' '.join(one.scopes)}")


def _accounts(config: Path, state: Path | None) -> closing[AccountStore]:
    return closing(AccountStore(state_directory(config, state) / "console.db"))


def _password(file: Path | None) -> str:
    """Out of a file for set-up by script, else typed twice; never an argument, which others could read."""
    if file is not None:
        return (read_text(file)[0].splitlines() or [""])[0]
    first: str = click.prompt(words("console.password"), hide_input=True)
    if click.prompt(words("console.password"), hide_input=True) != first:
        raise EdgeAgentError("console.password_again")
    return first


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
