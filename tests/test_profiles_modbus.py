"""Profiles of register devices that are wrong are refused with their place and the reason."""

from pathlib import Path

import pytest

from edge_agent.drivers.profiles import check_profile, load_profile, profile_ids, profiles_root
from edge_agent.model.profile import Modbus

WRONG = [
    ("a relay read by inputs' function", "gates/waveshare-8", "function = 1", "function = 2",
     "read[0].function", "1, 3"),
    ("fewer relays read than there are", "gates/waveshare-8", "address = 0\ncount = 8",
     "address = 0\ncount = 4", "read", "8 needed"),
    ("a pulse without its time", "gates/waveshare-8", '{ plus = "tenths", most = 0x7FFF }', "{ value = 7 }",
     "write[2].words", "plus"),
    ("a time where none belongs", "gates/waveshare-8", "{ value = 0xFF00 }", '{ plus = "tenths" }',
     "write[0].words", "plus"),
    ("longer than the timer", "gates/r4d-8", "max_pulse_s = 255", "max_pulse_s = 256", "gate.max_pulse_s",
     "at most 255"),
    ("no way to lock", "gates/r4d-8", 'name = "off"', 'name = "pulse_off"', "write", "write off"),
    ("fail safe without its pulse", "gates/r4d-8", 'fail = "secure"', 'fail = "safe"', "write", "pulse_off"),
    ("a time in coils", "gates/lctech-8", "function = 16", "function = 15", "write[2].function", "5, 6, 16"),
    ("two words in one register", "gates/lctech-8", "function = 16", "function = 6", "write[2].words", "1 needed"),
    ("poll too slow", "sensors/vapour-lel", "poll_ms = 200", "poll_ms = 500", "framing.poll_ms", "<= 200"),
    ("inputs without their reading", "gates/waveshare-8", '["relay"]', '["relay", "contact"]', "read", "read inputs"),
    ("no relays", "gates/waveshare-8", "[relays]", "[inputs]", "inputs", "count"),
    ("an address beyond a byte", "gates/lctech-8", "highest = 255", "highest = 256", "framing.highest", "<= 255"),
    ("a wrong request", "gates/waveshare-8", "8D B0", "8D B1", "example[2]", "encode"),
    ("a wrong answer", "gates/waveshare-8", "mask = 0b101", "mask = 0b111", "example[6]", "whole"),
    ("a write without example", "gates/r4d-8", 'command = "off"', 'command = "on"', "example", "“off”"),
    ("text frames on a bus", "gates/r4d-8", "[[read]]", '[[command]]\nname = "x"\nmatch = [1]\n[[read]]', "message",
     "no place"),
    ("registers in text frames", "gates/sim", "[gate]", "[relays]\ncount = 8\n[gate]", "relays", "no place"),
    ("warning above alarm", "sensors/vapour-lel", "at = 10,", "at = 30,", "sensor", "warning below alarm"),
    ("never over", "sensors/gas-ppm", "clear = 40", "clear = 50", "sensor", "clear must be below"),
    ("a level nobody hears", "sensors/gas-ppm",
     "warning = { at = 50, clear = 40 }\nalarm = { at = 150, clear = 120 }", "",
     "sensor.alarm", "needs"),
    ("bands that overlap", "sensors/loop-12bit", "from = 2400", "from = 2300", "sensor.band", "overlap"),
    ("a state missing", "sensors/loop-12bit", 'state = "cut"', 'state = "open"', "sensor.band", "once"),
    ("two registers for one value", "sensors/gas-ppm", "address = 6", "address = 6\ncount = 2", "read", "1 needed"),
    ("an address that is not set", "gates/waveshare-8d", '[{ plus = "address" }]', "[{ value = 5 }]", "write[4].words",
     "exactly one"),
    ("an address in a switch", "gates/waveshare-8d", "[{ value = 0x0000 }]", '[{ plus = "address" }]', "write[1].words",
     "no other"),
    ("a wrong address frame", "gates/lctech-8", "to = 5", "to = 6", "example[7]", "encode"),
    ("a reader on Modbus", "gates/r4d-8", 'kind     = "gate"', 'kind     = "terminal"', "kind", "terminal"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[0] for wrong in WRONG])
def test_a_wrong_profile_is_refused_with_place_and_reason(
    wrong: tuple[str, str, str, str, str, str], tmp_path: Path
) -> None:
    _, id, good, bad, at, why = wrong
    text = (profiles_root() / f"{id}.toml").read_text("utf-8")
    assert good in text
    path = tmp_path / f"{id}.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(good, bad, 1), "utf-8")
    problems = check_profile(path)
    assert (at, True) in [(problem.at, why in problem.text("en")) for problem in problems], [
        problem.text("en") for problem in problems
    ]


def test_none_of_ours_claims_more_than_a_simulation() -> None:
    ours = [load_profile(id) for id in profile_ids()]
    modbus = [profile for profile in ours if isinstance(profile.framing, Modbus)]
    assert len(modbus) >= 7
    assert {profile.maturity for profile in modbus} == {"simulated"}
