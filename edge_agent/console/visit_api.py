"""The JSON API of visitors, patrols, hazards and duty: the orders of the pages, with their own structs."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge_agent.console import rounds, visits
from edge_agent.console.desk import Desk
from edge_agent.console.endpoint import Asked, Endpoint, Refused
from edge_agent.errors import VisitError
from edge_agent.model import rounds as r
from edge_agent.model import visit_orders
from edge_agent.model import visits as v
from edge_agent.model.events import AuditViewed


class VisitStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`answer` and `who` for confirm, `until_ms` for extend, `desk`, `card_ms` and `confirmed_by` for arrive."""

    verb: Literal["arrive", "confirm", "leave", "cancel", "refuse", "extend", "renew"]
    answer: Literal["asked", "confirmed", "declined"] = "confirmed"
    who: v.Short = ""
    until_ms: v.Instant | None = None
    desk: v.Short = ""
    card_ms: v.Instant | None = None
    confirmed_by: v.Short = ""


class Scanned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a pass, or a short code."""

    text: Annotated[str, Meta(min_length=1, max_length=3000)]


class DocumentOnDesk(msgspec.Struct, frozen=True):
    """What lies on a desk's reader. `barred`: why not to let in; `expected`: visits that may be theirs."""

    desk: str
    up_ms: int
    name: str
    document: str
    doubts: tuple[str, ...]
    valid_until: str | None
    barred: str
    expected: tuple[v.Card, ...]


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["fixed", "referred", "unfounded"] = "fixed"


class HazardPhoto(msgspec.Struct, frozen=True):
    """`photo` in base64; `kind`: jpg, png or webp."""

    kind: str
    photo: bytes


class Gone(msgspec.Struct, frozen=True):
    gone: str


def _args(order: Any) -> dict[str, Any]:
    """What was said of an order, as the order is made of again."""
    return {field: value for field, value in msgspec.structs.asdict(order).items() if value not in (None, "", ())}


async def _ask(desk: Desk, asked: Asked, verb: str, /, **args: Any) -> Any:
    try:
        return await visits.order(desk, asked.who, verb, **args)
    except VisitError as error:
        if error.code in ("visit.unknown", "visit.no_bar"):
            raise Refused(404, error.code, error.text(asked.lang)) from error
        raise


async def find(desk: Desk, asked: Asked) -> list[v.Card]:
    cards: list[v.Card] = await _ask(desk, asked, "find", **_args(asked.query))
    desk.audit(AuditViewed(by=asked.who.name, what="visits", count=len(cards)))
    return cards


async def expect(desk: Desk, asked: Asked) -> list[v.Card]:
    cards: list[v.Card] = await _ask(desk, asked, "expect", **_args(asked.body))
    return cards


async def walk_in(desk: Desk, asked: Asked) -> list[v.Card]:
    cards: list[v.Card] = await _ask(desk, asked, "walk_in", **_args(asked.body))
    return cards


async def show(desk: Desk, asked: Asked) -> v.Card:
    return await _shown(desk, asked, asked.path["visit"])


async def scan(desk: Desk, asked: Asked) -> v.Card:
    return await _shown(desk, asked, asked.body.text)


async def _shown(desk: Desk, asked: Asked, visit: str) -> v.Card:
    card: v.Card = (await _ask(desk, asked, "show", visit=visit))[0]
    desk.audit(AuditViewed(by=asked.who.name, what="visit", person=card.visit.id))
    return card


async def step(desk: Desk, asked: Asked) -> v.Card:
    body: VisitStep = asked.body
    args: dict[str, Any] = {"visit": asked.path["visit"]}
    match body.verb:
        case "confirm":
            args |= {"answer": body.answer, "who": body.who}
        case "extend":
            if body.until_ms is None:
                raise Refused(422, "malformed", "until_ms: until when it is extended")
            args["until_ms"] = body.until_ms
        case "arrive":
            args |= {"desk": body.desk, "card_ms": body.card_ms, "confirmed_by": body.confirmed_by}
    card: v.Card = (await _ask(desk, asked, body.verb, **args))[0]
    return card


async def hosts(desk: Desk, asked: Asked) -> list[v.Host]:
    found: list[v.Host] = await _ask(desk, asked, "hosts", text=asked.query.text)
    desk.audit(AuditViewed(by=asked.who.name, what="hosts", count=len(found)))
    return found


async def draft(desk: Desk, asked: Asked) -> DocumentOnDesk | None:
    found = await _ask(desk, asked, "draft", desk=asked.query.desk)
    if found is None:
        return None
    desk.audit(AuditViewed(by=asked.who.name, what="document"))
    return DocumentOnDesk(**found | {"expected": tuple(found["expected"])})


async def bars(desk: Desk, asked: Asked) -> list[v.Bar]:
    found: list[v.Bar] = await _ask(desk, asked, "bars")
    desk.audit(AuditViewed(by=asked.who.name, what="blacklist", count=len(found)))
    return found


async def bar(desk: Desk, asked: Asked) -> v.Bar:
    made: v.Bar = await _ask(desk, asked, "bar", **_args(asked.body))
    return made


