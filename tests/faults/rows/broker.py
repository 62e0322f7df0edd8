"""Rows 9, 10, 11: a broker that dies and forgets, one that drops, one that denies."""

import asyncio
import signal

from tests.faults.broker import USUAL
from tests.faults.lab import Lab
from tests.faults.oracle import journal_rows
from tests.faults.row import row
from tests.faults.rows.network import behind
from tests.waiting import auntil

PAUSED = "the city says that it is offline"
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


@row(10, "broker drops: queue of 10, worker away, STATE", sample=4, full=50)
async def broker_drops(lab: Lab, count: int) -> None:
    await lab.open(broker=("persistence false", "max_queued_messages 10", "max_inflight_messages 10"))
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.offering(50)
        await gateway.served(30)
        lab.workers[0].send(signal.SIGSTOP)  # subscribed, and takes nothing
        await gateway.served(60)
        pauses = gateway.log.count(PAUSED)
        lab.workers[0].kill()
        await lab.workers[0].ended()
        await auntil(lambda pauses=pauses: gateway.log.count(PAUSED) > pauses, 40, "the pause on STATE")  # type: ignore[misc]
        await gateway.served(30)
        await gateway.quiet()
        await lab.start_worker(number=0)
        await lab.settle()
        lab.count()


@row(11, "broker denies publishing mid-run", part="a", sample=2, full=20)
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


@row(11, "PUBACK quota exceeded (0x97), nobody there (0x10)", part="b", sample=4, full=20)
async def broker_answers(lab: Lab, count: int) -> None:
    """A broker that takes nothing and says so: nothing counts as delivered, and it goes on when that is over."""
    gateway, proxy = await behind(lab)
    gateway.show_card()
    await gateway.served()
    await auntil(lambda: not lab.missing(), 30, "all before to be stored")
    for number in range(count):
        code = (0x97, 0x10)[number % 2]
        alarms = _alarms(lab)
        proxy.answer = code
        proxy.cut()
        before, told = lab.stored(), gateway.log.count("nobody is subscribed")
        await gateway.shut()
        gateway.offering(10)
        await gateway.served(15)
        await gateway.quiet()
        if code == 0x97 and number < 2:  # the same alarm is not raised again within a while
            await auntil(lambda alarms=alarms: _alarms(lab) > alarms, 60, "an alarm")  # type: ignore[misc]
        elif number < 2:
            await auntil(lambda told=told: gateway.log.count("nobody is subscribed") > told, 60, "a word")  # type: ignore[misc]
        lab.check(lab.stored() == before, f"{code:#x}: stored although not delivered")
        proxy.heal()
        await lab.settle()
        lab.count()


@row(11, "MQTT 3.1.1: denied without a word", part="c", sample=1, full=10, batch=1)
async def broker_denies_silently(lab: Lab, count: int) -> None:
    """Every PUBACK says success. The city's silence is what is told, and nothing is pruned."""
    acl = lab.folder / "acl"
    acl.write_text(NO_EVENTS, "ascii")
    acl.chmod(0o600)
    await lab.open(gateways=0, broker=(*USUAL, f"acl_file {acl}"))
    gateway = await lab.gateway()
    gateway.mqtt = '"3.1.1"'
    gateway.write_config()
    await gateway.start()
    await gateway.ready()
    gateway.offering(10)
    await gateway.served(20)
    await gateway.quiet()
    await auntil(lambda: _alarms(lab, b"uplink_unanswered"), 75, "an alarm about the city's silence")
    lab.check(lab.stored() == 0, "stored although denied")
    acl.write_text(EVERYTHING, "ascii")
    lab.broker.signal(signal.SIGHUP)
    await lab.settle()
    lab.count()


def _alarms(lab: Lab, what: bytes = b"uplink_refused") -> int:
    rows = journal_rows(lab.gateways[0].journal)
    return sum(row.tag == "agent.degraded" and what in row.body for row in rows)
