"""What `access explain` and `access who` are made of: the real decision, told with everything that speaks of it."""

from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.area import Standing
from edge_agent.core.decide import Place, decide
from edge_agent.core.explain import explain, who
from edge_agent.core.mode import Mode
from edge_agent.core.trial import Scene, combinations, holdings
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.decisions import Attempt, Deny, Grant, Reason, Wait
from edge_agent.model.people import Book, Credential, Person, Rule, Schedule, Span
from edge_agent.model.reads import Card, Direction, Read, Token
from edge_agent.model.site import Area, Door, Escort, FirstPerson, GateBinding, Policy, TwoPersons
from edge_agent.model.standing import Armed, At, Latch, Presence, Tries, Uses

ZONE, BOOT = "Asia/Shanghai", "ab" * 16
GATE = GateBinding("g", "gates/sim", contact=0)
DAY = Schedule("day", (Span((1, 2, 3, 4, 5), 8 * 60, 18 * 60),))
PEOPLE = {
    person.id: person
    for person in (
        Person("p-res", "resident", "3-1-502"),
        Person("p-staff", "staff"),
        Person("p-vis", "visitor", host="p-res"),
        Person("p-off", "resident", enabled=False),
        Person("p-nothing", "resident"),
        Person("p-face", "resident"),
    )
}
CARDS = {"p-res": 1, "p-staff": 2, "p-vis": 3, "p-off": 4}
RULES = (
    Rule("residents", ("*",), ("resident",)),
    Rule("staff-day", ("gate",), ("staff",), schedule="day"),
    Rule("visitors", ("gate",), ("visitor",)),
    Rule("no-staff-at-side", ("side",), ("staff",), effect="deny"),
    Rule("staff-side", ("side",), ("staff",)),
)


def at(text: str = "2026-05-04T10:00", state: ClockState = ClockState.SYNCED) -> Moment:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))
    return Moment(round(wall.timestamp() * 1000), 1_000_000, BOOT, state, 0)


def book(*more: Credential, rules: tuple[Rule, ...] = RULES, pins: tuple[str, ...] = ()) -> Book:
    own = [Credential(Card(26, number), person) for person, number in CARDS.items()]
    return Book(
        "1", MappingProxyType(PEOPLE), MappingProxyType({one.key: one for one in (*own, *more)}), rules,
        MappingProxyType({"day": DAY}), zone=ZONE, pins=MappingProxyType(dict.fromkeys(pins, "hash")),
    )  # fmt: skip


def scene(
    known: Book | None = None,
    now: Moment | None = None,
    *changes: object,
    door: Door | None = None,
    direction: Direction = Direction.IN,
    areas: tuple[Area, ...] = (),
    faces: frozenset[str] | None = frozenset({"p-face"}),
    mode: Mode | None = None,
) -> Scene:
    standing = Standing(areas, changes)  # type: ignore[arg-type]
    place = Place(door or Door(name="gate", gate=GATE), standing, mode or Mode())
    return Scene(known or book(), place, direction, now or at(), Policy(), ("gate-in",), faces)


def ways(*kinds: tuple[str, ...], **fields: object) -> Door:
    return msgspec.convert(
        {"name": "gate", "gate": {"link": "g", "profile": "gates/sim"}, "ways": kinds} | fields, Door
    )


def test_a_resident_passes_by_the_rule_that_decides() -> None:
    found = explain(PEOPLE["p-res"], scene())
    assert isinstance(found.best and found.best.decision, Grant)
    assert [(told.rule.id, told.state, told.part) for told in found.rules] == [("residents", "always", "decides")]


@pytest.mark.parametrize(
    ("when", "state", "opens"),
    [
        ("2026-05-04T10:00", "on", None),
        ("2026-05-04T07:30", "off", "2026-05-04T08:00"),
        ("2026-05-08T18:00", "off", "2026-05-11T08:00"),
    ],
)
def test_a_schedule_that_is_off_says_when_it_is_on_next(when: str, state: str, opens: str | None) -> None:
    (told,) = explain(PEOPLE["p-staff"], scene(now=at(when))).rules
    assert told.state == state
    assert told.opens == (None if opens is None else datetime.fromisoformat(opens))


