"""The gateway signs what the city acknowledged, and the city's database is held against it: journal, sender, broker and
worker are real.
"""

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.city.reading import CityReader
from edge_agent.city.store import CityStore
from edge_agent.city.verify import Verdict, verify
from edge_agent.contract.signatures import load_public
from edge_agent.drivers.clock import SystemClock
from edge_agent.flows import vouch
from edge_agent.flows.alarm import Alarms
from edge_agent.flows.publish import Publisher
from edge_agent.flows.vouch import Vouching
from edge_agent.model.events import DoorOpened
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.writer import Writer
from tests.flows.world import MemoryBooks
from tests.uplink.rig import GATEWAY, SOURCE, City, beat, both_brokers, broker, city_in, running, uplink_for, worker_for
from tests.waiting import auntil


def verdict(folder: Path) -> Verdict:
    key = load_public(folder / "gateways" / f"{GATEWAY}.pub")
    with closing(CityReader(folder / "city.db")) as reader:
        return next(reversed(verify(reader, SOURCE, [key])), Verdict(SOURCE, ""))


@both_brokers
def test_a_database_put_back_from_an_older_copy_is_found(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its tables agree with each other and the gateway never sends those events again: only its signed word shows
    that they are missing. The database as it was is whole.
    """
    monkeypatch.setattr(vouch, "LOOK_S", 0.02)
    monkeypatch.setattr(vouch, "EVERY_S", 0.02)
    older = tmp_path / "older.db"

    @contextlib.asynccontextmanager
    async def connected(journal: SqliteJournal, city: City) -> AsyncIterator[None]:
        """The worker comes when the gateway has been waiting for one."""
        uplink, reports = uplink_for(city, there.url, there.mqtt)
        clock, worker = SystemClock(), worker_for(city, there)
        alarms = Alarms(journal, clock)
        publisher = Publisher(uplink, journal, MemoryBooks(), clock, alarms, (), "city", random.Random(1))
        vouching = Vouching(uplink, journal)
        async with running(uplink.run(beat), publisher.run(beat), vouching.run(beat)):
            await uplink.connected()
            await asyncio.sleep(0.2)
            async with running(worker.run()):
                yield
        assert not reports
        assert worker.refused == 0

    async def scene(city: City) -> None:
        writer = Writer()
        journal = SqliteJournal(tmp_path / "journal.db", SystemClock(), writer)
        async with connected(journal, city):
            for count in (5, 7):
                for _ in range(count):
                    await journal.record(DoorOpened(door="north-gate")).committed()
                await auntil(lambda: verdict(city.folder).signed == journal.last)
                if not older.exists():
                    city.store._db.execute("VACUUM INTO ?", (str(older),))
        whole = verdict(city.folder)
        assert (whole.count, whole.signed, whole.findings, whole.waiting) == (12, 12, 0, 0)
        city.close()
        shutil.copy(older, city.folder / "city.db")
        city.store = CityStore(city.folder / "city.db")
        assert verdict(city.folder).findings == 0  # nothing in it says so
        async with connected(journal, city):
            await auntil(lambda: verdict(city.folder).signed == 12)
        await journal.close()
        writer.close()
        cut = verdict(city.folder)
        assert (cut.count, cut.cut, cut.findings) == (5, [(6, 12)], 1)

    with broker(tmp_path, kind) as there, city_in(tmp_path) as city:
        asyncio.run(scene(city))
