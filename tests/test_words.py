"""Everything people read exists in both languages, is used somewhere, and has the same blanks to fill."""

import asyncio
import errno
import importlib
import os
import pkgutil
import re
import socket
import string
import tomllib
from collections import Counter
from pathlib import Path
from unittest.mock import AsyncMock, patch

import pytest

import edge_agent.words
from edge_agent.model.decisions import Reason
from edge_agent.model.events import EVENTS
from edge_agent.model.people import CATEGORIES
from edge_agent.words import LANGUAGES, WORDS, retold, say, told

ROOT = Path(__file__).parent.parent / "edge_agent"
FILES = [path for path in ROOT.rglob("*.py") if path.parent.name != "words"] + sorted(ROOT.rglob("templates/*.html"))
SOURCE = "\n".join(path.read_text("utf-8") for path in FILES)
# Codes as they stand there, and the beginnings of those that are put together: f"reason.{…}", 'alert.' ~ kind.
WHOLE = set(re.findall(r"""(?<=["'])[\w.]+(?=["'])""", SOURCE))
BEGUN = {*re.findall(r"""(?<=f["'])[\w.]+(?={)""", SOURCE), *re.findall(r"""(?<=["'])[\w.]+(?=["'] ~)""", SOURCE)}


def blanks(sentence: str) -> set[str]:
    return {name.split(".")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name}


AREAS = sorted({code.split(".")[0] for code in WORDS})


def codes(area: str) -> list[str]:
    return sorted(code for code in WORDS if code.split(".")[0] == area)


@pytest.mark.parametrize("area", AREAS)
def test_each_sentence_in_both_languages(area: str) -> None:
    for code in codes(area):
        english, chinese = WORDS[code]
        assert english.isascii() or re.search(r"[–—→…“”·×]", english), (code, english)
        bare = re.sub(r"{\w+}", "", chinese)
        assert re.search(r"[\u4e00-\u9fff]", chinese) or not re.search(r"[a-z]{2}", bare), (code, chinese)
        assert blanks(english) == blanks(chinese), code


def built_from(code: str) -> list[str]:
    """What stands before the brace when a code is put together: `f"demo.column.{column}"`, `'alert.' ~ kind`."""
    return [code[: match.end()] for match in re.finditer(r"[._]|[a-z](?=\d+$)", code)]


@pytest.mark.parametrize("area", AREAS)
def test_no_sentence_is_left_over(area: str) -> None:
    unused = [code for code in codes(area) if code not in WHOLE and not BEGUN.intersection(built_from(code))]
    assert unused == []


def test_no_sentence_is_said_in_two_places() -> None:
    """The last would win, and the other would be read nowhere."""
    areas = [
        importlib.import_module(f"edge_agent.words.{one.name}")
        for one in pkgutil.iter_modules(edge_agent.words.__path__)
    ]
    said = Counter(code for area in areas for code in getattr(area, "WORDS", {}))
    assert [code for code, times in said.items() if times > 1] == []


def test_everything_a_guard_sees_has_words() -> None:
    wanted = [f"event.{event.tag}" for event in EVENTS]
    wanted += [f"reason.{reason}" for reason in Reason]
    wanted += [f"category.{category}" for category in CATEGORIES]
    for code in wanted:
        for lang in LANGUAGES:
            assert say(code, lang)


def test_every_measure_of_an_alert_has_words_and_a_unit_of_physics() -> None:
    names, units = set(), set()
    for name, values in re.findall(r"""Measure\(\s*"(\w+)",((?:[^()]|\([^()]*\))*)\)""", SOURCE):
        names.add(name)
        units |= set(re.findall(r"""(?:^|, )f?"([^"]*)"\s*$""", values.strip().rstrip(",")))
    assert len(names) > 25
    assert [name for name in sorted(names) if f"measure.{name}" not in WORDS] == []
    assert units <= {"s", "m", "m/s", "m/s²", "px", "1/s"}
    assert {"s", "m/s²"} <= units


@pytest.mark.parametrize(
    "text",
    ["a = 1\na = 2", "[gateway", "[[door", 'x = "abc\n', "[a]\nx = 1\n[a]", "a", "a = ", "a = [1, 2", "a = {b = 1",
     "a = 1 b = 2", 'x = "\\q"', 'x = "abc', "= 1", "a = {b = 1, b = 2}", "a = 2024-13-01", "a = {}\na.b = 1",
     "a = \x01", "[a]\n[a.b]\n[a]\nb = 1",
     "a = '''x", '["it\'s"]\n["it\'s"]'],
)  # fmt: skip
def test_what_the_toml_parser_finds_is_said_in_chinese(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as found:
        tomllib.loads(text)
    said = say("config.not_toml", "zh", why=found.value)
    assert not re.search(r"[A-Za-z]{4,}", said.replace("TOML", "")), said
    assert str(found.value) in say("config.not_toml", "en", why=found.value)


@pytest.mark.parametrize(
    "number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.ECONNREFUSED, errno.EIO]
)
def test_what_the_system_refuses_is_said_in_chinese_also_where_it_was_stored(number: int) -> None:
    error = OSError(number, os.strerror(number))
    called = f"[Errno {number}] Connect call failed ('127.0.0.1', 1883)"
    for why in (error.strerror, error, OSError(number, os.strerror(number), "/1/2.3"), str(error), called):
        assert not re.search(r"[A-Za-z]{3,}", said := say("store.no_directory", "zh", directory="/", why=why)), said
    assert "/1/2.3" in say("store.no_directory", "zh", directory="/", why=str(OSError(number, "x", "/1/2.3")))
    stored = told("store.no_directory", directory="/", why=error.strerror)
    assert error.strerror in stored
    assert error.strerror not in retold(stored, stored.code, stored.fields, "zh")


def test_a_name_whose_addresses_all_refuse_is_said_in_chinese() -> None:
    async def refused() -> str:
        loop = asyncio.get_running_loop()
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # and listens not
            port = nobody.getsockname()[1]
            both = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in ("127.0.0.1", "127.0.0.2")]
            with (
                patch.object(loop, "getaddrinfo", AsyncMock(return_value=both)),
                pytest.raises(OSError, match="Multiple") as caught,
            ):
                await loop.create_connection(asyncio.Protocol, "name", port)
        return str(caught.value)

    said = say("store.no_directory", "zh", directory="/", why=asyncio.run(refused()))
    assert said.count("连接被拒绝") == 2
    assert not re.search(r"[A-Za-z]{3,}", said), said


@pytest.mark.parametrize("why", ["odd thing", "[Errno 99999] odd thing", "odd (at the end)"])
def test_a_reason_nobody_knows_stays_as_it_is(why: str) -> None:
    assert say("store.no_directory", "zh", directory="/", why=why).count(why) == 1


def test_what_the_console_shows_too_names_no_switch_of_the_command_line() -> None:
    """The guard at the console has no --outcome; twins are the one thing that is done at the command line alone."""
    both = ["operate.too_early", "operate.no_outcome", "cli.no_consent", "store.guardian_missing"]
    assert not [code for code in both if "--" in "".join(WORDS[code])]
    assert "command line" in WORDS["cli.face_duplicate"][0]
    assert "命令行" in WORDS["cli.face_duplicate"][1]
