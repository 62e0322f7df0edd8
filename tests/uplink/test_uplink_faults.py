"""The network between a gateway and its broker, misbehaving: through the fault proxy, against a real Mosquitto."""

import asyncio
import contextlib
import logging
import time
from pathlib import Path

import msgspec
import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.contract import topics
from edge_agent.contract.messages import StateMessage
from edge_agent.contract.telemetry import TelemetryMessage
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.publish import Publisher
from edge_agent.model.encoding import canonical
from edge_agent.model.events import DoorForced, DoorOpened, PanicRaised
from edge_agent.ports import Health
from edge_agent.sim.proxy import FaultProxy
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer
from edge_agent.uplink import broker as uplink_broker
from tests.flows.world import MemoryBooks
from tests.uplink.rig import (
    EPOCH,
    GATEWAY,
    SOURCE,
    BenchClock,
    City,
    beat,
    birth,
    broker,
    bystander,
    city_in,
    needs_mosquitto,
    rows,
    running,
    uplink_for,
    worker_for,
)
from tests.waiting import auntil

pytestmark = needs_mosquitto
HEALTH = Health(
    up_s=1, clock="synced", accepting=True, last=1, waiting=0, fill=0.0, disk_free=1, reserve=1, rss=1, load=0.0,
    temperature_c=None, devices=0, lost=(),
)  # fmt: skip


@contextlib.asynccontextmanager
async def proxied(port: int):  # type: ignore[no-untyped-def]
    async with FaultProxy("127.0.0.1", port) as proxy:
        yield proxy


class Gateway:
    """Journal on the disk, sender and connection: the gateway's half of the stream."""

    def __init__(self, city: City, url: str, folder: Path, confirm: str = "city", region: str = "city") -> None:
        self.clock, self.writer = BenchClock(), Writer()
        self.journal = SqliteJournal(folder / "journal.db", self.clock, self.writer)
        self.uplink, self.reports = uplink_for(city, url, 5, confirm=confirm, region=region)
        self.publisher = Publisher(
            self.uplink, self.journal, MemoryBooks(), self.clock, Alarms(self.journal, self.clock), ("d",), confirm
        )

    async def happen(self, count: int) -> None:
        for n in range(count):
            await self.journal.record(DoorForced(door=f"d{n}") if n % 7 == 0 else DoorOpened(door=f"d{n}")).committed()

    def where(self) -> str:
        box = self.publisher.outbox
        return f"{self.journal.acked} of {self.journal.last}, session {self.uplink.session}, {vars(box)}"

    async def close(self) -> None:
        await self.journal.close()
        self.writer.close()


