"""The daemon as a process: how it starts, what it refuses, what it survives."""

import asyncio
import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.config import FACE_KEY
from edge_agent.model.events import AgentDegraded
from edge_agent.model.face_models import DLIB
from edge_agent.sim.estate import DOOR, GATEWAY, Estate
from edge_agent.store.faces import FaceStore, load_key
from tests.system.site import journal, known_to_the_city, log_of, play, ready, show_card, tags
from tests.waiting import auntil


def test_a_card_opens_without_any_network_and_a_clean_stop_is_noted(tmp_path: Path) -> None:
    """No broker, no city: residents get in; the next start knows that this one ended well."""

    async def story(site: Estate) -> None:
        assert site.broker is not None
        site.broker.kill()
        await site.agent.start()
        await ready(site)
        mark = len(site.gate.lines)
        show_card(site)
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        await auntil(lambda: "door.closed" in tags(site))
        await site.agent.stop()
        assert journal(site)[-1].tag == "agent.stopped"
        await site.agent.start()
        await auntil(lambda: tags(site).count("agent.started") == 2)
        started = [row.body for row in journal(site) if row.tag == "agent.started"]
        assert b'"first"' in started[0]
        assert b'"clean"' in started[1]

    play(tmp_path / "e", story)


def test_a_command_from_the_city_opens_once(tmp_path: Path) -> None:
    """`edge-agent city open` signs with a key that neither broker nor gateway has."""

    async def story(site: Estate) -> None:
        await site.open()
        await ready(site)
        assert site.broker is not None
        await known_to_the_city(site)
        mark = len(site.gate.lines)
        output = await site.command(
            "--lang", "en", "city", "open", "--folder", site.city_folder, "--broker", site.broker.url,
            "--mqtt", site.broker.mqtt, "--issuer", "duty-officer", GATEWAY, DOOR,
        )  # fmt: skip
        assert "command.completed" in output
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        completed = [row for row in journal(site) if row.tag == "command.completed"]
        assert len(completed) == 1
        assert b"duty-officer" in completed[0].body

    play(tmp_path / "e", story)


