# ruff: noqa: E501  (one strategy a line)
"""What holds whatever the book, the door, the memory and the clock: generated, not chosen."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edge_agent.core.area import Standing
from edge_agent.core.decide import Place, decide, ways_of
from edge_agent.core.mode import Mode, mode_of
from edge_agent.core.schedule import in_force
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.decisions import Attempt, Company, Decision, Deny, Grant, Reason, Shown, Wait
from edge_agent.model.people import Book, Credential, Person, Recurrence, Rule, Schedule, Span
from edge_agent.model.reads import (
    Card,
    Code,
    Direction,
    Face,
    Keys,
    Liveness,
    Pass,
    Pin,
    Presented,
    Read,
    Token,
    Unreadable,
)
from edge_agent.model.site import (
    Area,
    Door,
    Escort,
    FirstPerson,
    GateBinding,
    Policy,
    TwoPersons,
    Ways,
    WaysAt,
)
from edge_agent.model.standing import Armed, At, Latch, Order, Presence, Tries, Uses
from tests.core.scene import BOOT, BOOT_BEFORE, DAY, FIRE, HOUR, NOON, UP

PATIENT = settings(suppress_health_check=[HealthCheck.filter_too_much])  # most attempts are not granted
NAMES = ("p-1", "p-2", "p-3")
CATEGORIES = ("resident", "guard", "visitor")
DOORS = ("gate", "lobby")
SCHEDULES = ("a", "b", "c")
KINDS = ("card", "pin", "qr", "face", "plate", "phone")
ALONE: Ways = (("card",), ("pin",), ("qr",), ("face",), ("plate",), ("phone",))
CARDS = tuple(Card(26, n) for n in range(4))
TOKENS = (Token("qr", "q"), Token("plate", "P"), Token("phone", "t"), Token("qr", "pass/j"))

# A strategy that is made while others are drawn from is looked through each time: all are made here, once.
yes_or_no, ways_through, clocks = st.booleans(), st.sampled_from(Direction), st.sampled_from(ClockState)
names, doors, kinds = st.sampled_from(NAMES), st.sampled_from(DOORS), st.sampled_from(KINDS)
walls = st.sampled_from([NOON, NOON + 1, NOON - 1, NOON + 5 * HOUR, NOON + 12 * HOUR]) | st.integers(
    0, 8_000_000_000_000
)
dates = st.none() | st.sampled_from([NOON - DAY, NOON, NOON + 1, NOON + DAY])


def some(of: Iterable[str], most: int = 3, least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(tuple(of)), min_size=least, max_size=most, unique=True).map(tuple)


persons = st.builds(
    Person, names, st.sampled_from(CATEGORIES), valid_from_ms=dates, valid_until_ms=dates, enabled=st.sampled_from([True] * 5 + [False]),
    host=st.none() | names, needs_longer=st.booleans(), escort_exempt=st.booleans(),
)  # fmt: skip
credentials = st.builds(
    Credential, st.sampled_from([*CARDS, *TOKENS]), names | st.just("p-gone"), dates, dates,
    st.sampled_from(["enabled"] * 5 + ["disabled", "revoked", "?"]), st.booleans(), st.none() | st.integers(0, 3),
)  # fmt: skip


def span(days: tuple[int, ...], start: int, length: int) -> Span:
    return Span(days, start, start + length)


spans = st.builds(
    span, st.lists(st.integers(1, 7), min_size=1, unique=True).map(tuple), st.integers(0, 1439), st.integers(1, 1440)
)
recurrences = st.builds(
    Recurrence,
    st.integers(-400, 400).map(lambda days: datetime(2026, 5, 4, 10) + timedelta(days=days)),  # noqa: DTZ001
    st.integers(1, 7 * 1440),
    st.sampled_from(
        ["", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=MONTHLY;BYDAY=9MO", "FREQ=DAILY;INTERVAL=0", "?"]
    ),
)
schedules = st.builds(
    Schedule, st.sampled_from(SCHEDULES), st.lists(spans, max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["holiday", "half"]), st.lists(spans, max_size=2).map(tuple), max_size=2),
    st.lists(recurrences, max_size=1).map(tuple),
)  # fmt: skip
rules = st.builds(
    Rule, st.integers(0, 99).map(str), some((*DOORS, "*"), 2, 1), some(CATEGORIES), some(NAMES, 2),
    st.none() | st.sampled_from((*SCHEDULES, "gone")), st.sampled_from(["permit", "permit", "permit", "deny"]), st.booleans(),
)  # fmt: skip


fourth = st.integers(0, 3)


def mostly(draw: st.DrawFn, usual: Any, otherwise: st.SearchStrategy[Any]) -> Any:
    """One thing in the way at a time is likelier to let somebody pass than ten."""
    return draw(otherwise) if draw(fourth) == 3 else usual


ANYBODY = Rule("anybody", ("*",), categories=CATEGORIES)
TODAY = datetime(2026, 5, 4).toordinal()  # noqa: DTZ001
HAND = tuple(Credential(card, name) for card, name in zip(CARDS, NAMES, strict=False))


others, more_credentials = st.lists(persons, max_size=3), st.lists(credentials, max_size=5)
some_rules, no_rules, some_schedules = st.lists(rules, max_size=4), st.just([]), st.lists(schedules, max_size=3)
calendars = st.dictionaries(st.integers(TODAY - 1, TODAY + 1), st.sampled_from(["holiday", "half", "?"]))
zones = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "UTC"])


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Three residents with a card each, the last one blocked, and others in their place or beside them."""
    people = [*(Person(name, "resident", enabled=name != NAMES[-1]) for name in NAMES), *draw(others)]
    carried = [*HAND, *draw(more_credentials)]
    spoken = [*draw(some_rules), *mostly(draw, [ANYBODY], no_rules)]
    return Book(
        "1",
        persons={person.id: person for person in people},
        credentials={credential.key: credential for credential in carried},
        rules=tuple({rule.id: rule for rule in spoken}.values()),
        schedules={schedule.id: schedule for schedule in draw(some_schedules)},
        calendar=draw(calendars),
        zone=draw(zones),
    )


