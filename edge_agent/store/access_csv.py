"""Access lists in CSV, told apart by their header: people (person_id), rules (rule_id), schedules (schedule_id), days.

A schedule is a row for each of its spans or recurrences; a row that names a group in `special` is a span of that
group's days, one without start and end says that the group's days are closed.
"""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from edge_agent.errors import EdgeAgentError, Problem, StoreError
from edge_agent.model.people import Recurrence, Rule, Schedule, Span
from edge_agent.store.access_list import (
    AccessList,
    Form,
    Place,
    checked,
    read_dates,
    read_days,
    read_id,
    read_rule,
    read_span,
)
from edge_agent.store.csv_rows import columns_of, read_rows
from edge_agent.store.entries import NO, YES, as_iso
from edge_agent.store.people_csv import read_people

RULE = (("rule_id", "doors"), ("categories", "persons", "schedule", "effect", "in_lockdown"))
SCHEDULE = (("schedule_id",), ("days", "start", "end", "special", "recurrence", "minutes"))
DAYS = (("group", "date"), ())


def read_csv(file: Path, text: str, form: Form, into: AccessList) -> None:
    """Raises Problem when the header is none of a list that is known."""
    header = columns_of(text)
    if "rule_id" in header:
        _rows(file, text, RULE, into, lambda place, cells: into.rules.append((place, _rule(cells))))
    elif "schedule_id" in header:
        _schedules(file, text, form, into)
    elif "group" in header and "date" in header:
        _special_days(file, text, into)
    else:
        lines, problems, _ = read_people(file.name, text, form.zone, form.parse_card)
        into.people += [(Place(file.name, f"line {line.number}"), line.entry, line.pin) for line in lines]
        into.problems += problems


def _rows(
    file: Path,
    text: str,
    columns: tuple[tuple[str, ...], tuple[str, ...]],
    into: AccessList,
    take: Callable[[Place, dict[str, str]], object],
) -> None:
    for number, cells in read_rows(file.name, text, *columns):
        place = Place(file.name, f"line {number}")
        if isinstance(cells, Problem):
            into.problems.append(cells)
            continue
        try:
            take(place, cells)
        except EdgeAgentError as error:
            into.wrong(place, error)


def _rule(cells: dict[str, str]) -> Rule:
    word = cells.get("in_lockdown", "").lower()
    if word not in YES + NO:
        raise StoreError("store.entry_flag", column="in_lockdown", found=word)
    return read_rule(
        cells["rule_id"],
        _words(cells["doors"]),
        _words(cells.get("categories", "")),
        persons=_words(cells.get("persons", "")),
        schedule=cells.get("schedule") or None,
        effect=cells.get("effect") or "permit",
        in_lockdown=word in YES,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.replace("；", ";").split(";") if word.strip())


def _schedules(file: Path, text: str, form: Form, into: AccessList) -> None:
    made: dict[str, tuple[Place, Schedule]] = {}

    def take(place: Place, cells: dict[str, str]) -> None:
        id_ = read_id(cells["schedule_id"])
        first, schedule = made.get(id_, (place, Schedule(id_)))
        made[id_] = (first, _with_row(schedule, cells, form))

    _rows(file, text, SCHEDULE, into, take)
    into.schedules += made.values()


def _with_row(schedule: Schedule, cells: dict[str, str], form: Form) -> Schedule:
    spans, special, recurrences = schedule.spans, dict(schedule.special), schedule.recurrences
    start, end, group = cells.get("start", ""), cells.get("end", ""), cells.get("special", "")
    if minutes := cells.get("minutes", ""):
        try:
            recurrence = Recurrence(datetime.fromisoformat(as_iso(start)), int(minutes), cells.get("recurrence", ""))
        except ValueError as error:
            raise StoreError("store.list_recurrence", rule=f"{start} {minutes}", why=error) from error
        recurrences = (*recurrences, checked(recurrence, form))
    elif group and not start and not end:
        special.setdefault(read_id(group), ())
    else:
        span: Span = read_span(read_days(cells.get("days", "")), start, end)
        if group:
            special[read_id(group)] = (*special.get(group, ()), span)
        else:
            spans = (*spans, span)
    return Schedule(schedule.id, spans, special, recurrences)


def _special_days(file: Path, text: str, into: AccessList) -> None:
    """One row a day or a range; all rows of a group together are the group."""
    made: dict[str, tuple[Place, set[date]]] = {}

    def take(place: Place, cells: dict[str, str]) -> None:
        group = read_id(cells["group"])
        made.setdefault(group, (place, set()))[1].update(read_dates([cells["date"]]))

    _rows(file, text, DAYS, into, take)
    into.days += [(place, group, tuple(sorted(days))) for group, (place, days) in made.items()]
