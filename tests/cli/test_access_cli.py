"""Who may pass, asked at the real command line: files on the disk, both languages, a narrow terminal."""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.console.control import ControlServer
from edge_agent.drivers.clock import SystemClock
from edge_agent.model.commands import Done, Operation
from edge_agent.model.events import AgentStarted, AgentStopped, AlertOpened
from edge_agent.model.standing import At, Change, Latch, Order, Presence
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer
from tests.command import run
from tests.waiting import auntil

CONFIG = """\
[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "reader"
url = "sim://reader"
[[link]]
name = "gate"
url = "sim://gate"
[[link]]
name = "side"
url = "sim://side"
[[terminal]]
name = "north-in"
profile = "readers/osdp-generic"
link = "reader"
address = 1
key_file = "reader.key"
door = "north-gate"
[[door]]
name = "north-gate"
gate = { link = "gate", profile = "gates/sim" }
ways = [["card"], ["card", "pin"]]
area = "yard"
[[door]]
name = "side-door"
gate = { link = "side", profile = "gates/sim" }
[[area]]
name = "yard"
anti_passback = "hard"
"""
DAY, NIGHT = "2026-05-04T10:00", "2026-05-04T23:30"
NARROW = 60


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    (folder / "agent.toml").write_text(CONFIG)
    (folder / "reader.key").write_text("00112233445566778899aabbccddeeff\n")
    for person, name, category, card in (
        ("p-1", "张伟", "tenant", "100:7"),
        ("p-2", "Ann", "service", "100:8"),
        ("p-3", "Gast", "visitor", "100:9"),
    ):
        run(folder, "people", "add", person, "--name", name, "--category", category, "--card", card)
    return folder


@pytest.fixture
def site(new: Path, tmp_path: Path) -> Path:
    return shutil.copytree(new, tmp_path, dirs_exist_ok=True)


def explain(site: Path, person: str, at: str, *more: str, door: str = "north-gate", **how: object) -> str:
    asked = ("access", "explain", "--person", person, "--door", door, "--at", at, *more)
    done = run(site, *asked, **how)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    return done.stdout


def remember(site: Path, *changes: Change) -> None:
    """What a daemon would have left behind."""

    async def story() -> None:
        writer = Writer()
        journal = SqliteJournal(site / "state/journal.db", SystemClock(), writer)
        await journal.record(AgentStarted(version="0", after="first")).committed()
        await journal.apply(*changes)
        alert = AlertOpened(door="north-gate", alert="a-1", kind="duress", silent=True, person="p-1")
        await journal.record(alert).committed()
        await journal.record(AgentStopped(reason="told")).committed()
        await journal.close()
        writer.close()

    (site / "state").mkdir(exist_ok=True)
    asyncio.run(story())


def test_explained_in_both_languages(site: Path) -> None:
    english, chinese = explain(site, "p-1", DAY), explain(site, "p-1", DAY, lang="zh")
    assert "张伟 p-1 (tenant) at north-gate, in, Mon 2026-05-04 10:00 (Asia/Shanghai)" in english
    assert "YES, by card. Rule residents-always decides." in english
    assert "card + PIN: not stored: PIN" in english
    assert "可以通行（刷卡）。由规则 residents-always 决定。" in chinese
    assert chinese == explain(site, "p-1", DAY, "--lang", "zh"), "the command takes --lang itself too"


def test_a_schedule_and_no_rule_at_all(site: Path) -> None:
    late = explain(site, "p-2", NIGHT)
    assert "NO: not at this time." in late
    assert "staff-daytime permits; off by schedule daytime, next on Tue 2026-05-05 06:00" in late
    stranger = explain(site, "p-3", DAY)
    assert "NO: no rule for this door." in stranger
    assert "add a rule that names the category visitor" in stranger
    out = explain(site, "p-3", DAY, "--direction", "out")
    assert "YES, by card. On the way out being known is enough" in out
    assert "no card reader on this side" in out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_fits_a_narrow_terminal(site: Path, lang: str) -> None:
    from rich.cells import cell_len

    shown = explain(site, "p-2", NIGHT, lang=lang, columns=NARROW)
    listed = run(site, "access", "who", "--door", "north-gate", "--at", DAY, lang=lang, columns=NARROW).stdout
    assert max(cell_len(line) for line in (shown + listed).splitlines()) <= NARROW


def test_now_says_how_the_door_stands(site: Path) -> None:
    now = SystemClock().now()
    assert "There is no journal here yet" in explain(site, "p-1", "now")
    remember(
        site,
        Presence("yard", "p-1", True, At(now.wall_ms, now.up_ms, now.boot_id, trusted=False)),
        Order("north-gate", "operator", "blocked", "Li", "flood", At.of(now), now.up_ms + 600_000),
        Latch("panic/side-door", True, 1, At.of(now), At.of(now)),
    )
    shown = explain(site, "p-1", "now")
    assert "NO: door blocked. Rule residents-always would permit." in shown
    assert "blocked: operator, by Li, flood, for another 10 min" in shown
    assert "panic alarm stands at side-door" in shown
    assert "yard: is inside" in shown
    assert "此门当前状态" in explain(site, "p-1", "now", lang="zh")
    remember(site, Order("north-gate", "operator", None))
    assert "NO: inside already, or back too soon." in explain(site, "p-1", "now")
    assert "YES, by card" in explain(site, "p-1", DAY), "who is inside then nobody knows"


