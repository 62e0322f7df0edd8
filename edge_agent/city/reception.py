"""Takes what gateways send, judges it, and answers them once it is safe. Who keeps it, and where, is not its matter.

For each batch: `next` judges, its caller commits, `settle` acknowledges: to the gateways (signed, cumulative), then to
the broker. Any step may be cut short at any time: what is not acknowledged comes again. Several receptions may share
one store; none assumes that it sees a gateway's events in order, or all of them.
"""

import asyncio
import contextlib
import time
from typing import Literal

import msgspec

from edge_agent import log
from edge_agent.city.broker import Arrived, BrokerAddress, CityConnection
from edge_agent.city.credit import credit, worth_telling
from edge_agent.city.intake import Born, Intake, Refused, State, Vouched
from edge_agent.city.rows import CityRow, KnownGateway, Watermark
from edge_agent.city.store import CityStore
from edge_agent.contract import topics
from edge_agent.contract.envelope import iso_time, source_of
from edge_agent.contract.messages import ACK_EXPIRY_S, AckMessage, BirthMessage, Refusal, StateMessage, seal
from edge_agent.contract.signatures import PrivateKey
from edge_agent.errors import UplinkError
from edge_agent.model.encoding import canonical

GROUP = "ingest"
REGION = "city"
BATCH = 500
WAITING = 2000  # messages read from the broker and not yet stored; beyond it they are dropped: gateways send again
SENDING_S = 30.0  # who was heard within this time shares the queue
REFUSALS = 50  # in one acknowledgement; each at most REASON long, so that all fit into it
REASON = 160
STATE_AGAIN_S = 0.2  # whoever may write STATE does not make a worker write without end
REFUSED_LOG_S = 1.0
QUARANTINED_AT_ONCE, QUARANTINED_A_SECOND = 1000, 20

logger = log.get("city.ingest")

Stream = tuple[str, str]  # source, epoch


class Judged(msgspec.Struct):
    """One batch. `answers`: who is owed an acknowledgement, with what was refused."""

    messages: list[Arrived]
    rows: list[CityRow]
    answers: dict[Stream, dict[int, str]]

    def refuse(self, at: tuple[str, str, int], reason: str) -> None:
        source, epoch, seq = at
        self.answers.setdefault((source, epoch), {})[seq] = reason


