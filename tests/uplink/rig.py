"""A gateway's uplink, a broker and the city's worker, all real, on loopback; and journal rows to send."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.store import CityStore
from edge_agent.contract.commanders import Keyring
from edge_agent.contract.envelope import chain_hash, genesis
from edge_agent.contract.signatures import PrivateKey, new_key, save_public
from edge_agent.errors import UplinkError
from edge_agent.model import site
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import DoorOpened, Event, Row, encode_event
from edge_agent.ports import Birth
from edge_agent.sim.broker import RunningBroker, find_mosquitto, free_port, start_broker
from edge_agent.uplink.city import Keys, MqttUplink

GATEWAY = "G0417"
SOURCE = f"urn:sc:gw:{GATEWAY}"
EPOCH = "7c1f" * 8
BOOT = "ab" * 16

needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
both_brokers = pytest.mark.parametrize("kind", [pytest.param("mosquitto", marks=needs_mosquitto), "embedded"])


class BenchClock:
    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None:
        """These clocks have no floor."""

    def now(self) -> Moment:
        wall_ms = time.time_ns() // 1_000_000
        return Moment(wall_ms, time.monotonic_ns() // 1_000_000, BOOT, ClockState.SYNCED, 10)


def rows(count: int, first: int = 1, event: Event | None = None) -> list[Row]:
    """A journal of `count` rows, properly chained."""
    made: list[Row] = []
    prev, moment = genesis(EPOCH), BenchClock().now()
    for seq in range(1, first + count):
        body = encode_event(event or DoorOpened(door=f"door-{seq}"))
        own = chain_hash(prev, body, seq)
        kind = event or DoorOpened
        row = Row(seq, EPOCH, kind.tag, body, moment.wall_ms, "synced", 10, BOOT, moment.up_ms, prev, own)
        prev = own
        if seq >= first:
            made.append(row)
    return made


def birth(last: int = 0) -> Birth:
    return Birth(epoch=EPOCH, first=1, last=last, acked=0, credentials="c1", doors=("north-gate",))


def broker_at_free_port(folder: Path, kind: str, **options: Any) -> RunningBroker:
    """Between finding a free port and using it somebody else may take it: then another one."""
    for attempt in range(5):
        try:
            return start_broker(folder / f"broker-{attempt}", free_port(), kind, **options)  # type: ignore[arg-type]
        except UplinkError:
            if attempt == 4:
                raise
    raise AssertionError("not reached")


@contextlib.contextmanager
def broker(folder: Path, kind: str, **options: Any) -> Iterator[RunningBroker]:
    running = broker_at_free_port(folder, kind, **options)
    try:
        yield running
    finally:
        running.kill()


class City:
    """The city's keys and its idea of which gateways there are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ack, self.command, self.gateway_key = new_key(), new_key(), new_key()
        self.gateways = folder / "gateways"
        self.gateways.mkdir(parents=True)
        save_public(self.gateways / f"{GATEWAY}.pub", self.gateway_key.public_key())
        self.store = CityStore(folder / "city.db")

    def keys(self, signing: PrivateKey | None = None) -> Keys:
        return Keys(signing or self.gateway_key, self.ack.public_key(), Keyring.of(self.command.public_key()))

    def close(self) -> None:
        self.store.close()


def uplink_for(
    city: City, url: str, version: Literal[5, "3.1.1"], *, signing: PrivateKey | None = None, **settings: Any
) -> tuple[MqttUplink, list[tuple[str, str]]]:
    """An uplink, and the list of what it reports."""
    reports: list[tuple[str, str]] = []
    uplink = MqttUplink(
        GATEWAY,
        site.Uplink(url=url, mqtt=version, **settings),
        city.folder,
        city.keys(signing),
        BenchClock(),
        agent="0.1.0",
        config="cfg",
        report=lambda what, detail: reports.append((what, detail)),
        chance=random.Random(1),
    )
    return uplink, reports


@contextlib.asynccontextmanager
async def running(*jobs: Any) -> AsyncIterator[None]:
    """The jobs, for as long as the block lasts; one that fails fails the test."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [result for result in results if isinstance(result, Exception)]
        if failures:
            raise failures[0]


def beat() -> None:
    return


def worker_for(city: City, broker_running: RunningBroker, **login: Any) -> IngestWorker:
    address = BrokerAddress(broker_running.url, broker_running.mqtt, **login)
    return IngestWorker(address, city.store, city.ack, city.gateways)


@contextlib.contextmanager
def bystander(url: str, client_id: str = "bystander", **login: str) -> Iterator[mqtt.Client]:
    """Another client of the broker, whoever it may be; 3.1.1, paho's own thread."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv311)
    if login:
        client.username_pw_set(login["username"], login["password"])
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client.connect(host, int(port))
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
        client.__del__()  # its sockets, which it leaves to the garbage collector


@contextlib.contextmanager
def city_in(folder: Path) -> Iterator[City]:
    city = City(folder / "city")
    try:
        yield city
    finally:
        city.close()
