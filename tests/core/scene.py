"""One estate for all cases: who lives there, what they carry, what the rules say; and one question, `ask`."""

from collections.abc import Iterable
from types import MappingProxyType

import msgspec

from edge_agent.core.area import Standing
from edge_agent.core.decide import Place, decide
from edge_agent.core.mode import LOCKED, Mode
from edge_agent.model.clock import ClockState, Moment
from edge_agent.model.decisions import Attempt, Company, Decision, Deny, Grant, Shown
from edge_agent.model.people import Book, Credential, Person, Rule, Schedule, Span
from edge_agent.model.reads import Card, Direction, Face, Liveness, Pass, Pin, Presented, Read, Token
from edge_agent.model.site import (
    Area,
    Door,
    Escort,
    FirstPerson,
    GateBinding,
    Policy,
    TwoPersons,
    WaysAt,
)
from edge_agent.model.standing import At, Change, Latch, Presence

NOON = 1_777_867_200_000  # Monday 2026-05-04, 12:00 in Shanghai
TODAY = 739_740  # its proleptic ordinal
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
UP = 100_000_000  # uptime at which the cases happen, ms
BOOT, BOOT_BEFORE = "b" * 32, "a" * 32

PERSONS = (
    Person("p-resident", "resident", "3-1-502"),
    Person("p-neighbour", "resident", "3-1-503"),
    Person("p-elder", "resident", needs_longer=True),
    Person("p-staff", "staff"),
    Person("p-guard", "guard"),
    Person("p-volunteer", "volunteer"),
    Person("p-visitor", "visitor", host="p-resident"),
    Person("p-doctor", "visitor", escort_exempt=True),
    Person("p-courier", "service"),
    Person("p-off", "resident", enabled=False),
    Person("p-gone", "resident", valid_until_ms=NOON),
    Person("p-soon", "resident", valid_from_ms=NOON + 1),
    Person("p-guest", "resident", valid_from_ms=NOON, valid_until_ms=NOON + 1),
    Person("p-barred", "resident"),
    Person("p-curfew", "resident"),
)
CARD = {person.id[2:]: Card(26, 0x1000000 + n) for n, person in enumerate(PERSONS)}
RESIDENT, STAFF, GUARD, VISITOR = CARD["resident"], CARD["staff"], CARD["guard"], CARD["visitor"]
EXPIRED, EARLY, TODAYS, LOST, OFF, DURESS, TWICE, ORPHAN = (Card(34, n) for n in range(8))
PLATE, PHONE, QR = Token("plate", "AB12345"), Token("phone", "f" * 64), Token("qr", "e" * 64)

CREDENTIALS = (
    *(Credential(CARD[person.id[2:]], person.id) for person in PERSONS),
    Credential(EXPIRED, "p-resident", valid_until_ms=NOON),
    Credential(EARLY, "p-resident", valid_from_ms=NOON + 1),
    Credential(TODAYS, "p-resident", valid_from_ms=NOON, valid_until_ms=NOON + 1),
    Credential(LOST, "p-resident", state="revoked"),
    Credential(OFF, "p-resident", state="disabled"),
    Credential(DURESS, "p-resident", duress=True),
    Credential(TWICE, "p-resident", max_uses=2),
    Credential(ORPHAN, "p-nobody"),
    Credential(PLATE, "p-resident"),
    Credential(PHONE, "p-resident"),
    Credential(QR, "p-resident", max_uses=1),
    Credential(Token("qr", "pass/j-withdrawn"), "p-visitor", state="revoked"),
    Credential(Token("qr", "pass/j-known"), "p-visitor"),
)
WEEKDAYS = (1, 2, 3, 4, 5)
SCHEDULES = (
    Schedule("mornings", (Span(WEEKDAYS, 6 * 60, 11 * 60),)),
    Schedule("daytime", (Span((1, 2, 3, 4, 5, 6, 7), 8 * 60, 20 * 60),)),
    Schedule("curfew", (Span((1, 2, 3, 4, 5, 6, 7), 22 * 60, 30 * 60),)),
    Schedule("never"),
)
RULES = (
    Rule("residents-always", ("*",), categories=("resident",)),
    Rule("guards-always", ("*",), categories=("guard",), in_lockdown=True),
    Rule("staff-mornings", ("gate",), categories=("staff",), schedule="mornings"),
    Rule("visitors-daytime", ("gate", "lobby"), categories=("visitor",), schedule="daytime"),
    Rule("volunteer-by-name", ("gate",), persons=("p-volunteer",)),
    Rule("volunteer-in-lockdown", ("gate",), persons=("p-volunteer",), schedule="daytime", in_lockdown=True),
    Rule("courier-elsewhere", ("lobby",), categories=("service",)),
    Rule("barred", ("gate",), persons=("p-barred",), effect="deny"),
    Rule("child-curfew", ("*",), persons=("p-curfew",), schedule="curfew", effect="deny"),
    Rule("courier-nowhen", ("gate",), categories=("service",), schedule="not-there"),
)
BOOK = Book(
    version="1",
    persons=MappingProxyType({person.id: person for person in PERSONS}),
    credentials=MappingProxyType({credential.key: credential for credential in CREDENTIALS}),
    rules=RULES,
    schedules=MappingProxyType({schedule.id: schedule for schedule in SCHEDULES}),
    zone="Asia/Shanghai",
)