async def unbar(desk: Desk, asked: Asked) -> Gone:
    await _ask(desk, asked, "unbar", bar=asked.path["bar"])
    return Gone(asked.path["bar"])


# ---- rounds ----------------------------------------------------------------------------------------------------------


async def patrols(desk: Desk, asked: Asked) -> list[r.RunNow]:
    found: list[r.RunNow] = await rounds.order(desk, asked.who, "patrol.show")
    return found


async def walk(desk: Desk, asked: Asked) -> r.Passed:
    done: r.Passed = await rounds.order(desk, asked.who, "patrol.scan", code=asked.body.code)
    return done


async def hazards(desk: Desk, asked: Asked) -> list[r.Hazard]:
    found: list[r.Hazard] = await rounds.order(desk, asked.who, "hazard.find", show=asked.query.show)
    return found


async def report(desk: Desk, asked: Asked) -> r.Hazard:
    made: r.Hazard = await rounds.order(desk, asked.who, "hazard.report", **_args(asked.body))
    return made


async def close(desk: Desk, asked: Asked) -> r.Hazard:
    done: r.Hazard = await rounds.order(
        desk, asked.who, "hazard.close", hazard=asked.path["hazard"], outcome=asked.body.outcome
    )
    return done


async def photo(desk: Desk, asked: Asked) -> HazardPhoto:
    data, kind = await rounds.order(desk, asked.who, "hazard.photo", hazard=asked.path["hazard"])
    return HazardPhoto(kind, data)


async def duty(desk: Desk, asked: Asked) -> list[r.Duty]:
    found: list[r.Duty] = await rounds.order(desk, asked.who, "duty.show")
    return found


async def begin(desk: Desk, asked: Asked) -> r.Duty:
    made: r.Duty = await rounds.order(desk, asked.who, "duty.begin", post=asked.body.post)
    return made


async def end(desk: Desk, asked: Asked) -> r.Duty:
    made: r.Duty = await rounds.order(desk, asked.who, "duty.end")
    return made


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(method="GET", path="/visits", right="visits", do=find, summary="Visits, by state and text",
             query=visit_orders.Find, answer=list[v.Card]),
    Endpoint(method="POST", path="/visits", right="visits", do=expect, summary="Pre-register a visit, or a group",
             body=visit_orders.Form, answer=list[v.Card]),
    Endpoint(method="POST", path="/walk-ins", right="visits", do=walk_in, summary="Enter a visitor and let in at once",
             body=visit_orders.Form, answer=list[v.Card]),
    Endpoint(method="POST", path="/scans", right="visits", do=scan, summary="The visit of a pass or a short code",
             body=Scanned, answer=v.Card),
    Endpoint(method="GET", path="/visits/{visit}", right="visits", do=show, summary="One visit with its pass",
             answer=v.Card),
    Endpoint(method="POST", path="/visits/{visit}", right="visits", do=step, summary="One step of a visit",
             body=VisitStep, answer=v.Card),
    Endpoint(method="GET", path="/visit-hosts", right="visits", do=hosts, summary="Who may be visited",
             query=visit_orders.Hosts, answer=list[v.Host]),
    Endpoint(method="GET", path="/visit-document", right="visits", do=draft, summary="What lies on a desk's reader",
             query=visit_orders.AtDesk, answer=DocumentOnDesk | None),
    Endpoint(method="GET", path="/visit-bars", right="visits", do=bars, summary="The blacklist", answer=list[v.Bar]),
    Endpoint(method="POST", path="/visit-bars", right="visits", do=bar, summary="Put on the blacklist: exactly one of"
             " number, phone, plate and visit", body=visit_orders.PutBar, answer=v.Bar),
    Endpoint(method="DELETE", path="/visit-bars/{bar}", right="visits", do=unbar, summary="Take off the blacklist",
             answer=Gone),
    Endpoint(method="GET", path="/patrols", right="patrol", do=patrols, summary="Runs of the last day and now",
             answer=list[r.RunNow]),
    Endpoint(method="POST", path="/patrols", right="patrol", do=walk, summary="The tag of a patrol point was read",
             body=r.Scan, answer=r.Passed),
    Endpoint(method="GET", path="/hazards", right="patrol", do=hazards, summary="Hazards", query=r.Hazards,
             answer=list[r.Hazard]),
    Endpoint(method="POST", path="/hazards", right="patrol", do=report, summary="Report a hazard; photo in base64",
             body=r.Report, answer=r.Hazard),
    Endpoint(method="POST", path="/hazards/{hazard}", right="patrol", do=close, summary="Close a hazard", body=Outcome,
             answer=r.Hazard),
    Endpoint(method="GET", path="/hazards/{hazard}/photo", right="patrol", do=photo, summary="The photo of a hazard",
             answer=HazardPhoto),
    Endpoint(method="GET", path="/duty", right="patrol", do=duty, summary="Who is on duty", answer=list[r.Duty]),
    Endpoint(method="POST", path="/duty", right="patrol", do=begin, summary="Begin duty", body=r.Begin, answer=r.Duty),
    Endpoint(method="DELETE", path="/duty", right="patrol", do=end, summary="End duty", answer=r.Duty),
)  # fmt: skip
