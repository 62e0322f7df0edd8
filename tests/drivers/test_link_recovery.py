"""Every way a line fails, on real ptys, sockets and processes: lost once, back by itself, nobody held up."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.drivers import line as line_module
from edge_agent.drivers.echo import Echo
from edge_agent.drivers.gate import SerialGate
from edge_agent.drivers.line import Line
from edge_agent.drivers.link import SerialPort, open_link
from edge_agent.drivers.osdp import OsdpBus
from edge_agent.drivers.profiles import load_profile
from edge_agent.drivers.terminal import SerialTerminal
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.doors import DeviceReport, GateReport
from edge_agent.model.profile import LineSettings
from edge_agent.model.reads import Card, Read
from edge_agent.model.site import Door, GateBinding, Terminal
from tests.drivers.cables import Cable, at_other_speed
from tests.drivers.rig import UpClock, simulated, states, with_job
from tests.waiting import auntil, until

SIDE = Terminal(name="side-in", profile="readers/text-stx", link="l", door="side")
CARD = Card(40, 0xABCDEF)
FRAME = bytes.fromhex("02 30 30 30 30 30 41 42 43 44 45 46 37 03")
OSDP_KEY = "000102030405060708090A0B0C0D0E0F"
BACK_S = 10.0


class Bench:
    def __init__(self, url: str, folder: Path) -> None:
        self.reads: list[Read] = []
        self.reports: list[DeviceReport] = []
        self.terminal = SerialTerminal(
            SIDE, load_profile("readers/text-stx"), url, UpClock(), self.reads.append, self.reports.append, folder
        )

    async def usable(self) -> None:
        await auntil(lambda: self.terminal.usable("side-in"), BACK_S, lambda: self.reports)

    async def states(self, *wanted: str) -> None:
        await auntil(lambda: states(self.reports) == list(wanted), BACK_S, lambda: self.reports)


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path / "usb-1a86_USB_Serial-if00-port0")
    yield made
    made.close()


def on(cable: Cable, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        bench = Bench(f"serial://{cable.path}", cable.path.parent)
        job = asyncio.ensure_future(bench.terminal.run(lambda: None))
        try:
            await story(bench)
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    asyncio.run(run())


def test_an_adapter_that_comes_back_under_another_name_is_found_by_its_stable_one(cable: Cable) -> None:
    async def story(bench: Bench) -> None:
        await bench.usable()
        before = cable.tty
        cable.pull()
        await bench.states("lost")
        cable.plug()
        assert cable.tty != before
        await bench.states("lost", "back")
        os.write(cable.near, FRAME)
        await auntil(lambda: [read.credential for read in bench.reads] == [CARD])
        assert not bench.reads[0].stale

    on(cable, story)


def test_what_a_line_sends_back_is_left_out_and_told_once(cable: Cable) -> None:
    """An adapter that hears itself: feedback returns as if the reader had sent it."""

    async def story(bench: Bench) -> None:
        await bench.usable()
        loop = asyncio.get_running_loop()
        echoed: list[bytes] = []

        def echo() -> None:
            echoed.append(os.read(cable.near, 100))
            os.write(cable.near, echoed[-1])

        loop.add_reader(cable.near, echo)
        for count in range(1, 6):
            bench.terminal.show("side-in", "granted")
            await auntil(lambda wanted=4 * count: len(b"".join(echoed)) == wanted)
            os.write(cable.near, FRAME)
            await auntil(lambda wanted=count: len(bench.reads) == wanted)
        loop.remove_reader(cable.near)
        assert [(report.state, "adapter's echo" in report.detail) for report in bench.reports] == [("degraded", True)]
        assert {read.credential for read in bench.reads} == {CARD}

    on(cable, story)


def test_a_reader_at_another_speed_is_lost_with_the_remedy_and_back_when_it_is_right(cable: Cable) -> None:
    garbled = at_other_speed(FRAME, 19200, 9600)
    assert FRAME not in garbled

    async def story(bench: Bench) -> None:
        await bench.usable()

        def lost() -> bool:
            os.write(cable.near, garbled)
            return "lost" in states(bench.reports)

        await auntil(lost, BACK_S)
        detail = next(report.detail for report in bench.reports if report.state == "lost")
        assert "9600 baud" in detail
        assert "device probe" in detail
        os.write(cable.near, b"\x00" + FRAME)
        await bench.states("degraded", "lost", "back")
        os.write(cable.near, FRAME)
        await auntil(lambda: bool(bench.reads) and bench.reads[-1].credential == CARD)

    on(cable, story)


def test_a_port_in_somebody_elses_hands_is_taken_when_they_let_go(cable: Cable) -> None:
    script = (
        f"import serial; p = serial.Serial({str(cable.path)!r}, exclusive=True); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"

        async def story(bench: Bench) -> None:
            await bench.states("lost")
            assert "in use by another program" in bench.reports[0].detail
            assert other.stdin is not None
            other.stdin.close()
            await bench.states("lost", "back")

        on(cable, story)


def test_a_device_that_takes_no_more_bytes_holds_up_nobody(cable: Cable) -> None:
    """Flow control stops the line: feedback fills the buffer, then the port is given up; the loop never waits."""

    async def story(bench: Bench) -> None:
        await bench.usable()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        for _ in range(30_000):
            before = ticks
            bench.terminal.show("side-in", "granted")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert ticks > before
            if bench.reports:
                break
        ticking.cancel()
        assert [(report.state, "takes no more bytes" in report.detail) for report in bench.reports] == [("lost", True)]
        await bench.states("lost", "back")
        with suppress(BlockingIOError):
            while os.read(cable.near, 65536):
                pass
        bench.terminal.show("side-in", "denied")
        assert await _next(cable.near) == bytes.fromhex("02 44 44 03")

    on(cable, story)


async def _next(end: int) -> bytes:
    def read() -> bytes:
        try:
            return os.read(end, 100)
        except BlockingIOError:
            return b""

    return await auntil(read)


def test_a_serial_server_that_goes_away_is_called_again(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    bench = Bench(f"tcp://127.0.0.1:{port}", tmp_path)

    async def story() -> None:
        nonlocal server
        connection, _ = await asyncio.to_thread(server.accept)
        await bench.usable()
        server.close()
        connection.close()
        await bench.states("lost")
        server = socket.create_server(("127.0.0.1", port))
        connection, _ = await asyncio.to_thread(server.accept)
        await bench.states("lost", "back")
        connection.sendall(FRAME)
        await auntil(lambda: [read.credential for read in bench.reads] == [CARD])
        connection.close()

    try:
        with_job(bench.terminal.run, story)
    finally:
        server.close()


def test_a_serial_server_whose_cable_is_pulled_is_noticed_and_called_again(tmp_path: Path) -> None:
    """Nothing arrives, nothing is refused: a network of its own whose interface goes down under the connection."""
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespaces for this user: half-open connections cannot be made")
    if shutil.which("ip") is None:
        pytest.skip("half-open connections are made with `ip` (Debian: iproute2)")
    child = [sys.executable, str(Path(__file__).parent / "halfopen_child.py")]
    done = subprocess.run(["unshare", "-n", *child], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["lost", "back", "card"]


class GateBench:
    def __init__(self, url: str, folder: Path) -> None:
        self.seen: list[GateReport] = []
        self.reports: list[DeviceReport] = []
        door = Door(name="north", gate=GateBinding(link="l", profile="gates/sim"))
        self.gate = SerialGate(
            door, load_profile("gates/sim"), url, UpClock(), self.seen.append, self.reports.append, folder
        )


def test_a_gate_on_a_line_that_echoes_moves_and_reports_as_ever(tmp_path: Path) -> None:
    cable = Cable(tmp_path / "echoing")
    with simulated("gate", tmp_path / "board") as board:
        bench = GateBench(f"serial://{cable.path}", tmp_path)
        far = open_link("sim://board", tmp_path)

        def to_board() -> None:
            data = os.read(cable.near, 100)
            os.write(cable.near, data)
            far.write(data)

        async def story() -> None:
            loop = asyncio.get_running_loop()
            loop.add_reader(cable.near, to_board)
            loop.add_reader(far.fileno(), lambda: os.write(cable.near, far.read()))
            await auntil(lambda: bool(bench.seen))
            await bench.gate.release(1.0)
            await auntil(lambda: "on" in board.said("relay"))
            await auntil(lambda: "adapter's echo" in "".join(report.detail for report in bench.reports))
            assert states(bench.reports) == ["degraded"]
            loop.remove_reader(far.fileno())
            loop.remove_reader(cable.near)

        with_job(bench.gate.run, story)
        far.close()
    cable.close()


def test_an_osdp_reader_on_a_line_that_echoes_is_as_secure_as_ever(tmp_path: Path) -> None:
    """libosdp takes its own words for a reply and gives the session up, unless they are left out."""
    cable = Cable(tmp_path / "echoing")
    reads: list[Read] = []
    reports: list[DeviceReport] = []
    with simulated("reader", tmp_path / "reader", "--key", OSDP_KEY, "--address", "1") as reader:
        far = open_link("sim://reader", tmp_path)
        terminal = Terminal(name="north-in", profile="readers/osdp-generic", link="l", door="d", address=1)
        readers = [(terminal, load_profile(terminal.profile), bytes.fromhex(OSDP_KEY))]
        bus = OsdpBus(f"serial://{cable.path}", readers, UpClock(), reads.append, reports.append, tmp_path)

        def to_reader() -> None:
            with suppress(BlockingIOError):
                data = os.read(cable.near, 4096)
                os.write(cable.near, data)
                far.write(data)

        async def story() -> None:
            loop = asyncio.get_running_loop()
            loop.add_reader(cable.near, to_reader)
            loop.add_reader(far.fileno(), lambda: os.write(cable.near, far.read()))
            await auntil(lambda: bus.usable("north-in"), BACK_S, lambda: reports)
            reader.tell("card", bits=26, raw=154217)
            await auntil(lambda: [read.credential for read in reads] == [Card(26, 154217)])
            assert [(report.state, "adapter's echo" in report.detail) for report in reports] == [("degraded", True)]
            loop.remove_reader(far.fileno())
            loop.remove_reader(cable.near)

        with_job(bus.run, story)
        far.close()
    cable.close()


def test_a_gate_at_another_speed_is_lost_with_the_remedy_and_back_when_it_is_right(tmp_path: Path) -> None:
    cable = Cable(tmp_path / "x")
    bench = GateBench(f"serial://{cable.path}?baud=19200", tmp_path)
    state = bytes.fromhex("02 53 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 53 03")
    right = threading.Event()

    def answer() -> None:
        if os.read(cable.near, 100):
            os.write(cable.near, state if right.is_set() else at_other_speed(state, 9600, 19200))

    async def story() -> None:
        asyncio.get_running_loop().add_reader(cable.near, answer)
        await auntil(lambda: "lost" in states(bench.reports))
        assert "19200 baud" in next(report.detail for report in bench.reports if report.state == "lost")
        right.set()
        await auntil(lambda: states(bench.reports)[-1] == "back", BACK_S)
        assert states(bench.reports).count("lost") == 1
        asyncio.get_running_loop().remove_reader(cable.near)

    with_job(bench.gate.run, story)
    cable.close()


def test_opening_that_hangs_is_told_and_beats_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that never answers, in the test's hands; the port that comes in the end belongs to nobody."""
    cable = Cable(tmp_path / "x")
    go, opened = threading.Event(), []

    def slow(url: str, sim_dir: Path, baud: int, parity: str) -> SerialPort:
        go.wait(30)
        opened.append(SerialPort(str(cable.path), baud, parity))
        return opened[-1]

    monkeypatch.setattr(line_module, "open_link", slow)
    monkeypatch.setattr(line_module, "_SLOW_S", 1.5)
    beats: list[None] = []
    lost: list[DeviceUnavailable] = []

    async def run() -> None:
        line = Line("tcp://slow:1", LineSettings(), tmp_path, lambda: None, lambda data: None, lost.append)
        job = asyncio.ensure_future(line.run(lambda: beats.append(None)))
        await auntil(lambda: bool(lost) and len(beats) >= 3)
        assert "does not open" in str(lost[0])
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    asyncio.run(run())
    go.set()
    until(lambda: bool(opened))
    until(lambda: _free(cable))
    cable.close()


