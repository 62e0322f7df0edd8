"""Each thing that is wrong in rules, people and site is found, said in both languages, and nothing ever raises."""

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.core.finding import Finding, fault_of
from edge_agent.core.findings import MOST, findings
from edge_agent.model.people import Book, Credential, Person, PinOwner, Recurrence, Rule, Schedule, Span
from edge_agent.model.reads import Card, Token
from edge_agent.model.site import (
    AlertRule,
    Camera,
    Config,
    Door,
    Facade,
    Gateway,
    Interlock,
    Line,
    Policy,
    Terminal,
    Uplink,
    Zone,
)
from edge_agent.words import LANGUAGES, say

on = datetime.fromisoformat  # local wall time
TODAY = on("2026-05-04T10:00")
START = on("2026-05-01T08:00")
DAY = Schedule("day", (Span((1, 2, 3, 4, 5), 480, 1080),))
NIGHT = Schedule("night", (Span((1, 2, 3, 4, 5, 6, 7), 1320, 1440 + 360),))
ALL = Rule("all", ("*",), ("resident", "staff"))
PERSONS = {"p-1": Person("p-1", "resident"), "p-2": Person("p-2", "resident"), "p-3": Person("p-3", "staff")}


def door(name: str = "gate", **fields: Any) -> Door:
    return msgspec.convert({"name": name, "gate": {"link": "g", "profile": "gates/sim"}} | fields, Door)


def site(*doors: Door, **fields: Any) -> Config:
    given = {"terminals": (Terminal("in", "r", "l", "gate"),), "doors": doors or (door(),)} | fields
    return Config(gateway=Gateway("G1"), uplink=Uplink("mqtt://x"), **given)


def book(*rules: Rule, schedules: tuple[Schedule, ...] = (DAY, NIGHT), persons: Any = None, **fields: Any) -> Book:
    return Book(
        "1", MappingProxyType(PERSONS if persons is None else persons), rules=rules or (ALL,),
        schedules=MappingProxyType({one.id: one for one in schedules}), **fields,
    )  # fmt: skip


def found(known: Book, config: Config | None = None, **more: Any) -> dict[str, Finding]:
    all_ = findings(known, config or site(), TODAY, **more)
    for one in all_:
        for lang in LANGUAGES:
            assert "{" not in say(one.code, lang, **one.fields), one
    return {one.code: one for one in all_}


def owned(*pairs: tuple[Card | Token, str]) -> MappingProxyType[Card | Token, Credential]:
    return MappingProxyType({key: Credential(key, person) for key, person in pairs})


def recurring(rule: str, start: datetime = START) -> Book:
    return book(schedules=(Schedule("s", recurrences=(Recurrence(start, 60, rule),)),))


def test_nothing_to_find() -> None:
    assert findings(book(), site(), TODAY) == []


