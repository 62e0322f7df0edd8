"""console.control over real sockets: what an operator asks, what the flow is told, and who is turned away."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from edge_agent.console import control
from edge_agent.console.control import ControlServer, operate
from edge_agent.errors import DeviceUnavailable, EdgeAgentError, StoreError
from edge_agent.model.commands import Done, Operation
from edge_agent.words import WORDS
from tests.waiting import auntil

OPEN = Operation("open", "guard", "parcel", "north")


class Gateway:
    """The rest of the daemon, as far as an operator knows it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[Operation] = []
        self.answer: Done | EdgeAgentError = Done(True, doors=("north",))
        self.held: asyncio.Event | None = None
        self.server = ControlServer(path, self.carry_out)

    async def carry_out(self, operation: Operation) -> Done:
        self.asked.append(operation)
        if self.held is not None:
            await self.held.wait()
        if isinstance(self.answer, EdgeAgentError):
            raise self.answer
        return self.answer

    async def ask(self, operation: Operation, timeout_s: float = 5.0) -> Done:
        return await asyncio.to_thread(operate, self.path, operation, timeout_s)

    async def say(self, data: bytes) -> Done:
        """Any bytes at all, and the answer to them."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return msgspec.json.decode(answer, type=Done)


def serving(path: Path, story: Callable[[Gateway], Awaitable[None]]) -> None:
    async def run() -> None:
        gateway = Gateway(path)
        job = asyncio.create_task(gateway.server.run(lambda: None))
        try:
            await auntil(path.exists)
            await story(gateway)
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    asyncio.run(run())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run/control.sock"


def test_an_operation_is_carried_out_and_answered(path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        hold = Operation("unlock", "王芳", "搬家", None, 1800.0)
        for operation in (OPEN, hold, Operation("clear", "guard", latch="fire")):
            assert await gateway.ask(operation) == Done(True, doors=("north",))
        assert gateway.asked == [OPEN, hold, Operation("clear", "guard", latch="fire")]
        gateway.answer = Done(False, "cli.no_door")
        assert await gateway.ask(OPEN) == Done(False, "cli.no_door")

    serving(path, story)
    assert not path.exists()


def test_what_could_not_be_done_is_answered_too(path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.answer = DeviceUnavailable("devices.gate_away", door="north")
        assert await gateway.ask(OPEN) == Done(False, "control.failed")

    serving(path, story)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "malformed"),
        (b"\n", "malformed"),
        (b"\xff\xfe\n", "malformed"),
        (b'{"verb":"open"}\n', "malformed"),
        (b'{"verb":"open","by":"a"}', "malformed"),
        (b'{"verb":"open","by":7}\n', "malformed"),
        (b'["open","a"]\n', "malformed"),
        (b"[" * 4000 + b"\n", "malformed"),
        (b'{"verb":"open","by":"a","for_s":NaN}\n', "malformed"),
        (b'{"verb":"open","by":"a","why":"two\\nlines"}\n', "malformed"),
        (b'{"verb":"open","by":"a","for_s":0}\n', "bad_time"),
        (b'{"verb":"open","by":"a","for_s":-1}\n', "bad_time"),
        (b'{"verb":"unlock","by":"a","for_s":1e300}\n', "bad_time"),
        (b'{"verb":"unlock","by":"a","for_s":604801}\n', "bad_time"),
        (b'{"verb":"mute","by":"a","target":"all","for_s":86401}\n', "mute_too_long"),
        (b'{"verb":"mute","by":"a","target":"all","for_s":604801}\n', "mute_too_long"),
        (b'{"verb":"mute","by":"a","target":"all","for_s":-1}\n', "bad_time"),
        (b'{"verb":"open","by":"a","for_s":1e999}\n', "malformed"),
        (b'{"verb":"explode","by":"a"}\n', "unknown_verb"),
        (b'{"verb":"open","by":" "}\n', "nobody"),
        (b'{"verb":"open","by":"' + b"a" * 65 + b'"}\n', "too_long"),
        (b'{"verb":"open","by":"a","why":"' + b"a" * 201 + b'"}\n', "too_long"),
        (b'{"verb":"open","by":"' + b"a" * 100_000, "too_long"),
    ],
)
def test_what_makes_no_sense_is_answered_and_not_carried_out(line: bytes, code: str, path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        assert await gateway.say(line) == Done(False, f"control.{code}")
        assert gateway.asked == []
        assert await gateway.ask(OPEN) == Done(True, doors=("north",))
        assert f"control.{code}" in WORDS

    serving(path, story)


def test_who_says_nothing_does_not_stay(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SPEAK_WITHIN_S", 0.1)

    async def story(gateway: Gateway) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"verb"')
        assert json.loads(await asyncio.wait_for(reader.read(), 5))["code"] == "control.silent_client"
        writer.close()

    serving(path, story)


def test_many_at_once_do_not_keep_the_next_one_out(path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.held = asyncio.Event()
        waiting = [asyncio.create_task(gateway.ask(OPEN)) for _ in range(4)]
        idle = [await asyncio.open_unix_connection(path) for _ in range(control.CLIENTS_AT_MOST - 4)]
        await auntil(lambda: len(gateway.asked) == 4 and len(gateway.server._clients) == control.CLIENTS_AT_MOST)
        assert await gateway.ask(OPEN) == Done(False, "control.busy")
        for _, writer in idle:
            writer.close()
        await auntil(lambda: len(gateway.server._clients) == 4)
        gateway.held.set()
        assert await gateway.ask(OPEN) == Done(True, doors=("north",))
        assert all(done.good for done in await asyncio.gather(*waiting))

    serving(path, story)


def test_what_was_begun_is_carried_through_when_its_operator_goes_away(path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.held = asyncio.Event()
        finished: list[Operation] = []
        carry_out = gateway.carry_out

        async def to_the_end(operation: Operation) -> Done:
            done = await carry_out(operation)
            finished.append(operation)
            return done

        gateway.server._carry_out = to_the_end
        with pytest.raises(EdgeAgentError, match="may still be done"):
            await gateway.ask(OPEN, timeout_s=0.1)
        assert gateway.asked == [OPEN]
        gateway.held.set()
        await auntil(lambda: finished == [OPEN])

    serving(path, story)


def test_an_agent_that_ends_in_the_middle_is_no_answer(path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.held = asyncio.Event()
        asking = asyncio.create_task(gateway.ask(OPEN))
        await auntil(lambda: gateway.asked)
        for client in tuple(gateway.server._clients):
            client.transport.abort()
        with pytest.raises(EdgeAgentError, match="ended in the middle"):
            await asking
        gateway.held.set()

    serving(path, story)


def test_nobody_answers(path: Path) -> None:
    """No socket, or one that a killed run left behind: said with the remedy."""
    with pytest.raises(StoreError, match="Start it"):
        operate(path, OPEN)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(StoreError, match="Start it"):
        operate(path, OPEN)

    async def story(gateway: Gateway) -> None:
        assert (await gateway.ask(OPEN)).good

    path.unlink()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()

    async def replaced() -> None:
        gateway = Gateway(path)
        job = asyncio.create_task(gateway.server.run(lambda: None))
        await auntil(lambda: path.stat().st_mode & 0o777 == 0o600)
        await story(gateway)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    asyncio.run(replaced())


def test_a_state_directory_may_lie_deeper_than_a_sockets_name_may_be_long(tmp_path: Path) -> None:
    async def story(gateway: Gateway) -> None:
        assert (await gateway.ask(Operation("open", "wang", door="gate"))).good

    serving(tmp_path / ("d" * 60) / ("e" * 60) / "control.sock", story)


def test_beats_while_it_serves(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "BEAT_EVERY_S", 0.01)
    beats: list[float] = []

    async def run() -> None:
        server = ControlServer(path, Gateway(path).carry_out)
        job = asyncio.create_task(server.run(lambda: beats.append(time.monotonic())))
        await auntil(lambda: len(beats) > 3)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    asyncio.run(run())


STRANGER = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
try:
    line.sendall(b'{"verb":"open","by":"root"}\\n')
except BrokenPipeError:
    pass
print(line.recv(4096).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user is made to ask")
def test_another_user_is_turned_away_whatever_the_modes_say() -> None:
    """Somebody has opened directory and socket to all by mistake: the kernel still says who asks."""
    with tempfile.TemporaryDirectory(prefix="control-") as folder:

        async def story(gateway: Gateway) -> None:
            for opened, mode in ((Path(folder), 0o755), (gateway.path.parent, 0o755), (gateway.path, 0o666)):
                opened.chmod(mode)
            command = [sys.executable, "-I", "-c", STRANGER, str(gateway.path)]
            asked = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            refused = {"good": False, "code": "control.forbidden", "doors": [], "answer": None, "fields": {}}
            assert json.loads(asked.stdout) == refused, asked.stderr
            assert gateway.asked == []

        serving(Path(folder) / "run/control.sock", story)
