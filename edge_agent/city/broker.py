"""The city's connection to the broker: one object per connection, paho's own network thread inside.

Messages arrive in the event loop; nothing is acknowledged to the broker before the caller says so, and a packet id of
an earlier connection is never acknowledged on a later one.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from paho.mqtt import MQTTException
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.errors import UplinkError

KEEPALIVE_S = 20
CONNECT_S = 5.0
ANSWER_S = 10.0
FAREWELL_S = 2.0
RECEIVE_MAXIMUM = 1000
MAXIMUM_PACKET = 1_048_576
REFUSED = 0x80
PORTS = {"mqtt": 1883, "mqtts": 8883}
_PAHO_ERRORS = (OSError, ValueError, KeyError, IndexError, struct.error, MQTTException)


def usable(url: str) -> bool:
    """Whether `url` names a broker; nothing is looked up."""
    try:
        parts = urlsplit(url)
        return parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class BrokerAddress(msgspec.Struct, frozen=True):
    """`url`: mqtt://host[:port], or mqtts:// with the authorities in `ca` (none: the system's).

    `cert`, `key`: who we are, for a broker that asks for a certificate; then TLS 1.3 and nothing older.
    """

    url: str
    mqtt: Literal[5, "3.1.1"] = 5
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @property
    def encrypted(self) -> bool:
        return self.url.startswith("mqtts:")

    def context(self) -> ssl.SSLContext:
        """Raises OSError for files that are missing or no certificates."""
        context = ssl.create_default_context(cafile=self.ca)
        context.verify_flags |= (
            ssl.VERIFY_X509_STRICT
        )  # as Python 3.13 does, so that a newer system refuses nothing new
        if self.cert is not None:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(self.cert, self.key)
        return context


class Arrived(msgspec.Struct, frozen=True):
    mid: int
    topic: str
    payload: bytes
    retained: bool


class CityConnection:
    """`ended` is set when it is over; `shared`: the broker offers shared subscriptions (MQTT 5 only)."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        on_message: Callable[[Arrived], None],
        will: tuple[str, bytes] | None = None,
    ) -> None:
        """`will`: (topic, payload), retained, published by the broker when we vanish."""
        self.address = address
        self.ended = asyncio.Event()
        self.why = ""
        self.shared = False
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[list[int]]] = {}
        self._arrived: deque[Arrived] = deque()
        self._waking = False
        self._five = address.mqtt == 5
        self._client = self._make_client(client_id)
        if will is not None:
            self._client.will_set(*will, 1, True)

    async def open(self) -> None:
        """Connect. Raises UplinkError."""
        if not usable(self.address.url):
            raise UplinkError("uplink.url", url=self.address.url)
        parts = urlsplit(self.address.url)
        try:
            await asyncio.to_thread(self._connect, parts.hostname or "", parts.port or PORTS[parts.scheme])
        except _PAHO_ERRORS as error:
            raise UplinkError("uplink.unreachable", where=self.address.url, why=error) from error
        if isinstance(sock := self._client.socket(), socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.loop_start()
        try:
            async with asyncio.timeout(ANSWER_S):
                code = await self._opened
        except (TimeoutError, UplinkError) as error:
            raise UplinkError("uplink.no_answer", where=self.address.url, version=self.address.mqtt) from error
        if code.value >= REFUSED:
            raise UplinkError("uplink.refused", where=self.address.url, why=code)

    async def subscribe(self, topics: list[str]) -> None:
        """Subscribe at QoS 1. Raises UplinkError when the broker refuses one of them."""
        codes = await self._answer(*self._client.subscribe([(topic, 1) for topic in topics]))
        refused = [topic for topic, code in zip(topics, codes, strict=True) if code >= REFUSED]
        if refused:
            raise UplinkError("uplink.refused", where=self.address.url, why=f"may not subscribe to {refused}")

    async def publish(self, topic: str, payload: bytes, expiry_s: int | None, retain: bool = False) -> int:
        """Publish at QoS 1; the broker's code, below REFUSED when it took it. Raises UplinkError."""
        info = self._hand_over(topic, payload, expiry_s, retain)
        return (await self._answer(info.rc, info.mid))[0]

    def send(self, topic: str, payload: bytes, expiry_s: int | None, retain: bool = False) -> None:
        """The same without waiting: what gets lost is sent again by whoever misses it."""
        if not self.ended.is_set():
            self._hand_over(topic, payload, expiry_s, retain)

    def acknowledge(self, mid: int) -> None:
        if mid and not self.ended.is_set():
            self._client.ack(mid, 1)

    async def close(self, farewell: tuple[str, bytes] | None = None) -> None:
        """Say goodbye (topic, payload; retained, in the will's place) and end the network thread."""
        if farewell is not None and not self.ended.is_set():
            with contextlib.suppress(UplinkError, TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self.publish(*farewell, None, retain=True)
        self._client.disconnect()
        try:
            await asyncio.to_thread(self._client.loop_stop)
        finally:  # whoever waits may be cancelled
            self._end("closed")
            self._hang_up()

    def _hang_up(self) -> None:
        """Close what paho leaves open until its garbage is collected: the sockets that wake its thread, and its
        connection when the thread was told to stop before the broker had hung up.
        """
        self._client.__del__()

    def _connect(self, host: str, port: int) -> None:
        if self.address.encrypted:
            self._client.tls_set_context(self.address.context())
        if self._five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.MaximumPacketSize = MAXIMUM_PACKET
            self._client.connect(host, port, KEEPALIVE_S, clean_start=True, properties=properties)
        else:
            self._client.connect(host, port, KEEPALIVE_S)
        if self.ended.is_set():  # nobody waited for it
            self._hang_up()

    def _make_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._five else True,
            protocol=mqtt.MQTTv5 if self._five else mqtt.MQTTv311,
            reconnect_on_failure=False,  # its owner decides when to come back
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)
        if self.address.username is not None:
            client.username_pw_set(self.address.username, self.address.password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_paho_message
        return client

    async def _answer(self, result: MQTTErrorCode, mid: int | None) -> list[int]:
        """What the broker answers to packet `mid`. Answers come through the loop, so none is quicker than this."""
        if result != mqtt.MQTT_ERR_SUCCESS or mid is None:
            raise UplinkError("uplink.lost", where=self.address.url, why=mqtt.error_string(result))
        future: asyncio.Future[list[int]] = self._loop.create_future()
        self._answers[mid] = future
        try:
            async with asyncio.timeout(ANSWER_S):
                return await future
        except TimeoutError as error:
            raise UplinkError("uplink.no_answer", where=self.address.url, version=self.address.mqtt) from error
        finally:
            self._answers.pop(mid, None)

    def _hand_over(
        self, topic: str, payload: bytes, expiry_s: int | None, retain: bool = False
    ) -> mqtt.MQTTMessageInfo:
        properties = None
        if self._five and expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        return self._client.publish(topic, payload, 1, retain, properties)

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        """In paho's thread, as all below."""
        self.shared = self._five and bool(getattr(properties, "SharedSubscriptionAvailable", 1))
        self._call(_settle, self._opened, code)

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._call(self._end, str(code))

    def _on_subscribe(
        self, client: mqtt.Client, userdata: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        self._call(self._answered, mid, [code.value for code in codes])

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, code: ReasonCode, properties: Any) -> None:
        self._call(self._answered, mid, [code.value])

    def _on_paho_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._arrived.append(Arrived(message.mid, topic, bytes(message.payload), bool(message.retain)))
        if not self._waking:  # a system call: once for all that come until the loop looks
            self._waking = True
            self._call(self._hand_on)

    def _hand_on(self) -> None:
        self._waking = False  # before looking: what comes from here on wakes it again
        while self._arrived:
            self._on_message(self._arrived.popleft())

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _answered(self, mid: int, codes: list[int]) -> None:
        if (future := self._answers.get(mid)) is not None:
            _settle(future, codes)

    def _end(self, why: str) -> None:
        if self.ended.is_set():
            return
        self.why = why
        self.ended.set()
        lost = UplinkError("uplink.lost", where=self.address.url, why=why)
        waiting: list[asyncio.Future[Any]] = [self._opened, *self._answers.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(lost)
                future.exception()  # nobody may be waiting: no complaint about that


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
