"""Relay boards of three families on a simulated Modbus line in another process, over a pty."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.modbus_board import check_modbus_gate
from edge_agent.drivers.modbus_unit import Silence
from edge_agent.drivers.modbus_wire import Answer, Refusal, Request
from edge_agent.drivers.profiles import load_profile
from edge_agent.errors import DeviceUnavailable, EdgeAgentError
from edge_agent.model.doors import Report
from edge_agent.model.site import Door, GateBinding
from tests.drivers.modbus_rig import QUICK, Bench, door, now_s, on_bus
from tests.waiting import auntil


def test_what_is_found_is_marked_first(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await auntil(lambda: len(bench.kinds(first=True)) == 2)
        assert set(bench.kinds(first=True)) == {Report.RELAY_OFF, Report.CONTACT_CLOSED}
        assert bench.reports == []

    on_bus(tmp_path, story)


def test_a_release_is_timed_by_the_board_and_the_door_followed(tmp_path: Path) -> None:
    """The contact bounces five times within 12 ms; one opened and one closed come out."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await auntil(lambda: Report.CONTACT_CLOSED in bench.kinds(first=True))
        await bench.gate.release(1.0)
        wanted = [Report.RELAY_ON, Report.CONTACT_OPEN, Report.CONTACT_CLOSED, Report.RELAY_OFF]
        await auntil(lambda: len(bench.kinds()) == 4, what=bench.kinds)
        assert sorted(bench.kinds()) == sorted(wanted)
        assert bench.relays() == [(0, True, 1.0), (0, False, None)]
        assert bench.reports == []

    on_bus(tmp_path, story)


