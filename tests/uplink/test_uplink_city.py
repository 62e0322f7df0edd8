"""Gateway to city and back over real brokers."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from edge_agent.contract import topics
from edge_agent.contract.messages import AckMessage, seal
from edge_agent.contract.signatures import new_key
from edge_agent.errors import UplinkError
from edge_agent.model.ack import Ack
from tests.uplink.rig import (
    EPOCH,
    GATEWAY,
    SOURCE,
    beat,
    birth,
    both_brokers,
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


async def acked(uplink: object, upto: int) -> Ack:
    """The first acknowledgement that reaches `upto`."""
    async with asyncio.timeout(10):
        while (ack := await uplink.ack()).upto < upto:  # type: ignore[attr-defined]
            continue
        return ack


@both_brokers
def test_published_rows_are_stored_and_acknowledged(tmp_path: Path, kind: str) -> None:
    """Birth is answered; rows arrive in the city's database, chained; the signed acknowledgement covers them."""

    async def scene() -> None:
        uplink, reports = uplink_for(city, there.url, there.mqtt)
        worker = worker_for(city, there)
        async with running(uplink.run(beat), worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            session = await asyncio.wait_for(uplink.connected(), 10)
            assert session == uplink.session == 1
            await uplink.birth(birth())
            assert (await acked(uplink, 0)).epoch == EPOCH
            sent = await asyncio.gather(*(uplink.publish(row, False) for row in rows(20)))
            assert all(each.accepted for each in sent)
            ack = await acked(uplink, 20)
            assert (ack.have, ack.refused, ack.credit) == ((), (), 200)
            assert worker.stored == 20
            assert (await asyncio.gather(*(uplink.publish(row, True) for row in rows(20))))[0].accepted
            await acked(uplink, 20)
            assert worker.stored == 20  # the second time changes nothing
            assert city.store.gateway(SOURCE).state == "online"
        assert not reports

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())
        found = city.store._db.execute("SELECT seq, chain FROM events ORDER BY seq").fetchall()
    assert found == [(seq, "ok") for seq in range(1, 21)]


