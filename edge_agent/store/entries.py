"""What is entered about a person, checked in one place for the command line and for lists.

Text in, entries out; nothing is stored here. What was not given stays UNSET and leaves the stored value as it is; what
was given empty clears it. A person's block and a card's state are no part of an entry: entering never lifts them.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from edge_agent.errors import StoreError
from edge_agent.model.people import CATEGORIES
from edge_agent.model.reads import Card, Token
from edge_agent.store.pin_index import PinIndex, duress_of

PERSON_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it becomes part of an event's subject
PIN = re.compile(r"[0-9]{4,12}")
REQUIRED = ("person_id", "name", "category")
OPTIONAL = (
    "house", "valid_from", "valid_until", "card", "card_format", "pin", "phone", "duress_card", "max_uses", "plate",
    "host", "needs_longer", "escort_exempt",
)  # fmt: skip
PLATE = re.compile(r"\w{2,16}")
NO_END = "9999-12-31"
YES, NO = ("yes", "true", "1", "是"), ("", "no", "false", "0", "否")
USES_AT_MOST = 1_000_000

ParseCard = Callable[[str, str], Card]
Progress = Callable[[int, int], None]  # (done, of how many)


class CredentialEntry(msgspec.Struct, frozen=True):
    """One card, QR code or plate to give to a person. `format`: the name under which a card was entered, kept for
    showing it again. What is UNSET stays as stored.
    """

    key: Card | Token
    format: str = ""
    duress: bool | UnsetType = UNSET
    max_uses: int | UnsetType | None = UNSET
    valid_from_ms: int | UnsetType | None = UNSET
    valid_until_ms: int | UnsetType | None = UNSET


class PersonEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One person as entered. Given again, it replaces what is set, leaves what is UNSET, and adds the credentials.

    Somebody new needs `name` and `category`. `pin_hash`: from hash_pin; None takes the PIN away. `pin_index`,
    `duress_index` and `phone_token` belong to `pin_hash` and `phone`: see `keyed`.
    """

    id: str
    name: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    house: str | UnsetType = UNSET
    valid_from_ms: int | UnsetType | None = UNSET  # inclusive
    valid_until_ms: int | UnsetType | None = UNSET  # exclusive
    phone: str | UnsetType = UNSET
    host: str | UnsetType | None = UNSET
    needs_longer: bool | UnsetType = UNSET
    escort_exempt: bool | UnsetType = UNSET
    credentials: tuple[CredentialEntry, ...] = ()
    pin_hash: str | UnsetType | None = UNSET
    pin_index: str | None = None
    duress_index: str | None = None
    phone_token: Token | None = None


def read_entry(given: Mapping[str, str], zone: ZoneInfo, parse_card: ParseCard) -> tuple[PersonEntry, str]:
    """The entry, and the PIN that is still to be hashed into it (empty: none).

    `given`: REQUIRED and OPTIONAL names to text, those that were given only. Dates are local in `zone`.
    `parse_card(text, format)` raises EdgeAgentError or ValueError. Raises EdgeAgentError for what cannot be used.
    """
    person = given["person_id"]
    if not PERSON_ID.fullmatch(person):
        raise StoreError("store.entry_person_id", found=person)
    if "name" in given and not given["name"]:
        raise StoreError("store.entry_no_name", person=person)
    if "category" in given and given["category"] not in CATEGORIES:
        raise StoreError("store.entry_category", found=given["category"], known=", ".join(CATEGORIES))
    pin = given.get("pin", "")
    if pin and not PIN.fullmatch(pin):
        raise StoreError("store.entry_pin", person=person)
    start = _instant(given, "valid_from", zone, days=0)
    end = _instant(given, "valid_until", zone, days=1)
    if isinstance(start, int) and isinstance(end, int) and end <= start:
        raise StoreError("store.entry_validity", start=given["valid_from"], end=given["valid_until"])
    entry = PersonEntry(
        id=person,
        name=given.get("name", UNSET),
        category=given.get("category", UNSET),
        house=given.get("house", UNSET),
        valid_from_ms=start,
        valid_until_ms=end,
        phone=given.get("phone", UNSET),
        host=_host(given, person),
        needs_longer=_flag(given, "needs_longer"),
        escort_exempt=_flag(given, "escort_exempt"),
        credentials=_credentials(given, person, parse_card),
        pin_hash=None if "pin" in given else UNSET,
    )
    return entry, pin


def keyed(entry: PersonEntry, pin: str, index: PinIndex | None) -> PersonEntry:
    """The entry with what the keyed index makes of its PIN and its phone number; the hash is not made here."""
    if index is None:
        return entry
    return msgspec.structs.replace(
        entry,
        pin_index=index.pin(pin) if pin else None,
        duress_index=index.pin(duress_of(pin)) if pin else None,
        phone_token=index.phone(entry.phone) if isinstance(entry.phone, str) else None,
    )


