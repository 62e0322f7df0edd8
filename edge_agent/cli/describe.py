"""A journal row in words: what happened, to whom, why — for a terminal."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

import msgspec

from edge_agent.cli.describe_desk import desk_detail
from edge_agent.cli.describe_record import record_detail
from edge_agent.cli.reasons import reasons
from edge_agent.cli.speech import language
from edge_agent.model.events import (
    AccessDenied,
    AccessGranted,
    AccessTaken,
    Alert,
    AlertClosed,
    AlertOpened,
    AlertUpdated,
    Answered,
    ClockAnchored,
    ClockStepped,
    CommandCompleted,
    DeviceDegraded,
    DeviceLost,
    DoorClosed,
    DoorFault,
    DoorHeld,
    DoorModeChanged,
    DoorTamper,
    Event,
    EvidenceErased,
    EvidenceExported,
    EvidenceKept,
    FireCleared,
    FireReleased,
    LineCounted,
    PanicCleared,
    PanicRaised,
    Row,
    UnknownEvent,
    encode_event,
)
from edge_agent.model.sightings import Fall, likely
from edge_agent.words import WORDS, alert_code, retold, say

COLOURS = {
    "access.granted": "bold green",
    "access.denied": "bold red",
    "door.forced": "bold white on red",
    "door.tamper": "bold white on red",
    "fire.released": "bold white on red",
    "panic.raised": "bold white on red",
    "alert.opened": "bold red",
    "alarm.closed": "green",
    "visit.overstaying": "yellow",
    "patrol.missed": "yellow",
    "hazard.overdue": "yellow",
    "door.held": "yellow",
    "door.fault": "yellow",
    "door.mode_changed": "cyan",
    "device.lost": "yellow",
    "agent.degraded": "yellow",
    "gap.announced": "yellow",
    "clock.stepped": "yellow",
}


class Words(msgspec.Struct, frozen=True):
    time: str
    what: str
    who: str
    detail: str


def describe(row: Row, lang: str, zone: tzinfo | None = None) -> Words:
    """The row in `lang`. Times are of `zone`, or this machine's."""
    at = datetime.fromtimestamp(row.wall_ms / 1000, zone)
    event = row.event
    what = _word(f"event.{row.tag}", row.tag, lang)
    return Words(f"{at:%H:%M:%S}", what, _who(event, lang), _detail(event, lang))


def colour(row: Row) -> str:
    """Of the word for it; an alert that is only recorded asks for nobody's attention."""
    event = row.event
    if isinstance(event, AlertOpened) and event.quiet:
        return ""
    if isinstance(event, AlertOpened) and event.level != "alarm":
        return "yellow"
    return COLOURS.get(row.tag, "")


def silent(row: Row) -> bool:
    """An alert that nobody at the gate may notice (duress): on no screen unless it is asked for."""
    event = row.event
    return isinstance(event, AlertOpened) and event.silent


def how_words(how: Iterable[str], lang: str | None = None) -> str:
    """The kinds of a way: `card + PIN`."""
    lang = lang or language()
    return " + ".join(_word(f"how.{kind}", kind, lang) for kind in how)


def category_words(category: str) -> str:
    return _word(f"category.{category}", category, language())


def _word(code: str, otherwise: str, lang: str) -> str:
    return say(code, lang) if code in WORDS else otherwise


def _who(event: Event | UnknownEvent, lang: str) -> str:
    match event:
        case AccessGranted(person=person, category=category, house=house):
            return f"{person} {_word(f'category.{category}', category, lang)} {house}".strip()
        case UnknownEvent():
            return ""
        case _:
            return str(
                next((known for name in ("person", "device", "visit") if (known := getattr(event, name, None))), "")
            )


