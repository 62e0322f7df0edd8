"""Residents, their cards, consent and faces, lists with a preview, and deletion with its proof."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge_agent.console.desk import Desk
from edge_agent.console.needs import Said
from edge_agent.console.render import wants_part
from edge_agent.console.session import guarded
from edge_agent.errors import EdgeAgentError
from edge_agent.model.accounts import Who
from edge_agent.model.events import AuditViewed
from edge_agent.model.people import CATEGORIES

AT_ONCE = 50
FIELDS = (
    "person_id", "name", "category", "house", "valid_from", "valid_until", "card", "card_format", "plate", "pin",
    "phone", "host", "needs_longer", "escort_exempt",
)  # fmt: skip
KEPT_IF_EMPTY = {"pin", "card", "card_format", "plate"}  # a form does not show them: empty means as it was


async def show(desk: Desk, request: Request, who: Who) -> Response:
    text, category = (request.query_params.get(key, "").strip()[:80] for key in ("text", "category"))
    after = request.query_params.get("after", "")[:64]
    rows = await desk.needs.office.find(text, category if category in CATEGORIES else "", after, AT_ONCE + 1)
    more, rows = rows[AT_ONCE - 1].id if len(rows) > AT_ONCE else "", rows[:AT_ONCE]
    desk.audit(AuditViewed(by=who.name, what="people", count=len(rows)))
    given: dict[str, Any] = {"rows": rows, "text": text, "category": category, "categories": CATEGORIES, "more": more}
    template = "people_rows.html" if wants_part(request) else "people.html"
    return desk.pages.page(request, template, **given)


async def one(desk: Desk, request: Request, who: Who) -> Response:
    return await _one(desk, request, who, request.path_params["person"])


async def _one(desk: Desk, request: Request, who: Who, person: str, said: Said | None = None) -> Response:
    file = await desk.needs.office.file(person)
    if file is None:
        return desk.pages.page(request, "refused.html", 404, code="console.no_person")
    desk.audit(AuditViewed(by=who.name, what="person", person=person))
    now_ms = desk.needs.clock.now().wall_ms
    status = 200 if said is None or said.good else 409
    return desk.pages.page(request, "person.html", status, file=file, said=said, categories=CATEGORIES, now_ms=now_ms)


async def new(desk: Desk, request: Request, who: Who) -> Response:
    return desk.pages.page(request, "person_new.html", categories=CATEGORIES, form={}, why="")


async def put(desk: Desk, request: Request, who: Who) -> Response:
    sent = await request.form()
    form_is_new = "new" in sent  # what somebody meant for a newcomer changes nobody who is there
    form = {key: str(value).strip() for key, value in sent.items() if key in FIELDS}
    given: dict[str, Any] = {key: value for key, value in form.items() if value or key not in KEPT_IF_EMPTY}
    if "card" not in given:
        given.pop("card_format", None)
    if form_is_new and await desk.needs.office.file(given.get("person_id", "")):
        why = EdgeAgentError("console.person_there", person=given["person_id"]).text(desk.pages.lang(request))
        return desk.pages.page(request, "person_new.html", 409, categories=CATEGORIES, form=form, why=why)
    try:
        await desk.needs.office.put(given, who.name)
    except EdgeAgentError as error:
        why = error.text(desk.pages.lang(request))
        if await desk.needs.office.file(given.get("person_id", "")):
            return await _one(desk, request, who, given["person_id"], Said(False, (why,)))
        return desk.pages.page(request, "person_new.html", 409, categories=CATEGORIES, form=form, why=why)
    return RedirectResponse(f"/people/{given['person_id']}", 303)


async def change(desk: Desk, request: Request, who: Who) -> Response:
    """POST verb: block, unblock, revoke (ref), withdraw (purpose), remove (and `sure`, the id typed again)."""
    person, form, office = request.path_params["person"], await request.form(), desk.needs.office
    lang, verb = desk.pages.lang(request), str(form.get("verb", ""))
    said: Said | None = None
    try:
        match verb:
            case "block" | "unblock":
                await office.enable(person, verb == "unblock", who.name)
            case "revoke":
                await office.revoke(person, str(form.get("ref", "")), who.name)
            case "withdraw":
                said = await office.withdraw(person, str(form.get("purpose", "match")), lang)
            case "remove":
                if str(form.get("sure", "")).strip() != person:
                    return await _one(desk, request, who, person, _wrong(lang, "console.not_sure"))
                said = await office.remove(person, lang)
                if said.good:
                    return desk.pages.page(request, "said.html", said=said, title="console.removed", back="/people")
            case _:
                said = _wrong(lang, "control.unknown_verb", verb=verb)
    except EdgeAgentError as error:
        said = Said(False, (error.text(lang),))
    return await _one(desk, request, who, person, said)


async def enrol(desk: Desk, request: Request, who: Who) -> Response:
    """POST a photograph (from a file or the browser's camera) and the version of the text that was agreed to."""
    person, form, lang = request.path_params["person"], await request.form(), desk.pages.lang(request)
    photo = form.get("photo")
    data = await photo.read() if isinstance(photo, UploadFile) else b""
    if not data:
        return await _one(desk, request, who, person, _wrong(lang, "console.no_photo"))
    consent, guardian = (str(form.get(key, "")).strip()[:64] for key in ("consent", "guardian"))
    said = await desk.needs.office.enrol(person, data, consent, guardian, who.name, lang)
    return await _one(desk, request, who, person, said)


def _wrong(lang: str, code: str, **fields: str) -> Said:
    return Said(False, (EdgeAgentError(code, **fields).text(lang),))


# ---- lists -----------------------------------------------------------------------------------------------------------


async def ask_list(desk: Desk, request: Request, who: Who) -> Response:
    return desk.pages.page(request, "people_list.html", said=None, word="", name="")


async def take_list(desk: Desk, request: Request, who: Who) -> Response:
    """First the file, answered with what would change; then the word of that preview."""
    form, lang = await request.form(), desk.pages.lang(request)
    if word := str(form.get("word", "")):
        kept = desk.previews.take(who, word)
        if kept is None:
            return desk.pages.page(request, "refused.html", 409, code="console.preview_over")
        said = await desk.needs.office.take_list(kept.name, kept.data, False, lang)
        return desk.pages.page(request, "said.html", said=said, title="console.list_taken", back="/people")
    file = form.get("file")
    data = await file.read() if isinstance(file, UploadFile) else b""
    if not isinstance(file, UploadFile) or not data:
        return desk.pages.page(request, "people_list.html", 409, said=_wrong(lang, "console.no_file"), word="", name="")
    name = file.filename or "list.csv"
    said = await desk.needs.office.take_list(name, data, True, lang)
    return desk.pages.page(request, "people_list.html", said=said, word=desk.previews.keep(who, name, data), name=name)


def routes(desk: Desk) -> list[Route]:
    return [
        Route("/people", guarded(desk, show, "people")),
        Route("/people", guarded(desk, put, "people_edit"), methods=["POST"]),
        Route("/people/+new", guarded(desk, new, "people_edit")),
        Route("/people/+import", guarded(desk, ask_list, "people_edit")),
        Route("/people/+import", guarded(desk, take_list, "people_edit"), methods=["POST"]),
        Route("/people/{person}", guarded(desk, one, "people")),
        Route("/people/{person}", guarded(desk, change, "people_edit"), methods=["POST"]),
        Route("/people/{person}/face", guarded(desk, enrol, "people_edit"), methods=["POST"]),
    ]