def test_a_rule_that_denies_wins_and_both_are_told() -> None:
    found = explain(PEOPLE["p-staff"], scene(door=Door(name="side", gate=GATE)))
    assert isinstance(found.best and found.best.decision, Deny)
    assert [(told.rule.id, told.part, told.beaten_by) for told in found.rules] == [
        ("no-staff-at-side", "decides", ""),
        ("staff-side", "beaten", "no-staff-at-side"),
    ]


@pytest.mark.parametrize(("effect", "state"), [("permit", "clock_off"), ("deny", "clock_on")])
def test_on_a_clock_nobody_trusts_a_schedule_counts_against(effect: str, state: str) -> None:
    rule = msgspec.convert(
        {"id": "r", "doors": ["*"], "categories": ["resident"], "schedule": "day", "effect": effect}, Rule
    )
    (told,) = explain(PEOPLE["p-res"], scene(book(rules=(rule,)), at(state=ClockState.UNSET))).rules
    assert told.state == state


def test_a_schedule_that_is_not_there_is_told() -> None:
    rule = Rule("r", ("*",), ("resident",), schedule="gone")
    assert explain(PEOPLE["p-res"], scene(book(rules=(rule,)))).rules[0].state == "no_schedule"


def test_each_way_is_tried_with_the_persons_own_things() -> None:
    door = ways(("card",), ("card", "pin"), ("plate",), ("face",), ("qr",))
    known = book(Credential(Token("plate", "A12345"), "p-res"), pins=("p-res",))
    found = explain(PEOPLE["p-res"], scene(known, door=door))
    told = {way.kinds: (way.opens, way.lacks, way.assumed) for way in found.ways}
    assert told == {
        ("card",): (True, (), ()),
        ("card", "pin"): (True, (), ()),
        ("plate",): (True, (), ()),
        ("face",): (False, ("face",), ()),
        ("qr",): (True, (), ("qr",)),
    }


def test_two_factors_are_put_together() -> None:
    door = ways(("card", "pin"))
    (way,) = explain(PEOPLE["p-res"], scene(book(pins=("p-res",)), door=door)).ways
    assert isinstance(way.decision, Grant)
    assert way.decision.how == ("card", "pin")
    (without,) = explain(PEOPLE["p-staff"], scene(door=door)).ways
    assert without.lacks == ("pin",)


def test_a_face_that_cannot_be_looked_up_is_assumed() -> None:
    door = ways(("card",), ("face",))
    assert explain(PEOPLE["p-face"], scene(door=door)).ways[1].assumed == ()
    assert explain(PEOPLE["p-res"], scene(door=door, faces=None)).ways[1].assumed == ("face",)


def test_the_good_one_of_several_cards_counts_and_the_others_are_told() -> None:
    known = book(
        Credential(Card(34, 9), "p-nothing", state="revoked"),
        Credential(Card(34, 10), "p-nothing", max_uses=2),
        Credential(Card(34, 11), "p-nothing", max_uses=1),
    )
    uses = Uses("card/34/b", 1)
    found = explain(PEOPLE["p-nothing"], scene(known, None, uses))
    assert isinstance(found.best and found.best.decision, Grant)
    assert [(one.reason, one.left) for one in found.owned] == [
        (Reason.REVOKED, None),
        (None, 2),
        (Reason.USES_EXHAUSTED, 0),
    ]


def test_a_duress_card_is_told_like_any_other() -> None:
    plain = explain(PEOPLE["p-nothing"], scene(book(Credential(Card(34, 9), "p-nothing"))))
    duress = explain(PEOPLE["p-nothing"], scene(book(Credential(Card(34, 9), "p-nothing", duress=True))))
    assert plain.owned == duress.owned
    assert plain.rules == duress.rules
    assert [way.opens for way in plain.ways] == [way.opens for way in duress.ways]


