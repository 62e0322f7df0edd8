"""Brokers that refuse: the password, the topic, the MQTT version, the connection; and what the installer then reads."""

import asyncio
import contextlib
import gc
import logging
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import paho.mqtt.client as mqtt
import pytest

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.ingest import IngestWorker
from edge_agent.errors import UplinkError
from edge_agent.model import site
from edge_agent.sim.broker import ACL
from edge_agent.uplink.broker import Connection
from edge_agent.uplink.login import address, login
from tests.uplink.rig import (
    GATEWAY,
    BenchClock,
    beat,
    birth,
    both_brokers,
    broker,
    city_in,
    needs_mosquitto,
    rows,
    running,
    uplink_for,
    worker_for,
)
from tests.uplink.test_uplink_tls import Authority
from tests.waiting import auntil, until

Version = Literal[5, "3.1.1"]
PASSWORDS = {GATEWAY: "right", "city": "city"}


@both_brokers
def test_a_refused_password_names_its_remedy(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log and the report name the settings to look at; the right password connects."""

    async def scene(password: str) -> list[tuple[str, str]]:
        (city.folder / "password").write_text(password + "\n")
        uplink, reports = uplink_for(city, there.url, there.mqtt, username=GATEWAY, password_file="password")
        async with running(uplink.run(beat)):
            await auntil(lambda: reports or uplink.session)
            return reports

    with broker(tmp_path, kind, passwords=PASSWORDS) as there, city_in(tmp_path) as city:
        reports = asyncio.run(scene("wrong"))
        assert asyncio.run(scene("right")) == []
    assert [what for what, _ in reports] == ["uplink_refused"]
    assert "uplink.password_file" in reports[0][1]
    assert any("uplink.password_file" in line for line in caplog.messages)
    assert "wrong" not in caplog.text


@needs_mosquitto
def test_the_recommended_access_list_is_enough_and_no_more(tmp_path: Path) -> None:
    """With the ACL of two patterns everything works; a row on another gateway's topic is refused by MQTT 5 code."""

    async def scene() -> None:
        (city.folder / "password").write_text("right")
        own, reports = uplink_for(city, there.url, 5, username=GATEWAY, password_file="password")
        worker = worker_for(city, there, username="city", password="city")
        async with running(own.run(beat), worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            await asyncio.wait_for(own.connected(), 10)
            await own.birth(birth())
            await asyncio.wait_for(own.ack(), 10)
            assert (await own.publish(rows(1)[0], False)).accepted
            assert not reports
            own.gateway = "G9999"
            sent = await own.publish(rows(1)[0], False)
            assert (sent.accepted, sent.code) == (False, 0x87)
            assert "sc/1/up/G9999/evt" in reports[0][1]
            assert own.session == 1

    with broker(tmp_path, "mosquitto", passwords=PASSWORDS, acl=ACL) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@contextlib.asynccontextmanager
async def denying_broker(
    version: Version, codes: bytes, connack: str = "", after_subscribe: str = ""
) -> AsyncIterator[str]:
    """Accepts everybody and answers SUBSCRIBE with `codes`; bytes by hand after OASIS MQTT 3.1.1 and 5.0.

    Mosquitto's access list cannot do this: it grants every subscription and then withholds the messages.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, length = await reader.readexactly(2)
                if length & 0x80:
                    length = (length & 0x7F) + 128 * (await reader.readexactly(1))[0]
                body = await reader.readexactly(length)
                five = version == 5
                if kind >> 4 == 1:
                    writer.write(bytes.fromhex(connack or ("2003000000" if five else "20020000")))
                elif kind >> 4 == 8:
                    answer = body[:2] + (b"\0" if five else b"") + codes
                    writer.write(bytes([0x90, len(answer)]) + answer + bytes.fromhex(after_subscribe))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(("version", "codes"), [(5, b"\x87\x87\x87"), ("3.1.1", b"\x80\x80\x80")])
def test_a_refused_subscription_is_no_session(tmp_path: Path, version: Version, codes: bytes) -> None:
    """Without the city's acknowledgements nothing can be confirmed: said with the topic and the remedy."""

    async def scene() -> None:
        async with denying_broker(version, codes) as url:
            uplink, reports = uplink_for(city, url, version)
            async with running(uplink.run(beat)):
                await auntil(lambda: reports)
                assert uplink.session == 0
                assert f"sc/1/dn/{GATEWAY}/ack" in reports[0][1]
                assert "access list" in reports[0][1]

    with city_in(tmp_path) as city:
        asyncio.run(scene())


def test_commands_may_be_refused_without_stopping_events(tmp_path: Path) -> None:
    """A platform that confirms by the broker need not give us anything to read: said once, and the session begins."""

    async def scene() -> None:
        async with denying_broker(5, b"\x87") as url:  # one answer to two questions: the other is not granted either
            uplink, reports = uplink_for(city, url, 5, confirm="broker")
            async with running(uplink.run(beat)):
                assert await asyncio.wait_for(uplink.connected(), 10) == 1
                assert [what for what, _ in reports] == ["uplink_refused"] * 2
                assert f"sc/1/dn/{GATEWAY}/cmd" in reports[0][1]
                assert f"sc/1/dn/{GATEWAY}/cfg" in reports[1][1]

    with city_in(tmp_path) as city:
        asyncio.run(scene())


def test_a_broker_of_the_old_version_is_not_met_halfway(tmp_path: Path) -> None:
    """CONNACK 1 of MQTT 3.1.1, "unacceptable protocol version": no downgrade, the log says what to set."""

    async def scene() -> None:
        async with denying_broker(5, b"", connack="20020001") as url:
            uplink, reports = uplink_for(city, url, 5)
            async with running(uplink.run(beat)):
                await auntil(lambda: reports)
                assert uplink.session == 0
                assert 'uplink.mqtt = "3.1.1"' in reports[0][1]

    with city_in(tmp_path) as city:
        asyncio.run(scene())


def test_the_embedded_broker_does_not_answer_mqtt_5(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """amqtt loses itself in a version 5 CONNECT with a will and stays silent: the log still names uplink.mqtt."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, 5)
        async with running(uplink.run(beat)):
            await auntil(lambda: "does it speak MQTT 5 (uplink.mqtt)" in caplog.text)
            assert uplink.session == 0

    with broker(tmp_path, "embedded") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_the_brokers_window_is_kept(tmp_path: Path) -> None:
    """CONNACK's Receive Maximum (property 0x21) bounds what is on its way; 32 when it says nothing."""

    async def scene(connack: str, window: int) -> None:
        async with denying_broker(5, b"\1\1\1", connack=connack) as url:
            uplink, _ = uplink_for(city, url, 5)
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                assert uplink.window == window

    with city_in(tmp_path) as city:
        asyncio.run(scene("2006000003210005", 5))
        asyncio.run(scene("2003000000", 32))


def test_being_taken_over_is_reported(tmp_path: Path) -> None:
    """DISCONNECT 0x8E (MQTT 5): somebody else uses our name."""

    async def scene() -> None:
        async with denying_broker(5, b"\1\1\1", after_subscribe="e0018e") as url:
            uplink, reports = uplink_for(city, url, 5)
            async with running(uplink.run(beat)):
                await auntil(lambda: reports)
                assert GATEWAY in reports[0][1]
                assert "gateway.id" in reports[0][1]

    with city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_two_gateways_with_one_name_are_reported(tmp_path: Path) -> None:
    """Mosquitto 2.0.11 throws the older one out in silence: after some rounds one of the two says what it looks like.
    Newer ones (2.0.21) say so themselves.
    """

    async def scene() -> None:
        first, reports = uplink_for(city, there.url, 5)
        second, more = uplink_for(city, there.url, 5)
        async with running(first.run(beat), second.run(beat)):
            await auntil(lambda: reports + more, 40)
            said = (reports + more)[0][1]
            assert "gateway.id" in said
            assert GATEWAY in said

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x7f" + b"\xff" * 127, b"\x00" * 9])
def test_something_that_is_no_broker(tmp_path: Path, answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever answers on the port, the uplink says so and keeps trying."""
    caplog.set_level(logging.WARNING)

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(4096)
                peer.sendall(answer)

    async def scene() -> None:
        uplink, _ = uplink_for(city, f"mqtt://127.0.0.1:{server.getsockname()[1]}", 5)
        async with running(uplink.run(beat)):
            await auntil(lambda: "is it an MQTT broker" in caplog.text)
            assert uplink.session == 0

    with socket.create_server(("127.0.0.1", 0)) as server, city_in(tmp_path) as city:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        asyncio.run(scene())
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_stopping_while_a_connection_is_being_made_says_nothing(tmp_path: Path) -> None:
    """A stop in the middle of a connect that then fails: no complaint about an answer nobody waits for.

    The listener's queue is full, so the kernel leaves the next caller waiting; closing it refuses the caller.
    """

    async def scene(server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(str(context["message"])))
        uplink, _ = uplink_for(city, f"mqtt://127.0.0.1:{server.getsockname()[1]}", 5)
        async with running(uplink.run(beat)):
            await auntil(lambda: knocking(server.getsockname()[1]) > before)
        server.close()
        await loop.shutdown_default_executor()
        await asyncio.sleep(0)  # the thread's outcome reaches the loop
        gc.collect()

    def knocking(port: int) -> int:
        """Callers nobody has answered yet: remote address and state SYN_SENT of /proc/net/tcp."""
        return Path("/proc/net/tcp").read_text("ascii").count(f" 0100007F:{port:04X} 02 ")

    complaints: list[str] = []
    server = socket.socket()
    with contextlib.ExitStack() as queue, city_in(tmp_path) as city:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):  # more than a queue of 0 takes
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        before = knocking(server.getsockname()[1])
        asyncio.run(scene(server))
    assert complaints == []


@needs_mosquitto
def test_a_connection_that_comes_after_the_stop_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that connects outlives who waited for it, and the loop: it closes what it has got by itself."""
    reached, go_on = threading.Event(), threading.Event()
    connect = mqtt.Client.connect

    def late(client: mqtt.Client, *where: Any, **how: Any) -> Any:
        reached.set()
        assert go_on.wait(10)
        return connect(client, *where, **how)

    async def scene(url: str) -> Connection:
        uplink, _ = uplink_for(city, url, 5)
        connection = Connection(uplink._login(), lambda connection, incoming: None)
        opening = asyncio.ensure_future(connection.open())
        await asyncio.to_thread(reached.wait, 10)
        opening.cancel()
        await asyncio.wait({opening})
        return connection

    monkeypatch.setattr(mqtt.Client, "connect", late)
    loop = asyncio.new_event_loop()
    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        connection = loop.run_until_complete(scene(there.url))
        loop.close()
        go_on.set()
        sock = until(connection._client.socket)
        until(lambda: sock.fileno() == -1, what="the socket is closed")


def test_a_connection_that_the_thread_has_closed_is_closed_once_more(tmp_path: Path) -> None:
    """By whoever wanted it, as always: that is no reason to fail a stop."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, 5)
        connection = Connection(uplink._login(), lambda connection, incoming: None)
        connection._give_up()
        await asyncio.to_thread(connection._connect)
        sock = connection._client.socket()
        assert sock is not None
        assert sock.fileno() == -1
        connection.close()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@pytest.mark.parametrize(
    "url", ["http://x", "mqtt://", "broker:1883", "mqtt://u:p@x", "mqtt://x/path", "mqtt://x:99999"]
)
def test_an_address_that_is_none_is_said(url: str) -> None:
    """Only mqtt:// and mqtts:// with a host, no password in it."""
    with pytest.raises(UplinkError) as caught:
        address(url)
    assert caught.value.code == "uplink.url"
    assert url in str(caught.value)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    """Password file and certificates: the error carries the path or the section."""
    missing = site.Uplink(url="mqtt://x", password_file="none.txt")
    with pytest.raises(UplinkError, match=r"none\.txt"):
        login(missing, GATEWAY, tmp_path, ("t", b""), BenchClock().now())
    tls = site.UplinkTls(ca="ca.pem", cert="c.pem", key="k.pem")
    with pytest.raises(UplinkError, match=r"c\.pem"):
        login(site.Uplink(url="mqtts://x", tls=tls), GATEWAY, tmp_path, ("t", b""), BenchClock().now())
    Authority(tmp_path, "other-ca").issue(GATEWAY, file="own")
    tls = site.UplinkTls(ca="ca.pem", cert="own.pem", key="own.key")
    with pytest.raises(UplinkError, match=r"uplink\.tls"):
        login(site.Uplink(url="mqtts://x", tls=tls), GATEWAY, tmp_path, ("t", b""), BenchClock().now())


def test_the_city_waits_for_its_broker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A worker without a broker says what it cannot reach and goes on trying."""

    async def scene() -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"mqtt://127.0.0.1:{closed.getsockname()[1]}"
            worker = IngestWorker(BrokerAddress(url), city.store, city.ack, city.gateways)
            async with running(worker.run()):
                await auntil(lambda: caplog.text.count("no way to the broker") >= 2)

    with city_in(tmp_path) as city:
        asyncio.run(scene())
