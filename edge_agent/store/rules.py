"""Rules, schedules and special days of people.db. They stand beside those of the site kind; the same id replaces.

A rule that cannot be read (a newer version wrote it, or damage) becomes one that denies everybody: what it took away
must not be given back by an accident. It is logged, and `edge-agent access explain` names it.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import TypeVar

import msgspec

from edge_agent import log
from edge_agent.errors import StoreError
from edge_agent.model.encoding import canonical
from edge_agent.model.events import PersonChanged
from edge_agent.model.people import CATEGORIES, Rule, Schedule
from edge_agent.store.people_file import PeopleFile

T = TypeVar("T")
NO_DAYS: Mapping[str, Iterable[date]] = MappingProxyType({})
logger = log.get("store.people")


class Times(msgspec.Struct, frozen=True):
    """What of people.db says who may pass where and when. `calendar`: proleptic ordinal of a local day → group."""

    rules: tuple[Rule, ...]
    schedules: dict[str, Schedule]
    calendar: dict[int, str]


class RuleStore(PeopleFile):
    """The part of people.db that is not about one person. Raises StoreError."""

    def put_times(
        self,
        rules: Iterable[Rule] = (),
        schedules: Iterable[Schedule] = (),
        days: Mapping[str, Iterable[date]] = NO_DAYS,
        source: str = "",
        what: str = "rules_imported",
    ) -> None:
        """Add or replace all of these in one transaction, noted as one change; `days`: group → all of its days."""
        kept = [(rule.id, canonical(rule)) for rule in rules]
        times = [(schedule.id, canonical(schedule)) for schedule in schedules]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO rules VALUES (?, ?)", kept)
            self._connection.executemany("INSERT OR REPLACE INTO schedules VALUES (?, ?)", times)
            for group in days:
                self._connection.execute("DELETE FROM special_days WHERE special = ?", (group,))
            for group, wanted in days.items():
                self._set_days(group, sorted({day.toordinal() for day in wanted}))
            self._note_rules(what, source, len(kept) + len(times) + len(days))

    def put_rule(self, rule: Rule, source: str = "") -> None:
        """Add it, or replace the one of the same id."""
        self.put_times(rules=[rule], source=source, what="rule_set")

    def remove_rule(self, rule: str, source: str = "") -> None:
        with self._transaction():
            if not self._connection.execute("DELETE FROM rules WHERE id = ?", (rule,)).rowcount:
                raise StoreError("store.no_rule", rule=rule)
            self._note_rules("rule_removed", source)

    def put_schedule(self, schedule: Schedule, source: str = "") -> None:
        """Add it, or replace the one of the same id."""
        self.put_times(schedules=[schedule], source=source, what="schedule_set")

    def remove_schedule(self, schedule: str, source: str = "") -> None:
        """Rules that name it are then never on (and denying ones too): look at `edge-agent check`."""
        with self._transaction():
            if not self._connection.execute("DELETE FROM schedules WHERE id = ?", (schedule,)).rowcount:
                raise StoreError("store.no_schedule", schedule=schedule)
            self._note_rules("schedule_removed", source)

    def put_special_days(self, group: str, days: Iterable[date], source: str = "") -> None:
        """The days of `group`, all of them: none takes the group away. A day has one group: raises StoreError."""
        self.put_times(days={group: days}, source=source, what="special_days_set")

    def rules(self) -> tuple[Rule, ...]:
        """By id."""
        return self.times().rules

    def schedules(self) -> dict[str, Schedule]:
        return self.times().schedules

    def special_days(self) -> dict[int, str]:
        """Proleptic ordinal of the local date → group."""
        days = self._rows("SELECT day, special FROM special_days ORDER BY day")
        return {day: group for day, group in days if isinstance(day, int) and isinstance(group, str)}

    def times(self) -> Times:
        """Rules, schedules and special days together."""
        schedules, lost = self._decoded("schedules", Schedule)
        rules, unread = self._decoded("rules", Rule)
        closed = [Rule(id_, ("*",), CATEGORIES, effect="deny") for id_ in unread]
        strict = [
            msgspec.structs.replace(rule, schedule=None) if rule.effect == "deny" and rule.schedule in lost else rule
            for rule in rules.values()
        ]
        return Times(tuple(sorted([*strict, *closed], key=lambda rule: rule.id)), schedules, self.special_days())

    def _decoded(self, table: str, kind: type[T]) -> tuple[dict[str, T], set[str]]:
        """By id; second: the ids of those that could not be read."""
        good, bad = dict[str, T](), set[str]()
        for id_, body in self._rows(f"SELECT id, body FROM {table} ORDER BY id"):
            try:
                good[id_] = msgspec.json.decode(body, type=kind)
            except (msgspec.DecodeError, UnicodeDecodeError, TypeError, RecursionError) as error:
                logger.error("people.db: %s of %s cannot be read (%s): set it again", id_, table, error)
                bad.add(id_)
        return good, bad

    def _set_days(self, group: str, days: list[int]) -> None:
        for day in days:
            if taken := self._one("SELECT special FROM special_days WHERE day = ?", day):
                raise StoreError("store.day_taken", day=date.fromordinal(day).isoformat(), group=group, owner=taken[0])
        self._connection.executemany("INSERT INTO special_days VALUES (?, ?)", [(day, group) for day in days])

    def _note_rules(self, what: str, source: str, count: int = 1) -> None:
        self._note(PersonChanged(what=what, count=count, source=source), "rules", [""])
