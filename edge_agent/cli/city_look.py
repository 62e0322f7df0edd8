"""`edge-agent city gateways|verify|export|watch`: what the city has, for people and for other programs."""

import csv
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.city.reading import CityReader, Stored
from edge_agent.city.rows import KnownGateway, Watermark
from edge_agent.city.verify import Verdict, verify
from edge_agent.cli.city_options import DATABASE, FOLDER, place
from edge_agent.cli.speech import tell, words
from edge_agent.contract.envelope import source_of
from edge_agent.contract.signatures import PublicKey, load_public
from edge_agent.errors import EdgeAgentError

SHOWN = 10  # findings of a kind
NARROW = 80  # columns
COLUMNS = ("gateway", "epoch", "seq", "tag", "subject", "time", "clock", "chain", "heard_ms", "data")


@contextmanager
def reading(folder: Path, database: str | None) -> Iterator[CityReader]:
    with closing(CityReader(place(folder, database))) as reader:
        yield reader


def name_of(source: str) -> str:
    return source.removeprefix(source_of(""))


@click.command("gateways")
@FOLDER
@DATABASE
def gateways(folder: Path, database: str | None) -> None:
    """Which gateways there are, when they were heard, and what they still have to send."""
    with reading(folder, database) as reader:
        known = reader.gateways()
        marks = {gateway.source: reader.watermarks(gateway.source) for gateway in known}
    if not known:
        tell("city.none")
        return
    console = Console()
    console.print(gateway_table(known, marks, console.width < NARROW))


def gateway_table(known: list[KnownGateway], marks: dict[str, list[Watermark]], narrow: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    columns = ["gateway", "state", "seen", "stored", "backlog"] + ([] if narrow else ["agent"])
    for column in columns:
        right = column in {"stored", "backlog"}
        table.add_column(words(f"city.column.{column}"), justify="right" if right else "left", no_wrap=column != "seen")
    for gateway in known:
        mark = next((mark for mark in marks[gateway.source] if mark.epoch == gateway.epoch), Watermark(gateway.epoch))
        stored = mark.upto + sum(last - first + 1 for first, last in mark.have)
        backlog = max(0, gateway.last - stored)
        cells = [
            Text(name_of(gateway.source), overflow="fold"),
            Text(_state(gateway), "green" if gateway.state == "online" else "red"),
            Text(ago(max(gateway.heard_ms, gateway.seen_ms))),
            Text(str(stored)),
            Text(str(backlog), "yellow" if backlog else ""),
            Text(gateway.agent),
        ]
        table.add_row(*cells[: len(columns)])
    return table


def _state(gateway: KnownGateway) -> str:
    return words("city.state.online") if gateway.state == "online" else words("city.state.offline")


def ago(unix_ms: int) -> str:
    seconds = max(0, int(time.time() - unix_ms / 1000))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return words(f"city.ago.{unit}", n=seconds // size)
    return words("city.ago.s", n=seconds)


@click.command("verify")
@FOLDER
@DATABASE
@click.argument("gateway")
def verify_(folder: Path, database: str | None, gateway: str) -> None:
    """Recompute the chain of GATEWAY's events and look for what is missing, also at the end: how far it must reach,
    the gateway has signed. Ends with 1 when something is found.
    """
    with reading(folder, database) as reader:
        keys = _keys(folder / "gateways", gateway)
        verdicts = verify(reader, source_of(gateway), keys)
        if not verdicts:
            known = ", ".join(name_of(known.source) for known in reader.gateways()) or "-"
            raise EdgeAgentError("city.unknown", gateway=gateway, known=known)
    if not keys:
        tell("city.verify.no_key", folder=folder / "gateways")
    for verdict in verdicts:
        _report(gateway, verdict, folder)
    if any(verdict.findings for verdict in verdicts):
        raise SystemExit(1)


def _keys(folder: Path, gateway: str) -> list[PublicKey]:
    """The gateway's key, and the one before it."""
    there = [path for path in (folder / f"{gateway}.pub", folder / f"{gateway}.pub.previous") if path.exists()]
    return [load_public(path) for path in there]


def _report(gateway: str, verdict: Verdict, folder: Path) -> None:
    tell(
        "city.verify.stream",
        gateway=gateway, epoch=verdict.epoch[:8], count=verdict.count, first=verdict.first, last=verdict.last,
    )  # fmt: skip
    gaps = [words("city.verify.gap", first=first, last=last, why=why) for first, last, why in verdict.gaps]
    holes = [words("city.verify.hole", first=first, last=last) for first, last in verdict.holes]
    broken = [words("city.verify.broken", seq=seq) for seq in verdict.broken]
    altered = [words("city.verify.altered", seq=seq) for seq in verdict.altered]
    conflicts = [words("city.verify.conflict", seq=seq) for seq in verdict.conflicts]
    cut = [words("city.verify.cut", first=first, last=last) for first, last in verdict.cut]
    other = [words("city.verify.contradicted", seq=verdict.signed)] if verdict.contradicted else []
    other += [words("city.verify.unsigned", folder=folder / "gateways")] if verdict.unsigned else []
    for lines in (gaps, holes, cut, broken, altered, conflicts, other):
        for line in lines[:SHOWN]:
            click.echo(f"  {line}")
        if len(lines) > SHOWN:
            click.echo(f"  {words('city.verify.more', count=len(lines) - SHOWN)}")
    if verdict.signed:
        click.echo(f"  {words('city.verify.signed', seq=verdict.signed)}")
    if verdict.waiting:
        click.echo(f"  {words('city.verify.waiting', count=verdict.waiting)}")
    if verdict.findings:
        click.echo(f"  {words('city.verify.bad', count=verdict.findings)}")
    else:
        click.echo(f"  {words('city.verify.whole')}")


@click.command("export")
@FOLDER
@DATABASE
@click.option(
    "--since", default="1970-01-01", help="Arrived at or after: 2026-05-04, 2026-05-04T07:01, or 90m, 12h, 7d."
)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
def export(folder: Path, database: str | None, since: str, form: str) -> None:
    """Write stored events to standard output, in the order of their arrival at the city."""
    start = instant_ms(since, datetime.now().astimezone())
    with reading(folder, database) as reader:
        try:
            (_jsonl if form == "jsonl" else _csv)(reader.since(start))
        except BrokenPipeError:  # `… | head` has enough
            sys.stderr.close()


def _jsonl(events: Iterator[Stored]) -> None:
    for event in events:
        click.echo(msgspec.json.encode(dict(zip(COLUMNS, _values(event), strict=True))).decode())


def _csv(events: Iterator[Stored]) -> None:
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    for event in events:
        *values, data = _values(event)
        table.writerow([*map(_harmless, values), msgspec.json.encode(data, order="sorted").decode()])


def _values(event: Stored) -> tuple[object, ...]:
    return (
        name_of(event.source), event.epoch, event.seq, event.tag, event.subject, event.time, event.clock, event.chain,
        event.heard_ms, event.data,
    )  # fmt: skip


def _harmless(value: object) -> object:
    """A spreadsheet takes a cell that begins like this for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def instant_ms(text: str, now: datetime) -> int:
    """Unix ms of an ISO time (local without an offset), or of so long before `now`. Raises EdgeAgentError."""
    units = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[-1:] in units and text[:-1].isdecimal():
            at = now - timedelta(**{units[text[-1]]: int(text[:-1])})
        else:
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
        return max(0, int(at.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise EdgeAgentError("city.bad_since", text=text) from None
