"""Publish: everything the journal accepted reaches the city, urgent rows first, live ones before those that waited,
and counts as delivered only when the city says that it is stored.

A session: introduce ourselves (a signed birth, until the city answers), then send what the city has not got, within
the broker's window and the city's credit, as long as the city does not say that it is away. Nothing is remembered
about a session beyond it.
"""

import asyncio
import random
from contextlib import suppress
from functools import partial

from edge_agent import log
from edge_agent.core.outbox import Lane, Outbox
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.lanes import Lanes
from edge_agent.model.events import GapAnnounced, Row
from edge_agent.ports import Beat, Birth, Books, Clock, Journal, Sent, Uplink
from edge_agent.words import told

HISTORIC_AFTER_MS = 60_000
BIRTH_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
JITTER = (0.75, 1.25)  # of the patience with a city that does not answer
AWAY_LOOK_S = 0.5
NOBODY_SUBSCRIBED = 0x10  # MQTT 5 reason code of a PUBACK

logger = log.get("flows.publish")


class Publisher:
    def __init__(
        self,
        uplink: Uplink,
        journal: Journal,
        books: Books,
        clock: Clock,
        alarms: Alarms,
        doors: tuple[str, ...],
        confirm: str,
        chance: random.Random | None = None,
    ) -> None:
        self.uplink, self.journal, self.books, self.clock, self.alarms = uplink, journal, books, clock, alarms
        self.doors, self.confirm = doors, confirm
        chance = chance or random.Random()
        self.outbox = Outbox(journal.acked, journal.last, lambda: chance.uniform(*JITTER))
        self.lanes = Lanes(journal, uplink, self.outbox)
        self._answered = asyncio.Event()
        self._silent = False  # told that the city does not acknowledge
        self._wake = asyncio.Event()
        self._flying: set[asyncio.Future[Sent]] = set()

    async def run(self, beat: Beat) -> None:
        async with asyncio.TaskGroup() as jobs:
            jobs.create_task(self._hear())
            jobs.create_task(self._notice())
            while True:
                session = await self.uplink.connected()
                await self._introduce(session, beat)
                self.outbox.again(self.journal.last)
                await self._drain(session, beat)

    async def _introduce(self, session: int, beat: Beat) -> None:
        """Send the birth until the city has answered it (or this session ends)."""
        self._answered.clear()
        waits = iter(BIRTH_AGAIN_S)
        while self.uplink.session == session:
            beat()
            await self.uplink.birth(
                Birth(
                    epoch=self.journal.epoch,
                    first=self.journal.first,
                    last=self.journal.last,
                    acked=self.outbox.acked,
                    credentials=self.books.current.version,
                    doors=self.doors,
                )
            )
            if self.confirm == "broker":
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(next(waits, BIRTH_AGAIN_S[-1])):
                    await self._answered.wait()
                return

    async def _drain(self, session: int, beat: Beat) -> None:
        while self.uplink.session == session:
            beat()
            self._wake.clear()
            if self.uplink.city_away:
                await self._wait_for_the_city(session, beat)
            if self.outbox.overdue(self._now()):
                self._unanswered()
            if await self._send_some():
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._wake.wait()

    def _unanswered(self) -> None:
        """Sent, taken by the broker, and not acknowledged. Once for each silence also in the journal: on MQTT 3.1.1
        this is all that shows of an access list that lets nothing through.
        """
        logger.info("no acknowledgement for too long: sending again from %d", self.outbox.acked + 1)
        if not self._silent:
            self._silent = True
            self.alarms.degraded("uplink_unanswered", told("degraded_why.uplink_unanswered"))
        self.outbox.again(self.journal.last)

    async def _wait_for_the_city(self, session: int, beat: Beat) -> None:
        """The city says itself that it takes nothing now: what happens waits in the journal."""
        logger.warning("the city says that it is offline: events wait")
        while self.uplink.session == session and self.uplink.city_away:
            beat()
            await asyncio.sleep(AWAY_LOOK_S)
        logger.info("the city is back: sending from %d", self.outbox.acked + 1)
        self.outbox.again(self.journal.last)

    async def _send_some(self) -> bool:
        """Start as many publishes as window and credit allow; True when something was started."""
        started, now = False, self.clock.now()
        while min(self.uplink.window - len(self._flying), self.outbox.room) > 0:
            found = await self.lanes.next(now.up_ms)
            if found is None:
                break
            lane, row = found
            historic = row.boot_id != now.boot_id or now.up_ms - row.up_ms > HISTORIC_AFTER_MS
            if lane == "live" and historic:
                self.outbox.fallen_behind(self.journal.last)
            elif self.outbox.take(row.seq, lane, now.up_ms):
                flight = asyncio.ensure_future(self.uplink.publish(row, historic))
                self._flying.add(flight)
                flight.add_done_callback(partial(self._landed, row, lane))
            started = True
        return started

    def _landed(self, row: Row, lane: Lane, flight: asyncio.Future[Sent]) -> None:
        """What the broker said of `row`."""
        self._flying.discard(flight)
        self._wake.set()
        if flight.cancelled():
            return
        sent = flight.result()
        if sent.accepted:
            self.lanes.taken(row)
            if self.confirm == "broker":
                self._confirmed(row)
            return
        if sent.code:
            self._refused(row, lane, sent)
        else:  # the connection broke: nobody refused anything
            self.outbox.lost(row.seq)

    def _confirmed(self, row: Row) -> None:
        """The broker's word is all there will be. As with the city, an announced gap closes what it names."""
        self.outbox.confirmed(row.seq, row.seq)
        if row.tag == GapAnnounced.tag and isinstance(gap := row.event, GapAnnounced):
            if gap.epoch == self.journal.epoch and gap.from_seq <= gap.to_seq < row.seq:
                self.outbox.confirmed(gap.from_seq, gap.to_seq)
        self.journal.confirm(self.outbox.acked)

    def _refused(self, row: Row, lane: Lane, sent: Sent) -> None:
        """The broker said no: nothing is lost, that topic stops, and somebody must look at
        the broker's permissions. Nobody being subscribed is no refusal: the city is away, and it comes back. The alarm
        about refused events is not a cause for itself.
        """
        away = sent.code == NOBODY_SUBSCRIBED
        news = self.lanes.stop(row, self._now(), away)
        self.lanes.hold(row, lane)
        self.outbox.refused(row.seq)
        if news and not away and row.tag != "agent.degraded":
            self.alarms.degraded("uplink_refused", told("degraded_why.uplink_refused", why=sent.why or sent.code))

    async def _hear(self) -> None:
        """Acknowledgements, as they come."""
        while True:
            ack = await self.uplink.ack()
            if ack.epoch != self.journal.epoch:
                logger.info("the city answered about another journal (epoch %s…): not ours any more", ack.epoch[:8])
                continue
            for seq, reason in self.outbox.acknowledge(ack, self.journal.last):
                await self._bury(seq, reason)
            self.journal.confirm(self.outbox.acked)
            if ack.now_ms:
                now = self.clock.now()
                self.clock.at_least(ack.now_ms, now.boot_id, now.up_ms)
            self.lanes.heard()
            self._silent = False
            self._answered.set()
            self._wake.set()

    async def _bury(self, seq: int, reason: str) -> None:
        """A row the city will never take leaves the way free and is announced; the announcement moves the city on."""
        await self.journal.dead_letter(seq, reason)
        self.journal.record(GapAnnounced(epoch=self.journal.epoch, from_seq=seq, to_seq=seq, why=reason))
        self.alarms.degraded("dead_letter", told("degraded_why.dead_letter", seq=seq, reason=reason))

    async def _notice(self) -> None:
        """New rows wake the sender."""
        while True:
            await self.journal.changed(self.journal.last)
            self._wake.set()

    def _now(self) -> int:
        return self.clock.now().up_ms
