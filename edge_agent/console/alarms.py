"""Alarms: heard, somebody sent, somebody there, closed with an outcome; those that no wall may show; what is muted."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge_agent.console.control import NAME_AT_MOST, REASON_AT_MOST, nonsense
from edge_agent.console.desk import Desk
from edge_agent.console.render import wants_part
from edge_agent.console.session import guarded
from edge_agent.console.stream import open_alarms
from edge_agent.model.accounts import Who
from edge_agent.model.commands import ANSWERS, Done, Operation
from edge_agent.model.events import AuditViewed

ALARM_AT_MOST = 128


async def show(desk: Desk, request: Request, who: Who) -> Response:
    """With the silent ones, for who may know of them; that is on record."""
    alarms = open_alarms(desk.needs.alarms(), silent=who.may("silent"))
    if who.may("silent"):
        desk.audit(AuditViewed(by=who.name, what="alarms", count=len(alarms)))
    return desk.pages.page(request, "alarms_page.html", alarms=alarms, mutes=desk.needs.mutes())


async def answer(desk: Desk, request: Request, who: Who) -> Response:
    """POST alarm, verb (acknowledge, dispatch, arrive, close, clear), who, outcome, why; drill with acknowledge."""
    form = {key: str(value)[: REASON_AT_MOST + 1].strip() for key, value in (await request.form()).items()}
    done = await step(desk, who, form.get("verb", ""), form.get("alarm", ""), form)
    if wants_part(request):
        return desk.pages.page(request, "done.html", 200 if done.good else 409, done=done, verb=form.get("verb", ""))
    if done.good:
        return RedirectResponse("/alarms", 303)
    return desk.pages.page(request, "refused.html", 409, code=done.code)


async def unmute(desk: Desk, request: Request, who: Who) -> Response:
    """POST target: let its alerts be heard again."""
    target = str((await request.form()).get("target", ""))[: ALARM_AT_MOST + 1]
    operation = Operation("unmute", who.name[:NAME_AT_MOST], target=target)
    code = nonsense(operation)
    done = Done(False, code) if code else await desk.needs.carry_out(operation)
    if wants_part(request):
        return desk.pages.page(request, "done.html", 200 if done.good else 409, done=done, verb="unmute")
    if done.good:
        return RedirectResponse("/alarms", 303)
    return desk.pages.page(request, "refused.html", 409, code=done.code, given=done.fields)


async def step(desk: Desk, who: Who, verb: str, alarm: str, said: dict[str, str]) -> Done:
    """One step under the name of who is signed in. A silent alarm is nobody's who may not know of it."""
    if verb not in (*ANSWERS, "clear"):
        return Done(False, "control.unknown_verb", fields={"verb": verb})
    shown = {view.alarm for view in open_alarms(desk.needs.alarms(), silent=who.may("silent"))}
    if alarm not in shown:
        return Done(False, "operate.no_alarm")
    operation = Operation(
        verb=verb, by=who.name[:NAME_AT_MOST], why=said.get("why", ""), latch=alarm if verb == "clear" else None,
        alarm=alarm, who=said.get("who", "")[:NAME_AT_MOST], outcome=_outcome(verb, said),
    )  # fmt: skip
    if code := nonsense(operation):
        return Done(False, code)
    return await desk.needs.carry_out(operation)


def _outcome(verb: str, said: dict[str, str]) -> str:
    """One form has a field for the end and one for the beginning."""
    if verb == "acknowledge":
        return "drill" if said.get("drill") else ""
    return said.get("outcome", "") if verb == "close" else ""


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/alarms", guarded(desk, show, "alarms")),
        Route("/alarms", guarded(desk, answer, "alarms"), methods=["POST"]),
        Route("/unmute", guarded(desk, unmute, "alarms"), methods=["POST"]),
    ]
