"""Findings about doors, areas and interlocks, with the book beside them: what cannot work, or traps somebody."""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from edge_agent.core.finding import Finding, Subject, advice, few, problem
from edge_agent.core.findings_people import pin_alone
from edge_agent.model.people import CATEGORIES
from edge_agent.model.site import Area, Config, Door

CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")
MOST_TRIES = 5  # GB 50396


def site(subject: Subject) -> Iterator[Finding]:
    """All of it; each finding points into agent.toml."""
    for finder in (_doors, _areas, _interlocks, _groups, _policy):
        for finding in finder(subject):
            yield msgspec.structs.replace(finding, source="config")


def _doors(subject: Subject) -> Iterator[Finding]:
    schedules, areas = subject.book.schedules, {area.name for area in subject.config.areas}
    known = few(sorted(schedules)) or "–"
    for index, door in enumerate(subject.config.doors):
        at = f"door[{index}]"
        if door.hold_open is not None and door.hold_open not in schedules:
            yield problem("find.hold_schedule", f"{at}.hold_open", name=door.hold_open, known=known)
        for number, ways_at in enumerate(door.ways_at):
            where = f"{at}.ways_at[{number}]"
            if ways_at.schedule not in schedules:
                yield problem("find.ways_schedule", where, name=ways_at.schedule, known=known)
            if not ways_at.ways or not all(ways_at.ways):
                yield problem("find.ways_none", where)
            elif all(set(way) == {"face"} for way in ways_at.ways):
                yield problem("find.ways_face", where)
        for key, name in (("area", door.area), ("from_area", door.from_area)):
            if name is not None and name not in areas:
                yield problem("find.area_unknown", f"{at}.{key}", name=name, known=few(sorted(areas)) or "–")
        if door.area is not None and door.area == door.from_area:
            yield problem("find.area_itself", f"{at}.from_area", name=door.area)
        if door.anti_passback == "hard" and not _leads(subject.config, door, "out"):
            yield problem("find.pair_no_exit", f"{at}.anti_passback", door=door.name)
        if door.timed_min and door.anti_passback != "soft":
            yield _timed(subject.config, f"{at}.timed_min", door.timed_min)


def _areas(subject: Subject) -> Iterator[Finding]:
    config = subject.config
    for index, area in enumerate(config.areas):
        at = f"area[{index}]"
        around = [door for door in config.doors if area.name in {door.area, door.from_area}]
        if not around:
            yield advice("find.area_no_door", at, area=area.name)
        elif not any(_lets_out(config, door, area) for door in around):
            if area.anti_passback == "hard":
                yield problem("find.area_no_exit", at, area=area.name, doors=few([door.name for door in around]))
            elif area.max_people is not None:
                yield advice("find.area_count", at, area=area.name)
        if area.max_people is not None and area.max_people <= max(0, area.min_people - 1):
            yield problem("find.area_limits", at, most=area.max_people, least=area.min_people)
        if area.reset is not None and not CLOCK.fullmatch(area.reset):
            yield problem("find.area_reset", f"{at}.reset", found=area.reset)
        if area.timed_min and area.anti_passback != "soft":
            yield _timed(config, f"{at}.timed_min", area.timed_min)


def _timed(config: Config, at: str, minutes: int) -> Finding:
    code = "find.timed_deny" if config.policy.untrusted_clock == "deny_timed" else "find.timed_allow"
    return advice(code, at, minutes=minutes)


def _leads(config: Config, door: Door, direction: Literal["in", "out"]) -> bool:
    """A reader or a face camera on that side."""
    readers = {(terminal.door, terminal.direction) for terminal in config.terminals}
    readers |= {(camera.door, camera.direction) for camera in config.cameras}
    return (door.name, direction) in readers


def _lets_out(config: Config, door: Door, area: Area) -> bool:
    if door.area == area.name and _leads(config, door, "out"):
        return True
    return door.from_area == area.name and _leads(config, door, "in")


def _interlocks(subject: Subject) -> Iterator[Finding]:
    doors = {door.name: door for door in subject.config.doors}
    group_of: dict[str, str] = {}
    for index, group in enumerate(subject.config.interlocks):
        at = f"interlock[{index}]"
        for name in dict.fromkeys(group.doors):
            if name not in doors:
                yield problem("find.interlock_door", at, name=name, known=few(sorted(doors)) or "–")
                continue
            if group_of.setdefault(name, group.name) != group.name:
                yield problem("find.door_interlocks", at, door=name, first=group_of[name], second=group.name)
            if doors[name].gate.contact is None:
                yield problem("find.interlock_contact", at, door=name)
            if doors[name].hold_open is not None:
                yield advice("find.interlock_hold", at, door=name, name=doors[name].hold_open)
        if len(set(group.doors)) < 2:
            yield problem("find.interlock_single", at, name=group.name)


def _groups(subject: Subject) -> Iterator[Finding]:
    """Categories that first person, two persons and escort name, and whether there is anybody to fill them."""
    counts: dict[str, int] = {}
    for person in subject.book.persons.values():
        counts[person.category] = counts.get(person.category, 0) + 1
    for index, door in enumerate(subject.config.doors):
        at = f"door[{index}]"
        named: list[tuple[str, tuple[str, ...]]] = []
        if door.first_person is not None:
            named.append((f"{at}.first_person", door.first_person.categories))
            if not any(counts.get(name) for name in door.first_person.categories):
                who = ", ".join(door.first_person.categories) or "–"
                yield problem("find.first_nobody", f"{at}.first_person", categories=who)
        if (two := door.two_persons) is not None:
            named.append((f"{at}.two_persons", two.categories))
            there = sum(counts.get(name, 0) for name in set(two.categories)) if two.categories else sum(counts.values())
            if two.count < 2:
                yield problem("find.two_count", f"{at}.two_persons", count=two.count)
            elif there < two.count:
                yield problem("find.two_few", f"{at}.two_persons", count=two.count, there=there)
        if door.escort is not None:
            named += [(f"{at}.escort", door.escort.categories), (f"{at}.escort", door.escort.by)]
        for where, categories in named:
            for name in categories:
                if name not in CATEGORIES:
                    yield problem("find.group_category", where, name=name, known=", ".join(CATEGORIES))


def _policy(subject: Subject) -> Iterator[Finding]:
    if alone := pin_alone(subject.config):
        if subject.config.policy.wrong_tries > MOST_TRIES:
            tries = subject.config.policy.wrong_tries
            yield advice("find.tries", "policy.wrong_tries", tries=tries, most=MOST_TRIES, doors=few(alone))
