"""store.booking: a patched Book is the Book that reading everything would make, and it reads only what changed."""

import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_rig import journalling

from edge_agent.errors import StoreError
from edge_agent.model.people import Book, Rule, Schedule, Span
from edge_agent.model.reads import Card, Pass, Token
from edge_agent.store import booking, people_file
from edge_agent.store.booking import Site
from edge_agent.store.books import BookWatch
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.journal import SqliteJournal
from edge_agent.store.people import PeopleStore

SITE = Site("Asia/Shanghai", (Rule("kind", ("*",), ("resident",)),), {"day": Schedule("day", (Span((1,), 0, 60),))})
PEOPLE = st.sampled_from(["p-1", "p-2", "p-3"])
KEYS = st.sampled_from([Card(26, 1), Card(26, 2), Card(37, 1 << 36), Token("plate", "A1"), Token("qr", "ab")])
PINS = st.sampled_from(["aa", "bb", "cc", None])
Act = Callable[[PeopleStore], object]


def same(book: Book, other: Book) -> None:
    """Content and version; the order of several owners of one PIN does not count."""
    for field in ("version", "persons", "credentials", "rules", "schedules", "calendar", "zone", "pins"):
        assert getattr(book, field) == getattr(other, field), field
    assert {digest: set(own) for digest, own in book.pin_index.items()} == {
        digest: set(own) for digest, own in other.pin_index.items()
    }
    assert book.rules_by == other.rules_by


def put(person: str, keys: list[Card | Token], pin: str | None, duress: str | None, category: str) -> Act:
    entry = PersonEntry(
        id=person, name="x", category=category, pin_hash=pin and "$" + pin, pin_index=pin, duress_index=duress,
        phone=pin or "", phone_token=Token("phone", pin) if pin else None,
        credentials=tuple(CredentialEntry(key) for key in keys),
    )  # fmt: skip
    return lambda store: store.put(entry)


def days(numbers: list[int]) -> Act:
    return lambda store: store.put_special_days("holiday", [date(2026, 10, number) for number in numbers])


ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(put, PEOPLE, st.lists(KEYS, max_size=2, unique=True), PINS, PINS, st.sampled_from(["guard", "child"])),
    st.builds(lambda person: lambda store: store.remove(person), PEOPLE),
    st.builds(lambda person: lambda store: store.block(person), PEOPLE),
    st.builds(lambda person: lambda store: store.unblock(person), PEOPLE),
    st.builds(lambda person, key: lambda store: store.revoke(person, key), PEOPLE, KEYS),
    st.builds(lambda jti: lambda store: store.revoke_pass(jti), st.sampled_from(["j1", "j2"])),
    st.builds(
        lambda jti, person: lambda store: store.issue_pass(Pass(jti, person, 0, 10**13), 0),
        st.sampled_from(["j1", "j2"]), PEOPLE,
    ),
    st.builds(lambda n: lambda store: store.put_rule(Rule(n, ("north",), ("guard",))), st.sampled_from(["kind", "b"])),
    st.builds(lambda n: lambda store: store.remove_rule(n), st.sampled_from(["kind", "b"])),
    st.builds(days, st.lists(st.integers(1, 4), unique=True)),
    st.just(lambda store: store.put_schedule(Schedule("day"))),
    st.just(lambda store: store.remove_schedule("day")),
    st.builds(
        lambda names: lambda store: store.put_all(PersonEntry(id=n, name="y", category="staff") for n in names),
        st.lists(PEOPLE, min_size=1, unique=True),
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.lists(ACTS, min_size=1, max_size=4), max_size=8))
def test_patching_step_by_step_is_reading_everything(steps: list[list[Act]]) -> None:
    """Whatever happens between two looks, in whatever order; refused acts leave nothing."""
    with tempfile.TemporaryDirectory() as folder, closing(PeopleStore(Path(folder) / "people.db")) as store:
        last = store.snapshot_of(SITE)
        for acts in steps:
            for act in acts:
                with suppress(StoreError):
                    act(store)
            last = store.snapshot_of(SITE, last)
            same(last.book, store.snapshot_of(SITE).book)