RULES: dict[str, tuple[str, Callable[[], Book]]] = {
    "find.rule_door": ("problem", lambda: book(ALL, Rule("r", ("nowhere",), ("staff",)))),
    "find.rule_person": ("problem", lambda: book(ALL, Rule("r", ("gate",), persons=("p-9",)))),
    "find.rule_category": ("problem", lambda: book(ALL, Rule("r", ("gate",), ("emperor",)))),
    "find.rule_schedule": ("problem", lambda: book(ALL, Rule("r", ("gate",), ("staff",), schedule="gone"))),
    "find.rule_nobody": ("problem", lambda: book(ALL, Rule("r", ("gate",)))),
    "find.rule_twice": ("problem", lambda: book(ALL, Rule("all", ("gate",), ("guard",)))),
    "find.rule_same": ("advice", lambda: book(ALL, Rule("r", ("*",), ("staff", "resident")))),
    "find.rule_void": (
        "problem",
        lambda: book(ALL, Rule("r", ("gate",), ("staff",)), Rule("no", ("*",), ("staff",), effect="deny")),
    ),
    "find.contradiction": (
        "advice",
        lambda: book(ALL, Rule("no", ("gate",), persons=("p-1",), schedule="day", effect="deny")),
    ),
    "find.door_shut": ("problem", lambda: book(ALL, Rule("no", ("gate",), ("resident", "staff"), effect="deny"))),
    "find.door_nobody": ("advice", lambda: book(Rule("r", ("nowhere",), ("staff",)))),
    "find.schedule_never": ("problem", lambda: book(schedules=(Schedule("empty"),))),
    "find.rrule_endless": ("advice", lambda: recurring("FREQ=WEEKLY;BYDAY=MO")),
    "find.rrule_bad": ("problem", lambda: recurring("FREQ=WEEKLY;BYDAY=XX")),
    "find.group_unknown": ("advice", lambda: book(schedules=(Schedule("s", DAY.spans, {"fair": ()}),))),
    "find.person_category": ("problem", lambda: book(persons={"p-1": Person("p-1", "emperor")})),
    "find.person_host": ("advice", lambda: book(persons={"p-1": Person("p-1", "visitor", host="p-9")})),
    "find.credential_lost": ("problem", lambda: book(credentials=owned((Card(26, 1), "p-9")))),
    "find.card_alike": ("advice", lambda: book(credentials=owned((Card(26, 7), "p-1"), (Card(34, 7), "p-2")))),
    "find.plate_written": ("problem", lambda: book(credentials=owned((Token("plate", "皖a 1234"), "p-1")))),
    "find.plate_alike": (
        "problem",
        lambda: book(credentials=owned((Token("plate", "皖A1234"), "p-1"), (Token("plate", "皖A·1234"), "p-2"))),
    ),
}


@pytest.mark.parametrize("code", RULES)
def test_what_is_wrong_in_the_book_is_found(code: str) -> None:
    severity, make = RULES[code]
    assert found(make())[code].severity == severity


SITES: dict[str, tuple[str, Callable[[], Config]]] = {
    "find.hold_schedule": ("problem", lambda: site(door(hold_open="gone"))),
    "find.hold_deny": ("advice", lambda: site(door(hold_open="day"))),
    "find.hold_allow": ("advice", lambda: site(door(hold_open="day"), policy=Policy(untrusted_clock="allow_timed"))),
    "find.ways_schedule": ("problem", lambda: site(door(ways_at=[{"schedule": "gone", "ways": [["card"]]}]))),
    "find.pair_no_exit": ("problem", lambda: site(door(anti_passback="hard"))),
    "find.timed_deny": ("advice", lambda: site(door(timed_min=10))),
    "find.door_interlocks": (
        "problem",
        lambda: site(door("a"), door("b"), interlocks=(Interlock("x", ("a", "b")), Interlock("y", ("b", "a")))),
    ),
    "find.interlock_contact": (
        "problem",
        lambda: site(
            door("a", gate={"link": "g", "profile": "p", "contact": None}),
            door("b"),
            interlocks=(Interlock("x", ("a", "b")),),
        ),
    ),
    "find.interlock_hold": (
        "advice",
        lambda: site(door("a", hold_open="day"), door("b"), interlocks=(Interlock("x", ("a", "b")),)),
    ),
    "find.first_nobody": ("problem", lambda: site(door(first_person={"mode": "arm", "categories": ["guard"]}))),
    "find.two_few": ("problem", lambda: site(door(two_persons={"categories": ["staff"]}))),
}


WATCHING: dict[str, Callable[[str], dict[str, Any]]] = {
    "zone[0].schedule": lambda name: {"zones": (Zone("z", "c", ("intrusion",), (), schedule=name),)},
    "line[0].schedule": lambda name: {"lines": (Line("l", "c", ((0, 0), (1, 1)), schedule=name),)},
    "alert[0].quiet": lambda name: {"alerts": (AlertRule("a", quiet=name),)},
}


