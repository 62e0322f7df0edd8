"""The console: how soon an event is seen, how heavy a page is, how fast it looks back, what ten browsers cost the gate.

`python bench/console.py [EVENTS]`, with PYTHONPATH=. The gateway's flows, journal and HTTPS are real, its gates are in
memory; browsers that only listen are a process of their own. Seen: from the commit to the row in Chromium's document.
"""

import asyncio
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from edge_agent.model.events import AccessDenied, AccessGranted, DoorOpened, Event
from edge_agent.model.look import Search
from edge_agent.model.reads import Direction, Read
from edge_agent.store.look import Look
from tests.console.browsing import CHROMIUM, guard, launch
from tests.console.rig import DOORS, RESIDENT, Rig

SEEN, CARDS, BROWSERS = 200, 300, 10
GAP_S = 0.02  # between two cards: what the walls are told of one falls together with the next
WATCH = """() => { window.seen = {}; new MutationObserver((all) => {
    const now = performance.timeOrigin + performance.now();
    for (const one of all) for (const line of one.addedNodes) if (line.dataset) window.seen[line.dataset.seq] = now; })
    .observe(document.getElementById("lines"), { childList: true }); }"""


def main(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        with rig.running():
            rows = [("what", "p50", "p95", "worst", "limit"), *pages(rig), *gate(rig)]
            if CHROMIUM:
                rows.append(seen(rig))
            rows += looking_back(rig, events)
            rows.append(("RSS of gateway and bench", f"{rss_mb():.0f} MB", "", "", ""))
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def line(what: str, ms: list[float], limit: str) -> tuple[str, str, str, str, str]:
    ordered = sorted(ms)
    p95 = ordered[round(0.95 * (len(ordered) - 1))]
    return what, f"{statistics.median(ms):.1f} ms", f"{p95:.1f} ms", f"{ordered[-1]:.1f} ms", limit


def pages(rig: Rig) -> list[tuple[str, str, str, str, str]]:
    client, rows = rig.signed_in("supervisor"), []
    for path in ("/", "/history", "/people", "/charts"):
        took = []
        for _ in range(20):
            began = time.perf_counter()
            answer = client.get(path)
            took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200
        rows.append(line(f"page {path}, {len(answer.body) / 1000:.0f} kB, new connection", took, "500 ms"))
    static = sum(path.stat().st_size for path in Path("edge_agent/console/static").iterdir() if path.suffix != ".txt")
    rows.append(("files of a page, once", f"{static / 1000:.0f} kB", "", "", "200 kB"))
    return rows


def seen(rig: Rig) -> tuple[str, str, str, str, str]:
    committed: dict[int, float] = {}

    async def watch() -> None:
        rig.journal.listen(lambda row, _: committed.setdefault(row.seq, time.time() * 1000))

    rig.do(watch)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        with guard(browser, rig.url) as page:
            page.wait_for_selector("#link.good")
            page.evaluate(WATCH)
            for n in range(SEEN):
                seq = rig.happen(DoorOpened(door=DOORS[n % 3]))
                page.wait_for_selector(f'#lines [data-seq="{seq}"]', state="attached")
            shown = {int(seq): at for seq, at in page.evaluate("window.seen").items()}
        browser.close()
    return line("accepted until seen in Chromium", [shown[seq] - committed[seq] for seq in shown], "p95 300 ms")


def gate(rig: Rig) -> list[tuple[str, str, str, str, str]]:
    """A card's read until its gate is told to open, in the daemon's loop; alone and with browsers, in turns."""
    secret = rig.signed_in("guard").cookies["__Host-session"]
    alone, beside = list[float](), list[float]()
    for _ in range(3):
        alone += cards(rig)
        listeners = subprocess.Popen(
            [sys.executable, __file__, "--listen", str(rig.port), secret, str(rig.cert)], stdout=subprocess.PIPE
        )
        assert listeners.stdout is not None
        listeners.stdout.readline()
        beside += cards(rig)
        listeners.terminate()
        listeners.wait()
    cost = statistics.median(beside) / statistics.median(alone) - 1
    return [
        line("card until gate is told, no browser", alone, ""),
        line(f"card until gate is told, {BROWSERS} walls open", beside, f"+5 %; was {cost:+.1%}"),
    ]


def cards(rig: Rig) -> list[float]:
    took, told = list[float](), asyncio.Event()
    actor, mine = rig.actors[DOORS[0]], rig.gates[DOORS[0]]
    before, release = mine.release, mine.release
    began = 0.0

    async def timed(seconds: float) -> None:
        took.append((time.perf_counter() - began) * 1000)
        await release(seconds)
        told.set()

    async def one() -> None:
        nonlocal began
        told.clear()
        read = Read(f"b-{time.monotonic_ns()}", "north-in", DOORS[0], Direction.IN, rig.clock.now().up_ms, RESIDENT)
        began = time.perf_counter()
        actor.read(read)
        await asyncio.wait_for(told.wait(), 10)
        await asyncio.sleep(GAP_S)

    mine.release = timed  # type: ignore[method-assign]
    try:
        for _ in range(CARDS // 3):
            rig.do(one)
    finally:
        mine.release = before  # type: ignore[method-assign]
    return took


def looking_back(rig: Rig, events: int) -> list[tuple[str, str, str, str, str]]:
    """The journal is filled up to `events`, then searched in every way the page has."""

    async def fill() -> None:
        last = None
        for n in range(rig.journal.last, events):
            door, person = DOORS[n % 3], f"p-{n * 7919 % 5000:05d}"
            event: Event = AccessDenied(
                door=door, direction="in", person=person, how=("card",), reason="credential_expired"
            )
            if n % 5:
                event = AccessGranted(
                    door=door, direction="in", person=person, category="resident", how=("card",), rule="r"
                )
            last = rig.journal.record(event)
            if n % 1000 == 0:
                await last.committed()
        if last is not None:
            await last.committed()

    asyncio.run_coroutine_threadsafe(fill(), rig.loop).result()
    look, rows = Look(rig.state / "journal.db", rig.state / "bench-look.db"), []
    began = time.perf_counter()
    count = look.catch_up()
    taken = time.perf_counter() - began
    now = rig.clock.now().wall_ms
    for what, wanted in {
        "everything": Search(),
        "one person": Search(persons=("p-00042",)),
        "100 people": Search(persons=tuple(f"p-{n:05d}" for n in range(100))),
        "a door": Search(door=DOORS[1]),
        "refused at a door": Search(door=DOORS[1], verdict="denied"),
        "a reason": Search(reason="credential_expired"),
        "a rare family": Search(tag="panic"),
        "an hour": Search(from_ms=now - 3_600_000, until_ms=now),
        "an hour, a door, a reason": Search(from_ms=now - 3_600_000, door=DOORS[0], reason="credential_expired"),
    }.items():
        took = []
        for _ in range(10):
            began = time.perf_counter()
            look.search(wanted)
            took.append((time.perf_counter() - began) * 1000)
        rows.append(line(f"search {events} events: {what}", took, "300 ms"))
    size = (rig.state / "bench-look.db").stat().st_size / 1e6
    rows.append((f"first look at {count} events", f"{taken:.1f} s", f"{size:.0f} MB", "", ""))
    look.close()
    return rows


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def listen(port: int, secret: str, cert: str) -> None:
    """Ten walls that only listen."""
    context = ssl.create_default_context(cafile=cert)
    context.check_hostname = False
    lines = [await asyncio.open_connection("127.0.0.1", port, ssl=context) for _ in range(BROWSERS)]
    for _, writer in lines:
        writer.write(f"GET /stream HTTP/1.1\r\nHost: x\r\nCookie: __Host-session={secret}\r\n\r\n".encode())
    await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in lines))
    print("listening", flush=True)

    async def drain(reader: asyncio.StreamReader) -> None:
        while await reader.read(65536):
            pass

    await asyncio.gather(*(drain(reader) for reader, _ in lines))


if __name__ == "__main__":
    if "--listen" in sys.argv:
        asyncio.run(listen(int(sys.argv[2]), sys.argv[3], sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
