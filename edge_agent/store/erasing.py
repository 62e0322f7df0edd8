"""The end of a face: templates and pictures destroyed, terminals ordered to do the same, proof in the journal."""

from collections.abc import Sequence

from edge_agent.errors import StoreError
from edge_agent.model.events import PersonChanged, PersonErased
from edge_agent.store.faces import FaceStore
from edge_agent.store.people import PeopleStore


def erase(faces: FaceStore, people: PeopleStore, person: str, why: str, source: str = "cli") -> int:
    """Destroy templates and pictures and note it for the journal; returns how many templates. Also notes what is gone
    when the erasing is to be run again. The terminals are ordered where consent ends (store/consents.py).
    """
    before = len(faces.erasures(person))
    try:
        faces.erase(person, why)
    finally:
        gone = faces.erasures(person)[before:]
        for proof in gone:
            people.note(PersonChanged(what="face_removed", person=person, count=proof.templates, source=source))
            people.note_erased(
                PersonErased(
                    person=person, why=why, templates=proof.templates, pictures=proof.crops, digest=proof.digest
                )
            )
    return sum(proof.templates for proof in gone)


def lapsed(
    faces: FaceStore | None, people: PeopleStore, now_ms: int, source: str = "cli"
) -> Sequence[tuple[str, str, int]]:
    """Destroy the faces of those whose consent is in force no more or whose visit is over, and pictures nobody may
    keep: (person, why, templates) of each. `faces`: None where only terminals hold faces.

    Raises StoreError when no consent is on record, of anybody: then people.db was lost, and nobody has withdrawn.
    """
    over = {person: "visit_over" for person in people.end_visits(now_ms)}
    over |= {person: "lapsed" for person in people.order_lapsed(now_ms)}
    if faces is None:
        return [(person, why, 0) for person, why in over.items()]
    enrolled = {enrolled.person for enrolled in faces.enrolled()}
    if enrolled and not people.knows_consents():
        raise StoreError("store.consents_lost", count=len(enrolled), faces=faces.path.name, people=people.path.name)
    agreed, keeping = people.agreed("match", now_ms), people.agreed("keep_image", now_ms)
    gone = [
        (person, over.get(person, "lapsed"), erase(faces, people, person, over.get(person, "lapsed"), source))
        for person in sorted(enrolled - agreed)
    ]
    for person in sorted(faces.pictured() - keeping):
        faces.drop_crops(person)
    if (ended_ms := people.newest_end(now_ms)) is not None:
        faces.drop_set_aside(ended_ms)
    return [*gone, *((person, why, 0) for person, why in over.items() if person not in enrolled)]
