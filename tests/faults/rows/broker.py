"""Rows 9, 10, 11: a broker that dies and forgets, one that drops, one that denies."""

import asyncio
import signal

from tests.faults.broker import USUAL
from tests.faults.lab import Lab
from tests.faults.oracle import journal_rows
from tests.faults.row import row
from tests.waiting import auntil

EVERYTHING = "topic readwrite sc/1/#\n"
NO_EVENTS = "topic read sc/1/#\ntopic write sc/1/dn/#\ntopic write sc/1/up/+/birth\ntopic write sc/1/up/+/state\n"


@row(9, "broker SIGKILL, its memory wiped", quick=2, sample=10, full=100)
async def broker_killed(lab: Lab, count: int) -> None:
    await lab.open(gateways=2)
    for gateway in lab.gateways:
        gateway.offering(25)
    for _ in range(count):
        await asyncio.sleep(lab.rng.uniform(0.1, 1.5))
        await lab.broker.again()
        stored = lab.stored()
        await auntil(lambda stored=stored: lab.stored() > stored, 30, "events to arrive again")  # type: ignore[misc]
        lab.count()


@row(10, "broker drops: queue of 10, worker away", sample=4, full=50)
async def broker_drops(lab: Lab, count: int) -> None:
    await lab.open(broker=("persistence false", "max_queued_messages 10", "max_inflight_messages 10"))
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.offering(50)
        await gateway.served(30)
        lab.workers[0].send(signal.SIGSTOP)  # subscribed, and takes nothing
        await gateway.served(60)
        lab.workers[0].kill()
        await lab.workers[0].ended()
        await gateway.served(30)
        await gateway.quiet()
        await lab.start_worker(number=0)
        await lab.settle()
        lab.count()


@row(11, "broker denies publishing mid-run", sample=2, full=20)
async def broker_denies(lab: Lab, count: int) -> None:
    acl = lab.folder / "acl"
    acl.write_text(EVERYTHING, "ascii")
    acl.chmod(0o600)
    await lab.open(broker=(*USUAL, f"acl_file {acl}"))
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.offering(20)
        await gateway.served(20)
        acl.write_text(NO_EVENTS, "ascii")
        lab.broker.signal(signal.SIGHUP)
        await gateway.served(20)
        await auntil(lambda: _alarms(lab) > lab.done, 60, "an alarm about the refused events")
        stored = lab.stored()
        await gateway.served(20)
        await gateway.quiet()
        lab.check(lab.stored() <= stored, "stored although denied")
        acl.write_text(EVERYTHING, "ascii")
        lab.broker.signal(signal.SIGHUP)
        await lab.settle()
        lab.count()
        if lab.done < count:  # the same alarm is not raised again within a minute: a new start is a new run
            await gateway.kill()
            await gateway.start()
            await gateway.ready()


def _alarms(lab: Lab) -> int:
    rows = journal_rows(lab.gateways[0].journal)
    return sum(row.tag == "agent.degraded" and b"uplink_refused" in row.body for row in rows)
