"""What a platform's author is given: the SDK, its documented example, and the recipe with mosquitto and openssl."""

import asyncio
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.city.sdk import Batch, BrokerAddress, Event, Platform
from edge_agent.contract import topics
from edge_agent.contract.envelope import write_envelope
from edge_agent.contract.messages import AckMessage, seal, unseal
from edge_agent.contract.signatures import new_key, save_private, save_public
from edge_agent.errors import UplinkError
from edge_agent.model.commands import Command
from edge_agent.model.events import CommandCompleted, DoorOpened
from tests.city.test_city_ingest import Ears, birth_of
from tests.uplink.rig import (
    EPOCH,
    GATEWAY,
    City,
    both_brokers,
    broker,
    bystander,
    city_in,
    needs_mosquitto,
    rows,
    running,
)
from tests.waiting import auntil, until

ROOT = Path(__file__).parents[2]
EVENTS = topics.up(GATEWAY, "evt")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[City]:
    """A city's folder as `keys init --city` leaves it."""
    with city_in(folder) as city:
        (city.folder / "keys").mkdir()
        save_private(city.folder / "keys/city-ack.key", city.ack)
        save_private(city.folder / "keys/city-command.key", city.command)
        yield city


async def take(platform: Platform, into: list[Batch], acknowledge: Callable[[Batch], bool]) -> None:
    async for batch in platform.batches():
        into.append(batch)
        if acknowledge(batch):
            batch.acknowledge()


def seen(batches: list[Batch]) -> list[int]:
    return [event.seq for batch in batches for event in batch.events]


@both_brokers
def test_events_come_once_and_are_acknowledged_by_their_keeper(tmp_path: Path, kind: str) -> None:
    """Nothing before it says so; what it did not acknowledge comes again, what it did does not; restarts remember."""
    payloads = [write_envelope(row, GATEWAY, False) for row in rows(8)]

    async def scene() -> None:
        address = BrokerAddress(there.url, there.mqtt)
        with bystander(there.url) as client:
            ears = Ears(client, city)
            first: list[Batch] = []
            async with Platform(address, city.folder) as platform:
                async with running(take(platform, first, lambda batch: False)):
                    await asyncio.wait_for(platform.listening.wait(), 10)
                    client.publish(EVENTS, payloads[0], 1)
                    await auntil(lambda: seen(first) == [1])
                assert ears.acks == []
                again: list[Batch] = []
                async with running(take(platform, again, lambda batch: True)):
                    await asyncio.wait_for(platform.listening.wait(), 10)
                    for payload in (*payloads[:5], *payloads[:5], b"nonsense"):
                        client.publish(EVENTS, payload, 1)
                    await auntil(lambda: ears.acks and ears.acks[-1].upto == 5)
                assert sorted(seen(again)) == [1, 2, 3, 4, 5]
                event = next(event for batch in again for event in batch.events if event.seq == 3)
                assert event == Event(
                    GATEWAY, EPOCH, 3, "door.opened", "door/door-3", event.time, "synced", False, {"door": "door-3"}
                )
            last: list[Batch] = []
            async with Platform(address, city.folder) as platform:
                async with running(take(platform, last, lambda batch: True)):
                    await asyncio.wait_for(platform.listening.wait(), 10)
                    for payload in payloads:
                        client.publish(EVENTS, payload, 1)
                    await auntil(lambda: ears.acks[-1].upto == 8)
                assert sorted(seen(last)) == [6, 7, 8]

    with broker(tmp_path, kind) as there, prepared(tmp_path) as city:
        asyncio.run(scene())


@both_brokers
def test_a_command_and_its_answer(tmp_path: Path, kind: str) -> None:
    """Signed and bound to the gateway's boot; the answer is the gateway's event; silence is None, and the command has
    expired by then; no birth, no way; what no command can say is refused before it is sent.
    """

    async def scene() -> None:
        async with Platform(BrokerAddress(there.url, there.mqtt), city.folder) as platform:
            batches: list[Batch] = []
            with bystander(there.url) as client, pytest.raises(UplinkError):
                await platform.send(GATEWAY, "open", door="d", issuer="desk")
            async with running(take(platform, batches, lambda batch: True)):
                await asyncio.wait_for(platform.listening.wait(), 10)
                with bystander(there.url) as client:
                    ears = Ears(client, city)
                    answering, sent = True, list[Command]()

                    def hear(client: object, userdata: object, message: object) -> None:
                        command = unseal(message.payload, city.command.public_key(), Command)  # type: ignore[attr-defined]
                        sent.append(command)
                        event = CommandCompleted(
                            command=command.id, verb=command.verb, issuer="desk", door=command.door
                        )
                        row = rows(1, event=event)[0]
                        if answering:
                            client.publish(topics.up(GATEWAY, "rsp"), write_envelope(row, GATEWAY, False), 1)  # type: ignore[attr-defined]

                    client.message_callback_add(topics.down(GATEWAY, "cmd"), hear)
                    client.subscribe(topics.down(GATEWAY, "cmd"), 1)
                    born_s = time.monotonic()
                    client.publish(topics.up(GATEWAY, "birth"), seal(birth_of(), city.gateway_key), 1)
                    await auntil(lambda: ears.acks)
                    answer = await platform.send(GATEWAY, "open", door="north-gate", issuer="desk")
                    assert answer is not None
                    assert (answer.tag, answer.data["door"]) == ("command.completed", "north-gate")
                    answering = False
                    assert await platform.send(GATEWAY, "open", door="d", issuer="desk", wait_s=2.1) is None
                    up_ms = birth_of().up_ms + (time.monotonic() - born_s) * 1000
                    assert sent[-1].not_after_up_ms <= up_ms, "nobody waits for it any more: it is not done any more"
                    with pytest.raises(UplinkError):
                        await platform.send(GATEWAY, "open", door="d", issuer="d" * 65)
                    assert len(sent) == 2

    with broker(tmp_path, kind) as there, prepared(tmp_path) as city:
        asyncio.run(scene())


