"""Looking back: searching what happened, taking it away as a file, and how many came when."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge_agent.console.chart import Chart, chart
from edge_agent.console.desk import Desk
from edge_agent.console.render import wants_part
from edge_agent.console.session import guarded
from edge_agent.console.verdict import View, view_of
from edge_agent.errors import StoreError
from edge_agent.model.accounts import Who
from edge_agent.model.decisions import Reason
from edge_agent.model.events import AuditExported, AuditViewed, LineCounted
from edge_agent.model.look import Search
from edge_agent.model.retrieval import Retrieval
from edge_agent.model.standing import Tally
from edge_agent.words import WORDS

EXPORT_AT_MOST = 50_000
COUNTS_AT_MOST = 20_000  # rows of two days: seven lines that are told every minute
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FAMILIES = (
    "access",
    "door",
    "alarm",
    "alert",
    "line",
    "panic",
    "fire",
    "visit",
    "patrol",
    "hazard",
    "duty",
    "command",
    "device",
    "person",
    "audit",
    "agent",
)
COLUMNS = ("seq", "time", "event", "door", "person", "category", "house", "reason", "detail", "clock", "device")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
TAKEN = ("why", "unit", "document")  # what the register wants to know beside the search
NOTED = ("from", "until", "door", "tag", "verdict", "reason")  # of a search; whom it was for, by id only
REASONS = tuple(str(reason) for reason in Reason)


class LineDay(msgspec.Struct):
    """Who crossed one line on a day. `parts`: local time of each period's beginning, entered, left."""

    camera: str
    line: str
    parts: list[tuple[str, int, int]] = []

    @property
    def entered(self) -> int:
        return sum(entered for _, entered, _ in self.parts)

    @property
    def left(self) -> int:
        return sum(left for _, _, left in self.parts)


class Asked(msgspec.Struct, frozen=True):
    """A search as it was typed, to be shown again, and what it means. `wrong`: the field that cannot be read."""

    form: dict[str, str]
    search: Search
    wrong: str = ""


async def asked(desk: Desk, query: Mapping[str, str], who: Who, limit: int = 50) -> Asked:
    form = {key: value.strip()[:80] for key, value in query.items()}
    wrong = ""
    times = dict[str, int | None]()
    for key in ("from", "until"):
        times[key], bad = desk.pages.instant(form.get(key, ""))
        wrong = key if bad else wrong
    person = form.get("person", "")
    before = form.get("before", "")
    verdict = form.get("verdict", "")
    search = Search(
        persons=await desk.needs.office.ids(person) if person else None,
        door=form.get("door", ""), tag=form.get("tag", ""), verdict=verdict if verdict in ("granted", "denied") else "",  # type: ignore[arg-type]
        reason=form.get("reason", ""), from_ms=times["from"], until_ms=times["until"],
        before=int(before[:18]) if before.isdecimal() else None, limit=limit, silent=who.may("silent"),
    )  # fmt: skip
    return Asked(form, search, wrong)


async def show(desk: Desk, request: Request, who: Who) -> Response:
    """Whose passages were looked for is on record: the person when it was one, and how many rows were shown."""
    lang = desk.pages.lang(request)
    wanted = await asked(desk, request.query_params, who)
    found = await desk.needs.look.search(wanted.search)
    views = [view_of(row, lang, desk.needs) for row in found.rows]
    desk.audit(AuditViewed(by=who.name, what="history", person=_whose(desk, wanted.search), count=len(views)))
    given: dict[str, Any] = {
        "views": views, "found": found, "form": wanted.form, "wrong": wanted.wrong, "doors": desk.feed.doors,
        "families": FAMILIES, "reasons": [reason for reason in REASONS if f"reason.{reason}" in WORDS],
        "more": more(wanted.form, found.next),
    }  # fmt: skip
    return desk.pages.page(request, "found.html" if wants_part(request) else "history.html", **given)


