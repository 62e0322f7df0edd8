"""Findings about rules and schedules: what refers to nothing, never opens, contradicts, or can never have an effect."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from edge_agent.core.finding import Finding, Subject, advice, fault_of, few, problem, usable
from edge_agent.core.schedule import LOOK_AHEAD_DAYS, endless, occurrences, opens_after, parse, permits_local
from edge_agent.model.people import CATEGORIES, Book, Recurrence, Rule, Schedule

WEEK_DAYS = 8  # every weekday once, and the one whose span runs over midnight into the first
RECUR_DAYS = 35


def rules(subject: Subject) -> Iterator[Finding]:
    """Each rule by itself."""
    doors = {door.name for door in subject.config.doors}
    seen: set[str] = set()
    for rule in subject.book.rules:
        at = f"rule {rule.id}"
        if rule.id in seen:
            yield problem("find.rule_twice", at, rule=rule.id)
        seen.add(rule.id)
        for name in rule.doors:
            if name != "*" and name not in doors:
                yield problem("find.rule_door", at, name=name, known=few(sorted(doors)) or "–")
        for name in rule.categories:
            if name not in CATEGORIES:
                yield problem("find.rule_category", at, name=name, known=", ".join(CATEGORIES))
        if strangers := [name for name in rule.persons if name not in subject.book.persons]:
            yield problem("find.rule_person", at, names=few(strangers))
        if not rule.doors or not (rule.categories or rule.persons):
            yield problem("find.rule_nobody", at)
        if rule.schedule is not None and rule.schedule not in subject.book.schedules:
            known = few(sorted(subject.book.schedules)) or "–"
            yield problem("find.rule_schedule", at, name=rule.schedule, known=known)


def schedules(subject: Subject) -> Iterator[Finding]:
    groups = set(subject.book.calendar.values())
    for schedule in subject.book.schedules.values():
        at = f"schedule {schedule.id}"
        for recurrence in schedule.recurrences:
            if (why := fault_of(recurrence)) is not None:
                yield problem("find.rrule_bad", at, rule=recurrence.rule, why=why)
            elif endless(recurrence):
                yield advice("find.rrule_endless", at, rule=recurrence.rule)
        if not opens(schedule, subject):
            yield problem("find.schedule_never", at, name=schedule.id, days=LOOK_AHEAD_DAYS)
        for group in sorted(schedule.special.keys() - groups):
            yield advice("find.group_unknown", at, name=group)


def opens(schedule: Schedule, subject: Subject) -> bool:
    """At some time from now on, as far as anybody looks ahead."""
    weekly = Schedule(schedule.id, schedule.spans, schedule.special)
    if opens_after(weekly, subject.today, subject.book.calendar) is not None:
        return True
    return any(_comes(recurrence, subject.today) for recurrence in usable(schedule).recurrences)


def _comes(recurrence: Recurrence, today: datetime) -> bool:
    """The rule is walked once, not day by day."""
    start = parse(recurrence).after(today - timedelta(minutes=recurrence.minutes))
    return start is not None and start < today + timedelta(days=LOOK_AHEAD_DAYS)


# ---- rules against each other ----------------------------------------------------------------------------------------


def contradictions(subject: Subject) -> Iterator[Finding]:
    """A rule that denies beats every one that permits: where it does so always, the other has no effect at all."""
    times = _Times(subject)
    permits = [rule for rule in subject.book.rules if rule.effect == "permit"]
    denies = [rule for rule in subject.book.rules if rule.effect == "deny"]
    doors = {door.name for door in subject.config.doors}
    for permit in permits:
        for deny in denies:
            places, people = _shared_doors(permit, deny, doors), _shared_people(permit, deny, subject.book)
            if not places or not people or not times.meet(permit.schedule, deny.schedule):
                continue
            at = f"rule {permit.id}"
            if _covers(deny, permit, subject.book, doors):
                yield problem("find.rule_void", at, permit=permit.id, deny=deny.id)
            else:
                where, whom = few(sorted(places)), few(sorted(people))
                yield advice("find.contradiction", at, permit=permit.id, deny=deny.id, doors=where, who=whom)


def same(subject: Subject) -> Iterator[Finding]:
    """Two rules that say the same."""
    first: dict[tuple[object, ...], str] = {}
    for rule in subject.book.rules:
        sense = (
            rule.effect, rule.in_lockdown, rule.schedule,
            frozenset(rule.doors), frozenset(rule.categories), frozenset(rule.persons),
        )  # fmt: skip
        other = first.setdefault(sense, rule.id)
        if other != rule.id:
            yield advice("find.rule_same", f"rule {rule.id}", first=other, second=rule.id)


def doors(subject: Subject) -> Iterator[Finding]:
    """A door nobody is permitted to, or all of whose people are shut out for ever."""
    for index, door in enumerate(subject.config.doors):
        here = [rule for rule in subject.book.rules if door.name in rule.doors or "*" in rule.doors]
        permits = [rule for rule in here if rule.effect == "permit"]
        denies = [rule for rule in here if rule.effect == "deny" and rule.schedule is None]
        categories = {name for rule in denies for name in rule.categories}
        persons = {name for rule in denies for name in rule.persons}
        let_in = [rule for rule in permits if not _all_among(rule, categories, persons, subject.book)]
        if let_in:
            continue
        if permits:
            names = few([rule.id for rule in denies])
            found = problem("find.door_shut", f"door[{index}]", door=door.name, rules=names)
        else:
            found = advice("find.door_nobody", f"door[{index}]", door=door.name)
        yield msgspec.structs.replace(found, source="config")


def _shared_doors(one: Rule, other: Rule, doors: set[str]) -> set[str]:
    if "*" in one.doors and "*" in other.doors:
        return {"*"}
    if "*" in one.doors:
        return set(other.doors)
    if "*" in other.doors:
        return set(one.doors)
    return set(one.doors) & set(other.doors)


def _shared_people(one: Rule, other: Rule, book: Book) -> set[str]:
    found = set(one.categories) & set(other.categories)
    found |= set(one.persons) & set(other.persons)
    for named, grouped in ((one, other), (other, one)):
        wanted = set(grouped.categories)
        found |= {name for name in named.persons if name in book.persons and book.persons[name].category in wanted}
    return found


def _covers(deny: Rule, permit: Rule, book: Book, doors: set[str]) -> bool:
    if deny.schedule is not None and deny.schedule != permit.schedule:
        return False
    wanted = doors if "*" in permit.doors else set(permit.doors)
    if "*" not in deny.doors and not wanted <= set(deny.doors):
        return False
    return _all_among(permit, set(deny.categories), set(deny.persons), book)


def _all_among(rule: Rule, categories: set[str], persons: set[str], book: Book) -> bool:
    """Everybody the rule names is of these categories or one of these persons."""
    if not set(rule.categories) <= categories:
        return False
    return all(
        name in persons or (name in book.persons and book.persons[name].category in categories)
        for name in rule.persons
    )  # fmt: skip


class _Times:
    """Whether two schedules are ever on together: then the beginning of one lies in the other."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._usable: dict[str, Schedule] = {}
        self._starts: dict[str, list[datetime]] = {}
        self._known: dict[tuple[str, str], bool] = {}

    def meet(self, one: str | None, other: str | None) -> bool:
        """None is always on; a schedule that is not there never."""
        known = self._subject.book.schedules
        names = [name for name in (one, other) if name is not None]
        if any(name not in known for name in names):
            return False
        if len(names) < 2:
            return True
        first, second = sorted(names)
        if (first, second) not in self._known:
            calendar = self._subject.book.calendar
            pair = self._schedule(first), self._schedule(second)
            self._known[first, second] = any(
                all(permits_local(schedule, start, calendar) for schedule in pair)
                for start in (*self._begins(first), *self._begins(second))
            )
        return self._known[first, second]

    def _schedule(self, name: str) -> Schedule:
        if name not in self._usable:
            self._usable[name] = usable(self._subject.book.schedules[name])
        return self._usable[name]

    def _begins(self, name: str) -> list[datetime]:
        if name not in self._starts:
            self._starts[name] = list(self._all_begins(self._schedule(name)))
        return self._starts[name]

    def _all_begins(self, schedule: Schedule) -> Iterator[datetime]:
        """Of a week, of one day of each special group, and of the recurrences of some weeks."""
        today = self._subject.today.toordinal()
        minutes = {span.start_min for span in schedule.spans}
        minutes |= {span.start_min for spans in schedule.special.values() for span in spans}
        special: dict[str, int] = {}
        for day, group in self._subject.book.calendar.items():
            if today <= day < today + LOOK_AHEAD_DAYS:
                special.setdefault(group, day)
        for day in (*range(today, today + WEEK_DAYS), *special.values()):
            midnight = datetime.fromordinal(day)
            yield from (midnight + timedelta(minutes=minute) for minute in sorted(minutes))
        for recurrence in schedule.recurrences:
            for day in range(today, today + RECUR_DAYS):
                yield from occurrences(recurrence, day)