def test_a_camera_of_too_few_frames_for_what_it_watches_is_named() -> None:
    def watched(fps: float, *kinds: str, line: bool = False, wall: bool = False) -> set[str]:
        more: dict[str, Any] = {"zones": (Zone("z", "c", kinds, ()),)} if kinds else {}
        more |= {"lines": (Line("l", "c", ((0, 0), (1, 1))),)} if line else {}
        more |= {"facades": (Facade("w", "c", (9, 16), 5, ()),)} if wall else {}
        codes = found(book(), site(cameras=(Camera("c", "rtsp://x", fps=fps),), **more))
        return {code for code in codes if code.startswith("find.slow")}

    assert watched(3.9, "intrusion") == watched(0.02, line=True) == {"find.slow_people"}
    assert watched(5, "person_down", wall=True) == {"find.slow_wall"}
    assert watched(4, "loitering") == watched(0.02, "blocked") == watched(6.5, wall=True) == set()


@pytest.mark.parametrize("at", WATCHING)
def test_a_misspelt_schedule_of_a_zone_a_line_or_quiet_hours_is_named(at: str) -> None:
    one = found(book(), site(**WATCHING[at]("nigth")))["find.alert_schedule"]
    assert (one.at, one.severity, one.source) == (at, "problem", "config")
    assert one.fields == {"name": "nigth", "known": "day, night"}
    assert "find.alert_schedule" not in found(book(), site(**WATCHING[at]("night")))


@pytest.mark.parametrize("code", SITES)
def test_what_is_wrong_at_the_site_is_found(code: str) -> None:
    severity, make = SITES[code]
    one = found(book(), make())[code]
    assert (one.severity, one.source) == (severity, "config")


def areas(out: bool, **fields: Any) -> Config:
    config = {"doors": [{"name": "gate", "gate": {"link": "g", "profile": "p"}, "area": "yard"}]}
    terminals = [{"name": "in", "profile": "r", "link": "l", "door": "gate"}]
    terminals += [{"name": "out", "profile": "r", "link": "l", "door": "gate", "direction": "out"}] if out else []
    base = {"gateway": {"id": "G"}, "uplink": {"url": "mqtt://x"}, "areas": [{"name": "yard"} | fields]}
    return msgspec.convert(base | config | {"terminals": terminals}, Config)


def test_an_area_that_nobody_can_leave() -> None:
    assert found(book(), areas(False, anti_passback="hard"))["find.area_no_exit"].severity == "problem"
    assert "find.area_no_exit" not in found(book(), areas(True, anti_passback="hard"))
    assert "find.area_count" in found(book(), areas(False, max_people=5))
    assert "find.area_no_door" in found(book(), msgspec.structs.replace(areas(True), doors=(door(),)))
    mutes = (Camera("c", "rtsp://x", use=("alerts",), area="yard"),)
    assert "find.area_no_door" not in found(
        book(), msgspec.structs.replace(areas(True), doors=(door(),), cameras=mutes)
    )
    camera = (Camera("c", "rtsp://x", "gate", direction="out"),)
    watched = msgspec.structs.replace(areas(False, anti_passback="hard"), cameras=camera)
    assert "find.area_no_exit" not in found(book(), watched)


def test_a_timed_limit_says_what_the_policy_does_without_a_clock() -> None:
    allow = msgspec.convert(
        msgspec.to_builtins(site(door(timed_min=5))) | {"policy": {"untrusted_clock": "allow_timed"}}, Config
    )
    assert "find.timed_allow" in found(book(), allow)


@pytest.mark.parametrize(("alone", "severity"), [(True, "problem"), (False, "advice")])
def test_a_pin_that_is_somebody_elses_duress_pin(alone: bool, severity: str) -> None:
    known = book(pin_index={"k": (PinOwner("p-1"), PinOwner("p-2", duress=True))})
    config = site(door(ways=[["pin"]] if alone else [["card", "pin"]]))
    assert found(known, config)["find.pin_duress"].severity == severity


def test_a_pin_of_two_people_matters_where_it_opens_alone() -> None:
    known = book(pin_index={"k": (PinOwner("p-1"), PinOwner("p-2"))})
    assert "find.pin_shared" in found(known, site(door(ways=[["pin"], ["card"]])))
    assert "find.pin_shared" not in found(known, site(door(ways=[["card", "pin"]])))
    own = book(pin_index={"k": (PinOwner("p-1"), PinOwner("p-1", duress=True))})
    assert "find.pin_duress" not in found(own, site(door(ways=[["pin"]])))


