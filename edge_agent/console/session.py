"""Who is asking: signing in, the lock, signing out; and the guard at every route.

A session's secret lives in a cookie that no script reads and no other site sends. What a browser changes needs the
session's second secret (CSRF) beside; an integration shows a token instead and needs none.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from edge_agent.console.desk import Desk
from edge_agent.console.render import wants_part
from edge_agent.console.shield import SAFE, address_of
from edge_agent.model.accounts import Refusal, Right, Session, Who
from edge_agent.model.events import AuditRefused, AuditSignedIn

COOKIE = "__Host-session"
Answer = Callable[[Request], Awaitable[Response]]
Page = Callable[[Desk, Request, Who], Awaitable[Response]]


async def who_of(desk: Desk, request: Request, active: bool) -> Who | None:
    """The session's or the token's owner, None for nobody."""
    accounts, now_ms = desk.needs.accounts, desk.needs.clock.now().wall_ms
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind:
        return await asyncio.to_thread(accounts.bearer, secret, now_ms) if kind.lower() == "bearer" else None
    cookie = request.cookies.get(COOKIE)
    return await asyncio.to_thread(accounts.session, cookie, now_ms, active) if cookie else None


def guarded(desk: Desk, page: Page, right: Right | None, *, active: bool = True) -> Answer:
    """`page` for who has `right` (None: anybody signed in). `active`: asking for it shows that somebody is there."""

    async def answer(request: Request) -> Response:
        who = await who_of(desk, request, active)
        request.scope["who"] = who
        if who is None:
            return away(request, "/sign-in")
        if request.method not in SAFE and not who.token and not await _csrf_fits(request, who):
            return desk.pages.page(request, "refused.html", 403, code="console.csrf")
        if right is not None and not who.may(right):
            if who.locked:
                return away(request, "/unlock")
            return refused(desk, request, who, "console.not_yours")
        return await page(desk, request, who)

    async def closed(request: Request) -> Response:
        try:
            return await answer(request)
        finally:
            await request.close()  # what was uploaded is let go of

    return closed


def refused(desk: Desk, request: Request, who: Who, code: str, **given: str) -> Response:
    """A page that says so: 403, and on record."""
    desk.audit(AuditRefused(by=who.name, why="role", what=request.url.path[:80], address=address_of(request.scope)))
    return desk.pages.page(request, "refused.html", 403, code=code, given=given)


def away(request: Request, to: str) -> Response:
    """To another page, for a browser as for htmx and for a program."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": "unauthorized"}, 401, {"www-authenticate": "Bearer"})
    if wants_part(request):
        return Response(status_code=401, headers={"hx-redirect": to})
    if request.method not in SAFE or request.headers.get("accept", "").startswith("text/event-stream"):
        return Response(status_code=401)
    return RedirectResponse(to, 303)


async def _csrf_fits(request: Request, who: Who) -> bool:
    sent = request.headers.get("x-csrf", "")
    if not sent and "form" in request.headers.get("content-type", ""):
        sent = str((await request.form()).get("csrf", ""))
    return secrets.compare_digest(sent.encode(), who.csrf.encode())


# ---- the pages -------------------------------------------------------------------------------------------------------


async def show_sign_in(desk: Desk, request: Request) -> Response:
    first = not await asyncio.to_thread(desk.needs.accounts.users)
    return desk.pages.page(request, "sign_in.html", first=first, code="", wait_s=0, name="")


async def sign_in(desk: Desk, request: Request) -> Response:
    form = await request.form()
    name, code = (str(form.get(key, ""))[:64].replace(" ", "") for key in ("name", "code"))
    made = await _try(desk, request, name, str(form.get("password", "")), code)
    if isinstance(made, Refusal):
        status = 429 if made.wait_s else 401
        return desk.pages.page(
            request, "sign_in.html", status, first=False, code=made.code, wait_s=made.wait_s, name=name
        )
    answer = RedirectResponse(first_page(made.who), 303)
    answer.set_cookie(COOKIE, made.secret, path="/", secure=True, httponly=True, samesite="strict")
    return answer


