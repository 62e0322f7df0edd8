"""The way to the city: how soon an event is stored, how fast a backlog drains, what it costs, beside bare paho.

Gateway (journal on the disk, sender, connection), Mosquitto and the city's worker with SQLite are real; gateway and
worker are processes of their own. `stored` is when the city's signed acknowledgement has reached the gateway: the
gateway's own clock for both ends. The peer is a paho loop with the same window (32 un-PUBACKed publishes at QoS 1, the
same payload), which keeps nothing and waits for no city: what the broker and Python allow at best.

    python bench/uplink.py [--backlog N] [directory on the disk to be measured]
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import platform
import random
import tempfile
import threading
import time
from pathlib import Path

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.card import percentile
from bench.journal import event, written
from edge_agent.city.broker import BrokerAddress
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.store import CityStore
from edge_agent.contract.envelope import write_envelope
from edge_agent.contract.signatures import load_private, new_key, save_private, save_public
from edge_agent.drivers.clock import SystemClock
from edge_agent.drivers.machine import rss
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.publish import Publisher
from edge_agent.model import site
from edge_agent.model.events import Row, encode_event
from edge_agent.ports import Clock
from edge_agent.sim.broker import RunningBroker, find_mosquitto, free_port, start_broker
from edge_agent.store import chain, database
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.ledger import appending
from edge_agent.store.schema import JOURNAL
from edge_agent.store.writer import Writer
from edge_agent.uplink.city import Keys, MqttUplink
from tests.flows.world import MemoryBooks

GATEWAY = "G0417"
RATES = ((1, 15), (100, 1_000), (1000, 8_000))
PEER = 20_000


def nothing() -> None:
    return


def work(url: str, folder: Path) -> None:
    """The city's ingest worker, in a process of its own."""
    store = CityStore(folder / "city.db")
    worker = IngestWorker(BrokerAddress(url, 5), store, load_private(folder / "city-ack.key"), folder / "gateways")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(worker.run())


class Gateway:
    def __init__(self, folder: Path, url: str, journal: Path) -> None:
        self.clock: Clock = SystemClock()
        self.writer = Writer()
        self.journal = SqliteJournal(journal, self.clock, self.writer)
        ack = load_private(folder / "city-ack.key").public_key()
        keys = Keys(load_private(folder / "gateway.key"), ack, new_key().public_key())
        self.uplink = MqttUplink(GATEWAY, site.Uplink(url=url), folder, keys, self.clock, agent="bench", config="")
        self.publisher = Publisher(
            self.uplink, self.journal, MemoryBooks(), self.clock, Alarms(self.journal, self.clock), (), "city",
            random.Random(1),
        )  # fmt: skip
        self.stored_at: dict[int, float] = {}

    async def __aenter__(self) -> "Gateway":
        self.journal.tend(lambda seq, hash_, pruned: b"{}")
        jobs = (self.uplink.run(nothing), self.publisher.run(nothing), self._watch())
        self.jobs = [asyncio.create_task(job) for job in jobs]
        return self

    async def __aexit__(self, *_: object) -> None:
        for job in self.jobs:
            job.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)
        await self.journal.close()
        self.writer.close()

    def holds(self, seq: int) -> bool:
        """The city has said so: land or island."""
        return seq <= self.publisher.outbox.acked or self.publisher.outbox._holds(seq)

    async def _watch(self) -> None:
        """When each row of `awaited` was confirmed, seen within a millisecond or two."""
        self.awaited: list[int] = []
        while True:
            now = time.perf_counter()
            left = []
            for seq in self.awaited:
                if self.holds(seq):
                    self.stored_at[seq] = now
                else:
                    left.append(seq)
            self.awaited = left
            await asyncio.sleep(0.001)