def test_cuts_in_the_middle_of_packets_lose_nothing(tmp_path: Path) -> None:
    """Ten connections cut after so and so many bytes, up and down: everything accepted is stored once, chained."""

    async def scene() -> None:
        async with proxied(there.port) as proxy:
            gateway = Gateway(city, proxy.url, tmp_path)
            worker = worker_for(city, there)
            async with running(gateway.uplink.run(beat), gateway.publisher.run(beat), worker.run()):
                for turn in range(6):
                    await asyncio.wait_for(gateway.uplink.connected(), 15)
                    session = gateway.uplink.session
                    proxy.cut_after("up" if turn % 2 else "down", 150 + 97 * turn)
                    await gateway.happen(10)
                    await auntil(lambda: gateway.uplink.session != session, 15)  # noqa: B023
                proxy.heal()
                await auntil(lambda: gateway.journal.acked == gateway.journal.last == 60, 30, gateway.where)
            await gateway.close()
            assert worker.stored == 60

    with broker(tmp_path / "b", "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())
        found = city.store._db.execute("SELECT seq, chain FROM events ORDER BY seq").fetchall()
    assert found == [(seq, "ok") for seq in range(1, 61)]


@pytest.mark.parametrize("ways", [("up", "down"), ("up",), ("down",)])
def test_a_black_hole_is_noticed_within_a_keepalive_and_a_half(
    tmp_path: Path, ways: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both directions swallowed, or one: TCP believes in the connection, we do not. It is back once it is healed."""
    monkeypatch.setattr(uplink_broker, "KEEPALIVE_S", 2)

    async def scene() -> None:
        async with proxied(there.port) as proxy:
            uplink, _ = uplink_for(city, proxy.url, 5)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                proxy.swallow = frozenset(ways)
                began = time.monotonic()
                await auntil(lambda: uplink.session == 0, 15)
                took = time.monotonic() - began
                print(f"{ways}: noticed after {took:.1f} s, keepalive 2 s")
                proxy.heal()
                assert await asyncio.wait_for(uplink.connected(), 15) == 2
                assert took < 6  # 3 s and a look a second; the machine may be busy

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@pytest.mark.parametrize("kind", ["refuse", "deaf", "http"])
def test_what_is_no_broker_is_asked_less_than_once_a_second(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed at once, silent, or a captive portal's web page: said, and never a busy loop."""
    caplog.set_level(logging.WARNING)

    async def portal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pages.append(time.monotonic())
        await reader.read(1000)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n<html></html>")
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(portal, "127.0.0.1", 0)
        async with proxied(1) as proxy:
            proxy.refuse, proxy.deaf = kind == "refuse", kind == "deaf"
            port = server.sockets[0].getsockname()[1] if kind == "http" else proxy.port
            uplink, _ = uplink_for(city, f"mqtt://127.0.0.1:{port}", 5)
            async with running(uplink.run(beat)):
                began = time.monotonic()
                await auntil(lambda: proxy.accepted + len(pages) >= 2, 20)
                await auntil(lambda: time.monotonic() - began > 4, 10)
                assert proxy.accepted + len(pages) <= 1 + (time.monotonic() - began)
            assert uplink.session == 0
        server.close()
        assert "is it an MQTT broker" in caplog.text or "no way" in caplog.text or "lost" in caplog.text

    pages: list[float] = []
    with city_in(tmp_path) as city:
        asyncio.run(scene())


def test_without_names_the_remedy_is_said_and_nothing_spins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def scene() -> None:
        uplink, _ = uplink_for(city, "mqtt://no-such-host.invalid", 5)
        async with running(uplink.run(beat)):
            await auntil(lambda: "no way to the broker at no-such-host.invalid" in caplog.text, 30)

    with city_in(tmp_path) as city:
        asyncio.run(scene())


def test_the_citys_state_pauses_and_resumes(tmp_path: Path) -> None:
    """A retained STATE `offline` is known when the session begins; `online` sends what waited."""

    async def scene() -> None:
        gateway = Gateway(city, there.url, tmp_path, region="lab")
        worker = worker_for(city, there)
        topic = topics.host("lab")
        with bystander(there.url) as host:
            host.publish(topic, canonical(StateMessage("offline", 1)), 1, True).wait_for_publish(5)
            async with running(gateway.uplink.run(beat), gateway.publisher.run(beat), worker.run()):
                await asyncio.wait_for(gateway.uplink.connected(), 10)
                await auntil(lambda: gateway.uplink.city_away)
                await gateway.happen(5)
                await auntil(lambda: city.store.gateway(SOURCE) is not None)
                assert worker.stored == 0
                host.publish(topic, b"\xff{", 1).wait_for_publish(5)  # unreadable counts as online
                await auntil(lambda: gateway.journal.acked == 5)
        await gateway.close()

    with broker(tmp_path / "b", "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_confirmed_by_a_broker_that_has_a_subscriber(tmp_path: Path) -> None:
    """`confirm = "broker"`: nobody answers a birth; PUBACK 0 confirms, 0x10 does not."""

    async def scene() -> None:
        gateway = Gateway(city, there.url, tmp_path, confirm="broker")
        async with running(gateway.uplink.run(beat), gateway.publisher.run(beat)):
            await gateway.happen(5)
            await asyncio.wait_for(gateway.uplink.connected(), 10)
            await auntil(lambda: gateway.publisher.lanes._stops)
            assert gateway.journal.acked == 0
            with bystander(there.url) as platform:
                platform.subscribe(f"sc/1/up/{GATEWAY}/#", 1)
                await auntil(lambda: gateway.journal.acked == 5, 20)
        await gateway.close()

    with broker(tmp_path / "b", "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_the_will_is_published_when_a_gateway_vanishes_and_not_when_it_is_back_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Will Delay: a connection cut and made anew within it is no death; one that stays away is."""
    monkeypatch.setattr(uplink_broker, "WILL_DELAY_S", 4)

    async def scene() -> None:
        seen: list[str] = []
        async with proxied(there.port) as proxy:
            uplink, _ = uplink_for(city, proxy.url, 5)
            with bystander(there.url) as watcher:
                watcher.on_message = lambda c, u, message: seen.append(msgspec.json.decode(message.payload)["state"])
                watcher.subscribe(topics.up(GATEWAY, "state"), 1)
                async with running(uplink.run(beat)):
                    await asyncio.wait_for(uplink.connected(), 10)
                    await uplink.birth(birth())
                    await auntil(lambda: seen == ["online"])
                    proxy.cut()
                    await auntil(lambda: uplink.session == 2, 15)
                    await uplink.birth(birth())
                    await auntil(lambda: seen[-2:] == ["online", "online"])
                    proxy.refuse = True
                    proxy.cut()
                    await auntil(lambda: seen[-1] == "offline", 20)

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_every_message_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In MQTT 5 each has its content type and is text, as the AsyncAPI document promises: the will and the farewell,
    too.
    """
    monkeypatch.setattr(uplink_broker, "WILL_DELAY_S", 0)
    seen: list[tuple[str, str | None, int | None]] = []

    def hear(client: object, userdata: object, message: mqtt.MQTTMessage) -> None:
        state = msgspec.json.decode(message.payload).get("state", "")
        properties = message.properties
        kind = getattr(properties, "ContentType", None), getattr(properties, "PayloadFormatIndicator", None)
        seen.append((message.topic.rsplit("/", 1)[1] + state, *kind))

    async def scene() -> None:
        async with proxied(there.port) as proxy:
            uplink, _ = uplink_for(city, proxy.url, 5)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                await uplink.birth(birth())
                for row in (*rows(1), *rows(1, event=PanicRaised(door="gate"))):
                    await uplink.publish(row, False)
                uplink.vouch(EPOCH, 1, b"h" * 32)
                uplink.tell(HEALTH)
                await auntil(lambda: len(seen) == 6)
                proxy.cut()
                await auntil(lambda: uplink.session == 2, 15)
                await uplink.birth(birth())
                await auntil(lambda: len(seen) == 9)
            await auntil(lambda: len(seen) == 10)

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        watcher = mqtt.Client(CallbackAPIVersion.VERSION2, "watcher", protocol=mqtt.MQTTv5)
        watcher.on_message = hear
        watcher.connect("127.0.0.1", there.port)
        watcher.subscribe(f"sc/1/up/{GATEWAY}/#", 1)
        watcher.loop_start()
        try:
            asyncio.run(scene())
        finally:
            watcher.disconnect()
            watcher.loop_stop()
            watcher.__del__()
    text, event = ("application/json", 1), ("application/cloudevents+json", 1)
    assert {(what, *kind) for what, *kind in seen} == {
        ("birth", *text), ("stateonline", *text), ("mark", *text), ("tel", *text), ("stateoffline", *text),
        ("evt", *event), ("alr", *event),
    }  # fmt: skip
    assert [what for what, *_ in seen].count("stateoffline") == 2


def test_telemetry_is_told_and_never_kept(tmp_path: Path) -> None:
    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, 5)
        uplink.tell(HEALTH)  # not connected: dropped
        seen: list[tuple[int, bytes]] = []
        with bystander(there.url) as platform:
            platform.on_message = lambda c, u, message: seen.append((message.qos, message.payload))
            platform.subscribe(topics.up(GATEWAY, "tel"), 1)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                uplink.tell(HEALTH)
                await auntil(lambda: seen)
        assert [qos for qos, _ in seen] == [0]
        assert msgspec.json.decode(seen[0][1], type=TelemetryMessage).gateway == GATEWAY

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_a_changed_password_file_closes_the_circuit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A refused login is not tried again for five minutes, unless somebody has changed it."""

    async def scene() -> None:
        file = city.folder / "password"
        file.write_text("wrong")
        uplink, reports = uplink_for(city, there.url, 5, username=GATEWAY, password_file="password")
        async with running(uplink.run(beat)):
            await auntil(lambda: reports)
            file.write_text("right")
            await asyncio.wait_for(uplink.connected(), 15)

    with broker(tmp_path, "mosquitto", passwords={GATEWAY: "right"}) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_sending_while_the_hole_is_open_loses_nothing(tmp_path: Path) -> None:
    """Publishes swallowed on their way up come again after the reconnect."""

    async def scene() -> None:
        async with proxied(there.port) as proxy:
            uplink, _ = uplink_for(city, proxy.url, 5)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                proxy.black_hole()
                flying = asyncio.ensure_future(uplink.publish(rows(1)[0], False))
                await auntil(lambda: uplink._connection is not None and uplink._connection._flights)
                proxy.cut()
                sent = await asyncio.wait_for(flying, 10)
                assert not sent.accepted

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())
