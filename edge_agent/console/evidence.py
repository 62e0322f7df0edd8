"""Evidence at the console: what is kept, whether it is as it was signed, the clip itself, and what it shows.

Every look is on record, and whoever plays a clip is in the register of retrievals. A clip is unsealed while it is sent,
and never lies unsealed on the disk.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from edge_agent.console.control import NAME_AT_MOST, REASON_AT_MOST, nonsense
from edge_agent.console.desk import Desk
from edge_agent.console.render import wants_part
from edge_agent.console.session import guarded, refused
from edge_agent.errors import EdgeAgentError, StoreError
from edge_agent.model.accounts import Who
from edge_agent.model.commands import VERDICTS, Done, Operation
from edge_agent.model.events import AlertUpdated, AuditViewed
from edge_agent.model.evidence import Exhibit
from edge_agent.model.look import Search
from edge_agent.model.retrieval import Retrieval

PAGE, PAGES_AT_MOST = 200, 20  # of the news of alerts that are looked through for a verdict
RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")
HEADERS = {"accept-ranges": "bytes", "content-disposition": "inline", "x-content-type-options": "nosniff"}


async def kept(desk: Desk, request: Request, who: Who) -> Response:
    exhibits = desk.needs.exhibits.kept()
    desk.audit(AuditViewed(by=who.name, what="evidence", count=len(exhibits)))
    return desk.pages.page(request, "evidence.html", exhibits=exhibits)


async def show(desk: Desk, request: Request, who: Who) -> Response:
    """One piece, checked now."""
    evidence = request.path_params["evidence"]
    try:
        file = await desk.needs.exhibits.file(evidence)
    except EdgeAgentError as error:
        return desk.pages.page(request, "evidence.html", 409, exhibits=[], wrong=error.text(desk.pages.lang(request)))
    if file is None:
        return desk.pages.page(request, "refused.html", 404, code="console.no_page")
    desk.audit(AuditViewed(by=who.name, what=f"evidence/{evidence}"))
    plays, judged = may_watch(desk, who, file.exhibit), await _judged(desk, file.exhibit)
    return desk.pages.page(request, "exhibit.html", file=file, plays=plays, judged=judged, verdicts=VERDICTS)


async def _judged(desk: Desk, exhibit: Exhibit) -> tuple[AlertUpdated, int] | None:
    """What was last said of the alert that it was kept of, and when (Unix ms)."""
    wanted = Search(tag=AlertUpdated.tag, from_ms=exhibit.from_ms, limit=PAGE)
    for _ in range(PAGES_AT_MOST):  # the newest first
        try:
            found = await desk.needs.look.search(wanted)
        except StoreError:
            return None  # the evidence itself can be looked at all the same
        for row in found.rows:
            event = row.event
            if isinstance(event, AlertUpdated) and (event.alert, event.what) == (exhibit.alert, "verdict"):
                return event, row.wall_ms
        if found.next is None:
            break
        wanted = replace(wanted, before=found.next)
    return None


def may_watch(desk: Desk, who: Who, exhibit: Exhibit) -> bool:
    """The clip of a camera that is configured, whose masks are known; any clip for who may take evidence away."""
    return who.may("export") or any(camera.name == exhibit.camera for camera in desk.needs.config.cameras)


async def review(desk: Desk, request: Request, who: Who) -> Response:
    """POST verdict, why: what the evidence shows, as `edge-agent alarm review` records it."""
    evidence = request.path_params["evidence"]
    form = {key: str(value)[: REASON_AT_MOST + 1].strip() for key, value in (await request.form()).items()}
    done = await judge(desk, who, evidence, form.get("verdict", ""), form.get("why", ""))
    if wants_part(request):
        return desk.pages.page(request, "done.html", 200 if done.good else 409, done=done, verb="review")
    if done.good:
        return RedirectResponse(f"/evidence/{evidence}", 303)
    return desk.pages.page(request, "refused.html", 409, code=done.code)


async def judge(desk: Desk, who: Who, evidence: str, verdict: str, why: str) -> Done:
    """A verdict on the alert that `evidence` was kept of, under the name of who is signed in."""
    exhibit = next((one for one in desk.needs.exhibits.kept() if one.evidence == evidence), None)
    if exhibit is None:
        return Done(False, "operate.no_evidence")
    operation = Operation("review", who.name[:NAME_AT_MOST], why, alarm=exhibit.alert, outcome=verdict)
    if code := nonsense(operation):
        return Done(False, code)
    return await desk.needs.carry_out(operation)


async def clip(desk: Desk, request: Request, who: Who) -> Response:
    """The video, or the part of it that a player asks for (RFC 9110, one range); 403 where `may_watch` says no."""
    evidence = request.path_params["evidence"]
    try:
        found = await desk.needs.exhibits.clip(evidence)
    except EdgeAgentError:
        found = None
    exhibit = next((one for one in desk.needs.exhibits.kept() if one.evidence == evidence), None)
    if found is None or exhibit is None:
        return Response(status_code=404)
    if not may_watch(desk, who, exhibit):
        return refused(desk, request, who, "console.evidence.no_camera", camera=exhibit.camera)
    size, pieces = found
    begin, end, status = 0, size - 1, 200
    if asked := RANGE.fullmatch(request.headers.get("range", "")):
        begin, end, status = int(asked[1]), min(int(asked[2] or size), size - 1), 206
        if begin > end:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    if (who.session, evidence) not in desk.watched:
        try:
            await desk.needs.register(_watching(exhibit, who))
        except StoreError as error:
            return PlainTextResponse(error.text(desk.pages.lang(request)), 503)
        desk.watched.add((who.session, evidence))
        desk.audit(AuditViewed(by=who.name, what=f"evidence/{evidence}/clip"))
    headers = {**HEADERS, "content-length": str(end - begin + 1)}
    if status == 206:
        headers["content-range"] = f"bytes {begin}-{end}/{size}"
    return StreamingResponse(part(pieces, begin, end), status, headers, "video/mp4")


def _watching(exhibit: Exhibit, who: Who) -> Retrieval:
    """For the register of retrievals; the reason is the alert that it was kept of."""
    return Retrieval(
        kind="viewed", what=f"evidence/{exhibit.evidence}", by=who.name, unit="",
        reason=exhibit.alert or exhibit.camera, digest=exhibit.manifest,
    )  # fmt: skip


def part(pieces: Iterator[bytes], begin: int, end: int) -> Iterator[bytes]:
    """The bytes from `begin` to `end`, both included."""
    at = 0
    for piece in pieces:
        if at > end:
            return
        if some := piece[max(0, begin - at) : end + 1 - at]:
            yield some
        at += len(piece)


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/evidence", guarded(desk, kept, "history")),
        Route("/evidence/{evidence}", guarded(desk, show, "history")),
        Route("/evidence/{evidence}/clip", guarded(desk, clip, "history")),
        Route("/evidence/{evidence}/review", guarded(desk, review, "alarms"), methods=["POST"]),
    ]
