"""`edge-agent visit`: what the guard's desk does with visitors, from the command line of a running gateway."""

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from edge_agent.cli.office import doubt_clock, table
from edge_agent.cli.operate import BY
from edge_agent.cli.options import CONFIG, STATE
from edge_agent.cli.speech import language, tell, words
from edge_agent.cli.visit_blacklist import blacklist
from edge_agent.cli.visit_desk import Desk
from edge_agent.console.badge import Badge, badge_html, qr_picture
from edge_agent.errors import VisitError
from edge_agent.model.visits import KINDS, Card

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
VISIT = click.argument("visit", default="")
GROUP = click.option("--group", default="", help="Everybody of this group.")


@click.group("visit")
def command() -> None:
    """Visitors: expected, at the desk, inside, gone. The agent must be running."""


def _form(function: Any) -> Any:
    options = (
        click.option("--host", default="", help="Whom they see: a person id (`visit hosts` finds it)."),
        click.option("--house", default="", help="Whose house, where there is no host by id."),
        click.option("--kind", type=click.Choice(KINDS), default="visitor", show_default=True, help="What for."),
        click.option("--until", default="", help="Last day (inclusive) or instant, local time."),
        click.option("--door", "doors", multiple=True, help="What the pass opens; may be given several times."),
        click.option("--people", type=int, default=1, help="How many come on this visit."),
        click.option("--member", "members", multiple=True, help="Another name: a group, each with a pass."),
        click.option("--group", default="", help="Joins visits into one group."),
        click.option("--uses", type=int, help="How often the pass opens in all."),
        click.option("--phone", default="", help="Phone number."),
        click.option("--company", default="", help="Company."),
        click.option("--purpose", default="", help="What for, in words."),
        click.option("--plate", default="", help="Number plate."),
        click.option("--number", default="", help="Number of the identity document; kept masked."),
        click.option("--note", default="", help="For the other guards."),
        click.option("--confirmed-by", default="", help="The host agreed, and how that is known."),
        click.option("--ask", is_flag=True, help="Not before the host has agreed (`visit confirm`)."),
        BY, STATE, CONFIG,
    )  # fmt: skip
    for option in options:
        function = option(function)
    return function


@command.command("add")
@click.argument("name")
@click.option("--from", "start", default="", help="First day or instant, local time. Default: now.")
@click.option("--days", default="", help="Comes again on these days of the week: mon,wed,fri.")
@click.option("--hours", default="", help="Between these hours, as 08:00-17:30; with --days or --rule.")
@click.option("--rule", default="", help="Comes again by this rule of RFC 5545, as FREQ=MONTHLY;BYDAY=1MO.")
@_form
def add(name: str, start: str, until: str, days: str, hours: str, rule: str, **rest: Any) -> None:
    """Pre-register NAME."""
    desk = _desk(rest)
    if days:
        rule = f"FREQ=WEEKLY;BYDAY={','.join(day[:2].upper() for day in _days(days))}"
    start_min, minutes = _hours(hours) if hours else (None, None)
    _said(desk, "expect", desk.cards(
        "expect", name=name, from_ms=desk.instant(start, "--from", 0), until_ms=desk.instant(until, "--until", 1),
        rule=rule, start_min=start_min, minutes=minutes, **rest,
    ))  # fmt: skip


@command.command("walk-in")
@click.argument("name", default="")
@click.option("--desk", "reader", default="", help="Name and document from the card on this desk's reader.")
@_form
def walk_in(name: str, reader: str, until: str, **rest: Any) -> None:
    """Enter NAME, or the card on the reader of a desk, and let them in at once."""
    desk = _desk(rest)
    until_ms = desk.instant(until, "--until", 1)
    _said(desk, "walk_in", desk.cards("walk_in", name=name, desk=reader, until_ms=until_ms, **rest))


