"""The JSON API: everything the pages do, for property-management systems and whoever else has a token."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.routing import Route

from edge_agent.console import alarms as alarm_pages
from edge_agent.console import evidence as evidence_pages
from edge_agent.console import visit_api, wall
from edge_agent.console.desk import Desk
from edge_agent.console.endpoint import Asked, Endpoint, Nothing, Refused
from edge_agent.console.endpoint import routes as endpoint_routes
from edge_agent.console.needs import AlarmView, DoorView, EvidenceFile, PersonFile, PersonRow, Said
from edge_agent.console.openapi import PARAMETER, document
from edge_agent.console.people import FIELDS
from edge_agent.console.stream import open_alarms
from edge_agent.model.accounts import Right
from edge_agent.model.commands import Done
from edge_agent.model.events import AuditViewed, UnknownEvent, encode_event
from edge_agent.model.evidence import Exhibit
from edge_agent.model.look import Hour, Search

Text = Annotated[str, Meta(max_length=200)]
Short = Annotated[str, Meta(max_length=80)]
Id = Annotated[str, Meta(pattern=PARAMETER, max_length=64)]
Instant = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Limit = Annotated[int, Meta(ge=1, le=200)]


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what is asked: an unknown parameter is an error, never ignored."""


class Me(msgspec.Struct, frozen=True):
    name: str
    role: str
    rights: tuple[Right, ...]


class Order(Asking, frozen=True):
    """`door` absent: every door. Lockdown and evacuation want their verb again in `confirm`."""

    verb: Literal["open", "lock", "unlock", "block", "double_lock", "normal", "lockdown", "evacuate", "end_lockdown",
                  "end_evacuation", "approve"]  # fmt: skip
    door: Short | None = None
    for_min: Annotated[int, Meta(ge=1, le=10_080)] | None = None
    why: Text = ""
    confirm: Short = ""


class Answer(Asking, frozen=True):
    """One step of answering an alarm; `outcome` when it is closed, `drill` when it is acknowledged."""

    alarm: Annotated[str, Meta(min_length=1, max_length=128)]
    verb: Literal["acknowledge", "dispatch", "arrive", "close", "clear"]
    who: Short = ""
    outcome: Literal["", "real", "false", "drill", "test"] = ""
    why: Text = ""
    drill: bool = False


class Verdict(Asking, frozen=True):
    """What a piece of evidence shows of the alert it was kept of."""

    verdict: Literal["true", "false", "unsure"]
    why: Text = ""


class EventQuery(Asking, frozen=True):
    """Times in Unix ms, `until` exclusive; `person`: id, name or house; `before`: `next` of the page before."""

    person: Short = ""
    door: Short = ""
    tag: Short = ""
    verdict: Literal["", "granted", "denied"] = ""
    reason: Short = ""
    from_ms: Instant | None = None
    until_ms: Instant | None = None
    before: Instant | None = None
    limit: Limit = 50


class EventView(msgspec.Struct, frozen=True):
    """One event. `id`: as the city knows it; `data`: its fields (docs/reference/events.md)."""

    seq: int
    id: str
    tag: str
    wall_ms: int
    clock: str
    data: dict[str, Any]


class EventPage(msgspec.Struct, frozen=True):
    events: tuple[EventView, ...]
    total: int
    next: int | None


class FlowQuery(Asking, frozen=True):
    from_ms: Instant
    until_ms: Instant
    door: Short = ""


class PeopleQuery(Asking, frozen=True):
    text: Short = ""
    category: Short = ""
    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Limit = 50


class PersonGiven(Asking, frozen=True):
    """As a line of a people CSV; what is absent stays as it is. Dates are local: 2026-05-04 or with a time."""

    name: Short | None = None
    category: Short | None = None
    house: Short | None = None
    valid_from: Short | None = None
    valid_until: Short | None = None
    card: Short | None = None
    card_format: Short | None = None
    plate: Short | None = None
    pin: Short | None = None
    phone: Short | None = None
    host: Short | None = None
    needs_longer: Short | None = None
    escort_exempt: Short | None = None


class Written(msgspec.Struct, frozen=True):
    what: str


class Change(Asking, frozen=True):
    """`ref` of what is held, for revoke; `purpose` of a consent, for withdraw."""

    verb: Literal["block", "unblock", "revoke", "withdraw"]
    ref: Text = ""
    purpose: Literal["match", "keep_image", "provide_to_city"] = "match"


class FaceQuery(Asking, frozen=True):
    """`consent`: version of the text that was agreed to; empty: one that is in force already."""

    consent: Short = ""
    guardian: Short = ""


class ListQuery(Asking, frozen=True):
    dry_run: bool = True


