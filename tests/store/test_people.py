"""store.people and store.books: people.db, the Book made from it, and what the journal learns of changes."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from journal_rig import journalling, query

from edge_agent.errors import StoreError
from edge_agent.model.events import ConsentGiven, PersonChanged
from edge_agent.model.people import Book, Rule, Schedule, Span
from edge_agent.model.reads import Card
from edge_agent.model.site import Retention
from edge_agent.store.booking import Site, Snapshot
from edge_agent.store.books import BookWatch
from edge_agent.store.entries import CredentialEntry, PersonEntry, hash_pin
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.people import PeopleStore
from edge_agent.store.records import Consent
from edge_agent.store.retention import Retainer
from tests.flows.world import MemoryClock
from tests.waiting import auntil

RULES = (Rule("residents-always", ("*",), ("resident",)),)
SCHEDULES = {"day": Schedule("day", (Span((1, 2, 3), 480, 1080),))}
LONG_CARD = Card(200, (1 << 199) + 5)  # longer than SQLite's integers


def person(number: int = 1, *cards: Card, **fields: object) -> PersonEntry:
    entries = tuple(CredentialEntry(card, "w26") for card in cards)
    return PersonEntry(
        id=f"p-{number}", name="张三", category="resident", house="3-1-502", credentials=entries, **fields
    )  # type: ignore[arg-type]


def test_a_book_holds_who_may_pass_and_no_names(tmp_path: Path) -> None:
    """Pseudonym, category, house, validity and cards; name and phone number stay in the file."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        assert people.put(person(1, Card(26, 77), LONG_CARD, valid_until_ms=5, phone="13800000000")) == "added"
        book = people.book("Asia/Shanghai", RULES, SCHEDULES)
    assert book.persons["p-1"].house == "3-1-502"
    assert book.persons["p-1"].valid_until_ms == 5
    assert book.credentials[Card(26, 77)].person == "p-1"
    assert book.credentials[LONG_CARD].person == "p-1"
    assert (book.rules, book.zone, dict(book.schedules)) == (RULES, "Asia/Shanghai", SCHEDULES)
    assert "张三" not in repr(book)
    assert "13800000000" not in repr(book)


def test_an_update_replaces_fields_and_adds_cards(tmp_path: Path) -> None:
    """Given again, a person has the new fields and the cards of both; the version is another."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(person(1, Card(26, 77)))
        before = people.book("UTC", RULES, {})
        assert people.put(person(1, Card(26, 78), phone="139")) == "updated"
        after = people.book("UTC", RULES, {})
        known = people.person("p-1")
        assert known is not None
        assert (known.phone, [entry.key for entry in known.cards]) == ("139", [Card(26, 77), Card(26, 78)])
    assert set(after.credentials) == {Card(26, 77), Card(26, 78)}
    assert before.version != after.version


def test_a_card_belongs_to_one_person(tmp_path: Path) -> None:
    """A second owner is refused by name of the first, and nothing of the entry goes in."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(person(1, Card(26, 77)))
        with pytest.raises(StoreError) as refused:
            people.put(person(2, Card(26, 77)))
        assert refused.value.fields["owner"] == "p-1"
        assert people.person("p-2") is None


def test_a_bulk_write_reports_and_goes_on(tmp_path: Path) -> None:
    """Duplicates and taken cards are reported by their index; the others go in together."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(person(9, Card(26, 9)))
        stored = people.put_all([person(1), person(2), person(1), person(3, Card(26, 9)), person(9)])
        assert (stored.added, stored.updated) == (("p-1", "p-2"), ("p-9",))
        assert [(index, error.code) for index, error in stored.refused] == [
            (2, "store.person_twice"),
            (3, "store.card_taken"),
        ]
        assert [who.id for who in people.people()] == ["p-1", "p-2", "p-9"]


def test_removing_a_person_takes_cards_along_and_keeps_what_they_agreed_to(tmp_path: Path) -> None:
    """The card is free for somebody else then; the consent has ended and is proof, for somebody else's id no more."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(person(1, Card(26, 77)))
        people.give_consent(Consent(person="p-1", purpose="match", text_version="1", given_ms=10))
        assert people.remove("p-1").consents == 1
        assert people.book("UTC", RULES, {}).credentials == {}
        assert people.put(person(2, Card(26, 77))) == "added"
        with pytest.raises(StoreError, match="no person p-1"):
            people.remove("p-1")
        people.put(person(1))
        assert people.consent("p-1", "match", 2**60) is None
        assert [given.text_version for given in people.consents("p-1")] == ["1"]
        assert [(order.person, order.why) for order in people.face_orders()] == [("p-1", "removed")]


