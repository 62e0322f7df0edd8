"""The register of retrievals: who looked at or took personal data, from which unit, why, by which document.

Files `audit-<year>.log` of the state directory, one JSON object a line, only ever appended to. Each line carries the
hash of the one before it, over the years, so that no line can be changed, moved or taken out of the middle unseen.
What a hash cannot show is a tail that was cut off: keep the number and hash that `audit verify` prints. A clock that
went back begins no file behind the newest one: lines stand in the order in which they were entered. The files of one
that was ahead by years get the first years that are free when a trusted one sees them (`rename`): nothing goes too
early.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge_agent.errors import StoreError
from edge_agent.model.encoding import canonical
from edge_agent.model.retrieval import Retrieval
from edge_agent.store import database

GENESIS = "0" * 64
NAME = re.compile(r"audit-(\d{4})\.log")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """`hash`: SHA-256 of the line's canonical JSON without `hash`."""

    number: int
    at_ms: int
    entry: Retrieval
    prev: str
    hash: str = ""

    @property
    def own(self) -> str:
        return hashlib.sha256(canonical(msgspec.structs.replace(self, hash=""))).hexdigest()


class Fault(msgspec.Struct, frozen=True):
    """What is wrong at a line of a file: `unreadable`, `altered` or `unlinked` (something before it is missing)."""

    file: str
    line: int
    why: str


class Verdict(msgspec.Struct, frozen=True):
    """`count` lines from `first` to `last`, the newest with `head`; `faults`: none when it is whole."""

    count: int
    first: int
    last: int
    head: str
    faults: tuple[Fault, ...]


class Retrievals:
    """The register in `folder`. Raises StoreError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, entry: Retrieval, at_ms: int) -> Line:
        """On the disk when this returns. Several processes may append; one at a time does."""
        database.make_directory(self.folder)
        path = self.folder / f"audit-{datetime.fromtimestamp(at_ms / 1000, UTC).year:04d}.log"
        try:
            with (self.folder / "audit.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                path = max([path, *self._files()])
                last = self._last()
                number, prev = (last.number + 1, last.hash) if last else (1, GENESIS)
                line = Line(number=number, at_ms=at_ms, entry=entry, prev=prev)
                line = msgspec.structs.replace(line, hash=line.own)
                _append(path, canonical(line) + b"\n")
        except OSError as error:
            raise StoreError("audit.not_written", file=path, why=error.strerror) from error
        return line

    def lines(self) -> Iterator[Line]:
        """Oldest first; what cannot be read is left out (`verify` tells it)."""
        for _, _, line in self._each():
            if line is not None:
                yield line

    def verify(self) -> Verdict:
        """Walk all of it."""
        faults, count, first, last, prev = list[Fault](), 0, 0, 0, ""
        for path, at, line in self._each():
            count += 1
            if line is None:
                faults.append(Fault(path.name, at, "unreadable"))
                prev = "?"
                continue
            if line.own != line.hash:
                faults.append(Fault(path.name, at, "altered"))
            if prev and (line.prev != prev or line.number != last + 1):
                faults.append(Fault(path.name, at, "unlinked"))
            first, last, prev = first or line.number, line.number, line.hash
        return Verdict(count, first, last, prev, tuple(faults))

    def rename(self, now_ms: int) -> None:
        """By a trusted clock: files of years that have not begun."""
        year = datetime.fromtimestamp(now_ms / 1000, UTC).year
        if all(int(path.name[6:10]) <= year for path in self._files()):
            return  # the lock may be root's, who has shown something
        try:
            with (self.folder / "audit.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                for path in self._files():
                    if int(path.name[6:10]) >= year:
                        path.rename(self.folder / f"audit-{year:04d}.log")
                        year += 1
        except OSError as error:
            raise StoreError("audit.not_written", file=self.folder, why=error.strerror) from error

    def forget(self, before_ms: int) -> int:
        """Whole years that ended before then; how many."""
        year = datetime.fromtimestamp(before_ms / 1000, UTC).year
        old = [path for path in self._files() if int(path.name[6:10]) < year]
        for path in old:
            path.unlink()
        return len(old)

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("audit-*.log") if NAME.fullmatch(path.name))

    def _each(self) -> Iterator[tuple[Path, int, Line | None]]:
        for path in self._files():
            try:
                data = path.read_bytes()
            except OSError as error:
                raise StoreError("audit.not_read", file=path, why=error.strerror) from error
            for at, raw in enumerate(data.splitlines(), 1):
                try:
                    yield path, at, msgspec.json.decode(raw, type=Line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    yield path, at, None

    def _last(self) -> Line | None:
        """The newest line. A line that a power cut tore is left as it is; the next one follows the last whole one."""
        found = None
        for path in reversed(self._files()):
            data = path.read_bytes()
            if data and not data.endswith(b"\n"):
                with path.open("ab") as file:
                    file.write(b"\n")
            for raw in reversed(data.splitlines()):
                try:
                    found = msgspec.json.decode(raw, type=Line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                return found
        return found


def _append(path: Path, data: bytes) -> None:
    """All of it on the disk, or OSError and nothing: half a line would be an accusation."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size, left = os.fstat(handle).st_size, memoryview(data)
        try:
            while left:
                left = left[os.write(handle, left) :]  # a disk that becomes full takes a part and says so afterwards
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
