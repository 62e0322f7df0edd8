"""Site kinds: what is on by default in an estate, a school, a bus (device_profiles/sites/*.toml).

A site kind is data; the code knows capabilities, never kinds of place.
"""

from types import MappingProxyType

from edge_agent.drivers.profiles import profiles_root
from edge_agent.errors import Problems
from edge_agent.model.people import Rule, Schedule, Span
from edge_agent.model.site import Table
from edge_agent.tables import Reader, read_toml, refer


class SpanTable(Table, frozen=True):
    days: tuple[int, ...]
    start: str
    end: str


class ScheduleTable(Table, frozen=True):
    id: str
    spans: tuple[SpanTable, ...]


class RuleTable(Table, frozen=True):
    id: str
    doors: tuple[str, ...]
    categories: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    schedule: str | None = None


def site_rules(site: str, reader: Reader | None = None) -> tuple[tuple[Rule, ...], MappingProxyType[str, Schedule]]:
    """Rules and schedules of a site kind (device_profiles/sites). Problems go to `reader`, or are raised."""
    folder = profiles_root() / "sites"
    path = folder / f"{site}.toml"
    own = Reader(str(path))
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
        target = reader or own
        target.wrong("gateway.site", "config.no_site", site=site, folder=folder, known=known)
        if reader is None:
            raise Problems(own.problems)
        return (), MappingProxyType({})
    data, _ = read_toml(path)
    schedules = {}
    for index, table in enumerate(own.tables(data, "schedule", ScheduleTable)):
        spans = tuple(_span(own, f"schedule[{index}].spans[{n}]", span) for n, span in enumerate(table.spans))
        schedules[table.id] = Schedule(table.id, tuple(span for span in spans if span is not None))
    rules = []
    for index, rule in enumerate(own.tables(data, "rule", RuleTable)):
        if rule.schedule is not None:
            refer(own, f"rule[{index}].schedule", "schedule", rule.schedule, schedules.keys())
        rules.append(Rule(rule.id, rule.doors, rule.categories, rule.persons, rule.schedule))
    if own.problems:
        if reader is None:
            raise Problems(own.problems)
        reader.problems.extend(own.problems)
    return tuple(rules), MappingProxyType(schedules)


def faces_of_minors(site: str) -> bool:
    """Does this site kind say that most people there are minors (`minors = true`)?"""
    path = profiles_root() / "sites" / f"{site}.toml"
    return path.exists() and read_toml(path)[0].get("minors") is True


def _span(reader: Reader, at: str, table: SpanTable) -> Span | None:
    try:
        start, end = (int(hour) * 60 + int(minute) for hour, minute in (t.split(":") for t in (table.start, table.end)))
        return Span(table.days, start, end if end > start else end + 1440)
    except ValueError:
        reader.wrong(at, "config.bad_span", start=table.start, end=table.end)
        return None
