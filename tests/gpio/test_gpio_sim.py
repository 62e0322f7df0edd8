"""The real libgpiod binding and the whole GPIO gate on the kernel's own simulated chip.

Runs where the kernel has gpio-sim and the user is root: `make test-gpio` boots such a kernel.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from edge_agent.drivers.gpio_gate import GpioGate, wanted_lines
from edge_agent.drivers.gpio_lines import check_lines, find_chip, request_lines
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.gpio import INPUTS, Gpio, Wanted
from edge_agent.model.profile import Profile
from edge_agent.model.site import Config, Door, GateBinding, GateLines, Gateway, Link, Uplink
from edge_agent.readiness import check_devices
from tests.drivers.rig import UpClock, states, with_job
from tests.gpio.sim import CONFIG, SimChip
from tests.waiting import auntil, until

if not (CONFIG.is_dir() and os.access(CONFIG, os.W_OK)):
    pytest.skip(
        "this kernel simulates no GPIO chip: `make test-gpio` builds and boots one that does", allow_module_level=True
    )

NAMES = ("SPARE", "LOCK", "DOOR", "EXIT", "FIRE", "PANIC", "LID", "GPIO26", "GPIO20", "GPIO21")
LINES = GateLines(relay="LOCK", contact="DOOR", exit="EXIT", fire="FIRE", panic="PANIC", tamper=6)
BINDING = GateBinding(link="l", profile="gates/gpio-direct", lines=LINES)
DOOR = Door(name="north", gate=BINDING, release_s=1.0)
PROFILE = load_profile("gates/gpio-direct")


def bare(profile: Profile) -> Profile:
    """Without the chip's resistors: the simulated chip lets them win over the wire that the test holds."""
    gpio = profile.framing
    assert isinstance(gpio, Gpio)
    inputs = {role: msgspec.structs.replace(getattr(gpio, role), bias="as-is") for role in INPUTS}
    traits = msgspec.structs.replace(profile.gate, poll_ms=200)
    return msgspec.structs.replace(profile, framing=msgspec.structs.replace(gpio, **inputs), gate=traits)


BARE = bare(PROFILE)


@pytest.fixture
def chip() -> Iterator[SimChip]:
    chip = SimChip("door-board", *NAMES)
    for name in ("DOOR", "FIRE", "PANIC", "LID"):
        chip.pull(name, False)
    chip.pull("EXIT", True)
    yield chip
    chip.end()


def wait_readable(fileno: int) -> None:
    ready, _, _ = select.select([fileno], [], [], 10)
    assert ready


# ---- lines -----------------------------------------------------------------------------------------------------------


def test_a_chip_is_found_by_path_and_by_label_and_its_lines_by_name_and_offset(chip: SimChip) -> None:
    for called in (chip.path, "door-board"):
        found = find_chip(called)
        assert (found.path, found.label, found.names) == (chip.path, "door-board", NAMES)
    assert [found.offset(pin) for pin in ("LOCK", 1, "nothing", 10)] == [1, 1, None, None]


def test_fifty_edges_of_fifty_arrive_in_order(chip: SimChip) -> None:
    lines = request_lines(chip.path, [Wanted("exit", "EXIT", False, True)])
    try:
        seen: list[tuple[str, bool]] = []
        for edge in range(50):
            chip.pull("EXIT", edge % 2 == 1)
            wait_readable(lines.fileno())
            seen += lines.edges()
        assert seen == [("exit", edge % 2 == 0) for edge in range(50)]
        assert lines.edges() == []
    finally:
        lines.close()


def test_the_filter_keeps_out_what_is_shorter_and_passes_what_is_longer(chip: SimChip) -> None:
    lines = request_lines(chip.path, [Wanted("fire", "FIRE", False, False, filter_ms=50)])
    try:
        for _ in range(5):
            chip.pull("FIRE", True)
            chip.pull("FIRE", False)
        assert lines.levels() == {"fire": False}
        begun = time.monotonic()
        chip.pull("FIRE", True)
        wait_readable(lines.fileno())
        assert lines.edges() == [("fire", True)]
        assert time.monotonic() - begun >= 0.04
        assert lines.levels() == {"fire": True}
    finally:
        lines.close()


def test_levels_found_at_the_request_are_those_of_the_wires(chip: SimChip) -> None:
    chip.pull("DOOR", True)
    lines = request_lines("door-board", wanted_lines(DOOR, BARE))
    try:
        assert lines.levels() == {
            "relay": False, "contact": True, "exit": False, "fire": False, "panic": False, "tamper": False,
        }  # fmt: skip
    finally:
        lines.close()


def test_the_chips_resistors_are_switched_as_the_profile_says(chip: SimChip) -> None:
    """With nothing at the wires: at rest but for the loops, which read as cut."""
    lines = request_lines(chip.path, wanted_lines(DOOR, PROFILE))
    try:
        assert lines.levels() == {
            "relay": False, "contact": True, "exit": False, "fire": True, "panic": True, "tamper": True,
        }  # fmt: skip
    finally:
        lines.close()


