"""A worker that kills itself: `python -m tests.city.worker_child PLACE URL FOLDER before|after`.

`before`: a batch was received and is not committed; `after`: it is committed and not acknowledged.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent.city.broker import BrokerAddress
from edge_agent.city.ingest import IngestWorker
from edge_agent.city.rows import CityRow
from edge_agent.city.store import CityStore
from edge_agent.contract.signatures import load_private


class MortalStore(CityStore):
    point = ""

    def store(self, rows: Sequence[CityRow]) -> int:
        if self.point == "after":
            super().store(rows)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")


async def main(place: str, url: str, folder: Path, point: str) -> None:
    store = MortalStore(place if "://" in place else Path(place))
    store.point = point
    worker = IngestWorker(
        BrokerAddress(url), store, load_private(folder / "city-ack.key"), folder / "gateways", "city-mortal"
    )
    job = asyncio.ensure_future(worker.run())
    await worker.listening.wait()
    print("listening", flush=True)
    await job


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
