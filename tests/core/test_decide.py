# ruff: noqa: E501  (one case a line)
"""Who may pass: one case a line, as a guard captain would put it. The estate is in scene.py; it is Monday noon."""

from typing import Any

import msgspec
import pytest

from edge_agent.core.area import Standing
from edge_agent.core.decide import STALE_AFTER_MS, Place, decide, identify, permission
from edge_agent.core.mode import Mode
from edge_agent.model.clock import ClockState
from edge_agent.model.decisions import Attempt, Deny, Grant, Reason, Shown, Wait
from edge_agent.model.reads import Card, Direction, Face, Keys, Liveness, Pin, Presented, Read, Token, Unreadable
from edge_agent.model.site import Area, Escort, FirstPerson, Policy, TwoPersons, WaysAt
from edge_agent.model.standing import Armed, At, Presence, Tries, Uses
from tests.core.scene import (
    ARMED,
    BOOK,
    BOOT,
    BOOT_BEFORE,
    CARD,
    CARD_AND_PIN,
    DAY_CARD,
    DAY_FACE,
    DURESS,
    EARLY,
    ESCORTED,
    EXPIRED,
    FIRE,
    GATE,
    GUARD,
    HARD,
    HOUR,
    LOST,
    NIGHT_PIN,
    NOON,
    OFF,
    ORPHAN,
    PHONE,
    PLATE,
    QR,
    RESIDENT,
    SOFT,
    STAFF,
    TIMED,
    TODAY,
    TODAYS,
    TWICE,
    TWO,
    TWO_OF_GROUP,
    UP,
    VISITOR,
    YARD,
    ask,
    beside,
    door,
    face,
    inside,
    long_ago,
    moment,
    person,
    pin,
    said,
    shown,
    ticket,
)

UNSET, HOLDOVER = ClockState.UNSET, ClockState.HOLDOVER
ALLOW = Policy(untrusted_clock="allow_timed")
MORNING = NOON - 2 * HOUR
NIGHT = NOON + 11 * HOUR
ALWAYS = "granted by residents-always"
OLD = Tries("north-in", 0, 1, UP + 1, BOOT)

Case = tuple[str, Presented, dict[str, Any], str]

WHO: list[Case] = [
    ("a resident's card", RESIDENT, {}, ALWAYS),
    ("a card nobody has", Card(26, 5), {}, "unknown_credential"),
    ("the same number in another length", Card(34, 0x1000000), {}, "unknown_credential"),
    ("a card whose owner was deleted", ORPHAN, {}, "unknown_credential"),
    ("bits no format knows", Unreadable("27 bits"), {}, "invalid_identifier"),
    ("digits nobody has compared yet", Keys("1234"), {}, "invalid_identifier"),
    ("a card reported lost", LOST, {}, "revoked"),
    ("a card switched off", OFF, {}, "credential_not_enabled"),
    ("a person switched off", CARD["off"], {}, "credential_not_enabled"),
    ("a plate", PLATE, {}, ALWAYS),
    ("a phone", PHONE, {}, ALWAYS),
    ("a code", QR, {}, ALWAYS),
    ("a plate nobody has", Token("plate", "CD"), {}, "unknown_credential"),
    ("a PIN", pin(), {}, ALWAYS),
    ("a PIN nobody has", Pin(), {}, "invalid_pin"),
    ("a PIN whose owner was deleted", Pin("p-nobody"), {}, "invalid_pin"),
    ("a live face", face(), {}, ALWAYS),
    ("a photograph of a resident", face(liveness=Liveness.SPOOF), {}, "liveness_failed"),
    ("a face nobody checked for life", face(liveness=Liveness.NOT_CHECKED), {}, "liveness_failed by residents-always"),
    ("the same where the door allows it", face(liveness=Liveness.NOT_CHECKED), {"door": door(liveness="optional")}, ALWAYS),
    ("a stranger's face", Face("unknown"), {}, "unknown_credential"),
    ("a stranger's face that names somebody", Face("unknown", "p-resident", 1, Liveness.LIVE), {}, "unknown_credential"),
    ("a stranger's photograph", Face("unknown", liveness=Liveness.SPOOF), {}, "liveness_failed"),
    ("one of two twins", Face("ambiguous"), {}, "face_ambiguous"),
    ("a face whose person was deleted", Face("match", "p-nobody", 1, Liveness.LIVE), {}, "unknown_credential"),
    ("a face at a door for cards", face(), {"door": door(ways=(("card",),))}, "invalid_identifier"),
    ("an expired card at a door for faces", EXPIRED, {"door": door(ways=(("face",),))}, "credential_expired"),
]  # fmt: skip

VALIDITY: list[Case] = [
    ("a card that ran out this very moment", EXPIRED, {}, "credential_expired"),
    ("the same a moment earlier", EXPIRED, {"wall_ms": NOON - 1}, ALWAYS),
    ("a card that begins in a moment", EARLY, {}, "credential_not_active"),
    ("the same a moment later", EARLY, {"wall_ms": NOON + 1}, ALWAYS),
    ("a card for this moment only", TODAYS, {}, ALWAYS),
    ("a resident who moved out", CARD["gone"], {}, "credential_expired"),
    ("the same before that", CARD["gone"], {"wall_ms": NOON - 1}, ALWAYS),
    ("a resident who moves in soon", CARD["soon"], {}, "credential_not_active"),
    ("a guest for this moment", CARD["guest"], {}, ALWAYS),
    ("a pass for this moment", ticket(), {}, ALWAYS),
    ("a pass that ran out", ticket(start=NOON - 9, end=NOON), {}, "credential_expired"),
    ("a pass that begins in a moment", ticket(start=NOON + 1, end=NOON + 9), {}, "credential_not_active"),
    ("a pass for this door", ticket("resident", "lobby", "gate"), {}, ALWAYS),
    ("a pass for another door", ticket("resident", "lobby"), {}, "unauthorized"),
    ("a pass that was withdrawn", ticket("visitor", id="j-withdrawn"), {}, "revoked"),
    ("a pass known and not withdrawn", ticket("visitor", id="j-known"), {}, "granted by visitors-daytime"),
    ("a pass whose person was deleted", ticket("nobody"), {}, "unknown_credential"),
    ("a pass that does not outrank the rules", ticket("courier"), {}, "not_permitted_at_this_time"),
]

USES: list[Case] = [
    ("a card for two uses, the first time", TWICE, {}, ALWAYS),
    ("the second time", TWICE, {"before": [Uses("card/34/6", 1)]}, ALWAYS),
    ("the third time", TWICE, {"before": [Uses("card/34/6", 2)]}, "uses_exhausted"),
    ("far beyond", TWICE, {"before": [Uses("card/34/6", 7)]}, "uses_exhausted"),
    ("another card's uses do not count", TWICE, {"before": [Uses("card/26/6", 2)]}, ALWAYS),
    ("a code for one use, used", QR, {"before": [Uses("qr/" + "e" * 64, 1)]}, "uses_exhausted"),
    ("a pass for one use", ticket(uses=1), {}, ALWAYS),
    ("a pass for one use, used", ticket(uses=1), {"before": [Uses(f"pass/{NOON + 1}/j-1", 1)]}, "uses_exhausted"),
    ("a pass without a limit", ticket(), {"before": [Uses(f"pass/{NOON + 1}/j-1", 99)]}, ALWAYS),
    ("an earlier factor that is used up", pin(), {"shown": [shown("card", uses="c", most=1)], "before": [Uses("c", 1)]}, "uses_exhausted"),
    ("used up, on the way out", TWICE, {"before": [Uses("card/34/6", 2)], "out": True}, ALWAYS),
]  # fmt: skip

