"""Face templates, each sealed with AES-256-GCM; who they belong to by name is in another file.

The key is not in the database. A template is bound to gateway, person, model and version: moved to another row it does
not open. Erasing overwrites: the bytes are gone from the file and from its log (a flash card may keep an old block
of its own; those hold sealed bytes only).
"""

import hashlib
import math
import os
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.errors import StoreError, locked
from edge_agent.model.encoding import canonical
from edge_agent.store import database
from edge_agent.store.schema import FACES

KEY_BYTES = 32
NONCE_BYTES = 12  # random; 2^32 templates under one key stay far within NIST SP 800-38D
VERSION = 1  # of the sealed record's form
SAME_PICTURE = 0.01  # distance; two photographs of one person are some 0.3 apart
KEY_CHECK = b"edge-agent face key"
CROP = "crop"  # stands for the model in what a picture is bound to
BATCH = 2000
ZEROS = bytes(1 << 16)


class Enrolled(msgspec.Struct, frozen=True):
    """`templates` of one person for one model."""

    person: str
    model: str
    templates: int


class Erasure(msgspec.Struct, frozen=True):
    """Proof of a deletion. `digest`: SHA-256 over the sealed bytes that were destroyed."""

    person: str
    at_ms: int
    why: str
    templates: int
    crops: int
    digest: str


def make_key(path: Path) -> bytes:
    """A new random key in a new file only its owner reads. Raises StoreError; never overwrites one."""
    key = os.urandom(KEY_BYTES)
    database.make_directory(path.parent)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError as error:
        raise StoreError("store.key_exists", file=str(path)) from error
    except OSError as error:
        raise StoreError("store.key_unreadable", file=str(path), why=error.strerror) from error
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    database.sync_directory(path.parent)
    return key


