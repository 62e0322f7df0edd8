"""What the wall is told, and when: without a journal of its own and without a browser."""

import asyncio
from types import SimpleNamespace

from edge_agent.console.feed import Feed
from edge_agent.model.events import Row
from tests.uplink.rig import rows
from tests.waiting import auntil


class Busy:
    """A journal in which the next row is committed while the last look is under way, as a thread may do it."""

    first, last = 1, 0

    def __init__(self, later: list[Row]) -> None:
        self._later, self._kept = later, list[Row]()

    async def rows(self, after: int, most: int) -> list[Row]:
        found = [row for row in self._kept if row.seq > after][:most]
        await asyncio.sleep(0)
        if not found and self._later:
            self._kept.append(self._later.pop(0))
            self.last += 1
        return found

    async def changed(self, seq: int) -> None:
        await auntil(lambda: self.last > seq)


def test_a_row_committed_while_the_feed_looked_is_not_waited_for_until_the_next_one() -> None:
    async def scene() -> None:
        feed = Feed(SimpleNamespace(journal=Busy(rows(3)), doors=tuple, alarms=tuple))  # type: ignore[arg-type]
        running = asyncio.create_task(feed.run(lambda: None))
        await auntil(lambda: [row.seq for row in feed.rows] == [1, 2, 3])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
