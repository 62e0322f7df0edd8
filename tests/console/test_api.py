"""The JSON API: tokens and their scopes, what it answers, and its own description held against it by schemathesis."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from edge_agent.console import shield
from edge_agent.console.api import ENDPOINTS
from edge_agent.console.openapi import document
from edge_agent.model.accounts import OF_ROLE, RIGHTS, ROLES
from edge_agent.model.events import AlertOpened
from tests.console.rig import DOORS, Answer, Client, Rig

JSON = {"content-type": "application/json"}


def ask(client: Client, method: str, path: str, body: object = None) -> Answer:
    headers = dict(JSON) if body is not None else {}
    if not client.token and client.cookies and method != "GET":
        headers["x-csrf"] = client.csrf
    return client.ask(method, f"/api/v1{path}", None if body is None else msgspec.json.encode(body), headers)


def with_token(rig: Rig, *scopes: str) -> Client:
    return Client(rig, rig.token(*scopes))


def test_a_token_does_what_its_scopes_say_and_its_name_is_on_record(rig: Rig) -> None:
    client = with_token(rig, "doors", "wall")
    assert {door["name"] for door in ask(client, "GET", "/doors").json()} == set(DOORS)
    done = ask(client, "POST", "/orders", {"verb": "open", "door": DOORS[0], "why": "delivery"})
    assert done.json() == {"good": True, "code": "", "doors": [DOORS[0]], "answer": None, "fields": {}}
    completed = rig.newest("command.completed")
    assert getattr(completed, "issuer", "") == "local/api/t-doors-wall"
    assert ask(client, "GET", "/people").status == 403
    refused = rig.newest("audit.refused")
    assert getattr(refused, "by", "") == "api/t-doors-wall"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_every_endpoint_is_closed_to_everybody_else(rig: Rig, endpoint: object) -> None:
    """Without a token, with a wrong one, with every scope but its own, and as every role that has not got the right."""
    method, right = endpoint.method, endpoint.right  # type: ignore[attr-defined]
    path = re.sub(r"{\w+}", "p-0001", endpoint.path)  # type: ignore[attr-defined]
    assert ask(Client(rig), method, path, {}).status == 401
    assert ask(Client(rig, "ea_nobody"), method, path, {}).status == 401
    if right is None:
        return
    others = tuple(one for one in RIGHTS if one != right)
    assert ask(Client(rig, rig.token(*others, name="all-but-one")), method, path, {}).status == 403
    for role in ROLES:
        if right not in OF_ROLE[role]:
            assert ask(signed_in(rig, role), method, path, {}).status == 403, role


_signed: dict[tuple[int, str], Client] = {}


def signed_in(rig: Rig, role: str) -> Client:
    if (rig.port, role) not in _signed:
        _signed[rig.port, role] = rig.signed_in(role)
    return _signed[rig.port, role]


def test_a_session_may_use_it_too_but_not_another_site(rig: Rig) -> None:
    guard = rig.signed_in("guard")
    assert ask(guard, "GET", "/me").json()["name"] == "guard"
    order = msgspec.json.encode({"verb": "open", "door": DOORS[0]})
    assert guard.ask("POST", "/api/v1/orders", order, dict(JSON)).status == 403
    assert ask(guard, "POST", "/orders", {"verb": "open", "door": DOORS[0]}).status == 200


def test_drastic_orders_say_it_twice(rig: Rig) -> None:
    client = with_token(rig, "doors")
    assert ask(client, "POST", "/orders", {"verb": "lockdown"}).status == 409
    assert ask(client, "POST", "/orders", {"verb": "lockdown", "confirm": "lockdown"}).status == 200
    assert ask(client, "POST", "/orders", {"verb": "end_lockdown"}).status == 200


def test_people_go_in_come_back_and_go(rig: Rig) -> None:
    client = with_token(rig, "people", "people_edit")
    given = {"name": "孙丽", "category": "tenant", "house": "7-2-402", "card": "100:1700", "card_format": "H10301"}
    assert ask(client, "PUT", "/people/p-0700", given).json() == {"what": "added"}
    assert ask(client, "PUT", "/people/p-0700", {"house": "7-2-403"}).json() == {"what": "updated"}
    file = ask(client, "GET", "/people/p-0700").json()
    assert (file["row"]["house"], file["row"]["cards"]) == ("7-2-403", 1)
    assert ask(client, "GET", "/people?text=" + quote("孙丽")).json()[0]["id"] == "p-0700"
    assert ask(client, "POST", "/people/p-0700", {"verb": "revoke", "ref": file["held"][0]["ref"]}).status == 200
    assert ask(client, "PUT", "/people/p-0701", {"name": "x", "category": "king"}).status == 409
    assert ask(client, "PUT", "/people/p-0701", {"colour": "blue"}).status == 422
    assert ask(client, "DELETE", "/people/p-0700").status == 200
    assert ask(client, "GET", "/people/p-0700").status == 404
    assert any(getattr(event, "by", "").startswith("api/") for event in rig.events("audit.viewed"))


def test_events_page_by_page_without_the_silent_ones(rig: Rig) -> None:
    rig.happen(AlertOpened(door=DOORS[0], alert="a-1", kind="duress", silent=True, person="p-0001"))
    client = with_token(rig, "history")
    seen, before = list[int](), ""
    while True:
        page = ask(client, "GET", f"/events?limit=7{before}").json()
        seen += [event["seq"] for event in page["events"]]
        assert "duress" not in str(page)
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == sorted(set(seen), reverse=True)
    assert "duress" in str(ask(with_token(rig, "history", "silent"), "GET", "/events?tag=alert").json())


def test_the_document_is_what_openapi_says(rig: Rig) -> None:
    made = ask(with_token(rig, "wall"), "GET", "/openapi.json").json()
    assert made == msgspec.json.decode(msgspec.json.encode(document(ENDPOINTS)))
    published = Path(__file__).parent.parent.parent / "docs/reference/openapi.json"
    assert msgspec.json.decode(published.read_bytes()) == made, "make schema"
    assert {f"{method.upper()} {path}" for path, ways in made["paths"].items() for method in ways} == {
        f"{one.method} /api/v1{one.path}" for one in ENDPOINTS
    }


@pytest.mark.long
def test_schemathesis_finds_nothing(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation, good and bad input: no server error, nothing undocumented, no answer of another form. `make
    fuzz-api` also walks through every limit of the document, which takes minutes.
    """
    phases, examples = os.environ.get("API_PHASES", "fuzzing"), os.environ.get("API_EXAMPLES", "8")
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists() and shutil.which("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    monkeypatch.setattr(shield, "REQUESTS", 1_000_000)
    secret = rig.token(*RIGHTS, name="schemathesis")
    done = subprocess.run(
        [
            program, "run", f"{rig.url}/api/v1/openapi.json", "--header", f"Authorization: Bearer {secret}",
            "--tls-verify", str(rig.cert), "--max-examples", examples, "--seed", "8", "--phases", phases,
            "--exclude-path-regex", "face|people-list", "--exclude-method", "DELETE", "--workers", "1", "--no-color",
            "--exclude-checks", "positive_data_acceptance,missing_required_header",
        ],
        capture_output=True, text=True, timeout=850, cwd=tmp_path, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