def door(**settings: object) -> Door:
    """The gate, taking card, face, QR, PIN, plate or phone, each alone, but for `settings`."""
    given = {"ways": (("card",), ("face",), ("qr",), ("pin",), ("plate",), ("phone",)), **settings}
    return msgspec.structs.replace(
        Door(name="gate", gate=GateBinding(link="l", profile="gates/sim", contact=0)), **given
    )


GATE = door()
CARD_AND_PIN = door(ways=(("card", "pin"),))
NIGHT_PIN = door(ways=(("card",),), ways_at=(WaysAt(schedule="curfew", ways=(("card", "pin"),)),))
DAY_CARD = door(ways=(("card", "pin"),), ways_at=(WaysAt(schedule="daytime", ways=(("card",),)),))
DAY_FACE = door(ways=(("pin",),), ways_at=(WaysAt(schedule="daytime", ways=(("face",),)),))
TWO = door(two_persons=TwoPersons())
TWO_OF_GROUP = door(two_persons=TwoPersons(count=2, categories=("guard", "staff")))
ESCORTED = door(escort=Escort())
ARMED = door(first_person=FirstPerson(mode="arm", categories=("guard",)))
HARD, SOFT = door(anti_passback="hard"), door(anti_passback="soft")
TIMED = door(timed_min=10)
YARD = door(area="yard")


def moment(wall_ms: int = NOON, state: ClockState = ClockState.SYNCED, up_ms: int = UP, boot: str = BOOT) -> Moment:
    return Moment(wall_ms, up_ms, boot, state, 20)


def person(name: str) -> Person:
    return BOOK.persons["p-" + name]


def face(name: str = "resident", liveness: Liveness = Liveness.LIVE) -> Face:
    return Face("match", "p-" + name, 0.7, liveness)


def ticket(
    name: str = "resident",
    *doors: str,
    id: str = "j-1",
    start: int = NOON,
    end: int = NOON + 1,
    uses: int | None = None,
) -> Pass:
    return Pass(id, "p-" + name, start, end, doors, uses)


def pin(name: str = "resident", duress: bool = False) -> Pin:
    return Pin("p-" + name, duress)


def beside(name: str, ago_s: float = 5, passed: bool = False) -> Company:
    return Company(person(name), UP - 1000 - round(ago_s * 1000), passed)


def shown(kind: str, name: str = "resident", **more: object) -> Shown:
    return msgspec.structs.replace(Shown(kind, "p-" + name), **more)


def inside(scope: str, *names: str, entered: At | None = None) -> list[Change]:
    return [Presence(scope, "p-" + name, True, entered) for name in names]


def long_ago(minutes: float, boot: str = BOOT, trusted: bool = True) -> At:
    """An instant so many minutes before the cases."""
    return At(NOON - round(minutes * MINUTE), UP - round(minutes * MINUTE) if boot == BOOT else 5, boot, trusted)


FIRE = Latch("fire", raised=True, count=1)


def ask(
    credential: Presented,
    door: Door = GATE,
    *,
    out: bool = False,
    wall_ms: int = NOON,
    clock: ClockState = ClockState.SYNCED,
    age_ms: int = 1000,
    stale: bool = False,
    shown: Iterable[Shown] = (),
    company: Iterable[Company] = (),
    approved_by: str = "",
    standing: Standing | None = None,
    before: Iterable[Change] = (),
    areas: Iterable[Area] = (),
    mode: Mode = LOCKED,
    interlocked: bool = False,
    recording: bool = True,
    policy: Policy = Policy(),
    book: Book = BOOK,
) -> Decision:
    """`before`: what is remembered; `areas`: their limits."""
    direction = Direction.OUT if out else Direction.IN
    read = Read("r-1", "north-out" if out else "north-in", door.name, direction, UP - age_ms, credential, stale)
    place = Place(door, standing or Standing(areas, before), mode, interlocked, recording)
    attempt = Attempt(read, tuple(shown), tuple(company), approved_by)
    return decide(attempt, book, place, moment(wall_ms, clock), policy)


def said(decision: Decision) -> str:
    """The decision in one line: `granted by RULE`, the reason, or `waits: reason (what would help)`."""
    match decision:
        case Grant(rule=rule, notes=notes):
            return " ".join((f"granted by {rule}", *(f"noting {note}" for note in notes)))
        case Deny(reason=reason, rule=rule):
            return f"{reason} by {rule}" if rule else str(reason)
        case wait:
            return f"waits: {wait.reason}" + (f" ({', '.join(wait.wants)})" if wait.wants else "")