def test_a_face_as_the_only_thing_somebody_has() -> None:
    known = book(credentials=owned((Card(26, 1), "p-1")))
    assert found(known, faces=("p-1", "p-2"))["find.face_only"].fields["persons"] == "p-2"
    assert "find.face_only" not in found(known, faces=("p-1",))


@pytest.mark.parametrize(
    ("permit", "deny", "meet"),
    [("day", "night", False), ("day", "day", True), (None, "night", True), ("day", None, True), ("day", "gone", False)],
)
def test_rules_contradict_only_where_both_are_on(permit: str | None, deny: str | None, meet: bool) -> None:
    known = book(
        ALL,
        Rule("yes", ("gate",), ("guard", "child"), schedule=permit),
        Rule("no", ("gate",), ("guard",), schedule=deny, effect="deny"),
    )
    assert ("find.contradiction" in found(known)) is meet


def test_a_contradiction_over_midnight_and_on_a_special_day() -> None:
    early = Schedule("early", (Span((2,), 300, 420),))
    fair = Schedule("fair", (), {"fair": (Span((1,), 600, 660),)})
    for one, other, calendar in ((NIGHT, early, {}), (fair, DAY, {TODAY.toordinal() + 30: "fair"})):
        known = book(
            Rule("yes", ("gate",), ("staff",), schedule=one.id),
            Rule("no", ("gate",), ("staff",), persons=("p-1",), schedule=other.id, effect="deny"),
            schedules=(one, other), calendar=calendar,
        )  # fmt: skip
        assert "find.contradiction" in found(known), (one.id, other.id)


@pytest.mark.parametrize(
    ("rule", "start", "never"),
    [
        ("", START, True),  # once, and over
        ("", on("2026-09-01T08:00"), False),
        ("FREQ=DAILY;COUNT=3", START, True),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", START, True),
        ("FREQ=YEARLY", START, False),
        ("FREQ=DAILY;UNTIL=20280101", START, False),
        ("FREQ=DAILY;COUNT=1", on("2026-05-04T09:30"), False),  # it is on now
        ("FREQ=DAILY;COUNT=1", on("2028-05-04"), True),  # farther ahead than anybody looks
    ],
)
def test_a_recurrence_that_never_comes(rule: str, start: datetime, never: bool) -> None:
    assert ("find.schedule_never" in found(recurring(rule, start))) is never


@pytest.mark.parametrize(
    "rule",
    [
        "COUNT=3", "FREQ=SECONDLY", "FREQ=HOURLY;COUNT=2", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1", ";", "x",
        "FREQ=DAILY;COUNT=x", "FREQ=DAILY\nEXDATE:2020", "RRULE:FREQ=DAILY", "FREQ=DAILY;BYHOUR=99",
        "FREQ=DAILY;INTERVAL=٣",
        "FREQ=DAILY;UNTIL=20300101T000000Z", "FREQ=MONTHLY;BYDAY=9MO",
    ],
)  # fmt: skip
def test_a_recurrence_that_cannot_be_used(rule: str) -> None:
    assert fault_of(Recurrence(START, 60, rule)) is not None
    assert "find.rrule_bad" in found(recurring(rule))


def test_many_of_one_kind_are_counted() -> None:
    rules = tuple(Rule(f"r-{n}", (f"nowhere-{n}",), ("staff",)) for n in range(MOST + 7))
    said = [one for one in findings(book(ALL, *rules), site(), TODAY) if one.code in {"find.rule_door", "find.more"}]
    assert len(said) == MOST + 1
    assert said[-1].fields == {"count": 7}


