"""Rows 12, 13 and 30: workers that die around their commit; acknowledgements of every wrong kind; a city whose database
is put back or cut.
"""

import asyncio
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from edge_agent.contract import topics
from edge_agent.contract.envelope import iso_time
from edge_agent.contract.messages import AckMessage, seal
from edge_agent.contract.signatures import PrivateKey, load_private, new_key
from edge_agent.sim.process import module
from tests.faults.child import WORKER_POINTS
from tests.faults.gateway import ROOT
from tests.faults.lab import Lab
from tests.faults.oracle import journal_rows
from tests.faults.row import row
from tests.faults.thief import Thief
from tests.waiting import auntil

WORKERS = 4
FORGERIES = ("own_key", "no_signature", "beyond", "other_epoch", "other_gateway", "garbage")


@row(12, "worker SIGKILL around its commit, 4 sharing", quick=1, sample=12, full=300)
async def worker_killed(lab: Lab, count: int) -> None:
    await lab.open(workers=WORKERS)
    for gateway in lab.gateways:
        gateway.offering(50)
    for number in range(count):
        point = WORKER_POINTS[(lab.seed + number) % len(WORKER_POINTS)]
        index = number % WORKERS
        lab.workers[index].kill()
        await lab.workers[index].ended()
        victim = await lab.start_worker(f"{point}:{lab.rng.randrange(1, 6)}:kill", number=index)
        await auntil(lambda victim=victim: not victim.running, 30, f"the worker to die at {point}")  # type: ignore[misc]
        await victim.ended()
        await lab.start_worker(number=index)
        lab.count()


@row(13, "acks lost, late, twice, swapped", part="a", quick=1, sample=4, full=100, batch=4)
async def acks_unreliable(lab: Lab, count: int) -> None:
    await lab.open(workers=0)
    await lab.start_worker(acks=f"{lab.seed}:lost,late,twice,swapped")
    gateway = lab.gateways[0]
    for _ in range(count):
        gateway.offering(50)
        await gateway.served(100)
        await gateway.quiet()
        lab.count()
    lab.workers[0].kill()
    await lab.workers[0].ended()
    await lab.start_worker(number=0)


@row(13, "acks forged, of another gateway, beyond", part="b", quick=6, sample=30, full=1000, batch=60)
async def acks_forged(lab: Lab, count: int) -> None:
    """While the city's worker is away nothing may be believed; if something is, the city misses it afterwards."""
    await lab.open(gateways=2, workers=0)
    right = load_private(lab.folder / "city/keys/city-ack.key")
    gateway = lab.gateways[0]
    thief = await Thief.connected(lab.broker)
    gateway.offering(30)
    await gateway.served(20)
    for number in range(count):
        await gateway.served()
        kind = FORGERIES[(lab.seed + number) % len(FORGERIES)]
        rows = journal_rows(gateway.journal)
        await thief.publish(topics.down(gateway.id, "ack"), _forged(kind, rows[-1].epoch, rows[-1].seq, right, lab))
        lab.count()
    await gateway.quiet()
    await thief.close()
    await gateway.kill()  # the cursor of a clean end is on the disk at once
    await gateway.start()
    lab.check(_acked(lab) == 0, f"the gateway believed that the city has {_acked(lab)} events; it has none")
    await lab.start_worker()


def _forged(kind: str, epoch: str, last: int, right: PrivateKey, lab: Lab) -> bytes:
    def ack(of: str, upto: int, key: PrivateKey) -> bytes:
        return seal(AckMessage(epoch=of, upto=upto, now=iso_time(2_000_000_000_000 + lab.done)), key)

    match kind:
        case "own_key":
            return ack(epoch, last, new_key())
        case "no_signature":
            return ack(epoch, last, right).replace(b'"sig":"', b'"gis":"')
        case "beyond":
            return ack(epoch, last + 10_000, right)
        case "other_epoch":
            return ack("ab" * 16, last, right)
        case "other_gateway":
            other = journal_rows(lab.gateways[1].journal)
            return ack(other[-1].epoch, last, right)
        case _:
            return secrets.token_bytes(lab.rng.randrange(1, 500))


def _acked(lab: Lab) -> Any:
    from edge_agent.store.reading import JournalReader

    reader = JournalReader(lab.gateways[0].journal)
    try:
        return reader.acked
    finally:
        reader.close()


