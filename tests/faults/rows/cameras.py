"""Row 29: twelve cameras raise alerts while the disk is full, two of them die again and again, and the clock jumps."""

import asyncio
import contextlib
import json
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

from tests.faults import disks, oracle
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.faults.rows.clock import fake_clock, no_faketime
from tests.faults.rows.disk import no_tmpfs, reserved
from tests.waiting import auntil

CAMERAS, FPS, PASS_S = 12, 10, 30
DIES, ABORTS, GARBAGE = "cam-00", "cam-01", "cam-02"
WORST_S = 2.0  # a read that is older opens nothing
DISK_MB = 128
CAMERA = """
[[camera]]
name = "{name}"
url = "file://{clip}"
use = [{use}]
fps = 10

[[zone]]
name = "zone-{name}"
camera = "{name}"
watch = ["intrusion"]
points = [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]
"""


def why_not() -> str:
    return no_tmpfs() or no_faketime()


def passing(path: Path) -> None:
    """One who comes, crosses the zone and is gone; it is played again and again."""
    from tests.vision.clips import film
    from tests.vision.test_zones import pictures, walk

    film(path, pictures(PASS_S, walk(20, 290, 4, 9)), FPS)


@row(29, "twelve cameras: full disk, two that die, a clock step", sample=1, full=5, batch=1, why_not=why_not)
async def twelve(lab: Lab, count: int) -> None:
    disk = disks.SmallDisk(lab.folder / "small", DISK_MB)
    lab.last_thing(disk.unmount)
    await lab.open(gateways=0)
    gateway = await lab.gateway(disk.at / "state")
    clip = lab.folder / "clip.mp4"
    await asyncio.to_thread(passing, clip)
    for name in names():  # a name of its own for each: it tells whose child has it open
        (lab.folder / f"{name}.mp4").hardlink_to(clip)
    (lab.folder / f"{GARBAGE}.mp4").unlink()
    (lab.folder / f"{GARBAGE}.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom" + lab.rng.randbytes(50_000))
    gateway.more = "".join(
        CAMERA.format(
            name=name, clip=lab.folder / f"{name}.mp4",
            use='"alerts", "evidence"' if number in (3, 4) else '"alerts"',
        )
        for number, name in enumerate(names())
    )  # fmt: skip
    gateway.write_config()
    clock = fake_clock(lab, gateway)
    await gateway.start()
    await gateway.ready()
    await auntil(lambda: reserved(gateway), 120, "the reserve to be grown")
    await auntil(lambda: len(told(gateway)) >= CAMERAS - 1, 120, lambda: f"every camera to alert: {told(gateway)}")
    calm = await cards(lab, gateway, PASS_S)
    disk.fill()
    mischief = asyncio.create_task(strike(lab, gateway))
    hard = await cards(lab, gateway, PASS_S)
    clock.write_text("+315360000", "ascii")  # ten years on, and back
    hard += await cards(lab, gateway, PASS_S)
    clock.write_text("+0", "ascii")
    hard += await cards(lab, gateway, PASS_S)
    mischief.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await mischief
    lab.check("nothing can be recorded" not in gateway.log, "the reserve did not last")
    disk.free()
    before = told(gateway)
    await cards(lab, gateway, 2 * PASS_S)
    late = [name for name in (DIES, ABORTS) if len(told(gateway)[name]) <= len(before.get(name, []))]
    lab.check(not late, f"{late} raise no alert any more")
    for name, at_ms in told(gateway).items():
        if name not in (DIES, ABORTS, GARBAGE):
            gaps = [(after - earlier) / 1000 for earlier, after in pairwise(at_ms)]
            lab.check(gaps and max(gaps) < 1.5 * PASS_S, f"{name} missed somebody: seconds between alerts {gaps}")
    lab.check(max(hard) < WORST_S, f"a card waited {max(hard):.2f} s")
    alerts = sum(map(len, told(gateway).values()))
    ordered = sorted(hard)
    lab.count(
        alerts=alerts, calm_ms=sorted(calm)[len(calm) // 2] * 1000, card_ms=ordered[len(ordered) // 2] * 1000,
        card_p99_ms=ordered[round(0.99 * (len(ordered) - 1))] * 1000, worst_ms=ordered[-1] * 1000,
    )  # fmt: skip


def names() -> list[str]:
    return [f"cam-{number:02d}" for number in range(CAMERAS)]


async def cards(lab: Lab, gateway: Gateway, seconds: float) -> list[float]:
    """Somebody comes about every second and a half; seconds from the card to the relay."""
    waits, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        await gateway.shut()
        mark, since = len(gateway.gate.lines), len(gateway.ledger.reads)
        began = time.monotonic()
        gateway.show_card()
        try:
            await gateway.gate.line(lambda line: line.get("relay") == "on", mark, 10)
        except TimeoutError:
            raise AssertionError(f"a card opened nothing: {last_rows(gateway)}") from None
        waits.append(time.monotonic() - began)
        await gateway.served(since=since)
        await asyncio.sleep(lab.rng.uniform(0.1, 0.6))
    return waits


async def strike(lab: Lab, gateway: Gateway) -> None:
    """The child of one camera is killed, that of another aborts, every few seconds."""
    while True:
        await asyncio.sleep(lab.rng.uniform(2, 5))
        for name, number in ((DIES, signal.SIGKILL), (ABORTS, signal.SIGABRT)):
            if (pid := child(gateway, name)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)


def child(gateway: Gateway, name: str) -> int | None:
    """The process of the daemon that has this camera's recording open."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((place / "stat").read_text().rsplit(")", 1)[1].split()[1]) != gateway.agent.pid:
                continue
            if any(os.readlink(handle).endswith(f"{name}.mp4") for handle in (place / "fd").iterdir()):
                return int(place.name)
    return None


def last_rows(gateway: Gateway) -> list[tuple[int, str, bytes]]:
    return [(row_.up_ms, row_.tag, row_.body[:120]) for row_ in oracle.journal_rows(gateway.journal)[-8:]]


def told(gateway: Gateway) -> dict[str, list[int]]:
    """Uptimes (ms) at which each camera's intrusions were opened."""
    found: dict[str, list[int]] = {}
    for row_ in oracle.journal_rows(gateway.journal):
        if row_.tag == "alert.opened" and (body := json.loads(row_.body)).get("kind") == "intrusion":
            found.setdefault(body["camera"], []).append(row_.up_ms)
    return found
