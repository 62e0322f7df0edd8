"""Files that only the holder of the key reads: pieces sealed with AES-256-GCM as they come, in order.

Each file has a key of its own, drawn from the store's by HKDF over its name, so that a counter is a nonce that never
comes again. A piece knows its place and whether it is the last: none can be left out, moved or added. What a power cut
left of a file can be read up to its last whole piece.

Form: the magic bytes, then per piece 4 bytes of length (big-endian) and the sealed bytes.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge_agent.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"EAev1\n"
PIECE_AT_MOST = 1 << 20
TAG_BYTES = 16


class SealedWriter:
    """Raises StoreError: the file is there already, or the disk takes nothing more."""

    def __init__(self, path: Path, name: str, key: bytes) -> None:
        self.path, self.size = path, 0
        self._cipher, self._count = _cipher(name, key), 0
        try:
            self._file: BinaryIO = open(path, "xb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise _failed(path, error) from error
        try:
            self._write(MAGIC)
        except StoreError:
            self._file.close()
            raise

    def write(self, data: bytes) -> None:
        self._seal(data, last=False)

    def close(self) -> None:
        """The last piece, and everything on the disk."""
        self._seal(b"", last=True)
        try:
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _failed(self.path, error) from error

    def abort(self) -> None:
        """Let go of the file as it is."""
        self._file.close()

    def _seal(self, data: bytes, last: bool) -> None:
        sealed = self._cipher.encrypt(self._count.to_bytes(12, "big"), data, b"last" if last else b"more")
        self._count += 1
        self._write(len(sealed).to_bytes(4, "big") + sealed)

    def _write(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise _failed(self.path, error) from error
        self.size += len(data)


def read_sealed(path: Path, name: str, key: bytes, *, cut: bool = False) -> Iterator[bytes]:
    """The pieces of a file, in order. `cut`: it may end anywhere, as after a power cut.

    Raises StoreError when the file is not there, or not what was written under this name and key.
    """
    from cryptography.exceptions import InvalidTag

    cipher, count = _cipher(name, key), 0
    try:
        with path.open("rb") as file:
            if (magic := file.read(len(MAGIC))) != MAGIC:
                if cut and MAGIC.startswith(magic.rstrip(b"\0")):  # what was never written may read as zeros
                    return
                raise StoreError("store.sealed_altered", file=path.name)
            while head := file.read(4):
                size = int.from_bytes(head, "big")
                sealed = file.read(size) if size <= PIECE_AT_MOST + TAG_BYTES else b""
                if cut and (len(head) < 4 or size < TAG_BYTES or len(sealed) < size):
                    return
                nonce = count.to_bytes(12, "big")
                try:
                    piece = cipher.decrypt(nonce, sealed, b"more")
                except InvalidTag:
                    if cut and _never_written(sealed, file):
                        return
                    cipher.decrypt(nonce, sealed, b"last")
                    if file.read(1):
                        raise StoreError("store.sealed_altered", file=path.name) from None
                    return
                yield piece
                count += 1
    except (InvalidTag, ValueError):
        raise StoreError("store.sealed_altered", file=path.name) from None
    except OSError as error:
        raise _failed(path, error) from error
    if not cut:
        raise StoreError("store.sealed_altered", file=path.name)


def _never_written(sealed: bytes, rest: BinaryIO) -> bool:
    """It ends in zeros, and so does all behind it: room the file had when the power went, not what was put there."""
    return not any(sealed[-TAG_BYTES:]) and not any(any(more) for more in iter(lambda: rest.read(PIECE_AT_MOST), b""))


def _cipher(name: str, key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), 32, salt=MAGIC, info=name.encode()).derive(key))


def _failed(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("store.disk_full", file=path.name)
    return StoreError("store.evidence_file", file=path.name, why=error.strerror)
