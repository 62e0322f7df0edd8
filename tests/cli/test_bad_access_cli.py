"""What is commonly wrong in who may pass, through the real `access import` and `check`, in both languages."""

from pathlib import Path

import pytest

from edge_agent.words import LANGUAGES
from tests import command

CONFIG = """[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "r"
url = "sim://r"
[[link]]
name = "a"
url = "sim://a"
[[link]]
name = "b"
url = "sim://b"
[[link]]
name = "c"
url = "sim://c"
[[terminal]]
name = "north-in"
profile = "readers/osdp-generic"
link = "r"
address = 1
door = "north"
key_file = "reader.key"
[[door]]
name = "north"
gate = { link = "a", profile = "gates/sim" }
ways = [["card"], ["pin"]]
hold_open = "office"
[[door]]
name = "south"
gate = { link = "b", profile = "gates/sim" }
[[door]]
name = "mid"
gate = { link = "c", profile = "gates/sim" }
[[interlock]]
name = "outer"
doors = ["north", "south"]
[[interlock]]
name = "inner"
doors = ["south", "mid"]
"""
LIST = """
[[schedule]]
id = "office"
spans = [{ days = [1, 2, 3, 4, 5], start = "08:00", end = "18:00" }]
[[schedule]]
id = "empty"
spans = []
[[schedule]]
id = "weekly"
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 90, rule = "FREQ=WEEKLY" }]
[[schedule]]
id = "feb-30"
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 90, rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9" }]
[[schedule]]
id = "busy"
recurrence = [{ start = 2026-10-01T08:00:00, minutes = 90, rule = "FREQ=SECONDLY" }]
[[rule]]
id = "all"
doors = ["*"]
categories = ["resident"]
[[rule]]
id = "again"
doors = ["*"]
categories = ["resident"]
[[rule]]
id = "not-in-office"
doors = ["north"]
categories = ["resident"]
schedule = "office"
effect = "deny"
[[rule]]
id = "let-in"
doors = ["south"]
persons = ["p-1"]
[[rule]]
id = "keep-out"
doors = ["south"]
persons = ["p-1"]
effect = "deny"
[[rule]]
id = "nowhere"
doors = ["west"]
categories = ["resident"]
[[rule]]
id = "whenever"
doors = ["north"]
categories = ["resident"]
schedule = "gone"
[[rule]]
id = "of-one-who-moves"
doors = ["north"]
persons = ["p-9"]
[[person]]
id = "p-1"
name = "张伟"
category = "resident"
card = "100:7"
card_format = "H10301"
pin = "482913"
[[person]]
id = "p-2"
name = "=HYPERLINK(1)"
category = "resident"
pin = "482914"
[[person]]
id = "p-3"
name = "王芳"
category = "resident"
card = "100:7"
card_format = "H10301"
[[person]]
id = "p-9"
name = "李"
category = "resident"
"""
REFUSED = {"busy": ("FREQ=SECONDLY",), "p-3": ("p-3", "p-1"), "nowhere": ("west",), "whenever": ("gone",)}
FOUND = {  # what each line of `check` has to name
    "a rule that refers to nothing": ("rule of-one-who-moves", "p-9"),
    "a rule without effect": ("rule let-in", "keep-out"),
    "contradictory rules": ("rule all", "not-in-office", "north"),
    "the same rule twice": ("rule all: all", "again"),
    "a schedule that never opens": ("schedule empty", "empty"),
    "a recurrence that never comes true": ("schedule feb-30", "feb-30"),
    "a recurrence without end": ("schedule weekly", "FREQ=WEEKLY"),
    "a PIN that is another's duress PIN": ("person p-2", "p-1"),
    "a door in two interlocks": ("interlock[1]", "south", "outer", "inner"),
    "a clock that jumps during a hold-open": ("door[0].hold_open", "office", "deny_timed"),
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(CONFIG)
    (tmp_path / "reader.key").write_text("00112233445566778899aabbccddeeff\n")
    run(tmp_path, "keys", "init")
    return tmp_path


def run(site: Path, *arguments: object, lang: str = "en") -> tuple[int, str]:
    done = command.run(site, *arguments, lang=lang, columns=60)
    return done.returncode, done.stdout + done.stderr


def test_every_mistake_is_a_finding_in_words(site: Path) -> None:
    (site / "list.toml").write_text(LIST, "utf-8")
    for lang in LANGUAGES:
        status, text = run(site, "access", "import", "list.toml", lang=lang)
        assert status == 1
        refused = [line for line in text.splitlines() if line.startswith("!")]
        assert len(refused) == len(REFUSED), text
        for what, named in REFUSED.items():
            assert any(all(word in line for word in named) for line in refused), (what, text)
    run(site, "people", "remove", "p-9")
    for lang in LANGUAGES:
        status, text = run(site, "check", lang=lang)
        assert status == 1
        for what, named in FOUND.items():
            assert any(all(word in line for word in named) for line in text.splitlines()), (what, text)


def test_the_rule_that_wins_is_named_by_explain(site: Path) -> None:
    (site / "list.toml").write_text(LIST, "utf-8")
    run(site, "access", "import", "list.toml")
    asked = ("access", "explain", "--person", "p-1", "--door")
    assert "not-in-office" in run(site, *asked, "north", "--at", "2026-11-25T10:00")[1].split("\n\n")[0]
    assert "keep-out" in run(site, *asked, "south", "--at", "2026-11-25T20:00", lang="zh")[1].split("\n\n")[0]


def test_a_hundred_thousand_rows_with_formulas_and_three_mistakes(site: Path) -> None:
    rows = [
        f"q-{n},{'=cmd|calc' if n % 1000 == 0 else '张伟'},resident,1-{n},{100 + n // 60_000}:{n % 60_000},H10301"
        for n in range(100_000)
    ]
    rows[7], rows[70], rows[700] = "q-7,,resident,,,", "q-70,x,emperor,,,", rows[701].replace("q-701", "q-700")
    text = "person_id,name,category,house,card,card_format\n" + "\n".join(rows) + "\n"
    (site / "people.csv").write_bytes(text.encode("gb18030"))
    status, said = run(site, "access", "import", "people.csv")
    refused = [line for line in said.splitlines() if line.startswith("!")]
    assert (status, len(refused)) == (1, 3), refused
    assert "gb18030" in said.splitlines()[-1]
    (site / "few.csv").write_bytes(("\n".join(text.splitlines()[:4]) + "\n").encode("utf-8-sig"))
    status, said = run(site, "access", "import", "few.csv")
    assert (status, said.splitlines()[0]) == (0, "= 3 unchanged")
    assert "utf-8" in said
    assert run(site, "people", "list", "--json")[1].count("=cmd|calc") == 100
