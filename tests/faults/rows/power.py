"""Rows 2, 3 and 8: the power fails, what was not synced arrives torn, and what a card has to bear."""

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

from edge_agent.drivers.clock import SystemClock
from edge_agent.store.chain import ChainReport
from edge_agent.store.ledger import JournalFile
from edge_agent.store.reading import JournalReader
from tests.faults import child, disks
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.waiting import auntil

TORN = ("nothing", "zeros", "garbage", "half_frame", "old_frame")
FRAME = 24 + 4096  # a frame of SQLite's log


async def on_disk(lab: Lab, size_mb: int = 64) -> tuple[Gateway, disks.LoopDisk]:
    """A gateway whose state lies on a disk of its own; everything else does not."""
    disk = disks.LoopDisk(lab.folder / "loop", size_mb)
    lab.last_thing(disk.unmount)
    await lab.open(gateways=0)
    gateway = await lab.gateway(disk.at / "state")
    os.sync()
    return gateway, disk


@row(2, "power cut at random times", part="a", quick=2, sample=15, full=200, why_not=disks.why_not)
async def power_cut(lab: Lab, count: int) -> None:
    gateway, disk = await on_disk(lab)
    for _ in range(count):
        await gateway.start()
        gateway.offering(50)
        await gateway.served(lab.rng.randrange(1, 40))
        await asyncio.sleep(lab.rng.uniform(0, 0.05))
        disk.cut()
        await gateway.kill()
        await gateway.quiet()
        await again(gateway, disk, lab)
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()


@row(
    2,
    "power cut at named points",
    part="b",
    sample=len(child.POINTS),
    full=len(child.POINTS) * 10,
    why_not=disks.why_not,
)
async def power_cut_at_points(lab: Lab, count: int) -> None:
    gateway, disk = await on_disk(lab)
    gateway.agent.env["LAB_DISK"] = str(disk.at)
    for number in range(count):
        point = child.POINTS[(lab.seed + number) % len(child.POINTS)]
        passes = 1 if point == "cursor.before" else lab.rng.randrange(2, 30)
        await gateway.start(f"{point}:{passes}:cut")
        gateway.offering(50)
        await auntil(lambda: not gateway.agent.running, 45, f"the power to fail at {point}")
        await gateway.agent.ended()
        await gateway.quiet()
        await again(gateway, disk, lab)
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()


async def again(gateway: Gateway, disk: disks.LoopDisk, lab: Lab) -> None:
    """The disk is mounted again, as after the power is back: it is whole, and what was promised is in it."""
    disk.unmount()
    disk.mount()
    report, epoch, last = await asyncio.to_thread(_whole, gateway.journal)
    promised = {seq for of, seq in gateway.ledger.accepted if of == epoch}
    lab.check(report.ok, f"the chain is broken: {report}")
    lab.check(len({of for of, _ in gateway.ledger.accepted}) == 1, "the epoch changed")
    lab.check(last >= max(promised), f"{max(promised)} was promised, {last} is the last")
    lab.count()


def _whole(path: Path) -> tuple[ChainReport, str, int]:
    file = JournalFile(path, SystemClock().now())
    set_aside = file.set_aside
    file.close(None)
    assert set_aside is None, f"taken for damaged ({file._why}): {set_aside}"
    reader = JournalReader(path)
    try:
        return reader.verify(), reader.epoch, reader.last
    finally:
        reader.close()


@row(3, "torn and reordered unsynced writes", quick=0, sample=20, full=500, batch=50, why_not=disks.why_not)
async def torn(lab: Lab, count: int) -> None:
    """Images of the disk as it is between two syncs, the end of the log torn further: each opens, nothing is lost."""
    gateway, disk = await on_disk(lab, 24)
    await gateway.start()
    await gateway.ready()
    gateway.offering(40)
    place = lab.folder / "images"
    place.mkdir()
    for number in range(count):
        await asyncio.sleep(lab.rng.uniform(0.02, 0.3))
        gateway.agent.send(signal.SIGSTOP)
        await asyncio.sleep(0.02)  # what it said before it stopped is heard
        promised = set(gateway.ledger.accepted)
        await asyncio.to_thread(shutil.copyfile, disk.image, place / "disk.img")
        gateway.agent.send(signal.SIGCONT)
        disks.mount(place / "disk.img", place / "at")
        try:
            how = TORN[number % len(TORN)]
            _tear(place / "at/state/journal.db-wal", how, lab)
            report, epoch, last = await asyncio.to_thread(_whole, place / "at/state/journal.db")
            lab.check(report.ok, f"image {number} ({how}): {report}")
            lab.check(last >= max(seq for of, seq in promised if of == epoch), f"image {number} ({how}) lost events")
        finally:
            disks.unmount(place / "at")
        lab.count()


def _tear(log: Path, how: str, lab: Lab) -> None:
    """What a commit that nobody was told of may leave at the end of the log."""
    with log.open("ab") as file:
        match how:
            case "zeros":
                file.write(bytes(FRAME))
            case "garbage":
                file.write(lab.rng.randbytes(FRAME))
            case "half_frame" | "old_frame":
                whole = log.read_bytes()
                old = whole[32 : 32 + FRAME]
                file.write(old if how == "old_frame" else old[: lab.rng.randrange(1, FRAME)])


@row(8, "card wear: bytes written per event", sample=300, full=20_000, batch=20_000, why_not=disks.why_not)
async def wear(lab: Lab, count: int) -> None:
    gateway, disk = await on_disk(lab)
    await gateway.start()
    await gateway.ready()
    os.sync()
    before, began = disk.sectors_written(), time.monotonic()
    await asyncio.sleep(20)
    idle = (disk.sectors_written() - before) * disks.SECTOR
    idle_mb_a_day = idle / (time.monotonic() - began) * 86_400 / 1e6
    before = disk.sectors_written()
    rows = max(seq for _, seq in gateway.ledger.accepted)
    for _ in range(count):
        gateway.show_card()
        await gateway.served()
    os.sync()
    rows = max(seq for _, seq in gateway.ledger.accepted) - rows
    written = (disk.sectors_written() - before) * disks.SECTOR
    lab.done = count
    lab.note(kB_per_event=written / rows / 1000, idle_MB_a_day=idle_mb_a_day)
    lab.check(written / rows <= 15_000, f"{written / rows:.0f} bytes per event")
    lab.check(idle_mb_a_day <= 5, f"{idle_mb_a_day:.1f} MB a day while idle")