RULES: list[Case] = [
    ("a visitor by day", VISITOR, {}, "granted by visitors-daytime"),
    ("a visitor at eight sharp", VISITOR, {"wall_ms": NOON - 4 * HOUR}, "granted by visitors-daytime"),
    ("a visitor a moment before eight", VISITOR, {"wall_ms": NOON - 4 * HOUR - 1}, "not_permitted_at_this_time"),
    ("a visitor at twenty hours", VISITOR, {"wall_ms": NOON + 8 * HOUR}, "not_permitted_at_this_time"),
    ("staff at noon, allowed in the morning", STAFF, {}, "not_permitted_at_this_time"),
    ("staff in the morning", STAFF, {"wall_ms": MORNING}, "granted by staff-mornings"),
    ("staff at a door without a rule", STAFF, {"wall_ms": MORNING, "door": door(name="lobby")}, "unauthorized"),
    ("a person named by a rule", CARD["volunteer"], {}, "granted by volunteer-by-name"),
    ("a rule for a schedule that is not there", CARD["courier"], {}, "not_permitted_at_this_time"),
    ("somebody barred, whom another rule permits", CARD["barred"], {}, "unauthorized by barred"),
    ("the same at another door", CARD["barred"], {"door": door(name="lobby")}, ALWAYS),
    ("a curfew by day", CARD["curfew"], {}, ALWAYS),
    ("a curfew at night: what denies decides", CARD["curfew"], {"wall_ms": NIGHT}, "not_permitted_at_this_time by child-curfew"),
    ("a curfew after midnight", CARD["curfew"], {"wall_ms": NOON + 17 * HOUR}, "not_permitted_at_this_time by child-curfew"),
    ("a curfew at six", CARD["curfew"], {"wall_ms": NOON + 18 * HOUR}, ALWAYS),
]  # fmt: skip

CLOCK: list[Case] = [
    ("what needs no clock", RESIDENT, {"clock": UNSET}, ALWAYS),
    ("a schedule on a clock nobody trusts", STAFF, {"clock": UNSET, "wall_ms": MORNING}, "untrusted_clock"),
    ("the same where the site allows it", STAFF, {"clock": UNSET, "wall_ms": MORNING, "policy": ALLOW}, "granted by staff-mornings"),
    ("and outside the schedule", STAFF, {"clock": UNSET, "policy": ALLOW}, "not_permitted_at_this_time"),
    ("a schedule on a clock that was set lately", STAFF, {"clock": HOLDOVER, "wall_ms": MORNING}, "granted by staff-mornings"),
    ("without any rule the clock is no matter", STAFF, {"clock": UNSET, "door": door(name="lobby")}, "unauthorized"),
    ("a card with dates", TODAYS, {"clock": UNSET}, "untrusted_clock"),
    ("a card that begins later", EARLY, {"clock": UNSET, "wall_ms": NOON + 1}, "untrusted_clock"),
    ("the same where the site allows it", EARLY, {"clock": UNSET, "policy": ALLOW, "wall_ms": NOON + 1}, ALWAYS),
    ("the past is past on any clock", EXPIRED, {"clock": UNSET}, "credential_expired"),
    ("a person with dates", CARD["guest"], {"clock": UNSET}, "untrusted_clock"),
    ("a person with dates, allowed", CARD["guest"], {"clock": UNSET, "policy": ALLOW}, ALWAYS),
    ("a person who moved out", CARD["gone"], {"clock": UNSET}, "credential_expired"),
    ("a pass", ticket(), {"clock": UNSET}, "untrusted_clock"),
    ("a curfew counts as on", CARD["curfew"], {"clock": UNSET}, "not_permitted_at_this_time by child-curfew"),
    ("a curfew by the clock, allowed", CARD["curfew"], {"clock": UNSET, "policy": ALLOW}, ALWAYS),
    ("barred is barred", CARD["barred"], {"clock": UNSET}, "unauthorized by barred"),
    ("a rule by name before one by the clock", CARD["volunteer"], {"clock": UNSET}, "granted by volunteer-by-name"),
    ("a door armed today, on a clock nobody trusts", RESIDENT, {"door": ARMED, "clock": UNSET, "before": [Armed("gate", TODAY)]}, "not_permitted_at_this_time by residents-always"),
    ("the same, allowed", RESIDENT, {"door": ARMED, "clock": UNSET, "policy": ALLOW, "before": [Armed("gate", TODAY)]}, ALWAYS),
]  # fmt: skip

