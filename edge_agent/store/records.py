"""What people.db answers with: structs only, no SQL."""

import msgspec

from edge_agent.errors import StoreError
from edge_agent.model.events import Event
from edge_agent.model.reads import Card, Token


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person agreed to. `guardian`: who agreed for a child under 14; `until_ms` exclusive, None = no end."""

    person: str
    purpose: str  # match | keep_image | provide_to_city
    text_version: str
    given_ms: int
    channel: str = ""
    guardian: str = ""
    until_ms: int | None = None


class FaceOrder(msgspec.Struct, frozen=True):
    """A person whose face has to go from the terminals that match by themselves. `why`: withdrawn | removed | lapsed;
    `confirmed`: terminal → when and by whose word.
    """

    id: int
    person: str
    why: str
    asked_ms: int
    confirmed: dict[str, tuple[int, str]] = {}


class Stored(msgspec.Struct, frozen=True):
    """What came of a bulk write: ids `added` and `updated`; `refused`: the entry's index and why."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    refused: tuple[tuple[int, StoreError], ...]


class Change(msgspec.Struct, frozen=True):
    """An event that the journal has still to get."""

    id: int
    event: Event


class KnownCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A card, QR code, plate or phone number as stored. `format`: the name under which a card was entered;
    `state`: enabled | disabled | revoked.
    """

    key: Card | Token
    format: str = ""
    state: str = "enabled"
    duress: bool = False
    max_uses: int | None = None
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None


class KnownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person as stored, without the PIN. `enabled`: not blocked; `pin`: has one."""

    id: str
    name: str
    category: str
    house: str
    valid_from_ms: int | None
    valid_until_ms: int | None
    phone: str
    enabled: bool = True
    host: str | None = None
    needs_longer: bool = False
    escort_exempt: bool = False
    pin: bool = False
    credentials: tuple[KnownCredential, ...] = ()

    @property
    def cards(self) -> tuple[KnownCredential, ...]:
        return tuple(credential for credential in self.credentials if isinstance(credential.key, Card))


class Listed(msgspec.Struct, frozen=True):
    """One person in a list. `cards` that are enabled."""

    id: str
    name: str
    category: str
    house: str
    valid_from_ms: int | None
    valid_until_ms: int | None
    enabled: bool
    cards: int


class Removed(msgspec.Struct, frozen=True):
    """How many of each went with a person."""

    cards: int
    pins: int
    consents: int


class Clash(msgspec.Struct, frozen=True):
    """A PIN that alone tells nobody: `person` and `other` have the same one, or it is the duress PIN of `other`."""

    person: str
    other: str
    duress: bool
