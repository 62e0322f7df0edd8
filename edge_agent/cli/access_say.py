"""An Explanation in words, as lines that fit the terminal: a title at the margin, what belongs to it indented."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from edge_agent.cli.describe import category_words, how_words
from edge_agent.cli.speech import words
from edge_agent.core.explain import Explanation, Owned, Scope, Told
from edge_agent.core.mode import Mode
from edge_agent.core.schedule import LOOK_AHEAD_DAYS
from edge_agent.core.trial import Scene, Way
from edge_agent.model.clock import Moment
from edge_agent.model.decisions import Deny, Grant, Wait
from edge_agent.model.people import Person
from edge_agent.model.reads import Direction

MOST_COLUMNS = 100
Line = tuple[int, str]  # how far it is indented


def show(lines: Iterator[Line]) -> None:
    """Wrapped at the terminal's width; Chinese characters take two columns and may be parted anywhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    width = min(MOST_COLUMNS, console.width)
    for indent, text in lines:
        clean = "".join(char if char.isprintable() else "?" for char in text)
        mark = "- " if indent else ""
        for number, part in enumerate(Text(clean).wrap(console, max(20, width - indent - len(mark)))):
            click.echo(" " * indent + (mark if number == 0 else " " * len(mark)) + part.plain.rstrip())


def explained(found: Explanation, scene: Scene, name: str, memory: bool | None) -> Iterator[Line]:
    """`memory`: what is remembered was asked; False: there was no journal, None: another time than now."""
    yield (
        0,
        words(
            "explain.asked",
            who=_who(found.person, name),
            door=scene.place.door.name,
            direction=words(f"explain.direction.{scene.direction}"),
            when=instant_words(scene.now.wall_ms, scene.book.zone),
            zone=scene.book.zone,
        ),
    )
    yield 0, verdict(found, scene)
    if found.mode.open:
        source = words(f"source.{found.mode.source}")
        yield 0, words("explain.door_open", mode=words(f"mode.{found.mode.name}"), source=source)
    if not scene.now.trusted:
        yield 0, words("explain.clock")
    yield from _section("explain.ways", [*(_way(way, scene) for way in found.ways), *_no_reader(scene)])
    rules = [_rule(told, scene) for told in found.rules]
    if scene.direction is Direction.OUT:
        rules.insert(0, words("explain.rules_out"))
    if not found.rules:
        rules.append(words("explain.rules_none", category=category_words(found.person.category)))
    yield from _section("explain.rules", rules)
    yield from _section("explain.validity", [_valid(found, scene), *_owned(found, scene)])
    if memory:
        yield from _section("explain.place", list(_place(found, scene)))
    else:
        yield 0, ""
        yield 0, words("explain.not_now" if memory is None else "explain.no_journal")


def _section(title: str, lines: list[str]) -> Iterator[Line]:
    yield 0, ""
    yield 0, words(title)
    for line in lines:
        yield 2, line


def _who(person: Person, name: str) -> str:
    about = ", ".join(part for part in (category_words(person.category), person.house) if part)
    return f"{name} {person.id} ({about})".strip()


# ---- the answer and the ways -----------------------------------------------------------------------------------------


def verdict(found: Explanation, scene: Scene) -> str:
    """One sentence: whether, by what, and what decides."""
    if found.best is None or found.best.decision is None:
        denied = next((told for told in found.rules if told.part == "decides" and told.rule.effect == "deny"), None)
        if denied is None or scene.direction is Direction.OUT:
            return words("explain.no_nothing")
        return words("explain.no_nothing") + " " + words("explain.yes_rule", rule=denied.rule.id)
    match found.best.decision:
        case Grant(how=how, rule=rule, notes=notes):
            said = words("explain.yes", how=how_words(how), why=_why(rule, scene))
            if notes:
                said += " " + words("explain.soft", notes=", ".join(words(f"reason.{note}") for note in notes))
            return said
        case Wait(reason=reason, within_s=within_s):
            company = words(f"explain.needs.{reason}", s=within_s)
            return words("explain.yes_company", how=how_words(found.best.kinds), company=company)
        case Deny(reason=reason, rule=rule):
            permits = any(told.rule.id == rule and told.rule.effect == "permit" for told in found.rules)
            code = "explain.no" if rule is None else "explain.no_though" if permits else "explain.no_by_rule"
            return words(code, reason=words(f"reason.{reason}"), rule=rule)


def _why(rule: str, scene: Scene) -> str:
    if rule == "fire_release":
        return words("explain.yes_fire")
    if scene.direction is Direction.OUT:
        return words("explain.yes_egress")
    return words("explain.yes_rule", rule=rule)