PASSBACK: list[Case] = [
    ("first time in", RESIDENT, {"door": HARD}, ALWAYS),
    ("in and in again, hard", RESIDENT, {"door": HARD, "before": inside("door/gate", "resident")}, "anti_passback by residents-always"),
    ("in and in again, soft", RESIDENT, {"door": SOFT, "before": inside("door/gate", "resident")}, f"{ALWAYS} noting anti_passback"),
    ("in and in again, off", RESIDENT, {"before": inside("door/gate", "resident")}, ALWAYS),
    ("in, out and in", RESIDENT, {"door": HARD, "before": [*inside("door/gate", "resident"), Presence("door/gate", "p-resident", False)]}, ALWAYS),
    ("somebody else is in", RESIDENT, {"door": HARD, "before": inside("door/gate", "neighbour")}, ALWAYS),
    ("in at another door's readers", RESIDENT, {"door": HARD, "before": inside("door/lobby", "resident")}, ALWAYS),
    ("out and out again is let out", RESIDENT, {"door": HARD, "out": True}, ALWAYS),
    ("an area entered by any door, hard", RESIDENT, {"door": YARD, "areas": [Area(name="yard", anti_passback="hard")], "before": inside("yard", "resident")}, "anti_passback by residents-always"),
    ("an area, soft", RESIDENT, {"door": YARD, "areas": [Area(name="yard", anti_passback="soft")], "before": inside("yard", "resident")}, f"{ALWAYS} noting anti_passback"),
    ("an area that does not mind", RESIDENT, {"door": YARD, "areas": [Area(name="yard")], "before": inside("yard", "resident")}, ALWAYS),
    ("an area the config does not know", RESIDENT, {"door": YARD, "before": inside("yard", "resident")}, ALWAYS),
    ("soft at the door, hard in the area", RESIDENT, {"door": door(area="yard", anti_passback="soft"), "areas": [Area(name="yard", anti_passback="hard")], "before": [*inside("yard", "resident"), *inside("door/gate", "resident")]}, "anti_passback by residents-always"),
    ("out into an area one is in already is noted", RESIDENT, {"door": door(from_area="street-side"), "out": True, "areas": [Area(name="street-side", anti_passback="hard")], "before": inside("street-side", "resident")}, f"{ALWAYS} noting anti_passback"),
    ("again within ten minutes", RESIDENT, {"door": TIMED, "before": inside("door/gate", "resident", entered=long_ago(9.99))}, "anti_passback by residents-always"),
    ("again after ten minutes", RESIDENT, {"door": TIMED, "before": inside("door/gate", "resident", entered=long_ago(10))}, ALWAYS),
    ("again within ten minutes though out", RESIDENT, {"door": TIMED, "before": [Presence("door/gate", "p-resident", False, long_ago(1))]}, "anti_passback by residents-always"),
    ("out into an area left a moment ago is noted", RESIDENT, {"door": door(from_area="yard"), "out": True, "areas": [Area(name="yard", timed_min=10)], "before": [Presence("yard", "p-resident", False, long_ago(1))]}, f"{ALWAYS} noting anti_passback"),
    ("again within ten minutes, soft", RESIDENT, {"door": door(timed_min=10, anti_passback="soft"), "before": [Presence("door/gate", "p-resident", False, long_ago(1))]}, f"{ALWAYS} noting anti_passback"),
    ("hard, and the ten minutes are over, but in", RESIDENT, {"door": door(timed_min=10, anti_passback="hard"), "before": inside("door/gate", "resident", entered=long_ago(11))}, "anti_passback by residents-always"),
    ("after a power cut, by the wall clock", RESIDENT, {"door": TIMED, "before": inside("door/gate", "resident", entered=long_ago(9, BOOT_BEFORE))}, "anti_passback by residents-always"),
    ("after a power cut, ten minutes later", RESIDENT, {"door": TIMED, "before": inside("door/gate", "resident", entered=long_ago(10, BOOT_BEFORE))}, ALWAYS),
    ("after a power cut, nobody can tell", RESIDENT, {"door": TIMED, "clock": UNSET, "before": inside("door/gate", "resident", entered=long_ago(30, BOOT_BEFORE))}, "untrusted_clock by residents-always"),
    ("nobody could tell then", RESIDENT, {"door": TIMED, "before": inside("door/gate", "resident", entered=long_ago(30, BOOT_BEFORE, trusted=False))}, "untrusted_clock by residents-always"),
    ("nobody can tell, allowed", RESIDENT, {"door": TIMED, "clock": UNSET, "policy": ALLOW, "before": inside("door/gate", "resident", entered=long_ago(1, BOOT_BEFORE))}, ALWAYS),
    ("within one boot the wall clock is no matter", RESIDENT, {"door": TIMED, "clock": UNSET, "before": inside("door/gate", "resident", entered=long_ago(9))}, "anti_passback by residents-always"),
    ("entered in the future: the clock was set back", RESIDENT, {"door": TIMED, "before": inside("door/gate", "resident", entered=long_ago(-60, BOOT_BEFORE))}, ALWAYS),
]  # fmt: skip

FULL = [Area(name="yard", max_people=2)]
SOFTLY = [Area(name="yard", max_people=2, max_mode="soft")]
AT_LEAST = [Area(name="yard", min_people=2)]
OCCUPANCY: list[Case] = [
    ("room for one more", RESIDENT, {"door": YARD, "areas": FULL, "before": inside("yard", "staff")}, ALWAYS),
    ("full", RESIDENT, {"door": YARD, "areas": FULL, "before": inside("yard", "staff", "guard")}, "occupancy by residents-always"),
    ("over-full", RESIDENT, {"door": YARD, "areas": FULL, "before": inside("yard", "staff", "guard", "elder")}, "occupancy by residents-always"),
    ("full, softly", RESIDENT, {"door": YARD, "areas": SOFTLY, "before": inside("yard", "staff", "guard")}, f"{ALWAYS} noting occupancy"),
    ("full, but one of them already", RESIDENT, {"door": YARD, "areas": FULL, "before": inside("yard", "staff", "resident")}, ALWAYS),
    ("another area is full", RESIDENT, {"door": YARD, "areas": FULL, "before": inside("park", "staff", "guard")}, ALWAYS),
    ("closed to everybody: at most none", RESIDENT, {"door": YARD, "areas": [Area(name="yard", max_people=0)]}, "occupancy by residents-always"),
    ("out of a full area", RESIDENT, {"door": YARD, "out": True, "areas": FULL, "before": inside("yard", "staff", "resident")}, ALWAYS),
    ("out into a full area is let out", RESIDENT, {"door": door(from_area="yard"), "out": True, "areas": FULL, "before": inside("yard", "staff", "guard")}, f"{ALWAYS} noting occupancy"),
    ("leaving too few behind", RESIDENT, {"door": YARD, "out": True, "areas": AT_LEAST, "before": inside("yard", "staff", "resident")}, f"{ALWAYS} noting occupancy"),
    ("leaving enough behind", RESIDENT, {"door": YARD, "out": True, "areas": AT_LEAST, "before": inside("yard", "staff", "resident", "guard")}, ALWAYS),
    ("leaving where one was not seen", RESIDENT, {"door": YARD, "out": True, "areas": AT_LEAST, "before": inside("yard", "staff")}, ALWAYS),
    ("in out of an area that empties", RESIDENT, {"door": door(from_area="yard"), "areas": AT_LEAST, "before": inside("yard", "resident")}, f"{ALWAYS} noting occupancy"),
    ("both soft limits", RESIDENT, {"door": door(area="yard", anti_passback="soft"), "areas": SOFTLY, "before": [*inside("yard", "staff", "guard"), *inside("door/gate", "resident")]}, f"{ALWAYS} noting anti_passback noting occupancy"),
]  # fmt: skip

PLACE: list[Case] = [
    ("another door of the lock is open", RESIDENT, {"interlocked": True}, "interlock by residents-always"),
    ("also on the way out one waits", RESIDENT, {"interlocked": True, "out": True}, "interlock"),
    ("a door that is blocked", RESIDENT, {"mode": Mode("blocked")}, "door_blocked by residents-always"),
    ("a door that is double locked", GUARD, {"mode": Mode("double_locked")}, "door_blocked by guards-always"),
    ("a lockdown", RESIDENT, {"mode": Mode("locked_down")}, "lockdown by residents-always"),
    ("a lockdown, for a guard", GUARD, {"mode": Mode("locked_down")}, "granted by guards-always"),
    ("a lockdown, by the rule that lets pass even then", CARD["volunteer"], {"mode": Mode("locked_down")}, "granted by volunteer-in-lockdown"),
    ("the same outside its schedule", CARD["volunteer"], {"mode": Mode("locked_down"), "wall_ms": NIGHT}, "lockdown by volunteer-by-name"),
    ("a lockdown, for a stranger", Card(26, 5), {"mode": Mode("locked_down")}, "unknown_credential"),
    ("an unlocked door still knows who came", RESIDENT, {"mode": Mode("unlocked")}, ALWAYS),
    ("a door locked open", RESIDENT, {"mode": Mode("locked_open")}, ALWAYS),
    ("out of a blocked door", RESIDENT, {"mode": Mode("blocked"), "out": True}, ALWAYS),
    ("out in a lockdown", RESIDENT, {"mode": Mode("locked_down"), "out": True}, ALWAYS),
    ("nothing can be recorded", RESIDENT, {"recording": False}, "journal_unavailable"),
    ("the same where the site opens then", RESIDENT, {"recording": False, "policy": Policy(when_full="open")}, ALWAYS),
    ("out while nothing can be recorded", RESIDENT, {"recording": False, "out": True}, ALWAYS),
    ("before the first person came", RESIDENT, {"door": ARMED}, "not_permitted_at_this_time by residents-always"),
    ("the first person", GUARD, {"door": ARMED}, "granted by guards-always"),
    ("after the first person came", RESIDENT, {"door": ARMED, "before": [Armed("gate", TODAY)]}, ALWAYS),
    ("who came yesterday", RESIDENT, {"door": ARMED, "before": [Armed("gate", TODAY - 1)]}, "not_permitted_at_this_time by residents-always"),
    ("who came to another door", RESIDENT, {"door": ARMED, "before": [Armed("lobby", TODAY)]}, "not_permitted_at_this_time by residents-always"),
    ("a first person that holds the door keeps nobody out", RESIDENT, {"door": door(first_person=FirstPerson(mode="hold", categories=("guard",)))}, ALWAYS),
]  # fmt: skip

