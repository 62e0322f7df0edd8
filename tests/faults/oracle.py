"""The one oracle of all rows: what was offered, promised, stored and opened must agree."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.errors import StoreError
from edge_agent.model.events import Row
from edge_agent.sim.process import Line
from edge_agent.store.reading import JournalReader
from tests.faults.ledger import Ledger, Offer

OPENS_WITHIN_S = 5.0  # from the card at the reader to the relay, on a busy machine
OPENED_BEFORE_HEARD_S = 0.1

Key = tuple[str, int]


class Stored(msgspec.Struct, frozen=True):
    epoch: str
    seq: int
    tag: str
    chain: str
    body: bytes
    data: dict[str, Any]


class Findings(msgspec.Struct):
    """Every list must be empty; `announced` holds what was lost with a file that was destroyed, and said so."""

    lost: list[Key] = msgspec.field(default_factory=list)
    ghosts: list[str] = msgspec.field(default_factory=list)
    duplicates: list[Key] = msgspec.field(default_factory=list)
    disorder: list[str] = msgspec.field(default_factory=list)
    unauthorised: list[str] = msgspec.field(default_factory=list)
    unannounced: list[str] = msgspec.field(default_factory=list)
    announced: list[Key] = msgspec.field(default_factory=list)
    accepted: int = 0
    openings: int = 0

    def wrong(self) -> dict[str, Sequence[object]]:
        names = ("lost", "ghosts", "duplicates", "disorder", "unauthorised", "unannounced")
        return {name: found for name in names if (found := getattr(self, name))}


def wall_ms(monotonic_ns: int) -> int:
    """Unix ms of a CLOCK_MONOTONIC time."""
    return (time.time_ns() - time.monotonic_ns() + monotonic_ns) // 1_000_000


def stored(city_db: Path, gateway: str) -> list[Stored]:
    query = "SELECT epoch, seq, tag, chain, body FROM events WHERE source = ? ORDER BY epoch, seq"
    with closing(sqlite3.connect(f"{city_db.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        rows = db.execute(query, (f"urn:sc:gw:{gateway}",)).fetchall()
    return [
        Stored(
            epoch, seq, tag, chain, body.encode() if isinstance(body, str) else bytes(body), msgspec.json.decode(body)
        )
        for epoch, seq, tag, chain, body in rows
    ]


def judge(events: list[Stored], ledger: Ledger, gate: list[Line], journal: Path | None) -> Findings:
    """`journal`: None when rows in it may have been altered."""
    found = Findings(accepted=len(ledger.accepted))
    keys = [(event.epoch, event.seq) for event in events]
    have = set(keys)
    found.duplicates = sorted({key for key in keys if keys.count(key) > 1}) if len(have) < len(keys) else []
    gaps = [
        (str(event.data.get("epoch", "")), int(event.data.get("from", 0)), int(event.data.get("to", 0)))
        for event in events
        if event.tag == "gap.announced"
    ]
    for epoch, seq in sorted(ledger.accepted - have):
        in_gap = any(epoch == of and first <= seq <= last for of, first, last in gaps)
        (found.announced if in_gap else found.lost).append((epoch, seq))
    _holes(have, gaps, found)
    _order(events, ledger.offers, found)
    if journal is not None:
        _same_as_journal(events, journal, found)
    _openings(events, ledger, gate, found)
    found.disorder += [f"chain {event.chain} at {event.seq}" for event in events if event.chain == "broken"]
    return found


def _holes(have: set[Key], gaps: list[tuple[str, int, int]], found: Findings) -> None:
    """Numbers the city never got, between those it has, must be known gaps."""
    for epoch in {epoch for epoch, _ in have}:
        last = max(seq for of, seq in have if of == epoch)
        known = {seq for of, first, to in gaps if of == epoch for seq in range(first, min(to, last) + 1)}
        missing = set(range(1, last + 1)) - {seq for of, seq in have if of == epoch} - known
        found.unannounced += [f"{epoch[:8]}:{seq}" for seq in sorted(missing)]


def _order(events: list[Stored], offers: Iterable[Offer], found: Findings) -> None:
    """The grants of each journal, in its order, are a part of what was offered in the order it was offered."""
    people = [offer.person for offer in offers]
    reads: dict[str, int] = {}
    for epoch in {event.epoch for event in events}:
        at = 0
        for event in events:
            if event.epoch != epoch or not event.tag.startswith("access.") or "terminal" not in event.data:
                continue
            if event.tag in ("access.granted", "access.denied"):
                reads["all"] = reads.get("all", 0) + 1
            if event.tag != "access.granted":
                continue
            person = event.data["person"]
            try:
                at = people.index(person, at) + 1
            except ValueError:
                where = "ghosts" if person not in people else "disorder"
                getattr(found, where).append(f"{epoch[:8]}:{event.seq} {person}")
    if reads.get("all", 0) > len(people):
        found.ghosts.append(f"{reads['all']} reads stored, {len(people)} offered")


def _same_as_journal(events: list[Stored], journal: Path, found: Findings) -> None:
    """What the city has of the present journal is what stands in it, byte for byte."""
    rows = {(row.epoch, row.seq): row for row in journal_rows(journal)}
    epochs = {epoch for epoch, _ in rows}
    for event in events:
        row = rows.get((event.epoch, event.seq))
        if event.epoch in epochs and (row is None or bytes(row.body) != event.body):
            found.ghosts.append(f"{event.epoch[:8]}:{event.seq} is not what the journal has")


def journal_rows(path: Path, after: int = 0) -> list[Row]:
    try:
        reader = JournalReader(path)
    except StoreError:
        return []
    try:
        return reader.read(after, 10_000_000)[0]
    except StoreError:
        return []
    finally:
        reader.close()


def _openings(events: list[Stored], ledger: Ledger, gate: list[Line], found: Findings) -> None:
    """Each time the relay goes from off to on there is one card, held to the reader just before, or one command."""
    cards = [offer.t_ns for offer in ledger.offers if offer.person]
    sources = sorted([*cards, *ledger.commands.values(), *(line["t_ns"] for line in gate if line.get("exit"))])
    on = False
    for line in gate:
        match line.get("relay"):
            case "off":
                on = False
            case "on" if not on:
                on = True
                found.openings += 1
                until = line["t_ns"] + OPENED_BEFORE_HEARD_S * 1e9
                source = next((t for t in sources if line["t_ns"] - OPENS_WITHIN_S * 1e9 <= t <= until), None)
                if source is None:
                    found.unauthorised.append(f"opening at {line['t_ns']}")
                else:
                    sources.remove(source)
