"""The gate driver against a simulated gate in its own process, over a pty."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from edge_agent.drivers import gate as gate_module
from edge_agent.drivers.gate import SerialGate, check_gate
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.site import Door, GateBinding
from tests.drivers.rig import Device, UpClock, simulated, states, with_job
from tests.waiting import auntil, until

BINDING = GateBinding(link="l", profile="gates/sim", relay=0, contact=0, exit=0)
WIRED = msgspec.structs.replace(BINDING, fire=0, panic=0, tamper=0, supervised=True)
DOOR = Door(name="north", gate=BINDING, release_s=1.0)
QUICK = ("--travel-ms", "40", "--open-ms", "150", "--bounce-ms", "12")


class Bench:
    def __init__(self, folder: Path, device: Device, binding: GateBinding = BINDING) -> None:
        self.device = device
        self.seen: list[GateReport] = []
        self.reports: list[DeviceReport] = []
        self.gate = SerialGate(
            msgspec.structs.replace(DOOR, gate=binding),
            load_profile("gates/sim"), "sim://gate", UpClock(), self.seen.append, self.reports.append, folder,
        )  # fmt: skip

    def found(self) -> list[Report]:
        return [report.report for report in self.seen if report.first]

    async def sees(self, *kinds: Report) -> None:
        """Exactly these changes have been reported since the last look."""
        await auntil(lambda: len(self.kinds()) >= len(kinds), what=str(kinds))
        assert self.kinds() == list(kinds)
        self.seen.clear()

    def kinds(self) -> list[Report]:
        return [report.report for report in self.seen if not report.first]

    async def connected(self) -> None:
        await auntil(lambda: len(self.seen) >= 2)


def on_bench(folder: Path, story: Callable[[Bench], Awaitable[None]], binding: GateBinding = BINDING) -> None:
    with simulated("gate", folder / "gate", *QUICK) as device:
        bench = Bench(folder, device, binding)
        with_job(bench.gate.run, lambda: story(bench))


def test_states_found_at_connect_are_marked_first(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        assert [(report.report, report.first) for report in bench.seen] == [
            (Report.RELAY_OFF, True),
            (Report.CONTACT_CLOSED, True),
        ]
        assert bench.reports == []

    on_bench(tmp_path, story)


def test_release_opens_once_though_the_contact_bounces(tmp_path: Path) -> None:
    """Each movement makes five edges within 12 ms on the wire; one opened and one closed come out."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(0.4)
        await auntil(lambda: {Report.CONTACT_CLOSED, Report.RELAY_OFF} <= set(bench.kinds()))
        order = [Report.RELAY_ON, Report.CONTACT_OPEN, Report.CONTACT_CLOSED, Report.RELAY_OFF]
        assert sorted(bench.kinds()) == sorted(order)
        assert bench.kinds()[:3] == order[:3]
        await auntil(lambda: bench.device.said("relay")[-1:] == ["off"])
        assert bench.device.said("relay") == ["on", "off"]

    on_bench(tmp_path, story)