class Devices(msgspec.Struct, frozen=True):
    """Devices that are away now, and whether events can be recorded."""

    lost: tuple[str, ...]
    recording: bool
    last: int
    confirmed: int
    clock: str


async def me(desk: Desk, asked: Asked) -> Me:
    return Me(asked.who.name, asked.who.role, tuple(sorted(asked.who.rights)))


async def doors(desk: Desk, asked: Asked) -> list[DoorView]:
    return desk.needs.doors()


async def order(desk: Desk, asked: Asked) -> Done:
    body: Order = asked.body
    if body.verb in wall.DRASTIC and body.confirm != body.verb:
        raise Refused(409, "confirm", f"say {body.verb} again in confirm")
    minutes = "" if body.for_min is None else str(body.for_min)
    return _good(desk, asked, await wall.carry_out(desk, asked.who, body.verb, body.door, minutes, body.why))


async def alarms(desk: Desk, asked: Asked) -> list[AlarmView]:
    return open_alarms(desk.needs.alarms(), silent=asked.who.may("silent"))


async def answer(desk: Desk, asked: Asked) -> Done:
    body: Answer = asked.body
    said = {"who": body.who, "outcome": body.outcome, "why": body.why} | ({"drill": "yes"} if body.drill else {})
    return _good(desk, asked, await alarm_pages.step(desk, asked.who, body.verb, body.alarm, said))


def _good(desk: Desk, asked: Asked, done: Done) -> Done:
    if not done.good:
        raise Refused(409, done.code, desk.pages.word(done.code, asked.lang))
    return done


async def events(desk: Desk, asked: Asked) -> EventPage:
    query: EventQuery = asked.query
    persons = await desk.needs.office.ids(query.person) if query.person else None
    found = await desk.needs.look.search(
        Search(
            persons=persons, door=query.door, tag=query.tag, verdict=query.verdict, reason=query.reason,
            from_ms=query.from_ms, until_ms=query.until_ms, before=query.before, limit=query.limit,
            silent=asked.who.may("silent"),
        )
    )  # fmt: skip
    desk.audit(AuditViewed(by=asked.who.name, what="history", count=len(found.rows)))
    views = [EventView(row.seq, row.id, row.tag, row.wall_ms, row.clock, _data(row.event)) for row in found.rows]
    return EventPage(tuple(views), found.total, found.next)


def _data(event: Any) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(event.raw if isinstance(event, UnknownEvent) else encode_event(event))
    return data


async def flow(desk: Desk, asked: Asked) -> list[Hour]:
    query: FlowQuery = asked.query
    return await desk.needs.look.hours(query.from_ms, query.until_ms, query.door)


async def people(desk: Desk, asked: Asked) -> list[PersonRow]:
    query: PeopleQuery = asked.query
    rows = await desk.needs.office.find(query.text, query.category, query.after, query.limit)
    desk.audit(AuditViewed(by=asked.who.name, what="people", count=len(rows)))
    return rows


async def person(desk: Desk, asked: Asked) -> PersonFile:
    id_ = _id(asked)
    file = await desk.needs.office.file(id_)
    if file is None:
        raise Refused(404, "no_person", "there is nobody with this id")
    desk.audit(AuditViewed(by=asked.who.name, what="person", person=id_))
    return file


async def put_person(desk: Desk, asked: Asked) -> Written:
    given = {key: text for key in FIELDS if (text := getattr(asked.body, key, None)) is not None}
    return Written(await desk.needs.office.put(given | {"person_id": _id(asked)}, asked.who.name))


async def change_person(desk: Desk, asked: Asked) -> Said:
    body, office, id_ = asked.body, desk.needs.office, _id(asked)
    match body.verb:
        case "block" | "unblock":
            await office.enable(id_, body.verb == "unblock", asked.who.name)
        case "revoke":
            await office.revoke(id_, body.ref, asked.who.name)
        case _:
            return _said(await office.withdraw(id_, body.purpose, asked.lang))
    return Said(True, ())


async def remove_person(desk: Desk, asked: Asked) -> Said:
    return _said(await desk.needs.office.remove(_id(asked), asked.lang))


async def enrol(desk: Desk, asked: Asked) -> Said:
    query: FaceQuery = asked.query
    if not asked.body:
        raise Refused(422, "malformed", "the body is the photograph")
    return _said(
        await desk.needs.office.enrol(_id(asked), asked.body, query.consent, query.guardian, asked.who.name, asked.lang)
    )


async def take_list(desk: Desk, asked: Asked) -> Said:
    """Also what was left out is an answer: the lines say it."""
    if not asked.body:
        raise Refused(422, "malformed", "the body is the list")
    return await desk.needs.office.take_list("list.csv", asked.body, asked.query.dry_run, asked.lang)


