"""What gateways and strangers may send to the city by the thousand: `python -m tests.city.hostile COUNT SEED`.

Judged and put away by the worker's own intake and reception, into a real database, without a broker between. Nothing
here may be taken for an event of the gateway, and nothing may grow.
"""

import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge_agent.city.broker import Arrived, BrokerAddress
from edge_agent.city.intake import Intake, Refused, State
from edge_agent.city.reception import Judged, Reception
from edge_agent.city.store import CityStore
from edge_agent.contract import topics
from edge_agent.contract.envelope import write_envelope
from edge_agent.contract.messages import BirthMessage, seal
from edge_agent.contract.signatures import new_key, save_public
from tests.uplink.rig import BOOT, EPOCH, GATEWAY, rows

OTHER = "G0418"
LARGE = 1_000_000


class Report(msgspec.Struct):
    count: int = 0
    states: int = 0
    taken: int = 0
    kept: int = 0
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    rss_kb: int = 0
    grown_kb: int = 0
    seconds: float = 0.0


def messages(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """(topic, payload) for ever: none of them is an event on the topic of the gateway it is from."""
    forger = new_key()
    real = [write_envelope(row, GATEWAY, False) for row in rows(8)]
    birth = BirthMessage(
        gateway=GATEWAY, agent="x", epoch=EPOCH, first=1, last=0, acked=0, boot_id=BOOT, up_ms=5, clock="synced",
        config="", credentials="", bdseq=1, doors=(),
    )  # fmt: skip
    forged = seal(birth, forger)
    kinds = ("evt", "alr", "rsp", "birth", "state")
    while True:
        like, topic = chance.choice(real), topics.up(GATEWAY, chance.choice(kinds))
        match chance.randrange(11):
            case 0:
                yield topic, chance.randbytes(chance.randrange(0, 2000))
            case 1:
                at = chance.randrange(like.index(b'"data"'))
                yield topic, like[:at] + chance.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0"]) + like[at:]
            case 2:
                depth = chance.randrange(100, 20_000)
                yield topic, chance.choice([b"[" * depth, b'{"a":' * depth, b'{"data":' * depth])
            case 3:
                escape = chance.choice([rb"\ud800", rb"\u0000", rb"\q"])
                yield topic, chance.choice([like.replace(b'"', b"", 3), like.replace(b"urn:", escape, 1)])
            case 4:
                yield topic, like[: chance.randrange(len(like))]
            case 5:
                yield topics.up(OTHER, "evt"), like  # the topic is another gateway's, which the city knows
            case 6:
                yield topics.up(f"G9{chance.randrange(10**6)}", "evt"), like  # of nobody
            case 7:
                yield topics.up(GATEWAY, "birth"), forged
            case 8:
                digits = str(chance.choice([2**63, 2**64, -1, 10**400, 1e308])).encode()
                yield topic, like.replace(b'"upms":', b'"upms":' + digits + b',"x":', 1)
            case 9:
                message = msgspec.json.decode(like)
                name = chance.choice(["source", "epoch", "sequence", "type", "prev", "data", "time", "clk"])
                message[name] = chance.choice([None, True, 1.5, [], {}, "x" * 500, "../../etc/passwd", "\0"])
                yield topic, msgspec.json.encode(message)
            case _:
                if chance.random() < 0.01:
                    yield topic, like[:-1] + b',"x":"' + b"x" * LARGE + b'"}'
                else:
                    yield chance.choice(["", "sc/1/up//evt", "sc/1/dn/G1/ack", topic + "/x"]), like


def play(count: int, seed: int, folder: Path) -> Report:
    keys = folder / "gateways"
    keys.mkdir()
    for gateway in (GATEWAY, OTHER):
        save_public(keys / f"{gateway}.pub", new_key().public_key())
    store, intake = CityStore(folder / "city.db"), Intake(keys)
    reception = Reception(BrokerAddress("mqtt://127.0.0.1:1"), store, new_key(), intake, "worker")
    report, began = Report(), time.monotonic()
    source = messages(random.Random(seed))
    while report.count < count:
        judged = Judged([], [], {})
        for _ in range(min(500, count - report.count)):
            topic, payload = next(source)
            verdict = intake.judge(topic, payload)
            report.count += 1
            if isinstance(verdict, Refused):
                report.reasons[verdict.reason[:24]] += 1
                reception.put_away(judged, Arrived(0, topic, payload, False), verdict)
            elif isinstance(verdict, State):
                report.states += 1
            else:
                report.taken += 1
        if report.count == min(count, max(500, count // 5) // 500 * 500):
            report.rss_kb = _rss_kb()
    report.kept = store._db.execute("SELECT count(*) FROM quarantine").fetchone()[0]
    store.close()
    report.grown_kb, report.seconds = _rss_kb() - report.rss_kb, time.monotonic() - began
    return report


def _rss_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        done = play(int(sys.argv[1]), int(sys.argv[2]), Path(place))
    print(
        f"{done.count} messages to the city, seed {sys.argv[2]}, {done.seconds:.0f} s: {done.taken} taken, "
        f"{done.reasons.total()} refused, {done.kept} kept in the quarantine, "
        f"memory {done.rss_kb} kB and {done.grown_kb} kB more at the end"
    )
    sys.exit(1 if done.taken else 0)
