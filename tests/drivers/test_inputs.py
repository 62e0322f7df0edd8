"""What a board's masks come to, without a board: edges that come faster than an input settles."""

import asyncio
from collections.abc import Awaitable, Callable

from edge_agent.drivers.inputs import Inputs
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.doors import GateReport, Report
from edge_agent.model.site import GateBinding
from tests.waiting import auntil

BINDING = GateBinding(link="l", profile="p", exit=0, fire=1, panic=2, tamper=3, supervised=True, contact=0)
QUIET = {name: 0 for name in ("relays", "contacts", "buttons", "cut", "shorted", "fire", "panic", "tamper")}


class Uptime:
    """Moves when the test says so; how long an input takes to settle is the loop's time."""

    def __init__(self) -> None:
        self.up_ms = 1000

    def now(self) -> Moment:
        return Moment(0, self.up_ms, "0" * 32, ClockState.SYNCED, 1)


class Wall:
    def __init__(self) -> None:
        self.seen: list[GateReport] = []
        self.clock = Uptime()
        self.inputs = Inputs("north", BINDING, 20, self.clock, self.seen.append)
        self.say(first=True)
        self.seen.clear()

    def say(self, first: bool = False, **masks: int) -> None:
        self.inputs.state(QUIET | masks, first)

    def kinds(self) -> list[Report]:
        return [report.report for report in self.seen]

    async def passed(self) -> None:
        """Longer than an input needs to settle: another one that moved later has."""
        count = self.kinds().count(Report.TAMPER_ON)
        self.say(tamper=8)
        await auntil(lambda: self.kinds().count(Report.TAMPER_ON) > count)


def at_the_wall(story: Callable[[Wall], Awaitable[None]]) -> None:
    async def run() -> None:
        await story(Wall())

    asyncio.run(run())


def test_fire_and_panic_count_at_their_first_edge_and_chatter_adds_nothing() -> None:
    async def story(wall: Wall) -> None:
        for name, mask in (("fire", 2), ("panic", 4)):
            for on in (True, False, True, False, True):
                wall.say(**{name: mask if on else 0})
        assert wall.kinds() == [Report.FIRE_ON, Report.PANIC_ON]
        await auntil(lambda: Report.FIRE_OFF in wall.kinds())
        assert wall.kinds() == [Report.FIRE_ON, Report.PANIC_ON, Report.FIRE_OFF]

    at_the_wall(story)


def test_a_tamper_switch_that_twitches_says_nothing() -> None:
    async def story(wall: Wall) -> None:
        wall.say(tamper=8)
        wall.say()
        wall.say(fire=2)
        wall.say()
        await auntil(lambda: Report.FIRE_OFF in wall.kinds())
        assert wall.kinds() == [Report.FIRE_ON, Report.FIRE_OFF]

    at_the_wall(story)


def test_a_loop_that_twitches_is_not_cut() -> None:
    """A contact that moves may look cut or shorted for a moment; it counts where it ends, dated where it began."""

    async def story(wall: Wall) -> None:
        for masks in ({"contacts": 1, "cut": 1}, {"shorted": 1}, {"contacts": 1}):
            wall.say(**masks)
            wall.clock.up_ms += 7
        await auntil(lambda: wall.seen)
        assert [(report.report, report.up_ms) for report in wall.seen] == [(Report.CONTACT_OPEN, 1000)]

    at_the_wall(story)


def test_nothing_is_said_after_the_end() -> None:
    async def story(wall: Wall) -> None:
        wall.say(contacts=1, tamper=8)
        wall.inputs.close()
        other = Wall()
        await other.passed()
        assert wall.seen == []

    at_the_wall(story)


def test_a_fault_that_stands_when_the_board_is_back_is_told_again_and_one_that_is_gone_too() -> None:
    async def story(wall: Wall) -> None:
        wall.say(cut=1, contacts=1, fire=2)
        await auntil(lambda: Report.INPUT_CUT in wall.kinds())
        wall.inputs.lost()
        wall.seen.clear()
        wall.say(first=True, cut=1, contacts=1, fire=2)
        assert wall.kinds() == [Report.FIRE_ON, Report.INPUT_CUT]
        wall.inputs.lost()
        wall.seen.clear()
        wall.say(first=True)
        assert wall.kinds() == [Report.FIRE_OFF, Report.INPUT_NORMAL, Report.CONTACT_CLOSED]
        assert all(report.first for report in wall.seen)

    at_the_wall(story)


def test_nothing_is_known_of_a_door_whose_board_came_back_with_a_cut_loop() -> None:
    """What was known before is not: mended, the door is found, not seen to move."""

    async def story(wall: Wall) -> None:
        wall.inputs.lost()
        wall.say(first=True, cut=1, contacts=1)
        wall.say()
        await auntil(lambda: len(wall.seen) == 3)
        assert [(report.report, report.first) for report in wall.seen] == [
            (Report.INPUT_CUT, True),
            (Report.INPUT_NORMAL, False),
            (Report.CONTACT_CLOSED, True),
        ]

    at_the_wall(story)