@both_brokers
def test_rows_that_overtake_are_islands(tmp_path: Path, kind: str) -> None:
    """What arrives out of order is stored; the acknowledgement names the islands and closes them."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        worker = worker_for(city, there)
        async with running(uplink.run(beat), worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            await asyncio.wait_for(uplink.connected(), 10)
            one, two, three, four, five = rows(5)
            for row in (one, three, five):
                assert (await uplink.publish(row, False)).accepted
            async with asyncio.timeout(10):
                while (ack := await uplink.ack()).have != ((3, 3), (5, 5)):
                    assert ack.upto <= 1
            for row in (two, four):
                await uplink.publish(row, False)
            assert (await acked(uplink, 5)).have == ()

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_broker_that_comes_back_empty_is_found_soon(tmp_path: Path, kind: str) -> None:
    """Killed and restarted on the same port: a publish in between is not sent, the next session begins by itself."""
    from edge_agent.sim.broker import start_broker

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        worker = worker_for(city, there)
        async with running(uplink.run(beat), worker.run()):
            await asyncio.wait_for(uplink.connected(), 10)
            await asyncio.wait_for(worker.listening.wait(), 10)
            there.kill()
            await auntil(lambda: uplink.session == 0 and not worker.listening.is_set())
            sent = await uplink.publish(rows(1)[0], False)
            assert not sent.accepted
            assert sent.why == "not connected"
            again.append(await asyncio.to_thread(start_broker, tmp_path / "again", there.port, kind))
            assert await asyncio.wait_for(uplink.connected(), 5) == 2
            await asyncio.wait_for(worker.listening.wait(), 5)
            assert (await uplink.publish(rows(1)[0], False)).accepted
            await acked(uplink, 1)

    again: list = []
    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        try:
            asyncio.run(scene())
        finally:
            for each in again:
                each.kill()


@needs_mosquitto
def test_a_publish_in_flight_when_the_connection_drops_was_not_sent(tmp_path: Path) -> None:
    """A broker that is stopped between PUBLISH and PUBACK leaves no publish waiting for ever."""
    import signal

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            there.process.send_signal(signal.SIGSTOP)
            flying = [asyncio.ensure_future(uplink.publish(row, False)) for row in rows(5)]
            await asyncio.wait(flying, timeout=0.2)
            assert not any(task.done() for task in flying)
            there.kill()
            async with asyncio.timeout(5):
                sent = await asyncio.gather(*flying)
            assert {(each.accepted, each.why) for each in sent} == {(False, "connection lost")}

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_nobody_subscribed_is_not_accepted(tmp_path: Path) -> None:
    """MQTT 5's code 0x10: the broker took it and threw it away."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            sent = await uplink.publish(rows(1)[0], False)
            assert (sent.accepted, sent.code) == (False, 0x10)

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_only_the_citys_acknowledgements_count(tmp_path: Path, kind: str) -> None:
    """Forged, broken, huge and deeply nested acknowledgements are counted and ignored; the next real one is heard."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        real = AckMessage(epoch=EPOCH, upto=1, now="2026-01-01T00:00:00.000Z")
        forged = seal(AckMessage(epoch=EPOCH, upto=9, now="2026-01-02T00:00:00.000Z"), new_key())
        stolen = msgspec.json.decode(seal(real, city.ack))
        stolen["upto"] = 9
        hostile = [
            forged, msgspec.json.encode(stolen), b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"a":' * 9000, b"x" * 200_000,
        ]  # fmt: skip
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            with bystander(there.url) as client:
                for payload in hostile:
                    client.publish(topics.down(GATEWAY, "ack"), payload, 1).wait_for_publish(5)
                client.publish(topics.down(GATEWAY, "ack"), forged, 0)
                client.publish(topics.down(GATEWAY, "ack"), seal(real, city.ack), 1).wait_for_publish(5)
            ack = await asyncio.wait_for(uplink.ack(), 10)
            assert ack.upto == 1
            await auntil(lambda: uplink.bad_acks == len(hostile) + 1)
            assert (await uplink.publish(rows(1)[0], False)).why != "connection lost"
            assert uplink.session == 1  # also the one at QoS 0: acknowledging that would break the protocol

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_repeated_acknowledgement_does_not_refuse_twice(tmp_path: Path, kind: str) -> None:
    """QoS 1 may deliver twice: the refusals in a message count once, what it holds stays true."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        message = AckMessage(epoch=EPOCH, upto=4, now="2026-01-01T00:00:00.000Z", refused=())
        message = msgspec.convert({**msgspec.to_builtins(message), "refused": [{"seq": 5, "reason": "no"}]}, AckMessage)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            with bystander(there.url) as client:
                for _ in range(2):
                    client.publish(topics.down(GATEWAY, "ack"), seal(message, city.ack), 1).wait_for_publish(5)
            first = await asyncio.wait_for(uplink.ack(), 10)
            second = await asyncio.wait_for(uplink.ack(), 10)
            assert first.refused == ((5, "no"),)
            assert (second.upto, second.refused) == (4, ())

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@pytest.mark.parametrize("state", ["online", "offline"])
@needs_mosquitto
def test_state_is_retained_and_follows_the_connection(tmp_path: Path, state: str) -> None:
    """Online after the birth; offline after an orderly stop; both kept by the broker for who comes later."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            await uplink.birth(birth())
            if state == "online":
                await look()
        if state == "offline":
            await look()

    async def look() -> None:
        seen: list[bytes] = []
        with bystander(there.url) as client:
            client.on_message = lambda client, userdata, message: seen.append(message.payload)
            client.subscribe(topics.up(GATEWAY, "state"), 1)
            await auntil(lambda: seen)
        assert msgspec.json.decode(seen[0])["state"] == state

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_who_leaves_by_itself_is_back_at_once_however_large_the_fleet(tmp_path: Path) -> None:
    """A renewed certificate has 20 s to prove itself; `reconnect_spread_s` is for brokers that restart."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt, reconnect_spread_s=3600.0)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            for session in (2, 3):
                uplink.reconnect()
                await auntil(lambda: uplink.session == session, 10)  # noqa: B023

    with broker(tmp_path, "embedded") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_a_stop_is_obeyed_at_any_moment(tmp_path: Path) -> None:
    """Cancelled at 60 different moments of connecting, also in the very one in which the broker answers."""

    async def scene() -> None:
        for turn in range(60):
            uplink, _ = uplink_for(city, there.url, 5)
            uplink.gateway = f"G{turn}"  # a name each: one that was stopped while connecting must not disturb the next
            task = asyncio.ensure_future(uplink.run(beat))
            for _ in range(turn):
                await asyncio.sleep(0)
            if turn % 3 == 0:
                await asyncio.wait_for(uplink.connected(), 10)
            if turn % 6 == 0:
                uplink._connection._end(UplinkError("uplink.lost", where="", why=""))  # type: ignore[union-attr]
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=8)
            assert done, f"turn {turn}"
            assert task.cancelled()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())
