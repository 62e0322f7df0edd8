"""How fast one ingest worker stores, into SQLite and into PostgreSQL, beside a bare executemany of the same rows.

The worker's part is measured without a broker: each batch is judged (parsed, checked against the contract), stored with
chain and watermark, committed, and answered with a signed acknowledgement. `store` is the part between judged and
committed. The peer inserts the same rows into the same table in the same batches, one executemany and one commit each,
with the same promise about the disk; it checks nothing, links nothing and moves no watermark. `lean` is `store` without
the worker around it. Rounds alternate, medians are compared.

    python bench/city.py [directory on the disk to be measured]
"""

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_agent.city.intake import Intake
from edge_agent.city.rows import CityRow
from edge_agent.city.store import _INSERT, CityStore
from edge_agent.contract import topics
from edge_agent.contract.envelope import chain_hash, genesis, source_of, write_envelope
from edge_agent.contract.messages import AckMessage, seal
from edge_agent.contract.signatures import new_key, save_public
from edge_agent.model.events import AccessGranted, Row, encode_event
from tests.city.postgres_rig import missing, running_server

GATEWAY, BATCH, BATCHES, ROUNDS = "G0417", 200, 20, 7
RUN_FOR_S = 40.0
NOW = "2026-05-04T07:01:12.345Z"


def messages(epoch: str) -> list[bytes]:
    made, prev = [], genesis(epoch)
    for seq in range(1, BATCH * BATCHES + 1):
        event = AccessGranted(
            door="north-gate", direction="in", person=f"p-{seq % 5000:04x}", category="resident", house="3-1-502",
            how=("card",), rule="residents-always", terminal="north-in",
        )  # fmt: skip
        body = encode_event(event)
        own = chain_hash(prev, body, seq)
        row = Row(seq, epoch, event.tag, body, 1_777_878_072_345, "synced", 5, "ab" * 16, seq, prev, own)
        made.append(write_envelope(row, GATEWAY, False))
        prev = own
    return made


def batches(payloads: list[bytes]) -> list[list[bytes]]:
    return [payloads[at : at + BATCH] for at in range(0, len(payloads), BATCH)]


class Bench:
    """One database. `turn` makes a stream of its own for every measurement: nothing is there before."""

    def __init__(self, place: Path | str, folder: Path) -> None:
        self.store = CityStore(place)
        self.key = new_key()
        folder.mkdir(exist_ok=True)
        if not (folder / f"{GATEWAY}.pub").exists():
            save_public(folder / f"{GATEWAY}.pub", self.key.public_key())
        self.intake = Intake(folder)
        self.turns = 0

    def turn(self) -> list[bytes]:
        self.turns += 1
        return messages(f"{self.turns:032x}")

    def judged(self, payloads: list[bytes]) -> list[CityRow]:
        rows = [self.intake.judge(topics.up(GATEWAY, "evt"), payload) for payload in payloads]
        return [row for row in rows if isinstance(row, CityRow)]

    def worker(self, payloads: list[bytes]) -> float:
        def step(batch: list[bytes]) -> None:
            rows = self.judged(batch)
            self.store.store(rows)
            mark = self.store.watermark(source_of(GATEWAY), rows[0].epoch)
            assert mark is not None
            seal(AckMessage(epoch=mark.epoch, upto=mark.upto, have=mark.have, now=NOW), self.key)

        return rate(step, batches(payloads))

    def lean(self, payloads: list[bytes]) -> float:
        return rate(self.store.store, [self.judged(batch) for batch in batches(payloads)])

    def bare(self, payloads: list[bytes]) -> float:
        ready = [[bare_row(row) for row in self.judged(batch)] for batch in batches(payloads)]

        def step(rows: list[tuple[object, ...]]) -> None:
            with self.store._db.transaction():
                self.store._db.execute_many(_INSERT, rows)

        return rate(step, ready)


def bare_row(row: CityRow) -> tuple[object, ...]:
    return (
        row.source, row.epoch, row.seq, row.tag, row.subject, row.time, row.boot_id, row.up_ms, row.clock,
        row.clock_err_ms, int(row.historic), row.body.decode(), row.prev, row.prev, "ok", 1_777_878_072_345,
    )  # fmt: skip


def rate(step: Callable[[Any], object], parts: list[Any]) -> float:
    start = time.perf_counter()
    for part in parts:
        step(part)
    return BATCH * len(parts) / (time.perf_counter() - start)


def measure(name: str, bench: Bench) -> None:
    rates: dict[str, list[float]] = {"worker": [], "lean": [], "bare": []}
    until = time.monotonic() + RUN_FOR_S
    for _ in range(ROUNDS):
        if time.monotonic() > until:
            break
        for what, run in (("bare", bench.bare), ("worker", bench.worker), ("lean", bench.lean)):
            rates[what].append(run(bench.turn()))
    worker, lean, bare = (statistics.median(rates[what]) for what in ("worker", "lean", "bare"))
    print(
        f"{name:14}{worker:10.0f}{lean:10.0f}{bare:10.0f}{worker / bare:8.2f}{lean / bare:8.2f}{len(rates['bare']):8}"
    )
    bench.store.close()


@contextmanager
def postgres() -> Iterator[str | None]:
    if missing():
        yield None
        return
    with running_server() as server:
        yield server.database()


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=place) as name, postgres() as dsn:
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"batches of {BATCH}, {BATCHES} a round; events a second\n")
        print(f"{'':14}{'worker':>10}{'store':>10}{'bare':>10}{'w/bare':>8}{'s/bare':>8}{'rounds':>8}")
        folder = Path(name)
        measure("SQLite", Bench(folder / "city.db", folder / "gateways"))
        if dsn is None:
            print(f"PostgreSQL: not measured, {missing()}")
        else:
            measure("PostgreSQL", Bench(dsn, folder / "gateways"))


if __name__ == "__main__":
    main()