async def latency(gateway: Gateway, rate: int, count: int, every: int = 1) -> tuple[list[float], int]:
    """ms from the commit to the confirmation, at `rate` events a second; and how many came."""
    accepted: dict[int, float] = {}
    began = time.perf_counter()
    for n in range(count):
        if (wait := began + n / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        recording = gateway.journal.record(event(n))
        if n % every == 0:
            row = await recording.committed()
            assert row is not None
            accepted[row.seq] = time.perf_counter()
            gateway.awaited.append(row.seq)
    deadline = time.monotonic() + 60
    while gateway.awaited and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    waits = [(gateway.stored_at[seq] - at) * 1000 for seq, at in accepted.items() if seq in gateway.stored_at]
    return waits, len(accepted) - len(waits)


async def rates(folder: Path, url: str) -> None:
    print(f"{'accepted → stored by the city':32}{'p50':>10}{'p99':>10}{'n':>8}{'missed':>8}{'device bytes':>14}")
    async with Gateway(folder, url, folder / "live.db") as gateway:
        await gateway.uplink.connected()
        await latency(gateway, 50, 50)
        for rate, count in RATES:
            before = written()
            waits, missed = await latency(gateway, rate, count, max(1, rate // 200))
            each = (written() - before) / count
            label = f"{rate} events/s"
            print(f"  {label:30}{percentile(waits, 50):7.1f} ms{percentile(waits, 99):7.1f} ms", end="")
            print(f"{len(waits):8}{missed:8}{each / 1000:11.1f} kB")
    print("  device bytes: all this process wrote while measuring, the reserve's growth and the cursor in it")


def fill(path: Path, count: int) -> None:
    """A journal of `count` events nobody has got, of an earlier boot."""
    connection = database.open_file(path, JOURNAL).connection
    connection.execute("PRAGMA synchronous = OFF")
    epoch = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
    body, prev, at = encode_event(event(1)), chain.genesis(epoch), SystemClock().now()
    for first in range(1, count + 1, 1000):
        values: list[object] = []
        for seq in range(first, min(first + 1000, count + 1)):
            own = chain.link(prev, body, seq)
            values += (seq, "access.granted", 0, body, at.wall_ms, "synced", 5, "ab" * 16, 1, prev, own)
            prev = own
        connection.execute(appending(len(values) // 11), values)
    connection.close()


async def drain(folder: Path, url: str, count: int, peer: float, limit_s: float) -> None:
    path = folder / "backlog.db"
    await asyncio.to_thread(fill, path, count)
    async with Gateway(folder, url, path) as gateway:
        await gateway.uplink.connected()
        while gateway.journal.acked == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        began, first, most = time.perf_counter(), gateway.journal.acked, rss()
        waits: list[float] = []
        while gateway.journal.acked < count and time.perf_counter() - began < limit_s:
            found, _ = await latency(gateway, 10, 20)
            waits += found
            most = max(most, rss())
        took, done = time.perf_counter() - began, min(gateway.journal.acked, count) - first
    print(f"\nbacklog of {count} rows: {done} in {took:.1f} s, {done / took:.0f} events/s", end="; ")
    print(f"bare paho in this run {peer:.0f}/s, ratio {done / took / peer:.2f} (aim 0.5)")
    print(f"  memory at most {most / 1e6:.0f} MB (aim 128)", end="; ")
    print(f"live events meanwhile p50 {percentile(waits, 50):.0f} ms, p99 {percentile(waits, 99):.0f} ms", end=", ")
    print(f"longest {max(waits):.0f} ms, n = {len(waits)} (aim 2000)")


def bare_paho(url: str, count: int) -> float:
    """QoS 1, at most 32 on their way, paho's own thread; publishes a second."""
    at = SystemClock().now()
    body = encode_event(event(1))
    row = Row(1, "ab" * 16, "access.granted", body, at.wall_ms, "synced", 5, "ab" * 16, at.up_ms, bytes(32), bytes(32))
    payload = write_envelope(row, GATEWAY, True)
    window, done = threading.Semaphore(32), threading.Event()
    arrived = 0

    def published(*_: object) -> None:
        nonlocal arrived
        arrived += 1
        window.release()
        if arrived == count:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "peer", protocol=mqtt.MQTTv5)
    client.on_publish = published
    client.max_inflight_messages_set(0)
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client.connect(host, int(port))
    client.loop_start()
    with subscriber(url):
        began = time.perf_counter()
        for _ in range(count):
            window.acquire()
            client.publish("peer/evt", payload, 1)
        done.wait(60)
        took = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return count / took


@contextlib.contextmanager
def subscriber(url: str):  # type: ignore[no-untyped-def]
    """Somebody takes them, in a process of its own, as the worker does."""
    process = multiprocessing.get_context("spawn").Process(target=listen, args=(url,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def listen(url: str) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "peer-listener", protocol=mqtt.MQTTv5)
    host, _, port = url.removeprefix("mqtt://").partition(":")
    client.on_connect = lambda *_: client.subscribe("peer/#", 1)
    client.connect(host, int(port))
    client.loop_forever()


@contextlib.contextmanager
def city(folder: Path, broker: RunningBroker):  # type: ignore[no-untyped-def]
    (folder / "gateways").mkdir(exist_ok=True)
    for name in ("city-ack", "gateway"):
        save_private(folder / f"{name}.key", new_key())
    save_public(folder / "gateways" / f"{GATEWAY}.pub", load_private(folder / "gateway.key").public_key())
    process = multiprocessing.get_context("spawn").Process(target=work, args=(broker.url, folder), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path)
    options.add_argument("--backlog", type=int, default=1_000_000)
    options.add_argument("--limit-s", type=float, default=900.0)
    given = options.parse_args()
    if find_mosquitto() is None:
        print("no Mosquitto here: nothing measured")
        return
    print(f"{platform.machine()}, Python {platform.python_version()}, Linux {platform.release()}\n")
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        broker = start_broker(folder / "broker", free_port(), "mosquitto")
        try:
            with city(folder, broker):
                asyncio.run(rates(folder, broker.url))
            peer = bare_paho(broker.url, PEER)
            other = folder / "backlog"
            other.mkdir()
            with city(other, broker):
                asyncio.run(drain(other, broker.url, given.backlog, peer, given.limit_s))
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