def test_who_lists_people_and_ways(site: Path) -> None:
    shown = run(site, "access", "who", "--door", "north-gate", "--at", DAY)
    assert shown.stdout.splitlines()[0] == "2 could pass north-gate, in, Mon 2026-05-04 10:00"
    listed = json.loads(run(site, "access", "who", "--door", "north-gate", "--at", NIGHT, "--json").stdout)
    assert listed == [
        {
            "id": "p-1", "name": "张伟", "category": "tenant", "house": "", "ways": [["card"]],
            "rule": "residents-always", "needs": None,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--person", "p-1", "--door", "north-gate", "--at", "7:30"), "2026-05-04T07:30"),
        (("--person", "p-1", "--door", "north-gate", "--at", "2026-05-04"), "2026-05-04T07:30"),
        (("--person", "p-1", "--door", "north-gate", "--at", "2026-05-04T07:30+02:00"), "local time"),
        (("--person", "p-1", "--door", "north-gate", "--at", "9999-12-31T23:59"), ""),
        (("--person", "p-1", "--door", "north-gate", "--at", "0001-01-01T00:00"), ""),
        (("--person", "p-9", "--door", "north-gate"), "p-9"),
        (("--person", "p-1", "--door", "nowhere"), "side-door"),
    ],
)
def test_what_was_asked_wrongly_is_said(site: Path, asked: tuple[str, ...], said: str) -> None:
    done = run(site, "access", "explain", *asked)
    assert said in done.stderr
    assert done.returncode == (1 if said else done.returncode)


def test_nobody_was_added_yet(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(CONFIG)
    (tmp_path / "reader.key").write_text("00112233445566778899aabbccddeeff\n")
    done = run(tmp_path, "access", "who", "--door", "north-gate")
    assert done.returncode == 1
    assert "people add" in done.stderr
    assert not (tmp_path / "state").exists(), "asking begins no file"


def test_forgiving_names_somebody_and_needs_the_agent(site: Path) -> None:
    assert "--all" in run(site, "access", "forgive", "--by", "Li").stderr
    assert "--all" in run(site, "access", "forgive", "--by", "Li", "--all", "--person", "p-1").stderr
    assert "p-9" in run(site, "access", "forgive", "--by", "Li", "--person", "p-9").stderr
    nobody = run(site, "access", "forgive", "--by", "Li", "--all")
    assert nobody.returncode == 1
    assert "edge-agent run" in nobody.stderr


def test_the_running_agent_forgives(site: Path) -> None:
    asked: list[Operation] = []

    async def carry_out(operation: Operation) -> Done:
        asked.append(operation)
        return Done(operation.person is not None, "operate.not_recorded")

    async def story() -> list[subprocess.CompletedProcess[str]]:
        server = asyncio.create_task(ControlServer(site / "state/run/control.sock", carry_out).run(lambda: None))
        await auntil((site / "state/run/control.sock").exists)
        forgive = ("access", "forgive", "--by", "Li", "--why", "came by car")
        answers = [
            await asyncio.to_thread(run, site, *forgive, *whom, lang="zh") for whom in (("--person", "p-1"), ("--all",))
        ]
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
        return answers

    (site / "state/run").mkdir(parents=True, exist_ok=True)
    one, everybody = asyncio.run(story())
    assert one.stdout == "p-1：防返传记录已清除，下一次通行不受限制\n"
    assert everybody.returncode == 1
    assert "无法记录" in everybody.stderr
    assert asked[0] == Operation("forgive", "Li", "came by car", person="p-1")


def test_check_tells_what_is_wrong_with_rules_and_doors(site: Path) -> None:
    english, chinese = run(site, "check"), run(site, "check", lang="zh")
    assert english.returncode == 1
    assert "agent.toml: area[0]: hard anti-passback, and none of its doors (north-gate)" in english.stderr
    assert "agent.toml: area[0]: yard 设了硬防返传" in chinese.stderr


@pytest.mark.parametrize(("more", "shown"), [((), False), (("--silent",), True)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_silent_alert_is_shown_only_when_asked_for(
    site: Path, more: tuple[str, ...], shown: bool, form: tuple[str, ...]
) -> None:
    remember(site)
    command = [sys.executable, "-m", "edge_agent", "--lang", "en", "events", "follow", "--from", "0", *more, *form]
    process = subprocess.Popen(
        command, cwd=site, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    try:
        lines = list(itertools.takewhile(lambda line: "told" not in line, iter(process.stdout.readline, "")))
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert len(lines) == 1 + shown
    assert any("duress" in line for line in lines) is shown
    if not form and not shown:
        assert not any(line.split()[0].isdigit() for line in lines), "a number that is left out tells of it"
