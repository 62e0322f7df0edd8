"""A list of people from the city: how long it takes, and what the journal feels of it meanwhile.

Peer in the same run: the same people through `put_all`, as an import from a file writes them. Limit: a commit of the
journal that takes longer than 150 ms is an alarm.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from edge_agent.city import roll
from edge_agent.drivers.clock import SystemClock
from edge_agent.model.events import DoorOpened
from edge_agent.model.grants import CredentialGrant, PersonGrant
from edge_agent.model.reads import Card
from edge_agent.store.books import BookWatch
from edge_agent.store.city_register import CityRegister
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.people import PeopleStore
from edge_agent.store.writer import Writer


async def main(count: int, folder: Path) -> None:
    writer, clock = Writer(), SystemClock()
    journal = SqliteJournal(folder / "journal.db", clock, writer)
    watch = BookWatch(folder / "people.db", journal, writer, "UTC")
    register = CityRegister(folder / "people.db", watch, clock)
    looking = asyncio.create_task(watch.run(lambda: None))
    whole = roll.cut(
        PersonGrant(f"p-{n}", "resident", "1-1-1", credentials=(CredentialGrant("card", 26, f"{n:x}"),))
        for n in range(1, count + 1)
    )
    delta = roll.cut(
        PersonGrant(f"q-{n}", "resident", credentials=(CredentialGrant("card", 34, f"{n:x}"),)) for n in range(1, 101)
    )
    print(f"{'list':<34}{'people':>9}{'pieces':>8}{'kB':>8}{'s':>8}{'journal p50 ms':>16}{'max ms':>9}")
    for name, version, content, people in (("whole", 1, whole, count), ("what changed", 2, delta, 100)):
        commits: list[float] = []
        stop = asyncio.Event()
        beside = asyncio.create_task(passing(journal, commits, stop))
        began = time.perf_counter()
        await register.take_list(version, version == 1, list(content.pieces))
        took = time.perf_counter() - began
        stop.set()
        await beside
        size = sum(map(len, content.pieces)) / 1000
        print(
            f"{name:<34}{people:>9}{len(content.pieces):>8}{size:>8.0f}{took:>8.2f}"
            f"{statistics.median(commits):>16.1f}{max(commits):>9.1f}"
        )
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    with_entries(count, folder / "peer.db")
    await register.close()
    await watch.close()
    await journal.close()
    writer.close()


async def passing(journal: SqliteJournal, commits: list[float], stop: asyncio.Event) -> None:
    """Somebody opens a door twenty times a second."""
    while not stop.is_set() or not commits:
        began = time.perf_counter()
        await journal.record(DoorOpened(door="gate")).committed()
        commits.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)


def with_entries(count: int, path: Path) -> None:
    store = PeopleStore(path)
    began = time.perf_counter()
    store.put_all(
        PersonEntry(id=f"p-{n}", name="x", category="resident", credentials=(CredentialEntry(Card(26, n)),))
        for n in range(1, count + 1)
    )
    print(f"{'peer: put_all, one transaction':<34}{count:>9}{'':>8}{'':>8}{time.perf_counter() - began:>8.2f}")
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, Path(folder)))