ways = st.lists(some(KINDS, 2, 1), min_size=1, max_size=3).map(tuple) | st.just(tuple((kind,) for kind in KINDS))
gates = st.builds(
    Door,
    name=doors,
    gate=st.just(GateBinding(link="l", profile="p")),
    ways=ways,
    ways_at=st.just(()) | st.lists(st.builds(WaysAt, schedule=st.sampled_from((*SCHEDULES, "gone")), ways=ways), max_size=2).map(tuple),
    liveness=st.sampled_from(["required", "optional"]),
    area=st.sampled_from([None, "yard", "house", "gone"]),
    from_area=st.sampled_from([None, "yard", "gone"]),
    anti_passback=st.sampled_from(["off", "off", "soft", "hard"]),
    timed_min=st.sampled_from([0, 0, 10]),
    first_person=st.none() | st.builds(FirstPerson, mode=st.sampled_from(["arm", "hold"]), categories=some(CATEGORIES)),
    two_persons=st.none() | st.builds(TwoPersons, count=st.integers(1, 3), categories=some(CATEGORIES)),
    escort=st.none() | st.builds(Escort, by=some(CATEGORIES)),
    escape=st.booleans(),
    hold_open=st.none() | st.sampled_from(SCHEDULES),
)  # fmt: skip
instants = st.builds(
    At,
    st.integers(NOON - DAY, NOON + HOUR),
    st.integers(UP - DAY, UP),
    st.sampled_from([BOOT, BOOT_BEFORE]),
    st.booleans(),
)
names_of_uses = ("card/26/0", "card/26/1", "qr/q", "pass/j")
changes = st.one_of(
    st.builds(Presence, st.sampled_from(["yard", "house", "door/gate", "door/lobby"]), names, st.booleans(), st.none() | instants),
    st.builds(Uses, st.sampled_from(names_of_uses), st.integers(0, 4)),
    st.builds(Tries, st.just("t"), st.integers(0, 5), st.integers(0, 3), st.integers(UP - 9, UP + 9), st.sampled_from([BOOT, BOOT_BEFORE])),
    st.builds(Armed, doors, st.integers(739_738, 739_742)),
    st.builds(Order, doors, st.sampled_from(["operator", "lockdown", "evacuation"]), st.sampled_from(["locked", "unlocked", "blocked", "locked_down", "locked_open", "double_locked", None]), until_ms=st.none() | st.integers(UP - 5, UP + 5)),
    st.builds(Latch, st.just("panic/gate"), st.booleans()),
)  # fmt: skip
areas = st.builds(
    Area,
    name=st.sampled_from(["yard", "house"]),
    anti_passback=st.sampled_from(["off", "soft", "hard"]),
    timed_min=st.sampled_from([0, 10]),
    max_people=st.none() | st.integers(0, 2),
    max_mode=st.sampled_from(["soft", "hard"]),
    min_people=st.integers(0, 2),
)


