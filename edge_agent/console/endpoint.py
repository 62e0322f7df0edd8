"""One entry of the JSON API: who may ask, what is asked, what is answered — and from that its OpenAPI description.

An endpoint is told once; nothing of what the document says can differ from what is checked.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_agent.console.desk import Desk
from edge_agent.console.session import who_of
from edge_agent.console.shield import SAFE, address_of
from edge_agent.errors import EdgeAgentError
from edge_agent.model.accounts import Right, Who
from edge_agent.model.events import AuditRefused

ROOT = "/api/v1"


class Wrong(msgspec.Struct, frozen=True):
    """Why a request came to nothing. `error`: a code; `detail`: in words."""

    error: str
    detail: str = ""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class Asked(msgspec.Struct, frozen=True):
    """What reaches an endpoint: its parameters by place, its body as `Endpoint.body` (bytes for `takes`)."""

    who: Who
    path: dict[str, str]
    query: Any
    body: Any
    lang: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`right` None: for anybody who is let in; `query` and `body`: structs; `takes`: media type of a body that is no
    JSON; `answer`: what comes back. `path` has its parameters in braces, each with a pattern in PARAMETERS.
    """

    method: str
    path: str
    right: Right | None
    do: Callable[[Desk, Asked], Awaitable[Any]]
    summary: str
    answer: Any
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] | None = None
    takes: str = ""


class Refused(Exception):
    """An endpoint's no, with its status."""

    def __init__(self, status: int, error: str, detail: str = "") -> None:
        super().__init__(error)
        self.status, self.wrong = status, Wrong(error, detail)


def routes(desk: Desk, endpoints: Iterable[Endpoint]) -> list[Route]:
    """One route a path, so that it knows all its methods."""
    places: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        places.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [_route(desk, path, ways) for path, ways in places.items()]


def _route(desk: Desk, path: str, ways: dict[str, Endpoint]) -> Route:
    async def answer(request: Request) -> Response:
        endpoint = ways["GET" if request.method == "HEAD" else request.method]
        try:
            asked = await _asked(desk, request, endpoint)
            return _json(200, await endpoint.do(desk, asked))
        except Refused as refused:
            return _json(refused.status, refused.wrong)
        except EdgeAgentError as error:
            return _json(409, Wrong(error.code, error.text(desk.pages.lang(request))))

    return Route(ROOT + path, answer, methods=[*ways])


async def _asked(desk: Desk, request: Request, endpoint: Endpoint) -> Asked:
    who = await who_of(desk, request, active=True)
    if who is None:
        raise Refused(401, "unauthorized", "a token in the header Authorization, or a session")
    if request.method not in SAFE and not who.token:
        if not secrets.compare_digest(request.headers.get("x-csrf", "").encode(), who.csrf.encode()):
            raise Refused(403, "csrf", "a session also sends X-CSRF")
    if endpoint.right is not None and not who.may(endpoint.right):
        address = address_of(request.scope)
        desk.audit(AuditRefused(by=who.name, why="role", what=request.url.path[:80], address=address))
        raise Refused(403, "forbidden", f"this needs {endpoint.right}")
    return Asked(
        who, {key: str(value) for key, value in request.path_params.items()}, _query(request, endpoint),
        await _body(request, endpoint), desk.pages.lang(request),
    )  # fmt: skip


def _query(request: Request, endpoint: Endpoint) -> Any:
    if len(request.query_params) != len(request.query_params.multi_items()):
        raise Refused(422, "malformed", "a parameter is there twice")
    try:
        return msgspec.convert(dict(request.query_params), endpoint.query, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(422, "malformed", str(error)) from error


async def _body(request: Request, endpoint: Endpoint) -> Any:
    if endpoint.takes:
        return await request.body()
    if endpoint.body is None:
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "not_json", "content-type: application/json")
    try:
        return msgspec.json.decode(await request.body(), type=endpoint.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(422, "malformed", str(error)) from error


def _json(status: int, content: Any) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return Response(msgspec.json.encode(content), status, headers, "application/json")