def test_a_pin_is_only_kept_hashed(tmp_path: Path) -> None:
    """Argon2id; the digits are nowhere in the file."""
    from argon2 import PasswordHasher

    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        people.put(person(1, pin_hash=hash_pin("80808642")))
    ((stored,),) = query(path, "SELECT pin_hash FROM credentials WHERE kind = 'pin'")
    assert stored.startswith("$argon2id$")
    assert PasswordHasher().verify(stored, "80808642")
    assert not any(b"80808642" in file.read_bytes() for file in tmp_path.iterdir())


def test_consent_is_per_purpose_and_ends(tmp_path: Path) -> None:
    """Only the purpose that was agreed to, only until its end, only for somebody who is there."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(person(1))
        assert people.consent("p-1", "match", 50) is None
        consent = Consent(
            person="p-1", purpose="match", text_version="2026-1", given_ms=10, channel="desk", until_ms=100
        )
        people.give_consent(consent)
        assert people.consent("p-1", "match", 50) == consent
        assert people.consent("p-1", "match", 100) is None
        assert people.consent("p-1", "keep_image", 50) is None
        with pytest.raises(StoreError, match="no person p-2"):
            people.give_consent(Consent(person="p-2", purpose="match", text_version="1", given_ms=1))


@pytest.mark.parametrize("given_ms", [2**41, 50], ids=["given by a clock ahead", "ended by one behind"])
def test_a_consent_ends_when_it_is_taken_back_whatever_the_clock_says(tmp_path: Path, given_ms: int) -> None:
    """Taken back, visit over or removed: in force no more, and every terminal has to delete the face."""
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        for number in (1, 2):
            people.put(person(number))
            consent = Consent(person=f"p-{number}", purpose="match", text_version="1", given_ms=given_ms)
            people.give_consent(consent)
        assert people.withdraw_consent("p-1", "match", 20)
        assert people.agreed("match", 30) == {"p-2"}
        assert people.consent("p-1", "match", 30) is None
        people.order_erasure("p-2", "removed", 20)
        waiting = people.open_orders(["gate"])["gate"]
        assert [(order.person, order.why) for order in waiting] == [("p-1", "withdrawn"), ("p-2", "removed")]
        people.give_consent(Consent(person="p-1", purpose="match", text_version="2", given_ms=10))  # behind once more
        assert [order.person for order in people.open_orders(["gate"])["gate"]] == ["p-2"]


def test_the_proof_of_a_withdrawal_by_a_clock_far_behind_is_kept_as_long_as_any(tmp_path: Path) -> None:
    """Before NTP has set it the clock may say 1970; what it dates is as old as the consent that it ended."""
    day_ms = 86_400_000
    with closing(PeopleStore(tmp_path / "people.db")) as people:
        people.put(person(1))
        people.give_consent(Consent(person="p-1", purpose="match", text_version="1", given_ms=20_000 * day_ms))
        people.withdraw_consent("p-1", "match", 5)
        assert people.forget_records(19_000 * day_ms) == 0
        assert (len(people.consents("p-1")), len(people.face_orders())) == (1, 1)
        assert people.forget_records(20_001 * day_ms) == 2


def test_orders_of_an_earlier_version_stand_as_they_did(tmp_path: Path) -> None:
    """They knew what came after what by the clock alone."""
    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        for number, (given_ms, asked_ms) in enumerate([(10, 20), (20, 10)], 1):
            people.put(person(number))
            people.order_erasure(f"p-{number}", "withdrawn", asked_ms)
            people.give_consent(Consent(person=f"p-{number}", purpose="match", text_version="1", given_ms=given_ms))
    query(path, "ALTER TABLE face_orders DROP COLUMN after_consent")
    query(path, "DELETE FROM _sqlite_migrations WHERE name = '0007_order_of_consents'")
    with closing(PeopleStore(path)) as people:
        assert [order.person for order in people.open_orders(["gate"])["gate"]] == ["p-1"]


def test_changes_wait_for_the_journal(tmp_path: Path) -> None:
    """Each write leaves an event for the daemon, in the same transaction, until it is noted as journalled. Then it is
    gone: who visited whom must not outlive the journal and the visit, nor the file grow with every change.
    """
    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        people.put(person(1), source="cli")
        people.put_all([person(2), person(3)], source="csv")
        people.give_consent(Consent(person="p-1", purpose="match", text_version="1", given_ms=10, channel="desk"))
        changes = people.pending()
        assert [change.event for change in changes] == [
            PersonChanged(what="added", person="p-1", source="cli"),
            PersonChanged(what="imported", count=2, source="csv"),
            ConsentGiven(person="p-1", purpose="match", text_version="1", channel="desk"),
        ]
        people.done(changes[:2])
        assert people.pending() == changes[2:]
        assert query(path, "SELECT id FROM changes") == [(change.id,) for change in changes[2:]]


def test_what_versions_before_have_kept_of_changes_goes_within_the_hour(tmp_path: Path) -> None:
    """All of it, also at a gate where nobody is entered any more; what the journal has still to get stays."""
    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        for _ in range(1200):
            people.note(PersonChanged(what="blocked", person="p-1"))
        query(path, "UPDATE changes SET done = 1")
        people.put(person(1), source="cli")
        kept = people.pending()
        Retainer(tmp_path, tmp_path / "no.key", "G1", Retention(hold="case 7"), MemoryClock()).sweep(1)
        assert people.pending() == kept
        assert query(path, "SELECT id FROM changes") == [(change.id,) for change in kept]


def test_another_process_writes_while_the_daemon_watches(tmp_path: Path) -> None:
    """The command line adds a person; the daemon swaps its Book, journals the change once and notes it."""
    path = tmp_path / "people.db"
    code = (
        "import sys; from pathlib import Path; from edge_agent.store.people import *;"
        "from edge_agent.store.entries import *;"
        "s = PeopleStore(Path(sys.argv[1])); s.put(PersonEntry(id=sys.argv[2], name='x', category='resident'), 'cli')"
    )
    told: list[Book] = []

    async def story(journal: SqliteJournal) -> None:
        watch = BookWatch(path, journal, journal._writer, "UTC", RULES, SCHEDULES)
        watch.on_change.append(told.append)
        beats = []
        task = asyncio.create_task(watch.run(lambda: beats.append(1)))
        first = watch.current
        for name in ("p-1", "p-2"):
            arguments = [sys.executable, "-c", code, str(path), name]
            await asyncio.to_thread(subprocess.run, arguments, check=True)
            await auntil(lambda name=name: name in watch.current.persons)  # type: ignore[misc]
        assert first.persons == {}
        await auntil(lambda: journal.last == 2)
        await auntil(lambda: query(path, "SELECT count(*) FROM changes WHERE done = 0") == [(0,)])
        looked = len(beats)
        await auntil(lambda: len(beats) > looked + 1)
        assert journal.last == 2
        assert len(told) == 2  # noting what was journalled is no change of people
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.close()

    journalling(tmp_path / "journal.db", story)


def test_changes_made_while_the_daemon_was_away_are_journalled(tmp_path: Path) -> None:
    """They are noted in the file, so nothing depends on the daemon having seen it happen."""
    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        people.put(person(1))

    async def story(journal: SqliteJournal) -> None:
        watch = BookWatch(path, journal, journal._writer, "UTC")
        await watch.look()
        assert [row.event for row in await journal.rows(0, 9)] == [PersonChanged(what="added", person="p-1")]
        await watch.look()
        assert journal.last == 1
        await watch.close()

    journalling(tmp_path / "journal.db", story)


def test_an_import_in_progress_holds_nobody_up(tmp_path: Path) -> None:
    """While another process holds people.db, the journal commits on; the note is made later, and nothing twice."""
    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        people.put(person(1))

    async def story(journal: SqliteJournal) -> None:
        watch = BookWatch(path, journal, journal._writer, "UTC")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await watch.look()
        await watch.look()
        assert journal.last == 1
        assert query(path, "SELECT count(*) FROM changes WHERE done = 0") == [(1,)]
        other.execute("ROLLBACK")
        other.close()
        await watch.look()
        assert journal.last == 1
        assert query(path, "SELECT count(*) FROM changes WHERE done = 0") == [(0,)]
        await watch.close()

    journalling(tmp_path / "journal.db", story)


def test_what_was_read_for_somebody_who_is_gone_is_in_force_at_the_next_look(tmp_path: Path) -> None:
    """Whoever waits for their change to be in force (a page, a command) may be cancelled while it is read: nobody would
    read it again, and who was blocked would go on passing.
    """
    path = tmp_path / "people.db"

    async def story(journal: SqliteJournal) -> None:
        watch, reading, go_on = BookWatch(path, journal, journal._writer, "UTC"), threading.Event(), threading.Event()
        snapshot_of = watch._people.snapshot_of

        def slow(site: Site, last: Snapshot) -> Snapshot:
            reading.set()
            assert go_on.wait(10)
            return snapshot_of(site, last)

        watch._people.snapshot_of = slow  # type: ignore[method-assign,assignment]
        with closing(PeopleStore(path)) as people:
            people.put(person(1))
        asking = asyncio.create_task(watch.catch_up())
        await auntil(reading.is_set)
        asking.cancel()
        go_on.set()
        await asyncio.gather(asking, return_exceptions=True)
        await watch.look()
        assert set(watch.current.persons) == {"p-1"}
        assert journal.last == 1
        await watch.close()

    journalling(tmp_path / "journal.db", story)


STOPPED_WHILE_IT_READS = """
import asyncio, sys, threading, time
from pathlib import Path
from journal_rig import CountingClock
from edge_agent.store.books import BookWatch
from edge_agent.store.entries import PersonEntry
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.people import PeopleStore
from edge_agent.store.writer import Writer