limits, remembered = st.lists(areas, max_size=2), st.lists(changes, max_size=8)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    return Standing(draw(limits), draw(remembered))


presented: st.SearchStrategy[Presented] = st.one_of(
    st.sampled_from([*CARDS, *TOKENS[:3]]),
    st.builds(Pin, st.none() | names | st.just("p-gone"), st.booleans(), st.none() | names),
    st.builds(Pass, st.just("j"), names | st.just("p-gone"), st.sampled_from([NOON - 1, NOON, NOON + 1]), st.sampled_from([NOON, NOON + 1, NOON + DAY]), some(DOORS, 2), st.none() | st.integers(0, 2)),
    st.builds(Face, st.sampled_from(["match", "match", "unknown", "ambiguous"]), st.none() | names | st.just("p-gone"), st.just(0.7), st.sampled_from(Liveness)),
    st.just(Keys("12")), st.just(Code(b"x")), st.just(Unreadable("x")),
)  # fmt: skip
policies = st.builds(
    Policy,
    untrusted_clock=st.sampled_from(["deny_timed", "allow_timed"]),
    when_full=st.sampled_from(["refuse", "open"]),
    wrong_tries=st.integers(1, 5),
)


class Scene(msgspec.Struct, frozen=True):
    """All that `decide` is given."""

    attempt: Attempt
    book: Book
    door: Door
    standing: Any
    mode: Mode
    interlocked: bool
    recording: bool
    now: Moment
    policy: Policy

    def decided(self, **other: Any) -> Decision:
        scene = msgspec.structs.replace(self, **other)
        place = Place(scene.door, scene.standing, scene.mode, scene.interlocked, scene.recording)
        return decide(scene.attempt, scene.book, place, scene.now, scene.policy)


PLAIN = Door(name="gate", gate=GateBinding(link="l", profile="p"), ways=ALONE)


some_book, some_standing = books(), standings()
in_hand, ages_ms, ages_of_company_ms = (
    st.sampled_from([entry.key for entry in HAND]),
    st.integers(0, 2000),
    st.integers(0, 30_000),
)
before, approved = some(KINDS, 2), st.just("guard-1")


@st.composite
def scenes(draw: st.DrawFn, way: Direction | None = None, clock: ClockState | None = None) -> Scene:
    book, policy = draw(some_book), mostly(draw, Policy(), policies)
    door = draw(gates) if draw(yes_or_no) else PLAIN
    standing = draw(some_standing) if draw(yes_or_no) else Standing()
    state = clock or mostly(draw, ClockState.SYNCED, clocks)
    now = Moment(mostly(draw, NOON, walls), UP, BOOT, state, 20)
    age_ms, direction = draw(ages_ms), way or draw(ways_through)
    credential = draw(presented) if draw(yes_or_no) else draw(in_hand)
    read = Read("r", "t", door.name, direction, UP - age_ms, credential)
    name = _named(read.credential, book)
    shown = [Shown(kind, name) for kind in mostly(draw, (), before) if name]
    company = [
        Company(person, UP - draw(ages_of_company_ms), draw(yes_or_no))
        for person in book.persons.values()
        if draw(yes_or_no)
    ]
    attempt = Attempt(read, tuple(shown), tuple(company), mostly(draw, "", approved))
    interlocked, recording = mostly(draw, False, yes_or_no), mostly(draw, True, yes_or_no)
    mode = mode_of(door, standing, book, now, policy)
    return Scene(attempt, book, door, standing, mode, interlocked, recording, now, policy)


