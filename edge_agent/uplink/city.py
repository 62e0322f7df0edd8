"""The gateway's way to the city: connects, stays connected, speaks the contract's topics and checks its signatures.

Fulfils ports.Uplink. It sends nothing on its own but state and will, and it judges nothing: what to send, when, and
what an acknowledgement means is flows/publish.py; what a command may do is flows/command.py. Nothing is handed to paho
while there is no connection, and a publish whose connection drops counts as not sent.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent import log
from edge_agent.contract import topics
from edge_agent.contract.checkpoint import sign_checkpoint
from edge_agent.contract.commanders import Keyring
from edge_agent.contract.envelope import write_envelope
from edge_agent.contract.messages import BirthMessage, RotationMessage, StateMessage, seal
from edge_agent.contract.signatures import PrivateKey, PublicKey
from edge_agent.contract.telemetry import TelemetryMessage
from edge_agent.errors import UplinkError
from edge_agent.model import site
from edge_agent.model.ack import Ack
from edge_agent.model.commands import Delivery, Listed
from edge_agent.model.encoding import canonical
from edge_agent.model.events import Row
from edge_agent.ports import Beat, Birth, Clock, Health, Sent
from edge_agent.uplink.broker import JSON, REFUSED, Connection, Incoming, Login
from edge_agent.uplink.inbox import Inbox, Seldom
from edge_agent.uplink.login import files, login
from edge_agent.uplink.retry import AT_LEAST_S, Patience

CONTENT_S = 5.0  # a retained message comes with the subscription
EVENT_TYPE = "application/cloudevents+json"
# A person has to change something before the broker's answer can be another one.
REFUSALS = {
    "uplink.login_refused", "uplink.topic_refused", "uplink.taken_over", "uplink.mqtt_version",
    "uplink.certificate_name", "uplink.certificate_key", "uplink.certificate_expired", "uplink.certificate_early",
    "uplink.client_refused",
}  # fmt: skip
LOGIN_REFUSED = "uplink.login_refused"  # the circuit opens: a broker counts wrong passwords, and may lock us out
DROPS_BEFORE_REPORT = 5  # Mosquitto 2.0 drops the older of two clients with one name without a word

logger = log.get("uplink")

Report = Callable[[str, str], None]


class Keys(msgspec.Struct, frozen=True):
    """`signing` is the gateway's own, `rotation` how it followed from earlier ones; `city_ack` and `commanders` tell
    the city's word from anybody's.
    """

    signing: PrivateKey
    city_ack: PublicKey
    commanders: Keyring
    rotation: tuple[RotationMessage, ...] = ()


class MqttUplink:
    """`base`: directory that relative paths of the settings start from; `report(what, detail)`: for the journal."""

    def __init__(
        self,
        gateway: str,
        settings: site.Uplink,
        base: Path,
        keys: Keys,
        clock: Clock,
        *,
        agent: str,
        config: str,
        report: Report = lambda what, detail: None,
        chance: random.Random | None = None,
    ) -> None:
        self.gateway, self.settings, self.base, self.keys, self.clock = gateway, settings, base, keys, clock
        self.agent, self.config, self.report = agent, config, report
        self._chance = chance or random.Random()
        self._connection: Connection | None = None
        self._sessions = 0
        self._up = asyncio.Event()
        self._bdseq = 0
        self._online = False  # this session's state was published
        self._returning = False  # left by ourselves: nobody has to be spared the return
        self._city_away, self._city_bdseq = False, -1
        self._inbox = Inbox(keys.city_ack, keys.commanders)
        self._seldom = Seldom()
        self._fetching: dict[str, asyncio.Future[bytes]] = {}

    @property
    def bad_acks(self) -> int:
        """Acknowledgements that were not the city's."""
        return self._inbox.bad_acks

    @property
    def session(self) -> int:
        return self._sessions if self._connection is not None else 0

    @property
    def window(self) -> int:
        return self._connection.window if self._connection is not None else 1

    @property
    def city_away(self) -> bool:
        """Only while the city's STATE says so; a city that has none is never away."""
        return self._city_away

    @property
    def answered(self) -> bool:
        return self._connection is not None and (self._inbox.answered or self.settings.confirm == "broker")

    def stream(self, tag: str) -> str:
        return topics.of_event(self.gateway, tag)

    async def connected(self) -> int:
        while self._connection is None:
            await self._up.wait()
        return self._sessions

    async def run(self, beat: Beat) -> None:
        """Keep a connection until cancelled."""
        patience = Patience(time.monotonic(), self._chance, self.settings.reconnect_spread_s)
        while True:
            beat()
            began, before = time.monotonic(), self._sessions
            try:
                await self._stay_connected(beat)
            except UplinkError as error:
                now, returning, self._returning = time.monotonic(), self._returning, False
                refused = error.code in REFUSALS
                self._complain(error, refused)
                if self._sessions > before and patience.held(began, now) == DROPS_BEFORE_REPORT:
                    self._complain(self._dropped(patience.drops), refused=True)
                if returning:
                    wait_s = AT_LEAST_S
                elif error.code == LOGIN_REFUSED:
                    wait_s = patience.circuit_s()
                else:
                    wait_s = patience.refused_s() if refused else patience.next_s(now)
            await self._pause(wait_s, beat)

    async def birth(self, birth: Birth) -> None:
        """Say who we are, signed; then that we are online. Whether the city heard shows in its acknowledgement."""
        now = self.clock.now()
        message = BirthMessage(
            gateway=self.gateway,
            agent=self.agent,
            epoch=birth.epoch,
            first=birth.first,
            last=birth.last,
            acked=birth.acked,
            boot_id=now.boot_id,
            up_ms=now.up_ms,
            clock=now.state.value,
            config=self.config,
            credentials=birth.credentials,
            bdseq=self._bdseq,
            doors=birth.doors,
            rotation=self.keys.rotation,
        )
        await self._send(topics.up(self.gateway, "birth"), seal(message, self.keys.signing))
        if not self._online:
            self._online = True
            await self._send(*self._state("online"), retain=True)

    def publish(self, row: Row, historic: bool) -> asyncio.Future[Sent]:
        topic = topics.of_event(self.gateway, row.tag)
        return self._send(topic, write_envelope(row, self.gateway, historic), content_type=EVENT_TYPE)

    def vouch(self, epoch: str, seq: int, hash_: bytes) -> None:
        statement = sign_checkpoint(self.gateway, epoch, seq, hash_, False, self.keys.signing)
        self._send(topics.up(self.gateway, "mark"), statement)

    def tell(self, health: Health) -> None:
        if self._connection is None:
            return
        message = TelemetryMessage(
            gateway=self.gateway,
            agent=self.agent,
            config=self.config,
            boot_id=self.clock.now().boot_id,
            **msgspec.structs.asdict(health),
        )
        self._connection.tell(topics.up(self.gateway, "tel"), canonical(message))

    async def ack(self) -> Ack:
        return await self._inbox.acks.get()

    async def command(self) -> Delivery:
        return await self._inbox.next_command()

    async def listed(self) -> Listed:
        return await self._inbox.next_list()

    async def content(self, sha256: str, size: int) -> bytes | None:
        """Retained content is fetched by subscribing to it: it comes at once, or it is not there."""
        connection = self._connection
        if connection is None:
            return None
        return await self._fetch(connection, topics.content(self.gateway, sha256), size)

    def reconnect(self) -> None:
        """Leave, and come back soon with the certificate that is on the disk now."""
        if self._connection is not None:
            self._returning = True
            self._connection.close(self._state("offline"))

    def accept(self, token: int) -> None:
        mid = self._inbox.accepted(token)
        if mid is not None and self._connection is not None:
            self._connection.acknowledge(mid)

    async def _stay_connected(self, beat: Beat) -> None:
        """One connection, from its beginning to the UplinkError that ends it."""
        self._bdseq = max(self._bdseq + 1, self.clock.now().up_ms)
        connection = Connection(self._login(), self._take, self._refused)
        try:
            await connection.open()
            await self._listen(connection)
            self._begin(connection)
            while not connection.ended.is_set():
                beat()
                connection.tick()
                await _until_set(connection.ended, 1.0)
            raise connection.why or UplinkError("uplink.lost", where=connection.login.where, why="")
        finally:
            self._connection = None
            self._city_away, self._city_bdseq = False, -1
            self._inbox.forget_session()
            self._up.clear()
            connection.close(self._state("offline"))

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self._sessions += 1
        self._online = False
        self._up.set()
        logger.info("connected to %s (MQTT %s)", connection.login.where, self.settings.mqtt)

    def _login(self) -> Login:
        return login(self.settings, self.gateway, self.base, self._state("offline"), self.clock.now())

    async def _listen(self, connection: Connection) -> None:
        """Subscribe to the city's topics. Without acknowledgements there is nothing to be done here; a gateway that
        may not hear commands goes on without them."""
        wanted = [topics.down(self.gateway, "cmd"), topics.down(self.gateway, "cfg")]
        if self.settings.confirm == "city":
            wanted = [topics.down(self.gateway, "ack"), *wanted, topics.host(self.settings.region)]
        codes = await connection.subscribe(wanted)
        for topic, code in zip(wanted, codes, strict=True):
            if code < REFUSED:
                continue
            error = self._topic_refused(connection, topic, f"code {code:#x} to SUBSCRIBE")
            if topic.endswith("/ack"):
                raise error
            if topic == topics.host(self.settings.region):  # nothing is lost: the city's silence says the same, later
                logger.info("%s", error)
            else:
                self._complain(error, refused=True)

    def _send(
        self, topic: str, payload: bytes, *, retain: bool = False, content_type: str = JSON
    ) -> asyncio.Future[Sent]:
        if self._connection is not None:
            return self._connection.publish(topic, payload, retain=retain, content_type=content_type)
        nowhere: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        nowhere.set_result(Sent(False, why="not connected"))
        return nowhere

    def _refused(self, connection: Connection, topic: str, sent: Sent) -> None:
        if sent.code >= REFUSED:
            self._complain(self._topic_refused(connection, topic, f"{sent.why}, {sent.code:#x}"), refused=True)
        elif self._seldom("nobody"):
            logger.warning("nobody is subscribed to %s: is the city's ingest worker running?", topic)

    def _take(self, connection: Connection, incoming: Incoming) -> None:
        """A command is acknowledged to the broker when it is accepted, everything else at once."""
        done: int | None = incoming.mid
        if incoming.topic == topics.down(self.gateway, "cmd"):
            done = self._inbox.take_command(incoming)
        elif incoming.topic == topics.down(self.gateway, "ack"):
            self._inbox.take_ack(incoming.payload)
        elif incoming.topic == topics.down(self.gateway, "cfg"):
            self._inbox.take_list(incoming.payload, self.gateway)
        elif incoming.topic == topics.host(self.settings.region):
            self._take_host(incoming.payload)
        elif (waiting := self._fetching.get(incoming.topic)) is not None and not waiting.done():
            waiting.set_result(incoming.payload)
        if done is not None:
            connection.acknowledge(done)

    async def _fetch(self, connection: Connection, topic: str, size: int) -> bytes | None:
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._fetching[topic] = waiting
        try:
            codes = await connection.subscribe([topic])
            if codes[0] >= REFUSED:
                self._complain(self._topic_refused(connection, topic, f"code {codes[0]:#x} to SUBSCRIBE"), refused=True)
                return None
            async with asyncio.timeout(CONTENT_S):
                payload = await waiting
            return payload if len(payload) == size else None
        except TimeoutError:
            return None
        finally:
            del self._fetching[topic]
            connection.unsubscribe(topic)

    def _take_host(self, payload: bytes) -> None:
        """Not signed, and need not be: it can only make us wait, as can whoever owns the broker anyway. An `offline`
        that is not of the one who last said `online` is of a worker that another has followed.
        """
        try:
            said = msgspec.json.decode(payload, type=StateMessage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if self._seldom("host"):
                logger.warning("the city's state cannot be read: it counts as online")
            self._city_away = False
            return
        if said.state == "online":
            self._city_away, self._city_bdseq = False, said.bdseq
        elif self._city_bdseq in (-1, said.bdseq):
            self._city_away = True

    def _state(self, state: str) -> tuple[str, bytes]:
        message = StateMessage("online" if state == "online" else "offline", self._bdseq)
        return topics.up(self.gateway, "state"), canonical(message)

    def _topic_refused(self, connection: Connection, topic: str, why: str) -> UplinkError:
        return UplinkError(
            "uplink.topic_refused", where=connection.login.where, topic=topic, why=why, gateway=self.gateway
        )

    def _dropped(self, count: int) -> UplinkError:
        return UplinkError("uplink.dropped", where=self.settings.url, count=count, client=self.gateway)

    def _complain(self, error: UplinkError, refused: bool) -> None:
        """In the log at a bounded rate; a refusal also in the journal, because somebody has to act."""
        if not self._seldom(f"{error.code} {error.fields.get('topic', '')}"):
            return
        logger.log(logging.ERROR if refused else logging.WARNING, "%s", error)
        if refused:
            self.report("uplink_refused", str(error))

    async def _pause(self, seconds: float, beat: Beat) -> None:
        """A login that somebody has changed meanwhile is tried soon."""
        until, before = time.monotonic() + seconds, files(self.settings, self.base)
        while (left := until - time.monotonic()) > 0:
            beat()
            await asyncio.sleep(min(left, 5.0))
            if files(self.settings, self.base) != before:
                return


async def _until_set(event: asyncio.Event, seconds: float) -> None:
    """Not with wait_for: Python 3.11's swallows a cancellation that comes together with the event."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
