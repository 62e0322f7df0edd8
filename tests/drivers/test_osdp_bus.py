"""The OSDP bus against simulated readers in their own processes, over ptys, secure channel on."""

import asyncio
import ctypes
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from edge_agent.drivers import link
from edge_agent.drivers.freshness import QUIET_S
from edge_agent.drivers.osdp import OsdpBus
from edge_agent.drivers.osdp_orders import led_command
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import EdgeAgentError
from edge_agent.model.doors import DeviceReport
from edge_agent.model.profile import Led, Osdp
from edge_agent.model.reads import Card, Keys, Read, Unreadable
from edge_agent.model.site import Terminal
from tests.drivers.rig import Device, UpClock, simulated, states, with_job
from tests.waiting import auntil, in_time, until

KEY, OTHER_KEY = "0102030405060708090a0b0c0d0e0f10", "f0" * 16
CARD = Card(26, 0x0025A69)  # H10301, facility 1, number 11572
PROFILE = load_profile("readers/osdp-generic")
NORTH = Terminal(name="north-in", profile=PROFILE.id, link="l", door="north", address=1)


class Bench:
    def __init__(self, folder: Path, device: Device) -> None:
        self.device = device
        self.reads: list[Read] = []
        self.reports: list[DeviceReport] = []
        self.bus = OsdpBus(
            "sim://reader", [(NORTH, PROFILE, bytes.fromhex(KEY))], UpClock(),
            self.reads.append, self.reports.append, folder,
        )  # fmt: skip

    async def usable(self, within: float = 5.0) -> None:
        await auntil(lambda: self.bus.usable("north-in"), timeout=within)

    def account(self) -> str:
        """What became of the cards, for a test that waits for one in vain."""
        said = self.device.said
        return f"{len(said('card'))} shown, {len(said('sent'))} sent, {len(self.reads)} read; channel {said('sc')}"

    def show(self, card: Card = CARD) -> None:
        self.device.tell("card", bits=card.bits, raw=card.raw)

    async def handed_over(self, cards: int) -> None:
        """The reader keeps none of these back, and what the bus made of them is stale.

        A reply that is written later than libosdp waits for it (200 ms; a busy machine, a line just plugged in) is
        lost with its card, as on a real line. Which reads arrive is the reader's affair, that none of them counts is
        ours.
        """
        await auntil(lambda: len(self.device.said("sent")) >= cards and bool(self.reads), what=self.account)
        assert len(self.reads) <= cards
        assert all(read.stale for read in self.reads)

    async def next_counts(self, before: int) -> None:
        """None of the cards shown `before` opened anything, and the next one does."""
        assert 0 < len(self.reads) <= before
        assert all(read.stale for read in self.reads)
        self.show()
        await self.fresh_read(len(self.reads) + 1)

    async def fresh_read(self, count: int, within: float = 2.0) -> None:
        """The `count`-th read is there, and it is the card, not stale."""
        await auntil(lambda: len(self.reads) == count, timeout=within, what=self.account)
        assert (self.reads[-1].credential, self.reads[-1].stale) == (CARD, False)


