"""The GPIO gate over mocked physics: pulses, inputs that bounce, stick, hum and break, and chips that go away."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from edge_agent.drivers.gpio_gate import GpioGate, check_gpio_gate, wanted_lines
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import DeviceReport, GateReport, Report
from edge_agent.model.gpio import Gpio
from edge_agent.model.site import Door, GateBinding, GateLines
from edge_agent.sim.gpio_mock import MockChip
from tests.drivers.rig import UpClock, states, with_job
from tests.waiting import auntil

LINES = GateLines(relay="LOCK", contact="DOOR", exit="EXIT", fire="FIRE", panic="PANIC", tamper="LID")
BINDING = GateBinding(link="l", profile="gates/gpio-direct", lines=LINES)
DOOR = Door(name="north", gate=BINDING, release_s=1.0)
PROFILE = load_profile("gates/gpio-direct")


class Bench:
    def __init__(self, debounce_ms: int = 30) -> None:
        self.chip = MockChip("SPARE", "LOCK", "DOOR", "EXIT", "FIRE", "PANIC", "LID")
        self.chip.volts["EXIT"] = True  # at rest its resistor pulls it up
        self.seen: list[GateReport] = []
        self.reports: list[DeviceReport] = []
        traits = msgspec.structs.replace(PROFILE.gate, poll_ms=200, debounce_ms=debounce_ms)
        self.gate = GpioGate(
            DOOR, msgspec.structs.replace(PROFILE, gate=traits), "gpio://mock", UpClock(),
            self.seen.append, self.reports.append, self.chip.request,
        )  # fmt: skip

    def kinds(self) -> list[Report]:
        return [report.report for report in self.seen if not report.first]

    async def found(self) -> None:
        await auntil(lambda: len([report for report in self.seen if report.first]) >= 2)

    async def sees(self, *kinds: Report) -> None:
        """Exactly these changes have been reported since the last look."""
        await auntil(lambda: len(self.kinds()) >= len(kinds), what=lambda: f"{self.kinds()} for {kinds}")
        assert self.kinds() == list(kinds)
        self.seen.clear()

    def lock(self) -> list[bool]:
        """Voltages of the relay's line, changes only; high unlocks."""
        driven = self.chip.outputs.get("LOCK", [])
        return [volts for place, volts in enumerate(driven) if not place or volts != driven[place - 1]]


def on_bench(
    story: Callable[[Bench], Awaitable[None]],
    prepare: Callable[[Bench], None] = lambda _: None,
    debounce_ms: int = 30,
) -> Bench:
    made: list[Bench] = []

    async def run(beat: Callable[[], None]) -> None:
        try:
            await made[0].gate.run(beat)
        finally:
            await made[0].chip.end()

    async def tell() -> None:
        await story(made[0])

    made.append(Bench(debounce_ms))
    prepare(made[0])
    with_job(run, tell)
    assert made[0].chip.taken == {}
    return made[0]


def test_the_line_is_locked_from_its_request_on_and_what_is_found_is_marked_first() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        assert [(report.report, report.first) for report in bench.seen] == [
            (Report.RELAY_OFF, True),
            (Report.CONTACT_CLOSED, True),
        ]
        assert bench.chip.outputs["LOCK"][0] is False
        assert bench.reports == []

    on_bench(story)


def test_a_relay_that_unlocks_when_low_begins_high() -> None:
    chip = MockChip("GPIO20", "GPIO21", "GPIO26", "DOOR")
    profile = load_profile("gates/gpio-relay-hat-3")
    door = msgspec.structs.replace(DOOR, gate=GateBinding(link="l", profile=profile.id, relay=0))
    chip.request("x", wanted_lines(door, profile)).close()
    assert chip.outputs == {"GPIO26": [True]}


def test_the_driver_times_the_pulse() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await bench.gate.release(0.3)
        assert bench.lock() == [False, True]
        await auntil(lambda: bench.lock() == [False, True, False])
        assert loop.time() - begun >= 0.29
        await bench.sees(Report.RELAY_ON, Report.RELAY_OFF)

    on_bench(story)


def test_a_release_during_another_starts_the_time_again() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        await bench.gate.release(0.2)
        await bench.gate.release(30.0)
        await asyncio.sleep(0.4)  # the first would have ended
        assert bench.lock() == [False, True]
        await bench.gate.secure()
        assert bench.lock() == [False, True, False]
        await bench.sees(Report.RELAY_ON, Report.RELAY_OFF)

    on_bench(story)


