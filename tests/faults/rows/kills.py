"""Row 1: the daemon is killed at any time and at named points. Row 21: around the relay."""

from tests.faults import child
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.waiting import auntil

PER_S = 50.0


@row(1, "agent SIGKILL at random times", part="a", quick=3, sample=20, full=1000)
async def killed(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    gateway.offering(PER_S)
    for _ in range(count):
        await gateway.served(lab.rng.randrange(1, 60))
        await gateway.kill()
        heard = len(gateway.ledger.reads)
        decides_s = await gateway.start()
        await auntil(lambda heard=heard: len(gateway.ledger.reads) > heard, 20, "a decision")  # type: ignore[misc]
        decided_s = (gateway.ledger.reads[max(gateway.ledger.reads)] - gateway.agent.started_ns) / 1e9
        lab.check(decides_s < 5.0, f"deciding only after {decides_s:.1f} s")
        lab.count(ready_s=decides_s, decided_s=decided_s)
        await gateway.quiet()
        await gateway.ready()  # a pause, so that cards open again
        gateway.offering(PER_S)


@row(1, "agent SIGKILL while the broker is away", part="c", quick=1, sample=5, full=100)
async def killed_alone(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.offering(PER_S)
        await gateway.served(20)
        lab.broker.kill()
        await gateway.served(20)
        await gateway.kill()
        await gateway.quiet()
        await gateway.start()
        await lab.broker.start()
        await gateway.ready()
        lab.count()


@row(1, "agent SIGKILL at named points", part="b", quick=2, sample=len(child.POINTS) * 2, full=len(child.POINTS) * 50)
async def killed_at_points(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    for number in range(count):
        await gateway.kill()
        points = child.POINTS if count > 2 else child.POINTS[:-1]  # the last takes half a minute to come by
        point = points[(lab.seed + number) % len(points)]
        passes = 1 if point == "cursor.before" else lab.rng.randrange(2, 30)
        decides_s = await gateway.start(f"{point}:{passes}:kill")
        gateway.offering(PER_S)
        limit_s = 45 if point == "cursor.before" else 20
        await auntil(lambda: not gateway.agent.running, limit_s, f"to be killed at {point}")
        await gateway.agent.ended()
        await gateway.quiet()
        lab.count(ready_s=decides_s)
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()