folder = Path(sys.argv[1])

async def run():
    writer = Writer()
    journal = SqliteJournal(folder / "journal.db", CountingClock(), writer)
    people = PeopleStore(folder / "people.db")
    people.put_all([PersonEntry(id=f"p-{n}", name="x", category="resident") for n in range(3000)], source="csv")
    books = BookWatch(folder / "people.db", journal, writer, "UTC")
    books._last = books._last.__class__(books._last.book, -1)  # it has to read everybody
    reading = threading.Event()

    def hold():
        if not reading.is_set():
            reading.set()
            time.sleep(0.3)

    books._people._connection.set_progress_handler(hold, 1)
    job = asyncio.create_task(books.look())
    await asyncio.to_thread(reading.wait)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    await books.close()
    await asyncio.sleep(0.5)
    people.close()
    await journal.close()
    writer.close()

asyncio.run(run())
print("closed")
"""


def test_a_stop_while_people_are_read_is_no_crash(tmp_path: Path) -> None:
    """The thread that reads cannot be stopped: the file is closed when it is done, not under its query."""
    path = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IT_READS, tmp_path], check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr


def test_a_damaged_file_is_set_aside_by_the_daemon_only(tmp_path: Path) -> None:
    """The command line refuses with the remedy; the daemon starts with an empty Book and says where the file went."""
    path = tmp_path / "people.db"
    with closing(PeopleStore(path)) as people:
        people.put(person(1))
    path.write_bytes(b"noise" * 1000)
    with pytest.raises(StoreError, match="Restart the agent"):
        PeopleStore(path)

    async def story(journal: SqliteJournal) -> None:
        watch = BookWatch(path, journal, journal._writer, "UTC")
        assert watch.moved is not None
        assert watch.moved.read_bytes() == b"noise" * 1000
        assert watch.current.persons == {}
        await watch.close()

    journalling(tmp_path / "journal.db", story)
