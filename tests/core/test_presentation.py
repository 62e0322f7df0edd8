"""Who stands at a door: factors and people put together, helped by others, given up on."""

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.core.area import Standing
from edge_agent.core.decide import Place, decide
from edge_agent.core.presentation import (
    NOBODY,
    WAITING_AT_MOST,
    Gathered,
    Waiting,
    attempt_of,
    deadline_ms,
    expire,
    lets_in,
    pin_wanted,
    waits,
    whose,
    without,
)
from edge_agent.model.decisions import Attempt, Company, Grant, Reason, Wait
from edge_agent.model.people import Book, Credential, Person, Rule
from edge_agent.model.reads import Card, Direction, Face, Keys, Pass, Pin, Presented, Read, Unreadable
from edge_agent.model.site import Escort, Policy, TwoPersons
from tests.core.scene import BOOK, ORPHAN, QR, RESIDENT, UP, door, moment, person, shown

FACTOR, SECOND, ESCORT = Reason.SECOND_FACTOR_MISSING, Reason.SECOND_PERSON_MISSING, Reason.ESCORT_MISSING


def read(credential: Presented = RESIDENT, id: str = "r-1", up_ms: int = UP) -> Read:
    return Read(id, "north-in", "gate", Direction.IN, up_ms, credential)


def wait(name: str, reason: Reason = FACTOR, within_s: float = 15.0, wants: tuple[str, ...] = ("pin",)) -> Wait:
    return Wait(reason, (shown("card", name),), person(name), within_s, wants if reason is FACTOR else ())


def waiting(
    name: str, reason: Reason = FACTOR, until_ms: int = UP + 15_000, wants: tuple[str, ...] = ("pin",)
) -> Waiting:
    return Waiting(read(id="r-" + name), wait(name, reason, wants=wants), until_ms)  # fmt: skip


def grant(name: str) -> Grant:
    return Grant("p-" + name, person(name).category, "", ("card",), "rule", timed=False)


@pytest.mark.parametrize(
    ("credential", "name"),
    [
        (RESIDENT, "p-resident"),
        (QR, "p-resident"),
        (ORPHAN, "p-nobody"),
        (Card(26, 5), None),
        (Pin("p-staff"), "p-staff"),
        (Pin(), None),
        (Pass("j", "p-guard", 0, 1), "p-guard"),
        (Face("match", "p-elder"), "p-elder"),
        (Face("unknown"), None),
        (Keys("1234"), None),
        (Unreadable("x"), None),
    ],
)
def test_whom_a_credential_names(credential: Presented, name: str | None) -> None:
    assert whose(credential, BOOK) == name


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ([], None),
        ([waiting("resident")], "p-resident"),
        ([waiting("resident"), waiting("staff")], "p-staff"),
        ([waiting("resident"), waiting("staff", wants=("face",))], "p-resident"),
        ([waiting("resident"), waiting("staff", SECOND)], "p-resident"),
        ([waiting("resident", wants=("face",)), waiting("staff", ESCORT)], None),
    ],
)
def test_whose_digits_are_typed_now(there: list[Waiting], name: str | None) -> None:
    assert pin_wanted(Gathered(tuple(there)), "t") == name


# ---- an attempt ------------------------------------------------------------------------------------------------------


def test_a_read_by_itself() -> None:
    assert attempt_of(NOBODY, read(), BOOK) == Attempt(read())
    assert Gathered((), ()) == NOBODY


def test_what_the_same_person_showed_before_is_put_together() -> None:
    there = Gathered((waiting("resident"), waiting("staff")))
    assert attempt_of(there, read(Pin("p-resident"), "r-2"), BOOK) == Attempt(
        read(Pin("p-resident"), "r-2"), (shown("card"),)
    )


def test_somebody_elses_factor_never_counts() -> None:
    assert attempt_of(Gathered((waiting("staff"),)), read(), BOOK) == Attempt(read())
    assert attempt_of(Gathered((waiting("staff"),)), read(Pin()), BOOK) == Attempt(read(Pin()))


def test_the_same_read_looked_at_again_counts_once() -> None:
    entry = waiting("resident")
    two = msgspec.structs.replace(entry.wait, shown=(shown("pin"), shown("face"), shown("card")))
    there = Gathered((msgspec.structs.replace(entry, wait=two),))
    assert attempt_of(there, entry.read, BOOK).shown == (shown("pin"), shown("face"))
    assert attempt_of(there, read(), BOOK).shown == (shown("pin"), shown("face"), shown("card"))


