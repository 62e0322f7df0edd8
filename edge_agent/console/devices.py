"""Health: what is away, whether events are recorded, how far the city is, and who may use the console."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_agent.console.desk import Desk
from edge_agent.console.session import guarded
from edge_agent.console.verdict import view_of
from edge_agent.model.accounts import Who
from edge_agent.model.look import Search

SHOWN = 30


async def show(desk: Desk, request: Request, who: Who) -> Response:
    """Every configured device with its state, and what was said of devices lately."""
    config, needs, lang = desk.needs.config, desk.needs, desk.pages.lang(request)
    lost = set(needs.lost())
    named = [
        *((one.name, "terminal", one.door) for one in config.terminals),
        *((one.name, "gate", one.name) for one in config.doors),
        *((one.name, "camera", one.door or "") for one in config.cameras),
        *((one.name, "sensor", one.door or one.place) for one in config.sensors),
        *((one.name, "desk", "") for one in config.desks),
    ]
    found = await needs.look.search(Search(tag="device", limit=SHOWN))
    return desk.pages.page(
        request, "devices.html", devices=named, lost=lost, faults=needs.faults(), journal=needs.journal,
        now=needs.clock.now(),
        views=[view_of(row, lang, needs) for row in found.rows],
        users=await asyncio.to_thread(needs.accounts.users) if who.may("accounts") else [],
    )  # fmt: skip


def routes(desk: Desk) -> list[Route]:
    return [Route("/devices", guarded(desk, show, "devices"))]
