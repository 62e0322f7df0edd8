"""Every shipped profile holds, its golden bytes decode; and what is wrong is refused with its place and reason."""

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.drivers.profile_examples import decoded
from edge_agent.drivers.profiles import check_profile, load_profile, profile_ids, profiles_root, schema_json
from edge_agent.drivers.terminal import SerialTerminal
from edge_agent.drivers.toml_lines import line_of
from edge_agent.errors import EdgeAgentError, Problems
from edge_agent.model.doors import DeviceReport
from edge_agent.model.gpio import Gpio
from edge_agent.model.push import HttpPush
from edge_agent.model.reads import Keys, Read
from edge_agent.model.site import Terminal
from edge_agent.protocols.codec import Message, encode_message
from tests.drivers.rig import UpClock, simulated, with_job
from tests.waiting import auntil

SHIPPED = Path(__file__).parent.parent / "device_profiles"
KEYS = st.text("0123456789*#", min_size=1, max_size=6)
VALUES: dict[str, st.SearchStrategy[str | int]] = {
    "ascii-hex": st.text("0123456789ABCDEF", min_size=1, max_size=12),
    "ascii-dec": st.text("0123456789", min_size=1, max_size=12),
    "hex-number": st.integers(0, 0xFFFF),
    "dec-number": st.integers(0, 9999),
    "text": st.text(max_size=20),
    "utf-16le": st.text(max_size=18).map(lambda text: text.rstrip(" ")),
    "bytes": st.binary(min_size=1, max_size=40).map(lambda data: data.hex().upper()),
    "uint-le": st.integers(0, 0xFFFF),
    "uint-be": st.integers(0, 0xFFFF),
    "bcd": st.text("0123456789", min_size=2, max_size=12),
    "wiegand": st.text("01", min_size=1, max_size=255),
    "key-4bit": KEYS,
    "key-8bit": KEYS,
}


@cache
def schema() -> Any:
    made = json.loads(schema_json())
    kind = jsonschema.validators.validator_for(made)
    kind.check_schema(made)
    return kind(made)


@pytest.mark.parametrize("id", profile_ids())
def test_a_shipped_profile_holds(id: str) -> None:
    path = profiles_root() / f"{id}.toml"
    assert [problem.text("en") for problem in check_profile(path)] == []
    profile = load_profile(id)
    assert profile.example or isinstance(profile.framing, Gpio | HttpPush)  # lines have no bytes; reports their own
    schema().validate(tomllib.loads(path.read_text("utf-8")))


def test_the_three_first_profiles_are_there() -> None:
    assert {"readers/osdp-generic", "readers/text-stx", "gates/sim"} <= set(profile_ids())


def test_the_committed_schema_is_the_generated_one() -> None:
    assert (SHIPPED / "schema.json").read_bytes() == schema_json()