def test_a_job_that_is_cancelled_in_a_release_locks() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        await bench.gate.release(3600)
        assert bench.lock() == [False, True]

    assert on_bench(story).lock() == [False, True, False]


def test_a_release_is_never_longer_than_the_profile_allows() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.gate._traits = msgspec.structs.replace(bench.gate._traits, max_pulse_s=0.2)
        await bench.gate.release(1e9)
        await bench.sees(Report.RELAY_ON, Report.RELAY_OFF)

    on_bench(story)


def test_a_contact_that_bounces_moves_once() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        for open in (True, False, True):
            bench.chip.bounce("DOOR", open)
            await bench.sees(Report.CONTACT_OPEN if open else Report.CONTACT_CLOSED)

    on_bench(story)


def test_a_contact_that_bounces_moves_once_on_a_chip_that_filters_nothing() -> None:
    async def story(bench: Bench) -> None:
        bench.chip.filters = False
        await bench.found()
        bench.chip.bounce("DOOR", True, edges=9)
        await bench.sees(Report.CONTACT_OPEN)

    on_bench(story)


def test_a_glitch_of_a_millisecond_is_no_press_no_fire_and_no_panic() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        for name in ("EXIT", "FIRE", "PANIC"):
            rest = bool(bench.chip.volts[name])
            bench.chip.put(name, not rest)
            bench.chip.put(name, rest)
        bench.chip.put("LID", True)  # slower than the three, and really moved
        await bench.sees(Report.TAMPER_ON)

    on_bench(story)


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [
        ("FIRE", Report.FIRE_ON, Report.FIRE_OFF),
        ("PANIC", Report.PANIC_ON, Report.PANIC_OFF),
        ("LID", Report.TAMPER_ON, Report.TAMPER_OFF),
    ],
)
def test_alarm_inputs_tell_on_and_off_once_though_they_bounce(name: str, on: Report, off: Report) -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        for _ in range(2):
            bench.chip.bounce(name, True)
            await bench.sees(on)
            bench.chip.bounce(name, False)
            await bench.sees(off)

    on_bench(story)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("FIRE", Report.FIRE_ON),
        ("PANIC", Report.PANIC_ON),
        ("LID", Report.TAMPER_ON),
        ("DOOR", Report.CONTACT_OPEN),
    ],
)
def test_a_cut_wire_of_a_loop_that_is_closed_at_rest_is_an_alarm(name: str, told: Report) -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.cut(name)
        await bench.sees(told)

    on_bench(story)


def test_a_cut_wire_of_the_exit_button_opens_nothing() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.cut("EXIT")
        bench.chip.put("LID", True)
        await bench.sees(Report.TAMPER_ON)

    on_bench(story)


def test_the_mains_hum_of_a_wire_without_resistor_is_nothing() -> None:
    """10 ms high, 10 ms low: shorter than the filter of 15 ms. Without the filter each half wave would be a press."""

    def bare(bench: Bench) -> None:
        bench.gate._wanted = tuple(msgspec.structs.replace(want, bias="none") for want in bench.gate._wanted)

    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.filters = True
        bench.chip.cut("EXIT")
        await asyncio.sleep(0.2)
        bench.chip.put("EXIT", True)
        bench.chip.put("LID", True)
        await auntil(lambda: Report.TAMPER_ON in bench.kinds())
        # a machine under load may hold one half wave longer than 15 ms: that is no hum any more
        assert bench.kinds().count(Report.EXIT_PRESSED) <= 2

    on_bench(story, bare)


def test_an_exit_button_that_sticks_is_one_press() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.put("EXIT", False)
        bench.chip.stick("EXIT")
        await bench.sees(Report.EXIT_PRESSED)
        bench.chip.put("EXIT", True)  # in vain
        await asyncio.sleep(0.5)  # two heartbeats
        assert bench.kinds() == []
        bench.chip.loosen("EXIT")
        bench.chip.put("EXIT", True)
        await auntil(lambda: not bench.gate._levels["exit"])
        bench.chip.bounce("EXIT", False)
        await bench.sees(Report.EXIT_PRESSED)

    on_bench(story)


def test_a_relay_line_that_does_not_follow_is_told_once_and_reported_as_it_measures() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.shorted["LOCK"] = False
        await bench.gate.release(0.2)
        assert "short circuit" in bench.reports[0].detail
        assert bench.kinds() == []  # it never switched
        bench.chip.shorted.clear()
        await bench.gate.release(0.2)
        await bench.sees(Report.RELAY_ON, Report.RELAY_OFF)
        bench.chip.shorted["LOCK"] = True
        await bench.sees(Report.RELAY_ON)
        await auntil(lambda: len(bench.reports) == 2)
        assert "not locked" in bench.reports[1].detail
        await asyncio.sleep(0.5)  # two heartbeats that find it so
        assert len(bench.reports) == 2
        bench.chip.shorted.clear()
        await bench.sees(Report.RELAY_OFF)

    on_bench(story)


