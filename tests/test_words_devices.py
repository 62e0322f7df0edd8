"""Every sentence of this area is said with exactly the fields it has, in both languages."""

import ast
import string
from pathlib import Path

from edge_agent.words.devices import WORDS

ROOT = Path(__file__).parent.parent / "edge_agent"


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def said() -> dict[str, list[set[str]]]:
    """code → the keyword names at each place that says it."""
    places: dict[str, list[set[str]]] = {}
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                for argument in node.args:
                    text = str(argument.value) if isinstance(argument, ast.Constant) else ""
                    if text.startswith("devices.") and text != "devices.html":
                        names = {keyword.arg for keyword in node.keywords if keyword.arg}
                        places.setdefault(text, []).append(names)
    return places


def test_both_languages_have_the_same_fields() -> None:
    assert {code for code, (english, chinese) in WORDS.items() if fields(english) != fields(chinese)} == set()


def test_every_sentence_gets_its_fields_and_none_is_unknown() -> None:
    for code, places in said().items():
        assert code in WORDS
        for names in places:
            assert fields(WORDS[code][0]) <= names, code


def test_no_sentence_is_left_over() -> None:
    text = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py") if path.parent.name != "words")
    assert [code for code in WORDS if f'"{code}"' not in text] == []
