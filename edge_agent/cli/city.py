"""`edge-agent city`: the city's side, for a pilot and for the demo: workers, command desk, and looking at both."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

import click

from edge_agent import log
from edge_agent.city.home_assistant import HomeAssistant
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.reading import CityReader
from edge_agent.city.reception import GROUP, REGION
from edge_agent.city.store import CityStore
from edge_agent.cli.city_look import export, gateways, verify_
from edge_agent.cli.city_options import DATABASE, FOLDER, address, broker_options, place
from edge_agent.cli.city_orders import certify, configure, open_, people, send
from edge_agent.cli.city_watch import watch
from edge_agent.cli.city_workers import run_workers, until_parent_ends
from edge_agent.cli.options import make_folder
from edge_agent.contract.signatures import load_private


@click.group("city")
def command() -> None:
    """The city's side of the contract."""


for each in (open_, send, people, configure, certify, gateways, verify_, export, watch):
    command.add_command(each)


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