@command.command("arrive")
@VISIT
@GROUP
@click.option("--desk", "reader", default="", help="Note the document on this desk's reader.")
@click.option("--confirmed-by", default="", help="The host agreed, and how that is known.")
@BY
@STATE
@CONFIG
def arrive(
    config: Path, state: Path | None, by: str | None, visit: str, group: str, reader: str, confirmed_by: str
) -> None:
    """Check in VISIT: its id, its short code, or what a scanner reads from its pass."""
    desk = Desk(config, state, by)
    _said(desk, "arrive", desk.cards("arrive", visit=visit, group=group, desk=reader, confirmed_by=confirmed_by))


@command.command("confirm")
@VISIT
@GROUP
@click.option("--yes", "answer", flag_value="confirmed", default="confirmed", help="The host agrees (default).")
@click.option("--no", "answer", flag_value="declined", help="The host declines.")
@click.option("--ask", "answer", flag_value="asked", help="The host is asked (again).")
@click.option("--who", "said", default="", help="Who answered, and how.")
@BY
@STATE
@CONFIG
def confirm(
    config: Path, state: Path | None, by: str | None, visit: str, group: str, answer: str, said: str
) -> None:  # fmt: skip
    """Note what the host says to VISIT."""
    desk = Desk(config, state, by)
    for card in desk.cards("confirm", visit=visit, group=group, answer=answer, who=said):
        tell("visit.done.confirm", visit=card.visit.id, answer=words(f"visit.confirm.{card.visit.confirm}"))


def _ending(name: str, text: str) -> None:
    @command.command(name, help=text)
    @VISIT
    @GROUP
    @BY
    @STATE
    @CONFIG
    def end(config: Path, state: Path | None, by: str | None, visit: str, group: str) -> None:
        desk = Desk(config, state, by)
        for card in desk.cards(name, visit=visit, group=group):
            tell(f"visit.done.{name}", visit=card.visit.id, name=card.visit.details.name)


_ending("leave", "Check out VISIT.")
_ending("cancel", "Cancel VISIT before it has begun.")
_ending("refuse", "Turn VISIT away.")


@command.command("extend")
@VISIT
@GROUP
@click.option("--until", required=True, help="Last day (inclusive) or instant, local time.")
@BY
@STATE
@CONFIG
def extend(config: Path, state: Path | None, by: str | None, visit: str, group: str, until: str) -> None:
    """Let VISIT last longer; it gets a new pass."""
    desk = Desk(config, state, by)
    _said(desk, "extend", desk.cards("extend", visit=visit, group=group, until_ms=desk.instant(until, "--until", 1)))


@command.command("list")
@click.argument("text", default="")
@click.option("--inside", "show", flag_value="inside", help="Who is in.")
@click.option("--expected", "show", flag_value="expected", help="Who is to come.")
@click.option("--overstaying", "show", flag_value="overstaying", help="Who should have left.")
@click.option("--ended", "show", flag_value="ended", help="What is over.")
@click.option("--all", "show", flag_value="all", help="Everything that is kept.")
@click.option("--open", "show", flag_value="open", default="open", help="Expected and inside (default).")
@STATE
@CONFIG
def list_(config: Path, state: Path | None, text: str, show: str) -> None:
    """Visits whose name, phone, plate, company, house, host or document has TEXT in it."""
    desk = Desk(config, state)
    rows = []
    for card in desk.cards("find", show=show, text=text):
        visit = card.visit
        answer = words(f"visit.confirm.{visit.confirm}") if visit.confirm else ""
        rows.append((
            visit.id, words(f"visit.state.{visit.state}"), words(f"visit.kind.{visit.kind}"), visit.details.name,
            visit.house, card.host_name, visit.group, desk.time(visit.arrived_ms or visit.from_ms),
            desk.time(visit.due_ms or visit.until_ms), answer, card.barred,
        ))  # fmt: skip
    if rows:
        table(rows)
    else:
        tell("visit.list.nobody")


@command.command("hosts")
@click.argument("text", default="")
@STATE
@CONFIG
def hosts(config: Path, state: Path | None, text: str) -> None:
    """Who may be visited: by id, house or part of a name."""
    found = Desk(config, state).about("hosts", text=text)
    if found:
        table([(host["id"], host["house"], host["name"], host["phone"]) for host in found])
    else:
        tell("visit.list.nobody")


