"""`edge-agent face`: enrolment and its end. The photographs are read in a child process and not kept."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from edge_agent.cli import face_bulk
from edge_agent.cli.face_enrol import Agreed, Enroller, agree, permit
from edge_agent.cli.options import CONFIG, STATE, configured, state_directory
from edge_agent.cli.speech import complain, tell, words
from edge_agent.config import FACE_KEY, MODELS, face_terminals
from edge_agent.errors import FaceError
from edge_agent.model.site import FacePolicy
from edge_agent.store.erasing import erase, lapsed
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.store.people import PeopleStore
from edge_agent.vision import models
from edge_agent.vision.enrol import Picture, embed_photos

PHOTO_AT_MOST = 8 << 20  # bytes from standard input


@click.group("face")
def command() -> None:
    """Faces: enrolment, with consent."""


CONSENT = click.option("--consent", default="", help="Version of the text that was agreed to (match); recorded.")
KEEP = click.option("--keep-image", default="", help="Version of the text under which the face's picture may be kept.")
GUARDIAN = click.option("--guardian", default="", help="Who agreed for a child under 14.")
ALIKE = click.option("--allow-alike", is_flag=True, help="Enrol also who looks like somebody enrolled (twins).")
DELETE = click.option("--delete-photos", is_flag=True, help="Delete the photographs that went in, once they have.")


@command.command("enroll")
@CONFIG
@STATE
@click.argument("person")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@CONSENT
@KEEP
@GUARDIAN
@click.option("--channel", default="cli", hidden=True, help="Where the consent was given, for the record.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The consents end on that day (UTC).")
@ALIKE
@DELETE
def enroll(
    config: Path, state: Path | None, person: str, photos: tuple[Path, ...], consent: str, keep_image: str,
    guardian: str, channel: str, until: datetime | None, allow_alike: bool, delete_photos: bool,
) -> None:  # fmt: skip
    """Enrol PERSON's face from PHOTOS (three to five are good), each showing this one face; - is standard input."""
    agreed = Agreed(consent, keep_image, guardian, _end_ms(until))
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people:
        permit(people, person, agreed)
    with _enroller(config, state, allow_alike) as (enroller, policy):
        enroller.channel = channel
        enroller.agree(person, agreed)
        count = 0
        pictures = [
            Picture("photo", sys.stdin.buffer.read(PHOTO_AT_MOST)) if str(path) == "-" else path for path in photos
        ]
        for path, result in zip(
            photos, embed_photos(pictures, policy, enroller.spec, want_crop=enroller.keeps(person)), strict=True
        ):
            error = enroller.take(person, result)
            if error is not None:
                complain(error)
                continue
            count += 1
            if delete_photos:
                path.unlink(missing_ok=True)
        enroller.enrolled(person, count)
    tell("cli.enrolled", person=person, count=count)
    if count < len(photos):
        raise SystemExit(1)


def _standard_input() -> Picture:
    return Picture("photo", sys.stdin.buffer.read(PHOTO_AT_MOST))


@command.command("import")
@CONFIG
@STATE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("photos", type=click.Path(path_type=Path))
@CONSENT
@KEEP
@GUARDIAN
@ALIKE
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write there what was refused and why.")
def import_(
    config: Path, state: Path | None, file: Path, photos: Path, consent: str, keep_image: str, guardian: str,
    allow_alike: bool, report: Path | None,
) -> None:  # fmt: skip
    """Enrol many: FILE is a CSV person_id,photo (and consent,keep_image,guardian), PHOTOS a folder or zip.

    An import that was broken off goes on where it stopped when it is run again.
    """
    notes = state_directory(config, state) / f"face-import-{models.digest(file)[:16]}.done"
    with _enroller(config, state, allow_alike) as (enroller, policy), ExitStack() as shown:
        total = len(face_bulk.read_lines(file, Agreed())[1])
        advance: Callable[[int], None] = lambda count: None  # noqa: E731
        if sys.stderr.isatty():
            bar = click.progressbar(length=total, label=words("cli.reading_faces"), file=sys.stderr)
            advance = shown.enter_context(bar).update
        agreed = Agreed(consent, keep_image, guardian)
        outcome = face_bulk.run(file, photos, agreed, enroller, policy, notes, advance)
    for *_, error in outcome.refused:
        complain(error)
    tell(
        "cli.faces_imported", people=len(outcome.people), photos=outcome.photos, done=outcome.done,
        bad=len(outcome.refused), encoding=outcome.encoding,
    )  # fmt: skip
    if report is not None:
        try:
            report.write_text(face_bulk.as_csv(outcome), "utf-8-sig")
        except OSError as why:
            raise FaceError("faces.not_written", file=report, why=why.strerror) from None
        tell("cli.import_report", file=report)
    if outcome.refused:
        raise SystemExit(1)


