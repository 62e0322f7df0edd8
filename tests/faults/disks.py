"""Disks to be broken: an ext4 on a loop file whose power can be cut, and small file systems to be filled."""

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

EXT4_IOC_SHUTDOWN = 0x8004587D  # linux/fs/ext4/ext4.h
NO_LOG_FLUSH = 2  # what is not on the device by now never gets there
SECTOR = 512
EXT4, TRIGGER = Path("/sys/fs/ext4"), "trigger_fs_error"


def why_not() -> str:
    """Why this machine cannot mount a file system of ours, or nothing."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if not Path("/dev/loop-control").exists():
        return "no loop devices"
    return "" if _mkfs() else "mkfs.ext4 is not installed"


def has_trigger() -> bool:
    """Any mounted ext4 shows it."""
    return any((place / TRIGGER).exists() for place in EXT4.glob("*"))


def _mkfs() -> str | None:
    return shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class LoopDisk:
    """`folder`/disk.img, mounted at `folder`/disk."""

    def __init__(self, folder: Path, size_mb: int = 64) -> None:
        self.image, self.at = folder / "disk.img", folder / "disk"
        folder.mkdir(parents=True, exist_ok=True)
        self.at.mkdir(exist_ok=True)
        with self.image.open("wb") as file:
            file.truncate(size_mb << 20)
        mkfs = _mkfs()
        assert mkfs is not None
        subprocess.run([mkfs, "-q", "-F", str(self.image)], check=True)
        self.mount()

    def mount(self) -> None:
        mount(self.image, self.at)

    def cut(self) -> None:
        """The power is gone, now."""
        cut(self.at)

    def fail(self) -> None:
        """The kernel finds an error in the file system, and mounts it read-only."""
        source = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(self.at)], check=True, capture_output=True, text=True
        ).stdout.strip()
        subprocess.run(["mount", "-o", "remount,errors=remount-ro", str(self.at)], check=True, capture_output=True)
        (EXT4 / Path(source).name / TRIGGER).write_text("laboratory", "ascii")

    def unmount(self) -> None:
        unmount(self.at)

    def sectors_written(self) -> int:
        """Sectors of 512 bytes that reached the device since it was made."""
        source = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(self.at)], check=True, capture_output=True, text=True
        ).stdout.strip()
        return int(Path(f"/sys/block/{Path(source).name}/stat").read_text("ascii").split()[6])


def mount(image: Path, at: Path) -> None:
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop,noatime", str(image), str(at)], check=True, capture_output=True)


def unmount(at: Path) -> None:
    subprocess.run(["umount", str(at)], check=False, capture_output=True)


def cut(at: Path) -> None:
    handle = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(handle)


class SmallDisk:
    """A tmpfs of some megabytes and a file that takes what is left of it."""

    def __init__(self, at: Path, size_mb: int, inodes: int = 0) -> None:
        """`inodes` 0: as many as wanted."""
        self.at, self.filler = at, at / "filler"
        at.mkdir(parents=True, exist_ok=True)
        options = f"size={size_mb}m,mode=700" + (f",nr_inodes={inodes}" if inodes else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(at)], check=True)

    def take_inodes(self) -> int:
        """Files until no more can be made; how many."""
        (self.at / "many").mkdir(exist_ok=True)
        made = 0
        try:
            while True:
                (self.at / f"many/{made}").touch()
                made += 1
        except OSError:
            return made

    def give_inodes(self) -> None:
        shutil.rmtree(self.at / "many", ignore_errors=True)

    def fill(self, leave_bytes: int = 0) -> None:
        with self.filler.open("ab", buffering=0) as file:
            room = os.statvfs(self.at)
            left = room.f_bavail * room.f_frsize - leave_bytes
            try:
                while left > 0:
                    left -= file.write(b"x" * min(65536, left))
            except OSError:
                return

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)

    def remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.at)], check=True, capture_output=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.at)], check=False, capture_output=True)
