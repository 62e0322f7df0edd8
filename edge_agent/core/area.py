"""Who is where: anti-passback, occupancy, use and try counters — what a passage leaves behind for the next one.

`Standing` holds it all in memory and changes only by `apply`, which the same `Change`s that go into the journal are
given to: after a restart the stored rows make the same Standing again. Everything else here is a question.
"""

from collections.abc import Iterable
from typing import TypeVar

from edge_agent.core.schedule import local_time
from edge_agent.model.clock import Moment
from edge_agent.model.evidence import Exhibit
from edge_agent.model.people import Person
from edge_agent.model.reads import Direction
from edge_agent.model.site import Area, Door, Policy
from edge_agent.model.standing import (
    Armed,
    At,
    Case,
    Change,
    Emptied,
    Gone,
    Latch,
    Mute,
    OpenAlert,
    Order,
    Passing,
    Presence,
    Swept,
    Tally,
    Tries,
    Uses,
)

Name = TypeVar("Name")
What = TypeVar("What")


class Standing:
    """The memory of one gateway. Read by `decide` and the modes, changed by `apply` alone."""

    def __init__(self, areas: Iterable[Area] = (), changes: Iterable[Change] = ()) -> None:
        self.areas = {area.name: area for area in areas}
        self.inside: dict[str, dict[str, Presence]] = {}  # scope → person → where they are, of those seen there
        self.counts: dict[str, int] = {}  # scope → how many are inside
        self.passing: dict[str, Passing] = {}  # by door
        self.uses: dict[str, int] = {}
        self.tries: dict[str, Tries] = {}
        self.armed: dict[str, int] = {}
        self.orders: dict[tuple[str, str], Order] = {}  # (door, source)
        self.latches: dict[str, Latch] = {}
        self.swept: dict[str, int] = {}
        self.cases: dict[str, Case] = {}
        self.alerts: dict[str, OpenAlert] = {}
        self.mutes: dict[str, Mute] = {}
        self.tallies: dict[str, Tally] = {}  # by line
        self.exhibits: dict[str, Exhibit] = {}  # in the order in which they were kept
        for change in changes:
            self.apply(change)

    def apply(self, *changes: Change) -> None:
        for change in changes:
            self._apply(change)

    def _apply(self, change: Change) -> None:
        match change:
            case Presence(scope=scope, person=person):
                seen = self.inside.setdefault(scope, {})
                before = person in seen and seen[person].inside
                seen[person] = change
                self.counts[scope] = self.counts.get(scope, 0) + change.inside - before
            case Passing(door=door, placed=placed):
                _put(self.passing, door, change, bool(placed))
            case Emptied(scope=scope):
                self.inside.pop(scope, None)
                self.counts.pop(scope, None)
            case Gone(person=person):
                for scope, seen in self.inside.items():
                    if (last := seen.pop(person, None)) is not None:
                        self.counts[scope] -= last.inside
            case Uses(name=name, count=count):
                _put(self.uses, name, count, bool(count))
            case Tries(terminal=terminal):
                self.tries[terminal] = change
            case Armed(door=door, day=day):
                self.armed[door] = day
            case Order(door=door, source=source, mode=mode):
                _put(self.orders, (door, source), change, mode is not None)
            case Latch(name=name):
                self.latches[name] = change
            case Swept(scope=scope, day=day):
                self.swept[scope] = day
            case Case(alarm=alarm, step=step):
                _put(self.cases, alarm, change, step != "closed")
            case OpenAlert(alert=alert):
                _put(self.alerts, alert, change, change.open)
            case Mute(target=target):
                _put(self.mutes, target, change, change.for_ms != 0)
            case Exhibit(evidence=evidence):
                _put(self.exhibits, evidence, change, not change.erased)
            case Tally(line=line):
                _put(self.tallies, line, change, bool(change.entered or change.left))

    @property
    def fire(self) -> bool:
        """Released by the fire panel, and not cleared by hand."""
        return "fire" in self.latches and self.latches["fire"].raised

    def presence(self, scope: str, person: str) -> Presence:
        return self.inside.get(scope, {}).get(person) or Presence(scope, person, inside=False)

    def people_in(self, scope: str) -> list[str]:
        return sorted(person for person, seen in self.inside.get(scope, {}).items() if seen.inside)


