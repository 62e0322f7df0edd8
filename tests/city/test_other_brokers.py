"""docs/brokers/nats.conf and rabbitmq.conf as they are published, where these brokers are installed: real certificates,
events stored and acknowledged, and everybody kept to their own topics.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from edge_agent.city.broker import BrokerAddress, CityConnection
from edge_agent.city.ingest import IngestWorker
from edge_agent.contract import topics
from edge_agent.errors import UplinkError
from edge_agent.model import site
from edge_agent.sim.broker import free_port
from tests.city.test_brokers import BROKERS, OTHER, Published, client
from tests.uplink.rig import GATEWAY, beat, birth, city_in, rows, running, uplink_for
from tests.uplink.test_uplink_tls import Authority
from tests.waiting import auntil, until

NATS = shutil.which("nats-server")
RABBITMQ = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin")  # the one in the path changes the user
STARTS_S = 60.0


def started(arguments: Sequence[str | Path], folder: Path, ready: Callable[[str], bool], **env: str) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, stdout=output, stderr=output, env={**os.environ, **env}, start_new_session=True
        )
    try:
        until(lambda: ready(log.read_text("utf-8", "replace")) or process.poll() is not None, STARTS_S)
        assert process.poll() is None, log.read_text("utf-8", "replace")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


@contextlib.contextmanager
def nats(folder: Path, port: int) -> Iterator[None]:
    text = (BROKERS / "nats.conf").read_text().replace("/etc/nats/", f"{folder}/")
    text = text.replace("/var/lib/nats", f"{folder}/store").replace("port: 8883", f'host: "127.0.0.1", port: {port}')
    user = re.search(r".*CN=G0417.*\n", text)
    assert user is not None  # an entry for each gateway
    text = text.replace(user[0], user[0] + user[0].replace(GATEWAY, OTHER))
    (folder / "nats.conf").write_text(text)
    assert NATS is not None
    arguments = [NATS, "-c", folder / "nats.conf", "-a", "127.0.0.1", "-p", str(free_port())]
    yield from started(arguments, folder, lambda log: "Server is ready" in log)


@contextlib.contextmanager
def rabbitmq(folder: Path, port: int) -> Iterator[None]:
    for name in ("rabbitmq.conf", "rabbitmq.json"):
        text = (BROKERS / name).read_text().replace("/etc/rabbitmq/", f"{folder}/")
        (folder / name).write_text(text.replace("ssl.default = 8883", f"ssl.default = 127.0.0.1:{port}"))
    definitions = json.loads((folder / "rabbitmq.json").read_text())
    for entries, key in (("users", "name"), ("permissions", "user"), ("topic_permissions", "user")):
        own = next(entry for entry in definitions[entries] if entry[key] == GATEWAY)  # an entry for each gateway
        definitions[entries].append(json.loads(json.dumps(own).replace(GATEWAY, OTHER)))
    (folder / "rabbitmq.json").write_text(json.dumps(definitions))
    (folder / "plugins").write_text("[rabbitmq_mqtt].")
    names = str(free_port())
    env = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": names,
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "city@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "store"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": "-",
    }
    assert RABBITMQ is not None
    with subprocess.Popen(["epmd", "-port", names, "-address", "127.0.0.1"]) as epmd:
        try:
            yield from started([RABBITMQ], folder, lambda log: "Server startup complete" in log, **env)
        finally:
            epmd.kill()


BROKER_OF = {"nats": nats, "rabbitmq": rabbitmq}
KINDS = [
    pytest.param("nats", marks=pytest.mark.skipif(NATS is None, reason="nats-server is not installed")),
    pytest.param("rabbitmq", marks=pytest.mark.skipif(RABBITMQ is None, reason="rabbitmq-server is not installed")),
]
each = pytest.mark.parametrize("kind", KINDS)


class Older(Published):
    """One listener for gateways and city, MQTT 3.1.1."""

    def address(self, name: str, url: str = "") -> BrokerAddress:
        return msgspec.structs.replace(super().address(name, url), mqtt="3.1.1")


@contextlib.contextmanager
def published(folder: Path, kind: str) -> Iterator[Older]:
    (folder / "certs").mkdir()
    authority = Authority(folder / "certs", "ca")
    authority.issue("broker")
    port = free_port()
    with BROKER_OF[kind](folder, port):
        url = f"mqtts://127.0.0.1:{port}"
        yield Older(authority, folder, url, url)


@each
def test_events_are_stored_and_acknowledged(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        worker = IngestWorker(there.address("city-worker"), city.store, city.ack, city.gateways)
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            here = there.address(GATEWAY)
            tls = site.UplinkTls(ca=str(here.ca), cert=str(here.cert), key=str(here.key))
            uplink, reports = uplink_for(city, here.url, "3.1.1", tls=tls)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                await uplink.birth(birth(20))
                await asyncio.gather(*(uplink.publish(row, False) for row in rows(20)))
                async with asyncio.timeout(10):
                    while (await uplink.ack()).upto < 20:
                        pass
                assert not reports
            assert worker.stored == 20
            assert worker.refused == 0

    with published(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@each
def test_everybody_is_kept_to_their_own_topics(tmp_path: Path, kind: str) -> None:
    """A gateway writes no other's events and no commands, and hears no other's; worker and desk swap no work."""

    async def scene() -> None:
        mine, other = topics.down(GATEWAY, "cmd"), topics.down(OTHER, "cmd")
        async with (
            client(there.address("city-worker"), "city-ingest-1", topics.up("+", "evt")) as (_, stored),
            client(there.address("city-desk"), "city-desk-1") as (desk, _),
            client(there.address(GATEWAY), GATEWAY, mine) as (_, own),
        ):
            for topic in (mine, other):
                await tries(there.address(OTHER), OTHER, topic)
            for wrong in ("#", mine, "$MQTT/sub/#"):
                async with client(there.address(OTHER), OTHER, wrong) as (_, overheard):
                    sent = len(own) + 1
                    await desk.publish(mine, b'{"of":"desk"}', 30)
                    await auntil(lambda sent=sent: len(own) == sent)  # type: ignore[misc]
                    assert not overheard
            async with client(there.address(OTHER), OTHER, other) as (_, heard):
                await desk.publish(other, b'{"of":"desk"}', 30)
                await auntil(lambda: heard)
            assert {message.payload for message in [*heard, *own]} == {b'{"of":"desk"}'}
            await tries(there.address("city-worker"), "city-ingest-2", mine)
            await tries(there.address("city-desk"), "city-desk-2", topics.down(GATEWAY, "ack"))
            for topic in (topics.up(GATEWAY, "evt"), topics.down(GATEWAY, "ack"), "other", topics.up(OTHER, "evt")):
                await tries(there.address(OTHER), OTHER, topic)
            await auntil(lambda: stored)
            assert [message.topic for message in stored] == [topics.up(OTHER, "evt")]
            assert len(own) == 3

    with published(tmp_path, kind) as there:
        asyncio.run(scene())


async def tries(address: BrokerAddress, name: str, topic: str) -> None:
    """Publish to `topic` on a connection of its own: what is denied may end it."""
    connection = CityConnection(address, name, lambda _: None)
    await connection.open()
    with contextlib.suppress(UplinkError, TimeoutError):
        async with asyncio.timeout(1):
            await connection.publish(topic, b'{"of":"me"}', None)
    await connection.close()


@each
def test_who_does_not_show_the_right_certificate_stays_outside(tmp_path: Path, kind: str) -> None:
    """Without encryption, without a certificate, with one of another authority: no connection."""

    async def scene() -> None:
        right = there.address(GATEWAY)
        wrong = [
            BrokerAddress(there.gateways.replace("mqtts:", "mqtt:"), mqtt="3.1.1"),
            msgspec.structs.replace(right, cert=None, key=None),
            msgspec.structs.replace(right, cert=str(stranger), key=str(stranger.with_suffix(".key"))),
        ]
        for address in wrong:
            connection = CityConnection(address, GATEWAY, lambda _: None)
            with pytest.raises(UplinkError):
                await connection.open()
            await connection.close()
        async with client(right, GATEWAY):  # and with it there is one
            pass

    (tmp_path / "x").mkdir()
    stranger = Authority(tmp_path / "x", "x").issue(GATEWAY)
    with published(tmp_path, kind) as there:
        asyncio.run(scene())
