"""Visits in people.db: found again, sealed on the disk, in force at the doors while they last, and erased at last."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge_agent.core import visits as core
from edge_agent.core.area import Standing
from edge_agent.core.decide import Place, decide
from edge_agent.errors import StoreError, VisitError
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.decisions import Attempt, Deny, Grant
from edge_agent.model.grants import Subject
from edge_agent.model.people import Book, Recurrence
from edge_agent.model.reads import Direction, Presented, Read, Token
from edge_agent.model.site import Door, GateBinding, Policy, VisitPolicy
from edge_agent.model.visit_orders import Find
from edge_agent.model.visits import Bar, BarKind, Details, Followed, Visit
from edge_agent.store.booking import Site, Snapshot
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex
from edge_agent.store.register import Register
from edge_agent.store.visit_keys import VisitKeys
from edge_agent.store.visits import BOOK_AFTER_MS, VisitStore

NOW = 1_777_852_800_000  # 2026-05-04T08:00+08:00, a Monday
HOUR, DAY = 3_600_000, 86_400_000
KEYS = VisitKeys(PinIndex(bytes(range(32))))
SITE = Site("Asia/Shanghai")
POLICY = VisitPolicy()
VISIT = Visit(
    id="v-1", kind="contractor", state="expected", from_ms=NOW, until_ms=NOW + HOUR, opens_ms=NOW, by="local/a",
    doors=("gate",), house="3-1-502", document=KEYS.document("11010519491231002X"),
    details=Details(name="李雷", phone="13812345678", plate="皖A 12345", document="110105**********2X"),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VisitStore]:
    opened = VisitStore(tmp_path / "people.db", KEYS)
    yield opened
    opened.close()


@pytest.fixture
def people(store: VisitStore) -> Iterator[PeopleStore]:
    opened = PeopleStore(store.path)
    yield opened
    opened.close()


def door(name: str) -> Door:
    return Door(name=name, gate=GateBinding(link="l", profile="gates/sim"), ways=(("qr",),))


def at_door(people: PeopleStore, visit: Visit, now_ms: int = NOW, name: str = "gate") -> Grant | Deny:
    """What the door says to this visit's pass."""
    now = Moment(wall_ms=now_ms, up_ms=1000, boot_id="b", state=ClockState.SYNCED, err_ms=0)
    read = Read("r", "t", name, Direction.IN, 1000, visit.ticket)
    found = decide(Attempt(read), people.snapshot_of(SITE).book, Place(door(name), Standing(())), now, Policy())
    assert isinstance(found, Grant | Deny)
    return found


def why(book: Book, shown: Presented, way: Direction = Direction.IN) -> str:
    """Why the gate keeps out what is shown; empty when it opens."""
    now = Moment(wall_ms=NOW, up_ms=1000, boot_id="b", state=ClockState.SYNCED, err_ms=0)
    gate = replace(door("gate"), ways=(("qr",), ("plate",)))
    found = decide(Attempt(Read("r", "t", "gate", way, 1000, shown)), book, Place(gate, Standing(())), now, Policy())
    return str(getattr(found, "reason", ""))


def test_a_pass_opens_exactly_the_doors_and_the_time_granted(store: VisitStore, people: PeopleStore) -> None:
    visit = store.add([core.expect(VISIT)])[0]
    assert isinstance(at_door(people, visit), Grant)
    assert str(getattr(at_door(people, visit, name="other"), "reason", "")) == "unauthorized"
    assert str(getattr(at_door(people, visit, NOW - 1), "reason", "")) == "credential_not_active"
    assert str(getattr(at_door(people, visit, NOW + HOUR), "reason", "")) == "credential_expired"
    book = people.snapshot_of(SITE).book
    assert book.credentials[Token("plate", "皖A12345")].person == "v-1"
    assert book.codes[KEYS.code(KEYS.code_of(visit.pass_id, visit.code))] == visit.ticket


def test_a_contractors_pass_opens_at_its_times_only_though_the_category_may_more(
    store: VisitStore, people: PeopleStore
) -> None:
    times = Recurrence(datetime(2026, 5, 4, 8), 60, "FREQ=WEEKLY;BYDAY=MO")  # noqa: DTZ001
    visit = store.add([core.expect(replace(VISIT, until_ms=NOW + 30 * DAY, times=times))])[0]
    assert isinstance(at_door(people, visit, NOW + 7 * DAY), Grant)
    for wrong in (NOW + HOUR, NOW + DAY):
        assert str(getattr(at_door(people, visit, wrong), "reason", "")) == "not_permitted_at_this_time"


