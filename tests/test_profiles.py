"""Every shipped profile holds, its golden bytes decode; and what is wrong is refused with its place and reason."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from edge_agent.drivers.profiles import check_profile, load_profile, profile_ids, profiles_root, schema_json
from edge_agent.errors import EdgeAgentError, Problems
from edge_agent.model.gpio import Gpio
from edge_agent.model.push import HttpPush

SHIPPED = Path(__file__).parent.parent / "device_profiles"


@pytest.mark.parametrize("id", profile_ids())
def test_a_shipped_profile_holds(id: str) -> None:
    path = profiles_root() / f"{id}.toml"
    assert [problem.text("en") for problem in check_profile(path)] == []
    profile = load_profile(id)
    assert profile.example or isinstance(profile.framing, Gpio | HttpPush)  # lines have no bytes; reports their own
    jsonschema.validate(tomllib.loads(path.read_text("utf-8")), json.loads(schema_json()))


def test_the_three_first_profiles_are_there() -> None:
    assert {"readers/osdp-generic", "readers/text-stx", "gates/sim"} <= set(profile_ids())


def test_the_committed_schema_is_the_generated_one() -> None:
    assert (SHIPPED / "schema.json").read_bytes() == schema_json()


WRONG = [
    ("unknown key", "readers/text-stx", "[link]", "[link]\nspeed = 1", "link", "unknown field `speed`"),
    ("unknown framing", "readers/text-stx", 'kind = "delimited"', 'kind = "idle"', "framing.kind", "idle"),
    ("byte out of range", "readers/text-stx", "start = 0x02", "start = 300", "framing.start", "<= 255"),
    ("unbounded frame", "readers/text-stx", "max_len = 64", "max_len = 100000", "framing.max_len", "<= 4096"),
    ("unknown checksum", "readers/text-stx", 'kind = "xor"', 'kind = "md5"', "checksum.kind", "md5"),
    ("start is end", "readers/text-stx", "end = 0x03", "end = 0x02", "framing.end", "different"),
    ("missing field", "readers/text-stx", 'name     = "STX/ETX text reader"\n', "", "", "field `name`"),
    ("wrong id", "readers/text-stx", '"readers/text-stx"', '"readers/other"', "id", "readers/text-stx"),
    ("unknown field kind", "readers/text-stx", '"ascii-hex"', '"bcd"', "message[0].fields[0].as", "bcd"),
    ("field out of order", "readers/text-stx", "at = 1", "at = 2", "message[0].fields", "follow each other"),
    ("no card lengths", "readers/text-stx", "card_bits = [40]", "", "card_bits", "card_bits"),
    ("not hexadecimal", "readers/text-stx", '"02 47 47 03"', '"02 4"', "feedback[0].send", "regex"),
    ("outcome twice", "readers/text-stx", 'when = "denied"', 'when = "granted"', "feedback", "granted"),
    ("wrong golden byte", "readers/text-stx", "46 37 03", "46 38 03", "example[0]", "whole"),
    ("wrong golden value", "readers/text-stx", '"0000ABCDEF"', '"0000ABCDEE"', "example[0]", "0000ABCDEF"),
    ("example of nothing", "readers/text-stx", '"card", number = "2"', '"key"', "example[2]", "gives or"),
    ("not TOML", "readers/text-stx", "max_len = 64", "max_len =", "line 20, column 10", "TOML"),
    ("beyond a byte", "readers/osdp-generic", "for_ms = 2000", "for_ms = 25600", "feedback[0].led.for_ms", "25500"),
    ("time between ticks", "readers/osdp-generic", "on_ms = 1000", "on_ms = 1050", "feedback[0].led.on_ms", "100"),
    ("bytes over OSDP", "readers/osdp-generic", "beep = { on_ms = 500 }", 'send = "00"', "feedback[2]", "send"),
    ("no query", "gates/sim", 'name = "query"', 'name = "ask"', "command", "query"),
    ("heartbeat too slow", "gates/sim", "poll_ms = 1000", "poll_ms = 9000", "gate.poll_ms", "<= 1000"),
    ("wrong encoding", "gates/sim", "tenths = 50", "tenths = 51", "example[2]", "encode"),
    ("wrong keypad frame", "readers/osdp-generic", "53 81 0F 00 05 53 00 05 31 32 33 34 0D 0E 3B",
     "53 81 0F 00 05 53 00 05 31 32 33 34 0D 0E 3C", "example[2]", "whole"),
    ("keypad of a text reader", "readers/text-stx", '["card",', '["card", "keypad",', "provides", "keypad"),
    ("an input without its mask", "gates/sim", 'name = "panic", at', 'name = "help", at', "message[0].fields", "panic"),
    ("a loop without its masks", "gates/sim", 'name = "cut", at', 'name = "open", at', "message[0].fields", "cut"),
    ("unknown outcome", "gates/sim", "[gate]", '[[feedback]]\nwhen = "closed"\n[gate]', "feedback[0].when", "closed"),
    ("no example", "gates/sim", 'from = { command = "query" }', 'from = { command = "pulse", relay = 0, tenths = 1 }',
     "example", "query"),
]  # fmt: skip


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
    problems = check_profile(path)
    assert (at, True) in [(problem.at, why in problem.text("en")) for problem in problems], [
        problem.text("en") for problem in problems
    ]
    assert all(problem.file == str(path) for problem in problems)


def test_several_wrongs_are_told_at_once(tmp_path: Path) -> None:
    text = (SHIPPED / "readers/text-stx.toml").read_text("utf-8")
    path = tmp_path / "text-stx.toml"
    path.write_text(text.replace("end = 0x03", "end = 0x02").replace("card_bits = [40]", ""), "utf-8")
    assert {problem.at for problem in check_profile(path)} >= {"id", "framing.end", "card_bits"}


def test_an_unknown_profile_names_those_that_are_there() -> None:
    with pytest.raises(EdgeAgentError, match="readers/osdp-generic"):
        load_profile("readers/none")


def test_the_folder_can_be_chosen_and_a_missing_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_AGENT_PROFILES", str(tmp_path))
    assert profile_ids() == []
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates/bad.toml").write_text("schema = 2", "utf-8")
    with pytest.raises(Problems, match=r"bad\.toml"):
        load_profile("gates/bad")
    monkeypatch.setenv("EDGE_AGENT_PROFILES", str(tmp_path / "nowhere"))
    with pytest.raises(EdgeAgentError, match="EDGE_AGENT_PROFILES"):
        profile_ids()