def test_the_board_times_the_pulse(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(0.3)
        await auntil(lambda: bench.device.said("relay") == ["on", "off"])
        on, off = (line["t_ns"] for line in bench.device.lines if "relay" in line)
        assert 0.28e9 < off - on < 0.6e9

    on_bench(tmp_path, story)


def test_a_release_longer_than_the_board_can_time_is_cut(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(1e6)
        await auntil(lambda: bench.device.said("seconds"))
        assert bench.device.said("seconds") == [3600.0]

    on_bench(tmp_path, story)


def test_a_door_is_locked_before_its_time_is_over(tmp_path: Path) -> None:
    """Long hold-opens are pulsed anew in time, and end when somebody says so."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("person", passes=False)
        for _ in range(3):
            await bench.gate.release(3600)
        await auntil(lambda: bench.device.said("seconds") == [3600.0] * 3)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())
        await bench.gate.secure()
        await auntil(lambda: Report.RELAY_OFF in bench.kinds())
        await bench.gate.secure()  # locked already: nothing moves
        bench.device.tell("exit")
        await auntil(lambda: Report.EXIT_PRESSED in bench.kinds())
        assert bench.kinds() == [Report.RELAY_ON, Report.RELAY_OFF, Report.EXIT_PRESSED]
        await auntil(lambda: bench.device.said("relay") == ["on", "on", "on", "off"])
        assert bench.reports == []

    on_bench(tmp_path, story)


def test_a_relay_that_does_not_let_go_is_told(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("person", passes=False)
        await bench.gate.release(60)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())
        bench.device.tell("mute", on=True)
        bench.device.tell("exit")
        await auntil(lambda: bench.device.said("exit"))
        await bench.gate.secure()
        await auntil(lambda: "degraded" in states(bench.reports))
        assert "not locked" in bench.reports[0].detail

    on_bench(tmp_path, story)


def test_nobody_pushes_so_the_contact_stays_silent(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("person", passes=False)
        await bench.gate.release(0.3)
        await auntil(lambda: Report.RELAY_OFF in bench.kinds())
        assert bench.kinds() == [Report.RELAY_ON, Report.RELAY_OFF]

    on_bench(tmp_path, story)


def test_forced_door_and_exit_button_are_seen_without_a_release(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("exit")
        await auntil(lambda: Report.EXIT_PRESSED in bench.kinds())
        bench.device.tell("force")
        await auntil(lambda: Report.CONTACT_CLOSED in bench.kinds())
        assert bench.kinds() == [Report.EXIT_PRESSED, Report.CONTACT_OPEN, Report.CONTACT_CLOSED]

    on_bench(tmp_path, story)


@pytest.mark.parametrize(
    ("input", "on", "off"),
    [
        ("fire", Report.FIRE_ON, Report.FIRE_OFF),
        ("panic", Report.PANIC_ON, Report.PANIC_OFF),
        ("tamper", Report.TAMPER_ON, Report.TAMPER_OFF),
    ],
)
def test_fire_panic_and_tamper_are_told_once_a_change(input: str, on: Report, off: Report, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        assert on not in bench.found()
        for _ in range(2):
            bench.device.tell(input, on=True)
            await bench.sees(on)
            bench.device.tell(input, on=False)
            await bench.sees(off)

    on_bench(tmp_path, story, WIRED)


def test_inputs_that_are_not_this_doors_are_nothing_to_it(tmp_path: Path) -> None:
    """The board has them all; a cut loop that nobody supervises looks open, as it always did."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        for input in ("fire", "panic", "tamper"):
            bench.device.tell(input, on=True)
        bench.device.tell("cut")
        await bench.sees(Report.CONTACT_OPEN)

    on_bench(tmp_path, story)


@pytest.mark.parametrize(("order", "fault"), [("cut", Report.INPUT_CUT), ("short", Report.INPUT_SHORTED)])
def test_a_broken_loop_is_told_and_the_door_stays_as_it_was(order: str, fault: Report, tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell(order)
        await auntil(bench.kinds)
        assert [(report.report, report.detail) for report in bench.seen if not report.first] == [(fault, "contact")]
        bench.seen.clear()
        bench.device.tell("mend")
        await bench.sees(Report.INPUT_NORMAL)
        bench.device.tell("force")
        await bench.sees(Report.CONTACT_OPEN, Report.CONTACT_CLOSED)

    on_bench(tmp_path, story, WIRED)


def test_a_door_opened_behind_a_cut_loop_is_told_when_it_is_mended(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("cut")
        await bench.sees(Report.INPUT_CUT)
        bench.device.tell("short")
        await bench.sees(Report.INPUT_SHORTED)
        bench.device.tell("force")
        await auntil(lambda: "open" in bench.device.said("contact"))
        bench.device.tell("mend")
        await bench.sees(Report.INPUT_NORMAL, Report.CONTACT_OPEN)

    with simulated("gate", tmp_path / "gate", "--open-ms", "60000") as device:
        bench = Bench(tmp_path, device, WIRED)
        with_job(bench.gate.run, lambda: story(bench))


def test_what_is_active_at_the_start_is_told_as_found(tmp_path: Path) -> None:
    """Of a door behind a cut loop nothing is known: nothing is said until it is mended, then it is found."""

    async def story(bench: Bench) -> None:
        await auntil(lambda: len(bench.seen) >= 5)
        assert bench.found() == [
            Report.RELAY_OFF, Report.FIRE_ON, Report.PANIC_ON, Report.TAMPER_ON, Report.INPUT_CUT,
        ]  # fmt: skip
        assert bench.kinds() == []
        bench.seen.clear()
        bench.device.tell("mend")
        await auntil(lambda: len(bench.seen) >= 2)
        assert [(report.report, report.first) for report in bench.seen] == [
            (Report.INPUT_NORMAL, False),
            (Report.CONTACT_CLOSED, True),
        ]

    with simulated("gate", tmp_path / "gate", *QUICK) as device:
        for input in ("fire", "panic", "tamper"):
            device.tell(input, on=True)
        device.tell("cut")
        until(lambda: device.said("loop"))
        bench = Bench(tmp_path, device, WIRED)
        with_job(bench.gate.run, lambda: story(bench))


def test_what_went_on_and_off_while_the_board_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("fire", on=True)
        await bench.sees(Report.FIRE_ON)
        bench.device.tell("vanish")
        await auntil(lambda: states(bench.reports) == ["lost"], timeout=2.0)
        bench.device.tell("fire", on=False)
        bench.device.tell("panic", on=True)
        bench.device.tell("appear")
        await auntil(lambda: states(bench.reports) == ["lost", "back"], timeout=2.0)
        assert bench.found() == [Report.RELAY_OFF, Report.FIRE_OFF, Report.PANIC_ON, Report.CONTACT_CLOSED]

    on_bench(tmp_path, story, WIRED)


def test_garbage_on_the_line_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        for _ in range(20):
            bench.device.tell("raw", hex="00 FF 02 53 30 02 53 30 30 30 30 30 30 00 03")
        bench.device.tell("exit")
        await auntil(lambda: Report.EXIT_PRESSED in bench.kinds())
        assert states(bench.reports) == ["degraded"]

    on_bench(tmp_path, story)


def test_a_board_that_does_not_switch_is_asked_twice_and_reported(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("mute", on=True)
        bench.device.tell("exit")  # its fact says that the order before it was carried out
        await auntil(lambda: bench.device.said("exit"))
        await bench.gate.release(1.0)
        await auntil(lambda: "degraded" in states(bench.reports))
        assert "twice" in bench.reports[0].detail

    on_bench(tmp_path, story)


def test_a_silent_board_is_lost_within_four_seconds_and_back_with_its_states(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("unplug")
        await auntil(lambda: states(bench.reports) == ["lost"], timeout=4.5)
        with pytest.raises(DeviceUnavailable):
            await bench.gate.release(1.0)
        bench.seen.clear()
        bench.device.tell("plug")
        await auntil(lambda: states(bench.reports) == ["lost", "back"], timeout=2.0)
        assert all(report.first for report in bench.seen)
        await bench.gate.release(0.2)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())

    on_bench(tmp_path, story)


class Board:
    """A gate board behind a converter: answers every frame with its state, until it `stalls`."""

    def __init__(self) -> None:
        self.calls: list[bytearray] = []  # what each connection brought
        self.ends: list[str] = []
        self.stalls = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self.calls.append(heard)
        try:
            while data := await reader.read(100):
                heard += data
                if not self.stalls:
                    writer.write(bytes.fromhex("02 53" + "30" * 16 + "53 03"))
            self.ends.append("closed")
        except ConnectionResetError:
            self.ends.append("reset")
        finally:
            writer.close()


def test_a_board_that_falls_silent_loses_its_port_and_all_that_waits_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is reset, not closed, so nothing follows; once, then the new one waits for the board to wake."""
    monkeypatch.setattr(gate_module, "_SILENT_S", 0.6)
    profile = load_profile("gates/sim")
    assert profile.gate is not None
    profile = msgspec.structs.replace(profile, gate=msgspec.structs.replace(profile.gate, poll_ms=200))
    board, reports = Board(), list[DeviceReport]()
    gates: list[SerialGate] = []

    async def job(beat: Callable[[], None]) -> None:
        async with await asyncio.start_server(board.serve, "127.0.0.1", 0) as server:
            url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            gates.append(SerialGate(DOOR, profile, url, UpClock(), lambda report: None, reports.append, tmp_path))
            await gates[0].run(beat)

    async def story() -> None:
        await auntil(lambda: board.calls and b"Q" in board.calls[0])
        board.stalls = True
        await auntil(lambda: states(reports) == ["lost"], timeout=2.0)
        await auntil(lambda: board.ends == ["reset"], timeout=1.0)
        with pytest.raises(DeviceUnavailable):
            await gates[0].release(1.0)
        await auntil(lambda: len(board.calls) == 2 and board.calls[1].count(b"Q") >= 5)
        board.stalls = False
        await auntil(lambda: states(reports) == ["lost", "back"], timeout=2.0)
        assert b"P" not in board.calls[1]
        assert len(board.calls) == 2

    with_job(job, story)


class Relay:
    """A board behind a converter whose relay is on, and lets go when it is told to or does not."""

    def __init__(self, sticks: bool) -> None:
        self.sticks = sticks
        self.heard = bytearray()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            self.heard += data
            on = self.sticks or b"P00000" not in self.heard
            text = b"S" + (b"01" if on else b"00") + b"0" * 14
            folded = 0
            for byte in text:
                folded ^= byte
            writer.write(bytes((2,)) + text + bytes((folded, 3)))
        writer.close()


@pytest.mark.parametrize("sticks", [False, True])
def test_locking_is_proven_by_the_relay(sticks: bool, tmp_path: Path) -> None:
    """Answered by a relay that is off, it is said once; one that stays on is told twice, then somebody hears of it."""
    profile = load_profile("gates/sim")
    assert profile.gate is not None
    profile = msgspec.structs.replace(profile, gate=msgspec.structs.replace(profile.gate, poll_ms=200))
    board, seen, reports = Relay(sticks), list[GateReport](), list[DeviceReport]()
    gates: list[SerialGate] = []

    async def job(beat: Callable[[], None]) -> None:
        async with await asyncio.start_server(board.serve, "127.0.0.1", 0) as server:
            url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            gates.append(SerialGate(DOOR, profile, url, UpClock(), seen.append, reports.append, tmp_path))
            await gates[0].run(beat)

    async def story() -> None:
        await auntil(lambda: seen)
        await gates[0].secure()
        asked = board.heard.count(b"Q")
        await auntil(lambda: board.heard.count(b"Q") >= asked + 7)  # a second: longer than two answers may take
        assert board.heard.count(b"P00000") == (2 if sticks else 1)
        assert states(reports) == (["degraded"] if sticks else [])

    with_job(job, story)


def test_a_heartbeat_that_fails_ends_the_job(tmp_path: Path) -> None:
    """Silence would never be noticed again; ended, the job is started anew."""
    profile = msgspec.structs.replace(load_profile("gates/sim"), command=())
    gate = SerialGate(DOOR, profile, "sim://none", UpClock(), lambda report: None, lambda report: None, tmp_path)

    async def run() -> None:
        async with asyncio.timeout(2.0):
            await gate.run(lambda: None)

    with pytest.raises(EdgeAgentError, match="query"):
        asyncio.run(run())


def test_a_port_that_vanishes_is_opened_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("vanish")
        await auntil(lambda: states(bench.reports) == ["lost"], timeout=2.0)
        bench.device.tell("appear")
        await auntil(lambda: states(bench.reports) == ["lost", "back"], timeout=2.0)
        await bench.gate.release(0.2)
        await auntil(lambda: Report.RELAY_ON in bench.kinds())

    on_bench(tmp_path, story)


def test_release_before_the_board_was_heard_is_refused(tmp_path: Path) -> None:
    gate = SerialGate(
        DOOR, load_profile("gates/sim"), "sim://none", UpClock(), lambda report: None, lambda report: None, tmp_path
    )
    with pytest.raises(DeviceUnavailable, match="north"):
        asyncio.run(gate.release(1.0))


@pytest.mark.parametrize(
    ("door", "profile", "why"),
    [
        (DOOR, "readers/text-stx", "another kind of device"),
        (
            Door(name="n", gate=GateBinding(link="l", profile="gates/sim", relay=9, contact=0)),
            "gates/sim",
            "relay = 9.*0 to 7",
        ),
        (
            Door(name="n", gate=GateBinding(link="l", profile="gates/sim", panic=8, contact=0)),
            "gates/sim",
            "panic = 8.*0 to 7",
        ),
        (
            Door(name="n", gate=GateBinding(link="l", profile="gates/sim", contact=None, supervised=True)),
            "gates/sim",
            "supervised",
        ),
        (
            Door(name="n", gate=GateBinding(link="l", profile="gates/sim", contact=0), release_s=4000),
            "gates/sim",
            "release_s.*at most 3600",
        ),
        (
            Door(name="n", gate=GateBinding(link="l", profile="gates/sim", contact=0), extended_release_s=4000),
            "gates/sim",
            "extended_release_s",
        ),
    ],
)
def test_a_gate_that_cannot_work_is_refused_at_once(door: Door, profile: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeAgentError, match=why):
        check_gate(door, load_profile(profile))
    with pytest.raises(EdgeAgentError, match=why):
        SerialGate(
            door, load_profile(profile), "sim://g", UpClock(), lambda report: None, lambda report: None, tmp_path
        )


@pytest.mark.parametrize("input", ["fire", "panic", "tamper", "supervised"])
def test_an_input_the_board_does_not_have_is_refused(input: str) -> None:
    """Wired to nothing, a fire input would never release anybody."""
    profile = msgspec.structs.replace(load_profile("gates/sim"), provides=("relay", "contact", "exit"))
    check_gate(DOOR, profile)
    value = True if input == "supervised" else 0
    door = msgspec.structs.replace(DOOR, gate=msgspec.structs.replace(BINDING, **{input: value}))
    with pytest.raises(EdgeAgentError, match=input):
        check_gate(door, profile)
