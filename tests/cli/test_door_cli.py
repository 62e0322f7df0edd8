"""Doors and alarms through the real command line, with a real control socket in between."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge_agent.cli import operate
from edge_agent.console.control import ControlServer
from edge_agent.drivers.clock import SystemClock
from edge_agent.errors import EdgeAgentError
from edge_agent.model.commands import OPERATIONS, Done, Operation
from edge_agent.model.events import DoorForced
from edge_agent.model.standing import At, Case, Latch, Mute, Order
from edge_agent.ports import DoorState
from edge_agent.store.journal import SqliteJournal
from edge_agent.words import WORDS
from tests import command
from tests.store.journal_rig import journalling
from tests.waiting import auntil

CONFIG = """
[gateway]
id = "G1"
[uplink]
url = "mqtt://127.0.0.1:1"
[[link]]
name = "a"
url = "sim://a"
[[link]]
name = "b"
url = "sim://b"
[[door]]
name = "north"
gate = { link = "a", profile = "gates/sim" }
[[door]]
name = "south"
gate = { link = "b", profile = "gates/sim" }
"""


ELSEWHERE = {"forgive", "export_evidence"}  # `access forgive`; what `evidence export` says after the copy


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[Operation] = []
        self.answer = Done(True)

    async def carry_out(self, operation: Operation) -> Done:
        self.asked.append(operation)
        return self.answer

    async def run(self, *arguments: str, said: str = "", lang: str = "en") -> tuple[int, str]:
        """Exit status and everything that was said."""
        done = await asyncio.to_thread(command.run, self.folder, *arguments, lang=lang, said=said, together=True)
        return done.returncode, done.stdout


def at(folder: Path, story: Callable[[Site], Awaitable[None]], *, agent: bool = True, more: str = "") -> None:
    async def run() -> None:
        (folder / "agent.toml").write_text(CONFIG + more)
        site = Site(folder)
        path = folder / "state/run/control.sock"
        if not agent:
            await story(site)
            return
        job = asyncio.create_task(ControlServer(path, site.carry_out).run(lambda: None))
        try:
            await auntil(path.exists)
            await story(site)
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    asyncio.run(run())


def test_each_command_is_its_operation(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        by = ("--by", "王芳")
        lines: list[tuple[tuple[str, ...], Operation]] = [
            (("door", "open", "north", "--why", "parcel"), Operation("open", "王芳", "parcel", "north")),
            (("door", "approve", "north"), Operation("approve", "王芳", "", "north")),
            (("door", "hold", "north", "--for", "30m"), Operation("unlock", "王芳", "", "north", 1800.0)),
            (("door", "unlock", "--all"), Operation("unlock", "王芳")),
            (("door", "lock", "north", "--for", "90s"), Operation("lock", "王芳", "", "north", 90.0)),
            (("door", "block", "north", "--for", "1h30m"), Operation("block", "王芳", "", "north", 5400.0)),
            (("door", "double-lock", "north"), Operation("double_lock", "王芳", "", "north")),
            (("door", "normal", "--all"), Operation("normal", "王芳")),
            (("door", "lockdown", "--all", "--yes"), Operation("lockdown", "王芳", "", None, 3600.0)),
            (("door", "end-lockdown", "north"), Operation("end_lockdown", "王芳", "", "north")),
            (("door", "evacuate", "north", "--yes", "--for", "2h"), Operation("evacuate", "王芳", "", "north", 7200.0)),
            (("door", "end-evacuation", "--all"), Operation("end_evacuation", "王芳")),
            (("alarm", "clear", "fire"), Operation("clear", "王芳", latch="fire")),
            (("alarm", "clear", "panic/south"), Operation("clear", "王芳", latch="panic/south")),
            (("alarm", "acknowledge", "fire"), Operation("acknowledge", "王芳", alarm="fire")),
            (
                ("alarm", "acknowledge", "--drill", "fire"),
                Operation("acknowledge", "王芳", alarm="fire", outcome="drill"),
            ),
            (("alarm", "dispatch", "a-7", "--who", "李强"), Operation("dispatch", "王芳", alarm="a-7", who="李强")),
            (("alarm", "arrive", "a-7"), Operation("arrive", "王芳", alarm="a-7")),
            (("alarm", "close", "a-7", "--outcome", "false"), Operation("close", "王芳", alarm="a-7", outcome="false")),
            (("alarm", "review", "a-7", "--verdict", "true"), Operation("review", "王芳", alarm="a-7", outcome="true")),
            (("alarm", "mute", "camera/yard"), Operation("mute", "王芳", target="camera/yard", for_s=3600.0)),
            (("alarm", "unmute", "camera/yard"), Operation("unmute", "王芳", target="camera/yard")),
            (("evidence", "hold", "e-1"), Operation("hold_evidence", "王芳", target="e-1")),
            (("evidence", "release", "e-1"), Operation("release_evidence", "王芳", target="e-1")),
            (
                ("evidence", "release", "--of", "李四", "e-1"),
                Operation("release_evidence", "王芳", target="e-1", who="李四"),
            ),
            (("evidence", "release", "e-1"), Operation("release_evidence", "王芳", target="e-1")),
        ]
        for arguments, operation in lines:
            status, text = await site.run(*arguments, *by)
            assert status == 0, text
            assert site.asked[-1] == operation
            assert text.strip()
        assert {operation.verb for operation in site.asked} == {
            verb for verb in OPERATIONS if "." not in verb
        } - ELSEWHERE

    at(tmp_path, story)


def test_what_was_done_and_what_was_refused_is_said(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.answer = Done(True, doors=("north", "south"))
        assert await site.run("door", "unlock", "--all", "--for", "30m") == (0, "north, south: unlocked for 30 min\n")
        for for_, english, chinese in (("20s", "20 s", "20 秒"), ("90s", "90 s", "90 秒"), ("2m", "2 min", "2 分钟")):
            asked = ("door", "unlock", "--all", "--for", for_)
            assert await site.run(*asked) == (0, f"north, south: unlocked for {english}\n")
            assert chinese in (await site.run(*asked, lang="zh"))[1]
        site.answer = Done(False, "devices.gate_away", ("south",))
        status, text = await site.run("door", "lock", "--all", lang="zh")
        assert (status, text.splitlines()[0]) == (1, "south：已上锁（直到取消）")
        site.answer = Done(False, "devices.gate_away")
        status, text = await site.run("door", "open", "north")
        assert (status, text) == (1, WORDS["devices.gate_away"][0].format(door="north") + "\n")
        site.answer = Done(False, "reason.newer_than_this_program")
        status, text = await site.run("door", "open", "north")
        assert status == 1
        assert "newer_than_this_program" in text

    at(tmp_path, story)


@pytest.mark.parametrize("verb", [verb for verb in OPERATIONS if "." not in verb])  # visits and rounds have their own
def test_every_operation_has_words_for_what_it_did(verb: str) -> None:
    assert f"cli.did.{verb}" in WORDS


def test_an_emergency_is_confirmed_by_somebody(tmp_path: Path) -> None:
    """All doors: their number; one door: yes. Nobody there, or another number: nothing is done."""

    async def story(site: Site) -> None:
        assert (await site.run("door", "lockdown", "--all", said="2\n"))[0] == 0
        assert (await site.run("door", "evacuate", "north", said="y\n"))[0] == 0
        done = list(site.asked)
        assert [(operation.verb, operation.door, operation.for_s) for operation in done] == [
            ("lockdown", None, 3600.0),
            ("evacuate", "north", 3600.0),
        ]
        for said in ("y\n", "3\n", "", "\n"):
            status, text = await site.run("door", "lockdown", "--all", said=said)
            assert status == 1
            assert "not done" in text
        for said in ("n\n", "", "\n"):
            assert (await site.run("door", "evacuate", "north", said=said))[0] == 1
        assert site.asked == done

    at(tmp_path, story)


def test_what_is_wrong_is_said_with_its_remedy_before_anything_is_asked(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        for arguments, remedy in (
            (("door", "open", "nort"), "north, south"),
            (("door", "lock"), "--all"),
            (("door", "lock", "north", "--all"), "--all"),
            (("door", "hold", "north", "--for", "soon"), "30m"),
            (("door", "hold", "north", "--for", "169h"), "168h"),
            (("alarm", "mute", "all", "--for", "48h"), "24 h at most"),
            (("alarm", "mute", "all", "--for", "169h"), "24 h at most"),
            (("alarm", "mute", "all", "--for", "1 day"), "up to 24h"),
            (("door", "open", "north", "--by", " "), "--by NAME"),
            (("alarm", "clear", "panic"), "panic/"),
            (("alarm", "clear", "panic/west"), "south"),
            (("alarm", "clear", "fire/north"), "fire"),
        ):
            status, text = await site.run(*arguments)
            assert status == 1, arguments
            assert remedy in text
        assert (await site.run("door", "hold", "north"))[0] == 2, "hold says for how long"
        assert site.asked == []

    at(tmp_path, story)


def test_no_agent_answers(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        status, text = await site.run("door", "open", "north")
        assert status == 1
        assert "Start it (edge-agent run)" in text
        status, text = await site.run("door", "open", "north", lang="zh")
        assert "请启动" in text

    at(tmp_path, story, agent=False)


def test_a_configuration_that_is_being_edited_does_not_stop_a_lockdown(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        (tmp_path / "agent.toml").write_text("[gateway")
        assert (await site.run("door", "lockdown", "--all", "--yes"))[0] == 1
        assert (await site.run("door", "lockdown", "--all", "--yes", "--state", "state"))[0] == 0
        assert (await site.run("door", "lockdown", "--all", "--state", "state", said="y\n"))[0] == 0
        assert len(site.asked) == 2

    at(tmp_path, story)


def test_status_is_what_was_last_recorded(tmp_path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        now = SystemClock().now()
        order = Order("north", "operator", "unlocked", "王芳", "removal van", At.of(now), now.up_ms + 1_800_000)
        changes = DoorState("south", "forced"), order, Latch("panic/shed", True, 3, At.of(now)), Latch("fire", False)
        await journal.record(DoorForced(door="south"), *changes).committed()

    journalling(tmp_path / "state/journal.db", story)

    async def asked(site: Site) -> None:
        north = "north  no report yet  unlocked: operator, by 王芳, removal van, for another 30 min\n"
        assert await site.run("door", "status") == (0, north + "south  forced\n")
        north = "north  尚无状态  开锁：人工操作，操作人 王芳, removal van, 还有 30 分钟\n"
        assert await site.run("door", "status", lang="zh") == (0, north + "south  强行打开\n")
        shed = "panic/shed  panic  stands until it is cleared  for 0 min  said 3 times\n"
        assert await site.run("alarm", "list") == (0, shed)

    at(tmp_path, asked, agent=False)


def test_a_panic_that_stands_is_listed_with_what_it_is_and_that_nobody_has_answered(tmp_path: Path) -> None:
    """The list named the latch alone: nothing said that it was still ringing at the console."""

    async def story(journal: SqliteJournal) -> None:
        now = SystemClock().now()
        before = At(now.wall_ms - 360_000, now.up_ms - 360_000, now.boot_id)
        changes = (
            Latch("panic/north", True, 13, before, At.of(now)), Case("panic/north", "panic", "north", "", before),
            Latch("fire", True, 1, before), Case("fire", "fire", "south", "", before, step="arrived", drill=True),
            Latch("sensor/hall/alarm/smoke", True, 1, before), Case("forced/shed", "forced", "shed", "", before),
        )  # fmt: skip
        await journal.apply(*changes)

    journalling(tmp_path / "state/journal.db", story)

    async def asked(site: Site) -> None:
        status, text = await site.run("alarm", "list", lang="zh")
        assert status == 0
        assert sorted(text.splitlines()) == [
            "fire  消防释放  south  已到场  已 6 分钟  演练",
            "forced/shed  强行开门  shed  待接警  已 6 分钟",
            "panic/north  紧急报警  north  待接警  已 6 分钟  已报 13 次",
            "sensor/hall/alarm/smoke  烟雾  待解除  已 6 分钟",
        ]

    at(tmp_path, asked, agent=False)


def test_what_is_muted_is_listed_with_its_end_and_who_said_so(tmp_path: Path) -> None:
    """In the site's time; one that has ended is not."""
    ends = list[str]()

    async def story(journal: SqliteJournal) -> None:
        now = SystemClock().now()
        ends.append(f"{datetime.fromtimestamp(now.wall_ms / 1000 + 7200, ZoneInfo('Asia/Shanghai')):%m-%d %H:%M}")
        over = At(now.wall_ms - 60_000, now.up_ms - 60_000, now.boot_id)
        muted = Mute("camera/yard", At.of(now), 7_200_000, "王芳", "gardeners")
        await journal.apply(muted, Mute("rule/lawn", At.of(now), 7_200_000, "li"), Mute("all", over, 60_000, "li"))

    journalling(tmp_path / "state/journal.db", story)

    async def asked(site: Site) -> None:
        english = f"no alarm stands\nmuted: camera/yard until {ends[0]}, by 王芳  gardeners\nmuted: rule/lawn until"
        assert (await site.run("alarm", "list"))[1].startswith(english)
        assert f"静默：rule/lawn 至 {ends[0]}，操作人 li\n" in (await site.run("alarm", "list", lang="zh"))[1]

    at(tmp_path, asked, agent=False)


