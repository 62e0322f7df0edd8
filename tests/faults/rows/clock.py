"""Rows 16 and 17: clocks that are wrong, jump, or are turned back. Only the wall clock is faked, per process."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from edge_agent.store.reading import JournalReader
from tests.faults import oracle
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.faults.template import EXPIRED

OFFERED_MS = 10_000  # from the card at the reader to the event, on a very busy machine
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
LIBRARIES = (LIBRARY, Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"))
WRONG = ("1970-01-02 00:00:00", "2036-01-01 00:00:00", "2038-01-19 03:14:00", "2024-06-01 12:00:00", "-1d")
SEEN_S = 2.5  # the library looks at its file once a second; then two looks at the clock's quality
STEPS = ("+3600", "-3600", "+0", "-86400", "+315360000")


def no_faketime() -> str:
    return "" if _library() else "libfaketime is not installed (Debian: faketime)"


def _library() -> Path | None:
    return next((path for path in LIBRARIES if path.exists()), None)


async def with_clock(lab: Lab) -> tuple[Gateway, Path]:
    """A gateway whose wall clock says what the file says."""
    await lab.open(gateways=0)
    gateway = await lab.gateway()
    return gateway, fake_clock(lab, gateway)


def fake_clock(lab: Lab, gateway: Gateway) -> Path:
    """The file that says what the gateway's wall clock says."""
    told = lab.folder / "clock"
    told.write_text("+0", "ascii")
    gateway.agent.env |= {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    return told


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
        await asyncio.sleep(SEEN_S)
        await opens_and_refuses(lab, gateway, STEPS[(lab.seed + number) % len(STEPS)])
        lab.count()
    lab.check(gateway.agent.running, "it ended")


@row(17, "power cycle with the clock turned back", part="a", quick=1, sample=3, full=50, why_not=no_faketime)
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


@row(17, "clock flag, corrected times, floor", part="b", sample=2, full=20, batch=1, why_not=no_faketime)
async def flags(lab: Lab, count: int) -> None:
    """Synchronised, then not, then a power cycle into 1970 with somebody who vouches for 1970, then right again: what
    each event says of its time is true, dated passes open by a trusted clock only, and the floor holds.
    """
    gateway, told = await with_clock(lab)
    quality = lab.folder / "quality"
    gateway.agent.env["LAB_CLOCK"] = str(quality)
    quality.write_text("synced", "ascii")
    await gateway.start()
    await gateway.ready()
    await dated(lab, gateway, opens=True)
    await lab.settle()
    lab.broker.kill()  # from here on everything waits, so that its time can still be corrected
    quality.write_text("unsynced", "ascii")
    told.write_text("@1970-01-02 00:00:00", "ascii")
    await asyncio.sleep(SEEN_S)
    await dated(lab, gateway, opens=True)  # holdover: by uptime since it was right
    await gateway.kill()
    await gateway.start()
    await gateway.ready()
    await dated(lab, gateway, opens=False)
    quality.write_text("synced", "ascii")  # and somebody vouches for 1970
    await asyncio.sleep(SEEN_S)
    await dated(lab, gateway, opens=False)
    lab.check("not believed" in gateway.log, "1970 was believed")
    told.write_text("+0", "ascii")
    await asyncio.sleep(SEEN_S)
    await dated(lab, gateway, opens=True)
    await lab.broker.start()
    await lab.settle()
    lab.count(**_times(lab, gateway))


async def dated(lab: Lab, gateway: Gateway, opens: bool) -> None:
    await gateway.shut()
    mark, since = len(gateway.gate.lines), len(gateway.ledger.reads)
    if opens:
        await gateway.let_in(mark, show=gateway.show_dated)
    else:
        gateway.show_dated()
        await gateway.served(since=since)
        await asyncio.sleep(0.5)
        lab.check(not gateway.openings(mark), "a dated pass opened by a clock nobody vouches for")


def _times(lab: Lab, gateway: Gateway) -> dict[str, float]:
    """Each passage at its true time within what it says it may be off, and how far off the worst was."""
    query = "SELECT time, clock, clock_err_ms FROM events WHERE tag IN ('access.granted', 'access.denied') ORDER BY seq"
    with closing(sqlite3.connect(lab.city_db)) as db:
        rows = db.execute(query).fetchall()
    offers = [oracle.wall_ms(offer.t_ns) for offer in gateway.ledger.offers]
    lab.check(len(rows) == len(offers), f"{len(rows)} passages of {len(offers)}")
    clocks = [clock for _, clock, _ in rows]
    lab.check(clocks[0] == clocks[-1] == "synced", f"flags: {clocks}")
    lab.check(clocks[1] in ("holdover", "synced"), f"flags: {clocks}")
    worst = 0.0
    for (text, clock, err_ms), at in zip(rows, offers, strict=True):
        off_ms = abs(datetime.fromisoformat(text).timestamp() * 1000 - at)
        lab.check(off_ms <= err_ms + OFFERED_MS, f"{text} ({clock}, ±{err_ms} ms) was {off_ms:.0f} ms off")
        worst = max(worst, off_ms)
    return {"worst_off_s": worst / 1000}


async def opens_and_refuses(lab: Lab, gateway: Gateway, clock: str) -> None:
    """A resident without dates gets in; a pass that ran out does not; the chain holds."""
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