@needs_mosquitto
def test_the_documented_platform_runs(tmp_path: Path) -> None:
    """The block of docs/platform-sdk.md, as it stands: stores what comes, once, and acknowledges it."""
    program = tmp_path / "our_platform.py"
    program.write_text(blocks("docs/platform-sdk.md", "python")[0])

    async def scene() -> None:
        with bystander(there.url) as client:
            ears = Ears(client, city)
            process = started(program, there.url)
            try:
                payloads = [write_envelope(row, GATEWAY, False) for row in rows(20)]

                def sent_again() -> bool:
                    for payload in payloads:
                        client.publish(EVENTS, payload, 1)
                    return bool(ears.acks) and ears.acks[-1].upto == 20

                await auntil(sent_again, 30)
            finally:
                process.kill()
                process.wait()
        with contextlib.closing(sqlite3.connect(tmp_path / "platform.db")) as database:
            found = database.execute("SELECT seq, data FROM events ORDER BY seq").fetchall()
        assert found == [(seq, f'{{"door": "door-{seq}"}}') for seq in range(1, 21)]

    with broker(tmp_path, "mosquitto") as there, prepared(tmp_path) as city:
        asyncio.run(scene())


def started(program: Path, url: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "BROKER": url}
    return subprocess.Popen([sys.executable, str(program)], cwd=program.parent, env=environment)


TOOLS = ("sh", "openssl", "jq", "mosquitto_sub", "mosquitto_pub", "tail", "cut", "tr")
missing = [tool for tool in TOOLS if shutil.which(tool) is None]


@needs_mosquitto
@pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
def test_the_recipe_for_everybody_else_runs(tmp_path: Path) -> None:
    """The blocks of docs/platform.md in one shell: a birth verified, an event acknowledged, a command signed, which
    lives for 20 s although the birth is five minutes old.
    """
    *before, command_block = blocks("docs/platform.md", "sh")
    older = "echo $(($(cat birth.heard) - 300)) > birth.heard"
    script = "\n".join(("set -eu", *before, older, command_block, "verify gateway.pub birth.json", ""))
    gateway_key, city_command = new_key(), new_key()
    save_public(tmp_path / "gateway.pub", gateway_key.public_key())
    save_private(tmp_path / "city-command.key", city_command)
    birth = seal(birth_of(), gateway_key)
    event = write_envelope(rows(1, event=DoorOpened(door="北门"))[0], GATEWAY, False)
    heard: dict[str, bytes] = {}

    with broker(tmp_path, "mosquitto") as there, bystander(there.url) as client:
        client.on_message = lambda client, userdata, message: heard.setdefault(
            message.topic.rsplit("/", 1)[1], message.payload
        )
        client.subscribe(topics.down(GATEWAY, "+"), 1)
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(there.port), "GATEWAY": GATEWAY}
        began_s = time.monotonic()
        with (tmp_path / "shell.log").open("wb") as output:
            shell = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, env=environment, stdout=output, stderr=output)
            try:

                def done() -> bool:
                    client.publish(topics.up(GATEWAY, "birth"), birth, 1)
                    client.publish(EVENTS, event, 1)
                    return shell.poll() is not None

                until(done, 40)
            finally:
                shell.kill()
                shell.wait()
        log = (tmp_path / "shell.log").read_text()
        assert shell.returncode == 0, log
        until(lambda: {"ack", "cmd"} <= set(heard), what=log)
        took_s = time.monotonic() - began_s
    assert "Signature Verified Successfully" in log
    from edge_agent.contract.signatures import load_public

    ack = unseal(heard["ack"], load_public(tmp_path / "city-ack.pub"), AckMessage)
    assert (ack.epoch, ack.upto, ack.credit) == (EPOCH, 1, 200)
    command = unseal(heard["cmd"], city_command.public_key(), Command)
    assert (command.gateway, command.verb, command.door) == (GATEWAY, "open", "north-gate")
    late_ms = command.not_after_up_ms - (birth_of().up_ms + 300_000 + 20_000)
    assert 0 <= late_ms <= 1000 * (took_s + 1), "counted from now, in whole seconds"
