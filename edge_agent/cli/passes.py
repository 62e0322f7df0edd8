"""`edge-agent people pass` and `revoke-pass`: the text of a QR code that this gateway has signed, and its end."""

import secrets
import time
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from edge_agent.cli.office import doubt_clock
from edge_agent.cli.options import CONFIG, STATE, configured, state_directory
from edge_agent.cli.speech import tell, words
from edge_agent.config import GATEWAY_KEY
from edge_agent.contract.passes import write_pass
from edge_agent.contract.signatures import load_private
from edge_agent.errors import EdgeAgentError
from edge_agent.model.reads import Pass
from edge_agent.store.entries import read_instant, read_uses
from edge_agent.store.people import PeopleStore


@click.command("pass")
@CONFIG
@STATE
@click.argument("person")
@click.option("--until", required=True, help="Last day (inclusive) or instant, local time.")
@click.option("--from", "valid_from", help="First day or instant, local time. Default: now.")
@click.option("--door", "doors", multiple=True, help="Good at this door only; may be given several times.")
@click.option("--uses", default="", help="How often it opens in all. Default: without limit.")
def pass_(
    config: Path, state: Path | None, person: str, until: str, valid_from: str | None, doors: tuple[str, ...], uses: str
) -> None:
    """Make a QR pass for PERSON and print the text that belongs into the code, alone on standard output.

    It opens what the rules allow PERSON. It ends at its time, when it is used up, with `revoke-pass`, with a block and
    when PERSON is removed.
    """
    loaded = configured(config)
    zone, now_ms = ZoneInfo(loaded.gateway.zone), time.time_ns() // 1_000_000
    known = [door.name for door in loaded.doors]
    if strange := [door for door in doors if door not in known]:
        raise EdgeAgentError("store.pass_door", door=", ".join(strange), known=", ".join(known) or "-")
    start_ms = read_instant(valid_from, zone, "--from", days=0) if valid_from else now_ms
    ticket = Pass(
        secrets.token_hex(8), person, start_ms, read_instant(until, zone, "--until", days=1), doors, read_uses(uses)
    )
    if ticket.expires_ms <= max(start_ms, now_ms):
        raise EdgeAgentError("store.pass_over", until=until)
    key = load_private(config.parent / GATEWAY_KEY)
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people, people.batch():
        people.issue_pass(ticket, now_ms, source="cli")
        try:
            text = write_pass(ticket, key)
        except ValueError as error:
            raise EdgeAgentError("store.pass_unfit", person=person, why=error) from error
    click.echo(text)
    click.echo(words("store.pass_made", jti=ticket.id, person=person, until=until), err=True)
    doubt_clock(loaded.policy)


@click.command("revoke-pass")
@CONFIG
@STATE
@click.argument("jti")
def revoke_pass(config: Path, state: Path | None, jti: str) -> None:
    """Revoke the pass with the id JTI, for good."""
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people:
        person = people.revoke_pass(jti, source="cli")
    if person is None:
        tell("store.pass_unknown", jti=jti)
    else:
        tell("store.pass_revoked", jti=jti, person=person)
