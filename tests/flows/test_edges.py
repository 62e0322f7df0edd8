"""What happens at the same time, or at the wrong one, shown on the real flow."""

import pytest

from edge_agent.flows.doorway import HOLD_S
from edge_agent.model.doors import Report
from tests.flows.house import House, play
from tests.flows.test_access import OLD, ONE, a_door, house, modes
from tests.waiting import auntil

# ---- fire and panic --------------------------------------------------------------------------------------------------


def test_a_fire_is_cleared_only_when_every_input_of_the_panel_is_at_rest() -> None:
    """Two boards hear the fire panel; one of them falling silent is not the end of the fire."""

    async def story(site: House) -> None:
        site.report(Report.FIRE_ON, "north")
        site.report(Report.FIRE_ON, "south")
        site.report(Report.FIRE_OFF, "north")
        assert not (await site.operate("clear", latch="fire")).good
        assert site.premises.standing.fire
        site.report(Report.FIRE_OFF, "south")
        assert (await site.operate("clear", latch="fire")).good

    play(story, lambda: house(a_door("north"), a_door("south")))


def test_a_fire_input_that_flaps_is_one_fire_and_begins_again_after_it_was_cleared() -> None:
    async def story(site: House) -> None:
        for _ in range(5):
            site.report(Report.FIRE_ON)
            site.report(Report.FIRE_OFF)
        assert site.tags().count("fire.released") == 1
        assert (await site.operate("clear", latch="fire")).good
        site.report(Report.FIRE_ON)
        assert site.premises.standing.fire
        assert site.tags().count("fire.released") == 2

    play(story)


# ---- held open -------------------------------------------------------------------------------------------------------


def test_a_card_or_the_exit_button_does_not_shorten_what_is_held_open() -> None:
    """A board times the newest release: a shorter one would lock a door that fire, evacuation or a guard holds open."""

    async def story(site: House) -> None:
        site.report(Report.FIRE_ON)
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        site.report(Report.EXIT_PRESSED)
        await auntil(lambda: len(site.gate.pulses) == 2)
        assert await site.show(ONE) == "granted"
        assert site.gate.pulses == [HOLD_S] * 3

    play(story, house)


def test_the_next_person_does_not_shorten_the_time_of_one_who_needs_longer() -> None:
    async def story(site: House) -> None:
        await site.show(OLD)
        await site.later(2)
        await site.show(ONE)
        assert site.gate.pulses == [15.0, 13.0]

    play(story, house)


def test_a_gate_that_is_lost_while_it_is_held_open_is_held_again_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(site: House) -> None:
        await site.operate("unlock", door="gate")
        await auntil(lambda: site.gate.pulses == [HOLD_S])
        site.gate.away = True
        for _ in range(5):
            await site.later(8)
        site.gate.away = False
        await site.later(8)
        await auntil(lambda: site.gate.pulses == [HOLD_S, HOLD_S])
        assert modes(site) == [("unlocked", "operator")]

    caplog.set_level("INFO")
    play(story, house)
    assert len([record for record in caplog.records if "not held open" in record.getMessage()]) == 1
    assert len([record for record in caplog.records if "held open again" in record.getMessage()]) == 1