async def _try(desk: Desk, request: Request, name: str, password: str, code: str) -> Session | Refusal:
    address, keeper = address_of(request.scope), desk.keeper
    if wait_s := keeper.wait_s(name, address):
        return Refusal("console.too_often", wait_s)
    async with keeper.one_at_a_time:  # a crowd of guesses costs one core and 19 MiB, not more
        made = await asyncio.to_thread(
            desk.needs.accounts.sign_in, name, password, code, address, desk.needs.clock.now().wall_ms
        )
    if isinstance(made, Session):
        keeper.succeeded(name, address)
        desk.audit(AuditSignedIn(by=made.who.name, how="totp" if code else "password", address=address))
    elif made.code != "console.code_wanted" and (unsaid := keeper.failed(name, address)) is not None:
        known = {user.name for user in await asyncio.to_thread(desk.needs.accounts.users)}
        desk.audit(AuditRefused(by=name if name in known else "", why="wrong", address=address, unsaid=unsaid))
    return made


async def show_unlock(desk: Desk, request: Request, who: Who) -> Response:
    if not who.locked:
        return RedirectResponse(first_page(who), 303)
    return desk.pages.page(request, "unlock.html", code="", wait_s=0)


async def unlock(desk: Desk, request: Request, who: Who) -> Response:
    address, keeper = address_of(request.scope), desk.keeper
    password = str((await request.form()).get("password", ""))
    wait_s, good = keeper.wait_s(who.name, address), False
    if not wait_s:
        async with keeper.one_at_a_time:
            good = await asyncio.to_thread(
                desk.needs.accounts.unlock, request.cookies.get(COOKIE, ""), password, desk.needs.clock.now().wall_ms
            )
    if good:
        keeper.succeeded(who.name, address)
        desk.audit(AuditSignedIn(by=who.name, how="unlocked", address=address))
        return RedirectResponse("/", 303)
    if not wait_s and (unsaid := keeper.failed(who.name, address)) is not None:
        desk.audit(AuditRefused(by=who.name, why="wrong", what="unlock", address=address, unsaid=unsaid))
    code = "console.too_often" if wait_s else "console.wrong"
    return desk.pages.page(request, "unlock.html", 429 if wait_s else 401, code=code, wait_s=wait_s)


async def lock(desk: Desk, request: Request, who: Who) -> Response:
    await asyncio.to_thread(desk.needs.accounts.lock, request.cookies.get(COOKIE, ""))
    desk.audit(AuditSignedIn(by=who.name, how="locked", address=address_of(request.scope)))
    return away(request, "/unlock") if wants_part(request) else RedirectResponse("/unlock", 303)


async def here(desk: Desk, request: Request, who: Who) -> Response:
    """Somebody is at this page, though nothing was asked for: it is not locked yet."""
    return Response(status_code=204)


async def sign_out(desk: Desk, request: Request, who: Who) -> Response:
    await asyncio.to_thread(desk.needs.accounts.sign_out, request.cookies.get(COOKIE, ""))
    desk.audit(AuditSignedIn(by=who.name, how="left", address=address_of(request.scope)))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


def first_page(who: Who) -> str:
    return "/" if who.may("wall") else "/history" if who.may("history") else "/devices"


def routes(desk: Desk) -> list[Route]:
    def open_(page: Callable[[Desk, Request], Awaitable[Response]]) -> Answer:
        async def answer(request: Request) -> Response:
            return await page(desk, request)

        return answer

    return [
        Route("/sign-in", open_(show_sign_in)),
        Route("/sign-in", open_(sign_in), methods=["POST"]),
        Route("/unlock", guarded(desk, show_unlock, None, active=False)),
        Route("/unlock", guarded(desk, unlock, None, active=False), methods=["POST"]),
        Route("/lock", guarded(desk, lock, None, active=False), methods=["POST"]),
        Route("/here", guarded(desk, here, None), methods=["POST"]),
        Route("/sign-out", guarded(desk, sign_out, None, active=False), methods=["POST"]),
    ]
