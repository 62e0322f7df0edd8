"""`edge-agent people`: who is known here. A running agent takes changes within a second."""

import hashlib
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from msgspec import structs

from edge_agent.cli.audit import BY, DOCUMENT, REASON, UNIT, register
from edge_agent.cli.options import CONFIG, STATE, configured, state_directory
from edge_agent.cli.passes import pass_, revoke_pass
from edge_agent.cli.progress import bar
from edge_agent.cli.speech import complain, tell, words
from edge_agent.config import FACE_KEY
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.people import CATEGORIES
from edge_agent.model.retrieval import Retrieval
from edge_agent.protocols.wiegand import parse_entry
from edge_agent.store.entries import hash_pin, keyed, read_card, read_entry
from edge_agent.store.people import PeopleStore
from edge_agent.store.people_csv import import_people
from edge_agent.store.pin_index import KEY_FILE, load_index

CARD_FORMAT = click.option(
    "--card-format", default="H10301", show_default=True, help="H10301, H10306, UID34, H10302, H10304, hexNN."
)


@click.group("people")
def command() -> None:
    """People and their credentials."""


@command.command("add")
@CONFIG
@STATE
@click.argument("person")
@click.option("--name", help="Stays on this gateway. Needed for somebody new.")
@click.option("--category", help=f"One of: {', '.join(CATEGORIES)}. Needed for somebody new.")
@click.option("--house", help="House code, for instance 3-1-502.")
@click.option("--card", help="One more card; printed number: FC:CN, 8 or 10 digits, or hexadecimal.")
@CARD_FORMAT
@click.option("--duress-card", help="A further card that opens as any other and calls for help without a sign.")
@click.option("--max-uses", help="How often the card given here opens in all.")
@click.option("--plate", help="Number plate.")
@click.option("--pin", help="4 to 12 digits; kept as an Argon2id hash. Its last digit plus one is the duress PIN.")
@click.option("--phone", help="Stays on this gateway.")
@click.option("--host", help="Person id of whom a visitor comes to see.")
@click.option("--needs-longer", help="yes or no: gets the door's extended times.")
@click.option("--escort-exempt", help="yes or no: passes without the escort others of the category need.")
@click.option("--from", "valid_from", help="First day or instant, local time.")
@click.option("--until", "valid_until", help="Last day (inclusive) or instant, local time.")
def add(config: Path, state: Path | None, person: str, **options: str | None) -> None:
    """Add PERSON (a pseudonymous id, the only thing about them that leaves this gateway), or update them.

    An option that is not given leaves what is stored; an empty one (--until "") clears it. A block or a revoked card
    stays: see `people unblock`.
    """
    given = {"person_id": person} | {name: text.strip() for name, text in options.items() if text is not None}
    entry, pin = read_entry(given, ZoneInfo(configured(config).gateway.zone), parse_entry)
    index = load_index(config.parent / KEY_FILE)
    if pin:
        entry = structs.replace(entry, pin_hash=hash_pin(pin))
        if index is None:
            tell("store.pin_beside_card", person=person, file=config.parent / KEY_FILE)
    entry = keyed(entry, pin, index)
    with _people(config, state) as people:
        what = people.put(entry, source="cli")
        known = people.person(person)
    tell(f"cli.person_{what}", person=person)
    entered = {given.key for given in entry.credentials}
    for card in known.credentials if known else ():
        if card.key in entered and card.state != "enabled":
            complain(EdgeAgentError("cli.card_stays", person=person, state=card.state))
            raise SystemExit(1)


@command.command("import")
@CONFIG
@STATE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def import_(config: Path, state: Path | None, file: Path) -> None:
    """Import a CSV: person_id,name,category,house,valid_from,valid_until,card,card_format,pin,phone, and where wanted
    duress_card,max_uses,plate,host,needs_longer,escort_exempt. See `access import` for a dry run and rules.

    A column that is absent leaves what is stored; an empty cell clears it (an empty card cell takes no card away).
    Good rows go in; bad ones are listed with line and reason, and the exit status is 1.
    """
    zone = configured(config).gateway.zone
    index = load_index(config.parent / KEY_FILE)
    with _people(config, state) as people, ExitStack() as shown:
        report = import_people(file, people, zone, parse_entry, bar(shown, words("cli.hashing")), index)
    for problem in report.problems:
        complain(problem)
    tell(
        "cli.imported",
        added=report.added,
        updated=report.updated,
        bad=len(report.problems),
        encoding=report.encoding,
    )
    if report.problems:
        raise SystemExit(1)


