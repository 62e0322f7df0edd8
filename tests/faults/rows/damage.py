"""Row 5: the journal's files are damaged while the gateway is off."""

from pathlib import Path

from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row

DAMAGE = ("bits", "page", "truncate", "log_zeroed", "log_truncated", "log_bits", "garbage", "empty", "gone")


@row(5, "journal damaged: bits, pages, log, garbage", quick=2, sample=18, full=500, batch=9, destroys=True)
async def damaged(lab: Lab, count: int) -> None:
    await lab.open()
    gateway = lab.gateways[0]
    for number in range(count):
        gateway.offering(60)
        await gateway.served(25)
        if lab.rng.random() < 0.5:  # otherwise the city has nearly all of it
            lab.broker.kill()
            await gateway.served(15)
        await gateway.quiet()
        await gateway.kill()
        before = _bytes(gateway)
        kind = DAMAGE[(lab.seed + number) % len(DAMAGE)]
        _damage(gateway.journal, kind, lab)
        await gateway.start()
        lab.check(gateway.agent.running, f"{kind}: it does not start")
        if not lab.broker.running:
            await lab.broker.start()
        async with gateway.kept_running() as ended:  # damage that shows only when that page is read ends it, once
            await gateway.ready()
            mark, since = len(gateway.gate.lines), len(gateway.ledger.reads)
            gateway.press_exit()
            await gateway.let_in(mark)
            await gateway.served(since=since)
            if kind not in ("empty", "gone"):
                lab.check(_bytes(gateway) >= before // 2, f"{kind}: something was deleted")
            await lab.settle()
            lab.check(len(ended) <= 1, f"{kind}: it was started anew {len(ended)} times")
        lab.count()


def _bytes(gateway: Gateway) -> int:
    return sum(path.stat().st_size for path in gateway.state.glob("journal.db*") if path.is_file())


def _damage(journal: Path, kind: str, lab: Lab) -> None:
    rng, log = lab.rng, journal.with_name("journal.db-wal")
    match kind:
        case "bits" | "log_bits":
            path = journal if kind == "bits" else log
            data = bytearray(path.read_bytes())
            for _ in range(rng.choice([1, 3, 30])):
                if data:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            path.write_bytes(data)
        case "page":
            data = bytearray(journal.read_bytes())
            at = rng.randrange(max(1, len(data) // 4096)) * 4096
            data[at : at + 4096] = rng.randbytes(4096)
            journal.write_bytes(data)
        case "truncate":
            _cut(journal, rng.random())
        case "log_zeroed":
            log.write_bytes(bytes(log.stat().st_size))
        case "log_truncated":
            _cut(log, rng.random())
        case "garbage":
            journal.write_bytes(rng.randbytes(journal.stat().st_size or 4096))
        case "empty":
            journal.write_bytes(b"")
        case "gone":
            for path in (journal, log, journal.with_name("journal.db-shm")):
                path.unlink(missing_ok=True)


def _cut(path: Path, share: float) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
