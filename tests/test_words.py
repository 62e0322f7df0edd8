"""Everything people read exists in both languages, is used somewhere, and has the same blanks to fill."""

import importlib
import pkgutil
import re
import string
from collections import Counter
from pathlib import Path

import pytest

import edge_agent.words
from edge_agent.model.decisions import Reason
from edge_agent.model.events import EVENTS
from edge_agent.model.people import CATEGORIES
from edge_agent.words import LANGUAGES, WORDS, say

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