class Reception:
    """`store` is only used from the loop that calls; `client_id` must differ between workers of one broker.

    `group`: who shares the work. A client that a broker lets into the group, and then lets read nothing, takes its
    share of all events to nowhere: a name that only workers know keeps it out (docs/brokers). `region`: whose STATE
    says `online` while at least one reception works, so that gateways wait when there is none.
    """

    def __init__(
        self,
        address: BrokerAddress,
        store: CityStore,
        ack_key: PrivateKey,
        intake: Intake,
        client_id: str,
        group: str = GROUP,
        region: str = REGION,
    ) -> None:
        self.host = topics.host(region)
        self.address, self.client_id, self.group = address, client_id, group
        self.refused = 0
        self.listening = asyncio.Event()  # set while subscribed
        self._store, self._ack_key, self._intake = store, ack_key, intake
        self._waiting: asyncio.Queue[Arrived] = asyncio.Queue(WAITING)
        self._connection: CityConnection | None = None
        self._heard: dict[str, float] = {}  # source -> monotonic time of its last message
        self._last_now_ms = 0
        self._bdseq = 0
        self._state_again_s = 0.0
        self._saying: asyncio.TimerHandle | None = None
        self._say_again_s = 0.0
        self._places_left, self._places_at = float(QUARANTINED_AT_ONCE), time.monotonic()

    async def open(self) -> None:
        """One connection, subscribed. Raises UplinkError."""
        self._waiting = asyncio.Queue(WAITING)
        self._bdseq = max(self._bdseq + 1, time.time_ns() // 1_000_000)
        will = (self.host, self._state("offline"))
        connection = self._connection = CityConnection(self.address, self.client_id, self._arrived, will)
        await connection.open()
        await connection.subscribe(self._subscriptions(connection.shared))
        connection.send(self.host, self._state("online"), None, retain=True)
        self.listening.set()

    async def close(self) -> None:
        self.listening.clear()
        if self._connection is not None:
            await self._connection.close((self.host, self._state("offline")))

    async def next(self) -> Judged:
        """What is there, at least one message, judged. Raises UplinkError when the connection has ended."""
        judged = Judged(await self._next_batch(), [], {})
        for message in judged.messages:
            verdict = self._intake.judge(message.topic, message.payload)
            match verdict:
                case CityRow():
                    judged.rows.append(verdict)
                    self._owe(judged, verdict.source, verdict.epoch)
                case Born():
                    self._meet(verdict.message)
                    self._owe(judged, source_of(verdict.message.gateway), verdict.message.epoch)
                case State():
                    self._store.set_state(source_of(verdict.gateway), verdict.message.state, verdict.message.bdseq)
                case Vouched(said, statement):
                    self._store.vouched(source_of(said.gateway), said.epoch, said.seq, statement)
                case Refused():
                    self.put_away(judged, message, verdict)
        return judged

    def settle(self, judged: Judged) -> None:
        """Everything in `judged` is committed or put away: say so."""
        arrived: dict[Stream, list[int]] = {}
        for row in judged.rows:
            arrived.setdefault((row.source, row.epoch), []).append(row.seq)
        for stream, refusals in judged.answers.items():
            self._answer(stream, refusals, arrived.get(stream, []))
        for message in judged.messages:
            self._live().acknowledge(message.mid)

    def put_away(self, judged: Judged, message: Arrived, refused: Refused) -> None:
        """Into the quarantine; its gateway is told when the message said which event it was. Each write there waits for
        the disk, so that who floods us is counted and no more kept than QUARANTINED_A_SECOND.
        """
        self.refused += 1
        if time.monotonic() >= self._say_again_s:
            self._say_again_s = time.monotonic() + REFUSED_LOG_S
            logger.warning("refused on %s: %s (%d so far)", message.topic, refused.reason, self.refused)
        if self._places():
            self._store.quarantine(message.topic, refused.reason, message.payload)
        if refused.at is not None:
            judged.refuse(refused.at, refused.reason)

    def _places(self) -> bool:
        """One of the places in the quarantine, when there is one."""
        now = time.monotonic()
        since_s, self._places_at = now - self._places_at, now
        self._places_left = min(float(QUARANTINED_AT_ONCE), self._places_left + since_s * QUARANTINED_A_SECOND)
        if self._places_left < 1:
            return False
        self._places_left -= 1
        return True

    def _live(self) -> CityConnection:
        if self._connection is None:
            raise UplinkError("uplink.lost", where=self.address.url, why="not opened")
        return self._connection

    def _subscriptions(self, shared: bool) -> list[str]:
        prefix = f"$share/{self.group}/" if shared else ""
        logger.info(
            "listening at %s, %s",
            self.address.url,
            "sharing the work with other workers" if shared else "alone: this connection has no shared subscriptions",
        )
        # Retained messages do not come through a shared subscription, and every worker may know every state.
        return [
            *(f"{prefix}{topics.up('+', kind)}" for kind in (*topics.EVENT_KINDS, "birth", "mark")),
            topics.up("+", "state"),
            self.host,
        ]

    def _state(self, state: Literal["online", "offline"]) -> bytes:
        return canonical(StateMessage(state, self._bdseq))

    def _other_left(self, message: Arrived) -> None:
        """Another worker of the region has gone: the region goes on as long as this one is here."""
        self._live().acknowledge(message.mid)
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = msgspec.json.decode(message.payload, type=StateMessage)
            if said.state == "offline" and self._saying is None:
                wait_s = max(0.0, self._state_again_s - time.monotonic())
                self._saying = asyncio.get_running_loop().call_later(wait_s, self._still_here)

    def _still_here(self) -> None:
        self._saying = None
        if self.listening.is_set():
            self._state_again_s = time.monotonic() + STATE_AGAIN_S
            self._live().send(self.host, self._state("online"), None, retain=True)

    def _arrived(self, message: Arrived) -> None:
        if message.topic == self.host:
            self._other_left(message)
            return
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:  # its place in the broker's window must be free again, or that is used up in the end
            self._live().acknowledge(message.mid)

    async def _next_batch(self) -> list[Arrived]:
        connection = self._live()
        first = asyncio.ensure_future(self._waiting.get())
        ended = asyncio.ensure_future(connection.ended.wait())
        try:
            await asyncio.wait({first, ended}, return_when=asyncio.FIRST_COMPLETED)
            if connection.ended.is_set():
                raise UplinkError("uplink.lost", where=self.address.url, why=connection.why)
            batch = [first.result()]
        finally:
            first.cancel()
            ended.cancel()
        while len(batch) < BATCH and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch

    def _owe(self, judged: Judged, source: str, epoch: str) -> None:
        judged.answers.setdefault((source, epoch), {})
        self._heard[source] = time.monotonic()

    def _meet(self, birth: BirthMessage) -> None:
        now_ms = time.time_ns() // 1_000_000
        before = self._store.remember(
            KnownGateway(
                source=source_of(birth.gateway), epoch=birth.epoch, boot_id=birth.boot_id, up_ms=birth.up_ms,
                heard_ms=now_ms, bdseq=birth.bdseq, state="online", agent=birth.agent, first=birth.first,
                last=birth.last, seen_ms=now_ms,
            )
        )  # fmt: skip
        if before is None:
            logger.info("%s: first birth, agent %s", birth.gateway, birth.agent)
        elif before != birth.epoch:
            logger.warning("%s: a new journal (epoch %s…, before %s…)", birth.gateway, birth.epoch[:8], before[:8])

    def _answer(self, stream: Stream, refusals: dict[int, str], arrived: list[int]) -> None:
        source, epoch = stream
        mark = self._store.watermark(source, epoch) or Watermark(epoch)
        message = AckMessage(
            epoch=epoch,
            upto=mark.upto,
            have=worth_telling(mark.have, arrived),
            refused=tuple(Refusal(seq, _printable(refusals[seq])) for seq in sorted(refusals)[:REFUSALS]),
            credit=credit(self._waiting.qsize(), WAITING, self._sending()),
            now=self._now(),
        )
        gateway = source.removeprefix(source_of(""))
        self._live().send(topics.down(gateway, "ack"), seal(message, self._ack_key), ACK_EXPIRY_S)

    def _sending(self) -> int:
        """How many gateways were heard lately."""
        since = time.monotonic() - SENDING_S
        if len(self._heard) > 1:
            self._heard = {source: at for source, at in self._heard.items() if at >= since}
        return len(self._heard)

    def _now(self) -> str:
        """The city's time; never the same twice, so that a gateway can tell a repeated message from a new one."""
        self._last_now_ms = max(self._last_now_ms + 1, time.time_ns() // 1_000_000)
        return iso_time(self._last_now_ms)


def _printable(reason: str) -> str:
    """Six bytes of JSON a character at most, whatever a hostile message made the reason say."""
    return "".join(char if char.isprintable() else "?" for char in reason[:REASON])