def test_company_are_those_who_wait_for_a_second_person_and_those_just_let_in() -> None:
    passed = Company(person("guard"), UP - 5, passed=True)
    beside = Company(person("elder"), UP - 1, passed=False)
    there = Gathered((waiting("staff", SECOND), waiting("visitor", ESCORT), waiting("neighbour")), (passed,))
    attempt = attempt_of(there, read(up_ms=UP + 3), BOOK, "guard-1", (beside,))
    assert attempt == Attempt(
        read(up_ms=UP + 3), (), (Company(person("staff"), UP, passed=False), passed, beside), "guard-1"
    )


def test_nobody_is_their_own_company() -> None:
    there = Gathered((waiting("resident", SECOND), waiting("staff", SECOND)))
    assert [other.person.id for other in attempt_of(there, read(), BOOK).company] == ["p-staff"]


# ---- waiting ---------------------------------------------------------------------------------------------------------


def test_who_waits_has_until_then() -> None:
    there, gone = waits(NOBODY, read(), wait("resident", within_s=1.5), UP + 100)
    assert there == Gathered((Waiting(read(), wait("resident", within_s=1.5), UP + 1600),))
    assert gone == []
    assert deadline_ms(there) == UP + 1600


def test_who_waits_already_waits_anew_behind_the_others() -> None:
    before = Gathered((waiting("resident"), waiting("staff")), (Company(person("guard"), UP, passed=True),))
    there, gone = waits(before, read(), wait("resident"), UP)
    assert [entry.wait.person.id for entry in there.waiting] == ["p-staff", "p-resident"]
    assert there.passed == before.passed
    assert gone == []


def test_of_nine_the_oldest_gives_way() -> None:
    names = ("resident", "neighbour", "elder", "staff", "guard", "volunteer", "visitor", "doctor")
    assert len(names) == WAITING_AT_MOST
    full = Gathered(tuple(waiting(name) for name in names))
    assert waits(full, read(), wait("doctor"), UP)[1] == []  # one of the eight
    there, gone = waits(full, read(), wait("courier"), UP)
    assert gone == [waiting("resident")]
    assert [entry.wait.person.id for entry in there.waiting] == [*("p-" + name for name in names[1:]), "p-courier"]


def test_who_waited_too_long_is_given_up() -> None:
    passed = (Company(person("guard"), UP, passed=True),)
    there = Gathered((waiting("resident", until_ms=UP), waiting("staff", until_ms=UP + 1)), passed)
    assert expire(there, UP - 1) == (there, [])
    assert expire(there, UP) == (
        Gathered((waiting("staff", until_ms=UP + 1),), passed),
        [waiting("resident", until_ms=UP)],
    )
    assert expire(there, UP + 1)[1] == list(there.waiting)  # fmt: skip
    assert deadline_ms(there) == UP
    assert deadline_ms(NOBODY) is None


def test_who_is_answered_waits_no_more() -> None:
    passed = (Company(person("guard"), UP, passed=True),)
    there = Gathered((waiting("resident"), waiting("staff")), passed)
    assert without(there, waiting("resident")) == Gathered((waiting("staff"),), passed)
    assert without(there, waiting("elder")) == there


# ---- somebody was let in ---------------------------------------------------------------------------------------------


def test_whom_it_helps_that_somebody_was_let_in() -> None:
    there = Gathered((waiting("staff", SECOND), waiting("visitor", ESCORT), waiting("neighbour"), waiting("resident")))
    after, helped = lets_in(there, grant("resident"), BOOK, door(), UP)
    assert after == Gathered((waiting("staff", SECOND), waiting("visitor", ESCORT), waiting("neighbour")))
    assert helped == [waiting("staff", SECOND), waiting("visitor", ESCORT)]


def test_who_was_let_in_is_remembered_where_somebody_may_follow() -> None:
    led = door(escort=Escort(within_s=20.0))
    old = Company(person("staff"), UP - 20_001, passed=True)
    just = Company(person("guard"), UP - 20_000, passed=True)
    after, _ = lets_in(Gathered((), (old, just)), grant("resident"), BOOK, led, UP)
    assert after.passed == (just, Company(person("resident"), UP, passed=True))
    assert lets_in(Gathered((), (just,)), grant("resident"), BOOK, door(), UP)[0].passed == (just,)
    nobody = Grant("", "", "", ("card",), "fire_release", timed=False)
    assert lets_in(Gathered((), (just,)), nobody, BOOK, led, UP)[0].passed == (just,)


def test_no_more_are_remembered_than_may_wait() -> None:
    led = door(escort=Escort())
    crowd = tuple(Company(person("guard"), UP - n, passed=True) for n in range(20))
    after, _ = lets_in(Gathered((), crowd), grant("resident"), BOOK, led, UP)
    assert after.passed == (*crowd[-WAITING_AT_MOST:], Company(person("resident"), UP, passed=True))


# ---- over any sequence -----------------------------------------------------------------------------------------------

