"""The city's ingest worker: takes what gateways send, stores it, and only then says so.

For each batch: judge, commit, acknowledge to the gateways (signed, cumulative), acknowledge to the broker. Any step may
be cut short at any time: what is not acknowledged comes again, and storing twice changes nothing. Several workers may
share one database; none assumes that it sees a gateway's events in order, or all of them.
"""

import asyncio
import contextlib
import random
import time
from pathlib import Path

from edge_agent import log
from edge_agent.city.broker import Arrived, BrokerAddress, CityConnection
from edge_agent.city.intake import Born, Intake, Refused, State
from edge_agent.city.store import CityRow, CityStore, KnownGateway, Watermark
from edge_agent.contract import topics
from edge_agent.contract.envelope import iso_time, source_of
from edge_agent.contract.messages import ACK_EXPIRY_S, AckMessage, BirthMessage, Refusal, seal
from edge_agent.contract.signatures import PrivateKey
from edge_agent.errors import EdgeAgentError, UplinkError

BATCH = 500
WAITING = 2000  # messages read from the broker and not yet stored; beyond it they are dropped and come again
CREDIT = 200
ISLANDS = 200  # in one acknowledgement; the gateway sends again what it does not see
RETRY_S = (0.2, 1.5)
REFUSED_LOG_S = 1.0  # all of them are in the quarantine

logger = log.get("city.ingest")


class IngestWorker:
    """`store` is only used from the loop that runs `run`; `client_id` must differ between workers of one broker."""

    def __init__(
        self,
        address: BrokerAddress,
        store: CityStore,
        ack_key: PrivateKey,
        gateways: Path,
        client_id: str = "city-ingest",
    ) -> None:
        self.address, self.store, self.client_id = address, store, client_id
        self.stored = 0
        self.refused = 0
        self.listening = asyncio.Event()  # set while subscribed
        self._ack_key = ack_key
        self._intake = Intake(gateways)
        self._waiting: asyncio.Queue[Arrived] = asyncio.Queue(WAITING)
        self._last_now_ms = 0
        self._say_again_s = 0.0

    async def run(self) -> None:
        """Work until cancelled. A broker that is away and a database that fails are waited for."""
        while True:
            try:
                await self._work()
            except EdgeAgentError as error:
                logger.warning("%s", error)
            await asyncio.sleep(random.uniform(*RETRY_S))

    async def _work(self) -> None:
        """One connection, from its beginning to the error that ends it."""
        self._waiting = asyncio.Queue(WAITING)
        connection = CityConnection(self.address, self.client_id, self._arrived)
        try:
            await connection.open()
            await connection.subscribe(self._subscriptions(connection.shared))
            self.listening.set()
            while True:
                self._digest(connection, await self._next_batch(connection))
        finally:
            self.listening.clear()
            await connection.close()

    def _subscriptions(self, shared: bool) -> list[str]:
        prefix = "$share/ingest/" if shared else ""
        logger.info(
            "listening at %s, %s",
            self.address.url,
            "sharing the work with other workers" if shared else "alone: this connection has no shared subscriptions",
        )
        # Retained messages do not come through a shared subscription, and every worker may know every state.
        return [
            *(f"{prefix}{topics.up('+', kind)}" for kind in (*topics.EVENT_KINDS, "birth")),
            topics.up("+", "state"),
        ]

    def _arrived(self, message: Arrived) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(message)

    async def _next_batch(self, connection: CityConnection) -> list[Arrived]:
        """What is there, at least one. Raises UplinkError when the connection has ended."""
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

    def _digest(self, connection: CityConnection, batch: list[Arrived]) -> None:
        rows: list[CityRow] = []
        answers: dict[tuple[str, str], list[Refusal]] = {}
        for message in batch:
            verdict = self._intake.judge(message.topic, message.payload)
            match verdict:
                case CityRow():
                    rows.append(verdict)
                    answers.setdefault((verdict.source, verdict.epoch), [])
                case Born():
                    self._meet(verdict.message)
                    answers.setdefault((source_of(verdict.message.gateway), verdict.message.epoch), [])
                case State():
                    self.store.set_state(source_of(verdict.gateway), verdict.message.state, verdict.message.bdseq)
                case Refused():
                    self._put_away(message, verdict, answers)
        if rows:
            self.stored += self.store.store(rows)
        for (source, epoch), refusals in answers.items():
            self._answer(connection, source, epoch, refusals)
        for message in batch:
            connection.acknowledge(message.mid)

    def _meet(self, birth: BirthMessage) -> None:
        source = source_of(birth.gateway)
        before = self.store.remember(
            KnownGateway(
                source=source,
                epoch=birth.epoch,
                boot_id=birth.boot_id,
                up_ms=birth.up_ms,
                heard_ms=time.time_ns() // 1_000_000,
                bdseq=birth.bdseq,
                state="online",
                agent=birth.agent,
            )
        )
        if before is None:
            logger.info("%s: first birth, agent %s", birth.gateway, birth.agent)
        elif before != birth.epoch:
            logger.warning("%s: a new journal (epoch %s…, before %s…)", birth.gateway, birth.epoch[:8], before[:8])

    def _put_away(self, message: Arrived, refused: Refused, answers: dict[tuple[str, str], list[Refusal]]) -> None:
        self.refused += 1
        if time.monotonic() >= self._say_again_s:
            self._say_again_s = time.monotonic() + REFUSED_LOG_S
            logger.warning("refused on %s: %s (%d so far)", message.topic, refused.reason, self.refused)
        self.store.quarantine(message.topic, refused.reason, message.payload)
        if refused.at is not None:
            source, epoch, seq = refused.at
            answers.setdefault((source, epoch), []).append(Refusal(seq, refused.reason[:200]))

    def _answer(self, connection: CityConnection, source: str, epoch: str, refusals: list[Refusal]) -> None:
        mark = self.store.watermark(source, epoch) or Watermark(epoch)
        message = AckMessage(
            epoch=epoch,
            upto=mark.upto,
            have=mark.have[:ISLANDS],
            refused=tuple({refusal.seq: refusal for refusal in refusals}.values()),
            credit=CREDIT,
            now=self._now(),
        )
        gateway = source.removeprefix(source_of(""))
        connection.send(topics.down(gateway, "ack"), seal(message, self._ack_key), ACK_EXPIRY_S)

    def _now(self) -> str:
        """The city's time; never the same twice, so that a gateway can tell a repeated message from a new one."""
        self._last_now_ms = max(self._last_now_ms + 1, time.time_ns() // 1_000_000)
        return iso_time(self._last_now_ms)