def _named(credential: Presented, book: Book) -> str | None:
    match credential:
        case Card() | Token() as key:
            return book.credentials[key].person if key in book.credentials else None
        case Pin(person=person) | Pass(person=person) | Face(person=person):
            return person
        case _:
            return None


# ---- total and deterministic -----------------------------------------------------------------------------------------


@given(scenes(), st.booleans())
def test_every_attempt_gets_one_answer_and_the_same_one_again(scene: Scene, fire: bool) -> None:
    if fire:
        scene.standing.apply(FIRE)
    first = scene.decided()
    assert isinstance(first, Grant | Deny | Wait)
    assert scene.decided() == first
    if isinstance(first, Deny):
        assert first.reason in Reason


# ---- in --------------------------------------------------------------------------------------------------------------


def speaks_of(rule: Rule, person: Person, door: str) -> bool:
    return (door in rule.doors or "*" in rule.doors) and (
        person.category in rule.categories or person.id in rule.persons
    )


@PATIENT
@given(scenes(Direction.IN))
def test_nobody_is_let_in_without_a_rule_that_permits_it(scene: Scene) -> None:
    """The rule that the grant names permits this person here and now, and no rule that denies does not."""
    decision = scene.decided()
    assume(isinstance(decision, Grant))
    assert isinstance(decision, Grant)
    person = scene.book.persons[decision.person]
    here = [rule for rule in scene.book.rules if speaks_of(rule, person, scene.door.name)]
    on = [rule for rule in here if rule.schedule is None or in_force(scene.book, rule.schedule, scene.now.wall_ms)]
    assert decision.rule in {rule.id for rule in on if rule.effect == "permit"}
    assert not [rule for rule in on if rule.effect == "deny"]
    if not scene.now.trusted and scene.policy.untrusted_clock == "deny_timed":
        assert [rule for rule in on if rule.id == decision.rule and rule.schedule is None]
        assert not [rule for rule in here if rule.effect == "deny"]


@PATIENT
@given(scenes(Direction.IN))
def test_nobody_is_let_in_past_what_keeps_everybody_out(scene: Scene) -> None:
    decision = scene.decided()
    assume(isinstance(decision, Grant))
    assert isinstance(decision, Grant)
    person = scene.book.persons[decision.person]
    assert person.enabled
    assert not scene.interlocked
    assert scene.recording or scene.policy.when_full == "open"
    assert scene.mode.name not in {"blocked", "double_locked"}
    assert person.valid_until_ms is None or scene.now.wall_ms < person.valid_until_ms
    if scene.mode.name == "locked_down":
        assert [rule for rule in scene.book.rules if rule.id == decision.rule and rule.in_lockdown]
    read = scene.attempt.read.credential
    if isinstance(read, Card | Token):
        assert scene.book.credentials[read].state == "enabled"
    if isinstance(read, Face):
        assert read.liveness is not Liveness.SPOOF
        assert read.liveness is Liveness.LIVE or scene.door.liveness == "optional" or decision.how != ("face",)


@PATIENT
@given(scenes(Direction.IN, ClockState.UNSET), st.lists(walls, min_size=1, max_size=3))
def test_what_a_clock_nobody_trusts_lets_in_any_trusted_time_does(scene: Scene, times: list[int]) -> None:
    attempt = msgspec.structs.replace(scene.attempt, approved_by="")  # a guard who looks needs no clock
    scene = msgspec.structs.replace(scene, policy=Policy(), attempt=attempt)
    untrusted = scene.decided()
    assume(isinstance(untrusted, Grant))
    for wall_ms in times:
        now = Moment(wall_ms, UP, BOOT, ClockState.SYNCED, 20)
        if let_in_before(scene, now):
            continue
        trusted = scene.decided(now=now)
        assert not isinstance(trusted, Deny) or trusted.reason is Reason.ANTI_PASSBACK
        assert isinstance(trusted, Grant) or told_by_another_boot(scene)


