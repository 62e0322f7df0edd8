"""What the console owes whoever trusts it: headers, cookies, roles at every route, forgery, scripts, guessing."""

import html
import re

import pytest
from starlette.routing import Route

from edge_agent.console import (
    alarms,
    devices,
    evidence,
    history,
    keeper,
    people,
    pictures,
    rounds,
    session,
    visit_phone,
    visits,
    wall,
)
from edge_agent.console.stream import now_ms
from edge_agent.console.wall import HEARD_AT_MOST_MS
from edge_agent.model.accounts import OF_ROLE, ROLES
from edge_agent.model.events import AccessDenied, DeviceLost
from tests.console.rig import DOORS, PASSWORD, Client, Rig
from tests.waiting import until

# Every route and the right it asks for; a route that is missing here fails the test below.
ROUTES = {
    ("GET", "/"): "wall", ("GET", "/stream"): "wall", ("POST", "/orders"): "doors", ("GET", "/alarms"): "alarms",
    ("POST", "/alarms"): "alarms", ("GET", "/history"): "history", ("POST", "/history.csv"): "export",
    ("GET", "/charts"): "history", ("GET", "/people"): "people", ("POST", "/people"): "people_edit",
    ("GET", "/people/+new"): "people_edit", ("GET", "/people/+import"): "people_edit",
    ("POST", "/people/+import"): "people_edit", ("GET", "/people/{person}"): "people",
    ("POST", "/people/{person}"): "people_edit", ("POST", "/people/{person}/face"): "people_edit",
    ("GET", "/visits"): "visits", ("POST", "/visits"): "visits", ("GET", "/visits/+rows"): "visits",
    ("GET", "/visits/+desk"): "visits", ("GET", "/visits/+hosts"): "visits", ("POST", "/visits/+scan"): "visits",
    ("POST", "/visits/+step"): "visits", ("GET", "/visits/+blacklist"): "visits",
    ("POST", "/visits/+blacklist"): "visits", ("GET", "/visits/{visit}"): "visits",
    ("GET", "/visits/{visit}/badge"): "visits", ("GET", "/visits/{visit}/qr.png"): "visits",
    ("GET", "/patrol"): "patrol", ("POST", "/patrol"): "patrol", ("GET", "/hazards"): "patrol",
    ("POST", "/hazards"): "patrol", ("POST", "/hazards/{hazard}"): "patrol",
    ("GET", "/hazards/{hazard}/photo"): "patrol",
    ("GET", "/devices"): "devices",
    ("GET", "/evidence"): "history", ("GET", "/evidence/{evidence}"): "history",
    ("GET", "/evidence/{evidence}/clip"): "history", ("POST", "/evidence/{evidence}/review"): "alarms",
    ("POST", "/unmute"): "alarms",
    ("GET", "/unlock"): None, ("POST", "/unlock"): None, ("POST", "/lock"): None, ("POST", "/here"): None,
    ("POST", "/sign-out"): None,
    ("GET", "/cameras/{camera}/now.jpg"): "wall",
    ("GET", "/pass/{text}"): None,
    ("GET", "/sign-in"): None, ("POST", "/sign-in"): None,
}  # fmt: skip
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def routes() -> list[Route]:
    class Nobody:
        """Routes are made without looking at the desk."""

    desk = Nobody()
    parts = (session, wall, alarms, history, people, devices, visits, visit_phone, rounds, evidence,
             pictures)  # fmt: skip
    return [route for part in parts for route in part.routes(desk)]  # type: ignore[arg-type]


def test_every_route_says_which_right_it_asks_for() -> None:
    known = {
        (method, route.path) for route in routes() for method in (route.methods or set()) - {"HEAD"}
    }  # fmt: skip
    assert known == ROUTES.keys()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_what_is_its_and_nothing_else(rig: Rig, role: str) -> None:
    client = rig.signed_in(role)
    client.csrf  # noqa: B018
    for (method, path), right in ROUTES.items():
        if right is None or path == "/stream":
            continue
        place = path.replace("{person}", "p-0001")
        answer = client.get(place) if method == "GET" else client.post(place, {})
        refused = answer.status == 403
        assert refused == (right not in OF_ROLE[role]), (role, method, path, answer.status)
    if {right for right in ROUTES.values() if right} - OF_ROLE[role]:
        refusal = rig.newest("audit.refused")
        assert getattr(refusal, "why", "") in {"role", "wrong"}