def _detail(event: Event | UnknownEvent, lang: str) -> str:
    match event:
        case AccessGranted(how=how, rule=rule, notes=notes):
            return " · ".join([how_words(how, lang), rule, *(_word(f"reason.{note}", note, lang) for note in notes)])
        case AccessDenied(how=how, reason=reason):
            return f"{how_words(how, lang)} · {_word(f'reason.{reason}', reason, lang)}"
        case DoorModeChanged():
            return _mode(event, lang)
        case DoorTamper(on=on, open=housings):
            return " · ".join((say("detail.tamper_on" if on else "detail.tamper_off", lang), *housings))
        case DoorFault(input=name, what=what):
            return say("detail.input", lang, input=name, what=_word(f"detail.fault.{what}", what, lang))
        case FireReleased(door=door):
            return door
        case FireCleared(by=by, why=why):
            return " · ".join(part for part in (say("detail.by", lang, by=by), why) if part)
        case PanicRaised(door=door, count=count):
            return door if count == 1 else f"{door} · {say('detail.again', lang, count=count)}"
        case PanicCleared(door=door, by=by, why=why):
            return " · ".join(part for part in (door, say("detail.by", lang, by=by), why) if part)
        case ClockStepped(by_ms=ms) | ClockAnchored(by_ms=ms) if ms:
            return say("detail.jumped", lang, minutes=ms / 60_000)
        case CommandCompleted(verb=verb, issuer=issuer, door=door, why=why):
            by = say("detail.by", lang, by=issuer.removeprefix("local/"))
            return " · ".join(part for part in (_word(f"verb.{verb}", verb, lang), door, by, why) if part)
        case AlertOpened():
            return _alert(event, lang)
        case AlertUpdated():
            return _news(event, lang)
        case AlertClosed(sensor=sensor, place=place, door=door, camera=camera, why=why):
            return _parts(_kind(event, lang), door, camera, sensor, place, _word(f"closed.{why}", why, lang))
        case Answered():
            return _answer(event, lang)
        case LineCounted(camera=camera, line=line, entered=entered, left=left):
            return _parts(camera, line, say("detail.counted", lang, entered=entered, left=left))
        case EvidenceKept(evidence=evidence, camera=camera, why=why, code=code, given=given):
            return _parts(evidence, camera, retold(why, code, given, lang))
        case EvidenceExported(evidence=evidence, by=by, purpose=purpose, why=why):
            return _parts(evidence, _word(f"purpose.{purpose}", purpose, lang), say("detail.by", lang, by=by), why)
        case EvidenceErased(evidence=evidence, why=why, by=by):
            reason = _word(f"erased.{why}", why, lang)
            return _parts(evidence, reason, say("detail.by", lang, by=by) if by else "")
        case AccessTaken(after_ms=ms):
            return say("detail.after", lang, s=ms / 1000)
        case DoorClosed(open_ms=ms) | DoorHeld(open_ms=ms):
            return say("detail.open", lang, s=ms / 1000)
        case DeviceLost(detail=detail, code=code, given=given) | DeviceDegraded(detail=detail, code=code, given=given):
            return retold(detail, code, given, lang)
        case UnknownEvent(raw=raw):
            return raw.decode("utf-8", "replace")
        case _ if (told := desk_detail(event, lang)) is not None or (told := record_detail(event, lang)) is not None:
            return told
        case _:
            fields = msgspec.json.decode(encode_event(event))
            shown = {key: value for key, value in fields.items() if key not in {"door", "person", "device"}}
            return " · ".join(f"{key} {value}" for key, value in shown.items())


def _kind(event: Alert | Answered, lang: str) -> str:
    return _word(alert_code(event.kind, event.camera), event.kind, lang)


def _alert(event: AlertOpened, lang: str) -> str:
    """What it is, how bad, how much, where, and why."""
    level = "" if event.level == "alarm" else _word(f"level.{event.level}", event.level, lang)
    value = "" if event.value is None else f"{event.value:g} {event.unit}".strip()
    return _parts(
        _kind(event, lang), level, _floors(event.fall, lang), value, event.door, event.terminal, event.camera,
        event.rule if event.rule not in (event.door, event.camera) else "", event.sensor, event.place,
        say("detail.quiet", lang) if event.quiet else "", say("detail.review", lang) if event.review else "",
        reasons(event.why, lang),
    )  # fmt: skip


def _floors(fall: Fall | None, lang: str) -> str:
    """The likeliest floors, and columns where they are known, with their probability."""
    if fall is None:
        return ""
    columns = say("detail.columns", lang, columns=likely(fall.columns)) if fall.columns else ""
    return _parts(say("detail.floors", lang, floors=likely(fall.floors)), columns)


def _news(event: AlertUpdated, lang: str) -> str:
    return _parts(
        _kind(event, lang), event.door, event.camera,
        _word(f"detail.news.{event.what}", event.what, lang), _floors(event.fall, lang),
        say("detail.count", lang, count=event.count) if event.count > 1 else "", event.evidence,
        _word(f"verdict.{event.verdict}", event.verdict, lang), event.by and say("detail.by", lang, by=event.by),
        retold(event.why, event.code, event.given, lang), _word(f"detail.{event.reason}", event.reason, lang),
    )  # fmt: skip


def _answer(event: Answered, lang: str) -> str:
    """What it was about, who, how long after it was raised."""
    after = say("detail.after", lang, s=event.after_ms / 1000) if event.after_ms >= 0 else ""
    outcome = getattr(event, "outcome", "drill" if getattr(event, "drill", False) else "")
    return _parts(
        _kind(event, lang), event.door, event.camera, after,
        say("detail.late", lang) if getattr(event, "late", False) else "", _word(f"outcome.{outcome}", outcome, lang),
        getattr(event, "who", ""), say("detail.by", lang, by=event.by), getattr(event, "why", ""),
    )  # fmt: skip


def _parts(*said: str) -> str:
    return " · ".join(part for part in said if part)


def _mode(event: DoorModeChanged, lang: str) -> str:
    """Which mode, set by what and whom, why and for how long."""
    said = [event.door, _word(f"mode.{event.mode}", event.mode, lang)]
    if event.source:
        said.append(_word(f"source.{event.source}", event.source, lang))
    if event.by:
        said.append(say("detail.by", lang, by=event.by))
    if event.why:
        said.append(event.why)
    if event.for_ms is not None:
        said.append(say("detail.for", lang, minutes=event.for_ms / 60_000))
    return " · ".join(said)
