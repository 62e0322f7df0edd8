"""Row 15: days without the city, then everything at once; what happens meanwhile is not made to wait."""

import asyncio
import sqlite3
from contextlib import closing

from edge_agent.drivers.clock import SystemClock
from edge_agent.model.events import DoorOpened, encode_event
from edge_agent.store.ledger import Entry, JournalFile
from tests.faults import oracle
from tests.faults.gateway import Gateway, rss_kib
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.waiting import auntil

GROUP = 500
LIVE_WITHIN_S = 2.0


@row(15, "72 h outage, then drain beside live events", sample=20_000, full=1_000_000, batch=1_000_000)
async def drain(lab: Lab, count: int) -> None:
    await lab.open(gateways=0, workers=0)
    gateway = await lab.gateway()
    epoch = await asyncio.to_thread(_backlog, gateway, count)
    gateway.ledger.promise(epoch, count, None, whole=True)
    await gateway.start()
    await gateway.ready()
    await lab.start_worker()
    loop, most = asyncio.get_running_loop(), 0
    await auntil(lambda: lab.stored() > 0, 60, "the drain to begin")
    began, first = loop.time(), len(gateway.ledger.offers)
    gateway.offering(5)
    while lab.stored() < count:
        most = max(most, rss_kib(gateway.agent.pid))
        await asyncio.sleep(0.1)
    drained_s = loop.time() - began
    await gateway.quiet()
    await lab.settle()
    delays = _delays(lab, gateway, first)
    lab.done = count
    lab.note(drained_per_s=count / drained_s, rss_MB=most / 1024, live_s=max(delays, default=0.0))
    lab.check(most < 128 << 10, f"{most >> 10} MB")
    lab.check(max(delays, default=0.0) < LIVE_WITHIN_S, f"a live event waited {max(delays):.1f} s for the backlog")


def _backlog(gateway: Gateway, count: int) -> str:
    """A journal that nobody has fetched anything from."""
    now = SystemClock().now()
    file = JournalFile(gateway.journal, now)
    file.begin()
    event = DoorOpened(door="north-gate")
    body = encode_event(event)
    for start in range(0, count, GROUP):
        file.commit([Entry((), event, body, now) for _ in range(min(GROUP, count - start))], None)
    epoch = file.epoch
    file.close(None)
    return epoch


def _delays(lab: Lab, gateway: Gateway, first: int) -> list[float]:
    """From the card at the reader to the city, of the cards shown during the drain; each person came once."""
    offered = {offer.person: oracle.wall_ms(offer.t_ns) for offer in gateway.ledger.offers[first:]}
    query = "SELECT json_extract(body, '$.person'), heard_ms FROM events WHERE tag = 'access.granted'"
    with closing(sqlite3.connect(f"{lab.city_db.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        return [(heard - offered[person]) / 1000 for person, heard in db.execute(query) if person in offered]
