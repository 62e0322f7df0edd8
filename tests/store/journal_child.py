"""A process that records until it is killed; says on stdout what the journal announced as accepted."""

import asyncio
import sys
from pathlib import Path

from journal_rig import CountingClock

from edge_agent.model.events import DoorForced, DoorOpened, Row
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer


def announce(row: Row, read_id: str | None) -> None:
    sys.stdout.write(f"{row.epoch} {row.seq} {read_id}\n")
    sys.stdout.flush()


async def main(path: Path, first: int, count: int) -> None:
    writer = Writer()
    journal = SqliteJournal(path, CountingClock(), writer)
    journal.listen(announce)
    for n in range(first, first + count):
        event = DoorForced(door=f"d{n}") if n % 9 == 0 else DoorOpened(door=f"d{n}")
        recording = journal.record(event, read_id=f"r{n}")
        if n % 4 == 0:
            await recording.committed()
    sys.stdout.write("all offered\n")
    await journal.close()
    writer.close()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
