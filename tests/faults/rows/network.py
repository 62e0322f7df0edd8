"""Row 14: what happens between the gateway and the broker."""

import asyncio
import os
import shutil
import subprocess
import time

from edge_agent.uplink.broker import KEEPALIVE_S
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.proxy import Proxy
from tests.faults.row import row
from tests.waiting import auntil

LOSS = 0.3
AWAY_S = 20.0
NFT = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


async def behind(lab: Lab) -> tuple[Gateway, Proxy]:
    """A gateway whose way to the broker leads through the proxy."""
    proxy = Proxy(lab.broker.port, lab.rng)
    await proxy.start()
    lab.finally_(proxy.close)
    lab.url = proxy.url
    await lab.open()
    return lab.gateways[0], proxy


async def passing(lab: Lab, timeout: float = 60.0) -> None:
    stored = lab.stored()
    await auntil(lambda: lab.stored() > stored, timeout, "events to arrive")


@row(14, "cut in the middle of a PUBLISH", part="a", quick=3, sample=20, full=500)
async def cut_mid_publish(lab: Lab, count: int) -> None:
    gateway, proxy = await behind(lab)
    proxy.cut_after = 20_000
    proxy.cut()
    gateway.offering(40)
    before = len(proxy.connects)
    while lab.done < count:
        await passing(lab)
        connects = len(proxy.connects)
        await auntil(lambda connects=connects: len(proxy.connects) > connects, 60, "a cut")  # type: ignore[misc]
        lab.count()
    proxy.cut_after = 0
    proxy.cut()
    lab.check(len(proxy.connects) - before >= count, "it was not cut")


@row(14, "black hole, answers lost", part="b", sample=2, full=20)
async def black_hole(lab: Lab, count: int) -> None:
    """Nothing says that the line is dead: the keepalive must."""
    gateway, proxy = await behind(lab)
    for number in range(count):
        gateway.offering(10)
        await passing(lab)
        began, connects = time.monotonic(), len(proxy.connects)
        proxy.mode = ("black_hole", "no_answer")[number % 2]
        await auntil(lambda: len(proxy.connects) > connects, 90, "to find the line dead")  # noqa: B023
        found_s = time.monotonic() - began
        lab.check(found_s <= 1.5 * KEEPALIVE_S + 5, f"found dead only after {found_s:.0f} s")
        await asyncio.sleep(AWAY_S)
        calm(lab, proxy, connects, AWAY_S)
        proxy.mode = "through"
        proxy.cut()
        await passing(lab)
        lab.count(found_dead_s=found_s)


@row(14, "2 s round trip", part="c", sample=1, full=5)
async def slow_line(lab: Lab, count: int) -> None:
    gateway, proxy = await behind(lab)
    for _ in range(count):
        proxy.delay_s = 1.0
        gateway.offering(10)
        await passing(lab)
        await asyncio.sleep(8)
        await gateway.quiet()
        connects = len(proxy.connects)
        await lab.settle()
        lab.check(len(proxy.connects) == connects, "a slow line was taken for a dead one")
        proxy.delay_s = 0.0
        lab.count()


@row(14, "flapping", part="d", quick=1, sample=1, full=10, batch=1)
async def flapping(lab: Lab, count: int) -> None:
    """Ten cycles of a line that is there for a moment and gone for a moment."""
    gateway, proxy = await behind(lab)
    gateway.offering(20)
    began = time.monotonic()
    for _ in range(10):
        await asyncio.sleep(lab.rng.uniform(0.2, 0.8))
        proxy.mode = "refuse"
        proxy.cut()
        await asyncio.sleep(lab.rng.uniform(0.2, 0.8))
        proxy.mode = "through"
    tries = len(proxy.connects) / (time.monotonic() - began)
    await gateway.quiet()
    lab.count(connects_per_s=tries)
    lab.check(tries <= 3, f"{tries:.1f} connects a second")


@row(14, "captive portal, refused, name unknown", part="e", sample=3, full=30, batch=3)
async def no_broker_there(lab: Lab, count: int) -> None:
    gateway, proxy = await behind(lab)
    for number in range(count):
        mode = ("portal", "refuse", "name")[number % 3]
        gateway.offering(10)
        await gateway.served(5)
        connects = len(proxy.connects)
        if mode == "name":  # as after a start without a name server
            await gateway.kill()
            gateway.url = "mqtt://broker.city.invalid:1883"
            gateway.write_config()
            await gateway.start()
        else:
            proxy.mode = mode
            proxy.cut()
        await asyncio.sleep(AWAY_S)
        await gateway.served(5)
        calm(lab, proxy, connects, AWAY_S)
        proxy.mode = "through"
        if mode == "name":
            lab.check("broker.city.invalid" in gateway.log, "the name is not mentioned")
            await gateway.kill()
            gateway.url = proxy.url
            gateway.write_config()
            await gateway.start()
        await passing(lab, 90)
        lab.count()


def calm(lab: Lab, proxy: Proxy, since: int, seconds: float) -> None:
    rate = (len(proxy.connects) - since) / seconds
    lab.note(connects_per_s=rate)
    lab.check(rate < 1.0, f"{rate:.1f} connects a second")


def no_nftables() -> str:
    if os.geteuid() != 0 or NFT is None:
        return "needs root and nftables"
    answer = subprocess.run([NFT, "list", "tables"], capture_output=True, check=False)
    return "" if answer.returncode == 0 else "the kernel has no nftables"


@row(14, "30 % packet loss", part="f", sample=1, full=10, batch=1, why_not=no_nftables)
async def packet_loss(lab: Lab, count: int) -> None:
    """TCP hides it, at a price: what shows are time-outs."""
    await lab.open()
    assert NFT is not None
    table = f"faults_{os.getpid()}"
    port, share = lab.broker.port, int(LOSS * 100)
    ways = "\n".join(f"tcp {way} {port} numgen random mod 100 < {share} drop" for way in ("dport", "sport"))
    rules = f"table inet {table} {{\nchain in {{\ntype filter hook input priority 0;\n{ways}\n}}\n}}\n"
    lab.last_thing(lambda: nft(f"delete table inet {table}\n", check=False))
    nft(rules)
    gateway = lab.gateways[0]
    gateway.offering(10)
    await asyncio.sleep(20)
    await gateway.quiet()
    nft(f"delete table inet {table}\n")
    lab.count()


def nft(rules: str, check: bool = True) -> None:
    assert NFT is not None
    subprocess.run([NFT, "-f", "-"], input=rules.encode(), check=check, capture_output=True)