@command.command("list")
@CONFIG
@STATE
@click.option("--json", "as_json", is_flag=True, help="One array, for programs.")
def list_(config: Path, state: Path | None, as_json: bool) -> None:
    """Show everybody: id, name, category, house, validity, enabled cards, faces. For this gateway's own screen."""
    from edge_agent.cli.face import existing_faces
    from edge_agent.cli.roll import roll, show

    gateway = configured(config).gateway
    with _people(config, state) as people:
        everybody = people.people()
    counts: dict[str, int] | None = None
    trouble: StoreError | None = None
    try:
        if faces := existing_faces(config, state_directory(config, state), gateway.id):
            with closing(faces):
                counts = {}
                for enrolled in faces.enrolled():
                    counts[enrolled.person] = counts.get(enrolled.person, 0) + enrolled.templates
    except StoreError as error:  # a face store that cannot be read hides nobody
        counts, trouble = None, error
    show(roll(everybody, counts, ZoneInfo(gateway.zone)), as_json)
    if trouble is not None:
        raise trouble


@command.command("export")
@CONFIG
@STATE
@click.argument("person")
@BY
@UNIT
@REASON
@DOCUMENT
def export(
    config: Path, state: Path | None, person: str, by: str, unit: str, reason: str, document: str
) -> None:  # fmt: skip
    """Print all that is stored here about PERSON as one JSON object. Templates and pictures are counted only.

    Passages are in the journal, under PERSON's id. Entered in the register of retrievals first (`audit list`).
    """
    from edge_agent.cli.face import existing_faces

    folder = state_directory(config, state)
    with _people(config, state) as people:
        known = people.person(person)
        if known is None:
            raise StoreError("store.no_person", person=person)
        told: dict[str, Any] = {"person": known, "consents": people.consents(person), "faces": []}
        told["face_orders"] = people.face_orders(person)
    if faces := existing_faces(config, folder, configured(config).gateway.id):
        with closing(faces):
            told["faces"] = [enrolled for enrolled in faces.enrolled() if enrolled.person == person]
            told["kept_pictures"] = len(faces.crops(person))
            told["erasures"] = faces.erasures(person)
    text = msgspec.json.format(msgspec.json.encode(told))
    entry = Retrieval(
        kind="exported", what="person", by=by, unit=unit, reason=reason, document=document, person=person,
        digest=hashlib.sha256(text).hexdigest(),
    )  # fmt: skip
    register(config, state).append(entry, time.time_ns() // 1_000_000)
    click.echo(text)


@command.command("block")
@CONFIG
@STATE
@click.argument("person")
def block(config: Path, state: Path | None, person: str) -> None:
    """Let PERSON through no door, with no card and no face, until `people unblock`."""
    with _people(config, state) as people:
        people.block(person, source="cli")
    tell("cli.blocked", person=person)


@command.command("unblock")
@CONFIG
@STATE
@click.argument("person")
def unblock(config: Path, state: Path | None, person: str) -> None:
    """End PERSON's block; revoked cards stay revoked."""
    with _people(config, state) as people:
        people.unblock(person, source="cli")
    tell("cli.unblocked", person=person)


@command.command("revoke-card")
@CONFIG
@STATE
@click.argument("person")
@click.argument("card")
@CARD_FORMAT
def revoke_card(config: Path, state: Path | None, person: str, card: str, card_format: str) -> None:
    """Revoke one CARD of PERSON, a lost one for instance.

    Adding it again does not give it back; somebody else may get it.
    """
    lost = read_card(card, card_format, parse_entry)
    with _people(config, state) as people:
        people.revoke(person, lost, source="cli")
    tell("cli.card_revoked", person=person, card=card)


@command.command("remove")
@CONFIG
@STATE
@click.argument("person")
def remove(config: Path, state: Path | None, person: str) -> None:
    """Remove PERSON: name, cards, PIN and face templates. What they agreed to is kept as proof, under the id alone."""
    from edge_agent.cli.face import erase_faces, existing_faces

    gateway = configured(config).gateway.id
    folder = state_directory(config, state)
    with _people(config, state) as people:
        removed = people.remove(person, source="cli")  # first: whatever the face store says, no door opens any more
        tell("cli.removed", person=person, **structs.asdict(removed))
        if faces := existing_faces(config, folder, gateway):
            with closing(faces):
                tell("cli.faces_erased", person=person, count=erase_faces(faces, people, person))
        elif (folder / "faces.db").exists():
            key = config.parent / FACE_KEY
            raise EdgeAgentError("cli.faces_kept", person=person, file=folder / "faces.db", key=key)


def _people(config: Path, state: Path | None) -> closing[PeopleStore]:
    return closing(PeopleStore(state_directory(config, state) / "people.db"))


command.add_command(pass_)
command.add_command(revoke_pass)
