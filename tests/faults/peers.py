"""The same faults for others: `python -m tests.faults.peers [-n 10]`, after `make peers` has installed them.

A program that offers numbers, the peer in a process of its own, the same broker, and a subscriber that writes down what
comes. Lost = taken by the peer − arrived. Nothing of theirs is part of this project.
"""

import argparse
import asyncio
import random
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.broker import Broker
from tests.faults.gateway import ROOT
from tests.faults.thief import Thief

PYTHON = ROOT / ".cache/peers/bin/python"
PEERS = ("paho", "aiomqtt", "thingsboard-memory", "thingsboard-file", "thingsboard-sqlite")
PER_S = 50.0
SETTLE_S = 8.0


class Peer:
    """`taken`: the numbers it has said it took."""

    def __init__(self, name: str, port: int, folder: Path) -> None:
        self.arguments = [str(PYTHON), str(Path(__file__).with_name("peer_child.py")), name, str(port), str(folder)]
        self.taken: list[str] = []
        self.offered = 0
        self._child: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._child = await asyncio.create_subprocess_exec(*self.arguments, stdin=pipe, stdout=pipe)
        self._reader = asyncio.create_task(self._read(self._child))
        await asyncio.sleep(1.5)  # it says nothing about being ready

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while line := await child.stdout.readline():
            self.taken.append(line.decode().strip())

    def offer(self) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        self._child.stdin.write(f"{self.offered}\n".encode())
        self.offered += 1

    async def kill(self) -> None:
        assert self._child is not None
        assert self._reader is not None
        self._child.kill()
        await self._child.wait()
        await self._reader


async def trial(name: str, fault: str, count: int, rng: random.Random, folder: Path) -> tuple[int, int, int]:
    """(taken, lost, arrived more than once)."""
    broker = Broker(folder / "broker")
    await broker.start()
    state = folder / "state"
    state.mkdir()
    peer, arrived = Peer(name, broker.port, state), Counter[str]()
    await peer.start()
    listener = await Thief.connected(broker, "peer/#")
    for _ in range(count):
        for _ in range(rng.randrange(20, 60)):
            peer.offer()
            await asyncio.sleep(rng.expovariate(PER_S))
        if fault == "kill":
            await peer.kill()
            await peer.start()
        else:  # broker, or both
            arrived.update(message.payload.decode() for message in listener.heard)
            broker.kill()
            for _ in range(10):
                peer.offer()
                await asyncio.sleep(0.02)
            if fault == "both":
                await peer.kill()
                await peer.start()
            await broker.start()
            await listener.close()
            listener = await Thief.connected(broker, "peer/#")
            await asyncio.sleep(2.5)
    await asyncio.sleep(SETTLE_S)
    arrived.update(message.payload.decode() for message in listener.heard)
    await peer.kill()
    await listener.close()
    await broker.close()
    twice = sum(more > 1 for more in arrived.values())
    return len(peer.taken), len(set(peer.taken) - set(arrived)), twice


async def run(count: int, seed: int) -> None:
    print(f"{'peer':<22} {'fault':<12} {'n':>4} {'taken':>7} {'lost':>6} {'twice':>6}")
    for name in PEERS:
        for fault in ("kill", "broker", "both"):
            with tempfile.TemporaryDirectory(prefix="peers-") as folder:
                taken, lost, twice = await trial(name, fault, count, random.Random(seed), Path(folder))
            print(f"{name:<22} {fault:<12} {count:>4} {taken:>7} {lost:>6} {twice:>6}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.peers")
    parser.add_argument("-n", type=int, default=10, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=417)
    chosen = parser.parse_args()
    if not PYTHON.exists():
        raise SystemExit("the peers are not installed: make peers")
    asyncio.run(run(chosen.n, chosen.seed))


if __name__ == "__main__":
    main()
