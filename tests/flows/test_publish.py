"""Publishing against a broker and a city that lose, refuse and come back empty."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.flows.alarm import Alarms
from edge_agent.flows.lanes import PAGE
from edge_agent.flows.publish import Publisher
from edge_agent.model.ack import Ack
from edge_agent.model.events import AgentStarted, AlertClosed, CommandRefused, DoorForced, DoorOpened, Row
from edge_agent.ports import Sent
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer
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
        line.clock.up_ms += 5_000
        await auntil(lambda: 1 in line.uplink.stored)

    play(story)


def test_a_row_lost_while_later_ones_are_fetched_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lane goes back to the lost row; the rows that were on their way from the disk must not carry it on again."""

    async def story(line: Line) -> None:
        rows, publish = line.journal.rows, line.uplink.publish
        asked = asyncio.Event()

        async def slow(after: int, limit: int, urgent: bool | None = None) -> list[Row]:
            found = await rows(after, limit, urgent)
            if found and after == 2 and not asked.is_set():
                asked.set()
                await auntil(lambda: line.flow.outbox.position("live") == 0)  # row 1 was given up meanwhile
            return found

        async def broken(row: Row, historic: bool) -> Sent:
            if row.seq == 1 and not asked.is_set():
                await asked.wait()
                return Sent(False, why="the connection broke")
            return await publish(row, historic)

        monkeypatch.setattr(line.journal, "rows", slow)
        monkeypatch.setattr(line.uplink, "publish", broken)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: line.uplink.births)
        line.happen(2)
        await auntil(lambda: 2 in line.uplink.stored)
        line.happen(1)
        await auntil(lambda: {1, 2, 3} <= set(line.uplink.stored), what=lambda: line.uplink.stored)
        assert asked.is_set()

    play(story)


def test_confirm_by_the_broker_needs_no_city() -> None:
    async def story(line: Line) -> None:
        line.journal.record(AgentStarted(version="0", after="first"))
        line.happen(3)
        line.uplink.up()
        await auntil(lambda: line.journal.acked == 4)

    play(story, confirm="broker")


def test_confirm_by_the_broker_goes_on_over_a_row_that_was_damaged(tmp_path: Path) -> None:
    """It is never sent: its announcement, once the broker has that, closes the gap, or nothing later is ever let go."""
    path = tmp_path / "journal.db"

    async def run() -> None:
        writer, clock, uplink = Writer(), MemoryClock(), MemoryUplink()
        journal = SqliteJournal(path, clock, writer)
        for n in range(10):
            await journal.record(DoorOpened(door=f"d{n}")).committed()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE events SET body = replace(body, 'd4', 'dX') WHERE seq = 5")
        flow = Publisher(uplink, journal, MemoryBooks(), clock, Alarms(journal, clock), ("gate",), "broker")
        job = asyncio.create_task(flow.run(no_beat))
        uplink.up()
        try:
            await auntil(lambda: journal.last == journal.acked == 11, what=lambda: (journal.acked, journal.last))
            assert 5 not in uplink.stored
        finally:
            job.cancel()
            await journal.close()
            writer.close()

    asyncio.run(run())


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


def test_what_happens_now_overtakes_what_waited_and_leaves_it_a_share() -> None:
    """A backlog of 400; while it drains, live rows go first, and of four sends one is the backlog's."""

    async def story(line: Line) -> None:
        line.happen(400)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: len(line.uplink.stored) >= 8)
        first = len(line.uplink.stored)
        line.happen(100)
        line.answer(0, credit=2000)
        await auntil(lambda: len(line.uplink.stored) == 500)
        order = line.uplink.stored[first:]
        live = [place for place, seq in enumerate(order) if seq > 400]
        assert len(live) == 100
        assert [seq for seq in order if seq > 400] == list(range(401, 501))
        assert [seq for seq in order if seq <= 400] == sorted(seq for seq in order if seq <= 400)
        span = order[live[0] : live[-1] + 1]
        assert sum(seq <= 400 for seq in span) >= len(span) // 5
        assert sum(seq > 400 for seq in span) >= len(span) // 2

    play(story)


def test_a_topic_that_is_forbidden_stops_alone() -> None:
    """Command results are refused: alarms in the same lane and everything else go on; later the results go too."""

    async def story(line: Line) -> None:
        line.journal.record(CommandRefused(reason="expired"))
        line.journal.record(DoorForced(door="gate"))
        line.happen(3)
        line.uplink.refuse = {1: Sent(False, 0x87, "not authorized")}
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: {2, 3, 4, 5} <= set(line.uplink.stored))
        assert 1 not in line.uplink.stored
        line.uplink.refuse.clear()
        line.clock.up_ms += 5_000
        await auntil(lambda: 1 in line.uplink.stored)

    play(story)