def let_in_before(scene: Scene, now: Moment) -> bool:
    """What was shown before the last factor opens at that time by itself: the last one would not be asked for."""
    kinds = {factor.kind for factor in scene.attempt.shown}
    return any(kinds.issuperset(way) for way in ways_of(scene.door, scene.book, now, scene.policy))


def told_by_another_boot(scene: Scene) -> bool:
    """A timed limit from before a power cut whose time lies ahead of an untrusted clock."""
    return any(
        seen.entered and seen.entered.boot_id != BOOT
        for there in scene.standing.inside.values()
        for seen in there.values()
    )


# ---- out -------------------------------------------------------------------------------------------------------------


@given(scenes(Direction.OUT), st.booleans(), st.integers(0, 10**7))
def test_a_fire_lets_everybody_out(scene: Scene, stale: bool, age_ms: int) -> None:
    scene.standing.apply(FIRE)
    read = msgspec.structs.replace(scene.attempt.read, stale=stale, up_ms=UP - age_ms)
    decision = scene.decided(attempt=msgspec.structs.replace(scene.attempt, read=read))
    assert isinstance(decision, Grant)
    assert not decision.timed  # nothing to wait for


@given(scenes(Direction.OUT))
def test_whoever_is_known_gets_out(scene: Scene) -> None:
    decision = scene.decided(interlocked=False)
    name = _named(scene.attempt.read.credential, scene.book)
    face = scene.attempt.read.credential
    recognised = not isinstance(face, Face) or (face.outcome == "match" and face.liveness is not Liveness.SPOOF)
    assert isinstance(decision, Grant) == (name in scene.book.persons and recognised)
    assert not isinstance(decision, Wait)


# ---- duress ----------------------------------------------------------------------------------------------------------


def calm(scene: Scene, duress: bool) -> Scene:
    """The same, with every credential under duress or none."""
    read = scene.attempt.read
    if isinstance(read.credential, Pin):
        read = msgspec.structs.replace(read, credential=msgspec.structs.replace(read.credential, duress=duress))
    entries = {key: msgspec.structs.replace(entry, duress=duress) for key, entry in scene.book.credentials.items()}
    book = msgspec.structs.replace(scene.book, credentials=entries)
    return msgspec.structs.replace(scene, book=book, attempt=msgspec.structs.replace(scene.attempt, read=read))


@given(scenes(), st.booleans())
def test_nothing_at_the_door_tells_duress(scene: Scene, fire: bool) -> None:
    if fire:
        scene.standing.apply(FIRE)
    free, forced = calm(scene, False).decided(), calm(scene, True).decided()
    match free, forced:
        case Grant(), Grant():
            assert free == msgspec.structs.replace(forced, duress=False)
            can = isinstance(scene.attempt.read.credential, Card | Token | Pin)
            known = _named(scene.attempt.read.credential, scene.book) in scene.book.persons
            assert forced.duress == (can and known and forced.person != "")
        case Wait(), Wait():
            plain = tuple(msgspec.structs.replace(factor, duress=False) for factor in forced.shown)
            assert free == msgspec.structs.replace(forced, shown=plain)
        case _:
            assert free == forced


# ---- what is remembered ----------------------------------------------------------------------------------------------


def pictured(standing: Standing) -> dict[str, Any]:
    return {
        "where": {
            (scope, name): standing.presence(scope, name)
            for scope in ("yard", "house", "door/gate", "door/lobby")
            for name in NAMES
        },
        "counts": {scope: count for scope, count in standing.counts.items() if count},
        "uses": {name: count for name, count in standing.uses.items() if count},
    }


