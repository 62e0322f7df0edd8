"""The console as one ASGI application: its pages, its API, its files, inside the shield."""

import re
from collections.abc import Collection

from starlette.applications import Starlette
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edge_agent.console import (
    alarms,
    api,
    devices,
    evidence,
    history,
    people,
    pictures,
    rounds,
    session,
    visit_phone,
    visits,
    wall,
)  # fmt: skip
from edge_agent.console.desk import Desk
from edge_agent.console.render import LANGUAGES, THEMES
from edge_agent.console.shield import UPLOAD_AT_MOST, Shield

MultiPartParser.spool_max_size = UPLOAD_AT_MOST  # lists and photographs stay in memory
YEAR_S = 31_536_000
PREFERENCES: dict[str, Collection[str]] = {"lang": LANGUAGES, "theme": THEMES}


def site(desk: Desk) -> ASGIApp:
    preferences = PREFERENCES | {"desk": [one.name for one in desk.needs.config.desks]}

    async def file(request: Request) -> Response:
        return desk.pages.file(request.path_params["version"], request.path_params["name"])

    async def prefer(request: Request) -> Response:
        """Which words, which colours, at which visitors' desk: no secret, so a plain GET may set it."""
        what, chosen = request.path_params["what"], request.path_params["value"]
        back = request.query_params.get("back", "/")
        answer = RedirectResponse(back if re.fullmatch(r"/(?![/\\])[\w./+-]*(\?[^\s\\]*)?", back) else "/", 303)
        if chosen in preferences.get(what, ()):
            answer.set_cookie(what, chosen, max_age=YEAR_S, secure=True, httponly=True, samesite="strict")
        return answer

    async def missing(request: Request, _: Exception) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": "no_page", "detail": ""}, 404)
        return desk.pages.page(request, "refused.html", 404, code="console.no_page")

    return Shield(
        Starlette(
            routes=[
                Route("/static/{version}/{name}", file),
                Route("/set/{what}/{value}", prefer),
                *session.routes(desk),
                *wall.routes(desk),
                *pictures.routes(desk),
                *alarms.routes(desk),
                *history.routes(desk),
                *visits.routes(desk),
                *visit_phone.routes(desk),
                *rounds.routes(desk),
                *people.routes(desk),
                *evidence.routes(desk),
                *devices.routes(desk),
                *api.routes(desk),
            ],
            exception_handlers={404: missing},
        )
    )