@pytest.mark.parametrize(
    ("profile", "unit", "asked", "timed"),
    [
        ("gates/waveshare-8", "1=waveshare", 1.24, 1.3),
        ("gates/waveshare-8d", "1=waveshare", 1.0, 1.0),
        ("gates/lctech-8", "1=lctech", 1.24, 1.3),
        ("gates/r4d-8", "1=r4", 1.24, 2.0),
    ],
)
def test_every_family_times_its_pulse_and_locks(
    profile: str, unit: str, asked: float, timed: float, tmp_path: Path
) -> None:
    """Relay 3, so that the first address and the step between two count."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(asked)
        await auntil(lambda: bench.relays() == [(3, True, timed), (3, False, None)], what=bench.relays)
        await auntil(lambda: bench.kinds() == [Report.RELAY_ON, Report.RELAY_OFF])
        await bench.gate.release(20.0)
        await auntil(lambda: bench.relays()[2:] == [(3, True, 20.0)])
        await bench.gate.secure()
        await auntil(lambda: bench.relays()[3:] == [(3, False, None)])
        await auntil(lambda: bench.kinds()[2:] == [Report.RELAY_ON, Report.RELAY_OFF])
        assert bench.reports == []

    on_bus(tmp_path, story, doors=(door(profile=profile, relay=3),), units=(unit,))


def test_the_address_a_board_is_shipped_with(tmp_path: Path) -> None:
    """LC-Tech boards answer to 255, which the standard reserves."""
    shipped = door(profile="gates/lctech-8", address=None)

    async def story(bench: Bench) -> None:
        await bench.connected()
        await bench.gate.release(1.0)
        await auntil(lambda: bench.relays(255) == [(0, True, 1.0), (0, False, None)])

    on_bus(tmp_path, story, doors=(shipped,), units=("255=lctech",))


def test_a_lock_that_is_held_by_a_relay_that_is_on(tmp_path: Path) -> None:
    """fail = safe: on is locked, a release is a pulse of off."""
    safe = door(fail="safe")

    async def story(bench: Bench) -> None:
        await bench.connected()
        assert bench.relays() == [(0, True, None)]
        assert Report.RELAY_OFF in bench.kinds(first=True)
        await bench.gate.release(0.8)
        await auntil(lambda: bench.relays()[1:] == [(0, False, 0.8), (0, True, None)], what=bench.relays)
        await auntil(lambda: [r for r in bench.kinds() if "relay" in r] == [Report.RELAY_ON, Report.RELAY_OFF])
        await bench.gate.release(20.0)
        await bench.gate.secure()
        await auntil(lambda: bench.relays()[3:] == [(0, False, 20.0), (0, True, None)])

    on_bus(tmp_path, story, doors=(safe,), before=({"do": "safe", "unit": 1, "on": True},))


def test_a_release_longer_than_the_board_can_time_is_ordered_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        monkeypatch.setattr(bench.gate, "_most_s", 1.0)
        await bench.gate.release(2.2)
        await bench.relay(on=False)
        assert 2.0e9 < _first(bench, False) - _first(bench, True) < 5.0e9
        assert [step for step in bench.relays() if not step[1]] == [(0, False, None)]
        assert max(step[2] or 0 for step in bench.relays()) <= 1.0

    on_bus(tmp_path, story, doors=(door(profile="gates/waveshare-8"),))


def _first(bench: Bench, on: bool) -> int:
    return next(int(line["t_ns"]) for line in bench.device.lines if line.get("relay") == 0 and line["on"] is on)


def test_a_long_release_ends_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        monkeypatch.setattr(bench.gate, "_most_s", 1.0)
        await bench.gate.release(60.0)
        await auntil(lambda: len(bench.relays()) >= 2)
        await bench.gate.secure()
        await bench.relay(on=False)
        count = len(bench.relays())
        await auntil(lambda: bench.kinds()[-1:] == [Report.RELAY_OFF])
        assert bench.gate._again is None
        assert len(bench.relays()) == count

    on_bus(tmp_path, story, doors=(door(profile="gates/waveshare-8"),))


def test_a_door_locked_while_a_long_release_goes_out_stays_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        monkeypatch.setattr(bench.gate, "_most_s", 1.0)
        await asyncio.gather(bench.gate.release(60.0), bench.gate.secure())
        await bench.relay(on=False)
        await auntil(lambda: bench.kinds()[-1:] == [Report.RELAY_OFF])
        assert bench.gate._again is None

    on_bus(tmp_path, story, doors=(door(profile="gates/waveshare-8"),))


def test_a_board_that_is_lost_and_back_within_one_order_says_how_the_contact_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody believes its contact after `lost` until it is told again: the other doors of an interlock stay locked."""

    async def story(bench: Bench) -> None:
        await bench.connected()
        await auntil(lambda: Report.CONTACT_CLOSED in bench.kinds(first=True))
        ask, presence = bench.bus._ask, bench.gate._board.presence

        async def first_unanswered(request: Request, *rest: Any) -> Answer | Refusal | Silence:
            if not request.mirrored:
                return await ask(request, *rest)
            monkeypatch.setattr(bench.bus, "_ask", ask)
            presence._heard_s = now_s() - 60
            return Silence()

        monkeypatch.setattr(bench.bus, "_ask", first_unanswered)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await bench.gate.secure()
        await auntil(lambda: bench.states("north") == ["lost", "back"], what=lambda: bench.reports)
        await auntil(lambda: bench.kinds(first=True).count(Report.CONTACT_CLOSED) == 2)

    on_bus(tmp_path, story)


