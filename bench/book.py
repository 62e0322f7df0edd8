"""The Book at 100,000 credentials: built whole, patched for one person, its memory, and what a waiting door feels.

The door is a thread that asks for the time every millisecond while the Book is made in another one, as the event loop
does beside `asyncio.to_thread`; its longest gap is printed, beside that of an idle interpreter.
"""

import gc
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge_agent.model.people import Rule, Schedule, Span
from edge_agent.model.reads import Card
from edge_agent.store.booking import Site
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.people import PeopleStore

CREDENTIALS = 100_000
CATEGORIES = ("resident", "family", "tenant", "staff")
RULES = tuple(Rule(f"r{n}", (f"door{n % 40}",), (CATEGORIES[n % 4],), schedule=f"s{n % 50}") for n in range(200))
SCHEDULES = {f"s{n}": Schedule(f"s{n}", (Span((1, 2, 3, 4, 5), 360, 1320),)) for n in range(50)}
SITE = Site("Asia/Shanghai", RULES, SCHEDULES)
PIN = "$argon2id$v=19$m=19456,t=2,p=1$" + "c" * 22 + "$" + "d" * 43


def fill(path: Path, people: int, pins: bool) -> None:
    each = CREDENTIALS // people
    with closing(PeopleStore(path)) as store:
        store.put_all(
            PersonEntry(
                id=f"p-{n:06}",
                name=f"住户{n}",
                category=CATEGORIES[n % 4],
                house=f"{n // 500}-{n // 100 % 5}-{n % 100}",
                credentials=()
                if pins
                else tuple(CredentialEntry(Card(26, n * each + card), "H10301") for card in range(each)),
                **({"pin_hash": PIN, "pin_index": f"{n:064x}", "duress_index": f"{n + people:064x}"} if pins else {}),
            )
            for n in range(people)
        )


def gap_ms(work: Callable[[], object]) -> tuple[float, float]:
    """(how long `work` takes in another thread, the longest the door waited meanwhile), both in ms."""
    took = list[float]()

    def timed() -> None:
        begun = time.perf_counter()
        work()
        took.append((time.perf_counter() - begun) * 1000)

    thread = threading.Thread(target=timed)
    longest, last = 0.0, time.perf_counter()
    thread.start()
    while thread.is_alive():
        time.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    thread.join()
    return took[0], longest * 1000


def memory_mb(path: Path) -> float:
    """Resident size a Book adds to a fresh process."""
    code = (
        "import sys; from pathlib import Path; from bench.book import SITE, resident_kib;"
        "from edge_agent.store.people import PeopleStore; store = PeopleStore(Path(sys.argv[1]));"
        "before = resident_kib(); last = store.snapshot_of(SITE); print((resident_kib() - before) / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def resident_kib() -> int:
    gc.collect()
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def main() -> None:
    print(f"{'people':>8} {'with':>6} {'what':<28} {'ms':>8} {'door waits at most ms':>22}")
    print(f"{'':>8} {'':>6} {'nothing (idle 0.2 s)':<28} {200:>8} {gap_ms(lambda: time.sleep(0.2))[1]:>22.1f}")
    for people, pins in ((2_000, False), (100_000, False), (100_000, True)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "people.db"
            fill(path, people, pins)
            what = "pins" if pins else "cards"
            with closing(PeopleStore(path)) as store, closing(PeopleStore(path)) as cli:
                last = store.snapshot_of(SITE)
                took, wait = gap_ms(lambda: store.snapshot_of(SITE))
                print(f"{people:>8} {what:>6} {'whole':<28} {took:>8.1f} {wait:>22.1f}")
                changes = {
                    "patch: card added": lambda n: cli.put(
                        PersonEntry(id=f"p-{n:06}", credentials=(CredentialEntry(Card(37, 10**9 + n)),))
                    ),
                    "patch: blocked": lambda n: cli.block(f"p-{n:06}"),
                    "patch: removed": lambda n: cli.remove(f"p-{n:06}"),
                    "patch: rule set": lambda n: cli.put_rule(Rule(f"x{n}", ("*",), ("staff",))),
                }
                for name, change in changes.items():
                    worst = (0.0, 0.0)
                    for n in range(20):
                        change(n)
                        made = list[object]()
                        took, wait = gap_ms(lambda old=last, into=made: into.append(store.snapshot_of(SITE, old)))
                        last = made[0]
                        worst = (max(worst[0], took), max(worst[1], wait))
                    print(f"{people:>8} {what:>6} {name + ' (worst of 20)':<28} {worst[0]:>8.1f} {worst[1]:>22.1f}")
            print(f"{people:>8} {what:>6} {'memory of the Book, MB':<28} {memory_mb(path):>8.1f} {'limit 120':>22}")


if __name__ == "__main__":
    main()