LOCKOUT: list[Case] = [
    ("a terminal that is locked", RESIDENT, {"before": [OLD]}, "locked_out"),
    ("the very end of it", RESIDENT, {"before": [Tries("north-in", 0, 1, UP, BOOT)]}, ALWAYS),
    ("another terminal", RESIDENT, {"before": [Tries("north-face", 0, 1, UP + 1, BOOT)]}, ALWAYS),
    ("locked in an earlier boot, until carried over", RESIDENT, {"before": [Tries("north-in", 0, 1, UP + 1, BOOT_BEFORE)]}, ALWAYS),
    ("nobody is locked in", RESIDENT, {"out": True, "before": [Tries("north-out", 0, 1, UP + 1, BOOT)]}, ALWAYS),
]  # fmt: skip

CARD_FACE = door(ways=(("card", "face"),))
QR_FACE = door(ways=(("qr", "face"),))
ANY = door(ways=(("card", "pin"), ("qr", "face"), ("plate",)))
BOTH = door(ways_at=(WaysAt(schedule="never", ways=(("plate",),)), WaysAt(schedule="daytime", ways=(("pin",),)), WaysAt(schedule="mornings", ways=(("face",),))))  # fmt: skip
NOT_LIVE = face(liveness=Liveness.NOT_CHECKED)
FACTORS: list[Case] = [
    ("a card where a PIN is wanted too", RESIDENT, {"door": CARD_AND_PIN}, "waits: second_factor_missing (pin)"),
    ("a PIN where a card is wanted too", pin(), {"door": CARD_AND_PIN}, "waits: second_factor_missing (card)"),
    ("card, then PIN", pin(), {"door": CARD_AND_PIN, "shown": [shown("card")]}, ALWAYS),
    ("PIN, then card", RESIDENT, {"door": CARD_AND_PIN, "shown": [shown("pin")]}, ALWAYS),
    ("card, then card again", RESIDENT, {"door": CARD_AND_PIN, "shown": [shown("card")]}, "waits: second_factor_missing (pin)"),
    ("card and a wrong PIN", Pin(claimed="p-resident"), {"door": CARD_AND_PIN, "shown": [shown("card")]}, "invalid_pin"),
    ("a factor the door does not know", face(), {"door": CARD_AND_PIN}, "invalid_identifier"),
    ("card, then face", face(), {"door": CARD_FACE, "shown": [shown("card")]}, ALWAYS),
    ("card, then a face nobody checked: never alone", NOT_LIVE, {"door": CARD_FACE, "shown": [shown("card")]}, ALWAYS),
    ("card, then a photograph", face(liveness=Liveness.SPOOF), {"door": CARD_FACE, "shown": [shown("card")]}, "liveness_failed"),
    ("a face nobody checked waits for the card", NOT_LIVE, {"door": CARD_FACE}, "waits: second_factor_missing (card)"),
    ("pass, then face", face(), {"door": QR_FACE, "shown": [shown("qr")]}, ALWAYS),
    ("pass alone", ticket(), {"door": QR_FACE}, "waits: second_factor_missing (face)"),
    ("phone, then face 1:1", face(), {"door": door(ways=(("phone", "face"),)), "shown": [shown("phone")]}, ALWAYS),
    ("one of several combinations", pin(), {"door": ANY, "shown": [shown("card")]}, ALWAYS),
    ("factors of two combinations do not mix", RESIDENT, {"door": ANY, "shown": [shown("qr")]}, "waits: second_factor_missing (pin, face)"),
    ("a way that needs no second factor", PLATE, {"door": ANY}, ALWAYS),
    ("three factors, two shown", pin(), {"door": door(ways=(("card", "pin", "face"),)), "shown": [shown("card")]}, "waits: second_factor_missing (face)"),
    ("three factors", face(), {"door": door(ways=(("card", "pin", "face"),)), "shown": [shown("card"), shown("pin")]}, ALWAYS),
    ("card by day where nights want a PIN", RESIDENT, {"door": NIGHT_PIN}, ALWAYS),
    ("card by night", RESIDENT, {"door": NIGHT_PIN, "wall_ms": NIGHT}, "waits: second_factor_missing (pin)"),
    ("card on a clock nobody trusts: as by night", RESIDENT, {"door": NIGHT_PIN, "clock": UNSET}, "waits: second_factor_missing (pin)"),
    ("the same where the site trusts it", RESIDENT, {"door": NIGHT_PIN, "clock": UNSET, "policy": ALLOW}, ALWAYS),
    ("PIN and a face nobody checked, where days take faces alone", NOT_LIVE, {"door": DAY_FACE, "clock": UNSET, "shown": [shown("pin")]}, "liveness_failed by residents-always"),
    ("PIN and a live face there", face(), {"door": DAY_FACE, "clock": UNSET, "shown": [shown("pin")]}, ALWAYS),
    ("card by day where days are easier", RESIDENT, {"door": DAY_CARD}, ALWAYS),
    ("card by night where days are easier", RESIDENT, {"door": DAY_CARD, "wall_ms": NIGHT}, "waits: second_factor_missing (pin)"),
    ("a clock nobody trusts makes nothing easier", RESIDENT, {"door": DAY_CARD, "clock": UNSET}, "waits: second_factor_missing (pin)"),
    ("of several times the first that is on", pin(), {"door": BOTH, "wall_ms": MORNING}, ALWAYS),
    ("and only that", face(), {"door": BOTH, "wall_ms": MORNING}, "invalid_identifier"),
    ("a guard stands in for the PIN", RESIDENT, {"door": CARD_AND_PIN, "approved_by": "guard-1"}, ALWAYS),
    ("a guard does not make a face live", NOT_LIVE, {"approved_by": "guard-1"}, "liveness_failed by residents-always"),
    ("a guard outranks no rule", STAFF, {"approved_by": "guard-1"}, "not_permitted_at_this_time"),
]  # fmt: skip

