# ruff: noqa: E501  (one case a line)
"""Who is where: every question and change of core/area; a whole estate over days is in test_area_machine.py."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.area import (
    Standing,
    crowded,
    enters,
    forgive,
    leaves,
    lock_ms,
    locked_out,
    pair,
    passage,
    passed_back,
    resets,
    still_locked,
    taken_back,
    tried,
)
from edge_agent.model.clock import ClockState
from edge_agent.model.reads import Direction
from edge_agent.model.site import Area, Door, Policy
from edge_agent.model.standing import Armed, At, Change, Emptied, Latch, Order, Presence, Swept, Tries, Uses
from tests.core.scene import BOOT, BOOT_BEFORE, DAY, FIRE, HOUR, NOON, TODAY, UP, door, inside, long_ago, moment, person

IN, OUT = Direction.IN, Direction.OUT
NOW = moment()
AT = At.of(NOW)
THROUGH = door(area="house", from_area="yard")
YARD, HOUSE = Area(name="yard"), Area(name="house")
ANN, BOB = "p-ann", "p-bob"


# ---- what is remembered ----------------------------------------------------------------------------------------------


def test_nothing_is_remembered_at_first() -> None:
    standing = Standing()
    assert (standing.inside, standing.counts, standing.uses, standing.tries) == ({}, {}, {}, {})
    assert (standing.armed, standing.orders, standing.latches, standing.swept) == ({}, {}, {}, {})
    assert standing.presence("yard", ANN) == Presence("yard", ANN, inside=False)
    assert standing.people_in("yard") == []
    assert not standing.fire


def test_each_change_is_remembered_in_its_place() -> None:
    order = Order("gate", "operator", "blocked")
    changes: list[Change] = [
        Presence("yard", BOB, True), Presence("yard", ANN, True, AT), Presence("yard", "p-out", False),
        Uses("card/1", 3), Tries("north-in", 2), Armed("gate", 7), order, FIRE, Swept("yard", 9),
    ]  # fmt: skip
    standing = Standing([YARD, HOUSE], changes)
    assert list(standing.areas) == ["yard", "house"]
    assert standing.people_in("yard") == [ANN, BOB]
    assert standing.counts == {"yard": 2}
    assert standing.presence("yard", ANN) == Presence("yard", ANN, True, AT)
    assert (standing.uses, standing.tries) == ({"card/1": 3}, {"north-in": Tries("north-in", 2)})
    assert (standing.armed, standing.swept) == ({"gate": 7}, {"yard": 9})
    assert standing.orders == {("gate", "operator"): order}
    assert standing.latches == {"fire": FIRE}
    assert standing.fire


def test_an_order_taken_back_is_forgotten_whether_there_was_one_or_not() -> None:
    standing = Standing((), [Order("gate", "operator", "blocked"), Order("gate", "lockdown", "locked_down")])
    standing.apply(Order("gate", "operator", None), Order("lobby", "operator", None))
    assert list(standing.orders) == [("gate", "lockdown")]


def test_a_cleared_fire_is_no_fire() -> None:
    assert not Standing((), [FIRE, Latch("fire", raised=False)]).fire
    assert not Standing((), [Latch("panic/gate", raised=True)]).fire


def test_an_area_that_was_emptied_is_empty_and_others_are_not() -> None:
    standing = Standing((), [*inside("yard", "ann", "bob"), *inside("house", "ann"), Emptied("yard"), Emptied("park")])
    assert standing.people_in("yard") == []
    assert standing.counts == {"house": 1}
    standing.apply(*inside("yard", "bob"))
    assert standing.counts == {"house": 1, "yard": 1}


PEOPLE = st.sampled_from([ANN, BOB, "p-cid"])
SCOPES = st.sampled_from(["yard", "house"])
MOVES = st.lists(st.builds(Presence, SCOPES, PEOPLE, st.booleans()) | st.builds(Emptied, SCOPES), max_size=40)


@given(MOVES)
def test_nobody_is_counted_twice_nor_less_than_none(moves: list[Presence | Emptied]) -> None:
    """Whatever is applied: as many as there are different people whose last move was in."""
    standing = Standing((), moves)
    for scope in ("yard", "house"):
        last: dict[str, bool] = {}
        for move in moves:
            if move.scope == scope:
                last = last | {move.person: move.inside} if isinstance(move, Presence) else {}
        people = sorted(name for name, is_in in last.items() if is_in)
        assert standing.people_in(scope) == people
        assert standing.counts.get(scope, 0) == len(people)


def test_a_door_leads_from_one_area_into_another_and_back() -> None:
    assert (enters(THROUGH, IN), leaves(THROUGH, IN)) == ("house", "yard")
    assert (enters(THROUGH, OUT), leaves(THROUGH, OUT)) == ("yard", "house")
    assert (enters(door(), IN), leaves(door(), IN)) == (None, None)
    assert pair(THROUGH) == "door/gate"


# ---- anti-passback and limits ----------------------------------------------------------------------------------------

HARD, SOFT = Area(name="yard", anti_passback="hard"), Area(name="yard", anti_passback="soft")
TIMED = Area(name="yard", timed_min=10)
TO_YARD = door(area="yard")
FROM_YARD = door(from_area="yard")
PAIR = "door/gate"
BACK: list[tuple[str, Door, Direction, list[Area], list[Change], str | None]] = [
    ("nobody minds", TO_YARD, IN, [YARD], inside("yard", "ann"), None),
    ("the area minds", TO_YARD, IN, [HARD], inside("yard", "ann"), "hard"),
    ("the area minds softly", TO_YARD, IN, [SOFT], inside("yard", "ann"), "soft"),
    ("the area minds, one was not in", TO_YARD, IN, [HARD], [Presence("yard", ANN, False)], None),
    ("on the way out of it it does not", TO_YARD, OUT, [HARD], inside("yard", "ann"), None),
    ("out into it it does", FROM_YARD, OUT, [HARD], inside("yard", "ann"), "hard"),
    ("in from it it does not", FROM_YARD, IN, [HARD], inside("yard", "ann"), None),
    ("the door minds", door(anti_passback="hard"), IN, [], inside(PAIR, "ann"), "hard"),
    ("the door does not on the way out", door(anti_passback="hard"), OUT, [], inside(PAIR, "ann"), None),
    ("hard after soft", door(area="yard", anti_passback="soft"), IN, [HARD], [*inside(PAIR, "ann"), *inside("yard", "ann")], "hard"),
    ("soft after hard that is kept", door(area="yard", anti_passback="hard"), IN, [SOFT], inside("yard", "ann"), "soft"),
    ("the area is timed", TO_YARD, IN, [TIMED], [Presence("yard", ANN, False, long_ago(9))], "hard"),
    ("the time is over", TO_YARD, IN, [TIMED], [Presence("yard", ANN, False, long_ago(10))], None),
    ("this very moment counts", TO_YARD, IN, [TIMED], [Presence("yard", ANN, False, long_ago(0))], "hard"),
    ("never in before", TO_YARD, IN, [TIMED], [Presence("yard", ANN, False)], None),
    ("timed softly", TO_YARD, IN, [Area(name="yard", anti_passback="soft", timed_min=10)], [Presence("yard", ANN, False, long_ago(9))], "soft"),
    ("in, and the time is over, softly", TO_YARD, IN, [Area(name="yard", anti_passback="soft", timed_min=10)], inside("yard", "ann", entered=long_ago(11)), "soft"),
    ("nobody can tell", TO_YARD, IN, [TIMED], [Presence("yard", ANN, False, long_ago(9, BOOT_BEFORE, trusted=False))], "untold"),
    ("nobody can tell, and softly in", door(area="yard", timed_min=10), IN, [SOFT], [*inside("yard", "ann"), Presence(PAIR, ANN, False, long_ago(9, BOOT_BEFORE, trusted=False))], "untold"),
    ("nobody can tell at the door, timed in the area", door(area="yard", timed_min=5), IN, [TIMED], [Presence(PAIR, ANN, False, long_ago(9, BOOT_BEFORE, trusted=False)), Presence("yard", ANN, False, long_ago(1))], "hard"),
    ("set back: entered later than now", TO_YARD, IN, [TIMED], [Presence("yard", ANN, False, long_ago(-1, BOOT_BEFORE))], None),
    ("an area that the config has no more", TO_YARD, IN, [HOUSE], inside("yard", "ann"), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("door", "way", "areas", "before", "answer"), [case[1:] for case in BACK], ids=[case[0] for case in BACK]
)
def test_who_passes_back(
    door: Door, way: Direction, areas: list[Area], before: list[Change], answer: str | None
) -> None:
    assert passed_back(door, way, ANN, Standing(areas, before), NOW) == answer


TWO_AT_MOST, TWO_AT_LEAST = Area(name="yard", max_people=2), Area(name="yard", min_people=2)
SOFTLY = Area(name="yard", max_people=1, max_mode="soft")
CROWD: list[tuple[str, Door, Direction, list[Area], list[Change], str | None]] = [
    ("no limits", TO_YARD, IN, [YARD], inside("yard", "bob", "cid", "dan"), None),
    ("room", TO_YARD, IN, [TWO_AT_MOST], inside("yard", "bob"), None),
    ("full", TO_YARD, IN, [TWO_AT_MOST], inside("yard", "bob", "cid"), "hard"),
    ("one at most, and nobody was ever in", TO_YARD, IN, [Area(name="yard", max_people=1)], [], None),
    ("full, softly", TO_YARD, IN, [SOFTLY], inside("yard", "bob"), "soft"),
    ("full with this one", TO_YARD, IN, [TWO_AT_MOST], inside("yard", "bob", "ann"), None),
    ("nobody may be in", TO_YARD, IN, [Area(name="yard", max_people=0)], [], "hard"),
    ("out of a full one", TO_YARD, OUT, [TWO_AT_MOST], inside("yard", "bob", "ann"), None),
    ("out into a full one", FROM_YARD, OUT, [TWO_AT_MOST], inside("yard", "bob", "cid"), "hard"),
    ("too few remain", TO_YARD, OUT, [TWO_AT_LEAST], inside("yard", "bob", "ann"), "soft"),
    ("enough remain", TO_YARD, OUT, [TWO_AT_LEAST], inside("yard", "bob", "cid", "ann"), None),
    ("too few before already", TO_YARD, OUT, [TWO_AT_LEAST], inside("yard", "ann"), "soft"),
    ("one who was not in leaves nobody behind", TO_YARD, OUT, [TWO_AT_LEAST], inside("yard", "bob"), None),
    ("in, out of an area that empties", FROM_YARD, IN, [TWO_AT_LEAST], inside("yard", "ann"), "soft"),
    ("in to an area with too few", TO_YARD, IN, [TWO_AT_LEAST], [], None),
    ("into a full one, out of one that empties", THROUGH, IN, [TWO_AT_LEAST, Area(name="house", max_people=0)], inside("yard", "ann"), "hard"),
    ("into one with room, out of one that empties", THROUGH, IN, [TWO_AT_LEAST, Area(name="house", max_people=9)], inside("yard", "ann"), "soft"),
    ("an area that the config has no more", TO_YARD, IN, [], inside("yard", "bob"), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("door", "way", "areas", "before", "answer"), [case[1:] for case in CROWD], ids=[case[0] for case in CROWD]
)
def test_who_is_too_many_or_leaves_too_few(
    door: Door, way: Direction, areas: list[Area], before: list[Change], answer: str | None
) -> None:
    assert crowded(door, way, ANN, Standing(areas, before)) == answer


# ---- a passage and its undoing ---------------------------------------------------------------------------------------


def test_what_a_passage_in_changes() -> None:
    gate = door(area="house", from_area="yard", anti_passback="soft")
    before = [*inside("yard", "resident", entered=long_ago(5)), Uses("card/1", 4)]
    changes, undo = passage(gate, IN, person("resident"), ["card/1", "pass/2"], Standing([YARD, HOUSE], before), NOW)
    assert changes == (
        Presence("door/gate", "p-resident", True, AT),
        Presence("yard", "p-resident", False, long_ago(5)),
        Presence("house", "p-resident", True, AT),
        Uses("card/1", 5),
        Uses("pass/2", 1),
    )
    assert undo == (
        Presence("door/gate", "p-resident", False),
        Presence("yard", "p-resident", True, long_ago(5)),
        Presence("house", "p-resident", False),
        Uses("card/1", 4),
        Uses("pass/2", 0),
    )


@pytest.mark.parametrize(
    ("door", "areas", "scopes"),
    [
        (door(), [], []),
        (door(timed_min=1), [], ["door/gate"]),
        (door(anti_passback="hard"), [], ["door/gate"]),
        (THROUGH, [], []),
        (THROUGH, [YARD], ["yard"]),
        (THROUGH, [HOUSE], ["house"]),
        (THROUGH, [YARD, HOUSE], ["house", "yard"]),
    ],
)
def test_what_is_remembered_of_whom(door: Door, areas: list[Area], scopes: list[str]) -> None:
    """Nothing where nobody asks for it."""
    changes, undo = passage(door, OUT, person("resident"), (), Standing(areas), NOW)
    assert sorted(change.scope for change in changes if isinstance(change, Presence)) == scopes
    assert len(changes) == len(undo) == len(scopes)


STANDINGS = st.lists(
    st.builds(
        Presence,
        st.sampled_from(["yard", "house", "door/gate"]),
        st.sampled_from(["p-resident", "p-staff"]),
        st.booleans(),
        st.none() | st.builds(long_ago, st.integers(0, 90)),
    )
    | st.builds(Uses, st.sampled_from(["card/1", "card/2"]), st.integers(0, 3)),
    max_size=20,
)
GATES = st.builds(
    door,
    area=st.sampled_from([None, "yard", "house"]),
    from_area=st.sampled_from([None, "yard", "nowhere"]),
    anti_passback=st.sampled_from(["off", "soft", "hard"]),
    timed_min=st.sampled_from([0, 10]),
)


def pictured(standing: Standing) -> dict[str, Any]:
    """What can be asked of it: a person never seen and one seen outside are the same."""
    people = ("p-resident", "p-staff")
    scopes = ("yard", "house", "door/gate")
    return {
        "where": {(scope, name): standing.presence(scope, name) for scope in scopes for name in people},
        "counts": {scope: standing.counts.get(scope, 0) for scope in scopes},
        "uses": {name: standing.uses.get(name, 0) for name in ("card/1", "card/2")},
    }


@given(STANDINGS, GATES, st.sampled_from(Direction), st.lists(st.sampled_from(["card/1", "card/2"]), unique=True))
def test_undoing_a_passage_restores_everything(
    before: list[Change], gate: Door, way: Direction, uses: list[str]
) -> None:
    standing = Standing([YARD, HOUSE], before)
    earlier = pictured(standing)
    changes, undo = passage(gate, way, person("resident"), uses, standing, NOW)
    assert pictured(standing) == earlier  # asking changes nothing
    standing.apply(*changes)
    assert taken_back(changes, undo, standing) == list(undo)
    standing.apply(*undo)
    assert pictured(standing) == earlier


IN_YARD, OUT_OF_YARD = Presence("yard", ANN, True, AT), Presence("yard", ANN, False)
LATER = Presence("yard", ANN, True, At.of(moment(up_ms=UP + 1)))
TAKEN_BACK: list[tuple[str, list[Change], list[Change]]] = [
    ("nothing happened since", [IN_YARD, Uses("card/1", 2)], [OUT_OF_YARD, Uses("card/1", 1)]),
    ("seen again since", [LATER, Uses("card/1", 2)], [Uses("card/1", 1)]),
    ("gone since", [OUT_OF_YARD, Uses("card/1", 2)], [Uses("card/1", 1)]),
    ("forgotten since", [Emptied("yard"), Uses("card/1", 2)], [Uses("card/1", 1)]),
    ("used again since", [IN_YARD, Uses("card/1", 3)], [OUT_OF_YARD]),
    ("both since", [LATER, Uses("card/1", 3)], []),
    ("others since", [IN_YARD, Uses("card/1", 2), *inside("yard", "bob"), Uses("card/2", 9)], [OUT_OF_YARD, Uses("card/1", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("since", "undone"), [case[1:] for case in TAKEN_BACK], ids=[case[0] for case in TAKEN_BACK])
def test_what_is_taken_back_of_a_passage_that_did_not_happen(since: list[Change], undone: list[Change]) -> None:
    done, undo = (IN_YARD, Uses("card/1", 2), Tries("t")), (OUT_OF_YARD, Uses("card/1", 1), Tries("t", 3))
    assert taken_back(done, undo, Standing((), [*done, *since])) == undone


def test_what_was_not_done_is_not_taken_back() -> None:
    standing = Standing((), [IN_YARD, Uses("card/1", 2)])
    assert taken_back((), (OUT_OF_YARD, Uses("card/1", 1)), standing) == []


# ---- wrong tries -----------------------------------------------------------------------------------------------------

POLICY = Policy(wrong_tries=3, lockout_s=30.0, lockout_most_s=100.0)


@pytest.mark.parametrize(
    ("tries", "locked"),
    [
        (None, False),
        (Tries("t", 4), False),
        (Tries("t", 0, 1, UP + 1, BOOT), True),
        (Tries("t", 0, 1, UP, BOOT), False),
        (Tries("t", 0, 1, UP + 1, BOOT_BEFORE), False),
    ],
)
def test_when_a_terminal_takes_nothing(tries: Tries | None, locked: bool) -> None:
    assert locked_out("t", Standing((), [tries] if tries else []), NOW) is locked
    assert not locked_out("other", Standing((), [tries] if tries else []), NOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Tries("t", 1)),
        (Tries("t", 1), Tries("t", 2)),
        (Tries("t", 2), Tries("t", 0, 1, UP + 30_000, BOOT)),
        (Tries("t", 1, 1, 5, BOOT), Tries("t", 2, 1, 5, BOOT)),
        (Tries("t", 2, 1, 5, BOOT), Tries("t", 0, 2, UP + 60_000, BOOT)),
        (Tries("t", 2, 2, 5, BOOT_BEFORE), Tries("t", 0, 3, UP + 100_000, BOOT)),
        (Tries("t", 9), Tries("t", 0, 1, UP + 30_000, BOOT)),
    ],
)
def test_a_wrong_try(before: Tries | None, after: Tries) -> None:
    assert tried("t", False, Standing((), [before] if before else []), NOW, POLICY) == (after,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ()),
        (Tries("t"), ()),
        (Tries("t", 1), (Tries("t"),)),
        (Tries("t", 2), (Tries("t", 1),)),
        (Tries("t", 2, 3, 5, BOOT), (Tries("t", 1, 3),)),  # the time is over, or nobody would have been let in
        (Tries("t", 0, 3, 5, BOOT), (Tries("t", 0, 2),)),
        (Tries("t", 0, 1, 5, BOOT), (Tries("t"),)),
        (Tries("other", 2), ()),
    ],
)
def test_a_right_try_makes_up_for_one_wrong_one_or_one_lock(before: Tries | None, after: tuple[Tries, ...]) -> None:
    assert tried("t", True, Standing((), [before] if before else []), NOW, POLICY) == after


@pytest.mark.parametrize(("times", "seconds"), [(0, 30), (1, 60), (2, 100), (3, 100), (10_000, 100)])
def test_the_lock_doubles_up_to_its_most(times: int, seconds: int) -> None:
    assert lock_ms(times, POLICY) == seconds * 1000


def test_a_lock_doubles_thirty_times_at_most() -> None:
    endless = Policy(lockout_s=1.0, lockout_most_s=1e12)
    assert lock_ms(29, endless) == 2**29 * 1000
    assert lock_ms(30, endless) == lock_ms(31, endless) == 2**30 * 1000
    assert lock_ms(0, Policy(lockout_s=0.0625)) == 62  # a fraction of a second, too


@pytest.mark.parametrize(
    ("tries", "again"),
    [
        (Tries("t", 1, 1, UP + 9, BOOT_BEFORE), Tries("t", 1, 1, UP + 30_000, BOOT)),
        (Tries("t", 0, 2, 5, BOOT_BEFORE), Tries("t", 0, 2, UP + 60_000, BOOT)),
        (Tries("t", 0, 1, UP + 9, BOOT), None),
        (Tries("t", 2), None),
        (Tries("t", 2, 0, UP + 9, BOOT_BEFORE), None),
        (Tries("t", 2, 1, 0, BOOT_BEFORE), None),
        (Tries("t", 2, 1, 9, ""), None),
    ],
)
def test_a_power_cut_ends_no_lock(tries: Tries, again: Tries | None) -> None:
    assert still_locked(tries, NOW, POLICY) == again


# ---- the nightly reset and forgiving ---------------------------------------------------------------------------------

AT_FOUR = Area(name="yard", reset="04:30")
RESETS: list[tuple[str, int, list[Change], int | None]] = [
    ("never done", NOON, [], TODAY),
    ("done today", NOON, [Swept("yard", TODAY)], None),
    ("done yesterday", NOON, [Swept("yard", TODAY - 1)], TODAY),
    ("at its time", NOON - 7 * HOUR - HOUR // 2, [Swept("yard", TODAY - 1)], TODAY),
    ("a minute before its time", NOON - 7 * HOUR - HOUR // 2 - 1, [Swept("yard", TODAY - 1)], None),
    ("switched off for days, before its time", NOON - 9 * HOUR, [Swept("yard", TODAY - 4)], TODAY - 1),
    ("the clock was set back by days", NOON - 5 * DAY, [Swept("yard", TODAY)], None),
    ("in the evening", NOON + 11 * HOUR, [Swept("yard", TODAY)], None),
    ("another area was done", NOON, [Swept("park", TODAY)], TODAY),
]  # fmt: skip


@pytest.mark.parametrize(("wall_ms", "before", "day"), [case[1:] for case in RESETS], ids=[case[0] for case in RESETS])
def test_when_an_area_is_reset(wall_ms: int, before: list[Change], day: int | None) -> None:
    standing = Standing([Area(name="no"), AT_FOUR, Area(name="nor")], before)
    due = resets(standing, moment(wall_ms), "Asia/Shanghai")
    assert due == ([] if day is None else [(Emptied("yard"), Swept("yard", day))])
    for changes in due:
        standing.apply(*changes)
    assert resets(standing, moment(wall_ms), "Asia/Shanghai") == []


def test_each_area_is_reset_at_its_own_time() -> None:
    standing = Standing([AT_FOUR, Area(name="park", reset="23:59"), Area(name="house", reset="00:00")])
    done = {swept.scope: swept.day for _, swept in resets(standing, NOW, "Asia/Shanghai")}
    assert done == {"yard": TODAY, "park": TODAY - 1, "house": TODAY}


def test_a_clock_nobody_trusts_resets_nothing() -> None:
    assert resets(Standing([AT_FOUR]), moment(state=ClockState.UNSET), "Asia/Shanghai") == []


def test_one_is_forgiven_wherever_they_were_seen() -> None:
    standing = Standing(
        (), [*inside("yard", "ann", "bob"), Presence("door/gate", ANN, False, AT), *inside("house", "bob")]
    )
    changes = forgive(standing, ANN)
    assert changes == [Presence("door/gate", ANN, False), Presence("yard", ANN, False)]
    standing.apply(*changes)
    assert standing.people_in("yard") == [BOB]
    assert passed_back(door(timed_min=9), IN, ANN, standing, NOW) is None


def test_all_are_forgiven() -> None:
    standing = Standing((), [*inside("yard", "ann", "bob"), *inside("door/gate", "ann")])
    assert forgive(standing, None) == [Emptied("door/gate"), Emptied("yard")]