@pytest.mark.parametrize("how", ["leave", "cancel", "renew", "extend"])
def test_an_ended_or_replaced_pass_opens_nothing_also_in_a_patched_book(
    how: str, store: VisitStore, people: PeopleStore
) -> None:
    other = replace(VISIT, id="v-2", plate="", details=Details(name="x"))
    visit, _ = store.add([core.expect(VISIT), core.expect(other)])
    before = people.snapshot_of(SITE)
    assert visit.ticket in before.book.codes.values()
    steps = {
        "leave": lambda one: core.leave(replace(one, state="arrived"), NOW, "a"),
        "cancel": lambda one: core.cancel(one, NOW, "a"),
        "renew": core.renew,
        "extend": lambda one: core.extend(one, NOW + 2 * HOUR, NOW),
    }
    changed = store.change(["v-1"], steps[how])[0]
    patched, whole = people.snapshot_of(SITE, before).book, people.snapshot_of(SITE).book
    assert (patched.persons, patched.credentials, patched.codes, patched.schedules) == (
        whole.persons, whole.credentials, whole.codes, whole.schedules,
    )  # fmt: skip
    assert str(getattr(at_door(people, visit), "reason", "")) == "revoked"
    assert visit.ticket not in patched.codes.values()
    if changed.open:
        assert isinstance(at_door(people, changed), Grant)
    assert len(patched.codes) == (2 if changed.open else 1)


PLATE = Token("plate", "皖A12345")


@pytest.fixture
def city(store: VisitStore) -> Iterator[Register]:
    opened = Register(store.path)
    yield opened
    opened.close()


@pytest.mark.parametrize("patched", [True, False])
@pytest.mark.parametrize(("subject", "plate"), [
    (Subject(credential=PLATE), "revoked"), (Subject("v-1"), "credential_not_enabled")
])  # fmt: skip
def test_whom_the_city_blacklists_after_they_were_announced_is_not_let_in(
    subject: Subject, plate: str, patched: bool, store: VisitStore, people: PeopleStore, city: Register
) -> None:
    """It was asked at the desk alone: the gate opened for the plate, and for the pass of whoever had it."""
    visit = store.add([core.expect(VISIT)])[0]
    seen = people.snapshot_of(SITE) if patched else None
    city.blacklist(subject, 1, "stolen", NOW + HOUR, True)
    now = people.snapshot_of(SITE, seen)
    assert why(now.book, visit.ticket) == "credential_not_enabled"
    assert why(now.book, PLATE) == plate
    assert why(now.book, visit.ticket, Direction.OUT) == ""
    city.unlist(NOW + HOUR)
    now = people.snapshot_of(SITE, now if patched else None)
    assert why(now.book, visit.ticket) == why(now.book, PLATE) == ""
    if subject.person:
        city.bar(subject, 2)
        assert why(people.snapshot_of(SITE, now if patched else None).book, visit.ticket) == "credential_not_enabled"


@pytest.mark.parametrize("patched", [True, False])
@pytest.mark.parametrize("kind", ["document", "phone", "plate"])
def test_whom_a_guard_bars_after_they_were_announced_is_not_let_in_by_their_pass(
    kind: BarKind, patched: bool, store: VisitStore, people: PeopleStore
) -> None:
    known = replace(VISIT, phone=KEYS.phone("13812345678"), plate=KEYS.plate("皖A 12345"))
    visit, other = store.add([core.expect(known), core.expect(known.of_another("v-2", "韩梅"))])

    def told(last: Snapshot | None) -> Snapshot:
        return people.snapshot_of(SITE, last if patched else None)

    seen = told(None)
    bar = Bar(id="b-1", kind=kind, digest=getattr(known, kind), label="x", reason="y", by="a", at_ms=NOW)
    for until_ms, end in ((None, lambda: store.take_bar("b-1", "a")), (NOW + 1, lambda: store.tidy(NOW + 1, DAY))):
        store.put_bar(replace(bar, until_ms=until_ms))
        seen = told(seen)
        assert why(seen.book, visit.ticket) == "credential_not_enabled"
        assert why(seen.book, visit.ticket, Direction.OUT) == why(seen.book, other.ticket) == ""
        end()
        seen = told(seen)
        assert why(seen.book, visit.ticket) == ""


def test_of_visits_with_one_plate_each_has_it_in_its_turn_and_a_resident_first(
    store: VisitStore, people: PeopleStore
) -> None:
    """A driver who comes every day: the plate went with the first visit that ended, until the next start."""
    tomorrow = replace(VISIT, id="v-2", from_ms=NOW + DAY, opens_ms=NOW + DAY, until_ms=NOW + DAY + HOUR)
    last = people.snapshot_of(SITE)

    def whose() -> str:
        nonlocal last
        last, whole = people.snapshot_of(SITE, last), people.snapshot_of(SITE)
        assert (last.book.credentials, last.book.persons) == (whole.book.credentials, whole.book.persons)
        return last.book.credentials[PLATE].person

    store.add([core.expect(tomorrow)])
    assert whose() == "v-2"
    store.add([core.expect(VISIT)])
    assert whose() == "v-1"
    people.put(PersonEntry(id="p-1", name="x", category="resident", credentials=(CredentialEntry(PLATE),)))
    assert whose() == "p-1"
    people.remove("p-1")
    assert whose() == "v-1"
    store.change(["v-1"], lambda visit: core.cancel(visit, NOW, "a"))
    assert whose() == "v-2"