COMPANY: list[Case] = [
    ("one where two are wanted", RESIDENT, {"door": TWO}, "waits: second_person_missing"),
    ("two", RESIDENT, {"door": TWO, "company": [beside("staff")]}, ALWAYS),
    ("the same person twice is one", RESIDENT, {"door": TWO, "company": [beside("resident")]}, "waits: second_person_missing"),
    ("the second came at the last moment", RESIDENT, {"door": TWO, "company": [beside("staff", 20)]}, ALWAYS),
    ("the second came too long ago", RESIDENT, {"door": TWO, "company": [beside("staff", 20.001)]}, "waits: second_person_missing"),
    ("who was let in stands here no more", RESIDENT, {"door": TWO, "company": [beside("staff", passed=True)]}, "waits: second_person_missing"),
    ("a guard at the console is the second", RESIDENT, {"door": TWO, "approved_by": "guard-1"}, ALWAYS),
    ("three are wanted, two and a guard's word", RESIDENT, {"door": door(two_persons=TwoPersons(count=3)), "company": [beside("staff")], "approved_by": "g"}, ALWAYS),
    ("three are wanted, two there", RESIDENT, {"door": door(two_persons=TwoPersons(count=3)), "company": [beside("staff")]}, "waits: second_person_missing"),
    ("two of a group", GUARD, {"door": TWO_OF_GROUP, "company": [beside("staff")]}, "granted by guards-always"),
    ("one of the group, one not", GUARD, {"door": TWO_OF_GROUP, "company": [beside("neighbour")]}, "waits: second_person_missing"),
    ("not of the group, with two who are", RESIDENT, {"door": TWO_OF_GROUP, "company": [beside("staff"), beside("guard")]}, ALWAYS),
    ("not of the group, with one who is", RESIDENT, {"door": TWO_OF_GROUP, "company": [beside("staff")]}, "waits: second_person_missing"),
    ("one word stands in for one thing only", RESIDENT, {"door": door(ways=(("card", "pin"),), two_persons=TwoPersons()), "approved_by": "g"}, "waits: second_person_missing"),
    ("a visitor alone", VISITOR, {"door": ESCORTED}, "waits: escort_missing"),
    ("a visitor after the host", VISITOR, {"door": ESCORTED, "company": [beside("resident", passed=True)]}, "granted by visitors-daytime"),
    ("a visitor after a guard", VISITOR, {"door": ESCORTED, "company": [beside("guard", passed=True)]}, "granted by visitors-daytime"),
    ("a visitor after somebody else's host", VISITOR, {"door": ESCORTED, "company": [beside("neighbour", passed=True)]}, "waits: escort_missing"),
    ("a host who was not let in", VISITOR, {"door": ESCORTED, "company": [beside("resident")]}, "waits: escort_missing"),
    ("a host within the time", VISITOR, {"door": ESCORTED, "company": [beside("resident", 20, passed=True)]}, "granted by visitors-daytime"),
    ("a host too long ago", VISITOR, {"door": ESCORTED, "company": [beside("resident", 20.001, passed=True)]}, "waits: escort_missing"),
    ("a host who comes later", VISITOR, {"door": ESCORTED, "company": [beside("resident", -20, passed=True)]}, "granted by visitors-daytime"),
    ("a host who comes too late", VISITOR, {"door": ESCORTED, "company": [beside("resident", -20.001, passed=True)]}, "waits: escort_missing"),
    ("a stranger first, then the host", VISITOR, {"door": ESCORTED, "company": [beside("staff", passed=True), beside("resident", passed=True)]}, "granted by visitors-daytime"),
    ("a visitor whom a guard lets pass from the console", VISITOR, {"door": ESCORTED, "approved_by": "g"}, "granted by visitors-daytime"),
    ("one exempt from escort", CARD["doctor"], {"door": ESCORTED}, "granted by visitors-daytime"),
    ("a resident needs no escort", RESIDENT, {"door": ESCORTED}, ALWAYS),
    ("nobody escorts himself", GUARD, {"door": door(escort=Escort(categories=("guard",))), "company": [beside("guard", passed=True)]}, "waits: escort_missing"),
    ("two persons and an escort: one word is not enough", VISITOR, {"door": door(two_persons=TwoPersons(), escort=Escort()), "company": [beside("staff")]}, "waits: escort_missing"),
    ("a visitor gets out alone", VISITOR, {"door": ESCORTED, "out": True}, "granted by visitors-daytime"),
    ("one gets out alone", RESIDENT, {"door": TWO, "out": True}, ALWAYS),
]  # fmt: skip

WAY_OUT: list[Case] = [
    ("out", RESIDENT, {}, ALWAYS),
    ("out with an expired card", EXPIRED, {}, ALWAYS),
    ("out with a card that is not valid yet", EARLY, {}, ALWAYS),
    ("out with a lost card", LOST, {}, ALWAYS),
    ("out with a card switched off", OFF, {}, ALWAYS),
    ("out though switched off", CARD["off"], {}, ALWAYS),
    ("out though moved out", CARD["gone"], {}, ALWAYS),
    ("out at the wrong time", STAFF, {}, "granted by staff-mornings"),
    ("out without any rule", CARD["courier"], {"door": door(name="garage")}, "granted by egress"),
    ("out though barred: by the rule that permits", CARD["barred"], {}, ALWAYS),
    ("out on a clock nobody trusts", TODAYS, {"clock": UNSET}, ALWAYS),
    ("out by one factor of two", RESIDENT, {"door": CARD_AND_PIN}, ALWAYS),
    ("out by what opens nothing here", face(), {"door": CARD_AND_PIN}, ALWAYS),
    ("out with a pass that ran out", ticket(end=NOON - 1), {}, ALWAYS),
    ("out with a pass for another door", ticket("resident", "lobby"), {}, ALWAYS),
    ("out with a withdrawn pass", ticket("visitor", id="j-withdrawn"), {}, "granted by visitors-daytime"),
    ("a stranger", Card(26, 5), {}, "unknown_credential"),
    ("a stranger's pass", ticket("nobody"), {}, "unknown_credential"),
    ("a wrong PIN", Pin(), {}, "invalid_pin"),
    ("a photograph", face(liveness=Liveness.SPOOF), {}, "liveness_failed"),
    ("something unreadable", Unreadable(""), {}, "invalid_identifier"),
    ("a stranger in a fire", Card(26, 5), {"before": [FIRE]}, "granted by fire_release"),
    ("a photograph in a fire", face(liveness=Liveness.SPOOF), {"before": [FIRE]}, "granted by fire_release"),
    ("something unreadable in a fire", Unreadable(""), {"before": [FIRE]}, "granted by fire_release"),
    ("a resident in a fire", RESIDENT, {"before": [FIRE]}, "granted by fire_release"),
    ("a fire outranks the interlock", RESIDENT, {"before": [FIRE], "interlocked": True}, "granted by fire_release"),
    ("a fire waits for no fresh read", RESIDENT, {"before": [FIRE], "stale": True}, "granted by fire_release"),
    ("nor for a quick gateway", RESIDENT, {"before": [FIRE], "age_ms": 60_000}, "granted by fire_release"),
]  # fmt: skip

TABLES: dict[str, list[Case]] = {
    "who": WHO, "validity": VALIDITY, "uses": USES, "rules": RULES, "clock": CLOCK, "anti-passback": PASSBACK,
    "occupancy": OCCUPANCY, "place": PLACE, "lock-out": LOCKOUT, "factors": FACTORS, "company": COMPANY,
    "the way out": [(text, read, {"out": True} | given, answer) for text, read, given, answer in WAY_OUT],
}  # fmt: skip
CASES = [pytest.param(*case[1:], id=f"{table}: {case[0]}") for table, cases in TABLES.items() for case in cases]


@pytest.mark.parametrize(("credential", "given", "answer"), CASES)
def test_who_may_pass(credential: Presented, given: dict[str, Any], answer: str) -> None:
    assert said(ask(credential, **given)) == answer


