"""What one decision costs with a large book, what a change of one person costs, and what the book weighs.

    python bench/decide.py

100,000 credentials of 2,000 people, 200 rules, 50 schedules, 12 doors. Beside each number stands the same loop with a
bare dict lookup in its place: the least a decision can cost here.
"""

import argparse
import gc
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import msgspec

from edge_agent.core.area import Standing
from edge_agent.core.decide import Place, decide
from edge_agent.core.explain import who
from edge_agent.core.trial import Scene
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.decisions import Attempt, Grant
from edge_agent.model.people import CATEGORIES, Book, Credential, Person, Rule, Schedule, Span
from edge_agent.model.reads import Card, Direction, Read, Token
from edge_agent.model.site import Area, Door, GateBinding, Policy

CREDENTIALS, PEOPLE, RULES, SCHEDULES, DOORS = 100_000, 2_000, 200, 50, 12
TURNS = 20_000
WALL_MS = 1_777_876_200_000  # Monday 2026-05-04 14:30 in Shanghai
NOW = Moment(WALL_MS, 1_000_000, "ab" * 16, ClockState.SYNCED, 5)


def card_of(number: int) -> Card:
    return Card(34, number * 7919 % 2**32)


def people(count: int, credentials: int) -> tuple[dict[str, Person], dict[Card | Token, Credential]]:
    chance = random.Random(417)
    persons = {
        f"p-{n:06d}": Person(f"p-{n:06d}", CATEGORIES[n % len(CATEGORIES)], f"{n % 40}-{n % 3}-{n % 999}")
        for n in range(count)
    }
    names = list(persons)
    known: dict[Card | Token, Credential] = {}
    for n in range(credentials):
        key: Card | Token = card_of(n) if n % 20 else Token("plate", f"{n:08d}")
        until = WALL_MS + chance.randrange(-100, 10_000) * 86_400_000 if n % 5 == 0 else None
        known[key] = Credential(key, names[n % count], valid_until_ms=until, max_uses=9 if n % 50 == 0 else None)
    return persons, known


def rules(persons: dict[str, Person]) -> tuple[tuple[Rule, ...], dict[str, Schedule]]:
    """Three of four on a schedule, one of ten denies, one of ten is for every door, half name people."""
    chance = random.Random(418)
    schedules = {}
    for n in range(SCHEDULES):
        spans = tuple(
            Span((1, 2, 3, 4, 5) if turn else (6, 7), start, start + chance.randrange(60, 900))
            for turn, start in enumerate(sorted(chance.sample(range(300, 1300, 10), 3)))
        )
        schedules[f"s-{n}"] = Schedule(f"s-{n}", spans, {"holiday": ()})
    made, names = [], list(persons)
    for n in range(RULES):
        named = n % 2 == 0
        made.append(
            Rule(
                f"rule-{n}",
                ("*",) if n % 10 == 1 else tuple(f"door-{d}" for d in chance.sample(range(DOORS), 3)),
                () if named else tuple(chance.sample(CATEGORIES, 2)),
                tuple(chance.sample(names, 50)) if named else (),
                f"s-{n % SCHEDULES}" if n % 4 else None,
                "deny" if n % 10 == 7 else "permit",
            )
        )
    return tuple(made), schedules


def book_of(persons: dict[str, Person], known: dict[Card | Token, Credential], version: str = "1") -> Book:
    made, schedules = rules(persons)
    return Book(
        version,
        MappingProxyType(persons),
        MappingProxyType(known),
        made,
        MappingProxyType(schedules),
        MappingProxyType({day: "holiday" for day in range(739_900, 739_907)}),
        "Asia/Shanghai",
    )


def places() -> list[Place]:
    standing = Standing((Area("inside", "soft", max_people=5000),))
    gate = GateBinding("g", "gates/sim", contact=0)
    return [
        Place(Door(name=f"door-{n}", gate=gate, ways=(("card",), ("plate",)), area="inside"), standing)
        for n in range(DOORS)
    ]


def attempts(known: dict[Card | Token, Credential]) -> list[Attempt]:
    """Every other turn a known credential, now and then one nobody knows."""
    chance, keys = random.Random(419), list(known)
    made = []
    for n in range(TURNS):
        key = chance.choice(keys) if n % 10 else Card(34, 2**33 + n)
        made.append(Attempt(Read(f"r-{n}", "t", f"door-{n % DOORS}", Direction.IN, NOW.up_ms, key)))
    return made


def timed(call: Callable[[int], object]) -> list[int]:
    """ns of each of TURNS calls; the collector runs as it does in the daemon."""
    clock, took = time.perf_counter_ns, []
    for turn in range(TURNS):
        start = clock()
        call(turn)
        took.append(clock() - start)
    return took


