"""Visitors at the console: the desk (scan, walk in, expected, inside, overstaying), one visit, badge, blacklist.

Every step is an order like one of the control socket, under the name of who is signed in; what it comes to is told in
words. A list is on record once it was looked at, a visit each time.
"""

import asyncio
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from edge_agent.console import visit_phone
from edge_agent.console.badge import Badge, badge_html, qr_picture, spaced
from edge_agent.console.desk import Desk
from edge_agent.console.render import wants_part
from edge_agent.console.session import guarded
from edge_agent.console.visit_forms import found_host, instant_of, typed
from edge_agent.errors import EdgeAgentError, VisitError
from edge_agent.model.accounts import Who
from edge_agent.model.commands import Operation
from edge_agent.model.events import AuditViewed
from edge_agent.model.visits import KINDS, Answer, Bar, Card, Host

LISTS = ("inside", "expected", "overstaying", "ended")
STEPS = ("arrive", "leave", "cancel", "refuse", "renew")
SAID = ("intercom", "telephone", "in_person")  # how a guard knows that the host agreed


async def order(desk: Desk, who: Who, verb: str, /, **args: Any) -> Any:
    """What came of an order about visits. Raises EdgeAgentError with what is wrong."""
    done = await desk.needs.carry_out(Operation(f"visit.{verb}", who.name, args=args))
    if not done.good:
        raise VisitError(done.code)
    return done.answer


async def _cards(desk: Desk, who: Who, show: str, text: str) -> list[Card]:
    found: list[Card] = await order(desk, who, "find", show=show, text=text)
    return found


# ---- the desk --------------------------------------------------------------------------------------------------------


async def show(desk: Desk, request: Request, who: Who) -> Response:
    given = await _list(desk, request, who)
    desk.audit(AuditViewed(by=who.name, what="visits", count=len(given["cards"])))
    form = {key: value[:80] for key, value in request.query_params.items()}
    given |= {
        "kinds": KINDS, "said": SAID, "desks": desk.needs.config.desks, "draft": await _draft(desk, request, who),
        "form": form, "doors": [door.name for door in desk.needs.config.doors], "at": request.cookies.get("desk", ""),
    }  # fmt: skip
    return desk.pages.page(request, "visits.html", **given)


async def rows(desk: Desk, request: Request, who: Who) -> Response:
    """The list again, as it changes; only another search is on record."""
    given = await _list(desk, request, who)
    if given["text"]:
        desk.audit(AuditViewed(by=who.name, what="visits", count=len(given["cards"])))
    return desk.pages.page(request, "visit_rows.html", **given)


async def _list(desk: Desk, request: Request, who: Who) -> dict[str, Any]:
    wanted, text = (request.query_params.get(key, "").strip()[:64] for key in ("show", "text"))
    wanted = wanted if wanted in LISTS else "inside"
    cards = await _cards(desk, who, wanted, text)
    return {"cards": cards, "show": wanted, "text": text, "lists": LISTS, "now_ms": desk.needs.clock.now().wall_ms}


async def _draft(desk: Desk, request: Request, who: Who) -> dict[str, Any] | None:
    """The document on the desk that this screen was said to stand at, else on the first that has one."""
    desks, at = desk.needs.config.desks, request.cookies.get("desk", "")
    for one in [one for one in desks if one.name == at] or desks:
        draft: dict[str, Any] | None = await order(desk, who, "draft", desk=one.name)
        if draft is not None:
            names = ",".join(card.visit.id for card in draft["expected"])
            return {**draft, "seen": f"{one.name}/{draft['up_ms']}/{names}/{draft['barred']}"}
    return None


async def on_desk(desk: Desk, request: Request, who: Who) -> Response:
    """What lies on the reader, when it is not what is shown already."""
    draft = await _draft(desk, request, who)
    if request.query_params.get("seen", "") == (draft["seen"] if draft else ""):
        return Response(status_code=204)
    if draft:
        desk.audit(AuditViewed(by=who.name, what="document"))
    return desk.pages.page(request, "visit_draft.html", draft=draft, desks=desk.needs.config.desks)


