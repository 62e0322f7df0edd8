"""Puts access lists into people.db in one transaction, and says what that changed: the diff.

A dry run does the very same and then takes it back, so that it cannot promise what the real run does not keep. What
is stored already is not written again; what is wrong is refused with its place, and the rest goes in.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from edge_agent.errors import Problem, StoreError
from edge_agent.model.people import Rule, Schedule
from edge_agent.store import access_csv, access_toml
from edge_agent.store.access_diff import Difference, days_of, entry_differences, rule_fields, schedule_fields
from edge_agent.store.access_list import AccessList, Form, Place
from edge_agent.store.entries import PersonEntry, Progress, hash_pins, keyed
from edge_agent.store.people import PeopleStore
from edge_agent.store.pin_index import PinIndex
from edge_agent.store.records import KnownPerson
from edge_agent.store.text_file import read_text

SOURCE = "access-import"


class Site(msgspec.Struct, frozen=True):
    """What lists may refer to beside themselves: the doors and the schedules of the site kind."""

    doors: tuple[str, ...]
    schedules: Mapping[str, Schedule]


class Report(msgspec.Struct, frozen=True):
    """`unchanged`: how many entries said what is stored already."""

    differences: tuple[Difference, ...]
    unchanged: int
    problems: tuple[Problem, ...]
    encodings: tuple[tuple[str, str], ...]


def read_lists(files: Iterable[Path], form: Form) -> AccessList:
    """All files, told apart by their name's end (.toml) and their header. What cannot be read is in `problems`."""
    found = AccessList()
    for file in files:
        try:
            text, encoding = read_text(file)
            found.encodings.append((file.name, encoding))
            reader = access_toml.read_toml if file.suffix.lower() == ".toml" else access_csv.read_csv
            reader(file, text, form, found)
        except Problem as problem:
            found.problems.append(problem)
    return found


