"""Search in the face gallery, against this machine's memory bandwidth over the same bytes. `python bench/gallery.py`

A search reads every template once; the bare product over the same bytes is the limit no exact search can beat. Also:
one person more or fewer while searching, the load from the encrypted store in pieces, and a daemon that starts with
100,000 templates: its first card, and when the gallery is there.
"""

import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from edge_agent.config import FACE_KEY  # noqa: E402
from edge_agent.core.gallery import Gallery  # noqa: E402
from edge_agent.drivers.camera import resident_mb  # noqa: E402
from edge_agent.model.face_models import DLIB, Limits  # noqa: E402
from edge_agent.sim.estate import DOOR, GATEWAY  # noqa: E402
from edge_agent.store.faces import FaceStore, load_key  # noqa: E402
from tests.system.site import estate, log_of, ready, show_card  # noqa: E402
from tests.waiting import auntil  # noqa: E402

WIDTH, LIMITS = 128, Limits(1.0, 1.1, 0.03)
SIZES = {1_000: 2_000, 10_000: 500, 100_000: 120}  # templates: searches


def unit(random: np.random.Generator, count: int) -> np.ndarray:
    rows = random.standard_normal((count, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def times_ms(act: object, count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        act()  # type: ignore[operator]
        found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


def at(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(part * len(times)))]


def measured(random: np.random.Generator, size: int, count: int) -> tuple[list[float], list[float], int]:
    """Times of searches and of the bare product over the same bytes, in turns: both meet the same neighbours."""
    matrix = unit(random, size)
    gallery = Gallery("m", [f"p{n}" for n in range(size)], matrix)
    probes = [probe.tobytes() for probe in unit(random, 64)]
    turn, probe = iter(range(10**9)), matrix[0].copy()
    search, limit = list[float](), list[float]()
    for _ in range(10):
        search += times_ms(lambda: gallery.look(probes[next(turn) % 64], LIMITS), count // 10)
        limit += times_ms(lambda: matrix @ probe, count // 10)
    return search, limit, matrix.nbytes


def main() -> None:
    random = np.random.default_rng(1)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, shared machine, 1 thread\n"
    )
    print("templates   median ms   p99 ms   limit ms   GB/s at limit   ratio (aim 1.3 at 100,000)")
    for size, count in SIZES.items():
        search, limit, nbytes = measured(random, size, count)
        took, least = statistics.median(search), statistics.median(limit)
        print(
            f"{size:>9,}   {took:>9.3f}   {at(sorted(search), 0.99):>6.3f}   {least:>8.3f}   "
            f"{nbytes / least / 1e6:>13.1f}   {took / least:>5.2f}"
        )
    big = Gallery("m", [f"p{n}" for n in range(100_000)], unit(random, 100_000))
    some = unit(random, 200)
    one = iter(range(10**9))
    change = times_ms(lambda: big.change({f"q{next(one) % 200}": some[:3]}), 2_000)
    print(f"\none person changed in 100,000: median {at(change, 0.5):.3f} ms, worst {change[-1]:.3f} ms")
    with tempfile.TemporaryDirectory() as folder:
        store = FaceStore(Path(folder) / "faces.db", bytes(32), "G")
        rows = unit(random, 10_000)
        store.put_all([(f"p{n}", "m", row.tobytes(), None) for n, row in enumerate(rows)])
        began, longest, before = time.perf_counter(), 0.0, time.perf_counter()
        for _ in store.batches("m"):
            now = time.perf_counter()
            longest, before = max(longest, now - before), now
        print(f"10,000 loaded from the encrypted store in {time.perf_counter() - began:.2f} s, "
              f"in pieces of at most {longest * 1000:.0f} ms")  # fmt: skip
        store.close()
        asyncio.run(start(Path(folder) / "estate", unit(random, 100_000)))


async def start(folder: Path, rows: np.ndarray) -> None:
    """A daemon with one camera for faces. Cards do not wait for the gallery."""
    async with estate(folder) as site:
        camera = f'[[camera]]\nname = "c"\nurl = "file://{folder}"\ndoor = "{DOOR}"\n'
        text = site.config.read_text("utf-8").replace('ways = [["card"]]', 'ways = [["card"], ["face"]]')
        site.config.write_text(f"{text}\n{camera}", "utf-8")
        with closing(FaceStore(site.state / "faces.db", load_key(site.gateway / FACE_KEY), GATEWAY)) as store:
            store.put_all([(f"q{n}", DLIB.model, row.tobytes(), None) for n, row in enumerate(rows)])
        began = time.monotonic()
        await site.agent.start()
        await ready(site)
        mark = len(site.gate.lines)
        show_card(site)
        await site.gate.line(lambda line: line.get("relay") == "on", mark)
        opened_s = time.monotonic() - began
        await auntil(lambda: "gallery: " in log_of(site), 60)
        print(
            f"daemon with {len(rows):,} templates: exec -> a card has opened {opened_s:.2f} s, "
            f"-> gallery there {time.monotonic() - began:.2f} s; {resident_mb(site.agent.pid):.0f} MB"
        )


if __name__ == "__main__":
    main()
