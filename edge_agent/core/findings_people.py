"""Findings about people and what they carry: PINs that mean two things, numbers read twice, a face as the only way."""

from collections.abc import Iterator

from edge_agent.core.finding import Finding, Subject, advice, few, problem
from edge_agent.model.people import CATEGORIES
from edge_agent.model.reads import Card, Token
from edge_agent.model.site import Config

SEPARATORS = str.maketrans("", "", " -·.•　")


def pins(subject: Subject) -> Iterator[Finding]:
    """What an entry can mean. After a card only its owner's PIN counts; alone it must mean one person and one thing."""
    alone = pin_alone(subject.config)
    for owners in subject.book.pin_index.values():
        plain = sorted({owner.person for owner in owners if not owner.duress})
        duress = sorted({owner.person for owner in owners if owner.duress})
        if plain and duress and set(plain) != set(duress):
            for person in plain:
                others = [name for name in duress if name != person]
                if others:
                    tell = problem if alone else advice
                    yield tell("find.pin_duress", f"person {person}", person=person, others=few(others))
        if alone and len(plain) > 1:
            yield problem("find.pin_shared", f"person {plain[0]}", persons=few(plain), doors=few(alone))


def pin_alone(config: Config) -> list[str]:
    """Doors that a PIN alone opens, at some time."""
    return [
        door.name
        for door in config.doors
        if any(set(way) == {"pin"} for ways in (door.ways, *(at.ways for at in door.ways_at)) for way in ways)
    ]


def credentials(subject: Subject) -> Iterator[Finding]:
    """A card or plate belongs to one person; what looks like the same one written differently does not stop there."""
    numbers: dict[int, Card] = {}
    plates: dict[str, Token] = {}
    book = subject.book
    lost: list[str] = []
    for key, credential in book.credentials.items():
        if credential.person not in book.persons:
            lost.append(credential.person)
        match key:
            case Card(raw=raw) if raw in numbers:
                owner = book.credentials[numbers[raw]].person
                if owner != credential.person:
                    bits = (numbers[raw].bits, key.bits)
                    at = f"person {credential.person}"
                    yield advice("find.card_alike", at, first=owner, second=credential.person, bits=bits)
            case Card(raw=raw):
                numbers[raw] = key
            case Token(kind="plate", digest=digest):
                plain = digest.translate(SEPARATORS).upper()
                at = f"person {credential.person}"
                if plain != digest:
                    yield problem("find.plate_written", at, plate=digest, plain=plain)
                other = plates.setdefault(plain, key)
                if book.credentials[other].person != credential.person:
                    owner = book.credentials[other].person
                    yield problem("find.plate_alike", at, first=owner, second=credential.person)
            case _:
                pass
    if lost:
        yield problem("find.credential_lost", f"person {lost[0]}", count=len(lost), persons=few(sorted(set(lost))))


def persons(subject: Subject) -> Iterator[Finding]:
    book = subject.book
    strange = [person.id for person in book.persons.values() if person.category not in CATEGORIES]
    if strange:
        yield problem("find.person_category", f"person {strange[0]}", count=len(strange), persons=few(strange))
    for person in book.persons.values():
        if person.host is not None and person.host not in book.persons:
            yield advice("find.person_host", f"person {person.id}", host=person.host)
    if subject.faces:
        others = {credential.person for credential in book.credentials.values()} | book.pins.keys()
        only = sorted(name for name in subject.faces if name in book.persons and name not in others)
        if only:
            yield advice("find.face_only", f"person {only[0]}", count=len(only), persons=few(only))