def _free(cable: Cable) -> bool:
    try:
        SerialPort(str(cable.path), 9600, "none").close()
    except DeviceUnavailable:
        return False
    return True


@pytest.mark.parametrize(
    ("sent", "heard", "left", "certain"),
    [
        ([b"abc"], [b"abc"], b"", False),
        ([b"abc", b"abc", b"def"], [b"abcabcdef"], b"", True),
        ([b"abc"], [b"a", b"bcX"], b"X", False),
        ([b"abc"], [b"XYabcZ"], b"XYZ", False),
        ([b"abc"], [b"XY"], b"XY", False),
        ([b"abc"], [b"XY", b"abc"], b"XYabc", False),
        ([b"\xff\x53\x01"], [b"\xff", b"\x53", b"\x81X"], b"\xff\x53\x81X", False),  # an answer, a byte at a time
        ([b"abc", b"abd"], [b"ab", b"c", b"a", b"X"], b"aX", False),
        ([b"\x07"], [b"\x07"], b"\x07", False),
        ([], [b"abc"], b"abc", False),
    ],
)
def test_an_echo_is_what_was_sent(sent: list[bytes], heard: list[bytes], left: bytes, certain: bool) -> None:
    echo = Echo()
    for data in sent:
        echo.sent(data, 0.0)
    assert b"".join(echo.heard(data, 0.1) for data in heard) == left
    assert echo.certain is certain


def test_what_comes_a_second_later_is_the_device() -> None:
    echo = Echo()
    echo.sent(b"abc", 0.0)
    assert echo.heard(b"abc", 1.5) == b"abc"
    for _ in range(10_000):
        echo.sent(b"abcd", 2.0)
    assert echo.heard(b"abcdXY", 2.1) == b"XY"