def test_an_agent_that_has_no_such_target_names_those_it_has(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        site.answer = Done(False, "operate.no_target", fields={"target": "rule/x", "known": "all, rule/lawn"})
        status, text = await site.run("alarm", "mute", "rule/x")
        assert (status, "rule/x" in text, "all, rule/lawn" in text) == (1, True, True)

    at(tmp_path, story)


def test_an_alarm_of_a_door_that_was_taken_down_can_be_cleared(tmp_path: Path) -> None:
    """It would be said again every half minute, for ever."""

    async def story(journal: SqliteJournal) -> None:
        await journal.apply(Latch("panic/shed", True, 3))

    journalling(tmp_path / "state/journal.db", story)

    async def asked(site: Site) -> None:
        assert (await site.run("alarm", "clear", "panic/shed"))[0] == 0
        assert site.asked[-1].latch == "panic/shed"
        assert (await site.run("alarm", "clear", "panic/west"))[0] == 1

    at(tmp_path, asked)


def test_no_alarm_stands(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        assert await site.run("alarm", "list") == (0, "no alarm stands\n")

    at(tmp_path, story, agent=False)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), (" 1H30M ", 5400), ("168h", 604_800)]
)
def test_a_time_as_people_write_it(text: str, seconds: float) -> None:
    assert operate.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "30", "m", "-5m", "1.5h", "5m2h", "169h", "٣m"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(EdgeAgentError, match="30m"):
        operate.seconds(text)


def test_who_it_was_is_the_login_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also behind sudo, where everybody is root."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "li")
    assert operate.who(None) == "li"
    monkeypatch.setenv("SUDO_USER", "wang")
    assert operate.who(None) == "wang"
    assert operate.who(" guard ") == "guard"
    with pytest.raises(EdgeAgentError, match="--by"):
        operate.who("")
