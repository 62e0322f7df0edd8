"""docs/brokers/mosquitto.conf as it is published: who may do what, with real certificates on both listeners."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from edge_agent.city.broker import REFUSED, Arrived, BrokerAddress, CityConnection
from edge_agent.city.ingest import IngestWorker
from edge_agent.contract import topics
from edge_agent.contract.envelope import write_envelope
from edge_agent.errors import UplinkError
from edge_agent.sim.broker import find_mosquitto, free_port
from tests.uplink.rig import GATEWAY, City, broker, city_in, needs_mosquitto, rows, running
from tests.uplink.test_uplink_tls import Authority
from tests.waiting import auntil, until

BROKERS = Path(__file__).parents[2] / "docs/brokers"
OTHER = "G0418"

pytestmark = needs_mosquitto


class Published(msgspec.Struct):
    """The broker of the documents, on ports of its own: `gateways` and `city` are its two listeners."""

    authority: Authority
    folder: Path
    gateways: str
    city: str

    def address(self, name: str, url: str = "") -> BrokerAddress:
        certificate = self.folder / "certs" / f"{name}.pem"
        if not certificate.exists():
            self.authority.issue(name)
        authority, key = str(self.authority.ca), str(certificate.with_suffix(".key"))
        return BrokerAddress(url or self.gateways, ca=authority, cert=str(certificate), key=key)


@contextlib.contextmanager
def published(folder: Path) -> Iterator[Published]:
    (folder / "certs").mkdir()
    authority = Authority(folder / "certs", "ca")
    authority.issue("broker")
    for name in ("gateways.acl", "city.acl"):
        (folder / name).write_text((BROKERS / name).read_text())
        (folder / name).chmod(0o600)
    ports = free_port(), free_port()
    text = (BROKERS / "mosquitto.conf").read_text().replace("/etc/mosquitto/", f"{folder}/")
    for number, port in zip(("8883", "8884"), ports, strict=True):
        assert f"listener {number}\n" in text
        text = text.replace(f"listener {number}\n", f"listener {port} 127.0.0.1\n")
    (folder / "mosquitto.conf").write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen([str(find_mosquitto()), "-c", str(folder / "mosquitto.conf")], stderr=output)
    try:
        until(lambda: b"running" in (folder / "log").read_bytes() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield Published(authority, folder, *(f"mqtts://127.0.0.1:{port}" for port in ports))
    finally:
        process.kill()
        process.wait()


@contextlib.asynccontextmanager
async def client(
    address: BrokerAddress, name: str, *subscribe: str
) -> AsyncIterator[tuple[CityConnection, list[Arrived]]]:
    heard: list[Arrived] = []
    connection = CityConnection(address, name, heard.append)
    await connection.open()
    try:
        if subscribe:
            with contextlib.suppress(UplinkError):  # a refused subscription hears nothing, which is asserted
                await connection.subscribe(list(subscribe))
        yield connection, heard
    finally:
        await connection.close()


def worker_of(there: Published, city: City, url: str, group: str) -> IngestWorker:
    return IngestWorker(there.address("city-worker", url), city.store, city.ack, city.gateways, group, group)


def test_the_workers_key_works_and_only_where_it_should(tmp_path: Path) -> None:
    """Stored and acknowledged over certificates; on the gateways' listener the same certificate hears nothing.

    It would take its share of the events to nowhere if it knew the workers' group: Mosquitto 2.0 grants anybody any
    subscription and drops what the access list denies only when it delivers.
    """

    async def scene() -> None:
        worker = worker_of(there, city, there.city, "known-to-workers")
        misplaced = worker_of(there, city, there.gateways, "ingest")
        async with running(worker.run(), misplaced.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            async with client(there.address(GATEWAY), GATEWAY, topics.down(GATEWAY, "ack")) as (gateway, heard):
                for row in rows(20):
                    code = await gateway.publish(topics.up(GATEWAY, "evt"), write_envelope(row, GATEWAY, False), None)
                    assert code < REFUSED
                await auntil(lambda: heard and b'"upto":20' in heard[-1].payload)
            assert worker.stored == 20
            assert misplaced.stored == misplaced.refused == 0

    with published(tmp_path) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_a_gateway_is_kept_to_its_own_topics(tmp_path: Path) -> None:
    """It cannot write another's events nor its own commands, and hears no other's commands."""

    async def scene() -> None:
        commands = topics.down(OTHER, "cmd")
        async with (
            client(there.address(GATEWAY), GATEWAY, commands, topics.down("+", "cmd"), "#") as (one, overheard),
            client(there.address(OTHER), OTHER, commands) as (_, heard),
            client(there.address("city-worker", there.city), "w", "sc/1/up/#") as (_, stored),
            client(there.address("city-desk", there.city), "desk") as (desk, _),
        ):
            for topic in (topics.up(OTHER, "evt"), topics.down(GATEWAY, "cmd"), topics.down(OTHER, "ack"), "other"):
                assert await one.publish(topic, b"{}", None) >= REFUSED, topic
            assert await one.publish(topics.up(GATEWAY, "evt"), b"{}", None) < REFUSED
            assert await desk.publish(commands, b"{}", 30) < REFUSED
            await auntil(lambda: heard)
            await auntil(lambda: stored)
            assert await desk.publish(topics.down(GATEWAY, "cmd"), b"[]", 30) < REFUSED
            await auntil(lambda: overheard)  # it is through, so the other's would have been, too
            assert {message.topic for message in overheard} == {topics.down(GATEWAY, "cmd")}
            assert [message.topic for message in stored] == [topics.up(GATEWAY, "evt")]

    with published(tmp_path) as there:
        asyncio.run(scene())


def test_worker_and_desk_cannot_do_each_others_work(tmp_path: Path) -> None:
    """A stolen worker certificate commands nothing, a stolen desk certificate frees no event and reads none."""

    async def scene() -> None:
        async with (
            client(there.address("city-worker", there.city), "w", "sc/1/up/#") as (worker, stored),
            client(there.address("city-desk", there.city), "d", "sc/1/up/#") as (desk, read),
            client(there.address(GATEWAY), GATEWAY) as (gateway, _),
        ):
            assert await worker.publish(topics.down(GATEWAY, "cmd"), b"{}", 30) >= REFUSED
            assert await desk.publish(topics.down(GATEWAY, "ack"), b"{}", 30) >= REFUSED
            for kind in ("evt", "state"):
                assert await gateway.publish(topics.up(GATEWAY, kind), b"{}", None) < REFUSED
            await auntil(lambda: len(stored) == 2)
            await auntil(lambda: read)
            assert [message.topic for message in read] == [topics.up(GATEWAY, "state")]

    with published(tmp_path) as there:
        asyncio.run(scene())


def test_nobody_is_pushed_out_by_a_borrowed_name(tmp_path: Path) -> None:
    """A gateway that connects with another's client id gets its own; the other stays connected."""

    async def scene() -> None:
        async with (
            client(there.address(OTHER), OTHER, topics.down(OTHER, "cmd")) as (victim, heard),
            client(there.address(GATEWAY), OTHER),
            client(there.address("city-desk", there.city), "desk") as (desk, _),
        ):
            assert await desk.publish(topics.down(OTHER, "cmd"), b"{}", 30) < REFUSED
            await auntil(lambda: heard)
            assert not victim.ended.is_set()

    with published(tmp_path) as there:
        asyncio.run(scene())