@pytest.mark.parametrize("low", [False, True])
def test_a_lock_line_is_seen_from_outside_and_begins_locked(chip: SimChip, low: bool) -> None:
    lines = request_lines(chip.path, [Wanted("relay", "LOCK", True, low)])
    try:
        assert chip.volts("LOCK") is low
        lines.drive("relay", True)
        assert chip.volts("LOCK") is not low
        assert lines.levels() == {"relay": True}
        lines.drive("relay", False)
        assert chip.volts("LOCK") is low
    finally:
        lines.close()


def test_a_line_has_one_user_and_the_second_hears_who(chip: SimChip) -> None:
    lines = request_lines(chip.path, [Wanted("relay", "LOCK", True, False)])
    try:
        check_lines(chip.path, [Wanted("relay", 1, True, False)])  # ours: no problem
        with pytest.raises(DeviceUnavailable) as refused:
            request_lines(chip.path, [Wanted("relay", 1, True, False)])
        assert (refused.value.code, refused.value.fields["user"]) == ("gpio.taken", "edge-agent")
    finally:
        lines.close()
    request_lines(chip.path, [Wanted("relay", 1, True, False)]).close()


def test_a_line_that_a_kernel_driver_holds_is_told_with_its_name() -> None:
    chip = SimChip("hat", "LED", "LOCK", hogs={"LED": "activity"})
    try:
        for ask in (check_lines, request_lines):
            with pytest.raises(DeviceUnavailable, match="activity"):
                ask("hat", [Wanted("relay", "LED", True, False)])
        request_lines("hat", [Wanted("relay", "LOCK", True, False)]).close()
    finally:
        chip.end()


def test_a_chip_or_line_that_is_missing_is_told_with_those_there_are(chip: SimChip) -> None:
    with pytest.raises(DeviceUnavailable, match=r"door-board"):
        find_chip("/dev/gpiochip77")
    for pin in ("LOKC", 10):
        with pytest.raises(DeviceUnavailable, match=r"0 to 9.*LOCK"):
            request_lines(chip.path, [Wanted("relay", pin, True, False)])


def test_check_says_what_is_missing_before_the_start(chip: SimChip) -> None:
    def found(url: str, lines: GateLines = LINES) -> list[tuple[str, str]]:
        door = msgspec.structs.replace(DOOR, gate=msgspec.structs.replace(BINDING, lines=lines))
        config = Config(
            gateway=Gateway(id="g"), uplink=Uplink(url="mqtt://h"), links=(Link(name="l", url=url),), doors=(door,)
        )
        return [(problem.at, problem.code) for problem in check_devices(config, "agent.toml")]

    assert found("gpio://door-board") == found(f"gpio://{chip.path}") == []
    assert found("gpio:///dev/gpiochip77") == [("link[0].url", "gpio.no_chip")]
    assert found("gpio://door-board", GateLines(relay="LOKC")) == [("door[0].gate", "gpio.no_line")]


