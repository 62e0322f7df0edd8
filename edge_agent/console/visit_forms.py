"""What a guard types about a visitor → what the order takes. Raises VisitError with what to write instead."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from edge_agent.console.render import Pages
from edge_agent.errors import VisitError
from edge_agent.model.visits import Host

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TEXTS = ("name", "kind", "phone", "company", "purpose", "plate", "number", "note", "desk", "confirmed_by", "group")
HOUSE = re.compile(r"[\w.#\-/]{1,64}")
MEMBERS = re.compile(r"[\n,，;；、]+")


def typed(form: Mapping[str, Any], pages: Pages) -> dict[str, Any]:
    """The order's arguments, without the host."""
    text = {key: str(value).strip() for key, value in form.items()}
    args: dict[str, Any] = {key: text[key] for key in TEXTS if text.get(key)}
    for key in ("people", "uses"):
        if text.get(key):
            if not text[key].isascii() or not text[key].isdecimal():
                raise VisitError("visit.bad_count", text=text[key][:20])
            args[key] = int(text[key][:9])
    if text.get("desk") and text.get("card_ms", "").isdecimal():
        args["card_ms"] = int(text["card_ms"][:15])
    for key in ("from", "until"):
        if text.get(key):
            args[f"{key}_ms"] = instant_of(text[key], pages)
    if text.get("ask"):
        args["ask"] = True
    if text.get("door"):
        args["doors"] = [text["door"]]
    if members := [name.strip() for name in MEMBERS.split(text.get("members", "")) if name.strip()]:
        args["members"] = members
    if days := [day for day in DAYS if text.get(day)]:
        args["rule"] = f"FREQ=WEEKLY;BYDAY={','.join(day[:2].upper() for day in days)}"
        args["start_min"], end = minute_of(text.get("hours_from", "")), minute_of(text.get("hours_until", ""))
        args["minutes"] = (end - args["start_min"]) % 1440 or 1440
    return args


def found_host(text: str, found: Sequence[Host]) -> dict[str, str]:
    """Whom `text` means among those that were found: an id, a name, a house with one person, or a house as it is."""
    if not text:
        return {}
    exact = [host for host in found if text in (host.id, host.name, host.house)]
    if len(exact) == 1:
        return {"host": exact[0].id}
    if any(host.house == text for host in exact):
        return {"house": text}  # a family: the house is what counts
    if len(found) == 1:
        return {"host": found[0].id}
    if found:
        known = ", ".join(f"{host.house} {host.name} ({host.id})" for host in found[:5])
        raise VisitError("visit.which_host", text=text, known=known)
    if HOUSE.fullmatch(text) and any(letter.isdigit() for letter in text):
        return {"house": text}
    raise VisitError("visit.no_host", host=text)


def instant_of(text: str, pages: Pages) -> int:
    at_ms, _ = pages.instant(text)
    if at_ms is None:
        raise VisitError("visit.bad_instant", text=text[:40])
    return at_ms


def minute_of(text: str) -> int:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text)
    if found is None:
        raise VisitError("visit.bad_span", text=text[:20])
    return int(found[1]) * 60 + int(found[2])
