"""The text-framed terminal against a simulated reader in its own process, over a pty."""

import asyncio
import itertools
import random
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.terminal import SerialTerminal, screen_frame
from edge_agent.drivers.trouble import Trouble
from edge_agent.errors import EdgeAgentError
from edge_agent.model.decisions import Reason
from edge_agent.model.doors import DeviceReport
from edge_agent.model.reads import Card, Read, Unreadable
from edge_agent.model.site import Terminal
from edge_agent.protocols.codec import Decoder, Message
from edge_agent.words import say
from tests.drivers.rig import Device, UpClock, simulated, states, with_job
from tests.waiting import auntil

SIDE = Terminal(name="side-in", profile="readers/text-stx", link="l", door="side")
CARD = Card(40, 0xABCDEF)
FRAME = "02 30 30 30 30 30 41 42 43 44 45 46 37 03"


class Bench:
    def __init__(self, folder: Path, device: Device, profile: str = "readers/text-stx") -> None:
        self.device = device
        self.reads: list[Read] = []
        self.reports: list[DeviceReport] = []
        self.terminal = SerialTerminal(
            SIDE, load_profile(profile), "sim://reader", UpClock(),
            self.reads.append, self.reports.append, folder,
        )  # fmt: skip

    async def open(self) -> None:
        """Feedback arrives at the reader: the port is open. What was sent before is discarded by opening."""

        def heard() -> bool:
            self.terminal.show("side-in", "fault")
            return bool(self.device.said("received"))

        await auntil(heard)

    async def usable(self) -> None:
        await auntil(lambda: self.terminal.usable("side-in"), timeout=2.0)

    async def card(self, count: int = 1) -> None:
        self.device.tell("card", number="0000ABCDEF")
        await auntil(lambda: [read.credential for read in self.reads].count(CARD) == count)


def on_bench(folder: Path, story: Callable[[Bench], Awaitable[None]], profile: str = "readers/text-stx") -> None:
    with simulated("textreader", folder / "reader") as device:
        bench = Bench(folder, device, profile)
        with_job(bench.terminal.run, lambda: story(bench))


