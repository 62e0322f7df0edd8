"""What becomes known about the time."""

import asyncio

import msgspec

from edge_agent.flows.timekeeping import Timekeeper
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.events import ClockAnchored, ClockStepped
from edge_agent.ports import Anchor
from tests.flows.world import MemoryJournal

NOW = Moment(1_790_000_000_000, 10_000, "b" * 32, ClockState.UNSET, 2**31 - 1)


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> Moment:
        return self.moment

    def at_least(self, wall_ms: int, boot_id: str = "", up_ms: int = 0) -> None: ...

    def later(self, seconds: float, jump_ms: int = 0, **changes: object) -> None:
        ms = int(seconds * 1000)
        self.moment = msgspec.structs.replace(
            self.moment, wall_ms=self.moment.wall_ms + ms + jump_ms, up_ms=self.moment.up_ms + ms, **changes
        )


def test_the_first_synchronisation_is_an_anchor_and_a_jump_is_said() -> None:
    async def run() -> None:
        clock, journal = Clock(), MemoryJournal()
        keeper = Timekeeper(journal, clock)
        keeper.look()
        clock.later(1)
        keeper.look()
        assert journal.all == []
        clock.later(1, jump_ms=5_000_000, state=ClockState.SYNCED, err_ms=20)
        keeper.look()
        keeper.look()
        assert [row.event for row in journal.all] == [ClockAnchored(by_ms=5_000_000)]
        assert journal.changes == [Anchor("b" * 32, clock.moment.wall_ms, clock.moment.up_ms, 20)]
        clock.later(1, jump_ms=-3_600_000)
        keeper.look()
        assert journal.all[1].event == ClockStepped(by_ms=-3_600_000)
        assert journal.all[2].event == ClockAnchored(by_ms=-3_600_000)
        clock.later(3600, jump_ms=200)
        keeper.look()
        assert len(journal.all) == 3

    asyncio.run(run())
