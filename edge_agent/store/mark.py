"""How far the journal had come, beside the journal: `<epoch> <seq>` in a file of its own, rewritten after each commit.

It is never synced, so it costs no write of its own and may lag behind after a power cut; but it never runs ahead of
the disk. A journal that ends before its mark has lost rows (its log was removed, an old copy was put back), and must
not give their numbers out again.
"""

import contextlib
import os
import re
from pathlib import Path

import msgspec

from edge_agent.store.recognise import beside

FORM = re.compile(rb"([0-9a-f]{32}) ([0-9]{20})\n")


class Marked(msgspec.Struct, frozen=True):
    epoch: str
    last: int


class Mark:
    def __init__(self, path: Path) -> None:
        self._handle = os.open(beside(path, "-mark"), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def write(self, epoch: str, last: int) -> None:
        with contextlib.suppress(OSError):  # a disk that refuses this refuses the next commit, which says so
            os.pwrite(self._handle, b"%s %020d\n" % (epoch.encode("ascii"), last), 0)

    def close(self) -> None:
        os.close(self._handle)


def read(path: Path) -> Marked | None:
    """The mark of the journal at `path`, None when there is none or it cannot be read."""
    try:
        found = FORM.fullmatch(beside(path, "-mark").read_bytes())
    except OSError:
        return None
    return Marked(found[1].decode("ascii"), int(found[2])) if found else None
