"""An access list in TOML: [[schedule]], [[special_days]], [[rule]], [[person]], [[credential]].

Every table that is wrong is noted with its path (`rule[3].doors`) and left out; the others are taken.
"""

import hashlib
import tomllib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge_agent.errors import EdgeAgentError, Problem, StoreError
from edge_agent.model.people import EVERY_DAY, Recurrence, Schedule, Span
from edge_agent.model.reads import Card, Token
from edge_agent.store import ics
from edge_agent.store.access_list import (
    AccessList,
    Form,
    Place,
    beside_file,
    checked,
    read_dates,
    read_id,
    read_rule,
    read_span,
)
from edge_agent.store.entries import (
    OPTIONAL,
    PERSON_ID,
    CredentialEntry,
    PersonEntry,
    read_card,
    read_entry,
    read_plate,
    read_validity,
)

T = TypeVar("T")
TABLES = ("schedule", "special_days", "rule", "person", "credential")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SpanTable(Table, frozen=True):
    start: str
    end: str
    days: tuple[int, ...] = EVERY_DAY


class RecurrenceTable(Table, frozen=True):
    start: datetime
    minutes: int
    rule: str = ""


class ScheduleTable(Table, frozen=True):
    id: str
    spans: tuple[SpanTable, ...] = ()
    special: dict[str, tuple[SpanTable, ...]] = {}
    recurrence: tuple[RecurrenceTable, ...] = ()
    ics: str = ""


class DaysTable(Table, frozen=True):
    group: str
    days: tuple[Any, ...] = ()  # dates, or text
    ics: str = ""


class RuleTable(Table, frozen=True):
    id: str
    doors: tuple[str, ...]
    categories: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    schedule: str | None = None
    effect: str = "permit"
    in_lockdown: bool = False


class CredentialTable(Table, frozen=True):
    person: str
    number: str
    kind: str = "card"
    format: str = ""
    duress: bool | None = None
    max_uses: int | None = None
    valid_from: Any = None  # a date, a time, or text
    valid_until: Any = None


def read_toml(file: Path, text: str, form: Form, into: AccessList) -> None:
    """Raises Problem when the file as a whole is no TOML."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Problem(file.name, "", "store.list_toml", why=error) from error
    for name in data.keys() - set(TABLES):
        into.wrong(Place(file.name, name), StoreError("store.list_table", name=name, known=", ".join(TABLES)))
    read = _Tables(file, data, into)
    read.each(
        "schedule", ScheduleTable, lambda at, one: into.schedules.append((at, _schedule(one, at, file, form, into)))
    )
    read.each("special_days", DaysTable, lambda at, one: into.days.append((at, *_days(one, at, file, form, into))))
    read.each("rule", RuleTable, lambda at, one: into.rules.append((at, read_rule(one.id, **_rest(one)))))
    read.each("person", dict[str, Any], lambda at, one: into.people.append((at, *_person(one, form))))
    read.each(
        "credential", CredentialTable, lambda at, one: into.credentials.append((at, one.person, _credential(one, form)))
    )


class _Tables:
    """The arrays of one file. A table that is wrong is noted with its path, and not handed on."""

    def __init__(self, file: Path, data: dict[str, Any], into: AccessList) -> None:
        self.file, self.data, self.into = file, data, into

    def each(self, name: str, kind: type[T], take: Callable[[Place, T], object]) -> None:
        tables = self.data.get(name, [])
        if not isinstance(tables, list):
            self.into.wrong(Place(self.file.name, name), StoreError("store.list_array", name=name))
            return
        for index, table in enumerate(tables):
            place = Place(self.file.name, f"{name}[{index}]")
            try:
                take(place, msgspec.convert(table, kind))
            except msgspec.ValidationError as error:
                why, _, path = str(error).partition(" - at `$")
                inside = Place(place.file, place.at + path.rstrip("`"))
                self.into.wrong(inside, StoreError("store.list_form", why=why.replace("`", "")))
            except EdgeAgentError as error:
                self.into.wrong(place, error)


def _person(table: dict[str, Any], form: Form) -> tuple[PersonEntry, str]:
    return read_entry(_cells(table), form.zone, form.parse_card)


def _rest(table: RuleTable) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(table).items() if name != "id"}


def _schedule(table: ScheduleTable, place: Place, file: Path, form: Form, into: AccessList) -> Schedule:
    recurrences = []
    for given in table.recurrence:
        start = given.start.astimezone(form.zone).replace(tzinfo=None) if given.start.tzinfo else given.start
        try:
            recurrences.append(checked(Recurrence(start, given.minutes, given.rule), form))
        except ValueError as error:
            raise StoreError("store.list_recurrence", rule=given.rule, why=error) from error
    if table.ics:
        found, wrong = ics.recurrences(beside_file(file, table.ics), form)
        recurrences += found
        for event in wrong:
            into.wrong(Place(table.ics, f"{place.at}.ics"), event)
    special = {read_id(group): tuple(map(_span, spans)) for group, spans in table.special.items()}
    return Schedule(read_id(table.id), tuple(map(_span, table.spans)), special, tuple(recurrences))


def _span(table: SpanTable) -> Span:
    return read_span(table.days, table.start, table.end)


def _days(table: DaysTable, place: Place, file: Path, form: Form, into: AccessList) -> tuple[str, tuple[date, ...]]:
    days = set(read_dates(day.isoformat() if isinstance(day, date) else str(day) for day in table.days))
    if table.ics:
        found, wrong = ics.all_days(beside_file(file, table.ics), form)
        days.update(found)
        for event in wrong:
            into.wrong(Place(table.ics, f"{place.at}.ics"), event)
    return read_id(table.group), tuple(sorted(days))


def _cells(table: dict[Any, Any]) -> dict[str, str]:
    """As a line of the people list has them. Raises StoreError."""
    known = ("id", "name", "category", *OPTIONAL)
    if strange := [str(key) for key in table if key not in known]:
        raise StoreError("store.csv_strange", strange=", ".join(strange), known=", ".join(known))
    cells = {}
    for key, value in table.items():
        match value:
            case str():
                text = value.strip()
            case bool():
                text = "yes" if value else "no"
            case date():
                text = value.isoformat()
            case int() if key != "pin":  # 0123 would have lost its zero
                text = str(value)
            case _:
                raise StoreError("store.list_text", name=key)
        cells["person_id" if key == "id" else str(key)] = text
    if "person_id" not in cells:
        raise StoreError("store.entry_person_id", found="")
    return cells


def _credential(table: CredentialTable, form: Form) -> CredentialEntry:
    if not PERSON_ID.fullmatch(table.person):
        raise StoreError("store.entry_person_id", found=table.person)
    if table.max_uses is not None and table.max_uses < 1:
        raise StoreError("store.entry_uses", found=table.max_uses, most=1_000_000)
    key: Card | Token
    match table.kind:
        case "card":
            key = read_card(table.number, table.format, form.parse_card)
        case "plate":
            key = read_plate(table.number)
        case "qr":
            key = Token("qr", hashlib.sha256(table.number.encode("utf-8")).hexdigest())
        case other:
            raise StoreError("store.list_kind", found=other)
    given: dict[str, Any] = {
        name: value for name in ("duress", "max_uses") if (value := getattr(table, name)) is not None
    }
    for name, days in (("valid_from", 0), ("valid_until", 1)):
        if (when := getattr(table, name)) is not None:
            text = when.isoformat() if isinstance(when, date) else str(when)
            given[f"{name}_ms"] = read_validity(text, form.zone, name, days=days)
    return CredentialEntry(key, table.format, **given)