@PATIENT
@given(scenes())
def test_a_grant_that_is_undone_leaves_no_trace(scene: Scene) -> None:
    before = pictured(scene.standing)
    decision = scene.decided()
    assert pictured(scene.standing) == before  # deciding changes nothing
    assume(isinstance(decision, Grant))
    assert isinstance(decision, Grant)
    scene.standing.apply(*decision.changes)
    scene.standing.apply(*decision.undo)
    assert pictured(scene.standing) == before


@given(books(), st.lists(gates, min_size=1, max_size=3), standings(), st.lists(st.tuples(presented, st.sampled_from(Direction), st.integers(0, 2), st.booleans()), max_size=15))  # fmt: skip
def test_over_any_passages_nobody_is_counted_twice_and_no_limit_exceeded(
    book: Book, some_doors: list[Door], standing: Standing, passages: list[tuple[Presented, Direction, int, bool]]
) -> None:
    """Counts are the number of different people inside; a use beyond the most is never granted; hard means hard."""
    for credential, way, number, taken in passages:
        door = some_doors[number % len(some_doors)]
        read = Read("r", "t", door.name, way, UP, credential)
        now = Moment(NOON, UP, BOOT, ClockState.SYNCED, 20)
        place = Place(door, standing, mode_of(door, standing, book, now, Policy()))
        earlier = dict(standing.uses)
        was_inside = {scope: set(standing.people_in(scope)) for scope in standing.inside}
        decision = decide(Attempt(read), book, place, now, Policy())
        if isinstance(decision, Wait):
            continue
        standing.apply(*decision.changes)
        if isinstance(decision, Grant):
            if way is Direction.IN:
                if door.anti_passback == "hard":
                    assert decision.person not in was_inside.get(f"door/{door.name}", set())
                area = standing.areas.get(door.area or "")
                if area is not None and area.anti_passback == "hard":
                    assert decision.person not in was_inside.get(area.name, set())
                if area is not None and area.max_people is not None and area.max_mode == "hard":
                    new = decision.person not in was_inside.get(area.name, set())
                    assert not new or standing.counts[area.name] <= area.max_people
                entry = book.credentials.get(credential) if isinstance(credential, Card | Token) else None
                if entry is not None and entry.max_uses is not None:
                    used = [change for change in decision.changes if isinstance(change, Uses)]
                    assert [change.count <= entry.max_uses for change in used] == [True]
            if not taken:
                standing.apply(*decision.undo)
                assert {k: v for k, v in standing.uses.items() if v} == {k: v for k, v in earlier.items() if v}
        for scope, seen in standing.inside.items():
            assert standing.counts[scope] == len({name for name, where in seen.items() if where.inside})


pauses_ms = st.lists(st.integers(0, 3000) | st.sampled_from([30_000, 900_000]), max_size=40)


@pytest.mark.parametrize("tries", [1, 3, 5])
@given(data=st.data())
def test_no_sequence_of_guesses_is_longer_than_the_policy_allows(tries: int, data: st.DataObject) -> None:
    """However long one waits between them: after so many wrong ones in a row the terminal is locked, longer each time."""
    standing, policy, now_ms = Standing(), Policy(wrong_tries=tries), UP
    book = Book("1")
    wrong = 0
    locks: list[tuple[int, int]] = []
    for wait_ms in data.draw(pauses_ms):
        now_ms += wait_ms
        read = Read("r", "t", "gate", Direction.IN, now_ms, Pin())
        now = Moment(NOON, now_ms, BOOT, ClockState.UNSET, 0)
        decision = decide(
            Attempt(read),
            book,
            Place(Door(name="gate", gate=GateBinding(link="l", profile="p")), standing),
            now,
            policy,
        )
        assert isinstance(decision, Deny)
        if locks and now_ms < locks[-1][0] + locks[-1][1]:
            assert decision == Deny(Reason.LOCKED_OUT, ("pin",))
            continue
        assert decision.reason is Reason.INVALID_PIN
        standing.apply(*decision.changes)
        wrong += 1
        if wrong == tries:
            locks.append((now_ms, min(30_000 * 2 ** len(locks), 900_000)))
            wrong = 0
