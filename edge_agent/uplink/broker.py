"""One connection to an MQTT broker, from CONNECT to its end. It is never reused: what must survive is in the journal.

paho is driven by the event loop: only its blocking connect runs in a thread, so that every callback below runs in the
loop and needs no lock. What a broker says is reported here, not judged: a PUBACK proves that it heard us, no more.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
from paho.mqtt import MQTTException
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.errors import UplinkError
from edge_agent.ports import Sent

KEEPALIVE_S = 20
CONNECT_S = 5.0
ANSWER_S = 5.0  # from TCP to CONNACK, from SUBSCRIBE to SUBACK
PUBACK_S = 30.0
SILENT_KEEPALIVES = 1.5  # of nothing heard: paho alone would notice after two
WILL_DELAY_S = 30
WINDOW = 32
RECEIVE_MAXIMUM = 64
MAXIMUM_PACKET = 262_144
JSON = "application/json"

# OpenSSL's X509_V_ERR_* (x509_vfy.h) and reasons.
VERIFY = {
    9: "uplink.server_early", 10: "uplink.server_expired", 62: "uplink.server_name", 64: "uplink.server_name",
    **dict.fromkeys((7, 18, 19, 20, 21), "uplink.server_authority"),
    **dict.fromkeys(range(79, 95), "uplink.server_form"),
}  # fmt: skip
PLAIN = {"WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"}
CLIENT_REFUSED = "uplink.client_refused"
OLD = {"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"}

REFUSED = 0x80  # MQTT 5: reason codes from here on are failures
NOBODY_SUBSCRIBED = 0x10
UNSUPPORTED_VERSION, BAD_LOGIN, NOT_AUTHORISED, TAKEN_OVER = 0x84, 0x86, 0x87, 0x8E

# What paho lets through from a socket or a packet that breaks the protocol.
_PAHO_ERRORS = (OSError, ValueError, KeyError, IndexError, struct.error, MQTTException)


class Login(msgspec.Struct, frozen=True):
    """Where to connect and as whom. `will`: (topic, payload), retained, published by the broker when we vanish."""

    host: str
    port: int
    client: str
    mqtt: Literal[5, "3.1.1"]
    will: tuple[str, bytes]
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


class Incoming(msgspec.Struct, frozen=True):
    """One message off the wire; `mid` is for `acknowledge`."""

    mid: int
    topic: str
    payload: bytes
    retained: bool


ACCEPTED = Sent(True)


class Flight(msgspec.Struct, frozen=True):
    """A publish without an answer yet; `until`: monotonic s at which the broker has been silent for too long."""

    answer: asyncio.Future[Sent]
    topic: str
    until: float


def _described(properties: Properties, content_type: str) -> None:
    """What its payload is: UTF-8 text of this type."""
    properties.PayloadFormatIndicator = 1
    properties.ContentType = content_type


class _Packed(Properties):
    """Properties of a PUBLISH whose bytes are made once: paho takes as long for them as for the rest of it."""

    def __init__(self, content_type: str) -> None:
        super().__init__(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        _described(self, content_type)
        object.__setattr__(self, "_bytes", super().pack())  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        made: bytes = object.__getattribute__(self, "_bytes")
        return made


class Connection:
    """`ended` is set when it is over and `why` says how; `window`: publishes the broker takes at once."""

    def __init__(
        self,
        login: Login,
        on_message: Callable[["Connection", Incoming], None],
        on_refused: Callable[["Connection", str, Sent], None] = lambda connection, topic, sent: None,
    ) -> None:
        """`on_refused`: the broker did not take what was published on a topic."""
        self.login = login
        self.ended = asyncio.Event()
        self.why: UplinkError | None = None
        self.window = WINDOW
        self._on_message, self._on_refused = on_message, on_refused
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._flights: dict[int, Flight] = {}  # by packet id, the oldest first
        self._subscriptions: dict[int, asyncio.Future[list[int]]] = {}
        self._five = login.mqtt == 5
        self._heard_at = time.monotonic()
        self._socket: object = None
        self._properties: dict[str, _Packed] = {}
        self._client = self._make_client()
        self._meeting = threading.Lock()  # of the loop with the thread that connects
        self._connected = self._unwanted = False

    async def open(self) -> None:
        """Connect and wait for the broker's word. Raises UplinkError that says what is wrong."""
        connecting = self._loop.run_in_executor(None, self._connect)
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(lambda done: done.cancelled() or done.exception())  # not worth a word
            self._give_up()
            raise
        except ssl.SSLError as error:
            raise self._insecure(error) from error
        except _PAHO_ERRORS as error:
            if self.login.tls is not None and isinstance(error, ConnectionResetError | BrokenPipeError):
                raise self._no_answer() from error
            raise UplinkError("uplink.unreachable", where=self.login.where, why=error) from error
        self._attach()
        try:
            async with asyncio.timeout(ANSWER_S):
                code = await self._opened
        except UplinkError as error:
            raise (error if error.code == CLIENT_REFUSED else self._no_answer()) from error
        except TimeoutError as error:
            raise self._no_answer() from error
        if code.value >= REFUSED:
            raise self._refusal(code)

    def _give_up(self) -> None:
        """Nobody waits for the broker's word any more. Whoever comes second, this or the thread that connects, closes:
        the loop may have ended by then.
        """
        with self._meeting:
            self._unwanted = True
            connected = self._connected
        if connected:
            self.close()

    async def subscribe(self, topics: list[str]) -> list[int]:
        """Subscribe at QoS 1; one code per topic, from REFUSED on it was not granted. Raises UplinkError."""
        result, mid = self._client.subscribe([(topic, 1) for topic in topics])
        if result != mqtt.MQTT_ERR_SUCCESS or mid is None:
            raise self.why or self._lost(mqtt.error_string(result))
        future: asyncio.Future[list[int]] = self._loop.create_future()
        self._subscriptions[mid] = future
        try:
            async with asyncio.timeout(ANSWER_S):
                codes = await future
        except TimeoutError as error:
            raise self._no_answer() from error
        finally:
            self._subscriptions.pop(mid, None)
        return [*codes[: len(topics)], *[REFUSED] * (len(topics) - len(codes))]  # unanswered is not granted

    def unsubscribe(self, topic: str) -> None:
        """Not waited for: what still comes is nobody's any more."""
        if not self.ended.is_set():
            self._client.unsubscribe(topic)

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, content_type: str = JSON
    ) -> asyncio.Future[Sent]:
        """Publish at QoS 1, now; what the broker says of it comes later. One that stays silent loses the connection."""
        answer: asyncio.Future[Sent] = self._loop.create_future()
        if self.ended.is_set():
            answer.set_result(Sent(False, why="not connected"))
            return answer
        info = self._client.publish(topic, payload, 1, retain, self._publish_properties(content_type))
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            answer.set_result(Sent(False, why=mqtt.error_string(info.rc)))
        else:
            self._flights[info.mid] = Flight(answer, topic, time.monotonic() + PUBACK_S)
        return answer

    def tell(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0: it arrives or it does not."""
        if not self.ended.is_set():
            self._client.publish(topic, payload, 0, False, self._publish_properties(JSON))

    def acknowledge(self, mid: int) -> None:
        """`mid` 0 came at QoS 0: there is nothing to acknowledge."""
        if mid and not self.ended.is_set():
            self._client.ack(mid, 1)

    def tick(self) -> None:
        """Keepalive; call it about once a second. Whoever answers nothing for a keepalive and a half is gone, whatever
        TCP believes: behind a black hole it believes for a quarter of an hour.
        """
        try:
            self._client.loop_misc()
        except _PAHO_ERRORS as error:
            self._end(self._lost(error))
        now = time.monotonic()
        oldest = next(iter(self._flights.values()), None)
        if oldest is not None and now > oldest.until:
            self._end(UplinkError("uplink.silent", where=self.login.where, seconds=int(PUBACK_S)))
        silent_s = now - self._heard_at
        if silent_s > self._client.keepalive * SILENT_KEEPALIVES:
            self._end(UplinkError("uplink.silent", where=self.login.where, seconds=int(silent_s)))

    def close(self, farewell: tuple[str, bytes] | None = None) -> None:
        """Leave orderly: the broker gets `farewell` (topic, payload; retained) instead of publishing our will."""
        if not self.ended.is_set() and self._client.is_connected():
            with contextlib.suppress(*_PAHO_ERRORS):
                if farewell:
                    self._client.publish(*farewell, 1, True, self._publish_properties(JSON))
                self._client.disconnect()
                self._client.loop_write()
        self._end(UplinkError("uplink.lost", where=self.login.where, why="closed"))

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.login.client,
            clean_session=None if self._five else True,
            protocol=mqtt.MQTTv5 if self._five else mqtt.MQTTv311,
            reconnect_on_failure=False,  # paho would also try MQTT 3.1 by itself
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # the window is the publisher's
        client.max_queued_messages_set(2 * WINDOW)
        if self.login.username is not None:
            client.username_pw_set(self.login.username, self.login.password)
        if self.login.tls is not None:
            client.tls_set_context(self.login.tls)
        will_properties = None
        if self._five:
            will_properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            will_properties.WillDelayInterval = WILL_DELAY_S
            _described(will_properties, JSON)
        client.will_set(*self.login.will, 1, True, will_properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_paho_message
        return client

    def _connect(self) -> None:
        """In a thread: name lookup, TCP and TLS block."""
        where = self.login.host, self.login.port, KEEPALIVE_S
        if self._five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.MaximumPacketSize = MAXIMUM_PACKET
            self._client.connect(*where, clean_start=True, properties=properties)
        else:
            self._client.connect(*where)
        with self._meeting:
            self._connected = True
            sock = self._client.socket()
            if self._unwanted and sock is not None:
                sock.close()

    def _attach(self) -> None:
        sock = self._client.socket()
        if sock is None:
            self._end(self._lost("closed at once"))
            return
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard_at, self._socket = time.monotonic(), sock
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = self._on_want_write
        self._client.on_socket_unregister_write = self._on_wrote
        self._loop.add_reader(sock, self._readable)
        if self._client.want_write():
            self._loop.add_writer(sock, self._writable)

    def _readable(self) -> None:
        self._heard_at = time.monotonic()
        try:
            self._client.loop_read()
            while (sock := self._client.socket()) is not None and isinstance(sock, ssl.SSLSocket) and sock.pending():
                self._client.loop_read()
        except _PAHO_ERRORS as error:
            self._end(self._lost(error))

    def _writable(self) -> None:
        """What waits goes out together: paho hands it over one packet at a time, and each would wake the broker."""
        try:
            with _corked(self._client.socket()):
                self._client.loop_write()
        except _PAHO_ERRORS as error:
            self._end(self._lost(error))

    def _on_want_write(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._loop.add_writer(sock, self._writable)

    def _on_wrote(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _on_socket_close(self, client: mqtt.Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self.window = max(1, min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW)))
        if not self._opened.done():
            self._opened.set_result(code)

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if code.value == TAKEN_OVER:
            self._end(UplinkError("uplink.taken_over", where=self.login.where, client=self.login.client))
        elif refused := self._certificate_refused():
            self._end(refused)
        else:
            self._end(self._lost(code))

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, code: ReasonCode, properties: Any) -> None:
        flight = self._flights.pop(mid, None)
        if flight is None:
            return
        sent = ACCEPTED
        if code.value:  # 0x10 and what is refused; what lies between is of no consequence
            accepted = code.value < REFUSED and code.value != NOBODY_SUBSCRIBED
            sent = Sent(accepted, code.value, "" if accepted else str(code))
            if not accepted:
                self._on_refused(self, flight.topic, sent)
        if not flight.answer.done():
            flight.answer.set_result(sent)

    def _on_subscribe(
        self, client: mqtt.Client, userdata: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        future = self._subscriptions.pop(mid, None)
        if future is not None and not future.done():
            future.set_result([code.value for code in codes])

    def _on_paho_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._on_message(self, Incoming(message.mid, topic, bytes(message.payload), bool(message.retain)))

    def _end(self, why: UplinkError) -> None:
        """Over: whoever waits for the broker's word learns that it does not come."""
        if self.ended.is_set():
            return
        self.why = why
        self.ended.set()
        for flight in self._flights.values():
            if not flight.answer.done():
                flight.answer.set_result(Sent(False, why="connection lost"))
        answers: list[asyncio.Future[Any]] = [self._opened, *self._subscriptions.values()]
        for waiting in answers:
            if not waiting.done():
                waiting.set_exception(why)
                waiting.exception()  # nobody may be waiting: no complaint about that
        with self._meeting:
            sock = self._client.socket()
            if sock is None or sock.fileno() < 0:  # the thread that connects has closed it, for nobody wanted it
                return
            self._client.on_socket_close = None
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()

    def _refusal(self, code: ReasonCode) -> UplinkError:
        where = self.login.where
        if code.value == UNSUPPORTED_VERSION:
            other = '"3.1.1"' if self._five else "5"
            return UplinkError("uplink.mqtt_version", where=where, version=self.login.mqtt, other=other)
        if code.value in (BAD_LOGIN, NOT_AUTHORISED):
            return UplinkError("uplink.login_refused", where=where, user=self.login.username or self.login.client)
        return UplinkError("uplink.refused", where=where, why=code)

    def _insecure(self, error: ssl.SSLError) -> UplinkError:
        """No secure connection, and never an insecure one instead: what is wrong, and with whom."""
        if isinstance(error, ssl.SSLCertVerificationError) and (code := VERIFY.get(error.verify_code)):
            return UplinkError(code, where=self.login.where, host=self.login.host, why=error.verify_message)
        if error.reason in PLAIN:
            return UplinkError("uplink.server_plain", where=self.login.where)
        if error.reason in OLD:
            return UplinkError("uplink.server_old", where=self.login.where)
        why = getattr(error, "verify_message", "") or error.reason or error
        return UplinkError("uplink.tls", where=self.login.where, why=why)

    def _certificate_refused(self) -> UplinkError | None:
        """In TLS 1.3 a server looks at our certificate after the handshake, and its alert is the last we hear."""
        alert = getattr(self._socket, "alert", "")
        if "ALERT" not in alert or not ("CERTIFICATE" in alert or "UNKNOWN_CA" in alert):
            return None
        why = alert.rpartition("ALERT_")[2].lower().replace("_", " ")
        return UplinkError(CLIENT_REFUSED, where=self.login.where, why=why)

    def _no_answer(self) -> UplinkError:
        return UplinkError("uplink.no_answer", where=self.login.where, version=self.login.mqtt)

    def _lost(self, why: object) -> UplinkError:
        return UplinkError("uplink.lost", where=self.login.where, why=why)

    def _publish_properties(self, content_type: str) -> Properties | None:
        if not self._five:
            return None
        properties = self._properties.get(content_type)
        if properties is None:
            properties = _Packed(content_type)
            self._properties[content_type] = properties
        return properties


@contextlib.contextmanager
def _corked(sock: Any) -> Iterator[None]:
    if not isinstance(sock, socket.socket):
        yield
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    try:
        yield
    finally:
        if sock.fileno() >= 0:  # paho closes it itself when the line is lost
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