@row(30, "the city's database put back, cut, altered", sample=16, full=200, batch=40)
async def city_cut(lab: Lab, count: int) -> None:
    """The gateway will not send again what was acknowledged: `city verify` must say what is missing or wrong, and say
    nothing about the copy that is whole. Each new session the gateway signs how far the city has told it.
    """
    await lab.open()
    gateway = lab.gateways[0]
    older = lab.folder / "older.db"
    harms = ("put_back", "end", "inside", "altered")
    while lab.done < count:
        await _grown(lab)
        if not older.exists():
            _copy(lab, older)
            await _grown(lab)
        whole = lab.folder / "whole.db"
        _copy(lab, whole)
        code, said = await _verified(lab, whole)
        lab.check(code == 0, f"a whole database is doubted: {said}")
        for harm in harms[: count - lab.done]:
            harmed = lab.folder / "harmed.db"
            shutil.copy(older if harm == "put_back" else whole, harmed)
            if harm == "put_back":  # and what was signed since then has come to it, as it does with the next session
                _signed(whole, harmed)
            wanted = _HARMS[harm](harmed, lab)
            code, said = await _verified(lab, harmed)
            lab.check(code == 1 and wanted in said, f"{harm}: {wanted!r} was not found: {said}")
            lab.count()
        shutil.copy(whole, older)
    await gateway.quiet()


async def _grown(lab: Lab) -> None:
    """More events, acknowledged, and the gateway's word about them in the city."""
    gateway = lab.gateways[0]
    since = len(gateway.ledger.reads)
    gateway.offering(50)
    await gateway.served(lab.rng.randrange(5, 30), since=since)
    await gateway.quiet()
    await lab.settle()
    await gateway.kill()
    await gateway.start()
    await gateway.ready()
    await lab.settle()
    goal = _marks(lab.city_db)[0]
    await auntil(lambda: _marks(lab.city_db)[1] >= goal, 30, lambda: f"the gateway's word: {_marks(lab.city_db)}")


def _marks(path: Path) -> tuple[int, int]:
    """What was acknowledged and what was signed."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        query = "SELECT (SELECT max(upto) FROM watermarks), (SELECT coalesce(max(seq), 0) FROM checkpoints)"
        acknowledged, signed = db.execute(query).fetchone()
        return int(acknowledged), int(signed)


def _copy(lab: Lab, into: Path) -> None:
    into.unlink(missing_ok=True)
    with closing(sqlite3.connect(lab.city_db, timeout=30)) as db:
        db.execute("VACUUM INTO ?", (str(into),))


def _signed(whole: Path, harmed: Path) -> None:
    with closing(sqlite3.connect(whole)) as db:
        rows = db.execute("SELECT source, epoch, seq, statement FROM checkpoints").fetchall()
    with closing(sqlite3.connect(harmed)) as db, db:
        db.executemany("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)", rows)


def _put_back(path: Path, lab: Lab) -> str:
    last, signed = _last(path), _marks(path)[1]
    return f"{last + 1}–{signed}: "


def _end(path: Path, lab: Lab) -> str:
    """The last rows are gone, and the watermark says that they never came."""
    last, signed = _last(path), _marks(path)[1]
    first = lab.rng.randrange(max(2, signed - 20), signed + 1)
    _change(path, f"DELETE FROM events WHERE seq >= {first}", f"UPDATE watermarks SET upto = {first - 1}, have = '[]'")
    lab.check(first <= last, "nothing was cut")
    return f"{first}–{signed}: "


def _inside(path: Path, lab: Lab) -> str:
    seq = lab.rng.randrange(2, _last(path))
    _change(path, f"DELETE FROM events WHERE seq = {seq}")
    return f"{seq}–{seq}: "


def _altered(path: Path, lab: Lab) -> str:
    """One event tells of another door."""
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT seq FROM events WHERE body LIKE '%north-gate%' ORDER BY seq"
        seq = lab.rng.choice([seq for (seq,) in db.execute(query)])
    _change(path, f"UPDATE events SET body = replace(body, 'north-gate', 'south-gate') WHERE seq = {seq}")
    return f"{seq}: "


_HARMS: dict[str, Callable[[Path, Lab], str]] = {
    "put_back": _put_back, "end": _end, "inside": _inside, "altered": _altered
}  # fmt: skip


def _last(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT max(seq) FROM events").fetchone()[0])


def _change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


async def _verified(lab: Lab, database: Path) -> tuple[int, str]:
    """What `city verify` ends with and says, in English."""
    gateway = lab.gateways[0]
    arguments = module("edge_agent", "city", "verify", "--folder", lab.folder / "city", "--db", database, gateway.id)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *arguments, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "LANG": "C.UTF-8"}, cwd=ROOT
    )
    said, _ = await child.communicate()
    return child.returncode or 0, said.decode()


async def worker_storm(lab: Lab, seconds: float) -> None:
    """For the soak: one worker after the other is replaced."""
    for index, worker in enumerate(lab.workers):
        await asyncio.sleep(seconds)
        worker.kill()
        await worker.ended()
        await lab.start_worker(number=index)
