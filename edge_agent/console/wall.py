"""The live wall, and the orders a guard gives the doors from it."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge_agent.console.album import on_wall
from edge_agent.console.confirm import CONFIRM_WITHIN_S
from edge_agent.console.control import LONGEST_S, NAME_AT_MOST, REASON_AT_MOST, nonsense
from edge_agent.console.desk import Desk
from edge_agent.console.render import wants_part
from edge_agent.console.session import guarded
from edge_agent.console.stream import now_ms, open_alarms, stream
from edge_agent.console.verdict import view_of
from edge_agent.model.accounts import Who
from edge_agent.model.commands import Done, Operation
from edge_agent.model.events import AuditViewed

SHOWN = 60
DRASTIC = frozenset({"lockdown", "evacuate"})  # ordered in two steps
MINUTES = (5, 15, 30, 60, 120)
HEARD_AT_MOST_MS = 12_000  # a beat comes every 2 s: an order was on its way too long, whatever held it up


async def show(desk: Desk, request: Request, who: Who) -> Response:
    """Opening the wall is looking at who passes: it is on record once, not for every passage."""
    lang = desk.pages.lang(request)
    desk.audit(AuditViewed(by=who.name, what="wall", count=len(desk.feed.rows)))
    views = [view for row in reversed(desk.feed.rows) if (view := view_of(row, lang, desk.needs)).on_wall][:SHOWN]
    last = {door: view_of(row, lang, desk.needs) for door, row in desk.feed.last.items()}
    rows, journal = desk.feed.rows, desk.needs.journal
    after = f"{journal.epoch}-{rows[-1].seq if rows else 0}"
    alarms = open_alarms(desk.needs.alarms())
    return desk.pages.page(
        request, "wall.html", doors=desk.feed.doors, last=last, views=views, after=after, alarms=alarms,
        cameras=on_wall(desk.needs.config),
    )  # fmt: skip


# ---- orders ----------------------------------------------------------------------------------------------------------


async def order(desk: Desk, request: Request, who: Who) -> Response:
    """POST verb, door (none: all), for_min, why; `confirm` for what is drastic. The wall's script says with X-Heard
    what it heard last of the gateway."""
    form = {key: str(value)[: REASON_AT_MOST + 1].strip() for key, value in (await request.form()).items()}
    verb = form.get("verb", "")
    if verb in DRASTIC and not desk.confirmations.given(who, verb, form.get("confirm", "")):
        word = desk.confirmations.ask(who, verb)
        return desk.pages.page(
            request, "confirm.html", verb=verb, confirm=word, doors=desk.feed.doors, form=form, within=CONFIRM_WITHIN_S
        )
    if stale(request.headers.get("x-heard")):
        done = Done(False, "console.too_late")
    else:
        done = await carry_out(desk, who, verb, form.get("door") or None, form.get("for_min", ""), form.get("why", ""))
    if wants_part(request):
        return desk.pages.page(request, "done.html", 200 if done.good else 409, done=done, verb=verb)
    if done.good:
        return RedirectResponse("/", 303)
    return desk.pages.page(request, "refused.html", 409, code=done.code)


def stale(heard: str | None) -> bool:
    """Whether the page had heard nothing of this gateway for long when it gave the order, or the order came late: a
    press at a dead line does not open the door when the line comes back."""
    if not heard:
        return False  # a page without its script
    return not heard.isdecimal() or not 0 <= now_ms() - int(heard[:18]) <= HEARD_AT_MOST_MS


async def carry_out(desk: Desk, who: Who, verb: str, door: str | None, for_min: str, why: str) -> Done:
    """Under the name of who is signed in. What no gateway could do is refused here as it is at the control socket."""
    for_s: float | None = None
    if for_min:
        if not for_min.isdecimal() or not 0 < int(for_min[:6]) * 60 <= LONGEST_S:
            return Done(False, "control.bad_time")
        for_s = int(for_min) * 60.0
    operation = Operation(verb=verb, by=who.name[:NAME_AT_MOST], why=why, door=door, for_s=for_s)
    if code := nonsense(operation):
        return Done(False, code)
    return await desk.needs.carry_out(operation)


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/", guarded(desk, show, "wall", active=False)),
        Route("/stream", guarded(desk, stream, "wall", active=False)),
        Route("/orders", guarded(desk, order, "doors"), methods=["POST"]),
    ]
