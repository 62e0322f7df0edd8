"""Row 25: payloads nobody in their right mind sends, in both directions."""

import asyncio
import random

from edge_agent.contract import topics
from tests.faults.gateway import rss_kib
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.faults.thief import Thief
from tests.waiting import auntil

LARGE = 1_000_000
GROWS_AT_MOST_KIB = 24 << 10
KINDS = ("noise", "utf8", "deep", "types", "large", "numbers", "cut", "empty", "null", "keys")


def hostile(rng: random.Random, like: bytes) -> bytes:
    """One of KINDS; `like` is a real message to start from."""
    match rng.choices(KINDS, weights=[1 if kind == "large" else 60 for kind in KINDS])[0]:
        case "noise":
            return rng.randbytes(rng.randrange(1, 2000))
        case "utf8":
            at = rng.randrange(len(like) or 1)
            return like[:at] + rng.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00"]) + like[at:]
        case "deep":
            depth = rng.randrange(100, 20_000)
            return rng.choice([b"[" * depth, b'{"a":' * depth + b"1" + b"}" * depth])
        case "types":
            return like.replace(b'"', b"", rng.randrange(1, 6)).replace(b":", b":[", rng.randrange(0, 3))
        case "large":
            return like[:-1] + b',"x":"' + b"x" * LARGE + b'"}'
        case "numbers":
            digits = str(rng.choice([2**63, 2**64, -1, 10**400, 1e308])).encode()
            return like.replace(b"1", digits, rng.randrange(1, 4))
        case "cut":
            return like[: rng.randrange(len(like) or 1)]
        case "empty":
            return b""
        case "null":
            return rng.choice([b"null", b"[]", b"0", b'""', b"{}", b"true"])
        case _:
            return b"{" + b",".join(b'"%x":%d' % (rng.getrandbits(32), n) for n in range(rng.randrange(1, 300))) + b"}"


@row(25, "hostile payloads, up and down", quick=400, sample=20_000, full=1_000_000, batch=1_000_000)
async def hostile_payloads(lab: Lab, count: int) -> None:
    await lab.open()
    gateway, worker = lab.gateways[0], lab.workers[0]
    thief = await Thief.connected(lab.broker, "sc/1/up/+/evt", "sc/1/dn/+/ack")
    gateway.offering(5)
    await auntil(lambda: len(thief.heard) > 4, 20, "something to start from")
    like = [message.payload for message in thief.heard[:4]]
    places = [topics.up(gateway.id, kind) for kind in topics.UP_KINDS]
    places += [topics.down(gateway.id, kind) for kind in topics.DOWN_KINDS]
    warm = count // 5
    before = (0, 0)
    for number in range(count):
        if number == warm:
            before = (rss_kib(gateway.agent.pid), rss_kib(worker.pid))
        thief.throw(lab.rng.choice(places), hostile(lab.rng, lab.rng.choice(like)))
        if number % 50 == 0:
            await asyncio.sleep(0.03)
    await gateway.served(3)
    stored = lab.stored()
    await auntil(lambda: lab.stored() > stored, 120, "the city to be through with it")
    after = (rss_kib(gateway.agent.pid), rss_kib(worker.pid))
    lab.check(gateway.agent.running and worker.running, "somebody crashed")
    await thief.close()
    lab.done = count
    lab.note(agent_grew_kB=after[0] - before[0], worker_grew_kB=after[1] - before[1], quarantined=lab.quarantined())
    lab.check(after[0] - before[0] < GROWS_AT_MOST_KIB, f"the agent grew by {after[0] - before[0]} kB")
