"""The ingest worker against a real broker: hostile input, restarts, several workers."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from edge_agent.city import broker as city_broker
from edge_agent.city import intake, reception
from edge_agent.city.broker import Arrived, BrokerAddress
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.intake import Born, Intake, Refused, Vouched
from edge_agent.city.reception import Reception
from edge_agent.city.rows import Watermark
from edge_agent.contract import topics
from edge_agent.contract.checkpoint import sign_checkpoint
from edge_agent.contract.envelope import write_envelope
from edge_agent.contract.messages import AckMessage, BirthMessage, seal, unseal
from edge_agent.contract.rotation import step
from edge_agent.contract.signatures import PrivateKey, new_key
from edge_agent.model.events import DoorOpened, GapAnnounced, encode_event
from tests.uplink.rig import (
    BOOT,
    EPOCH,
    GATEWAY,
    SOURCE,
    City,
    both_brokers,
    broker,
    bystander,
    city_in,
    needs_mosquitto,
    rows,
    running,
    worker_for,
)
from tests.waiting import auntil

EVENTS = topics.up(GATEWAY, "evt")


class Ears:
    """Everything the city says to the gateway, signatures checked."""

    def __init__(self, client: object, city: City) -> None:
        self.acks: list[AckMessage] = []

        def hear(client: object, userdata: object, message: object) -> None:
            if message.topic == topics.host("city"):  # type: ignore[attr-defined]
                return  # amqtt gives every retained message to whoever subscribes to anything
            self.acks.append(unseal(message.payload, city.ack.public_key(), AckMessage))  # type: ignore[attr-defined]

        client.on_message = hear  # type: ignore[attr-defined]
        client.subscribe(topics.down(GATEWAY, "ack"), 1)  # type: ignore[attr-defined]


def birth_of(gateway: str = GATEWAY, epoch: str = EPOCH) -> BirthMessage:
    return BirthMessage(
        gateway=gateway, agent="0.1.0", epoch=epoch, first=1, last=0, acked=0, boot_id=BOOT, up_ms=5, clock="synced",
        config="c", credentials="p", bdseq=1, doors=("d",),
    )  # fmt: skip


def reasons(city: City) -> list[str]:
    return [row[0] for row in city.store._db.execute("SELECT reason FROM quarantine ORDER BY id").fetchall()]


@both_brokers
def test_hostile_messages_are_put_away_and_the_queue_moves_on(tmp_path: Path, kind: str) -> None:
    """Each goes to quarantine with a reason, none stops the worker; those with a name are refused by name."""
    good, damaged, wrong = rows(3)
    damaged = msgspec.structs.replace(damaged, body=b'{"door":\xff')
    wrong = msgspec.structs.replace(wrong, body=b'{"door":3}')
    hostile = [
        (EVENTS, b"", "$"),
        (EVENTS, b"\xff\xfe", "$"),
        (EVENTS, b"[" * 60_000, "$"),
        (EVENTS, b"x" * 1_000_000, "$"),
        (EVENTS, write_envelope(good, "G9999", False), "$.source"),
        (topics.up("G9999", "evt"), write_envelope(good, "G9999", False), "unknown_gateway"),
        (topics.up("G9999", "birth"), seal(birth_of("G9999"), new_key()), "unknown_gateway"),
        (topics.up(GATEWAY, "birth"), seal(birth_of(), new_key()), "birth: bad_signature"),
        (topics.up(GATEWAY, "birth"), seal(birth_of("G9999"), new_key()), "birth: bad_signature"),
        (topics.up(GATEWAY, "state"), b"offline", "state"),
        (EVENTS, write_envelope(damaged, GATEWAY, False), "$"),
        (EVENTS, write_envelope(wrong, GATEWAY, False), "$.data.door"),
    ]

    async def scene() -> None:
        worker = worker_for(city, there)
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            with bystander(there.url) as client:
                ears = Ears(client, city)
                for topic, payload, _ in hostile:
                    client.publish(topic, payload, 1)
                client.publish(EVENTS, write_envelope(good, GATEWAY, False), 1)
                await auntil(lambda: worker.stored == 1)
                await auntil(lambda: ears.acks and ears.acks[-1].upto == 1)
                refused = {refusal.seq for ack in ears.acks for refusal in ack.refused}
                assert refused == {2, 3}
                client.publish(topics.up(GATEWAY, "birth"), seal(birth_of("G9999"), city.gateway_key), 1)
                await auntil(lambda: worker.refused == len(hostile) + 1)
        assert city.store.gateway(SOURCE) is None
        found = reasons(city)
        assert len(found) == len(hostile) + 1
        for (_, _, reason), kept in zip(hostile, found, strict=False):
            assert kept.startswith(reason)

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_refused_row_is_passed_when_its_gap_is_announced(tmp_path: Path, kind: str) -> None:
    """The whole way of a poison row: refused by name, announced, and the watermark moves past it."""
    one, two, three = rows(3)
    poison = msgspec.structs.replace(two, body=b'{"door":3}')
    gap = GapAnnounced(epoch=EPOCH, from_seq=2, to_seq=2, why="refused")
    announced = msgspec.structs.replace(three, tag=gap.tag, body=encode_event(gap))

    async def scene() -> None:
        worker = worker_for(city, there)
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            with bystander(there.url) as client:
                ears = Ears(client, city)
                for row in (one, poison):
                    client.publish(EVENTS, write_envelope(row, GATEWAY, False), 1)
                await auntil(lambda: ears.acks and ears.acks[-1].refused)
                assert ears.acks[-1].upto == 1
                client.publish(EVENTS, write_envelope(announced, GATEWAY, False), 1)
                await auntil(lambda: ears.acks[-1].upto == 3)

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_birth_is_answered_and_a_new_journal_is_told(tmp_path: Path, kind: str, caplog: object) -> None:
    """Answered at once with what is stored in that epoch; a new epoch is accepted and logged."""

    async def scene() -> None:
        worker = worker_for(city, there)
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            with bystander(there.url) as client:
                ears = Ears(client, city)
                for row in rows(4):
                    client.publish(EVENTS, write_envelope(row, GATEWAY, False), 1)
                await auntil(lambda: worker.stored == 4)
                for epoch in (EPOCH, "b" * 32):
                    client.publish(topics.up(GATEWAY, "birth"), seal(birth_of(epoch=epoch), city.gateway_key), 1)
                await auntil(lambda: ears.acks and ears.acks[-1].epoch == "b" * 32)
                assert ears.acks[-1].upto == 0
                assert [ack.upto for ack in ears.acks if ack.epoch == EPOCH][-1] == 4
                nows = [ack.now for ack in ears.acks]
                assert nows == sorted(set(nows))

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())
    assert "a new journal (epoch bbbbbbbb" in caplog.text  # type: ignore[attr-defined]


@needs_mosquitto
def test_two_workers_share_the_work(tmp_path: Path) -> None:
    """MQTT 5 shared subscription: each event goes to one of them, the database puts them together."""

    async def scene() -> None:
        workers = [
            IngestWorker(BrokerAddress(there.url, 5), city.store, city.ack, city.gateways, f"city-{number}")
            for number in range(2)
        ]
        judged: list[list[str]] = [[], []]
        for worker, topics_seen in zip(workers, judged, strict=True):
            spy_on(worker, topics_seen)
        async with running(*(worker.run() for worker in workers)):
            for worker in workers:
                await asyncio.wait_for(worker.listening.wait(), 10)
            with bystander(there.url) as client:
                for row in rows(200):
                    client.publish(EVENTS, write_envelope(row, GATEWAY, False), 1)
                await auntil(lambda: city.store.watermark(SOURCE, EPOCH) == Watermark(EPOCH, 200))
            assert all(judged)
            assert [len(topics_seen) for topics_seen in judged] == [worker.stored for worker in workers]
            assert sum(worker.stored for worker in workers) == 200

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def spy_on(worker: IngestWorker, topics_seen: list[str]) -> None:
    judge = worker._intake.judge

    def judging(topic: str, payload: bytes) -> object:
        topics_seen.append(topic)
        return judge(topic, payload)

    worker._intake.judge = judging  # type: ignore[assignment, method-assign]


@both_brokers
def test_a_database_that_fails_acknowledges_nothing(tmp_path: Path, kind: str, caplog: object) -> None:
    """No acknowledgement to the gateway while it cannot commit; when it can again, what comes again is stored."""

    async def scene() -> None:
        worker = worker_for(city, there)
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            city.store._db.execute("PRAGMA query_only=ON")
            with bystander(there.url) as client:
                ears = Ears(client, city)
                payload = write_envelope(rows(1)[0], GATEWAY, False)
                client.publish(EVENTS, payload, 1).wait_for_publish(5)
                await auntil(lambda: "cannot be read or written" in caplog.text)  # type: ignore[attr-defined]
                assert ears.acks == []
                city.store._db.execute("PRAGMA query_only=OFF")
                await asyncio.wait_for(worker.listening.wait(), 10)
                client.publish(EVENTS, payload, 1)
                await auntil(lambda: ears.acks and ears.acks[-1].upto == 1)

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_row_that_the_database_cannot_hold_is_refused_alone(tmp_path: Path, kind: str) -> None:
    """Whatever slips through our checks: the rows around it are stored, it is refused by name, the worker goes on."""

    async def scene() -> None:
        worker = worker_for(city, there)
        city.store._db.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON events WHEN NEW.seq = 2 BEGIN SELECT RAISE(ABORT, 'not this'); END"
        )
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            with bystander(there.url) as client:
                ears = Ears(client, city)
                for row in rows(3):
                    client.publish(EVENTS, write_envelope(row, GATEWAY, False), 1)
                await auntil(lambda: any(ack.refused for ack in ears.acks))
                await auntil(lambda: worker.stored == 2)
                assert {refusal.seq for ack in ears.acks for refusal in ack.refused} == {2}
                await auntil(lambda: ears.acks[-1].have == ((3, 3),))
        assert "not this" in reasons(city)[0]

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def test_a_nul_is_refused_before_the_database(tmp_path: Path) -> None:
    """PostgreSQL's text cannot hold it."""
    with city_in(tmp_path) as city:
        row = rows(1, event=DoorOpened(door="a\0b"))[0]
        verdict = Intake(city.gateways).judge(EVENTS, write_envelope(row, GATEWAY, False))
        assert verdict == Refused("$.subject: holds a NUL", (SOURCE, EPOCH, 1))


