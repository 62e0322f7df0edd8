"""Visits in people.db. Every step is one transaction with its event and with what the doors will see of it.

Blocking. What is answered is on the disk: the event is journalled out of this file (store/books.py), also after a kill.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from edge_agent.errors import StoreError, VisitError
from edge_agent.failpoint import failpoint
from edge_agent.model.encoding import canonical
from edge_agent.model.events import Event, PersonChanged
from edge_agent.model.visit_orders import Find
from edge_agent.model.visits import INSIDE, OPEN, Bar, BarKind, Details, Followed, Host, Step, Visit
from edge_agent.store.entries import read_plate
from edge_agent.store.people_file import PeopleFile
from edge_agent.store.visit_keys import Label, VisitKeys

COLUMNS = "id, body, sealed"
HOSTED = ("resident", "family", "tenant", "staff", "guard", "service", "volunteer")
HOSTS_AT_MOST = 30
BOOK_AFTER_MS = 12 * 3_600_000  # who was checked out at the desk still gets out of the gate with their pass
FOLLOWED = "followed"  # how far the journal was looked at for visitors at doors: `epoch seq`
SHOWN: dict[str, tuple[str, ...]] = {
    "expected": ("expected",), "inside": INSIDE, "overstaying": ("overstaying",), "open": OPEN,
    "ended": ("left", "cancelled", "expired", "no_show", "refused"), "all": (),
}  # fmt: skip


class VisitStore(PeopleFile):
    """One connection to people.db. Raises StoreError, and VisitError where a step is not possible."""

    def __init__(self, path: Path, keys: VisitKeys) -> None:
        super().__init__(path)
        self.keys = keys

    # ---- writing -----------------------------------------------------------------------------------------------------

    def add(self, steps: Iterable[Step]) -> list[Visit]:
        """New ones, all or none; as they are stored, with the digest of their code."""
        with self._transaction():
            made = [self._write(step.visit, step.event, None) for step in steps]
            failpoint("visit.before")
        failpoint("visit.after")
        return made

    def change(self, ids: Iterable[str], step: Callable[[Visit], Step], at: Followed | None = None) -> list[Visit]:
        """One step of each, all or none. `at`: how far the journal was followed by that."""
        with self._transaction():
            changed = list[Visit]()
            for id_ in ids:
                before = self.get(id_)
                done = step(before)
                changed.append(self._write(done.visit, done.event, before))
            if at is not None:
                self._connection.execute(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?)", (FOLLOWED, f"{at.epoch} {at.seq}")
                )
            failpoint("visit.before")
        failpoint("visit.after")
        return changed

    def put_bar(self, bar: Bar) -> None:
        sealed = self.keys.seal(Label(bar.label, bar.reason), bar.id)
        with self._transaction():
            self._connection.execute("DELETE FROM visit_bars WHERE kind = ? AND digest = ?", (bar.kind, bar.digest))
            row = (bar.id, bar.kind, bar.digest, bar.until_ms, bar.by, bar.at_ms, sealed)
            self._connection.execute("INSERT INTO visit_bars VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self._note(
                PersonChanged(what="visitor_barred", source=bar.by), "person", self._known_as(bar.kind, bar.digest)
            )

    def take_bar(self, bar: str, by: str) -> None:
        with self._transaction():
            if (row := self._one("DELETE FROM visit_bars WHERE id = ? RETURNING kind, digest", bar)) is None:
                raise VisitError("visit.no_bar", bar=bar)
            self._note(PersonChanged(what="visitor_unbarred", source=by), "person", self._known_as(*row))

    def tidy(self, now_ms: int, keep_ms: int) -> int:
        """Take out of the doors' book what is over long enough; erase what was kept long enough; how many of both."""
        with self._transaction():
            over = self._rows("SELECT id FROM visits WHERE in_book = 1 AND ended_ms <= ?", now_ms - BOOK_AFTER_MS)
            for (id_,) in over:
                self._connection.execute("UPDATE visits SET in_book = 0, plate = '', code = '' WHERE id = ?", (id_,))
            old = self._connection.execute(
                "DELETE FROM visits WHERE in_book = 0 AND ended_ms <= ?", (now_ms - keep_ms,)
            ).rowcount
            bars = self._rows("DELETE FROM visit_bars WHERE until_ms <= ? RETURNING kind, digest", now_ms)
            if over:
                event = PersonChanged(what="visits_closed", count=len(over))
                self._note(event, "person", [id_ for (id_,) in over])
            if old:
                self._note(PersonChanged(what="visits_erased", count=old))
            if bars:
                free = [id_ for kind, digest in bars for id_ in self._known_as(kind, digest)]
                self._note(PersonChanged(what="visitor_unbarred", count=len(bars)), "person", free)
        return len(over) + old + len(bars)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def get(self, id_: str) -> Visit:
        row = self._one(f"SELECT {COLUMNS} FROM visits WHERE id = ?", id_)
        if row is None:
            raise VisitError("visit.unknown", visit=id_)
        return self._read(row)

    def of_code(self, digest: str) -> str | None:
        """The visit that a typed code belongs to."""
        row = self._one("SELECT id FROM visits WHERE code = ?", digest) if digest else None
        return None if row is None else str(row[0])

    def of_group(self, group: str, inside: bool | None = None) -> list[str]:
        """The open visits of a group; with `inside` only those that are in, or that are not."""
        states = OPEN if inside is None else INSIDE if inside else ("expected",)
        marks = ", ".join("?" * len(states))
        rows = self._rows(f"SELECT id FROM visits WHERE party = ? AND state IN ({marks}) ORDER BY id", group, *states)
        return [id_ for (id_,) in rows]

    def open(self) -> list[Visit]:
        """Without their details: for what time does to them."""
        marks = ", ".join("?" * len(OPEN))
        rows = self._rows(f"SELECT body FROM visits WHERE state IN ({marks})", *OPEN)
        return [msgspec.json.decode(body, type=Visit) for (body,) in rows]

    def find(self, wanted: Find) -> list[Visit]:
        """The newest first; those inside and expected by when they are due."""
        states = SHOWN[wanted.show]
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        text, found = wanted.text.strip().casefold(), list[Visit]()
        order = "until_ms" if states and set(states) <= set(OPEN) else "coalesce(ended_ms, until_ms) DESC"
        for row in self.each(f"SELECT {COLUMNS} FROM visits {where} ORDER BY {order}", states):
            visit = self._read(row)
            if not text or any(text in part.casefold() for part in _searched(visit)):
                found.append(visit)
                if len(found) == wanted.limit:
                    break
        return found

    def bars(self) -> list[Bar]:
        rows = self._rows(
            "SELECT id, kind, digest, until_ms, by_whom, at_ms, sealed FROM visit_bars ORDER BY at_ms DESC"
        )
        return [
            Bar(id=id_, kind=kind, digest=digest, until_ms=until, by=by, at_ms=at,
                label=(said := self.keys.label(sealed, id_)).label, reason=said.reason)
            for id_, kind, digest, until, by, at, sealed in rows
        ]  # fmt: skip

    def barred_plate(self, plate: str) -> str | None:
        """The reason the city's blacklist has for a plate (as it is written)."""
        row = self._one("SELECT reason FROM blacklist WHERE subject = ? AND listed = 1", f"plate/{plate}")
        return None if row is None else str(row[0])

    def hosts(self, text: str) -> list[Host]:
        """Who may be visited: by id, the beginning of the house code, or a part of the name."""
        marks = ", ".join("?" * len(HOSTED))
        plain = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._rows(
            f"SELECT id, name, house, phone FROM persons WHERE enabled = 1 AND category IN ({marks}) AND (id = ? OR"
            " house LIKE ? ESCAPE '\\' OR name LIKE ? ESCAPE '\\') ORDER BY house = ? DESC, house, name LIMIT ?",
            *HOSTED, text.strip(), f"{plain}%", f"%{plain}%", text.strip(), HOSTS_AT_MOST,
        )  # fmt: skip
        return [Host(*row) for row in rows]

    def host(self, id_: str) -> Host | None:
        row = self._one("SELECT id, name, house, phone FROM persons WHERE id = ?", id_)
        return None if row is None else Host(*row)

    def followed(self) -> Followed | None:
        row = self._one("SELECT value FROM meta WHERE key = ?", FOLLOWED)
        if row is None:
            return None
        epoch, _, seq = str(row[0]).partition(" ")
        return Followed(epoch, int(seq)) if seq.isdecimal() else None

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _write(self, visit: Visit, event: Event, before: Visit | None) -> Visit:
        if before is not None and before.open and (not visit.open or visit.revision != before.revision):
            self._connection.execute(
                "INSERT INTO passes VALUES (?, ?, ?, 'revoked') ON CONFLICT (jti) DO UPDATE SET state = 'revoked'",
                (before.pass_id, before.id, before.until_ms),
            )
        if visit.open and (before is None or visit.revision != before.revision):
            visit = replace(visit, code=self._free_code(visit.pass_id))
        if not visit.open:
            visit = replace(visit, code="")
        plate = read_plate(visit.details.plate).digest if visit.open and visit.details.plate else ""
        body = canonical(replace(visit, details=Details()))
        row = (
            visit.id, visit.state, visit.group, visit.document, visit.code, visit.until_ms, visit.ended_ms,
            1, plate, body, self.keys.seal(visit.details, visit.id),
        )  # fmt: skip
        self._connection.execute("INSERT OR REPLACE INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._note(event, "person", [visit.id])
        return visit

    def _known_as(self, kind: BarKind, digest: str) -> list[str]:
        """The visits that a bar keeps out: the doors read them anew."""
        return [visit.id for visit in self.open() if getattr(visit, kind) == digest]

    def _free_code(self, pass_id: str) -> str:
        """The digest of a code that is nobody else's, nor anybody's PIN."""
        for digits in self.keys.codes(pass_id):
            digest, pin = self.keys.code(digits), self.keys.pin(digits)
            taken = self._one(
                "SELECT 1 FROM visits WHERE code = ?1 UNION ALL SELECT 1 FROM credentials WHERE pin_index = ?2 OR"
                " duress_index = ?2",
                digest,
                pin,
            )
            if taken is None:
                return digest
        raise StoreError("visit.no_code")

    def _read(self, row: Any) -> Visit:
        id_, body, sealed = row
        visit = msgspec.json.decode(body, type=Visit)
        return replace(visit, details=self.keys.details(sealed, id_))


def _searched(visit: Visit) -> tuple[str, ...]:
    known = visit.details
    own = (known.name, known.phone, known.plate, known.company, known.document)
    return (visit.id, visit.house, visit.host, visit.group, *own)
