"""A worker killed at the worst moments: what it had received comes again, what it had committed is not stored twice."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.rows import Watermark
from edge_agent.city.store import CityStore
from edge_agent.contract import topics
from edge_agent.contract.envelope import write_envelope
from edge_agent.contract.signatures import save_private
from tests.city.test_city_ingest import Ears
from tests.uplink.rig import EPOCH, GATEWAY, SOURCE, broker, bystander, city_in, needs_mosquitto, rows, running
from tests.waiting import auntil, until

COUNT = 40


@needs_mosquitto
@pytest.mark.parametrize("point", ["before", "after"])
def test_a_killed_worker_loses_nothing(tmp_path: Path, place: Path | str, point: str) -> None:
    """Killed between receive and commit, and between commit and acknowledgement; the next one goes on."""
    payloads = [write_envelope(row, GATEWAY, False) for row in rows(COUNT)]
    evt = topics.up(GATEWAY, "evt")

    async def scene() -> None:
        with bystander(there.url) as client:
            ears = Ears(client, city)
            child = start(place, there.url, city.folder, point)
            try:
                assert child.stdout is not None
                assert await asyncio.to_thread(child.stdout.readline) == b"listening\n"
                for payload in payloads:
                    client.publish(evt, payload, 1)
                await auntil(lambda: child.poll() is not None, 30)
            finally:
                child.kill()
                child.wait()
                child.stdout.close()  # type: ignore[union-attr]
            store = CityStore(place)
            count = "SELECT count(*) FROM events"
            assert (store._db.execute(count).fetchone()[0] > 0) == (point == "after")
            assert ears.acks == []
            worker = IngestWorker(BrokerAddress(there.url), store, city.ack, city.gateways)
            async with running(worker.run()):
                await asyncio.wait_for(worker.listening.wait(), 10)
                for payload in payloads:  # as a gateway does that heard no acknowledgement
                    client.publish(evt, payload, 1)
                await auntil(lambda: ears.acks and ears.acks[-1].upto == COUNT)
            assert store._db.execute(count).fetchone()[0] == COUNT
            assert store.watermark(SOURCE, EPOCH) == Watermark(EPOCH, COUNT)
            store.close()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        save_private(city.folder / "city-ack.key", city.ack)
        asyncio.run(scene())


def start(place: Path | str, url: str, folder: Path, point: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.city.worker_child", str(place), url, str(folder), point]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


@needs_mosquitto
def test_several_workers_started_by_one_command(tmp_path: Path) -> None:
    """`city run --workers 3`: three processes share the work; one that is killed comes back; all end with the first."""
    folder = tmp_path / "city"

    async def scene() -> None:
        with bystander(there.url) as client:
            ears = Ears(client, city)
            save_private(folder / "keys/city-ack.key", city.ack)
            process = three_workers(folder, there.url)
            try:
                lines = Lines(process)
                await auntil(lambda: lines.count("sharing the work") == 3, 30, lines.text)
                victim = children(process.pid)[0]
                os.kill(victim, signal.SIGKILL)
                await auntil(lambda: lines.count("sharing the work") == 4, 30, lines.text)
                for row in rows(60):
                    client.publish(topics.up(GATEWAY, "evt"), write_envelope(row, GATEWAY, False), 1)
                await auntil(lambda: any(ack.upto == 60 for ack in ears.acks), 20)
                alive = children(process.pid)
                process.terminate()
                assert await asyncio.to_thread(process.wait, 20) == 0
                await auntil(lambda: not any(Path(f"/proc/{pid}").exists() for pid in alive))
            finally:
                process.kill()
                process.wait()
                lines.close()

    with broker(tmp_path, "mosquitto") as there, city_in(tmp_path) as city:
        (folder / "keys").mkdir()
        asyncio.run(scene())


def three_workers(folder: Path, url: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "edge_agent", "city", "run", "--workers", "3"]
    return subprocess.Popen([*command, "--folder", str(folder), "--broker", url], stderr=subprocess.PIPE)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Lines:
    """What a process writes to its standard error, read by a thread so that it never blocks."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stderr is not None
        self._stream, self._lines = process.stderr, list[str]()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def count(self, what: str) -> int:
        return sum(what in line for line in list(self._lines))

    def text(self) -> str:
        return "".join(self._lines)

    def close(self) -> None:
        self._thread.join(10)
        until(lambda: not self._thread.is_alive())
        self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            self._lines.append(line.decode("utf-8", "replace"))