def test_the_acknowledgement_on_the_wire_is_the_contracts() -> None:
    """Exactly the names of the contract, islands and refusals in their form."""
    from edge_agent.contract.messages import Refusal

    message = AckMessage(epoch=EPOCH, upto=3, have=((5, 6),), refused=(Refusal(4, "no"),), now="n")
    wire = json.loads(seal(message, new_key()))
    assert sorted(wire) == ["credit", "epoch", "have", "kid", "now", "refused", "sig", "upto"]
    assert (wire["have"], wire["refused"], wire["credit"]) == ([[5, 6]], [{"seq": 4, "reason": "no"}], 200)


@needs_mosquitto
def test_a_flood_that_nothing_bounds_does_not_use_up_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At QoS 0 a gateway fills the queue while the database is waited for. What finds no room there is dropped, and is
    not one of those that the broker has on its way and waits for: it sends what comes later.
    """
    monkeypatch.setattr(reception, "WAITING", 100)
    monkeypatch.setattr(city_broker, "RECEIVE_MAXIMUM", 20)
    seen: list[Arrived] = []

    class Watched(Reception):
        def _arrived(self, message: Arrived) -> None:
            seen.append(message)
            super()._arrived(message)

    async def scene() -> None:
        address = BrokerAddress(there.url, there.mqtt)
        worker = Watched(address, city.store, city.ack, Intake(city.gateways), "worker")
        await worker.open()
        with bystander(there.url, "flooder") as flooder:
            for _ in range(200):
                flooder.publish(EVENTS, b"{}", 0)
            for _ in range(20):
                flooder.publish(EVENTS, b"{}", 1)
            await auntil(lambda: sum(message.topic == EVENTS for message in seen) == 220)
            while not worker._waiting.empty():
                worker.settle(await worker.next())
            flooder.publish(EVENTS, write_envelope(rows(1)[0], GATEWAY, False), 1)
            assert (await asyncio.wait_for(worker.next(), 10)).rows
        await worker.close()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        asyncio.run(scene())


def rotated(city: City) -> tuple[PrivateKey, bytes]:
    """The gateway's next signing key, and a birth that says how it followed."""
    newer = new_key()
    steps = (step(GATEWAY, city.gateway_key, newer.public_key()),)
    return newer, seal(msgspec.structs.replace(birth_of(), rotation=steps), newer)


