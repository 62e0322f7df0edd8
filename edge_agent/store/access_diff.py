"""What a list changes, as lines: `+` something new, `~` one field old → new. A PIN is never written out."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from edge_agent.model.people import Rule, Schedule, Span
from edge_agent.model.reads import Card, Token
from edge_agent.store.entries import CredentialEntry, PersonEntry
from edge_agent.store.holdings import ENTERED, TERMS
from edge_agent.store.records import KnownCredential, KnownPerson

SHOWN_OF_NEW = ("name", "category", "house", "valid_from_ms", "valid_until_ms", "phone", "host")
SECRET = "••••"


class Difference(msgspec.Struct, frozen=True):
    """`kind`: person | credential | rule | schedule | special_days. With `+`, `field` is what it is in short."""

    sign: str
    kind: str
    id: str
    field: str = ""
    old: str = ""
    new: str = ""


def entry_differences(known: KnownPerson | None, entry: PersonEntry) -> list[Difference]:
    """None of them: the entry says what is stored."""
    found = list[Difference]()
    if known is None:
        shown = (shown_value(name, getattr(entry, name)) for name in SHOWN_OF_NEW if getattr(entry, name) is not UNSET)
        found.append(Difference("+", "person", entry.id, ", ".join(text for text in shown if text)))
    else:
        for name in ENTERED:
            new, old = getattr(entry, name), getattr(known, name)
            if new is not UNSET and new != old:
                label = name.removesuffix("_ms")
                found.append(Difference("~", "person", entry.id, label, shown_value(name, old), shown_value(name, new)))
    held = {credential.key: credential for credential in known.credentials} if known else {}
    for given in entry.credentials:
        found += _credential_differences(entry.id, held.get(given.key), given, _key_text(given))
    had = known is not None and known.pin
    if entry.pin_hash is None and had:
        found.append(Difference("~", "person", entry.id, "pin", SECRET, ""))
    elif isinstance(entry.pin_hash, str):
        found.append(Difference("~", "person", entry.id, "pin", SECRET if had else "", SECRET))
    if not found and _phone_is_new(known, entry):
        found.append(Difference("~", "person", entry.id, "phone", "", str(entry.phone)))
    return found


def _phone_is_new(known: KnownPerson | None, entry: PersonEntry) -> bool:
    """The number is stored, and is no credential yet: it was entered before there was a key."""
    token = entry.phone_token
    return token is not None and known is not None and all(held.key.kind != "phone" for held in _tokens(known))


def _tokens(known: KnownPerson) -> list[Any]:
    return [held for held in known.credentials if isinstance(held.key, Token)]


def _credential_differences(
    person: str, held: KnownCredential | None, given: CredentialEntry, text: str
) -> list[Difference]:
    terms = {name: getattr(given, name) for name in TERMS if getattr(given, name) is not UNSET}
    if held is None:
        shown = [f"{name.removesuffix('_ms')} {shown_value(name, value)}" for name, value in terms.items() if value]
        return [Difference("+", "credential", text, ", ".join((person, *shown)))]
    return [
        Difference("~", "credential", text, name.removesuffix("_ms"), shown_value(name, old), shown_value(name, new))
        for name, new in terms.items()
        if (old := getattr(held, name)) != new
    ]


def _key_text(given: CredentialEntry) -> str:
    """As it can be recognised: the bits of a card in hexadecimal, a plate as it is, the beginning of a digest."""
    match given.key:
        case Card(bits=bits, raw=raw):
            return f"card {bits}:{raw:x}"
        case Token(kind=kind, digest=digest):
            return f"{kind} {digest if kind == 'plate' else digest[:12]}"


def shown_value(name: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_ms"):
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%dT%H:%MZ}"
    return str(value)


def rule_fields(rule: Rule) -> dict[str, str]:
    return {
        "doors": ", ".join(rule.doors),
        "categories": ", ".join(rule.categories),
        "persons": ", ".join(rule.persons),
        "schedule": rule.schedule or "",
        "effect": rule.effect,
        "in_lockdown": "yes" if rule.in_lockdown else "",
    }


def schedule_fields(schedule: Schedule) -> dict[str, str]:
    special = ((group, _spans(spans) or "x") for group, spans in sorted(schedule.special.items()))
    repeated = (f"{each.start:%Y-%m-%dT%H:%M} {each.minutes} min {each.rule}" for each in schedule.recurrences)
    return {
        "spans": _spans(schedule.spans),
        "special": ", ".join(f"{group}: {text}" for group, text in special),
        "recurrence": "; ".join(text.strip().replace("\n", " ") for text in repeated),
    }


def days_of(ordinals: Iterable[int]) -> str:
    """`2026-10-01..2026-10-07, 2026-12-31`."""
    runs = list[list[int]]()
    for day in sorted(ordinals):
        if runs and runs[-1][1] == day - 1:
            runs[-1][1] = day
        else:
            runs.append([day, day])
    text = (
        [date.fromordinal(first).isoformat(), date.fromordinal(last).isoformat()] if last > first else
        [date.fromordinal(first).isoformat()]
        for first, last in runs
    )  # fmt: skip
    return ", ".join("..".join(words) for words in text)


def _spans(spans: Iterable[Span]) -> str:
    return ", ".join(
        f"{''.join(map(str, span.days))} {span.start_min // 60:02}:{span.start_min % 60:02}-{_end(span.end_min)}"
        for span in spans
    )


def _end(minute: int) -> str:
    within = minute if minute <= 1440 else minute - 1440
    return f"{within // 60:02}:{within % 60:02}"
