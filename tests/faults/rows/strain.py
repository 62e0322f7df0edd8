"""Rows 22, 23 and 24: hung, starved, and everybody coming back at once."""

import asyncio
import os
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from edge_agent.contract.commanders import Keyring
from edge_agent.contract.signatures import new_key
from edge_agent.core.decide import STALE_AFTER_MS
from edge_agent.drivers.clock import SystemClock
from edge_agent.model import site
from edge_agent.sockets import short_name
from edge_agent.uplink.city import Keys, MqttUplink
from tests.faults.gateway import rss_kib
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.faults.systemd import WATCHDOG_S, Systemd
from tests.waiting import auntil

CGROUP = Path("/sys/fs/cgroup/memory")


@row(22, "hung: stopped, event loop blocked", part="a", quick=1, sample=4, full=50)
async def hung(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    systemd = Systemd(gateway, lab.folder)
    lab.finally_(systemd.close)
    for number in range(count):
        await gateway.kill()  # from here on it is started by the watchdog, with its variables
        blocked = number % 2 == 1
        killed = len(systemd.killed)
        await auntil(
            lambda: gateway.agent.running and os.path.exists(gateway.state / "run/accepted.sock"), 20, "a start"
        )
        await gateway.ready()
        gateway.offering(20)
        await gateway.served(20)
        if blocked:
            gateway.next_point = "publish.before:5:sleep=120"
            await gateway.kill()
        else:
            gateway.agent.send(signal.SIGSTOP)
        await auntil(lambda killed=killed: len(systemd.killed) > killed, 40, "the watchdog")  # type: ignore[misc]
        lab.check(systemd.killed[-1] < WATCHDOG_S + 3, f"killed after {systemd.killed[-1]:.1f} s of silence")
        await gateway.served(5)
        await gateway.quiet()
        lab.count(silent_s=systemd.killed[-1])


@row(22, "a pause: cards of that time do not open later", part="b", quick=1, sample=2, full=20)
async def paused(lab: Lab, count: int) -> None:
    """Stopped for less than the watchdog's patience, as a blocked disk does. The oracle judges what opens after it."""
    await lab.open()
    gateway = lab.gateways[0]
    for _ in range(count):
        await gateway.shut()
        gateway.agent.send(signal.SIGSTOP)
        since, mark = len(gateway.ledger.reads), len(gateway.gate.lines)
        gateway.show_card()
        paused_s = lab.rng.uniform(STALE_AFTER_MS / 1000 + 0.5, 7.0)
        await asyncio.sleep(paused_s)
        gateway.agent.send(signal.SIGCONT)
        await gateway.served(since=since)
        await asyncio.sleep(0.3)
        lab.check(not gateway.openings(mark), f"a card of {paused_s:.1f} s ago opened")
        await gateway.ready()
        await gateway.let_in(mark)
        lab.count()


@row(23, "40 file descriptors, all taken by listeners", part="a", quick=0, sample=2, full=20)
async def no_descriptors(lab: Lab, count: int) -> None:
    """At rest the daemon has 29 open; what is left goes to whoever follows the accepted stream."""
    await lab.open(gateways=0)
    gateway = await lab.gateway()
    gateway.agent.arguments = [shutil.which("prlimit") or "prlimit", "--nofile=40", *gateway.agent.arguments]
    await gateway.start()
    await gateway.ready()
    for _ in range(count):
        with short_name(gateway.state / "run/accepted.sock") as name:
            guests = [await asyncio.open_unix_connection(name) for _ in range(40)]
        mark = len(gateway.gate.lines)
        gateway.offering(20)
        await gateway.served(30)
        lab.check(gateway.openings(mark), "no gate was opened")
        await lab.broker.again()  # and a new connection to the broker is wanted
        await gateway.served(20)
        for _, writer in guests:
            writer.close()
        await gateway.quiet()
        lab.check(gateway.agent.running, "it ended")
        await lab.settle()
        lab.count()


def no_memory_cgroup() -> str:
    if os.geteuid() != 0:
        return "needs root"
    return "" if (CGROUP / "memory.limit_in_bytes").exists() else "no memory control group of version 1"


@row(23, "memory limit of 96 MB, and killed for memory", part="b", sample=2, full=20, why_not=no_memory_cgroup)
async def no_memory(lab: Lab, count: int) -> None:
    """The daemon lives in the group from its first page on; then the group is made too small for what it does next."""
    await lab.open(gateways=0)
    group = CGROUP / f"faults-{os.getpid()}"
    group.mkdir()
    lab.last_thing(group.rmdir)
    limit = group / "memory.limit_in_bytes"
    gateway = await lab.gateway()
    inside = f'echo $$ > {group}/cgroup.procs && exec "$@"'
    gateway.agent.arguments = ["sh", "-c", inside, "sh", *gateway.agent.arguments]
    for _ in range(count):
        limit.write_text(str(96 << 20), "ascii")
        await gateway.start()
        gateway.offering(50)
        await gateway.served(150)
        lab.check(gateway.agent.running, "96 MB are not enough")
        lab.note(rss_MB=rss_kib(gateway.agent.pid) / 1024, group_MB=_number(group / "memory.usage_in_bytes") / 2**20)
        (group / "memory.force_empty").write_text("0", "ascii")  # what can be read again is given back
        limit.write_text(str(_number(group / "memory.usage_in_bytes") + (64 << 10)), "ascii")
        guests = list[asyncio.StreamWriter]()
        with suppress(OSError), short_name(gateway.state / "run/accepted.sock") as name:  # it may be gone already
            for _ in range(200):
                guests.append((await asyncio.open_unix_connection(name))[1])
        await auntil(lambda: not gateway.agent.running, 60, "the kernel to kill it")
        lab.check(await gateway.agent.ended() == -signal.SIGKILL, "it ended itself")
        for writer in guests:
            writer.close()
        await gateway.quiet()
        lab.count()
    limit.write_text(str(96 << 20), "ascii")
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()


def _number(path: Path) -> int:
    return int(path.read_text("ascii"))


@row(24, "storm: everybody back after a broker restart", sample=150, full=3830, batch=3830, judged=False)
async def storm(lab: Lab, count: int) -> None:
    """The real uplink `count` times in one process, plain TCP: what is looked at is the spread, not the handshake."""
    await lab.broker.start()
    key = new_key()
    keys = Keys(key, new_key().public_key(), Keyring.of(new_key().public_key()))
    clock, settings = SystemClock(), site.Uplink(url=lab.broker.url)
    uplinks = [
        MqttUplink(f"S{n:04d}", settings, lab.folder, keys, clock, agent="storm", config="", chance=random.Random(n))
        for n in range(count)
    ]
    jobs = [asyncio.create_task(uplink.run(lambda: None)) for uplink in uplinks]
    try:
        await auntil(lambda: all(uplink.session for uplink in uplinks), 180, "everybody to connect")
        before = lab.broker.log.stat().st_size
        lab.broker.kill()
        await auntil(lambda: not any(uplink.session for uplink in uplinks), 60, "everybody to notice")
        await lab.broker.start()
        began = time.monotonic()
        await auntil(lambda: all(uplink.session for uplink in uplinks), 180, "everybody to be back")
        back_s = time.monotonic() - began
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    lines = lab.broker.log.read_bytes()[before:].decode("utf-8", "replace").splitlines()
    seconds = Counter(line.partition(":")[0] for line in lines if "New client connected" in line)
    lab.done = count
    lab.note(back_s=back_s, peak_per_s=max(seconds.values()))
    lab.check(count < 1000 or max(seconds.values()) <= 100, f"{max(seconds.values())} in one second")
    lab.check(back_s < 120, f"everybody back only after {back_s:.0f} s")
