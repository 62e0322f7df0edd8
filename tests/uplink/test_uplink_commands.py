"""Commands on the wire: made by the city's desk, heard by the gateway, with every doubt visible."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.command import CommandDesk, wire
from edge_agent.contract import topics
from edge_agent.contract.messages import COMMAND_MAX_BYTES
from edge_agent.contract.signatures import new_key
from edge_agent.model.commands import Delivery
from edge_agent.model.events import CommandCompleted
from edge_agent.uplink.broker import Connection
from tests.uplink.rig import (
    BOOT,
    GATEWAY,
    BenchClock,
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

COMMANDS = topics.down(GATEWAY, "cmd")


@both_brokers
def test_a_command_reaches_the_gateway_and_its_result_the_desk(tmp_path: Path, kind: str) -> None:
    """Bound to the boot and the uptime of the last birth, counters rise, the completed event is found by its id."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        worker = worker_for(city, there)
        desk = CommandDesk(city.store, BrokerAddress(there.url, there.mqtt), city.command, "desk-1")
        async with running(uplink.run(beat), worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            await asyncio.wait_for(uplink.connected(), 10)
            await uplink.birth(birth())
            await asyncio.wait_for(uplink.ack(), 10)
            first, second = desk.make(GATEWAY, "open", "north-gate"), desk.make(GATEWAY, "open", None, ttl_s=900)
            now_ms = BenchClock().now().up_ms
            assert first.boot_id == BOOT
            assert now_ms + 25_000 < first.not_after_up_ms <= now_ms + 30_000
            assert second.not_after_up_ms <= now_ms + 30_500
            assert second.counter > first.counter
            for sent in (first, second):
                await desk.send(sent)
                delivery = await asyncio.wait_for(uplink.command(), 10)
                assert (delivery.command, delivery.retained, delivery.problem) == (sent, False, "")
                uplink.accept(delivery.token)
                uplink.accept(delivery.token)
            done = CommandCompleted(command=first.id, verb="open", issuer="desk-1", door="north-gate")
            await uplink.publish(rows(1, event=done)[0], False)
            found = await desk.result(first, 10)
            assert found is not None
            assert (found[0], found[1]["door"]) == ("command.completed", "north-gate")
            assert await desk.result(second, 0) is None
            assert uplink.session == 1

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_doubtful_command_says_what_is_wrong_with_it(tmp_path: Path, kind: str) -> None:
    """Retained, forged, altered, malformed and oversized commands all come through, marked, and none as a command."""

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, there.mqtt)
        good = make(city)
        altered = {**msgspec.json.decode(good), "door": "vault"}
        cases = [
            (wire_with(new_key(), city), "bad_signature"),
            (msgspec.json.encode(altered), "bad_signature"),
            (b"\xff" * 10, "malformed"),
            (b"[" * 10_000, "malformed"),
            (b"[]", "malformed"),
            (b" " * (COMMAND_MAX_BYTES + 1), "too_large"),
        ]
        with bystander(there.url) as client:
            client.publish(COMMANDS, good, 1, retain=True).wait_for_publish(5)
            async with running(uplink.run(beat)):
                kept = await next_command(uplink)
                assert kept.retained
                assert kept.command is not None
                for payload, problem in cases:
                    client.publish(COMMANDS, payload, 1)
                    delivery = await next_command(uplink)
                    assert (delivery.command, delivery.problem, delivery.size) == (None, problem, len(payload))
                client.publish(COMMANDS, good, 1)
                fresh = await next_command(uplink)
                assert (fresh.retained, fresh.problem) == (False, "")

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_a_command_is_acknowledged_when_it_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, once, and never on a later connection, where its packet id is another message's."""
    acknowledged: list[int] = []
    real = Connection.acknowledge
    monkeypatch.setattr(Connection, "acknowledge", lambda self, mid: (acknowledged.append(mid), real(self, mid)))

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, 5)
        with bystander(there.url) as client:
            async with running(uplink.run(beat)):
                await asyncio.wait_for(uplink.connected(), 10)
                for _ in range(2):
                    client.publish(COMMANDS, make(city), 1)
                first, second = await next_command(uplink), await next_command(uplink)
                assert acknowledged == []
                uplink.accept(first.token)
                uplink.accept(first.token)
                assert len(acknowledged) == 1
            async with running(uplink.run(beat)):
                assert await asyncio.wait_for(uplink.connected(), 10) == 2
                uplink.accept(second.token)
                assert len(acknowledged) == 1

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_a_flood_of_commands_does_not_stop_acknowledgements(tmp_path: Path) -> None:
    """Nobody looks at 500 commands: they are bounded, and the city's acknowledgement still arrives."""
    from edge_agent.contract.messages import AckMessage, seal
    from tests.uplink.rig import EPOCH

    async def scene() -> None:
        uplink, _ = uplink_for(city, there.url, 5)
        async with running(uplink.run(beat)):
            await asyncio.wait_for(uplink.connected(), 10)
            with bystander(there.url) as client:
                for _ in range(500):
                    client.publish(COMMANDS, b"{}", 1)
                ack = AckMessage(epoch=EPOCH, upto=1, now="2026-01-01T00:00:00.000Z")
                client.publish(topics.down(GATEWAY, "ack"), seal(ack, city.ack), 1)
                assert (await asyncio.wait_for(uplink.ack(), 10)).upto == 1

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


async def next_command(uplink: object) -> Delivery:
    delivery = await asyncio.wait_for(uplink.command(), 10)  # type: ignore[attr-defined]
    uplink.accept(delivery.token) if delivery.retained or delivery.problem else None  # type: ignore[attr-defined]
    return delivery


def make(city: object) -> bytes:
    return wire_with(city.command, city)  # type: ignore[attr-defined]


def wire_with(key: object, city: object) -> bytes:
    from edge_agent.city.command import make_command
    from edge_agent.city.rows import KnownGateway

    known = KnownGateway(
        source=f"urn:sc:gw:{GATEWAY}", epoch="ab" * 16, boot_id=BOOT, up_ms=1, heard_ms=0, bdseq=1, state="online"
    )
    return wire(make_command(known, "open", "north-gate", {}, "desk", key, 1, now_ms=1))  # type: ignore[arg-type]
