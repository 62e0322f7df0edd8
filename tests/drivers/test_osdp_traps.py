"""What real OSDP readers and libosdp do to a bus, through the real library against devices written by hand.

Each of these fails without its handling in the driver.
"""

import gc
import time
from pathlib import Path

import pytest
from osdp import ControlPanel

from edge_agent.drivers.echo import Echo
from edge_agent.drivers.osdp_orders import pulse_command
from edge_agent.drivers.osdp_station import Station
from edge_agent.model.reads import Card, Keys
from tests.drivers.osdp_rig import CARD, KEY, OsdpBench, door, on_osdp_bench, talkative
from tests.drivers.rig import Device, simulated, with_job
from tests.waiting import auntil, in_time, until

POLL, LSTAT, LED = 0x60, 0x64, 0x69
OSTAT = 0x66


def test_sixteen_readers_on_one_bus_each_have_their_own_state(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.usable(within=15)
        for address in range(1, 17):
            bench.show(address, raw=1000 + address)
        bench.device.tell("keys", address=16, text="12#")
        await auntil(lambda: len(bench.reads) == 17)
        cards = {(read.terminal, read.door): read.credential for read in bench.reads if read.credential != Keys("12")}
        assert cards == {(f"r{n}", f"d{n}"): Card(26, 1000 + n) for n in range(1, 17)}
        bench.device.tell("silent", address=7, on=True)
        await auntil(lambda: bench.states("r7") == ["lost"])
        await auntil(lambda: [name for name in bench.names if not bench.bus.usable(name)] == ["r7"])
        assert {report.device for report in bench.reports} == {"r7"}, "a channel that is back within a second was none"

    on_osdp_bench(tmp_path, story, "--count", "16", readers=tuple(range(1, 17)))


def test_a_dead_reader_takes_no_more_than_its_share_of_the_bus(tmp_path: Path) -> None:
    """Three of four are dead, and each command to one of them holds the bus for 200 ms: each second one at most, or
    they would take half of it. The living one's cards go on in the meantime.
    """

    async def story(bench: OsdpBench) -> None:
        for address in (2, 3, 4):
            bench.device.tell("silent", address=address, on=True)
        await bench.usable("r1")
        await auntil(lambda: len(bench.reports) == 3, timeout=15)
        before, began = len(bench.device.said("unheard")), time.monotonic()
        for turn in range(30):
            bench.show(1, raw=turn)
        await auntil(lambda: len(bench.reads) == 30)
        in_time(began, 4)
        await auntil(lambda: time.monotonic() - began > 5, timeout=6)
        looks = len(bench.device.said("unheard")) - before
        assert 2 <= looks <= time.monotonic() - began + 1

    on_osdp_bench(tmp_path, story, "--count", "4", readers=(1, 2, 3, 4))


def test_a_reader_that_boots_five_seconds_after_the_panel_is_taken_up(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        bench.device.tell("silent", address=2, on=True)
        await bench.usable("r1")
        await auntil(lambda: bench.states("r2") == ["lost"], timeout=8)
        bench.device.tell("silent", address=2, on=False)
        began = time.monotonic()
        await auntil(lambda: bench.states("r2") == ["lost", "back"], timeout=5)
        await bench.fresh(2)
        in_time(began, 5)
        assert bench.states("r1") == []

    on_osdp_bench(tmp_path, story, "--count", "2", readers=(1, 2))


def test_all_readers_of_a_cable_come_back_with_it(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        bench.device.tell("unplug")
        await auntil(lambda: len(bench.reports) == 6)
        cut = time.monotonic()
        await auntil(lambda: time.monotonic() - cut > 6, timeout=8)
        bench.device.tell("plug")
        plugged = time.monotonic()
        await auntil(lambda: len(bench.reports) == 12, timeout=10)
        in_time(plugged, 4)  # one look a second would take six
        assert {name: bench.states(name) for name in bench.names} == {name: ["lost", "back"] for name in bench.names}

    on_osdp_bench(tmp_path, story, "--count", "6", readers=(1, 2, 3, 4, 5, 6))


def test_a_storm_of_refusals_is_one_loss_and_one_return(tmp_path: Path) -> None:
    """The reader answers every poll with NAK: libosdp takes it off line each time, and would for 300 s."""

    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        bench.device.tell("nak", code=POLL, on=True)
        await auntil(lambda: bench.states("r1") == ["lost"])
        began = time.monotonic()
        await auntil(lambda: time.monotonic() - began > 4, timeout=6)
        bench.device.tell("nak", code=POLL, on=False)
        over = time.monotonic()
        await auntil(lambda: bench.states("r1") == ["lost", "back"], timeout=10)
        in_time(over, 5)
        await bench.fresh(1)

    on_osdp_bench(tmp_path, story)


@pytest.mark.parametrize(("what", "code"), [("local", LSTAT), ("led", LED)])
def test_a_command_that_is_refused_is_sent_once(tmp_path: Path, what: str, code: int) -> None:
    """Each NAK costs the reader its place on the bus for a second."""

    async def story(bench: OsdpBench) -> None:
        bench.device.tell("nak", code=code, on=True)
        await auntil(lambda: bench.bus.usable("r1"))
        for _ in range(3):
            bench.bus.show("r1", "denied")
            began = time.monotonic()
            await auntil(lambda: time.monotonic() - began > 1.2, timeout=3)  # noqa: B023
        told = [report.detail for report in bench.reports if report.state == "degraded"]
        assert len(told) == 1
        assert f"“{what}”" in told[0]
        await bench.usable()
        await bench.fresh(1)
        # one channel at the start, one after the refusal
        assert bench.device.said("sc") == [True, False, True]

    on_osdp_bench(tmp_path, story)


def test_a_message_nobody_asked_for_takes_no_reader_off_line_that_may_send_it(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        bench.device.tell("odd", code=0x57, times=3)
        await bench.fresh(1)
        assert bench.device.said("sc") == [True]
        assert bench.reports == []

    on_osdp_bench(tmp_path, story, profile=talkative())


def test_a_busy_reader_is_asked_again(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        bench.device.tell("busy", times=2)
        bench.show(1)
        await auntil(lambda: bench.reads)  # 1.6 s later: on a busy machine too late to count
        assert bench.reports == []

    on_osdp_bench(tmp_path, story)


@pytest.mark.parametrize("cards", [1, 20])
def test_a_card_a_slow_reader_kept_opens_nothing_however_late_it_comes(tmp_path: Path, cards: int) -> None:
    """Shown before the daemon was there. The reader has no time for the first poll, so that its cards arrive 0.8 s
    after the channel, long after 300 ms without a read: no poll was answered yet, and that is what counts.
    """

    async def story(bench: OsdpBench) -> None:
        await auntil(lambda: len(bench.reads) == cards)
        assert all(read.stale for read in bench.reads)
        await bench.usable()
        await bench.fresh(1)

    with simulated("osdp_board", tmp_path / "bus", "--key", KEY) as device:
        for raw in range(cards):
            device.tell("card", bits=26, raw=raw)
        device.tell("busy", code=POLL, times=1)
        until(lambda: len(device.said("card")) == cards)
        bench = OsdpBench(tmp_path, device, (1,), ())
        with_job(bench.run, lambda: story(bench))


def test_every_card_kept_during_a_cut_arrives_once_and_is_stale(tmp_path: Path) -> None:
    """4 s: the channel is kept. This device says again what was not heard, so not one of them may be missing."""

    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        bench.device.tell("unplug")
        for raw in range(20):
            bench.show(1, raw=raw)
        await auntil(lambda: bench.states("r1") == ["lost"])
        bench.device.tell("plug")
        await auntil(lambda: bench.states("r1") == ["lost", "back"])
        assert [(read.credential, read.stale) for read in bench.reads] == [(Card(26, raw), True) for raw in range(20)]
        await bench.fresh(1)

    on_osdp_bench(tmp_path, story)


def test_a_reader_that_was_busy_twice_has_refused_nothing(tmp_path: Path) -> None:
    """libosdp 3.2 counts its sequence number back for each BUSY; at 0 the reader ends the session and says NAK. Taken
    for a refusal, its housing or a board's inputs would not be asked for any more.
    """

    async def story(bench: OsdpBench) -> None:
        station = bench.bus._stations[0]

        def asked() -> bool:
            bench.ask("local")  # again and again: what is asked while the session ends is forgotten
            return bool(station.orders._away)

        while len(bench.device.said("sc")) < 3:  # in one of three rounds the count comes to 0
            await bench.usable()
            bench.device.tell("busy", code=LSTAT, times=2)
            await auntil(asked)
            await auntil(lambda: not station.orders._away)
        assert not station.orders.refused
        assert [report.state for report in bench.reports if report.state == "degraded"] == []

    on_osdp_bench(tmp_path, story)


def test_feedback_and_questions_without_end_do_not_hold_up_cards(tmp_path: Path) -> None:
    """Commands go before polls in libosdp, and its queue takes any number: with LED, buzzer, text and state questions
    asked for again and again, a card would wait until the last of them is done.
    """
    most: list[tuple[int, int]] = []

    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        await bench.known("north")
        turn = 0
        while turn < 10 or len(bench.device.said("led")) <= 3:  # cards may pass faster than what shows their answers
            assert turn < 100
            bench.show(1, raw=turn)
            turn += 1
            asked = len(bench.reads)
            began = time.monotonic()

            def waiting(asked: int = asked) -> bool:
                bench.bus.show("r1", "denied")
                for order in ("outputs", "inputs"):
                    bench.ask(order)
                orders = bench.bus._stations[0].orders
                most.append((len(orders._away), len(orders._waiting)))
                return len(bench.reads) > asked

            await auntil(waiting, timeout=3)
            in_time(began, 1.0)
        assert max(away for away, _ in most) <= 2
        assert max(waiting for _, waiting in most) <= 6  # three that show, three that ask

    on_osdp_bench(
        tmp_path, story, "--outputs", "1", "--inputs", "1", readers=(1,), doors=(door("north", 1, contact=0),)
    )


def test_two_hundred_cards_of_one_reader_arrive_in_order_and_leave_room_for_the_other(tmp_path: Path) -> None:
    """Where a busy machine makes an answer 0.2 s late libosdp asks again, and loses it: then it is done once more."""
    late: list[int] = []

    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        for raw in range(200):
            bench.show(1, raw=raw)
        await auntil(lambda: len(bench.reads) > 20)
        began = time.monotonic()
        bench.show(2)
        await auntil(lambda: any(read.terminal == "r2" for read in bench.reads))
        in_time(began, 1.0)

        def over() -> bool:
            late[:] = bench.device.said("again")
            return len(bench.reads) == 201 or bool(late)

        await auntil(over, 60, lambda: (len(bench.reads), bench.reports))
        if not late:
            raws = [read.credential.raw for read in bench.reads if read.terminal == "r1"]  # type: ignore[union-attr]
            assert raws == list(range(200))

    for turn in range(4):
        folder = tmp_path / str(turn)
        folder.mkdir()
        on_osdp_bench(folder, story, "--count", "2", readers=(1, 2))
        if not late:
            return
    raise AssertionError("not within four turns: answers are late in each")


def test_events_of_the_library_pile_up_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The binding's own wrapper puts every event into a queue nobody reads, and its callback leaks each dictionary:
    what is leaked must be empty.
    """
    seen: list[dict[str, object]] = []
    taking = Station.event

    def event(station: Station, event: dict[str, object]) -> None:
        seen.append(event)
        taking(station, event)

    monkeypatch.setattr(Station, "event", event)

    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        for raw in range(40):
            bench.show(1, raw=raw)
        await auntil(lambda: len(bench.reads) == 40)
        callbacks = [thing for thing in gc.get_objects() if isinstance(thing, ControlPanel)]
        assert not [waiting for panel in callbacks for waiting in panel.event_queue if not waiting.empty()]

    on_osdp_bench(tmp_path, story)
    assert len(seen) > 40
    assert not any(seen)


def test_the_longest_pulse_the_library_can_carry_is_25_5_s(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.known("north")
        assert pulse_command(0, 300)["timer_count"] == 255
        for command in (pulse_command(0, 300), pulse_command(0, 300) | {"timer_count": 300}):
            assert bench.bus._context.submit_command(0, command)
        await auntil(lambda: len(bench.device.said("output")) == 2)
        assert [said["tenths"] for said in bench.device.said("output")] == [255, 44]

    on_osdp_bench(tmp_path, story, "--outputs", "1", "--inputs", "1", readers=(), doors=(door("north", 1, contact=0),))


def test_a_text_is_shown_and_goes_with_the_outcome_it_belongs_to(tmp_path: Path) -> None:
    async def story(bench: OsdpBench) -> None:
        await bench.usable()
        bench.bus.show("r1", "denied")
        bench.bus.show("r1", "granted")
        await auntil(lambda: bench.device.said("text"))
        assert [(said["text"], said["seconds"]) for said in bench.device.said("text")] == [("PLEASE ENTER", 3)]

    on_osdp_bench(tmp_path, story)


def test_no_key_of_another_reader_is_taken(tmp_path: Path) -> None:
    """A wrong key is briefly `online` for the library; it is an alarm, and no card of it counts."""

    async def story(bench: OsdpBench) -> None:
        bench.show(1)
        await auntil(lambda: bench.states("r1") == ["degraded"])
        assert "key" in bench.reports[0].detail
        assert bench.reads == []
        assert not bench.bus.usable("r1")

    on_osdp_bench(tmp_path, story, key="f0" * 16)
    assert KEY != "f0" * 16
    assert CARD.bits == 26


def test_an_adapter_that_echoes_makes_no_dead_reader_seem_alive(tmp_path: Path) -> None:
    def echo_and_silence(device: Device) -> None:
        device.tell("echo")
        device.tell("silent", address=2, on=True)

    async def story(bench: OsdpBench) -> None:
        await bench.usable("r1")
        await bench.fresh(1)
        await auntil(lambda: bench.states("r2"), timeout=8)
        (echo,) = [report for report in bench.reports if report.state == "degraded"]
        assert "adapter's echo" in echo.detail
        assert [report.detail.split(":")[0] for report in bench.reports if report is not echo] == ["does not answer"]

    on_osdp_bench(tmp_path, story, "--count", "2", readers=(1, 2), first=echo_and_silence)


SENT, REPLY = bytes.fromhex("FF 53 01 08 00 04 60 11 22"), bytes.fromhex("FF 53 81 08 00 04 40 33 44")


@pytest.mark.parametrize("echoed", [SENT, b""])
@pytest.mark.parametrize("size", range(1, 19))
def test_an_echo_is_taken_away_and_a_reply_is_not_however_they_are_cut(echoed: bytes, size: int) -> None:
    echo, got = Echo(), b""
    echo.sent(SENT, 0.0)
    stream = echoed + REPLY
    for at in range(0, len(stream), size):
        got += echo.heard(stream[at : at + size], 0.1)
    assert got == REPLY
