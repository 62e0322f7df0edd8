"""Patrols, hazards and duty at the console: what is due and missed, reporting with a photo, who is on duty."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge_agent.console.desk import Desk
from edge_agent.console.session import guarded
from edge_agent.console.visit_forms import instant_of
from edge_agent.errors import EdgeAgentError, RoundError
from edge_agent.model.accounts import Who
from edge_agent.model.commands import Operation
from edge_agent.model.rounds import CATEGORIES, Hazard

OUTCOMES = ("fixed", "referred", "unfounded")
SHOWN = ("open", "closed")
TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


async def order(desk: Desk, who: Who, verb: str, /, **args: Any) -> Any:
    """What came of an order. Raises EdgeAgentError with what is wrong."""
    done = await desk.needs.carry_out(Operation(verb, who.name, args=args))
    if not done.good:
        raise RoundError(done.code)
    return done.answer


# ---- patrols and duty ------------------------------------------------------------------------------------------------


async def patrol(desk: Desk, request: Request, who: Who) -> Response:
    return await _patrol(desk, request, who, "", 200)


async def _patrol(desk: Desk, request: Request, who: Who, why: str, status: int) -> Response:
    runs, duties = await order(desk, who, "patrol.show"), await order(desk, who, "duty.show")
    now_ms = desk.needs.clock.now().wall_ms
    mine = any(duty.who == who.name for duty in duties)
    return desk.pages.page(
        request, "patrol.html", status, runs=runs, duties=duties, now_ms=now_ms, mine=mine, why=why
    )  # fmt: skip


async def walk(desk: Desk, request: Request, who: Who) -> Response:
    """POST verb: scan (code), begin (post), end."""
    form = await request.form()
    try:
        match verb := str(form.get("verb", ""))[:64]:
            case "scan":
                await order(desk, who, "patrol.scan", code=str(form.get("code", ""))[:200])
            case "begin":
                await order(desk, who, "duty.begin", post=str(form.get("post", ""))[:64])
            case "end":
                await order(desk, who, "duty.end")
            case _:
                raise RoundError("control.unknown_verb", verb=verb)
    except EdgeAgentError as error:
        return await _patrol(desk, request, who, error.text(desk.pages.lang(request)), 409)
    return RedirectResponse("/patrol", 303)


# ---- hazards ---------------------------------------------------------------------------------------------------------


async def hazards(desk: Desk, request: Request, who: Who) -> Response:
    return await _hazards(desk, request, who, "", 200)


async def _hazards(
    desk: Desk, request: Request, who: Who, why: str, status: int, form: dict[str, str] | None = None
) -> Response:  # fmt: skip
    show = request.query_params.get("show", "")
    show = show if show in SHOWN else "open"
    found: list[Hazard] = await order(desk, who, "hazard.find", show=show)
    return desk.pages.page(
        request, "hazards.html", status, hazards=found, categories=CATEGORIES, show=show, shown=SHOWN,
        outcomes=OUTCOMES, why=why, form=form or {},
    )  # fmt: skip


async def report(desk: Desk, request: Request, who: Who) -> Response:
    """POST category, place, text, owner, due and a photo (multipart)."""
    form = await request.form()
    typed = {key: str(form.get(key, "")).strip() for key in ("category", "place", "text", "owner", "due")}
    args: dict[str, Any] = {key: value for key, value in typed.items() if value and key != "due"}
    photo = form.get("photo")
    try:
        if isinstance(photo, UploadFile) and (data := await photo.read()):
            args["photo"] = data
        if typed["due"]:
            args["due_ms"] = instant_of(typed["due"], desk.pages)
        await order(desk, who, "hazard.report", **args)
    except EdgeAgentError as error:
        return await _hazards(desk, request, who, error.text(desk.pages.lang(request)), 409, typed)
    return RedirectResponse("/hazards", 303)


async def close(desk: Desk, request: Request, who: Who) -> Response:
    """POST outcome."""
    outcome = str((await request.form()).get("outcome", ""))[:16]
    try:
        await order(desk, who, "hazard.close", hazard=request.path_params["hazard"][:32], outcome=outcome)
    except EdgeAgentError as error:
        return await _hazards(desk, request, who, error.text(desk.pages.lang(request)), 409)
    return RedirectResponse("/hazards", 303)


async def photo(desk: Desk, request: Request, who: Who) -> Response:
    """As it was taken: shown as a picture or not at all."""
    try:
        data, kind = await order(desk, who, "hazard.photo", hazard=request.path_params["hazard"][:32])
    except EdgeAgentError:
        return desk.pages.page(request, "refused.html", 404, code="console.no_page")
    headers = {"content-disposition": "inline", "content-security-policy": "default-src 'none'; sandbox"}
    return Response(data, media_type=TYPES[kind], headers=headers)


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/patrol", guarded(desk, patrol, "patrol")),
        Route("/patrol", guarded(desk, walk, "patrol"), methods=["POST"]),
        Route("/hazards", guarded(desk, hazards, "patrol")),
        Route("/hazards", guarded(desk, report, "patrol"), methods=["POST"]),
        Route("/hazards/{hazard}", guarded(desk, close, "patrol"), methods=["POST"]),
        Route("/hazards/{hazard}/photo", guarded(desk, photo, "patrol")),
    ]