def test_a_chip_that_goes_and_comes_is_told_and_what_it_says_then_is_found() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        await bench.gate.release(3600)
        bench.seen.clear()
        bench.chip.vanish()
        await auntil(lambda: states(bench.reports) == ["lost"])
        with pytest.raises(DeviceUnavailable):
            await bench.gate.release(1)
        with pytest.raises(DeviceUnavailable):
            await bench.gate.secure()
        bench.chip.volts["DOOR"] = True
        bench.chip.appear()
        await auntil(lambda: states(bench.reports) == ["lost", "back"])
        await bench.found()
        assert [(report.report, report.first) for report in bench.seen] == [
            (Report.RELAY_OFF, True),
            (Report.CONTACT_OPEN, True),
        ]
        assert bench.chip.outputs["LOCK"][0] is False  # locked again by the request itself
        await bench.gate.release(0.2)
        await bench.sees(Report.RELAY_ON, Report.RELAY_OFF)

    on_bench(story)


def test_a_chip_that_forgot_its_outputs_is_locked_again() -> None:
    """As an expander does whose supply dropped for a moment: the line is on, and nobody wants it so."""

    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.outputs["LOCK"].append(True)
        await auntil(lambda: bench.lock()[-1] is False)
        assert bench.lock() == [False, True, False]

    on_bench(story)


def test_a_move_that_had_not_settled_when_the_chip_went_is_not_told() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.put("DOOR", True)
        await auntil(lambda: bench.gate._levels["contact"])
        bench.chip.vanish()
        await auntil(lambda: states(bench.reports) == ["lost"])
        await asyncio.sleep(1.0)  # it would have settled
        assert bench.kinds() == []

    on_bench(story, debounce_ms=800)


def test_a_line_that_is_missing_or_taken_is_told_with_what_there_is() -> None:
    def without(bench: Bench) -> None:
        bench.chip.names = ("SPARE", "LOCK")

    async def story(bench: Bench) -> None:
        await auntil(lambda: states(bench.reports) == ["lost"])
        assert "SPARE, LOCK" in bench.reports[0].detail

    on_bench(story, without)


def test_edges_the_kernel_had_no_room_for_are_made_good_by_the_level() -> None:
    async def story(bench: Bench) -> None:
        await bench.found()
        bench.chip.taken["DOOR"]._known["DOOR"] = True  # moved, and its edge was dropped
        await bench.sees(Report.CONTACT_OPEN)

    on_bench(story)


def gate(**keys: object) -> Door:
    return msgspec.structs.replace(DOOR, gate=msgspec.structs.replace(BINDING, **keys))


@pytest.mark.parametrize(
    ("door", "code"),
    [
        (gate(lines=None), "gpio.unnamed"),  # the relay
        (gate(lines=GateLines(relay=1), exit=0), "gpio.unnamed"),
        (gate(lines=GateLines(relay=1, exit=1)), "gpio.twice"),
        (gate(supervised=True), "devices.gate_lacks"),
        (msgspec.structs.replace(DOOR, release_s=1e5), "devices.gate_pulse"),
    ],
)
def test_what_cannot_be_wired_is_refused(door: Door, code: str) -> None:
    with pytest.raises(EdgeAgentError) as refused:
        check_gpio_gate(door, PROFILE)
    assert refused.value.code == code
    assert refused.value.text("zh") != refused.value.text("en")


def test_a_profile_without_the_input_is_refused() -> None:
    assert isinstance(PROFILE.framing, Gpio)
    bare = msgspec.structs.replace(PROFILE, framing=msgspec.structs.replace(PROFILE.framing, panic=None))
    with pytest.raises(EdgeAgentError) as refused:
        check_gpio_gate(DOOR, bare)
    assert refused.value.code == "devices.gate_lacks"


def test_the_profile_of_another_device_is_refused() -> None:
    with pytest.raises(EdgeAgentError):
        check_gpio_gate(DOOR, load_profile("gates/sim"))


def test_a_door_without_a_contact_has_no_line_for_it() -> None:
    wanted = wanted_lines(gate(lines=GateLines(relay=4)), PROFILE)
    assert [(want.role, want.pin, want.output) for want in wanted] == [("relay", 4, True)]