def _put(known: dict[Name, What], name: Name, what: What, there: bool) -> None:
    if there:
        known[name] = what
    else:
        known.pop(name, None)


def pair(door: Door) -> str:
    """The scope of a door's own pair of readers."""
    return f"door/{door.name}"


def enters(door: Door, direction: Direction) -> str | None:
    """The area this passage leads into; None for the street."""
    return door.area if direction is Direction.IN else door.from_area


def leaves(door: Door, direction: Direction) -> str | None:
    return door.from_area if direction is Direction.IN else door.area


Limit = tuple[str, str, int]  # scope, anti-passback mode, minutes


def _limits(door: Door, direction: Direction, standing: Standing) -> list[Limit]:
    """Every scope in which this passage is a way in, with its anti-passback and timed limits."""
    limits: list[Limit] = []
    if direction is Direction.IN:
        limits.append((pair(door), door.anti_passback, door.timed_min))
    area = standing.areas.get(enters(door, direction) or "")
    if area is not None:
        limits.append((area.name, area.anti_passback, area.timed_min))
    return limits


def passed_back(door: Door, direction: Direction, person: str, standing: Standing, now: Moment) -> str | None:
    """`hard` or `soft` when this person, by what is remembered, is inside already or came in too short a time ago;
    `untold` when a timed limit hangs on a clock nobody can trust.
    """
    found, untold = None, False
    for scope, mode, minutes in _limits(door, direction, standing):
        seen = standing.presence(scope, person)
        if mode != "off" and seen.inside:
            if mode == "hard":
                return "hard"
            found = "soft"
        if minutes and seen.entered is not None:
            since_ms = seen.entered.since_ms(now)
            if since_ms is None:
                untold = True
            elif 0 <= since_ms < minutes * 60_000:
                if mode != "soft":
                    return "hard"
                found = "soft"
    return "untold" if untold else found


def crowded(door: Door, direction: Direction, person: str, standing: Standing) -> str | None:
    """`hard` or `soft` when the area this leads into holds its most, `soft` when the one it leaves falls below its
    least: nobody is kept inside for the sake of a number.
    """
    into = standing.areas.get(enters(door, direction) or "")
    if into is not None and into.max_people is not None and not standing.presence(into.name, person).inside:
        if standing.counts.get(into.name, 0) >= into.max_people:
            return into.max_mode
    out_of = standing.areas.get(leaves(door, direction) or "")
    if out_of is not None and out_of.min_people and standing.presence(out_of.name, person).inside:
        if standing.counts[out_of.name] <= out_of.min_people:
            return "soft"
    return None


