"""Row 26: files of older versions, migrations that are interrupted, files of a newer version."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from edge_agent.drivers.clock import SystemClock
from edge_agent.model.events import DoorOpened, encode_event
from edge_agent.store import chain, database
from edge_agent.store.ledger import APPEND
from edge_agent.store.schema import JOURNAL
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.waiting import auntil

ROWS = 60
LATER = """INSERT INTO _sqlite_migrations (migration_set, name, applied_at)
    SELECT migration_set, '9999_later', applied_at FROM _sqlite_migrations WHERE migration_set = 'journal' LIMIT 1"""


def older(path: Path, steps: int) -> str:
    """A journal as the version with that many steps wrote it, with rows; its epoch."""
    for file in path.parent.glob("journal.db*"):
        file.unlink()
    kind = msgspec.structs.replace(JOURNAL, steps=JOURNAL.steps[:steps], tables=("meta", "events"))
    connection = database.open_file(path, kind).connection
    epoch = str(connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])
    prev, now = chain.genesis(epoch), SystemClock().now()
    for seq in range(1, ROWS + 1):
        event = DoorOpened(door="north-gate")
        body = encode_event(event)
        own = chain.link(prev, body, seq)
        columns = (now.wall_ms, str(now.state), now.err_ms, now.boot_id, now.up_ms, prev, own)
        connection.execute(APPEND, (seq, event.tag, event.urgent, body, *columns))
        prev = own
    connection.close()
    return epoch


@row(26, "older journals, migration killed at each statement", part="a", quick=1, sample=12, full=60, batch=1)
async def upgraded(lab: Lab, count: int) -> None:
    await lab.open(gateways=0)
    gateway = await lab.gateway()
    for number in range(count):
        epoch = older(gateway.journal, 1 + (lab.seed + number) % max(1, len(JOURNAL.steps) - 1))
        gateway.ledger.promise(epoch, ROWS, None, whole=True)
        statements = sum(len(step.statements) for step in JOURNAL.steps)
        for at in lab.rng.sample(range(1, statements + 2), k=3):
            await gateway.start(f"migrate:{at}:kill", wait=False)
            await auntil(lambda: not gateway.agent.running or "deciding" in gateway.log, 20, "the migration")
            if gateway.agent.running:
                await gateway.kill()
        await gateway.start()
        lab.check("damaged" not in gateway.log, "taken for damaged")
        await gateway.ready()
        gateway.show_card()
        await gateway.served()
        lab.count()


@row(26, "a journal of a newer version is refused untouched", part="b", quick=1, sample=2, full=10)
async def from_the_future(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.show_card()
        await gateway.served()
        await gateway.kill()
        _note(gateway, LATER)
        before = gateway.journal.read_bytes()
        await gateway.start(wait=False)
        lab.check(await gateway.agent.ended(20) != 0, "it started")
        lab.check(gateway.journal.read_bytes() == before, "it was changed")
        _note(gateway, "DELETE FROM _sqlite_migrations WHERE name = '9999_later'")
        await gateway.start()
        await gateway.ready()
        lab.count()


def _note(gateway: Gateway, statement: str) -> None:
    with closing(sqlite3.connect(gateway.journal, isolation_level=None)) as connection:
        connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
