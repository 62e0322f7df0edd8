"""A journal row as a guard reads it: verdict, who, why, and what may be done about it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.console.needs import Needs
from edge_agent.model.events import AccessDenied, AccessGranted, AlertOpened, AlertUpdated, Event, Row, UnknownEvent
from edge_agent.words import WORDS, say

# What a row is on the wall: its colour and icon. Anything not here is told in small letters, or not at all.
KINDS = {
    "access.granted": "granted", "access.denied": "denied", "access.taken": "info", "access.not_taken": "info",
    "exit.requested": "info", "door.opened": "info", "door.closed": "info", "door.forced": "alarm",
    "door.held": "warning", "door.mode_changed": "info", "door.tamper": "alarm", "door.fault": "warning",
    "fire.released": "alarm", "fire.cleared": "info", "panic.raised": "alarm", "panic.cleared": "info",
    "alert.opened": "alarm", "alert.updated": "warning", "alert.closed": "info", "device.lost": "warning",
    "device.back": "info", "device.degraded": "warning", "agent.degraded": "warning", "gap.announced": "warning",
    "alarm.acknowledged": "info", "alarm.dispatched": "info", "alarm.arrived": "info", "alarm.closed": "info",
    "visit.overstaying": "warning", "visit.refused": "warning", "patrol.missed": "warning",
    "hazard.overdue": "warning",
    "command.completed": "info", "command.refused": "warning", "command.unknown": "warning",
}  # fmt: skip
ICONS = {"granted": "✓", "denied": "✕", "alarm": "!", "warning": "▲", "info": "·", "audit": "·"}
WORRYING = ("grew", "no_evidence", "not_deterred")  # of what is known now of an alert
FAMILIES_OFF_WALL = ("audit", "consent", "person", "clock", "agent.started", "agent.stopped", "evidence")


class View(msgspec.Struct, frozen=True):
    """One row in one language. `kind`: granted, denied, alarm, warning, info or audit; `advice`: what the guard may do;
    `category` in words; `device`: which one it is about; `silent`: for nobody's eyes at the gate.
    """

    seq: int
    tag: str
    kind: str
    icon: str
    wall_ms: int
    time: str
    what: str
    who: str
    detail: str
    door: str = ""
    device: str = ""
    person: str = ""
    category: str = ""
    house: str = ""
    reason: str = ""
    advice: str = ""
    silent: bool = False
    sure: bool = True  # the clock was trusted

    @property
    def on_wall(self) -> bool:
        return not self.silent and not self.tag.startswith(FAMILIES_OFF_WALL)


def view_of(row: Row, lang: str, needs: Needs) -> View:
    event, words = row.event, needs.describe(row, lang)
    person = str(getattr(event, "person", None) or "")
    known = needs.person(person) if person else None
    category = getattr(event, "category", "") or (known.category if known else "")
    house = getattr(event, "house", "") or (known.house if known else "")
    reason = event.reason if isinstance(event, AccessDenied) else ""
    kind = _kind(event, row.tag)
    return View(
        seq=row.seq, tag=row.tag, kind=kind, icon=ICONS[kind], wall_ms=row.wall_ms, time=_clock(row.wall_ms, needs),
        what=words.what,
        who=words.who, detail=words.detail, door=str(getattr(event, "door", None) or ""),
        device=str(getattr(event, "device", "")), person=person,
        category=word(f"category.{category}", lang, category), house=house,
        reason=word(f"reason.{reason}", lang, reason) if reason else "",
        advice=word(f"advice.{reason}", lang, say("advice.other", lang)) if reason else "",
        silent=is_silent(event), sure=row.clock != "unset",
    )  # fmt: skip


def _clock(wall_ms: int, needs: Needs) -> str:
    """In the site's zone, whatever the machine's is."""
    return f"{datetime.fromtimestamp(wall_ms / 1000, ZoneInfo(needs.config.gateway.zone)):%H:%M:%S}"


def is_silent(event: Event | UnknownEvent) -> bool:
    """Duress, and every step of answering it: who stands beside the guard must not read it."""
    return bool(getattr(event, "silent", False)) or getattr(event, "kind", "") == "duress"


def word(code: str, lang: str, otherwise: str) -> str:
    return say(code, lang) if code in WORDS else otherwise


def _kind(event: Event | UnknownEvent, tag: str) -> str:
    if tag.startswith("audit."):
        return "audit"
    if isinstance(event, AlertOpened) and (event.quiet or event.level != "alarm"):
        return "info" if event.quiet else "warning"
    if isinstance(event, AlertUpdated) and event.what not in WORRYING:
        return "info"
    if isinstance(event, AccessGranted):
        return "granted"
    return KINDS.get(tag, "info")