WRONG = [
    ("unknown key", "readers/text-stx", "[link]", "[link]\nspeed = 1", "link", "unknown field `speed`"),
    ("unknown framing", "readers/text-stx", 'kind = "delimited"', 'kind = "telex"', "framing.kind", "telex"),
    ("byte out of range", "readers/text-stx", "start = 0x02", "start = 300", "framing.start", "<= 255"),
    ("unbounded frame", "readers/text-stx", "max_len = 64", "max_len = 100000", "framing.max_len", "<= 4096"),
    ("unknown checksum", "readers/text-stx", 'kind = "xor"', 'kind = "md5"', "checksum.kind", "md5"),
    ("start is end", "readers/text-stx", "end = 0x03", "end = 0x02", "framing.end", "different"),
    ("missing field", "readers/text-stx", 'name     = "STX/ETX text reader"\n', "", "", "field `name`"),
    ("wrong id", "readers/text-stx", '"readers/text-stx"', '"readers/other"', "id", "readers/text-stx"),
    ("unknown field kind", "readers/text-stx", '"ascii-hex"', '"roman"', "message[0].fields[0].as", "roman"),
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
    ("formats where they are not looked at", "readers/osdp-generic", "[link]", '[[wiegand]]\nname = "H10301"\n[link]',
     "wiegand", "wiegand"),
    ("wrong keypad frame", "readers/osdp-generic", "53 81 0F 00 05 53 00 05 31 32 33 34 0D 0E 3B",
     "53 81 0F 00 05 53 00 05 31 32 33 34 0D 0E 3C", "example[2]", "whole"),
    ("keypad without keys", "readers/text-stx", '["card",', '["card", "keypad",', "message", "keys"),
    ("parameter of another", "readers/text-stx", "max_len = 64", "max_len = 64\nheader = [1]", "framing", "header"),
    ("no end", "readers/text-stx", "end = 0x03\n", "", "framing", "`end`"),
    ("sum that cannot be found", "scanners/idle", "[scanner]", '[checksum]\nkind = "xor"\nover = "frame"\n[scanner]',
     "checksum.over", "frame"),
    ("sum over no length", "readers/text-stx", 'over = "payload"', 'over = "length"', "checksum.over", "length"),
    ("sum without a start", "scanners/gm65",
     "[scanner]", '[checksum]\nkind = "xor"\n[scanner]', "checksum.kind", "checksum"),
    ("silence out of range", "scanners/idle", "gap_ms = 50", "gap_ms = 1", "framing.gap_ms", ">= 5"),
    ("nothing to hold on to", "keypads/key-8bit", "length = 1", "length = 2", "framing", "gap_ms"),
    ("no room", "keypads/key-8bit", "length = 1", 'length = 1\nend = 0x0D', "framing.length", "at least 2"),
    ("hidden message", "id-readers/sdt", "match = [0x00, 0x00, 0x41]", "match = [0x00, 0x00, 0x90, 0x02]",
     "message[6].match", "ready"),
    ("field behind the rest", "id-readers/sdt", 'name = "issuer", at = 165, length = 30', 'name = "issuer", at = 165',
     "message[0].fields", "only the last"),
    ("half a character", "id-readers/sdt", "at = 7, length = 30", "at = 7, length = 31", "message[0].fields", "follow"),
    ("a person without a number", "id-readers/sdt", 'name = "number"', 'name = "count"', "message[0].fields", "number"),
    ("no command to read", "id-readers/sdt", 'name = "read"\n', 'name = "look"\n', "command", "read"),
    ("wrong XOR", "id-readers/sdt", "00 03 20 01 22", "00 03 20 01 21", "example[1]", "encode"),
    ("wrong CRC", "readers/wiegand-26", "01 1A 00 96 9A 40", "01 1A 00 96 9A 44", "example[0]", "whole"),
    ("a trigger for cards", "readers/text-stx", "[framing]", '[scanner]\ntrigger = "7E"\n[framing]', "scanner",
     "no place"),
    ("code as digits", "scanners/gm65", 'as = "bytes"', 'as = "ascii-dec"', "message[0].fields[0].as", "ascii-dec"),
    ("keys as text", "keypads/key-8bit", '"key-8bit" }', '"text" }', "message[0].fields[0].as", "text"),
    ("number without a length", "readers/text-stx", '"ascii-hex"', '"dec-number"', "example[0]", "whole"),
    ("number of two lengths", "readers/wiegand-26", '"wiegand"', '"uint-be", length = 4', "card_bits", "card_bits"),
    ("unknown card format", "readers/wiegand-26", '"H10301"', '"H10399"', "wiegand[0]", "H10306"),
    ("format beyond its bits", "readers/wiegand-custom", "number = [13, 38]", "number = [13, 40]",
     "wiegand[0]", "40 bits"),
    ("parity upon the number", "readers/wiegand-custom", "bit = 39,", "bit = 38,", "wiegand[0]", "their own"),
    ("parity of a third kind",
     "readers/wiegand-custom", 'is = "odd"', 'is = "mark"', "wiegand[0].parity[1].is", "mark"),
    ("half bytes swapped", "readers/wiegand-custom", "number = [0, 31]", "number = [0, 30]",
     "wiegand[1].swapped", "whole"),
    ("keys of no keypad", "keypads/wiegand-buffered", '["keypad"]', '["card"]', "buffered_keys", "buffered_keys"),
    ("no sentences of its own", "sensors/gps-nmea",
     "[[example]]", '[[message]]\nname = "x"\n[[example]]', "message", "message"),
    ("a receiver at a door", "sensors/gps-nmea", '"sensor"', '"terminal"', "kind", "terminal"),
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
    text = path.read_text("utf-8")
    for problem in problems:
        first = re.split(r"[.\[]", problem.at)[0]
        assert problem.line or problem.at.startswith("line ") or not first or first not in text, problem.text("en")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("framing.max_len", "max_len = 2400"),
        ("message[0].fields[6].as", 'name = "number", at'),
        ("message[0].fields", "fields = ["),
        ("message[3].fields[0]", 'name = "card", at = 3'),
        ("example[4].bytes", "AA AA AA 96 69 00 04 00 00 90 94"),
        ("command[1].name", 'name = "find"'),
        ("message", "[[message]]"),
        ("checksum.none", "[checksum]"),
        ("kind", 'kind     = "id-reader"'),
    ],
)
def test_a_place_in_the_file_has_its_line(path: str, line: str) -> None:
    text = (SHIPPED / "id-readers/sdt.toml").read_text("utf-8")
    number = line_of(text, path)
    assert number is not None
    assert line in text.splitlines()[number - 1]


