"""The daemon as a whole: card to relay against the bare library, start, memory, idle CPU. Real processes on ptys.

Everything is measured from outside: the simulated reader says when the reply that carries a card is on the wire, the
simulated gate when the relay command has arrived (CLOCK_MONOTONIC), /proc what the processes use.
"""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from pathlib import Path

from bench.card import measure_bare, percentile
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.sim.estate import GATEWAY, RESIDENT_CARD, Estate
from edge_agent.sim.photos import obtain

IDLE_S = 20.0
TICK = os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def children(pid: int) -> list[int]:
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found


async def logged(estate: Estate, text: str) -> int:
    """When the agent's log first held `text` (monotonic ns)."""
    log = estate.logs / "agent.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and text in log.read_text("utf-8")):
        if time.monotonic() > deadline:
            raise TimeoutError(text)
        await asyncio.sleep(0.005)
    return time.monotonic_ns()


async def idle(pid: int) -> float:
    before = cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    return (cpu_s(pid) - before) / IDLE_S * 100


async def card_latency(estate: Estate, n: int) -> list[float]:
    """ms from the card on the wire to the relay command at the gate, one card after the other."""
    card = parse_entry(RESIDENT_CARD, "H10301")
    results = []
    for turn in range(n):
        sent, moved = len(estate.reader.lines), len(estate.gate.lines)
        estate.reader.tell(do="card", bits=card.bits, raw=card.raw)
        wire = await estate.reader.line(lambda line: "sent" in line, sent)
        relay = await estate.gate.line(lambda line: line.get("relay") == "on", moved)
        results.append((relay["t_ns"] - wire["t_ns"]) / 1e6)
        await asyncio.sleep(0.1 + 0.001 * (turn % 7))  # not in step with the 5 ms loop
    return results


async def with_reader(folder: Path, n: int) -> None:
    estate = Estate(folder, {})
    try:
        await estate.build()
        await estate.open()
        deciding = (await logged(estate, "deciding") - estate.agent.started_ns) / 1e6
        usable = (await logged(estate, "reader north-in ready") - estate.agent.started_ns) / 1e6
        await asyncio.sleep(1.0)
        print(f"start: deciding {deciding:.0f} ms after exec, reader's secure channel up and read {usable:.0f} ms")
        cpu = await idle(estate.agent.pid)
        latency = await card_latency(estate, n)
        rss = rss_mb(estate.agent.pid)
    finally:
        await estate.close()
    bare = await asyncio.to_thread(measure_bare, n)
    print(f"\ncard on the wire → relay command at the gate, n = {n}      median      p99")
    for name, values in (("bare libosdp loop with a callback", bare), ("the daemon", latency)):
        print(f"  {name:<48}{percentile(values, 50):7.2f} ms {percentile(values, 99):7.2f} ms")
    over = [percentile(latency, p) - percentile(bare, p) for p in (50, 99)]
    print(f"  {'overhead of the daemon (aim 3 and 10)':<48}{over[0]:7.2f} ms {over[1]:7.2f} ms")
    print(f"\nmemory after {n} cards, no vision: {rss:.1f} MB (aim 60)")
    print(f"idle CPU with one OSDP reader: {cpu:.2f} % of a core (aim 4)")


async def without_reader(folder: Path) -> None:
    estate = Estate(folder, {})
    try:
        await estate.build()
        text = estate.config.read_text("utf-8")
        start, end = text.index("[[terminal]]"), text.index("[[door]]")
        estate.config.write_text(text[:start] + text[end:], "utf-8")
        await estate.open()
        await logged(estate, "deciding")
        await asyncio.sleep(1.0)
        print(f"idle CPU without a reader: {await idle(estate.agent.pid):.2f} % of a core (aim 1)")
    finally:
        await estate.close()


async def with_camera(folder: Path) -> None:
    estate = Estate(folder, obtain(Path(".cache/photos")))
    try:
        await estate.build()
        await estate.open()
        ready = (await logged(estate, "camera north-face ready") - estate.agent.started_ns) / 1e6
        await asyncio.sleep(1.0)
        child = children(estate.agent.pid)[0]
        print(f"\nwith a face camera: engine ready {ready:.0f} ms after exec;", end=" ")
        print(f"daemon {rss_mb(estate.agent.pid):.1f} MB, vision child {rss_mb(child):.1f} MB", end="; ")
        print(f"idle scene: child {await idle(child):.1f} % of a core")
    finally:
        await estate.close()


def fill(estate: Estate, count: int) -> None:
    """`count` made-up templates of as many people."""
    import numpy as np

    from edge_agent.model.face_models import DLIB
    from edge_agent.store.faces import FaceStore, load_key

    rows = np.random.default_rng(7).normal(size=(count, DLIB.dimension)).astype("<f4")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    store = FaceStore(estate.state / "faces.db", load_key(estate.gateway / "keys/face-store.key"), GATEWAY)
    for start in range(0, count, 5_000):
        part = rows[start : start + 5_000]
        store.put_all([(f"q-{start + n}", DLIB.model, row.tobytes(), None) for n, row in enumerate(part)])
    store.close()


async def with_gallery(folder: Path, templates: int) -> None:
    """Cards while a large gallery is loaded, from the first second on; and when it is there."""
    estate = Estate(folder, obtain(Path(".cache/photos")))
    try:
        await estate.build()
        await asyncio.to_thread(fill, estate, templates)
        await estate.open()
        began = await logged(estate, "reader north-in ready")
        log, during = estate.logs / "agent.log", list[float]()
        while "gallery:" not in log.read_text("utf-8"):
            during += await card_latency(estate, 1)
        loaded = (await logged(estate, "gallery:") - began) / 1e9
        after = await card_latency(estate, max(20, len(during)))
        print(f"\ngallery of {templates:,} templates: loaded {loaded:.1f} s after the reader was ready;", end=" ")
        print(f"daemon {rss_mb(estate.agent.pid):.0f} MB")
        for name, values in (("cards while it is loaded", during), ("cards afterwards", after)):
            if values:
                print(f"  {name}, n = {len(values):<24}", end="")
                print(f"{percentile(values, 50):7.2f} ms {percentile(values, 99):7.2f} ms (median, p99)")
    finally:
        await estate.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-n", type=int, default=500)
    options.add_argument("--gallery", type=int, help="only this: cards beside the loading of so many templates")
    n, templates = (given := options.parse_args()).n, given.gallery
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.release()}\n")
    if templates:
        with tempfile.TemporaryDirectory(prefix="edge-agent-bench-") as folder:
            asyncio.run(with_gallery(Path(folder) / "estate", templates))
        return
    for measure in (lambda folder: with_reader(folder, n), without_reader, with_camera):
        with tempfile.TemporaryDirectory(prefix="edge-agent-bench-") as folder:
            asyncio.run(measure(Path(folder) / "estate"))


if __name__ == "__main__":
    main()
