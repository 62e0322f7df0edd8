"""People as the city writes them: what a grant, a revocation, a blacklist and a list of people say.

A credential is named by what a reader delivers, never by a database's number. Every statement carries a version (the
city's rising counter), so that the one made later counts whichever arrives first.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge_agent.model.patterns import whole
from edge_agent.model.people import CATEGORIES
from edge_agent.model.reads import Card, Token

PersonId = Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"), max_length=64)]
Instant = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Version = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Sha256 = Annotated[str, Meta(pattern=whole(r"[0-9a-f]{64}"), max_length=64)]
Text = Annotated[str, Meta(max_length=200)]

CREDENTIALS_AT_MOST = 16  # of one person in one statement
CHUNK_MAX_BYTES = 200_000  # below what the uplink takes in one packet
CHUNKS_AT_MOST = 256
DELTAS_AT_MOST = 8


class CredentialName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A card by `bits` and `raw` (hex); a QR code by the SHA-256 of its text (hex) and a plate as it is written, in
    `value`. A phone number is known here by a keyed digest only: whoever has one is revoked as a person.
    """

    kind: Literal["card", "qr", "plate"]
    bits: Annotated[int, Meta(ge=1, le=1024)] | None = None
    raw: Annotated[str, Meta(pattern=whole(r"[0-9a-f]{1,256}"), max_length=256)] | None = None
    value: Annotated[str, Meta(min_length=1, max_length=128)] | None = None

    def __post_init__(self) -> None:
        if (self.kind == "card") != (self.bits is not None and self.raw is not None and self.value is None):
            raise ValueError("a card has bits and raw and no value")
        if (self.kind != "card") != (self.value is not None and self.bits is None and self.raw is None):
            raise ValueError(f"a {self.kind} has a value and nothing else")
        _ = self.key

    @property
    def key(self) -> Card | Token:
        if self.kind == "card":
            return Card(self.bits or 0, int(self.raw or "", 16))
        return Token(self.kind, self.value or "")


class CredentialGrant(CredentialName, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`valid_until_ms` is exclusive; `duress` opens as any other and calls for help without a sign."""

    duress: bool = False
    max_uses: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    valid_from_ms: Instant | None = None
    valid_until_ms: Instant | None = None


class PersonGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One person and the credentials to add. No name travels: the gateway shows the id where it has none."""

    id: PersonId
    category: str
    house: Annotated[str, Meta(max_length=64)] = ""
    valid_from_ms: Instant | None = None
    valid_until_ms: Instant | None = None
    host: PersonId | None = None
    needs_longer: bool = False
    escort_exempt: bool = False
    credentials: Annotated[tuple[CredentialGrant, ...], Meta(max_length=CREDENTIALS_AT_MOST)] = ()

    def __post_init__(self) -> None:
        if self.category not in CATEGORIES:
            raise ValueError(f"there is no category {self.category}")


class Chunk(msgspec.Struct, frozen=True):
    """A piece of content, named by what it is."""

    sha256: Sha256
    size: Annotated[int, Meta(ge=1, le=CHUNK_MAX_BYTES)]


class Delta(msgspec.Struct, frozen=True):
    """What leads from list `base` to the manifest's version; `base` 0 is all of it, and replaces what there was."""

    base: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    chunks: Annotated[tuple[Chunk, ...], Meta(max_length=CHUNKS_AT_MOST)]


class PeopleChunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of one chunk. `revoked` and `removed` come into force before any `people` of any chunk."""

    people: tuple[PersonGrant, ...] = ()
    removed: tuple[PersonId, ...] = ()
    revoked: tuple[CredentialName, ...] = ()


class Subject(msgspec.Struct, frozen=True):
    """Whom a revocation or a blacklist speaks of: a person with all they hold, or one credential."""

    person: str | None = None
    credential: Card | Token | None = None

    @property
    def text(self) -> str:
        """`person/p-1`, `card/26/12d687`, `plate/…`: the name under which its version is kept."""
        match self.credential:
            case Card(bits=bits, raw=raw):
                return f"card/{bits}/{raw:x}"
            case Token(kind=kind, digest=digest):
                return f"{kind}/{digest}"
            case None:
                return f"person/{self.person}"
