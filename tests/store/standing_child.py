"""A process that records grants with what they leave behind until it is killed; announces what was accepted."""

import asyncio
import sys
from pathlib import Path

from journal_rig import BOOT, CountingClock

from edge_agent.model.events import AccessGranted, Row
from edge_agent.model.standing import At, Latch, Presence, Tries, Uses
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer


def announce(row: Row, read_id: str | None) -> None:
    sys.stdout.write(f"{row.seq} {read_id}\n")
    sys.stdout.flush()


async def main(path: Path, first: int, count: int) -> None:
    writer = Writer()
    journal = SqliteJournal(path, CountingClock(), writer)
    journal.listen(announce)
    for n in range(first, first + count):
        event = AccessGranted(
            door="d", direction="in", person=f"p-{n}", category="resident", how=("card",), rule="residents-always"
        )
        at = At(n, n, BOOT)
        tries = Tries("t", 0, n, n, BOOT)
        changes = (Presence("yard", f"p-{n}", True, at), Uses("pass/x", n + 1), Latch("panic/d", True, n), tries)
        recording = journal.record(event, *changes, read_id=f"r{n}")
        if n % 7 == 0:
            await recording.committed()
    await journal.close()
    writer.close()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