def test_every_reason_to_refuse_has_its_case() -> None:
    answers = " ".join(case[3] for cases in TABLES.values() for case in cases)
    unsaid = {reason for reason in Reason if reason.value not in answers}
    assert unsaid == {Reason.STALE_READ, Reason.OTHER}  # the first is below; nothing here gives the second


# ---- the read itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", [False, True])
def test_a_stale_read_opens_nothing_not_even_the_way_out(out: bool) -> None:
    assert ask(RESIDENT, stale=True, out=out) == Deny(Reason.STALE_READ, ("card",))


@pytest.mark.parametrize("out", [False, True])
def test_a_read_that_waited_too_long_opens_nothing(out: bool) -> None:
    """Behind a stalled gateway: the person has gone, somebody else stands there."""
    assert said(ask(RESIDENT, age_ms=STALE_AFTER_MS + 1, out=out)) == "stale_read"
    assert said(ask(RESIDENT, age_ms=STALE_AFTER_MS, out=out)) == ALWAYS


def test_a_person_stands_before_the_door_no_longer_than_two_seconds() -> None:
    assert STALE_AFTER_MS == 2000


@pytest.mark.parametrize(
    ("agreed", "state", "expected"),
    [
        ({"p-resident": None}, ClockState.SYNCED, None),
        ({"p-resident": NOON + 1}, ClockState.SYNCED, None),
        ({"p-resident": NOON}, ClockState.SYNCED, Reason.CREDENTIAL_EXPIRED),
        ({"p-resident": NOON + 1}, ClockState.UNSET, Reason.UNTRUSTED_CLOCK),
        ({}, ClockState.SYNCED, Reason.CREDENTIAL_NOT_ENABLED),
        ({"p-staff": None}, ClockState.SYNCED, Reason.CREDENTIAL_NOT_ENABLED),
    ],
)
def test_what_a_terminal_matched_opens_for_who_agreed_to_it(
    agreed: dict[str, int | None], state: ClockState, expected: Reason | None
) -> None:
    """A terminal may still hold the face of somebody who has withdrawn, or never agreed; leaving is nobody denied."""
    book = msgspec.structs.replace(BOOK, consents=agreed)
    own = msgspec.structs.replace(face(), by_terminal=True)
    for direction in Direction:
        read = Read("r", "t-in", "gate", direction, UP, own)
        found = decide(Attempt(read), book, Place(GATE, Standing()), moment(state=state), Policy())
        assert getattr(found, "reason", None) == (expected if direction is Direction.IN else None)


# ---- what a decision carries -----------------------------------------------------------------------------------------


def test_a_grant_says_who_how_and_by_which_rule() -> None:
    assert ask(RESIDENT) == Grant("p-resident", "resident", "3-1-502", ("card",), "residents-always", timed=False)


def test_a_refusal_says_whose_credential_it_was_where_it_is_somebodys() -> None:
    assert ask(EXPIRED) == Deny(Reason.CREDENTIAL_EXPIRED, ("card",), "p-resident")
    assert ask(LOST) == Deny(Reason.REVOKED, ("card",), "p-resident")
    assert ask(STAFF) == Deny(Reason.NOT_PERMITTED_AT_THIS_TIME, ("card",), "p-staff")
    assert ask(CARD["barred"]) == Deny(Reason.UNAUTHORIZED, ("card",), "p-barred", "barred")
    assert ask(ticket(end=NOON - 1)) == Deny(Reason.CREDENTIAL_EXPIRED, ("qr",), "p-resident")
    assert ask(face(liveness=Liveness.SPOOF)) == Deny(Reason.LIVENESS_FAILED, ("face",), "p-resident")
    assert ask(Face("match", "p-nobody", 1, Liveness.SPOOF)) == Deny(Reason.LIVENESS_FAILED, ("face",))
    assert ask(Face("unknown", "p-resident", 1, Liveness.SPOOF)) == Deny(Reason.LIVENESS_FAILED, ("face",))
    assert ask(Face("ambiguous")) == Deny(Reason.FACE_AMBIGUOUS, ("face",))
    assert ask(Face("unknown")) == Deny(Reason.UNKNOWN_CREDENTIAL, ("face",))
    assert ask(face(), CARD_AND_PIN) == Deny(Reason.INVALID_IDENTIFIER, ("face",), "p-resident")
    assert ask(Unreadable("x")) == Deny(Reason.INVALID_IDENTIFIER, ("unreadable",))
    assert ask(CARD["off"]) == Deny(Reason.CREDENTIAL_NOT_ENABLED, ("card",), "p-off")
    assert ask(CARD["gone"]) == Deny(Reason.CREDENTIAL_EXPIRED, ("card",), "p-gone")
    assert ask(RESIDENT, recording=False) == Deny(Reason.JOURNAL_UNAVAILABLE, ("card",), "p-resident")
    assert ask(TWICE, before=[Uses("card/34/6", 2)]) == Deny(Reason.USES_EXHAUSTED, ("card",), "p-resident")
    assert ask(RESIDENT, before=[OLD]) == Deny(Reason.LOCKED_OUT, ("card",))


def test_a_refusal_by_the_place_says_which_rule_had_permitted() -> None:
    rule, how = "residents-always", ("card",)
    assert ask(RESIDENT, mode=Mode("blocked")) == Deny(Reason.DOOR_BLOCKED, how, "p-resident", rule)
    assert ask(RESIDENT, ARMED) == Deny(Reason.NOT_PERMITTED_AT_THIS_TIME, how, "p-resident", rule)
    assert ask(RESIDENT, interlocked=True) == Deny(Reason.INTERLOCK, how, "p-resident", rule)
    assert ask(RESIDENT, YARD, areas=[Area(name="yard", max_people=0)]) == Deny(
        Reason.OCCUPANCY, how, "p-resident", rule
    )
    assert ask(NOT_LIVE) == Deny(Reason.LIVENESS_FAILED, ("face",), "p-resident", rule)


def test_a_refusal_on_the_way_out_says_the_same() -> None:
    assert ask(Pin(claimed="p-resident"), out=True) == Deny(Reason.INVALID_PIN, ("pin",), "p-resident")
    assert ask(RESIDENT, out=True, interlocked=True) == Deny(Reason.INTERLOCK, ("card",), "p-resident")


def test_a_wait_says_what_would_help_and_for_how_long() -> None:
    card = Shown("card", "p-resident", "card/26/1000000")
    gate = door(ways=(("card", "pin"), ("card", "face")), factor_within_s=9.0)
    assert ask(RESIDENT, gate) == Wait(Reason.SECOND_FACTOR_MISSING, (card,), person("resident"), 9.0, ("pin", "face"))
    both = door(two_persons=TwoPersons(within_s=7.0))
    assert ask(RESIDENT, both) == Wait(Reason.SECOND_PERSON_MISSING, (card,), person("resident"), 7.0)
    visitor = Shown("card", "p-visitor", "card/26/1000006")
    led = door(escort=Escort(within_s=8.0))
    assert ask(VISITOR, led) == Wait(Reason.ESCORT_MISSING, (visitor,), person("visitor"), 8.0)


