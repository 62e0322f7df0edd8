"""The city's ingest worker: takes what gateways send, stores it, and only then says so.

Several workers may share one database, in one process or in many.
"""

import asyncio
import random
from pathlib import Path

from edge_agent import log
from edge_agent.city.broker import Arrived, BrokerAddress
from edge_agent.city.intake import Intake, Refused
from edge_agent.city.reception import GROUP, REGION, Judged, Reception
from edge_agent.city.rows import CityRow
from edge_agent.city.store import CityStore
from edge_agent.contract import topics
from edge_agent.contract.envelope import source_of
from edge_agent.contract.signatures import PrivateKey
from edge_agent.errors import EdgeAgentError, StoreError

RETRY_S = (0.2, 1.5)

logger = log.get("city.ingest")


class IngestWorker:
    """`store` is only used from the loop that runs `run`; `client_id` must differ between workers of one broker."""

    def __init__(
        self,
        address: BrokerAddress,
        store: CityStore,
        ack_key: PrivateKey,
        gateways: Path,
        client_id: str = "city-ingest",
        group: str = GROUP,
        region: str = REGION,
    ) -> None:
        self.store = store
        self.stored = 0
        self._intake = Intake(gateways)
        self._reception = Reception(address, store, ack_key, self._intake, client_id, group, region)
        self.listening = self._reception.listening

    @property
    def refused(self) -> int:
        return self._reception.refused

    async def run(self) -> None:
        """Work until cancelled. A broker that is away and a database that fails are waited for."""
        while True:
            try:
                await self._work()
            except EdgeAgentError as error:
                logger.warning("%s", error)
            await asyncio.sleep(random.uniform(*RETRY_S))

    async def _work(self) -> None:
        """One connection, from its beginning to the error that ends it."""
        try:
            await self._reception.open()
            while True:
                judged = await self._reception.next()
                self._keep(judged)
                self._reception.settle(judged)
        finally:
            await self._reception.close()

    def _keep(self, judged: Judged) -> None:
        try:
            self.stored += self.store.store(judged.rows) if judged.rows else 0
        except StoreError as error:
            if error.code != "uplink.store_unfit":
                raise
            self._keep_one_by_one(judged)

    def _keep_one_by_one(self, judged: Judged) -> None:
        """The database cannot hold one of these rows, whatever we thought of it: that one is refused, not all."""
        good: list[CityRow] = []
        for row in judged.rows:
            try:
                self.stored += self.store.store([row])
                good.append(row)
            except StoreError as error:
                if error.code != "uplink.store_unfit":
                    raise
                topic = topics.of_event(row.source.removeprefix(source_of("")), row.tag)
                refused = Refused(f"store: {error.fields['why']}", (row.source, row.epoch, row.seq))
                self._reception.put_away(judged, Arrived(0, topic, row.body, False), refused)
        judged.rows = good