def test_a_key_that_cannot_be_written_down_stops_nobody(tmp_path: Path) -> None:
    """A gateway's key is replaced and the folder of keys is read-only: it is answered, and so are all the others."""

    async def scene() -> None:
        worker = worker_for(city, there)
        newer, birth = rotated(city)
        async with running(worker.run()):
            await asyncio.wait_for(worker.listening.wait(), 10)
            with bystander(there.url) as client:
                ears = Ears(client, city)
                client.publish(topics.up(GATEWAY, "birth"), birth, 1)
                await auntil(lambda: ears.acks)
                mark = sign_checkpoint(GATEWAY, EPOCH, 1, b"h" * 32, False, newer)
                client.publish(topics.up(GATEWAY, "mark"), mark, 1)
                client.publish(EVENTS, write_envelope(rows(1)[0], GATEWAY, False), 1)
                await auntil(lambda: ears.acks[-1].upto == 1)
            assert worker.listening.is_set()
            assert worker.refused == 0

    with broker(tmp_path, "embedded") as there, city_in(tmp_path) as city:
        (city.gateways / f".{GATEWAY}.pub.previous.new").mkdir()
        asyncio.run(scene())


def test_what_another_worker_or_an_operator_does_with_a_key_counts_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "KEY_LOOK_S", 0.0)
    with city_in(tmp_path) as city:
        one, other, mark = Intake(city.gateways), Intake(city.gateways), topics.up(GATEWAY, "mark")
        newer, birth = rotated(city)
        for worker, key in ((one, city.gateway_key), (other, city.gateway_key)):
            assert isinstance(worker.judge(mark, sign_checkpoint(GATEWAY, EPOCH, 1, b"h" * 32, False, key)), Vouched)
        assert isinstance(one.judge(topics.up(GATEWAY, "birth"), birth), Born)
        assert isinstance(other.judge(mark, sign_checkpoint(GATEWAY, EPOCH, 1, b"h" * 32, False, newer)), Vouched)
        (city.gateways / f"{GATEWAY}.pub").unlink()
        event = write_envelope(rows(1)[0], GATEWAY, False)
        assert [type(worker.judge(EVENTS, event)) for worker in (one, other)] == [Refused, Refused]