def read_card(text: str, format_: str, parse_card: ParseCard) -> Card:
    """Raises EdgeAgentError when `text` is no card of this format."""
    try:
        return parse_card(text, format_)
    except ValueError as error:
        raise StoreError("store.entry_card", found=text, format=format_ or "-", why=error) from error


def hash_pin(pin: str) -> str:
    """Argon2id, 19 MiB, two passes (OWASP's minimum): a gateway has little memory and must not stall at the door."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(pin)


def pin_fits(hashed: str, pin: str) -> bool:
    """In constant time for one hash; False also for a hash that is none."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(hashed, pin)
    except (VerificationError, InvalidHashError):
        return False


def hash_pins(pins: Sequence[str], progress: Progress | None = None) -> list[str]:
    """One hash a PIN, on all processors (argon2 lets go of the interpreter); `progress` hears of each."""
    hashes = list[str]()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for hashed in pool.map(hash_pin, pins):
            hashes.append(hashed)
            if progress is not None:
                progress(len(hashes), len(pins))
    return hashes


def read_plate(text: str) -> Token:
    """A number plate as model.reads.Token wants it. Raises StoreError."""
    plate = re.sub(r"[\s·.\-]", "", unicodedata.normalize("NFKC", text)).upper()
    if not PLATE.fullmatch(plate):
        raise StoreError("store.entry_plate", found=text)
    return Token("plate", plate)


def read_uses(text: str) -> int | None:
    """How often; empty: without limit. Raises StoreError."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,7}", text) or not 1 <= int(text) <= USES_AT_MOST:
        raise StoreError("store.entry_uses", found=text, most=USES_AT_MOST)
    return int(text)


def _credentials(given: Mapping[str, str], person: str, parse_card: ParseCard) -> tuple[CredentialEntry, ...]:
    """The card, the duress card and the plate of one line; `max_uses` is the cards'."""
    format_ = given.get("card_format", "")
    uses = read_uses(given["max_uses"]) if "max_uses" in given else UNSET
    found = list[CredentialEntry]()
    if text := given.get("card", ""):
        found.append(CredentialEntry(read_card(text, format_, parse_card), format_, max_uses=uses))
    if text := given.get("duress_card", ""):
        found.append(CredentialEntry(read_card(text, format_, parse_card), format_, duress=True, max_uses=uses))
    if text := given.get("plate", ""):
        found.append(CredentialEntry(read_plate(text)))
    if len({entry.key for entry in found}) < len(found):
        raise StoreError("store.entry_card_both", person=person)
    return tuple(found)


def _host(given: Mapping[str, str], person: str) -> str | UnsetType | None:
    if "host" not in given:
        return UNSET
    host = given["host"]
    if host and (not PERSON_ID.fullmatch(host) or host == person):
        raise StoreError("store.entry_host", person=person, found=host)
    return host or None


def _flag(given: Mapping[str, str], column: str) -> bool | UnsetType:
    if column not in given:
        return UNSET
    word = given[column].lower()
    if word not in YES + NO:
        raise StoreError("store.entry_flag", column=column, found=given[column])
    return word in YES


def _instant(given: Mapping[str, str], column: str, zone: ZoneInfo, *, days: int) -> int | UnsetType | None:
    if column not in given:
        return UNSET
    return read_validity(given[column], zone, column, days=days)


def read_validity(text: str, zone: ZoneInfo, column: str, *, days: int) -> int | None:
    """As `read_instant`; None where nothing is said, or an end that other systems write for none."""
    if not text or (days and as_iso(text).startswith(NO_END)):
        return None
    return read_instant(text, zone, column, days=days)


def as_iso(text: str) -> str:
    """A date whose year stands first as ISO 8601 wants it: spreadsheets write `2026/1/5 8:00`. All else as it is."""
    match = re.fullmatch(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]+(\d{1,2})(:.*))?", text)
    if match is None:
        return text
    year, _, month, day, hour, rest = match.groups()
    return f"{year}-{month:0>2}-{day:0>2}" + (f"T{hour:0>2}{rest}" if hour else "")


def read_instant(text: str, zone: ZoneInfo, column: str, *, days: int) -> int:
    """Unix ms. A day without a time means its whole: from its first instant (`days` 0), or until `days` after that.
    Raises StoreError, which names `column`.
    """
    try:
        if len(iso := as_iso(text)) == len("2026-05-04"):
            moment = datetime.combine(date.fromisoformat(iso) + timedelta(days=days), time(), zone)
        else:
            moment = datetime.fromisoformat(iso)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise StoreError("store.entry_date", found=text, column=column) from error
