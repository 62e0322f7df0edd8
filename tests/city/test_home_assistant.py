"""The read-only view: discovery topics as Home Assistant expects them, retained, and no way back."""

import asyncio
import json
import re
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge_agent.city.broker import Arrived, BrokerAddress, CityConnection
from edge_agent.city.home_assistant import AVAILABLE, HomeAssistant, View, _slug
from edge_agent.city.reading import CityReader
from edge_agent.city.rows import CityRow
from edge_agent.city.store import CityStore
from edge_agent.model.events import (
    AccessGranted,
    DoorClosed,
    DoorForced,
    DoorOpened,
    DoorTamper,
    Event,
    FireCleared,
    FireReleased,
    PanicRaised,
    encode_event,
)
from tests.city.test_city_store import EPOCH, birth, stream
from tests.uplink.rig import broker, needs_mosquitto, running
from tests.waiting import auntil

GRANTED = AccessGranted(
    door="north-gate", direction="in", person="p-secret", category="resident", house="3-1-502", how=("card",), rule="r"
)


def stored(place: Path | str, *events: Event) -> None:
    rows: list[CityRow] = []
    for row, event in zip(stream(len(events)), events, strict=True):
        rows.append(msgspec.structs.replace(row, tag=event.tag, subject=event.subject, body=encode_event(event)))
    with closing(CityStore(place)) as store:
        store.remember(birth(EPOCH))
        store.store(rows)


def values(place: Path | str) -> dict[str, str]:
    with closing(CityReader(place)) as reader:
        return {entity.name: entity.value for entity in View(reader).entities()}


def test_the_newest_word_about_each_door_counts(place: Path | str) -> None:
    """Two doors, one closed again; tamper that ended; panic that stands; a fire that is over."""
    stored(
        place, DoorOpened(door="a"), DoorForced(door="b"), DoorClosed(door="a"), DoorTamper(door="a"),
        DoorTamper(door="a", on=False), PanicRaised(door="b"), FireReleased(door="a"), FireCleared(by="x"),
    )  # fmt: skip
    assert values(place) == {
        "online": "ON", "stored": "8", "a_open": "OFF", "b_open": "ON", "a_left_open": "OFF", "b_left_open": "ON",
        "a_tamper": "OFF", "b_panic": "ON", "fire": "OFF",
    }  # fmt: skip


def test_arrival_out_of_order_and_later_looks(place: Path | str) -> None:
    """The gateway's order counts; a second look takes what came since."""
    one, two, three = stream(3)

    def row(row: CityRow, event: Event) -> CityRow:
        return msgspec.structs.replace(row, tag=event.tag, subject=event.subject, body=encode_event(event))

    with closing(CityStore(place)) as store:
        store.remember(birth(EPOCH))
        store.store([row(two, DoorClosed(door="a"))])
        with closing(CityReader(place)) as reader:
            view = View(reader)
            assert {entity.name: entity.value for entity in view.entities()}["a_open"] == "OFF"
            store.store([row(one, DoorOpened(door="a"))])
            assert {entity.name: entity.value for entity in view.entities()}["a_open"] == "OFF"
            store.store([row(three, DoorOpened(door="a"))])
            assert {entity.name: entity.value for entity in view.entities()}["a_open"] == "ON"


def test_names_become_levels_of_topics_and_stay_apart() -> None:
    names = ["north gate", "north_gate", "north-gate", "北门", "a/b", "a.b", "a+b", "#"]
    assert len({_slug(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", _slug(name)) for name in names)


def all_states(heard: dict[str, bytes]) -> bool:
    """Three configurations, and of each its state."""
    configs = [json.loads(payload) for topic, payload in heard.items() if topic.startswith("homeassistant/")]
    return len(configs) == 3 and all(config["state_topic"] in heard for config in configs)


@needs_mosquitto
def test_discovery_on_a_broker_of_its_own(tmp_path: Path) -> None:
    """Retained configurations that name their state topics, states that follow, nothing about people, nothing that
    takes a command, and unavailable when the program has ended."""
    place = tmp_path / "city.db"
    stored(place, GRANTED, DoorOpened(door="north-gate"))

    async def scene() -> None:
        view = HomeAssistant(BrokerAddress(there.url), CityReader(place))
        async with running(view.run()):
            heard = await listen(there.url, all_states)
        configs = {topic: json.loads(payload) for topic, payload in heard.items() if topic.startswith("homeassistant/")}
        assert set(configs) == {
            "homeassistant/binary_sensor/G1/online/config",
            "homeassistant/binary_sensor/G1/north-gate_open/config",
            "homeassistant/sensor/G1/stored/config",
        }
        for config in configs.values():
            assert config["state_topic"] in heard
            assert config["availability_topic"] == AVAILABLE
            assert config["device"]["identifiers"] == ["edge_agent_G1"]
            assert not [key for key in config if "command" in key]
        assert configs["homeassistant/binary_sensor/G1/north-gate_open/config"]["device_class"] == "door"
        assert len({config["unique_id"] for config in configs.values()}) == 3
        assert heard["edge-agent/G1/north-gate_open"] == b"ON"
        assert not any(secret in payload for payload in heard.values() for secret in (b"p-secret", b"3-1-502"))
        await listen(there.url, lambda heard: heard.get(AVAILABLE) == b"offline")
        view.reader.close()

    with broker(tmp_path, "mosquitto") as there:
        asyncio.run(scene())


async def listen(url: str, enough: object) -> dict[str, bytes]:
    """What a newcomer hears: retained messages alone say everything."""
    heard: dict[str, bytes] = {}

    def hear(message: Arrived) -> None:
        heard[message.topic] = message.payload

    connection = CityConnection(BrokerAddress(url), "home-assistant", hear)
    await connection.open()
    try:
        await connection.subscribe(["homeassistant/#", "edge-agent/#"])
        await auntil(lambda: enough(heard), 20, lambda: str(heard))  # type: ignore[operator]
    finally:
        await connection.close()
    return heard


@pytest.mark.parametrize("text", ["subscribe", "cmd", "CommandDesk"])
def test_it_has_no_way_to_a_door(text: str) -> None:
    """The module neither subscribes nor knows commands."""
    source = Path(__file__).parents[2] / "edge_agent/city/home_assistant.py"
    code = source.read_text("utf-8").split('"""', 2)[2]
    assert text not in code
