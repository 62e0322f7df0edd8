"""For authors of platforms: events in, each once and checked; commands out, signed. See docs/platform-sdk.md.

    async with Platform(BrokerAddress("mqtts://broker:8884", ca=…, cert=…, key=…), Path("city")) as platform:
        async for batch in platform.batches():
            my_database.insert(batch.events)      # commit
            batch.acknowledge()                   # only now may the gateways forget them

The order is the point: acknowledge after your commit. A batch that is not acknowledged comes again. One that you
committed and could not acknowledge, because the power went, comes again, too: insert with ON CONFLICT (gateway, epoch,
seq) DO NOTHING and it is there once. Everything else that comes twice is kept from you by the watermarks in `folder`.

`folder` holds what `edge-agent keys init --city` makes: keys/city-ack.key, keys/city-command.key (only where commands
are sent), gateways/<id>.pub, and marks.db, which this module makes: how far each gateway's stream was acknowledged.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from edge_agent import log
from edge_agent.city.broker import REFUSED, Arrived, BrokerAddress, CityConnection
from edge_agent.city.command import CommandDesk, life_s, wire
from edge_agent.city.ingest import RETRY_S
from edge_agent.city.intake import Intake
from edge_agent.city.reception import GROUP, REGION, Judged, Reception
from edge_agent.city.rows import CityRow, Watermark
from edge_agent.city.store import CityStore
from edge_agent.contract import topics
from edge_agent.contract.envelope import source_of
from edge_agent.contract.messages import COMMAND_TTL_S
from edge_agent.contract.signatures import load_private
from edge_agent.errors import EdgeAgentError, UplinkError

__all__ = ["Batch", "BrokerAddress", "Event", "Platform"]

logger = log.get("city.sdk")


class Event(msgspec.Struct, frozen=True):
    """One event. (gateway, epoch, seq) is unique; seq orders a gateway's events within an epoch, arrival does not.

    `tag` and `data`: docs/reference/events.md. `time`: ISO 8601, by the gateway's clock, whose quality is `clock`
    (synced, holdover, unset). `historic`: it happened more than a minute before it was sent.
    """

    gateway: str
    epoch: str
    seq: int
    tag: str
    subject: str
    time: str
    clock: str
    historic: bool
    data: dict[str, Any]


class Batch:
    """Events nobody has acknowledged yet, of any gateways, in no particular order."""

    def __init__(self, platform: "Platform", judged: Judged, fresh: list[CityRow]) -> None:
        self.events = [_event(row) for row in fresh]
        self._platform, self._judged = platform, judged

    def acknowledge(self) -> None:
        """They are in your database: the gateways may forget them. Raises StoreError when the mark cannot be kept."""
        self._platform._settle(self._judged)


class Platform:
    """`name` differs between the processes at one broker; those that share the work share `group` and `folder`.

    `region`: as in `[uplink]` of its gateways; they wait while its STATE says that no process of it listens.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        folder: Path,
        name: str = "platform-1",
        group: str = GROUP,
        region: str = REGION,
    ) -> None:
        """Raises KeyFileError, StoreError."""
        self.broker, self.folder = broker, folder
        self._store = CityStore(folder / "marks.db")
        self._intake = Intake(folder / "gateways")
        ack_key = load_private(folder / "keys/city-ack.key")
        self._reception = Reception(broker, self._store, ack_key, self._intake, name, group, region)
        self.listening = self._reception.listening

    async def __aenter__(self) -> "Platform":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reception.close()
        self._store.close()

    async def batches(self) -> AsyncIterator[Batch]:
        """Without end. A broker that is away is waited for; what does not validate is in marks.db's quarantine."""
        while True:
            try:
                await self._reception.open()
                while True:
                    judged = await self._reception.next()
                    if fresh := self._fresh(judged.rows):
                        yield Batch(self, judged, fresh)
                    else:
                        self._settle(judged)
            except EdgeAgentError as error:
                logger.warning("%s", error)
            finally:
                await self._reception.close()
            await asyncio.sleep(random.uniform(*RETRY_S))

    async def send(
        self,
        gateway: str,
        verb: str,
        *,
        issuer: str,
        door: str | None = None,
        args: dict[str, Any] | None = None,
        wait_s: float = 10.0,
    ) -> Event | None:
        """Send a signed command; the gateway's command.completed, .refused or .unknown, None when it stayed silent.

        What moves something lives as long as you wait (2 to 30 s; 30 when you do not) by the gateway's own clock, and
        is carried out at most once: after None, and those 2 s, it is not begun any more. What was begun in time says so
        with the events, as does what is versioned (grant, revoke, blacklist, configure, certify), which does not
        expire. Raises UplinkError: broker away, gateway never heard of (its birth tells its boot and uptime), or what
        no command can say (an issuer of more than 64 characters); KeyFileError; StoreError.
        """
        key = load_private(self.folder / "keys/city-command.key")
        order = CommandDesk(self._store, self.broker, key, issuer).make(gateway, verb, door, args, ttl_s=life_s(wait_s))
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

        def hear(message: Arrived) -> None:
            row = self._intake.judge(message.topic, message.payload)
            if isinstance(row, CityRow) and not answer.done():
                event = _event(row)
                if event.gateway == gateway and event.data.get("command") == order.id:
                    answer.set_result(event)
            connection.acknowledge(message.mid)

        connection = CityConnection(self.broker, f"sdk-{secrets.token_hex(4)}", hear)
        try:
            await connection.open()
            await connection.subscribe([topics.up(gateway, "rsp")])
            code = await connection.publish(topics.down(gateway, "cmd"), wire(order), COMMAND_TTL_S)
            if code >= REFUSED:
                raise UplinkError("uplink.refused", where=self.broker.url, why=f"code {code:#x} to a command")
            async with asyncio.timeout(wait_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            await connection.close()

    def _fresh(self, rows: Iterable[CityRow]) -> list[CityRow]:
        """What was not acknowledged before, each once."""
        marks: dict[tuple[str, str], Watermark] = {}
        fresh: dict[tuple[str, str, int], CityRow] = {}
        for row in rows:
            stream = (row.source, row.epoch)
            if stream not in marks:
                marks[stream] = self._store.watermark(*stream) or Watermark(row.epoch)
            mark = marks[stream]
            if row.seq > mark.upto and not any(first <= row.seq <= last for first, last in mark.have):
                fresh.setdefault((*stream, row.seq), row)
        return list(fresh.values())

    def _settle(self, judged: Judged) -> None:
        if judged.rows:
            self._store.note(judged.rows)
        self._reception.settle(judged)


def _event(row: CityRow) -> Event:
    data = msgspec.json.decode(row.body)
    gateway = row.source.removeprefix(source_of(""))
    return Event(gateway, row.epoch, row.seq, row.tag, row.subject, row.time, row.clock, row.historic, data)
