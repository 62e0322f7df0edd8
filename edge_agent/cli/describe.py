"""A journal row in words: what happened, to whom, why — for a terminal."""

from datetime import UTC, datetime

import msgspec

from edge_agent.model.events import (
    AccessDenied,
    AccessGranted,
    AccessTaken,
    AgentDegraded,
    DeviceDegraded,
    DeviceLost,
    DoorClosed,
    DoorHeld,
    Event,
    Row,
    UnknownEvent,
    encode_event,
)
from edge_agent.words import WORDS, say

COLOURS = {
    "access.granted": "bold green",
    "access.denied": "bold red",
    "door.forced": "bold white on red",
    "door.held": "yellow",
    "device.lost": "yellow",
    "agent.degraded": "yellow",
    "gap.announced": "yellow",
}


class Words(msgspec.Struct, frozen=True):
    time: str
    what: str
    who: str
    detail: str


def describe(row: Row, lang: str) -> Words:
    """The row in `lang`. Times are the terminal's local time."""
    at = datetime.fromtimestamp(row.wall_ms / 1000, UTC).astimezone()
    event = row.event
    what = _word(f"event.{row.tag}", row.tag, lang)
    return Words(f"{at:%H:%M:%S}", what, _who(event, lang), _detail(event, lang))


def _word(code: str, otherwise: str, lang: str) -> str:
    return say(code, lang) if code in WORDS else otherwise


def _who(event: Event | UnknownEvent, lang: str) -> str:
    match event:
        case AccessGranted(person=person, category=category, house=house):
            return f"{person} {_word(f'category.{category}', category, lang)} {house}".strip()
        case UnknownEvent():
            return ""
        case _:
            return str(getattr(event, "person", None) or getattr(event, "device", None) or "")


def _detail(event: Event | UnknownEvent, lang: str) -> str:
    match event:
        case AccessGranted(how=how, rule=rule):
            return f"{_how(how, lang)} · {rule}"
        case AccessDenied(how=how, reason=reason):
            return f"{_how(how, lang)} · {_word(f'reason.{reason}', reason, lang)}"
        case AccessTaken(after_ms=ms):
            return say("detail.after", lang, s=ms / 1000)
        case DoorClosed(open_ms=ms) | DoorHeld(open_ms=ms):
            return say("detail.open", lang, s=ms / 1000)
        case DeviceLost(detail=detail) | DeviceDegraded(detail=detail) | AgentDegraded(detail=detail):
            return detail
        case UnknownEvent(raw=raw):
            return raw.decode("utf-8", "replace")
        case _:
            fields = msgspec.json.decode(encode_event(event))
            shown = {key: value for key, value in fields.items() if key not in {"door", "person", "device"}}
            return " · ".join(f"{key} {value}" for key, value in shown.items())


def _how(how: tuple[str, ...], lang: str) -> str:
    return " + ".join(_word(f"how.{kind}", kind, lang) for kind in how)