async def hosts(desk: Desk, request: Request, who: Who) -> Response:
    """For the list under the field in which the host is typed."""
    text = request.query_params.get("host", "").strip()[:64]
    found: list[Host] = await order(desk, who, "hosts", text=text) if text else []
    if found:
        desk.audit(AuditViewed(by=who.name, what="hosts", count=len(found)))
    return desk.pages.page(request, "visit_hosts.html", hosts=found)


# ---- orders ----------------------------------------------------------------------------------------------------------


async def enter(desk: Desk, request: Request, who: Who) -> Response:
    """POST verb (walk_in, expect) and the form."""
    form = await request.form()
    lang, verb = desk.pages.lang(request), "expect" if form.get("verb") == "expect" else "walk_in"
    try:
        args = typed(form, desk.pages)
        text = str(form.get("host", "")).strip()[:64]
        args |= found_host(text, await order(desk, who, "hosts", text=text) if text else [])
        cards = await order(desk, who, verb, **args)
    except EdgeAgentError as error:
        return _refused(desk, request, error.text(lang))
    return _done(desk, request, verb, cards)


async def scan(desk: Desk, request: Request, who: Who) -> Response:
    """POST text: a pass, a short code or an id. Expected: let in; inside: shown, to be checked out by one key."""
    text = str((await request.form()).get("text", "")).strip()[:3000]
    try:
        card: Card = (await order(desk, who, "show", visit=text))[0]
        if card.visit.state != "expected":
            desk.audit(AuditViewed(by=who.name, what="visit", person=card.visit.id))
            return _done(desk, request, "found", [card])
        return _done(desk, request, "arrive", await order(desk, who, "arrive", visit=card.visit.id))
    except EdgeAgentError as error:
        return _refused(desk, request, error.text(desk.pages.lang(request)))


async def step(desk: Desk, request: Request, who: Who) -> Response:
    """POST verb and visit or group; for confirm: answer and who; for arrive: desk and confirmed_by; until."""
    form = {key: str(value).strip()[:200] for key, value in (await request.form()).items()}
    verb, args = form.get("verb", ""), {key: form[key] for key in ("visit", "group") if form.get(key)}
    try:
        match verb:
            case "confirm":
                said = form.get("answer", "")
                args["answer"] = said if said in get_args(Answer) else "?"
                args |= {"who": form["who"]} if form.get("who") else {}
            case "extend":
                args["until_ms"] = instant_of(form.get("until", ""), desk.pages)  # type: ignore[assignment]
            case "arrive":
                args |= {key: form[key] for key in ("desk", "confirmed_by") if form.get(key)}
                if form.get("card_ms", "").isdecimal():
                    args["card_ms"] = int(form["card_ms"][:15])  # type: ignore[assignment]
            case _ if verb not in STEPS:
                raise EdgeAgentError("control.unknown_verb", verb=verb)
        cards = await order(desk, who, verb, **args)
    except EdgeAgentError as error:
        return _refused(desk, request, error.text(desk.pages.lang(request)))
    return _done(desk, request, verb, cards)


def _done(desk: Desk, request: Request, verb: str, cards: list[Card]) -> Response:
    if not wants_part(request):
        return RedirectResponse(f"/visits/{cards[0].visit.id}", 303)
    answer = desk.pages.page(request, "visit_done.html", verb=verb, cards=cards, spaced=spaced)
    answer.headers["hx-trigger"] = "visits"
    return answer


def _refused(desk: Desk, request: Request, why: str) -> Response:
    template = "visit_refused.html" if wants_part(request) else "visit_refused_page.html"
    return desk.pages.page(request, template, 409, why=why)


# ---- one visit -------------------------------------------------------------------------------------------------------


async def one(desk: Desk, request: Request, who: Who) -> Response:
    try:
        card = await _one(desk, request, who)
    except EdgeAgentError:
        return desk.pages.page(request, "refused.html", 404, code="console.no_page")
    qr = phone = ""
    if card.ticket is not None:
        qr, phone = await asyncio.to_thread(_pictures, card.ticket.text, visit_phone.address(request, card.ticket.text))
    return desk.pages.page(request, "visit.html", card=card, qr=qr, phone=phone, spaced=spaced)


def _pictures(*texts: str) -> list[str]:
    return [qr_picture(text, "svg").decode() for text in texts]


