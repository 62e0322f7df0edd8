"""Findings about doors, areas, interlocks and cameras, with the book beside them: what cannot work, or traps somebody.

What agent.toml says wrongly by itself (unknown areas, doors, categories) config.py has refused before.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from edge_agent.core.finding import Finding, Subject, advice, few, problem
from edge_agent.model.site import FALLS_FPS, WALK_FPS, WALKED, Area, Config, Door


def site(subject: Subject) -> Iterator[Finding]:
    """All of it; each finding points into agent.toml."""
    for finder in (_doors, _areas, _interlocks, _groups, _alerting, _slow_cameras):
        for finding in finder(subject):
            yield msgspec.structs.replace(finding, source="config")


def _doors(subject: Subject) -> Iterator[Finding]:
    schedules = subject.book.schedules
    known = few(sorted(schedules)) or "–"
    for index, door in enumerate(subject.config.doors):
        at = f"door[{index}]"
        if door.hold_open is not None and door.hold_open not in schedules:
            yield problem("find.hold_schedule", f"{at}.hold_open", name=door.hold_open, known=known)
        elif door.hold_open is not None:
            code = "find.hold_deny" if subject.config.policy.untrusted_clock == "deny_timed" else "find.hold_allow"
            yield advice(code, f"{at}.hold_open", door=door.name, name=door.hold_open)
        for number, ways_at in enumerate(door.ways_at):
            where = f"{at}.ways_at[{number}]"
            if ways_at.schedule not in schedules:
                yield problem("find.ways_schedule", where, name=ways_at.schedule, known=known)
        if door.anti_passback == "hard" and not _leads(subject.config, door, "out"):
            yield problem("find.pair_no_exit", f"{at}.anti_passback", door=door.name)
        if door.timed_min and door.anti_passback != "soft":
            yield _timed(subject.config, f"{at}.timed_min", door.timed_min)


def _areas(subject: Subject) -> Iterator[Finding]:
    config = subject.config
    for index, area in enumerate(config.areas):
        at = f"area[{index}]"
        around = [door for door in config.doors if area.name in {door.area, door.from_area}]
        if not around and all(camera.area != area.name for camera in config.cameras):
            yield advice("find.area_no_door", at, area=area.name)
        elif around and not any(_lets_out(config, door, area) for door in around):
            if area.anti_passback == "hard":
                yield problem("find.area_no_exit", at, area=area.name, doors=few([door.name for door in around]))
            elif area.max_people is not None:
                yield advice("find.area_count", at, area=area.name)
        if area.timed_min and area.anti_passback != "soft":
            yield _timed(config, f"{at}.timed_min", area.timed_min)


def _timed(config: Config, at: str, minutes: int) -> Finding:
    code = "find.timed_deny" if config.policy.untrusted_clock == "deny_timed" else "find.timed_allow"
    return advice(code, at, minutes=minutes)


def _leads(config: Config, door: Door, direction: Literal["in", "out"]) -> bool:
    """A reader or a face camera on that side."""
    readers = {(terminal.door, terminal.direction) for terminal in config.terminals}
    readers |= {(camera.door, camera.direction) for camera in config.cameras if "face" in camera.use}
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
                continue
            if group_of.setdefault(name, group.name) != group.name:
                yield problem("find.door_interlocks", at, door=name, first=group_of[name], second=group.name)
            if doors[name].gate.contact is None:
                yield problem("find.interlock_contact", at, door=name)
            if doors[name].hold_open is not None:
                yield advice("find.interlock_hold", at, door=name, name=doors[name].hold_open)


def _groups(subject: Subject) -> Iterator[Finding]:
    """Whether there is anybody to be the first person, or the second; not asked before anybody was added at all."""
    if not subject.book.persons:
        return
    counts: dict[str, int] = {}
    for person in subject.book.persons.values():
        counts[person.category] = counts.get(person.category, 0) + 1
    for index, door in enumerate(subject.config.doors):
        if (first := door.first_person) is not None and not any(counts.get(name) for name in first.categories):
            who = ", ".join(first.categories) or "–"
            yield problem("find.first_nobody", f"door[{index}].first_person", categories=who)
        if (two := door.two_persons) is not None:
            there = sum(counts.get(name, 0) for name in set(two.categories)) if two.categories else sum(counts.values())
            if there < two.count:
                yield problem("find.two_few", f"door[{index}].two_persons", count=two.count, there=there)


def _alerting(subject: Subject) -> Iterator[Finding]:
    """Schedules that zones, lines and quiet hours name."""
    config, schedules = subject.config, subject.book.schedules
    named = [(f"zone[{index}].schedule", zone.schedule) for index, zone in enumerate(config.zones)]
    named += [(f"line[{index}].schedule", line.schedule) for index, line in enumerate(config.lines)]
    named += [(f"alert[{index}].quiet", rule.quiet) for index, rule in enumerate(config.alerts)]
    for at, name in named:
        if name is not None and name not in schedules:
            yield problem("find.alert_schedule", at, name=name, known=few(sorted(schedules)) or "–")


def _slow_cameras(subject: Subject) -> Iterator[Finding]:
    """Of too few frames a second for what they are to be watched for."""
    config = subject.config
    walls = {facade.camera for facade in config.facades}
    people = {line.camera for line in config.lines} | {zone.camera for zone in config.zones if WALKED & set(zone.watch)}
    for index, camera in enumerate(config.cameras):
        for code, watched, least in (("find.slow_wall", walls, FALLS_FPS), ("find.slow_people", people, WALK_FPS)):
            if camera.name in watched and camera.fps < least:
                yield problem(code, f"camera[{index}].fps", fps=f"{camera.fps:g}", least=f"{least:g}")
