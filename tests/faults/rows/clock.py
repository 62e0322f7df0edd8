"""Rows 16 and 17: clocks that are wrong, jump, or are turned back. Only the wall clock is faked, per process."""

import asyncio
from pathlib import Path

from edge_agent.store.reading import JournalReader
from tests.faults import oracle
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.faults.template import EXPIRED

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
LIBRARIES = (LIBRARY, Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"))
WRONG = ("1970-01-02 00:00:00", "2036-01-01 00:00:00", "2038-01-19 03:14:00", "2024-06-01 12:00:00", "-1d")
STEPS = ("+3600", "-3600", "+0", "-86400", "+315360000")


def no_faketime() -> str:
    return "" if _library() else "libfaketime is not installed (Debian: faketime)"


def _library() -> Path | None:
    return next((path for path in LIBRARIES if path.exists()), None)


async def with_clock(lab: Lab) -> tuple[Gateway, Path]:
    """A gateway whose wall clock says what the file says."""
    await lab.open(gateways=0)
    gateway = await lab.gateway()
    told = lab.folder / "clock"
    told.write_text("+0", "ascii")
    gateway.agent.env |= {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    return gateway, told


@row(16, "boots in 1970, 2036, 2038, 2024, a day back", part="a", quick=1, sample=5, full=50, why_not=no_faketime)
async def wrong_at_start(lab: Lab, count: int) -> None:
    gateway, told = await with_clock(lab)
    for number in range(count):
        clock = WRONG[(lab.seed + number) % len(WRONG)]
        told.write_text(clock if clock.startswith("-") else f"@{clock}", "ascii")
        await gateway.start()
        await gateway.ready()
        await opens_and_refuses(lab, gateway, clock)
        await gateway.kill()
        lab.count()
    told.write_text("+0", "ascii")
    await gateway.start()


@row(16, "clock steps of an hour, a day, ten years mid-run", part="b", quick=1, sample=5, full=50, why_not=no_faketime)
async def steps(lab: Lab, count: int) -> None:
    gateway, told = await with_clock(lab)
    await gateway.start()
    await gateway.ready()
    for number in range(count):
        told.write_text(STEPS[(lab.seed + number) % len(STEPS)], "ascii")
        await asyncio.sleep(1.5)  # two looks at the clock's quality
        await opens_and_refuses(lab, gateway, STEPS[(lab.seed + number) % len(STEPS)])
        lab.count()
    lab.check(gateway.agent.running, "it ended")


@row(17, "power cycle with the clock turned back", quick=1, sample=3, full=50, why_not=no_faketime)
async def turned_back(lab: Lab, count: int) -> None:
    """Yesterday's pass must not be valid again because nobody can ask what day it is."""
    gateway, told = await with_clock(lab)
    for _ in range(count):
        told.write_text("+0", "ascii")
        await gateway.start()
        await gateway.ready()
        await opens_and_refuses(lab, gateway, "now")
        await gateway.kill()
        lab.broker.kill()  # and no city to ask
        told.write_text("@2024-06-01 12:00:00", "ascii")
        await gateway.start()
        await gateway.ready()
        await opens_and_refuses(lab, gateway, "2024")
        await gateway.kill()
        await lab.broker.start()
        lab.count()
    told.write_text("+0", "ascii")
    await gateway.start()


async def opens_and_refuses(lab: Lab, gateway: Gateway, clock: str) -> None:
    """A resident without dates gets in; a pass that ran out does not; nothing says `synced`."""
    await gateway.shut()
    mark, since = len(gateway.gate.lines), len(gateway.ledger.reads)
    gateway.show_expired()
    await gateway.served(since=since)
    await asyncio.sleep(0.1)
    lab.check(not gateway.openings(mark), f"{clock}: a pass that ran out opened")
    await gateway.let_in(mark)
    rows = oracle.journal_rows(gateway.journal)
    lab.check(not any(row.tag == "access.granted" and EXPIRED.encode() in row.body for row in rows), "an expired grant")
    reader = JournalReader(gateway.journal)
    try:
        lab.check(reader.verify().ok, f"{clock}: the chain")
    finally:
        reader.close()