@pytest.mark.parametrize("wrong", ["plain", "none", "stranger"])
def test_who_does_not_show_the_right_certificate_stays_outside(tmp_path: Path, wrong: str) -> None:
    """Without encryption, without a certificate, with one of another authority: no connection."""

    async def scene() -> None:
        address = there.address(GATEWAY)
        match wrong:
            case "plain":
                address = BrokerAddress(there.gateways.replace("mqtts:", "mqtt:"))
            case "none":
                address = msgspec.structs.replace(address, cert=None, key=None)
            case "stranger":
                (tmp_path / "x").mkdir()
                own = Authority(tmp_path / "x", "x").issue(GATEWAY)
                address = msgspec.structs.replace(address, cert=str(own), key=str(own.with_suffix(".key")))
        connection = CityConnection(address, "x", lambda _: None)
        with pytest.raises(UplinkError):
            await connection.open()
        await connection.close()

    with published(tmp_path) as there:
        asyncio.run(scene())


def sockets() -> set[str]:
    """Those this process has open."""
    return {link for fd in Path("/proc/self/fd").iterdir() if (link := read_link(fd)).startswith("socket:")}


def read_link(fd: Path) -> str:
    with contextlib.suppress(OSError):  # the one that listed them is closed by now
        return os.readlink(fd)
    return ""


@pytest.mark.parametrize("how", ["the broker hangs up", "the thread ends before", "nobody waits for the end"])
def test_a_connection_that_is_closed_leaves_no_socket(tmp_path: Path, how: str) -> None:
    """Neither the broker's nor those that wake the thread; nothing is left to the garbage collector."""

    async def scene(url: str) -> None:
        before = sockets()
        connection = CityConnection(BrokerAddress(url), "x", lambda _: None)
        await connection.open()
        assert len(sockets() - before) == 3
        if how == "the thread ends before":
            connection._client.disconnect = lambda: None  # type: ignore[assignment,method-assign,return-value]
        closing = asyncio.ensure_future(connection.close())
        if how == "nobody waits for the end":
            await asyncio.sleep(0)
            closing.cancel()
        await asyncio.wait({closing})
        assert closing.cancelled() == (how == "nobody waits for the end")
        assert sockets() == before

    with broker(tmp_path, "mosquitto") as there:
        asyncio.run(scene(there.url))
