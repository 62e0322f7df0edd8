"""`edge-agent face`: enrolment and its end. The photographs are read in a child process and not kept."""

import time
from contextlib import closing
from pathlib import Path

import click

from edge_agent.cli.options import CONFIG, STATE, state_directory
from edge_agent.cli.speech import complain, tell
from edge_agent.config import FACE_KEY, load_config
from edge_agent.errors import FaceError
from edge_agent.model.events import PersonChanged
from edge_agent.model.site import FacePolicy
from edge_agent.store.faces import FaceStore, load_key
from edge_agent.store.people import PeopleStore
from edge_agent.store.records import Consent
from edge_agent.vision.enrol import embed_photos


@click.group("face")
def command() -> None:
    """Faces: enrolment, with consent."""


@command.command("enroll")
@CONFIG
@STATE
@click.argument("person")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--consent", help="Version of the text PERSON has agreed to; recorded.")
@click.option("--guardian", default="", help="Who agreed for a child under 14.")
def enroll(
    config: Path, state: Path | None, person: str, photos: tuple[Path, ...], consent: str | None, guardian: str
) -> None:
    """Enrol PERSON's face from PHOTOS (three to five are good), each showing this one face."""
    loaded = load_config(config)
    folder = state_directory(config, state)
    with closing(PeopleStore(folder / "people.db")) as people:
        if people.person(person) is None:
            raise FaceError("cli.no_person", person=person)
        now_ms = time.time_ns() // 1_000_000
        if not consent and people.consent(person, "match", now_ms) is None:
            raise FaceError("cli.no_consent", person=person)
        key = load_key(config.parent / FACE_KEY)
        with closing(FaceStore(folder / "faces.db", key, loaded.gateway.id)) as faces:
            if consent:
                given = Consent(
                    person=person,
                    purpose="match",
                    text_version=consent,
                    given_ms=now_ms,
                    channel="cli",
                    guardian=guardian,
                )
                people.give_consent(given)
            count = _enrol(faces, person, list(photos), loaded.faces)
        if count:
            people.note(PersonChanged(what="face_enrolled", person=person, count=count, source="cli"))
    tell("cli.enrolled", person=person, count=count)
    if count < len(photos):
        raise SystemExit(1)


@command.command("remove")
@CONFIG
@STATE
@click.argument("person")
def remove(config: Path, state: Path | None, person: str) -> None:
    """Destroy PERSON's face templates, also those of somebody who was removed; the consents are kept as they were."""
    gateway = load_config(config).gateway.id
    folder = state_directory(config, state)
    key = load_key(config.parent / FACE_KEY)
    if not (folder / "faces.db").exists():
        raise FaceError("cli.no_face_store", file=folder / "faces.db")
    with (
        closing(PeopleStore(folder / "people.db")) as people,
        closing(FaceStore(folder / "faces.db", key, gateway)) as faces,
    ):
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
    before = templates_of(faces, person)
    try:
        faces.erase(person)
    finally:
        if gone := before - templates_of(faces, person):
            people.note(PersonChanged(what="face_removed", person=person, count=gone, source="cli"))
    return gone


def templates_of(faces: FaceStore, person: str) -> int:
    return sum(enrolled.templates for enrolled in faces.enrolled() if enrolled.person == person)


def _enrol(faces: FaceStore, person: str, photos: list[Path], policy: FacePolicy) -> int:
    """Store what can be used, say why the rest cannot; returns how many went in."""
    count = 0
    for result in embed_photos(photos, policy):
        if result.embedding is None:
            if result.error is not None:
                complain(result.error)
        elif faces.holds(person, result.model, result.embedding):
            complain(FaceError("cli.face_twice", path=Path(result.path).name))
        else:
            faces.put(person, result.model, result.embedding)
            count += 1
    return count
