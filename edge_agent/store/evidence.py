"""The media of evidence on the disk: a folder each, every file in it sealed but the signed manifest.

Written once: a folder is `<id>.part` until its manifest is in it, then it gets its name and is only read. What a power
cut left half-written is found at the next start and finished as incomplete. Which evidence there is, is in the journal,
and on which disk: the folder may be the mount point of one that is not there today. Each has its name in `disk.id`.
Everything here blocks; the daemon calls it from threads.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.evidence import File
from edge_agent.store import database
from edge_agent.store.sealed import SealedWriter, read_sealed

FOLDER = "evidence"  # of the state directory
PART = ".part"
LOST_FOUND = "lost+found"  # of a disk that is mounted there
MANIFEST, REQUEST = "manifest.json", "request.json"
DISK = "disk.id"  # a name a line: the disk's own, and of those whose place it has taken
CLIP, TRACK = "clip.mp4", "track.json"

logger = log.get("store.evidence")


class EvidenceWriter:
    """One piece of evidence while it comes in. Raises StoreError."""

    def __init__(self, folder: Path, evidence: str, key: bytes, request: bytes) -> None:
        self.evidence, self._key = evidence, key
        self._folder = folder / f"{evidence}{PART}"
        try:
            self._folder.mkdir(mode=0o700)
            with ExitStack() as unless_begun:
                unless_begun.callback(shutil.rmtree, self._folder, ignore_errors=True)
                _write_through(self._folder / REQUEST, request)
                for directory in (self._folder, folder):
                    database.sync_directory(directory)
                self._clip = SealedWriter(self._folder / CLIP, f"{evidence}/{CLIP}", key)
                unless_begun.pop_all()
        except OSError as error:
            raise StoreError("store.evidence_file", file=self._folder.name, why=error.strerror) from error
        self._hash, self._size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        """More of the clip."""
        self._clip.write(data)
        self._hash.update(data)
        self._size += len(data)

    def close_clip(self) -> File:
        self._clip.close()
        return File(CLIP, self._size, self._hash.hexdigest())

    def add(self, name: str, content: bytes) -> File:
        """Another file."""
        return _add(self._folder, self.evidence, name, content, self._key)

    def finish(self, manifest: bytes) -> int:
        """The signed manifest is the last file; what the folder takes on the disk."""
        return _finish(self._folder, manifest)

    def leave(self) -> None:
        """As it is, for the next start (`cut_off`)."""
        self._clip.abort()

    def abort(self) -> None:
        self._clip.abort()
        shutil.rmtree(self._folder, ignore_errors=True)


class EvidenceStore:
    """Raises StoreError."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder, self._key = folder, key

    def make(self) -> None:
        """The folder, when it is not there: who keeps evidence does this first, who only looks never does. A full disk
        gets its name at a later start: what it keeps has to be erased in its time all the same.
        """
        database.make_directory(self.folder)
        demand_writable(self.folder)
        if not self.disks():
            new = self.folder / f"{DISK}.new"
            try:
                new.unlink(missing_ok=True)  # which a kill has left
                _write_through(new, f"{secrets.token_hex(4)}\n".encode())
                new.replace(self.folder / DISK)
                database.sync_directory(self.folder)
            except OSError as error:
                logger.error("evidence %s cannot be written yet: %s", DISK, error.strerror)

    def disks(self) -> list[str]:
        """The names of the disk that is there now, its own first; none before `make`."""
        try:
            return (self.folder / DISK).read_text("utf-8", "replace").split()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError("store.evidence_file", file=DISK, why=error.strerror) from error

    def begin(self, evidence: str, request: bytes) -> EvidenceWriter:
        """`request`: what was asked for, in case that nobody is left to finish it."""
        return EvidenceWriter(self.folder, evidence, self._key, request)

    def read(self, evidence: str, name: str) -> Iterator[bytes]:
        if name == MANIFEST:
            yield self.manifest(evidence)
        else:
            yield from read_sealed(self.folder / evidence / name, f"{evidence}/{name}", self._key)

    def manifest(self, evidence: str) -> bytes:
        path = self.folder / evidence / MANIFEST
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreError("store.evidence_file", file=f"{evidence}/{MANIFEST}", why=error.strerror) from error

    def size(self, evidence: str, names: Iterable[str]) -> int:
        """Bytes on the disk of the files `names` and the manifest."""
        folder = self.folder / evidence
        try:
            return sum((folder / name).stat().st_size for name in (MANIFEST, *names))
        except OSError as error:
            raise StoreError("store.evidence_file", file=error.filename, why=error.strerror) from error

    def erase(self, evidence: str, disk: str) -> None:
        """Its files are gone; the journal says what they were. Raises StoreError when they are not, or lie on another
        `disk` than the one that is there.
        """
        try:
            if (self.folder / evidence).exists():
                shutil.rmtree(self.folder / evidence)
            elif disk not in self.disks():
                raise StoreError("store.evidence_elsewhere", evidence=evidence, disk=disk, folder=str(self.folder))
            database.sync_directory(self.folder)
        except OSError as error:
            raise StoreError("store.evidence_file", file=evidence, why=error.strerror) from error

    def throw_away(self, evidence: str) -> None:
        """What was never finished."""
        shutil.rmtree(self.folder / f"{evidence}{PART}", ignore_errors=True)
        database.sync_directory(self.folder)

    def there(self) -> set[str]:
        try:
            names = {path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.endswith(PART)}
            return names - {LOST_FOUND}
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise StoreError("store.evidence_file", file=self.folder, why=error.strerror) from error

    def cut_off(self) -> list[tuple[str, bytes]]:
        """(id, request) of what was never finished, the request empty when it cannot be read; what has none is thrown
        away. What only lacks its name or has a request too many is finished here.
        """
        found = []
        try:
            for request in self.folder.glob(f"ev-*/{REQUEST}"):
                if not request.parent.name.endswith(PART) and (request.parent / MANIFEST).exists():
                    request.unlink(missing_ok=True)
            for folder in sorted(self.folder.glob(f"*{PART}")):
                evidence, request = folder.name.removesuffix(PART), folder / REQUEST
                if request.exists():
                    found.append((evidence, _read(request)))
                elif (folder / MANIFEST).exists():  # an earlier version took the request first
                    _name(folder)
                else:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            raise StoreError("store.evidence_file", file=self.folder.name, why=error.strerror) from error
        return found

    def salvage(self, evidence: str) -> tuple[File, ...]:
        """What can be read of one that was cut off, written anew as whole files. Empty: nothing.

        Until the new clip is whole on the disk the old one stays as it is: a full disk or another stop costs nothing.
        """
        folder = self.folder / f"{evidence}{PART}"
        clip, new, rest = folder / CLIP, folder / f"{CLIP}.new", folder / f"{CLIP}.rest"
        try:
            new.unlink(missing_ok=True)  # of an attempt that was stopped, too
            source = (
                rest if rest.exists() else clip
            )  # an earlier version left it on a full disk: `clip` is a part of it
            if not source.exists():
                return ()
            file = _copy(source, new, f"{evidence}/{CLIP}", self._key)
            new.replace(clip)
            database.sync_directory(folder)
            rest.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("store.evidence_file", file=folder.name, why=error.strerror) from error
        return (file,) if file.size else ()

    def finish(self, evidence: str, manifest: bytes) -> int:
        """Of what was salvaged."""
        return _finish(self.folder / f"{evidence}{PART}", manifest)