@pytest.mark.parametrize(
    ("door", "person", "reason"),
    [
        (Door(name="gate", gate=GATE, escort=Escort()), "p-vis", Reason.ESCORT_MISSING),
        (Door(name="gate", gate=GATE, two_persons=TwoPersons()), "p-res", Reason.SECOND_PERSON_MISSING),
    ],
)
def test_who_needs_company_could_pass_in_it(door: Door, person: str, reason: Reason) -> None:
    place = scene(door=door)
    found = explain(PEOPLE[person], place)
    assert isinstance(found.best and found.best.decision, Wait)
    assert {one.person.id: one.needs for one in who(place)}[person] is reason


def test_what_is_remembered_is_told() -> None:
    now = at()
    door = Door(name="gate", gate=GATE, area="yard", first_person=FirstPerson("arm", ("staff",)))
    found = explain(
        PEOPLE["p-res"],
        scene(
            None, now,
            Presence("yard", "p-res", True, At(now.wall_ms - 300_000, now.up_ms - 300_000, BOOT)),
            Tries("gate-in", until_ms=now.up_ms + 30_000, boot_id=BOOT),
            Latch("fire", True), Latch("panic/side", False), Latch("sensor/vapour/alarm/vapour", True),
            Armed("gate", 1),
            door=door, areas=(Area("yard", "hard", max_people=9),),
        ),
    )  # fmt: skip
    (scope,) = found.scopes
    assert (scope.name, scope.inside, scope.entered_ms, scope.people, scope.most) == ("yard", True, 300_000, 1, 9)
    assert found.locked == (("gate-in", 30_000),)
    assert found.latches == ("fire",)
    assert found.armed is False


def test_out_goes_whoever_is_known() -> None:
    place = scene(direction=Direction.OUT)
    assert {one.person.id for one in who(place)} == {"p-res", "p-staff", "p-vis", "p-off"}
    assert isinstance(explain(PEOPLE["p-off"], place).ways[0].decision, Grant)


def test_who_lists_those_whom_decide_lets_in() -> None:
    place = scene(door=ways(("card",), ("face",)))
    listed = {one.person.id: (one.ways, one.rule) for one in who(place)}
    assert listed == {
        "p-res": ((("card",),), "residents"),
        "p-staff": ((("card",),), "staff-day"),
        "p-vis": ((("card",),), "visitors"),
        "p-face": ((("face",),), "residents"),
    }


@given(
    effects=st.lists(st.tuples(st.sampled_from(["permit", "deny"]), st.booleans(), st.booleans()), max_size=5),
    hour=st.integers(0, 23),
    trusted=st.booleans(),
)
def test_what_is_told_is_what_decide_says(effects: list[tuple[str, bool, bool]], hour: int, trusted: bool) -> None:
    """Whatever the rules: the way by card passes exactly when the card would, and `who` lists the same people."""
    rules = tuple(
        msgspec.convert(
            {
                "id": f"r-{n}", "doors": ["*" if named else "gate"], "effect": effect,
                "categories": [] if named else ["resident"], "persons": ["p-res"] if named else [],
                "schedule": "day" if timed else None,
            },
            Rule,
        )
        for n, (effect, timed, named) in enumerate(effects)
    )  # fmt: skip
    now = at(f"2026-05-04T{hour:02}:00", ClockState.SYNCED if trusted else ClockState.UNSET)
    place = scene(book(rules=rules), now)
    read = Read("r", "gate-in", "gate", Direction.IN, now.up_ms, Card(26, CARDS["p-res"]))
    truth = decide(Attempt(read), place.book, place.place, now, place.policy)
    found = explain(PEOPLE["p-res"], place)
    assert found.ways[0].decision == truth
    assert ("p-res" in {one.person.id for one in who(place)}) is isinstance(truth, Grant)
    decides = [told.rule.id for told in found.rules if told.part == "decides"]
    assert decides == ([truth.rule] if isinstance(truth, Grant | Deny) and truth.rule else [])
    if isinstance(truth, Grant):
        assert not [told for told in found.rules if told.part == "beaten"]


def test_only_one_persons_things_are_looked_up() -> None:
    known = book(pins=("p-res", "p-staff"))
    assert holdings(known, "p-res") == {"p-res": {"card": (Card(26, 1),), "pin": holdings(known)["p-res"]["pin"]}}
    assert combinations({}, scene(direction=Direction.OUT)) == (("card",),)
