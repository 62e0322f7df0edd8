"""Entry, told against a world where disk, gate and readers misbehave."""

from edge_agent.flows.entry import READS_WAITING
from edge_agent.model.doors import Report
from edge_agent.model.events import AccessDenied
from edge_agent.model.reads import Card
from edge_agent.model.site import Policy
from edge_agent.ports import DoorState
from tests.flows.house import House, play
from tests.flows.world import CARD, DOOR, a_read
from tests.waiting import auntil


def test_a_residents_card_opens_and_is_recorded() -> None:
    async def story(door: House) -> None:
        door.actor.read(a_read())
        await auntil(lambda: door.terminals.shown)
        assert door.gate.pulses == [DOOR.release_s]
        assert door.journal.tags() == ["access.granted"]
        assert door.terminals.shown == [("north-in", "granted")]

    play(story)


def test_the_gate_does_not_wait_for_a_slow_disk_and_somebody_hears_of_it() -> None:
    """Record and open start together; a commit later than 150 ms raises agent.degraded."""

    async def story(door: House) -> None:
        door.journal.slow = True
        door.actor.read(a_read())
        await auntil(lambda: door.terminals.shown)
        assert (door.gate.pulses, door.journal.tags()) == ([DOOR.release_s], [])
        await auntil(lambda: len(door.journal.waiting) == 2, what="the alarm about the slow commit")
        door.journal.release()
        assert door.journal.tags() == ["access.granted", "agent.degraded"]

    play(story)


def test_record_before_open_always_waits_for_the_disk() -> None:
    async def story(door: House) -> None:
        door.actor.read(a_read())
        await auntil(lambda: door.gate.pulses)
        assert door.trace == ["commit access.granted", "release"]

    play(story, lambda: House(policy=Policy(record_before_open="always")))


def test_a_full_disk_refuses_entry_and_never_the_exit_button() -> None:
    async def story(door: House) -> None:
        door.journal.full = True
        door.actor.read(a_read())
        await auntil(lambda: door.terminals.shown)
        assert (door.gate.pulses, door.terminals.shown) == ([], [("north-in", "denied")])
        door.report(Report.EXIT_PRESSED)
        await auntil(lambda: door.gate.pulses)

    play(story)


def test_a_refusal_says_why() -> None:
    async def story(door: House) -> None:
        door.actor.read(a_read(Card(26, 99)))
        await auntil(lambda: door.journal.all)
        event = door.journal.all[0].event
        assert isinstance(event, AccessDenied)
        assert (event.reason, event.person) == ("unknown_credential", None)
        assert door.gate.pulses == []

    play(story)


def test_a_gate_that_is_away_is_shown_as_a_fault() -> None:
    async def story(door: House) -> None:
        door.gate.away = True
        door.actor.read(a_read())
        await auntil(lambda: door.terminals.shown)
        assert door.terminals.shown == [("north-in", "fault")]
        assert door.journal.tags() == ["access.granted", "access.not_taken"]

    play(story)


def test_the_door_is_followed_until_it_is_shut() -> None:
    async def story(door: House) -> None:
        door.actor.read(a_read())
        await auntil(lambda: door.gate.pulses)
        door.clock.up_ms += 300
        door.report(Report.CONTACT_OPEN)
        door.report(Report.CONTACT_CLOSED)
        await auntil(lambda: "door.closed" in door.journal.tags())
        assert door.journal.tags() == ["access.granted", "access.taken", "door.opened", "door.closed"]
        assert door.journal.changes[-1] == DoorState("gate", "locked")

    play(story)


def test_a_release_runs_out_and_an_open_door_becomes_a_held_one_by_themselves() -> None:
    async def story(door: House) -> None:
        door.actor.read(a_read())
        await auntil(lambda: door.gate.pulses)
        door.clock.up_ms += 1001
        await auntil(lambda: "access.not_taken" in door.journal.tags(), timeout=3)
        door.report(Report.CONTACT_OPEN)
        await auntil(lambda: "door.forced" in door.journal.tags())
        door.clock.up_ms += 1001
        await auntil(lambda: "door.held" in door.journal.tags(), timeout=3)

    play(story)


def test_a_flood_costs_the_flooding_terminal_its_own_oldest_reads() -> None:
    async def story(door: House) -> None:
        for number in range(200):
            door.actor.read(a_read(Card(26, 1000 + number), f"f-{number}", "flooding"))
        door.actor.read(a_read(CARD, "r-1", "quiet"))
        await auntil(lambda: "access.granted" in door.journal.tags())
        await auntil(
            lambda: len(door.journal.all) == READS_WAITING + 3
        )  # the reads, one grant, one trouble, one lock-out
        assert door.journal.tags().count("access.denied") == READS_WAITING
        assert door.journal.tags().count("device.degraded") == 1

    play(story)


def test_the_exit_button_does_not_wait_for_a_read_that_waits_for_the_disk() -> None:
    async def story(door: House) -> None:
        door.journal.slow = True
        door.actor.read(a_read())
        await auntil(lambda: door.journal.waiting)
        assert door.gate.pulses == []
        door.report(Report.EXIT_PRESSED)
        await auntil(lambda: door.gate.pulses)
        assert door.terminals.shown == []

    play(story, lambda: House(policy=Policy(record_before_open="always")))


def test_a_commit_that_came_too_late_opens_for_nobody() -> None:
    async def story(door: House) -> None:
        door.journal.slow = True
        door.actor.read(a_read())
        await auntil(lambda: door.journal.waiting)
        door.clock.up_ms += 2001
        door.journal.release()
        await auntil(lambda: door.terminals.shown == [("north-in", "denied")])
        assert door.gate.pulses == []
        assert door.journal.tags() == ["access.granted", "access.denied"]

    play(story, lambda: House(policy=Policy(record_before_open="always")))


def test_a_door_opened_after_a_remote_release_ran_out_was_forced() -> None:
    async def story(door: House) -> None:
        await door.actor.open_remotely()
        door.clock.up_ms += 1700
        door.report(Report.CONTACT_OPEN)
        await auntil(lambda: door.journal.tags() == ["door.forced"])

    play(story)
