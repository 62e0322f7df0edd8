"""A city in one folder: broker, ingest workers, gateways. Started for one row, judged by the oracle, thrown away."""

import asyncio
import itertools
import random
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path

from edge_agent.sim.process import Process, module
from tests.faults import oracle
from tests.faults.broker import USUAL, Broker
from tests.faults.gateway import ROOT, Gateway
from tests.faults.template import Template
from tests.waiting import auntil

GETS_ON_S = 90.0


class Wrong(AssertionError):
    """A pass criterion does not hold."""


class Lab:
    """`rng` decides everything that is left to chance. `done` counts the injections of this row."""

    def __init__(self, folder: Path, template: Template, seed: int) -> None:
        self.folder, self.template, self.seed = folder, template, seed
        self.rng = random.Random(seed)
        self.city_db = folder / "city/city.db"
        self.gateways: list[Gateway] = []
        self.workers: list[Process] = []
        self.done = 0
        self.notes: dict[str, list[float]] = {}
        self.broker = Broker(folder / "broker")
        self.worker_url = ""  # where workers connect; empty: at the broker
        self.url = ""  # where gateways connect; empty: at the broker
        self._ends: list[Callable[[], Awaitable[None]]] = []
        self._last: list[Callable[[], object]] = []
        self._numbers = itertools.count(417)
        shutil.copytree(template.city, folder / "city")

    # ---- building ----------------------------------------------------------------------------------------------------

    async def open(self, *, gateways: int = 1, workers: int = 1, broker: tuple[str, ...] = USUAL) -> None:
        """A broker, workers and running gateways that decide."""
        self.broker.more = broker
        await self.broker.start()
        for _ in range(workers):
            await self.start_worker()
        for _ in range(gateways):
            await (await self.gateway()).start()
        await asyncio.gather(*(gateway.ready() for gateway in self.gateways))

    async def gateway(self, state: Path | None = None, build: bool = True) -> Gateway:
        """One more gateway, not started; its state lies at `state`."""
        id = f"G{next(self._numbers):04d}"
        folder = self.folder / id
        rng = random.Random(self.rng.random())
        gateway = Gateway(id, folder, state or folder / "state", self.url or self.broker.url, rng)
        self.gateways.append(gateway)
        if build:
            await gateway.build(self.template, self.folder / "city")
        return gateway

    async def start_worker(self, point: str = "", acks: str = "", number: int | None = None) -> Process:
        """An ingest worker, with a fault inside (child.py); with `number` in the place of that one."""
        index = len(self.workers) if number is None else number
        arguments = module(
            "tests.faults.child",
            "city",
            "run",
            "--folder",
            self.folder / "city",
            "--broker",
            self.worker_url or self.broker.url,
            "--worker",
            index,
        )
        env = {"PYTHONPATH": str(ROOT), "LAB_POINT": point, "LAB_ACKS": acks}
        worker = Process(f"worker-{index}", arguments, self.folder / f"worker-{index}.log", env)
        await worker.start()
        if number is None:
            self.workers.append(worker)
        else:
            self.workers[number] = worker
        return worker

    def last_thing(self, act: Callable[[], object]) -> None:
        """Done when everything has ended."""
        self._last.append(act)

    def finally_(self, end: Callable[[], Awaitable[None]]) -> None:
        self._ends.append(end)

    # ---- measuring ---------------------------------------------------------------------------------------------------

    def count(self, **measured: float) -> None:
        """One injection is done; what it measured is printed as median and worst."""
        self.done += 1
        self.note(**measured)

    def note(self, **measured: float) -> None:
        for name, value in measured.items():
            self.notes.setdefault(name, []).append(value)

    def check(self, holds: object, what: str) -> None:
        if not holds:
            raise Wrong(what)

    # ---- judging -----------------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Until the city has all that was promised. Nothing is offered any more, and it gets on all the time: after
        many broken connections the next attempt may be a minute away, and a backlog takes its time.
        """
        for gateway in self.gateways:
            await gateway.quiet()
        while self.missing():
            stored = self.newest()
            await auntil(
                lambda stored=stored: not self.missing() or self.newest() > stored,  # type: ignore[misc]
                GETS_ON_S,
                lambda: f"the city to have {sorted(self.missing())[:10]}",
            )
            await asyncio.sleep(0.2)

    async def settle_one(self, gateway: Gateway, timeout: float) -> None:
        await auntil(lambda: not [of for of, _, _ in self.missing((gateway,))], timeout, f"all of {gateway.id}")

    def missing(self, gateways: Sequence[Gateway] = ()) -> set[tuple[str, str, int]]:
        """(gateway, epoch, seq) promised and neither stored nor announced as a gap. Cheap: watermarks only."""
        if not self.city_db.exists():
            return {("", "", 0)}
        query = "SELECT source, epoch, upto, have FROM watermarks"
        try:
            with closing(sqlite3.connect(f"{self.city_db.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
                marks = {(source, epoch): upto for source, epoch, upto, _ in db.execute(query)}
        except sqlite3.OperationalError:
            return {("", "", 0)}
        missing = set()
        for gateway in gateways or self.gateways:
            newest: dict[str, int] = {}
            for epoch, seq in tuple(gateway.ledger.accepted):
                newest[epoch] = max(newest.get(epoch, 0), seq)
            for epoch, seq in newest.items():
                if marks.get((f"urn:sc:gw:{gateway.id}", epoch), 0) < seq:
                    missing.add((gateway.id, epoch, seq))
        return missing

    def newest(self) -> int:
        """Rises with every stored event; cheap however many there are."""
        return self._ask("SELECT max(rowid) FROM events")

    def stored(self) -> int:
        """How many events the city has."""
        return self._ask("SELECT count(*) FROM events")

    def quarantined(self) -> int:
        return self._ask("SELECT count(*) FROM quarantine")

    def _ask(self, query: str) -> int:
        try:
            with closing(sqlite3.connect(f"{self.city_db.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
                return int(db.execute(query).fetchone()[0] or 0)
        except sqlite3.OperationalError:
            return 0

    def verdict(self, destroyed: bool = False) -> oracle.Findings:
        """Raises Wrong. `destroyed`: the row destroys files, so that announced losses are not wrong."""
        total = oracle.Findings()
        for gateway in self.gateways:
            events = oracle.stored(self.city_db, gateway.id)
            if (
                sum(other.id == gateway.id for other in self.gateways) > 1
            ):  # two with one name: each by its own journals
                own = {epoch for epoch, _ in gateway.ledger.accepted}
                events = [event for event in events if event.epoch in own]
            found = oracle.judge(events, gateway.ledger, gateway.gate.lines, None if destroyed else gateway.journal)
            if wrong := found.wrong():
                raise Wrong(f"{gateway.id}: " + "; ".join(f"{name} {list(what)[:5]}" for name, what in wrong.items()))
            if found.announced and not destroyed:
                raise Wrong(f"{gateway.id}: announced as lost without a destroyed file: {found.announced[:5]}")
            total.accepted += found.accepted
            total.openings += found.openings
            total.announced += found.announced
        return total

    async def close(self) -> None:
        """End every process by its own pid; the gateways first."""
        for end in self._ends:  # whoever starts gateways anew ends before they do
            await end()
        await asyncio.gather(*(gateway.close() for gateway in self.gateways))
        await asyncio.gather(*(worker.stop() for worker in self.workers))
        await self.broker.close()
        for act in reversed(self._last):
            act()
