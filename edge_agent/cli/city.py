"""`edge-agent city`: the city's side, for a pilot and for the demo: ingest worker and command desk."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path
from typing import Literal

import click

from edge_agent import log
from edge_agent.city.broker import BrokerAddress, usable
from edge_agent.city.command import CommandDesk
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.store import CityStore
from edge_agent.cli.options import make_folder
from edge_agent.cli.speech import tell
from edge_agent.contract.signatures import load_private
from edge_agent.errors import UplinkError

FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("city"),
    show_default=True,
    help="keys/ (edge-agent keys init --city), gateways/<id>.pub and city.db are here.",
)
BROKER = click.option("--broker", required=True, help="mqtt://host:1883 or mqtts://host:8883")
MQTT = click.option("--mqtt", "version", type=click.Choice(["5", "3.1.1"]), default="5", show_default=True)
USER = click.option("--username")
PASSWORD = click.option("--password-file", type=click.Path(path_type=Path, dir_okay=False))


@click.group("city")
def command() -> None:
    """The city's side of the contract."""


def _address(broker: str, version: str, username: str | None, password_file: Path | None) -> BrokerAddress:
    if not usable(broker):
        raise UplinkError("uplink.url", url=broker)
    mqtt: Literal[5, "3.1.1"] = 5 if version == "5" else "3.1.1"
    try:
        password = password_file.read_text("utf-8").strip() if password_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise UplinkError("uplink.file", path=password_file, why=error) from None
    return BrokerAddress(broker, mqtt, username, password)


@command.command("run")
@FOLDER
@BROKER
@MQTT
@USER
@PASSWORD
def run(folder: Path, broker: str, version: str, username: str | None, password_file: Path | None) -> None:
    """Store what the gateways publish, and acknowledge what is stored."""
    log.configure(program="city")
    address = _address(broker, version, username, password_file)
    make_folder(folder)
    store = CityStore(folder / "city.db")
    try:
        worker = IngestWorker(address, store, load_private(folder / "keys/city-ack.key"), folder / "gateways")
        asyncio.run(_until_told(worker))
    finally:
        store.close()


async def _until_told(worker: IngestWorker) -> None:
    job = asyncio.ensure_future(worker.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, job.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await job


@command.command("open")
@FOLDER
@BROKER
@MQTT
@USER
@PASSWORD
@click.option("--issuer", required=True, help="Who gives the command; stands in the gateway's journal.")
@click.option("--wait", "wait_s", default=10.0, show_default=True, help="Seconds to wait for the answer.")
@click.argument("gateway")
@click.argument("door")
def open_(
    folder: Path,
    broker: str,
    version: str,
    username: str | None,
    password_file: Path | None,
    issuer: str,
    wait_s: float,
    gateway: str,
    door: str,
) -> None:
    """Open DOOR of GATEWAY once, with a command signed by the city's command key."""
    store = CityStore(folder / "city.db")
    try:
        key = load_private(folder / "keys/city-command.key")
        desk = CommandDesk(store, _address(broker, version, username, password_file), key, issuer)
        good = asyncio.run(_send(desk, gateway, door, wait_s))
    finally:
        store.close()
    if not good:
        raise SystemExit(1)


async def _send(desk: CommandDesk, gateway: str, door: str, wait_s: float) -> bool:
    order = desk.make(gateway, "open", door)
    started = time.monotonic()
    await desk.send(order)
    tell("cli.command_sent", id=order.id)
    answer = await desk.result(order, wait_s)
    if answer is None:
        tell("cli.command_silent", s=wait_s)
        return False
    tag, data = answer
    reason = f" ({data['reason']})" if "reason" in data else ""
    tell("cli.command_done", tag=f"{tag}{reason}", ms=round((time.monotonic() - started) * 1000))
    return tag == "command.completed"
