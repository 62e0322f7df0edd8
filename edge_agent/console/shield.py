"""What stands between the network and every page: sizes, rates, headers, where a request may come from.

Nothing here knows pages or people. A page gets no inline script or style, is framed by nobody, kept in no cache, and
loads from nowhere but this gateway.
"""

import re
import time
from collections import OrderedDict
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_AT_MOST = 64 << 10
UPLOAD_AT_MOST = 8 << 20  # a list of people, a photograph
UPLOADS = re.compile(r"/people/\+import|/people/[^/]+/face|/hazards|/api/v1/(hazards|people-list|people/[^/]+/face)")
REQUESTS = 300  # from one address …
WITHIN_S = 10.0
ADDRESSES_AT_MOST = 1024
SAFE = {"GET", "HEAD", "OPTIONS"}

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
        "media-src 'self' blob:", "connect-src 'self'", "font-src 'self'", "form-action 'self'",
        "frame-ancestors 'none'", "base-uri 'none'", "manifest-src 'self'",
    )
)  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "strict-transport-security": "max-age=31536000",
}


class TooLarge(Exception):
    """The body grew beyond what its route takes."""


class Shield:
    """ASGI middleware around the whole console."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = _guarded(scope, send)
        if not self._in_rate(address_of(scope)):
            await PlainTextResponse("too many requests", 429, {"retry-after": "10"})(scope, receive, sent)
            return
        if scope["method"] not in SAFE and not same_origin(headers):
            await PlainTextResponse("this request comes from another site", 403)(scope, receive, sent)
            return
        limit = UPLOAD_AT_MOST if UPLOADS.fullmatch(scope["path"]) else BODY_AT_MOST
        if (length := headers.get("content-length", "0")).isdecimal() is False or int(length[:12]) > limit:
            await PlainTextResponse("too large", 413, {"connection": "close"})(scope, receive, sent)
            return
        try:
            await self.app(scope, _limited(receive, limit), sent)
        except TooLarge:
            await PlainTextResponse("too large", 413, {"connection": "close"})(scope, receive, sent)

    def _in_rate(self, address: str) -> bool:
        now = time.monotonic()
        began, count = self._counts.pop(address, (now, 0))
        if now - began > WITHIN_S:
            began, count = now, 0
        self._counts[address] = (began, count + 1)
        while len(self._counts) > ADDRESSES_AT_MOST:
            self._counts.popitem(last=False)
        return count < REQUESTS


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def same_origin(headers: Headers) -> bool:
    """What a browser says of where a request was made; a program that is none says nothing and needs a token anyway."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _limited(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge
        return message

    return limited


def _guarded(scope: Scope, send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
