"""Rows 12 and 13: workers that die around their commit; acknowledgements of every wrong kind."""

import asyncio
import secrets
from typing import Any

from edge_agent.contract import topics
from edge_agent.contract.envelope import iso_time
from edge_agent.contract.messages import AckMessage, seal
from edge_agent.contract.signatures import PrivateKey, load_private, new_key
from tests.faults.child import WORKER_POINTS
from tests.faults.lab import Lab
from tests.faults.oracle import journal_rows
from tests.faults.row import row
from tests.faults.thief import Thief
from tests.waiting import auntil

WORKERS = 4
FORGERIES = ("own_key", "no_signature", "beyond", "other_epoch", "other_gateway", "garbage")


@row(12, "worker SIGKILL around its commit, 4 sharing", quick=3, sample=12, full=300)
async def worker_killed(lab: Lab, count: int) -> None:
    await lab.open(workers=WORKERS)
    for gateway in lab.gateways:
        gateway.offering(50)
    for number in range(count):
        point = WORKER_POINTS[(lab.seed + number) % len(WORKER_POINTS)]
        index = number % WORKERS
        lab.workers[index].kill()
        await lab.workers[index].ended()
        victim = await lab.start_worker(f"{point}:{lab.rng.randrange(1, 6)}:kill", number=index)
        await auntil(lambda victim=victim: not victim.running, 30, f"the worker to die at {point}")  # type: ignore[misc]
        await victim.ended()
        await lab.start_worker(number=index)
        lab.count()


@row(13, "acks lost, late, twice, swapped", part="a", quick=1, sample=4, full=100, batch=4)
async def acks_unreliable(lab: Lab, count: int) -> None:
    await lab.open(workers=0)
    await lab.start_worker(acks=f"{lab.seed}:lost,late,twice,swapped")
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.offering(50)
        await gateway.served(100)
        await gateway.quiet()
        lab.count()
    lab.workers[0].kill()
    await lab.workers[0].ended()
    await lab.start_worker(number=0)


@row(13, "acks forged, of another gateway, beyond", part="b", quick=6, sample=30, full=1000, batch=60)
async def acks_forged(lab: Lab, count: int) -> None:
    """While the city's worker is away nothing may be believed; if something is, the city misses it afterwards."""
    await lab.open(gateways=2, workers=0)
    right = load_private(lab.folder / "city/keys/city-ack.key")
    gateway = lab.gateways[0]
    thief = await Thief.connected(lab.broker)
    gateway.offering(30)
    await gateway.served(20)
    for number in range(count):
        await gateway.served()
        kind = FORGERIES[(lab.seed + number) % len(FORGERIES)]
        rows = journal_rows(gateway.journal)
        await thief.publish(topics.down(gateway.id, "ack"), _forged(kind, rows[-1].epoch, rows[-1].seq, right, lab))
        lab.count()
    await gateway.quiet()
    await thief.close()
    await gateway.kill()  # the cursor of a clean end is on the disk at once
    await gateway.start()
    lab.check(_acked(lab) == 0, f"the gateway believed that the city has {_acked(lab)} events; it has none")
    await lab.start_worker()


def _forged(kind: str, epoch: str, last: int, right: PrivateKey, lab: Lab) -> bytes:
    def ack(of: str, upto: int, key: PrivateKey) -> bytes:
        return seal(AckMessage(epoch=of, upto=upto, now=iso_time(2_000_000_000_000 + lab.done)), key)

    match kind:
        case "own_key":
            return ack(epoch, last, new_key())
        case "no_signature":
            return ack(epoch, last, right).replace(b'"sig":"', b'"gis":"')
        case "beyond":
            return ack(epoch, last + 10_000, right)
        case "other_epoch":
            return ack("ab" * 16, last, right)
        case "other_gateway":
            other = journal_rows(lab.gateways[1].journal)
            return ack(other[-1].epoch, last, right)
        case _:
            return secrets.token_bytes(lab.rng.randrange(1, 500))


def _acked(lab: Lab) -> Any:
    from edge_agent.store.reading import JournalReader

    reader = JournalReader(lab.gateways[0].journal)
    try:
        return reader.acked
    finally:
        reader.close()


async def worker_storm(lab: Lab, seconds: float) -> None:
    """For the soak: one worker after the other is replaced."""
    for index, worker in enumerate(lab.workers):
        await asyncio.sleep(seconds)
        worker.kill()
        await worker.ended()
        await lab.start_worker(number=index)