def test_the_exit_button_is_seen(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        await auntil(lambda: Report.CONTACT_CLOSED in bench.kinds(first=True))
        for _ in range(5):
            bench.seen.clear()
            bench.device.tell("input", unit=1, number=1, on=True)
            await auntil(lambda: Report.EXIT_PRESSED in bench.kinds())
            bench.device.tell("input", unit=1, number=1, on=False)
            await auntil(lambda: not bench.gate._inputs._exit)

    on_bus(tmp_path, story)


def test_inputs_wired_the_other_way_round(tmp_path: Path) -> None:
    """Panic and fire on their inputs: fire opens its circuit, unless agent.toml says that it closes it."""
    wired = door(fire=2, panic=3, tamper=4, inverted=("fire",))

    async def story(bench: Bench) -> None:
        await auntil(lambda: len(bench.kinds(first=True)) >= 2)
        bench.device.tell("input", unit=1, number=2, on=True)
        await auntil(lambda: Report.FIRE_ON in bench.kinds())
        bench.device.tell("input", unit=1, number=3, on=True)
        await auntil(lambda: Report.PANIC_ON in bench.kinds())
        bench.device.tell("input", unit=1, number=4, on=False)
        await auntil(lambda: Report.TAMPER_ON in bench.kinds())
        bench.device.tell("input", unit=1, number=2, on=False)
        await auntil(lambda: Report.FIRE_OFF in bench.kinds())

    on_bus(tmp_path, story, doors=(wired,), before=({"do": "input", "unit": 1, "number": 4, "on": True},))


def test_several_doors_on_one_board_and_several_boards_on_one_line(tmp_path: Path) -> None:
    doors = (
        door("a", relay=0),
        door("b", relay=5, contact=5, exit=6),
        door("c", profile="gates/lctech-8", address=2, relay=7),
        door("d", profile="gates/r4d-8", address=3, relay=1),
    )

    async def story(bench: Bench) -> None:
        await bench.connected()
        await asyncio.gather(*(gate.release(1.0) for gate in bench.gates.values()))
        for name in bench.gates:
            await auntil(lambda name=name: Report.RELAY_OFF in bench.kinds(name), what=lambda: bench.seen)
            assert [kind for kind in bench.kinds(name) if "relay" in kind] == [Report.RELAY_ON, Report.RELAY_OFF]
        assert {step[0] for step in bench.relays(1)} == {0, 5}
        assert {step[0] for step in bench.relays(2)} == {7}
        assert {step[0] for step in bench.relays(3)} == {1}
        assert bench.reports == []

    on_bus(tmp_path, story, doors=doors, units=("1=waveshare", "2=lctech", "3=r4"))


def test_a_release_before_the_board_was_heard_is_refused(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(DeviceUnavailable, match="north"):
            await bench.gate.release(1.0)
        assert bench.relays() == []

    on_bus(tmp_path, story, before=({"do": "mute", "unit": 1, "on": True},))


def test_a_relay_that_does_not_follow_is_asked_twice_and_told(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.connected()
        bench.device.tell("stuck", unit=1, on=True)
        await bench.gate.release(5.0)
        await bench.says("a release was sent twice")
        assert bench.states("north") == ["degraded"]

    on_bus(tmp_path, story, options=QUICK)


WRONG = [
    ({"relay": 8}, "gates/waveshare-8d", "relay = 8.*0 to 7"),
    ({"contact": 8}, "gates/waveshare-8d", "contact = 8.*0 to 7"),
    ({"contact": 0}, "gates/waveshare-8", "nothing for “contact”"),
    ({"supervised": True, "contact": 0}, "gates/waveshare-8d", "supervised"),
    ({"address": 0}, "gates/waveshare-8", "address 0.*1 to 247"),
    ({"address": 64}, "gates/r4d-8", "address 64.*1 to 63"),
    ({"fail": "safe"}, "gates/r4d-8", "cannot time a relay that is off"),
    ({"contact": 1, "exit": 1}, "gates/waveshare-8d", "two things on one input"),
    ({}, "gates/sim", "another kind of device"),
]


@pytest.mark.parametrize(("binding", "profile", "why"), WRONG, ids=[str(wrong[0]) + wrong[1] for wrong in WRONG])
def test_what_the_board_cannot_do_is_refused(binding: dict[str, object], profile: str, why: str) -> None:
    wired = Door(name="n", gate=GateBinding(link="l", profile=profile, **binding))  # type: ignore[arg-type]
    with pytest.raises(EdgeAgentError, match=why):
        check_modbus_gate(wired, load_profile(profile))