def load_key(path: Path) -> bytes:
    """32 bytes. Raises StoreError when it is not there, has another size, or others can read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise StoreError("store.key_open", file=str(path))
        key = path.read_bytes()
    except PermissionError as error:
        raise StoreError("config.file_locked", **locked(path)) from error
    except OSError as error:
        raise StoreError("store.key_unreadable", file=str(path), why=error.strerror) from error
    if len(key) != KEY_BYTES:
        raise StoreError("store.key_size", file=str(path), found=len(key), wanted=KEY_BYTES)
    return key


class FaceStore:
    """One connection to faces.db. Consent is the caller's to check (PeopleStore.consent). Raises StoreError."""

    def __init__(self, path: Path, key: bytes, gateway: str, *, set_aside: bool = False) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(key) != KEY_BYTES:
            raise StoreError("store.key_size", file="key", found=len(key), wanted=KEY_BYTES)
        self.path, self.gateway = path, gateway
        self._cipher = AESGCM(key)
        with database.alone(path):
            opened = database.open_file(path, FACES, set_aside=set_aside)
            self.moved = opened.set_aside
            self._connection = opened.connection
            try:
                self._check_key()
            except StoreError:
                self._connection.close()
                raise

    def close(self) -> None:
        self._connection.close()

    # ---- writing -----------------------------------------------------------------------------------------------------

    def put(self, person: str, model: str, embedding: bytes, crop: bytes | None = None) -> None:
        """Store one template (float32 bytes), and the picture it was made of where its keeping was agreed to."""
        self.put_all([(person, model, embedding, crop)])

    def put_all(self, made: Sequence[tuple[str, str, bytes, bytes | None]]) -> None:
        """Many at once: (person, model, template, picture or None). All of them, or none."""
        with self._changed() as version:
            for person, model, embedding, crop in made:
                self._insert(person, model, embedding)
                if crop is not None:
                    self._keep(person, crop)
                self._touch(person, version)

    def replace_model(self, person: str, model: str, embeddings: Sequence[bytes]) -> bool:
        """These are the person's templates from now on; those of other models are gone. Pictures stay. False: there
        were none any more, and there are none; they were erased while the new ones were made.
        """
        with self._changed() as version:
            known = self._connection.execute("DELETE FROM templates WHERE person = ?", (person,)).rowcount > 0
            for embedding in embeddings if known else ():
                self._insert(person, model, embedding)
            self._touch(person, version)
        return known

    def erase(self, person: str, why: str = "") -> int:
        """Destroy all templates and pictures of `person`; returns how many templates. Overwritten in the file, the log
        emptied, and an erasure noted: SHA-256 over the sealed bytes that were destroyed.

        Raises StoreError `store.erase_unfinished` when a reader kept the log from being emptied: call it again.
        """
        count = 0
        with self._changed() as version:
            sealed = hashlib.sha256()
            counts = []
            for table in ("templates", "crops"):
                rows = self._connection.execute(f"SELECT sealed FROM {table} WHERE person = ? ORDER BY id", (person,))
                counts.append(0)
                for (data,) in rows:
                    sealed.update(data)
                    counts[-1] += 1
                self._connection.execute(f"DELETE FROM {table} WHERE person = ?", (person,))
            count = counts[0]
            if any(counts):
                self._touch(person, version)
                self._connection.execute(
                    "INSERT INTO erasures (person, at_ms, why, templates, crops, digest) VALUES (?, ?, ?, ?, ?, ?)",
                    (person, time.time_ns() // 1_000_000, why, *counts, sealed.hexdigest()),
                )
        self._empty_log()
        self.drop_set_aside()
        return count

    def drop_set_aside(self, before_ms: int | None = None) -> int:
        """Destroy damaged files that were set aside, where nobody's face can be found any more; how many. `before_ms`:
        those that were written last before then, when erasing in them ended. Raises StoreError.
        """
        count = 0
        try:
            for path in self.path.parent.glob(f"{self.path.name}.damaged-*"):
                with suppress(FileNotFoundError):  # the sweep and a command may be at it together
                    if before_ms is None or path.stat().st_mtime_ns // 1_000_000 < before_ms:
                        with path.open("r+b", buffering=0) as file:
                            for _ in range(0, path.stat().st_size, len(ZEROS)):
                                file.write(ZEROS)
                            os.fsync(file.fileno())
                        path.unlink()
                        count += 1
        except OSError as error:
            raise StoreError("store.failing", file=self.path.name, why=error.strerror) from error
        return count

    def drop_crops(self, person: str) -> int:
        """Destroy the kept pictures only: their keeping was withdrawn, matching was not."""
        with self._changed():
            count = self._connection.execute("DELETE FROM crops WHERE person = ?", (person,)).rowcount
        self._empty_log()
        self.drop_set_aside()
        return count

    def forget_erasures(self, before_ms: int) -> int:
        """Proofs of deletions before then; how many."""
        with self._translated():
            return self._connection.execute("DELETE FROM erasures WHERE at_ms < ?", (before_ms,)).rowcount

    def _empty_log(self) -> None:
        with self._translated():
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StoreError("store.erase_unfinished", file=self.path.name)

    def _insert(self, person: str, model: str, embedding: bytes) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, embedding, self._bound(person, model, VERSION))
        self._connection.execute(
            "INSERT INTO templates (person, model, version, nonce, sealed) VALUES (?, ?, ?, ?, ?)",
            (person, model, VERSION, nonce, sealed),
        )

    def _keep(self, person: str, crop: bytes) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, crop, self._bound(person, CROP, VERSION))
        self._connection.execute(
            "INSERT INTO crops (person, version, nonce, sealed) VALUES (?, ?, ?, ?)", (person, VERSION, nonce, sealed)
        )

    def _touch(self, person: str, version: int) -> None:
        self._connection.execute(
            "INSERT INTO touched VALUES (?1, ?2) ON CONFLICT (person) DO UPDATE SET version = ?2", (person, version)
        )

    @contextmanager
    def _changed(self) -> Iterator[int]:
        """One transaction, and the version of the file it makes."""
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                version = self.version() + 1
                self._connection.execute("UPDATE meta SET value = ? WHERE key = 'version'", (str(version),))
                yield version
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    # ---- reading -----------------------------------------------------------------------------------------------------

    def version(self) -> int:
        """Grows with every change."""
        return int(self._rows("SELECT value FROM meta WHERE key = 'version'")[0][0])

    def changes(self, since: int, model: str) -> tuple[int, dict[str, list[bytes]]]:
        """The version now, and person → all their templates of `model`, for everybody who changed after `since`."""
        with self._translated():
            self._connection.execute("BEGIN")
            try:
                version = self.version()
                people = self._rows("SELECT person FROM touched WHERE version > ? ORDER BY person", since)
                found = {person: [t for _, t in self._opened_all(model, person)] for (person,) in people}
            finally:
                self._connection.execute("COMMIT")
        return version, found

    def batches(self, model: str, size: int = BATCH) -> Iterator[list[tuple[str, bytes]]]:
        """All templates of `model` in pieces, so that whoever loads them lets others work in between."""
        last = 0
        query = (
            "SELECT id, person, version, nonce, sealed FROM templates WHERE model = ? AND id > ? ORDER BY id LIMIT ?"
        )
        while rows := self._rows(query, model, last, size):
            last = rows[-1][0]
            yield [
                (person, self._opened(nonce, sealed, self._bound(person, model, version)))
                for _, person, version, nonce, sealed in rows
            ]

    def crops(self, person: str) -> list[bytes]:
        """The kept pictures (JPEG), oldest first."""
        query = "SELECT version, nonce, sealed FROM crops WHERE person = ? ORDER BY id"
        return [
            self._opened(nonce, sealed, self._bound(person, CROP, version))
            for version, nonce, sealed in self._rows(query, person)
        ]

    def pictured(self) -> set[str]:
        """Of whom pictures are kept."""
        return {person for (person,) in self._rows("SELECT DISTINCT person FROM crops")}

    def of_other_models(self, model: str) -> list[str]:
        """Who has templates of other models, by id."""
        rows = self._rows("SELECT DISTINCT person FROM templates WHERE model <> ? ORDER BY person", model)
        return [person for (person,) in rows]

    def count(self, person: str, model: str) -> int:
        """Templates of one person for one model."""
        return int(self._rows("SELECT count(*) FROM templates WHERE person = ? AND model = ?", person, model)[0][0])

    def erasures(self, person: str | None = None) -> list[Erasure]:
        """What was destroyed, oldest first."""
        query = "SELECT person, at_ms, why, templates, crops, digest FROM erasures"
        where, values = (" WHERE person = ?", (person,)) if person is not None else ("", ())
        return [Erasure(*row) for row in self._rows(f"{query}{where} ORDER BY id", *values)]

    def _opened_all(self, model: str, person: str) -> list[tuple[str, bytes]]:
        query = "SELECT version, nonce, sealed FROM templates WHERE model = ? AND person = ? ORDER BY id"
        return [
            (person, self._opened(nonce, sealed, self._bound(person, model, version)))
            for version, nonce, sealed in self._rows(query, model, person)
        ]

    def enrolled(self) -> list[Enrolled]:
        """Who is enrolled for which model, by person."""
        query = "SELECT person, model, count(*) FROM templates GROUP BY person, model ORDER BY person, model"
        return [Enrolled(*row) for row in self._rows(query)]

    def templates(self, model: str) -> list[tuple[str, bytes]]:
        """(person, float32 bytes) of every template of `model`; those of other models are never mixed in."""
        query = "SELECT person, version, nonce, sealed FROM templates WHERE model = ? ORDER BY person, id"
        return [
            (person, self._opened(nonce, sealed, self._bound(person, model, version)))
            for person, version, nonce, sealed in self._rows(query, model)
        ]

    def holds(self, person: str, model: str, embedding: bytes) -> bool:
        """Whether this very picture is among the person's: another photograph of theirs is further away than that."""
        query = "SELECT version, nonce, sealed FROM templates WHERE person = ? AND model = ?"
        wanted = array("f", embedding)
        return any(
            math.dist(wanted, array("f", self._opened(nonce, sealed, self._bound(person, model, version))))
            < SAME_PICTURE
            for version, nonce, sealed in self._rows(query, person, model)
        )

    def data_version(self) -> int:
        """Changes when another connection has committed something."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def _check_key(self) -> None:
        """The first key used with the file is its key; any other is refused before it does harm."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'key_check'")
        bound = canonical({"gateway": self.gateway, "for": "key check"})
        if rows:
            data = bytes.fromhex(rows[0][0])
            self._opened(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
            return
        nonce = os.urandom(NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, KEY_CHECK, bound)
        with self._translated():
            self._connection.execute("INSERT INTO meta VALUES ('key_check', ?)", (data.hex(),))

    def _opened(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(nonce, sealed, bound)
        except InvalidTag as error:
            raise StoreError("store.key_wrong", file=self.path.name) from error

    def _bound(self, person: str, model: str, version: int) -> bytes:
        return canonical({"gateway": self.gateway, "person": person, "model": model, "version": version})

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except database.FAILURES as error:
            raise database.translated(error, self.path) from error
