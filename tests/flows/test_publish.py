"""Publishing against a broker and a city that lose, refuse and come back empty."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from edge_agent.flows import publish
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.publish import Publisher
from edge_agent.model.ack import Ack
from edge_agent.model.events import AgentStarted, DoorForced, DoorOpened, Row
from edge_agent.ports import Sent
from tests.flows.world import MemoryBooks, MemoryClock, MemoryJournal, MemoryUplink, no_beat
from tests.waiting import auntil


class Line:
    def __init__(self, confirm: str = "city") -> None:
        self.clock, self.uplink, self.journal = MemoryClock(), MemoryUplink(), MemoryJournal()
        alarms = Alarms(self.journal, self.clock)
        self.flow = Publisher(self.uplink, self.journal, MemoryBooks(), self.clock, alarms, ("gate",), confirm)

    def happen(self, count: int) -> None:
        for _ in range(count):
            self.journal.record(DoorOpened(door="gate"))

    def answer(self, upto: int, **more: object) -> None:
        self.uplink.acks.put_nowait(Ack(self.journal.epoch, upto, **more))  # type: ignore[arg-type]


def play(story: Callable[[Line], Awaitable[None]], confirm: str = "city") -> None:
    async def run() -> None:
        line = Line(confirm)
        job = asyncio.create_task(line.flow.run(no_beat))
        try:
            await story(line)
        finally:
            job.cancel()

    asyncio.run(run())


def test_nothing_is_sent_before_the_city_has_answered_the_birth() -> None:
    async def story(line: Line) -> None:
        line.happen(3)
        line.uplink.up()
        await auntil(lambda: line.uplink.births)
        assert line.uplink.sent == []
        assert (line.uplink.births[0].last, line.uplink.births[0].credentials) == (3, "7")
        line.answer(0)
        await auntil(lambda: line.uplink.stored == [1, 2, 3])

    play(story)


def test_the_birth_is_repeated_until_somebody_listens() -> None:
    async def story(line: Line) -> None:
        line.uplink.up()
        await auntil(lambda: len(line.uplink.births) >= 2, timeout=5)

    play(story)


def test_stored_means_the_city_said_so() -> None:
    async def story(line: Line) -> None:
        line.uplink.watermark = 0
        line.uplink.up()
        line.happen(3)
        await auntil(lambda: line.uplink.stored == [1, 2, 3])
        assert line.journal.acked == 0
        line.answer(2)
        await auntil(lambda: line.journal.acked == 2)

    play(story)


def test_a_city_that_answers_about_another_journal_confirms_nothing() -> None:
    async def story(line: Line) -> None:
        line.uplink.up()
        line.happen(2)
        line.uplink.acks.put_nowait(Ack("f" * 32, 2))
        await auntil(lambda: line.uplink.births)
        line.answer(0)
        await auntil(lambda: line.uplink.stored == [1, 2])
        assert line.journal.acked == 0

    play(story)


def test_the_alarm_overtakes_the_backlog() -> None:
    async def story(line: Line) -> None:
        line.happen(40)
        line.journal.record(DoorForced(door="gate"))
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: len(line.uplink.stored) == 41)
        assert line.uplink.stored[0] == 41
        assert line.uplink.stored[1:] == list(range(1, 41))

    play(story)


def test_after_a_reconnect_everything_unconfirmed_goes_again() -> None:
    async def story(line: Line) -> None:
        line.happen(4)
        line.uplink.watermark = 1
        line.uplink.up()
        await auntil(lambda: line.uplink.stored == [2, 3, 4])
        line.uplink.down()
        line.uplink.stored.clear()
        line.uplink.up()
        await auntil(lambda: line.uplink.stored == [2, 3, 4])

    play(story)


def test_an_event_the_city_refuses_for_good_is_buried_and_announced() -> None:
    async def story(line: Line) -> None:
        line.happen(3)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: line.uplink.stored == [1, 2, 3])
        for _ in range(5):
            line.answer(1, refused=((2, "schema"),))
        await auntil(lambda: line.journal.dead == [(2, "schema")])
        await auntil(lambda: "gap.announced" in line.journal.tags())
        line.answer(5)
        await auntil(lambda: line.journal.acked == 5)

    play(story)


def test_a_broker_that_forbids_the_topic_loses_nothing_and_is_noticed() -> None:
    async def story(line: Line) -> None:
        line.uplink.refuse = {1: Sent(False, 0x87, "not authorized")}
        line.happen(1)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: "agent.degraded" in line.journal.tags())
        assert line.journal.acked == 0
        line.uplink.refuse.clear()
        await auntil(lambda: 1 in line.uplink.stored, timeout=8)

    play(story)


def test_a_row_lost_while_later_ones_are_fetched_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane goes back to the lost row; the rows that were on their way from the disk must not carry it on again."""
    monkeypatch.setattr(publish, "REFUSED_PAUSE_S", 0.3)

    async def story(line: Line) -> None:
        rows = line.journal.rows

        async def slow(after: int, limit: int, urgent: bool | None = None) -> list[Row]:
            found = await rows(after, limit, urgent)
            if found and after == 2:
                await auntil(lambda: line.flow.outbox.position(False) == 0)  # row 1 was given up meanwhile
            return found

        monkeypatch.setattr(line.journal, "rows", slow)
        line.uplink.refuse = {1: Sent(False, 0x97, "quota")}
        line.happen(2)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: 2 in line.uplink.stored)
        line.uplink.refuse.clear()
        line.happen(1)
        await auntil(lambda: {1, 2, 3, 4} <= set(line.uplink.stored), what=lambda: line.uplink.stored)

    play(story)


def test_confirm_by_the_broker_needs_no_city() -> None:
    async def story(line: Line) -> None:
        line.journal.record(AgentStarted(version="0", after="first"))
        line.happen(3)
        line.uplink.up()
        await auntil(lambda: line.journal.acked == 4)

    play(story, confirm="broker")


def test_what_waited_long_is_marked_historic() -> None:
    async def story(line: Line) -> None:
        line.happen(1)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: line.uplink.sent == [(1, False)])
        line.uplink.down()
        line.clock.up_ms += 61_000
        line.uplink.up()
        await auntil(lambda: line.uplink.sent[1:] == [(1, True)])

    play(story)