def test_headers_keep_out_scripts_frames_and_caches(rig: Rig) -> None:
    answer = rig.signed_in("guard").get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["strict-transport-security"]
    assert "server" not in answer.headers
    page = answer.text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|javascript:", page), "nothing inline"
    assert not re.search(r"(src|href|action)=\"(https?:)?//", page), "nothing from elsewhere"
    assert len(answer.body) < 200_000


def test_the_session_cookie_is_for_this_gateway_and_no_script(rig: Rig) -> None:
    answer = Client(rig).post("/sign-in", {"name": "guard", "password": PASSWORD}, csrf=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    for flag in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert flag in cookie
    assert "Domain" not in cookie


def test_a_session_of_before_is_worth_nothing_after_signing_out(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    stolen = dict(guard.cookies)
    guard.post("/sign-out", {})
    thief = Client(rig)
    thief.cookies = stolen
    assert thief.get("/").headers["location"] == "/sign-in"


def test_another_site_orders_nothing(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    before = len(rig.trace)
    order = {"verb": "open", "door": DOORS[0]}
    assert guard.post("/orders", order, csrf=False).status == 403
    assert guard.post("/orders", order | {"csrf": "0" * 64}, csrf=False).status == 403
    assert guard.post("/orders", order, **{"origin": "https://evil.example"}).status == 403
    assert guard.post("/orders", order, **{"sec-fetch-site": "cross-site"}).status == 403
    other = rig.signed_in("supervisor")
    assert guard.post("/orders", order | {"csrf": other.csrf}, csrf=False).status == 403, "another session's word"
    assert guard.get("/orders?verb=open").status == 405
    assert len(rig.trace) == before


def test_what_a_terminal_or_visitor_sends_is_text(rig: Rig) -> None:
    """Every text of an event that somebody outside can influence, on every page that shows it."""
    rig.happen(
        AccessDenied(door=DOORS[0], direction="in", reason=SCRIPT, how=(SCRIPT,), person=SCRIPT, terminal=SCRIPT)
    )
    rig.happen(DeviceLost(device=SCRIPT, kind=SCRIPT, detail=SCRIPT))
    client = rig.signed_in("supervisor")
    client.post("/orders", {"verb": "open", "door": DOORS[0], "why": SCRIPT})
    until(lambda: "onerror" in client.get("/").text)
    for page in ("/", "/alarms", "/history", f"/history?person={SCRIPT}&door={SCRIPT}&from={SCRIPT}".replace(" ", "+")):
        text = client.get(page).text
        assert "<script>alert" not in text, page
        assert "<img src=x" not in text, page
    wrong = Client(rig).post("/sign-in", {"name": SCRIPT, "password": "x"}, csrf=False).text
    assert "<script>alert" not in wrong
    assert "<img" not in wrong


def test_no_path_leads_out_of_the_files(rig: Rig) -> None:
    client = rig.signed_in("supervisor")
    for path in (
        "/static/x/../../agent.toml", "/static/../site.py", "/static/%2e%2e/%2e%2e/site.py",
        "/static/..%2f..%2fkeys/console.key", "//etc/passwd", "/static/x/%00",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status == 404, path
        assert b"PRIVATE" not in answer.body
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aset-cookie:x=1"):
        assert client.get(f"/set/lang/en?back={back}").headers["location"] == "/", back


def test_a_large_body_is_refused(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    assert guard.ask("POST", "/orders", b"", {"content-length": "100000"}).status == 413
    assert guard.ask("POST", "/orders", b"", {"content-length": "1e9"}).status in {400, 413}


def test_guessing_is_slowed_down_and_told_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Rig(tmp_path_factory.mktemp("guess"), doors=DOORS[:1]).running() as rig:
        client = Client(rig)
        tries = [client.post("/sign-in", {"name": "guard", "password": f"guess {n}"}, csrf=False) for n in range(8)]
        assert [answer.status for answer in tries] == [401] * 5 + [429] * 3
        right = client.post("/sign-in", {"name": "guard", "password": PASSWORD}, csrf=False)
        assert right.status == 429, "not even the right one, for a while"
        nobody = client.post("/sign-in", {"name": "nobody", "password": "x"}, csrf=False)
        unknown, wrong = (re.sub(r"value=\"\w*\"", "", answer.text) for answer in (nobody, tries[0]))
        assert unknown == wrong, "the page tells whether a name exists"
        assert len(rig.events("audit.refused")) <= 2, "a crowd of guesses is one event a minute"
        supervisor = rig.signed_in("supervisor")
        assert supervisor.get("/").status == 200, "another guard is not kept out by it"


def test_slips_at_a_desk_that_many_use_hold_nobody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One a shift, or a few before the right one; who only guesses waits longer and longer."""
    now = 1000.0
    monkeypatch.setattr(keeper.time, "monotonic", lambda: now)
    desk = keeper.Doorkeeper()
    for slip in range(200):
        assert desk.wait_s(f"guard-{slip % 7}", "192.0.2.5") == 0, slip
        desk.failed(f"guard-{slip % 7}", "192.0.2.5")
        now += 8 * 3600
    for turn in range(50):
        for _ in range(keeper.TRIES - 1):
            assert desk.wait_s(f"guard-{turn % 7}", "192.0.2.5") == 0, turn
            desk.failed(f"guard-{turn % 7}", "192.0.2.5")
        desk.succeeded(f"guard-{turn % 7}", "192.0.2.5")
        now += 60
    waits = []
    for guess in range(60):
        desk.failed(f"name-{guess}", "192.0.2.9")
        waits.append(desk.wait_s(f"name-{guess}", "192.0.2.9"))
        now += waits[-1] + 1
    assert (waits[18], waits[19] > 0, waits[59] > 2 * waits[19]) == (0, True, True)


def test_who_guesses_on_while_they_wait_keeps_no_guard_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One machine on the network, which asks three times a second: every guard was told to wait."""
    now, heard = 1200.0, 0
    monkeypatch.setattr(keeper.time, "monotonic", lambda: now)
    desk = keeper.Doorkeeper()
    for second in range(3600):
        for _ in range(3):
            if desk.wait_s("wang", "192.0.2.9") == 0:
                heard += 1
                desk.failed("wang", "192.0.2.9")
        if second % 10 == 0:
            assert desk.wait_s("wang", "192.0.2.5") == 0, second
        now += 1
    assert heard < 60, "it was held back itself"


def test_an_order_that_comes_late_moves_nothing(rig: Rig) -> None:
    """A line that froze brings it when nobody stands at the door any more."""
    guard, order = rig.signed_in("guard"), {"verb": "open", "door": DOORS[0]}
    now, orders = now_ms(), len(rig.events("command.completed"))
    for heard in (now - HEARD_AT_MOST_MS - 1000, now + 60_000, "x", "²"):
        answer = guard.post("/orders", order, **{"x-heard": str(heard), "hx-request": "true"})
        assert (answer.status, "太晚" in answer.text) == (409, True), heard
    assert len(rig.events("command.completed")) == orders
    assert guard.post("/orders", order, **{"x-heard": str(now_ms()), "hx-request": "true"}).status == 200
    until(lambda: len(rig.events("command.completed")) == orders + 1)


def test_a_choice_of_language_comes_back_to_the_same_page(rig: Rig) -> None:
    guard = rig.signed_in("supervisor")
    page = guard.get("/history?person=p-0001&verdict=denied").text
    link = html.unescape(page.split('href="/set/lang/en?back=')[1].split('"')[0])
    answer = guard.get(f"/set/lang/en?back={link}")
    assert answer.headers["location"] == "/history?person=p-0001&verdict=denied"
    for bad in ("//evil.example/", "/\\evil.example", "https://evil.example/", "/a?b%0d%0aset-cookie:x=y"):
        assert guard.get(f"/set/lang/en?back={bad}").headers["location"] == "/", bad


def test_a_lock_leaves_the_wall_and_nothing_else(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    order = {"verb": "open", "door": DOORS[0]}
    assert guard.post("/lock", {}).status == 303
    assert guard.get("/").status == 200
    assert guard.get("/history").headers["location"] == "/unlock"
    assert guard.post("/orders", order).status == 401
    assert guard.post("/unlock", {"password": "wrong password"}).status == 401
    assert guard.post("/unlock", {"password": PASSWORD}).status == 303
    assert guard.post("/orders", order).status == 303