def on_bench(folder: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    with simulated("reader", folder / "reader", "--key", KEY) as device:
        bench = Bench(folder, device)
        with_job(bench.bus.run, lambda: story(bench))


def test_a_card_arrives_with_bits_and_number(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        bench.show()
        await bench.fresh_read(1)
        read = bench.reads[0]
        assert (read.terminal, read.door, read.direction) == ("north-in", "north", "in")
        shown_ms = next(line["t_ns"] for line in bench.device.lines if "card" in line) // 1_000_000
        assert 0 <= read.up_ms - shown_ms < 500
        assert bench.reports == []

    on_bench(tmp_path, story)


def test_a_card_of_unknown_length_is_an_unreadable_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        for bits in (25, 27):
            bench.show(Card(bits, 5))
        await auntil(lambda: len(bench.reads) == 2)
        assert [read.credential for read in bench.reads] == [
            Unreadable("a card of 25 bits"),
            Unreadable("a card of 27 bits"),
        ]

    on_bench(tmp_path, story)


def test_digits_are_collected_until_they_are_entered(tmp_path: Path) -> None:
    """In one reply or key by key; * begins anew; # alone is nothing; too many digits are an unreadable read."""

    async def story(bench: Bench) -> None:
        await bench.usable()
        for text in ("1234#", "5", "6", "7", "8", "#", "99*0042#", "#", "1" * 13, "#", "007#"):
            bench.device.tell("keys", text=text)
        await auntil(lambda: len(bench.reads) == 5)
        assert [read.credential for read in bench.reads] == [
            Keys("1234"), Keys("5678"), Keys("0042"), Unreadable("more than 12 digits"), Keys("007"),
        ]  # fmt: skip
        assert {(read.terminal, read.door, read.stale) for read in bench.reads} == {("north-in", "north", False)}

    on_bench(tmp_path, story)


def test_digits_before_a_card_are_forgotten(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        bench.device.tell("keys", text="12")
        bench.show()
        bench.device.tell("keys", text="34#")
        await auntil(lambda: len(bench.reads) == 2)
        assert [read.credential for read in bench.reads] == [CARD, Keys("34")]

    on_bench(tmp_path, story)


def test_digits_are_said_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def story(bench: Bench) -> None:
        await bench.usable()
        for text in ("73519#", "0" * 8 + "73519#"):
            bench.device.tell("keys", text=text)
        await auntil(lambda: len(bench.reads) == 2)
        assert "73519" not in caplog.text + repr(bench.reads) + repr(bench.reports) + repr(bench.device.lines)

    on_bench(tmp_path, story)


def test_a_reader_whose_profile_has_no_keypad_has_none(tmp_path: Path) -> None:
    with simulated("reader", tmp_path / "reader", "--key", KEY) as device:
        reads: list[Read] = []
        profile = msgspec.structs.replace(PROFILE, provides=("card",))
        bus = OsdpBus(
            "sim://reader", [(NORTH, profile, bytes.fromhex(KEY))], UpClock(),
            reads.append, lambda report: None, tmp_path,
        )  # fmt: skip

        async def story() -> None:
            await auntil(lambda: bus.usable("north-in"))
            device.tell("keys", text="1234#")
            device.tell("card", bits=CARD.bits, raw=CARD.raw)
            await auntil(lambda: reads)
            assert [read.credential for read in reads] == [CARD]

        with_job(bus.run, story)


async def read_before_the_first_connection(bench: Bench) -> None:
    await reads_before_the_first_connection(bench, 1)


async def reads_before_the_first_connection(bench: Bench, queued: int = 20) -> None:
    """Shown while the daemon was down: the reader hands over every one, every one is stale, the next one counts."""
    await bench.handed_over(queued)
    last = time.monotonic()
    await bench.usable(QUIET_S + 1.0)
    assert time.monotonic() - last > QUIET_S - 0.1
    await bench.next_counts(queued)


async def short_cut(bench: Bench) -> None:
    """4 s: libosdp keeps the secure channel, so no new handshake tells of the cut; the silence makes reads stale."""
    await bench.usable()
    bench.device.tell("unplug")
    for _ in range(20):
        bench.show()
    await auntil(lambda: states(bench.reports) == ["lost"], timeout=4.0)
    assert "does not answer" in bench.reports[0].detail
    bench.device.tell("plug")
    plugged = time.monotonic()
    await bench.handed_over(20)
    await auntil(lambda: states(bench.reports) == ["lost", "back"])
    in_time(plugged, 4.0)
    await bench.next_counts(20)


async def long_cut(bench: Bench) -> None:
    """9 s: both sides have given the session up, and libosdp alone would wait for 300 s. A card works within 2 s."""
    await bench.usable()
    bench.device.tell("unplug")
    cut = time.monotonic()
    bench.show()
    await auntil(lambda: states(bench.reports) == ["lost"], timeout=4.0)
    await auntil(lambda: time.monotonic() - cut > 9.0, timeout=10.0)
    bench.device.tell("plug")
    plugged = time.monotonic()
    await auntil(lambda: states(bench.reports) == ["lost", "back"], timeout=2.5)
    assert [read.stale for read in bench.reads] == [True]
    bench.show()
    await bench.fresh_read(2)
    in_time(plugged, 2.0)


async def typed_during_a_cut(bench: Bench) -> None:
    """Half of it before the cut, half of it during: what comes of it is stale; typed again it counts."""
    await bench.usable()
    bench.device.tell("keys", text="12")
    await auntil(lambda: bench.device.said("sent"))
    bench.device.tell("unplug")
    await auntil(lambda: not bench.bus.usable("north-in"), timeout=4.0)
    bench.device.tell("keys", text="34#")
    bench.device.tell("plug")
    await auntil(lambda: bench.reads, timeout=4.0)
    assert [read.stale for read in bench.reads] == [True]
    await bench.usable()
    bench.device.tell("keys", text="1234#")
    await auntil(lambda: len(bench.reads) == 2)
    assert (bench.reads[1].credential, bench.reads[1].stale) == (Keys("1234"), False)


async def port_vanishes(bench: Bench) -> None:
    """It is opened again, and what was shown meanwhile opens nothing."""
    await bench.usable()
    bench.device.tell("vanish")
    bench.show()
    await auntil(lambda: states(bench.reports) == ["lost"], timeout=2.5)
    bench.device.tell("appear")
    appeared = time.monotonic()
    await auntil(lambda: states(bench.reports) == ["lost", "back"], timeout=2.5)
    assert all(read.stale for read in bench.reads)
    bench.show()
    await bench.fresh_read(len(bench.reads) + 1)
    in_time(appeared, 2.5)


async def wrong_key(bench: Bench) -> None:
    """An alarm, and no read."""
    bench.show()
    await auntil(lambda: states(bench.reports) == ["degraded"], timeout=8.0)
    assert "key" in bench.reports[0].detail
    assert bench.reads == []
    assert not bench.bus.usable("north-in")


async def reader_without_key(bench: Bench) -> None:
    """It speaks clear text and takes the default key, as a stranger's would: no read, no key handed over, an alarm."""
    bench.show()
    await auntil(lambda: states(bench.reports) == ["degraded"], timeout=8.0)
    assert bench.reads == []
    assert True not in bench.device.said("sc")


Story = Callable[[Bench], Awaitable[None]]

# In rounds, and the key each reader has. More at a time and the test is itself the load under which it fails: every
# bus and every reader turns its loop each 5 ms.
ROUNDS: tuple[dict[Story, tuple[str, ...]], ...] = (
    {long_cut: ("--key", KEY), wrong_key: ("--key", OTHER_KEY), reader_without_key: ()},
    {short_cut: ("--key", KEY), read_before_the_first_connection: ("--key", KEY), port_vanishes: ("--key", KEY)},
    {reads_before_the_first_connection: ("--key", KEY), typed_during_a_cut: ("--key", KEY)},
)
SLOW = [story.__name__ for stories in ROUNDS for story in stories]
QUEUED = {read_before_the_first_connection: 1, reads_before_the_first_connection: 20}  # shown before the bus runs


async def tell(stories: list[tuple[Story, Bench]]) -> list[BaseException | None]:
    jobs = [asyncio.ensure_future(bench.bus.run(lambda: None)) for _, bench in stories]
    try:
        return await asyncio.gather(*(story(bench) for story, bench in stories), return_exceptions=True)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BaseException | None]:
    """How each slow story ended. They mostly wait, so some are told at the same time, each on a bus of its own."""
    ended: dict[str, BaseException | None] = {}
    for round_ in ROUNDS:
        with ExitStack() as devices:
            stories = []
            for story, key in round_.items():
                folder = tmp_path_factory.mktemp("bus")
                device = devices.enter_context(simulated("reader", folder / "reader", *key))
                queued = QUEUED.get(story, 0)
                for _ in range(queued):
                    device.tell("card", bits=CARD.bits, raw=CARD.raw)
                until(lambda device=device, queued=queued: len(device.said("card")) == queued)  # type: ignore[misc]
                stories.append((story, Bench(folder, device)))
            outcomes = asyncio.run(tell(stories))
        ended |= {story.__name__: outcome for (story, _), outcome in zip(stories, outcomes, strict=True)}
    return ended


@pytest.mark.parametrize("story", SLOW)
def test_slow_story(story: str, told: dict[str, BaseException | None]) -> None:
    if error := told[story]:
        raise error


def test_ending_during_a_connection_that_takes_long_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A converter without room for one more caller lets connect() wait; the gateway's loop must not wait with it."""
    monkeypatch.setattr(link, "_CONNECT_S", 1.0)
    with socket.socket() as server, socket.socket() as other:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        other.connect(server.getsockname())
        port = server.getsockname()[1]
        bus = OsdpBus(
            f"tcp://127.0.0.1:{port}", [(NORTH, PROFILE, bytes(16))], UpClock(),
            lambda read: None, lambda report: None, tmp_path,
        )  # fmt: skip

        def connecting() -> bool:
            lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()]
            return any(line[2] == f"0100007F:{port:04X}" and line[3] == "02" for line in lines)

        async def story() -> tuple[float, float]:
            job = asyncio.ensure_future(bus.run(lambda: None))
            await auntil(connecting)
            began = last = time.monotonic()
            worst = 0.0
            job.cancel()
            while not job.done():
                await asyncio.sleep(0.002)
                worst, last = max(worst, time.monotonic() - last), time.monotonic()
            return worst, last - began

        worst_s, whole_s = asyncio.run(story())
    assert worst_s < 0.4 < whole_s
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("osdp")]