def _said(said: Said) -> Said:
    if not said.good:
        raise Refused(409, "refused", " ".join(said.lines)[:2000])
    return said


def _id(asked: Asked) -> str:
    if not re.fullmatch(PARAMETER, asked.path["person"]):
        raise Refused(422, "malformed", "person: letters, digits, . _ -, at most 64")
    return asked.path["person"]


async def evidence_kept(desk: Desk, asked: Asked) -> list[Exhibit]:
    kept = desk.needs.exhibits.kept()
    desk.audit(AuditViewed(by=asked.who.name, what="evidence", count=len(kept)))
    return kept


async def evidence_file(desk: Desk, asked: Asked) -> EvidenceFile:
    """Checked as it is asked for."""
    file = await desk.needs.exhibits.file(asked.path["evidence"])
    if file is None:
        raise Refused(404, "no_evidence")
    desk.audit(AuditViewed(by=asked.who.name, what=f"evidence/{file.exhibit.evidence}"))
    return file


async def judge(desk: Desk, asked: Asked) -> Done:
    body: Verdict = asked.body
    done = await evidence_pages.judge(desk, asked.who, asked.path["evidence"], body.verdict, body.why)
    return _good(desk, asked, done)


async def devices(desk: Desk, asked: Asked) -> Devices:
    journal = desk.needs.journal
    clock = str(desk.needs.clock.now().state)
    return Devices(desk.needs.lost(), journal.accepting, journal.last, journal.acked, clock)


async def described(desk: Desk, asked: Asked) -> dict[str, Any]:
    return document(ENDPOINTS)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(method="GET", path="/me", right=None, do=me, summary="Who is asking, and what for", answer=Me),
    Endpoint(method="GET", path="/openapi.json", right=None, do=described, summary="This document",
             answer=dict[str, Any]),
    Endpoint(method="GET", path="/doors", right="wall", do=doors, summary="How every door stands now",
             answer=list[DoorView]),
    Endpoint(method="POST", path="/orders", right="doors", do=order, summary="Move doors", body=Order, answer=Done),
    Endpoint(method="GET", path="/alarms", right="alarms", do=alarms, summary="Alarms that are being answered",
             answer=list[AlarmView]),
    Endpoint(method="POST", path="/alarms", right="alarms", do=answer, summary="Answer an alarm", body=Answer,
             answer=Done),
    Endpoint(method="GET", path="/events", right="history", do=events, summary="What happened, newest first",
             query=EventQuery, answer=EventPage),
    Endpoint(method="GET", path="/flow", right="history", do=flow, summary="Passages by the hour", query=FlowQuery,
             answer=list[Hour]),
    Endpoint(method="GET", path="/people", right="people", do=people, summary="People, by id", query=PeopleQuery,
             answer=list[PersonRow]),
    Endpoint(method="POST", path="/people-list", right="people_edit", do=take_list,
             summary="A list of people; with dry_run only what would change", query=ListQuery, takes="text/csv",
             answer=Said),
    Endpoint(method="GET", path="/people/{person}", right="people", do=person, summary="One person",
             answer=PersonFile),
    Endpoint(method="PUT", path="/people/{person}", right="people_edit", do=put_person, summary="Add or update",
             body=PersonGiven, answer=Written),
    Endpoint(method="POST", path="/people/{person}", right="people_edit", do=change_person,
             summary="Block, revoke, withdraw a consent", body=Change, answer=Said),
    Endpoint(method="DELETE", path="/people/{person}", right="people_edit", do=remove_person,
             summary="Remove with all that hung on them; the lines are the proof", answer=Said),
    Endpoint(method="POST", path="/people/{person}/face", right="people_edit", do=enrol,
             summary="Enrol a face from a photograph", query=FaceQuery, takes="image/jpeg", answer=Said),
    Endpoint(method="GET", path="/evidence", right="history", do=evidence_kept, summary="Evidence kept here",
             answer=list[Exhibit]),
    Endpoint(method="GET", path="/evidence/{evidence}", right="history", do=evidence_file,
             summary="A piece of evidence, checked now", answer=EvidenceFile),
    Endpoint(method="POST", path="/evidence/{evidence}/review", right="alarms", do=judge,
             summary="Say what a piece of evidence shows", body=Verdict, answer=Done),
    Endpoint(method="GET", path="/devices", right="devices", do=devices, summary="Health of gateway and devices",
             query=Nothing, answer=Devices),
    *visit_api.ENDPOINTS,
)  # fmt: skip


def routes(desk: Desk) -> list[Route]:
    return endpoint_routes(desk, ENDPOINTS)


if __name__ == "__main__":
    made = msgspec.json.format(msgspec.json.encode(document(ENDPOINTS), order="deterministic"), indent=1)
    Path(sys.argv[1]).write_bytes(made + b"\n")
