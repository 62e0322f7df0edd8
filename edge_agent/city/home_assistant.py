"""Home Assistant's view of doors and gateways by MQTT discovery: read-only, on a broker of its own.

It publishes what the city has stored and subscribes to nothing: nobody can reach a door from there. No person, house or
credential leaves for it, only doors and gateways. Topics: `homeassistant/<component>/<gateway>/<object>/config`,
retained, one entity each; values below `edge-agent/<gateway>/`. When this program ends, everything is unavailable.
"""

import asyncio
import random
import re
import time
from collections.abc import Iterator

import msgspec

from edge_agent import log
from edge_agent.city.broker import BrokerAddress, CityConnection
from edge_agent.city.reading import CityReader, Stored
from edge_agent.city.rows import KnownGateway
from edge_agent.contract.envelope import source_of
from edge_agent.errors import EdgeAgentError, UplinkError
from edge_agent.model.encoding import canonical

PREFIX = "homeassistant"
ROOT = "edge-agent"
AVAILABLE = f"{ROOT}/status"
LOOK_S = 2.0
RETRY_S = (1.0, 5.0)

OVERLAP_MS = 10_000  # an event may be committed a little after one that has a later time
BACK_MS = 30 * 86_400_000  # what is older than a month at the start is not looked for

# (entity, device class, which events set it and to what).
_DOOR = (
    ("open", "door", {"door.opened": "ON", "door.forced": "ON", "door.held": "ON", "door.closed": "OFF"}),
    ("left_open", "problem", {"door.held": "ON", "door.forced": "ON", "door.closed": "OFF"}),
    ("tamper", "tamper", {"door.tamper": "ON"}),
    ("panic", "safety", {"panic.raised": "ON", "panic.cleared": "OFF"}),
)
_FIRE = {"fire.released": "ON", "fire.cleared": "OFF"}
TAGS = tuple(sorted({tag for _, _, values in _DOOR for tag in values} | set(_FIRE)))

logger = log.get("city.home_assistant")


class Entity(msgspec.Struct, frozen=True):
    """`config`: the discovery message of `component`/`name`; `value`: what its state topic says."""

    component: str
    gateway: str
    name: str
    config: dict[str, object]
    value: str

    @property
    def config_topic(self) -> str:
        return f"{PREFIX}/{self.component}/{_slug(self.gateway)}/{self.name}/config"

    @property
    def state_topic(self) -> str:
        return f"{ROOT}/{self.gateway}/{self.name}"


class HomeAssistant:
    """Publishes until cancelled."""

    def __init__(self, address: BrokerAddress, reader: CityReader, client_id: str = "edge-agent-view") -> None:
        self.address, self.reader, self.client_id = address, reader, client_id

    async def run(self) -> None:
        while True:
            connection = CityConnection(self.address, self.client_id, lambda _: None, (AVAILABLE, b"offline"))
            try:
                await connection.open()
                await self._publish(connection)
            except EdgeAgentError as error:
                logger.warning("%s", error)
            finally:
                await self._leave(connection)
            await asyncio.sleep(random.uniform(*RETRY_S))

    async def _publish(self, connection: CityConnection) -> None:
        """What changed since it was last said over this connection."""
        said: dict[str, bytes] = {}
        view = View(self.reader, time.time_ns() // 1_000_000 - BACK_MS)
        await self._say(connection, said, AVAILABLE, b"online")
        while not connection.ended.is_set():
            for entity in view.entities():
                await self._say(connection, said, entity.config_topic, canonical(entity.config))
                await self._say(connection, said, entity.state_topic, entity.value.encode())
            await asyncio.sleep(LOOK_S)
        raise UplinkError("uplink.lost", where=self.address.url, why=connection.why)

    async def _say(self, connection: CityConnection, said: dict[str, bytes], topic: str, payload: bytes) -> None:
        if said.get(topic) != payload:
            await connection.publish(topic, payload, None, retain=True)
            said[topic] = payload

    async def _leave(self, connection: CityConnection) -> None:
        """An orderly goodbye keeps the will from being published: say it ourselves."""
        connection.send(AVAILABLE, b"offline", None, retain=True)
        await connection.close()


class View:
    """What there is to show; remembers the newest word about each thing, so that each look reads only what is new."""

    def __init__(self, reader: CityReader, since_ms: int = 0) -> None:
        self._reader, self._since_ms = reader, since_ms
        self._newest: dict[tuple[str, str], Stored] = {}  # (source, entity) -> the event that set it
        self._made: dict[tuple[str, str], tuple[str, str, str]] = {}  # its title, device class and value

    def entities(self) -> Iterator[Entity]:
        """Raises StoreError."""
        for event in self._reader.since(self._since_ms - OVERLAP_MS, TAGS):
            self._since_ms = max(self._since_ms, event.heard_ms)
            self._take(event)
        for gateway in self._reader.gateways():
            name = gateway.source.removeprefix(source_of(""))
            marks = self._reader.watermarks(gateway.source)
            stored = next((mark.upto for mark in marks if mark.epoch == gateway.epoch), 0)
            online = "ON" if gateway.state == "online" else "OFF"
            yield _entity(gateway, name, "online", "Online", online, "connectivity")
            yield _entity(gateway, name, "stored", "Stored events", str(stored))
            for (source, entity), (title, kind, value) in self._made.items():
                if source == gateway.source:
                    yield _entity(gateway, name, entity, title, value, kind)

    def _take(self, event: Stored) -> None:
        if event.tag in _FIRE:
            self._set(event, "fire", "Fire release", "smoke", _FIRE[event.tag])
            return
        door = event.subject.removeprefix("door/")
        for what, kind, values in _DOOR:
            if event.tag in values:
                value = values[event.tag] if event.data.get("on", True) else "OFF"
                self._set(event, f"{_slug(door)}_{what}", f"{door} {what.replace('_', ' ')}", kind, value)

    def _set(self, event: Stored, entity: str, title: str, kind: str, value: str) -> None:
        """The gateway's order counts, not the order of arrival; between journals, the later one."""
        key = (event.source, entity)
        before = self._newest.get(key)
        if before is not None:
            same = before.epoch == event.epoch
            if (event.seq < before.seq) if same else (event.heard_ms < before.heard_ms):
                return
        self._newest[key], self._made[key] = event, (title, kind, value)


def _entity(
    gateway: KnownGateway, name: str, entity: str, title: str, value: str, device_class: str | None = None
) -> Entity:
    unique = f"edge_agent_{_slug(name)}_{entity}"
    config: dict[str, object] = {
        "name": title,
        "unique_id": unique,
        "object_id": unique,
        "state_topic": f"{ROOT}/{name}/{entity}",
        "availability_topic": AVAILABLE,
        "device": {
            "identifiers": [f"edge_agent_{_slug(name)}"],
            "name": name,
            "manufacturer": "edge-agent",
            "model": "gateway",
            "sw_version": gateway.agent,
        },
    }
    if device_class is None:
        return Entity("sensor", name, entity, {**config, "state_class": "total_increasing"}, value)
    return Entity("binary_sensor", name, entity, {**config, "device_class": device_class}, value)


def _slug(text: str) -> str:
    """A level of a discovery topic: letters, digits, _ and -; names that differ stay different."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f"_{ord(found[0]):x}_", text)
