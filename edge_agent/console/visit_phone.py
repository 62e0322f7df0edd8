"""A visitor's pass on the visitor's own phone: the one page that shows something without signing in.

Its address holds the signed pass itself, so that it shows nothing but what whoever opens it has already: the QR
code, its digits, until when and at which doors. No name, no house. Short codes and ids can be guessed and find nothing.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_agent.console.badge import qr_picture, spaced
from edge_agent.console.desk import Desk
from edge_agent.errors import EdgeAgentError
from edge_agent.model.commands import Operation
from edge_agent.model.visits import Card


def address(request: Request, text: str) -> str:
    """Where a phone in the gateway's network finds the pass `text`: under the name the guard's browser uses."""
    return f"{request.base_url}pass/{text}"


async def show(desk: Desk, request: Request) -> Response:
    text = request.path_params["text"]
    card = await _card(desk, text)
    if card is None or card.ticket is None or card.ticket.text != text:
        return desk.pages.page(request, "visit_phone.html", 404, visit=None)
    qr = (await asyncio.to_thread(qr_picture, text, "svg")).decode()
    return desk.pages.page(request, "visit_phone.html", visit=card.visit, code=spaced(card.ticket.code), qr=qr)


async def _card(desk: Desk, text: str) -> Card | None:
    try:
        done = await desk.needs.carry_out(Operation("visit.show", "pass", args={"visit": text}))
    except EdgeAgentError:
        return None
    card: Card | None = done.answer[0] if done.good and done.answer else None
    return card


def routes(desk: Desk) -> list[Route]:
    async def answer(request: Request) -> Response:
        return await show(desk, request)

    return [Route("/pass/{text}", answer)]
