"""What is entered about a person, checked in one place for the command line and for lists.

Text in, entries out; nothing is stored here. What was not given stays UNSET and leaves the stored value as it is; what
was given empty clears it. A person's block and a card's state are no part of an entry: entering never lifts them.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from edge_agent.errors import StoreError
from edge_agent.model.people import CATEGORIES
from edge_agent.model.reads import Card

PERSON_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it becomes part of an event's subject
PIN = re.compile(r"[0-9]{4,12}")
REQUIRED = ("person_id", "name", "category")
OPTIONAL = ("house", "valid_from", "valid_until", "card", "card_format", "pin", "phone")

ParseCard = Callable[[str, str], Card]
Progress = Callable[[int, int], None]  # (done, of how many)


class CardEntry(msgspec.Struct, frozen=True):
    """One card to give to a person. `format`: the name under which it was entered, kept for showing it again."""

    card: Card
    format: str = ""


class PersonEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One person as entered. Given again, it replaces what is set, leaves what is UNSET, and adds the cards.

    Somebody new needs `name` and `category`. `pin_hash`: from hash_pin; None takes the PIN away.
    """

    id: str
    name: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    house: str | UnsetType = UNSET
    valid_from_ms: int | UnsetType | None = UNSET  # inclusive
    valid_until_ms: int | UnsetType | None = UNSET  # exclusive
    phone: str | UnsetType = UNSET
    cards: tuple[CardEntry, ...] = ()
    pin_hash: str | UnsetType | None = UNSET


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
        cards=_cards(given.get("card", ""), given.get("card_format", ""), parse_card),
        pin_hash=None if "pin" in given else UNSET,
    )
    return entry, pin


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


def hash_pins(pins: Sequence[str], progress: Progress | None = None) -> list[str]:
    """One hash a PIN, on all processors (argon2 lets go of the interpreter); `progress` hears of each."""
    hashes = list[str]()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for hashed in pool.map(hash_pin, pins):
            hashes.append(hashed)
            if progress is not None:
                progress(len(hashes), len(pins))
    return hashes


def _cards(text: str, format_: str, parse_card: ParseCard) -> tuple[CardEntry, ...]:
    return (CardEntry(read_card(text, format_, parse_card), format_),) if text else ()


def _instant(given: Mapping[str, str], column: str, zone: ZoneInfo, *, days: int) -> int | UnsetType | None:
    """Unix ms. A day without a time means its whole: from its first instant, or until `days` after it begins."""
    if column not in given:
        return UNSET
    if not (text := given[column]):
        return None
    try:
        if len(text) == len("2026-05-04"):
            moment = datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), zone)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise StoreError("store.entry_date", found=text, column=column) from error