def test_a_second_agent_on_the_same_state_is_refused(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        with pytest.raises(RuntimeError, match="another running agent"):
            await site.command("--lang", "en", "run", "--config", site.config)

    play(tmp_path / "e", story)


@pytest.mark.parametrize("name", ["journal.db", "people.db"])
def test_a_database_that_is_not_ours_is_refused_and_left_alone(name: str, tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        path = site.state / name
        for file in site.state.glob(f"{name}*"):
            file.unlink()
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE somebody_elses (x)")
        other.commit()
        other.close()
        before = path.read_bytes()
        with pytest.raises(RuntimeError, match=name):
            await site.command("run", "--config", site.config)
        assert path.read_bytes() == before

    play(tmp_path / "e", story)


@pytest.mark.parametrize("name", ["journal.db", "people.db"])
def test_a_damaged_database_is_set_aside_and_the_doors_go_on(name: str, tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        await site.agent.stop()
        path = site.state / name
        garbage = os.urandom(path.stat().st_size)
        path.write_bytes(garbage)
        for suffix in ("-wal", "-shm"):
            path.with_name(name + suffix).unlink(missing_ok=True)
        await site.agent.start()
        await auntil(lambda: list(site.state.glob(f"{name}.damaged-*")))
        aside = next(path for path in site.state.iterdir() if re.fullmatch(rf"{name}\.damaged-\w+Z", path.name))
        assert aside.read_bytes() == garbage
        await auntil(lambda: "agent.degraded" in tags(site))
        if name == "journal.db":
            assert tags(site)[0] == "gap.announced"
        mark = len(site.gate.lines)
        site.gate.tell(do="exit")
        await site.gate.line(lambda line: line.get("relay") == "on", mark)

    play(tmp_path / "e", story)


def _enrolled(site: Estate, key: bytes, model: str) -> None:
    with closing(FaceStore(site.state / "faces.db", key, GATEWAY)) as faces:
        faces.put("p-0001", model, bytes(512))


def _short(site: Estate) -> None:
    (site.gateway / FACE_KEY).write_bytes(b"short")


def _missing(site: Estate) -> None:
    (site.gateway / FACE_KEY).unlink()


def _another_key(site: Estate) -> None:
    _enrolled(site, bytes(32), DLIB.model)


def _another_model(site: Estate) -> None:
    _enrolled(site, load_key(site.gateway / FACE_KEY), "sface-2021dec@0ba9fbfa")


def _damaged(site: Estate) -> None:
    _enrolled(site, load_key(site.gateway / FACE_KEY), DLIB.model)
    path = site.state / "faces.db"
    path.write_bytes(os.urandom(path.stat().st_size))


@pytest.mark.parametrize(
    ("spoil", "what", "remedy"),
    [
        (_damaged, "database_set_aside", "faces.db.damaged"),
        (_short, "faces_off", "Restore it from its backup"),
        (_missing, "faces_off", "Restore it from its backup"),
        (_another_key, "faces_off", "Restore the right key"),
        (_another_model, "faces_other_model", "models use"),
    ],
)
def test_a_face_store_that_cannot_be_used_costs_the_faces_not_the_cards(
    tmp_path: Path, spoil: Callable[[Estate], None], what: str, remedy: str
) -> None:
    """A key that is short, gone or another's, and a gallery of another model: an event says how to restore it."""

    async def story(site: Estate) -> None:
        text = site.config.read_text("utf-8").replace('ways = [["card"]]', 'ways = [["card"], ["face"]]')
        text = text.replace(
            "[[door]]", f'[[camera]]\nname = "c"\nurl = "file://{tmp_path}"\ndoor = "{DOOR}"\n\n[[door]]'
        )
        site.config.write_text(text, "utf-8")
        spoil(site)
        await site.agent.start()
        await ready(site)

        def said() -> list[str]:
            events = [row.event for row in journal(site)]
            return [one.detail for one in events if isinstance(one, AgentDegraded) and one.what == what]

        assert remedy in (await auntil(said, 20, lambda: log_of(site)))[0]
        mark = len(site.gate.lines)
        show_card(site)
        await site.gate.line(lambda line: line.get("relay") == "on", mark)

    play(tmp_path / "e", story)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a small tmpfs is mounted to fill it")
def test_a_full_disk_refuses_entry_not_the_exit_and_heals(tmp_path: Path) -> None:
    """A filled filesystem under the running daemon: nothing accepted is lost, and it takes up again by itself."""

    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        filler = site.state / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        other = sqlite3.connect(site.state / "journal.db", isolation_level=None)
        with contextlib.closing(other), contextlib.suppress(sqlite3.OperationalError):
            while True:  # its free pages are gone too
                other.execute("INSERT INTO probe VALUES (zeroblob(3000))")
        for n in range(60):  # what is left in the log's pages is used up first
            show_card(site, f"100:{2000 + n}")
            if "nothing can be recorded" in log_of(site):
                break
            await asyncio.sleep(0.12)
        await auntil(lambda: "nothing can be recorded" in log_of(site))
        accepted = len(journal(site))
        await auntil(lambda: _quiet(site))
        mark = len(site.gate.lines)
        show_card(site)
        site.gate.tell(do="exit")
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        assert sum(line.get("relay") == "on" for line in site.gate.lines[mark:]) == 1
        filler.unlink()
        await auntil(lambda: "recording again" in log_of(site))
        show_card(site)
        await auntil(lambda: len(journal(site)) > accepted)
        assert [row.seq for row in journal(site)] == list(range(1, len(journal(site)) + 1))

    folder = tmp_path / "e"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    try:
        play(folder, story)
    finally:
        subprocess.run(["umount", folder], check=True)


def _quiet(site: Estate) -> bool:
    """The relay has dropped out again."""
    states = [line["relay"] for line in site.gate.lines if "relay" in line]
    return not states or states[-1] == "off"


def test_events_can_be_followed_as_they_are_accepted(tmp_path: Path) -> None:
    async def story(site: Estate) -> None:
        await site.agent.start()
        await ready(site)
        command = [sys.executable, "-m", "edge_agent", "--lang", "zh", "events", "follow"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        followers = [
            await asyncio.create_subprocess_exec(*command, *more, **pipes, env=site.agent.env)
            for more in (["--accepted"], [])
        ]
        accepted, words = (follower.stdout for follower in followers)
        said = followers[0].stderr
        assert accepted is not None
        assert words is not None
        assert said is not None
        async with asyncio.timeout(20):
            assert "开始跟随" in (await said.readline()).decode()  # from here on nothing is missed
            while "程序启动" not in (await words.readline()).decode():
                pass
            show_card(site)
            while b'"read_id":null' in (line := await accepted.readline()):
                pass
            assert set(json.loads(line)) == {"read_id", "epoch", "seq"}
            while "放行" not in (text := (await words.readline()).decode()):
                pass
        assert "p-0001" in text
        for follower in followers:
            follower.terminate()
            await follower.wait()

    play(tmp_path / "e", story)


def test_systemd_hears_that_it_is_ready_and_alive(tmp_path: Path) -> None:
    """The daemon's own notifications, on a real datagram socket in systemd's place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        heard: list[bytes] = []

        def listen() -> list[bytes]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.append(systemd.recv(100))
            return heard

        async def story(site: Estate) -> None:
            site.agent.env |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
            await site.agent.start()
            await auntil(lambda: listen().count(b"WATCHDOG=1") >= 3)
            assert b"READY=1" in heard
            await site.agent.stop()
            assert listen()[-1] == b"STOPPING=1"

        play(tmp_path / "e", story)


def test_deciding_soon_after_exec(tmp_path: Path) -> None:
    """Measured and printed, not judged as a time: what counts is that cards do not wait for anything else."""

    async def story(site: Estate) -> None:
        await site.agent.start()
        await auntil(lambda: "deciding" in log_of(site))
        print(f"deciding {(time.monotonic_ns() - site.agent.started_ns) / 1e6:.0f} ms after exec")

    play(tmp_path / "e", story)


def test_the_command_line_says_what_is_wrong_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("[gateway]\nid = 1\n")
    for lang, word in (("zh", "需要修正"), ("en", "to mend")):
        done = subprocess.run(
            [sys.executable, "-m", "edge_agent", "--lang", lang, "check", "--config", tmp_path / "agent.toml"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert word in done.stdout
        assert "gateway.id" in done.stderr
        assert "Traceback" not in done.stderr