def test_what_a_killed_process_leaves(chip: SimChip) -> None:
    """The kernel lets go of the line; what it does then is the chip's choice. This one turns it into an input, and its
    resistor decides. The next request locks, whatever was found.
    """
    holder = (
        "import sys, time\n"
        "from edge_agent.drivers.gpio_lines import request_lines\n"
        "from edge_agent.model.gpio import Wanted\n"
        f"lines = request_lines({chip.path!r}, [Wanted('relay', 'LOCK', True, False)])\n"
        "lines.drive('relay', True)\n"
        "print('on', flush=True)\n"
        "time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "on\n"
    assert chip.volts("LOCK")
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    child.stdout.close()
    until(lambda: find_chip(chip.path).users[1] == "")
    print(f"after the kill the line measures {'unlocked' if chip.volts('LOCK') else 'locked'}")
    chip.pull("LOCK", True)
    assert chip.volts("LOCK")  # a resistor the wrong way round: a dead gateway is an open door
    lines = request_lines(chip.path, [Wanted("relay", "LOCK", True, False)])
    assert not chip.volts("LOCK")
    lines.close()


# ---- the gate --------------------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, chip: SimChip) -> None:
        self.chip = chip
        self.seen: list[GateReport] = []
        self.reports: list[DeviceReport] = []
        self.gate = GpioGate(DOOR, BARE, "gpio://door-board", UpClock(), self.seen.append, self.reports.append)

    def kinds(self) -> list[Report]:
        return [report.report for report in self.seen if not report.first]

    async def found(self) -> None:
        await auntil(lambda: len([report for report in self.seen if report.first]) >= 2)

    async def sees(self, *kinds: Report) -> None:
        await auntil(lambda: len(self.kinds()) >= len(kinds), what=lambda: f"{self.kinds()} for {kinds}")
        assert self.kinds() == list(kinds)
        self.seen.clear()


def on_bench(chip: SimChip, story: Callable[[Bench], Awaitable[None]]) -> Bench:
    bench = Bench(chip)
    with_job(bench.gate.run, lambda: story(bench))
    return bench


def test_a_visit_from_the_release_to_the_shut_door(chip: SimChip) -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        assert [report.report for report in bench.seen] == [Report.RELAY_OFF, Report.CONTACT_CLOSED]
        begun = time.monotonic()
        await bench.gate.release(0.4)
        assert chip.volts("LOCK")
        for open in (True, False):
            for edge in range(5):  # it bounces
                chip.pull("DOOR", open if edge % 2 == 0 else not open)
            await auntil(
                lambda wanted=open: (Report.CONTACT_OPEN if wanted else Report.CONTACT_CLOSED) in bench.kinds()
            )
        await auntil(lambda: not chip.volts("LOCK"))
        print(f"a release of 0.4 s: {time.monotonic() - begun:.3f} s")
        await auntil(lambda: len(bench.kinds()) == 4)
        assert sorted(bench.kinds()) == sorted(
            [Report.RELAY_ON, Report.CONTACT_OPEN, Report.CONTACT_CLOSED, Report.RELAY_OFF]
        )
        assert bench.reports == []

    on_bench(chip, story)


def test_button_fire_panic_and_housing(chip: SimChip) -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        begun = time.monotonic()
        chip.pull("EXIT", False)
        await bench.sees(Report.EXIT_PRESSED)
        print(f"button to report, filter of 15 ms: {(time.monotonic() - begun) * 1000:.1f} ms")
        chip.pull("EXIT", True)
        for name, on, off in (
            ("FIRE", Report.FIRE_ON, Report.FIRE_OFF),
            ("PANIC", Report.PANIC_ON, Report.PANIC_OFF),
            ("LID", Report.TAMPER_ON, Report.TAMPER_OFF),
        ):
            chip.pull(name, True)
            await bench.sees(on)
            chip.pull(name, False)
            await bench.sees(off)

    on_bench(chip, story)


def test_a_job_that_is_cancelled_in_a_release_locks(chip: SimChip) -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        await bench.gate.release(3600)
        assert chip.volts("LOCK")

    on_bench(chip, story)
    assert not chip.volts("LOCK")
    assert find_chip(chip.path).users[1] == ""


def test_a_chip_that_goes_and_comes_back(chip: SimChip) -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        await bench.gate.release(3600)
        bench.seen.clear()
        begun = time.monotonic()
        chip.vanish()
        await auntil(lambda: states(bench.reports) == ["lost"])
        print(f"chip gone to lost: {time.monotonic() - begun:.3f} s")
        with pytest.raises(DeviceUnavailable):
            await bench.gate.release(1)
        chip.appear()
        begun = time.monotonic()
        await auntil(lambda: states(bench.reports) == ["lost", "back"])
        print(f"chip there to back: {time.monotonic() - begun:.3f} s")
        assert not chip.volts("LOCK")
        await bench.found()
        bench.seen.clear()
        await bench.gate.release(0.2)
        await bench.sees(Report.RELAY_ON, Report.RELAY_OFF)

    on_bench(chip, story)


def test_a_ready_made_board_by_its_own_line_names(chip: SimChip) -> None:
    profile = bare(load_profile("gates/gpio-relay-hat-3"))
    door = Door(name="north", gate=GateBinding(link="l", profile=profile.id, relay=1, lines=GateLines(contact="DOOR")))

    async def story() -> None:
        await auntil(lambda: len(seen) == 2)
        assert chip.volts("GPIO20")  # low unlocks
        await gate.release(0.2)
        assert not chip.volts("GPIO20")
        await auntil(lambda: chip.volts("GPIO20"))

    seen: list[GateReport] = []
    gate = GpioGate(door, profile, f"gpio://{chip.path}", UpClock(), seen.append, lambda _: None)
    with_job(gate.run, story)


def test_an_installer_tries_the_door_from_the_command_line(chip: SimChip, tmp_path: Path) -> None:
    """`device test` moves the relay, sees it follow, and leaves it locked; without a y it moves nothing."""
    (tmp_path / "agent.toml").write_text(
        f"""
[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "pins"
url = "gpio://{chip.path}"
[[door]]
name = "north"
gate = {{ link = "pins", profile = "gates/gpio-direct", lines = {{ relay = "LOCK", contact = "DOOR", exit = "EXIT" }} }}
release_s = 0.5
"""
    )
    told = [sys.executable, "-m", "edge_agent", "device", "test", "north", "--config", str(tmp_path / "agent.toml")]
    for more, answer, status in ((["--yes"], "", 0), ([], "n\n", 1)):
        done = subprocess.run(
            told + more, input=answer, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100,
            check=False,
        )  # fmt: skip
        assert (done.returncode, "reports: door" in done.stdout) == (status, True), done.stdout
        assert ("relay on" in done.stdout) is bool(more)
        assert chip.volts("LOCK") is False