@command.command("withdraw")
@CONFIG
@STATE
@click.argument("person")
@click.option(
    "--purpose", type=click.Choice(["match", "keep_image", "provide_to_city"]), default="match", show_default=True
)
def withdraw(config: Path, state: Path | None, person: str, purpose: str) -> None:
    """Take back PERSON's consent. What hung on it is destroyed here and now; their card and PIN go on."""
    folder, gateway = state_directory(config, state), configured(config).gateway.id
    with closing(PeopleStore(folder / "people.db")) as people:
        given = people.withdraw_consent(person, purpose, time.time_ns() // 1_000_000, channel="cli")
        templates = pictures = 0
        if faces := existing_faces(config, folder, gateway):
            with closing(faces):
                pictures = len(faces.crops(person))
                if purpose == "match":
                    templates = erase(faces, people, person, "withdrawn")
                elif purpose == "keep_image":
                    faces.drop_crops(person)
                else:
                    pictures = 0
        elif purpose != "provide_to_city" and (folder / "faces.db").exists():
            raise FaceError("cli.faces_kept", person=person, file=folder / "faces.db", key=config.parent / FACE_KEY)
    if not given and not templates and not pictures:
        raise FaceError("cli.no_such_consent", person=person, purpose=purpose)
    tell("cli.consent_withdrawn", person=person, purpose=purpose, templates=templates, pictures=pictures)


@command.command("expire")
@CONFIG
@STATE
def expire(config: Path, state: Path | None) -> None:
    """Destroy now the faces of those whose consent or visit has ended. A running agent does so within the hour."""
    folder, gateway = state_directory(config, state), configured(config).gateway.id
    over: Sequence[tuple[str, str, int]] = ()
    with closing(PeopleStore(folder / "people.db")) as people:
        now_ms = time.time_ns() // 1_000_000
        if faces := existing_faces(config, folder, gateway):
            with closing(faces):
                over = lapsed(faces, people, now_ms)
        else:
            over = lapsed(None, people, now_ms)
    for person, why, count in over:
        tell(f"cli.{why}", person=person, count=count)
    if not over:
        tell("cli.nobody_lapsed")


@command.command("agree")
@CONFIG
@STATE
@click.argument("person")
@click.option("--consent", required=True, help="Version of the text that was agreed to; recorded.")
@GUARDIAN
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The consent ends on that day (UTC).")
def agree_(config: Path, state: Path | None, person: str, consent: str, guardian: str, until: datetime | None) -> None:
    """Record that PERSON agrees to be matched by terminals that keep faces by themselves. Enrol them there then.

    What such a terminal says about somebody who has not agreed opens nothing.
    """
    loaded = configured(config)
    agreed = Agreed(consent, "", guardian, _end_ms(until))
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people:
        permit(people, person, agreed)
        agree(people, person, agreed, loaded.faces.guardian_consent, "cli")
    tell("cli.agreed", person=person, version=consent, terminals=", ".join(face_terminals(loaded)) or "–")


@command.command("pending")
@CONFIG
@STATE
def pending(config: Path, state: Path | None) -> None:
    """List faces that terminals have still to delete. Exit status 1 when there are any."""
    terminals = face_terminals(configured(config))
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people:
        waiting = people.open_orders(terminals)
    for terminal, orders in waiting.items():
        for order in orders:
            tell("cli.pending", person=order.person, terminal=terminal, why=order.why, since=_day(order.asked_ms))
    if waiting:
        raise SystemExit(1)
    tell("cli.nothing_pending", count=len(terminals))


@command.command("confirm")
@CONFIG
@STATE
@click.argument("person")
@click.argument("terminal")
@click.option("--by", required=True, help="Who deleted PERSON's face at the terminal, and looked.")
def confirm(config: Path, state: Path | None, person: str, terminal: str, by: str) -> None:
    """Confirm that PERSON's face was deleted at TERMINAL by hand: for terminals that cannot be told to."""
    with closing(PeopleStore(state_directory(config, state) / "people.db")) as people:
        waiting = people.open_orders(face_terminals(configured(config))).get(terminal, [])
        orders = [order for order in waiting if order.person == person]
        if not orders:
            raise FaceError("cli.not_pending", person=person, terminal=terminal)
        for order in orders:
            people.confirm_erasure(order, terminal, by, time.time_ns() // 1_000_000)
    tell("cli.confirmed", person=person, terminal=terminal)


@command.command("proof")
@CONFIG
@STATE
@click.argument("person", required=False)
def proof(config: Path, state: Path | None, person: str | None) -> None:
    """Show what was destroyed, of PERSON or of everybody, and which terminals confirmed: one JSON object a line."""
    folder, gateway = state_directory(config, state), configured(config).gateway.id
    with closing(PeopleStore(folder / "people.db")) as people:
        for order in people.face_orders(person):
            told = {"person": order.person, "why": order.why, "asked_ms": order.asked_ms}
            told["terminals"] = {name: {"at_ms": at, "by": by} for name, (at, by) in order.confirmed.items()}
            click.echo(msgspec.json.encode(told))
    if faces := existing_faces(config, folder, gateway):
        with closing(faces):
            for erasure in faces.erasures(person):
                click.echo(msgspec.json.encode(erasure))


@command.command("remove")
@CONFIG
@STATE
@click.argument("person")
def remove(config: Path, state: Path | None, person: str) -> None:
    """Destroy PERSON's face templates, also those of somebody who was removed; the consents are kept as they were."""
    gateway = configured(config).gateway.id
    folder = state_directory(config, state)
    key = load_key(config.parent / FACE_KEY)
    if not (folder / "faces.db").exists():
        raise FaceError("cli.no_face_store", file=folder / "faces.db")
    with (
        closing(PeopleStore(folder / "people.db")) as people,
        closing(FaceStore(folder / "faces.db", key, gateway)) as faces,
    ):
        people.order_erasure(person, "removed", time.time_ns() // 1_000_000)
        count = erase_faces(faces, people, person)
    if not count:
        raise FaceError("cli.no_face", person=person)
    tell("cli.faces_erased", person=person, count=count)


def existing_faces(config: Path, folder: Path, gateway: str) -> FaceStore | None:
    """The face store when both it and its key are there. Raises StoreError when they do not fit."""
    key = config.parent / FACE_KEY
    if not (folder / "faces.db").exists() or not key.exists():
        return None
    return FaceStore(folder / "faces.db", load_key(key), gateway)


def erase_faces(faces: FaceStore, people: PeopleStore, person: str) -> int:
    """Destroy and note it; returns how many. Also notes what is gone when the erasing is to be run again."""
    return erase(faces, people, person, "removed")


@contextmanager
def _enroller(config: Path, state: Path | None, alike: bool) -> Iterator[tuple[Enroller, FacePolicy]]:
    loaded, folder = configured(config), state_directory(config, state)
    spec = models.spec_of(loaded.faces, folder / MODELS)
    with closing(PeopleStore(folder / "people.db")) as people:
        key = load_key(config.parent / FACE_KEY)
        with closing(FaceStore(folder / "faces.db", key, loaded.gateway.id)) as faces:
            yield Enroller(people, faces, loaded.faces, spec, alike=alike), loaded.faces


def _end_ms(until: datetime | None) -> int | None:
    return None if until is None else round(until.replace(tzinfo=UTC).timestamp() * 1000)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