def _way(way: Way, scene: Scene) -> str:
    match way.decision:
        case None:
            said = words("explain.way_lacks", kinds=" + ".join(words(f"explain.kind.{kind}") for kind in way.lacks))
        case Grant(rule=rule) if scene.direction is Direction.IN:
            said = words("explain.way_passes_by", rule=rule)
        case Grant():
            said = words("explain.way_passes")
        case Wait(reason=reason, within_s=within_s):
            said = words("explain.way_company", company=words(f"explain.needs.{reason}", s=within_s))
        case Deny(reason=reason):
            said = words("explain.way_refused", reason=words(f"reason.{reason}"))
    assumed = ", ".join(words(f"explain.assumed.{kind}") for kind in way.assumed if way.opens)
    if assumed:
        said = f"{said} ({assumed})"
    return words("explain.way", kinds=how_words(way.kinds), said=said)


def _no_reader(scene: Scene) -> list[str]:
    return [] if scene.terminals else [words("explain.no_reader", direction=scene.direction.value)]


# ---- rules, validity, place ------------------------------------------------------------------------------------------


def _rule(told: Told, scene: Scene) -> str:
    following = words("explain.next_never", days=LOOK_AHEAD_DAYS)
    if told.opens is not None:
        following = words("explain.next", when=_local(told.opens))
    state = words(f"explain.state.{told.state}", schedule=told.rule.schedule, next=following)
    part = words(f"explain.part.{told.part}", rule=told.beaten_by) if scene.direction is Direction.IN else ""
    effect = words(f"explain.effect.{told.rule.effect}")
    return words("explain.rule", rule=told.rule.id, effect=effect, state=state, part=part)


def _valid(found: Explanation, scene: Scene) -> str:
    person = found.person
    dates = _dates(person.valid_from_ms, person.valid_until_ms, scene.book.zone)
    if found.validity is not None:
        reason = words(f"reason.{found.validity}")
        return words("explain.valid_wrong", reason=reason, dates=dates or words("explain.no_dates"))
    return words("explain.valid_dates", dates=dates) if dates else words("explain.valid_always")


def _dates(start_ms: int | None, end_ms: int | None, zone: str) -> str:
    """The end is exclusive and said so: the instant itself."""
    said = [] if start_ms is None else [words("explain.from", when=instant_words(start_ms, zone))]
    said += [] if end_ms is None else [words("explain.until", when=instant_words(end_ms, zone))]
    return ", ".join(said)


def _owned(found: Explanation, scene: Scene) -> Iterator[str]:
    if not found.owned:
        yield words("explain.owns_nothing")
    for owned in found.owned:
        state = words("explain.good") if owned.reason is None else words(f"reason.{owned.reason}")
        extra = [] if owned.left is None else [words("explain.left", left=owned.left)]
        extra += [dates] if (dates := _owned_dates(owned, scene)) else []
        kind = words(f"explain.kind.{owned.kind}")
        yield words("explain.owned", kind=kind, number=owned.number, state=", ".join([state, *extra]))


def _owned_dates(owned: Owned, scene: Scene) -> str:
    return _dates(owned.valid_from_ms, owned.valid_until_ms, scene.book.zone)


def mode_words(mode: Mode, now: Moment) -> str:
    """How a door is set: by what, by whom, why, for how long."""
    code = "explain.mode_by" if mode.by else "explain.mode_set" if mode.source else "explain.mode"
    source = words(f"source.{mode.source}") if mode.source else ""
    said = [words(code, mode=words(f"mode.{mode.name}"), source=source, by=mode.by), mode.why]
    if mode.until_ms is not None:
        said.append(words("explain.mode_until", minutes=max(1, round((mode.until_ms - now.up_ms) / 60_000))))
    return ", ".join(part for part in said if part)


def _place(found: Explanation, scene: Scene) -> Iterator[str]:
    yield mode_words(found.mode, scene.now)
    if found.interlocked:
        yield words("explain.interlocked")
    for latch in found.latches:
        kind, _, door = latch.partition("/")
        yield words("explain.latch_fire") if kind == "fire" else words("explain.latch_panic", door=door)
    for terminal, left_ms in found.locked:
        yield words("explain.locked_out", terminal=terminal, s=-(-left_ms // 1000))
    if found.armed is not None:
        yield words("explain.armed" if found.armed else "explain.not_armed")
    for scope in found.scopes:
        yield _scope(scope)


def _scope(scope: Scope) -> str:
    name = words("explain.own_readers") if scope.name.startswith("door/") else scope.name
    if not scope.inside:
        said = words("explain.outside", scope=name)
    elif scope.entered_ms is None:
        said = words("explain.inside", scope=name)
    else:
        said = words("explain.inside_since", scope=name, minutes=scope.entered_ms // 60_000)
    if scope.most is not None:
        return said + "; " + words("explain.full", people=scope.people, most=scope.most)
    return said if scope.name.startswith("door/") else said + "; " + words("explain.people", people=scope.people)


# ---- times -----------------------------------------------------------------------------------------------------------


def instant_words(wall_ms: int, zone: str) -> str:
    try:
        return _local(datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(ZoneInfo(zone)))
    except (OverflowError, OSError, ValueError):
        return str(wall_ms)


def _local(at: datetime) -> str:
    return f"{words(f'explain.day.{at.isoweekday()}')} {at:%Y-%m-%d %H:%M}"
