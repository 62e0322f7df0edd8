"""`edge-agent audit`: the register of who looked at or took personal data, and what to do after a breach."""

import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from edge_agent.cli.options import CONFIG, STATE, configured, state_directory
from edge_agent.cli.speech import complain, tell
from edge_agent.errors import EdgeAgentError
from edge_agent.model.retrieval import Retrieval
from edge_agent.store.retrievals import Retrievals
from edge_agent.words import say

BY = click.option("--by", required=True, help="Who looks at it or takes it: a name.")
UNIT = click.option("--unit", default="", help="Of which unit: the office, the police station.")
REASON = click.option("--reason", required=True, help="Why.")
DOCUMENT = click.option("--document", default="", help="Number of the letter or order it is done by.")


@click.group("audit")
def command() -> None:
    """Register of retrievals: who, unit, reason, document number, what was viewed or exported."""


@command.command("record")
@CONFIG
@STATE
@click.argument("what")
@click.option("--kind", type=click.Choice(["viewed", "exported", "provided"]), default="viewed", show_default=True)
@BY
@UNIT
@REASON
@DOCUMENT
@click.option("--person", default="", help="Whose data, as a pseudonymous id.")
@click.option("--count", default=1, show_default=True, help="How many records.")
def record(
    config: Path, state: Path | None, what: str, kind: str, by: str, unit: str, reason: str, document: str,
    person: str, count: int,
) -> None:  # fmt: skip
    """Enter by hand that WHAT was viewed, exported or provided: a recording played on the spot, a list read out."""
    entry = Retrieval(
        kind=kind, what=what, by=by, unit=unit, reason=reason, document=document, person=person, count=count
    )
    line = register(config, state).append(entry, _now_ms())
    tell("audit.recorded", number=line.number, hash=line.hash[:16])


@command.command("list")
@CONFIG
@STATE
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it is stored.")
def list_(config: Path, state: Path | None, as_json: bool) -> None:
    """Show the register, oldest first."""
    zone = ZoneInfo(configured(config).gateway.zone)
    for line in register(config, state).lines():
        if as_json:
            click.echo(msgspec.json.encode(line))
            continue
        at = datetime.fromtimestamp(line.at_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")
        one = line.entry
        parts = (one.what, one.person, f"× {one.count}", one.by, one.unit, one.reason, one.document, one.note)
        click.echo(f"{line.number:>6}  {at}  {one.kind:<9} " + " · ".join(part for part in parts if part))


@command.command("verify")
@CONFIG
@STATE
def verify(config: Path, state: Path | None) -> None:
    """Check that no entry was changed or taken out. Keep number and hash of the newest: they show a cut-off end."""
    found = register(config, state).verify()
    for fault in found.faults:
        complain(EdgeAgentError(f"audit.{fault.why}", file=fault.file, line=fault.line))
    tell("audit.verified", count=found.count, first=found.first, last=found.last, head=found.head[:32] or "–")
    if found.faults:
        raise SystemExit(1)


@command.command("breach")
@CONFIG
@STATE
@click.option("--what", required=True, help="What was leaked, altered or lost: kinds of data.")
@click.option("--cause", required=True, help="How, as far as it is known.")
@click.option("--harm", required=True, help="What may come of it for the people concerned.")
@click.option("--done", required=True, help="What was done against it, and what the people can do themselves.")
@click.option("--persons", type=int, required=True, help="How many people, as far as it is known.")
@BY
@click.option("--contact", required=True, help="Whom to ask: name and number.")
def breach(
    config: Path, state: Path | None, what: str, cause: str, harm: str, done: str, persons: int, by: str, contact: str
) -> None:  # fmt: skip
    """Enter a breach of personal data in the register, and print the notice to authority and people (Chinese, English).

    The text is a help, no legal advice. Report at once: the law asks for it without delay.
    """
    gateway = configured(config).gateway
    note = f"cause: {cause}; harm: {harm}; done: {done}; contact: {contact}"
    entry = Retrieval(kind="breach", what=what, by=by, unit="", reason="breach", count=persons, note=note)
    line = register(config, state).append(entry, _now_ms())
    at = datetime.fromtimestamp(line.at_ms / 1000, ZoneInfo(gateway.zone)).strftime("%Y-%m-%d %H:%M")
    fields = {"what": what, "cause": cause, "harm": harm, "done": done, "persons": persons, "contact": contact}
    for lang in ("zh", "en"):
        click.echo(say("audit.notice", lang, at=at, gateway=gateway.id, number=line.number, **fields))
        click.echo()


def register(config: Path, state: Path | None) -> Retrievals:
    return Retrievals(state_directory(config, state))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
