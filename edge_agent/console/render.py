"""Templates and files of the console: Jinja2 with escaping always on, words in the reader's language, files by hash.

Nothing is built and nothing is loaded from outside: what a page needs lies in `static/`.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from edge_agent.model.accounts import Right, Who
from edge_agent.model.sightings import Measure, likely
from edge_agent.words import WORDS, alert_code, retold, say

HERE = Path(__file__).parent
TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
LANGUAGES = ("zh", "en")
THEMES = ("day", "night", "contrast")


class Nav(msgspec.Struct, frozen=True):
    """One page of the menu: where it is, which right opens it, what it is called."""

    path: str
    right: Right
    code: str


NAV = (
    Nav("/", "wall", "console.nav.wall"),
    Nav("/alarms", "alarms", "console.nav.alarms"),
    Nav("/visits", "visits", "visit.page.title"),
    Nav("/patrol", "patrol", "rounds.page.patrol"),
    Nav("/hazards", "patrol", "rounds.page.hazards"),
    Nav("/people", "people", "console.nav.people"),
    Nav("/history", "history", "console.nav.history"),
    Nav("/charts", "history", "console.nav.charts"),
    Nav("/evidence", "history", "console.nav.evidence"),
    Nav("/devices", "devices", "console.nav.devices"),
)


class Pages:
    """`zone`: IANA name, times are shown in it; `site`: what the header calls this gateway; `language`: the default;
    `reasons`: why a rule of a camera fired, in words of a language; `titles`: what doors are called, by name.
    """

    def __init__(
        self, site: str, zone: str, language: str, lock_after_s: float,
        reasons: Callable[[Iterable[Measure], str], str], titles: dict[str, str],
    ) -> None:  # fmt: skip
        self.site, self.zone, self.language, self.lock_after_s = site, ZoneInfo(zone), language, lock_after_s
        self.files = {path.name: path.read_bytes() for path in (HERE / "static").iterdir() if path.suffix in TYPES}
        self.version = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self.files.items()}
        self._jinja = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        self._titles = titles
        self._jinja.filters["titled"] = self.titled
        self._jinja.globals.update(
            static=self.static, local=self.local, likely=likely, reasons=reasons, retold=retold, alert_code=alert_code
        )  # fmt: skip

    def titled(self, door: str) -> str:
        return self._titles.get(door, door)

    def static(self, name: str) -> str:
        return f"/static/{self.version[name]}/{name}"

    def local(self, wall_ms: int, form: str = "%m-%d %H:%M:%S") -> str:
        return datetime.fromtimestamp(wall_ms / 1000, self.zone).strftime(form)

    def instant(self, text: str) -> tuple[int | None, bool]:
        """A local time out of a form as Unix ms; second: it was something else."""
        if not text:
            return None, False
        try:
            return round(datetime.fromisoformat(text).replace(tzinfo=self.zone).timestamp() * 1000), False
        except (ValueError, OverflowError):
            return None, True

    def day(self, text: str) -> tuple[datetime, bool]:
        """The local midnight a day begins with; second: it was no day, and this is today."""
        try:
            at, bad = datetime.fromisoformat(text[:10]), False
            at.replace(tzinfo=self.zone).timestamp()
        except (ValueError, OverflowError):
            at, bad = datetime.now(self.zone).replace(tzinfo=None), True
        return at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self.zone), bad

    def word(self, code: str, lang: str) -> str:
        return say(code, lang) if code in WORDS else code

    def text(self, template: str, lang: str, **fields: Any) -> str:
        """One template in one language, as a fragment."""

        def t(code: str, **values: Any) -> str:
            return say(code, lang, **values) if code in WORDS else code.rpartition(".")[2]

        return self._jinja.get_template(template).render(lang=lang, t=t, **fields)

    def page(self, request: Request, template: str, status: int = 200, **fields: Any) -> HTMLResponse:
        """`template` for whoever asks: `who` (None: nobody), `path`, `site`."""
        who: Who | None = request.scope.get("who")
        given = {
            "who": who, "path": request.url.path, "back": back_to(request), "site": self.site,
            "theme": self.theme(request), "nav": NAV, "lock_after": self.lock_after_s, **fields,
        }  # fmt: skip
        return HTMLResponse(self.text(template, self.lang(request), **given), status)

    def theme(self, request: Request) -> str:
        chosen = request.cookies.get("theme", THEMES[0])
        return chosen if chosen in THEMES else THEMES[0]

    def lang(self, request: Request) -> str:
        chosen = request.cookies.get("lang", self.language)
        return chosen if chosen in LANGUAGES else self.language

    def file(self, version: str, name: str) -> Response:
        """One of the files, for ever: its address changes with it."""
        if self.version.get(name) != version:
            return Response(status_code=404)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(self.files[name], media_type=TYPES[Path(name).suffix], headers=headers)


def back_to(request: Request) -> str:
    """The address that gives this page again; none of what answers a form."""
    if request.method != "GET" and request.url.path not in {"/sign-in", "/unlock"}:
        return ""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def wants_part(request: Request) -> bool:
    """htmx asks for a piece of the page, not for all of it."""
    return request.headers.get("hx-request") == "true"