def demand_writable(folder: Path) -> None:
    """Raises StoreError when this user cannot put evidence into `folder`."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise StoreError("store.evidence_folder", folder=str(folder))


def _add(folder: Path, evidence: str, name: str, content: bytes, key: bytes) -> File:
    file = SealedWriter(folder / name, f"{evidence}/{name}", key)
    file.write(content)
    file.close()
    return File(name, len(content), hashlib.sha256(content).hexdigest())


def _copy(source: Path, target: Path, name: str, key: bytes) -> File:
    """Every whole piece of `source` sealed anew; `target` is whole or not there. Raises StoreError."""
    hash_, size, clip = hashlib.sha256(), 0, SealedWriter(target, name, key)
    try:
        for piece in read_sealed(source, name, key, cut=True):
            clip.write(piece)
            hash_.update(piece)
            size += len(piece)
        clip.close()
    except StoreError:
        clip.abort()
        target.unlink(missing_ok=True)  # the room it took is wanted
        raise
    return File(CLIP, size, hash_.hexdigest())


def _finish(folder: Path, manifest: bytes) -> int:
    try:
        (folder / MANIFEST).unlink(missing_ok=True)  # which a kill has left
        _write_through(folder / MANIFEST, manifest)
        size = 0
        for path in folder.iterdir():
            if path.name != REQUEST:
                path.chmod(0o400)
                size += path.stat().st_size
        database.sync_directory(folder)
        whole = _name(folder)
    except OSError as error:
        raise StoreError("store.evidence_file", file=folder.name, why=error.strerror) from error
    with suppress(OSError):  # the next start takes it
        (whole / REQUEST).unlink(missing_ok=True)  # at the last: a folder without its name is finished by it
    return size


def _write_through(path: Path, content: bytes) -> None:
    """A new file, on the disk. Raises OSError."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _name(folder: Path) -> Path:
    """It is whole: it gets the name of its evidence. Raises OSError."""
    whole = folder.rename(folder.with_name(folder.name.removesuffix(PART)))
    with suppress(OSError):  # it has its name now: after a power cut the next start may have to give it again
        database.sync_directory(folder.parent)
    return whole


def _read(request: Path) -> bytes:
    try:
        return request.read_bytes()
    except OSError:
        return b""