async def export(desk: Desk, request: Request, who: Who) -> Response:
    """The rows of a search as a file that a spreadsheet opens; who takes it away, why, and the file's hash are in the
    register of retrievals first, and on record.
    """
    lang = desk.pages.lang(request)
    form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    why, unit, document = (form.pop(key, "").strip()[:200] for key in TAKEN)
    form.pop("csrf", None)
    if not why:
        return desk.pages.page(request, "refused.html", 422, code="console.export_why")
    wanted = await asked(desk, form, who)
    rows = await desk.needs.look.every(wanted.search, EXPORT_AT_MOST)
    data = as_csv(desk, (view_of(row, lang, desk.needs) for row in rows))
    digest = hashlib.sha256(data).hexdigest()
    entry = Retrieval(
        kind="exported", what="history", by=who.name, unit=unit, reason=why, document=document,
        person=_whose(desk, wanted.search) or "", count=len(rows), digest=digest,
        note=" ".join(f"{key}={wanted.form[key]}" for key in NOTED if wanted.form.get(key)),
    )  # fmt: skip
    try:
        await desk.needs.register(entry)
    except StoreError as error:
        return desk.pages.page(request, "refused.html", 503, said=error.text(lang))
    desk.audit(AuditExported(by=who.name, what="history", count=len(rows), digest=digest))
    name = f"events-{desk.pages.local(desk.needs.clock.now().wall_ms, '%Y%m%d-%H%M%S')}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)


def _whose(desk: Desk, search: Search) -> str | None:
    """The one person it was looked for; a text that means several people or nobody is not."""
    known = [person for person in search.persons or () if desk.needs.person(person)]
    return known[0] if len(known) == 1 else None


def as_csv(desk: Desk, views: Iterable[View]) -> bytes:
    """UTF-8 with a mark, so that spreadsheets believe it; no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for view in views:
        at = desk.pages.local(view.wall_ms, "%Y-%m-%d %H:%M:%S")
        cells = (view.what, view.door, view.person, view.category, view.house, view.reason, view.detail)
        clock = "ok" if view.sure else "unset"
        writer.writerow((view.seq, at, *map(harmless, cells), clock, harmless(view.device)))
    return "\ufeff".encode() + text.getvalue().encode()


def harmless(cell: str) -> str:
    """A spreadsheet runs what begins like a formula (OWASP: CSV injection)."""
    return "'" + cell if cell.startswith(FORMULA) else cell


async def charts(desk: Desk, request: Request, who: Who) -> Response:
    """Passages by the hour of one day, and how many are inside over it; below, who crossed the cameras' lines."""
    day, door = request.query_params.get("day", ""), request.query_params.get("door", "")
    begin, bad = desk.pages.day(day or desk.pages.local(desk.needs.clock.now().wall_ms, "%Y-%m-%d"))
    until = begin + timedelta(days=1)
    hours = await desk.needs.look.hours(_ms(begin), _ms(until), door)
    drawn: Chart = chart(hours, _ms(begin), round((until - begin) / timedelta(hours=1)))
    lines = [] if door else await _lines(desk, _ms(begin), _ms(until))
    return desk.pages.page(
        request, "charts.html", chart=drawn, day=f"{begin:%Y-%m-%d}", door=door, doors=desk.feed.doors, bad=bad,
        lines=lines, before=f"{begin - timedelta(days=1):%Y-%m-%d}", after=f"{until:%Y-%m-%d}",
    )  # fmt: skip


async def _lines(desk: Desk, from_ms: int, until_ms: int) -> list[LineDay]:
    """Every line that counts, and what it has counted between two Unix ms, the period that goes on last."""
    days = {line.name: LineDay(line.camera, line.name) for line in desk.needs.config.lines if "crossing" in line.watch}
    told = Search(tag=LineCounted.tag, from_ms=from_ms, until_ms=until_ms + DAY_MS)  # a period is told at its end
    found = [row.event for row in await desk.needs.look.every(told, COUNTS_AT_MOST)]
    for one in [*found, *desk.needs.tallies()]:
        if isinstance(one, LineCounted | Tally) and from_ms <= one.from_ms < until_ms:
            day = days.setdefault(one.line, LineDay(one.camera, one.line))
            day.parts.append((desk.pages.local(one.from_ms, "%H:%M"), one.entered, one.left))
    return list(days.values())


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def more(form: dict[str, str], before: int | None) -> dict[str, str] | None:
    return None if before is None else {**form, "before": str(before)}


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/history", guarded(desk, show, "history")),
        Route("/history.csv", guarded(desk, export, "export"), methods=["POST"]),
        Route("/charts", guarded(desk, charts, "history")),
    ]