def passage(
    door: Door, direction: Direction, person: Person, uses: Iterable[str], standing: Standing, now: Moment
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """What a passage changes, and what takes it back when the door was not opened after all."""
    at = At.of(now)
    changes: list[Change] = []
    undo: list[Change] = []

    def move(scope: str, inside: bool) -> None:
        before = standing.presence(scope, person.id)
        changes.append(Presence(scope, person.id, inside, at if inside else before.entered))
        undo.append(before)

    if door.anti_passback != "off" or door.timed_min:
        move(pair(door), direction is Direction.IN)
    if (area := leaves(door, direction)) in standing.areas:
        move(str(area), inside=False)
    if (area := enters(door, direction)) in standing.areas:
        move(str(area), inside=True)
    for name in uses:
        count = standing.uses.get(name, 0)
        changes.append(Uses(name, count + 1))
        undo.append(Uses(name, count))
    return tuple(changes), tuple(undo)


def taken_back(done: Iterable[Change], undo: Iterable[Change], standing: Standing) -> list[Change]:
    """Of `undo`, what still applies: where the person was not seen, or the credential used, somewhere else since."""
    now_is = {
        (change.scope, change.person): standing.presence(change.scope, change.person) == change
        for change in done
        if isinstance(change, Presence)
    } | {
        (change.name, ""): standing.uses.get(change.name) == change.count for change in done if isinstance(change, Uses)
    }
    return [
        change
        for change in undo
        if (isinstance(change, Presence) and now_is.get((change.scope, change.person), False))
        or (isinstance(change, Uses) and now_is.get((change.name, ""), False))
    ]


def on_the_way(door: str, changes: Iterable[Change], standing: Standing) -> tuple[Passing, ...]:
    """Somebody is let through, which makes these `changes`."""
    placed = tuple(change for change in changes if isinstance(change, Presence) and change.inside)
    before = standing.passing.get(door, Passing(door)).placed
    return (Passing(door, (*before, *placed)),) if placed else ()


def arrived(door: str, standing: Standing, changes: Iterable[Change] | None = None) -> tuple[Passing, ...]:
    """It is known of whoever was on their way, or of whom these `changes` are, whether they went."""
    if (before := standing.passing.get(door)) is None:
        return ()
    gone = before.placed if changes is None else tuple(changes)
    left = tuple(one for one in before.placed if one not in gone)
    return () if left == before.placed else (Passing(door, left),)


def unseen(standing: Standing) -> list[Change]:
    """After a stop nobody knows whether those on their way went in: their next passage is taken as it comes."""
    changes = list[Change]()
    for door, passing in standing.passing.items():
        still = [one for one in passing.placed if standing.presence(one.scope, one.person) == one]
        changes += [*(Presence(one.scope, one.person, inside=False) for one in still), Passing(door)]
    return changes


def locked_out(terminal: str, standing: Standing, now: Moment) -> bool:
    """Too many wrong tries here, and the time is not over."""
    tries = standing.tries.get(terminal)
    return tries is not None and tries.boot_id == now.boot_id and now.up_ms < tries.until_ms


def tried(terminal: str, right: bool, standing: Standing, now: Moment, policy: Policy) -> tuple[Tries, ...]:
    """What a right or wrong try changes. The last wrong one of `policy.wrong_tries` locks, twice as long each time. A
    right one makes up for one wrong one, then for one lock: were all forgotten, whoever guesses would only have to wait
    for the next neighbour to pass, or to show a card of their own in between.
    """
    before = standing.tries.get(terminal) or Tries(terminal)
    if right:
        if before.wrong:
            return (Tries(terminal, before.wrong - 1, before.locked),)
        return (Tries(terminal, 0, before.locked - 1),) if before.locked else ()
    if before.wrong + 1 < policy.wrong_tries:
        return (Tries(terminal, before.wrong + 1, before.locked, before.until_ms, before.boot_id),)
    return (Tries(terminal, 0, before.locked + 1, now.up_ms + lock_ms(before.locked, policy), now.boot_id),)


def lock_ms(times: int, policy: Policy) -> int:
    """How long the terminal is locked after having been locked `times` times before."""
    doubled = policy.lockout_s * 2.0 ** min(times, 30)
    return round(min(doubled, policy.lockout_most_s) * 1000)


def still_locked(tries: Tries, now: Moment, policy: Policy) -> Tries | None:
    """After a new boot: a lock whose end was counted in the old boot's uptime begins again. None when nothing does."""
    if tries.boot_id in {"", now.boot_id} or not tries.locked or not tries.until_ms:
        return None
    return Tries(tries.terminal, tries.wrong, tries.locked, now.up_ms + lock_ms(tries.locked - 1, policy), now.boot_id)


def resets(standing: Standing, now: Moment, zone: str) -> list[tuple[Emptied, Swept]]:
    """The areas whose nightly reset is due: its local time has come and it was not done since. Only on a clock that is
    trusted; one that is set back does not bring a reset a second time.
    """
    if not now.trusted:
        return []
    local = local_time(now.wall_ms, zone)
    due: list[tuple[Emptied, Swept]] = []
    for area in standing.areas.values():
        if area.reset is None:
            continue
        hour, minute = (int(part) for part in area.reset.split(":"))
        day = local.toordinal() if (local.hour, local.minute) >= (hour, minute) else local.toordinal() - 1
        done = standing.swept.get(area.name)
        if done is None or day > done:
            due.append((Emptied(area.name), Swept(area.name, day)))
    return due


def forgive(standing: Standing, person: str | None) -> list[Change]:
    """Anti-passback forgets where `person` is (None: everybody): the next passage is taken as it comes."""
    if person is None:
        return [Emptied(scope) for scope in sorted(standing.inside)]
    return [Presence(scope, person, inside=False) for scope, seen in sorted(standing.inside.items()) if person in seen]