def measure_decide() -> None:
    persons, known = people(PEOPLE, CREDENTIALS)
    book, doors, asked = book_of(persons, known), places(), attempts(known)
    policy = Policy()

    def ours(turn: int) -> object:
        return decide(asked[turn], book, doors[turn % DOORS], NOW, policy)

    def bare(turn: int) -> object:
        return known.get(asked[turn].read.credential)  # type: ignore[arg-type]

    timed(ours)
    took, least = timed(ours), timed(bare)
    granted = sum(isinstance(ours(turn), Grant) for turn in range(TURNS))
    speaking = [
        len(book.rules_for(persons[credential.person], doors[n % DOORS].door.name))
        for n, credential in zip(range(TURNS), known.values(), strict=False)
    ]
    print(f"one decision, n = {TURNS}; {granted / TURNS:.0%} granted, {statistics.mean(speaking):.0f} rules speak of")
    print(f"{'the person at the door':<40}{'median':>10}{'p99':>10}{'worst':>10}{'aim':>14}")
    for name, values, aim in (("decide", took, "50 / 200 us"), ("bare dict lookup", least, "")):
        p99 = statistics.quantiles(values, n=100)[98]
        print(f"  {name:<38}{statistics.median(values) / 1e3:>7.1f} us{p99 / 1e3:>7.1f} us", end="")
        print(f"{max(values) / 1e3:>7.0f} us{aim:>14}")
    print(f"  ratio of the medians: {statistics.median(took) / statistics.median(least):.0f}")


def measure_change() -> None:
    """One person changed: the dicts copied with one entry replaced, the rules indexed, the Book made."""
    persons, known = people(PEOPLE, CREDENTIALS)
    book_of(persons, known)
    made, schedules = rules(persons)
    took, copying = [], []
    for turn in range(20):
        start = time.perf_counter()
        changed = persons.copy()
        copied = known.copy()
        copying.append(time.perf_counter() - start)
        changed["p-000007"] = msgspec.structs.replace(persons["p-000007"], enabled=bool(turn % 2))
        Book(str(turn), MappingProxyType(changed), MappingProxyType(copied), made, MappingProxyType(schedules))
        took.append(time.perf_counter() - start)
    print(f"\na new snapshot after one person changed (aim 50 ms){'median':>20}{'worst':>10}")
    print(f"  {'the book in memory':<56}{statistics.median(took) * 1e3:>8.1f} ms{max(took) * 1e3:>7.1f} ms")
    print(f"  {'bare copy of its two dicts':<56}{statistics.median(copying) * 1e3:>8.1f} ms", end="")
    print(f"{max(copying) * 1e3:>7.1f} ms")
    measure_stored_change()


def measure_stored_change() -> None:
    """The same from people.db: one person is written by another connection, and the book before is patched."""
    from edge_agent.store.booking import Site
    from edge_agent.store.entries import CredentialEntry, PersonEntry
    from edge_agent.store.people import PeopleStore

    persons, known = people(PEOPLE, CREDENTIALS)
    made, schedules = rules(persons)
    held: dict[str, list[CredentialEntry]] = {}
    for key, credential in known.items():
        held.setdefault(credential.person, []).append(CredentialEntry(key))
    entries = [
        PersonEntry(id=one.id, name="n", category=one.category, house=one.house, credentials=tuple(held[one.id]))
        for one in persons.values()
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        writing, reading = PeopleStore(path), PeopleStore(path)
        writing.put_all(entries)
        site = Site("Asia/Shanghai", made, schedules)
        last, took, lookups = reading.snapshot_of(site), [], list(known)[:1000]
        for turn in range(20):
            writing.put(PersonEntry(id="p-000007", house=f"{turn}-1-1"))
            start = time.perf_counter()
            last = reading.snapshot_of(site, last)
            took.append(time.perf_counter() - start)
            assert last.book.persons["p-000007"].house == f"{turn}-1-1"
            assert all(key in last.book.credentials for key in lookups)
        writing.close()
        reading.close()
    print(f"  {'from people.db':<56}{statistics.median(took) * 1e3:>8.1f} ms{max(took) * 1e3:>7.1f} ms")


def measure_who() -> None:
    persons, known = people(CREDENTIALS, CREDENTIALS)
    scene = Scene(book_of(persons, known), places()[0], Direction.IN, NOW, Policy(), ("t",))
    start = time.perf_counter()
    found = sum(1 for _ in who(scene))
    took = time.perf_counter() - start
    print(f"\nwho could pass, of {CREDENTIALS} people (aim 10 s): {found} in {took:.2f} s")


def rss_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def weigh(people_count: int) -> None:
    """In a process of its own: what the book of 100,000 credentials adds to the resident memory."""
    gc.collect()
    before = rss_mb()
    book = book_of(*people(people_count, CREDENTIALS))
    gc.collect()
    print(f"{rss_mb() - before:.1f} {len(book.credentials)}")


def measure_memory() -> None:
    print("\nmemory of the book, resident, in a fresh process (aim 120 MB)")
    for count in (PEOPLE, CREDENTIALS):
        command = [sys.executable, __file__, "--weigh", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"  {CREDENTIALS} credentials of {count:>6} people: {done.stdout.split()[0]:>6} MB")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--weigh", type=int, help=argparse.SUPPRESS)
    if (count := options.parse_args().weigh) is not None:
        weigh(count)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.release()}\n")
    measure_decide()
    measure_change()
    measure_who()
    measure_memory()


if __name__ == "__main__":
    main()