@pytest.mark.parametrize(
    ("credential", "factor"),
    [
        (RESIDENT, Shown("card", "p-resident", "card/26/1000000")),
        (TWICE, Shown("card", "p-resident", "card/34/6", 2)),
        (TODAYS, Shown("card", "p-resident", "card/34/2", timed=True)),
        (DURESS, Shown("card", "p-resident", "card/34/5", duress=True)),
        (PLATE, Shown("plate", "p-resident", "plate/AB12345")),
        (ticket(), Shown("qr", "p-resident", f"pass/{NOON + 1}/j-1", timed=True)),
        (pin(), Shown("pin", "p-resident")),
        (pin(duress=True), Shown("pin", "p-resident", duress=True)),
        (face(), Shown("face", "p-resident")),
        (NOT_LIVE, Shown("face", "p-resident", live=False)),
    ],
)
def test_what_is_remembered_of_a_factor_while_the_other_is_missing(credential: Presented, factor: Shown) -> None:
    wants_more = door(ways=tuple((kind, "child") for kind in ("card", "plate", "qr", "pin", "face")))
    decision = ask(credential, wants_more)
    assert isinstance(decision, Wait)
    assert decision.shown == (factor,)


def test_a_card_shown_again_and_again_is_remembered_once() -> None:
    card = Shown("card", "p-resident", "card/26/1000000")
    decision = ask(RESIDENT, CARD_AND_PIN, shown=[card])
    assert isinstance(decision, Wait)
    assert decision.shown == (card,)


def test_a_grant_names_every_factor_once_in_their_order_and_the_guard() -> None:
    decision = ask(RESIDENT, CARD_AND_PIN, shown=[shown("pin"), shown("card")], approved_by="g")
    assert isinstance(decision, Grant)
    assert decision.how == ("pin", "card", "guard")
    assert ask(pin(), CARD_AND_PIN, shown=[shown("card")], recording=False) == Deny(
        Reason.JOURNAL_UNAVAILABLE, ("card", "pin"), "p-resident"
    )


@pytest.mark.parametrize(
    ("credential", "given", "timed"),
    [
        (RESIDENT, {}, False),
        (STAFF, {"wall_ms": MORNING}, True),
        (TODAYS, {}, True),
        (CARD["guest"], {}, True),
        (CARD["gone"], {"wall_ms": MORNING}, True),  # from no day on, until some day
        (CARD["soon"], {"wall_ms": NIGHT}, True),
        (ticket(), {}, True),
        (CARD["volunteer"], {}, False),  # a rule without a schedule is enough
        (CARD["volunteer"], {"mode": Mode("locked_down")}, True),  # there it is the one with a schedule
        (pin(), {"door": CARD_AND_PIN, "shown": [shown("card", timed=True)]}, True),
        (TODAYS, {"out": True}, False),
    ],
)
def test_a_grant_that_hangs_on_the_clock_says_so(credential: Presented, given: dict[str, Any], timed: bool) -> None:
    decision = ask(credential, **given)
    assert isinstance(decision, Grant)
    assert decision.timed is timed


@pytest.mark.parametrize("given", [{}, {"out": True}, {"out": True, "before": [FIRE]}])
def test_who_needs_longer_gets_longer(given: dict[str, Any]) -> None:
    slow, quick = ask(CARD["elder"], **given), ask(RESIDENT, **given)
    assert isinstance(slow, Grant)
    assert isinstance(quick, Grant)
    assert (slow.longer, quick.longer) == (True, False)


def test_a_fire_lets_a_stranger_out_as_nobody() -> None:
    assert ask(Card(26, 5), out=True, before=[FIRE]) == Grant("", "", "", ("card",), "fire_release", timed=False)


def test_a_fire_lets_a_resident_out_and_remembers_it() -> None:
    decision = ask(RESIDENT, YARD, out=True, before=[FIRE, *inside("yard", "resident")], areas=[Area(name="yard")])
    assert decision == Grant(
        "p-resident", "resident", "3-1-502", ("card",), "fire_release", timed=False,
        changes=(Presence("yard", "p-resident", False),), undo=(Presence("yard", "p-resident", True),),
    )  # fmt: skip


def test_a_fire_lets_nobody_in() -> None:
    assert said(ask(Card(26, 5), before=[FIRE])) == "unknown_credential"


def identified(credential: Presented) -> Shown | Deny:
    return identify(Read("r", "t", "gate", Direction.IN, UP, credential), BOOK, moment(), Policy())


@pytest.mark.parametrize(
    ("credential", "refused"),
    [
        (Unreadable("x"), Deny(Reason.INVALID_IDENTIFIER, ("unreadable",))),
        (Card(26, 5), Deny(Reason.UNKNOWN_CREDENTIAL, ("card",))),
        (EXPIRED, Deny(Reason.CREDENTIAL_EXPIRED, ("card",), "p-resident")),
        (Pin(claimed="p-staff"), Deny(Reason.INVALID_PIN, ("pin",), "p-staff")),
        (ticket("nobody"), Deny(Reason.UNKNOWN_CREDENTIAL, ("qr",))),
        (ticket(end=NOON), Deny(Reason.CREDENTIAL_EXPIRED, ("qr",), "p-resident")),
        (face(liveness=Liveness.SPOOF), Deny(Reason.LIVENESS_FAILED, ("face",), "p-resident")),
        (Face("ambiguous"), Deny(Reason.FACE_AMBIGUOUS, ("face",))),
        (Face("unknown"), Deny(Reason.UNKNOWN_CREDENTIAL, ("face",))),
    ],
)
def test_a_credential_by_itself_is_refused_with_its_kind(credential: Presented, refused: Deny) -> None:
    assert identified(credential) == refused


def test_what_a_pass_with_limited_uses_is_remembered_by() -> None:
    assert identified(ticket(uses=3)) == Shown("qr", "p-resident", f"pass/{NOON + 1}/j-1", 3, timed=True)


def test_the_rules_by_themselves() -> None:
    def asked(name: str, wall_ms: int = NOON, clock: ClockState = ClockState.SYNCED) -> object:
        return permission(person(name), "gate", BOOK, moment(wall_ms, clock), Policy())

    by_id = {rule.id: rule for rule in BOOK.rules}
    name, timed = by_id["volunteer-by-name"], by_id["volunteer-in-lockdown"]
    assert asked("volunteer") == (name, [name, timed])
    assert asked("volunteer", NIGHT) == asked("volunteer", clock=UNSET) == (name, [name])
    assert asked("barred") == Deny(Reason.UNAUTHORIZED, (), "p-barred", "barred")
    assert asked("curfew", NIGHT) == Deny(Reason.NOT_PERMITTED_AT_THIS_TIME, (), "p-curfew", "child-curfew")
    assert asked("staff") == Deny(Reason.NOT_PERMITTED_AT_THIS_TIME, (), "p-staff")
    assert asked("staff", clock=UNSET) == Deny(Reason.UNTRUSTED_CLOCK, (), "p-staff")
    nobody = permission(person("staff"), "lobby", BOOK, moment(), Policy())
    assert nobody == Deny(Reason.UNAUTHORIZED, (), "p-staff")


# ---- duress ----------------------------------------------------------------------------------------------------------


def test_a_card_under_duress_opens_as_any_other_and_calls_for_help() -> None:
    assert ask(DURESS) == Grant("p-resident", "resident", "3-1-502", ("card",), "residents-always", False, duress=True)


