"""A terminal's HTTP report to what it identified: a profile's places read off the body, and nothing else.

Knows nothing of connections, secrets or the time now. What it does not return (images above all) is gone with the
body; no error repeats any of it.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import parse_qsl

from edge_agent.errors import FrameError
from edge_agent.model.push import HttpPush, Told
from edge_agent.model.reads import Card, Face, Liveness, Unreadable
from edge_agent.words import say

_FIELDS_MOST = 200


@dataclass(frozen=True)
class Pushed:
    """`time_ms`: Unix, when the terminal identified by its own clock; `sequence`: its own number of this report."""

    credential: Face | Card | Unreadable
    time_ms: int
    sequence: str | None


@dataclass(frozen=True)
class Erased:
    """The terminal has carried out the order to delete a face."""

    order: int


def read_push(push: HttpPush, content_type: str, body: bytes, zone: tzinfo) -> Pushed | Erased | None:
    """None for a report that is neither of both (a heartbeat, a door event). Raises FrameError."""
    report = _report(push, content_type, body)
    if push.erase is not None and (order := _text(report, push.erase.done)):
        good = push.erase.ok is None or _text(report, push.erase.ok) in push.erase.ok_values
        return Erased(int(order)) if good and order.isascii() and order.isdigit() and len(order) < 16 else None
    if push.only is not None and _text(report, push.only) not in push.only_values:
        return None
    time_ms = _time_ms(push, _text(report, push.time), zone)
    sequence = _text(report, push.sequence) if push.sequence is not None else None
    return Pushed(_credential(push, report), time_ms, sequence)


def erase_order(push: HttpPush, order: int, person: str) -> str | None:
    """What is answered to a terminal that has to delete a face; None when it cannot be told."""
    if push.erase is None:
        return None
    text = json.dumps(person)[1:-1] if push.answer_type == "application/json" else person
    return push.erase.answer.replace("{order}", str(order)).replace("{person}", text)


def told(pushed: Pushed | Erased | None) -> Told:
    """The same in an example's words."""
    if pushed is None:
        return Told(outcome="nothing")
    if isinstance(pushed, Erased):
        return Told(outcome="erased", order=pushed.order)
    time = datetime.fromtimestamp(pushed.time_ms / 1000, UTC).isoformat()
    match pushed.credential:
        case Card(raw=raw):
            return Told(outcome="card", card=f"{raw:X}", time=time, sequence=pushed.sequence)
        case Unreadable():
            return Told(outcome="unreadable", time=time, sequence=pushed.sequence)
        case Face() as face:
            return Told(
                outcome="match" if face.person is not None else "unknown",
                person=face.person,
                score=face.score,
                liveness=face.liveness.value,
                time=time,
                sequence=pushed.sequence,
            )


def _report(push: HttpPush, content_type: str, body: bytes) -> Any:
    try:
        match push.body:
            case "json":
                return json.loads(body)
            case "form":
                pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MOST)
                fields = dict(pairs)
                return fields if push.part is None else json.loads(fields[push.part])
            case "multipart":
                return json.loads(_part(content_type, body, push.part or ""))
    except KeyError:
        raise FrameError("push.body", why=f"no field {push.part}") from None
    except (ValueError, RecursionError):  # of json, utf-8, and too many fields; their texts may quote the body
        raise FrameError("push.body", why=f"not {push.body}") from None


def _part(content_type: str, body: bytes, name: str) -> bytes:
    """The part `name` (RFC 7578). Found by its delimiters alone, so that an image beside it is not even decoded."""
    found = re.search(r'boundary="?([^";,\s]{1,70})"?', content_type, re.IGNORECASE)
    if found is None:
        raise KeyError(name)
    for part in body.split(b"--" + found[1].encode("latin-1")):
        head, gap, content = part.partition(b"\r\n\r\n")
        if gap and re.search(rb'name="?' + re.escape(name.encode()) + rb'"?\s*(;|\r\n|$)', head):
            return content
    raise KeyError(name)


def _at(report: Any, place: str) -> Any:
    """What stands at `place`, None when nothing does."""
    for key in place.split("."):
        if isinstance(report, dict):
            report = report.get(key)
        elif isinstance(report, list) and key.isascii() and key.isdigit() and int(key) < len(report):
            report = report[int(key)]
        else:
            return None
    return report


def _text(report: Any, place: str) -> str:
    value = _at(report, place)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _time_ms(push: HttpPush, text: str, zone: tzinfo) -> int:
    try:
        if push.time_as in ("unix-s", "unix-ms"):
            number = float(text) * (1000 if push.time_as == "unix-s" else 1)
            if not 0 <= number < 1e14:
                raise ValueError(number)
            return round(number)
        time = datetime.fromisoformat(text)
        if push.time_as == "iso8601" and time.tzinfo is None:
            raise ValueError("no zone")
        return round((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise FrameError("push.body", why=f"no time at {push.time}") from None


def _credential(push: HttpPush, report: Any) -> Face | Card | Unreadable:
    card = _text(report, push.card) if push.card is not None else ""
    by_card = bool(card) if push.by is None else _text(report, push.by) in push.by_card
    if by_card:
        return _card(push, card)
    person = _text(report, push.person)
    liveness = _liveness(push, _text(report, push.liveness) if push.liveness is not None else "")
    if not person or person in push.strangers:
        return Face("unknown", liveness=liveness, by_terminal=True)
    return Face("match", person, _score(push, report), liveness, by_terminal=True)


def _card(push: HttpPush, text: str) -> Card | Unreadable:
    try:
        if not (text.isascii() and text.isalnum()):  # int() would take signs and underscores
            raise ValueError
        return Card(push.card_bits, int(text, 16 if push.card_as == "hex" else 10))
    except ValueError:
        return Unreadable(say("push.card", "en", bits=push.card_bits))


def _liveness(push: HttpPush, text: str) -> Liveness:
    if text in push.spoof:
        return Liveness.SPOOF
    return Liveness.LIVE if text in push.live else Liveness.NOT_CHECKED


def _score(push: HttpPush, report: Any) -> float:
    """0 to 1; 0 when the terminal gives none."""
    try:
        score = float(_text(report, push.score or "")) / push.score_full
    except ValueError:
        return 0.0
    return round(min(1.0, max(0.0, score)), 4) if score == score else 0.0  # noqa: PLR0124 — not a number