@command.command("desk")
@click.argument("desk")
@STATE
@CONFIG
def draft(config: Path, state: Path | None, desk: str) -> None:
    """What lies on the reader of DESK."""
    found = Desk(config, state).about("draft", desk=desk)
    if found is None:
        tell("visit.list.no_draft", desk=desk)
        return
    tell("visit.list.draft", desk=desk, name=found["name"], document=found["document"])
    if found["doubts"]:
        tell("visit.doubts", doubts=", ".join(found["doubts"]))
    if found["barred"]:
        tell("visit.barred", why=found["barred"])
    for card in msgspec.convert(found["expected"], list[Card]):
        click.echo(f"{card.visit.id}  {card.visit.details.name}  {card.visit.house}")


@command.command("pass")
@VISIT
@click.option("--file", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write .svg, .png or .html there.")
@click.option("--new", is_flag=True, help="A new pass: the one before opens nothing any more.")
@BY
@STATE
@CONFIG
def pass_(config: Path, state: Path | None, by: str | None, visit: str, file: Path | None, new: bool) -> None:
    """The pass of VISIT: its text and short code, a picture (.svg, .png), or a badge to print (.html)."""
    desk = Desk(config, state, by)
    card = desk.cards("renew" if new else "show", visit=visit)[0]
    if card.ticket is None:
        raise VisitError("visit.over", visit=card.visit.id)
    doubt_clock(desk.policy)
    if file is None:
        click.echo(card.ticket.text)
        click.echo(words("visit.done.code", digits=card.ticket.code), err=True)
        return
    if file.suffix == ".html":
        content = badge_html(_badge(desk, card), language()).encode("utf-8")
    else:
        content = qr_picture(card.ticket.text, file.suffix.lstrip("."))
    try:
        file.write_bytes(content)
    except OSError as error:
        raise VisitError("visit.no_file", file=file, why=error.strerror) from None
    tell("visit.pass_file", file=file)


command.add_command(blacklist)


def _desk(rest: dict[str, Any]) -> Desk:
    """Takes what is no argument of the order out of `rest`."""
    desk = Desk(rest.pop("config"), rest.pop("state"), rest.pop("by"))
    rest["ask"] = True if rest["ask"] else None
    return desk


def _said(desk: Desk, verb: str, cards: list[Card]) -> None:
    for card in cards:
        visit = card.visit
        asked = visit.confirm == "asked" and not visit.inside
        until = desk.time(visit.due_ms or visit.until_ms)
        said = "ask" if asked else verb
        tell(f"visit.done.{said}", visit=visit.id, name=visit.details.name, until=until)
        if card.ticket is not None:
            tell("visit.done.code", digits=card.ticket.code)
    if any(card.ticket is not None for card in cards):
        doubt_clock(desk.policy)


def _badge(desk: Desk, card: Card) -> Badge:
    visit = card.visit
    assert card.ticket is not None
    return Badge(
        site=desk.site, name=visit.details.name, company=visit.details.company, house=visit.house, kind=visit.kind,
        people=visit.people, plate=visit.details.plate, until=desk.time(visit.due_ms or visit.until_ms),
        doors=visit.doors, text=card.ticket.text, code=card.ticket.code,
    )  # fmt: skip


def _days(text: str) -> list[str]:
    days = [part.strip().lower() for part in text.split(",")]
    if any(day not in DAYS for day in days):
        raise VisitError("visit.bad_day", text=text)
    return days


def _hours(text: str) -> tuple[int, int]:
    """Beginning (minutes since midnight) and length of `08:00-17:30`; over midnight too."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", text.strip())
    if found is None:
        raise VisitError("visit.bad_span", text=text)
    start_h, start_m, end_h, end_m = map(int, found.groups())
    start, end = start_h * 60 + start_m, end_h * 60 + end_m
    return start, (end - start) % 1440 or 1440
