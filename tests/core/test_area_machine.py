"""An estate over days: people come and go, are forgiven, the power fails. Against a diary read from its first page on.

The model keeps one list of lines, `who went through which door, when`, and answers every question by reading all of it;
it has no counters and no structs of the product.
"""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.core.area import Standing, crowded, forgive, passage, passed_back, resets
from edge_agent.model.clock import Moment
from edge_agent.model.people import Person
from edge_agent.model.reads import Direction
from edge_agent.model.site import Area, Door
from edge_agent.model.standing import Change, Emptied, Presence
from tests.core.scene import DAY, MINUTE, NOON, door, moment

PEOPLE = ("ann", "bob", "cid", "dan")
AREAS = (
    Area(name="yard", anti_passback="soft", reset="04:00"),
    Area(name="house", anti_passback="hard", timed_min=10, max_people=2, min_people=1),
)
DOORS = {
    "gate": door(name="gate", area="yard", anti_passback="hard"),
    "garage": door(name="garage", area="yard"),
    "lobby": door(name="lobby", area="house", from_area="yard"),
}
NAMES, WHO = st.sampled_from(sorted(DOORS)), st.sampled_from(PEOPLE)
NIGHTLY = 4 * 60 * MINUTE - 8 * 60 * MINUTE  # 04:00 in Shanghai, in Unix ms of a day


@dataclass
class Line:
    """`what`: in | out | forgiven | emptied; `where`: a door, or a scope that is emptied; `who` empty: everybody."""

    at_ms: int
    what: str
    where: str = ""
    who: str = ""


def concerns(line: Line, scope: str, who: str) -> str:
    """What a line means for one person in one scope: in, out, forgotten, or nothing."""
    if line.what == "emptied":
        return "forgotten" if line.where == scope else ""
    if line.what == "forgiven":
        return "forgotten" if line.who in {"", who} else ""
    if line.who != who:
        return ""
    inward = {"gate": ["yard", "own gate"], "garage": ["yard"], "lobby": ["house"]}[line.where]
    outward = {"gate": [], "garage": [], "lobby": ["yard"]}[line.where]
    if scope in inward:
        return line.what
    if scope in outward:
        return "out" if line.what == "in" else "in"
    return ""


class Estate(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.wall_ms, self.booted_ms, self.boot = NOON, NOON, 0
        self.diary: list[Line] = []
        self.standing = Standing(AREAS)
        self.swept_ms = 0
        self.sweep()

    # ---- the model: all of it reads the diary ----

    def read(self, scope: str, who: str) -> list[Line]:
        """The lines since this person was forgotten there last, as in and out."""
        lines: list[Line] = []
        for line in self.diary:
            match concerns(line, scope, who):
                case "forgotten":
                    lines = []
                case "in" | "out" as what:
                    lines.append(Line(line.at_ms, what))
        return lines

    def is_in(self, scope: str, who: str) -> bool:
        lines = self.read(scope, who)
        return bool(lines) and lines[-1].what == "in"

    def crowd(self, scope: str) -> list[str]:
        return [who for who in PEOPLE if self.is_in(scope, who)]

    def entered_lately(self, scope: str, who: str) -> bool:
        entries = [line.at_ms for line in self.read(scope, who) if line.what == "in"]
        return bool(entries) and self.wall_ms - entries[-1] < 10 * MINUTE

    def expected_back(self, name: str, way: Direction, who: str) -> str | None:
        inward = way is Direction.IN
        if name == "gate" and inward and self.is_in("own gate", who):
            return "hard"
        if name == "lobby" and inward:
            return "hard" if self.is_in("house", who) or self.entered_lately("house", who) else None
        into_yard = inward if name != "lobby" else True
        return "soft" if into_yard and self.is_in("yard", who) else None

    def expected_crowd(self, name: str, way: Direction, who: str) -> str | None:
        others = [other for other in self.crowd("house") if other != who]
        if name != "lobby":
            return None
        if way is Direction.IN:
            return "hard" if len(others) >= 2 and not self.is_in("house", who) else None
        return "soft" if self.is_in("house", who) and not others else None

    # ---- what happens ----

    def now(self) -> Moment:
        return moment(self.wall_ms, up_ms=self.wall_ms - self.booted_ms, boot=f"{self.boot:032}")

    def sweep(self) -> None:
        """Every day at four, also when the power was off then."""
        last_four_ms = (self.wall_ms - NIGHTLY) // DAY * DAY + NIGHTLY
        due = self.swept_ms < last_four_ms
        found = resets(self.standing, self.now(), "Asia/Shanghai")
        assert bool(found) == due
        for changes in found:
            self.standing.apply(*changes)
        if due:
            self.swept_ms = last_four_ms
            self.diary.append(Line(self.wall_ms, "emptied", "yard"))

    @rule(name=NAMES, way=st.sampled_from(Direction), who=WHO, taken=st.booleans())
    def pass_a_door(self, name: str, way: Direction, who: str, taken: bool) -> None:
        """Also by those whom a hard limit would have stopped: a diary does not judge."""
        place: Door = DOORS[name]
        assert passed_back(place, way, who, self.standing, self.now()) == self.expected_back(name, way, who)
        assert crowded(place, way, who, self.standing) == self.expected_crowd(name, way, who)
        changes, undo = passage(place, way, Person(who, "resident"), (), self.standing, self.now())
        self.standing.apply(*changes)
        if taken:
            self.diary.append(Line(self.wall_ms, str(way), name, who))
        else:
            self.standing.apply(*undo)

    @rule(minutes=st.integers(1, 15) | st.sampled_from([600, 1500, 4000]))
    def time_passes(self, minutes: int) -> None:
        self.wall_ms += minutes * MINUTE
        self.sweep()

    @rule(who=WHO)
    def forgive_one(self, who: str) -> None:
        self.standing.apply(*forgive(self.standing, who))
        self.diary.append(Line(self.wall_ms, "forgiven", who=who))

    @precondition(lambda self: len(self.diary) > 3)
    @rule()
    def forgive_all(self) -> None:
        self.standing.apply(*forgive(self.standing, None))
        self.diary.append(Line(self.wall_ms, "forgiven"))

    @rule()
    def clear_by_hand(self) -> None:
        self.standing.apply(Emptied("house"))
        self.diary.append(Line(self.wall_ms, "emptied", "house"))

    @rule(minutes=st.integers(1, 30))
    def power_cut(self, minutes: int) -> None:
        """Only the rows that were stored come back, and a new uptime."""
        rows: list[Change] = [row for seen in self.standing.inside.values() for row in seen.values()]
        swept = self.standing.swept
        self.wall_ms += minutes * MINUTE
        self.booted_ms, self.boot = self.wall_ms, self.boot + 1
        self.standing = Standing(AREAS, rows)
        self.standing.swept.update(swept)
        self.sweep()

    @invariant()
    def everybody_is_where_the_diary_says_and_counted_once(self) -> None:
        for scope, area in (("yard", "yard"), ("house", "house"), ("own gate", "door/gate")):
            assert self.standing.people_in(area) == self.crowd(scope)
            assert self.standing.counts.get(area, 0) == len(self.crowd(scope))

    @invariant()
    def a_presence_is_of_its_own_scope_and_person(self) -> None:
        for scope, seen in self.standing.inside.items():
            for who, row in seen.items():
                assert isinstance(row, Presence)
                assert (row.scope, row.person) == (scope, who)


TestEstate = Estate.TestCase
