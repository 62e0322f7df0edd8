"""Wrong profiles of GPIO gates and of terminals that call: each refused with its place and reason."""

from pathlib import Path

import pytest

from edge_agent.drivers.profiles import check_profile

SHIPPED = Path(__file__).parent.parent / "device_profiles"
GPIO, FLAT, EVENT = "gates/gpio-direct", "terminals/face-push-flat", "terminals/face-push-event"

WRONG = [
    ("unknown bias", GPIO, 'bias = "pull-up"', 'bias = "up"', "framing.contact.bias", "up"),
    ("no active level", GPIO, 'contact = { active = "high",', "contact = {", "framing.contact", "active"),
    ("filter too long", GPIO, "[gate]", "filter_ms = 500\n[gate]", "framing.filter_ms", "<= 50"),
    (
        "a line of no number",
        GPIO,
        'relay = { active = "high" }',
        "relay = { lines = [-1] }",
        "framing.relay.lines[0]",
        "",
    ),
    ("no relay", GPIO, 'relay = { active = "high" }\n', "", "framing", "relay"),
    ("a role that is not provided", GPIO, '"panic", "tamper"]', '"panic"]', "framing.tamper", "provides"),
    ("a role without its circuit", GPIO, 'fire = { active = "high", bias = "pull-up" }\n', "", "framing.fire", "fire"),
    ("frames on lines", GPIO, "[gate]", '[[feedback]]\nwhen = "granted"\nsend = "00"\n[gate]', "feedback", "feedback"),
    ("lines of a terminal", GPIO, 'kind     = "gate"', 'kind     = "terminal"', "kind", "terminal"),
    ("no pulse limit", GPIO, "max_pulse_s = 3600\n", "", "gate", "max_pulse_s"),
    ("unknown proof", FLAT, '"hmac-sha256"', '"md5"', "framing.auth", "md5"),
    ("an empty key in a place", FLAT, 'person = "personId"', 'person = "a..b"', "framing.person", "regex"),
    ("no time", FLAT, 'time = "time"\n', "", "framing", "time"),
    ("stale after a minute", FLAT, "silent_s = 180", "stale_s = 60", "framing.stale_s", "<= 10"),
    ("a call of a gate", FLAT, 'kind     = "terminal"', 'kind     = "gate"', "kind", "gate"),
    ("cards without a place", FLAT, 'card = "idcardNum"\n', "", "framing.card", "card"),
    ("a golden score", FLAT, "score = 0.935", "score = 0.95", "framing.example[0]", "0.935"),
    ("a golden time", FLAT, "2026-05-03T23:01:12.345000", "2026-05-03T23:01:12", "framing.example[0]", "345"),
    ("a golden person", EVENT, 'person = "p-5f2c"', 'person = "p-1"', "framing.example[0]", "p-5f2c"),
    ("no boundary", EVENT, "boundary=MIME_boundary", "x=1", "framing.example[0]", "event_log"),
    ("a body in parts without its part", EVENT, 'part = "event_log"\n', "", "framing.part", "part"),
    ("an unknown key", EVENT, 'auth = "basic"', 'auth = "basic"\nport = 80', "framing", "port"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[wrong[0] for wrong in WRONG])
def test_a_wrong_profile_is_refused_with_place_and_reason(
    wrong: tuple[str, str, str, str, str, str], tmp_path: Path
) -> None:
    _, id, good, bad, at, why = wrong
    text = (SHIPPED / f"{id}.toml").read_text("utf-8")
    assert good in text
    path = tmp_path / f"{id}.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(good, bad, 1), "utf-8")
    found = [(problem.at, problem.text("en")) for problem in check_profile(path)]
    assert any(place == at and why in said for place, said in found), found
