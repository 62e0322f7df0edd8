"""The city's STATE: gateways wait while no worker of their region listens, and for no longer."""

import asyncio
from pathlib import Path

from edge_agent.city.broker import BrokerAddress, CityConnection
from edge_agent.city.ingest import IngestWorker
from edge_agent.contract import topics
from edge_agent.contract.messages import StateMessage
from edge_agent.model.encoding import canonical
from edge_agent.sim.broker import RunningBroker
from edge_agent.sim.proxy import FaultProxy
from tests.uplink.rig import (
    City,
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
from tests.waiting import auntil


def worker_named(name: str, city: City, there: RunningBroker, url: str = "", region: str = "city") -> IngestWorker:
    address = BrokerAddress(url or there.url, there.mqtt)
    return IngestWorker(address, city.store, city.ack, city.gateways, name, region=region)


@both_brokers
def test_a_gateway_waits_while_the_last_worker_is_away(tmp_path: Path, kind: str) -> None:
    """A worker that ends says so; whoever connects meanwhile hears it, too; one that begins is heard at once."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        async with running(uplink.run(beat)):
            worker = worker_for(city, there)
            async with running(worker.run()):
                await asyncio.wait_for(worker.listening.wait(), 10)
                await asyncio.wait_for(uplink.connected(), 10)
                assert not uplink.city_away
            await auntil(lambda: uplink.city_away)
            uplink.reconnect()
            await auntil(lambda: uplink.session == 2)
            await auntil(lambda: uplink.city_away)
            async with running(worker_for(city, there).run()):
                await auntil(lambda: not uplink.city_away)

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_a_worker_that_vanishes_is_missed_only_when_no_other_works(tmp_path: Path) -> None:
    """The wills of two workers: the first one's is contradicted by the second one, the second one's is not."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        host, port = there.url.removeprefix("mqtt://").split(":")
        async with FaultProxy(host, int(port)) as one_way, FaultProxy(host, int(port)) as other_way:
            one = worker_named("one", city, there, one_way.url)
            other = worker_named("other", city, there, other_way.url)
            async with running(uplink.run(beat), one.run(), other.run()):
                await asyncio.wait_for(one.listening.wait(), 10)
                await asyncio.wait_for(other.listening.wait(), 10)
                await asyncio.wait_for(uplink.connected(), 10)
                await uplink.birth(birth())
                one_way.refuse = True
                one_way.cut()
                await auntil(lambda: not one.listening.is_set())
                sent = await uplink.publish(rows(1)[0], False)
                await auntil(lambda: one.stored + other.stored == 1)
                assert sent.accepted
                await auntil(lambda: not uplink.city_away)
                other_way.refuse = True
                other_way.cut()
                await auntil(lambda: uplink.city_away)
                one_way.refuse = False
                await auntil(lambda: not uplink.city_away)

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_workers_that_vanish_one_upon_the_other_leave_no_false_word(tmp_path: Path) -> None:
    """As when the machine of two loses power: the second will comes just after a third worker, which is there, has
    contradicted the first one. A gateway that connects later is not told to wait.
    """

    async def scene() -> None:
        host, port = there.url.removeprefix("mqtt://").split(":")
        said: list[bytes] = []
        watcher = CityConnection(BrokerAddress(there.url), "watcher", lambda message: said.append(message.payload))
        async with FaultProxy(host, int(port)) as one_way, FaultProxy(host, int(port)) as other_way:
            one, other = (worker_named(f"behind-{way.port}", city, there, way.url) for way in (one_way, other_way))
            left = worker_named("left", city, there)
            async with running(one.run(), other.run(), left.run()):
                for worker in (one, other, left):
                    await asyncio.wait_for(worker.listening.wait(), 10)
                await watcher.open()
                await watcher.subscribe([topics.host("city")])
                for count, way in enumerate((one_way, other_way), 1):
                    way.refuse = True
                    way.cut()
                    await auntil(lambda: sum(b"offline" in word for word in said) == count)  # noqa: B023
                    await auntil(lambda: b"online" in said[-1], what=lambda: said)
                uplink, _ = uplink_for(city, there.url, there.mqtt)
                async with running(uplink.run(beat)):
                    await asyncio.wait_for(uplink.connected(), 10)
                    await uplink.birth(birth())
                    await asyncio.wait_for(uplink.ack(), 10)
                    assert not uplink.city_away
        await watcher.close()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_another_regions_state_a_broken_one_and_one_of_the_past_make_nobody_wait(tmp_path: Path) -> None:
    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        speaker = CityConnection(BrokerAddress(there.url), "speaker", lambda message: None)
        await speaker.open()

        async def say(region: str, payload: bytes) -> None:
            await speaker.publish(topics.host(region), payload, None)

        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            await say("city", canonical(StateMessage("offline", 3)))
            await auntil(lambda: uplink.city_away)
            await say("city", canonical(StateMessage("online", 7)))
            await auntil(lambda: not uplink.city_away)
            for region, payload in (
                ("elsewhere", canonical(StateMessage("offline", 7))),
                ("city", canonical(StateMessage("offline", 3))),
                ("city", b"\xff"),
                ("city", b"[" * 50_000),
                ("city", b'{"state":"offline","bdseq":-1}'),
            ):
                await say(region, payload)
            await say("city", canonical(StateMessage("offline", 7)))
            await auntil(lambda: uplink.city_away)
            await say("city", b"\xff")
            await auntil(lambda: not uplink.city_away)
        await speaker.close()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())