async def badge(desk: Desk, request: Request, who: Who) -> Response:
    """To print, or to show on a phone."""
    lang = desk.pages.lang(request)
    try:
        card = await _one(desk, request, who)
    except EdgeAgentError:
        return desk.pages.page(request, "refused.html", 404, code="console.no_page")
    visit = card.visit
    if card.ticket is None:
        return desk.pages.page(request, "refused.html", 409, code="visit.no_pass")
    made = Badge(
        site=desk.pages.site, name=visit.details.name, company=visit.details.company, house=visit.house,
        kind=visit.kind, people=visit.people, plate=visit.details.plate,
        until=desk.pages.local(visit.due_ms or visit.until_ms, "%Y-%m-%d %H:%M"),
        doors=tuple(map(desk.pages.titled, visit.doors)),
        text=card.ticket.text, code=card.ticket.code,
    )  # fmt: skip
    style = f'<link rel="stylesheet" href="{desk.pages.static("badge.css")}">'
    style += f'<script src="{desk.pages.static("visits.js")}" defer></script>'
    tools = desk.pages.text("visit_badge_tools.html", lang, visit=visit)
    return HTMLResponse(await asyncio.to_thread(badge_html, made, lang, style, tools))


async def picture(desk: Desk, request: Request, who: Who) -> Response:
    """The QR code alone, to send to the visitor."""
    try:
        card = await _one(desk, request, who)
    except EdgeAgentError:
        return desk.pages.page(request, "refused.html", 404, code="console.no_page")
    if card.ticket is None:
        return desk.pages.page(request, "refused.html", 409, code="visit.no_pass")
    data = await asyncio.to_thread(qr_picture, card.ticket.text, "png")
    headers = {"content-disposition": f'attachment; filename="{card.visit.id}.png"'}
    return Response(data, media_type="image/png", headers=headers)


async def _one(desk: Desk, request: Request, who: Who) -> Card:
    card: Card = (await order(desk, who, "show", visit=request.path_params["visit"]))[0]
    desk.audit(AuditViewed(by=who.name, what="visit", person=card.visit.id))
    return card


# ---- blacklist -------------------------------------------------------------------------------------------------------


async def bars(desk: Desk, request: Request, who: Who) -> Response:
    return await _bars(desk, request, who, "", 200)


async def _bars(desk: Desk, request: Request, who: Who, why: str, status: int) -> Response:
    found: list[Bar] = await order(desk, who, "bars")
    desk.audit(AuditViewed(by=who.name, what="blacklist", count=len(found)))
    visit = request.query_params.get("visit", "")[:64]
    return desk.pages.page(request, "visit_bars.html", status, bars=found, why=why, visit=visit)


async def bar(desk: Desk, request: Request, who: Who) -> Response:
    """POST verb bar (number, phone, plate or visit; reason, until) or unbar (bar)."""
    form = {key: str(value).strip()[:200] for key, value in (await request.form()).items()}
    try:
        if form.get("verb") == "unbar":
            await order(desk, who, "unbar", bar=form.get("bar", ""))
        else:
            args: dict[str, Any] = {
                key: form[key] for key in ("number", "phone", "plate", "visit", "reason") if form.get(key)
            }
            if form.get("until"):
                args["until_ms"] = instant_of(form["until"], desk.pages)
            await order(desk, who, "bar", **args)
    except EdgeAgentError as error:
        return await _bars(desk, request, who, error.text(desk.pages.lang(request)), 409)
    return RedirectResponse("/visits/+blacklist", 303)


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/visits", guarded(desk, show, "visits")),
        Route("/visits", guarded(desk, enter, "visits"), methods=["POST"]),
        Route("/visits/+rows", guarded(desk, rows, "visits", active=False)),
        Route("/visits/+desk", guarded(desk, on_desk, "visits", active=False)),
        Route("/visits/+hosts", guarded(desk, hosts, "visits")),
        Route("/visits/+scan", guarded(desk, scan, "visits"), methods=["POST"]),
        Route("/visits/+step", guarded(desk, step, "visits"), methods=["POST"]),
        Route("/visits/+blacklist", guarded(desk, bars, "visits")),
        Route("/visits/+blacklist", guarded(desk, bar, "visits"), methods=["POST"]),
        Route("/visits/{visit}", guarded(desk, one, "visits")),
        Route("/visits/{visit}/badge", guarded(desk, badge, "visits")),
        Route("/visits/{visit}/qr.png", guarded(desk, picture, "visits")),
    ]