@pytest.mark.parametrize("many", [1, 150])
@pytest.mark.parametrize("urgent", [True, False])
def test_whatever_waits_behind_a_forbidden_topic_goes_on(
    monkeypatch: pytest.MonkeyPatch, urgent: bool, many: int
) -> None:
    """Of one topic nothing is taken: in no lane, before and after the start, do its rows stand in the others' way, also
    where they fill more than a page. When it is allowed again they are sent, each once.
    """
    allowed = asyncio.Event()

    async def story(line: Line) -> None:
        publish = line.uplink.publish

        async def denied(row: Row, historic: bool) -> Sent:
            refused = row.tag == "alert.closed" or row.tag.startswith("command.")
            return await publish(row, historic) if allowed.is_set() or not refused else Sent(False, 0x87, "no")

        def stands_in_the_way() -> list[int]:
            for _ in range(many):
                line.journal.record(CommandRefused(reason="x") if urgent else AlertClosed("gate", "a", "gas"))
            line.journal.record(DoorForced(door="gate"))
            line.happen(3)
            return list(range(line.journal.last - 3, line.journal.last + 1))

        monkeypatch.setattr(line.uplink, "publish", denied)
        monkeypatch.setattr(line.uplink, "stream", lambda tag: "evt" if tag.startswith(("door", "agent")) else "other")
        before = stands_in_the_way()
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: set(before) <= set(line.uplink.stored), what=lambda: line.uplink.stored)
        after = stands_in_the_way()
        await auntil(lambda: set(after) <= set(line.uplink.stored), what=lambda: line.uplink.stored)
        allowed.set()
        line.clock.up_ms += 20_000
        line.answer(0, credit=2000)
        await auntil(lambda: len(line.uplink.stored) == line.journal.last)
        assert len(line.uplink.sent) == line.journal.last

    play(story)


def test_an_alarm_does_not_wait_until_all_of_a_forbidden_topic_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a reconnect it goes first again, whatever is held."""
    pages, before = list[int](), list[int]()

    async def story(line: Line) -> None:
        publish, rows = line.uplink.publish, line.journal.rows

        async def denied(row: Row, historic: bool) -> Sent:
            if row.tag == "door.forced":
                before.append(len(pages))
            return Sent(False, 0x87, "no") if row.tag == "alert.closed" else await publish(row, historic)

        async def counted(after: int, limit: int, urgent: bool | None = None) -> list[Row]:
            pages.append(after)
            await asyncio.sleep(0)  # the disk
            return await rows(after, limit, urgent)

        monkeypatch.setattr(line.uplink, "publish", denied)
        monkeypatch.setattr(line.journal, "rows", counted)
        monkeypatch.setattr(line.uplink, "stream", lambda tag: tag)
        for _ in range(40 * PAGE):
            line.journal.record(AlertClosed("gate", "a", "gas"))
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: len(pages) > 40)
        line.journal.record(DoorForced(door="gate"))
        await auntil(lambda: before)
        read = len(pages)
        line.uplink.up()
        await auntil(lambda: len(before) == 2)
        assert before[1] - read < 10

    play(story)


def test_nobody_subscribed_means_away_without_an_alarm() -> None:
    """0x10: the topic waits; the city's next word ends the waiting at once."""

    async def story(line: Line) -> None:
        line.uplink.refuse = {1: Sent(False, 0x10, "no matching subscribers")}
        line.happen(1)
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: line.flow.lanes._stops)
        line.uplink.refuse.clear()
        line.answer(0)
        await auntil(lambda: 1 in line.uplink.stored)
        assert line.journal.tags() == ["door.opened"]

    play(story)


def test_while_the_city_says_that_it_is_away_events_wait() -> None:
    async def story(line: Line) -> None:
        line.uplink.city_away = True
        line.uplink.watermark = 0
        line.uplink.up()
        await auntil(lambda: line.uplink.births)
        line.happen(3)
        await auntil(lambda: line.journal.last == 3)
        assert line.uplink.stored == []
        line.uplink.city_away = False
        await auntil(lambda: line.uplink.stored == [1, 2, 3])

    play(story)


def test_more_urgent_rows_than_the_city_can_name_do_not_stop_the_rest() -> None:
    """An acknowledgement names 200 islands at most; 300 urgent rows among others still reach the end."""

    async def story(line: Line) -> None:
        for _ in range(300):
            line.happen(1)
            line.journal.record(DoorForced(door="gate"))
        line.uplink.watermark = 0
        line.uplink.up()

        def answer() -> bool:
            stored = set(line.uplink.stored)
            upto = next(n for n in range(602) if n + 1 not in stored)
            islands = tuple((n, n) for n in sorted(stored) if n > upto)[:200]
            line.answer(upto, have=islands)
            return line.journal.acked == 600

        await auntil(answer)

    play(story)


def test_the_citys_time_is_a_floor() -> None:
    async def story(line: Line) -> None:
        line.uplink.up()
        line.answer(0, now_ms=1_790_000_000_000)
        await auntil(lambda: line.clock.past == [1_790_000_000_000])

    play(story)