PEOPLE = tuple(f"p-{n}" for n in range(10))
CROWD = Book(
    "1",
    persons={name: Person(name, "resident") for name in PEOPLE},
    credentials={Card(26, n): Credential(Card(26, n), name) for n, name in enumerate(PEOPLE)},
    rules=(Rule("all", ("*",), categories=("resident",)),),
)
VAULT = door(ways=(("card", "pin"),), two_persons=TwoPersons(count=2, within_s=20.0), factor_within_s=15.0)


class Doorstep(RuleBasedStateMachine):
    """A door for two people with card and PIN each, against a list of who stands there with what in hand.

    The list knows a person's name, the kinds they showed, since when and until when: no reads, no decisions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gathered = NOBODY
        self.now_ms = UP
        self.reads = 0
        self.there: list[tuple[str, frozenset[str], int, int]] = []

    def decided(self, attempt: Attempt) -> object:
        return decide(attempt, CROWD, Place(VAULT, Standing()), moment(up_ms=self.now_ms), Policy())

    def of(self, name: str) -> tuple[str, frozenset[str], int, int] | None:
        return next((entry for entry in self.there if entry[0] == name), None)

    @rule(number=st.integers(0, 9), kind=st.sampled_from(["card", "pin"]))
    def shows(self, number: int, kind: str) -> None:
        name = PEOPLE[number]
        self.reads += 1
        credential: Presented = Card(26, number) if kind == "card" else Pin(name)
        new = Read(f"r-{self.reads}", "t", "gate", Direction.IN, self.now_ms, credential)
        decision = self.decided(attempt_of(self.gathered, new, CROWD))

        mine = self.of(name)
        kinds = (mine[1] if mine else frozenset()) | {kind}
        full = {"card", "pin"}
        ready = [entry for entry in self.there if entry[0] != name and entry[1] == full]
        others = [entry for entry in self.there if entry[0] != name]
        if kinds == full and any(self.now_ms - entry[2] <= 20_000 for entry in ready):
            assert isinstance(decision, Grant)
            self.let_in(decision, ready)
            return
        assert isinstance(decision, Wait)
        assert decision.reason == (SECOND if kinds == full else FACTOR)
        self.gathered, gone = waits(self.gathered, new, decision, self.now_ms)
        until_ms = self.now_ms + (20_000 if kinds == full else 15_000)
        self.there = [*others, (name, kinds, self.now_ms, until_ms)]
        assert [entry.wait.person.id for entry in gone] == [entry[0] for entry in self.there[:-8]]
        self.there = self.there[-8:]

    def let_in(self, first: Grant, ready: list[tuple[str, frozenset[str], int, int]]) -> None:
        """All who stand there in order go in with the one who made it two."""
        self.gathered, helped = lets_in(self.gathered, first, CROWD, VAULT, self.now_ms)
        assert [entry.wait.person.id for entry in helped] == [entry[0] for entry in ready]
        beside = Company(CROWD.persons[first.person], self.now_ms, passed=False)
        for entry in helped:
            again = msgspec.structs.replace(entry.read, up_ms=self.now_ms)
            decision = self.decided(attempt_of(self.gathered, again, CROWD, "", (beside,)))
            assert isinstance(decision, Grant)
            assert decision.person == entry.wait.person.id
            assert set(decision.how) == {"card", "pin"}
            self.gathered = without(self.gathered, entry)
        gone = {first.person, *(entry[0] for entry in ready)}
        self.there = [entry for entry in self.there if entry[0] not in gone]

    @rule(wait_ms=st.integers(0, 4000) | st.sampled_from([9000, 15_000, 20_000]))
    def time_passes(self, wait_ms: int) -> None:
        self.now_ms += wait_ms
        self.gathered, over = expire(self.gathered, self.now_ms)
        assert [entry.wait.person.id for entry in over] == [entry[0] for entry in self.there if self.now_ms >= entry[3]]
        self.there = [entry for entry in self.there if self.now_ms < entry[3]]

    @invariant()
    def those_are_there_whom_the_list_names(self) -> None:
        assert [entry.wait.person.id for entry in self.gathered.waiting] == [entry[0] for entry in self.there]
        assert deadline_ms(self.gathered) == min((entry[3] for entry in self.there), default=None)
        for entry, noted in zip(self.gathered.waiting, self.there, strict=True):
            assert {factor.kind for factor in entry.wait.shown} == noted[1]
            assert len(entry.wait.shown) == len(noted[1])
            assert all(factor.person == noted[0] for factor in entry.wait.shown)
        wanted = [name for name, kinds, _, _ in self.there if kinds == {"card"}]
        assert pin_wanted(self.gathered, "another") == (wanted[-1] if wanted else None)


TestDoorstep = Doorstep.TestCase