def test_what_only_looks_like_a_key_or_a_table_is_no_line_of_it() -> None:
    text = 'a = """\n[framing]\nend = 1\n"""\nb = [ # {\n  "}{", { c = 1 },\n  { c = 2 } ]\n[framing]\nend = 3\n'
    tomllib.loads(text)
    assert [line_of(text, path) for path in ("framing.end", "b[1].c", "framing", "nothing")] == [9, 7, 8, None]


PROFILES = {id: profile for id in profile_ids() if (profile := load_profile(id)).message}


@pytest.mark.parametrize("id", PROFILES)
def test_what_is_decoded_encodes_to_the_same(id: str) -> None:
    """To the same bytes where the profile leaves no choice, else to the same message."""
    profile = PROFILES[id]
    unused = {form.name for form in profile.message for field in form.fields if field.kind == "unused"}
    loose = getattr(profile.framing, "end", None) == "line"
    for example in profile.example:
        if example.gives is not None:
            values = dict(example.gives)
            name = str(values.pop("message"))
            encoded = encode_message(profile, name, **values)
            assert decoded(profile, [encoded]) == [Message(name, values)]
            if name not in unused and not loose:
                assert encoded == bytes.fromhex(example.bytes)


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_a_field_takes_comes_back(data: st.DataObject) -> None:
    profile = data.draw(st.sampled_from(sorted(PROFILES.items())))[1]
    form = data.draw(st.sampled_from(profile.message))
    values = {field.name: data.draw(VALUES[field.kind]) for field in form.fields if field.kind != "unused"}
    try:
        frame = encode_message(profile, form.name, **values)
    except EdgeAgentError:
        return  # it does not fit, and was refused
    assert decoded(profile, [frame]) == [Message(form.name, values)]


@pytest.mark.parametrize("id", [id for id, profile in PROFILES.items() if profile.kind == "terminal"])
def test_the_simulated_device_plays_the_profile_into_the_driver(id: str, tmp_path: Path) -> None:
    """Every golden example, over a pty from another process: byte by byte as it is written, and by the encoder (a code
    only once: the same again at once is the same person).
    """
    profile = PROFILES[id]
    terminal = Terminal(name="here", profile=id, link="l", door="d")
    reads: list[Read] = []
    reports: list[DeviceReport] = []
    with simulated("serialdevice", tmp_path / "port", "--profile", str(SHIPPED / f"{id}.toml")) as device:
        driver = SerialTerminal(
            terminal, profile, "sim://port", UpClock(), reads.append, reports.append, tmp_path
        )  # fmt: skip

        async def story() -> None:
            await auntil(lambda: driver.usable("here"))
            for example in profile.example:
                values = dict(example.gives or {})
                name = str(values.pop("message", ""))
                presents = name in ("card", "code", "face")
                if presents:
                    before = len(reads)
                    device.tell("bytes", hex=example.bytes, size=1)
                    await auntil(lambda before=before: len(reads) == before + 1)
                    if name != "code":
                        device.tell("message", name=name, values=values)
                        await auntil(lambda before=before: len(reads) == before + 2)
                        assert reads[-1].credential == reads[-2].credential
            if any(form.name == "keys" for form in profile.message):
                device.tell("message", name="keys", values={"keys": "1"})
                device.tell("message", name="keys", values={"keys": "#"})
                await auntil(lambda: reads and isinstance(reads[-1].credential, Keys))
            assert reads
            assert not any(read.stale for read in reads)

        with_job(driver.run, story)
    problems = [report for report in reports if report.state != "degraded"]
    assert problems == []


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


def test_a_profile_that_is_edited_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a console or a command that has read it before."""
    text = (profiles_root() / "gates/sim.toml").read_text("utf-8")
    monkeypatch.setenv("EDGE_AGENT_PROFILES", str(tmp_path))
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates/sim.toml").write_text(text, "utf-8")
    assert load_profile("gates/sim").link.baud == 9600
    (tmp_path / "gates/sim.toml").write_text(text.replace("baud = 9600", "baud = 4800"), "utf-8")
    assert load_profile("gates/sim").link.baud == 4800
