"""Enrolment of faces, one person or many: consent, another credential, no duplicate, and what became of each photo."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edge_agent.errors import EdgeAgentError, FaceError
from edge_agent.model.events import PersonChanged
from edge_agent.model.face_models import EngineSpec, limits_of
from edge_agent.model.site import FacePolicy
from edge_agent.store.erasing import erase
from edge_agent.store.faces import FaceStore
from edge_agent.store.people import PeopleStore
from edge_agent.store.records import Consent
from edge_agent.vision.enrol import PhotoResult

if TYPE_CHECKING:
    from edge_agent.core.gallery import Gallery

TEMPLATES_AT_MOST = 5  # a person


class Agreed(msgspec.Struct, frozen=True):
    """What a person has agreed to: versions of the texts (empty: not asked), who agreed for a child, until when."""

    match: str = ""
    keep_image: str = ""
    guardian: str = ""
    until_ms: int | None = None


def permit(people: PeopleStore, person: str, agreed: Agreed) -> None:
    """Refuse who has not agreed or has nothing but a face. Raises FaceError."""
    known = people.person(person)
    if known is None:
        raise FaceError("cli.no_person", person=person)
    if not agreed.match and people.consent(person, "match", _now_ms()) is None:
        raise FaceError("cli.no_consent", person=person)
    if not known.pin and not any(held.state == "enabled" for held in known.credentials):
        raise FaceError("cli.no_other_credential", person=person)


def agree(people: PeopleStore, person: str, agreed: Agreed, guardians: bool, channel: str) -> None:
    """Record the consents that are new. `guardians`: nobody without a guardian's. Raises FaceError, StoreError."""
    now_ms = _now_ms()
    before = people.consent(person, "match", now_ms)
    if guardians and not agreed.guardian and (before is None or not before.guardian):
        raise FaceError("store.guardian_missing", person=person)
    for purpose, version in (("match", agreed.match), ("keep_image", agreed.keep_image)):
        given = people.consent(person, purpose, now_ms)
        same = given is not None and given.text_version == version and given.guardian == agreed.guardian
        if version and not (same and agreed.until_ms is None):
            people.give_consent(
                Consent(
                    person=person, purpose=purpose, text_version=version, given_ms=now_ms, channel=channel,
                    guardian=agreed.guardian, until_ms=agreed.until_ms,
                )
            )  # fmt: skip


class Enroller:
    """Stores what may be stored. Raises FaceError or StoreError when a person may not be enrolled at all."""

    def __init__(
        self, people: PeopleStore, faces: FaceStore, policy: FacePolicy, spec: EngineSpec, *, alike: bool = False,
        channel: str = "cli",
    ) -> None:  # fmt: skip
        self.people, self.faces, self.spec, self.alike, self.channel = people, faces, spec, alike, channel
        self.limits, self.guardians = limits_of(policy, spec), policy.guardian_consent
        self._gallery: Gallery | None = None

    def agree(self, person: str, agreed: Agreed) -> None:
        """Record the consents that are new. Raises when a guardian's is needed and there is none."""
        agree(self.people, person, agreed, self.guardians, self.channel)

    def keeps(self, person: str) -> bool:
        return self.people.consent(person, "keep_image", _now_ms()) is not None

    def take(self, person: str, result: PhotoResult) -> EdgeAgentError | None:
        """Store one photograph's template; else why not."""
        if result.embedding is None:
            return result.error
        name = Path(result.path).name
        if self.faces.holds(person, result.model, result.embedding):
            return FaceError("cli.face_twice", path=name)
        if self.faces.count(person, result.model) >= TEMPLATES_AT_MOST:
            return FaceError("cli.face_enough", path=name, person=person, most=TEMPLATES_AT_MOST)
        if not self.alike and (other := self._another(person, result.embedding)):
            return FaceError("cli.face_duplicate", path=name, other=other[0], distance=f"{other[1]:.2f}")
        crop = result.crop if self.keeps(person) else None
        self.faces.put(person, result.model, result.embedding, crop)
        if self.people.consent(person, "match", _now_ms()) is None:  # taken back while the photograph was read
            erase(self.faces, self.people, person, "withdrawn", self.channel)
            return FaceError("cli.no_consent", person=person)
        if crop is not None and not self.keeps(person):
            self.faces.drop_crops(person)
        self._known_from_now_on(person, result.embedding)
        return None

    def enrolled(self, person: str, count: int) -> None:
        if count:
            self.people.note(PersonChanged(what="face_enrolled", person=person, count=count, source=self.channel))

    def _another(self, person: str, embedding: bytes) -> tuple[str, float] | None:
        """Somebody else who would be recognised in this photograph."""
        near = self._all.look(embedding, self.limits).near
        return next(((who, d) for who, d in near if who != person and d <= self.limits.distance), None)

    def _known_from_now_on(self, person: str, embedding: bytes) -> None:
        import numpy as np

        self._all.extend([person], np.frombuffer(embedding, "<f4").reshape(1, -1))

    @property
    def _all(self) -> "Gallery":
        import numpy as np

        from edge_agent.core.gallery import Gallery

        if self._gallery is None:
            self._gallery = Gallery(self.spec.model, (), np.zeros((0, self.spec.dimension), np.float32))
            for piece in self.faces.batches(self.spec.model):
                rows = np.frombuffer(b"".join(made for _, made in piece), "<f4").reshape(-1, self.spec.dimension)
                self._gallery.extend([who for who, _ in piece], rows)
        return self._gallery


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
