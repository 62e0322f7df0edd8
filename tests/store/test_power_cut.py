"""What a passage leaves behind, after the power went: a real ext4 that stops in the middle of writing.

EXT4_IOC_SHUTDOWN with NOLOGFLUSH is a power cut to the file system: whatever is not on the disk at that moment will
never be, and the next mount finds what a machine finds that was switched off.
"""

import fcntl
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_rig import journalling

from edge_agent.core.area import Standing
from edge_agent.model.standing import Latch
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.reading import JournalReader

CHILD = Path(__file__).parent / "standing_child.py"
SHUTDOWN, NOLOGFLUSH = 0x8004587D, 2  # linux/ext4.h: EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
CUTS, OFFERED = 3, 4000


class Disk:
    """An ext4 in a file."""

    def __init__(self, folder: Path) -> None:
        self.image, self.mounted = folder / "disk.img", folder / "disk"
        self.mounted.mkdir()
        with self.image.open("wb") as file:
            file.truncate(64 << 20)
        run("mkfs.ext4", "-q", "-F", str(self.image))

    def mount(self) -> None:
        run("mount", "-o", "loop", str(self.image), str(self.mounted))

    def umount(self) -> None:
        run("umount", str(self.mounted))

    def cut(self) -> None:
        handle = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(handle)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("this machine has no mkfs.ext4 (package e2fsprogs)")
    made = Disk(tmp_path)
    try:
        made.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine does not mount a loop device: {error.stderr.decode().strip()}")
    try:
        yield made
    finally:
        subprocess.run(["umount", "-l", str(made.mounted)], check=False, capture_output=True)


def write_until_the_power_goes(disk: Disk, first: int, lines: int) -> list[str]:
    """What was announced as accepted before the cut, after about `lines` announcements."""
    command = [sys.executable, str(CHILD), str(disk.mounted / "journal.db"), str(first), str(OFFERED)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(CHILD.parent), root))}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        heard = [child.stdout.readline() for _ in range(lines)]
        disk.cut()
        child.kill()
        heard += child.stdout.readlines()
    return [line for line in heard if line.endswith("\n")]


def test_presence_uses_tries_and_latches_are_those_of_the_last_event_after_a_power_cut(disk: Disk) -> None:
    """Whatever was accepted is there with all it changed; nothing is there of an event that is not."""
    path, rng, announced = disk.mounted / "journal.db", random.Random(11), set[str]()
    for cut in range(CUTS):
        heard = write_until_the_power_goes(disk, cut * OFFERED, rng.randrange(300, 2500))
        assert len(heard) < OFFERED, "the power was to go in the middle"
        announced |= {line.split()[1] for line in heard}
        disk.umount()
        disk.mount()
        with closing(sqlite3.connect(path)) as connection:
            asked = "SELECT json_extract(body, '$.person') FROM events ORDER BY seq"
            recorded = [person for (person,) in connection.execute(asked)]
        assert {f"p-{name[1:]}" for name in announced} <= set(recorded)
        with closing(JournalReader(path)) as reader:
            memory = Standing(changes=reader.standing())
        number = int(recorded[-1][2:])
        assert memory.people_in("yard") == sorted(recorded)
        assert memory.uses == {"pass/x": number + 1}
        assert memory.tries["t"].locked == number
        assert memory.latches == {"panic/d": Latch("panic/d", True, number)}
    assert len(announced) > 1000

    async def look(journal: SqliteJournal) -> None:
        assert (journal.after, journal.set_aside) == ("killed", None)
        assert (await journal.verify()).ok

    journalling(path, look)
