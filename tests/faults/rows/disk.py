"""Rows 4, 6 and 7: the disk is full, failing, or lies about a sync."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge_agent.store import reserve
from tests.faults import disks
from tests.faults.gateway import Gateway
from tests.faults.lab import Lab
from tests.faults.row import row
from tests.waiting import auntil

PRELOAD = Path("/usr/lib/fiu/fiu_posix_preload.so")
REFUSES, AGAIN = "nothing can be recorded", "recording again"


def no_tmpfs() -> str:
    return "" if os.geteuid() == 0 else "mounting needs root"


def no_trigger() -> str:
    return disks.why_not() or ("" if disks.has_trigger() else "this kernel has no trigger_fs_error of ext4")


def no_libfiu() -> str:
    return "" if PRELOAD.exists() and shutil.which("fiu-ctrl") else "libfiu is not installed (Debian: fiu-utils)"


async def on_small_disk(lab: Lab, size_mb: int) -> tuple[Gateway, disks.SmallDisk]:
    disk = disks.SmallDisk(lab.folder / "small", size_mb)
    lab.last_thing(disk.unmount)
    await lab.open(gateways=0)
    gateway = await lab.gateway(disk.at / "state")
    await gateway.start()
    await gateway.ready()
    return gateway, disk


async def refuses_and_recovers(lab: Lab, gateway: Gateway) -> None:
    """Entry is refused loudly, leaving is not, and nobody had to start anything anew."""
    refused = gateway.log.count(REFUSES)
    await asyncio.sleep(2.5)  # cards of the moment it failed may still open: record and pulse start together
    await gateway.shut()
    mark = len(gateway.gate.lines)
    gateway.show_card()
    await asyncio.sleep(0.3)
    lab.check(not gateway.openings(mark), "entry without a record")
    gateway.press_exit()
    await gateway.gate.line(lambda line: line.get("relay") == "on", mark, 5)
    lab.check(refused > 0, "nothing was said")


@row(4, "disk full: slowly and at once, and back", part="a", quick=1, sample=6, full=60, batch=6, why_not=no_tmpfs)
async def disk_full(lab: Lab, count: int) -> None:
    """In small batches: what the city has acknowledged makes room, and after some thousand events it never refuses."""
    gateway, disk = await on_small_disk(lab, 24)
    for number in range(count):
        before = gateway.log.count(REFUSES)
        gateway.offering(40)
        if number % 2:
            for left in (2 << 20, 512 << 10, 128 << 10, 16 << 10):
                disk.fill(left)
                await asyncio.sleep(0.3)
        disk.fill()
        await auntil(lambda before=before: gateway.log.count(REFUSES) > before, 180, "a refusal")  # type: ignore[misc]
        await gateway.quiet()
        await refuses_and_recovers(lab, gateway)
        pid, again = gateway.agent.pid, gateway.log.count(AGAIN)
        disk.free()
        await auntil(lambda again=again: gateway.log.count(AGAIN) > again, 15, "to record again")  # type: ignore[misc]
        gateway.show_card()
        await gateway.served()
        lab.check(gateway.agent.running and gateway.agent.pid == pid, "it was started anew")
        lab.count()


RESERVE_EVENTS = 10_000


@row(4, "disk full: the reserve is 10,000 events", part="b", sample=1, full=10, batch=1, why_not=no_tmpfs)
async def full_for_long(lab: Lab, count: int) -> None:
    """From the moment the disk is full: at least so many events are still recorded, and what is given up meanwhile is
    told; then entry is refused, and it goes on without a start when there is room.
    """
    gateway, disk = await on_small_disk(lab, 64)
    await auntil(lambda: reserved(gateway), 60, "the reserve to be grown")
    lab.broker.kill()  # what waits for the city makes no room
    disk.fill()
    first = _last(gateway)
    gateway.offering(400)
    await auntil(lambda: gateway.log.count(REFUSES), 540, "a refusal")
    await gateway.quiet()
    kept = _last(gateway) - first
    lab.check(kept >= RESERVE_EVENTS, f"{kept} events from the reserve")
    lab.check("are given up" in gateway.log, "what is given up is not told")
    await refuses_and_recovers(lab, gateway)
    again = gateway.log.count(AGAIN)
    disk.free()
    await auntil(lambda: gateway.log.count(AGAIN) > again, 15, "to record again")
    gateway.show_card()
    await gateway.served()
    await lab.broker.start()
    lab.count(from_the_reserve=kept)


@row(4, "no inodes left", part="c", quick=1, sample=2, full=20, why_not=no_tmpfs)
async def no_inodes(lab: Lab, count: int) -> None:
    """No file can be made any more: what is open goes on, entry and record included, and so does a new start."""
    disk = disks.SmallDisk(lab.folder / "small", 64, inodes=120)
    lab.last_thing(disk.unmount)
    await lab.open(gateways=0)
    gateway = await lab.gateway(disk.at / "state")
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()
    for _ in range(count):
        lab.check(disk.take_inodes() > 0, "there were none before")
        await gateway.shut()
        await gateway.let_in(len(gateway.gate.lines))
        lab.check(REFUSES not in gateway.log, "refused although there is room")
        disk.give_inodes()
        gateway.show_card()
        await gateway.served()
        lab.count()
    lab.check(gateway.agent.running, "it ended")


def _last(gateway: Gateway) -> int:
    return max((seq for _, seq in gateway.ledger.accepted), default=0)


def reserved(gateway: Gateway) -> bool:
    """All of it: in the file and in its log."""
    with closing(sqlite3.connect(f"{gateway.journal.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        return reserve.chunks(db) >= reserve.CHUNKS and reserve.log_grown(gateway.journal)


@row(6, "file system shut down under the daemon (EIO)", part="a", quick=1, sample=4, full=50, why_not=disks.why_not)
async def read_only(lab: Lab, count: int) -> None:
    """Every write fails from one moment on. The mount is gone for good then: it is mounted anew for a new start."""
    from tests.faults.rows.power import on_disk

    gateway, disk = await on_disk(lab)
    for _ in range(count):
        await gateway.start()
        await gateway.ready()
        gateway.show_card()
        await gateway.served()
        before = gateway.log.count(REFUSES)
        disk.cut()  # from here every write fails with EIO
        gateway.show_card()
        gateway.show_card()
        await auntil(lambda before=before: gateway.log.count(REFUSES) > before, 10, "a refusal")  # type: ignore[misc]
        await refuses_and_recovers(lab, gateway)
        lab.check(gateway.agent.running, "it ended itself")
        await gateway.kill()
        disk.unmount()
        disk.mount()
        lab.count()
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()


@row(6, "remounted read-only by the kernel (EROFS)", part="c", quick=0, sample=3, full=50, why_not=no_trigger)
async def remounted(lab: Lab, count: int) -> None:
    """What a kernel does with a card whose file system has an error. It cannot be undone under the daemon (the kernel
    takes an aborted journal back only at a new mount), so that this one is mounted anew for a new start.
    """
    from tests.faults.rows.power import on_disk

    gateway, disk = await on_disk(lab)
    for _ in range(count):
        await gateway.start()
        await gateway.ready()
        gateway.show_card()
        await gateway.served()
        before = gateway.log.count(REFUSES)
        disk.fail()
        gateway.show_card()
        gateway.show_card()
        await auntil(lambda before=before: gateway.log.count(REFUSES) > before, 10, "a refusal")  # type: ignore[misc]
        await refuses_and_recovers(lab, gateway)
        lab.check(gateway.agent.running, "it ended itself")
        await gateway.kill()
        disk.unmount()
        disk.mount()
        lab.count()
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()


FAILING = (  # libfiu's name, whether only once
    ("posix/io/rw/pwrite", False), ("posix/io/sync/fdatasync", False), ("posix/io/sync/fsync", False),
)  # fmt: skip


@row(6, "writes fail with EIO for a while", part="b", sample=6, full=100, why_not=no_libfiu)
async def writes_fail(lab: Lab, count: int) -> None:
    gateway = await _under_fiu(lab)
    for number in range(count):
        point, _ = FAILING[number % 2]
        before, again = gateway.log.count(REFUSES), gateway.log.count(AGAIN)
        _fiu(gateway, f"enable name={point},failinfo=5")
        await _offer_until(gateway, lambda before=before: gateway.log.count(REFUSES) > before)  # type: ignore[misc]
        await refuses_and_recovers(lab, gateway)
        _fiu(gateway, f"disable name={point}")
        await auntil(lambda again=again: gateway.log.count(AGAIN) > again, 15, "to record again")  # type: ignore[misc]
        gateway.show_card()
        await gateway.served()
        lab.count()
    lab.check(gateway.agent.running, "it ended itself")


@row(7, "a sync fails once and then succeeds", quick=1, sample=8, full=200, why_not=no_libfiu)
async def sync_fails_once(lab: Lab, count: int) -> None:
    """The kernel forgets the pages of a failed sync: the connection is given up and the file read anew."""
    gateway = await _under_fiu(lab)
    for _ in range(count):
        before, again = gateway.log.count(REFUSES), gateway.log.count(AGAIN)
        _fiu(gateway, "enable name=posix/io/sync/fdatasync,failinfo=5,onetime")
        await _offer_until(gateway, lambda before=before: gateway.log.count(REFUSES) > before)  # type: ignore[misc]
        await auntil(lambda again=again: gateway.log.count(AGAIN) > again, 15, "to record again")  # type: ignore[misc]
        gateway.show_card()
        await gateway.served()
        lab.count()


async def _under_fiu(lab: Lab) -> Gateway:
    await lab.open(gateways=0)
    gateway = await lab.gateway()
    gateway.agent.env |= {
        "LD_PRELOAD": f"/usr/lib/fiu/fiu_run_preload.so {PRELOAD}",
        "FIU_CTRL_FIFO": str(lab.folder / "fiu"),
    }
    await gateway.start()
    await gateway.ready()
    gateway.show_card()
    await gateway.served()
    return gateway


def _fiu(gateway: Gateway, order: str) -> None:
    fifo = gateway.agent.env["FIU_CTRL_FIFO"]
    subprocess.run(["fiu-ctrl", "-f", fifo, "-c", order, str(gateway.agent.pid)], check=True, capture_output=True)


async def _offer_until(gateway: Gateway, condition: Callable[[], object]) -> None:
    gateway.offering(20)
    await auntil(condition, 20, "a refusal")
    await gateway.quiet()
