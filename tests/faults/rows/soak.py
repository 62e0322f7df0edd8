"""Row 28: everything mixed by seed for as long as wanted; nothing may be lost and nothing may grow."""

import asyncio
import os
import signal
import time

from edge_agent.sim.proxy import HOST, FaultProxy
from tests.faults.child import POINTS, WORKER_POINTS
from tests.faults.gateway import Gateway, rss_kib
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.waiting import auntil

ROUND_S = 8.0
HOURS = float(os.environ.get("HOURS", "0"))
SLOPE_AT_MOST = 512.0  # kB an hour, judged from an hour on
FAULTS = ("none", "kill", "point", "broker", "worker", "worker_point", "cut", "hole", "pause", "clean")


@row(28, "soak: everything mixed", sample=12, full=100_000, batch=100_000)
async def soak(lab: Lab, count: int) -> None:
    proxy = FaultProxy(HOST, lab.broker.port, lab.rng)
    await proxy.start()
    lab.finally_(proxy.close)
    lab.url = proxy.url
    await lab.open(gateways=2, workers=2)
    for gateway in lab.gateways:
        gateway.offering(10)
    until = time.monotonic() + HOURS * 3600
    memory: dict[str, list[tuple[float, int]]] = {}
    while time.monotonic() < until or (not HOURS and lab.done < count):
        gateway, kind = lab.rng.choice(lab.gateways), lab.rng.choice(FAULTS)
        await one(lab, gateway, proxy, kind)
        await auntil(lambda gateway=gateway: gateway.agent.running, 20)  # type: ignore[misc]
        await gateway.served(3, 60)
        for other in lab.gateways:  # memory of the same process only: a start begins a new line
            memory.setdefault(f"{other.id}/{other.agent.pid}", []).append((time.monotonic(), rss_kib(other.agent.pid)))
        lab.count()
    slopes = [slope(points) for points in memory.values() if points[-1][0] - points[0][0] > 3600]
    lab.note(rss_MB=max(kib for points in memory.values() for _, kib in points) / 1024)
    for value in slopes:
        lab.note(rss_kB_an_hour=value)
        lab.check(value < SLOPE_AT_MOST, f"memory grows by {value:.0f} kB an hour")


async def one(lab: Lab, gateway: Gateway, proxy: FaultProxy, kind: str) -> None:
    """One fault, over when this returns."""
    match kind:
        case "kill" | "clean":
            await (gateway.kill() if kind == "kill" else gateway.agent.stop())
            await gateway.start()
        case "point":
            await gateway.kill()
            await gateway.start(f"{lab.rng.choice(POINTS[:-1])}:{lab.rng.randrange(1, 30)}:kill")
            await auntil(lambda: not gateway.agent.running, 60, "to be killed at a point")
            await gateway.agent.ended()
            await gateway.start()
        case "broker":
            await lab.broker.again()
        case "worker" | "worker_point":
            index = lab.rng.randrange(len(lab.workers))
            lab.workers[index].kill()
            await lab.workers[index].ended()
            if kind == "worker_point":
                point = f"{lab.rng.choice(WORKER_POINTS)}:{lab.rng.randrange(1, 9)}:kill"
                victim = await lab.start_worker(point, number=index)
                await auntil(lambda: not victim.running, 90, "the worker to die")
                await victim.ended()
            await lab.start_worker(number=index)
        case "cut":
            proxy.cut()
        case "hole":
            proxy.black_hole()
            await asyncio.sleep(lab.rng.uniform(1, ROUND_S))
            proxy.heal()
            proxy.cut()  # what was swallowed is gone, and both ends know
        case "pause":
            gateway.agent.send(signal.SIGSTOP)
            await asyncio.sleep(lab.rng.uniform(0.1, 3))
            gateway.agent.send(signal.SIGCONT)
        case _:
            await asyncio.sleep(ROUND_S)


def slope(points: list[tuple[float, int]]) -> float:
    """Least squares, per hour."""
    mean_t = sum(t for t, _ in points) / len(points)
    mean_v = sum(v for _, v in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return 3600 * sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if spread else 0.0