def test_who_was_checked_out_still_gets_out_and_is_forgotten_later(store: VisitStore, people: PeopleStore) -> None:
    store.add([core.expect(VISIT)])
    store.change(["v-1"], lambda one: core.cancel(one, NOW, "a"))
    assert "v-1" in people.snapshot_of(SITE).book.persons
    store.tidy(NOW + BOOK_AFTER_MS, 90 * DAY)
    assert "v-1" not in people.snapshot_of(SITE).book.persons
    assert store.find(Find(show="ended", text="李雷"))[0].id == "v-1"
    store.tidy(NOW + 90 * DAY, 90 * DAY)
    assert store.find(Find(show="all")) == []
    whats = [change.event for change in people.pending()]
    assert [getattr(event, "what", "") for event in whats][-2:] == ["visits_closed", "visits_erased"]


def test_nothing_about_a_visitor_is_readable_in_the_file_but_an_open_visits_plate(store: VisitStore) -> None:
    store.add([core.expect(VISIT)])
    store.put_bar(
        Bar(id="b-1", kind="phone", digest=KEYS.phone("13812345678"), label="李雷", reason="偷盗", by="a", at_ms=NOW)
    )
    store.change(["v-1"], lambda one: core.cancel(one, NOW, "a"))
    store.close()
    disk = b"".join(file.read_bytes() for file in store.path.parent.glob("people.db*"))
    for secret in ("李雷", "13812345678", "110105", "偷盗", "12345"):
        assert secret.encode() not in disk, secret


@pytest.mark.parametrize("text", ["李", "5678", "12345", "3-1-5", "v-1", "2X", "  李雷 "])
def test_a_visit_is_found_by_what_a_guard_knows_of_it(text: str, store: VisitStore) -> None:
    store.add([core.expect(VISIT), core.expect(replace(VISIT, id="v-2", house="9", details=Details(name="王五")))])
    assert [visit.id for visit in store.find(Find(text=text))] == ["v-1"]
    assert store.find(Find(text=text, show="inside")) == []


def test_codes_are_nobodys_pin_and_each_others_neither(store: VisitStore, people: PeopleStore) -> None:
    first = next(iter(KEYS.codes("v-1.1")))
    people.put(PersonEntry(id="p-1", name="a", category="resident", pin_hash="h", pin_index=KEYS.pin(first)))
    made = store.add([core.expect(VISIT)])[0]
    assert KEYS.code_of(made.pass_id, made.code) == [*KEYS.codes("v-1.1")][1]
    assert store.of_code(KEYS.code([*KEYS.codes("v-1.1")][1])) == "v-1"
    assert store.of_code("") is None


def test_two_guards_at_once_one_of_them_hears_that_it_is_done(store: VisitStore) -> None:
    other = VisitStore(store.path, KEYS)
    try:
        store.add([core.expect(VISIT)])
        arrive = lambda one: core.arrive(one, NOW, "Asia/Shanghai", "local/a", POLICY)  # noqa: E731
        store.change(["v-1"], arrive, Followed("e", 7))
        with pytest.raises(VisitError) as caught:
            other.change(["v-1"], arrive)
        assert caught.value.code == "visit.is_in"
        assert other.followed() == Followed("e", 7)
    finally:
        other.close()


def test_a_group_goes_all_together_or_not_at_all(store: VisitStore) -> None:
    store.add([core.expect(replace(VISIT, id=f"v-{n}", group="g")) for n in range(3)])
    store.change(["v-2"], lambda one: core.cancel(one, NOW, "a"))
    with pytest.raises(VisitError):
        store.change(["v-0", "v-2"], lambda one: core.arrive(one, NOW, "UTC", "a", POLICY))
    assert store.get("v-0").state == "expected"
    assert store.of_group("g") == ["v-0", "v-1"]


def test_another_key_says_so_instead_of_showing_noise(store: VisitStore) -> None:
    store.add([core.expect(VISIT)])
    other = VisitStore(store.path, VisitKeys(PinIndex(bytes(32))))
    try:
        with pytest.raises(StoreError) as caught:
            other.get("v-1")
        assert caught.value.code == "visit.sealed"
    finally:
        other.close()


def test_hosts_are_found_by_house_and_name_and_text_is_no_pattern(store: VisitStore, people: PeopleStore) -> None:
    people.put(PersonEntry(id="p-1", name="张伟", category="resident", house="3-1-502", phone="138"))
    people.put(PersonEntry(id="p-2", name="张三", category="visitor", house="3-1-502"))
    assert [host.id for host in store.hosts("张")] == ["p-1"]
    assert [host.id for host in store.hosts("3-1")] == ["p-1"]
    assert store.hosts("%") == []
    assert store.hosts("_") == []