def import_access(
    files: Iterable[Path],
    store: PeopleStore,
    form: Form,
    site: Site,
    index: PinIndex | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """`progress` hears of the PINs, whose hashing takes time. Raises StoreError when people.db cannot be written."""
    found = read_lists(files, form)
    work = _Import(store, found, site, index)
    hashes = work.hash_new_pins(dry_run, progress)
    with store.batch(keep=not dry_run):
        work.times()
        work.people(hashes)
        work.credentials()
        work.rules()
        work.note()
    order = {name: number for number, (name, _) in enumerate(found.encodings)}
    found.problems.sort(key=lambda problem: (order.get(problem.file, -1), _line(problem.at)))
    return Report(tuple(work.differences), work.unchanged, tuple(found.problems), tuple(found.encodings))


def _line(at: str) -> int:
    return int(at.removeprefix("line ")) if at.startswith("line ") else 0


class _Import:
    def __init__(self, store: PeopleStore, found: AccessList, site: Site, index: PinIndex | None) -> None:
        self.store, self.found, self.site, self.index = store, found, site, index
        self.known, self.pins = store.everybody(), store.pin_indexes()
        self.stored = store.times()
        self.differences: list[Difference] = []
        self.unchanged = 0
        self.written: dict[str, None] = {}

    def hash_new_pins(self, dry_run: bool, progress: Progress | None) -> dict[str, str]:
        """Person → hash. Not of a PIN that is stored already, and in a dry run of none: it takes the time."""
        new = {entry.id: pin for _, entry, pin in self.found.people if pin and not self._pin_stays(entry.id, pin)}
        if dry_run:
            return dict.fromkeys(new, "$dry-run")
        return dict(zip(new, hash_pins(list(new.values()), progress), strict=True))

    def _pin_stays(self, person: str, pin: str) -> bool:
        return self.index is not None and self.pins.get(person) == self.index.pin(pin)

    def times(self) -> None:
        schedules = dict[str, Schedule]()
        for _, schedule in self._once(self.found.schedules, lambda item: item.id):
            if self._differs(
                "schedule", schedule.id, self.stored.schedules.get(schedule.id), schedule, schedule_fields
            ):
                schedules[schedule.id] = schedule
        days = dict[str, Any]()
        owners = {day: group for day, group in self.stored.calendar.items()}
        groups = [(place, (group, wanted)) for place, group, wanted in self.found.days]
        fresh = {group for _, (group, _) in groups}
        owners = {day: group for day, group in owners.items() if group not in fresh}
        for place, (group, wanted) in self._once(groups, lambda item: item[0]):
            taken = next((day for day in wanted if owners.get(day.toordinal(), group) != group), None)
            if taken is not None:
                owner = owners[taken.toordinal()]
                error = StoreError("store.day_taken", day=taken.isoformat(), group=group, owner=owner)
                self.found.wrong(place, error)
                continue
            owners.update((day.toordinal(), group) for day in wanted)
            before = days_of(day for day, owner in self.stored.calendar.items() if owner == group)
            after = days_of(day.toordinal() for day in wanted)
            if self._differs("special_days", group, before or None, after, lambda text: {"days": text}):
                days[group] = wanted
        if schedules or days:
            self.store.put_times((), schedules.values(), days, SOURCE, "schedules_imported")

    def people(self, hashes: Mapping[str, str]) -> None:
        listed = [(place, (entry, pin)) for place, entry, pin in self.found.people]
        for place, (entry, pin) in self._once(listed, lambda item: item[0].id):
            whole = keyed(entry, pin, self.index)
            if pin:
                stays = self._pin_stays(entry.id, pin)
                whole = msgspec.structs.replace(whole, pin_hash=UNSET if stays else hashes[entry.id])
            self._write(place, whole, self.known.get(entry.id))

    def credentials(self) -> None:
        for place, person, given in self.found.credentials:
            known = self.store.person(person)  # as it is by now: the list itself may have added them
            if known is None:
                self.found.wrong(place, StoreError("store.no_person", person=person))
            else:
                self._write(place, PersonEntry(id=person, credentials=(given,)), known)

    def rules(self) -> None:
        schedules = self.store.schedules().keys() | self.site.schedules.keys()
        people = self.known.keys() | self.written.keys()
        changed = list[Rule]()
        stored = {rule.id: rule for rule in self.stored.rules}
        for place, rule in self._once(self.found.rules, lambda item: item.id):
            strange = [door for door in rule.doors if door != "*" and door not in self.site.doors]
            missing = [person for person in rule.persons if person not in people]
            if strange:
                known = ", ".join(("*", *self.site.doors))
                self.found.wrong(place, StoreError("store.list_door", found=", ".join(strange), known=known))
            elif missing:
                self.found.wrong(place, StoreError("store.list_persons", found=", ".join(missing)))
            elif rule.schedule is not None and rule.schedule not in schedules:
                known = ", ".join(sorted(schedules)) or "-"
                self.found.wrong(place, StoreError("store.list_schedule", found=rule.schedule, known=known))
            elif self._differs("rule", rule.id, stored.get(rule.id), rule, rule_fields):
                changed.append(rule)
        if changed:
            self.store.put_times(changed, source=SOURCE)

    def note(self) -> None:
        self.store.note_imported(list(self.written), SOURCE)

    def _write(self, place: Place, entry: PersonEntry, known: KnownPerson | None) -> None:
        found = entry_differences(known, entry)
        if not found:
            self.unchanged += 1
            return
        try:
            self.store.upsert(entry)
        except StoreError as error:
            self.found.wrong(place, error)
            return
        self.written[entry.id] = None
        self.differences += found

    def _once(self, items: Iterable[tuple[Place, Any]], name: Any) -> Iterable[tuple[Place, Any]]:
        first: dict[str, Place] = {}
        for place, item in items:
            if (id_ := name(item)) in first:
                self.found.wrong(place, StoreError("store.list_twice", name=id_, first=str(first[id_])))
                continue
            first[id_] = place
            yield place, item

    def _differs(self, kind: str, id_: str, old: Any, new: Any, fields: Any) -> bool:
        if old == new:
            self.unchanged += 1
            return False
        if old is None:
            shown = ", ".join(f"{name} {text}" for name, text in fields(new).items() if text)
            self.differences.append(Difference("+", kind, id_, shown))
        else:
            before = fields(old)
            for name, text in fields(new).items():
                if before[name] != text:
                    self.differences.append(Difference("~", kind, id_, name, before[name], text))
        return True
