"""Options of `edge-agent city`: where the city's files, its database and its broker are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from edge_agent.city.broker import BrokerAddress, usable
from edge_agent.city.database import POSTGRES
from edge_agent.errors import UplinkError

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("city"),
    show_default=True,
    help="keys/ (edge-agent keys init --city), gateways/<id>.pub and city.db are here.",
)
DATABASE = click.option(
    "--db",
    "database",
    envvar="EDGE_AGENT_CITY_DB",
    help="postgresql://… or a file (default: city.db in the folder). With a password: in EDGE_AGENT_CITY_DB instead.",
)
_BROKER = (
    click.option("--broker", required=True, help="mqtt://host:1883 or mqtts://host:8883"),
    click.option("--mqtt", "version", type=click.Choice(["5", "3.1.1"]), default="5", show_default=True),
    click.option("--username"),
    click.option("--password-file", type=click.Path(path_type=Path, dir_okay=False)),
    click.option("--ca", type=click.Path(dir_okay=False), help="The broker's authority (default: the system's)."),
    click.option("--cert", type=click.Path(dir_okay=False), help="Our certificate, for a broker that asks for one."),
    click.option("--key", type=click.Path(dir_okay=False), help="The certificate's key."),
)
BROKER_NAMES = ("broker", "version", "username", "password_file", "ca", "cert", "key")


def broker_options(function: F) -> F:
    for option in reversed(_BROKER):
        function = option(function)
    return function


def address(
    broker: str,
    version: str,
    username: str | None,
    password_file: Path | None,
    ca: str | None,
    cert: str | None,
    key: str | None,
) -> BrokerAddress:
    """Raises UplinkError when the address or the password file cannot be used."""
    if not usable(broker):
        raise UplinkError("uplink.url", url=broker)
    mqtt: Literal[5, "3.1.1"] = 5 if version == "5" else "3.1.1"
    try:
        password = password_file.read_text("utf-8-sig").strip() if password_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise UplinkError("uplink.file", path=password_file, why=error) from None
    return BrokerAddress(broker, mqtt, username, password, ca, cert, key)


def place(folder: Path, database: str | None) -> Path | str:
    """What CityStore and CityReader open."""
    if database is None:
        return folder / "city.db"
    return database if database.startswith(POSTGRES) else Path(database)