def test_a_pin_under_duress_opens_as_any_other_and_calls_for_help() -> None:
    assert ask(pin(duress=True)) == Grant(
        "p-resident", "resident", "3-1-502", ("pin",), "residents-always", False, duress=True
    )


def test_the_earlier_factor_may_be_the_one_under_duress() -> None:
    decision = ask(pin(), CARD_AND_PIN, shown=[shown("card", duress=True)])
    assert isinstance(decision, Grant)
    assert decision.duress


@pytest.mark.parametrize("before", [[], [FIRE]])
def test_duress_on_the_way_out_calls_for_help_too(before: list[Any]) -> None:
    decision = ask(DURESS, out=True, before=before)
    assert isinstance(decision, Grant)
    assert decision.duress


# ---- what a decision changes -----------------------------------------------------------------------------------------


def test_a_use_is_counted_with_the_grant_and_given_back_when_nobody_went() -> None:
    decision = ask(TWICE, before=[Uses("card/34/6", 1)])
    assert isinstance(decision, Grant)
    assert decision.changes == (Uses("card/34/6", 2),)
    assert decision.undo == (Uses("card/34/6", 1),)


def test_the_same_credential_shown_twice_is_used_once() -> None:
    earlier = Shown("card", "p-resident", "card/34/6", 2)
    decision = ask(TWICE, CARD_AND_PIN, shown=[earlier, shown("pin")])
    assert isinstance(decision, Grant)
    assert decision.changes == (Uses("card/34/6", 1),)


@pytest.mark.parametrize("read", [RESIDENT, TWICE, ticket(uses=2)])
def test_a_use_is_not_counted_on_the_way_out(read: Any) -> None:
    """Who may come twice would have used both up by coming and leaving once."""
    decision = ask(read, out=True)
    assert isinstance(decision, Grant)
    assert decision.changes == decision.undo == ()


def test_the_first_person_arms_the_door_for_the_local_day() -> None:
    decision = ask(GUARD, ARMED)
    assert isinstance(decision, Grant)
    assert decision.changes == (Armed("gate", TODAY),)
    late = ask(GUARD, ARMED, wall_ms=NOON + 12 * HOUR)
    assert isinstance(late, Grant)
    assert late.changes == (Armed("gate", TODAY + 1),)


@pytest.mark.parametrize(
    "given",
    [
        {"before": [Armed("gate", TODAY)]},  # it is armed
        {"clock": UNSET},  # for which day, nobody knows
        {"out": True},
        {"door": door(first_person=FirstPerson(mode="hold", categories=("guard",)))},
        {"door": door(first_person=FirstPerson(mode="arm", categories=("staff",))), "before": [Armed("gate", TODAY)]},
    ],
)
def test_who_arms_nothing(given: dict[str, Any]) -> None:
    decision = ask(GUARD, **({"door": ARMED} | given))
    assert isinstance(decision, Grant)
    assert [change for change in decision.changes if isinstance(change, Armed)] == []


def test_a_door_armed_yesterday_is_armed_anew() -> None:
    decision = ask(GUARD, ARMED, before=[Armed("gate", TODAY - 1)])
    assert isinstance(decision, Grant)
    assert decision.changes == (Armed("gate", TODAY),)


WRONG = (Tries("north-in", 1),)


@pytest.mark.parametrize(
    ("credential", "counted"),
    [
        (Card(26, 5), WRONG),
        (Pin(), WRONG),
        (ticket("nobody"), WRONG),
        (Face("unknown"), ()),  # somebody walking past
        (Unreadable(""), ()),
        (EXPIRED, ()),
        (STAFF, ()),
    ],
)
def test_what_counts_as_a_wrong_try(credential: Presented, counted: tuple[Tries, ...]) -> None:
    decision = ask(credential)
    assert isinstance(decision, Deny)
    assert decision.changes == counted


def test_a_wrong_try_on_the_way_out_locks_nobody_in() -> None:
    decision = ask(Pin(), out=True)
    assert isinstance(decision, Deny)
    assert decision.changes == ()


def test_the_fifth_wrong_try_locks_the_terminal_and_a_right_one_forgets() -> None:
    standing = Standing()
    for wrong in range(1, 5):
        decision = ask(Pin(), standing=standing)
        assert isinstance(decision, Deny)
        assert decision.changes == (Tries("north-in", wrong),)
        standing.apply(*decision.changes)
    decision = ask(Pin(), standing=standing)
    assert isinstance(decision, Deny)
    assert decision.changes == (Tries("north-in", 0, 1, UP + 30_000, BOOT),)
    standing.apply(*decision.changes)
    assert said(ask(RESIDENT, standing=standing)) == "locked_out"
    standing.apply(Tries("north-in", 0, 1, UP, BOOT))
    right = ask(RESIDENT, standing=standing)
    assert isinstance(right, Grant)
    assert right.changes == (Tries("north-in"),)


def test_the_policy_of_the_site_counts_the_tries() -> None:
    decision = ask(Pin(), policy=Policy(wrong_tries=1, lockout_s=60.0))
    assert isinstance(decision, Deny)
    assert decision.changes == (Tries("north-in", 0, 1, UP + 60_000, BOOT),)


def test_who_goes_in_is_in_and_who_goes_out_is_out() -> None:
    """Read at the door, in the area behind it, and no longer in the one before it."""
    gate = door(anti_passback="hard", area="yard", from_area="park")
    areas = [Area(name="yard"), Area(name="park")]
    now = At.of(moment())
    entering = ask(RESIDENT, gate, areas=areas, before=inside("park", "resident"))
    assert isinstance(entering, Grant)
    assert entering.changes == (
        Presence("door/gate", "p-resident", True, now),
        Presence("park", "p-resident", False),
        Presence("yard", "p-resident", True, now),
    )
    leaving = ask(RESIDENT, gate, out=True, areas=areas, before=inside("yard", "resident", entered=long_ago(3)))
    assert isinstance(leaving, Grant)
    assert leaving.changes == (
        Presence("door/gate", "p-resident", False),
        Presence("yard", "p-resident", False, long_ago(3)),
        Presence("park", "p-resident", True, now),
    )


def test_a_timed_limit_that_nobody_can_tell_hides_no_hard_one() -> None:
    gate = door(timed_min=10, area="yard")
    before = [*inside("door/gate", "resident", entered=long_ago(30, BOOT_BEFORE)), *inside("yard", "resident")]
    areas = [Area(name="yard", anti_passback="hard")]
    given: dict[str, Any] = {"areas": areas, "before": before, "clock": UNSET}
    assert said(ask(RESIDENT, gate, **given, policy=ALLOW)) == "anti_passback by residents-always"
    assert said(ask(RESIDENT, gate, **given)) == "anti_passback by residents-always"


def test_an_untrusted_clock_takes_every_combination_that_may_be_wanted() -> None:
    """Whatever the hour is, what was shown would open: card and PIN, or the plate with either."""
    gate = door(ways=(("card",), ("plate",)), ways_at=(WaysAt(schedule="curfew", ways=(("card", "pin"), ("plate",))),))
    assert said(ask(PLATE, gate, clock=UNSET)) == ALWAYS
    assert said(ask(RESIDENT, gate, clock=UNSET)) == "waits: second_factor_missing (pin)"
    assert said(ask(pin(), gate, clock=UNSET, shown=[shown("card")])) == ALWAYS
