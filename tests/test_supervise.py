"""Jobs are kept running, vital ones end the process when they cannot, and systemd hears the truth."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent import supervise
from edge_agent.ports import Beat
from edge_agent.supervise import QUICK_FAILURES, Supervisor, VitalJobFailed, notify
from tests.waiting import auntil


def test_a_job_that_fails_is_started_again() -> None:
    async def run() -> None:
        starts = 0

        async def job(beat: Beat) -> None:
            nonlocal starts
            starts += 1
            if starts < 4:
                raise ValueError("again")
            await asyncio.Event().wait()

        task = asyncio.create_task(Supervisor().keep("uplink", job))
        await auntil(lambda: starts == 4)
        assert not task.done()
        task.cancel()

    asyncio.run(run())


def test_a_vital_job_that_keeps_failing_ends_the_process() -> None:
    async def run() -> int:
        starts = 0

        async def job(beat: Beat) -> None:
            nonlocal starts
            starts += 1
            raise ValueError("broken")

        with pytest.raises(VitalJobFailed):
            await Supervisor().keep("door", job, vital=True)
        return starts

    assert asyncio.run(run()) == QUICK_FAILURES


def test_a_job_that_cannot_clean_up_when_it_is_ended_stays_ended() -> None:
    """A dead disk: unlinking a socket fails. Started again it would keep the daemon from ending, for ever."""

    async def run() -> None:
        starts = 0

        async def job(beat: Beat) -> None:
            nonlocal starts
            starts += 1
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError(5, "Input/output error")

        task = asyncio.create_task(Supervisor().keep("accepted", job))
        await auntil(lambda: starts == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
        assert starts == 1

    asyncio.run(run())


def test_a_job_that_is_cancelled_is_not_started_again() -> None:
    async def run() -> None:
        started = asyncio.Event()

        async def job(beat: Beat) -> None:
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(Supervisor().keep("line", job))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_the_watchdog_is_fed_only_while_the_vital_jobs_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real datagram socket in systemd's place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "90000")
        monkeypatch.setattr(supervise, "BEAT_WITHIN_S", 0.3)

        def heard() -> bytes:
            try:
                return systemd.recv(100)
            except BlockingIOError:
                return b""

        async def run() -> None:
            supervisor, alive, never = Supervisor(), True, asyncio.Event()

            async def job(beat: Beat) -> None:
                while True:
                    if alive:
                        beat()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.01):
                            await never.wait()

            tasks = [asyncio.create_task(supervisor.keep("door", job, vital=True))]
            tasks.append(asyncio.create_task(supervisor.watchdog()))
            for _ in range(3):
                await auntil(lambda: heard() == b"WATCHDOG=1")
            alive = False
            await auntil(lambda: not supervisor.healthy())
            while heard():
                pass
            await asyncio.wait(tasks, timeout=0.3)
            assert heard() == b""
            assert supervisor.late() == ["door"]
            for task in tasks:
                task.cancel()

        asyncio.run(run())


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
