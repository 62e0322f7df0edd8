"""Patrols, hazards and duties in people.db, each with its event in one transaction; photos of hazards beside it.

Blocking. Old runs, duties and closed hazards with their photos are erased by `tidy`.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.errors import RoundError, StoreError
from edge_agent.failpoint import failpoint
from edge_agent.model.encoding import canonical
from edge_agent.model.events import Event, PersonChanged
from edge_agent.model.rounds import PHOTO_AT_MOST, Duty, Hazard, HazardStep, Passed
from edge_agent.model.visits import Followed
from edge_agent.store import database
from edge_agent.store.people_file import PeopleFile

FOLLOWED, SINCE = "rounds_followed", "rounds_since"
SUFFIX = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}
HAZARDS_AT_MOST = 1000
SHOWN = {"open": "state <> 'closed'", "closed": "state = 'closed'", "all": "1"}


class RoundStore(PeopleFile):
    """One connection to people.db; `photos`: their folder. Raises StoreError and RoundError."""

    def __init__(self, path: Path, photos: Path) -> None:
        super().__init__(path)
        self.photos = photos

    # ---- patrols -----------------------------------------------------------------------------------------------------

    def passed(self, since_ms: int) -> list[Passed]:
        """Points of runs that began at `since_ms` or later, done or missed."""
        rows = self._rows(
            "SELECT route, run_ms, point, state, at_ms, by_whom, how FROM patrols WHERE run_ms >= ? ORDER BY at_ms",
            since_ms,
        )
        return [Passed(*row) for row in rows]

    def pass_(self, one: Passed, event: Event, at: Followed | None = None) -> bool:
        """False when that point of that run is known already. `at`: how far the journal was followed by that."""
        row = (one.route, one.run_ms, one.point, one.state, one.at_ms, one.by, one.how)
        with self._transaction():
            new = self._connection.execute("INSERT OR IGNORE INTO patrols VALUES (?, ?, ?, ?, ?, ?, ?)", row).rowcount
            if new:
                self._note(event)
                if at is not None:
                    self._keep(FOLLOWED, f"{at.epoch} {at.seq}")
            failpoint("round.before")
        failpoint("round.after")
        return bool(new)

    def since(self, route: str, begun_ms: int | None) -> int | None:
        """When this gateway began to watch `route`: `begun_ms` at the first time it is known."""
        row = self._one("SELECT value FROM meta WHERE key = ?", f"{SINCE} {route}")
        if row is None and begun_ms is not None:
            with self._transaction():
                self._keep(f"{SINCE} {route}", str(begun_ms))
        return begun_ms if row is None else int(row[0])

    def followed(self) -> Followed | None:
        row = self._one("SELECT value FROM meta WHERE key = ?", FOLLOWED)
        epoch, _, seq = str(row[0]).partition(" ") if row else ("", "", "")
        return Followed(epoch, int(seq)) if seq.isdecimal() else None

    # ---- hazards -----------------------------------------------------------------------------------------------------

    def add_hazard(self, step: HazardStep, photo: bytes | None) -> Hazard:
        if photo is not None:
            self._save(step.hazard.id, photo)
        return self._put(step)

    def change_hazard(self, id_: str, step: Callable[[Hazard], HazardStep]) -> Hazard:
        with self._transaction():
            return self._put(step(self.hazard(id_)))

    def hazard(self, id_: str) -> Hazard:
        row = self._one("SELECT body FROM hazards WHERE id = ?", id_)
        if row is None:
            raise RoundError("hazard.unknown", hazard=id_)
        return msgspec.json.decode(row[0], type=Hazard)

    def hazards(self, show: str) -> list[Hazard]:
        """Open ones by their due date, closed ones the newest first; a thousand at most."""
        found = self._hazards(show)
        found.sort(key=lambda one: (one.state == "closed", -(one.closed_ms or 0), one.due_ms))
        return found[:HAZARDS_AT_MOST]

    def _hazards(self, show: str) -> list[Hazard]:
        rows = self._rows(f"SELECT body FROM hazards WHERE {SHOWN[show]}")
        return [msgspec.json.decode(body, type=Hazard) for (body,) in rows]

    def photo(self, id_: str) -> tuple[bytes, str]:
        """Its bytes and what kind of picture they are (jpg, png, webp)."""
        self.hazard(id_)
        for kind in ("jpg", "png", "webp"):
            try:
                return (self.photos / f"{id_}.{kind}").read_bytes(), kind
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError("store.cannot_open", file=f"{id_}.{kind}", why=error.strerror) from error
        raise RoundError("hazard.photo_gone", hazard=id_)

    def _put(self, step: HazardStep) -> Hazard:
        hazard = step.hazard
        with self._transaction():
            row = (hazard.id, hazard.state, canonical(hazard))
            self._connection.execute("INSERT OR REPLACE INTO hazards VALUES (?, ?, ?)", row)
            self._note(step.event)
            failpoint("round.before")
        failpoint("round.after")
        return hazard

    def _save(self, id_: str, photo: bytes) -> None:
        """On the disk before the row that speaks of it."""
        database.make_directory(self.photos)
        path = self.photos / f"{id_}.{picture_kind(photo)}"
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(photo)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError("store.cannot_open", file=path.name, why=error.strerror) from error
        database.sync_directory(self.photos)

    # ---- duty --------------------------------------------------------------------------------------------------------

    def on_duty(self) -> list[Duty]:
        rows = self._rows("SELECT body FROM duties WHERE ended_ms IS NULL ORDER BY id")
        return [msgspec.json.decode(body, type=Duty) for (body,) in rows]

    def put_duty(self, step: Callable[[list[Duty]], tuple[Duty, Event]]) -> Duty:
        """`step` sees who is on duty inside the transaction."""
        with self._transaction():
            duty, event = step(self.on_duty())
            self._connection.execute(
                "INSERT OR REPLACE INTO duties VALUES (?, ?, ?)", (duty.id, duty.ended_ms, canonical(duty))
            )
            self._note(event)
            failpoint("round.before")
        failpoint("round.after")
        return duty

    # ---- upkeep ------------------------------------------------------------------------------------------------------

    def tidy(self, before_ms: int) -> int:
        """Erase runs, duties and closed hazards that ended before, how many; and photos of no hazard: a power cut comes
        between a photo and its row.
        """
        old = [one.id for one in self._hazards("closed") if (one.closed_ms or 0) < before_ms]
        with self._transaction():
            count = self._connection.execute("DELETE FROM patrols WHERE run_ms < ?", (before_ms,)).rowcount
            count += self._connection.execute("DELETE FROM duties WHERE ended_ms < ?", (before_ms,)).rowcount
            for id_ in old:
                self._connection.execute("DELETE FROM hazards WHERE id = ?", (id_,))
            if count + len(old):
                self._note(PersonChanged(what="rounds_erased", count=count + len(old)))
        known = {id_ for (id_,) in self._rows("SELECT id FROM hazards")}
        for photo in self.photos.glob("h-*"):
            if photo.stem not in known:
                photo.unlink(missing_ok=True)
        return count + len(old)

    def _keep(self, key: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def picture_kind(photo: bytes) -> str:
    """By its first bytes. Raises RoundError for what is none, or too large."""
    if len(photo) > PHOTO_AT_MOST:
        raise RoundError("hazard.photo_size", most=PHOTO_AT_MOST >> 20)
    for mark, kind in SUFFIX.items():
        if photo.startswith(mark):
            return kind
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return "webp"
    raise RoundError("hazard.photo_kind")


def digest(photo: bytes) -> str:
    return hashlib.sha256(photo).hexdigest()