def test_the_book_before_is_left_as_it_was(tmp_path: Path) -> None:
    """A decision that has it in its hands goes on with it."""
    with closing(PeopleStore(tmp_path / "people.db")) as store:
        put("p-1", [Card(26, 1)], "aa", "bb", "guard")(store)
        first = store.snapshot_of(SITE)
        before = (dict(first.book.persons), dict(first.book.credentials), dict(first.book.pin_index))
        store.remove("p-1")
        second = store.snapshot_of(SITE, first)
        assert (dict(first.book.persons), dict(first.book.credentials), dict(first.book.pin_index)) == before
        assert (second.book.persons, second.book.credentials, second.book.pin_index) == ({}, {}, {})


def test_a_great_change_is_read_as_a_whole_and_a_small_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More people at once than are named: everybody. One person, or a rule: nobody else's row is read."""
    monkeypatch.setattr(people_file, "TOUCHED_AT_MOST", 5)
    read: list[list[str] | None] = []
    add = booking._Draft.add
    monkeypatch.setattr(booking._Draft, "add", lambda self, store, only: (read.append(only), add(self, store, only))[1])
    with closing(PeopleStore(tmp_path / "people.db")) as store:
        last = store.snapshot_of(SITE)
        store.put_all(PersonEntry(id=f"p-{n}", name="x", category="staff") for n in range(9))
        last = store.snapshot_of(SITE, last)
        assert len(last.book.persons) == 9
        store.block("p-3")
        last = store.snapshot_of(SITE, last)
        store.put_rule(Rule("b", ("north",), ("guard",)))
        last = store.snapshot_of(SITE, last)
        assert [rule.id for rule in last.book.rules] == ["kind", "b"]
        assert not last.book.persons["p-3"].enabled
    assert read == [None, None, ["p-3"]]


def test_the_watch_patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its first Book the daemon reads what changed; the objects of the others are the same ones."""
    path = tmp_path / "people.db"

    async def story(journal: SqliteJournal) -> None:
        with closing(PeopleStore(path)) as other:
            for person in ("p-1", "p-2"):
                other.put(PersonEntry(id=person, name="x", category="resident"))
            watch = BookWatch(path, journal, journal._writer, "UTC", SITE.rules, SITE.schedules)
            first = watch.current
            monkeypatch.setattr(booking, "whole", None)
            other.put(PersonEntry(id="p-2", house="1-1-101"))
            other.put_rule(Rule("kind", ("north",), ("resident",)))
            await watch.look()
            assert watch.current.persons["p-1"] is first.persons["p-1"]
            assert watch.current.persons["p-2"].house == "1-1-101"
            assert watch.current.rules == (Rule("kind", ("north",), ("resident",)),)
            assert journal.last == 4
            await watch.close()

    journalling(tmp_path / "journal.db", story)


def test_a_change_that_could_not_be_read_is_read_at_the_next_look(tmp_path: Path) -> None:
    """One failing read, and somebody who was blocked went on passing until something else changed."""
    path = tmp_path / "people.db"

    async def story(journal: SqliteJournal) -> None:
        with closing(PeopleStore(path)) as other:
            other.put(PersonEntry(id="p-1", name="x", category="resident"))
            watch = BookWatch(path, journal, journal._writer, "UTC")
            await watch.look()
            other.block("p-1")
            failing = iter([False] * 20 + [True])  # the look at data_version works, what is read then fails once
            connection = watch._people._connection
            connection.set_progress_handler(lambda: next(failing, False), 1)
            with pytest.raises(StoreError):
                await watch.look()
            await watch.look()
            assert not watch.current.persons["p-1"].enabled
            await watch.close()

    journalling(tmp_path / "journal.db", story)