def test_outcomes_are_shown_and_a_burst_of_them_is_coalesced(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        for _ in range(50):
            bench.bus.show("north-in", "denied")
        bench.bus.show("north-in", "granted")
        bench.bus.show("nobody", "granted")
        await auntil(lambda: bench.device.said("buzzer"))
        colors = [led["on_color"] for led in bench.device.said("led")]
        assert colors[-1] == 2  # green
        assert len(colors) <= 2
        bench.show()
        await bench.fresh_read(1, within=0.5)

    on_bench(tmp_path, story)


@pytest.mark.parametrize("outcome", ["granted", "denied", "fault", "pin_wanted", "waiting", "close_door"])
def test_every_outcome_can_be_seen(outcome: str) -> None:
    feedback = PROFILE.feedback_for(outcome)
    assert feedback is not None
    assert feedback.led is not None


def test_an_outcome_without_feedback_hides_no_other(tmp_path: Path) -> None:
    """The door's warning comes right behind the grant: a profile that has none for it still shows the grant."""
    shown = tuple(feedback for feedback in PROFILE.feedback if feedback.when == "granted")
    profile = msgspec.structs.replace(PROFILE, feedback=shown)
    with simulated("reader", tmp_path / "reader", "--key", KEY) as device:
        bus = OsdpBus(
            "sim://reader", [(NORTH, profile, bytes.fromhex(KEY))], UpClock(),
            lambda read: None, lambda report: None, tmp_path,
        )  # fmt: skip

        async def story() -> None:
            await auntil(lambda: bus.usable("north-in"))
            bus.show("north-in", "granted")
            bus.show("north-in", "close_door")
            await auntil(lambda: device.said("led"))
            assert [led["on_color"] for led in device.said("led")] == [2]

        with_job(bus.run, story)


def test_the_longest_time_the_library_can_carry_is_25_5_s(tmp_path: Path) -> None:
    """The binding keeps 256 x 100 ms in one byte, as 0: that is why the profile's form ends at 25500 ms."""

    async def story(bench: Bench) -> None:
        await bench.usable()
        longest = Led(color="red", on_ms=25_500, off_ms=0, for_ms=25_500)
        for command in (led_command(longest), led_command(longest) | {"timer_count": 256}):
            assert bench.bus._context.submit_command(0, command)
        await auntil(lambda: len(bench.device.said("led")) == 2)
        assert [led["timer_count"] for led in bench.device.said("led")] == [255, 0]

    on_bench(tmp_path, story)


def test_two_readers_share_a_bus_and_a_dead_one_leaves_the_other_alone(tmp_path: Path) -> None:
    """Only address 1 is there; address 2 never answers. Events carry the index, so the order is turned round."""
    dead = Terminal(name="south-in", profile=PROFILE.id, link="l", door="south", address=2)
    with simulated("reader", tmp_path / "reader", "--key", KEY) as device:
        reads: list[Read] = []
        reports: list[DeviceReport] = []
        key = bytes.fromhex(KEY)
        bus = OsdpBus(
            "sim://reader", [(dead, PROFILE, key), (NORTH, PROFILE, key)], UpClock(),
            reads.append, reports.append, tmp_path,
        )  # fmt: skip

        async def story() -> None:
            await auntil(lambda: bus.usable("north-in"), timeout=10.0)
            for count in range(1, 6):
                device.tell("card", bits=CARD.bits, raw=CARD.raw)
                await auntil(lambda count=count: len(reads) == count, timeout=2.0)
            assert {(read.terminal, read.stale) for read in reads} == {("north-in", False)}

        with_job(bus.run, story)


def test_nothing_of_the_library_reaches_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        bench.device.tell("vanish")
        await auntil(lambda: states(bench.reports) == ["lost"])

    on_bench(tmp_path, story)
    ctypes.CDLL(None).fflush(None)
    assert "".join(capfd.readouterr()) == ""


def test_ends_cleanly_and_leaves_no_descriptor(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()

    on_bench(tmp_path, story)
    before = len(os.listdir("/proc/self/fd"))
    on_bench(tmp_path, story)
    assert len(os.listdir("/proc/self/fd")) == before


def _bus(terminals: list[tuple[Terminal, bytes | None]], folder: Path, insecure: bool = False) -> OsdpBus:
    profile = msgspec.structs.replace(PROFILE, framing=Osdp(insecure=insecure))
    return OsdpBus(
        "sim://x", [(terminal, profile, key) for terminal, key in terminals], UpClock(),
        lambda read: None, lambda report: None, folder,
    )  # fmt: skip


def test_clear_text_needs_a_profile_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(EdgeAgentError, match="key_file"):
        _bus([(NORTH, None)], tmp_path)
    _bus([(NORTH, None)], tmp_path, insecure=True)


def test_a_bad_key_and_a_taken_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeAgentError, match="16"):
        _bus([(NORTH, b"short")], tmp_path)
    with pytest.raises(EdgeAgentError, match="address 1"):
        _bus([(NORTH, bytes(16)), (NORTH, bytes(16))], tmp_path)
    with pytest.raises(EdgeAgentError, match="OSDP"):
        OsdpBus(
            "sim://x", [(NORTH, load_profile("readers/text-stx"), bytes(16))], UpClock(),
            lambda read: None, lambda report: None, tmp_path,
        )  # fmt: skip