# ---- nothing raises --------------------------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "*", "", "p-1", "p-2", "resident", "guard", "x\ny", "门"])
several = st.lists(names, max_size=3).map(tuple)
spans = st.builds(
    lambda day, start, length: Span((day,), start, start + length),
    st.integers(1, 7), st.integers(0, 1439), st.integers(1, 1440),
)  # fmt: skip
recurrences = st.builds(
    Recurrence,
    st.datetimes(on("1900-01-01"), on("2300-01-01")),
    st.integers(1, 10080),
    st.sampled_from(["", "FREQ=WEEKLY", "FREQ=YEARLY;COUNT=2", "FREQ=SECONDLY", "FREQ=DAILY;INTERVAL=0", "COUNT=1"])
    | st.text("FREQ=DAILYWKMNTH;BSO0123,:\n-", max_size=30),
)
schedules = st.builds(
    Schedule, names, st.lists(spans, max_size=2).map(tuple),
    st.dictionaries(names, st.lists(spans, max_size=2).map(tuple), max_size=2),
    st.lists(recurrences, max_size=2).map(tuple),
)  # fmt: skip
rules = st.builds(
    Rule, names, several, several, several, st.none() | names, st.sampled_from(["permit", "deny"]), st.booleans()
)
tokens = st.builds(Card, st.just(26), st.integers(0, 9)) | st.builds(
    Token, st.sampled_from(["plate", "qr"]), st.text(max_size=5)
)
credentials = st.builds(Credential, tokens, names)
books = st.builds(
    lambda people, owned, known, times, days, pins: Book(
        "1", {one.id: one for one in people}, {one.key: one for one in owned}, tuple(known),
        {one.id: one for one in times}, days, "Asia/Shanghai", pin_index=pins,
    ),
    st.lists(st.builds(Person, names, names, host=st.none() | names), max_size=3),
    st.lists(credentials, max_size=4),
    st.lists(rules, max_size=5),
    st.lists(schedules, max_size=3),
    st.dictionaries(st.integers(1, 3_600_000) | st.integers(739_700, 740_000), names, max_size=3),
    st.dictionaries(names, st.lists(st.builds(PinOwner, names, st.booleans()), max_size=3).map(tuple), max_size=2),
)  # fmt: skip
GATE = {"link": "g", "profile": "p"}
kinds = st.lists(st.sampled_from(["card", "pin", "face", "qr"]), max_size=2)
doors = st.fixed_dictionaries(
    {"name": names, "gate": st.sampled_from([GATE, GATE | {"contact": None}])},
    optional={
        "ways": st.lists(kinds, max_size=3),
        "ways_at": st.lists(st.fixed_dictionaries({"schedule": names, "ways": st.just([["card"]])}), max_size=2),
        "area": names, "from_area": names, "hold_open": names, "timed_min": st.integers(-5, 100),
        "anti_passback": st.sampled_from(["off", "soft", "hard"]),
        "first_person": st.fixed_dictionaries({"mode": st.just("arm"), "categories": several}),
        "two_persons": st.fixed_dictionaries({"count": st.integers(-1, 5), "categories": several}),
    },
)  # fmt: skip
sites = st.builds(
    lambda doors, areas, groups, terminals: msgspec.convert(
        {
            "gateway": {"id": "G"}, "uplink": {"url": "mqtt://x"}, "doors": doors, "areas": areas,
            "interlocks": [{"name": name, "doors": members} for name, members in groups],
            "terminals": [
                {"name": "t", "profile": "r", "link": "l", "door": door, "direction": way} for door, way in terminals
            ],
        },
        Config,
    ),
    st.lists(doors, max_size=3),
    st.lists(
        st.fixed_dictionaries(
            {"name": names},
            optional={"max_people": st.integers(-1, 5), "anti_passback": st.sampled_from(["soft", "hard"])},
        ),
        max_size=2,
    ),
    st.lists(st.tuples(names, st.lists(names, max_size=3)), max_size=2),
    st.lists(st.tuples(names, st.sampled_from(["in", "out"])), max_size=2),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(books, sites, st.datetimes(on("1971-01-01"), on("2150-01-01")), several)
def test_nothing_raises(known: Book, config: Config, today: datetime, faces: tuple[str, ...]) -> None:
    for one in findings(known, config, today, faces):
        for lang in LANGUAGES:
            assert say(one.code, lang, **one.fields)
