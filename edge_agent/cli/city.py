"""`edge-agent city`: the city's side, for a pilot and for the demo: workers, command desk, and looking at both."""

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from edge_agent import log
from edge_agent.city.command import CommandDesk
from edge_agent.city.home_assistant import HomeAssistant
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.reading import CityReader
from edge_agent.city.reception import GROUP, REGION
from edge_agent.city.store import CityStore
from edge_agent.cli.city_look import export, gateways, verify_
from edge_agent.cli.city_options import DATABASE, FOLDER, address, broker_options, place
from edge_agent.cli.city_watch import watch
from edge_agent.cli.city_workers import run_workers, until_parent_ends
from edge_agent.cli.options import make_folder
from edge_agent.cli.speech import tell
from edge_agent.contract.signatures import load_private
from edge_agent.errors import EdgeAgentError


@click.group("city")
def command() -> None:
    """The city's side of the contract."""


for look in (gateways, verify_, export, watch):
    command.add_command(look)


@command.command("run")
@FOLDER
@DATABASE
@broker_options
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share the work."
)
@click.option("--worker", "name", default="1", show_default=True, help="This worker's name; differs on one broker.")
@click.option("--group", default=GROUP, show_default=True, help="Whom to share with; see docs/brokers for its secrecy.")
@click.option("--region", default=REGION, show_default=True, help="Whose STATE this is; [uplink] region of gateways.")
@click.option("--child", is_flag=True, hidden=True)
def run(
    folder: Path,
    database: str | None,
    workers: int,
    name: str,
    group: str,
    region: str,
    child: bool,
    **broker: Any,
) -> None:
    """Store what the gateways publish, and acknowledge what is stored."""
    log.configure(program="city" if workers == 1 and name == "1" else f"city-{name}")
    where = address(**broker)
    make_folder(folder)
    if workers > 1:
        asyncio.run(run_workers(sys.argv[1:], workers, name))
        return
    store = CityStore(place(folder, database))
    try:
        ack_key = load_private(folder / "keys/city-ack.key")
        worker = IngestWorker(where, store, ack_key, folder / "gateways", f"city-ingest-{name}", group, region)
        asyncio.run(_until_told(worker, child))
    finally:
        store.close()


@command.command("home-assistant")
@FOLDER
@DATABASE
@broker_options
def home_assistant(folder: Path, database: str | None, **broker: Any) -> None:
    """Show gateways and doors in Home Assistant: read-only, by MQTT discovery, on a broker that is not the city's."""
    log.configure(program="home-assistant")
    reader = CityReader(place(folder, database))
    try:
        asyncio.run(_until_told(HomeAssistant(address(**broker), reader), False))
    finally:
        reader.close()


async def _until_told(worker: IngestWorker | HomeAssistant, child: bool) -> None:
    job = asyncio.ensure_future(worker.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, job.cancel)
    if child:
        until_parent_ends(job.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await job


ISSUER = click.option("--issuer", required=True, help="Who gives the command; stands in the gateway's journal.")
WAIT = click.option("--wait", "wait_s", default=10.0, show_default=True, help="Seconds to wait for the answer.")


@command.command("open")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@WAIT
@click.argument("gateway")
@click.argument("door")
def open_(
    folder: Path, database: str | None, issuer: str, wait_s: float, gateway: str, door: str, **broker: Any
) -> None:
    """Open DOOR of GATEWAY once, with a command signed by the city's command key."""
    _order(folder, database, issuer, wait_s, gateway, "open", door, {}, broker)


@command.command("send")
@FOLDER
@DATABASE
@broker_options
@ISSUER
@WAIT
@click.option("--door", help="The door it is about, for the verbs that are about one.")
@click.option("--args", "arguments", default="{}", show_default=True, help="A JSON object: what the verb needs beside.")
@click.argument("gateway")
@click.argument("verb")
def send(
    folder: Path,
    database: str | None,
    issuer: str,
    wait_s: float,
    door: str | None,
    arguments: str,
    gateway: str,
    verb: str,
    **broker: Any,
) -> None:
    """Send GATEWAY the signed command VERB, and show what it answers."""
    try:
        args = msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise EdgeAgentError("city.bad_args", why=error) from None
    _order(folder, database, issuer, wait_s, gateway, verb, door, args, broker)


def _order(
    folder: Path,
    database: str | None,
    issuer: str,
    wait_s: float,
    gateway: str,
    verb: str,
    door: str | None,
    args: dict[str, Any],
    broker: dict[str, Any],
) -> None:
    store = CityStore(place(folder, database))
    try:
        key = load_private(folder / "keys/city-command.key")
        desk = CommandDesk(store, address(**broker), key, issuer)
        good = asyncio.run(_send(desk, gateway, verb, door, args, wait_s))
    finally:
        store.close()
    if not good:
        raise SystemExit(1)


async def _send(
    desk: CommandDesk, gateway: str, verb: str, door: str | None, args: dict[str, Any], wait_s: float
) -> bool:
    order = desk.make(gateway, verb, door, args)
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