def test_a_card_arrives_and_the_outcome_goes_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        await bench.card()
        read = bench.reads[0]
        assert (read.terminal, read.door, read.direction, read.stale) == ("side-in", "side", "in", False)
        bench.terminal.show("side-in", "granted")
        await auntil(lambda: "".join(bench.device.said("received")).endswith("02474703"))
        bench.terminal.show("side-in", "nothing of this profile")
        for outcome in ("pin_wanted", "waiting", "close_door"):
            bench.terminal.show("side-in", outcome)
        await auntil(lambda: "".join(bench.device.said("received")).endswith("02474703025050030257570302434303"))
        assert bench.reports == []

    on_bench(tmp_path, story)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(random.Random(7).randbytes(500).replace(b"\x02", b"").hex(), id="garbage"),
        pytest.param("02 30 30 30", id="half a frame"),
        pytest.param("02" + "41" * 100_000, id="100 kB without a terminator"),
        pytest.param("02 30 30 30 30 30 41 42 43 44 45 46 38 03", id="wrong checksum"),
        pytest.param("02 58 31 69 03", id="unknown message"),
        pytest.param("02 30 47 48 3F 03", id="no hexadecimal digits"),
        pytest.param("02 03 02 02 03 03", id="nothing but marks"),
    ],
)
def test_a_bad_line_is_told_once_and_the_next_card_arrives(bad: str, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.open()
        for _ in range(3):
            bench.device.tell("bytes", hex=bad)
        await bench.card()
        assert states(bench.reports) == ["degraded"]
        assert [read.credential for read in bench.reads] == [CARD]

    on_bench(tmp_path, story)


def test_a_card_of_unknown_length_is_an_unreadable_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.open()
        for number in ("123456", "2", "0" * 40):
            bench.device.tell("card", number=number)
        await bench.card()
        assert [read.credential for read in bench.reads[:3]] == [
            Unreadable("a card of 24 bits"),
            Unreadable("a card of 4 bits"),
            Unreadable("a card of 160 bits"),
        ]
        assert states(bench.reports) == ["degraded"]

    on_bench(tmp_path, story)


def test_a_frame_in_pieces_and_two_in_one_go_are_all_read(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.open()
        for byte in FRAME.split():
            bench.device.tell("bytes", hex=byte)
        bench.device.tell("bytes", hex=FRAME + FRAME)
        await auntil(lambda: len(bench.reads) == 3)
        assert {read.credential for read in bench.reads} == {CARD}
        assert len({read.read_id for read in bench.reads}) == 3

    on_bench(tmp_path, story)


def test_a_port_that_vanishes_is_opened_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.open()
        bench.device.tell("bytes", hex="02 30 30")  # half a frame, cut by the loss
        bench.device.tell("vanish")
        await auntil(lambda: states(bench.reports) == ["lost"], timeout=2.0)
        bench.terminal.show("side-in", "granted")
        bench.device.tell("appear")
        await auntil(lambda: states(bench.reports) == ["lost", "back"], timeout=2.0)
        await bench.card()
        assert not bench.reads[-1].stale

    on_bench(tmp_path, story)


def test_what_a_converter_kept_while_the_link_was_down_is_stale(tmp_path: Path) -> None:
    """Both at the first connection and at a later one it hands over three old reads at once; a new one counts."""
    frame = bytes.fromhex(FRAME)
    reads: list[Read] = []
    reports: list[DeviceReport] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        terminal = SerialTerminal(
            SIDE, load_profile("readers/text-stx"), url, UpClock(), reads.append, reports.append, tmp_path
        )

        async def story() -> None:
            for _ in range(2):
                converter, _ = await asyncio.to_thread(server.accept)
                with converter:
                    converter.sendall(3 * frame)
                    await auntil(lambda: len(reads) == 3, timeout=2.0)
                    assert not terminal.usable("side-in")
                    await auntil(lambda: terminal.usable("side-in"), timeout=2.0)
                    converter.sendall(frame)
                    await auntil(lambda: len(reads) == 4, timeout=2.0)
                assert [read.stale for read in reads] == [True, True, True, False]
                reads.clear()
                await auntil(lambda: not terminal.usable("side-in"), timeout=2.0)
            assert states(reports) == ["lost", "back", "lost"]

        with_job(terminal.run, story)


def test_a_converter_that_hangs_up_at_once_is_not_called_without_end(tmp_path: Path) -> None:
    """It serves somebody else. Calls come with growing pauses, and it is lost once, never back in between."""
    calls: list[float] = []
    reports: list[DeviceReport] = []

    async def story() -> None:
        await auntil(lambda: len(calls) == 5)
        pauses = [later - earlier for earlier, later in itertools.pairwise(calls)]
        assert pauses[-1] > 0.25
        assert states(reports) == ["lost"]

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(asyncio.get_running_loop().time())
        writer.close()

    async def job(beat: Callable[[], None]) -> None:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            profile = load_profile("readers/text-stx")
            await SerialTerminal(SIDE, profile, url, UpClock(), lambda read: None, reports.append, tmp_path).run(beat)

    with_job(job, story)


def test_a_profile_of_another_kind_is_refused(tmp_path: Path) -> None:
    for profile in ("readers/osdp-generic", "gates/sim"):
        with pytest.raises(EdgeAgentError, match="serial terminal"):
            SerialTerminal(
                SIDE, load_profile(profile), "sim://x", UpClock(), lambda read: None, lambda report: None, tmp_path
            )


def test_trouble_is_told_at_once_then_once_a_minute_with_a_count() -> None:
    trouble = Trouble()
    told = [trouble.seen("noise", up_ms) for up_ms in (0, 1, 59_999, 60_000, 60_001)]
    assert [bool(sentence) for sentence in told] == [True, False, False, True, False]
    assert told[3] is not None
    assert told[3].startswith("3 bad frames")


def test_r12_a_screen_says_why_and_offers_the_guard_in_both_languages(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        def screen() -> str:
            return bytes.fromhex("".join(bench.device.said("received"))).decode("utf-8", "replace")

        await bench.open()
        for outcome, reason, words in (
            ("denied", "credential_expired", "已过期，请联系保安|expired - ask the guard"),
            ("denied", "face_ambiguous", "人脸无法区分，请联系保安|two people too alike - ask the guard"),
            ("denied", "a reason of tomorrow", "其他原因，请联系保安|other reason - ask the guard"),
            ("face_nearer", "", "请靠近|come nearer"),
            ("face_light", "", "光线过暗或过亮|too dark or too bright"),
        ):
            bench.terminal.show("side-in", outcome, reason)
            await auntil(lambda words=words: words in screen())  # type: ignore[misc]
        bench.terminal.show("side-in", "an outcome of tomorrow")

    on_bench(tmp_path, story, "terminals/face-text")


@pytest.mark.parametrize("reason", list(Reason))
def test_r12_every_reason_fits_the_screen(reason: Reason) -> None:
    profile = load_profile("terminals/face-text")
    (message,) = Decoder(msgspec.structs.replace(profile, message=profile.command)).feed(
        screen_frame(profile, "denied", reason) or b""
    )
    assert isinstance(message, Message)
    assert "guard" in str(message.values["en"])
    assert "保安" in str(message.values["zh"])
    assert say(f"reason.{reason}", "en") in str(message.values["en"])
